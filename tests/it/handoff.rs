//! The bank's own pages: the browser is handed over with a ticket, the portal's back end reads the journey and concludes it, once.

use crate::harness::{
    Bank, BankOptions, Brand, CIC, LBP, Landing, Process, Reply, Tpp,
    bank::BRANDS,
    tpp::{CALLBACK, Client, STATE},
    wire::Wire,
};
use guichet::{clock::Clock, oauth::tpp::PspRole};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row;
use time::{Duration, format_description::well_known::Rfc3339};

const PORTAL: &str = "https://portal.bank.example/oauth/start";

/// Inside each `[[brand]]`.
pub fn with_portal() -> BankOptions {
    BankOptions { brand_extra: format!("[brand.sca]\nmode = \"portal\"\nportal_url = \"{PORTAL}\"\n"), ..BankOptions::default() }
}

/// The portal's back end, with the bank's own certificate.
pub struct BackEnd<'a> {
    bank: &'a Bank,
    brand: Brand,
    wire: Wire,
}

impl<'a> BackEnd<'a> {
    pub fn of(bank: &'a Bank, brand: Brand) -> Self {
        Self { bank, brand, wire: bank.gateway() }
    }

    fn url(&self, ticket: &str) -> String {
        format!("https://localhost:{}/v1/brands/{}/interactions/{ticket}", self.bank.internal.port(), self.brand.id)
    }

    pub async fn read(&self, ticket: &str) -> Reply {
        self.wire.get(&self.url(ticket)).await
    }

    pub async fn complete(&self, ticket: &str, body: &Value) -> Reply {
        self.wire.json(Method::POST, &format!("{}/complete", self.url(ticket)), &[], body).await
    }

    pub async fn fail(&self, ticket: &str, reason: &str) -> Reply {
        self.wire.json(Method::POST, &format!("{}/fail", self.url(ticket)), &[], &json!({ "reason": reason })).await
    }

    /// All that any journey can require.
    pub async fn completion(&self, ticket: &str) -> Value {
        let told = self.read(ticket).await.ok(200).json();
        json!({
            "subject": "c-1001",
            "sca": {
                "method": "app",
                "at": self.bank.clock.now().format(&Rfc3339).unwrap(),
                "reference": "sca-1",
                "linked_hash": told["linked_hash"],
            },
            "accounts": [{ "id": "a-1", "iban": "FR7630006000011234567890189", "label": "Compte courant", "currency": "EUR" }],
            "explicit_consent": true,
        })
    }
}

/// A browser that was handed over.
pub struct Browser {
    wire: Wire,
    pub cookie: String,
    pub ticket: String,
    /// The journey's page.
    pub journey: String,
}

impl Browser {
    pub async fn hand_over(client: &Client<'_>, channel: &str, scope: &str) -> Self {
        Self::open(client.tpp.bank, client.brand, &client.authorize_url(channel, scope, &[])).await
    }

    /// To the portal; where the bank's app is offered first, on with "continue here".
    pub async fn open(bank: &Bank, brand: Brand, url: &str) -> Self {
        let wire = bank.browser();
        let mut reply = wire.get(url).await;
        let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        let mut browser = Self { wire, cookie, ticket: String::new(), journey: String::new() };
        let origin = bank.origin(brand.psu_host);
        loop {
            reply = match (reply.status, reply.header("location")) {
                (200, _) => browser.continue_here(&origin, &reply).await,
                (303, path) if path.starts_with('/') => browser.get(&format!("{origin}{path}")).await,
                _ => break,
            };
        }
        browser.ticket = ticket_of(reply.header("location"));
        let told = BackEnd::of(bank, brand).read(&browser.ticket).await.ok(200).json();
        let id = told["interaction_id"].as_str().unwrap().replace('-', "");
        browser.journey = format!("{}/{}/journeys/{id}", bank.origin(brand.psu_host), brand.id);
        browser
    }

    async fn continue_here(&self, origin: &str, page: &Reply) -> Reply {
        // or some browsers would stop on the way from this form to the portal
        let policy = page.header("content-security-policy");
        assert!(policy.ends_with("form-action 'self' https://portal.bank.example"), "{policy}");
        let form = [("csrf", attribute(page, "name=\"csrf\" value")), ("decision", "continue_here")];
        self.wire.form(&format!("{origin}{}", attribute(page, "action")), &[("cookie", &self.cookie)], &form).await
    }

    pub async fn get(&self, url: &str) -> Reply {
        self.wire.send(Method::GET, url, &[("cookie", &self.cookie)], "").await
    }

    /// Follows `redirect_to` to the TPP.
    pub async fn go_home(&self, concluded: &Reply) -> Landing {
        Landing::read(self.get(&redirect_to(concluded)).await.ok(303).header("location"))
    }

    /// With what the portal handed it: the code.
    pub async fn code(&self, concluded: &Reply) -> String {
        self.go_home(concluded).await.code().to_owned()
    }
}

#[track_caller]
pub fn attribute<'p>(page: &'p Reply, name: &str) -> &'p str {
    let rest = page.body.split(&format!("{name}=\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {page:?}"));
    rest.split('"').next().unwrap()
}

#[track_caller]
pub fn ticket_of(location: &str) -> String {
    let ticket = location.strip_prefix(&format!("{PORTAL}?interaction=")).unwrap_or_else(|| panic!("{location}"));
    assert!(ticket.starts_with("guti_") && ticket.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{ticket}");
    ticket.to_owned()
}

#[track_caller]
pub fn redirect_to(reply: &Reply) -> String {
    reply.json()["redirect_to"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
}

/// Scopes that one consent may be about.
const SCOPES: [&str; 4] = ["aisp", "aisp extended_transaction_history", "cbpii", "pisp"];

async fn tokens_by_hand_off(bank: &Bank, client: &Client<'_>, channel: &str, scope: &str) {
    let brand = client.brand;
    let portal = BackEnd::of(bank, brand);
    let browser = Browser::hand_over(client, channel, scope).await;
    let told = portal.read(&browser.ticket).await.ok(200).json();
    assert_eq!((&told["status"], &told["channel"], &told["begun_by"]), (&json!("open"), &json!(channel), &json!("browser")));
    assert_eq!(told["scope"]["codes"], json!(scope.split(' ').collect::<Vec<_>>()));
    let concluded = portal.complete(&browser.ticket, &portal.completion(&browser.ticket).await).await.ok(200);
    let landing = browser.go_home(&concluded).await;
    assert_eq!((landing.uri.as_str(), landing.get("state"), landing.get("iss")), (CALLBACK, STATE, bank.issuer(brand).as_str()));
    let tokens = client.redeem(channel, scope, landing.code()).await.ok(200).json();
    let seen = client.introspect(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(
        (&seen["active"], &seen["sub"], &seen["channel"], &seen["scope"]),
        (&json!(true), &json!("c-1001"), &json!(channel), &json!(scope))
    );
    assert_eq!(seen["auth_time"], bank.clock.now().unix_timestamp());
    assert_eq!(portal.read(&browser.ticket).await.ok(200).json()["status"], "completed");
}

#[tokio::test]
async fn every_channel_and_scope_ends_in_tokens() {
    let bank = Bank::with(with_portal()).await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        for (channel, ..) in brand.channels {
            for scope in SCOPES {
                tokens_by_hand_off(&bank, &client, channel, scope).await;
            }
        }
    }
    let by: Vec<String> = sqlx::query_scalar("select distinct coalesce(actor, '') from audit_events where kind = 'interaction_approved'")
        .fetch_all(&bank.pool().await)
        .await
        .unwrap();
    assert_eq!(by, ["O=Test bank, CN=gateway"], "which system said so");
}

/// In production nobody is simulated: the portal is all there is.
#[tokio::test]
async fn a_bank_in_production_gives_tokens_by_its_portal() {
    let bank = Bank::with(BankOptions { production: true, ..with_portal() }).await;
    let cic = Brand {
        registration: "/cic/oauth2/registrations",
        revocation: "/cic/oauth2/revoke",
        channels: &[("web", "/oauth2/fr/banque/oauth2_authorization.aspx", "/cic/oauth2/token")],
        ..CIC
    };
    for brand in [cic, LBP] {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        tokens_by_hand_off(&bank, &client, "web", "aisp").await;
    }
}

#[tokio::test]
async fn all_that_the_portal_is_told() {
    let bank = Bank::with(with_portal()).await;
    for brand in BRANDS {
        let tpp = bank.tpp([PspRole::AccountInformation, PspRole::CardIssuing]);
        let mut metadata = Tpp::metadata(brand);
        metadata["client_name"] = json!("Budget");
        metadata["client_name#de"] = json!("Haushalt");
        metadata["agent"] = json!("Agent SARL");
        let client = tpp.register_as(brand, &metadata).await;
        let url = client.authorize_url("web", "cbpii", &[("ui_locales", Some("de"))]).replace("/fr/", "/de/");
        let browser = Browser::open(&bank, brand, &url).await;
        let portal = BackEnd::of(&bank, brand);
        let told = portal.read(&browser.ticket).await.ok(200).json();
        let now = bank.clock.now().replace_nanosecond(0).unwrap();
        let words = told["scope"]["words"].as_array().unwrap();
        assert!(words.len() == 3 && words.iter().all(|words| !words.as_str().unwrap().is_empty()), "{told}");
        assert!(words[0].as_str().unwrap().contains("Haushalt"), "{told}");
        let expected = json!({
            "interaction_id": told["interaction_id"],
            "status": "open",
            "brand": brand.id,
            "brand_name": told["brand_name"],
            "channel": "web",
            "begun_by": "browser",
            "fallback": false,
            "language": "de",
            "client": {
                "client_id": client.id,
                "client_name": "Haushalt",
                "legal_name": format!("Société {}", tpp.organisation),
                "authorisation_number": tpp.organisation.rsplit('-').next(),
                "organisation": tpp.organisation,
                "agent": "Agent SARL",
                "roles": ["PSP_AI", "PSP_IC"],
            },
            "scope": { "codes": ["cbpii"], "words": told["scope"]["words"] },
            "accounts": { "choose": "one" },
            "payment": null,
            "required": ["authenticate", "sca", "accounts", "explicit_consent"],
            "linked_hash": told["linked_hash"],
            "begun_at": now.format(&Rfc3339).unwrap(),
            "deadline": (now + Duration::seconds(600)).format(&Rfc3339).unwrap(),
        });
        assert_eq!(told, expected);
        assert_eq!(told["linked_hash"].as_str().unwrap().len(), 43);
        assert_eq!(portal.read(&browser.ticket).await.ok(200).json(), told, "reading changes nothing");
    }
}

/// What must be done follows from the brand and the scope.
#[tokio::test]
async fn what_is_required_is_the_brands_policy() {
    let bank = Bank::with(with_portal()).await;
    for (brand, scope, required) in [
        (CIC, "aisp", json!(["authenticate", "sca", "explicit_consent"])),
        (LBP, "aisp", json!(["authenticate", "sca"])),
        (CIC, "cbpii", json!(["authenticate", "sca", "accounts", "explicit_consent"])),
        (LBP, "cbpii", json!(["authenticate", "sca", "accounts", "explicit_consent"])),
        (CIC, "pisp", json!(["authenticate", "sca", "accounts"])),
        (LBP, "pisp", json!(["authenticate", "sca", "accounts"])),
    ] {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let browser = Browser::hand_over(&client, "web", scope).await;
        let told = BackEnd::of(&bank, brand).read(&browser.ticket).await.ok(200).json();
        assert_eq!(told["required"], required, "{} {scope}", brand.id);
    }
}

#[tokio::test]
async fn a_browser_that_comes_back_is_sent_on_with_the_same_ticket_and_home_once_it_is_over() {
    let bank = Bank::with(with_portal()).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let portal = BackEnd::of(&bank, CIC);
    let browser = Browser::hand_over(&client, "web", "aisp").await;
    for path in ["", "/return"] {
        let again = browser.get(&format!("{}{path}", browser.journey)).await.ok(303);
        assert_eq!(ticket_of(again.header("location")), browser.ticket, "{path}");
    }
    // idle on our side for longer than a session: the portal has the customer
    bank.clock.advance(Duration::seconds(301));
    assert_eq!(ticket_of(browser.get(&browser.journey).await.ok(303).header("location")), browser.ticket);
    let failed = portal.fail(&browser.ticket, "cancelled").await.ok(200);
    assert_eq!(redirect_to(&failed), format!("{}/return", browser.journey));
    assert!(browser.get(&browser.journey).await.ok(200).body.contains("/return"));
    let home = browser.go_home(&failed).await;
    assert_eq!((home.uri.as_str(), home.get("error"), home.get("state")), (CALLBACK, "access_denied", STATE));

    // nobody concluded it: the deadline does
    let browser = Browser::hand_over(&client, "web", "aisp").await;
    bank.clock.advance(Duration::seconds(600));
    let told = portal.read(&browser.ticket).await.ok(200);
    assert_eq!((&told.json()["status"], &told.json()["reason"]), (&json!("failed"), &json!("timed_out")));
    assert_eq!(browser.go_home(&told).await.get("error_description"), "the customer did not answer in time");
}

#[tokio::test]
async fn every_reason_of_failure_reaches_the_tpp_in_its_channels_words() {
    let bank = Bank::with(with_portal()).await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let portal = BackEnd::of(&bank, brand);
        for (channel, ..) in brand.channels {
            for (reason, ..) in crate::sca_outcomes::OUTCOMES {
                let browser = Browser::hand_over(&client, channel, "aisp").await;
                let landing = browser.go_home(&portal.fail(&browser.ticket, reason).await.ok(200)).await;
                crate::sca_outcomes::came_home(&landing, &client, channel, reason);
                let told = portal.read(&browser.ticket).await.ok(200).json();
                assert_eq!((&told["status"], &told["reason"]), (&json!("failed"), &json!(reason)));
            }
        }
    }
}

/// The link of somebody else's journey: whoever began it has the cookie, whoever approved has what the portal gives him.
#[tokio::test]
async fn a_link_that_was_sent_to_a_victim_gives_nobody_a_code() {
    let bank = Bank::with(with_portal()).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let portal = BackEnd::of(&bank, CIC);
    let attacker = Browser::hand_over(&client, "web", "aisp").await;
    // the victim opens the portal with the attacker's ticket, and approves there
    let concluded = portal.complete(&attacker.ticket, &portal.completion(&attacker.ticket).await).await.ok(200);
    let confirmed = redirect_to(&concluded);
    let victim = bank.browser();
    assert_eq!(victim.get(&confirmed).await.ok(403).header("location"), "", "without the cookie");
    let other = Browser::hand_over(&client, "web", "aisp").await;
    other.get(&confirmed).await.ok(403);
    let guesses = ["", "?confirmation=", "?confirmation=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "?confirmation=a&confirmation=b"];
    for guess in guesses {
        let sent = attacker.get(&format!("{}/return{guess}", attacker.journey)).await.ok(303);
        assert_eq!(ticket_of(sent.header("location")), attacker.ticket, "back to the portal, without a code: {guess}");
    }
    assert_eq!(ticket_of(attacker.get(&attacker.journey).await.ok(303).header("location")), attacker.ticket);
    assert!(portal.read(&attacker.ticket).await.ok(200).json().get("redirect_to").is_none(), "reading does not give it");
    assert_eq!(bank.audited_kind("code_issued").await, 0);
    // nobody brings it: at the deadline the TPP learns that nothing came of it
    bank.clock.advance(Duration::seconds(600));
    let late = Landing::read(attacker.get(&format!("{}/return", attacker.journey)).await.ok(303).header("location"));
    assert_eq!(late.get("error"), "access_denied");
    let alive: i64 =
        sqlx::query_scalar("select count(*) from grants where revoked_at is null").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(alive, 0);
}

#[tokio::test]
async fn a_ticket_opens_its_own_journey_at_its_own_brand_and_no_other() {
    let bank = Bank::with(with_portal()).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let browser = Browser::hand_over(&client, "web", "aisp").await;
    let other = Browser::hand_over(&client, "web", "aisp").await;
    let (portal, words) = (BackEnd::of(&bank, CIC), json!({ "reason": "cancelled" }));
    let ticket = &browser.ticket;
    // the id of one journey with the secret of another; the secret cut, flipped, of another kind
    let mixed = format!("{}{}", &ticket[..26], &other.ticket[26..]);
    let flipped = format!("{}{}", &ticket[..ticket.len() - 4], if ticket.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    let renamed = ticket.replace("guti_", "guac_");
    let id = browser.journey.rsplit('/').next().unwrap();
    for guess in [&mixed, &flipped, &renamed, &ticket[..ticket.len() - 1], id, "x", "guti_", "..%2F..%2Fevents"] {
        let (read, fail) = (portal.read(guess).await, portal.fail(guess, "cancelled").await);
        for reply in [read, fail, portal.complete(guess, &json!({})).await] {
            assert_eq!(reply.refused(404, "unknown_interaction").description(), "no such interaction", "{guess}");
        }
    }
    let elsewhere = BackEnd::of(&bank, LBP);
    elsewhere.read(ticket).await.refused(404, "unknown_interaction");
    elsewhere.complete(ticket, &words).await.refused(400, "invalid_request");
    elsewhere.fail(ticket, "cancelled").await.refused(404, "unknown_interaction");
    let nobody = Brand { id: "nobody", ..CIC };
    BackEnd::of(&bank, nobody).read(ticket).await.refused(404, "invalid_request");
    assert_eq!(portal.read(ticket).await.ok(200).json()["status"], "open", "nothing has happened to it");
    for name in [None, Some("all"), Some("server")] {
        let url = portal.url(ticket);
        assert!(Wire::internal(&bank, name).try_send(Method::GET, &url, &[], "").await.is_err(), "{name:?}: not the bank's own system");
    }
}

/// Digests at rest: neither ticket nor confirmation, nor who the customer is where that is nobody's business.
#[tokio::test]
async fn nothing_that_opens_a_journey_is_stored() {
    let bank = Bank::with(with_portal()).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let portal = BackEnd::of(&bank, CIC);
    let browser = Browser::hand_over(&client, "web", "aisp").await;
    let concluded = portal.complete(&browser.ticket, &portal.completion(&browser.ticket).await).await.ok(200);
    let confirmation = redirect_to(&concluded).split("confirmation=").nth(1).unwrap().to_owned();
    let code = browser.code(&concluded).await;
    let pool = bank.pool().await;
    for table in ["interactions", "grants", "audit_events", "events"] {
        let rows = sqlx::query(sqlx::AssertSqlSafe(format!("select t::text as row from {table} t"))).fetch_all(&pool).await.unwrap();
        for row in rows.iter().map(|row| row.get::<String, _>("row")) {
            for secret in [&browser.ticket[5..], &confirmation, &code[5..], "FR7630006000011234567890189"] {
                assert!(!row.contains(secret), "{table}: {row}");
            }
            assert!(table != "audit_events" || !row.contains("c-1001"), "no customer in the audit trail: {row}");
        }
    }
}

/// Amount and payee go to the portal, its approval is of exactly that, and a change in between voids it.
#[tokio::test]
async fn a_payment_is_approved_as_the_portal_was_told_it_or_not_at_all() {
    let bank = Bank::with(with_portal()).await;
    for brand in BRANDS {
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let portal = BackEnd::of(&bank, brand);
        let payments = format!("https://localhost:{}/v1/brands/{}/payments", bank.internal.port(), brand.id);
        let body = |payment_id: &str, amount: &str| {
            json!({
                "client_id": client.id, "kind": "initiation", "payment_id": payment_id, "amount": amount, "currency": "EUR",
                "creditor_name": "Librairie des Arts", "creditor_account": "FR7630006000011234567890189",
                "debtor_account": "FR7610107001011234567890129",
            })
        };
        let begin = async |payment_id: &str| {
            let lodged = bank.gateway().json(Method::POST, &payments, &[], &body(payment_id, "1234.50")).await.ok(201).json();
            let rest = crate::harness::wire::encode(&[
                ("redirect_uri", CALLBACK),
                ("state", STATE),
                ("code_challenge", crate::harness::tpp::CHALLENGE),
                ("code_challenge_method", "S256"),
            ]);
            let url = format!("{}&{rest}", lodged["consent_approval_url"].as_str().unwrap());
            (lodged["payment_request"].as_str().unwrap().to_owned(), Browser::open(&bank, brand, &url).await)
        };
        let (id, browser) = begin("p-1").await;
        let told = portal.read(&browser.ticket).await.ok(200).json();
        let payment = &told["payment"];
        assert_eq!((&payment["amount"], &payment["creditor_name"]), (&json!("1234.50"), &json!("Librairie des Arts")));
        assert_eq!(told["accounts"], json!({ "choose": "none", "given": "FR7610107001011234567890129" }));
        assert_eq!(told["required"], json!(["authenticate", "sca"]));
        let concluded = portal.complete(&browser.ticket, &portal.completion(&browser.ticket).await).await.ok(200);
        let code = browser.code(&concluded).await;
        let token = client.redeem("web", "pisp", &code).await.ok(200).json();
        let seen = client.introspect(token["access_token"].as_str().unwrap()).await;
        assert_eq!((&seen["payment_request"], &seen["payment_id"]), (&json!(id), &json!("p-1")), "{seen}");
        assert_eq!(portal.read(&browser.ticket).await.ok(200).json()["payment"]["amount"], "1234.50");

        // changed between what the customer saw and what he approves
        let (id, browser) = begin("p-2").await;
        let words = portal.completion(&browser.ticket).await;
        bank.gateway().json(Method::PUT, &format!("{payments}/{id}"), &[], &body("p-2", "9234.50")).await.ok(200);
        portal.read(&browser.ticket).await.refused(409, "approval_void");
        let refused = portal.complete(&browser.ticket, &words).await.refused(409, "approval_void");
        assert_eq!(portal.complete(&browser.ticket, &words).await.refused(409, "approval_void").json(), refused.json());
        assert!(!browser.go_home(&refused).await.params.contains_key("code"));
    }
}

/// The log, the metrics: which routes and how often, never whose journey.
#[tokio::test]
async fn log_and_metrics_know_nobodys_ticket() {
    let bank = Bank::unserved(with_portal()).await;
    let process = Process::serve(&bank).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let portal = BackEnd::of(&bank, CIC);
    let browser = Browser::hand_over(&client, "web", "aisp").await;
    let words = portal.completion(&browser.ticket).await;
    portal
        .complete(&browser.ticket, &json!({ "subject": "c-1001", "accounts": [{ "iban": "FR7630006000011234567890189" }] }))
        .await
        .ok(400);
    portal.fail(&browser.ticket, "FR7630006000011234567890189").await.ok(400);
    let concluded = portal.complete(&browser.ticket, &words).await.ok(200);
    let confirmation = redirect_to(&concluded).split("confirmation=").nth(1).unwrap().to_owned();
    let code = browser.code(&concluded).await;
    let metrics = bank.browser().get(&format!("http://{}/metrics", bank.ops)).await.ok(200).body;
    assert!(metrics.contains("guichet_interactions_concluded_total{outcome=\"completed\"} 1"), "{metrics}");
    let said = format!("{}{metrics}", process.log());
    assert!(said.contains("/v1/brands/{brand}/interactions/{ticket}/complete"), "{said}");
    for secret in [&browser.ticket[5..], &confirmation, &code[5..], "c-1001", "FR7630006000011234567890189", "sca-1\""] {
        assert!(!said.contains(secret), "{secret}");
    }
}

/// Killed after it wrote, before its answer came: the same words again find what was written.
#[tokio::test]
async fn a_conclusion_survives_the_servers_death() {
    let bank = Bank::unserved(with_portal()).await;
    let process = Process::serve(&bank).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let portal = BackEnd::of(&bank, CIC);
    let browser = Browser::hand_over(&client, "web", "aisp").await;
    let words = portal.completion(&browser.ticket).await;
    let first = portal.complete(&browser.ticket, &words).await.ok(200).body;
    process.kill_9();
    let _second = Process::serve(&bank).await;
    let again = BackEnd::of(&bank, CIC).complete(&browser.ticket, &words).await.ok(200);
    assert_eq!(again.body, first);
    let browser = Browser { wire: bank.browser(), ..browser };
    client.redeem("web", "aisp", &browser.code(&again).await).await.ok(200);
}
