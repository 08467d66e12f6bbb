mod gallery;
mod samples;

use self::samples::*;
use super::*;
use crate::oauth::{
    brand::{Brand, BrandId, ClientAuth, ExchangeScope, PsuAuthentication, RegistrationPolicy},
    method::{Account, Method, MethodKind, MethodState},
    payment::{Frequency, Payment, PaymentKind},
    profile::Profiles,
    sca::ScaFailure,
    scope::Scope,
    theme::{FileKind, Palette, Scheme, Theme, ThemeFile, ThemeText},
};
use crate::pki::{Asked, CertificateFacts, FoundPath, Issuer, ListedAs, Pointers, PublicKey, Reason, Rule, Verdict, Warning};
use crate::sca::script::{ScriptedAnswer, ScriptedMethod};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::LazyLock};
use time::{Duration, OffsetDateTime};

#[test]
fn a_certificates_page_says_what_is_wrong_in_every_language_and_shows_what_is_hidden() {
    for lang in Lang::ALL {
        for (name, html) in certificates(lang) {
            assert_harmless(&name, &html);
            assert!(html.starts_with(&format!("<!doctype html>\n<html lang=\"{}\"", lang.tag())), "{name}");
            assert!(!html.contains("rule_") && !html.contains("certificate_"), "{name}: {html}");
            let hostile = name.contains("RoleUnknown");
            assert_eq!(html.contains("\\u{202e}"), hostile || name == "[]", "{name}: {html}");
            let codes = ["<code>UNKNOWN_CRITICAL_EXTENSION</code>", "<code>ROLE_UNKNOWN</code>", "<code>CERTIFICATE_EXPIRED</code>"];
            assert!(codes.iter().all(|code| html.contains(code) == hostile), "{name}: {html}");
            let [pass, fail, unreached] =
                ["pass", "fail", "unreached"].map(|class| html.matches(&format!("<li><span class=\"outcome {class}")).count());
            let rules = if name.starts_with('[') { Rule::ALL.len() } else { 0 };
            assert_eq!(pass + fail + unreached + html.matches("<li><span class=\"outcome warn").count(), rules, "{name}");
            assert!(name != "[]" || pass == rules, "{name}: {html}");
            assert!(!name.contains("Missing") || (fail, unreached) == (1, rules - 1), "{name}: {html}");
        }
    }
    assert_eq!(certificates(Lang::De).len(), 5 + 6);
}

/// What must hold for any page whatever went into it.
fn assert_harmless(name: &str, html: &str) {
    let own_script = format!("<script src=\"{}\" defer></script>", script_path());
    let scripts = html.matches(&own_script).count();
    let live = ["waiting", "return Expired", "return Failed"].iter().any(|live| name.starts_with(live));
    assert_eq!(scripts, usize::from(live), "{name}");
    let html = &html.replace(&own_script, "");
    for bad in ["<script", "</script", " style=", "<style", "javascript:", " onclick", "alert(1)<", "{ $", "{$", "\u{202e}", "<Exemple>"] {
        assert!(!html.contains(bad), "{name}: {bad} in {html}");
    }
    let footer = html.find("<footer").map(|at| &html[at..html.find("</footer>").unwrap()]).unwrap_or_default();
    assert_eq!(footer.matches("rel=\"noopener noreferrer\"").count(), footer.matches("_blank").count(), "{name}");
    // where a brand's own links lead is the configuration's to check
    let html = if footer.is_empty() { html.clone() } else { html.replacen(footer, "<footer>", 1) };
    for attribute in ["href=\"", "src=\"", "action=\""] {
        for target in html.split(attribute).skip(1) {
            let own = (target.starts_with('/') && !target.starts_with("//")) || target.starts_with('#');
            assert!(own || name.starts_with("return"), "{name}: {attribute}{}", &target[..target.len().min(40)]);
        }
    }
    assert_eq!(html.matches("<h1").count(), 1, "{name}");
    assert_eq!(html.matches("<main>").count(), 1, "{name}");
    assert!(html.trim_end().ends_with("</html>"), "{name}");
}

fn attribute_values<'a>(html: &'a str, attribute: &str) -> Vec<&'a str> {
    html.split(&format!(" {attribute}=\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_page_renders_in_every_language_and_escapes_what_is_foreign() {
    for lang in Lang::ALL {
        for (name, form, html) in pages(lang) {
            assert!(html.starts_with(&format!("<!doctype html>\n<html lang=\"{}\"", lang.tag())), "{name}");
            assert!(html.contains(&stylesheet_path()), "{name}");
            assert_harmless(&name, &html);
            let hidden = "<input type=\"hidden\" name=\"csrf\" value=\"csrf-1&#34;&#62;&#60;script&#62;\">";
            assert_eq!(html.contains(hidden), form, "{name}");
            let ways = ["name=\"decision\" value=\"cancel\" formnovalidate", "method=\"post\""].map(|s| html.contains(s));
            // on a permission's page, what is kept is kept by a link
            assert_eq!(ways, [form && !name.starts_with("permission"), form], "{name}");
        }
    }
}

#[test]
fn ids_are_unique_and_references_lead_somewhere() {
    let document = sample_document();
    let mut all: Vec<_> = pages(Lang::Fr).into_iter().map(|(name, _, html)| (name, html)).collect();
    all.push((
        "developers".to_owned(),
        Developers { site: site(Lang::Fr), document: &document, certificate_page: Some("/b/en/certificate") }.render(),
    ));
    for (name, html) in all {
        let mut ids = attribute_values(&html, "id");
        ids.sort_unstable();
        let before = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), before, "{name}: {ids:?}");
        for reference in ["for", "aria-labelledby", "aria-describedby"].iter().flat_map(|a| attribute_values(&html, a)) {
            assert!(reference.split(' ').all(|id| ids.contains(&id)), "{name}: {reference}");
        }
        for anchor in attribute_values(&html, "href").iter().filter_map(|h| h.strip_prefix('#')) {
            assert!(ids.contains(&anchor), "{name}: #{anchor}");
        }
        let fields: usize = ["<input id=", "<select id=", "<textarea id="].iter().map(|field| html.matches(field).count()).sum();
        assert_eq!(html.matches("<label for=").count(), fields, "{name}");
    }
}

#[test]
fn an_error_is_announced_and_tied_to_the_fields() {
    let tpp = TppIdentity::new("Tipp", "Tipp SAS", "12345");
    let html = sign_in(Lang::En, "aisp", Some(SignInError::WrongCredentials), &tpp);
    assert!(html.contains("<title>Error: Sign in") && html.contains("role=\"alert\" id=\"problem\""));
    assert_eq!(html.matches("aria-invalid=\"true\" aria-describedby=\"problem\"").count(), 2);
    for (field, purpose) in [("customer", "username"), ("password", "current-password")] {
        let input = html.split("<input id=\"").find(|i| i.starts_with(field)).unwrap();
        assert!(input.split('>').next().unwrap().contains(&format!("autocomplete=\"{purpose}\"")), "{input}");
    }
    assert!(!sign_in(Lang::En, "aisp", None, &tpp).contains("role=\"alert\""));
}

#[test]
fn the_consent_page_says_what_is_asked_and_no_more() {
    let tpp = TppIdentity::new("Tipp", "Tipp SAS", "12345");
    let until = Some(CalendarDate { year: 2027, month: 1, day: 31 });
    let rows: [(&str, bool, &[&str], &[&str]); 5] = [
        (
            "aisp",
            false,
            &["last 90 days", ">Continue<", "31\u{a0}January 2027", "at Tipp or at Banque"],
            &["older transactions", ">Allow<"],
        ),
        ("aisp extended_transaction_history", false, &["older transactions", ">Continue<"], &[">Allow<"]),
        ("aisp", true, &["Allow Tipp to see your accounts?", ">Allow<"], &[">Continue<"]),
        ("cbpii", false, &["yes or no only", ">Allow<", "31\u{a0}January 2027"], &[">Continue<", "last 90 days"]),
        ("pisp", false, &["amount and the payee at Tipp", ">Continue<"], &["31\u{a0}January 2027", "last 90 days", ">Allow<"]),
    ];
    for (asked, explicit, said, unsaid) in rows {
        let html = consent(Lang::En, asked, explicit, until, &tpp);
        for text in said.iter().chain(&["Tipp SAS", "12345", ">Cancel and return to Tipp<"]) {
            assert!(html.contains(text), "{asked}: {text}");
        }
        for text in unsaid {
            assert!(!html.contains(text), "{asked}: {text}");
        }
    }
    assert!(consent(Lang::En, "cbpii", false, None, &tpp).contains("valid until you withdraw it"));
}

#[test]
fn a_payments_page_says_what_is_approved_in_the_languages_own_format() {
    let tpp = TppIdentity::new("Tipp", "Tipp SAS", "12345");
    let order = Payment {
        amount: "1234.5".into(),
        currency: "EUR".into(),
        creditor_name: "Atelier <Dupont>".into(),
        creditor_account: "DE89370400440532013000".into(),
        execution_date: Some("2026-12-01".into()),
        debtor_account: Some("FR7630006000011234567890189".into()),
        batch_count: None,
        ..payment(PaymentKind::Initiation, "x")
    };
    let (csrf, action, pisp) = (CSRF, "/j", scope("pisp"));
    let chosen = [Account { currency: "EUR".into(), label: "Compte courant".into(), ..account("FR7630006000019876543210055") }];
    for (lang, amount, date, every) in [
        (Lang::De, "1.234,50 €", "1. Dezember 2026", "monatlich"),
        (Lang::En, "€1,234.50", "1 December 2026", "every month"),
        (Lang::Es, "1234,50 €", "1 de diciembre de 2026", "cada mes"),
        (Lang::Fr, "1_234,50 €", "1er décembre 2026", "tous les mois"),
    ] {
        let site = site(lang);
        let consent = |payment, accounts| {
            let page = Consent {
                site,
                tpp: &tpp,
                scope: &pisp,
                explicit: false,
                until: None,
                payment,
                accounts,
                asked: &[],
                action,
                csrf,
                outcomes: &[],
            };
            page.render().replace('\u{a0}', " ").replace('\u{202f}', "_")
        };
        let html = consent(Some(&order), &[]);
        for text in [amount, date, every, "Atelier &#60;Dupont&#62;", "DE89 3704 0044 0532 0130 00", "FR76 3000 6000 0112 3456 7890 189"] {
            assert!(html.contains(text), "{lang:?} {text}: {html}");
        }
        // the account that the customer chose stands for the order's, masked
        let html = consent(Some(&order), &chosen);
        assert!(html.contains("Compte courant FR76 … 0055") && !html.contains("0189"), "{html}");
        // what is approved stays in sight until the answer
        let (payment, hint) = (Some(&order), None);
        let waiting = Waiting { site, tpp: &tpp, action, csrf, hint, payment, status_url: "/s", other_methods: false }.render();
        let code = OneTimeCode { site, tpp: &tpp, action, csrf, hint, payment, wrong: false, other_methods: false }.render();
        for html in [waiting, code] {
            let html = html.replace('\u{a0}', " ").replace('\u{202f}', "_");
            assert!([amount, date, "DE89 3704 0044 0532 0130 00"].iter().all(|text| html.contains(text)), "{lang:?}: {html}");
        }
    }
    let render = |order: &Payment| {
        let (site, payment) = (site(Lang::En), Some(order));
        let page = Consent {
            site,
            tpp: &tpp,
            scope: &pisp,
            explicit: false,
            until: None,
            payment,
            accounts: &[],
            asked: &[],
            action,
            csrf,
            outcomes: &[],
        };
        page.render()
    };
    let once = Payment { frequency: None, execution_date: None, debtor_account: None, ..order.clone() };
    let batch = Payment { batch_count: Some(12), ..once.clone() };
    let cancelled = Payment { kind: PaymentKind::Cancellation, ..once.clone() };
    for (order, title, said, unsaid) in [
        (&order, "Confirm your standing order", "every month", "As soon as"),
        (&once, "Confirm your payment", "As soon as possible", "From your account"),
        (&batch, "Confirm your payments", "Total amount", ">Amount<"),
        (&cancelled, "Do you want to cancel this payment?", "this payment will not be made", "Cancel and return"),
    ] {
        let html = render(order);
        assert!(html.contains(&format!("<h1>{title}</h1>")) && html.contains(said) && !html.contains(unsaid), "{title}: {html}");
    }
    // neither button of a cancellation can be taken for the other
    let html = render(&cancelled);
    assert!(html.contains(">Yes, cancel the payment<") && html.contains(">No, keep it and return to Tipp<"), "{html}");
}

#[test]
fn a_failure_is_told_in_plain_words_and_never_which_factor_was_wrong() {
    let tpp = TppIdentity::new("Tipp", "Tipp SAS", "12345");
    for lang in Lang::ALL {
        let site = Site { look: None, ..site(lang) };
        let told = |failure| Return { site, tpp: &tpp, url: "/return", outcome: Outcome::of(Some(failure)) }.render();
        use ScaFailure::{BlockedAfterFailures, OtpSuspended, Suspended, WrongDevice};
        assert!([OtpSuspended, Suspended, WrongDevice].into_iter().all(|failure| told(failure) == told(BlockedAfterFailures)));
        let different: std::collections::BTreeSet<_> = ScaFailure::ALL.into_iter().map(told).collect();
        assert_eq!(different.len(), ScaFailure::ALL.len() - 3, "{lang:?}");
        for failure in ScaFailure::ALL {
            let html = told(failure).to_lowercase();
            let codes = ["pin", "otp", "sca", "psu", "error", failure.name()].map(|word| format!(" {word} "));
            assert!(codes.iter().all(|word| !html.contains(word.as_str())), "{failure:?}: {html}");
            // it leaves only after it could be read, and not if the customer wants to stay
            let leaves = failure != ScaFailure::Cancelled;
            assert_eq!(html.contains("id=\"stay\"") && html.contains("role=\"status\""), leaves, "{failure:?}");
        }
    }
}

#[test]
fn a_waiting_page_works_without_its_script() {
    let (site, tpp) = (site(Lang::En), TppIdentity::new("Tipp", "Tipp SAS", "12345"));
    let page =
        Waiting { site, tpp: &tpp, action: "/j", csrf: "c", hint: None, payment: None, status_url: "/j/status", other_methods: true };
    let html = page.render();
    let without_script: String = html.split("<noscript>").skip(1).map(|rest| rest.split("</noscript>").next().unwrap()).collect();
    assert!(
        without_script.contains("<meta http-equiv=\"refresh\"") && without_script.contains("<a class=\"target\" href=\"/j\""),
        "{html}"
    );
    assert!(html.contains("role=\"status\"") && html.contains("data-status-url=\"/j/status\"") && html.contains("data-page=\"/j\""));
    assert!(html.contains("value=\"other_method\""));
    assert!(Waiting::BEHAVIOUR.csp().contains("connect-src 'self'"));
}

#[test]
fn outcomes_are_offered_only_where_given() {
    let tpp = TppIdentity::new("Tipp", "Tipp SAS", "12345");
    let html = consent(Lang::En, "aisp", false, None, &tpp);
    for failure in ScaFailure::ALL {
        assert!(html.contains(&format!("<option value=\"{}\">", failure.name())), "{failure:?}");
    }
    let aisp = scope("aisp");
    let live = Site { sandbox: false, ..site(Lang::En) };
    let html = Consent {
        site: live,
        tpp: &tpp,
        scope: &aisp,
        explicit: false,
        until: None,
        payment: None,
        accounts: &[],
        asked: &[],
        action: "/c",
        csrf: "x",
        outcomes: &[],
    }
    .render();
    assert!(!html.contains("<select") && !html.contains("andbox"), "{html}");
}

#[test]
fn the_way_home_is_a_link_and_a_refresh_to_the_same_place() {
    let tpp = TppIdentity::new("Tipp", "Tipp SAS", "12345");
    let url = "https://tipp.example/cb?code=a&#38;state=&#34;x";
    for outcome in outcomes() {
        let page = Return { site: site(Lang::En), tpp: &tpp, url: "https://tipp.example/cb?code=a&state=\"x", outcome };
        let html = page.render();
        let at_once = html.contains(&format!("content=\"0; url={url}\""));
        assert!(html.contains(&format!("href=\"{url}\"")), "{html}");
        assert_eq!(at_once, [Outcome::Approved, Outcome::Cancelled].contains(&outcome), "{outcome:?}");
        assert_eq!(page.behaviour() == Behaviour::Leaves, !at_once, "{outcome:?}");
    }
}

#[test]
fn what_pages_link_to_is_served_under_hashed_names_only() {
    let name = stylesheet_path().strip_prefix("/assets/").unwrap().to_owned();
    assert!(name.starts_with("guichet.") && name.ends_with(".css") && name.len() == "guichet..css".len() + 16, "{name}");
    let common = common_assets();
    assert!(common[&name].media_type.starts_with("text/css") && &*common[&name].bytes == STYLESHEET.as_bytes());
    assert!(common[script_path().strip_prefix("/assets/").unwrap()].media_type.starts_with("text/javascript"));
    assert!(!STYLESHEET.contains("url(") && !STYLESHEET.contains("@import") && !CSP.contains("unsafe"));
    assert!(Behaviour::ALL.iter().all(|b| b.csp().starts_with(CSP) && !b.csp().contains("unsafe")));
    assert!(!["eval", "innerHTML", "document.write", "http:", "https:"].iter().any(|bad| SCRIPT.contains(bad)));
    // and what a theme brings along
    let (look, html) = (&*LOOK, sign_in(Lang::En, "aisp", None, &TppIdentity::new("Tipp", "Tipp SAS", "1")));
    let linked = html.split("\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let linked: Vec<_> = linked.filter(|name| !common.contains_key(*name)).collect();
    assert_eq!(linked.iter().map(|name| name.split('.').next().unwrap()).collect::<Vec<_>>(), ["theme", "icon", "logo"]);
    assert!(linked.iter().all(|name| look.assets.contains_key(*name)));
    let css = String::from_utf8(look.assets[linked[0]].bytes.to_vec()).unwrap();
    let fonts: Vec<_> = css.split("url(\"/assets/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(fonts.len() == 2 && fonts.iter().all(|name| look.assets[*name].media_type == "font/woff2"), "{css}");
}

/// The stylesheet's own colours are those that the settings start from, whose contrast is computed there.
#[test]
fn the_stylesheet_and_the_theme_start_from_the_same_colours() {
    let mut blocks = STYLESHEET.split(":root {").skip(1).map(|block| {
        let lines = block.split('}').next().unwrap().lines().filter_map(|l| l.trim().strip_prefix("--")?.strip_suffix(';'));
        lines.filter(|line| line.contains(": #")).map(|line| line.split_once(": ").unwrap()).collect::<BTreeMap<_, _>>()
    });
    for scheme in [Scheme::Light, Scheme::Dark] {
        let palette = Palette::of(scheme);
        let ours: Vec<_> = palette.iter().map(|(name, colour)| (name, colour.to_string())).collect();
        let block = blocks.next().unwrap();
        assert_eq!(ours.iter().map(|(name, colour)| (*name, colour.as_str())).collect::<BTreeMap<_, _>>(), block, "{scheme:?}");
    }
    let rest = STYLESHEET.rsplit("}\n}").next().unwrap();
    assert!(!rest.contains('#'), "a colour that no theme can change: {rest}");
}

#[test]
fn a_theme_without_a_dark_scheme_is_light_for_everybody() {
    let light = Look::of(&Theme { dark: None, ..Theme::default() }, Lang::Fr);
    let page = |look| {
        NotServed { site: Site { look: Some(look), ..site(Lang::En) }, tpp: &TppIdentity::new("T", "T", "1"), notice: None, url: "/" }
            .render()
    };
    assert!(page(&light).contains("name=\"color-scheme\" content=\"light\""));
    assert!(page(&LOOK).contains("name=\"color-scheme\" content=\"light dark\""));
    let css =
        |look: &Look| String::from_utf8(look.assets.iter().find(|(name, _)| name.starts_with("theme.")).unwrap().1.bytes.to_vec()).unwrap();
    assert!(!css(&light).contains("dark") && css(&LOOK).contains("prefers-color-scheme: dark"));
    // the brand's texts are said in the page's language, or marked as another
    assert!(page(&LOOK).contains("<footer lang=\"fr\">") && !page(&light).contains("<footer"));
}

fn brand(languages: &[Lang], default_language: Lang) -> Brand {
    let registration = RegistrationPolicy {
        path: "/register".into(),
        update: true,
        update_without_client_id: false,
        max_redirect_uris: 5,
        retry_window: Duration::ZERO,
    };
    Brand {
        id: BrandId::new("b"),
        display_name: "B".into(),
        issuer: "https://b.example".into(),
        sandbox: true,
        tpp_origin: "https://b.example".into(),
        psu_origin: "https://b.example".into(),
        channels: vec![],
        revocation_path: "/revoke".into(),
        registration,
        statements: Default::default(),
        client_auth: ClientAuth::Tls,
        scopes: vec![],
        exchange_scope: ExchangeScope::Optional,
        profiles: Profiles::LEGACY,
        self_signed_scopes: crate::oauth::scope::Scope::default(),
        signed_requests: false,
        pushed_request_lifetime: Duration::ZERO,
        pkce_required: false,
        certificate_bound_access_tokens: false,
        access_tokens: crate::oauth::access_jwt::AccessTokenForm::Opaque { audience: None },
        code_lifetime: Duration::ZERO,
        interaction_lifetime: Duration::ZERO,
        psu_session: Duration::ZERO,
        introspection_cache: Duration::ZERO,
        explicit_consent: false,
        languages: languages.iter().copied().collect(),
        default_language,
        psu_authentication: PsuAuthentication::Simulator,
        theme: Default::default(),
    }
}

#[test]
fn the_language_is_the_paths_then_the_requests_then_the_browsers_then_the_brands() {
    use Lang::{De, En, Es, Fr};
    let (all, two) = (brand(&Lang::ALL, Fr), brand(&[Fr, En], Fr));
    for (brand, path, ui_locales, accept, lang) in [
        (&all, Some("de"), Some("es"), "en", De),
        (&all, Some("xx"), Some("es"), "en", Es),
        (&all, None, Some("it pt-BR es-MX de"), "en", Es),
        (&all, None, Some(""), "en", En),
        (&all, None, None, "it;q=0.9, de-AT;q=0.8, en;q=0.1", De),
        (&all, None, None, "en;q=0.1,es;Q=1.0 , de ; q = 0.5", Es),
        (&all, None, None, "de, en", De),
        (&all, None, None, "en;q=0, de;q=NaN, es;q=2, de;q=-1, de;level=1", Fr),
        (&all, None, None, "*", Fr),
        (&all, None, None, "pl, *;q=0.5, en;q=0.4", Fr),
        (&all, None, None, "", Fr),
        (&two, Some("de"), Some("de en"), "fr", En),
        (&two, Some("de"), None, "de, en;q=0.1", En),
        (&two, Some("de"), None, "de, es", Fr),
    ] {
        assert_eq!(negotiate(path, ui_locales, accept, brand), lang, "{path:?} {ui_locales:?} {accept}");
    }
}

fn sample_document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Guichet <b>", "version": "1", "description": "First `code` here.\n\nSecond <script>alert(1)</script>" },
        "servers": [{ "url": "https://api.example" }],
        "paths": {
            "/token": { "post": {
                "summary": "Ask for tokens", "description": "RFC 6749", "deprecated": true,
                "parameters": [{ "name": "X-Id", "in": "header", "required": true, "schema": { "type": "string", "maxLength": 64 } }],
                "requestBody": { "required": true, "content": { "application/x-www-form-urlencoded": {
                    "schema": { "$ref": "#/components/schemas/TokenRequest" } } } },
                "responses": {
                    "200": { "description": "Issued", "headers": { "Cache-Control": { "schema": { "type": "string" } } },
                        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/TokenResponse" } } } },
                    "400": { "$ref": "#/components/responses/Bad" },
                    "503": { "description": "Try later" } } } },
            "/register/{id}": { "parameters": [{ "name": "id", "in": "path", "required": true }], "get": {}, "delete": {} },
            "/register-id": { "get": {} }
        },
        "components": {
            "responses": { "Bad": { "description": "Refused", "content": { "application/json": { "examples": {
                "a": { "value": { "error": "invalid_grant", "error_description": "the code is spent" } },
                "b": { "value": { "error": "invalid_request" } } } } } } },
            "schemas": {
                "TokenRequest": { "type": "object", "required": ["grant_type"], "properties": {
                    "grant_type": { "enum": ["authorization_code"], "description": "The grant" }, "code": { "type": "string" } } },
                "TokenResponse": { "allOf": [{ "$ref": "#/components/schemas/TokenRequest" }, { "$ref": "#/components/schemas/TokenResponse" },
                    { "properties": { "scopes": { "type": "array", "items": { "type": ["string", "null"] } } } }] },
                "Loop": { "$ref": "#/components/schemas/Loop" } } }
    })
}

#[test]
fn the_developer_page_shows_what_the_document_says() {
    let document = sample_document();
    let html = Developers { site: site(Lang::Fr), document: &document, certificate_page: Some("/b/en/certificate") }.render();
    assert_harmless("developers", &html);
    for text in [
        "<html lang=\"en\"",
        "First <code>code</code> here.",
        "<code>https://api.example</code>",
        "id=\"post-token\"",
        "href=\"#get-register-id\"",
        "href=\"#get-register-id--2\"",
        "href=\"#delete-register-id\"",
        "Ask for tokens",
        "Deprecated",
        "application/x-www-form-urlencoded",
        "<a href=\"#schema-TokenRequest\">TokenRequest</a>",
        "Longest: <code>64</code>",
        "&#34;authorization_code&#34;",
        "array of string or null",
        "<code>Cache-Control</code>",
        "<th scope=\"row\">400</th><td><code>invalid_grant</code></td>",
        "the code is spent",
        "<th scope=\"row\">503</th><td>–</td>",
    ] {
        assert!(html.contains(text), "{text} not in {html}");
    }
}

/// Documents near enough to OpenAPI to go deep into the reader.
fn any_document() -> impl Strategy<Value = Value> {
    let key = proptest::sample::select(vec![
        "paths",
        "/a",
        "get",
        "parameters",
        "requestBody",
        "content",
        "schema",
        "properties",
        "allOf",
        "items",
        "components",
        "schemas",
        "A",
        "responses",
        "400",
        "200",
        "examples",
        "value",
        "error",
        "$ref",
        "type",
        "enum",
        "in",
        "name",
        "headers",
        "info",
        "servers",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        proptest::sample::select(vec!["#/components/schemas/A", "#/", "#", "<script>", "`", "array", "\u{202e}"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 96, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|rows| Value::Object(rows.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_gives_a_harmless_page(info in any_document(), item in any_document(), responses in any_document(), schema in any_document()) {
        let operation = json!({ "parameters": item, "requestBody": { "content": { "x": { "schema": schema } } }, "responses": responses });
        let documents = [
            json!({ "info": info, "paths": { "/a": { "get": operation, "post": item, "parameters": info } }, "components": { "schemas": { "A": schema, "B": item } } }),
            info, item,
        ];
        for document in &documents {
            let html = Developers { site: site(Lang::Fr), document, certificate_page: Some("/b/en/certificate") }.render();
            prop_assert!(!html.contains("<script") && html.matches("<h1").count() == 1 && html.trim_end().ends_with("</html>"));
        }
    }

    #[test]
    fn any_request_gets_an_offered_language(
        path in proptest::option::of(".{0,8}"), ui in proptest::option::of("([a-z]{2}[-_ ]?){0,6}|.{0,16}"),
        accept in "(([a-z]{2}|\\*)(;q=[01](\\.[0-9]{0,3})?)?,? ?){0,8}|.{0,40}",
    ) {
        let brand = brand(&[Lang::Fr, Lang::Es], Lang::Es);
        prop_assert!(brand.languages.contains(&negotiate(path.as_deref(), ui.as_deref(), &accept, &brand)));
    }

    #[test]
    fn any_name_is_harmless(name in any::<String>()) {
        let tpp = TppIdentity::new(&name, "Tipp SAS", name.as_str());
        prop_assert!(!tpp.client_name().is_empty());
        let html = consent(Lang::Fr, "aisp", true, None, &tpp);
        let hidden = html.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\0']);
        prop_assert!(!hidden && !html.contains("<script"), "{}", html);
        prop_assert_eq!(html.matches("<button").count(), 2);
    }
}
