//! What a brand serves at its tpp and psu counters: the router registers this list, the OpenAPI document describes it.

use crate::{
    oauth::{
        brand::{Brand, PsuAuthentication},
        channel::Channel,
        fault::Asker,
    },
    tls::peer::Counter,
};
use http::Method;

/// One method on one path.
#[derive(Clone, Copy, Debug)]
pub enum Endpoint<'b> {
    Register,
    ReadClient,
    UpdateClient,
    DeleteClient,
    Token(&'b Channel),
    Revoke,
    /// RFC 9126.
    Push,
    Authorize(&'b Channel),
    Journey,
    JourneyStep,
    JourneyReturn,
    JourneyStatus,
    Metadata,
    Jwks,
    Document,
    Developers,
    Customers,
    PermissionsOpen,
    Permissions,
    Permission,
    PermissionEnd,
    CertificateForm,
    CertificateCheck,
    PresentedCertificate,
    /// RFC 6750, for those that try.
    SandboxResource,
}

/// All of a brand, in the order in which a TPP meets them.
pub fn endpoints(brand: &Brand) -> Vec<Endpoint<'_>> {
    use Endpoint::{
        Authorize, CertificateCheck, CertificateForm, Customers, DeleteClient, Developers, Document, Journey, JourneyReturn, JourneyStatus,
        JourneyStep, Jwks, Metadata, Permission, PermissionEnd, Permissions, PermissionsOpen, PresentedCertificate, Push, ReadClient,
        Register, Revoke, SandboxResource, Token, UpdateClient,
    };
    let mut all = vec![Metadata, Jwks, Document, Developers, CertificateForm, CertificateCheck, PresentedCertificate];
    all.extend([Register, ReadClient, DeleteClient, Revoke, Journey, JourneyStep, JourneyReturn, JourneyStatus]);
    all.extend([PermissionsOpen, Permissions, Permission, PermissionEnd]);
    all.extend(brand.profiles.offer_fapi2().then_some(Push));
    all.extend((brand.sandbox && brand.profiles.offer_fapi2()).then_some(SandboxResource));
    all.extend(brand.registration.update.then_some(UpdateClient));
    all.extend((brand.psu_authentication == PsuAuthentication::Simulator).then_some(Customers));
    all.extend(brand.channels.iter().flat_map(|channel| [Authorize(channel), Token(channel)]));
    all
}

impl Endpoint<'_> {
    pub const fn counter(&self) -> Counter {
        match self {
            Self::Register
            | Self::ReadClient
            | Self::UpdateClient
            | Self::DeleteClient
            | Self::Token(_)
            | Self::Revoke
            | Self::Push
            | Self::PresentedCertificate
            | Self::SandboxResource => Counter::Tpp,
            Self::Authorize(_)
            | Self::Journey
            | Self::JourneyStep
            | Self::JourneyReturn
            | Self::JourneyStatus
            | Self::Metadata
            | Self::Jwks
            | Self::Document
            | Self::Developers
            | Self::Customers
            | Self::PermissionsOpen
            | Self::Permissions
            | Self::Permission
            | Self::PermissionEnd
            | Self::CertificateForm
            | Self::CertificateCheck => Counter::Psu,
        }
    }

    /// The word in log and metrics, the same at every brand.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::ReadClient => "read_client",
            Self::UpdateClient => "update_client",
            Self::DeleteClient => "delete_client",
            Self::Token(_) => "token",
            Self::Revoke => "revoke",
            Self::Push => "push",
            Self::Authorize(_) => "authorize",
            Self::Journey => "journey",
            Self::JourneyStep => "journey_step",
            Self::JourneyReturn => "journey_return",
            Self::JourneyStatus => "journey_status",
            Self::Metadata => "metadata",
            Self::Jwks => "jwks",
            Self::Document => "document",
            Self::Developers => "developers",
            Self::Customers => "customers",
            Self::PermissionsOpen => "permissions_open",
            Self::Permissions => "permissions",
            Self::Permission => "permission",
            Self::PermissionEnd => "permission_end",
            Self::CertificateForm => "certificate_form",
            Self::CertificateCheck => "certificate_check",
            Self::PresentedCertificate => "presented_certificate",
            Self::SandboxResource => "sandbox_resource",
        }
    }

    /// Who sends such a request. An authorization request is the TPP's, whoever carries it.
    pub const fn asker(&self) -> Asker {
        match (self, self.counter()) {
            (Self::Authorize(_), _) | (_, Counter::Tpp) => Asker::Tpp,
            (_, Counter::Psu) => Asker::Psu,
            (_, Counter::Internal | Counter::Ops) => Asker::Aspsp,
        }
    }

    pub const fn channel(&self) -> Option<&Channel> {
        match self {
            Self::Token(channel) | Self::Authorize(channel) => Some(channel),
            Self::Register
            | Self::ReadClient
            | Self::UpdateClient
            | Self::DeleteClient
            | Self::Revoke
            | Self::Push
            | Self::Journey
            | Self::JourneyStep
            | Self::JourneyReturn
            | Self::JourneyStatus
            | Self::Metadata
            | Self::Jwks
            | Self::Document
            | Self::Developers
            | Self::Customers
            | Self::PermissionsOpen
            | Self::Permissions
            | Self::Permission
            | Self::PermissionEnd
            | Self::CertificateForm
            | Self::CertificateCheck
            | Self::PresentedCertificate
            | Self::SandboxResource => None,
        }
    }

    pub const fn method(&self) -> Method {
        match self {
            Self::Register
            | Self::Token(_)
            | Self::Revoke
            | Self::Push
            | Self::JourneyStep
            | Self::PermissionEnd
            | Self::CertificateCheck => Method::POST,
            Self::UpdateClient => Method::PUT,
            Self::DeleteClient => Method::DELETE,
            Self::ReadClient
            | Self::Authorize(_)
            | Self::Journey
            | Self::JourneyReturn
            | Self::JourneyStatus
            | Self::Metadata
            | Self::Jwks
            | Self::Document
            | Self::Developers
            | Self::Customers
            | Self::PermissionsOpen
            | Self::Permissions
            | Self::Permission
            | Self::CertificateForm
            | Self::PresentedCertificate
            | Self::SandboxResource => Method::GET,
        }
    }

    /// The pattern; variable segments stand in braces.
    pub fn path(&self, brand: &Brand) -> String {
        let own = |path: &str| format!("/{}/{path}", brand.id);
        match self {
            Self::Push => own("par"),
            Self::Register => brand.registration.path.clone(),
            Self::ReadClient | Self::UpdateClient | Self::DeleteClient => format!("{}/{{client_id}}", brand.registration.path),
            Self::Token(channel) => channel.token_path.clone(),
            Self::Revoke => brand.revocation_path.clone(),
            Self::Authorize(channel) => channel.authorize_path.clone(),
            Self::Journey | Self::JourneyStep => own("journeys/{id}"),
            Self::JourneyReturn => own("journeys/{id}/return"),
            Self::JourneyStatus => own("journeys/{id}/status"),
            Self::Metadata => brand.metadata_path(),
            Self::Jwks => own("jwks"),
            Self::Document => own("openapi.json"),
            Self::Developers => own("developers"),
            Self::Customers => own("customers"),
            Self::PermissionsOpen => own("permissions/open/{link}"),
            Self::Permissions => own("permissions"),
            Self::Permission | Self::PermissionEnd => own("permissions/{id}"),
            Self::CertificateForm | Self::CertificateCheck => own("{lang}/certificate"),
            Self::PresentedCertificate => own("certificate"),
            Self::SandboxResource => own("sandbox/resource/{scope}"),
        }
    }
}
