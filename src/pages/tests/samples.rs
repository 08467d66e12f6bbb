//! Every page with contents as hostile as they come.

use super::*;
use crate::oauth::tpp::AlternativeNames;

pub(super) const EVIL: &str = "Tipp\u{202e} \"'><script>alert(1)</script>&";
/// What the configuration says is escaped, though not cleaned.
pub(super) const MARKUP: &str = "\"'><script>alert(1)</script>&";
pub(super) const CSRF: &str = "csrf-1\"><script>";

pub(super) fn site(lang: Lang) -> Site<'static> {
    Site { lang, brand: "Banque <Exemple>", sandbox: true, look: Some(&LOOK) }
}

/// A theme with everything, its texts as hostile as the rest.
pub(super) static LOOK: LazyLock<Look> = LazyLock::new(|| {
    let file = |kind| Some(ThemeFile { kind, bytes: vec![] });
    let text = || Some(MARKUP.to_owned());
    let links = vec![(MARKUP.to_owned(), "https://bank.example/\"><script>".to_owned())];
    let text = ThemeText { support: text(), support_url: Some("tel:+33\"><script>".to_owned()), legal: text(), links };
    let theme = Theme {
        logo: file(FileKind::Svg),
        icon: file(FileKind::Png),
        font: file(FileKind::Woff2),
        bold_font: file(FileKind::Woff2),
        texts: BTreeMap::from([(Lang::Fr, text)]),
        ..Theme::default()
    };
    Look::of(&theme, Lang::Fr)
});

pub(super) fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

pub(super) fn sign_in(lang: Lang, asked: &str, error: Option<SignInError>, tpp: &TppIdentity) -> String {
    let scope = scope(asked);
    let customers_url = "/sandbox/customers";
    SignIn { site: site(lang), tpp, scope: &scope, action: "/sign-in?x=1&y=2", csrf: CSRF, customer: EVIL, error, customers_url }.render()
}

pub(super) fn consent(lang: Lang, asked: &str, explicit: bool, until: Option<CalendarDate>, tpp: &TppIdentity) -> String {
    let scope = scope(asked);
    let outcomes = ScaFailure::ALL.map(|failure| SimulatedOutcome { failure, wire_code: "SCA_PSU_<b>" });
    let (site, action) = (site(lang), "/consent");
    Consent { site, tpp, scope: &scope, explicit, until, payment: None, accounts: &[], asked: &[], action, csrf: CSRF, outcomes: &outcomes }
        .render()
}

/// Whatever the bank wrote into it.
pub(super) fn payment(kind: PaymentKind, text: &str) -> Payment {
    Payment {
        kind,
        payment_id: text.into(),
        amount: text.into(),
        currency: text.into(),
        creditor_name: text.into(),
        creditor_account: text.into(),
        execution_date: Some(text.into()),
        debtor_account: Some(text.into()),
        frequency: Some(Frequency::Monthly),
        batch_count: Some(3),
        remittance_information: Some(text.into()),
    }
}

pub(super) fn account(text: &str) -> Account {
    Account { id: MARKUP.into(), iban: Some(text.into()), label: text.into(), currency: text.into() }
}

pub(super) fn method(kind: MethodKind, text: &str) -> Method {
    Method { id: MARKUP.into(), kind, label: text.into(), state: MethodState::Active }
}

/// The steps between signing in and the answer.
pub(super) fn steps(lang: Lang, tpp: &TppIdentity) -> Vec<(String, String)> {
    let (site, csrf, action) = (site(lang), CSRF, "/journey");
    let (scope_of, accounts) = (["aisp", "cbpii", "pisp"].map(scope), [account(EVIL), account("")]);
    let (methods, hint) = ([method(MethodKind::App, EVIL), method(MethodKind::Otp, EVIL)], Some(EVIL));
    let payments = [PaymentKind::Initiation, PaymentKind::Cancellation].map(|kind| payment(kind, EVIL));
    let mut pages = vec![("methods".to_owned(), MethodChoice { site, tpp, action, csrf, methods: &methods }.render())];
    for scope in &scope_of {
        for (may_continue, open_url) in [(false, None), (true, Some("/\"><script>"))] {
            let page = OpenApp { site, tpp, scope, action, csrf, open_url, may_continue, decoupled: open_url.is_some() };
            pages.push((format!("open app {scope} {may_continue}"), page.render()));
        }
        for flag in [false, true] {
            let page = AccountChoice { site, tpp, scope, action, csrf, accounts: &accounts, many: flag, nothing_chosen: flag };
            pages.push((format!("accounts {scope} {flag}"), page.render()));
        }
    }
    for payment in [None, Some(&payments[0]), Some(&payments[1])] {
        let kind = payment.map(|payment| payment.kind);
        for flag in [false, true] {
            let page = Waiting { site, tpp, action, csrf, hint, payment, status_url: "/journey/status\"><script>", other_methods: flag };
            pages.push((format!("waiting {kind:?}"), page.render()));
            let page = OneTimeCode { site, tpp, action, csrf, hint, payment, wrong: flag, other_methods: flag };
            pages.push((format!("one-time code {kind:?} {flag}"), page.render()));
        }
        for (scope, accounts) in scope_of.iter().zip([&accounts[..], &accounts[..1], &[]]) {
            let page =
                Consent { site, tpp, scope, explicit: false, until: None, payment, accounts, asked: &[], action, csrf, outcomes: &[] };
            pages.push((format!("consent {scope} {kind:?}"), page.render()));
        }
    }
    pages
}

/// What a customer has allowed: the lists, each permission on its own page, and the ends of a visit.
pub(super) fn permissions(lang: Lang, tpp: &TppIdentity) -> Vec<(String, bool, String)> {
    use crate::oauth::grant::EndedBy::{Bank, Customer, Expiry, Replay, Tpp, Use};
    let (site, day) = (site(lang), CalendarDate { year: 2026, month: 8, day: 1 });
    let scopes = ["aisp", "aisp extended_transaction_history", "cbpii", "pisp"].map(scope);
    let ends = [None, Some(Customer), Some(Tpp), Some(Bank), Some(Use), Some(Replay), Some(Expiry)];
    let view = |scope, by: Option<_>| PermissionView {
        tpp: tpp.clone(),
        scope,
        payment: (by == Some(Use)).then_some(PaymentKind::Cancellation),
        accounts: by.is_none().then_some(2),
        since: day,
        authenticated: day,
        used: by.is_some().then_some(day),
        until: day,
        ended: by.map(|by| EndedView { on: day, by, note: Some(EVIL) }),
        url: "/permissions/1\"><script>".to_owned(),
    };
    let views: Vec<_> = scopes.iter().flat_map(|scope| ends.map(|by| view(scope, by))).collect();
    let mut pages = vec![];
    for (name, listed) in [("permissions", &views[..]), ("no permissions", &[])] {
        let list = Some(PermissionList { permissions: listed, next: Some("/permissions?state=active&after=\"><script>") });
        let page = Permissions { site, active: list, ended: list, first: Some("/permissions\"><script>") };
        pages.push((name.to_owned(), false, page.render()));
    }
    for (at, permission) in views.iter().enumerate() {
        let page = OnePermission { site, permission, action: "/permissions/1\"><script>", csrf: CSRF, back: "/permissions\"><script>" };
        pages.push((format!("permission {at}"), permission.ended.is_none(), page.render()));
    }
    pages.extend(PermissionsClosed::ALL.map(|why| (format!("permissions closed {why:?}"), false, why.render(site))));
    pages
}

pub(super) fn outcomes() -> impl Iterator<Item = Outcome> {
    ScaFailure::ALL.into_iter().map(Some).chain([None]).map(Outcome::of)
}

/// Every page in one language: its name, whether it is a form, the HTML.
pub(super) fn pages(lang: Lang) -> Vec<(String, bool, String)> {
    let tpp = TppIdentity::new(EVIL, EVIL, EVIL);
    let mut pages = vec![];
    for asked in ["aisp", "aisp extended_transaction_history", "cbpii", "pisp"] {
        for error in [None, Some(SignInError::Missing), Some(SignInError::WrongCredentials)] {
            pages.push((format!("sign-in {asked} {error:?}"), true, sign_in(lang, asked, error, &tpp)));
        }
        for (explicit, until) in [(false, None), (true, Some(CalendarDate { year: 2027, month: 1, day: 31 }))] {
            pages.push((format!("consent {asked} {explicit}"), true, consent(lang, asked, explicit, until, &tpp)));
        }
    }
    for kind in NoticeKind::ALL {
        for home in [None, Some((&tpp, None)), Some((&tpp, Some("/\"><script>")))] {
            let notice = Notice { site: site(lang), kind, request_id: MARKUP, detail: Some(EVIL), home };
            pages.push((format!("notice {kind:?}"), false, notice.render()));
        }
    }
    let answers = vec![ChannelAnswer { channel: MARKUP, error: Some(MARKUP) }, ChannelAnswer { channel: "web", error: None }];
    let answers_of_methods = [
        ScriptedAnswer::Approves { after_seconds: 0 },
        ScriptedAnswer::Approves { after_seconds: 9 },
        ScriptedAnswer::Fails { after_seconds: 9, reason: ScaFailure::Cancelled },
        ScriptedAnswer::Silent,
        ScriptedAnswer::Code("4711".to_owned()),
    ];
    let methods = answers_of_methods.map(|answer| ScriptedMethod::new("m", EVIL, answer));
    let way = |method, outcome| ScriptedWay { method, outcome, answers: answers.clone() };
    let by_method: Vec<_> = methods.iter().map(|method| way(Some(method), Some(ScaFailure::TimedOut))).collect();
    let accounts = [account(EVIL), account(MARKUP)];
    let customers = [vec![way(None, Some(ScaFailure::TimedOut))], vec![way(Some(&methods[0]), None)], by_method];
    let customers = customers.map(|ways| ScriptedCustomer { login: MARKUP, password: MARKUP, ways, accounts: &accounts });
    pages.push(("customers".to_owned(), false, Customers { site: site(lang), customers: &customers }.render()));
    pages.push(("no customers".to_owned(), false, Customers { site: site(lang), customers: &[] }.render()));
    for notice in [None, Some(EVIL), Some(MARKUP)] {
        let page = NotServed { site: site(lang), tpp: &tpp, notice, url: "tipp:cb?state=\"><script>" };
        pages.push((format!("return, not served {}", notice.is_some()), false, page.render()));
    }
    for outcome in outcomes() {
        let page = Return { site: site(lang), tpp: &tpp, url: "tipp:cb?state=\"><script>", outcome };
        pages.push((format!("return {outcome:?}"), false, page.render()));
    }
    pages.extend(permissions(lang, &tpp));
    pages.extend(steps(lang, &tpp).into_iter().map(|(name, html)| (name, true, html)));
    pages
}

/// The pages about a certificate: the form with each problem, and verdicts with and without it.
pub(super) fn certificates(lang: Lang) -> Vec<(String, String)> {
    let languages = Lang::ALL.map(|lang| (lang, format!("/b/{}/certificate", lang.tag())));
    let form = |problem| CertificateForm {
        action: "/b/fr/certificate",
        kilobytes: 65,
        languages: &languages,
        presented_url: "https://api.b.example/b/certificate",
        problem,
    };
    let problems = [HandedOver::Nothing, HandedOver::Both, HandedOver::NoCertificate, HandedOver::PrivateKey].map(Some);
    let mut pages: Vec<_> = [None]
        .into_iter()
        .chain(problems)
        .map(|problem| (format!("{problem:?}"), CertificatePage { site: site(lang), form: Some(form(problem)), judged: None }.render()))
        .collect();
    for verdict in verdicts() {
        let judged = Some(Judged { verdict: &verdict, asked: Asked::Standing, at: OffsetDateTime::UNIX_EPOCH });
        let name = format!("{:?}", verdict.reasons);
        pages.push((name.clone(), CertificatePage { site: site(lang), form: Some(form(None)), judged }.render()));
        pages.push((name, CertificatePage { site: site(lang), form: None, judged }.render()));
    }
    pages
}

/// Nothing at all, a hostile certificate with every reason and oddity, and a good one.
pub(super) fn verdicts() -> [Verdict; 3] {
    let evil = || EVIL.to_owned();
    let time = OffsetDateTime::UNIX_EPOCH;
    let facts = CertificateFacts {
        subject: evil(),
        subject_dn: evil(),
        alternative_names: AlternativeNames::default(),
        issuer: evil(),
        serial: "01".into(),
        not_before: time,
        not_after: time,
        key: PublicKey::P256,
        signature_algorithm: "1.2".into(),
        key_usage: Some(vec!["digitalSignature"]),
        extended_key_usage: None,
        organisation_name: Some(evil()),
        organisation_id: Some(evil()),
        nca_id: Some(evil()),
        nca_name: Some(evil()),
        roles: vec![],
        pointers: Pointers { ocsp: vec![evil()], crl: vec![evil()], ca_issuers: vec![] },
        thumbprint: [7; 32],
    };
    let listed = ListedAs { territory: evil(), provider: evil(), service: evil(), list_sequence: 7, since: time, next_update: None };
    let path = FoundPath {
        issuer: Issuer { name: vec![], spki: vec![] },
        chain: vec![evil(), evil()],
        holds_until: time,
        configured: false,
        listed: Some(listed),
        crl_covers_until: Some(time),
    };
    let reasons = vec![Reason::UnknownCriticalExtension(evil()), Reason::RoleUnknown(evil()), Reason::Expired];
    let warnings = vec![Warning::UnknownNca(evil()), Warning::CrlExpired];
    let bad = Verdict { facts: Some(facts.clone()), reasons, warnings, path: None };
    let good = Verdict { facts: Some(facts), reasons: vec![], warnings: vec![], path: Some(path) };
    [Verdict::refused(Reason::CertificateMissing), bad, good]
}
