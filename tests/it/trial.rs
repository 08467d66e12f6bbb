//! `guichet try` against the test bank: every journey, at both banks, and not one secret in what it prints.

use crate::harness::{Bank, CIC, LBP, bank::BRANDS, bank::pki};
use clap::Parser;
use guichet::trial::{self, TryArgs};
use std::path::Path;

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    args: TryArgs,
}

/// What a journey printed, and how it ended. `options` come after those that name the bank.
async fn attempt(bank: &Bank, issuer: &str, options: &[&str]) -> (String, Result<(), String>) {
    let file = |name: &str| pki().1.file(name).display().to_string();
    let brand = BRANDS.into_iter().find(|brand| issuer.contains(brand.psu_host)).expect("a brand of the test bank");
    let mut words: Vec<String> = ["try", "--issuer", issuer, "--ca", &file("server-ca.pem")].map(str::to_owned).into();
    words.extend(["--internal".into(), format!("https://localhost:{}/brands/{}/introspect", bank.internal.port(), brand.id)]);
    for (option, name) in [("--gateway-ca", "bank-ca.pem"), ("--gateway-cert", "gateway.pem"), ("--gateway-key", "gateway.key")] {
        words.extend([option.to_owned(), file(name)]);
    }
    if !options.contains(&"--cert") {
        words.extend(["--cert".into(), file("all.pem"), "--key".into(), file("all.key")]);
    }
    words.extend(options.iter().map(|option| (*option).to_owned()));
    let args = Options::try_parse_from(words).unwrap_or_else(|error| panic!("{error}")).args;
    let mut out = vec![];
    let ended = trial::run(&args, Path::new("nowhere"), &mut out).await;
    let printed = String::from_utf8(out).unwrap();
    let leaked = leaks(&printed);
    assert!(leaked.is_empty(), "shown: {leaked:?} in\n{printed}");
    (printed, ended)
}

/// Random like a secret, and meant to be seen.
const PUBLIC: [&str; 3] = ["state", "code_challenge", "software_id"];
/// What stands before a secret in forms, JSON, cookies and headers.
const BEFORE: [&str; 16] = [
    "access_token\": \"",
    "refresh_token\": \"",
    "registration_access_token\": \"",
    "client_secret\": \"",
    "sub\": \"",
    "?code=",
    "&code=",
    "token=",
    "code_verifier=",
    "csrf=",
    "password=",
    "customer=",
    "__Host-guichet=",
    "authorization: Basic ",
    "authorization: Bearer ",
    "client_secret=",
];

/// Everything that looks like a secret: a handle, 32 or more random characters, whatever stands where a secret stands.
fn leaks(printed: &str) -> Vec<String> {
    let of_base64 = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let mut found = vec![];
    for line in printed.lines() {
        let mut name = "";
        for word in line.split(|c| !of_base64(c)).filter(|word| !word.is_empty()) {
            let handle = ["guat_", "gurt_", "guac_", "gurg_"].iter().any(|kind| word.starts_with(kind)) && word.len() > 9;
            let random = word.len() >= 32 && word.contains(|c: char| c.is_ascii_digit()) && word.contains(|c: char| c.is_ascii_uppercase());
            if handle || random && !PUBLIC.contains(&name) {
                found.push(word.to_owned());
            }
            name = word;
        }
        for before in BEFORE {
            let shown = line.split(before).skip(1).map(|rest| rest.trim_start_matches(of_base64).chars().next());
            found.extend(shown.filter(|next| *next != Some('…')).map(|_| format!("{before} in {line}")));
        }
    }
    found
}

#[test]
fn the_search_for_secrets_finds_them() {
    let handle = format!("guat_{}", "A1b2".repeat(16));
    for line in [
        format!("<     \"x\": \"{handle}\","),
        format!(">   authorization: Basic {}", "QWxh".repeat(9)),
        ">   grant_type=password&password=sandbox".into(),
        format!("<   set-cookie: __Host-guichet={}; Path=/", "k".repeat(43)),
        format!("something: {}", "A1b2".repeat(8)),
        "<   location: https://tpp.example/callback?code=short&state=x".into(),
    ] {
        assert!(!leaks(&line).is_empty(), "{line}");
    }
    assert!(leaks(&format!(">   code=guac_AaH8…(69)&state={}", "A1b2".repeat(8))).is_empty());
}

#[tokio::test]
async fn everything_at_both_banks() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (printed, ended) = attempt(&bank, &bank.issuer(brand), &["all"]).await;
        assert_eq!(ended, Ok(()), "{printed}");
        let told = ["RFC 7591", "RFC 7592 s2.1", "RFC 6749 s4.1.3", "RFC 7009", "RFC 7662", "RFC 6749 s4.4", "RFC 7592 s2.3"];
        assert!(told.iter().all(|section| printed.contains(section)), "{printed}");
        assert_eq!(printed.matches("--- channel ").count(), brand.channels.len());
        assert_eq!(printed.contains("RFC 6749 s6"), brand.refresh);
        // the check above saw secrets of each kind, masked
        let mut kinds =
            vec!["password=…(7)", "csrf=", "code=guac_", "access_token\": \"guat_", "__Host-guichet=", "token=gu", "Bearer gurg_"];
        kinds.extend(brand.basic.then_some("Basic "));
        kinds.extend(brand.refresh.then_some("refresh_token=gurt_"));
        assert!(kinds.iter().all(|kind| printed.contains(kind)), "{kinds:?}\n{printed}");
    }
    let left: i64 =
        sqlx::query_scalar("select count(*) from clients where deleted_at is null").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(left, 0, "every client was deleted");
}

/// A payment as it goes: lodged, approved where its link leads, confirmed once.
#[tokio::test]
async fn a_whole_payment_at_both_banks() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (printed, ended) = attempt(&bank, &bank.issuer(brand), &["all", "--scope", "pisp"]).await;
        assert_eq!(ended, Ok(()), "{printed}");
        for told in ["lodged a payment", "&payment_request=", "\"payment_kind\": \"initiation\"", "spent on this one payment"] {
            assert!(printed.matches(told).count() >= brand.channels.len(), "{told}: {printed}");
        }
    }
    assert_eq!(bank.audited_kind("payment_used").await, 4);
}

#[tokio::test]
async fn each_journey_goes_as_far_as_its_name() {
    let bank = Bank::start().await;
    let (cic, lbp) = (bank.issuer(CIC), bank.issuer(LBP));
    for (issuer, journey, last, not) in [
        (&cic, "register", "RFC 7592 s2.1", "RFC 7592 s2.3"),
        (&cic, "authorize", "RFC 9207", "RFC 7636"),
        (&lbp, "token", "RFC 7636", "RFC 7662"),
        (&cic, "introspect", "RFC 7662", "RFC 7009"),
        (&cic, "refresh", "RFC 6749 s6", "RFC 7009"),
        (&lbp, "refresh", "nothing to refresh", "RFC 6749 s6"),
        (&lbp, "revoke", "the token is dead", "RFC 6749 s4.4"),
        (&cic, "client-credentials", "RFC 6749 s4.4", "RFC 9207"),
    ] {
        let (printed, ended) = attempt(&bank, issuer, &[journey, "--channel", "web"]).await;
        assert_eq!(ended, Ok(()), "{journey}: {printed}");
        assert!(printed.contains(last) && !printed.contains(not), "{journey}: {printed}");
    }
}

#[tokio::test]
async fn a_customer_who_fails_comes_home_on_every_channel() {
    let bank = Bank::start().await;
    for (brand, customer, errors) in [
        (CIC, "cancelled", &["access_denied"][..]),
        (LBP, "wrong_device", &["SCA_PSU_METHOD_ERROR", "SCA_PSU_DEVICE_ERROR"]),
        (LBP, "technical", &["temporarily_unavailable", "TPP_ENROLLMENT_TECHNICAL_ERROR"]),
    ] {
        let (printed, ended) = attempt(&bank, &bank.issuer(brand), &["all", "--customer", customer]).await;
        assert_eq!(ended, Ok(()), "{customer}: {printed}");
        let homes = printed.matches("the customer came home with ").count();
        assert_eq!(homes, brand.channels.len(), "{customer}: {printed}");
        assert!(errors.iter().all(|error| printed.contains(&format!("home with {error},"))), "{customer}: {printed}");
    }
}

#[tokio::test]
async fn a_failed_expectation_says_what_the_server_said() {
    let bank = Bank::start().await;
    let file = |name: &str| pki().1.file(name).display().to_string();
    let (expired, expired_key, aisp, aisp_key) = (file("expired.pem"), file("expired.key"), file("aisp.pem"), file("aisp.key"));
    for (options, why) in [
        (&["register", "--cert", &expired, "--key", &expired_key][..], "CERTIFICATE_EXPIRED"),
        (&["client-credentials", "--cert", &aisp, "--key", &aisp_key], "invalid_scope"),
        (&["token", "--customer", "nobody"], "does not let customer nobody in"),
        (&["token", "--password", "wrong"], "does not let customer approves in"),
        (&["token", "--scope", "unheard_of"], "invalid_scope"),
        (&["token", "--channel", "pph"], "there are: web"),
    ] {
        let (printed, ended) = attempt(&bank, &bank.issuer(CIC), options).await;
        let said = ended.unwrap_err();
        assert!(said.contains(why) && leaks(&said).is_empty(), "{options:?}: {said}\n{printed}");
    }
    let elsewhere = format!("https://{}:1", CIC.psu_host);
    assert!(attempt(&bank, &elsewhere, &["register"]).await.1.unwrap_err().contains("refused"));
}
