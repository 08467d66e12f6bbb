//! What holds, where it is from, and what differs between two.

use super::{apps::with_apps, *};

fn effective(text: &str) -> Effective {
    read(text).unwrap_or_else(|mistakes| panic!("{mistakes}")).effective
}

fn found(effective: &Effective, key: &str) -> (String, String, bool) {
    let value = effective.get(key).unwrap_or_else(|| panic!("no {key}"));
    (value.shown.to_string(), value.origin.to_string(), value.differs_from_default())
}

#[test]
fn a_brands_values_are_its_rows_over_its_banks() {
    let text = with_apps(
        "channel = 'pph'\nopen_url = 'com.bank.app:/a'\n[brand.authorization]\ncode_seconds = 0x1e\n[brand.theme.light]\npaper = '#ffffff'",
    );
    let effective = effective(&text);
    for (key, value, origin, differs) in [
        ("brand.labanquepostale.bank", "\"labanquepostale\"", "g.toml:13", true),
        ("brand.labanquepostale.authorization.code_seconds", "30", "g.toml:22", true),
        ("brand.labanquepostale.app.pph.open_url", "\"com.bank.app:/a\"", "g.toml:20", true),
        ("brand.labanquepostale.theme.light.paper", "\"#ffffff\"", "g.toml:24", true),
        ("brand.labanquepostale.psu_port", "443", "default", false),
        ("brand.labanquepostale.tpp_port", "8443", "g.toml:17", true),
        ("limits.connections", "4096", "default", false),
        ("trust.crl_files", "[]", "default", false),
    ] {
        assert_eq!(found(&effective, key), (value.to_owned(), origin.to_owned(), differs), "{key}");
    }
    let channel = found(&effective, "brand.labanquepostale.channel.pph.token");
    assert!(channel.0 == "\"/pph/token\"" && channel.1.starts_with("labanquepostale.toml:") && !channel.2, "{channel:?}");
    assert!(matches!(effective.get("brand.labanquepostale.name").unwrap().origin, Origin::Bank { .. }));
    // of a path for each place only the one that holds
    let cic = super::effective::effective(&PLAIN.replace("tpp_port", "sandbox = true\ntpp_port"));
    assert_eq!(found(&cic, "brand.cic.revocation.path").0, "\"/sandbox/cic/oauth2/revoke\"");
    assert_eq!(found(&cic, "brand.cic.scope.pisp.payment_required").0, "false");
    // said again is not changed
    let again = super::effective::effective(&with_line(1, "limits.connections = 4_096"));
    assert_eq!(found(&again, "limits.connections"), ("4096".to_owned(), "g.toml:1".to_owned(), false));
}

#[test]
fn the_databases_url_is_secret_unless_it_stands_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("url"), "postgres://u:hush@h/file\n").unwrap();
    let text = with_line(9, "url_file = 'url'");
    let of = |text: &str, env: Option<&str>| {
        let effective = parse("g.toml", text, folder.path(), &|k| env.filter(|_| k == DATABASE_URL).map(str::to_owned)).unwrap().effective;
        assert!(!format!("{effective:?}").contains("hush"));
        effective
    };
    let (file, variable, other) =
        (of(&text, None), of(&text, Some("postgres://u:hush@h/file")), of(&text, Some("postgres://u:hush2@h/file")));
    let url = file.get("database.url").unwrap();
    assert!(url.is_secret() && url.differs_from_default() && url.shown.to_string() == "(secret)");
    assert_eq!(url.origin, Origin::File { file: folder.path().join("url").display().to_string(), line: 1 });
    assert_eq!(variable.get("database.url").unwrap().origin, Origin::Variable(DATABASE_URL.to_owned()));
    assert!(variable.get("database.url_file").is_none());
    let plain = of(PLAIN, None);
    assert!(!plain.get("database.url").unwrap().is_secret());
    let keys = |a, b| differences(a, b).into_iter().map(|d| d.to_string()).collect::<Vec<_>>();
    assert_eq!(keys(&file, &variable), ["database.url_file: \"url\" -> (not set)"]);
    assert_eq!(keys(&variable, &other), ["database.url: (secret) -> (secret)"]);
    assert_eq!(keys(&plain, &variable), ["database.url: \"postgres:///guichet\" -> (secret)"]);
    assert!(keys(&other, &other).is_empty());
}

#[test]
fn differences_are_told_by_key_and_a_brand_as_one() {
    let old = effective(&with_line(1, "limits.body_seconds = 3\nops.address = '127.0.0.1:1'"));
    let second = "[[brand]]\nbank = 'cic'\nid = 'two'\nissuer = 'https://b.example'\ntpp_host = 'a.example'\npsu_host = 'b.example'\n";
    let new = effective(&format!("limits.connections = 4_096\nlog.level = 'warn'{PLAIN}scope.aisp.grant_seconds = 20_000\n{second}"));
    let told: Vec<_> = differences(&old, &new).into_iter().map(|d| (d.to_string(), d.taken_up)).collect();
    let told: Vec<_> = told.iter().map(|(text, taken_up)| (text.as_str(), *taken_up)).collect();
    assert_eq!(
        told,
        [
            ("brand.cic.scope.aisp.grant_seconds: 15552000 -> 20000", TakenUp::Reload),
            ("brand.two: (not set) -> \"cic\"", TakenUp::Reload),
            ("limits.body_seconds: 3 -> 10", TakenUp::Reload),
            ("log.level: \"info\" -> \"warn\"", TakenUp::Reload),
            ("ops.address: \"127.0.0.1:1\" -> \"127.0.0.1:9464\"", TakenUp::Restart),
        ]
    );
    assert_eq!(differences(&new, &old).len(), 5);
    assert!(differences(&new, &new).is_empty());
}

#[test]
fn what_needs_a_restart_is_a_key_or_a_section_of_the_reference() {
    let reference = Reference::new();
    for key in NEEDS_RESTART {
        assert!(reference.find(key).is_some() || !reference.section(key).is_empty(), "{key}");
    }
    assert_eq!((TakenUp::of("database.max_connections"), TakenUp::of("databases")), (TakenUp::Restart, TakenUp::Reload));
}
