//! Many brands in one process: what one of them gave out never works at another, at any endpoint, also not at the second brand of
//! the same bank, nor where hosts were moved from one to the other while all were served.

use crate::{
    grants_of_customers::{post, subject},
    harness::{Bank, BankOptions, Brand, CIC, Client, LBP, Psu, Reply, Tpp, bank::TWIN, tpp::introspect, wire::encode},
};
use guichet::{
    http::{Endpoint, endpoints, internal_document},
    oauth::{brand::BrandId, tpp::PspRole},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All that a brand gives to a TPP, to a customer's browser and to the bank's own systems.
struct Given<'a> {
    client: Client<'a>,
    code: String,
    access: String,
    refresh: Option<String>,
    registration_token: String,
    /// A journey before its customer signed in.
    psu: Psu,
    /// A journey of the bank's app, where it has one.
    url: String,
    ticket: Option<String>,
    grant: String,
    payment: String,
    subject: String,
    /// The secret of a link to the permissions page, and the cookie of who opened another.
    link: String,
    visitor: String,
}

impl<'a> Given<'a> {
    /// By the same TPP at every brand: only the brand differs.
    async fn by(tpp: &Tpp<'a>, brand: Brand) -> Self {
        let (bank, client) = (tpp.bank, tpp.register(brand).await);
        let tokens = client.tokens("web", "aisp").await;
        let access = tokens["access_token"].as_str().unwrap().to_owned();
        let grant = client.introspect(&access).await["grant_id"].as_str().unwrap().to_owned();
        let url = client.authorize_url(brand.channels[brand.channels.len() - 1].0, "aisp", &[]);
        let begun = post(bank, brand, "interactions", &json!({ "authorize_url": url })).await;
        let subject = subject(bank, brand, "approves").await;
        let link = async || post(bank, brand, "permissions", &json!({ "subject": subject })).await.ok(201).json()["url"].clone();
        let opened = bank.browser().get(link().await.as_str().unwrap()).await.ok(303);
        Self {
            code: client.approved("web", "aisp").await.code().to_owned(),
            access,
            refresh: tokens["refresh_token"].as_str().map(str::to_owned),
            registration_token: client.information["registration_access_token"].as_str().unwrap().to_owned(),
            psu: client.authorize("web", "aisp").await,
            ticket: (begun.status == 201).then(|| begun.json()["ticket"].as_str().unwrap().to_owned()),
            url,
            grant,
            payment: client.lodge(&json!({})).await.id,
            link: link().await.as_str().unwrap().rsplit('/').next().unwrap().to_owned(),
            visitor: opened.header("set-cookie").split(';').next().unwrap().to_owned(),
            subject,
            client,
        }
    }

    fn brand(&self) -> Brand {
        self.client.brand
    }

    fn journey(&self) -> &str {
        self.psu.journey.rsplit('/').next().unwrap()
    }

    /// It works where it is from; what works once is tried last.
    async fn works(&self) {
        let (bank, brand) = (self.client.tpp.bank, self.brand());
        assert!(self.client.is_active(&self.access).await, "{}: the token", brand.id);
        let uri = format!("{}{}/{}", bank.origin(brand.tpp_host), brand.registration, self.client.id);
        let bearer = format!("Bearer {}", self.registration_token);
        self.client.tpp.wire.send(Method::GET, &uri, &[("authorization", &bearer)], "").await.ok(200);
        if let Some(ticket) = &self.ticket {
            internal(bank, Method::GET, &format!("/v1/brands/{}/interactions/{ticket}", brand.id), None).await.ok(200);
        }
        internal(bank, Method::GET, &format!("/v1/brands/{}/payments/{}", brand.id, self.payment), None).await.ok(200);
        let journey = format!("{}/{}/journeys/{}", bank.origin(brand.psu_host), brand.id, self.journey());
        let page = bank.browser().send(Method::GET, &journey, &[("cookie", &self.psu.cookie)], "").await.ok(200);
        assert!(page.body.contains("sign_in"), "{page:?}");
        let page = format!("{}/{}/permissions/{}", bank.origin(brand.psu_host), brand.id, self.grant);
        bank.browser().send(Method::GET, &page, &[("cookie", &self.visitor)], "").await.ok(200);
        let open = format!("{}/{}/permissions/open/{}", bank.origin(brand.psu_host), brand.id, self.link);
        bank.browser().get(&open).await.ok(303);
        let token = brand.channel("web").2;
        if let Some(refresh) = &self.refresh {
            ask(brand, &self.client, token, &[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await.ok(200);
        }
        ask(brand, &self.client, token, &Client::exchange("aisp", &self.code)).await.ok(200);
    }
}

/// A form of a client, as its own brand has it authenticate, at whatever brand.
async fn ask(at: Brand, who: &Client<'_>, path: &str, fields: &[(&str, &str)]) -> Reply {
    let (basic, mut fields, mut headers) =
        (who.authorization(), fields.to_vec(), vec![("content-type", "application/x-www-form-urlencoded")]);
    match &basic {
        Some(basic) => headers.push(("authorization", basic)),
        None => fields.push(("client_id", &who.id)),
    }
    who.tpp.wire.send(Method::POST, &format!("{}{path}", who.tpp.bank.origin(at.tpp_host)), &headers, encode(&fields)).await
}

async fn internal(bank: &Bank, method: Method, path: &str, body: Option<Value>) -> Reply {
    let url = format!("https://localhost:{}{path}", bank.internal.port());
    match body {
        Some(body) => bank.gateway().json(method, &url, &[], &body).await,
        None => bank.gateway().send(method, &url, &[], "").await,
    }
}

/// What `of` was given, tried at one endpoint of the brand of `at`: nothing of it may count, and nobody is led home by it.
async fn try_at(endpoint: Endpoint<'_>, path: &str, of: &Given<'_>, at: &Given<'_>) -> Vec<(&'static str, Reply, &'static [u16])> {
    let (bank, host) = (of.client.tpp.bank, at.brand());
    let (machines, pages) = (bank.origin(host.tpp_host), bank.origin(host.psu_host));
    let (browser, tpp) = (bank.browser(), &of.client.tpp.wire);
    let method = || Method::from_bytes(endpoint.method().as_str().as_bytes()).unwrap();
    let of_journey = pages.clone() + &path.replace("{id}", of.journey());
    let cookie = [("cookie", of.psu.cookie.as_str())];
    match endpoint {
        Endpoint::ReadClient | Endpoint::UpdateClient | Endpoint::DeleteClient => {
            let mut tried = vec![];
            let bearer = format!("Bearer {}", of.registration_token);
            for (what, id, headers) in [
                ("the client, by its certificate", &of.client.id, &[][..]),
                ("the client, by its token", &of.client.id, &[("authorization", bearer.as_str())][..]),
                ("the token, at a client of its own", &at.client.id, &[("authorization", bearer.as_str())][..]),
            ] {
                let body = if endpoint.method() == Method::PUT { Tpp::metadata(host) } else { Value::Null };
                let url = format!("{machines}{}", path.replace("{client_id}", id));
                let reply = match body {
                    Value::Null => tpp.send(method(), &url, headers, "").await,
                    body => tpp.json(method(), &url, headers, &body).await,
                };
                tried.push((what, reply, &[401][..]));
            }
            tried
        }
        Endpoint::Token(_) => {
            let mut tried = vec![];
            let code = Client::exchange("aisp", &of.code);
            let refresh = of.refresh.as_deref().unwrap_or(&of.access);
            let refresh = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
            let own = [("grant_type", "client_credentials"), ("scope", "pisp")];
            for (what, form) in [("client, code", &code[..]), ("client, refresh token", &refresh), ("client", &own)] {
                tried.push((what, ask(host, &of.client, path, form).await, &[401][..]));
            }
            for (what, form) in [("code", &code[..]), ("refresh token", &refresh)] {
                tried.push((what, ask(host, &at.client, path, form).await, &[400][..]));
            }
            tried
        }
        // only where somebody is held to FAPI 2.0, as no bank of this test does
        Endpoint::Push | Endpoint::SandboxResource => vec![],
        Endpoint::Revoke => {
            let mut tried = vec![];
            // RFC 7009 s2.2: an unknown token is answered 200
            for token in [Some(&of.access), of.refresh.as_ref()].into_iter().flatten() {
                tried.push(("token to revoke", ask(host, &at.client, path, &[("token", token)]).await, &[200][..]));
                tried.push(("client, token to revoke", ask(host, &of.client, path, &[("token", token)]).await, &[401]));
            }
            tried
        }
        Endpoint::Authorize(channel) => {
            let url = of.client.authorize_url("web", "aisp", &[]);
            let path = path.replace("{lang}", "fr");
            let url = format!("{pages}{path}?{}", url.split_once('?').unwrap().1);
            vec![(if channel.name == "web" { "client" } else { "client, other channel" }, browser.get(&url).await, &[400])]
        }
        Endpoint::Journey | Endpoint::JourneyReturn | Endpoint::JourneyStatus => {
            vec![("journey, cookie", browser.send(method(), &of_journey, &cookie, "").await, &[400, 403, 404])]
        }
        Endpoint::JourneyStep => {
            let form = [("csrf", of.psu.csrf.as_str()), ("decision", "cancel")];
            vec![("journey, cookie", browser.form(&of_journey, &cookie, &form).await, &[400, 403, 404])]
        }
        Endpoint::PermissionsOpen => vec![("link", browser.get(&format!("{pages}{}", path.replace("{link}", &of.link))).await, &[410])],
        Endpoint::Permissions => {
            vec![("visit", browser.send(method(), &format!("{pages}{path}"), &[("cookie", &of.visitor)], "").await, &[403])]
        }
        Endpoint::Permission | Endpoint::PermissionEnd => {
            let (mut tried, url) = (vec![], format!("{pages}{}", path.replace("{id}", &of.grant)));
            for (what, cookie) in [("visit, grant", &of.visitor), ("grant", &at.visitor)] {
                let reply = match endpoint.method() == Method::GET {
                    true => browser.send(Method::GET, &url, &[("cookie", cookie)], "").await,
                    false => browser.form(&url, &[("cookie", cookie)], &[("decision", "end"), ("csrf", "")]).await,
                };
                tried.push((what, reply, &[403, 404][..]));
            }
            tried
        }
        // nothing of a brand is brought to these
        Endpoint::Register
        | Endpoint::Metadata
        | Endpoint::Jwks
        | Endpoint::Document
        | Endpoint::Developers
        | Endpoint::Customers
        | Endpoint::CertificateForm
        | Endpoint::CertificateCheck
        | Endpoint::PresentedCertificate => vec![],
    }
}

/// The same at the counter of the bank's own systems, which name the brand in the path.
async fn try_inside(method: &Method, pattern: &str, of: &Given<'_>, at: &Given<'_>) -> Vec<(&'static str, Reply, &'static [u16])> {
    let (bank, brand) = (of.client.tpp.bank, at.brand());
    let filled = pattern
        .replace("{brand}", brand.id)
        .replace("{ticket}", of.ticket.as_deref().unwrap_or("guti_x"))
        .replace("{payment_request}", &of.payment);
    let path = filled.replace("{grant_id}", &of.grant).replace("{client_id}", &of.client.id).replace("{id}", of.journey());
    let order = json!({ "by": "Ines", "reason": "a test" });
    let ask = async |body: Option<Value>| internal(bank, method.clone(), &path, body).await;
    match pattern.trim_start_matches("/v1").trim_start_matches("/brands/{brand}") {
        "/introspect" => {
            let mut tried = vec![];
            for token in [Some(&of.access), of.refresh.as_ref()].into_iter().flatten() {
                let reply = introspect(bank, brand, &[("token", token)]).await;
                assert_eq!(reply.json(), json!({ "active": false }), "{} at {}", of.brand().id, brand.id);
                tried.push(("token", reply, &[200][..]));
            }
            tried
        }
        "/introspections" => {
            let reply = ask(Some(json!({ "tokens": [{ "token": of.access }] }))).await;
            assert_eq!(reply.json()["tokens"][0]["active"], false, "{reply:?}");
            vec![("token", reply, &[200])]
        }
        "/interactions" => vec![("URL", ask(Some(json!({ "authorize_url": of.url }))).await, &[400])],
        "/interactions/{ticket}" => vec![("ticket", ask(None).await, &[404])],
        "/interactions/{ticket}/complete" => {
            let sca = json!({ "method": "app", "at": "2026-11-28T09:00:00Z", "reference": "r", "linked_hash": "x" });
            let body = json!({ "subject": of.subject, "sca": sca, "accounts": [], "explicit_consent": true });
            vec![("ticket", ask(Some(body)).await, &[404])]
        }
        "/interactions/{ticket}/fail" => vec![("ticket", ask(Some(json!({ "reason": "cancelled" }))).await, &[404])],
        "/payments" => vec![("client", ask(Some(of.client.payment(&json!({})))).await, &[400, 404])],
        "/payments/{payment_request}" => {
            let body = (*method == Method::PUT).then(|| at.client.payment(&json!({})));
            vec![("payment", ask(body).await, &[404])]
        }
        "/payments/{payment_request}/use" => vec![("payment", ask(Some(json!({ "reference": "x" }))).await, &[404])],
        "/grants/search" => {
            let reply = ask(Some(json!({ "subject": of.subject }))).await;
            assert_eq!(reply.json()["grants"], json!([]), "{reply:?}");
            vec![("subject", reply, &[200])]
        }
        "/clients/{client_id}" | "/clients/{client_id}/conformance" => vec![("client", ask(None).await, &[404])],
        "/clients/{client_id}/block"
        | "/clients/{client_id}/unblock"
        | "/clients/{client_id}/force-sca"
        | "/clients/{client_id}/profile"
        | "/clients/{client_id}/delete"
        | "/clients/{client_id}/revoke-grants" => {
            vec![("client", ask(Some(order)).await, &[404])]
        }
        "/clients/{client_id}/replace" => {
            let named = json!({ "organisation": "acme", "legal_name": "Acme SA", "metadata": {}, "by": "Ines", "reason": "x" });
            vec![("client", ask(Some(named)).await, &[404])]
        }
        // it names nothing that anybody was given
        "/clients" if *method == Method::POST => vec![],
        "/grants/{grant_id}" => vec![("grant", ask(None).await, &[404])],
        "/grants/{grant_id}/force-sca" | "/grants/{grant_id}/revoke" => vec![("grant", ask(Some(order)).await, &[404])],
        "/grants/find" => {
            let reply = ask(Some(json!({ "subject": of.subject }))).await;
            assert_eq!(reply.json()["grants"], json!([]), "{reply:?}");
            vec![("subject", reply, &[200])]
        }
        "/journeys/{id}" => vec![("journey", ask(None).await, &[404])],
        "/grants/{grant_id}/withdraw" => vec![("grant", ask(Some(json!({ "subject": of.subject }))).await, &[404])],
        // lists of the brand itself
        "/clients" | "/conformance" | "/journeys" => {
            let reply = ask(None).await.ok(200);
            let strange = [&of.client.id, &of.grant].into_iter().find(|id| reply.body.contains(id.as_str()));
            assert_eq!(strange, None, "{pattern} of {}", brand.id);
            vec![]
        }
        // these name no brand
        admin if admin.starts_with("/admin/") => vec![],
        // an invitation is the bank's own word; customers of sandboxes are nobody's; these name no brand
        "/permissions" | "/sandbox/customers" | "/sandbox/customers/{login}" | "/events" | "/openapi.json" => vec![],
        other => panic!("{method} {other} is not in this table"),
    }
}

fn internal_operations() -> Vec<(Method, String)> {
    let document: Value = serde_json::to_value(internal_document()).unwrap();
    let paths = document["paths"].as_object().unwrap().clone();
    let methods = |operations: &Value| operations.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let known = |name: &String| ["get", "put", "post", "delete"].contains(&name.as_str());
    paths
        .iter()
        .flat_map(|(path, operations)| methods(operations).into_iter().filter(known).map(|name| (name, path.clone())))
        .map(|(name, path)| (Method::from_bytes(name.to_uppercase().as_bytes()).unwrap(), path))
        .collect()
}

/// All that each was given, at every endpoint of each other.
async fn never_meet(bank: &Bank, all: &[Given<'_>]) {
    let app = &bank.server().app();
    let mut tried = BTreeSet::new();
    for of in all {
        for at in all.iter().filter(|at| at.brand().id != of.brand().id) {
            let brand = app.brand(&BrandId::new(at.brand().id)).unwrap().clone();
            let mut judge = |name: String, attempts: Vec<(&'static str, Reply, &'static [u16])>| {
                for (what, reply, allowed) in attempts {
                    let place = format!("{what} of {} at {} of {}", of.brand().id, name, at.brand().id);
                    assert!(allowed.contains(&reply.status), "{place}: {reply:?}");
                    assert!(reply.header("location").is_empty(), "{place}: {reply:?}");
                    tried.insert((of.brand().id, at.brand().id, name.clone(), what));
                }
            };
            for endpoint in endpoints(&brand) {
                let path = endpoint.path(&brand);
                judge(format!("{} {path}", endpoint.method()), try_at(endpoint, &path, of, at).await);
            }
            for (method, path) in internal_operations() {
                judge(format!("{method} {path}"), try_inside(&method, &path, of, at).await);
            }
        }
    }
    println!("{} attempts at other brands", tried.len());
    assert!(tried.len() > 150, "{}", tried.len());
}

fn served(brands: &[Brand]) -> BankOptions {
    let extra = "[admin]\napi_certificates = [\"O=Test bank, CN=gateway\"]\n".to_owned();
    BankOptions { brands: brands.to_vec(), extra, ..BankOptions::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_brand_gave_never_works_at_another_also_after_hosts_moved() {
    let bank = Bank::with(served(&[CIC, LBP, TWIN])).await;
    let tpp = bank.tpp(PspRole::ALL);
    let mut all = vec![];
    for brand in [CIC, LBP, TWIN] {
        all.push(Given::by(&tpp, brand).await);
    }
    never_meet(&bank, &all).await;

    // each of the two brands of one bank goes to the other's hosts
    let swapped = |brand: Brand, from: Brand| Brand { tpp_host: from.tpp_host, psu_host: from.psu_host, ..brand };
    let moved = [swapped(CIC, TWIN), LBP, swapped(TWIN, CIC)];
    assert!(bank.reload_with(&served(&moved)).await.is_empty(), "nothing of it needs a restart");
    for (given, brand) in all.iter_mut().zip(moved) {
        given.client.brand = brand;
        given.url = given.client.authorize_url(brand.channels[brand.channels.len() - 1].0, "aisp", &[]);
    }
    never_meet(&bank, &all).await;
    assert!(all.iter().any(|given| given.ticket.is_some()));
    for given in &all {
        given.works().await;
    }
}

/// What the sandbox of a bank gave, at the bank itself: with production paths and nobody who may sign in there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sandbox_and_its_bank_are_strangers() {
    let live = Brand {
        registration: "/cic/oauth2/registrations",
        revocation: "/cic/oauth2/revoke",
        channels: &[("web", "/oauth2/fr/signin.html", "/cic/oauth2/token")],
        ..CIC
    };
    let bank = Bank::with(BankOptions { production: true, ..served(&[live, TWIN]) }).await;
    let tpp = bank.tpp(PspRole::ALL);
    let (sandbox, client) = (Given::by(&tpp, TWIN).await, tpp.register(live).await);
    let production = bank.server().app().brand(&BrandId::new(live.id)).unwrap().clone();
    assert!(!production.sandbox && bank.server().app().brand(&BrandId::new(TWIN.id)).unwrap().sandbox);
    for endpoint in endpoints(&production) {
        if let Endpoint::Token(_) = endpoint {
            assert_eq!(endpoint.path(&production), live.channels[0].2, "the constants above are the bank's");
        }
    }
    for (who, status) in [(&sandbox.client, 401), (&client, 400)] {
        ask(live, who, live.channels[0].2, &Client::exchange("aisp", &sandbox.code)).await.ok(status);
    }
    for token in [&sandbox.access, sandbox.refresh.as_ref().unwrap()] {
        assert_eq!(introspect(&bank, live, &[("token", token)]).await.ok(200).json(), json!({ "active": false }));
        client.post(live.revocation, &[("token", token)]).await.ok(200);
        assert!(sandbox.client.is_active(&sandbox.access).await);
    }
    let lived = client.client_credentials().await.ok(200).json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(introspect(&bank, TWIN, &[("token", &lived)]).await.ok(200).json(), json!({ "active": false }));
    sandbox.client.post(TWIN.revocation, &[("token", &lived)]).await.ok(200);
    assert!(client.is_active(&lived).await, "the sandbox's client ends nothing of the bank");
    let payment = client.lodge(&json!({})).await;
    internal(&bank, Method::GET, &format!("/v1/brands/{}/payments/{}", TWIN.id, payment.id), None).await.ok(404);
    sandbox.works().await;
}
