//! What an attacker tries through the customer's browser (RFC 9700 s2.1, s4; RFC 6819). Where the browser's own behaviour is the guard,
//! it is a real one; each test fails when the guard in its name is taken out.

use crate::{
    browser_journeys::link,
    harness::{
        Bank, Brand, Browser, CIC, Client, LBP, Psu,
        bank::BRANDS,
        elsewhere::Elsewhere,
        samples::{payment, samples_of},
        tpp::{CALLBACK, STATE, Tpp},
    },
};
use guichet::{
    clock::Clock,
    dev::qwac::{QwacSpec, Validity},
    oauth::{
        brand::Lang,
        payment::{Payment, PaymentKind},
        tpp::PspRole,
    },
    pages::Site,
};
use reqwest::Method;
use serde_json::json;
use time::Duration;

const EVIL: &str = "https://evil.example/";
const ROLES: [PspRole; 3] = [PspRole::AccountInformation, PspRole::CardIssuing, PspRole::PaymentInitiation];

async fn a_client(bank: &Bank, brand: Brand) -> Client<'_> {
    bank.tpp(ROLES).register(brand).await
}

/// A host next to the bank's, which an attacker took over: of the same site, so that `SameSite` does not hold it off.
fn sibling(brand: Brand) -> String {
    format!("evil.{}:{}", brand.psu_host, Elsewhere::get().port())
}

/// A page that sends a form as soon as it is opened.
fn sends_itself(action: &str, fields: &[(&str, &str)]) -> String {
    let inputs: String = fields.iter().map(|(name, value)| format!("<input name=\"{name}\" value=\"{value}\">")).collect();
    format!("<form method=\"post\" action=\"{action}\">{inputs}</form><script>document.forms[0].submit()</script>")
}

async fn heading(browser: &Browser) -> String {
    browser.until("a heading", async || browser.has("h1").await).await;
    browser.js("return document.querySelector('h1').textContent", json!([])).await.as_str().unwrap().to_owned()
}

/// What the bank says to a browser without the journey's cookie, and to a form that is not its own.
async fn refusals(bank: &Bank, journey: &str, cookie: &str) -> [String; 2] {
    let english = ("accept-language", "en");
    let stranger = bank.browser().send(Method::GET, journey, &[english], "").await.ok(403);
    let fields = [("decision", "cancel"), ("csrf", "x")];
    let forged = bank.browser().form(journey, &[english, ("cookie", cookie)], &fields).await.ok(403);
    [stranger, forged].map(|reply| reply.body.split(['<', '>']).skip_while(|tag| *tag != "h1").nth(1).unwrap().replace("&#39;", "'"))
}

/// Sends `fields` to the victim's journey from another site and from a host of the same one; neither moves the journey.
async fn forged_forms_do_nothing(signed_in: bool, decisions: &[&[(&str, &str)]]) {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, browser, origin) = (a_client(&bank, brand).await, Browser::open().await, bank.origin(brand.psu_host));
        browser.languages("en").await;
        browser.go(&link(&client, "web", "en")).await;
        if signed_in {
            browser.sign_in("approves").await;
            browser.until("the consent page", async || browser.has("button[value=approve]").await).await;
        }
        let (journey, cookie, shown) = (browser.url().await, browser.cookies(&origin).await.remove(0), browser.text().await);
        let [stranger, forged] = refusals(&bank, &journey, &cookie).await;
        assert_ne!(stranger, forged, "the two guards can be told apart");
        for fields in decisions {
            for (host, answer) in [("evil.example", &stranger), (&sibling(brand), &forged)] {
                browser.go(&Elsewhere::get().page(host, &sends_itself(&journey, fields))).await;
                browser.until("the bank's answer", async || browser.url().await == journey).await;
                assert_eq!(heading(&browser).await, *answer, "{host}: {fields:?}");
            }
        }
        browser.go(&journey).await;
        assert_eq!(browser.text().await, shown, "the journey stands where it stood");
    }
    assert_eq!(bank.audited("interaction_approved", "").await + bank.audited("interaction_failed", "cancelled").await, 0);
}

/// Guards: `SameSite=Lax` on the cookie (another site), the form's token (a host of the same site).
#[tokio::test]
async fn login_csrf_signs_nobody_in() {
    let login = [("decision", "sign_in"), ("customer", "approves"), ("password", "sandbox"), ("csrf", "")];
    forged_forms_do_nothing(false, &[&login, &login[..3]]).await;
}

/// Guards: as above.
#[tokio::test]
async fn consent_csrf_approves_and_cancels_nothing() {
    let forms: [&[(&str, &str)]; 3] = [
        &[("decision", "approve")],
        &[("decision", "approve"), ("csrf", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")],
        &[("decision", "cancel"), ("csrf", "")],
    ];
    forged_forms_do_nothing(true, &forms).await;
}

/// Guards: `X-Frame-Options` and `frame-ancestors`, each on every answer that a browser shows.
#[tokio::test]
async fn clickjacking_headers_are_on_every_page_of_a_journey() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = a_client(&bank, brand).await;
        let mut psu = client.authorize("web", "aisp").await;
        let mut pages = vec![psu.page.clone()];
        psu.sign_in("approves").await;
        pages.push(psu.page.clone());
        psu.post(&[("decision", "approve")]).await;
        pages.extend([psu.page.clone(), psu.answer().await, bank.browser().get(&psu.journey).await]);
        for page in pages {
            assert_eq!(page.header("x-frame-options"), "DENY", "{page:?}");
            assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{page:?}");
        }
    }
}

/// Guards: the same two; Chromium shows the page in a frame only when both are gone.
#[tokio::test]
async fn clickjacking_finds_nothing_in_the_frame() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, browser) = (a_client(&bank, brand).await, Browser::open().await);
        browser.go(&link(&client, "web", "en")).await;
        browser.sign_in("approves").await;
        browser.until("the consent page", async || browser.has("button[value=approve]").await).await;
        let journey = browser.url().await;
        for host in ["evil.example", &sibling(brand)] {
            for frame in ["iframe src", "embed src", "object data"] {
                let framing = format!("<{frame}=\"{journey}\" width=600 height=600></{}>", frame.split(' ').next().unwrap());
                browser.go(&Elsewhere::get().page(host, &framing)).await;
                let framed = browser.in_frames().await;
                assert!(!framed.iter().any(|html| html.contains("csrf")), "{host} {frame}: {framed:?}");
            }
        }
    }
}

/// Guard: the cookie's `__Host-` prefix. Without it a neighbouring host could have the victim go on in the attacker's journey.
#[tokio::test]
async fn session_fixation_from_a_neighbouring_host_is_refused_by_the_browser() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, browser) = (a_client(&bank, brand).await, Browser::open().await);
        let mut attacker = client.authorize("web", "aisp").await;
        attacker.sign_in("approves").await;
        let cookie = &attacker.cookie;
        for attributes in [format!("Domain={}; Path=/; Secure", brand.psu_host), "Path=/; Secure".to_owned()] {
            let plant = format!("<script>document.cookie = '{cookie}; {attributes}'</script>");
            browser.go(&Elsewhere::get().page(&sibling(brand), &plant)).await;
            browser.go(&attacker.journey).await;
            heading(&browser).await;
            assert!(!browser.has("form").await, "the victim is in the attacker's journey: {}", browser.text().await);
        }
        // and a key that came by other ways is nobody's: what the victim begins is bound to what the bank set
        browser.go(&link(&client, "web", "en")).await;
        let set = browser.cookies(&bank.origin(brand.psu_host)).await;
        assert!(set.iter().all(|set| set.starts_with("__Host-")) && !set.contains(cookie), "{set:?}");
    }
}

/// At most by whom it was begun, so that a customer who lost his cookies knows where to start again.
#[track_caller]
fn shows_no_journey(html: &str, client: &Client<'_>) {
    let (organisation, id) = (client.tpp.organisation.as_str(), client.id.as_str());
    for part in ["<form", "csrf", "guac_", "tpp.example", "/return", "aisp", organisation, id] {
        assert!(!html.contains(part), "{part}: {html}");
    }
}

/// Guard: a journey answers only the browser that began it (its cookie's digest).
#[tokio::test]
async fn a_link_into_the_attackers_journey_shows_the_victim_nothing() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, browser) = (a_client(&bank, brand).await, Browser::open().await);
        let mut attacker = client.authorize("web", "aisp").await;
        attacker.sign_in("approves").await;
        // the victim has a journey of his own, and so a cookie
        browser.go(&link(&client, "web", "en")).await;
        let own = browser.url().await;
        for address in [attacker.journey.clone(), format!("{}/return", attacker.journey)] {
            let mail = format!("<a href=\"{address}\">Your bank needs you</a>");
            browser.go(&Elsewhere::get().page("mail.example", &mail)).await;
            browser.click("a").await;
            browser.until("the bank", async || browser.url().await == address).await;
            heading(&browser).await;
            shows_no_journey(&browser.html().await, &client);
        }
        browser.go(&own).await;
        assert!(browser.has("button[value=sign_in]").await, "his own goes on");
    }
    assert_eq!(bank.audited("interaction_approved", "").await, 0);
}

/// Guard: PKCE and the client's authentication. The authorization link itself can be sent to a victim; what the victim approves
/// goes to the registered redirect URI in the victim's browser, and is worth nothing to who sent the link.
#[tokio::test]
async fn an_authorize_link_sent_to_a_victim_gives_the_attacker_no_code() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let (client, browser) = (a_client(&bank, brand).await, Browser::open().await);
        let mail = format!("<a href=\"{}\">Your bank needs you</a>", link(&client, "web", "en").replace('&', "&amp;"));
        browser.go(&Elsewhere::get().page("mail.example", &mail)).await;
        browser.click("a").await;
        browser.until("the sign-in page", async || browser.has("button[value=sign_in]").await).await;
        // the victim reads who would get access
        assert!(browser.text().await.contains(&client.tpp.organisation), "{}", browser.text().await);
        browser.sign_in("approves").await;
        browser.decide("approve").await;
        let landing = browser.landed().await;
        assert_eq!(landing.get("state"), STATE, "the TPP sees that its own session did not begin this");
        let other = a_client(&bank, brand).await;
        other.redeem("web", "aisp", landing.code()).await.refused(400, "invalid_grant");
    }
}

/// Guards: the journey's id has 74 random bits, and does not open it without the cookie.
#[tokio::test]
async fn guessing_a_journeys_id_finds_nothing() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = a_client(&bank, brand).await;
        let (victim, attacker) = (client.authorize("web", "aisp").await, client.authorize("web", "aisp").await);
        let (base, id) = victim.journey.rsplit_once('/').unwrap();
        let number = u128::from_str_radix(id, 16).unwrap();
        let other = u128::from_str_radix(attacker.journey.rsplit('/').next().unwrap(), 16).unwrap();
        assert!((number ^ other) & ((1 << 62) - 1) != 0, "the random part differs");
        let get = async |id: String, tail: &str, cookie: &str| {
            bank.browser().send(Method::GET, &format!("{base}/{id}{tail}"), &[("cookie", cookie)], "").await
        };
        for tail in ["", "/return"] {
            for near in [number + 1, number - 1, number ^ (1 << 64), 0, u128::MAX] {
                let reply = get(format!("{near:032x}"), tail, &attacker.cookie).await.ok(404);
                assert!(reply.header("location").is_empty() && !reply.body.contains("<form"), "{reply:?}");
            }
            // the very id, by another browser and by none
            for cookie in [attacker.cookie.as_str(), ""] {
                let reply = get(id.to_owned(), tail, cookie).await.ok(403);
                assert!(reply.header("location").is_empty(), "{reply:?}");
                shows_no_journey(&reply.body, &client);
            }
        }
    }
}

/// Where an answer sends the browser: to a page of the bank, or home.
#[track_caller]
fn stays(location: &str, why: &str) {
    let own = location.starts_with('/') && !location.starts_with("//") && !location.starts_with("/\\");
    assert!(location.is_empty() || own || location.starts_with(&format!("{CALLBACK}?")), "{why}: {location}");
}

/// Guard: redirect URIs are compared as exact strings.
#[tokio::test]
async fn an_open_redirect_is_found_through_no_redirect_uri() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = a_client(&bank, brand).await;
        for foreign in [
            EVIL,
            "https://tpp.example.evil.example/callback",
            "https://tpp.example@evil.example/callback",
            "https://evil.example/https://tpp.example/callback",
            "https://tpp.example/callback/../../evil",
            "https://tpp.example/callback?next=https://evil.example/",
            "https://tpp.example/callback#https://evil.example/",
            "https://tpp.example/callback/",
            "https://tpp.example:8443/callback",
            "https://TPP.example/callback",
            "https://tpp.example/callbac%6B",
            "https://tpp.example/",
            "http://tpp.example/callback",
            "//evil.example/callback",
            "/\\evil.example",
            "javascript:alert(1)//https://tpp.example/callback",
            "data:text/html,https://tpp.example/callback",
            " https://tpp.example/callback",
            "https://tpp.example/callback ",
            "https://tpp.example/callback\r\nLocation: https://evil.example/",
            "https://tpp.example\u{2024}evil.example/callback",
        ] {
            // also where the request is wrong in another way, which would be answered at the redirect URI
            for changes in [&[][..], &[("scope", Some("nothing"))], &[("response_type", Some("token"))]] {
                let changes: Vec<_> = [("redirect_uri", Some(foreign))].into_iter().chain(changes.iter().copied()).collect();
                let reply = bank.browser().get(&client.authorize_url("web", "aisp", &changes)).await;
                assert_eq!((reply.status, reply.header("location")), (400, ""), "{foreign:?}");
                assert!(!reply.body.contains("evil") && !reply.body.contains("http-equiv"), "{foreign:?}: {reply:?}");
            }
        }
    }
}

/// Guard: nothing but the stored redirect URI makes a `Location`, whatever else is sent.
#[tokio::test]
async fn an_open_redirect_is_found_through_no_other_parameter() {
    const ELSE: [&str; 24] = [
        "response_type",
        "client_id",
        "scope",
        "state",
        "code_challenge",
        "code_challenge_method",
        "ui_locales",
        "payment_request",
        "request",
        "request_uri",
        "response_mode",
        "prompt",
        "login_hint",
        "resource",
        "iss",
        "nonce",
        "next",
        "url",
        "return_to",
        "returnUrl",
        "redirect",
        "continue",
        "lang",
        "target",
    ];
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = a_client(&bank, brand).await;
        for name in ELSE {
            let url = client.authorize_url("web", "aisp", &[(name, Some(EVIL))]);
            let psu = Psu::open(&bank, brand, &url).await;
            stays(psu.page.header("location"), name);
            if !psu.journey.is_empty() {
                let landing = psu.cancel().await;
                assert_eq!(landing.uri, CALLBACK, "{name}");
            }
        }
        // on the journey's own pages: in the query, in the form, in the headers that some servers build addresses from
        let psu = client.authorize("web", "aisp").await;
        let asked: String = ELSE.iter().map(|name| format!("&{name}={EVIL}")).collect();
        for tail in ["", "/return"] {
            let url = format!("{}{tail}?redirect_uri={EVIL}{asked}", psu.journey);
            for header in [("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example"), ("referer", EVIL), ("origin", EVIL)] {
                let reply = bank.browser().send(Method::GET, &url, &[("cookie", &psu.cookie), header], "").await;
                stays(reply.header("location"), header.0);
                assert!(!reply.body.contains("evil"), "{header:?}: {reply:?}");
            }
        }
        let fields: Vec<_> = [("csrf", psu.csrf.as_str()), ("decision", "cancel"), ("redirect_uri", EVIL)]
            .into_iter()
            .chain(ELSE.iter().map(|name| (*name, EVIL)))
            .collect();
        stays(psu.submit(&fields).await.header("location"), "a form");
        assert_eq!(psu.fetch_answer().await.uri, CALLBACK);
    }
}

/// What would run or at least stand in the page as markup, in each of the ways that HTML knows.
const INJECTED: &str =
    "x\"'></title></textarea><b data-injected=1>y</b><img src=x onerror=window.injected=1><script>window.injected=1</script>{{7*7}}&lt;";

/// The page holds the text as text.
async fn nothing_injected(browser: &Browser, what: &str) {
    let found = browser.js("return [...document.querySelectorAll('[data-injected], img[src=x], [onerror], script:not([src])')].map(e => e.outerHTML).concat(window.injected ? ['it ran'] : [])", json!([])).await;
    assert_eq!(found, json!([]), "{what}: {}", browser.html().await);
}

/// Guard: everything foreign is escaped where it is written. The policy of the pages would stop the scripts even then.
#[tokio::test]
async fn html_is_injected_through_no_name_login_or_parameter() {
    let bank = Bank::start().await;
    let now = bank.clock.now();
    let validity = Validity { not_before: now - Duration::days(1), not_after: now + Duration::days(730) };
    for (brand, organisation) in [(CIC, "PSDFR-ACPR-91001"), (LBP, "PSDFR-ACPR-91002")] {
        let browser = Browser::open().await;
        let tpp = bank.tpp_with(&QwacSpec::new(organisation, "<b data-injected=1>Société</b>", &ROLES, validity));
        let mut metadata = Tpp::metadata(brand);
        metadata["client_name"] = json!(INJECTED);
        metadata["client_name#fr"] = json!(INJECTED);
        let client = tpp.register_as(brand, &metadata).await;
        for locales in ["en", INJECTED] {
            let url = client.authorize_url("web", "aisp", &[("state", Some(INJECTED)), ("ui_locales", Some(locales))]);
            browser.go(&url).await;
            nothing_injected(&browser, "sign-in").await;
            browser.paste("input[name=customer]", INJECTED).await;
            browser.fill("input[name=password]", "wrong").await;
            browser.decide("sign_in").await;
            browser.until("the page again", async || browser.has("[role=alert]").await).await;
            nothing_injected(&browser, "a wrong login").await;
            browser.sign_in("approves").await;
            browser.until("the consent page", async || browser.has("button[value=approve]").await).await;
            assert!(browser.text().await.contains("data-injected"), "the name is there as text: {}", browser.text().await);
            nothing_injected(&browser, "consent").await;
            bank.clock.advance(Duration::seconds(300));
            browser.reload().await;
            heading(&browser).await;
            nothing_injected(&browser, "expired").await;
            assert_eq!(browser.taken_home().await.get("state"), INJECTED);
        }
        // pages that answer no journey
        for (name, value) in [("client_id", INJECTED), ("redirect_uri", INJECTED), ("scope", INJECTED), ("response_type", INJECTED)] {
            browser.go(&client.authorize_url("web", "aisp", &[(name, Some(value))])).await;
            nothing_injected(&browser, name).await;
        }
        let origin = bank.origin(brand.psu_host);
        let encoded: String = url::form_urlencoded::byte_serialize(INJECTED.as_bytes()).collect();
        for path in [format!("/{encoded}"), format!("/{}/journeys/{encoded}", brand.id), format!("/{}/customers?x={encoded}", brand.id)] {
            browser.go(&format!("{origin}{path}")).await;
            nothing_injected(&browser, &path).await;
        }
    }
}

/// Guard: the same, for what the bank lodges about a payment and calls accounts and devices.
#[tokio::test]
async fn html_is_injected_through_no_text_of_a_payment() {
    let bank = Bank::start().await;
    let browser = Browser::open().await;
    for kind in [PaymentKind::Initiation, PaymentKind::Cancellation] {
        let lodged = Payment {
            payment_id: INJECTED.into(),
            amount: INJECTED.into(),
            currency: INJECTED.into(),
            creditor_name: INJECTED.into(),
            creditor_account: INJECTED.into(),
            execution_date: Some(INJECTED.into()),
            debtor_account: Some(INJECTED.into()),
            ..payment(kind)
        };
        for lang in Lang::ALL {
            let site = Site { lang, brand: INJECTED, sandbox: false, look: None };
            for (name, html) in samples_of(site, INJECTED, Some(INJECTED), "/", &[("lodged", lodged.clone())]) {
                browser.go(&format!("{}/{}/customers", bank.origin(CIC.psu_host), CIC.id)).await;
                browser.show(&html).await;
                nothing_injected(&browser, &name).await;
            }
        }
    }
    // lodged and shown
    for brand in BRANDS {
        let client = a_client(&bank, brand).await;
        let name = "<b data-injected=1>\"'</b><img src=x onerror=1>";
        let lodged = client.lodge(&json!({ "creditor_name": name })).await;
        browser.go(&lodged.url("web")).await;
        browser.sign_in("approves").await;
        browser.until("the payment", async || browser.has("button[value=approve]").await).await;
        assert!(browser.text().await.contains(name), "{}", browser.text().await);
        nothing_injected(&browser, "a lodged payment").await;
    }
}
