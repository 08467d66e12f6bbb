//! The OpenID Foundation's conformance suite, module by module, against the running server: each has a test of its name here.
//!
//! `docs/conformance.md` is this table; `GUICHET_WRITE_CONFORMANCE=1` writes it.

mod client_credentials;
mod message_signing;
mod message_signing_shared;
mod modules;
pub mod parties;
mod private_key;
mod security_profile;

use crate::rules::tests_in;
use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

struct Plan {
    title: &'static str,
    variants: &'static str,
    files: &'static [&'static str],
    modules: &'static [&'static str],
}

const PREFIX: &str = "fapi2-security-profile-final-";

/// Of both plans with an authorization endpoint.
const SHARED: [&str; 32] = [
    "discovery-end-point-verification",
    "happy-flow",
    "user-rejects-authentication",
    "ensure-authorization-request-without-state-success",
    "ensure-other-scope-order-succeeds",
    "access-token-type-header-case-sensitivity",
    "ensure-different-state-inside-and-outside-request-object",
    "ensure-authorization-request-with-long-state",
    "state-only-outside-request-object-not-used",
    "ensure-request-object-without-redirect-uri-fails",
    "plain-fapi-tolerate-unregistered-redirect-uri",
    "ensure-unsigned-authorization-request-without-using-par-fails",
    "ensure-redirect-uri-in-authorization-request",
    "ensure-response-type-code-idtoken-fails",
    "ensure-response-type-token-fails",
    "ensure-client-id-in-token-endpoint",
    "ensure-holder-of-key-required",
    "ensure-authorization-code-is-bound-to-client",
    "attempt-reuse-authorization-code-after-one-second",
    "ensure-token-endpoint-fails-with-expired-auth-code",
    "refresh-token",
    "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds",
    "par-attempt-reuse-request_uri",
    "par-attempt-to-use-expired-request_uri",
    "par-attempt-to-use-request_uri-for-different-client",
    "par-authorization-request-containing-request_uri-form-param",
    "par-attempt-invalid-http-method",
    "par-ensure-pkce-required",
    "ensure-pkce-code-verifier-required",
    "incorrect-pkce-code-verifier-rejected",
    "par-plain-pkce-rejected",
    "par-without-duplicate-parameters",
];

const CLIENT_CREDENTIALS: [&str; 5] = [
    "discovery-end-point-verification",
    "happy-flow",
    "access-token-type-header-case-sensitivity",
    "ensure-client-id-in-token-endpoint",
    "ensure-holder-of-key-required",
];

/// Beside the shared ones.
const SIGNED: [&str; 14] = [
    "ensure-request-object-with-multiple-aud-succeeds",
    "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted",
    "ensure-request-object-without-exp-fails",
    "ensure-request-object-without-nbf-fails",
    "ensure-expired-request-object-fails",
    "ensure-request-object-with-bad-aud-fails",
    "ensure-request-object-with-exp-over-60-fails",
    "ensure-request-object-with-nbf-over-60-fails",
    "ensure-signed-request-object-with-RS256-fails",
    "ensure-request-object-signature-algorithm-is-not-none",
    "ensure-request-object-with-invalid-signature-fails",
    "ensure-matching-key-in-authorization-request",
    "ensure-unsigned-request-at-par-endpoint-fails",
    "par-authorization-request-containing-request_uri",
];

/// Beside those of each plan whose clients sign who they are.
const PRIVATE_KEY: [&str; 10] = [
    "ensure-signed-client-assertion-with-RS256-fails",
    "ensure-client-assertion-in-token-endpoint",
    "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails",
    "ensure-client-assertion-with-wrong-aud-fails",
    "ensure-client-assertion-with-no-sub-fails",
    "par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted",
    "par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails",
    "par-test-array-as-audience-fails",
    "par-test-par-endpoint-url-as-audience-fails",
    "par-test-token-endpoint-url-as-audience-fails",
];

const MESSAGE_SIGNING: [&str; 46] = both(SHARED, SIGNED);

const fn both<const A: usize, const B: usize, const ALL: usize>(some: [&'static str; A], more: [&'static str; B]) -> [&'static str; ALL] {
    let (mut all, mut i) = ([""; ALL], 0);
    while i < ALL {
        all[i] = if i < A { some[i] } else { more[i - A] };
        i += 1;
    }
    all
}

const PLANS: [Plan; 4] = [
    Plan {
        title: "fapi2-security-profile-final",
        variants: "plain_fapi, plain_oauth, mtls (client authentication and sender constraint), unsigned, plain_response",
        files: &["security_profile.rs"],
        modules: &SHARED,
    },
    Plan {
        title: "fapi2-security-profile-final, client credentials",
        variants: "fapi_client_credentials_grant, plain_oauth, mtls (both), unsigned, plain_response",
        files: &["client_credentials.rs"],
        modules: &CLIENT_CREDENTIALS,
    },
    Plan {
        title: "fapi2-message-signing-final",
        variants: "plain_fapi, plain_oauth, mtls (both), signed_non_repudiation, jarm",
        files: &["message_signing.rs", "message_signing_shared.rs"],
        modules: &MESSAGE_SIGNING,
    },
    Plan {
        title: "All of them with private_key_jwt",
        variants: "private_key_jwt (client authentication), mtls (sender constraint): these beside the others",
        files: &["private_key.rs"],
        modules: &PRIVATE_KEY,
    },
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `par-attempt-reuse-request_uri` -> `par_attempt_reuse_request_uri`.
fn function_of(module: &str) -> String {
    module.replace('-', "_").to_ascii_lowercase()
}

fn functions(plan: &Plan) -> BTreeSet<String> {
    let folder = root().join("tests/it/openid_suite");
    plan.files.iter().flat_map(|file| tests_in(&fs::read_to_string(folder.join(file)).unwrap())).collect()
}

/// What the list says that the functions do not, and the other way round.
fn contradictions(plan: &Plan, functions: &BTreeSet<String>) -> Vec<String> {
    let listed: BTreeSet<_> = plan.modules.iter().map(|module| function_of(module)).collect();
    let missing = listed.difference(functions).map(|name| format!("{name} has no test"));
    let unknown = functions.difference(&listed).map(|name| format!("there is no module {name}"));
    missing.chain(unknown).collect()
}

fn rendered() -> String {
    let mut text = "# The OpenID Foundation's conformance suite\n\n\
        Written by `GUICHET_WRITE_CONFORMANCE=1 cargo test --test it openid_suite`; a test compares. Each module of the suite's plans for FAPI 2.0\n\
        has a test of the same name and meaning in `tests/it/openid_suite`, which speaks to the running server over TLS as the module does. That\n\
        is no certification, and not the suite itself: [conformance](../conformance/README.md) tells how to run that, and what it last found.\n\n\
        Names stand without `fapi2-security-profile-final-`, which they all begin with.\n"
        .to_owned();
    for plan in &PLANS {
        let (all, files) = (plan.modules.len(), plan.files.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>().join(", "));
        write!(text, "\n## {}\n\n{}. {all} modules, tested in {files}:\n\n", plan.title, plan.variants).unwrap();
        for module in plan.modules {
            writeln!(text, "- `{module}`").unwrap();
        }
    }
    text.push_str(
        "\n`ensure-other-scope-order-succeeds` is skipped by the suite where a plan says `plain_oauth`, which may have one scope only; here there\n\
         are two, so it is tested.\n",
    );
    text
}

#[test]
fn every_module_has_its_test() {
    for plan in &PLANS {
        let found = contradictions(plan, &functions(plan));
        assert!(found.is_empty(), "{}: {found:#?}", plan.title);
        let once: BTreeSet<_> = plan.modules.iter().collect();
        assert_eq!(once.len(), plan.modules.len(), "{}", plan.title);
        assert!(!plan.modules.iter().any(|module| module.starts_with(PREFIX)));
    }
}

#[test]
fn a_missing_or_a_needless_test_is_found() {
    let plan = &PLANS[0];
    let mut there = functions(plan);
    assert!(there.remove("happy_flow") && there.insert("sad_flow".to_owned()));
    assert_eq!(contradictions(plan, &there), ["happy_flow has no test", "there is no module sad_flow"]);
}

#[test]
fn the_document_is_this_table() {
    let (file, text) = (root().join("docs/conformance.md"), rendered());
    if std::env::var_os("GUICHET_WRITE_CONFORMANCE").is_some() {
        fs::write(&file, &text).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&file).unwrap_or_default(),
        text,
        "docs/conformance.md is old: GUICHET_WRITE_CONFORMANCE=1 writes it anew"
    );
}
