//! Clients that said by what of its certificate they are known (RFC 8705 s2.1.2), and those whose organisation alone counts.

use crate::harness::{Bank, BankOptions, CIC, Client, Tpp};
use guichet::{
    clock::Clock,
    dev::qwac::{QwacSpec, Validity},
    oauth::tpp::PspRole::{self, AccountInformation, PaymentInitiation},
    pki::{TrustPolicy, judge_content},
};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

const ROLES: [PspRole; 2] = [AccountInformation, PaymentInitiation];
const ORGANISATION: &str = "PSDFR-ACPR-46001";

async fn bank() -> Bank {
    Bank::with(BankOptions::fapi2()).await
}

/// A QWAC of the organisation for this host.
fn qwac<'a>(bank: &'a Bank, host: &str) -> Tpp<'a> {
    let now = bank.clock.now();
    let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(400) };
    bank.tpp_with(&QwacSpec { host: host.into(), ..QwacSpec::new(ORGANISATION, "Tiers, de Confiance", &ROLES, validity) })
}

fn metadata(more: &Value) -> Value {
    let mut metadata = Tpp::metadata(CIC);
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    metadata
}

fn subjects(information: &Value) -> Vec<&String> {
    information.as_object().unwrap().keys().filter(|name| name.starts_with("tls_client_auth_")).collect()
}

#[tokio::test]
async fn b36_b37_a_registered_subject_must_be_the_certificates_now_and_later() {
    let bank = bank().await;
    let (first, other) = (qwac(&bank, "first.tpp.example"), qwac(&bank, "other.tpp.example"));
    let (old, new) = (rewritten(&first), rewritten(&other));
    for (field, value, next) in
        [("tls_client_auth_subject_dn", old.as_str(), new.as_str()), ("tls_client_auth_san_dns", "First.TPP.example", "other.tpp.example")]
    {
        let asked = metadata(&json!({ "security_profile": "fapi2", (field): value }));
        let client = first.register_as(CIC, &asked).await;
        assert_eq!((subjects(&client.information), &client.information[field]), (vec![&field.to_owned()], &json!(value)), "exactly one");
        assert_eq!(client.information["certificate_subject_must_match"], true);
        client.client_credentials().await.ok(200);
        // a renewed certificate that says the same, and one that does not
        client.over(&qwac(&bank, "first.tpp.example")).client_credentials().await.ok(200);
        let reply = client.over(&other).client_credentials().await.refused(401, "invalid_client");
        assert!(reply.description().contains("subject"), "{reply:?}");
        bank.expect_audit("client_refused", "other_subject").await;
        // its organisation may say so with the new one
        let moved = Client { tpp: other.clone(), ..client.clone() };
        moved.manage(Method::PUT, &metadata(&json!({ "security_profile": "fapi2", (field): next }))).await.ok(200);
        moved.client_credentials().await.ok(200);
        client.client_credentials().await.refused(401, "invalid_client");
    }
}

/// The certificate's subject, as somebody else would write it.
fn rewritten(tpp: &Tpp<'_>) -> String {
    let own = judge_content(&tpp.chain[0], &TrustPolicy::default()).facts.unwrap().subject_dn;
    let identifier = own.split(',').find(|part| part.starts_with("2.5.4.97=#")).unwrap().to_owned();
    let other = own.replace(&identifier, &format!(" organizationIdentifier = {}", ORGANISATION.to_lowercase()));
    let other = other.replace("CN=", "cn=").replace("tpp.example", "TPP.Example").replace("O=Tiers\\, ", "2.5.4.10=  tiers\\2c   ");
    assert!(other != own && other.contains("2.5.4.10="), "{own} {other}");
    other
}

#[tokio::test]
async fn b36_without_a_registered_subject_the_organisation_counts() {
    let bank = bank().await;
    let (first, other) = (qwac(&bank, "first.tpp.example"), qwac(&bank, "other.tpp.example"));
    for more in [
        json!({}),
        json!({ "security_profile": "fapi2" }),
        // the dialect's clients may send it, and it counts for nothing
        json!({ "tls_client_auth_subject_dn": "CN=whatever" }),
    ] {
        let client = first.register_as(CIC, &metadata(&more)).await;
        assert_eq!(subjects(&client.information), ["tls_client_auth_subject_dn"]);
        assert!(client.information["tls_client_auth_subject_dn"].as_str().unwrap().contains("CN=first.tpp.example"));
        client.over(&other).client_credentials().await.ok(200);
    }
    for (fields, member) in [
        (json!({ "tls_client_auth_subject_dn": "CN=other.example" }), "tls_client_auth_subject_dn: is not"),
        (json!({ "tls_client_auth_subject_dn": "other" }), "tls_client_auth_subject_dn: malformed"),
        (json!({ "tls_client_auth_san_dns": "other.tpp.example" }), "tls_client_auth_san_dns: is not"),
        (json!({ "tls_client_auth_san_uri": "https://first.tpp.example" }), "tls_client_auth_san_uri: is not"),
        (json!({ "tls_client_auth_san_ip": "192.0.2.1" }), "tls_client_auth_san_ip: is not"),
        (json!({ "tls_client_auth_san_ip": "first.tpp.example" }), "tls_client_auth_san_ip: malformed"),
        (json!({ "tls_client_auth_san_email": "a@first.tpp.example" }), "tls_client_auth_san_email: is not"),
        (json!({ "tls_client_auth_san_dns": "first.tpp.example", "tls_client_auth_subject_dn": "CN=x" }), "tls_client_auth_san_dns: more"),
    ] {
        let mut asked = metadata(&fields);
        asked["security_profile"] = json!("fapi2");
        let reply = first.try_register(CIC, &asked).await.refused(400, "invalid_client_metadata");
        assert!(reply.description().starts_with(member), "{fields}: {reply:?}");
    }
}
