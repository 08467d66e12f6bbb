//! `guichet dev`: what `serve` needs is made as needed, then served. Nothing here is reachable only here.

use super::{
    pki::TestPki,
    postgres::{DevPostgres, Durability, SUPERUSER, ensure_installed, state_dir},
    welcome::Place,
};
use crate::{
    clock::{Clock, System},
    config::{self, RevocationSettings, Settings, StalePolicy, TrustSettings},
    pki::TrustPolicy,
    server::{Server, Signals, Sockets, Source, StartError, Supervisor, Surroundings, pool_settings},
    standing::RegisterPolicy,
    storage::{Db, Patience},
    telemetry,
};
use clap::Args;
use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use url::form_urlencoded::byte_serialize;

#[derive(Args)]
pub struct DevArgs {
    /// Where the database, certificates and configuration are kept from one run to the next
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Of TPPs and customers; the internal counter is on the next port, health and metrics on the one after
    #[arg(long, default_value_t = 8443, value_parser = clap::value_parser!(u16).range(1..=65_533))]
    port: u16,
    /// Hand customers over to a portal of the bank's instead of the simulator, such as `https://localhost:8453`: to URL/{brand}/start
    #[arg(long, value_name = "URL")]
    portal: Option<String>,
    /// Ask the bank's SCA back end at this URL instead of the simulator, such as `https://localhost:8463`
    #[arg(long, value_name = "URL", conflicts_with = "portal")]
    sca: Option<String>,
    /// Write the certificates and `dev.toml`, and end: for another database, or several servers
    #[arg(long)]
    files_only: bool,
}

/// The brands of `dev`. Clients may try FAPI 2.0 where the bank's own authentication allows it.
const BANKS: [&str; 2] = ["cic", "labanquepostale"];
const FAPI2_BANK: &str = "cic";

fn hosts() -> Vec<String> {
    let of = |bank: &&str| [format!("api.{bank}.localhost"), format!("{bank}.localhost")];
    BANKS.iter().flat_map(of).chain(["localhost".to_owned()]).collect()
}

/// The trust of `dev`, or of another bundle with the same policy.
pub fn trust(anchors: Option<PathBuf>) -> TrustSettings {
    let pki = state_dir().join("pki");
    let crl_files = if anchors.is_none() { vec![pki.join("qtsp.crl")] } else { vec![] };
    TrustSettings {
        trusted_lists: false,
        anchors_file: Some(anchors.unwrap_or_else(|| pki.join("qtsp.pem"))),
        crl_files,
        nca_countries: TrustPolicy::default().nca_countries.into_iter().collect(),
        accept_server_auth_only: false,
        revocation: RevocationSettings::OFF,
        stale: StalePolicy::default(),
        register: RegisterPolicy::default(),
    }
}

pub async fn run(args: &DevArgs) -> Result<(), StartError> {
    let dir = args.dir.clone().unwrap_or_else(state_dir);
    // open to the user that PostgreSQL runs as; what is secret below it closes itself
    fs::create_dir_all(&dir).map_err(|error| unavailable(format!("{}: {error}", dir.display())))?;
    let dir = dir.canonicalize().map_err(|error| unavailable(format!("{}: {error}", dir.display())))?;
    if !args.files_only {
        ensure_installed().map_err(unavailable)?;
    }
    let system = Arc::new(System::new());
    let hosts = hosts();
    let names: Vec<_> = hosts.iter().map(String::as_str).collect();
    let pki = TestPki::load_or_create(&dir.join("pki"), &names, system.now()).map_err(unavailable)?;
    let database = dir.join("postgres");
    let settings =
        config::parse("dev.toml", &toml(&pki, &database, args), &dir, &|_| None).map_err(|m| StartError::Configuration(m.to_string()))?;
    if args.files_only {
        return write_settings(&dir, &toml(&pki, &database, args)).map(drop);
    }
    let sockets = Sockets::bind(&settings).await.map_err(|error| unavailable(format!("{error}. Choose another port with --port")))?;
    // from here on an interruption ends the database in order
    let signals = Signals::listen().map_err(unavailable)?;
    let mut postgres = start_database(database).await?;
    let program = env::current_exe().unwrap_or_else(|_| "guichet".into());
    let place = Place {
        program,
        dir,
        pki: &pki,
        is_default: args.dir.is_none(),
        internal_port: internal_port(args.port),
        ops_port: ops_port(args.port),
        portal: args.portal.as_deref(),
        sca: args.sca.as_deref(),
    };
    let text = toml(&pki, postgres.socket(), args);
    let result = serve(settings, &text, sockets, signals, &postgres, system, &place).await;
    postgres.stop();
    result
}

fn unavailable(why: impl ToString) -> StartError {
    StartError::Unavailable(why.to_string())
}

/// One process a folder: whoever joined the server of another would lose it when that one ends.
async fn start_database(dir: PathBuf) -> Result<DevPostgres, StartError> {
    let in_use = format!("the database in {} is in use: another `guichet dev` runs there. Choose another folder with --dir", dir.display());
    let started = tokio::task::spawn_blocking(move || DevPostgres::start(&dir, Durability::Durable)).await;
    let postgres = started.map_err(unavailable)?.map_err(unavailable)?;
    if postgres.joined() { Err(unavailable(in_use)) } else { Ok(postgres) }
}

const fn internal_port(port: u16) -> u16 {
    port.saturating_add(1)
}

const fn ops_port(port: u16) -> u16 {
    port.saturating_add(2)
}

fn toml(pki: &TestPki, socket: &Path, args: &DevArgs) -> String {
    let port = args.port;
    let file = |name: &str| pki.file(name).display().to_string();
    let mut text = format!(
        "# Written by `guichet dev` at each start: change a copy.\n\n\
         [tpp]\naddress = \"127.0.0.1:{port}\"\ncertificate_file = {server:?}\nkey_file = {server_key:?}\n\n\
         [psu]\naddress = \"127.0.0.1:{port}\"\ncertificate_file = {server:?}\nkey_file = {server_key:?}\n\n\
         [internal]\naddress = \"127.0.0.1:{internal}\"\ncertificate_file = {inner:?}\nkey_file = {inner_key:?}\nclient_ca_file = {ca:?}\n\n\
         [ops]\naddress = \"127.0.0.1:{ops}\"\n\n\
         [database]\nurl = \"postgres://{SUPERUSER}@localhost/postgres?host={socket}\"\n\n\
         [trust]\nanchors_file = {anchors:?}\ncrl_files = [{crl:?}]\n\n\
         [signing]\nkey_files = [{signing:?}]\n\n\
         [log]\nformat = \"text\"\n",
        server = file("server.pem"),
        server_key = file("server.key"),
        internal = internal_port(port),
        ops = ops_port(port),
        inner = file("internal.pem"),
        inner_key = file("internal.key"),
        ca = file("bank-ca.pem"),
        socket = byte_serialize(socket.as_os_str().as_encoded_bytes()).collect::<String>(),
        anchors = file("qtsp.pem"),
        crl = file("qtsp.crl"),
        signing = file("signing.key"),
    );
    for bank in BANKS {
        // writing to a String does not fail
        let _ = write!(
            text,
            "\n[[brand]]\nbank = \"{bank}\"\nsandbox = true\nissuer = \"https://{bank}.localhost:{port}\"\n\
             tpp_host = \"api.{bank}.localhost\"\npsu_host = \"{bank}.localhost\"\ntpp_port = {port}\npsu_port = {port}\n"
        );
        if bank == FAPI2_BANK {
            text.push_str("\n[brand.security]\nclients_may_choose = \"fapi2\"\n");
        }
        if let Some(portal) = &args.portal {
            let url = format!("{}/{bank}/start", portal.trim_end_matches('/'));
            let _ = write!(text, "\n[brand.sca]\nmode = \"portal\"\nportal_url = {url:?}\n");
        }
        if let Some(sca) = &args.sca {
            let _ = write!(
                text,
                "\n[brand.sca]\nmode = \"driver\"\ndriver_url = {:?}\nca_file = {:?}\nclient_certificate_file = {:?}\nclient_key_file = {:?}\n",
                sca.trim_end_matches('/'),
                file("bank-ca.pem"),
                file("gateway.pem"),
                file("gateway.key"),
            );
        }
    }
    text
}

/// So that they can be read, changed and given to `serve`; `try` finds the server by them.
fn write_settings(dir: &Path, text: &str) -> Result<PathBuf, StartError> {
    let file = dir.join("dev.toml");
    fs::write(&file, text).map_err(|error| unavailable(format!("{}: {error}", file.display())))?;
    Ok(file)
}

async fn serve(
    settings: Settings,
    text: &str,
    sockets: Sockets,
    signals: Signals,
    postgres: &DevPostgres,
    system: Arc<System>,
    place: &Place<'_>,
) -> Result<(), StartError> {
    let file = write_settings(&place.dir, text)?;
    telemetry::start_log(&settings.log);
    let metrics = telemetry::start_metrics().map_err(unavailable)?;
    let database = postgres.options("postgres");
    let db = Db::connect(database.clone(), &pool_settings(&settings));
    db.migrate(Patience::default(), |_| {}).await.map_err(unavailable)?;
    db.close().await;
    let (source, supervisor) = (Source::file(&file), Supervisor::default());
    let around = Surroundings { database, clock: system.clone(), entropy: system, sockets, metrics, source, supervisor };
    let server = Server::start(settings, around).await?;
    println!("{}", place.welcome(&server.app().brands));
    server.until_told(signals).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::brand::PsuAuthentication;

    #[test]
    fn the_settings_of_dev_read_and_a_portal_takes_every_brands_customers() {
        let folder = std::env::temp_dir().join(format!("guichet-dev-settings-{}", std::process::id()));
        let system = System::new();
        let hosts = hosts();
        let names: Vec<_> = hosts.iter().map(String::as_str).collect();
        let pki = TestPki::load_or_create(&folder.join("pki"), &names, system.now()).expect("a test PKI");
        let read = |portal: Option<&str>| {
            let args = DevArgs { dir: None, port: 8443, portal: portal.map(str::to_owned), sca: None, files_only: false };
            config::parse("dev.toml", &toml(&pki, Path::new("/tmp/socket"), &args), &folder, &|_| None)
        };
        let found: Vec<_> = read(None).expect("reads").brands.iter().map(|brand| brand.psu_authentication.clone()).collect();
        assert_eq!(found, [PsuAuthentication::Simulator, PsuAuthentication::Simulator]);
        for portal in ["https://localhost:8453", "https://localhost:8453/"] {
            let found: Vec<_> = read(Some(portal)).expect("reads").brands.iter().map(|brand| brand.psu_authentication.clone()).collect();
            let of = |bank| PsuAuthentication::Portal { url: format!("https://localhost:8453/{bank}/start") };
            assert_eq!(found, BANKS.map(of), "{portal}");
        }
        for portal in ["http://localhost:8453", "localhost", "https://a\"b\n[x]"] {
            assert!(read(Some(portal)).is_err(), "{portal}");
        }
        let args = DevArgs { dir: None, port: 8443, portal: None, sca: Some("https://localhost:8463/".to_owned()), files_only: false };
        let driven = config::parse("dev.toml", &toml(&pki, Path::new("/tmp/socket"), &args), &folder, &|_| None).expect("reads");
        assert!(driven.brands.iter().all(|brand| driven.drivers[&brand.id].url == "https://localhost:8463"));
        let _ = fs::remove_dir_all(folder);
    }
}
