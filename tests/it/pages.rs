//! The customer's pages: what the browser may do with them, and to whom a journey belongs (RFC 9700 s4.2.4, s4.11, s4.12, s4.16).

use crate::harness::{
    Bank, CIC, LBP, Reply,
    bank::BRANDS,
    psu::Psu,
    tpp::{CALLBACK, Client, Tpp},
};
use guichet::oauth::{scope::ScopeToken, tpp::PspRole};
use reqwest::Method;
use serde_json::json;
use time::Duration;

const ALL_ROLES: [PspRole; 3] = [PspRole::AccountInformation, PspRole::CardIssuing, PspRole::PaymentInitiation];

/// Headers of everything that a browser shows.
#[track_caller]
pub fn protected(reply: &Reply) {
    let csp = reply.header("content-security-policy");
    for directive in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'", "style-src 'self'"] {
        assert!(csp.split("; ").any(|d| d == directive), "{directive}: {reply:?}");
    }
    assert!(!csp.contains("unsafe") && !csp.contains('*') && !csp.contains("http"), "{csp}");
    assert_eq!(reply.header("x-frame-options"), "DENY", "{reply:?}");
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{reply:?}");
    assert_eq!(reply.header("referrer-policy"), "same-origin", "{reply:?}");
    assert_eq!(reply.header("cache-control"), "no-store", "{reply:?}");
    assert!(reply.header("strict-transport-security").starts_with("max-age=31536000"), "{reply:?}");
}

/// No script, no inline style, nothing from another host.
#[track_caller]
pub fn self_contained(reply: &Reply) {
    let html = &reply.body;
    for forbidden in ["<script", "<iframe", "<object", "<embed", "javascript:", " style=", "<style", " onload=", " onclick=", "@import"] {
        assert!(!html.contains(forbidden), "{forbidden}: {html}");
    }
    for attribute in ["src=\"", "href=\"", "action=\"", "url="] {
        for value in html.split(attribute).skip(1) {
            let value = value.trim_start_matches('"').split('"').next().unwrap();
            let own = value.starts_with('#') || (value.starts_with('/') && !value.starts_with("//"));
            assert!(own, "{attribute}{value}");
        }
    }
}

#[tokio::test]
async fn a11_a12_a13_a45_every_page_is_closed_to_frames_third_parties_and_caches() {
    let bank = Bank::start().await;
    let browser = bank.browser();
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        let mut shown = vec![];
        let mut psu = client.authorize("web", "aisp").await;
        shown.push(psu.page.clone());
        psu.post(&[("customer", "\"><b>nobody"), ("password", "wrong"), ("decision", "sign_in")]).await;
        assert!(!psu.page.body.contains("<b>nobody") && psu.page.body.contains("role=\"alert\""), "{:?}", psu.page);
        shown.push(psu.page.clone());
        // every step is a 303 to a page that can be reloaded
        let csrf = psu.csrf.clone();
        let stepped = psu.submit(&[("csrf", &csrf), ("customer", "approves"), ("password", "sandbox"), ("decision", "sign_in")]).await;
        assert_eq!(stepped.status, 303);
        shown.push(stepped);
        psu.look().await;
        shown.push(psu.page.clone());
        let stepped = psu.submit(&[("csrf", &csrf), ("decision", "approve")]).await;
        assert_eq!(stepped.status, 303);
        psu.look().await;
        shown.extend([stepped, psu.page.clone()]);
        let home = psu.answer().await;
        assert_eq!(home.status, 303);
        shown.push(home);
        let origin = bank.origin(brand.psu_host);
        for (path, status) in [
            (format!("/{}/customers", brand.id), 200),
            (format!("/{}/developers", brand.id), 200),
            ("/nowhere".to_owned(), 404),
            (format!("/{}/journeys/none", brand.id), 404),
            (brand.channels[0].1.to_owned(), 400),
        ] {
            shown.push(browser.get(&format!("{origin}{path}")).await.ok(status));
        }
        shown.push(browser.send(Method::DELETE, &format!("{origin}{}", brand.channels[0].1), &[], "").await.ok(405));
        for reply in &shown {
            protected(reply);
            if reply.status != 303 {
                self_contained(reply);
            }
        }
        // the only things that may be kept are those whose name changes with them
        let linked = shown[0].body.split("\"/assets/").skip(1).map(|rest| format!("/assets/{}", rest.split('"').next().unwrap()));
        let linked: Vec<_> = linked.collect();
        assert!(linked.len() == 2 && linked[1].starts_with("/assets/theme."), "{linked:?}");
        for path in &linked {
            let css = browser.get(&format!("{origin}{path}")).await.ok(200);
            assert!(css.header("cache-control").contains("immutable") && !css.body.contains("url(") && !css.body.contains("@import"));
            assert!(css.header("content-type").starts_with("text/css"), "{css:?}");
            assert!(css.header("content-security-policy").contains("sandbox"), "{css:?}");
        }
        let path = linked[0].as_str();
        // HSTS also with what is no page
        for path in [path, "/.well-known/oauth-authorization-server", "/assets/other.css"] {
            let reply = browser.get(&format!("{origin}{path}")).await;
            assert!(reply.header("strict-transport-security").starts_with("max-age=31536000"), "{path}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn a15_the_page_names_the_tpp_and_what_it_gets() {
    let bank = Bank::start().await;
    let tpp = bank.tpp(ALL_ROLES);
    let mut metadata = Tpp::metadata(CIC);
    metadata["client_name"] = json!("Plain <name>");
    metadata["client_name#fr"] = json!("Mes comptes & moi");
    metadata["client_name#de-AT"] = json!("Konten\"übersicht");
    metadata["client_name#es"] = json!("<script>alert(1)</script>");
    let client = tpp.register_as(CIC, &metadata).await;
    for (lang, name) in [
        ("fr", "Mes comptes &#38; moi"),
        ("de", "Konten&#34;übersicht"),
        ("es", "&#60;script&#62;alert(1)&#60;/script&#62;"),
        ("en", "Plain &#60;name&#62;"),
    ] {
        let url = client.authorize_url("web", "aisp", &[]).replace("/fr/", &format!("/{lang}/"));
        let mut psu = Psu::open(&bank, CIC, &url).await;
        for page in ["sign-in", "consent"] {
            let html = &psu.page.body;
            assert!(html.contains(name) && !html.contains("<script") && !html.contains("<name>"), "{lang} {page}: {html}");
            assert!(html.contains(&format!("Société {}", tpp.organisation)), "the legal name: {html}");
            let number = tpp.organisation.rsplit('-').next().unwrap();
            assert!(html.contains(number), "the authorisation number: {html}");
            psu.sign_in("approves").await;
        }
    }
    // what it gets, in words, on both pages
    let client = bank.tpp(ALL_ROLES).register(LBP).await;
    for (scope, sign_in, consent) in [
        ("aisp", "account information", "balances"),
        ("aisp extended_transaction_history", "older transactions", "older transactions"),
        (ScopeToken::Cbpii.as_str(), "covered", "yes or no only"),
        (ScopeToken::Pisp.as_str(), "initiate a payment", "initiate or confirm the payment"),
    ] {
        let url = client.authorize_url("web", scope, &[("ui_locales", Some("en"))]);
        let mut psu = Psu::open(&bank, LBP, &url).await;
        assert!(psu.page.body.contains(sign_in), "{scope}: {}", psu.page.body);
        psu.sign_in("approves").await;
        assert!(psu.page.body.contains(consent), "{scope}: {}", psu.page.body);
        let cancel = psu.page.body.contains("value=\"cancel\"");
        assert!(cancel, "cancel is always there: {}", psu.page.body);
    }
}

#[tokio::test]
async fn the_cookie_is_the_browsers_own_and_nobody_elses() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(CIC).await;
    let url = client.authorize_url("web", "aisp", &[]);
    let begin = async |cookie: &str| bank.browser().send(Method::GET, &url, &[("cookie", cookie)], "").await.ok(303);
    let first = begin("").await;
    let cookie = first.header("set-cookie");
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    let (name, key) = pair.split_once('=').unwrap();
    assert!(name.starts_with("__Host-") && key.len() == 43, "{cookie}");
    assert_eq!(attributes, "Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax", "as long as a journey, without a Domain");
    assert!(!first.header("location").contains(key), "{first:?}");
    // another browser gets another key
    assert_ne!(begin("").await.header("set-cookie"), cookie);
    // a browser that has one keeps it, so that two journeys in two tabs both go on
    assert_eq!(begin(pair).await.header("set-cookie"), cookie);
    // what no server gave is not taken over
    for planted in ["__Host-guichet=attacker", "guichet=x", &format!("guichet={key}"), "__Host-guichet=", &format!("__Host-guichet={key}=")]
    {
        assert!(begin(planted).await.header("set-cookie").starts_with("__Host-guichet="), "{planted}");
    }
}

/// A journey answers only the browser that began it: a link to somebody else's is worth nothing.
#[tokio::test]
async fn a_journey_of_another_browser_is_closed() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        // the attacker signs in and sends the victim the link, or the other way round
        let mut attacker = client.authorize("web", "aisp").await;
        attacker.sign_in("approves").await;
        let victim = client.authorize("web", "aisp").await;
        assert_ne!(attacker.cookie, victim.cookie);
        let (journey, csrf) = (attacker.journey.clone(), attacker.csrf.clone());
        for cookie in ["", &victim.cookie, "__Host-guichet=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            for url in [journey.clone(), format!("{journey}/return")] {
                let reply = bank.browser().send(Method::GET, &url, &[("cookie", cookie)], "").await.ok(403);
                assert!(!reply.body.contains(CALLBACK) && !reply.body.contains("<form"), "{reply:?}");
            }
            for csrf in [csrf.as_str(), victim.csrf.as_str(), ""] {
                let fields = [("csrf", csrf), ("decision", "approve")];
                bank.browser().form(&journey, &[("cookie", cookie)], &fields).await.ok(403);
            }
        }
        // nothing of it moved the journey
        attacker.look().await;
        assert!(attacker.page.body.contains("<form"), "{:?}", attacker.page);
        assert_eq!(bank.audited("interaction_approved", "").await, 0);
    }
}

/// A form must bring back the value that this page gave to this browser for this journey.
#[tokio::test]
async fn a_form_from_elsewhere_does_nothing() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(LBP).await;
    let mut psu = client.authorize("web", "aisp").await;
    psu.sign_in("approves").await;
    // of another journey of the same browser
    let url = client.authorize_url("web", "aisp", &[("state", Some("another"))]);
    let mut earlier = Psu::open_with(&bank, LBP, &url, &[("cookie", &psu.cookie)]).await;
    earlier.cookie.clone_from(&psu.cookie);
    earlier.look().await;
    assert!(!earlier.csrf.is_empty() && earlier.csrf != psu.csrf);
    let (csrf, cookie) = (psu.csrf.clone(), psu.cookie.clone());
    let key = cookie.split('=').nth(1).unwrap();
    for foreign in [None, Some(""), Some(earlier.csrf.as_str()), Some(&csrf[1..]), Some(key), Some(&csrf.to_lowercase())] {
        for decision in ["approve", "cancel"] {
            let fields: Vec<_> = [("decision", decision)].into_iter().chain(foreign.map(|f| ("csrf", f))).collect();
            let reply = psu.submit(&fields).await.ok(403);
            protected(&reply);
        }
    }
    // the right value in the query, twice, or in another encoding of the body, is none
    let query = format!("{}?csrf={csrf}", psu.journey);
    bank.browser().form(&query, &[("cookie", &cookie)], &[("decision", "approve")]).await.ok(403);
    assert_eq!(psu.submit(&[("csrf", &csrf), ("csrf", &csrf), ("decision", "approve")]).await.status, 400);
    let json = json!({ "csrf": csrf, "decision": "approve" });
    bank.browser().json(Method::POST, &psu.journey, &[("cookie", &cookie)], &json).await.ok(415);
    for body in ["csrf=%FF", "decision=%00", "%"] {
        let headers = [("cookie", cookie.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        bank.browser().send(Method::POST, &psu.journey, &headers, body).await.ok(400);
    }
    let big = "x".repeat(70_000);
    assert_eq!(psu.submit(&[("csrf", &csrf), ("decision", "approve"), ("customer", &big)]).await.status, 413);
    psu.look().await;
    assert!(psu.page.body.contains("<form"), "still waiting: {:?}", psu.page);
    psu.approve().await.code();
}

/// Ids are not secrets, and guessing one finds nothing.
#[tokio::test]
async fn a_guessed_journey_is_not_found() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(CIC).await;
    let psu = client.authorize("web", "aisp").await;
    let base = psu.journey.rsplit_once('/').unwrap().0;
    let id = psu.journey.rsplit('/').next().unwrap();
    let last = if id.ends_with('0') { "1" } else { "0" };
    let near = format!("{}{last}", &id[..id.len() - 1]);
    for guess in [near.as_str(), "0", "..", "%2e%2e", "00000000000000000000000000000000", "%00", "%ff", "x'--", &"9".repeat(5_000)] {
        for tail in ["", "/return"] {
            let reply = bank.browser().send(Method::GET, &format!("{base}/{guess}{tail}"), &[("cookie", &psu.cookie)], "").await;
            assert!([400, 404].contains(&reply.status), "{guess}: {reply:?}");
            assert!(reply.header("location").is_empty() && !reply.body.contains("<form"), "{guess}: {reply:?}");
        }
    }
}

/// Reload, back button, double submit: each meets what is true now, and nothing happens twice.
#[tokio::test]
async fn impatient_and_returning_customers_do_nothing_twice() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        let mut psu = client.authorize("web", "aisp").await;
        let sign_in = [("csrf", psu.csrf.as_str()), ("customer", "approves"), ("password", "sandbox"), ("decision", "sign_in")];
        let (one, two) = tokio::join!(psu.submit(&sign_in), psu.submit(&sign_in));
        assert_eq!((one.status, two.status), (303, 303));
        // back to the sign-in form, sent again: the consent page stays
        let csrf = psu.csrf.clone();
        let wrong = [("csrf", csrf.as_str()), ("customer", "technical"), ("password", "wrong"), ("decision", "sign_in")];
        for _ in 0..4 {
            assert_eq!(psu.submit(&wrong).await.status, 303);
        }
        psu.look().await;
        assert!(psu.page.body.contains("name=\"outcome\""), "{:?}", psu.page);
        let approve = [("csrf", csrf.as_str()), ("decision", "approve")];
        let (one, two) = tokio::join!(psu.submit(&approve), psu.submit(&approve));
        assert_eq!((one.status, two.status), (303, 303));
        // cancelled too late, in another tab
        assert_eq!(psu.submit(&[("csrf", &csrf), ("decision", "cancel")]).await.status, 303);
        let grants = "select count(*) from grants where brand = $1";
        let grants: i64 = sqlx::query_scalar(grants).bind(brand.id).fetch_one(&bank.pool().await).await.unwrap();
        assert_eq!(grants, 1, "one approval, one consent");
        for _ in 0..2 {
            psu.look().await;
            assert!(psu.page.body.contains("/return"), "{:?}", psu.page);
        }
        let code = psu.fetch_answer().await.code().to_owned();
        client.redeem("web", "aisp", &code).await.ok(200);
        // the back button after that: a page, and no second code
        for _ in 0..2 {
            let reply = psu.answer().await.ok(410);
            protected(&reply);
        }
        psu.look().await;
        assert!(!psu.page.body.contains("guac_"), "{:?}", psu.page);
    }
}

/// The answer waits for the browser only until the deadline, and a failed journey stays failed.
#[tokio::test]
async fn a_failure_is_final_and_the_same_each_time() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(LBP).await;
    let mut psu = client.authorize("pph", "aisp").await;
    let csrf = psu.csrf.clone();
    psu.post(&[("decision", "cancel")]).await;
    psu.csrf = csrf;
    psu.sign_in("approves").await;
    for _ in 0..2 {
        assert_eq!(psu.go_home().await.get("error"), "SCA_PSU_CANCELLATION");
        bank.clock.advance(Duration::days(1));
    }
    assert_eq!(bank.audited("interaction_failed", "cancelled").await, 1);
    assert_eq!(bank.audited("interaction_failed", "timed_out").await, 0);
}

/// A client deleted in mid-journey: no page in its name, and the customer still gets away.
#[tokio::test]
async fn a_client_deleted_meanwhile_ends_the_journey() {
    let bank = Bank::start().await;
    let client: Client<'_> = bank.tpp(ALL_ROLES).register(CIC).await;
    let mut psu = client.authorize("web", "aisp").await;
    client.delete().await.ok(204);
    let csrf = psu.csrf.clone();
    let reply = psu.submit(&[("csrf", &csrf), ("customer", "approves"), ("password", "sandbox"), ("decision", "sign_in")]).await;
    assert_eq!(reply.status, 303);
    let landing = psu.fetch_answer().await;
    assert_eq!((landing.uri.as_str(), landing.get("error")), (CALLBACK, "temporarily_unavailable"));
    psu.look().await;
    assert!(!psu.page.body.contains("<form"), "{:?}", psu.page);
}
