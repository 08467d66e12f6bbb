//! The kill switch at the machine endpoints: by whatever it names, on connections that are open, at every replica within a
//! second; nothing is revoked, and lifting restores.

use crate::harness::{
    Bank, CIC, Client, LBP, Tpp,
    bank::BankOptions,
    hello::{Hello, exchange, status},
    tpp::introspect,
    traffic::{Identity, Line, Request, until},
};
use guichet::{
    clock::Clock,
    dev::qwac::{Issued, QwacSpec, Validity},
    oauth::tpp::PspRole::{AccountInformation, PaymentInitiation},
    pki::{Anchors, Trust, TrustPolicy, judge},
    standing::fingerprint,
};
use reqwest::Method;
use sha2::{Digest, Sha256};
use sqlx::Row;
use std::{fs, time::Duration};
use tokio::io::AsyncWriteExt;

const ROLES: [guichet::oauth::tpp::PspRole; 2] = [AccountInformation, PaymentInitiation];

/// A spec of an organisation of this test's own.
pub fn spec(bank: &Bank, organisation: &str) -> QwacSpec {
    let now = bank.clock.now();
    let validity = Validity { not_before: now - time::Duration::days(1), not_after: now + time::Duration::days(730) };
    QwacSpec::new(organisation, &format!("Société {organisation}"), &ROLES, validity)
}

/// Two servers on one database, and the settings for the command line.
pub async fn replicas(options: &BankOptions) -> [Bank; 2] {
    let copy = |database| BankOptions { database, ..options.clone() };
    let one = Bank::with(copy(None)).await;
    let two = Bank::with(copy(Some(one.database.clone()))).await;
    one.write_config(options);
    [one, two]
}

/// A TPP with a client at a brand, and a connection to each replica.
pub async fn caller<'a>(banks: &'a [Bank; 2], organisation: &str) -> (Client<'a>, Issued, [Line; 2]) {
    let (issued, identity) = Identity::issue(&spec(&banks[0], organisation));
    let copy =
        Issued { chain: issued.chain.clone(), key: issued.key.clone_key(), pem: issued.pem.clone(), key_pem: issued.key_pem.clone() };
    let client = banks[0].tpp_issued(copy, organisation).register(CIC).await;
    let lines = [Line::open(&banks[0], CIC, &identity).await, Line::open(&banks[1], CIC, &identity).await];
    (client, issued, lines)
}

/// Issuer as `cert inspect` shows it, and the SHA-256 of its key.
fn issuer(issued: &Issued, now: time::OffsetDateTime) -> (String, String) {
    let anchors = Anchors::from_pem(&fs::read(crate::harness::bank::pki().1.file("qtsp.pem")).unwrap()).unwrap();
    let verdict = judge(&issued.chain, &Trust::new(anchors, TrustPolicy::default()), now);
    let key = Sha256::digest(&verdict.path.unwrap().issuer.spki).into();
    (verdict.facts.unwrap().issuer, fingerprint::hex(&key))
}

fn soon(took: Duration, what: &str) {
    println!("{what}: at both replicas {took:?} after the command ended");
    assert!(took < Duration::from_secs(1), "{what}: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_block_names_is_out_within_a_second_on_open_connections_and_in_again_when_it_is_lifted() {
    let banks = replicas(&BankOptions::default()).await;
    let (client, issued, mut lines) = caller(&banks, "PSDFR-ACPR-80001").await;
    let (other, _, mut others) = caller(&banks, "PSDFR-ACPR-80002").await;
    let tokens = client.tokens("web", "aisp").await;
    let (access, refresh) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let (pisp, aisp, theirs) =
        (Request::client_credentials(&client), Request::refresh(&client, refresh), Request::client_credentials(&other));
    let thumbprint = fingerprint::hex(&Sha256::digest(&issued.chain[0]).into());
    let (issuer_name, issuer_key) = issuer(&issued, banks[0].clock.now());
    let organisation = client.tpp.organisation.as_str();

    // the flags, what aisp and pisp meet then, what another organisation meets, and whether the bank's API goes on
    let out = "401 CERTIFICATE_BLOCKED";
    let cases: [(&[&str], &str, &str, &str, bool); 7] = [
        (&["--organisation", organisation], out, out, "200", false),
        (&["--certificate", &thumbprint], out, out, "200", true),
        (&["--issuer", &issuer_name], out, out, out, true),
        (&["--issuer-key", &issuer_key], out, out, out, true),
        (&["--role", "PSP_AI"], "400 ROLE_INVALID", "200", "200", false),
        (&["--role", "PSP_PI"], "200", "400 ROLE_INVALID", "400 ROLE_INVALID", true),
        (&["--role", "PSP_AI", "--organisation", organisation], "400 ROLE_INVALID", "200", "200", false),
    ];
    for (flags, of_aisp, of_pisp, of_other, active) in cases {
        let what = flags.join(" ");
        let id = banks[0].block(flags).await;
        let (first, told) = if of_aisp == "200" { (&pisp, of_pisp) } else { (&aisp, of_aisp) };
        soon(until(&mut lines, first, told).await, &format!("blocked {what}"));
        for (at, line) in lines.iter_mut().enumerate() {
            assert_eq!((line.ask(&aisp).await, line.ask(&pisp).await), (of_aisp.to_owned(), of_pisp.to_owned()), "{what}, replica {at}");
            assert_eq!(others[at].ask(&theirs).await, of_other, "{what}, replica {at}");
        }
        assert_eq!(client.is_active(access).await, active, "{what}: the token alone");
        let with_certificate = introspect(&banks[0], CIC, &[("token", access), ("certificate_thumbprint", &thumbprint)]).await.json();
        assert_eq!(with_certificate["active"], of_aisp == "200", "{what}: the token with its certificate");
        let again = banks[0].operator(&[&["block", "add", "--reason", "again"], flags].concat()).await;
        assert!(again.starts_with("blocked already") && again.contains(&id) && again.contains("fraud suspected"), "{again}");
        let known = if flags.contains(&"--organisation") {
            "1 registered client"
        } else if flags[0] == "--certificate" {
            "was seen"
        } else {
            "many"
        };
        assert!(again.contains(known), "{again}");

        banks[1].write_config(&BankOptions::default());
        banks[1].unblock(&id).await;
        soon(until(&mut lines, first, "200").await, &format!("lifted {what}"));
        for (at, line) in lines.iter_mut().enumerate() {
            assert_eq!(
                (line.ask(&aisp).await, line.ask(&pisp).await, others[at].ask(&theirs).await),
                ("200".into(), "200".into(), "200".into())
            );
        }
        assert!(client.is_active(access).await, "{what}: nothing was revoked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_of_one_brand_is_no_other_brands_and_holds_at_every_endpoint() {
    let options = BankOptions::default();
    let bank = Bank::with(BankOptions::default()).await;
    bank.write_config(&options);
    let tpp = bank.tpp(ROLES);
    let (here, there) = (tpp.register(CIC).await, tpp.register(LBP).await);
    let token = here.tokens("web", "aisp").await["access_token"].as_str().unwrap().to_owned();
    let id = bank.block(&["--organisation", &tpp.organisation, "--brand", "cic"]).await;
    while here.client_credentials().await.status == 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let blocked = |reply: crate::harness::Reply| assert_eq!(reply.refused(401, "invalid_client").description(), "CERTIFICATE_BLOCKED");
    blocked(here.client_credentials().await);
    blocked(here.revoke(&token).await);
    blocked(tpp.try_register(CIC, &Tpp::metadata(CIC)).await);
    for method in [Method::GET, Method::PUT] {
        blocked(here.manage(method, &Tpp::metadata(CIC)).await);
    }
    blocked(here.delete().await);
    there.client_credentials().await.ok(200);
    assert!(!here.is_active(&token).await);
    tpp.try_register(LBP, &Tpp::metadata(LBP)).await.ok(201);
    bank.unblock(&id).await;
    while here.client_credentials().await.status != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(here.is_active(&token).await, "neither did the refused revocation revoke it");
    here.delete().await.ok(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_blocked_and_why_is_kept_and_refusals_once_a_minute() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let client = bank.tpp(ROLES).register(CIC).await;
    let organisation = client.tpp.organisation.clone();
    let id = bank.block(&["--organisation", &organisation, "--by", "Ines of fraud"]).await;
    while client.client_credentials().await.status == 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for _ in 0..5 {
        client.client_credentials().await.refused(401, "invalid_client");
    }
    assert_eq!(bank.audited("standing_refused", "CERTIFICATE_BLOCKED").await, 1);
    bank.clock.advance(time::Duration::seconds(61));
    client.client_credentials().await.refused(401, "invalid_client");
    assert_eq!(bank.audited("standing_refused", "CERTIFICATE_BLOCKED").await, 2);
    bank.operator(&["block", "notified", &id, "--on", "2026-11-27", "--reference", "ACPR-2026-77", "--by", "Paul"]).await;
    bank.unblock(&id).await;

    let rows = sqlx::query(
        r"select kind, brand, coalesce(regexp_replace(actor, ' \(.*\)$', ''), '') actor, coalesce(reason, '') reason, organisation, subject from audit_events
         where kind like 'block_%' or kind = 'standing_refused' order by kind, id",
    )
    .fetch_all(&bank.pool().await)
    .await
    .unwrap();
    let kept: Vec<[String; 4]> = rows.iter().map(|row| ["kind", "brand", "actor", "reason"].map(|column| row.get(column))).collect();
    let of = format!("organisation {organisation}");
    let expected = [
        ["block_added", "*", "Ines of fraud", &format!("{of}: fraud suspected")],
        ["block_lifted", "*", "operator", &format!("{of}: cleared")],
        ["block_notified", "*", "Paul", "authority notified on 2026-11-27: ACPR-2026-77"],
        ["standing_refused", "cic", "", "CERTIFICATE_BLOCKED"],
        ["standing_refused", "cic", "", "CERTIFICATE_BLOCKED"],
    ];
    assert_eq!(kept, expected.map(|row| row.map(str::to_owned)));
    for row in &rows {
        assert_eq!((row.get::<String, _>("organisation"), row.get::<String, _>("subject")), (organisation.clone(), id.clone()));
    }
}

/// A request whose body is still on its way when the block comes is judged as of its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_held_back_does_not_outwait_a_block() {
    let bank = Bank::start().await;
    bank.write_config(&BankOptions::default());
    let organisation = "PSDFR-ACPR-80003";
    let (issued, _) = Identity::issue(&spec(&bank, organisation));
    let hello = Hello { identity: Some((issued.chain.clone(), issued.key.clone_key())), ..Hello::default() };
    let mut stream = hello.connect(bank.address, CIC.tpp_host).await.unwrap();
    let client = bank.tpp_issued(issued, organisation).register(CIC).await;
    let body = format!("grant_type=client_credentials&scope=pisp&client_id={}", client.id);
    let path = CIC.channel("web").2;
    let (kind, length) = ("application/x-www-form-urlencoded", body.len());
    let head = format!("POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n", CIC.tpp_host);
    let (first, rest) = body.split_at(10);
    stream.write_all(format!("{head}{first}").as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    bank.block(&["--organisation", organisation]).await;
    while client.client_credentials().await.status == 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (head, body) = exchange(&mut stream, rest).await.unwrap();
    assert!(status(&head) == 401 && body.contains("CERTIFICATE_BLOCKED"), "{head} {body}");
}
