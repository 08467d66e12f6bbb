//! The page that stands ready behind the bank's own sign-in: a link that opens once, what the customer sees, how he ends it, and
//! who gets nowhere.

use crate::{
    grants_of_customers::{post, subject},
    harness::{Bank, Brand, CIC, Client, LBP, Reply, Tpp, bank::BRANDS, together, wire::Wire},
    register::with,
};
use guichet::{
    clock::{Clock, Entropy, System},
    oauth::tpp::PspRole::{self, AccountInformation},
};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

/// A customer's browser on such a visit.
struct Visitor {
    wire: Wire,
    origin: String,
    brand: Brand,
    cookie: String,
}

pub async fn link(bank: &Bank, brand: Brand, body: Value) -> String {
    post(bank, brand, "permissions", &body).await.ok(201).json()["url"].as_str().unwrap().to_owned()
}

impl Visitor {
    fn new(bank: &Bank, brand: Brand) -> Self {
        Self { wire: bank.browser(), origin: bank.origin(brand.psu_host), brand, cookie: String::new() }
    }

    async fn invited(bank: &Bank, brand: Brand, psu: &str) -> Self {
        let mut visitor = Self::new(bank, brand);
        let url = link(bank, brand, json!({ "subject": psu, "language": "en" })).await;
        let reply = visitor.open(&url).await.ok(303);
        assert_eq!(reply.header("location"), format!("/{}/permissions", brand.id));
        visitor
    }

    /// Keeps the cookie, follows nothing.
    async fn open(&mut self, url: &str) -> Reply {
        let reply = self.wire.send(Method::GET, url, &[("cookie", &self.cookie)], "").await;
        if !reply.header("set-cookie").is_empty() {
            self.cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        }
        reply
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{}/permissions{path}", self.origin, self.brand.id)
    }

    async fn get(&self, path: &str) -> Reply {
        self.wire.send(Method::GET, &self.url(path), &[("cookie", &self.cookie)], "").await
    }

    async fn list(&self) -> String {
        self.get("").await.ok(200).body
    }

    async fn csrf(&self, grant: &str) -> String {
        let page = self.get(&format!("/{grant}")).await.ok(200).body;
        page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_else(|| panic!("{page}")).to_owned()
    }

    async fn submit(&self, grant: &str, form: &[(&str, &str)]) -> Reply {
        self.wire.form(&self.url(&format!("/{grant}")), &[("cookie", &self.cookie)], form).await
    }
}

async fn allow(client: &Client<'_>) -> (String, String) {
    let tokens = client.tokens("web", "aisp").await;
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    let grant = client.introspect(&access).await["grant_id"].as_str().unwrap().to_owned();
    (grant, access)
}

#[tokio::test]
async fn a_customer_sees_what_he_allowed_and_ends_it() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let psu = subject(&bank, brand, "approves").await;
        let visitor = Visitor::invited(&bank, brand, &psu).await;
        let page = visitor.list().await;
        assert!(page.contains("At present no service has access") && page.contains("No access has ended in the last two years"), "{page}");

        let client = bank.tpp(PspRole::ALL).register_as(brand, &with(Tpp::metadata(brand), json!({ "client_name": "Tipp" }))).await;
        let (grant, access) = allow(&client).await;
        client.tokens("web", "pisp").await;
        let page = visitor.list().await;
        for told in [
            "Tipp",
            &client.tpp.organisation.replace("PSDFR-ACPR-", ""),
            "transactions of the last 90 days",
            "the payment that you ordered",
        ] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(page.contains(&format!("href=\"/{}/permissions/{}\"", brand.id, grant.replace('-', ""))), "{page}");
        assert!(!page.contains(&psu) && !page.contains("<script"), "{page}");

        // a question first, and nothing has happened
        let question = visitor.get(&format!("/{grant}")).await.ok(200);
        assert!(question.body.contains("End the access of Tipp?"));
        assert!(client.is_active(&access).await);
        let csrf = visitor.csrf(&grant).await;
        let reply = visitor.submit(&grant, &[("csrf", &csrf), ("decision", "end")]).await.ok(303);
        assert_eq!(reply.header("location"), format!("/{}/permissions/{}", brand.id, grant.replace('-', "")));
        assert!(!client.is_active(&access).await);

        // the same page now says so, whichever way the browser comes back to it; a second click changes nothing
        let over = visitor.get(&format!("/{grant}")).await.ok(200);
        assert!(
            over.body.contains("The access of Tipp has ended") && over.body.contains("Ended by you on") && !over.body.contains("<form"),
            "{over:?}"
        );
        assert_eq!(over.header("cache-control"), "no-store");
        visitor.submit(&grant, &[("csrf", &csrf), ("decision", "end")]).await.ok(303);
        assert_eq!(
            bank.audit().await.iter().filter(|event| event.kind == "grant_withdrawn" && event.grant.as_deref() == Some(&grant)).count(),
            1
        );
        let page = visitor.list().await;
        assert!(page.contains("Ended by you on") && page.contains("the payment that you ordered"), "{page}");
        for only in ["?state=active", "?state=ended"] {
            let page = visitor.get(only).await.ok(200).body;
            assert!(page.contains("Ended by you on") == (only == "?state=ended") && page.contains("Back to the overview"), "{page}");
        }
    }
}

#[tokio::test]
async fn every_language_of_the_brand_is_spoken() {
    let bank = Bank::start().await;
    let psu = subject(&bank, CIC, "approves").await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    allow(&client).await;
    for (language, title) in [
        (Some("de"), "Zugriffe auf Ihre Konten"),
        (Some("en"), "Access to your accounts"),
        (Some("es"), "Accesos a sus cuentas"),
        (Some("fr"), "Accès à vos comptes"),
        (None, "Accès à vos comptes"),
    ] {
        let mut visitor = Visitor::new(&bank, CIC);
        let url = link(&bank, CIC, json!({ "subject": psu, "language": language })).await;
        visitor.open(&url).await.ok(303);
        let page = visitor.get("").await.ok(200);
        assert!(page.body.contains(title), "{page:?}");
        assert_eq!(page.header("content-language"), language.unwrap_or("fr"));
    }
    post(&bank, CIC, "permissions", &json!({ "subject": psu, "language": "it" })).await.refused(400, "invalid_request");
    post(&bank, CIC, "permissions", &json!({ "subject": "" })).await.refused(400, "invalid_request");
    post(&bank, CIC, "permissions", &json!({ "subject": psu, "until": 1 })).await.refused(400, "invalid_request");
}

#[tokio::test]
async fn a_link_opens_once_in_one_browser_soon_and_at_its_brand() {
    let bank = Bank::start().await;
    let psu = subject(&bank, CIC, "approves").await;
    let made = post(&bank, CIC, "permissions", &json!({ "subject": psu })).await.ok(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let url = made.json()["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{}/cic/permissions/open/gupl_", bank.origin(CIC.psu_host))) && !url.contains(&psu), "{url}");

    // a look at the headers, as mail scanners do, is no opening
    let mut visitor = Visitor::new(&bank, CIC);
    let head = visitor.wire.send(Method::HEAD, &url, &[], "").await;
    assert!(head.status == 405 && head.header("set-cookie").is_empty(), "{head:?}");
    let opened = visitor.open(&url).await.ok(303);
    let cookie = opened.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-guichet-permissions=gupv_"), "{cookie}");
    for attribute in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=1800"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{cookie}");
    }
    assert!(!cookie.contains(url.rsplit_once('/').unwrap().1), "the link's secret is not the cookie's");
    visitor.list().await;

    // a double click goes on; whoever has the link besides gets nowhere
    let again = visitor.open(&url).await.ok(303);
    assert!(again.header("set-cookie").is_empty());
    let mut stranger = Visitor::new(&bank, CIC);
    let closed = stranger.open(&url).await.ok(410);
    assert!(closed.header("set-cookie").is_empty() && !closed.body.contains(&psu));
    stranger.get("").await.ok(403);

    // many at once: one gets in
    let url = link(&bank, CIC, json!({ "subject": psu })).await;
    let wire = bank.browser();
    let statuses: Vec<_> = together((0..6).map(|_| wire.get(&url))).await.into_iter().map(|reply| reply.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [303, 410].contains(status)), "{statuses:?}");

    // to its last second
    let url = link(&bank, CIC, json!({ "subject": psu })).await;
    bank.clock.advance(Duration::seconds(119));
    Visitor::new(&bank, CIC).open(&url).await.ok(303);
    let url = link(&bank, CIC, json!({ "subject": psu })).await;
    bank.clock.advance(Duration::seconds(120));
    Visitor::new(&bank, CIC).open(&url).await.ok(410);

    // another brand's, another kind's, and what was never made
    let url = link(&bank, CIC, json!({ "subject": psu })).await;
    let secret = url.rsplit_once('/').unwrap().1;
    let mut elsewhere = Visitor::new(&bank, LBP);
    elsewhere.open(&elsewhere.url(&format!("/open/{secret}"))).await.ok(410);
    let forged = format!("{}{}", &secret[..secret.len() - 4], if secret.ends_with("AAAA") { "BBBB" } else { "AAAA" });
    for link in [forged.as_str(), &secret.replace("gupl_", "gupv_"), &secret.replace("gupl_", "guac_"), "x", "%00", &"x".repeat(5_000)] {
        let reply = visitor.wire.get(&visitor.url(&format!("/open/{link}"))).await;
        assert!([410, 404, 400].contains(&reply.status), "{link}: {reply:?}");
    }
    Visitor::new(&bank, CIC).open(&url).await.ok(303);
    assert_eq!(bank.audited_kind("permissions_opened").await, 4);
}

#[tokio::test]
async fn a_visit_ends_by_idleness_by_age_and_in_any_other_browser() {
    let bank = Bank::start().await;
    let psu = subject(&bank, CIC, "approves").await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let (grant, access) = allow(&client).await;
    let visitor = Visitor::invited(&bank, CIC, &psu).await;
    let csrf = visitor.csrf(&grant).await;
    // each look is a sign of life
    for _ in 0..3 {
        bank.clock.advance(Duration::seconds(299));
        visitor.list().await;
    }
    bank.clock.advance(Duration::seconds(300));
    let over = visitor.get("").await.ok(403);
    assert!(!over.body.contains("Test app"), "{over:?}");
    visitor.get(&format!("/{grant}")).await.ok(403);
    visitor.submit(&grant, &[("csrf", &csrf), ("decision", "end")]).await.ok(403);
    assert!(client.is_active(&access).await);

    // however busy
    let visitor = Visitor::invited(&bank, CIC, &psu).await;
    for _ in 0..6 {
        bank.clock.advance(Duration::seconds(299));
        visitor.list().await;
    }
    bank.clock.advance(Duration::seconds(6));
    visitor.get("").await.ok(403);

    // the cookie is this visit's and this brand's
    let visitor = Visitor::invited(&bank, CIC, &psu).await;
    for cookie in
        ["", "__Host-guichet-permissions=x", &visitor.cookie.replace("gupv_", "gupl_"), &visitor.cookie.replace("-permissions", "")]
    {
        let other = Visitor { wire: bank.browser(), origin: visitor.origin.clone(), brand: CIC, cookie: cookie.to_owned() };
        other.get("").await.ok(403);
    }
    let elsewhere = Visitor { cookie: visitor.cookie.clone(), ..Visitor::new(&bank, LBP) };
    elsewhere.get("").await.ok(403);
    visitor.list().await;
}

#[tokio::test]
async fn a_form_from_elsewhere_ends_nothing() {
    let bank = Bank::start().await;
    let psu = subject(&bank, LBP, "approves").await;
    let client = bank.tpp([AccountInformation]).register(LBP).await;
    let (grant, access) = allow(&client).await;
    let visitor = Visitor::invited(&bank, LBP, &psu).await;
    let other = Visitor::invited(&bank, LBP, &psu).await;
    let csrf = visitor.csrf(&grant).await;
    for form in [
        vec![("decision", "end")],
        vec![("csrf", ""), ("decision", "end")],
        vec![("csrf", "x"), ("decision", "end")],
        vec![("csrf", &other.csrf(&grant).await), ("decision", "end")],
    ] {
        let reply = visitor.submit(&grant, &form).await;
        assert_eq!(reply.status, 403, "{form:?}");
    }
    for form in [vec![("csrf", csrf.as_str())], vec![("csrf", &csrf), ("decision", "keep")], vec![("csrf", &csrf), ("csrf", &csrf)]] {
        visitor.submit(&grant, &form).await.ok(400);
    }
    let without = Visitor { cookie: String::new(), ..Visitor::new(&bank, LBP) };
    without.submit(&grant, &[("csrf", &csrf), ("decision", "end")]).await.ok(403);
    let headers = [("cookie", visitor.cookie.as_str()), ("content-type", "application/json")];
    visitor.wire.send(Method::POST, &visitor.url(&format!("/{grant}")), &headers, "{}").await.ok(415);
    // a link does nothing
    visitor.get(&format!("/{grant}?csrf={csrf}&decision=end")).await.ok(200);
    assert!(client.is_active(&access).await);
    visitor.submit(&grant, &[("csrf", &csrf), ("decision", "end")]).await.ok(303);
    assert!(!client.is_active(&access).await);
}

#[tokio::test]
async fn anothers_permission_is_nobodys() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let (grant, access) = allow(&client).await;
    let (own, neighbour) = (subject(&bank, CIC, "approves").await, subject(&bank, CIC, "approves_too").await);
    let owner = Visitor::invited(&bank, CIC, &own).await;
    let visitor = Visitor::invited(&bank, CIC, &neighbour).await;
    assert!(visitor.list().await.contains("At present no service has access"));
    // what a customer has in his hands of his own visit: any page of his gives the token
    let planted = <dyn Entropy>::uuid(&System::new(), bank.clock.now());
    let statement = "insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at)
                     select $1, brand, client_id, channel, scope, $2, sca_at, created_at, expires_at from grants limit 1";
    sqlx::query(statement).bind(planted).bind(&neighbour).execute(&bank.pool().await).await.unwrap();
    let csrf = visitor.csrf(&planted.to_string()).await;
    visitor.get(&format!("/{grant}")).await.ok(404);
    visitor.submit(&grant, &[("csrf", &csrf), ("decision", "end")]).await.ok(404);
    for id in ["x", &Uuid::nil().to_string(), "..%2fx"] {
        visitor.get(&format!("/{id}")).await.ok(404);
        visitor.submit(id, &[("csrf", &csrf), ("decision", "end")]).await.ok(404);
    }
    assert!(client.is_active(&access).await);
    assert!(owner.list().await.contains("Test app"));
    for query in ["?state=dead", "?after=x", "?state=active&state=ended"] {
        visitor.get(query).await.ok(400);
    }
}

#[tokio::test]
async fn what_a_tpp_or_an_employee_wrote_stays_text() {
    let bank = Bank::start().await;
    let psu = subject(&bank, CIC, "approves").await;
    let evil = "<script>alert(1)</script>\"'\u{202e}&";
    let client = bank.tpp([AccountInformation]).register_as(CIC, &with(Tpp::metadata(CIC), json!({ "client_name": evil }))).await;
    let (grant, _) = allow(&client).await;
    let visitor = Visitor::invited(&bank, CIC, &psu).await;
    let body = json!({ "subject": psu, "reason": evil.replace('\u{202e}', "") });
    let pages = [visitor.list().await, visitor.get(&format!("/{grant}")).await.body];
    post(&bank, CIC, &format!("grants/{grant}/withdraw"), &body).await.ok(200);
    let ended = [visitor.list().await, visitor.get(&format!("/{grant}")).await.body];
    for page in pages.iter().chain(&ended) {
        assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains("<script") && !page.contains('\u{202e}'), "{page}");
    }
    assert!(ended[0].contains("Reason: "));
    let headers = visitor.get("").await;
    for (name, value) in [("x-frame-options", "DENY"), ("referrer-policy", "same-origin"), ("cache-control", "no-store")] {
        assert_eq!(headers.header(name), value);
    }
    assert!(headers.header("content-security-policy").contains("frame-ancestors 'none'"));
    assert!(!headers.header("strict-transport-security").is_empty());
}

#[tokio::test]
async fn a_long_history_is_paged() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let (psu, pool) = (subject(&bank, CIC, "approves").await, bank.pool().await);
    let (grant, _) = allow(&client).await;
    let copies = "insert into grants (id, brand, client_id, channel, scope, psu, sca_at, created_at, expires_at, revoked_at, revoked_reason)
                  select ('01900000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, brand, client_id, channel, scope, psu, sca_at, created_at,
                         expires_at, case when n > 60 then created_at end, case when n > 60 then 'revoked_by_client' end
                  from grants, generate_series(1, 105) n where id = $1";
    sqlx::query(copies).bind(Uuid::parse_str(&grant).unwrap()).execute(&pool).await.unwrap();
    let visitor = Visitor::invited(&bank, CIC, &psu).await;
    for (state, expected) in [("active", vec![50, 11]), ("ended", vec![20, 20, 5])] {
        let (mut sizes, mut query) = (vec![], format!("?state={state}"));
        loop {
            let page = visitor.get(&query).await.ok(200).body;
            sizes.push(page.matches("<article").count());
            let next = page.split(&format!("/cic/permissions?state={state}&#38;after=")).nth(1);
            let Some(next) = next.and_then(|rest| rest.split('"').next()) else { break };
            query = format!("?state={state}&after={next}");
        }
        assert_eq!(sizes, expected, "{state}");
    }
    assert_eq!(visitor.list().await.matches("<article").count(), 70);
}
