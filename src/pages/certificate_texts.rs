//! Rules and reasons in the reader's language. English stands beside the code that judges; the other languages' catalogues
//! are keyed by the names and codes that stand there.

use super::texts::Texts;
use crate::{
    oauth::brand::Lang,
    pki::{self, Reason, Rule, Warning},
};
use std::{collections::BTreeSet, sync::LazyLock};

static CATALOGUES: LazyLock<[Texts; 4]> = LazyLock::new(|| Lang::ALL.map(|lang| Texts::read(lang, source(lang))));

pub(super) const fn source(lang: Lang) -> &'static str {
    match lang {
        Lang::De => include_str!("../../locales/certificate/de.ftl"),
        Lang::En => "",
        Lang::Es => include_str!("../../locales/certificate/es.ftl"),
        Lang::Fr => include_str!("../../locales/certificate/fr.ftl"),
    }
}

/// The names and codes that a language has a text for; none for English, which is the code's own.
pub fn certificate_texts(lang: Lang) -> &'static BTreeSet<String> {
    &of(lang).keys
}

fn of(lang: Lang) -> &'static Texts {
    let [de, en, es, fr] = &*CATALOGUES;
    match lang {
        Lang::De => de,
        Lang::En => en,
        Lang::Es => es,
        Lang::Fr => fr,
    }
}

/// A text that no catalogue has is told in English rather than not at all; [`faults`] finds it.
fn text(lang: Lang, key: &str, english: &str) -> String {
    of(lang).try_format(key, &[]).map_or_else(|| english.replace('`', ""), |found| found.0)
}

pub(super) fn title(lang: Lang, rule: Rule) -> String {
    text(lang, &format!("rule_{}_title", rule.name()), rule.title())
}

pub(super) fn advice(lang: Lang, rule: Rule) -> String {
    text(lang, &format!("rule_{}_advice", rule.name()), rule.advice())
}

pub(super) fn reason(lang: Lang, reason: &Reason) -> String {
    text(lang, reason.code(), reason.explanation())
}

pub(super) fn warning(lang: Lang, warning: &Warning) -> String {
    text(lang, warning.code(), &pki::visible(&warning.to_string()))
}

/// What could not be read, which rules have no text, and which texts only some of the languages have.
pub(super) fn faults() -> Vec<String> {
    let foreign = || CATALOGUES.iter().filter(|texts| texts.lang != Lang::En);
    let rules = Rule::ALL.into_iter().flat_map(|rule| ["title", "advice"].map(|part| format!("rule_{}_{part}", rule.name())));
    let all: BTreeSet<_> = foreign().flat_map(|texts| texts.keys.iter().cloned()).chain(rules).collect();
    let missing = |texts: &Texts| -> Vec<_> {
        all.iter().filter(|key| texts.try_format(key, &[]).is_none()).map(|key| format!("{}: {key} is missing", texts.lang.tag())).collect()
    };
    foreign().flat_map(|texts| texts.faults.iter().cloned().chain(missing(texts))).collect()
}
