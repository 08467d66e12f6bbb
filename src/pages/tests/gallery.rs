//! Every page with believable contents, to be looked at.

use super::*;

/// `GUICHET_WRITE_PAGES=DIR cargo test --lib leafed` writes pages with believable contents, to be looked at without a server.
#[test]
fn pages_can_be_leafed_through() {
    let tpp = TppIdentity::new("Finanzblick", "Buhl Finance Services GmbH", "BAFIN-117548");
    let place = crate::config::BrandPlace {
        sandbox: true,
        issuer: "https://b.example".into(),
        tpp_origin: "https://a.example".into(),
        psu_origin: "https://b.example".into(),
        ..Default::default()
    };
    for bank in crate::config::SHIPPED_BANKS {
        let brand = crate::config::shipped_brand(bank, place.clone()).unwrap();
        let look = Look::of(&brand.theme, brand.default_language);
        for lang in Lang::ALL {
            let site = Site { lang, brand: &brand.display_name, sandbox: false, look: Some(&look) };
            let gallery = gallery(site, &tpp);
            assert!(gallery.len() > 25);
            for (name, html) in &gallery {
                assert_harmless(name, html);
            }
            if let Some(folder) = std::env::var_os("GUICHET_WRITE_PAGES") {
                let folder = std::path::PathBuf::from(folder);
                let assets = look.assets.iter().map(|(name, asset)| (name.clone(), asset.bytes.to_vec()));
                let common = common_assets().into_iter().map(|(name, asset)| (name, asset.bytes.to_vec()));
                std::fs::create_dir_all(folder.join("assets")).unwrap();
                assets.chain(common).for_each(|(name, bytes)| std::fs::write(folder.join("assets").join(name), bytes).unwrap());
                for (name, html) in gallery {
                    let html = html.replace("\"/assets/", "\"assets/");
                    std::fs::write(folder.join(format!("{bank}-{}-{}.html", lang.tag(), name.replace(' ', "-"))), html).unwrap();
                }
            }
        }
    }
}

fn gallery(site: Site<'_>, tpp: &TppIdentity) -> Vec<(String, String)> {
    let sandbox = Site { sandbox: true, ..site };
    let (action, csrf, until) = ("/journey", "x", Some(CalendarDate { year: 2027, month: 5, day: 27 }));
    let scopes = ["aisp", "cbpii", "pisp"].map(scope);
    let account =
        |id: &str, iban: &str, label: &str| Account { id: id.into(), iban: Some(iban.into()), label: label.into(), currency: "EUR".into() };
    let accounts = [
        account("1", "FR7630006000011234567890189", "Compte courant"),
        account("2", "FR7630006000019876543210055", "Livret A"),
        Account { currency: "CHF".into(), ..account("3", "CH9300762011623852957", "Compte en francs suisses") },
    ];
    let method = |id: &str, kind, label: &str| Method { id: id.into(), kind, label: label.into(), state: MethodState::Active };
    let methods = [method("1", MethodKind::App, "iPhone de Marie"), method("2", MethodKind::Otp, "SMS +33 6 •• •• •• 12")];
    let order = |kind, frequency, batch_count| Payment {
        kind,
        payment_id: "P-1".into(),
        amount: "1234.50".into(),
        currency: "EUR".into(),
        creditor_name: "Atelier Dupont & Fils".into(),
        creditor_account: "DE89370400440532013000".into(),
        execution_date: Some("2026-12-01".into()),
        debtor_account: None,
        frequency,
        batch_count,
        remittance_information: None,
    };
    let payments = [
        ("payment", order(PaymentKind::Initiation, None, None)),
        ("standing order", order(PaymentKind::Initiation, Some(Frequency::Monthly), None)),
        ("batch", order(PaymentKind::Initiation, None, Some(12))),
        ("cancellation", order(PaymentKind::Cancellation, None, None)),
    ];
    let outcomes = ScaFailure::ALL.map(|failure| SimulatedOutcome { failure, wire_code: "access_denied" });
    let mut pages = vec![];
    let mut put = |name: &str, html: String| pages.push((name.to_owned(), html));
    for (scope, name) in scopes.iter().zip(["accounts", "card", "payment"]) {
        for error in [None, Some(SignInError::WrongCredentials)] {
            let page = SignIn { site: sandbox, tpp, scope, action, csrf, customer: "", error, customers_url: "/customers" };
            put(&format!("sign in {name} {}", error.is_some()), page.render());
        }
        let page = Consent {
            site,
            tpp,
            scope,
            explicit: name == "card",
            until,
            payment: None,
            accounts: &[],
            asked: &[],
            action,
            csrf,
            outcomes: &[],
        };
        put(&format!("consent {name}"), page.render());
        for many in [false, true] {
            let page = AccountChoice { site, tpp, scope, action, csrf, accounts: &accounts, many, nothing_chosen: many };
            put(&format!("choose {name} {many}"), page.render());
        }
    }
    let page = Consent {
        site,
        tpp,
        scope: &scopes[0],
        explicit: true,
        until,
        payment: None,
        accounts: &accounts,
        asked: &[],
        action,
        csrf,
        outcomes: &[],
    };
    put("consent explicit", page.render());
    for (name, payment) in &payments {
        let (accounts, payment, scope) = (&accounts[..1], Some(payment), &scopes[2]);
        let page = Consent { site, tpp, scope, explicit: false, until: None, payment, accounts, asked: &[], action, csrf, outcomes: &[] };
        put(&format!("confirm {name}"), page.render());
    }
    let page = Consent {
        site: sandbox,
        tpp,
        scope: &scopes[0],
        explicit: false,
        until,
        payment: None,
        accounts: &[],
        asked: &[],
        action,
        csrf,
        outcomes: &outcomes,
    };
    put("consent simulated", page.render());
    for (name, open_url, decoupled) in [("web", Some("/app"), false), ("decoupled", Some("/app"), true), ("only", None, false)] {
        let page = OpenApp { site, tpp, scope: &scopes[0], action, csrf, open_url, may_continue: name != "only", decoupled };
        put(&format!("open app {name}"), page.render());
    }
    put("methods", MethodChoice { site, tpp, action, csrf, methods: &methods }.render());
    for (name, payment) in [("accounts", None), ("payment", Some(&payments[0].1))] {
        let (hint, status_url, other_methods) = (Some("iPhone de Marie"), "/status", true);
        put(&format!("waiting {name}"), Waiting { site, tpp, action, csrf, hint, payment, status_url, other_methods }.render());
        let (hint, wrong) = (Some("+33 6 •• •• •• 12"), payment.is_some());
        put(&format!("one-time code {name}"), OneTimeCode { site, tpp, action, csrf, hint, payment, wrong, other_methods }.render());
    }
    let named = |name: String| name.to_lowercase().replace(['(', ')'], " ").trim().to_owned();
    for outcome in self::outcomes() {
        // the page that leaves at once would be gone before anybody saw it
        let html = Return { site, tpp, url: "/return", outcome }.render().replace("http-equiv=\"refresh\"", "name=\"gone\"");
        put(&format!("return {outcome:?}").replace(['(', ')'], " "), html);
    }
    for kind in NoticeKind::ALL {
        let home = (kind == NoticeKind::CookieLost).then_some((tpp, Some("/home")));
        put(&named(format!("notice {kind:?}")), Notice { site, kind, request_id: "01936f5e6f0a7cc3", detail: None, home }.render());
    }
    let notice = Some("Die Aufsicht hat die Zulassung ausgesetzt.");
    put("not served", NotServed { site, tpp, notice, url: "/return" }.render());
    pages
}
