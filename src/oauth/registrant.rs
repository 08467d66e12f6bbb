//! Whose client is registered: that of a QWAC's holder, who asks for it himself, or of somebody whom the bank names.

use super::{
    brand::Brand,
    client_metadata::AuthMethod,
    scope::Scope,
    tpp::{OrganisationId, Tpp},
};

#[derive(Clone, Copy, Debug)]
pub enum Registrant<'a> {
    /// RFC 7591: the certificate says who.
    Tpp(&'a Tpp),
    /// The bank's own people say who (RFC 8705 s2.2).
    Named { organisation: &'a OrganisationId, legal_name: &'a str },
}

/// What is wrong with what the bank's people ask for: no TPP meets it.
pub mod reasons {
    use super::super::scope::Scope;

    pub const KNOWN_BY_KEYS: &str = "the client is known by its keys alone";
    pub const KEYS_MISSING: &str = "missing: self_signed_tls_client_auth needs jwks or jwks_uri";
    pub const OTHER_ORGANISATION: &str = "is not the organisation of the client";
    pub const NOT_TAKEN: &str = "no client without a QWAC is taken here";

    pub fn too_much(may_have: &Scope) -> String {
        format!("without a QWAC no more than {may_have} (`security.self_signed_scopes`)")
    }
}

impl<'a> Registrant<'a> {
    pub const fn organisation(&self) -> &'a OrganisationId {
        match self {
            Self::Tpp(tpp) => &tpp.organisation,
            Self::Named { organisation, .. } => organisation,
        }
    }

    pub fn legal_name(&self) -> &'a str {
        match self {
            Self::Tpp(tpp) => &tpp.legal_name,
            Self::Named { legal_name, .. } => legal_name,
        }
    }

    /// RFC 4514; empty: nothing of a certificate but its key counts.
    pub fn subject_dn(&self) -> &'a str {
        match self {
            Self::Tpp(tpp) => &tpp.subject_dn,
            Self::Named { .. } => "",
        }
    }

    /// How its clients may say who they are.
    pub fn methods(&self, brand: &Brand) -> Vec<AuthMethod> {
        let has_qwac = match self {
            Self::Tpp(_) => true,
            Self::Named { .. } => false,
        };
        let fits = |method: &AuthMethod| method.is_offered_by(brand) && method.needs_qwac() == has_qwac;
        AuthMethod::ALL.into_iter().filter(fits).collect()
    }

    /// What of the brand's scopes it may have at all.
    pub fn may_have(&self, brand: &Brand) -> Scope {
        match self {
            Self::Tpp(tpp) => brand.offered_scopes().allowed_to(tpp),
            Self::Named { .. } => brand.self_signed_scopes.clone(),
        }
    }
}
