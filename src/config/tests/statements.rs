//! `[[brand.software_statement_issuer]]`.

use super::*;
use crate::{jose::JwsAlgorithm, oauth::software_statement::IssuerKeys};

/// `PLAIN`, then these lines from line 18 on.
fn with(lines: &str) -> String {
    format!("{PLAIN}{lines}")
}

fn row(lines: &str) -> String {
    with(&format!("[[brand.software_statement_issuer]]\nissuer = 'https://d.example'\n{lines}"))
}

#[test]
fn an_issuer_says_where_its_keys_are_and_what_is_taken_of_it() {
    let text = with("software_statements = 'required'\n")
        + row("jwks_uri = 'https://d.example/keys'\nmax_age_seconds = 300\norganisation_claim = 'org_id'").strip_prefix(PLAIN).unwrap();
    let policy = read(&text).unwrap().brands.remove(0).statements;
    let issuer = &policy.issuers[0];
    assert!(policy.required && matches!(&issuer.keys, IssuerKeys::At(uri) if uri == "https://d.example/keys"));
    assert_eq!(
        (issuer.issuer.as_str(), issuer.max_age, issuer.organisation_claim.as_deref()),
        ("https://d.example", Some(Span::minutes(5)), Some("org_id"))
    );
    assert_eq!(issuer.algorithms, JwsAlgorithm::ALL);
    let usual = read(PLAIN).unwrap().brands.remove(0).statements;
    assert!(usual.issuers.is_empty() && !usual.required);
}

#[test]
fn every_mistake_in_an_issuers_row_is_told_with_its_line() {
    let uri = "20:12: `brand.software_statement_issuer.jwks_uri` must be an https URL; in a sandbox also http on a loopback address";
    for (text, message) in [
        (
            with("software_statements = 'required'"),
            "18:23: `brand.software_statements = \"required\"` needs a [[brand.software_statement_issuer]]",
        ),
        (row(""), "18:1: `brand.software_statement_issuer` needs one of `jwks_uri`, `jwks_file`"),
        (row("jwks_uri = 'http://d.example/keys'"), uri),
        (row("jwks_uri = 'http://127.0.0.1:1/keys'"), uri),
        (
            row("jwks_uri = 'https://d.example'\nalgorithms = ['PS256', 'RS256']"),
            "21:24: `brand.software_statement_issuer.algorithms` cannot be `RS256`; did you mean `ES256`?",
        ),
        (row("jwks_uri = 'https://d.example'\nalgorithms = []"), "21:14: `brand.software_statement_issuer.algorithms` needs at least one"),
        (
            row("jwks_uri = 'https://d.example'\norganisation_claim = ''"),
            "21:22: `brand.software_statement_issuer.organisation_claim` must not be empty",
        ),
        (
            row("jwks_uri = 'https://d.example'\nmax_age_seconds = 5"),
            "21:19: `brand.software_statement_issuer.max_age_seconds` must be from 60 to 31622400, not 5",
        ),
        (
            row("jwks_file = 'nowhere.json'"),
            "20:13: `brand.software_statement_issuer.jwks_file` names /etc/guichet/nowhere.json, which cannot be read: entity not found",
        ),
        (
            row(
                "jwks_uri = 'https://d.example'\n[[brand.software_statement_issuer]]\nissuer = 'https://d.example'\njwks_uri = 'https://d.example'",
            ),
            "22:10: `brand.software_statement_issuer`: `https://d.example` is there twice",
        ),
    ] {
        assert_eq!(mistakes(&text), [format!("g.toml:{message}")]);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let (none, other) = (
        file("none", "PS256"),
        file("other", r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#),
    );
    for (lines, message) in [
        (format!("jwks_file = '{none}'"), format!("20:13: `brand.software_statement_issuer.jwks_file` names {none}, which is no JSON")),
        (format!("jwks_file = '{other}'\nalgorithms = ['PS256']"), "20:13: `jwks_file` holds no key for PS256: [(\"EdDSA\", None)]".into()),
        (format!("jwks_file = '{other}'\njwks_uri = 'https://d.example'"), "20:13: `jwks_uri` and `jwks_file` exclude each other".into()),
    ] {
        assert_eq!(mistakes(&row(&lines)), [format!("g.toml:{message}")]);
    }
}
