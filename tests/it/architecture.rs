//! The floor plan of `src/lib.rs`, enforced: a floor names only what its row allows.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Floor; floors that it may name, a longer path allowing only what lies below it; crates that it may name.
const PLAN: [(&str, &str, &str); 32] = [
    ("oauth", "jose", "aws_lc_rs::hmac base64 serde serde_json sha2 subtle time url utoipa uuid"),
    ("pki", "oauth::tpp", "aws_lc_rs::digest base64 rustls serde sfv sha2 time webpki x509_parser"),
    ("standing", "oauth", "serde time uuid"),
    ("admin", "jose oauth standing", "serde serde_json sha2 time utoipa uuid"),
    ("register_file", "oauth standing", "csv serde_json"),
    ("trusted_lists", "pki::trusted_list", "aws_lc_rs base64 roxmltree rustls sha2 time x509_parser xml_sec"),
    (
        "sca",
        "clock config::DriverSettings oauth storage telemetry::request tls::files",
        "arc_swap argon2 aws_lc_rs metrics reqwest rustls serde serde_json time tokio tracing utoipa uuid",
    ),
    ("audit", "oauth", "aws_lc_rs serde_json time uuid"),
    ("uses", "oauth::grant", "metrics quick_cache time"),
    ("figures", "oauth", "metrics serde serde_json time"),
    ("pages", "figures oauth pki sca::script", "askama fluent_bundle serde_json time"),
    ("clock", "", "aws_lc_rs time uuid"),
    ("limits", "clock oauth::brand::BrandId", "arc_swap ipnet metrics"),
    ("config", "admin jose limits oauth pki::forwarded pki::revocation pki::staleness standing", "ipnet secrecy time toml tracing url"),
    ("jose", "", "base64 jsonwebtoken serde serde_json utoipa"),
    ("signing", "admin jose", "arc_swap aws_lc_rs base64 jsonwebtoken serde serde_json time"),
    (
        "storage",
        "admin audit figures oauth pki::Issuer pki::Pointers pki::revocation pki::status pki::trusted_list sca::script standing telemetry::request",
        "futures_core metrics serde serde_json sqlx time tokio uuid",
    ),
    (
        "flows",
        "admin app audit clock jose limits oauth outbound pki sca signing standing storage telemetry::request trust",
        "arc_swap argon2 base64 metrics quick_cache rustls serde_json sha2 time tokio tracing uuid",
    ),
    (
        "trust",
        "jose oauth::assertion::KeysFault oauth::brand::BrandId oauth::client::ClientId oauth::tpp::OrganisationId pki standing",
        "arc_swap metrics quick_cache time tokio::sync",
    ),
    ("tasks", "app audit config figures flows oauth pki storage trust uses", "metrics rustls serde_json time tokio tokio_util tracing"),
    (
        "app",
        "admin audit::psu clock config::Settings figures limits oauth outbound sca signing storage trust uses",
        "arc_swap quick_cache serde_json time tokio uuid",
    ),
    (
        "tls",
        "limits pki::PresentedChain",
        "arc_swap aws_lc_rs axum http hyper hyper_util ipnet metrics ppp rustls tokio tokio_rustls tokio_util tower tracing webpki",
    ),
    ("outbound", "config", "aws_lc_rs ipnet reqwest rustls rustls_platform_verifier tokio tracing url"),
    (
        "http",
        "admin app figures flows jose limits oauth pages pki sca::script sca::wire standing telemetry tls::front_proxy::Hop tls::peer",
        "arc_swap axum base64 http http_body http_body_util metrics metrics_exporter_prometheus quick_cache serde serde_json sha2 time tokio tower tower_http tracing utoipa uuid",
    ),
    (
        "telemetry",
        "config oauth",
        "aws_lc_rs metrics metrics_exporter_prometheus opentelemetry opentelemetry_http opentelemetry_otlp opentelemetry_sdk reqwest rustls time tokio tracing tracing_subscriber uuid",
    ),
    (
        "server",
        "admin app clock config flows http limits oauth outbound pki sca signing storage tasks telemetry tls trust",
        "arc_swap metrics metrics_exporter_prometheus nix::sys::resource nix::time serde_json sqlx::postgres::PgConnectOptions tokio tokio_util tracing",
    ),
    (
        "doctor",
        "admin clock config oauth outbound::is_public_name pki sca::http standing storage tls::files",
        "aws_lc_rs base64 http http_body_util hyper hyper_util rcgen rustls rustls_platform_verifier serde serde_json simple_dns time tokio tokio_rustls url webpki x509_parser",
    ),
    ("trial", "clock config oauth tls::files", "aws_lc_rs base64 clap reqwest rustls serde serde_json sha2 time tokio url uuid"),
    (
        "dev",
        "clock config oauth pki sca server standing storage telemetry",
        "aws_lc_rs base64 clap nix rcgen rustls sha2 sqlx time tokio tracing url x509_parser",
    ),
    (
        "cli",
        "admin audit clock config dev doctor figures flows http::documents oauth outbound pages::Figures pki register_file sca server signing standing storage tasks telemetry trial trusted_lists",
        "clap flate2 metrics_exporter_prometheus nix::unistd secrecy serde serde_json sha2 sqlx::postgres::PgConnectOptions time tokio tracing uuid",
    ),
    ("lib", "", ""),
    ("main", "", "clap guichet mimalloc"),
];

/// Floors that only judge may not name what reaches outside or waits.
const PURE: [&str; 9] = ["admin", "jose", "oauth", "pki", "trusted_lists", "standing", "register_file", "audit", "pages"];
const OUTSIDE: [&str; 7] = ["std::env", "std::fs", "std::io", "std::net", "std::process", "std::thread", "std::time::Instant"];

#[test]
fn a_floor_names_only_what_its_row_allows() {
    let sources = sources();
    let crates = crates();
    let broken: BTreeSet<String> = sources.iter().flat_map(|(floor, file)| broken(floor, file, &crates)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    for (floor, ..) in PLAN {
        assert!(sources.iter().any(|(known, _)| known == floor), "no floor is called {floor}");
    }
}

/// SQL and time have one door each. (clippy.toml forbids the calls themselves; this finds where a lint is switched off.)
#[test]
fn sql_and_time_have_one_door() {
    for (floor, file) in sources() {
        let code = code(&file);
        let has = |needle: &str| code.contains(needle);
        assert!(!has("sqlx::query") || ["storage", "dev"].contains(&floor.as_str()), "SQL in {}", file.display());
        let reads_time = has("now_utc") || has("SystemTime") || has("now_local") || has("now_v7");
        assert!(!reads_time || floor == "clock", "the time is read in {}", file.display());
    }
}

fn broken(floor: &str, file: &Path, crates: &BTreeSet<String>) -> Vec<String> {
    let row = PLAN.iter().find(|row| row.0 == floor);
    let Some((_, floors, allowed)) = row else { return vec![format!("{floor} has no row in the plan")] };
    let below = |path: &str, allowed: &str| path == allowed || path.starts_with(&format!("{allowed}::"));
    let mut found = vec![];
    for path in paths(file) {
        let (fine, path) = match path.strip_prefix("crate::") {
            Some(path) => (below(path, floor) || floors.split(' ').any(|f| below(path, f) || path == f), path),
            None if OUTSIDE.iter().any(|outside| below(&path, outside)) => (!PURE.contains(&floor), path.as_str()),
            None if crates.contains(path.split("::").next().unwrap()) => (allowed.split(' ').any(|c| below(&path, c)), path.as_str()),
            None => continue,
        };
        if !fine {
            found.push(format!("{floor} names {path} ({})", file.file_name().unwrap().display()));
        }
    }
    found
}

/// The dependencies of Cargo.toml, as code spells them.
fn crates() -> BTreeSet<String> {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let listed = manifest.split("[dependencies]").nth(1).unwrap().split("\n[[").next().unwrap().split("\n[profile").next().unwrap();
    let names = listed.lines().filter_map(|line| Some(line.split_once(" = ")?.0.replace('-', "_")));
    names.map(|name| if name == "rustls_webpki" { "webpki".into() } else { name }).chain(["rand".into()]).collect()
}

/// Every file of `src`, with the floor it stands on, tests left out.
fn sources() -> Vec<(String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut open, mut found) = (vec![root.clone()], vec![]);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.file_stem().is_some_and(|stem| stem != "tests") && !path.iter().any(|part| part == "tests") {
            let floor = path.strip_prefix(&root).unwrap().iter().next().unwrap().to_str().unwrap();
            found.push((floor.trim_end_matches(".rs").to_owned(), path.clone()));
        }
    }
    found
}

/// What a file says, without comments and without the tests at its end.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    text.lines().map(|line| line.split("//").next().unwrap().to_owned() + "\n").collect()
}

/// Every path that a file names, `use` trees unfolded.
fn paths(file: &Path) -> BTreeSet<String> {
    let (mut found, mut rest) = (BTreeSet::new(), String::new());
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    for statement in code(file).split_inclusive(';') {
        let import = statement.strip_suffix(';').and_then(|s| s.rsplit_once("use "));
        let begins = |before: &str| before.is_empty() || ["\n", "pub", ")"].iter().any(|end| before.trim_end_matches(' ').ends_with(end));
        match import.filter(|(before, _)| begins(before)) {
            Some((before, tree)) => {
                rest.push_str(before);
                unfold("", tree, &mut found);
            }
            None => rest.push_str(statement),
        }
    }
    for (at, _) in rest.match_indices("::") {
        let start = rest[..at].rfind(|c| !in_word(c)).map_or(0, |i| i + 1);
        let end = rest[at..].find(|c| !in_word(c) && c != ':').map_or(rest.len(), |i| at + i);
        if start < at && !rest[..start].ends_with("::") {
            found.insert(rest[start..end].trim_end_matches(':').to_owned());
        }
    }
    found
}

/// `a::{b, c::{d, e}}` -> `a::b`, `a::c::d`, `a::c::e`.
fn unfold(prefix: &str, tree: &str, found: &mut BTreeSet<String>) {
    let tree = tree.trim();
    let Some((head, inner)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap().trim();
        found.insert(format!("{prefix}{name}"));
        return;
    };
    let inner = inner.trim_end().strip_suffix('}').unwrap();
    let (mut depth, mut from) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inner[from..at].trim().is_empty() {
                    unfold(&format!("{prefix}{}", head.trim()), &inner[from..at], found);
                }
                from = at + 1;
            }
            _ => {}
        }
    }
}
