//! By what of its certificate a client said it is known (RFC 8705 s2.1.2), where it did: beside its organisation, which counts for all.

use super::{
    client_metadata::ClientMetadata,
    distinguished_name::DistinguishedName,
    tpp::{AlternativeNames, Tpp},
};
use core::net::IpAddr;

/// A client has at most one of these.
pub const FIELDS: [&str; 5] = [
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Name(DistinguishedName),
    Dns(String),
    Uri(String),
    Ip(IpAddr),
    Email(String),
}

impl Subject {
    /// `None`: not a value of this field.
    pub fn read(field: &str, value: &str) -> Option<Self> {
        match field {
            "tls_client_auth_subject_dn" => DistinguishedName::parse(value).map(Self::Name),
            "tls_client_auth_san_dns" => Some(Self::Dns(value.to_owned())),
            "tls_client_auth_san_uri" => Some(Self::Uri(value.to_owned())),
            "tls_client_auth_san_ip" => value.parse().ok().map(Self::Ip),
            "tls_client_auth_san_email" => Some(Self::Email(value.to_owned())),
            _ => None,
        }
    }

    /// Names by RFC 4517, the others as RFC 5280 s7 compares them; an address by its octets.
    pub fn is_of(&self, tpp: &Tpp) -> bool {
        let AlternativeNames { dns, uris, addresses, emails } = &tpp.alternative_names;
        match self {
            Self::Name(name) => DistinguishedName::parse(&tpp.subject_dn).as_ref() == Some(name),
            Self::Dns(host) => dns.iter().any(|one| one.eq_ignore_ascii_case(host)),
            Self::Uri(uri) => uris.contains(uri),
            Self::Ip(address) => addresses.contains(address),
            Self::Email(mailbox) => emails.iter().any(|one| is_same_mailbox(one, mailbox)),
        }
    }
}

/// RFC 5280 s7.5: the host without regard to case, what stands before it exactly.
fn is_same_mailbox(one: &str, other: &str) -> bool {
    match (one.rsplit_once('@'), other.rsplit_once('@')) {
        (Some((user, host)), Some((other_user, other_host))) => user == other_user && host.eq_ignore_ascii_case(other_host),
        (Some(_) | None, _) => false,
    }
}

/// Whether the certificate says what its client registered, if it must.
pub fn fits(metadata: &ClientMetadata, tpp: &Tpp) -> bool {
    !metadata.certificate_subject_must_match
        || metadata.certificate_subject().and_then(|(field, value)| Subject::read(field, value)).is_some_and(|subject| subject.is_of(tpp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::tpp::{CertificateIssuer, OrganisationId};

    fn tpp() -> Tpp {
        Tpp {
            organisation: OrganisationId::new("PSDFR-ACPR-1"),
            legal_name: "Tipp SAS".into(),
            roles: vec![],
            nca_id: "FR-ACPR".into(),
            subject_dn: "CN=tpp.example,O=Tipp SAS,C=FR".into(),
            alternative_names: AlternativeNames {
                dns: vec!["tpp.example".into(), "*.tpp.example".into()],
                uris: vec!["https://tpp.example/A".into()],
                addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
                emails: vec!["Ops@tpp.example".into()],
            },
            thumbprint: [0; 32],
            issuer: CertificateIssuer { name: "CN=QTSP".into(), key: [0; 32] },
        }
    }

    #[test]
    fn b36_b37_a_subject_is_the_certificates_or_not() {
        let [dn, dns, uri, ip, email] = FIELDS;
        for (field, value, expected) in [
            (dn, "cn=TPP.example, o=tipp  sas, c=fr", Some(true)),
            (dn, "CN=other.example,O=Tipp SAS,C=FR", Some(false)),
            (dn, "tpp.example", None),
            (dns, "TPP.example", Some(true)),
            (dns, "*.tpp.example", Some(true)),
            // a wildcard is a name here, not a pattern
            (dns, "www.tpp.example", Some(false)),
            (dns, "example", Some(false)),
            (uri, "https://tpp.example/A", Some(true)),
            (uri, "https://tpp.example/a", Some(false)),
            (ip, "192.0.2.1", Some(true)),
            (ip, "2001:0DB8:0:0::1", Some(true)),
            (ip, "192.0.2.2", Some(false)),
            (ip, "::ffff:192.0.2.1", Some(false)),
            (ip, "192.0.2.1/32", None),
            (email, "Ops@TPP.EXAMPLE", Some(true)),
            (email, "ops@tpp.example", Some(false)),
            (email, "tpp.example", Some(false)),
            ("client_name", "tpp.example", None),
        ] {
            assert_eq!(Subject::read(field, value).map(|subject| subject.is_of(&tpp())), expected, "{field} {value}");
        }
    }
}
