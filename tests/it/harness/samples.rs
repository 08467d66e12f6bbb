//! Pages as the server writes them, filled with what a bank would say, for what few journeys show.

use super::Brand;
use guichet::{
    config::{BrandPlace, shipped_brand},
    oauth::{
        brand::Lang,
        method::{Account, Method, MethodKind, MethodState},
        payment::{Frequency, Payment, PaymentKind},
        sca::ScaFailure,
        scope::Scope,
    },
    pages::{
        AccountChoice, Consent, Look, MethodChoice, Notice, NoticeKind, OneTimeCode, OpenApp, Outcome, Return, Site, TppIdentity, Waiting,
    },
};

const CSRF: &str = "sample";

pub fn payment(kind: PaymentKind) -> Payment {
    Payment {
        kind,
        payment_id: "2027-000123".into(),
        amount: "1234567.50".into(),
        currency: "EUR".into(),
        creditor_name: "Wohnungsbaugesellschaft Königstein & Söhne mbH".into(),
        creditor_account: "DE89370400440532013000".into(),
        execution_date: Some("2027-03-01".into()),
        debtor_account: Some("FR7630006000011234567890189".into()),
        frequency: None,
        batch_count: None,
        remittance_information: None,
    }
}

pub fn payments() -> [(&'static str, Payment); 4] {
    let single = payment(PaymentKind::Initiation);
    let order = Payment { frequency: Some(Frequency::Monthly), ..single.clone() };
    let batch = Payment { batch_count: Some(12), ..single.clone() };
    [("payment", single), ("standing-order", order), ("batch", batch), ("cancellation", payment(PaymentKind::Cancellation))]
}

fn accounts(text: Option<&str>) -> [Account; 3] {
    let account = |id: &str, iban: Option<&str>, label: &str| Account {
        id: text.unwrap_or(id).into(),
        iban: text.or(iban).map(Into::into),
        label: text.unwrap_or(label).into(),
        currency: text.unwrap_or("EUR").into(),
    };
    [
        account("1", Some("FR7630006000011234567890189"), "Compte courant"),
        account("2", Some("FR7630006000019876543210123"), "Compte joint de M. et Mme Lefebvre-Beauregard de la Tour"),
        account("3", None, "Livret"),
    ]
}

fn methods(text: Option<&str>) -> [Method; 2] {
    let method = |id: &str, kind, label: &str| {
        let (id, label) = (text.unwrap_or(id).into(), text.unwrap_or(label).into());
        Method { id, kind, label, state: MethodState::Active }
    };
    [method("app", MethodKind::App, "iPhone de Marie"), method("sms", MethodKind::Otp, "SMS +33 6 •• •• •• 12")]
}

/// Name and HTML of each page of a shipped bank, with its theme and with links to `action`.
pub fn samples(bank: Brand, lang: Lang, action: &str) -> Vec<(String, String)> {
    let origin = |host: &str| format!("https://{host}");
    let place = BrandPlace {
        issuer: origin(bank.psu_host),
        tpp_origin: origin(bank.tpp_host),
        psu_origin: origin(bank.psu_host),
        ..BrandPlace::default()
    };
    let brand = shipped_brand(bank.id, place).unwrap();
    let look = Look::of(&brand.theme, brand.default_language);
    let site = Site { lang, brand: &brand.display_name, sandbox: false, look: Some(&look) };
    samples_of(site, "Budget & moi", None, action, &payments())
}

/// `text` stands in place of each word of the bank's own.
pub fn samples_of(site: Site<'_>, tpp: &str, text: Option<&str>, action: &str, payments: &[(&str, Payment)]) -> Vec<(String, String)> {
    let tpp = &TppIdentity::new(tpp, text.unwrap_or("Agrégateur Test SAS"), text.unwrap_or("10001"));
    let [aisp, cbpii, pisp] = ["aisp", "cbpii", "pisp"].map(|scope| Scope::parse(scope).unwrap());
    let (csrf, accounts, methods) = (CSRF, &accounts(text)[..], &methods(text)[..]);
    let (open_url, status_url, hint) = (Some(action), action, text.or(Some("iPhone de Marie")));
    let mut pages = vec![];
    let mut page = |name: &str, html: String| pages.push((name.to_owned(), html));
    for (name, may_continue) in [("05-app", true), ("06-app-only", false)] {
        let offer = OpenApp { site, tpp, scope: &aisp, action, csrf, open_url, may_continue, decoupled: false };
        page(name, offer.render());
    }
    for (name, scope, many, nothing_chosen) in
        [("15-accounts-one", &cbpii, false, false), ("16-accounts-many", &aisp, true, false), ("17-accounts-none", &aisp, true, true)]
    {
        page(name, AccountChoice { site, tpp, scope, action, csrf, accounts, many, nothing_chosen }.render());
    }
    for (name, payment) in payments {
        let (scope, payment, accounts, outcomes) = (&pisp, Some(payment), &[][..], &[][..]);
        let consent = Consent { site, tpp, scope, explicit: false, until: None, payment, accounts, asked: &[], action, csrf, outcomes };
        page(&format!("25-{name}"), consent.render());
    }
    page("30-methods", MethodChoice { site, tpp, action, csrf, methods }.render());
    let lodged = &payments[0].1;
    for (name, payment, other_methods) in [("31-waiting", None, true), ("32-waiting-payment", Some(lodged), false)] {
        page(name, Waiting { site, tpp, action, csrf, hint, payment, status_url, other_methods }.render());
    }
    for (name, payment, wrong) in [("35-code", None, false), ("37-code-payment-wrong", Some(lodged), true)] {
        let hint = text.or(Some("SMS +33 6 •• •• •• 12"));
        page(name, OneTimeCode { site, tpp, action, csrf, hint, payment, wrong, other_methods: true }.render());
    }
    // all failures look alike
    let failures = [ScaFailure::TimedOut, ScaFailure::Technical, ScaFailure::SuspendedEnrollment];
    for failure in failures {
        let (name, outcome) = (format!("52-failed-{}", failure.name()), Outcome::of(Some(failure)));
        page(&name, Return { site, tpp, url: action, outcome }.render().replace("http-equiv=\"refresh\"", "name=\"held\""));
    }
    for kind in NoticeKind::ALL {
        let home = (kind == NoticeKind::CookieLost).then_some((tpp, Some(action)));
        let notice = Notice { site, kind, request_id: "0190b6d2c1f27a4c9e3f5a6b7c8d9e0f", detail: None, home };
        page(&format!("70-notice-{kind:?}").to_lowercase(), notice.render());
    }
    pages
}
