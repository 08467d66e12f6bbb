//! `default.toml` documents every key and no other; the example loads.

use super::*;
use std::collections::BTreeSet;
use toml::de::{DeTable, DeValue};

const EXAMPLE: &str = include_str!("../../../config/example.toml");

#[test]
fn the_example_is_enough() {
    let settings = parse("example.toml", EXAMPLE, Path::new(""), &|_| Some("postgres://h/d".into())).unwrap();
    assert!(settings.brands.len() == 2 && settings.brands.iter().all(|b| b.sandbox));
}

fn default_in_full() -> String {
    reference::in_full(DEFAULT)
}

/// `database.url` and `url_file` exclude each other, as do both places of an issuer's keys: without the latter of each the full text is a valid
/// file.
#[test]
fn every_key_of_the_defaults_is_known() {
    let stays = |line: &&str| !line.starts_with("url_file") && !line.starts_with("jwks_file");
    let without: String = default_in_full().lines().filter(stays).map(|line| format!("{line}\n")).collect();
    let found: Vec<_> = mistakes(&without).into_iter().filter(|mistake| !mistake.contains("needs a program that is built with")).collect();
    assert_eq!(found, [""; 0]);
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
    // a brand has most of the general rates, and says so in words
    let of_brand = |key: &String| {
        let rate = key.strip_prefix("rate_limits.")?;
        let general = ["address_handshakes", "internal", "exempt_addresses"].contains(&rate);
        (!general).then(|| format!("brand.rate_limits.{rate}"))
    };
    documented.extend(documented.iter().filter_map(of_brand).collect::<Vec<_>>());
    assert!(known.len() > 50, "{messages:#?}");
    // these tables have no header of their own, so no stranger was put there: their lists are not provoked.
    let unheaded = ["brand.scope.aisp", "brand.scope.cbpii", "brand.scope.pisp", "brand.theme.text.fr"];
    assert_eq!(known, documented.into_iter().filter(|k| !unheaded.contains(&k.as_str())).collect());
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

#[test]
fn no_value_of_another_type_passes() {
    let full = default_in_full();
    let keys: Vec<_> = full.lines().enumerate().filter(|(_, l)| l.contains(" = ") && !l.starts_with('#')).collect();
    assert!(keys.len() > 50);
    for (at, line) in keys {
        let key = line.split(' ').next().unwrap();
        for value in ["1979-05-27", "-1", "1.5", "nan", "[[]]", "{ a = [] }"] {
            let wrong = format!("{key} = {value}");
            let text: String = full.lines().enumerate().map(|(i, l)| format!("{}\n", if i == at { &wrong } else { l })).collect();
            let place = format!("g.toml:{}:", at + 1);
            assert!(mistakes(&text).iter().any(|m| m.starts_with(&place) && m.contains(key)), "{wrong}: {:?}", mistakes(&text));
        }
    }
}

#[test]
fn the_reference_knows_every_key_and_what_it_takes() {
    let reference = Reference::new();
    let mut keys = BTreeSet::new();
    leaves_of("", &DeTable::parse(&default_in_full()).unwrap().into_inner(), &mut keys);
    let settings: Vec<_> = reference.entries.iter().filter(|entry| !entry.only_banks).collect();
    assert_eq!(settings.iter().map(|entry| entry.key().to_owned()).collect::<BTreeSet<_>>(), keys);
    for entry in settings {
        let explained = !entry.written.doc.is_empty() || !entry.written.section_doc.is_empty();
        assert!(explained, "{} has no comment", entry.key());
        assert!(entry.kind() != "integer" || entry.allowed.is_some(), "{}: read by `number`, so that its range is known", entry.key());
    }
    let of = |key: &str| reference.find(key).unwrap();
    let seconds = of("limits.request_seconds");
    assert_eq!((seconds.written.default.as_deref(), seconds.unit(), seconds.kind()), (Some("15"), Some("s"), "integer"));
    assert_eq!((seconds.allowed.clone().unwrap().to_string(), seconds.required), ("1 to 300".to_owned(), false));
    assert!(
        of("tpp.key_file").required && of("brand.issuer").required && !of("brand.id").required && !of("trust.register.country").required
    );
    assert_eq!(of("log.format").allowed.clone().unwrap().to_string(), "json, text");
    assert!(of("trust.lists.refuse_after_days").written.doc.starts_with("Days after a list's NextUpdate until:"));
    assert_eq!(of("brand.introspection_cache_seconds").written.default.as_deref(), Some("0"));
    assert!(of("brand.introspection_cache_seconds").written.doc.ends_with("Guichet itself keeps no answer"));
    assert_eq!(of("brand.some-id.authorization.code_seconds").banks, [("cic", "60".to_owned()), ("labanquepostale", "60".to_owned())]);
    assert_eq!(of("brand.x.theme.text.de.legal").key(), "brand.theme.text.fr.legal");
    assert_eq!(of("brand.x.app.pph.open_url").key(), "brand.app.open_url");
    assert_eq!(of("brand.x.channel.web.token").key(), "brand.channel.token");
    assert_eq!(of("brand.x.software_statement_issuer.0.issuer").key(), "brand.software_statement_issuer.issuer");
    assert_eq!(of("brand.x.rate_limits.client_token").key(), "rate_limits.client_token");
    assert_eq!(of("rate_limits.client_token").written.doc, "Of one client: token requests and revocations");
    assert!(of("rate_limits.exempt_addresses").written.doc.contains("that stand for many"));
    assert!(reference.find("brand.x.channel.web.tokn").is_none() && reference.find("").is_none() && reference.find("limits").is_none());
    assert_eq!(reference.nearest("limits.reqest_seconds")[0], "limits.request_seconds");
}

/// Keys that hold a value: `{ production, sandbox }` is one.
fn leaves_of(path: &str, table: &DeTable<'_>, into: &mut BTreeSet<String>) {
    let mut all = BTreeSet::new();
    keys(path, table, &mut all);
    into.extend(all.iter().filter(|key| !all.iter().any(|other| other.starts_with(&format!("{key}.")))).cloned());
}

/// What a comment calls the default is what holds when nothing is said.
#[test]
fn documented_defaults_are_the_codes() {
    let said: String = reference::of_settings()
        .iter()
        .filter(|written| written.section == "[[brand]]")
        .filter_map(|written| Some(format!("{} = {}\n", written.key.strip_prefix("brand.")?, written.default.as_ref()?)))
        .collect();
    assert_eq!(said.lines().count(), 4, "{said}");
    let plain = with_line(17, "");
    let (silent, told) = (read(&plain).unwrap(), read(&with_line(17, &said)).unwrap());
    assert_eq!(format!("{:?}", silent.brands), format!("{:?}", told.brands));
    assert_eq!(silent.effective.get("brand.cic.tpp_port").map(|v| v.origin.clone()), Some(Origin::Default));
    assert!(differences(&silent.effective, &told.effective).is_empty());
}
