//! What a TPP asks for in so many words (RFC 9396): shown to the customer, approved as it was shown, and told with every token.

use crate::{
    handoff::{BackEnd, Browser, with_portal},
    harness::{
        Bank, BankOptions, CIC, Reply,
        payments::payments_url,
        psu::Psu,
        tpp::{CALLBACK, CHALLENGE, Client, STATE, Tpp, introspect},
        wire::encode,
    },
};
use guichet::oauth::tpp::PspRole;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use reqwest::Method;
use serde_json::{Value, json};

const ROLES: [PspRole; 2] = [PspRole::AccountInformation, PspRole::PaymentInitiation];
const PAR: &str = "/cic/par";
const SECURITY: &str = "[brand.security]\nclients_may_choose = \"fapi2\"";
const IBAN: &str = "FR7630006000011234567890189";

async fn client<'a>(bank: &'a Bank, more: &Value) -> Client<'a> {
    let mut metadata = Tpp::metadata(CIC);
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bank.tpp(ROLES).register_as(CIC, &metadata).await
}

async fn fapi2(bank: &Bank) -> Client<'_> {
    client(bank, &json!({ "security_profile": "fapi2" })).await
}

fn access() -> Value {
    json!([{ "type": "account_information", "accounts": [{ "iban": IBAN }] }])
}

fn payment() -> Value {
    json!([{
        "type": "payment_initiation",
        "instructedAmount": { "currency": "EUR", "amount": "123.50" },
        "creditorName": "Merchant A",
        "creditorAccount": { "iban": "DE89370400440532013000" },
        "remittanceInformationUnstructured": "Invoice 4711",
    }])
}

/// As it is granted: what may be left out is filled in.
fn granted(mut payment: Value) -> Value {
    payment[0]["actions"] = json!(["initiate"]);
    payment
}

async fn push(client: &Client<'_>, details: &Value, more: &[(&str, &str)]) -> Reply {
    let details = details.to_string();
    let own = [
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("state", STATE),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("authorization_details", &details),
    ];
    client.post(PAR, &[&own, more].concat()).await
}

fn url(client: &Client<'_>, pushed: &Reply) -> String {
    let answer = pushed.json();
    let pairs = [("client_id", client.id.as_str()), ("request_uri", answer["request_uri"].as_str().unwrap())];
    format!("{}{}?{}", client.tpp.bank.origin(CIC.psu_host), CIC.channel("web").1, encode(&pairs))
}

/// The customer before the page that asks, signed in.
async fn shown(client: &Client<'_>, details: &Value) -> Psu {
    let pushed = push(client, details, &[]).await.ok(201);
    let mut psu = Psu::open(client.tpp.bank, CIC, &url(client, &pushed)).await;
    psu.sign_in("approves").await;
    psu
}

fn text(psu: &Psu) -> String {
    psu.page.body.replace(['\u{a0}', '\u{202f}'], " ")
}

async fn tokens(client: &Client<'_>, mut psu: Psu, scope: &str) -> Value {
    psu.post(&[("decision", "approve")]).await;
    let landing = psu.go_home().await;
    client.redeem("web", scope, landing.code()).await.ok(200).json()
}

#[tokio::test]
async fn accounts_that_are_asked_for_are_shown_and_what_is_granted_is_told_with_each_token() {
    let bank = Bank::with(BankOptions::fapi2()).await;
    let client = fapi2(&bank).await;
    let psu = shown(&client, &access()).await;
    let page = text(&psu);
    assert!(page.contains("FR76 3000 6000 0112 3456 7890 189"), "{page}");

    let tokens = tokens(&client, psu, "aisp").await;
    // the bank's rule says which accounts these are, not the TPP
    let granted = json!([{ "type": "account_information", "actions": ["list_accounts", "read_balances", "read_transactions"] }]);
    assert_eq!((&tokens["scope"], &tokens["authorization_details"]), (&json!("aisp"), &granted), "{tokens}");
    let refreshed = client.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200).json();
    assert_eq!(refreshed["authorization_details"], granted, "{refreshed}");
    for token in [&tokens["access_token"], &tokens["refresh_token"], &refreshed["access_token"]] {
        let told = client.introspect(token.as_str().unwrap()).await;
        assert_eq!((&told["active"], &told["authorization_details"]), (&json!(true), &granted), "{told}");
    }
}

#[tokio::test]
async fn a_token_that_was_asked_for_by_scope_alone_tells_no_details() {
    let bank = Bank::with(BankOptions::fapi2()).await;
    let client = client(&bank, &json!({})).await;
    let tokens = client.tokens("web", "aisp").await;
    let own = client.client_credentials().await.ok(200).json();
    let refreshed = client.refresh(tokens["refresh_token"].as_str().unwrap()).await.ok(200).json();
    for answer in [&tokens, &own, &refreshed] {
        let told = client.introspect(answer["access_token"].as_str().unwrap()).await;
        assert!(told["active"] == true && told.get("authorization_details").is_none(), "{told}");
        assert!(answer.get("authorization_details").is_none(), "{answer}");
    }
}

#[tokio::test]
async fn a_payment_is_shown_as_it_was_pushed_and_all_that_the_token_is_good_for_once() {
    let bank = Bank::with(BankOptions::fapi2()).await;
    let client = fapi2(&bank).await;
    let psu = shown(&client, &payment()).await;
    let page = text(&psu);
    for shown in ["123,50 €", "Merchant A", "DE89 3704 0044 0532 0130 00", "Invoice 4711"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let tokens = tokens(&client, psu, "pisp").await;
    assert_eq!(tokens["authorization_details"], granted(payment()), "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    let told = client.introspect(token).await;
    assert_eq!((&told["scope"], &told["authorization_details"]), (&json!("pisp"), &granted(payment())), "{told}");
    assert_eq!((&told["payment_kind"], &told["payment_id"]), (&json!("initiation"), &told["payment_request"]), "{told}");

    // as one that the bank's payment API lodged: spent on its execution, once
    let one = payments_url(&bank, CIC.id, &format!("/{}", told["payment_request"].as_str().unwrap()));
    let read = bank.gateway().get(&one).await.ok(200).json();
    assert_eq!((&read["state"], &read["approval"]["grant_id"]), (&json!("approved"), &told["grant_id"]), "{read}");
    let paid = &read["payment"];
    assert_eq!((&paid["amount"], &paid["remittance_information"]), (&json!("123.50"), &json!("Invoice 4711")), "{read}");
    let execute =
        async |reference: &str| bank.gateway().json(Method::POST, &format!("{one}/use"), &[], &json!({ "reference": reference })).await;
    execute("x-1").await.ok(200);
    execute("x-1").await.ok(200);
    execute("x-2").await.refused(409, "invalid_request");
    assert!(!client.is_active(token).await, "good for one payment only");
    for kind in ["payment_lodged", "payment_used", "interaction_approved"] {
        assert_eq!(bank.audited_kind(kind).await, 1, "{kind}");
    }
    for event in bank.audit().await {
        assert!(!event.text.contains("Merchant") && !event.text.contains("DE89"), "{event:?}");
    }
}

/// RFC 9396 s5.
#[tokio::test]
async fn what_is_wrong_with_the_details_is_told_by_the_members_name() {
    let bank = Bank::with(BankOptions::fapi2()).await;
    let client = fapi2(&bank).await;
    let with = |name: &str, value: Value| {
        let mut all = payment();
        all[0][name] = value;
        all
    };
    for (details, more, description) in [
        (json!([{ "type": "signature" }]), &[][..], "authorization_details[0].type: must be account_information or payment_initiation"),
        (json!({ "type": "account_information" }), &[], "authorization_details: must be a JSON array"),
        (json!([]), &[], "authorization_details: must hold one object, and nothing else"),
        (
            json!([{ "type": "account_information", "datatypes": ["x"] }]),
            &[],
            "authorization_details[0].datatypes: not a member of this request",
        ),
        (
            with("instructedAmount", json!({ "currency": "EUR", "amount": "1.505" })),
            &[],
            "authorization_details[0].instructedAmount.amount: has more decimals than the currency",
        ),
        (
            with("creditorAccount", json!({ "iban": "DE88" })),
            &[],
            "authorization_details[0].creditorAccount.iban: must be a valid IBAN without spaces",
        ),
        (payment(), &[("scope", "aisp")], "authorization_details[0].type: does not go with the scope that is sent"),
        (access(), &[("scope", "cbpii")], "authorization_details[0].type: does not go with the scope that is sent"),
        (
            payment(),
            &[("payment_request", "019b76da-a800-7000-8000-000000000002")],
            "authorization_details[0].type: must not come with a payment_request",
        ),
    ] {
        let scope_of_others = more.first().is_some_and(|(_, value)| *value == "cbpii");
        let reply = push(&client, &details, more).await;
        if scope_of_others {
            // not registered for this client, whatever the details
            reply.refused(400, "invalid_authorization_details");
            continue;
        }
        assert_eq!(reply.refused(400, "invalid_authorization_details").description(), description, "{details}");
    }
    push(&client, &access(), &[("scope", "aisp extended_transaction_history")]).await.ok(201);
    // a client of the dialect may ask in its query, and is told in the redirect
    let dialect = self::client(&bank, &json!({})).await;
    let wrong = json!([{ "type": "signature" }]).to_string();
    let query = dialect.authorize_url("web", "aisp", &[("authorization_details", Some(&wrong))]);
    let landing = Psu::open(&bank, CIC, &query).await.landed();
    assert_eq!((landing.get("error"), landing.get("state")), ("invalid_authorization_details", STATE));
    let right = access().to_string();
    let mut psu =
        Psu::open(&bank, CIC, &dialect.authorize_url("web", "aisp", &[("authorization_details", Some(&right)), ("scope", None)])).await;
    psu.sign_in("approves").await;
    assert!(text(&psu).contains("FR76 3000"));
    assert!(tokens(&dialect, psu, "aisp").await["authorization_details"].is_array());
}

/// RFC 9396 s10.
#[tokio::test]
async fn a_client_that_named_its_types_asks_with_no_other() {
    let bank = Bank::with(BankOptions::fapi2()).await;
    let client = client(&bank, &json!({ "security_profile": "fapi2", "authorization_details_types": ["account_information"] })).await;
    assert_eq!(client.information["authorization_details_types"], json!(["account_information"]));
    push(&client, &access(), &[]).await.ok(201);
    let refused = push(&client, &payment(), &[]).await.refused(400, "invalid_authorization_details");
    assert_eq!(refused.description(), "authorization_details[0].type: not registered for this client");
    let unknown = json!({ "redirect_uris": [CALLBACK], "authorization_details_types": ["signature"] });
    bank.tpp(ROLES).try_register(CIC, &unknown).await.refused(400, "invalid_client_metadata");
}

#[tokio::test]
async fn where_no_client_may_ask_so_nothing_is_said_of_it() {
    let told = async |bank: &Bank| {
        let url = format!("{}/.well-known/oauth-authorization-server", bank.issuer(CIC));
        let metadata = bank.browser().get(&url).await.ok(200).json();
        let document = bank.browser().get(&format!("{}/cic/openapi.json", bank.origin(CIC.psu_host))).await.ok(200).json();
        (metadata, document.to_string())
    };
    let bank = Bank::with(BankOptions::fapi2()).await;
    let (metadata, document) = told(&bank).await;
    assert_eq!(metadata["authorization_details_types_supported"], json!(["account_information", "payment_initiation"]));
    assert!(document.contains("payment_initiation") && document.contains("remittanceInformationUnstructured"));

    let plain = Bank::with(BankOptions { brands: vec![CIC], ..BankOptions::default() }).await;
    let (metadata, document) = told(&plain).await;
    assert!(metadata.get("authorization_details_types_supported").is_none());
    assert!(!document.contains("payment_initiation") && !document.contains("invalid_authorization_details"));
    // a parameter like any that is not known (RFC 6749 s3.1)
    let client = plain.tpp(ROLES).register(CIC).await;
    let query = client.authorize_url("web", "aisp", &[("authorization_details", Some("x"))]);
    let landing = Psu::open(&plain, CIC, &query).await.approve().await;
    let tokens = client.redeem("web", "aisp", landing.code()).await.ok(200).json();
    assert!(tokens.get("authorization_details").is_none(), "{tokens}");
}

#[tokio::test]
async fn the_banks_own_portal_is_told_of_both_and_says_which_accounts_were_chosen() {
    let portal = with_portal();
    let bank = Bank::with(BankOptions { brand_extra: format!("{}{SECURITY}\n", portal.brand_extra), brands: vec![CIC], ..portal }).await;
    let (client, portal) = (fapi2(&bank).await, BackEnd::of(&bank, CIC));
    let asked = json!([{ "type": "account_information", "accounts": [{ "iban": "DE89370400440532013000" }] }]);
    for (details, scope) in [(asked, "aisp"), (payment(), "pisp")] {
        let pushed = push(&client, &details, &[]).await.ok(201);
        let browser = Browser::open(&bank, CIC, &url(&client, &pushed)).await;
        let told = portal.read(&browser.ticket).await.ok(200).json();
        let completion = portal.completion(&browser.ticket).await;
        if scope == "aisp" {
            assert_eq!(told["accounts"]["asked"], json!(["DE89370400440532013000"]), "{told}");
        } else {
            assert_eq!((&told["payment"]["amount"], &told["payment"]["creditor_name"]), (&json!("123.50"), &json!("Merchant A")), "{told}");
            // the approval is of what was shown, and of nothing else
            let mut other = payment();
            other[0]["instructedAmount"]["amount"] = json!("123.51");
            let pushed = push(&client, &other, &[]).await.ok(201);
            let foreign = Browser::open(&bank, CIC, &url(&client, &pushed)).await;
            portal.complete(&foreign.ticket, &completion).await.refused(409, "linked_hash_mismatch");
        }
        let concluded = portal.complete(&browser.ticket, &completion).await.ok(200);
        let tokens = client.redeem("web", scope, &browser.code(&concluded).await).await.ok(200).json();
        let echoed = &tokens["authorization_details"];
        if scope == "aisp" {
            assert_eq!(echoed[0]["accounts"], json!([{ "iban": IBAN }]), "as the customer chose: {tokens}");
        } else {
            assert_eq!(*echoed, granted(payment()));
        }
        let told = introspect(&bank, CIC, &[("token", tokens["access_token"].as_str().unwrap())]).await.ok(200).json();
        assert_eq!(told["authorization_details"], *echoed);
    }
}

/// What a customer reads is what was pushed, whatever was pushed.
#[tokio::test]
async fn any_payment_that_is_taken_stands_on_the_page_and_in_the_token_as_it_was_pushed() {
    let bank = Bank::with(BankOptions::fapi2()).await;
    let client = fapi2(&bank).await;
    let mut runner = TestRunner::deterministic();
    let drawn = (1_u64..100_000_000, "[A-Za-zÀ-ÿ0-9.]{1,20}( [A-Za-zÀ-ÿ0-9.]{1,20}){0,3}", prop::option::of("[A-Za-z0-9/-]{1,60}"));
    for _ in 0..12 {
        let (cents, name, reference) = drawn.new_tree(&mut runner).unwrap().current();
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        let mut details = payment();
        details[0]["instructedAmount"]["amount"] = json!(amount);
        details[0]["creditorName"] = json!(name);
        match &reference {
            Some(reference) => details[0]["remittanceInformationUnstructured"] = json!(reference),
            None => drop(details[0].as_object_mut().unwrap().remove("remittanceInformationUnstructured")),
        }
        let psu = shown(&client, &details).await;
        let page = text(&psu);
        let euros: String = page.chars().filter(|c| c.is_ascii_digit() || *c == ',').collect();
        assert!(euros.contains(&amount.replace('.', ",")), "{amount}: {page}");
        assert!(page.contains(&name) && reference.is_none_or(|reference| page.contains(&reference)), "{details}: {page}");
        assert_eq!(tokens(&client, psu, "pisp").await["authorization_details"], granted(details));
    }
}

/// A customer who is forgotten leaves no name of whom he paid.
#[tokio::test]
async fn details_are_forgotten_with_their_customer() {
    let bank = Bank::with(BankOptions::fapi2()).await;
    bank.write_config(&BankOptions::fapi2());
    let client = fapi2(&bank).await;
    let psu = shown(&client, &payment()).await;
    tokens(&client, psu, "pisp").await;
    let pool = bank.pool().await;
    let kept = async || {
        let rows = "select (select count(*) from grants t where t::text like '%Merchant%') + (select count(*) from payments t where t::text like '%Invoice%')
                    + (select count(*) from interactions t where t::text like '%Merchant%')";
        sqlx::query_scalar::<_, i64>(rows).fetch_one(&pool).await.unwrap()
    };
    assert_eq!(kept().await, 3);
    let reference: String = sqlx::query_scalar("select psu from grants").fetch_one(&pool).await.unwrap();
    let file = bank.folder().join("reference");
    std::fs::write(&file, format!("{reference}\n")).unwrap();
    let erase = ["psu", "erase", "--brand", CIC.id, "--reference-file", file.to_str().unwrap(), "--reason", "art. 17", "--end-consents"];
    bank.operator(&erase).await;
    assert_eq!(kept().await, 0);
}
