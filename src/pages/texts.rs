//! The texts: Fluent messages compiled in. Each message is a method, so a text that is asked for wrongly does not compile,
//! one that nobody asks for is dead code, and [`check`] finds the ones a language lacks.

use super::certificate_texts;
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

/// `name(argument, ..);` gives a method of that name, and a row of `MESSAGES`.
macro_rules! messages {
    ($($name:ident($($arg:ident),*);)*) => {
        const MESSAGES: &[(&str, &[&str])] = &[$((stringify!($name), &[$(stringify!($arg)),*])),*];
        impl Texts {
            $(pub(super) fn $name(&self $(, $arg: &str)*) -> String {
                self.try_format(stringify!($name), &[$((stringify!($arg), $arg)),*]).map_or_else(|| stringify!($name).to_owned(), |f| f.0)
            })*
        }
    };
}

messages! {
    // Shared
    sandbox_banner();
    cancel(tpp);
    error_prefix();
    error_heading();
    tpp_heading();
    tpp_legal_name();
    tpp_authorisation_number();
    support_reference();
    technical_detail();
    new_tab();
    language_name();
    // Signing in
    sign_in_title();
    sign_in_lead_aisp(brand, tpp);
    sign_in_lead_extended(brand, tpp);
    sign_in_lead_cbpii(brand, tpp);
    sign_in_lead_pisp(brand, tpp);
    sign_in_customer();
    sign_in_password();
    sign_in_button();
    sign_in_wrong();
    sign_in_missing();
    sign_in_sandbox_note();
    sign_in_customers_link();
    // Consent
    consent_aisp_title(tpp);
    consent_aisp_title_explicit(tpp);
    consent_aisp_lead(brand, tpp);
    consent_aisp_lead_explicit(brand, tpp);
    data_accounts();
    data_balances();
    data_transactions();
    data_history();
    consent_aisp_limits(tpp);
    consent_cbpii_title(tpp);
    consent_cbpii_lead(brand, tpp);
    consent_cbpii_answer(brand);
    consent_cbpii_limits();
    consent_pisp_title(tpp);
    consent_pisp_lead(tpp);
    consent_pisp_details(tpp);
    consent_pisp_limits(tpp);
    consent_payment_title();
    consent_batch_title();
    consent_standing_order_title();
    consent_cancellation_title();
    consent_payment_lead(tpp);
    consent_cancellation_lead(tpp);
    consent_cancellation_effect();
    payment_heading();
    payment_cancelled_heading();
    payment_amount();
    payment_total();
    payment_count();
    payment_payee();
    payment_payee_account();
    payment_date();
    payment_at_once();
    payment_frequency();
    payment_from();
    payment_from_several();
    frequency_daily();
    frequency_weekly();
    frequency_two_weeks();
    frequency_monthly();
    frequency_two_months();
    frequency_quarterly();
    frequency_half_yearly();
    frequency_yearly();
    accounts_heading();
    consent_until(date);
    consent_until_withdrawn();
    consent_withdraw(brand, tpp);
    continue_button();
    allow_button();
    approve_payment_button();
    approve_cancellation_button();
    keep_payment(tpp);
    simulate_heading();
    simulate_label();
    simulate_hint(tpp);
    // What the simulated authentication can come to
    outcome_approved();
    outcome_cancelled();
    outcome_timed_out();
    outcome_blocked_after_failures();
    outcome_daily_quota_exceeded();
    outcome_no_method();
    outcome_otp_suspended();
    outcome_wrong_device();
    outcome_waiting_for_validation();
    outcome_pending_enrollment();
    outcome_suspended_enrollment();
    outcome_disabled();
    outcome_terminated();
    outcome_suspended();
    outcome_technical();
    // The bank's app
    open_app_title(brand);
    open_app_lead(brand);
    open_app_button();
    open_app_here();
    open_app_decoupled(brand);
    open_app_only(brand);
    // Choosing accounts
    accounts_title_some(tpp);
    accounts_title_one(tpp);
    accounts_title_cbpii(tpp);
    accounts_title_pisp();
    accounts_choose_some();
    accounts_choose_one();
    accounts_missing();
    account_currency(currency);
    // Authenticating
    methods_title();
    methods_lead(brand);
    methods_app();
    methods_otp();
    challenge_hint(hint);
    challenge_compare();
    waiting_title();
    waiting_lead(brand);
    waiting_status();
    waiting_still();
    waiting_moved();
    waiting_offline();
    waiting_check_now();
    otp_title();
    otp_lead();
    otp_label();
    otp_button();
    otp_wrong();
    otp_secret(brand);
    other_method_button();
    // Amounts
    number_group(high, low);
    number_decimal(whole, fraction);
    number_grouped_from();
    amount_euro(number);
    amount_other(number, currency);
    // Dates
    date(day, month, year);
    first_day();
    month_1();
    month_2();
    month_3();
    month_4();
    month_5();
    month_6();
    month_7();
    month_8();
    month_9();
    month_10();
    month_11();
    month_12();
    // Pages without a way back
    notice_unknown_client_title();
    notice_unknown_client_text();
    notice_unknown_client_advice();
    notice_wrong_redirect_uri_title();
    notice_wrong_redirect_uri_text();
    notice_wrong_redirect_uri_advice();
    notice_malformed_request_title();
    notice_malformed_request_text();
    notice_malformed_request_advice();
    notice_expired_interaction_title();
    notice_expired_interaction_text();
    notice_expired_interaction_advice();
    notice_cookie_lost_title();
    notice_cookie_lost_text();
    notice_cookie_lost_advice();
    notice_already_answered_title();
    notice_already_answered_text();
    notice_already_answered_advice();
    notice_method_not_allowed_title();
    notice_method_not_allowed_text();
    notice_method_not_allowed_advice();
    notice_not_found_title();
    notice_not_found_text();
    notice_not_found_advice();
    notice_temporarily_unavailable_title();
    notice_temporarily_unavailable_text();
    notice_temporarily_unavailable_advice();
    notice_too_large_title();
    notice_too_large_text();
    notice_too_large_advice();
    notice_home(tpp);
    notice_home_advice(tpp);
    // Test customers
    customers_title();
    customers_lead();
    customers_password();
    customers_channel(channel);
    customers_code();
    customers_none();
    customers_account();
    customers_at_sign_in();
    customers_approves_at_once();
    customers_approves_after(seconds);
    customers_fails_after(seconds);
    customers_silent();
    customers_types(code);
    // A TPP that is not served
    not_served_title(tpp);
    not_served_text(brand, tpp);
    not_served_notice(brand);
    not_served_advice(brand);
    // Going back
    return_title(tpp);
    return_lead(tpp);
    return_link(tpp);
    return_cancelled();
    return_nothing();
    expired_title();
    failure_title();
    failure_technical_title();
    failure_timed_out(tpp);
    failure_not_confirmed(brand);
    failure_daily_quota();
    failure_no_method(brand);
    failure_waiting_for_validation(brand);
    failure_pending_enrollment(brand);
    failure_suspended_enrollment(brand);
    failure_disabled(brand);
    failure_terminated(brand);
    failure_technical(tpp);
    leave_soon(tpp);
    leave_stay();
    leave_stays(tpp);
    // Certificates, for developers
    certificate_title();
    certificate_lead(brand);
    certificate_privacy();
    certificate_paste_label();
    certificate_paste_hint();
    certificate_file_label();
    certificate_file_hint(kilobytes);
    certificate_button();
    certificate_again();
    certificate_presented_hint();
    certificate_presented_title();
    certificate_languages();
    certificate_empty();
    certificate_both();
    certificate_unreadable();
    certificate_private_key();
    certificate_accepted(brand);
    certificate_accepted_text();
    certificate_refused(brand);
    certificate_refused_text();
    certificate_judged(brand, time);
    certificate_advice();
    certificate_detail();
    certificate_facts();
    certificate_absent();
    certificate_subject();
    certificate_organisation();
    certificate_identifier();
    certificate_roles();
    certificate_authority();
    certificate_validity();
    certificate_from_to(from, to);
    certificate_issuer();
    certificate_serial();
    certificate_key();
    certificate_signature();
    certificate_key_usage();
    certificate_extended_key_usage();
    certificate_thumbprint();
    certificate_ocsp();
    certificate_crl();
    certificate_ca_issuers();
    certificate_chain();
    certificate_chain_this();
    certificate_chain_none();
    certificate_listed(provider, sequence, service, territory);
    certificate_configured(brand);
    certificate_rules();
    certificate_pass();
    certificate_fail();
    certificate_warning();
    certificate_not_reached();
    // What a customer has allowed
    permissions_title();
    permissions_lead(brand);
    permissions_active();
    permissions_active_none();
    permissions_ended();
    permissions_ended_none();
    permissions_more_active();
    permissions_more_ended();
    permissions_back();
    permissions_link_title();
    permissions_link_text();
    permissions_link_advice(brand);
    permissions_session_title();
    permissions_session_text();
    permissions_session_advice(brand);
    permission_data_accounts();
    permission_data_balances();
    permission_data_transactions();
    permission_data_history();
    permission_data_funds();
    permission_data_payment();
    permission_data_cancellation();
    permission_why_aisp(tpp);
    permission_why_cbpii(tpp);
    permission_why_pisp(tpp);
    permission_why_cancellation(tpp);
    permission_accounts();
    permission_since();
    permission_authenticated();
    permission_used();
    permission_used_never();
    permission_until();
    permission_ended_customer(date);
    permission_ended_tpp(date, tpp);
    permission_ended_bank(brand, date);
    permission_ended_use(date);
    permission_ended_replay(date);
    permission_ended_expiry(date);
    permission_note(note);
    permission_manage(tpp);
    permission_details();
    permission_end_title(tpp);
    permission_end_text(brand, tpp);
    permission_end_payment();
    permission_end_button();
    permission_keep();
    permission_over_title(tpp);
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
