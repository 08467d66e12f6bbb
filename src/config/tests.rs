mod apps;
mod banks;
mod defaults;
mod effective;
mod layers;
mod statements;
mod theme;

use super::*;
use crate::{
    pki::forwarded::Format,
    standing::{Country, RegisterUse},
};
use ipnet::IpNet;
use proptest::{collection::btree_map, prelude::*};
use secrecy::ExposeSecret;
use std::{fs, path::Path, time::Duration};
use time::Duration as Span;

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

/// `PLAIN` without its last line, then `[tpp.front_proxy]` on line 17, and these below it.
fn front(lines: &str) -> String {
    with_line(17, "").trim_end().to_owned() + "\n[tpp.front_proxy]\n" + lines
}

#[test]
fn a_front_proxy_has_its_formats_headers_unless_others_are_named() {
    let settings = read(&front(
        "peers = ['10.1.2.3', '2001:db8::/32']\nclient_names = ['LB.bank.example']\nclient_ca_file = 'c'\nformat = 'haproxy'\nheader = 'X-Qwac'",
    ));
    let front_proxy = settings.unwrap().front_proxy.unwrap();
    assert_eq!(front_proxy.peers, ["10.1.2.3/32".parse::<IpNet>().unwrap(), "2001:db8::/32".parse().unwrap()]);
    assert_eq!((front_proxy.header.as_str(), front_proxy.chain_header.as_deref()), ("x-qwac", Some("x-ssl-client-cert-chain")));
    assert_eq!((front_proxy.client_names, front_proxy.format), (vec!["lb.bank.example".to_owned()], Format::HaProxy));
    assert!(read(PLAIN).unwrap().front_proxy.is_none());
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
        (with_line(1, "limits.conections = 9"), "g.toml:1:8: unknown key `limits.conections`; did you mean `connections`?"),
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
        (with_line(1, "x = "), "g.toml:1:5: string values must be quoted, expected literal string"),
        (
            with_line(1, "ops = { address = '[::]:1', 'é' = 1, adress = 1 }"),
            "g.toml:1:29: unknown key `ops.é`; known here: address|g.toml:1:38: unknown key `ops.adress`; did you mean `address`?",
        ),
        (
            with_line(1, "internal = {}"),
            "g.toml:1:12: missing key `internal.address`|g.toml:1:12: missing key `internal.certificate_file`|g.toml:1:12: missing key `internal.client_ca_file`|g.toml:1:12: missing key `internal.key_file`",
        ),
        // sections
        (with_line(1, "log.level = 'inof'"), "g.toml:1:13: `log.level` cannot be `inof`; did you mean `info`?"),
        (with_line(1, "log.format = 'xml'"), "g.toml:1:14: `log.format` cannot be `xml`; known here: json, text"),
        (
            with_line(1, "admin.four_eyes = ['client.block', 'client.blok']"),
            "g.toml:1:36: `admin.four_eyes` cannot be `client.blok`; did you mean `client.block`?",
        ),
        (with_line(1, "admin.proposal_hours = 0"), "g.toml:1:24: `admin.proposal_hours` must be from 1 to 720, not 0"),
        (with_line(1, "signing.algorithm = 'RS256'"), "g.toml:1:21: `signing.algorithm` cannot be `RS256`; did you mean `ES256`?"),
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
        (
            with_line(9, "url = 'postgres://u:hush@h/d'"),
            "g.toml:9:7: `database.url` holds a password; put the URL into a file of its own and name it in `url_file`",
        ),
        (with_line(9, "url = 'mysql://h/d'"), "g.toml:9:7: `database.url` must begin with postgres://"),
        (with_line(9, "url_file = 'no'"), "g.toml:9:12: `database.url_file` names /etc/guichet/no, which cannot be read: entity not found"),
        (
            with_line(11, "anchors_file = 'c'\nnca_countries = ['FR', 'fr']"),
            "g.toml:12:24: `trust.nca_countries` holds country codes of two capital letters",
        ),
        (with_line(11, "anchors_file = 'c'\nnca_countries = []"), "g.toml:12:17: `trust.nca_countries` needs at least one country"),
        (with_line(1, "outbound.proxy_url = 'socks5://p:1'"), "g.toml:1:22: `outbound.proxy_url` must begin with http:// or https://"),
        (
            with_line(1, "outbound.proxy_url = 'http://u:hush@p'"),
            "g.toml:1:22: `outbound.proxy_url` must name no user: the proxy knows us by our address",
        ),
        (
            with_line(1, "outbound.private_hosts = ['[::1]:80', 'ocsp.bank']"),
            "g.toml:1:39: `outbound.private_hosts` must be a host and a port, such as ocsp.bank:80",
        ),
        // what stands in front
        (
            with_line(4, "key_file = 'b'\nproxy_protocol_from = ['10.0.0.0/8']"),
            "g.toml:5:23: `proxy_protocol_from` of `tpp` and `psu` must be the same: on one address they are told apart only after that header",
        ),
        (
            with_line(4, "key_file = 'b'\naddress = '0.0.0.0:1'\nproxy_protocol_from = ['10.0.0.1/8', '0.0.0.0/0', 'lb', 1]"),
            "g.toml:6:24: `tpp.proxy_protocol_from` holds 10.0.0.1/8, which must be written as 10.0.0.0/8|\
             g.toml:6:38: `tpp.proxy_protocol_from` cannot hold 0.0.0.0/0: that is everybody|\
             g.toml:6:51: `tpp.proxy_protocol_from` holds networks such as 10.0.0.0/8, or single addresses|\
             g.toml:6:57: `tpp.proxy_protocol_from` must be a string, not an integer",
        ),
        (
            front("peers = []\nclient_names = []\nclient_ca_file = 'c'\nformat = 'ngnix'"),
            "g.toml:18:9: `tpp.front_proxy.peers` needs at least one: nobody else is believed|\
             g.toml:19:16: `tpp.front_proxy.client_names` needs at least one: nobody else is believed|\
             g.toml:21:10: `tpp.front_proxy.format` cannot be `ngnix`; did you mean `nginx`?",
        ),
        (
            front(
                "peers = ['10.1.2.3', '2001:db8::/32']\nclient_names = ['lb_1']\nclient_ca_file = 'c'\nformat = 'nginx'\nheader = 'Authorization'\nchain_header = 'x-chain'",
            ),
            "g.toml:19:16: `tpp.front_proxy.client_names` needs at least one: nobody else is believed|\
             g.toml:19:17: `tpp.front_proxy.client_names` must be a host name without scheme, port or path|\
             g.toml:22:10: `tpp.front_proxy.header` cannot be `authorization`, which means something else|\
             g.toml:23:16: `tpp.front_proxy.chain_header`: `nginx` hands no chain over in a header of its own",
        ),
        (
            front(
                "peers = ['10.1.2.3']\nclient_names = ['lb']\nclient_ca_file = 'c'\nformat = 'rfc9440'\nheader = 'a b'\nchain_header = 'Client-Cert'",
            ),
            "g.toml:22:10: `tpp.front_proxy.header` must be a header's name: letters, digits and `-`|\
             g.toml:23:16: `tpp.front_proxy.chain_header` is the header of the certificate itself",
        ),
        (
            front("peer = 1\nclient_names = ['lb']\nformat = 'f5'"),
            "g.toml:17:1: missing key `tpp.front_proxy.client_ca_file`|\
             g.toml:17:1: missing key `tpp.front_proxy.peers`|\
             g.toml:18:1: unknown key `tpp.front_proxy.peer`; did you mean `peers`?",
        ),
        // brands
        (PLAIN[..PLAIN.find("[[brand]]").unwrap()].to_owned(), "g.toml:1:1: at least one [[brand]] is needed"),
        (format!("brand = []{}", &PLAIN[..PLAIN.find("[[brand]]").unwrap()]), "g.toml:1:9: at least one [[brand]] is needed"),
        (
            with_line(13, "bank = 'cci'"),
            "g.toml:13:8: `brand.bank`: no bank `cci` comes with the program, and a file would end in .toml; did you mean `cic`?",
        ),
        (with_line(13, "bank = 'my.toml'"), "g.toml:13:8: `brand.bank` names /etc/guichet/my.toml, which cannot be read: entity not found"),
        (with_line(14, "issuer = 'http://auth.cic.example'"), "g.toml:14:10: `brand.issuer` must begin with https://"),
        (with_line(14, "issuer = 'https://auth.cic.example/'"), "g.toml:14:10: `brand.issuer` must not end with `/`"),
        (with_line(14, "issuer = 'https://auth.cic.example/a?b'"), "g.toml:14:10: `brand.issuer` must have no query and no fragment"),
        (with_line(14, "issuer = 'https://:p@auth.cic.example'"), "g.toml:14:10: `brand.issuer` must name no user"),
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
            with_line(17, "security.signed_requests = 'required'"),
            "g.toml:17:28: `security.signed_requests` binds every client: it needs `security.profile` \"fapi2\"",
        ),
        (
            with_line(17, "security.self_signed_scopes = ['openid']"),
            "g.toml:17:32: `brand.security.self_signed_scopes` cannot be `openid`; known here: aisp, extended_transaction_history, cbpii, pisp",
        ),
        (
            with_line(17, "security.self_signed_scopes = ['extended_transaction_history']"),
            "g.toml:17:31: `security.self_signed_scopes`: `extended_transaction_history` is not offered here",
        ),
        (
            with_line(17, "authorization.psu_session_seconds = 301"),
            "g.toml:17:37: `brand.authorization.psu_session_seconds` must be from 1 to 300, not 301",
        ),
        (
            with_line(17, "scope.pisp.grant_seconds = 60"),
            "cic.toml:54:24: `scope.pisp.access_token_seconds` is longer than `grant_seconds`: a token cannot outlive its grant",
        ),
        (with_line(17, "scope.aips.grant_seconds = 60"), "g.toml:17:7: unknown key `brand.scope.aips`; did you mean `aisp`?"),
        (
            with_line(17, "scope.aisp.client_credentials_seconds = 60"),
            "g.toml:17:12: unknown key `brand.scope.aisp.client_credentials_seconds`; known here: access_token_seconds, refresh_token, refresh_token_rotation, grant_seconds, accounts",
        ),
    ] {
        assert_eq!(mistakes(&text).join("|"), message, "{text}");
    }
}

#[test]
fn whom_a_brand_trusts_is_its_own_and_how_strictly_is_inherited() {
    let brand = "[brand.trust]\nanchors_file = 'test.pem'\n";
    let general = "[trust]\nnca_countries = ['FR']\ncrl_files = ['d']";
    let sandbox = PLAIN.replace("tpp_port", "sandbox = true\ntpp_port").replace("[trust]", general);
    let settings = read(&format!("{sandbox}{brand}")).unwrap();
    let own = settings.trust_of(&settings.brands[0].id);
    assert_eq!(own.anchors_file.as_deref(), Some(Path::new("/etc/guichet/test.pem")));
    assert_eq!((own.crl_files.len(), own.trusted_lists, own.nca_countries.as_slice()), (0, false, ["FR".to_owned()].as_slice()));
    let stricter = read(&format!("{PLAIN}[brand.trust]\nnca_countries = ['DE']\n")).unwrap();
    let own = stricter.trust_of(&stricter.brands[0].id);
    assert_eq!(
        (own.anchors_file.clone(), own.nca_countries.as_slice()),
        (stricter.trust.anchors_file.clone(), ["DE".to_owned()].as_slice())
    );
    let cases = [
        (format!("{PLAIN}{brand}"), "`brand.trust.anchors_file` is for sandboxes"),
        (format!("{PLAIN}[brand.trust]\ntrusted_lists = false\n"), "`brand.trust` names nobody to trust"),
        (with_line(11, "anchors_file = 'c'\ntrusted_lists = true"), "exclude each other"),
        (with_line(11, ""), "missing key `trust.anchors_file` (or `trust.trusted_lists = true`)"),
    ];
    for (text, mistake) in cases {
        let said = mistakes(&text);
        assert!(said.len() == 1 && said[0].contains(mistake), "{said:?}");
    }
    let lists = read(&with_line(11, "trusted_lists = true")).unwrap();
    assert!(lists.trust.trusted_lists && lists.trust.anchors_file.is_none());
}

#[test]
fn how_the_register_is_used_is_inherited_key_by_key() {
    let general = "[trust.register]\npolicy = 'refuse'\nrefuse_after_days = 60\n";
    let text = format!("{PLAIN}[brand.trust.register]\npolicy = 'warn'\ncountry = 'FR'\n{general}");
    let settings = read(&text).unwrap();
    let own = &settings.trust_of(&settings.brands[0].id).register;
    assert_eq!((own.register, own.refuse_after, own.refuse_registrations_after), (RegisterUse::Warn, 60, 30));
    assert_eq!(
        (own.country, settings.trust.register.register, settings.trust.register.country),
        (Country::parse("FR"), RegisterUse::Refuse, None)
    );
    for (text, mistake) in [
        ("[trust.register]\npolicy = 'refused'", "did you mean `refuse`?"),
        ("[trust.register]\ncountry = 'fr'", "country codes of two capital letters"),
        ("[trust.register]\nrefuse_after_days = 29", "the days must rise"),
        ("[trust.register]\nwarn_after_days = 0", "must be from 1 to 3650"),
        ("[brand.trust.register]\nwarn_after_days = 40", "the days must rise"),
        ("[brand.trust.register]\nage = 1", "unknown key `brand.trust.register.age`"),
    ] {
        let said = mistakes(&format!("{PLAIN}{text}\n"));
        assert!(said.len() == 1 && said[0].contains(mistake), "{said:?}");
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
            "g.toml:1:1: missing key `trust.anchors_file` (or `trust.trusted_lists = true`)",
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
            Some("g.toml:18:1: brand `cic` is there twice; give one of them another `id` (the other is at g.toml:12:1)"),
        ),
        (
            "id = 'two'\nissuer = 'https://auth.cic.example'\ntpp_host = 'a.example'\npsu_host = 'auth.cic.example'\n",
            Some("g.toml:18:1: brands `cic` and `two` have the same issuer https://auth.cic.example (the other is at g.toml:12:1)"),
        ),
        (
            "id = 'two'\nissuer = 'https://b.example'\ntpp_host = 'api.cic.example'\npsu_host = 'b.example'\n",
            Some(
                "g.toml:18:1: brands `cic` and `two` both answer https://api.cic.example:8443/cic/oauth2/revoke; give one another host (the other is at g.toml:12:1)",
            ),
        ),
        (
            "id = 'two'\nissuer = 'https://b.example'\ntpp_host = 'b.example'\npsu_host = 'api.cic.example'\n",
            Some("g.toml:18:1: brands `cic` and `two`: one's `tpp_host` is the other's `psu_host` (the other is at g.toml:12:1)"),
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
    let missing = load(&path, &Environment::default()).unwrap_err();
    assert_eq!(missing.to_string(), format!("{}: cannot be read: entity not found", path.display()));
    fs::write(&path, PLAIN).unwrap();
    fs::write(folder.path().join("a"), "").unwrap();
    fs::create_dir(folder.path().join("c")).unwrap();
    let found = load(&path, &Environment::default()).unwrap_err();
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
    fs::write(folder.path().join("b"), "").unwrap();
    fs::write(folder.path().join("c"), "").unwrap();
    assert_eq!(load(&path, &Environment::default()).unwrap().tpp.key_file, folder.path().join("b"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), line in 0..20usize) {
        let _ = read(&text);
        let _ = read(&with_line(line, &text));
    }

    #[test]
    fn no_document_makes_it_panic(tables in btree_map(0..11usize, btree_map(0..14usize, 0..10usize, 0..6), 0..8)) {
        const HEADERS: [&str; 11] = [
            "", "[tpp]", "[psu]", "[internal]", "[ops]", "[database]", "[trust]", "[limits]", "[[brand]]", "[brand.scope.aisp]", "[x]",
        ];
        const KEYS: [&str; 14] = [
            "address", "url", "url_file", "connections", "crl_files", "bank", "issuer", "tpp_host", "psu_host", "sandbox",
            "grant_seconds", "trust", "scope.aisp", "''",
        ];
        const VALUES: [&str; 10] = [
            "1", "'cic'", "'https://é.example/'", "'/'", "''", "[]", "[[{}]]", "{ aisp = {} }", "99999999999999999999999", "true",
        ];
        let line = |(k, v): (usize, usize)| format!("{} = {}\n", KEYS[k], VALUES[v]);
        let text: String = tables.into_iter().map(|(h, keys)| format!("{}\n{}", HEADERS[h], keys.into_iter().map(line).collect::<String>())).collect();
        prop_assert!(read(&text).is_err(), "{text}");
    }
}
