//! Rules and reasons in the reader's language. English stands beside the code that judges; the other languages' catalogues
//! are keyed by the names and codes that stand there. A language may do without: then developers read English.

use super::texts::{Texts, certificates_source};
use crate::{
    oauth::brand::Lang,
    pki::{self, Reason, Rule, Warning},
};
use std::{collections::BTreeSet, sync::LazyLock};

static CATALOGUES: LazyLock<[Texts; Lang::ALL.len()]> =
    LazyLock::new(|| Lang::ALL.map(|lang| Texts::read(lang, certificates_source(lang))));

/// The names and codes that a language has a text for; none for English, which is the code's own, and for those without a catalogue.
pub fn certificate_texts(lang: Lang) -> &'static BTreeSet<String> {
    &of(lang).keys
}

fn of(lang: Lang) -> &'static Texts {
    &CATALOGUES[lang as usize]
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
    let foreign = || CATALOGUES.iter().filter(|texts| !certificates_source(texts.lang).is_empty());
    let rules = Rule::ALL.into_iter().flat_map(|rule| ["title", "advice"].map(|part| format!("rule_{}_{part}", rule.name())));
    let all: BTreeSet<_> = foreign().flat_map(|texts| texts.keys.iter().cloned()).chain(rules).collect();
    let missing = |texts: &Texts| -> Vec<_> {
        all.iter().filter(|key| texts.try_format(key, &[]).is_none()).map(|key| format!("{}: {key} is missing", texts.lang.tag())).collect()
    };
    foreign().flat_map(|texts| texts.faults.iter().cloned().chain(missing(texts))).collect()
}
