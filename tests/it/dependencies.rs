//! What we build on: under licences that we may pass on, from the public registry alone, locked, and not twice without our knowing.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    process::Command,
};

const LICENCES: [&str; 7] = ["Apache-2.0", "BSD-3-Clause", "CDLA-Permissive-2.0", "ISC", "MIT", "Unicode-3.0", "Zlib"];

/// Built in several versions, because those who need them do not agree. Shorter is better; longer is a decision.
const SEVERAL_VERSIONS: [&str; 20] = [
    "allocator-api2",
    "base64",
    "block-buffer",
    "cpufeatures",
    "crypto-common",
    "digest",
    "getrandom",
    "hashbrown",
    "pem",
    "rand",
    "rand_chacha",
    "rand_core",
    "sha2",
    "signature",
    "syn",
    "synstructure",
    "thiserror",
    "thiserror-impl",
    "tower-http",
    "untrusted",
];

/// One TLS stack and one cryptography, rustls on aws-lc-rs; and nothing of the feature `otel`, which nobody has asked for.
const UNWANTED: [&str; 6] = ["native-tls", "openssl", "openssl-sys", "opentelemetry", "prost", "ring"];

struct Package {
    name: String,
    version: String,
    licence: String,
    /// What follows the version: a folder or a repository, where it is not the registry's.
    origin: String,
}

/// What is built, tests and build scripts included.
fn packages() -> Vec<Package> {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let out = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "--prefix=none", "--edges=normal,build,dev", "--target=x86_64-unknown-linux-gnu"])
        .args(["--no-dedupe", "--format={p}|{l}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let lines: BTreeSet<String> = String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.iter().filter(|line| !line.is_empty() && !line.starts_with("guichet ")).map(|line| package(line)).collect()
}

/// `syn v2.0.1 (proc-macro)|MIT OR Apache-2.0`.
fn package(line: &str) -> Package {
    let (package, licence) = line.split_once('|').unwrap();
    let mut words = package.splitn(3, ' ').map(str::to_owned);
    let mut word = || words.next().unwrap_or_default();
    Package { name: word(), version: word(), origin: word().replace("(proc-macro)", ""), licence: licence.to_owned() }
}

#[test]
fn every_dependency_may_be_used_and_is_from_the_registry() {
    let (mut versions, mut wrong) = (BTreeMap::<String, BTreeSet<String>>::new(), vec![]);
    for Package { name, version, licence, origin } in packages() {
        if !is_allowed(&licence) {
            wrong.push(format!("{name}: licence {licence:?}"));
        }
        if !origin.is_empty() {
            wrong.push(format!("{name}: from {origin}"));
        }
        if UNWANTED.contains(&name.as_str()) {
            wrong.push(format!("{name}: unwanted"));
        }
        versions.entry(name).or_default().insert(version);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(versions.len() > 100, "only {} packages were listed", versions.len());
    let several: BTreeSet<_> = versions.iter().filter(|(_, versions)| versions.len() > 1).map(|(name, _)| name.as_str()).collect();
    assert_eq!(several, BTreeSet::from(SEVERAL_VERSIONS), "packages built in several versions");
}

/// An SPDX expression, with the old `/` for OR: can its terms be met with our licences alone?
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let met = any_of(&mut words);
    met && words.next().is_none()
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>) -> bool {
    let mut met = all_of(words);
    while words.next_if_eq(&"OR").is_some() {
        met |= all_of(words);
    }
    met
}

fn all_of(words: &mut Words<'_>) -> bool {
    let mut met = term(words);
    while words.next_if_eq(&"AND").is_some() {
        met &= term(words);
    }
    met
}

fn term(words: &mut Words<'_>) -> bool {
    if words.next_if_eq(&"(").is_some() {
        let met = any_of(words);
        return words.next() == Some(")") && met;
    }
    let met = words.next().is_some_and(|name| LICENCES.contains(&name));
    // an exception only adds permissions
    words.next_if_eq(&"WITH").map(|_| words.next());
    met
}

#[test]
fn licences_are_read_as_they_are_meant() {
    for allowed in ["MIT", "MIT OR GPL-3.0", "GPL-2.0/MIT", "(MIT OR GPL-3.0) AND ISC", "Apache-2.0 WITH LLVM-exception"] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND GPL-3.0", "MIT GPL-3.0", "(MIT"] {
        assert!(!is_allowed(refused), "{refused}");
    }
}
