//! The shipped banks are as published, and a bank file is judged like the settings.

use super::*;
use crate::oauth::{
    brand::{ClientAuth, ExchangeScope, Lang, PsuAuthentication},
    sca::ScaFailure,
    scope::ScopeToken,
};
use std::collections::BTreeSet;

#[test]
fn a_bank_file_is_judged_like_the_settings() {
    let cic = include_str!("../../../config/banks/cic.toml");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bank.toml");
    let text = with_line(13, "bank = './bank.toml'");
    let judged = |bank: &str| -> Vec<String> {
        fs::write(&path, bank).unwrap();
        let found = parse("g.toml", &text, folder.path(), &no_env).err();
        found.map(|m| m.iter().map(|m| m.message.clone()).collect()).unwrap_or_default()
    };
    assert_eq!(judged(cic), [""; 0]);
    for (from, to, message) in [
        (
            "timed_out =",
            "timedout =",
            "channel `web` does not spell timed_out in `sca_errors`|unknown key `channel.sca_errors.timedout`; did you mean `timed_out`?",
        ),
        ("\"access_denied\"", "\"access denied\"", "`channel.sca_errors.cancelled` is no error code of RFC 6749 s4.1.2.1"),
        ("offered = [\"de\", ", "offered = [\"ed\", ", "`languages.offered` cannot be `ed`; did you mean `de`?"),
        ("offered = [\"de\", \"en\", \"es\", \"fr\"]", "offered = [\"de\"]", "`languages.default`: `fr` is not in `languages.offered`"),
        ("offered = [\"de\", \"en\", \"es\", \"fr\"]", "offered = []", "`languages.offered` needs at least one language"),
        (
            "path = { production = \"/cic/oauth2/revoke\",",
            "path = { production = \"/cic/{lang}/revoke\",",
            "`revocation.path.production` cannot hold `{lang}`; only `authorize` can",
        ),
        ("sandbox = \"/sandbox/cic/oauth2/revoke\" ", "", "missing key `revocation.path.sandbox`"),
        ("production = \"/cic/oauth2/token\"", "production = \"cic/oauth2/token\"", "`channel.token.production` must begin with `/`"),
        (
            "production = \"/cic/oauth2/token\"",
            "production = \"/cic/oauth2/revoke\"",
            "brand `cic`: `/cic/oauth2/revoke` (revocation) and `/cic/oauth2/revoke` (token) are the same path",
        ),
        (
            "production = \"/oauth2/{lang}/banque",
            "production = \"/{lang}/{lang}/banque",
            "`channel.authorize.production` may hold `{lang}` once",
        ),
        ("[scope.cbpii]", "[scope.cbpi]", "unknown key `scope.cbpi`; did you mean `cbpii`?"),
        (
            "refresh_token = false\n",
            "refresh_token = false\nrefresh_token_rotation = true\n",
            "`scope.pisp.refresh_token_rotation` needs `scope.pisp.refresh_token`",
        ),
        (
            "refresh_token = true",
            "refresh_token = true\nrefresh_token_rotation = 'yes'",
            "`scope.aisp.refresh_token_rotation` must be true or false, not a string",
        ),
        ("update = true ", "update = false ", "`registration.update_without_client_id` needs `registration.update`"),
        (
            "client_credentials = true",
            "client_credentials = false",
            "`client_credentials = true` on a channel and `scope.pisp.client_credentials_seconds` need each other",
        ),
        (
            "\"tls_client_auth\"",
            "\"tls_client_aut\"",
            "`client_authentication.method` cannot be `tls_client_aut`; did you mean `tls_client_auth`?",
        ),
        ("exchange_scope = \"optional\"", "", "missing key `token.exchange_scope`"),
        ("[[channel]]", "[[chanel]]", "unknown key `chanel`; did you mean `channel`?|`channel` must be written [[channel]], not a table"),
    ] {
        assert!(cic.contains(from), "{from}");
        let found = judged(&cic.replacen(from, to, 1)).join("|");
        assert_eq!(found, message, "{to}");
    }
}

#[test]
fn a_page_in_every_language_leaves_no_room_for_a_page_in_one() {
    let bank = include_str!("../../../config/banks/labanquepostale.toml");
    let bank = bank.replacen("\"/pph/authorize\"", "\"/{lang}/authorize\"", 1);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bank.toml"), bank).unwrap();
    let found = parse("g.toml", &with_line(13, "bank = 'bank.toml'"), folder.path(), &no_env).unwrap_err();
    let message = "brand `labanquepostale`: `/{lang}/authorize` (authorize) and `/pmo/authorize` (authorize) are the same path";
    assert_eq!(found.to_string(), format!("g.toml:12:1: {message}"));
}

fn place(sandbox: bool) -> BrandPlace {
    BrandPlace {
        id: None,
        sandbox,
        issuer: "https://localhost:8443".into(),
        tpp_origin: "https://tpp.localhost:8443".into(),
        psu_origin: "https://localhost:8443".into(),
        psu_authentication: None,
    }
}

#[test]
fn cic_is_as_published() {
    for (sandbox, base, page) in
        [(false, "", "/oauth2/{lang}/banque/oauth2_authorization.aspx"), (true, "/sandbox", "/oauth2/{lang}/sandbox/signin.html")]
    {
        let brand = shipped_brand("cic", place(sandbox)).unwrap();
        assert_eq!(brand.registration.path, format!("{base}/cic/oauth2/registrations"));
        assert_eq!(brand.revocation_path, format!("{base}/cic/oauth2/revoke"));
        let web = brand.channel("web").unwrap();
        assert_eq!((web.token_path.clone(), web.authorize_path.as_str()), (format!("{base}/cic/oauth2/token"), page));
        assert!(web.client_credentials && brand.channels.len() == 1);
        assert_eq!(web.wire_code(ScaFailure::Technical), "temporarily_unavailable");
        assert_eq!(web.wire_code(ScaFailure::WrongDevice), "access_denied");
        assert_eq!((brand.client_auth, brand.exchange_scope), (ClientAuth::Tls, ExchangeScope::Optional));
        assert!(brand.explicit_consent && brand.registration.update && brand.registration.update_without_client_id);
        let facts: Vec<_> =
            brand.scopes.iter().map(|s| (s.family, s.access_token_lifetime, s.refresh_token, s.client_credentials_lifetime)).collect();
        let life = Span::hours(3);
        assert_eq!(
            facts,
            [(ScopeToken::Aisp, life, true, None), (ScopeToken::Cbpii, life, true, None), (ScopeToken::Pisp, life, false, Some(life))]
        );
        assert!(brand.scopes.iter().all(|s| !s.refresh_token_rotation), "it asks for none");
        assert_eq!(brand.scopes[0].grant_lifetime, Span::days(180));
        assert_eq!(brand.languages, BTreeSet::from([Lang::De, Lang::En, Lang::Es, Lang::Fr]));
        assert_eq!((brand.default_language, brand.code_lifetime), (Lang::Fr, Span::seconds(60)));
        let wanted = if sandbox { PsuAuthentication::Simulator } else { PsuAuthentication::None };
        assert_eq!(brand.psu_authentication, wanted);
    }
}

#[test]
fn la_banque_postale_is_as_published() {
    for sandbox in [false, true] {
        let brand = shipped_brand("labanquepostale", place(sandbox)).unwrap();
        let channels: Vec<_> =
            brand.channels.iter().map(|c| (&*c.name, &*c.authorize_path, &*c.token_path, c.client_credentials, c.app.is_some())).collect();
        assert_eq!(
            channels,
            [
                ("web", "/authorize", "/token", true, false),
                ("pph", "/pph/authorize", "/pph/token", false, true),
                ("pmo", "/pmo/authorize", "/pmo/token", false, true),
            ]
        );
        assert_eq!((brand.client_auth, brand.exchange_scope), (ClientAuth::TlsAndSecretBasic, ExchangeScope::MustMatch));
        assert_eq!((&*brand.registration.path, brand.registration.max_redirect_uris), ("/register", 1));
        assert!(!brand.registration.update && !brand.explicit_consent && !brand.certificate_bound_access_tokens);
        let facts: Vec<_> = brand.scopes.iter().map(|s| (s.access_token_lifetime, s.refresh_token)).collect();
        assert_eq!(facts, [(Span::days(180), false), (Span::days(180), false), (Span::minutes(10), false)]);
        for (failure, web, app) in [
            (ScaFailure::Cancelled, "SCA_PSU_CANCELLATION", "SCA_PSU_CANCELLATION"),
            (ScaFailure::TimedOut, "SCA_PSU_TIMEOUT", "SCA_PSU_TIMEOUT"),
            (ScaFailure::BlockedAfterFailures, "SCA_PSU_FAIL", "SCA_PSU_METHOD_ERROR_SUSPENDED"),
            (ScaFailure::DailyQuotaExceeded, "NUMBER_SCA_EXCEEDED", "NUMBER_SCA_EXCEEDED"),
            (ScaFailure::NoMethod, "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR"),
            (ScaFailure::OtpSuspended, "SCA_PSU_METHOD_ERROR_OTP_SUSPENDED", "SCA_PSU_METHOD_ERROR"),
            (ScaFailure::WrongDevice, "SCA_PSU_METHOD_ERROR", "SCA_PSU_DEVICE_ERROR"),
            (ScaFailure::WaitingForValidation, "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR_WAITING_FOR_VALIDATION"),
            (ScaFailure::PendingEnrollment, "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR_PENDING_ENROLLMENT"),
            (ScaFailure::SuspendedEnrollment, "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR_SUSPENDED_ENROLLMENT"),
            (ScaFailure::Disabled, "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR_DISABLED"),
            (ScaFailure::Terminated, "SCA_PSU_METHOD_ERROR", "SCA_PSU_METHOD_ERROR_CANCELED"),
            (ScaFailure::Suspended, "SCA_PSU_FAIL", "SCA_PSU_METHOD_ERROR_SUSPENDED"),
            (ScaFailure::Technical, "temporarily_unavailable", "TPP_ENROLLMENT_TECHNICAL_ERROR"),
        ] {
            let codes: Vec<_> = brand.channels.iter().map(|c| c.wire_code(failure)).collect();
            assert_eq!(codes, [web, app, app], "{failure:?}");
        }
    }
}

#[test]
fn a_bank_that_is_not_shipped_or_a_bad_place_is_refused() {
    assert_eq!(shipped_brand("cci", place(true)).unwrap_err().to_string(), "cci: no such bank; did you mean `cic`?");
    let bad = BrandPlace { tpp_origin: "tpp.localhost".into(), ..place(true) };
    assert_eq!(shipped_brand("cic", bad).unwrap_err().to_string(), "cic: `tpp.localhost` must be written https://host[:port]");
}
