//! What `guichet dev` says when it is ready.

use super::pki::TestPki;
use crate::{
    oauth::{
        brand::{Brand, PsuAuthentication},
        client_metadata::GrantType,
    },
    sca::simulator,
};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use url::Url;

/// Where a running `dev` can be met, for its welcome.
pub struct Place<'a> {
    pub dir: PathBuf,
    pub pki: &'a TestPki,
    /// This executable.
    pub program: PathBuf,
    /// `dir` need not be said to `try`.
    pub is_default: bool,
    pub internal_port: u16,
    pub ops_port: u16,
    /// Where customers are handed over to.
    pub portal: Option<&'a str>,
    /// Where customers are authenticated; `None`: by the simulator, or the portal.
    pub sca: Option<&'a str>,
}

impl Place<'_> {
    /// URLs, and commands that work when pasted: each on one line, indented by four.
    pub fn welcome(&self, brands: &[Arc<Brand>]) -> String {
        let mut text = format!("\nguichet dev is ready. Its files are in {}; Ctrl-C ends it.\n", self.dir.display());
        for brand in brands {
            text.push_str(&self.brand(brand));
        }
        let dir = if self.is_default { String::new() } else { format!(" --dir {}", quoted(&self.dir)) };
        // writing to a String does not fail
        let _ = write!(text, "\nIs it well?\n    curl -sS http://127.0.0.1:{}/readyz\n", self.ops_port);
        match (self.portal, self.sca) {
            (Some(portal), _) => text.push_str(&self.reference_portal(portal)),
            (None, Some(sca)) => text.push_str(&self.reference_sca(sca)),
            // with the simulator's customers
            (None, None) => {
                let program = quoted(&self.program);
                let _ = write!(text, "\nA whole journey as a TPP, every exchange printed:\n    {program} try all{dir}\n");
            }
        }
        text
    }

    /// How to run `examples/portal` where customers are sent.
    fn reference_portal(&self, portal: &str) -> String {
        let file = |name: &str| quoted(&self.pki.file(name));
        let port = Url::parse(portal).ok().and_then(|url| url.port_or_known_default()).unwrap_or(443);
        format!(
            "\nCustomers are handed over to {portal}. The reference portal (customer alice, password demo):\n    \
             cargo run --example portal -- --address 127.0.0.1:{port} --certificate {} --key {} --internal https://localhost:{} \
             --internal-ca {} --client-certificate {} --client-key {}\n",
            file("server.pem"),
            file("server.key"),
            self.internal_port,
            file("bank-ca.pem"),
            file("gateway.pem"),
            file("gateway.key"),
        )
    }

    /// How to run `examples/sca_backend` where customers authenticate.
    fn reference_sca(&self, sca: &str) -> String {
        let file = |name: &str| quoted(&self.pki.file(name));
        let port = Url::parse(sca).ok().and_then(|url| url.port_or_known_default()).unwrap_or(443);
        format!(
            "\nCustomers are authenticated at {sca}. The reference back end (customers anna, ben and carla, password demo):\n    \
             cargo run --example sca_backend -- 127.0.0.1:{port} {} {} {}\n",
            file("internal.pem"),
            file("internal.key"),
            file("bank-ca.pem"),
        )
    }

    fn brand(&self, brand: &Brand) -> String {
        let (origin, id) = (&brand.psu_origin, &brand.id);
        let tls = |ca: &str, name: &str| {
            let file = |name: String| quoted(&self.pki.file(&name));
            format!("curl -sS --cacert {} --cert {} --key {}", file(ca.into()), file(format!("{name}.pem")), file(format!("{name}.key")))
        };
        let registration = format!(
            "{} -H 'content-type: application/json' -d '{{\"redirect_uris\":[\"https://tpp.example/callback\"],\"client_name\":\"My app\",\
             \"grant_types\":[{}]}}' {}{}",
            tls("server-ca.pem", "all"),
            grants(brand),
            brand.tpp_origin,
            brand.registration.path,
        );
        let customers = if brand.psu_authentication == PsuAuthentication::Simulator {
            format!("  scripted customers    {origin}/{id}/customers  (every password: {})\n", simulator::PASSWORD)
        } else {
            String::new()
        };
        let resource = if brand.profiles.offer_fapi2() {
            format!("  try access tokens at  {}/{id}/sandbox/resource/aisp\n", brand.tpp_origin)
        } else {
            String::new()
        };
        format!(
            "\n{name}\n  for developers        {origin}/{id}/developers\n{customers}{resource}  \
             Where everything is:\n    curl -sS --cacert {ca} {origin}{metadata}\n  \
             Register a client with the test QWAC that has every role:\n    {registration}\n  \
             Ask, as the bank's own systems do, what a token is good for:\n    {gateway} -d token=PASTE_ONE https://localhost:{internal}/brands/{id}/introspect\n",
            name = brand.display_name,
            ca = quoted(&self.pki.file("server-ca.pem")),
            metadata = brand.metadata_path(),
            gateway = tls("bank-ca.pem", "gateway"),
            internal = self.internal_port,
        )
    }
}

/// For a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+".contains(c));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn grants(brand: &Brand) -> String {
    let offered = GrantType::ALL.into_iter().filter(|g| g.is_offered_by(brand));
    offered.map(|g| format!("\"{}\"", g.as_str())).collect::<Vec<_>>().join(",")
}
