//! The rules of the RFCs and of FAPI 2.0, one line each: which are tested, which are of what is not offered, which a bank departs from.
//!
//! A test claims a rule by its name: `a24_..`, or several, `a06_a07_..`. `docs/rules.md` is this table; `GUICHET_WRITE_RULES=1` writes it.

use guichet::oauth::conformance::LINES;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

enum State {
    /// At least one test claims it.
    Tested,
    /// Of something optional that is not there, and why.
    NotOffered(&'static str),
    /// A bank departs from it, as docs/banks.md says; what is left of it may be tested.
    Dialect(&'static str),
}

use State::{Dialect, NotOffered, Tested};

type Rule = (&'static str, &'static str, &'static str, State);

#[rustfmt::skip]
const RULES: [Rule; 109] = [
    ("A01", "A redirect URI is compared as an exact string; only a loopback's port may differ.", "RFC 9700 2.1, 4.1.3", Tested),
    ("A02", "An unknown client or redirect URI is answered by a page, not by a redirect.", "RFC 9700 4.11.2; FAPI 5.3.2.1", Tested),
    ("A03", "Redirect URIs with `http` are refused, loopback apart.", "RFC 9700 2.6; FAPI 5.3.2.2", Tested),
    ("A04", "The only response type is `code`.", "RFC 9700 2.1.2; FAPI 5.3.2.2", Tested),
    ("A05", "PKCE with S256 is there, `plain` is not.", "RFC 9700 2.1.1; FAPI 5.3.2.2", Tested),
    ("A06", "A verifier for a code without challenge is refused.", "RFC 9700 2.1.1, 4.8.2", Tested),
    ("A07", "Where a challenge was sent, the verifier must be there and fit.", "RFC 9700 2.1.1", Tested),
    ("A08", "The metadata list the challenge methods.", "RFC 9700 2.1.1", Tested),
    ("A09", "`iss` is in every redirect, good or bad.", "FAPI 5.3.2.2; RFC 9700 4.4.2; RFC 9207 2", Tested),
    ("A10", "The authorization endpoint answers no CORS request.", "RFC 9700 2.6; FAPI 5.2.3", Tested),
    ("A11", "Redirects after a form are 303, never 307.", "FAPI 5.3.2.2; RFC 9700 4.12", Tested),
    ("A12", "Pages cannot be framed.", "RFC 9700 4.16", Tested),
    ("A13", "Pages load nothing from others and tell no referrer.", "RFC 9700 4.2.4", Tested),
    ("A14", "Before the customer authenticated, only a registered redirect URI of an organisation with a QWAC is answered.", "RFC 9700 4.11.2", Tested),
    ("A15", "The page names the TPP and what it gets.", "FAPI 5.3.2.2", Tested),
    ("A16", "A `state` above 1,000 characters works.", "FAPI 5.3.2.2", Tested),
    ("A17", "Each brand has an issuer and endpoints of its own; a code of one is worth nothing at another.", "RFC 9700 4.4", Tested),
    ("A18", "Authorization requests come by PAR only.", "FAPI 5.3.2.2", Tested),
    ("A19", "PAR asks for client authentication.", "FAPI 5.3.2.2", Tested),
    ("A20", "PAR without `redirect_uri` is refused.", "FAPI 5.3.2.2", Tested),
    ("A21", "A pushed request lives for less than 600 s.", "FAPI 5.3.2.2", Tested),
    ("A22", "A `request_uri` is its client's and is spent when authorization ends.", "FAPI 5.3.2.2; RFC 9126 2.2", Tested),
    ("A23", "Codes live for at most 60 s.", "FAPI 5.3.2.1", Tested),
    ("A24", "A code used twice revokes what it gave.", "FAPI 5.3.2.2; RFC 6749 4.1.2; RFC 9700 4.2.4", Tested),
    ("A25", "A code is bound to client, redirect URI and challenge.", "RFC 9700 4.5", Tested),
    ("A26", "Codes and tokens carry at least 128 random bits.", "FAPI 5.4.1", Tested),
    ("A27", "Only confidential clients.", "FAPI 5.3.2.1", Tested),
    ("A28", "Clients authenticate by mutual TLS or a signed assertion.", "FAPI 5.3.2.1; RFC 9700 2.5", Dialect("labanquepostale: HTTP Basic beside mutual TLS, never instead of it")),
    ("A29", "An assertion's `aud` is the issuer, as one string.", "FAPI 5.3.2.1", Tested),
    ("A30", "`iat` and `nbf` a little ahead pass, far ahead do not.", "FAPI 5.3.2.1", Tested),
    ("A31", "PS256, ES256 and EdDSA only.", "FAPI 5.4.1", Tested),
    ("A32", "Keys of RSA below 2048 bits or curves below 224 bits are refused.", "FAPI 5.4.1", Tested),
    ("A33", "Access tokens are bound to their sender.", "FAPI 5.3.2.1; RFC 9700 2.2.1", Dialect("cic, labanquepostale: bearer tokens; `certificate_bound_access_tokens` binds them (B27)")),
    ("A34", "There is no password grant.", "FAPI 5.3.2.1; RFC 9700 2.4", Tested),
    ("A35", "Access tokens name the resource servers they are for.", "RFC 9700 2.3; FAPI 5.3.2.1", Tested),
    ("A36", "A refresh token works for its authenticated client only.", "RFC 9700 2.2.2, 4.14.2", Tested),
    ("A37", "Refresh tokens stay the same; where a bank rotates them, a retry with the old one works.", "FAPI 5.3.2.1", Tested),
    ("A38", "Where they are rotated, a replay revokes the family.", "RFC 9700 4.14.2", Tested),
    ("A39", "A refresh never widens the scope.", "RFC 9700 4.14.2", Tested),
    ("A40", "Refresh tokens expire.", "RFC 9700 4.14.2", Tested),
    ("A41", "client_credentials gives no refresh token.", "RFC 6749 4.4.3", Tested),
    ("A42", "No `client_id` equals a subject.", "FAPI 6; RFC 9700 4.15", Tested),
    ("A43", "DPoP, if offered, binds codes.", "FAPI 5.3.2.1", NotOffered("every TPP has a certificate, and its tokens are bound to that (A33)")),
    ("A44", "TLS 1.0 and 1.1 are refused on every listener.", "FAPI 5.2.1", Tested),
    ("A45", "Browsers' hosts send HSTS.", "FAPI 5.2.3", Tested),
    ("A46", "Machines' listeners speak TLS 1.2 with ECDHE and AES-GCM only.", "FAPI 5.2.2", Tested),
    ("A47", "A forwarded certificate counts from the bank's own proxy over an authenticated link; from others it is removed and counted.", "RFC 9700 4.13", Tested),
    ("A48", "Outbound TLS checks names.", "FAPI 5.2.1", Tested),
    ("A49", "The issuer's host has DNSSEC.", "FAPI 5.2.1", Tested),
    ("A50", "The metadata are where RFC 8414 says.", "FAPI 5.3.2.1", Tested),
    ("A51", "Signing keys rotate with overlap, unattended.", "FAPI 6", Tested),
    ("A52", "No `kid` is twice in a key set.", "FAPI 5.4.2, 5.4.3", Tested),
    ("A53", "`x5u` and `jku` of a JOSE header are not fetched.", "FAPI 5.4.2", Tested),
    ("A54", "Access tokens come in the Authorization header only.", "FAPI 5.3.4; RFC 9700 4.3.2", Tested),
    ("A55", "One introspection tells expiry, revocation and binding.", "FAPI 5.3.4", Tested),
    ("B01", "Unknown client metadata are ignored.", "RFC 7591 2", Tested),
    ("B02", "`jwks` and `jwks_uri` exclude each other.", "RFC 7591 2", Tested),
    ("B03", "Grant types and response types agree.", "RFC 7591 2.1", Tested),
    ("B04", "`client_name#fr` is kept, told and shown.", "RFC 7591 2.2", Tested),
    ("B05", "A software statement wins over plain members.", "RFC 7591 2.3", Tested),
    ("B06", "201, stored nowhere, with all that is registered.", "RFC 7591 3.2.1", Tested),
    ("B07", "With a secret comes `client_secret_expires_at`.", "RFC 7591 3.2.1", Tested),
    ("B08", "A software statement is told unchanged.", "RFC 7591 3.2.1", Tested),
    ("B09", "400 with the RFC's own error codes.", "RFC 7591 3.2.2", Tested),
    ("B10", "URLs of clients are fetched through a guard only.", "RFC 7591 5", Tested),
    ("B11", "An unknown or deleted client is 401.", "RFC 7592 2.1 to 2.3", Tested),
    ("B12", "An update replaces: what is not sent is removed.", "RFC 7592 2.2", Tested),
    ("B13", "An update carries `client_id` and none of the server's own members.", "RFC 7592 2.2", Dialect("cic: an update may leave `client_id` out")),
    ("B14", "Each answer tells the management URI and the current token.", "RFC 7592 3", Tested),
    ("B15", "Deletion ends id, secret, token, grants and tokens at once.", "RFC 7592 2.3", Tested),
    ("B16", "What is not offered is 405.", "RFC 7592 2.2, 2.3", Tested),
    ("B17", "Client authentication first, then whose token it is.", "RFC 7009 2.1", Tested),
    ("B18", "A refresh token takes its access tokens along.", "RFC 7009 2, 2.1", Tested),
    ("B19", "A wrong hint widens the search.", "RFC 7009 2.1", Tested),
    ("B20", "An unknown token is 200.", "RFC 7009 2.2", Tested),
    ("B21", "503 with Retry-After: the token is still valid.", "RFC 7009 2.2.1", Tested),
    ("B22", "Revocation counts at once.", "RFC 7009 2", Tested),
    ("B23", "Who introspects is authenticated.", "RFC 7662 2.1", Tested),
    ("B24", "Inactive is `{\"active\":false}` and no more.", "RFC 7662 2.2", Tested),
    ("B25", "Answers may differ by resource server.", "RFC 7662 2.2", NotOffered("the bank's own systems are all told the same; the signed answer says whom it is for (B28)")),
    ("B26", "POST only.", "RFC 7662 2.1", Tested),
    ("B27", "`cnf` is told.", "RFC 8705 3.2", Tested),
    ("B28", "Signed introspection answers.", "RFC 9701 5", Tested),
    ("B29", "The issuer is an https URL without query and fragment.", "RFC 8414 2, 3.3", Tested),
    ("B30", "The well-known part stands before an issuer's path.", "RFC 8414 3.1", Tested),
    ("B31", "`response_types_supported` is always there.", "RFC 8414 2", Tested),
    ("B32", "Nothing empty is told.", "RFC 8414 3.2", Tested),
    ("B33", "The revocation endpoint's authentication methods are told.", "RFC 8414 2", Tested),
    ("B34", "Signing algorithms are told where a signed method is, never `none`.", "RFC 8414 2", Tested),
    ("B35", "`client_id` is in every request that authenticates by mutual TLS alone.", "RFC 8705 2", Tested),
    ("B36", "A client has exactly one subject member.", "RFC 8705 2.1.2", Tested),
    ("B37", "Names are compared by RFC 4517.", "RFC 8705 2.1.2", Dialect("cic, labanquepostale: a client is known by its organizationIdentifier, byte for byte; names change at renewal")),
    ("B38", "Self-signed certificates are matched by key.", "RFC 8705 2.2", Tested),
    ("B39", "A wrong or missing certificate is 401 `invalid_client`.", "RFC 8705 2", Tested),
    ("B40", "`x5t#S256` is over the DER, base64url without padding.", "RFC 8705 3.1", Tested),
    ("B41", "The aliases are of machine endpoints only.", "RFC 8705 5", Tested),
    ("B42", "After renewal bound access tokens fail and refresh works.", "RFC 8705 6.3, 7.1", Tested),
    ("B43", "One trust store for each purpose.", "RFC 8705 7.4", Tested),
    ("B44", "PAR takes POST forms only.", "RFC 9126 2.3", Tested),
    ("B45", "`request_uri` inside PAR is refused.", "RFC 9126 2.1", Tested),
    ("B46", "201, stored nowhere, with `expires_in`.", "RFC 9126 2.2", Tested),
    ("B47", "PAR authenticates as the token endpoint does.", "RFC 9126 2", Tested),
    ("B48", "413 and 429 are defined.", "RFC 9126 2.3", Tested),
    ("B49", "A client's `require_pushed_authorization_requests` is honoured.", "RFC 9126 6", Tested),
    ("B50", "With a request object only its members count.", "RFC 9101 5, 6.3", Tested),
    ("B51", "`typ` is not required on request objects.", "RFC 9101 4", Tested),
    ("B52", "`iss` is the metadata's issuer, in errors, too.", "RFC 9207 2, 2.4", Tested),
    ("B53", "The metadata announce `iss`.", "RFC 9207 3", Tested),
    ("B54", "Access tokens as JWT say `at+jwt` and whom they are for.", "RFC 9068 2", Tested),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// `a06_a07_what_it_shows` -> A06, A07.
fn claims_of(name: &str) -> Vec<String> {
    let id = |part: &&str| part.len() == 3 && part.starts_with(['a', 'b']) && part[1..].bytes().all(|b| b.is_ascii_digit());
    name.split('_').take_while(id).map(str::to_ascii_uppercase).collect()
}

/// Names of functions that stand under a `#[..test]`.
pub fn tests_in(text: &str) -> Vec<String> {
    let mut names = vec![];
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        let function = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "));
        if line.starts_with("#[") {
            marked |= line.ends_with("test]") || line.contains("test(");
        } else if let Some(rest) = function.filter(|_| marked) {
            names.push(rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or("").to_owned());
            marked = false;
        } else if !line.starts_with("//") {
            marked = false;
        }
    }
    names
}

/// Every claimed rule, with the tests that claim it.
fn claims() -> BTreeMap<String, BTreeSet<String>> {
    let (mut files, mut claims) = (vec![], BTreeMap::<_, BTreeSet<_>>::new());
    rust_files(&root().join("src"), &mut files);
    rust_files(&root().join("tests/it"), &mut files);
    for file in files {
        for name in tests_in(&fs::read_to_string(file).unwrap()) {
            for rule in claims_of(&name) {
                claims.entry(rule).or_default().insert(name.clone());
            }
        }
    }
    claims
}

/// What the table says that the tests do not, and the other way round.
fn contradictions(claims: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut found = vec![];
    for (id, _, _, state) in &RULES {
        match (state, claims.get(*id)) {
            (Tested, None) => found.push(format!("{id} is to be tested, but no test claims it")),
            (NotOffered(what), Some(tests)) => found.push(format!("{id} is not offered ({what}), but is claimed by {tests:?}")),
            (Tested, Some(_)) | (NotOffered(_), None) | (Dialect(_), _) => {}
        }
    }
    for (id, tests) in claims {
        if !RULES.iter().any(|(known, ..)| known == id) {
            found.push(format!("there is no rule {id}, but {tests:?}"));
        }
    }
    found
}

fn rendered() -> String {
    let mut text = "# Rules and their tests\n\n\
        Written by `GUICHET_WRITE_RULES=1 cargo test --test it rules`; a test compares. A rule that is *tested* is claimed by each test whose\n\
        name begins with its number: `grep -rn 'fn .*a24_' src tests`. Of what is *not offered* the reason is told, of a *dialect* the bank that departs\n\
        from it (see its file under `config/banks`). FAPI is the FAPI 2.0 Security Profile; its lines bind clients of that profile only.\n\n\
        | rule | what it asks for | source | state |\n|---|---|---|---|\n"
        .to_owned();
    for (id, statement, source, state) in &RULES {
        let state = match state {
            Tested => "tested".to_owned(),
            NotOffered(what) => format!("not offered: {what}"),
            Dialect(what) => format!("dialect, {what}"),
        };
        writeln!(text, "| {id} | {statement} | {source} | {state} |").unwrap();
    }
    text
}

#[test]
fn every_rule_is_tested_or_says_why_not() {
    let found = contradictions(&claims());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_rules_are_all_there_and_once() {
    let expected = (1..=55).map(|n| format!("A{n:02}")).chain((1..=54).map(|n| format!("B{n:02}")));
    assert!(RULES.iter().map(|(id, ..)| (*id).to_owned()).eq(expected));
}

/// A bank is shown line by line what each of its TPPs lacks: no line of FAPI 2.0 is missing there, and each is of the section that this
/// table names.
#[test]
fn the_report_on_clients_has_each_line_of_fapi_and_no_other() {
    let ours = RULES.iter().filter(|(_, _, source, _)| source.contains("FAPI")).map(|(id, ..)| *id);
    assert!(ours.eq(LINES.iter().map(|line| line.number)));
    for line in LINES {
        let (.., source, _) = RULES.iter().find(|(id, ..)| *id == line.number).unwrap();
        assert!(source.contains(&format!("FAPI {}", line.section)), "{}: {source}", line.number);
    }
}

#[test]
fn a_missing_or_a_needless_claim_is_found() {
    let mut claims = claims();
    let nothing_wrong = contradictions(&claims).len();
    let tests = claims.remove("B24").unwrap();
    assert_eq!(contradictions(&claims).len(), nothing_wrong + 1, "a tested rule without test");
    claims.insert("B24".into(), tests);
    claims.insert("A43".into(), ["a43_x".to_owned()].into());
    claims.insert("A99".into(), ["a99_x".to_owned()].into());
    assert_eq!(contradictions(&claims).len(), nothing_wrong + 2, "a claim of what is not there, and of no rule");
    let source =
        "#[test]\n// why\n#[expect(x)]\nasync fn a06_b07_both() {\nfn a08_helper() {\n#[tokio::test(flavor = \"x\")]\nfn b09() {}\n";
    assert_eq!(tests_in(source), ["a06_b07_both", "b09"]);
    assert_eq!(claims_of("a06_b07_both"), ["A06", "B07"]);
    assert_eq!(claims_of("a_code"), [""; 0]);
}

#[test]
fn the_document_is_this_table() {
    let (file, text) = (root().join("docs/rules.md"), rendered());
    if std::env::var_os("GUICHET_WRITE_RULES").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&file).unwrap_or_default(), text, "docs/rules.md is old: GUICHET_WRITE_RULES=1 writes it anew");
}
