use super::*;
use crate::oauth::{
    brand::{ClientAuth, ExchangeScope, Lang, PsuAuthentication},
    sca::ScaFailure,
    scope::ScopeToken,
};
use proptest::prelude::*;
use secrecy::ExposeSecret;
use std::{collections::BTreeSet, fs, path::Path};
use time::Duration as Span;
use toml::de::{DeTable, DeValue};

const EXAMPLE: &str = include_str!("../../config/example.toml");
const PLAIN: &str = "
[tpp]
certificate_file = 'a'
key_file = 'b'
[psu]
certificate_file = 'a'
key_file = 'b'
[database]
url = 'postgres:///guichet'
[trust]
anchors_file = 'c'
[[brand]]
bank = 'cic'
issuer = 'https://auth.cic.example'
tpp_host = 'API.cic.example'
psu_host = 'auth.cic.example'
tpp_port = 8443
";

fn no_env(_: &str) -> Option<String> {
    None
}

fn read(text: &str) -> Result<Settings, Mistakes> {
    parse("g.toml", text, Path::new("/etc/guichet"), &no_env)
}

fn mistakes(text: &str) -> Vec<String> {
    read(text).err().map(|m| m.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

/// `PLAIN` with its line `number` replaced; no other line moves.
fn with_line(number: usize, line: &str) -> String {
    PLAIN.lines().enumerate().map(|(i, l)| format!("{}\n", if i + 1 == number { line } else { l })).collect()
}

#[test]
fn a_short_file_is_filled_up_with_the_defaults() {
    let settings = read(PLAIN).unwrap();
    assert_eq!(settings.tpp.address.to_string(), "0.0.0.0:8443");
    assert_eq!(settings.tpp.certificate_file, Path::new("/etc/guichet/a"));
    assert_eq!(settings.ops.to_string(), "127.0.0.1:9464");
    assert_eq!(settings.limits.request, Duration::from_secs(15));
    assert_eq!(settings.trust.nca_countries.len(), 30, "the EEA");
    assert_eq!((settings.log.format, settings.log.level), (LogFormat::Json, tracing::Level::INFO));
    assert!(settings.internal.is_none());
    let brand = &settings.brands[0];
    assert_eq!((brand.id.as_str(), brand.sandbox), ("cic", false));
    assert_eq!((brand.tpp_origin.as_str(), brand.psu_origin.as_str()), ("https://api.cic.example:8443", "https://auth.cic.example"));
    let longer = read(&format!("{PLAIN}[limits]\nrequest_seconds = 20\n[brand.authorization]\ncode_seconds = 30\n")).unwrap();
    assert_eq!((longer.limits.request, longer.limits.body), (Duration::from_secs(20), Duration::from_secs(10)));
    assert_eq!(longer.brands[0].code_lifetime, Span::seconds(30));
    assert_eq!(longer.brands[0].psu_session, brand.psu_session);
}

#[test]
fn a_mistake_is_told_with_its_place_and_a_way_out() {
    let ssl = "postgres://u@h/d?password=hush";
    for (text, message) in [
        // shape
        (with_line(3, "certificate_fil = 'a'"), "g.toml:3:1: unknown key `tpp.certificate_fil`; did you mean `certificate_file`?"),
        (with_line(3, "certificate_file = 1"), "g.toml:3:20: `tpp.certificate_file` must be a string, not an integer"),
        (with_line(3, "certificate_file = ''"), "g.toml:3:20: `tpp.certificate_file` must not be empty"),
        (with_line(3, ""), "g.toml:2:1: missing key `tpp.certificate_file`"),
        (with_line(1, "truts = 1"), "g.toml:1:1: unknown key `truts`; did you mean `trust`?"),
        (with_line(1, "limits = 1"), "g.toml:1:10: `limits` must be a table, not an integer"),
        (with_line(1, "limits.connections = 0"), "g.toml:1:22: `limits.connections` must be from 1 to 1000000, not 0"),
        (
            with_line(1, "ops = { address = 'localhost' }"),
            "g.toml:1:19: `ops.address` must be an IP address and a port, such as 0.0.0.0:8443",
        ),
        (with_line(1, "ops.address = '0.0.0.0:8443'"), "g.toml:1:15: `ops.address` is the address of `tpp`"),
        (with_line(1, "signing.key_files = ['a', 2]"), "g.toml:1:27: `signing.key_files` must be a string, not an integer"),
        (with_line(1, "trust = "), "g.toml:1:8: string values must be quoted, expected literal string"),
        // sections
        (with_line(1, "log.level = 'inof'"), "g.toml:1:13: `log.level` cannot be `inof`; did you mean `info`?"),
        (with_line(1, "log.format = 'xml'"), "g.toml:1:14: `log.format` cannot be `xml`; known here: json, text"),
        (with_line(1, "limits.handshakes = 5000"), "g.toml:1:21: `limits.handshakes` is more than `limits.connections`"),
        (with_line(1, "limits.body_seconds = 16"), "g.toml:1:23: `limits.body_seconds` is longer than `limits.request_seconds`"),
        (
            with_line(9, "url = 'postgres:///guichet'\nstatement_timeout_seconds = 16"),
            "g.toml:10:29: `database.statement_timeout_seconds` is longer than `limits.request_seconds`: the request would be gone first",
        ),
        (with_line(9, ""), "g.toml:8:1: missing key `database.url_file` (or the variable GUICHET_DATABASE_URL)"),
        (
            with_line(9, &format!("url = '{ssl}'")),
            "g.toml:9:7: `database.url` holds a password; put the URL into a file of its own and name it in `url_file`",
        ),
        (with_line(9, "url = 'mysql://h/d'"), "g.toml:9:7: `database.url` must begin with postgres://"),
        (with_line(9, "url_file = 'no'"), "g.toml:9:12: `database.url_file` names /etc/guichet/no, which cannot be read: entity not found"),
        (
            with_line(11, "anchors_file = 'c'\nnca_countries = ['FR', 'fr']"),
            "g.toml:12:24: `trust.nca_countries` holds country codes of two capital letters",
        ),
        (with_line(11, "anchors_file = 'c'\nnca_countries = []"), "g.toml:12:17: `trust.nca_countries` needs at least one country"),
        // brands
        (PLAIN[..PLAIN.find("[[brand]]").unwrap()].to_owned(), "g.toml:1:1: a server needs at least one [[brand]]"),
        (
            with_line(13, "bank = 'cci'"),
            "g.toml:13:8: `brand.bank`: no bank `cci` comes with the program, and a file would end in .toml; did you mean `cic`?",
        ),
        (with_line(13, "bank = 'my.toml'"), "g.toml:13:8: `brand.bank` names /etc/guichet/my.toml, which cannot be read: entity not found"),
        (with_line(14, "issuer = 'http://auth.cic.example'"), "g.toml:14:10: `brand.issuer` must begin with https://"),
        (with_line(14, "issuer = 'https://auth.cic.example/'"), "g.toml:14:10: `brand.issuer` must not end with `/`"),
        (with_line(14, "issuer = 'https://auth.cic.example/a?b'"), "g.toml:14:10: `brand.issuer` must have no query and no fragment"),
        (with_line(14, "issuer = 'https://AUTH.cic.example'"), "g.toml:14:10: `brand.issuer` must be written as https://auth.cic.example"),
        (
            with_line(14, "issuer = 'https://auth.cic.example.org'"),
            "g.toml:14:10: `brand.issuer` must begin with https://auth.cic.example or https://api.cic.example:8443: its metadata is served there",
        ),
        (with_line(15, "tpp_host = 'api.example/x'"), "g.toml:15:12: `brand.tpp_host` must be a host name without scheme, port or path"),
        (with_line(15, "tpp_host = 'auth.cic.example'"), "g.toml:12:1: brand `cic`: `tpp_host` and `psu_host` must differ"),
        (with_line(17, "tpp_port = 0"), "g.toml:17:12: `brand.tpp_port` must be from 1 to 65535, not 0"),
        (with_line(17, "sandbox = 'yes'"), "g.toml:17:11: `brand.sandbox` must be true or false, not a string"),
        (with_line(17, "id = 'Cic'"), "g.toml:17:6: `brand.id` may hold only a-z, 0-9, `-` and `_`, at most 64 of them"),
        (with_line(17, "authorization.code_seconds = 61"), "g.toml:17:30: `brand.authorization.code_seconds` must be from 1 to 60, not 61"),
        (
            with_line(17, "authorization.psu_session_seconds = 301"),
            "g.toml:17:37: `brand.authorization.psu_session_seconds` must be from 1 to 300, not 301",
        ),
        (
            with_line(17, "scope.pisp.grant_seconds = 60"),
            "cic.toml:55:24: `scope.pisp.access_token_seconds` is longer than `grant_seconds`: a token cannot outlive its grant",
        ),
        (with_line(17, "scope.aips.grant_seconds = 60"), "g.toml:17:7: unknown key `brand.scope.aips`; did you mean `aisp`?"),
        (
            with_line(17, "scope.aisp.client_credentials_seconds = 60"),
            "g.toml:17:12: unknown key `brand.scope.aisp.client_credentials_seconds`; known here: access_token_seconds, refresh_token, grant_seconds",
        ),
    ] {
        assert_eq!(mistakes(&text), [message], "{text}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = "[tpp]\nadress = 1\ncertificate_file = 'a'\nkey_file = 'k'\n[database]\nurl = 'postgres://u:hush@h/d'\n[log]\nlevel = 1\n\
                [[brand]]\nbank = 'labankpostale'\nissuer = 'x'\npsu_host = 'é'\nsandboxx = true\n";
    assert_eq!(
        mistakes(text),
        [
            "g.toml:1:1: missing key `psu.certificate_file`",
            "g.toml:1:1: missing key `psu.key_file`",
            "g.toml:1:1: missing key `trust.anchors_file`",
            "g.toml:2:1: unknown key `tpp.adress`; did you mean `address`?",
            "g.toml:6:7: `database.url` holds a password; put the URL into a file of its own and name it in `url_file`",
            "g.toml:8:9: `log.level` must be a string, not an integer",
            "g.toml:9:1: missing key `brand.tpp_host`",
            "g.toml:10:8: `brand.bank`: no bank `labankpostale` comes with the program, and a file would end in .toml; \
             did you mean `labanquepostale`?",
            "g.toml:11:10: `brand.issuer` is no URL: relative URL without a base",
            "g.toml:12:12: `brand.psu_host` must be a host name without scheme, port or path",
            "g.toml:13:1: unknown key `brand.sandboxx`; did you mean `sandbox`?",
        ]
    );
    assert!(!read(text).unwrap_err().to_string().contains("hush"));
}

#[test]
fn two_brands_cannot_answer_the_same_address() {
    let second = |lines: &str| format!("{PLAIN}[[brand]]\nbank = 'cic'\n{lines}");
    for (lines, message) in [
        (
            "issuer = 'https://b.example'\ntpp_host = 'a.example'\npsu_host = 'b.example'\n",
            Some("g.toml:18:1: brand `cic` is there twice; give one of them another `id`"),
        ),
        (
            "id = 'two'\nissuer = 'https://auth.cic.example'\ntpp_host = 'a.example'\npsu_host = 'auth.cic.example'\n",
            Some("g.toml:18:1: brands `cic` and `two` have the same issuer https://auth.cic.example"),
        ),
        (
            "id = 'two'\nissuer = 'https://b.example'\ntpp_host = 'api.cic.example'\npsu_host = 'b.example'\n",
            Some("g.toml:18:1: brands `cic` and `two` both answer https://api.cic.example:8443/cic/oauth2/revoke; give one another host"),
        ),
        (
            "id = 'two'\nissuer = 'https://b.example'\ntpp_host = 'b.example'\npsu_host = 'api.cic.example'\n",
            Some("g.toml:18:1: brands `cic` and `two`: one's `tpp_host` is the other's `psu_host`"),
        ),
        // The sandbox twin has other paths, so it may share the hosts.
        (
            "id = 'two'\nsandbox = true\nissuer = 'https://auth.cic.example/sandbox'\ntpp_host = 'api.cic.example'\npsu_host = 'auth.cic.example'\n",
            None,
        ),
    ] {
        assert_eq!(mistakes(&second(lines)), Vec::from_iter(message), "{lines}");
    }
}

#[test]
fn a_bank_file_is_judged_like_the_settings() {
    let cic = include_str!("../../config/banks/cic.toml");
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
        ("production = \"/cic/oauth2/token\"", "production = \"/cic/oauth2/revoke\"", "brand `cic`: `/cic/oauth2/token` and more"),
        ("[scope.cbpii]", "[scope.cbpi]", "unknown key `scope.cbpi`; did you mean `cbpii`?"),
        ("update = true ", "update = false ", "`registration.update_without_client_id` needs `registration.update`"),
        (
            "client_credentials = true",
            "client_credentials = false",
            "`client_credentials = true` on a channel and `scope.pisp.client_credentials_seconds` need each other",
        ),
        ("\"tls_client_auth\"", "\"tls_client\"", "`client_authentication.method` cannot be `tls_client`; did you mean `tls_client_auth`?"),
        ("exchange_scope = \"optional\"", "", "missing key `token.exchange_scope`"),
        ("[[channel]]", "[[chanel]]", "a bank needs at least one [[channel]]|unknown key `chanel`; did you mean `channel`?"),
    ] {
        assert!(cic.contains(from), "{from}");
        let found = judged(&cic.replacen(from, to, 1)).join("|");
        assert_eq!(found, message, "{to}");
    }
}

fn place(sandbox: bool) -> BrandPlace {
    BrandPlace {
        id: None,
        sandbox,
        issuer: "https://localhost:8443".into(),
        tpp_origin: "https://tpp.localhost:8443".into(),
        psu_origin: "https://localhost:8443".into(),
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
        assert_eq!(brand.scopes[0].grant_lifetime, Span::days(180));
        assert_eq!(brand.languages, BTreeSet::from(Lang::ALL));
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
            brand.channels.iter().map(|c| (&*c.name, &*c.authorize_path, &*c.token_path, c.client_credentials, c.app)).collect();
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

#[test]
fn the_database_url_comes_from_the_variable_else_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("url"), "postgres://u:hush@h/file\n").unwrap();
    let text = with_line(9, "url_file = 'url'");
    let url = |env: &dyn Fn(&str) -> Option<String>| {
        let settings = parse("g.toml", &text, folder.path(), env).map_err(|m| m.to_string())?;
        assert!(!format!("{settings:?}").contains("hush"));
        Ok::<_, String>(settings.database.url.expose_secret().to_owned())
    };
    assert_eq!(url(&no_env).unwrap(), "postgres://u:hush@h/file");
    assert_eq!(url(&|k| (k == DATABASE_URL).then(|| "postgres://u:hush@h/env".into())).unwrap(), "postgres://u:hush@h/env");
    assert_eq!(url(&|_| Some("hush".into())).unwrap_err(), "environment: `GUICHET_DATABASE_URL` is no URL");
    fs::write(folder.path().join("url"), "hush").unwrap();
    let refused = url(&no_env).unwrap_err();
    assert!(refused.ends_with("whose content is no URL") && !refused.contains("hush"), "{refused}");
}

#[test]
fn load_wants_every_named_file_and_parse_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.toml");
    let missing = load(&path, &no_env).unwrap_err();
    assert_eq!(missing.to_string(), format!("{}: cannot be read: entity not found", path.display()));
    fs::write(&path, PLAIN).unwrap();
    fs::write(folder.path().join("a"), "").unwrap();
    fs::create_dir(folder.path().join("c")).unwrap();
    let found = load(&path, &no_env).unwrap_err();
    let messages: Vec<_> = found.iter().map(|m| (m.place, m.message.replace(folder.path().to_str().unwrap(), "."))).collect();
    let no_b = |key| format!("`{key}` names ./b, which cannot be read: entity not found");
    assert_eq!(
        messages,
        [
            (Some((4, 12)), no_b("tpp.key_file")),
            (Some((7, 12)), no_b("psu.key_file")),
            (Some((11, 16)), "`trust.anchors_file` names ./c, which is no file".to_owned()),
        ]
    );
    fs::remove_dir(folder.path().join("c")).unwrap();
    ["b", "c"].map(|f| fs::write(folder.path().join(f), "").unwrap());
    assert_eq!(load(&path, &no_env).unwrap().tpp.key_file, folder.path().join("b"));
}

#[test]
fn the_example_is_enough() {
    let settings = parse("example.toml", EXAMPLE, Path::new(""), &|_| Some("postgres://h/d".into())).unwrap();
    assert!(settings.brands.len() == 2 && settings.brands.iter().all(|b| b.sandbox));
}

/// The defaults with every commented-out key brought to life: `#key` is a key, `# text` is text.
fn default_in_full() -> String {
    DEFAULT.lines().map(|l| format!("{}\n", l.strip_prefix('#').filter(|l| !l.is_empty() && !l.starts_with(' ')).unwrap_or(l))).collect()
}

/// `database.url` and `url_file` exclude each other: without the latter the full text is a valid file.
#[test]
fn every_key_of_the_defaults_is_known() {
    let without: String = default_in_full().lines().filter(|l| !l.starts_with("url_file")).map(|l| format!("{l}\n")).collect();
    assert_eq!(mistakes(&without), [""; 0]);
}

/// Provokes the list of known keys in each table and compares it with what the text documents.
#[test]
fn every_known_key_is_in_the_defaults() {
    const STRANGER: &str = "zzzzzzzzzzzzzzzzzzzzzzzz";
    let full = default_in_full();
    let mut text = format!("{STRANGER} = 1\n");
    for line in full.lines() {
        text += &format!("{line}\n");
        if line.starts_with('[') {
            text += &format!("{STRANGER} = 1\n");
        }
    }
    let messages = mistakes(&text);
    let known = messages.iter().filter_map(|m| m.split_once("unknown key `")?.1.split_once("`; known here: "));
    let known: BTreeSet<String> = known
        .flat_map(|(path, keys)| keys.split(", ").map(|k| format!("{}{k}", path.trim_end_matches(STRANGER))).collect::<Vec<_>>())
        .collect();
    let mut documented = BTreeSet::new();
    keys("", &DeTable::parse(&full).unwrap().into_inner(), &mut documented);
    assert!(known.len() > 50, "{messages:#?}");
    // [brand.scope] has no header of its own, so no stranger was put there: its list is not provoked.
    let families = ["aisp", "cbpii", "pisp"].map(|f| format!("brand.scope.{f}"));
    assert_eq!(known, documented.into_iter().filter(|k| !families.contains(k)).collect());
}

fn keys(path: &str, table: &DeTable<'_>, into: &mut BTreeSet<String>) {
    for (key, value) in table {
        let name = format!("{path}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(t) => keys(&format!("{name}."), t, into),
            DeValue::Array(rows) => rows.iter().filter_map(|r| r.get_ref().as_table()).for_each(|t| keys(&format!("{name}."), t, into)),
            DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
        into.insert(name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), line in 0..20usize) {
        let _ = read(&text);
        let _ = read(&with_line(line, &text));
    }

    /// Something is always wrong with a value of the wrong type, wherever it stands, and reading ends.
    #[test]
    fn no_value_of_another_type_passes(line in 0..200usize, value in "(1979-05-27|-1|1.5|nan|\\[\\[\\]\\]|\\{ a = \\[\\] \\})") {
        let full = default_in_full();
        let keys: Vec<_> = full.lines().enumerate().filter(|(_, l)| l.contains(" = ")).collect();
        let (at, key) = keys[line % keys.len()];
        let key = key.split(' ').next().unwrap();
        let text: String = full.lines().enumerate().map(|(i, l)| if i == at { format!("{key} = {value}\n") } else { format!("{l}\n") }).collect();
        prop_assert!(mistakes(&text).iter().any(|m| m.contains(&format!("g.toml:{}:", at + 1))), "{text}");
    }
}
