//! `guichet cert inspect`: what is thought of a certificate, and why.

use super::{Failure, load, operator, runtime, settings};
use crate::{
    clock::{Clock, System},
    config::TrustSettings,
    dev, pki,
};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

#[derive(Args)]
pub struct Inspect {
    /// PEM (leaf first), DER, or base64 of it
    file: PathBuf,
    /// PEM bundle of issuing authorities; without it, those of `guichet dev`
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    anchors: Option<PathBuf>,
    /// Judge with the trust of this configuration; accepted trusted lists are read from its database
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Judge as this brand does
    #[arg(long, value_name = "ID", requires = "config")]
    brand: Option<String>,
    /// The same as JSON
    #[arg(long)]
    json: bool,
}

pub fn inspect(asked: &Inspect) -> Result<ExitCode, Failure> {
    let bytes = fs::read(&asked.file).map_err(|error| Failure(3, format!("{}: {error}", asked.file.display())))?;
    let trust = match &asked.config {
        Some(config) => configured(config, asked.brand.as_deref())?,
        None => trust(&dev::run::trust(asked.anchors.clone()), None)?,
    };
    let verdict = match pki::read_chain(&bytes) {
        Ok(chain) => pki::judge(&chain, &trust, System::new().now()),
        Err(reason) => pki::Verdict::refused(reason),
    };
    if asked.json {
        say!("{}", serde_json::to_string_pretty(&pki::Report::of(&verdict, pki::Asked::CertificateOnly)).map_err(Failure::unexpected)?);
    } else {
        say!("{}", pki::describe(&verdict).trim_end());
    }
    Ok(if verdict.reasons.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(6) })
}

fn configured(config: &Path, brand: Option<&str>) -> Result<pki::Trust, Failure> {
    let settings = settings(config)?;
    let own = match brand {
        Some(id) => settings.trust_of(&operator::choose_brand(id, &settings)?),
        None => &settings.trust,
    };
    let snapshot = if own.trusted_lists {
        runtime()?.block_on(async { Ok::<_, Failure>(operator::connect(&settings).await?.accepted_snapshot().await?) })?
    } else {
        None
    };
    trust(own, snapshot.as_ref())
}

fn trust(settings: &TrustSettings, snapshot: Option<&pki::trusted_list::Snapshot>) -> Result<pki::Trust, Failure> {
    load::trust(settings, snapshot).map_err(|error| Failure(3, error.to_string()))
}
