//! `[[brand.software_statement_issuer]]`: whose statements on clients are believed (RFC 7591 s2.3).

use super::{
    context::{Context, Opened},
    read_text,
    reader::{Reader, choice, text},
};
use crate::{
    jose::{JwsAlgorithm, KeySet},
    oauth::software_statement::{IssuerKeys, StatementIssuer, StatementPolicy},
};
use std::path::Path;
use toml::de::DeValue;
use url::{Host, Url};

const YEAR: u64 = 366 * 86_400;
/// Of a claim's name.
const LONGEST_CLAIM: usize = 100;

pub(super) fn read(row: &mut Reader<'_>, sandbox: bool, context: &Context) -> StatementPolicy {
    let required = row.optional_choice("software_statements", &[("optional", false), ("required", true)]).unwrap_or(false);
    let mut issuers: Vec<StatementIssuer> = vec![];
    if row.has("software_statement_issuer") {
        for mut table in row.rows("software_statement_issuer") {
            let issuer = issuer(&mut table, sandbox, context);
            table.finish();
            let Some(issuer) = issuer else { continue };
            if issuers.iter().any(|known| known.issuer == issuer.issuer) {
                table.note("issuer", format!("`brand.software_statement_issuer`: `{}` is there twice", issuer.issuer));
            }
            issuers.push(issuer);
        }
    } else if required {
        row.note("software_statements", "`brand.software_statements = \"required\"` needs a [[brand.software_statement_issuer]]");
    }
    StatementPolicy { issuers, required }
}

fn issuer(table: &mut Reader<'_>, sandbox: bool, context: &Context) -> Option<StatementIssuer> {
    let issuer = table.need("issuer", text);
    let uri = table.may("jwks_uri", |value| keys_uri(value, sandbox));
    let file = table.file("jwks_file", |path| if context.opened == Opened::Banks { Ok(KeySet::default()) } else { keys(path) });
    match (table.has("jwks_uri"), table.has("jwks_file")) {
        (false, false) => table.note("", "`brand.software_statement_issuer` needs one of `jwks_uri`, `jwks_file`"),
        (true, true) => table.note("jwks_file", "`jwks_uri` and `jwks_file` exclude each other"),
        (true, false) | (false, true) => {}
    }
    let words = JwsAlgorithm::ALL.map(|algorithm| (algorithm.name(), algorithm));
    let algorithms =
        if table.has("algorithms") { table.list("algorithms", |value| choice(value, &words)) } else { JwsAlgorithm::ALL.to_vec() };
    if table.has("algorithms") && algorithms.is_empty() {
        table.note("algorithms", "`brand.software_statement_issuer.algorithms` needs at least one");
    }
    let max_age = table.optional_number("max_age_seconds", 60..=YEAR).map(|age| time::Duration::seconds(age.cast_signed()));
    let organisation_claim = table.may("organisation_claim", claim);
    if let Some(keys) = file.as_ref().filter(|keys| context.opened != Opened::Banks && !algorithms.iter().any(|one| keys.can_verify(*one)))
    {
        let algorithms: Vec<_> = algorithms.iter().map(|one| one.name()).collect();
        table.note("jwks_file", format!("`jwks_file` holds no key for {}: {keys:?}", algorithms.join(", ")));
    }
    let keys = uri.map(IssuerKeys::At).or(file.map(|keys| IssuerKeys::Held(keys.into())))?;
    Some(StatementIssuer { issuer: issuer?, keys, algorithms, max_age, organisation_claim })
}

fn keys(path: &Path) -> Result<KeySet, String> {
    let named = format!("names {}, which", path.display());
    let text = read_text(path).map_err(|why| format!("{named} {why}"))?;
    KeySet::parse(text.as_bytes()).ok_or_else(|| format!("{named} is no JSON"))
}

/// FAPI 2.0 s5.4.2: keys come over TLS. In a sandbox the directory may be on the developer's own machine.
fn keys_uri(value: &DeValue<'_>, sandbox: bool) -> Result<String, String> {
    let written = text(value)?;
    let loopback = |url: &Url| match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    let fits = |url: &Url| url.scheme() == "https" || sandbox && url.scheme() == "http" && loopback(url);
    if Url::parse(&written).is_ok_and(|url| fits(&url)) {
        Ok(written)
    } else {
        Err("must be an https URL; in a sandbox also http on a loopback address".to_owned())
    }
}

fn claim(value: &DeValue<'_>) -> Result<String, String> {
    let name = text(value)?;
    let fits = name.len() <= LONGEST_CLAIM && !name.chars().any(char::is_control);
    if fits { Ok(name) } else { Err(format!("must have at most {LONGEST_CLAIM} bytes and no control characters")) }
}
