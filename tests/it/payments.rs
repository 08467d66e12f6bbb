//! Payments and cancellations: lodged by the bank's payment API, approved once by a customer who saw what he approves, and good for
//! nothing else.

use crate::harness::{
    Bank, BankOptions, Brand, CIC, Client, LBP, Landing, Psu,
    bank::BRANDS,
    payments::{LodgedPayment, appended, payments_url},
    together,
    tpp::{CALLBACK, STATE},
};
use guichet::{
    clock::Clock,
    oauth::tpp::PspRole::{AccountInformation, PaymentInitiation},
};
use proptest::{option, prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::{Duration, format_description::well_known::Rfc3339};

/// Of the shipped banks.
const WAITS: Duration = Duration::seconds(1_800);

pub async fn registered<'a>(bank: &'a Bank, brand: Brand) -> Client<'a> {
    bank.tpp([PaymentInitiation, AccountInformation]).register(brand).await
}

/// The TPP learns at its redirect URI why there is no journey.
#[track_caller]
fn refused(landing: &Landing, client: &Client<'_>, description: &str) {
    assert_eq!((landing.uri.as_str(), landing.get("error")), (CALLBACK, "invalid_request"), "{landing:?}");
    assert_eq!(landing.get("error_description"), description);
    assert_eq!((landing.get("state"), landing.get("iss")), (STATE, client.tpp.bank.issuer(client.brand).as_str()));
}

#[track_caller]
fn failed(landing: &Landing) {
    assert!(landing.params.contains_key("error") && !landing.params.contains_key("code"), "{landing:?}");
    assert_eq!(landing.get("state"), STATE);
}

async fn grants(bank: &Bank) -> (i64, i64) {
    sqlx::query_as("select count(*), count(*) filter (where revoked_at is null) from grants").fetch_one(&bank.pool().await).await.unwrap()
}

#[tokio::test]
async fn what_was_lodged_is_shown_approved_and_all_that_the_token_is_good_for() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = registered(&bank, brand).await;
        for (channel, path, _) in brand.channels {
            let name = format!("pay-{channel}");
            let lodged = client.lodge(&json!({ "payment_id": name, "execution_date": "2099-12-31" })).await;
            let other = client.lodge(&json!({ "payment_id": format!("other-{channel}") })).await;
            assert_eq!(lodged.state().await, "lodged");
            let url = &lodged.answer["consent_approval_urls"][channel];
            assert!(url.as_str().unwrap().starts_with(&format!("{}{path}?", bank.origin(brand.psu_host))), "{url}");
            assert_eq!(lodged.answer["consent_approval_url"], lodged.answer["consent_approval_urls"]["web"]);

            let psu = lodged.shown(channel).await;
            let page = psu.page.body.replace(['\u{a0}', '\u{202f}'], " ");
            for shown in ["1 234,50 €", "Librairie des Arts", "FR76 3000 6000 0112 3456 7890 189", "31 décembre 2099"] {
                assert!(page.contains(shown), "{shown}: {page}");
            }
            let token = lodged.token(channel).await;
            let told = client.introspect(&token).await;
            assert_eq!(told["active"], true);
            assert_eq!(told["scope"], "pisp");
            assert_eq!((&told["payment_request"], &told["payment_id"]), (&json!(lodged.id), &json!(name)), "{told}");
            assert_eq!(told["payment_kind"], "initiation");

            let read = lodged.read().await;
            assert_eq!((&read["state"], &read["approval"]["grant_id"]), (&json!("approved"), &told["grant_id"]), "{read}");
            assert_eq!(read["approval"]["sub"], told["sub"]);
            assert_eq!((other.state().await, other.read().await.get("approval")), ("lodged".to_owned(), None));
            refused(&lodged.open(channel).await.landed(), &client, "payment_request: approved already");

            // spent on its execution, once
            other.execute("x-1").await.refused(409, "invalid_request");
            let used = lodged.execute("x-1").await.ok(200).json();
            assert_eq!((&used["state"], &used["execution"]["reference"]), (&json!("used"), &json!("x-1")));
            assert!(!client.is_active(&token).await, "good for one payment only");
            assert_eq!(lodged.execute("x-1").await.ok(200).json(), used, "a retry");
            let again = lodged.execute("x-2").await.refused(409, "invalid_request");
            assert_eq!(again.description(), "reference: the payment was used under another one");
            assert_eq!(
                lodged.change(&json!({ "amount": "1" })).await.refused(409, "invalid_request").description(),
                "the payment is used already"
            );
            assert_eq!(lodged.withdraw().await.refused(409, "invalid_request").description(), "the payment is used already");
            refused(&lodged.open(channel).await.landed(), &client, "payment_request: approved already");
        }
        let own = client.client_credentials().await.ok(200).json();
        let told = client.introspect(own["access_token"].as_str().unwrap()).await;
        assert!(told["active"] == true && told.get("payment_request").is_none(), "lodging needs no payment: {told}");
    }
    for (kind, events) in [("payment_lodged", 8), ("payment_used", 4), ("interaction_approved", 4)] {
        assert_eq!(bank.audited_kind(kind).await, events, "{kind}");
    }
}

/// The evidence of an approval: how the customer was authenticated, and for what.
#[tokio::test]
async fn a_grant_keeps_the_evidence_of_its_approval() {
    let bank = Bank::start().await;
    let client = registered(&bank, CIC).await;
    let lodged = client.lodge(&json!({})).await;
    lodged.token("web").await;
    let (payment, method): (uuid::Uuid, Option<String>) =
        sqlx::query_as("select payment_id, sca_method from grants").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(payment.to_string(), lodged.id);
    assert!(method.is_some_and(|method| !method.is_empty()));
    let approved = bank.audit().await.into_iter().find(|event| event.kind == "interaction_approved").unwrap();
    assert!(approved.text.contains(&lodged.id) && approved.grant.is_some(), "{approved:?}");
    for event in bank.audit().await {
        assert!(!event.text.contains("Librairie") && !event.text.contains("FR76"), "{event:?}");
    }
}

#[tokio::test]
async fn the_tpp_appends_its_four_parameters_and_changes_nothing() {
    let bank = Bank::start().await;
    let client = registered(&bank, CIC).await;
    let lodged = client.lodge(&json!({})).await;
    let other = client.lodge(&json!({ "payment_id": "pay-2" })).await;
    let url = lodged.url("web");
    for (more, name) in [("scope=pisp", "scope"), ("scope=aisp", "scope"), ("response_type=code", "response_type")] {
        refused(&Psu::open(&bank, CIC, &format!("{url}&{more}")).await.landed(), &client, &format!("{name}: sent more than once"));
    }
    let two = format!("{url}&payment_request={}", other.id);
    refused(&Psu::open(&bank, CIC, &two).await.landed(), &client, "payment_request: sent more than once");
    // whose link it is decides who is answered: with two there is nobody
    assert_eq!(Psu::open(&bank, CIC, &format!("{url}&client_id={}", client.id)).await.page.status, 400);
}

#[tokio::test]
async fn what_cannot_be_approved_is_told_exactly() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, stranger) = (registered(&bank, brand).await, registered(&bank, brand).await);
        let open = async |client: &Client<'_>, scope: &str, request: &str| {
            let url = client.authorize_url("web", scope, &[("payment_request", Some(request))]);
            Psu::open(&bank, brand, &url).await
        };
        let lodged = client.lodge(&json!({})).await;
        let unknown = "payment_request: unknown, or not of this client";
        let (upper, plain) = (lodged.id.to_uppercase(), lodged.id.replace('-', ""));
        for request in ["x", "019b76da-a800-7000-8000-000000000001", &upper, &plain, "\u{202e}", &"9".repeat(3_000)] {
            refused(&open(&client, "pisp", request).await.landed(), &client, unknown);
        }
        refused(&open(&stranger, "pisp", &lodged.id).await.landed(), &stranger, unknown);
        refused(&open(&client, "aisp", &lodged.id).await.landed(), &client, "payment_request: goes with scope pisp only");
        // nobody spent it by that
        assert_eq!(open(&client, "pisp", &lodged.id).await.page.status, 200);

        lodged.withdraw().await.ok(200);
        refused(&lodged.open("web").await.landed(), &client, "payment_request: withdrawn by the bank");
        let late = client.lodge(&json!({ "payment_id": "late" })).await;
        bank.clock.advance(WAITS - Duration::seconds(1));
        assert_eq!(late.open("web").await.page.status, 200, "to its last second");
        bank.clock.advance(Duration::seconds(1));
        refused(&late.open("web").await.landed(), &client, "payment_request: expired");
        assert_eq!(late.state().await, "expired");
    }
    // another brand's
    let (client, lbp) = (registered(&bank, CIC).await, registered(&bank, LBP).await);
    let lodged = lbp.lodge(&json!({})).await;
    let url = client.authorize_url("web", "pisp", &[("payment_request", Some(&lodged.id))]);
    refused(&Psu::open(&bank, CIC, &url).await.landed(), &client, "payment_request: unknown, or not of this client");
}

/// Without a payment the customer would approve nobody knows what. A sandbox does without.
#[tokio::test]
async fn in_production_a_payment_must_be_named() {
    let bank = Bank::with(BankOptions { production: true, ..BankOptions::default() }).await;
    let cic = Brand {
        registration: "/cic/oauth2/registrations",
        channels: &[("web", "/oauth2/fr/banque/oauth2_authorization.aspx", "/cic/oauth2/token")],
        ..CIC
    };
    for brand in [cic, LBP] {
        let client = registered(&bank, brand).await;
        for (channel, ..) in brand.channels {
            let bare = Psu::open(&bank, brand, &client.authorize_url(channel, "pisp", &[])).await;
            let description = "payment_request: missing: begin with the consentApproval URL of the payment";
            refused(&bare.landed(), &client, description);
            let aisp = Psu::open(&bank, brand, &client.authorize_url(channel, "aisp", &[])).await.landed();
            assert_ne!(aisp.get("error"), "invalid_request", "account information names none");
        }
    }
}

#[tokio::test]
async fn every_wrong_member_of_a_lodging_is_named_at_once() {
    let bank = Bank::start().await;
    let client = registered(&bank, CIC).await;
    let aisp = bank.tpp([AccountInformation]).register(CIC).await;
    let (deleted, elsewhere) = (registered(&bank, CIC).await, registered(&bank, LBP).await);
    deleted.delete().await.ok(204);
    for (round, (changes, description)) in [
        (json!({ "client_id": aisp.id }), "client_id: has no scope pisp"),
        (json!({ "client_id": deleted.id }), "client_id: no client of this brand"),
        (json!({ "client_id": elsewhere.id }), "client_id: no client of this brand"),
        (json!({ "client_id": "x" }), "client_id: no client of this brand"),
        (json!({ "client_id": null }), "client_id: missing"),
        (json!({ "amount": "0" }), "amount: must be more than zero"),
        (json!({ "amount": 5 }), "amount: must be a string"),
        (json!({ "amount": "1.005" }), "amount: has more decimals than the currency"),
        (json!({ "creditor_name": "A\u{202e}B" }), "creditor_name: must have no control, invisible or direction characters"),
        (json!({ "creditor_account": "FR7630006000011234567890188" }), "creditor_account: is not a valid IBAN"),
        (json!({ "execution_date": "2020-01-01" }), "execution_date: is in the past"),
        (json!({ "creditor": "A", "x\"\\\u{e9}": 1 }), "creditor: not a member of this request; x: not a member of this request"),
        (
            json!({ "client_id": "x", "kind": "gift", "payment_id": "", "amount": "a", "currency": "EURO", "creditor_name": "", "batch_count": 0 }),
            "client_id: no client of this brand; kind: must be initiation or cancellation; payment_id: must be 1 to 128 visible ASCII characters; \
             currency: must be an ISO 4217 currency code; amount: must be a decimal number of at most 18 digits, such as 1234.50; \
             creditor_name: must have 1 to 140 characters; batch_count: must be a whole number from 1 to 1000000",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let reply = client.try_lodge(&changes).await.refused(400, "invalid_request");
        assert_eq!(reply.description(), description, "{changes}");
        let lodged = client.lodge(&json!({ "payment_id": format!("p-{round}") })).await;
        assert_eq!(lodged.change(&changes).await.refused(400, "invalid_request").description(), description, "{changes}");
        assert_eq!(lodged.read().await, lodged.answer, "nothing of it was taken");
    }
    let (gateway, url) = (bank.gateway(), payments_url(&bank, "cic", ""));
    let json = [("content-type", "application/json")];
    for body in ["", "[]", "null", "{", "{}x", "\u{0}", "{\"a\":\"\\ud800\"}"] {
        let reply = gateway.send(Method::POST, &url, &json, body).await.refused(400, "invalid_request");
        assert_eq!(reply.description(), "the body is not a JSON object", "{body}");
    }
    gateway.send(Method::POST, &url, &[("content-type", "text/plain")], "{}").await.refused(415, "invalid_request");
    let huge = format!("{{\"creditor_name\":\"{}\"}}", "x".repeat(200_000));
    gateway.send(Method::POST, &url, &json, huge).await.refused(413, "invalid_request");
    let reply = gateway.json(Method::POST, &url.replace("/cic/", "/nobody/"), &[], &client.payment(&json!({}))).await;
    assert_eq!(reply.refused(404, "invalid_request").description(), "no such brand");
    for rest in ["/x", "/019b76da-a800-7000-8000-000000000001", "/019b76da-a800-7000-8000-000000000001/use"] {
        let method = if rest.ends_with("use") { Method::POST } else { Method::GET };
        let reply = gateway.json(method, &payments_url(&bank, "cic", rest), &[], &json!({ "reference": "r" })).await;
        assert_eq!(reply.refused(404, "invalid_request").description(), "no such payment request");
    }
    let lodged = elsewhere.lodge(&json!({})).await;
    gateway.get(&payments_url(&bank, "cic", &format!("/{}", lodged.id))).await.refused(404, "invalid_request");
}

#[tokio::test]
async fn lodging_the_same_again_is_lodging_it_once() {
    let bank = Bank::start().await;
    let client = registered(&bank, CIC).await;
    let lodged = client.lodge(&json!({})).await;
    bank.clock.advance(Duration::seconds(60));
    assert_eq!(client.try_lodge(&json!({})).await.ok(200).json(), lodged.answer);
    for other in [json!({ "amount": "1234.51" }), json!({ "amount": "1234.5" }), json!({ "debtor_account": "DE89370400440532013000" })] {
        let reply = client.try_lodge(&other).await.refused(409, "invalid_request");
        assert_eq!(reply.description(), "payment_id: lodged before with other content: change that request");
    }
    // the cancelling of a payment has a request of its own, and so has the same payment at another brand
    assert_ne!(client.lodge(&json!({ "kind": "cancellation" })).await.id, lodged.id);
    registered(&bank, LBP).await.lodge(&json!({})).await;

    // what is over may be lodged anew, under a new id
    lodged.withdraw().await.ok(200);
    lodged.withdraw().await.ok(200);
    let second = client.lodge(&json!({})).await;
    bank.clock.advance(WAITS);
    let third = client.lodge(&json!({ "amount": "7" })).await;
    assert_eq!(BTreeSet::from([&lodged.id, &second.id, &third.id]).len(), 3);
    assert_eq!((lodged.state().await.as_str(), second.state().await.as_str()), ("withdrawn", "expired"));
    third.token("web").await;
    assert_eq!(client.try_lodge(&json!({ "amount": "7" })).await.ok(200).json()["state"], "approved");
    client.try_lodge(&json!({})).await.refused(409, "invalid_request");
    // approved, and not used in time
    bank.clock.advance(Duration::seconds(10_800));
    assert_eq!(third.state().await, "expired");
    third.execute("late").await.refused(409, "invalid_request");
    client.lodge(&json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_payment_lodged_by_a_crowd_is_lodged_once() {
    let bank = Bank::start().await;
    let client = registered(&bank, LBP).await;
    for round in 0..4 {
        let body = json!({ "payment_id": format!("p-{round}") });
        let replies = together((0..16).map(|_| client.try_lodge(&body))).await;
        let ids: BTreeSet<_> = replies.iter().map(|r| r.json()["payment_request"].as_str().unwrap().to_owned()).collect();
        let created = replies.iter().filter(|r| r.status == 201).count();
        assert_eq!((ids.len(), created), (1, 1), "{replies:?}");
    }
    // with different contents one of them is the payment
    let bodies: Vec<_> = (1..=16).map(|n| json!({ "payment_id": "q", "amount": n.to_string() })).collect();
    let replies = together(bodies.iter().map(|body| client.try_lodge(body))).await;
    assert_eq!(replies.iter().filter(|r| r.status == 201).count(), 1);
    assert_eq!(replies.iter().filter(|r| r.status == 409).count(), 15);
}

/// Many browsers stand before the same payment and approve it at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_crowd_of_approvals_one_counts_and_the_others_fail_clearly() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = registered(&bank, brand).await;
        let lodged = client.lodge(&json!({})).await;
        let crowd = together((0..64).map(|_| lodged.shown("web"))).await;
        let landings = together(crowd.into_iter().map(async |mut psu| {
            psu.post(&[("decision", "approve")]).await;
            psu.go_home().await
        }))
        .await;
        let (won, lost): (Vec<_>, Vec<_>) = landings.into_iter().partition(|landing| landing.params.contains_key("code"));
        assert_eq!((won.len(), lost.len()), (1, 63), "{}", brand.id);
        for landing in &lost {
            failed(landing);
        }
        let token = client.redeem("web", "pisp", won[0].code()).await.ok(200).json();
        assert!(client.is_active(token["access_token"].as_str().unwrap()).await);
        let executions = together((0..16).map(async |n| lodged.execute(&format!("x-{n}")).await)).await;
        assert_eq!(executions.iter().filter(|r| r.status == 200).count(), 1, "executed once");
    }
    assert_eq!(grants(&bank).await, (2, 0));
    assert_eq!(bank.audited("payment_refused", "payment_approved_already").await, 126);
}

/// What a customer reads on the page and what is approved are one.
const CHANGES: [(&str, &str); 9] = [
    ("amount", "\"1234.51\""),
    ("currency", "\"USD\""),
    ("creditor_name", "\"Librairie des Art\""),
    ("creditor_account", "\"DE89370400440532013000\""),
    ("execution_date", "\"2099-01-01\""),
    ("debtor_account", "\"FR7630006000011234567890189\""),
    ("frequency", "\"monthly\""),
    ("batch_count", "2"),
    ("batch_count", "3"),
];

fn change(member: &str, value: &str) -> Value {
    json!({ member: serde_json::from_str::<Value>(value).unwrap() })
}

/// RTS art. 5(1)(d): any change of what the customer saw makes his approval worthless.
#[tokio::test]
async fn a_change_of_any_member_before_the_approval_ends_the_journeys_that_began_before_it() {
    let bank = Bank::start().await;
    let client = registered(&bank, CIC).await;
    for (round, (member, value)) in CHANGES.into_iter().enumerate() {
        let lodged = client.lodge(&json!({ "payment_id": format!("p-{round}") })).await;
        let (begun, mut shown) = (lodged.open("web").await, lodged.shown("web").await);
        let changed = lodged.change(&change(member, value)).await.ok(200).json();
        assert_eq!((&changed["state"], &changed["revision"]), (&json!("lodged"), &json!(2)));
        assert!(changed.get("invalidated_grant_id").is_none(), "nobody had approved: {changed}");
        shown.post(&[("decision", "approve")]).await;
        failed(&shown.go_home().await);
        let mut begun = begun;
        begun.sign_in("approves").await;
        failed(&begun.go_home().await);
        assert_eq!(lodged.state().await, "lodged");

        // and changed back: it was another payment in between
        let mut shown = lodged.shown("web").await;
        let again = if member == "batch_count" { change(member, "7") } else { json!({ "amount": "2" }) };
        lodged.change(&again).await.ok(200);
        lodged.change(&change(member, value)).await.ok(200);
        shown.post(&[("decision", "approve")]).await;
        failed(&shown.go_home().await);
        // sent again, the customer sees the payment of now
        let told = client.introspect(&lodged.token("web").await).await;
        assert_eq!((&told["active"], &told["payment_request"]), (&json!(true), &json!(lodged.id)), "{member}");
    }
    assert_eq!(grants(&bank).await.0, 9, "one approval each");
    bank.expect_audit("payment_refused", "payment_changed").await;
}

#[tokio::test]
async fn a_change_of_any_member_after_the_approval_makes_it_worthless() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = registered(&bank, brand).await;
        for (round, (member, value)) in CHANGES.into_iter().enumerate() {
            let lodged = client.lodge(&json!({ "payment_id": format!("p-{round}") })).await;
            // one with its code on the way, then one with its token
            let code = lodged.open("web").await.approve().await;
            let same = lodged.change(&json!({})).await.ok(200).json();
            assert_eq!((&same["state"], &same["revision"]), (&json!("approved"), &json!(1)), "nothing changed");
            let grant = same["approval"]["grant_id"].clone();
            let changed = lodged.change(&change(member, value)).await.ok(200).json();
            assert_eq!((&changed["state"], &changed["invalidated_grant_id"]), (&json!("lodged"), &grant), "{member}");
            assert_eq!(lodged.change(&change(member, value)).await.ok(200).json(), changed, "a retry");
            client.redeem("web", "pisp", code.code()).await.refused(400, "invalid_grant");

            let token = lodged.token("web").await;
            assert!(client.is_active(&token).await);
            lodged.change(&json!({ "amount": "5", "batch_count": 9 })).await.ok(200);
            assert!(!client.is_active(&token).await, "{member}");
            lodged.execute("x").await.refused(409, "invalid_request");

            let token = lodged.token("web").await;
            lodged.withdraw().await.ok(200);
            assert!(!client.is_active(&token).await);
            lodged.execute("x").await.refused(409, "invalid_request");
            assert_eq!(lodged.state().await, "withdrawn");
        }
    }
    assert_eq!(grants(&bank).await, (54, 0));
    assert_eq!(bank.audited("grant_revoked", "payment_changed").await, 36);
    assert_eq!(bank.audited("grant_revoked", "payment_withdrawn").await, 18);
}

/// A change and an approval at the same moment: whichever comes first, no token is for what nobody saw.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_racing_an_approval_leaves_no_token_for_the_former_content() {
    let bank = Bank::start().await;
    let client = registered(&bank, LBP).await;
    for round in 0..12 {
        let lodged = client.lodge(&json!({ "payment_id": format!("p-{round}") })).await;
        let mut psu = lodged.shown("web").await;
        let changes = json!({ "amount": "9.99" });
        let (_, reply) = tokio::join!(psu.post(&[("decision", "approve")]), lodged.change(&changes));
        reply.ok(200);
        assert_eq!(lodged.state().await, "lodged", "the change always has the last word");
        let landing = psu.go_home().await;
        if let Some(code) = landing.params.get("code") {
            client.redeem("web", "pisp", code).await.refused(400, "invalid_grant");
        }
    }
    assert_eq!(grants(&bank).await.1, 0);
}

#[tokio::test]
async fn what_a_change_may_not_touch() {
    let bank = Bank::start().await;
    let (client, other) = (registered(&bank, CIC).await, registered(&bank, CIC).await);
    let lodged = client.lodge(&json!({})).await;
    for changes in [json!({ "client_id": other.id }), json!({ "kind": "cancellation" }), json!({ "payment_id": "pay-2" })] {
        let reply = lodged.change(&changes).await.refused(409, "invalid_request");
        assert_eq!(reply.description(), "client_id, kind and payment_id: must be those of the lodged request");
    }
    // a change gives it its time anew
    bank.clock.advance(WAITS - Duration::seconds(1));
    let changed = lodged.change(&json!({ "amount": "5" })).await.ok(200).json();
    let expires = (bank.clock.now() + WAITS).format(&Rfc3339).unwrap();
    assert_eq!(changed["expires_at"].as_str().unwrap()[..19], expires[..19]);
    bank.clock.advance(WAITS);
    let reply = lodged.change(&json!({ "amount": "6" })).await.refused(409, "invalid_request");
    assert_eq!(reply.description(), "the payment request has expired");
    lodged.withdraw().await.ok(200);
    let reply = lodged.change(&json!({ "amount": "6" })).await.refused(409, "invalid_request");
    assert_eq!(reply.description(), "the payment request was withdrawn");
}

#[tokio::test]
async fn a_payment_that_ends_while_its_customer_looks_at_it_is_not_approved() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = registered(&bank, brand).await;
        for (name, reason) in [("withdrawn", "payment_withdrawn"), ("expired", "payment_expired")] {
            let lodged = client.lodge(&json!({ "payment_id": name })).await;
            bank.clock.advance(WAITS - Duration::seconds(1));
            let (mut psu, open) = (lodged.shown("web").await, lodged.open("web").await);
            if name == "withdrawn" {
                lodged.withdraw().await.ok(200);
            } else {
                bank.clock.advance(Duration::seconds(1));
            }
            psu.post(&[("decision", "approve")]).await;
            failed(&psu.go_home().await);
            bank.expect_audit("payment_refused", reason).await;
            let mut open = open;
            open.look().await;
            failed(&open.go_home().await);
        }
    }
    assert_eq!(grants(&bank).await, (0, 0));
}

/// The approval never reached the TPP, so it was none: the customer may be sent again.
#[tokio::test]
async fn an_approval_that_nobody_fetched_leaves_the_payment_as_it_was() {
    let bank = Bank::start().await;
    let client = registered(&bank, CIC).await;
    let lodged = client.lodge(&json!({})).await;
    let mut psu = lodged.shown("web").await;
    psu.post(&[("decision", "approve")]).await;
    assert_eq!(lodged.state().await, "approved");
    bank.clock.advance(Duration::seconds(600));
    failed(&psu.fetch_answer().await);
    assert_eq!(lodged.state().await, "lodged");
    assert!(client.is_active(&lodged.token("web").await).await);
}

#[tokio::test]
async fn a_customer_who_cancels_spends_nothing() {
    let bank = Bank::start().await;
    let client = registered(&bank, LBP).await;
    let lodged = client.lodge(&json!({})).await;
    for _ in 0..2 {
        assert_eq!(lodged.shown("web").await.cancel().await.get("error"), "SCA_PSU_CANCELLATION");
    }
    lodged.token("web").await;
}

#[tokio::test]
async fn approving_a_cancellation_gives_a_token_where_the_bank_says_so() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = registered(&bank, brand).await;
        let payment = client.lodge(&json!({})).await;
        let lodged = client.lodge(&json!({ "kind": "cancellation" })).await;
        let token = lodged.token("web").await;
        let told = client.introspect(&token).await;
        assert_eq!((&told["payment_kind"], &told["payment_request"]), (&json!("cancellation"), &json!(lodged.id)));
        assert_eq!(payment.state().await, "lodged", "the payment itself is another request");
        lodged.execute("c-1").await.ok(200);
        assert!(!client.is_active(&token).await);
    }
}

#[tokio::test]
async fn approving_a_cancellation_ends_without_a_code_where_the_bank_says_so() {
    let options = BankOptions { brand_extra: "scope.pisp.cancellation_token = false".into(), ..BankOptions::default() };
    let bank = Bank::with(options).await;
    for brand in BRANDS {
        let client = registered(&bank, brand).await;
        let lodged = client.lodge(&json!({ "kind": "cancellation" })).await;
        let mut psu = lodged.shown("web").await;
        psu.post(&[("decision", "approve")]).await;
        for landing in [psu.go_home().await, psu.fetch_answer().await] {
            assert_eq!(landing.uri, CALLBACK);
            assert_eq!((landing.get("state"), landing.get("iss")), (STATE, bank.issuer(brand).as_str()));
            assert_eq!(landing.params.len(), 2, "approved, and nothing to redeem: {landing:?}");
        }
        let read = lodged.read().await;
        assert_eq!(read["state"], "approved");
        assert!(read["approval"]["grant_id"].is_string() && read["approval"]["sub"].is_string());
        refused(&lodged.open("web").await.landed(), &client, "payment_request: approved already");
        assert_eq!(lodged.execute("c-1").await.ok(200).json()["state"], "used");
        // an initiation has its code all the same
        client.lodge(&json!({})).await.token("web").await;
    }
    assert_eq!(bank.audited_kind("code_issued").await, 2, "of the initiations");
}

#[tokio::test]
async fn what_the_bank_wrote_into_a_payment_is_text_on_the_page() {
    let bank = Bank::start().await;
    let client = registered(&bank, CIC).await;
    for (round, name) in
        ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "{{ 7*7 }} ${7*7}", "&lt;b&gt; ' \" `", "Ünï & Söhne — 株式会社"]
            .into_iter()
            .enumerate()
    {
        let lodged =
            client.lodge(&json!({ "payment_id": format!("<b>{round}"), "creditor_name": name, "creditor_account": "(/-?:.,'+)" })).await;
        let psu = lodged.shown("web").await;
        let escaped = name.replace('&', "&#38;").replace('<', "&#60;").replace('>', "&#62;").replace('"', "&#34;").replace('\'', "&#39;");
        assert!(psu.page.body.contains(&escaped), "{name}: {}", psu.page.body);
        assert!(!psu.page.body.contains("<script>alert") && !psu.page.body.contains("<img src=x"), "{}", psu.page.body);
        let policy = psu.page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
}

/// What TPPs see is a link; what is in it they knew before.
#[tokio::test]
async fn the_link_tells_nothing_of_the_payment_and_works_for_its_client_alone() {
    let bank = Bank::start().await;
    let (client, thief) = (registered(&bank, CIC).await, registered(&bank, CIC).await);
    let lodged = client.lodge(&json!({})).await;
    let url = lodged.answer["consent_approval_url"].as_str().unwrap();
    for secret in ["1234", "Librairie", "FR76", "pay-1"] {
        assert!(!url.contains(secret), "{url}");
    }
    let stolen = appended(&url.replace(&client.id, &thief.id));
    refused(&Psu::open(&bank, CIC, &stolen).await.landed(), &thief, "payment_request: unknown, or not of this client");
}

/// A payment's code and token are bound as every other one.
#[tokio::test]
async fn a_payments_code_is_its_clients_and_its_channels() {
    let bank = Bank::start().await;
    let (client, thief) = (registered(&bank, LBP).await, registered(&bank, LBP).await);
    let open = async |name: &str| -> LodgedPayment<'_> { client.lodge(&json!({ "payment_id": name })).await };
    let code = open("a").await.open("web").await.approve().await;
    thief.redeem("web", "pisp", code.code()).await.refused(400, "invalid_grant");
    client.redeem("pph", "pisp", code.code()).await.refused(400, "invalid_grant");
    let lodged = open("b").await;
    let code = lodged.open("web").await.approve().await;
    client.redeem("web", "pisp", code.code()).await.ok(200);
    client.redeem("web", "pisp", code.code()).await.refused(400, "invalid_grant");
    // a replay ends what the code gave; nothing can be executed by it
    lodged.execute("x").await.refused(409, "invalid_request");
}

/// Where the payment does not name the account, the customer does; the payment API learns which.
#[tokio::test]
async fn the_account_that_the_customer_chose_is_told_with_the_token() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = registered(&bank, brand).await;
        let lodged = client.lodge(&json!({})).await;
        let mut psu = lodged.open("web").await;
        psu.sign_in("chooses_an_account").await;
        let ids: Vec<_> =
            psu.page.body.split("name=\"account\"").skip(1).filter_map(|rest| rest.split("value=\"").nth(1)?.split('"').next()).collect();
        assert_eq!(ids.len(), 3, "{}", psu.page.body);
        let chosen = ids[1].to_owned();
        psu.post(&[("decision", "accounts"), ("account", &chosen)]).await;
        psu.post(&[("decision", "approve")]).await;
        let code = psu.go_home().await;
        let tokens = client.redeem("web", "pisp", code.code()).await.ok(200).json();
        let told = client.introspect(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(told["accounts"], json!([chosen]), "{told}");
        assert_eq!(lodged.read().await["approval"]["accounts"], json!([chosen]));

        let named = client.lodge(&json!({ "payment_id": "named", "debtor_account": "DE89370400440532013000" })).await;
        let mut psu = named.open("web").await;
        psu.sign_in("chooses_an_account").await;
        assert!(psu.page.body.contains("value=\"approve\""), "nothing is left to choose: {}", psu.page.body);
    }
}

/// Payments as a bank lodges them.
fn payments() -> impl Strategy<Value = Value> {
    let amount = "[1-9][0-9]{0,5}(\\.[0-9]{1,2})?";
    let name = "[A-Za-zÀ-ÿ&'\"<>]{1,3}( [A-Za-z0-9.-]{1,3}){0,2}";
    let account = select(&["FR7630006000011234567890189", "DE89370400440532013000", "GB33BUKB20201555555555", "1234-56"]);
    let date = option::of((2090..2099, 1..=12, 1..=28).prop_map(|(y, m, d)| format!("{y}-{m:02}-{d:02}")));
    let rest = (option::of(account.clone()), option::of(select(&["daily", "monthly", "annual"])), option::of(1_u32..4));
    (amount, select(&["EUR", "USD", "TND"]), name, account, date, rest).prop_map(
        |(amount, currency, name, account, date, (debtor, frequency, batch))| {
            json!({
                "amount": amount, "currency": currency, "creditor_name": name, "creditor_account": account, "execution_date": date,
                "debtor_account": debtor, "frequency": frequency, "batch_count": batch,
            })
        },
    )
}

/// One payment, and what it is changed to: some members of another one, perhaps none.
fn changes() -> impl Strategy<Value = (Value, Value)> {
    (payments(), payments(), 0_usize..9, 0_usize..9).prop_map(|(payment, other, one, two)| {
        let mut changed = payment.clone();
        for (at, (name, value)) in other.as_object().unwrap().iter().enumerate() {
            if at == one || at == two {
                changed[name] = value.clone();
            }
        }
        (payment, changed)
    })
}

/// RTS art. 5(1)(d), as a property: between the challenge and its completion anything may change, and then nothing is approved.
#[tokio::test]
async fn no_payment_is_approved_that_changed_between_the_challenge_and_its_completion() {
    let bank = Bank::start().await;
    let client = registered(&bank, LBP).await;
    let (mut runner, strategy) = (TestRunner::deterministic(), changes());
    let (mut kept, mut changed) = (0, 0);
    for round in 0..48 {
        let (before, after) = strategy.new_tree(&mut runner).unwrap().current();
        let case = format!("{before} to {after}");
        let lodged = client.lodge(&with_id(&before, round)).await;
        let mut psu = lodged.open("web").await;
        let by_code = round % 3 == 0;
        psu.sign_in(if by_code { "types_a_code" } else { "approves_slowly" }).await;
        psu.post(&[("decision", "approve")]).await;
        assert!(!psu.page.body.contains("/return"), "the challenge is open: {:?}", psu.page);
        lodged.change(&with_id(&after, round)).await.ok(200);
        if by_code {
            psu.post(&[("decision", "otp"), ("otp", "123456")]).await;
        } else {
            bank.clock.advance(Duration::seconds(10));
            psu.look().await;
        }
        let landing = psu.go_home().await;
        if before == after {
            kept += 1;
            client.redeem("web", "pisp", landing.code()).await.ok(200);
            assert_eq!(lodged.state().await, "approved", "{case}");
        } else {
            changed += 1;
            failed(&landing);
            assert_eq!(lodged.state().await, "lodged", "{case}");
        }
    }
    assert!(kept > 4 && changed > 24, "{kept} kept, {changed} changed");
    assert_eq!(grants(&bank).await.0, kept);
}

fn with_id(payment: &Value, round: usize) -> Value {
    let mut payment = payment.clone();
    payment["payment_id"] = json!(format!("p-{round}"));
    payment
}
