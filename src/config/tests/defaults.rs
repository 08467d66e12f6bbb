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
