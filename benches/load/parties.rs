//! Who asks: organisations with their QWACs, and the bank's gateway. The same ones at every server.

use crate::{
    CONNECTIONS,
    harness::{bank::pki, wire::tls},
};
use guichet::{
    clock::{Clock, System},
    dev::qwac::{Issued, QwacSpec, Validity},
    oauth::tpp::PspRole,
    tls::files::load_chain_and_key,
};
use rustls::ClientConfig;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use time::Duration as Span;

/// The connections are spread over so many organisations.
const ORGANISATIONS: usize = 4;

pub struct Parties {
    pub organisations: Vec<Organisation>,
    pub gateway: Gateway,
}

pub struct Organisation {
    pub name: String,
    pub issued: Issued,
    pub tls: Arc<ClientConfig>,
    /// Its chain, for a server that has to know it.
    pub file: PathBuf,
}

/// At the server's internal counter it believes another authority than at the others' only counter.
pub struct Gateway {
    pub internal_tls: Arc<ClientConfig>,
    pub tls: Arc<ClientConfig>,
    pub file: PathBuf,
}

impl Parties {
    pub fn new(folder: &Path) -> Self {
        let pki = &pki().1;
        let identity = load_chain_and_key(&pki.file("gateway.pem"), &pki.file("gateway.key")).unwrap();
        let tls_to = |authority| Arc::new(tls(authority, Some((&identity.chain, &identity.key))));
        let gateway = Gateway { internal_tls: tls_to("bank-ca.pem"), tls: tls_to("server-ca.pem"), file: pki.file("gateway.pem") };
        Self { organisations: (0..ORGANISATIONS).map(|n| Organisation::new(folder, n)).collect(), gateway }
    }

    /// Whose connection it is.
    pub fn of(&self, connection: usize) -> &Organisation {
        &self.organisations[connection * ORGANISATIONS / CONNECTIONS]
    }
}

impl Organisation {
    fn new(folder: &Path, n: usize) -> Self {
        let (name, now) = (format!("PSDFR-ACPR-{}", 70_000 + n), System::new().now());
        let validity = Validity { not_before: now - Span::days(1), not_after: now + Span::days(90) };
        let roles = [PspRole::AccountInformation, PspRole::PaymentInitiation];
        let issued = pki().1.qtsp.issue(&QwacSpec::new(&name, "Load SAS", &roles, validity)).unwrap();
        let file = folder.join(format!("{name}.pem"));
        fs::write(&file, &issued.pem).unwrap();
        Self { tls: Arc::new(tls("server-ca.pem", Some((&issued.chain, &issued.key)))), name, issued, file }
    }
}
