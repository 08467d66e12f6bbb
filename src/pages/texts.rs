//! The texts: Fluent messages compiled in. Each message is a method, so a text that is asked for wrongly does not compile,
//! one that nobody asks for is dead code, and [`check`] finds the ones a language lacks.

use super::{certificate_texts, messages::MESSAGES};
use crate::oauth::{brand::Lang, language::for_each_language, sca::ScaFailure};
use fluent_bundle::{FluentArgs, FluentError, FluentResource, concurrent::FluentBundle};
use std::{collections::BTreeSet, sync::LazyLock};

/// The texts of one language.
pub struct Texts {
    pub(super) lang: Lang,
    bundle: FluentBundle<FluentResource>,
    /// The file's messages, and what was wrong with it when it was read.
    pub(super) keys: BTreeSet<String>,
    pub(super) faults: Vec<String>,
}

static CATALOGUES: LazyLock<[Texts; Lang::ALL.len()]> = LazyLock::new(|| Lang::ALL.map(|lang| Texts::read(lang, source(lang))));

macro_rules! sources {
    ($($name:ident $tag:literal $pages:literal $certificates:literal;)*) => {
        const fn source(lang: Lang) -> &'static str {
            match lang {
                $(Lang::$name => include_str!($pages),)*
            }
        }

        /// Of a language that has none, empty.
        pub(super) const fn certificates_source(lang: Lang) -> &'static str {
            match lang {
                $(Lang::$name => include_str!($certificates),)*
            }
        }
    };
}

for_each_language!(sources);

/// Proves that every language has every message with the same arguments, and none beside; else names each fault.
pub fn check() -> Result<(), Vec<String>> {
    let faults: Vec<_> = CATALOGUES.iter().flat_map(Texts::all_faults).chain(certificate_texts::faults()).collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

impl Texts {
    pub fn of(lang: Lang) -> &'static Self {
        // both are in the order of `Lang::ALL`
        &CATALOGUES[lang as usize]
    }

    /// A faulty text is kept in `faults`; whatever could be read of the file still speaks.
    pub(super) fn read(lang: Lang, ftl: &str) -> Self {
        let (resource, errors) = match FluentResource::try_new(ftl.to_owned()) {
            Ok(resource) => (resource, vec![]),
            Err((resource, errors)) => (resource, errors),
        };
        let mut faults: Vec<_> = errors.into_iter().map(|e| format!("{}: {e}", lang.tag())).collect();
        let mut bundle = FluentBundle::new_concurrent(lang.tag().parse().into_iter().collect());
        // No U+2068/U+2069 around values: foreign names come in without anything that could turn the direction of text.
        bundle.set_use_isolating(false);
        if let Err(errors) = bundle.add_resource(resource) {
            faults.extend(errors.into_iter().map(|e| format!("{}: {e}", lang.tag())));
        }
        let keys = ftl.lines().filter_map(|l| l.split_once(" =")).map(|(key, _)| key.to_owned()).collect();
        Self { lang, bundle, keys, faults }
    }

    fn all_faults(&self) -> Vec<String> {
        let mut faults = self.faults.clone();
        let asked: BTreeSet<_> = MESSAGES.iter().map(|(key, _)| (*key).to_owned()).collect();
        faults.extend(self.keys.difference(&asked).map(|key| format!("{}: {key} is asked for by nobody", self.lang.tag())));
        faults.extend(MESSAGES.iter().filter_map(|(key, args)| self.fault(key, args)));
        faults
    }

    /// Formats the message with a marker for each argument: every marker must come out, and nothing else be asked for.
    fn fault(&self, key: &str, args: &[&str]) -> Option<String> {
        let markers: Vec<_> = args.iter().map(|arg| format!("<{arg}>")).collect();
        let pairs: Vec<_> = args.iter().copied().zip(markers.iter().map(String::as_str)).collect();
        let lang = self.lang.tag();
        let Some((text, errors)) = self.try_format(key, &pairs) else { return Some(format!("{lang}: {key} is missing")) };
        if let Some(error) = errors.first() {
            return Some(format!("{lang}: {key}: {error}"));
        }
        let unused = markers.iter().find(|marker| !text.contains(*marker))?;
        Some(format!("{lang}: {key} does not use {unused}"))
    }

    pub(super) fn try_format(&self, key: &str, args: &[(&str, &str)]) -> Option<(String, Vec<FluentError>)> {
        let pattern = self.bundle.get_message(key)?.value()?;
        let args: FluentArgs = args.iter().copied().collect();
        let mut errors = vec![];
        let text = self.bundle.format_pattern(pattern, Some(&args), &mut errors).into_owned();
        Some((text, errors))
    }

    /// What the simulated authentication comes to.
    pub(super) fn outcome(&self, failure: ScaFailure) -> String {
        match failure {
            ScaFailure::Cancelled => self.outcome_cancelled(),
            ScaFailure::TimedOut => self.outcome_timed_out(),
            ScaFailure::BlockedAfterFailures => self.outcome_blocked_after_failures(),
            ScaFailure::DailyQuotaExceeded => self.outcome_daily_quota_exceeded(),
            ScaFailure::NoMethod => self.outcome_no_method(),
            ScaFailure::OtpSuspended => self.outcome_otp_suspended(),
            ScaFailure::WrongDevice => self.outcome_wrong_device(),
            ScaFailure::WaitingForValidation => self.outcome_waiting_for_validation(),
            ScaFailure::PendingEnrollment => self.outcome_pending_enrollment(),
            ScaFailure::SuspendedEnrollment => self.outcome_suspended_enrollment(),
            ScaFailure::Disabled => self.outcome_disabled(),
            ScaFailure::Terminated => self.outcome_terminated(),
            ScaFailure::Suspended => self.outcome_suspended(),
            ScaFailure::Technical => self.outcome_technical(),
        }
    }

    /// Why nothing was approved, in plain words. What concerns the factors is said in one way, or it would tell which was wrong
    /// (RTS art. 4(3)(a)).
    pub(super) fn failure(&self, failure: ScaFailure, brand: &str, tpp: &str) -> String {
        match failure {
            ScaFailure::Cancelled => self.return_cancelled(),
            ScaFailure::TimedOut => self.failure_timed_out(tpp),
            ScaFailure::BlockedAfterFailures | ScaFailure::OtpSuspended | ScaFailure::WrongDevice | ScaFailure::Suspended => {
                self.failure_not_confirmed(brand)
            }
            ScaFailure::DailyQuotaExceeded => self.failure_daily_quota(),
            ScaFailure::NoMethod => self.failure_no_method(brand),
            ScaFailure::WaitingForValidation => self.failure_waiting_for_validation(brand),
            ScaFailure::PendingEnrollment => self.failure_pending_enrollment(brand),
            ScaFailure::SuspendedEnrollment => self.failure_suspended_enrollment(brand),
            ScaFailure::Disabled => self.failure_disabled(brand),
            ScaFailure::Terminated => self.failure_terminated(brand),
            ScaFailure::Technical => self.failure_technical(tpp),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_message_with_its_arguments() {
        assert_eq!(check(), Ok(()));
        assert!(MESSAGES.len() > 100, "{}", MESSAGES.len());
    }

    #[test]
    fn a_faulty_catalogue_is_told_apart() {
        let good = source(Lang::Fr);
        for (from, to, fault) in [
            ("sign_in_title = Se connecter\n", "", "fr: sign_in_title is missing"),
            ("no such text", "", ""),
            ("Continuer vers { $tpp }", "Continuer", "fr: return_link does not use <tpp>"),
            ("Continuer vers { $tpp }", "Continuer vers { $tpp } { $app }", "fr: return_link: "),
            ("## Dates\n", "## Dates\nspare = x\n", "fr: spare is asked for by nobody"),
            ("## Dates\n", "## Dates\nmonth_3 = mars\n", "fr: "),
            ("month_1 = janvier", "month_1 = { janvier", "fr: "),
        ] {
            let faults = Texts::read(Lang::Fr, &good.replace(from, to)).all_faults();
            assert_eq!(faults.is_empty(), fault.is_empty(), "{from} -> {to}: {faults:?}");
            assert!(fault.is_empty() || faults.iter().any(|f| f.starts_with(fault)), "{from} -> {to}: {faults:?}");
        }
    }

    #[test]
    fn typography_is_each_languages_own() {
        for lang in Lang::ALL {
            let lines = source(lang).lines().chain(certificates_source(lang).lines());
            for line in lines.filter(|l| !l.starts_with('#')) {
                assert!(!line.contains(['\'', '"', '<', '&']), "{line}");
                assert!(!line.contains("  ") && line.trim_end() == line, "{line}");
                let spaced = [" ?", " !", " ;", " :", "« ", " »"].iter().any(|s| line.contains(s));
                assert!(!spaced, "a plain space before a mark: {line}");
                let text = line.split_once(" = ").map_or("", |l| l.1);
                for (i, mark) in text.char_indices().filter(|(_, c)| lang == Lang::Fr && "?!;:".contains(*c)) {
                    assert!(text[..i].ends_with(['\u{202f}', '\u{a0}']), "no narrow space before {mark}: {line}");
                }
            }
        }
    }
}
