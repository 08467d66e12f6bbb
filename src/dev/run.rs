//! `guichet dev`: what `serve` needs is made as needed, then served. Nothing here is reachable only here.

use super::{
    pki::TestPki,
    postgres::{DevPostgres, Durability, ensure_installed, state_dir},
};
use crate::{
    cli::until_told,
    clock::{Clock, System},
    config::{self, Settings, TrustSettings},
    pki::TrustPolicy,
    sca::simulator,
    server::{Server, Sockets, StartError, pool_settings},
    storage::Db,
    telemetry,
};
use clap::Args;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

#[derive(Args)]
pub struct DevArgs {
    /// Where the database, certificates and configuration are kept from one run to the next
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Of TPPs and customers; the internal counter is on the next port, health and metrics on the one after
    #[arg(long, default_value_t = 8443)]
    port: u16,
}

/// The brands of `dev`: bank, and the path of its first token endpoint's base.
const BANKS: [&str; 2] = ["cic", "labanquepostale"];

fn hosts() -> Vec<String> {
    let of = |bank: &&str| [format!("api.{bank}.localhost"), format!("{bank}.localhost")];
    BANKS.iter().flat_map(of).chain(["localhost".to_owned()]).collect()
}

/// The trust of `dev`, or of another bundle with the same policy.
pub fn trust(anchors: Option<PathBuf>) -> TrustSettings {
    let pki = state_dir().join("pki");
    let crl_files = if anchors.is_none() { vec![pki.join("qtsp.crl")] } else { vec![] };
    TrustSettings {
        anchors_file: anchors.unwrap_or_else(|| pki.join("qtsp.pem")),
        crl_files,
        nca_countries: TrustPolicy::default().nca_countries.into_iter().collect(),
        accept_server_auth_only: false,
    }
}

pub async fn run(args: &DevArgs) -> Result<(), StartError> {
    let unavailable = |error: &dyn std::fmt::Display| StartError::Unavailable(error.to_string());
    let dir = args.dir.clone().unwrap_or_else(state_dir);
    // open to the user that PostgreSQL runs as; what is secret below it closes itself
    fs::create_dir_all(&dir).map_err(|error| unavailable(&format!("{}: {error}", dir.display())))?;
    ensure_installed().map_err(|missing| unavailable(&missing))?;
    let system = Arc::new(System::new());
    let hosts = hosts();
    let names: Vec<_> = hosts.iter().map(String::as_str).collect();
    let pki = TestPki::load_or_create(&dir.join("pki"), &names, system.now()).map_err(|error| unavailable(&error))?;
    let database_dir = dir.join("postgres");
    let mut postgres = tokio::task::spawn_blocking(move || DevPostgres::start(&database_dir, Durability::Durable))
        .await
        .map_err(|error| unavailable(&error))?
        .map_err(|error| unavailable(&error))?;
    let settings = settings(&dir, &pki, args.port)?;
    let result = serve(settings, &postgres, system, &dir, &pki, args.port).await;
    postgres.stop();
    result
}

/// Written to a file, so that it can be read, changed and given to `serve`.
fn settings(dir: &Path, pki: &TestPki, port: u16) -> Result<Settings, StartError> {
    let file = dir.join("dev.toml");
    fs::write(&file, toml(pki, dir, port)).map_err(|error| StartError::Unavailable(format!("{}: {error}", file.display())))?;
    config::load(&file, &|_| None).map_err(|mistakes| StartError::Configuration(mistakes.to_string()))
}

fn toml(pki: &TestPki, dir: &Path, port: u16) -> String {
    let file = |name: &str| pki.file(name).display().to_string();
    let mut text = format!(
        "# Written by `guichet dev` at each start: change a copy.\n\n\
         [tpp]\naddress = \"127.0.0.1:{port}\"\ncertificate_file = {server:?}\nkey_file = {server_key:?}\n\n\
         [psu]\naddress = \"127.0.0.1:{port}\"\ncertificate_file = {server:?}\nkey_file = {server_key:?}\n\n\
         [internal]\naddress = \"127.0.0.1:{internal}\"\ncertificate_file = {inner:?}\nkey_file = {inner_key:?}\nclient_ca_file = {ca:?}\n\n\
         [ops]\naddress = \"127.0.0.1:{ops}\"\n\n\
         [database]\nurl = \"postgres://app@localhost/postgres?host={socket}\"\n\n\
         [trust]\nanchors_file = {anchors:?}\ncrl_files = [{crl:?}]\n\n\
         [log]\nformat = \"text\"\n",
        server = file("server.pem"),
        server_key = file("server.key"),
        internal = port.saturating_add(1),
        ops = port.saturating_add(2),
        inner = file("internal.pem"),
        inner_key = file("internal.key"),
        ca = file("bank-ca.pem"),
        socket = dir.join("postgres").display(),
        anchors = file("qtsp.pem"),
        crl = file("qtsp.crl"),
    );
    for bank in BANKS {
        // writing to a String does not fail
        let _ = write!(
            text,
            "\n[[brand]]\nbank = \"{bank}\"\nsandbox = true\nissuer = \"https://{bank}.localhost:{port}\"\n\
             tpp_host = \"api.{bank}.localhost\"\npsu_host = \"{bank}.localhost\"\ntpp_port = {port}\npsu_port = {port}\n"
        );
    }
    text
}

async fn serve(
    settings: Settings,
    postgres: &DevPostgres,
    system: Arc<System>,
    dir: &Path,
    pki: &TestPki,
    port: u16,
) -> Result<(), StartError> {
    telemetry::start_log(&settings.log);
    let metrics = telemetry::start_metrics().map_err(|error| StartError::Unavailable(error.to_string()))?;
    let sockets = Sockets::bind(&settings).await?;
    let database = postgres.options("postgres");
    let db = Db::connect(database.clone(), &pool_settings(&settings));
    db.migrate().await.map_err(|error| StartError::Unavailable(error.to_string()))?;
    db.close().await;
    let server = Server::start(settings, database, system.clone(), system, sockets, metrics.clone()).await?;
    println!("{}", welcome(&server, dir, pki, port));
    until_told(server, metrics).await.map_err(|error| StartError::Unavailable(error.to_string()))
}

/// URLs and commands that work when pasted.
fn welcome(server: &Server, dir: &Path, pki: &TestPki, port: u16) -> String {
    let file = |name: &str| pki.file(name).display().to_string();
    let mut text = format!("\nguichet dev is ready; its files are in {}\n", dir.display());
    for brand in &server.app().brands {
        let (origin, id) = (&brand.psu_origin, &brand.id);
        let _ = write!(
            text,
            "\n{name}\n  metadata     {origin}{metadata}\n  developers   {origin}/{id}/developers\n  customers    {origin}/{id}/customers  (password: {password})\n  \
             register     curl --cacert {ca} --cert {cert} --key {key} -H 'content-type: application/json' \\\n                 \
             -d '{{\"redirect_uris\":[\"https://tpp.example/callback\"],\"client_name\":\"My app\",\"grant_types\":[{grants}]}}' \\\n                 \
             {tpp}{register}\n",
            name = brand.display_name,
            metadata = brand.metadata_path(),
            password = simulator::PASSWORD,
            ca = file("server-ca.pem"),
            cert = file("all.pem"),
            key = file("all.key"),
            tpp = brand.tpp_origin,
            register = brand.registration.path,
            grants = grants(brand),
        );
    }
    let _ = write!(
        text,
        "\nhealth         curl http://127.0.0.1:{ops}/readyz\nintrospection  https://localhost:{internal}/brands/cic/introspect  (--cacert {ca} --cert {cert} --key {key})\n\
         whole journey  guichet try all\n",
        ops = port.saturating_add(2),
        internal = port.saturating_add(1),
        ca = file("bank-ca.pem"),
        cert = file("gateway.pem"),
        key = file("gateway.key"),
    );
    text
}

fn grants(brand: &crate::oauth::brand::Brand) -> String {
    use crate::oauth::registration::GrantType;
    let offered = GrantType::ALL.into_iter().filter(|g| g.is_offered_by(brand));
    offered.map(|g| format!("\"{}\"", g.as_str())).collect::<Vec<_>>().join(",")
}
