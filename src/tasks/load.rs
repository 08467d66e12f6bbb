//! Today's trust of every brand, from the files that the settings name and the trusted lists that the database holds.

use crate::{
    config::{Settings, TrustSettings},
    oauth::brand::BrandId,
    pki::{Anchors, Trust, TrustPolicy, trusted_list::Snapshot},
    trust::{Today, Trusts},
};
use rustls::pki_types::{CertificateRevocationListDer, pem::PemObject};
use std::{fmt, fs, io, path::Path, sync::Arc};

/// Which file cannot be used, and why.
#[derive(Debug)]
pub struct LoadError(String);

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

/// Brands whose settings are equal share one trust. `snapshot` is none where nothing was ever accepted.
pub fn trusts(settings: &Settings, snapshot: Option<&Snapshot>) -> Result<Trusts, LoadError> {
    let mut made: Vec<(&TrustSettings, Arc<Today>)> = Vec::new();
    let mut trusts = Trusts::new();
    for brand in &settings.brands {
        let own = settings.trust_of(&brand.id);
        let today = match made.iter().find(|(other, _)| *other == own) {
            Some((_, today)) => today.clone(),
            None => {
                let today = Arc::new(Today::new(trust(own, snapshot)?));
                made.push((own, today.clone()));
                today
            }
        };
        if let Some(until) = today.crls_until() {
            metrics::gauge!("guichet_crl_next_update_seconds", "brand" => brand.id.shared()).set(until.unix_timestamp() as f64);
        }
        trusts.insert(BrandId::clone(&brand.id), today);
    }
    Ok(trusts)
}

/// For whoever is paged before a list is too old.
pub fn note_ages(snapshot: Option<&Snapshot>) {
    for list in snapshot.iter().flat_map(|snapshot| &snapshot.lists) {
        let next_update = list.next_update.map_or(0, |at| at.unix_timestamp());
        metrics::gauge!("guichet_trusted_list_next_update_seconds", "territory" => list.territory.clone()).set(next_update as f64);
    }
}

/// The trust of one brand.
pub fn trust(settings: &TrustSettings, snapshot: Option<&Snapshot>) -> Result<Trust, LoadError> {
    let file = |path: &Path, why: &dyn fmt::Display| LoadError(format!("{}: {why}", path.display()));
    let read = |path: &Path| fs::read(path).map_err(|error: io::Error| file(path, &error));
    let listed = snapshot.filter(|_| settings.trusted_lists);
    let mut anchors = listed.map_or_else(Anchors::none, Anchors::from_snapshot);
    if let Some(path) = &settings.anchors_file {
        anchors = anchors.with_pem(&read(path)?).map_err(|error| file(path, &error))?;
    }
    let policy = TrustPolicy {
        nca_countries: settings.nca_countries.iter().cloned().collect(),
        accept_server_auth_only: settings.accept_server_auth_only,
        stale: settings.stale,
        ..TrustPolicy::default()
    };
    let mut lists = vec![];
    for path in &settings.crl_files {
        let bytes = read(path)?;
        let pem: Vec<Vec<u8>> = CertificateRevocationListDer::pem_slice_iter(&bytes).filter_map(Result::ok).map(|l| l.to_vec()).collect();
        lists.extend(if pem.is_empty() { vec![bytes] } else { pem });
    }
    let mut trust = Trust::new(anchors, policy);
    trust.next_updates = listed.iter().flat_map(|snapshot| &snapshot.lists).map(|list| list.next_update).collect();
    trust.with_crls(&lists).map_err(|_| LoadError("crl_files: one of them is no revocation list".into()))
}
