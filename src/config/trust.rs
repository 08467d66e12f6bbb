//! `[trust]` and `[trust.register]`, of the installation and of a brand: whose certificates are believed, and how strictly.

use super::{
    context::Context,
    names,
    reader::{self, Reader},
    revocation::{self, RevocationSettings},
};
use crate::{
    pki::staleness::StalePolicy,
    standing::{Country, RegisterPolicy, RegisterUse},
};
use std::{collections::BTreeSet, path::PathBuf};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustSettings {
    /// The EU trusted lists as `guichet trust` accepted them.
    pub trusted_lists: bool,
    /// PEM bundle of the authorities that may issue QWACs.
    pub anchors_file: Option<PathBuf>,
    /// PEM or DER.
    pub crl_files: Vec<PathBuf>,
    /// ISO 3166-1 alpha-2, sorted, none twice: whose national authorities may have licensed a TPP.
    pub nca_countries: Vec<String>,
    /// Accept a QWAC whose extended key usage is server authentication alone.
    pub accept_server_auth_only: bool,
    pub revocation: RevocationSettings,
    /// What a trusted list past its NextUpdate is still good for.
    pub stale: StalePolicy,
    /// How the national register is used.
    pub register: RegisterPolicy,
}

pub(super) fn read(table: &mut Reader<'_>, stale: StalePolicy, context: &Context) -> TrustSettings {
    let countries: BTreeSet<_> = table.list("nca_countries", names::country).into_iter().collect();
    if countries.is_empty() {
        table.note("nca_countries", "`trust.nca_countries` needs at least one country");
    }
    let read = TrustSettings {
        trusted_lists: table.flag("trusted_lists"),
        anchors_file: context.optional_file(table, "anchors_file"),
        crl_files: context.files(table, "crl_files"),
        nca_countries: countries.into_iter().collect(),
        accept_server_auth_only: table.flag("accept_server_auth_only"),
        revocation: revocation::read(&mut table.table("revocation")),
        stale,
        register: register(&mut table.table("register"), &RegisterPolicy::default()),
    };
    if read.trusted_lists && read.anchors_file.is_some() {
        table.note("anchors_file", "`trust.anchors_file` and `trust.trusted_lists = true` exclude each other");
    }
    table.finish();
    read
}

/// A brand's own trust. Whom it trusts is never inherited and never added to; how strictly, is where it says nothing.
pub(super) fn of_brand(table: &mut Reader<'_>, sandbox: bool, general: &TrustSettings, context: &Context) -> TrustSettings {
    let anchors_file = context.optional_file(table, "anchors_file");
    let crl_files = if table.has("crl_files") { context.files(table, "crl_files") } else { Vec::new() };
    let trusted_lists = table.may("trusted_lists", reader::flag);
    let own = anchors_file.is_some() || trusted_lists.is_some() || !crl_files.is_empty();
    let countries: BTreeSet<_> = match table.has("nca_countries") {
        true => table.list("nca_countries", names::country).into_iter().collect(),
        false => general.nca_countries.iter().cloned().collect(),
    };
    if anchors_file.is_some() && !sandbox {
        table.note("anchors_file", "`brand.trust.anchors_file` is for sandboxes: a production brand trusts whom `[trust]` names");
    }
    if own && anchors_file.is_none() && trusted_lists != Some(true) {
        table.note(
            "anchors_file",
            "`brand.trust` names nobody to trust: `anchors_file`, `trusted_lists = true`, or neither of them and no `crl_files`",
        );
    }
    let read = TrustSettings {
        trusted_lists: if own { trusted_lists.unwrap_or(false) } else { general.trusted_lists },
        anchors_file: if own { anchors_file } else { general.anchors_file.clone() },
        crl_files: if own { crl_files } else { general.crl_files.clone() },
        nca_countries: countries.into_iter().collect(),
        accept_server_auth_only: table.may("accept_server_auth_only", reader::flag).unwrap_or(general.accept_server_auth_only),
        revocation: revocation::read_brand(table.optional_table("revocation"), sandbox, &general.revocation),
        stale: general.stale,
        register: match table.optional_table("register") {
            Some(mut own) => register(&mut own, &general.register),
            None => general.register.clone(),
        },
    };
    table.finish();
    read
}

/// What is not said is as in `general`.
fn register(table: &mut Reader<'_>, general: &RegisterPolicy) -> RegisterPolicy {
    let uses = [RegisterUse::Off, RegisterUse::Warn, RegisterUse::Refuse].map(|register| (register.name(), register));
    let mut days = |key, general: i64| table.optional_number(key, 1..=3_650).and_then(|days| i64::try_from(days).ok()).unwrap_or(general);
    let read = RegisterPolicy {
        warn_after: days("warn_after_days", general.warn_after),
        refuse_registrations_after: days("refuse_registrations_after_days", general.refuse_registrations_after),
        refuse_after: days("refuse_after_days", general.refuse_after),
        register: table.optional_choice("policy", &uses).unwrap_or(general.register),
        country: table.may("country", names::country).and_then(|code| Country::parse(&code)).or(general.country),
    };
    if read.warn_after > read.refuse_registrations_after || read.refuse_registrations_after > read.refuse_after {
        table.note(
            "refuse_after_days",
            "`register`: an old register warns first, then refuses registrations, then everything: the days must rise",
        );
    }
    table.finish();
    read
}
