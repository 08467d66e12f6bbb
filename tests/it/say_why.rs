//! Say why: every rule of a certificate with its outcome, on the page, to the one who presents it, and at the command line.

use crate::{
    harness::{
        Bank, CIC, LBP, Reply,
        bank::{BRANDS, BankOptions, Brand, pki},
        command::run,
        wire::Wire,
    },
    pages::{protected, self_contained},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use guichet::{
    clock::{Clock, System},
    dev::qwac::{self, QwacSpec, Validity},
    http::REASONS,
    oauth::{brand::Lang, tpp::PspRole::AccountInformation},
    pages::certificate_texts,
    pki::{Anchors, Asked, Outcome, Reason, Rule, Trust, TrustPolicy, Verdict, assess, judge, read_chain},
    tls::files::load_certificates,
};
use reqwest::Method;
use rustls::pki_types::CertificateDer;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path, process::Command};
use time::Duration;

/// The codes of a table in the source, whose rows have `marker` before them.
fn codes(file: &str, marker: &str) -> BTreeSet<String> {
    let source = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let rows = source.lines().filter(|line| line.contains(marker));
    let found: BTreeSet<_> = rows.filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect();
    assert!(!found.is_empty(), "{file}");
    found
}

#[test]
fn every_reason_belongs_to_a_rule_and_has_a_text_in_every_language() {
    // that each reason has exactly one rule, the compiler says: `Rule::of` lists every variant
    let broken: BTreeSet<_> = REASONS.iter().map(Rule::of).collect();
    assert_eq!(broken, Rule::ALL.into_iter().collect(), "a rule that nothing breaks");
    assert!(Rule::ALL.is_sorted(), "rules are listed in their order");
    let reasons = codes("src/pki/reason.rs", "=> (");
    assert_eq!(reasons, REASONS.iter().map(|reason| reason.code().to_owned()).collect());
    let odd = codes("src/pki/report.rs", " => \"");
    let rules = Rule::ALL.into_iter().flat_map(|rule| ["title", "advice"].map(|part| format!("rule_{}_{part}", rule.name())));
    let all: BTreeSet<_> = reasons.into_iter().chain(odd).chain(rules).collect();
    for lang in [Lang::De, Lang::Es, Lang::Fr] {
        let has = certificate_texts(lang);
        let missing: Vec<_> = all.difference(has).collect();
        let spare: Vec<_> = has.difference(&all).collect();
        assert!(missing.is_empty() && spare.is_empty(), "{lang:?} lacks {missing:?} and has {spare:?}");
    }
    for rule in Rule::ALL {
        assert!(!rule.source().is_empty() && !rule.title().is_empty() && rule.advice().ends_with('.'), "{rule:?}");
    }
}

fn trust() -> Trust {
    Trust::new(Anchors::from_pem(&fs::read(pki().1.file("qtsp.pem")).unwrap()).unwrap(), TrustPolicy::default())
}

fn spec() -> QwacSpec {
    let now = System::new().now();
    QwacSpec::new(
        "PSDFR-ACPR-70400",
        "Test",
        &[AccountInformation],
        Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(30) },
    )
}

fn judged(bend: impl FnOnce(&mut QwacSpec)) -> Verdict {
    let mut spec = spec();
    bend(&mut spec);
    judge(&pki().1.qtsp.issue(&spec).unwrap().chain, &trust(), System::new().now())
}

/// The rules with this outcome.
fn with(verdict: &Verdict, outcome: &str) -> Vec<Rule> {
    assess(verdict, Asked::CertificateOnly)
        .into_iter()
        .filter(|assessed| assessed.outcome.name() == outcome)
        .map(|assessed| assessed.rule)
        .collect()
}

#[test]
fn what_could_not_be_judged_is_neither_kept_nor_broken() {
    use Rule::*;
    let expired = load_certificates(&pki().1.file("expired.pem")).unwrap();
    let garbage = judge(&[CertificateDer::from(vec![0x30, 0x81, 0x80])], &trust(), System::new().now());
    let stranger = judge(&load_certificates(&pki().1.file("untrusted.pem")).unwrap(), &trust(), System::new().now());
    let large = judge(&[CertificateDer::from(vec![0x30; 20_000])], &trust(), System::new().now());
    let after_form = Rule::ALL[3..].to_vec();
    let statements = vec![QcCompliance, QcType, Psd2Statement, Roles, Authority];
    for (case, verdict, fail, unreached) in [
        ("good", judged(|_| ()), vec![], vec![Service, Revocation, Standing]),
        ("none", Verdict::refused(Reason::CertificateMissing), vec![Presented], Rule::ALL[1..].to_vec()),
        ("too large", large, vec![Size], Rule::ALL[2..].to_vec()),
        ("garbage", garbage, vec![Form], after_form),
        ("expired", judge(&expired, &trust(), System::new().now()), vec![Validity], vec![Service, Revocation, Standing]),
        ("a stranger's", stranger, vec![Issuer], vec![Service, Path, Revocation, Standing]),
        (
            "not qualified",
            judged(|s| s.qc_statements = Some(vec![])),
            vec![QcStatements],
            [vec![Service], statements.clone(), vec![Revocation, Standing]].concat(),
        ),
        (
            "torn statements",
            judged(|s| s.qc_statements = Some(vec![0x30, 3, 2, 1, 0])),
            vec![QcStatements],
            [vec![Service], statements, vec![Revocation, Standing]].concat(),
        ),
        ("a seal", judged(|s| s.qc_type = qwac::QcType::Eseal), vec![QcType], vec![Service, Revocation, Standing]),
        ("no role", judged(|s| s.roles.clear()), vec![Roles], vec![Service, Revocation, Standing]),
        (
            "another form",
            judged(|s| s.organisation = "VATFR-1".into()),
            vec![OrganisationId],
            vec![Service, Authority, Revocation, Standing],
        ),
        ("an authority like none", judged(|s| s.nca_id = "?".into()), vec![Psd2Statement, Authority], vec![Service, Revocation, Standing]),
    ] {
        assert_eq!(with(&verdict, "fail"), fail, "{case}: {:?}", verdict.reasons);
        assert_eq!(with(&verdict, "not_reached"), unreached, "{case}: {:?}", verdict.reasons);
    }
    let lists = trust().with_crls(&[fs::read(pki().1.file("qtsp.crl")).unwrap()]).unwrap();
    for (name, outcome) in [("aisp", "pass"), ("revoked", "fail"), ("untrusted", "not_reached")] {
        let chain = load_certificates(&pki().1.file(&format!("{name}.pem"))).unwrap();
        assert!(with(&judge(&chain, &lists, System::new().now()), outcome).contains(&Revocation), "{name}");
    }
}

/// Whatever a certificate is, nothing that refuses it is lost, and no rule of which it says something passes.
#[test]
fn every_reason_is_told_once_under_its_rule() {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/qwac/certs");
    let folder = if whole.is_dir() {
        whole
    } else {
        eprintln!("\n*** {} IS ABSENT: only the sample in tests/it/fixtures/qwac is judged ***\n", whole.display());
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/qwac")
    };
    let (mut open, mut seen) = (vec![folder], 0);
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let Ok(chain) = read_chain(&fs::read(&path).unwrap()) else { continue };
        seen += 1;
        let verdict = judge(&chain, &trust(), System::new().now());
        let assessed = assess(&verdict, Asked::CertificateOnly);
        let mut told: Vec<_> = vec![];
        for one in &assessed {
            if let Outcome::Fail(reasons) = &one.outcome {
                assert!(!reasons.is_empty() && reasons.iter().all(|reason| Rule::of(reason) == one.rule), "{}", path.display());
                told.extend(reasons.iter().copied());
            }
        }
        assert_eq!(told.len(), verdict.reasons.len(), "{}: {:?}", path.display(), verdict.reasons);
        assert!(verdict.reasons.iter().all(|reason| told.contains(&reason)), "{}", path.display());
        if verdict.path.is_none() {
            let kept = with(&verdict, "pass");
            assert!(![Rule::Issuer, Rule::Path, Rule::Revocation].iter().any(|rule| kept.contains(rule)), "{}", path.display());
        }
    }
    eprintln!("{seen} certificates explained");
    assert!(seen > 5);
}

const BOUNDARY: &str = "----guichet-test";

/// As a browser sends the form: both fields, whether filled or not.
fn form(pasted: &[u8], file: &[u8]) -> Vec<u8> {
    let mut body = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"pasted\"\r\n\r\n").into_bytes();
    body.extend(pasted);
    body.extend(format!("\r\n--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"c\"\r\n").as_bytes());
    body.extend(b"Content-Type: application/octet-stream\r\n\r\n");
    body.extend(file);
    body.extend(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

struct Page<'a> {
    bank: &'a Bank,
    brand: Brand,
    lang: &'a str,
}

impl Page<'_> {
    fn url(&self) -> String {
        format!("{}/{}/{}/certificate", self.bank.origin(self.brand.psu_host), self.brand.id, self.lang)
    }

    async fn send_with(&self, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        let multipart = format!("multipart/form-data; boundary={BOUNDARY}");
        let own = if headers.iter().any(|(name, _)| *name == "content-type") { None } else { Some(("content-type", multipart.as_str())) };
        let headers: Vec<_> = headers.iter().copied().chain(own).collect();
        let reply = self.bank.browser().send(Method::POST, &self.url(), &headers, body).await;
        protected(&reply);
        self_contained(&reply);
        reply
    }

    async fn paste(&self, text: impl AsRef<[u8]>) -> Reply {
        self.send_with(&[("origin", &self.bank.origin(self.brand.psu_host))], form(text.as_ref(), b"")).await
    }

    async fn upload(&self, file: &[u8]) -> Reply {
        self.send_with(&[], form(b"", file)).await
    }
}

fn file(name: &str) -> Vec<u8> {
    fs::read(pki().1.file(name)).unwrap()
}

/// Everything that is kept of requests.
async fn kept(bank: &Bank) -> (i64, i64) {
    let pool = bank.pool().await;
    let count = async |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(&pool).await.unwrap();
    (count("select count(*) from audit_events").await, count("select count(*) from certificates").await)
}

#[tokio::test]
async fn a_pasted_certificate_is_explained_in_every_form_and_language_and_kept_nowhere() {
    let bank = Bank::start().await;
    let before = kept(&bank).await;
    let pem = String::from_utf8(file("aisp.pem")).unwrap();
    let der = load_certificates(&pki().1.file("aisp.pem")).unwrap().remove(0).to_vec();
    for brand in BRANDS {
        for (lang, accepts) in [
            ("de", "akzeptiert dieses Zertifikat"),
            ("en", "accepts this certificate"),
            ("es", "acepta este"),
            ("fr", "accepte ce certificat"),
        ] {
            let page = Page { bank: &bank, brand, lang };
            let empty = bank.browser().get(&page.url()).await.ok(200);
            protected(&empty);
            assert!(empty.body.contains("enctype=\"multipart/form-data\"") && empty.body.contains("<textarea id=\"pasted\""), "{empty:?}");
            assert_eq!(empty.header("content-language"), lang);
            let shown = page.paste(&pem).await.ok(200);
            for text in [accepts, "PSDFR-ACPR-", "PSP_AI", "FR-ACPR", "SHA-256", "outcome pass", &format!("<html lang=\"{lang}\"")] {
                assert!(shown.body.contains(text), "{text}: {}", shown.body);
            }
            assert!(!shown.body.contains("outcome fail") && !shown.body.contains("BEGIN CERTIFICATE\n"), "{}", shown.body);
        }
        let page = Page { bank: &bank, brand, lang: "en" };
        for reply in [
            page.paste(pem.replace('\n', "\r\n")).await,
            page.paste(format!("Bag Attributes\n\n{pem}\nsubject=/CN=x\n")).await,
            page.paste(pem.replace('\n', "\\n")).await,
            page.paste(STANDARD.encode(&der)).await,
            page.upload(&der).await,
            page.upload(pem.as_bytes()).await,
        ] {
            assert!(reply.ok(200).body.contains("accepts this certificate"));
        }
        let short = format!("{}/en/certificate", bank.origin(brand.psu_host));
        assert!(bank.browser().get(&short).await.ok(200).body.contains("Check a certificate"));
    }
    assert_eq!(kept(&bank).await, before, "nothing is stored");
}

#[tokio::test]
async fn a_refused_certificate_is_told_what_is_wrong_and_what_to_ask_for() {
    let bank = Bank::start().await;
    let page = Page { bank: &bank, brand: CIC, lang: "en" };
    for (name, code, source, advice) in [
        ("expired", "CERTIFICATE_EXPIRED", "RFC 5280 s4.1.2.5", "ask your QTSP for a renewal"),
        ("untrusted", "ISSUER_NOT_TRUSTED", "ETSI TS 119 615", "Send the intermediate certificates along"),
        ("revoked", "CERTIFICATE_REVOKED", "RFC 5280 s6.3", "does not come back"),
        ("qsealc", "QSEAL_CERTIFICATE", "ETSI EN 319 412-5 s4.2.3", "Ask your QTSP for a QWAC"),
    ] {
        let shown = page.paste(file(&format!("{name}.pem"))).await.ok(200);
        for text in ["refuses this certificate", code, source, advice, "outcome fail", "outcome pass"] {
            assert!(shown.body.contains(text), "{name} {text}: {}", shown.body);
        }
    }
    let french = Page { lang: "fr", ..page }.paste(file("expired.pem")).await.ok(200);
    assert!(french.body.contains("Le certificat a expiré") && french.body.contains("CERTIFICATE_EXPIRED"), "{}", french.body);
    // the clock that judges is the server's
    bank.clock.advance(Duration::days(4_000));
    let late = Page { bank: &bank, brand: LBP, lang: "en" }.paste(file("aisp.pem")).await.ok(200);
    assert!(late.body.contains("CERTIFICATE_EXPIRED"), "{}", late.body);
}

#[tokio::test]
async fn what_is_no_certificate_is_turned_away_and_a_private_key_is_never_repeated() {
    let bank = Bank::start().await;
    let page = Page { bank: &bank, brand: CIC, lang: "en" };
    let (pem, key) = (file("aisp.pem"), String::from_utf8(file("aisp.key")).unwrap());
    let line = key.lines().nth(1).unwrap();
    let bare: String = key.lines().filter(|line| !line.starts_with('-')).collect();
    let both = [String::from_utf8(pem.clone()).unwrap(), key.clone()].concat();
    for reply in [
        page.paste(&key).await,
        page.paste(&both).await,
        page.paste(&bare).await,
        page.upload(&STANDARD.decode(&bare).unwrap()).await,
        page.send_with(&[], form(&pem, key.as_bytes())).await,
    ] {
        let reply = reply.ok(400);
        assert!(reply.body.contains("compromised") && reply.body.contains("role=\"alert\""), "{reply:?}");
        assert!(!reply.body.contains(line) && !reply.body.contains("PSDFR"), "nothing of it was looked at: {reply:?}");
    }
    for (reply, status, told) in [
        (page.paste("").await, 400, "Paste a certificate or choose a file"),
        (page.paste(" \r\n ").await, 400, "Paste a certificate or choose a file"),
        (page.paste("hello <b>").await, 400, "There is no certificate in it"),
        (page.upload(b"\x00\x01\x02").await, 400, "There is no certificate in it"),
        (page.send_with(&[], form(&pem, &pem)).await, 400, "not both"),
        (page.upload(&[0x30, 0x82, 0xff, 0xff, 0x30]).await, 200, "CERTIFICATE_MALFORMED"),
        (page.paste("x".repeat(70_000)).await, 413, "too large"),
        (page.send_with(&[], b"--other".to_vec()).await, 400, "not valid"),
        (page.send_with(&[("content-type", "text/plain")], pem.clone()).await, 415, "not valid"),
        (page.send_with(&[("origin", "https://elsewhere.example")], form(&pem, b"")).await, 403, "not valid"),
        (page.send_with(&[("origin", "null")], form(&pem, b"")).await, 403, "not valid"),
    ] {
        assert!(reply.status == status && reply.body.contains(told) && !reply.body.contains("<b>"), "{status} {told}: {reply:?}");
    }
    for lang in ["xx", "EN", "en-GB", "%20"] {
        let reply = Page { lang, ..page }.paste(&pem).await.ok(404);
        assert!(!reply.body.contains("accepts"), "{lang}");
    }
}

#[tokio::test]
async fn a_hostile_certificate_is_shown_and_does_nothing() {
    let bank = Bank::start().await;
    let page = Page { bank: &bank, brand: CIC, lang: "en" };
    for (name, shown) in [
        ("<script>alert(1)</script>", "&#60;script&#62;alert(1)&#60;/script&#62;"),
        ("Acme\u{202e}knab\u{200b}", "Acme\\u{202e}knab\\u{200b}"),
    ] {
        let spec = QwacSpec { legal_name: name.into(), ..spec() };
        let reply = page.upload(&pki().1.qtsp.issue(&spec).unwrap().chain[0]).await.ok(200);
        assert!(reply.body.contains(shown) && !reply.body.contains(name), "{}", reply.body);
    }
}

#[tokio::test]
async fn whoever_presents_a_certificate_learns_what_is_thought_of_it() {
    let bank = Bank::start().await;
    let before = kept(&bank).await;
    for brand in BRANDS {
        let url = format!("{}/{}/certificate", bank.origin(brand.tpp_host), brand.id);
        let link = bank.browser().get(&format!("{}/.well-known/oauth-authorization-server", bank.origin(brand.psu_host))).await.json();
        assert_eq!(link["certificate_endpoint"], url);
        for (who, wire, code) in [
            ("good", Wire::with_file(&bank, "all"), None),
            ("expired", Wire::with_file(&bank, "expired"), Some("CERTIFICATE_EXPIRED")),
            ("untrusted", Wire::with_file(&bank, "untrusted"), Some("ISSUER_NOT_TRUSTED")),
            ("revoked", Wire::with_file(&bank, "revoked"), Some("CERTIFICATE_REVOKED")),
            ("none", bank.browser(), Some("CERTIFICATE_MISSING")),
        ] {
            let reply = wire.get(&url).await.ok(200);
            assert!(reply.header("cache-control").contains("no-store") && reply.header("content-type") == "application/json", "{reply:?}");
            let told = reply.json();
            assert_eq!(told["accepted"], code.is_none(), "{who}: {told}");
            let rules = told["rules"].as_array().unwrap();
            let findings: Vec<_> = rules.iter().flat_map(|rule| rule["findings"].as_array().unwrap()).map(|f| &f["code"]).collect();
            assert_eq!(findings.iter().filter_map(|code| code.as_str()).next(), code, "{who}: {told}");
            assert_eq!(rules.len(), Rule::ALL.len(), "{who}");
            let standing = rules.last().unwrap();
            assert_eq!(
                (&standing["rule"], &standing["outcome"]),
                (&"standing".into(), &if code.is_none() { "pass" } else { "not_reached" }.into())
            );
            assert_eq!(told["certificate"].is_null(), who == "none", "{told}");
            assert_eq!(told["path"].is_null(), ["none", "untrusted"].contains(&who), "{told}");
            let page = wire.send(Method::GET, &url, &[("accept", "text/html, */*;q=0.1"), ("accept-language", "de")], "").await.ok(200);
            let verdict = if code.is_some() { "lehnt dieses Zertifikat ab" } else { "akzeptiert dieses Zertifikat" };
            assert!(page.body.contains(verdict) && !page.body.contains("<form"), "{who}: {}", page.body);
            self_contained(&page);
            let css = page.body.split("stylesheet\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            wire.get(&format!("{}{css}", bank.origin(brand.tpp_host))).await.ok(200);
        }
        let developers = bank.browser().get(&format!("{}/{}/developers", bank.origin(brand.psu_host), brand.id)).await.ok(200);
        let link = developers.body.split("href=\"").find(|rest| rest.split('"').next().unwrap().ends_with("/certificate")).unwrap();
        bank.browser().get(&format!("{}{}", bank.origin(brand.psu_host), link.split('"').next().unwrap())).await.ok(200);
    }
    assert_eq!(kept(&bank).await, before, "no look is stored");
}

#[tokio::test]
async fn the_command_line_tells_the_same_as_text_and_as_json() {
    let (_, pki) = pki();
    let inspect = async |name: &str, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guichet"));
        command.args(["cert", "inspect"]).arg(pki.file(name)).arg("--anchors").arg(pki.file("qtsp.pem")).args(more);
        let output = run(command, "").await;
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = inspect("aisp.pem", &[]).await;
    assert!(code == Some(0) && text.ends_with("verdict: accepted\n"), "{text}");
    assert!(text.contains("trusted by") && text.contains("  not reached The issuer has not revoked it [RFC 5280 s6.3]"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("  pass ")).count(), Rule::ALL.len() - 3, "{text}");
    let (code, text) = inspect("qsealc.pem", &[]).await;
    assert!(code == Some(6) && text.contains("  FAIL        It is for website authentication [ETSI EN 319 412-5 s4.2.3]"), "{text}");
    assert!(text.contains(Rule::QcType.advice()), "{text}");
    let (code, text) = inspect("expired.pem", &["--json"]).await;
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &told["accepted"]), (Some(6), &Value::Bool(false)));
    let failed: Vec<_> = told["rules"].as_array().unwrap().iter().filter(|rule| rule["outcome"] == "fail").collect();
    assert_eq!((failed.len(), failed[0]["rule"].as_str()), (1, Some("validity")), "{told}");
    assert_eq!(failed[0]["findings"][0]["code"], "CERTIFICATE_EXPIRED");
}

/// What the bank has against a TPP is that TPP's to know: anybody may paste its certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_is_told_to_the_blocked_alone() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let tpp = bank.tpp([AccountInformation]);
    let url = format!("{}/{}/certificate", bank.origin(CIC.tpp_host), CIC.id);
    assert_eq!(tpp.wire.get(&url).await.json()["accepted"], true);
    bank.block(&["--organisation", &tpp.organisation]).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let told = loop {
        let told = tpp.wire.get(&url).await.ok(200).json();
        if told["accepted"] == false {
            break told;
        }
        assert!(std::time::Instant::now() < deadline, "{told}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let failed: Vec<_> = told["rules"].as_array().unwrap().iter().filter(|rule| rule["outcome"] == "fail").collect();
    assert_eq!(
        (failed.len(), &failed[0]["rule"], &failed[0]["findings"][0]["code"]),
        (1, &"standing".into(), &"CERTIFICATE_BLOCKED".into())
    );
    let pasted = Page { bank: &bank, brand: CIC, lang: "en" }.upload(&tpp.chain[0]).await.ok(200);
    assert!(pasted.body.contains("accepts this certificate") && !pasted.body.contains("BLOCKED"), "{}", pasted.body);
}
