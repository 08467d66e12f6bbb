//! Software statements (RFC 7591 s2.3): what a directory signed of a client, at registration and after.

use crate::{
    harness::{Bank, BankOptions, CIC, Key, LBP, Reply, Tpp, key_server::KeyServer, tpp::CALLBACK},
    register::{audited, with},
};
use guichet::{
    clock::Clock,
    jose::JwsAlgorithm,
    oauth::tpp::PspRole::{self, AccountInformation, PaymentInitiation},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{fs, path::Path};
use time::Duration;

const ROLES: [PspRole; 2] = [AccountInformation, PaymentInitiation];
const ISSUER: &str = "https://directory.example";

/// A directory that the first bank believes.
struct Directory {
    key: Key,
    folder: tempfile::TempDir,
}

impl Directory {
    fn new() -> Self {
        let (key, folder) = (Key::new(JwsAlgorithm::Es256, "d1"), tempfile::tempdir().unwrap());
        fs::write(folder.path().join("keys.json"), key.set().to_string()).unwrap();
        Self { key, folder }
    }

    fn file(&self) -> String {
        format!("jwks_file = {:?}", self.folder.path().join("keys.json").display().to_string())
    }

    /// With these keys in its row, and these in the brand's before.
    fn options(&self, keys: &str, brand: &str) -> BankOptions {
        let row = format!("{brand}\n[[brand.software_statement_issuer]]\nissuer = \"{ISSUER}\"\n{keys}");
        BankOptions { one_brand_extra: Some((CIC, row)), ..BankOptions::default() }
    }

    async fn bank(&self, more: &str) -> Bank {
        Bank::with(self.options(&format!("{}\n{more}", self.file()), "")).await
    }

    fn sign(&self, bank: &Bank, claims: &Value) -> String {
        self.key.sign(&claimed(bank, claims))
    }
}

/// Of a good statement with some changed; `null` takes one away.
fn claimed(bank: &Bank, changes: &Value) -> Value {
    let now = bank.clock.now().unix_timestamp();
    with(json!({ "iss": ISSUER, "iat": now, "exp": now + 600, "jti": "s-1", "software_id": "4NRB1" }), changes.clone())
}

fn asking(statement: &str, changes: Value) -> Value {
    with(with(Tpp::metadata(CIC), json!({ "software_statement": statement })), changes)
}

#[track_caller]
fn refused(reply: Reply, code: &str, why: &str) {
    let reply = reply.refused(400, code);
    assert_eq!(reply.description(), format!("software_statement: {why}"));
}

async fn subjects(bank: &Bank, kind: &str) -> Vec<String> {
    let rows = sqlx::query_scalar("select coalesce(subject, '') from audit_events where kind = $1 order by at, subject").bind(kind);
    rows.fetch_all(&bank.pool().await).await.unwrap()
}

#[tokio::test]
async fn b05_b08_what_a_directory_signed_wins_and_is_told_unchanged() {
    let directory = Directory::new();
    let bank = directory.bank("").await;
    let statement = directory
        .sign(&bank, &json!({ "client_name": "Honest Pay", "redirect_uris": [CALLBACK], "software_version": "2.1", "unheard_of": true }));
    let tpp = bank.tpp(ROLES);
    let asked = asking(
        &statement,
        json!({
            "client_name": "The Bank Itself", "client_name#fr": "La banque elle-même", "redirect_uris": ["https://evil.example/"],
            "software_id": "another", "contacts": ["dev@tpp.example"],
        }),
    );
    let client = tpp.register_as(CIC, &asked).await;
    let told = &client.information;
    assert_eq!((&told["client_name"], told.get("client_name#fr")), (&json!("Honest Pay"), None), "in every language");
    assert_eq!((&told["redirect_uris"], &told["software_id"]), (&json!([CALLBACK]), &json!("4NRB1")));
    assert_eq!((&told["software_version"], &told["contacts"]), (&json!("2.1"), &json!(["dev@tpp.example"])));
    assert_eq!((&told["software_statement"], told.get("unheard_of"), told.get("iss")), (&json!(statement), None, None));
    let read = client.manage(Method::GET, &json!({})).await.ok(200).json();
    assert_eq!(with(read, json!({ "registration_access_token": null })), with(told.clone(), json!({ "registration_access_token": null })));
    assert_eq!(subjects(&bank, "client_registered").await, [format!("{ISSUER} s-1")]);
    // it is the statement's client that customers see, and that goes on
    let page = client.authorize("web", "aisp").await.page.body;
    assert!(page.contains("Honest Pay") && !page.contains("elle-même"));
    client.client_credentials().await.ok(200);

    // the same again is the same; what another statement says is another's
    let again = tpp.register_as(CIC, &asked).await;
    assert_eq!((again.id, &again.information["software_statement"]), (client.id.clone(), &json!(statement)));
    let newer = directory
        .sign(&bank, &json!({ "client_name": "Honest Pay", "redirect_uris": [CALLBACK], "software_version": "2.1", "jti": "s-2" }));
    let other = tpp.register_as(CIC, &with(asked, json!({ "software_statement": newer }))).await;
    assert!(other.id != client.id && other.information["software_statement"] == json!(newer));
    // a certificate is still what registers: a statement alone says nothing of who holds it
    let plain = tpp.register(CIC).await;
    assert_eq!(plain.information.get("software_statement"), None);
}

#[tokio::test]
async fn b09_each_fault_of_a_statement_has_its_code() {
    let directory = Directory::new();
    let bank = directory.bank("algorithms = [\"ES256\", \"EdDSA\"]").await;
    let tpp = bank.tpp(ROLES);
    let (invalid, unapproved) = ("invalid_software_statement", "unapproved_software_statement");
    let now = bank.clock.now().unix_timestamp();
    let register =
        async |statement: Value| tpp.try_register(CIC, &with(Tpp::metadata(CIC), json!({ "software_statement": statement }))).await;
    let stranger = Key::new(JwsAlgorithm::Es256, "d1");
    let good = directory.sign(&bank, &json!({}));
    let (rest, _) = good.rsplit_once('.').unwrap();
    for (statement, code, why) in [
        (json!(5), invalid, "must be a string"),
        (json!(""), invalid, "not a signed JWT in compact form"),
        (json!("a.b.c"), invalid, "not a signed JWT in compact form"),
        (json!(format!("{good}\u{0}")), invalid, "the signature is not its issuer's"),
        (json!(format!("{rest}.AAAA")), invalid, "the signature is not its issuer's"),
        (json!(stranger.sign(&claimed(&bank, &json!({})))), invalid, "the signature is not its issuer's"),
        (
            json!(Key::new(JwsAlgorithm::EdDsa, "d1").sign(&claimed(&bank, &json!({})))),
            invalid,
            "no key of its issuer fits its kid and alg",
        ),
        (
            json!(Key::new(JwsAlgorithm::Ps256, "d1").sign(&claimed(&bank, &json!({})))),
            invalid,
            "alg: not one that its issuer signs by here",
        ),
        (json!(directory.sign(&bank, &json!({ "iss": null }))), invalid, "iss: missing"),
        (json!(directory.sign(&bank, &json!({ "iss": "https://other.example" }))), unapproved, "iss: not trusted here"),
        (json!(directory.sign(&bank, &json!({ "exp": now }))), invalid, "exp: it has expired"),
        (json!(directory.sign(&bank, &json!({ "exp": null }))), invalid, "exp: missing"),
        (json!(directory.sign(&bank, &json!({ "nbf": now + 60 }))), invalid, "iat or nbf: too far ahead"),
        (json!(directory.sign(&bank, &json!({ "aud": "https://other.example" }))), invalid, "aud: not meant for this server"),
        (
            json!(directory.sign(&bank, &json!({ "jti": "a\u{0}" }))),
            invalid,
            "jti: must be a string of at most 256 bytes without control characters",
        ),
        (json!(directory.sign(&bank, &json!({ "x": "y".repeat(16 * 1024) }))), invalid, "longer than 16384 bytes"),
    ] {
        refused(register(statement).await, code, why);
    }
    // what is stated is judged as if it were asked for
    let reply = register(json!(directory.sign(&bank, &json!({ "redirect_uris": ["http://tpp.example/"] })))).await;
    assert!(reply.refused(400, "invalid_redirect_uri").description().starts_with("redirect_uris[0]: "));
    let both = asking(&directory.sign(&bank, &json!({ "jwks_uri": "https://tpp.example/keys" })), json!({ "jwks": directory.key.set() }));
    assert!(tpp.try_register(CIC, &both).await.refused(400, "invalid_client_metadata").description().starts_with("jwks_uri: "));
    let kept = audited(&bank, "registration_refused").await;
    assert!(kept.contains(&format!("{invalid}: software_statement")) && kept.contains(&format!("{unapproved}: software_statement")));
    // of a brand that believes nobody, as ever
    let reply = tpp.try_register(LBP, &with(Tpp::metadata(LBP), json!({ "software_statement": good }))).await;
    refused(reply, unapproved, "no issuer of software statements is trusted here");
    register(json!(good)).await.ok(201);
    register(Value::Null).await.ok(201);
}

#[tokio::test]
async fn b05_b08_b12_an_update_sheds_nothing_that_was_stated() {
    let directory = Directory::new();
    let bank = directory.bank("").await;
    let statement = directory.sign(&bank, &json!({ "client_name": "Honest Pay", "client_uri": "https://tpp.example/" }));
    let client = bank.tpp(ROLES).register_as(CIC, &asking(&statement, json!({ "contacts": ["dev"] }))).await;
    let put = async |changes: Value| {
        let body = with(Tpp::metadata(CIC), json!({ "client_id": client.id, "client_name": "Another", "client_name#fr": "Autre" }));
        client.manage(Method::PUT, &with(body, changes)).await
    };
    // whatever became of it since: the client sends it back as RFC 7592 asks, or not at all
    bank.clock.advance(Duration::hours(1));
    for sent in [Value::Null, json!(statement)] {
        let told = put(json!({ "software_statement": sent })).await.ok(200).json();
        assert_eq!((&told["software_statement"], &told["software_id"]), (&json!(statement), &json!("4NRB1")), "{sent:.9}");
        assert_eq!((&told["client_name"], &told["client_uri"]), (&json!("Honest Pay"), &json!("https://tpp.example/")));
        assert_eq!((told.get("client_name#fr"), told.get("contacts")), (None, None), "its own members are replaced as ever");
    }
    // a new one is judged, and changes nothing unless it holds
    let late = directory.sign(&bank, &json!({ "client_name": "Late", "exp": bank.clock.now().unix_timestamp() }));
    refused(put(json!({ "software_statement": late })).await, "invalid_software_statement", "exp: it has expired");
    let read = client.manage(Method::GET, &json!({})).await.ok(200).json();
    assert_eq!((&read["software_statement"], &read["client_name"]), (&json!(statement), &json!("Honest Pay")));
    // what the next one does not say any more is the client's own again
    let newer = directory.sign(&bank, &json!({ "client_name": "Honester Pay", "jti": "s-2" }));
    let told = put(json!({ "software_statement": newer })).await.ok(200).json();
    assert_eq!((&told["software_statement"], &told["client_name"], told.get("client_uri")), (&json!(newer), &json!("Honester Pay"), None));
    let updates = ["s-1", "s-1", "s-2"].map(|id| format!("{ISSUER} {id}"));
    assert_eq!(subjects(&bank, "client_updated").await, updates);

    // a bank that believes nobody any more takes nothing new, and forgets nothing
    bank.reload_with(&BankOptions::default()).await;
    let told = put(json!({ "software_statement": newer })).await.ok(200).json();
    assert_eq!((&told["software_statement"], &told["client_name"]), (&json!(newer), &json!("Honester Pay")));
    let third = directory.sign(&bank, &json!({ "client_name": "Third" }));
    refused(
        put(json!({ "software_statement": third })).await,
        "unapproved_software_statement",
        "no issuer of software statements is trusted here",
    );
    // another client of the same organisation has none, and gets one
    bank.reload_with(&directory.options(&directory.file(), "")).await;
    let plain = bank.tpp_named(&client.tpp.organisation, ROLES).register(CIC).await;
    let body = with(asking(&third, json!({})), json!({ "client_id": plain.id }));
    assert_eq!(plain.manage(Method::PUT, &body).await.ok(200).json()["client_name"], "Third");
}

#[tokio::test]
async fn b05_a_statement_about_another_organisation_is_worth_nothing() {
    let directory = Directory::new();
    let bank = directory.bank("organisation_claim = \"org_id\"\nmax_age_seconds = 300").await;
    let (own, thief) = (bank.tpp(ROLES), bank.tpp(ROLES));
    let statement = directory.sign(&bank, &json!({ "org_id": own.organisation, "exp": null }));
    let unapproved = "unapproved_software_statement";
    refused(thief.try_register(CIC, &asking(&statement, json!({}))).await, unapproved, "not about the organisation of the certificate");
    let client = own.register_as(CIC, &asking(&statement, json!({}))).await;
    assert_eq!(client.information["software_statement"], statement);
    let nobodys = directory.sign(&bank, &json!({}));
    refused(own.try_register(CIC, &asking(&nobodys, json!({}))).await, unapproved, "not about the organisation of the certificate");
    // nor by an update of the thief's own client
    let theirs = thief.register(CIC).await;
    let update = asking(&statement, json!({ "client_id": theirs.id }));
    refused(theirs.manage(Method::PUT, &update).await, unapproved, "not about the organisation of the certificate");
    bank.clock.advance(Duration::seconds(301));
    let reply = own.try_register(CIC, &asking(&statement, json!({ "contacts": ["x"] }))).await;
    refused(reply, "invalid_software_statement", "iat: older than is taken of this issuer");
}

#[tokio::test]
async fn b05_where_a_statement_is_required_nobody_registers_without() {
    let directory = Directory::new();
    let required = directory.options(&directory.file(), "software_statements = \"required\"");
    let bank = Bank::with(directory.options(&directory.file(), "")).await;
    let tpp = bank.tpp(ROLES);
    let early = tpp.register(CIC).await;
    bank.reload_with(&required).await;
    let reply = bank.tpp(ROLES).try_register(CIC, &Tpp::metadata(CIC)).await;
    refused(reply, "invalid_client_metadata", "missing: clients register here with the statement of a trusted issuer");
    tpp.register_as(CIC, &asking(&directory.sign(&bank, &json!({})), json!({}))).await;
    // who is registered goes on
    early.manage(Method::PUT, &with(Tpp::metadata(CIC), json!({ "client_id": early.id, "client_name": "New" }))).await.ok(200);
    bank.tpp(ROLES).register(LBP).await;
}

#[tokio::test]
async fn b05_b10_an_issuers_keys_are_fetched_through_the_door_and_kept() {
    let directory = Directory::new();
    let server = KeyServer::start(&directory.key.set()).await;
    let uri = format!("jwks_uri = {:?}", server.uri());
    let open = |options: BankOptions| BankOptions { extra: format!("[outbound]\nprivate_hosts = [{:?}]\n", server.host), ..options };
    let bank = Bank::with(open(directory.options(&uri, ""))).await;
    let tpp = bank.tpp(ROLES);
    let register = async |key: &Key, name: &str| {
        let statement = key.sign(&claimed(&bank, &json!({ "client_name": name })));
        tpp.try_register(CIC, &asking(&statement, json!({}))).await
    };
    assert_eq!(server.asked(), 0);
    for name in ["One", "Two", "Three"] {
        register(&directory.key, name).await.ok(201);
    }
    assert_eq!(server.asked(), 1);
    // a new key needs no notice, but not more than a question a minute
    let next = Key::new(JwsAlgorithm::Es256, "d2");
    server.has(&next.set());
    refused(register(&next, "Four").await, "invalid_software_statement", "no key of its issuer fits its kid and alg");
    bank.clock.advance(Duration::minutes(1));
    register(&next, "Four").await.ok(201);
    refused(register(&directory.key, "Five").await, "invalid_software_statement", "no key of its issuer fits its kid and alg");
    assert_eq!(server.asked(), 2);
    // nobody can say whether it is good: an outage, not a refusal
    server.says(500, "");
    bank.clock.advance(Duration::minutes(30));
    register(&next, "Five").await.ok(201);
    bank.clock.advance(Duration::minutes(31));
    let reply = register(&next, "Six").await.refused(503, "temporarily_unavailable");
    assert_eq!(reply.description(), "software_statement: the keys of its issuer cannot be learnt now");
    assert!(!reply.header("retry-after").is_empty());
    tpp.register(CIC).await;
    server.has(&next.set());
    bank.clock.advance(Duration::minutes(1));
    let seven = register(&next, "Seven").await.ok(201).json();
    // what is registered needs its issuer no more
    server.is_silent();
    bank.clock.advance(Duration::hours(2));
    let body = with(Tpp::metadata(CIC), json!({ "client_id": seven["client_id"] }));
    let told = tpp.wire.json(Method::PUT, seven["registration_client_uri"].as_str().unwrap(), &[], &body).await.ok(200).json();
    assert_eq!(told["client_name"], "Seven");
    // a door that the operator did not open stays shut
    let shut = Bank::with(directory.options(&uri, "")).await;
    let (asked, statement) = (server.asked(), next.sign(&claimed(&shut, &json!({}))));
    shut.tpp(ROLES).try_register(CIC, &asking(&statement, json!({}))).await.refused(503, "temporarily_unavailable");
    assert_eq!(server.asked(), asked);
}

#[tokio::test]
async fn an_issuers_new_keys_come_by_a_reload_and_broken_ones_do_not() {
    let directory = Directory::new();
    let bank = directory.bank("").await;
    let (tpp, next) = (bank.tpp(ROLES), Key::new(JwsAlgorithm::EdDsa, "d2"));
    let write = |text: &str| fs::write(Path::new(directory.folder.path()).join("keys.json"), text).unwrap();
    let options = directory.options(&directory.file(), "");
    for broken in ["", "{}", "{\"keys\":[]}"] {
        write(broken);
        assert!(matches!(bank.try_reload_with(&options).await, guichet::server::Reload::Refused(_)), "{broken:?}");
    }
    let register = async |key: &Key| tpp.try_register(CIC, &asking(&key.sign(&claimed(&bank, &json!({}))), json!({}))).await;
    register(&directory.key).await.ok(201);
    write(&next.set().to_string());
    bank.reload_with(&options).await;
    register(&next).await.ok(201);
    refused(register(&directory.key).await, "invalid_software_statement", "no key of its issuer fits its kid and alg");
}
