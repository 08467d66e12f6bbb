use super::roles::Roles;
use crate::oauth::{
    client::ClientId,
    tpp::{OrganisationId, Tpp},
};

/// Who is judged.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    pub organisation: &'a OrganisationId,
    /// `None` where only the certificate is known.
    pub client: Option<ClientId>,
    /// `None` where there is none: at the customer's side, and at introspection without one.
    pub certificate: Option<CertificateRef<'a>>,
    /// What the certificate says, or what is needed.
    pub roles: Roles,
}

/// A certificate, as far as a block can name it.
#[derive(Clone, Copy, Debug)]
pub struct CertificateRef<'a> {
    pub sha256: &'a [u8; 32],
    pub issuer_name: Option<&'a str>,
    pub issuer_key: Option<&'a [u8; 32]>,
}

impl<'a> Subject<'a> {
    /// The holder of an accepted certificate, with all its roles.
    pub fn holder(tpp: &'a Tpp) -> Self {
        Self {
            organisation: &tpp.organisation,
            client: None,
            certificate: Some(CertificateRef {
                sha256: &tpp.thumbprint,
                issuer_name: Some(&tpp.issuer.name),
                issuer_key: Some(&tpp.issuer.key),
            }),
            roles: tpp.roles.iter().copied().collect(),
        }
    }
}
