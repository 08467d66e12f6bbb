//! RFC 7662: is this token good, now, for whoever presented it?

use super::{
    brand::Brand,
    client::ClientId,
    details::AuthorizationDetails,
    grant::{GrantId, PsuReference},
    payment::{PaymentId, PaymentKind},
    practice::Practice,
    scope::Scope,
    secret::{Digest, Handle, HandleKind},
    tpp::{OrganisationId, Tpp},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

/// A token with all that its life hangs on: one row, read in one statement.
#[derive(Debug)]
pub struct IntrospectedToken {
    pub digest: Digest,
    pub kind: HandleKind,
    pub brand: String,
    pub client: ClientId,
    pub organisation: OrganisationId,
    pub client_deleted: bool,
    pub scope: Scope,
    pub channel: String,
    pub issued_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub revoked: bool,
    /// SHA-256 of the certificate the token is bound to (RFC 8705 s3.1).
    pub certificate: Option<Vec<u8>>,
    pub grant: Option<TokenGrant>,
}

impl IntrospectedToken {
    /// What its use is, of its client. A refresh token opens nothing.
    pub fn practice(&self) -> Option<Practice> {
        let bound = if self.certificate.is_some() { Practice::BoundTokenUsed } else { Practice::UnboundTokenUsed };
        (self.kind == HandleKind::AccessToken).then_some(bound)
    }
}

#[derive(Debug)]
pub struct TokenGrant {
    pub id: GrantId,
    pub psu: PsuReference,
    pub sca_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub revoked: bool,
    /// Its last SCA counts no more: that is when it expired.
    pub sca_forced: bool,
    /// `None`: as the bank's rule says.
    pub accounts: Option<Vec<String>>,
    pub payment: Option<TokenPayment>,
    /// As granted (RFC 9396).
    pub details: Option<AuthorizationDetails>,
}

/// The one payment that a grant is good for.
#[derive(Debug)]
pub struct TokenPayment {
    pub request: PaymentId,
    pub kind: PaymentKind,
    /// The bank's own name of it.
    pub name: String,
}

/// What the caller knows of the certificate that came with the token.
#[derive(Debug)]
pub enum PresentedCertificate<'a> {
    /// The caller did not say: the token alone is judged.
    NotSaid,
    /// An accepted QWAC.
    Accepted(&'a Tpp),
    /// Refused, or never seen. SHA-256 over its DER, where there is one.
    Refused(Option<[u8; 32]>),
}

/// Why a token is not active. Never on the wire (RFC 7662 s2.2), always in the audit trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inactive {
    Unknown,
    OtherBrand,
    ClientDeleted,
    Revoked,
    Expired,
    GrantEnded,
    /// The bank has the customer authenticated anew.
    ScaForced,
    CertificateRefused,
    CertificateOfOtherOrganisation,
    CertificateLacksRole,
    CertificateNotBound,
    /// The bank no longer gives this to clients without a QWAC.
    NeedsQwac,
    /// While the operator's block lasts.
    Blocked,
    /// The register refuses the organisation or the role.
    NotInRegister,
}

impl Inactive {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::OtherBrand => "other_brand",
            Self::ClientDeleted => "client_deleted",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::GrantEnded => "grant_ended",
            Self::ScaForced => "sca_forced",
            Self::CertificateRefused => "certificate_refused",
            Self::CertificateOfOtherOrganisation => "certificate_of_other_organisation",
            Self::CertificateLacksRole => "certificate_lacks_role",
            Self::CertificateNotBound => "certificate_not_bound",
            Self::NeedsQwac => "needs_qwac",
            Self::Blocked => "blocked",
            Self::NotInRegister => "not_in_register",
        }
    }
}

pub fn introspect<'t>(
    token: Option<&'t IntrospectedToken>,
    presented: Option<&Handle>,
    certificate: &PresentedCertificate<'_>,
    brand: Option<&str>,
    now: OffsetDateTime,
) -> Result<&'t IntrospectedToken, Inactive> {
    let known = token.zip(presented).filter(|(token, presented)| token.digest.matches(&presented.digest));
    let (token, _) = known.ok_or(Inactive::Unknown)?;
    if brand.is_some_and(|b| b != token.brand) {
        return Err(Inactive::OtherBrand);
    }
    if token.client_deleted {
        return Err(Inactive::ClientDeleted);
    }
    if token.revoked {
        return Err(Inactive::Revoked);
    }
    if now >= token.expires_at {
        return Err(Inactive::Expired);
    }
    match &token.grant {
        Some(grant) if grant.sca_forced && !grant.revoked && now >= grant.expires_at => return Err(Inactive::ScaForced),
        Some(grant) if grant.revoked || now >= grant.expires_at => return Err(Inactive::GrantEnded),
        Some(_) | None => {}
    }
    check_certificate(token, certificate)?;
    Ok(token)
}

fn check_certificate(token: &IntrospectedToken, certificate: &PresentedCertificate<'_>) -> Result<(), Inactive> {
    let bound_to = |sha256: &[u8; 32]| token.certificate.as_ref().map(|bound| bool::from(bound.as_slice().ct_eq(sha256)));
    let tpp = match certificate {
        PresentedCertificate::NotSaid => return Ok(()),
        // RFC 8705 s2.2, s3: of a client without a QWAC the certificate that its token is bound to counts, whoever issued it
        PresentedCertificate::Refused(Some(sha256)) if token.organisation.is_local() => {
            return if bound_to(sha256) == Some(true) { Ok(()) } else { Err(Inactive::CertificateNotBound) };
        }
        PresentedCertificate::Refused(_) => return Err(Inactive::CertificateRefused),
        PresentedCertificate::Accepted(tpp) => tpp,
    };
    if tpp.organisation != token.organisation {
        return Err(Inactive::CertificateOfOtherOrganisation);
    }
    if token.scope.iter().any(|t| !tpp.has(t.role())) {
        return Err(Inactive::CertificateLacksRole);
    }
    if bound_to(&tpp.thumbprint) == Some(false) { Err(Inactive::CertificateNotBound) } else { Ok(()) }
}

/// For how many seconds an active answer may be used again without asking: at most so long, rounded down, and never past the end of
/// what it rests on. `certificate_until`: of the certificate that came with the token, where one did.
///
/// An inactive one never: a block is lifted, a certificate's time comes, and which of all reasons it was is told to nobody.
pub fn cache_seconds(token: &IntrospectedToken, certificate_until: Option<OffsetDateTime>, most: Duration, now: OffsetDateTime) -> u32 {
    // spent by one use: whoever executes the payment must have asked
    if token.grant.as_ref().is_some_and(|grant| grant.payment.is_some()) {
        return 0;
    }
    let ends = [Some(token.expires_at), token.grant.as_ref().map(|grant| grant.expires_at), certificate_until];
    let left = ends.into_iter().flatten().map(|end| end - now).fold(most, Duration::min);
    u32::try_from(left.whole_seconds()).unwrap_or(0)
}

/// Several tokens that a gateway asks about in one request. Holds tokens, so it has no `Debug`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionBatch {
    /// At most `limits.tokens_per_introspection`, 100 by default. The same one may come twice.
    #[serde(deserialize_with = "objects")]
    pub tokens: Vec<PresentedToken>,
}

/// One of them, and what is known of the TPP's certificate: `certificate`, `certificate_thumbprint` or neither. Both together, or one
/// that cannot be read, make the token inactive.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresentedToken {
    /// An access or refresh token.
    pub token: String,
    /// The TPP's certificate chain, leaf first: PEM, or the leaf as base64 DER.
    #[serde(default)]
    pub certificate: Option<String>,
    /// SHA-256 of a certificate that was seen at this server, in base64url or hexadecimal.
    #[serde(default)]
    pub certificate_thumbprint: Option<String>,
}

/// Objects and nothing else: serde would read an array as the members in their order, too.
fn objects<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let all = Vec::<Map<String, Value>>::deserialize(deserializer)?;
    all.into_iter().map(|members| T::deserialize(Value::Object(members)).map_err(D::Error::custom)).collect()
}

/// An answer to each token of a batch, in the order in which they were asked about.
#[derive(Serialize, ToSchema)]
pub struct IntrospectionResponses {
    pub tokens: Vec<IntrospectionResponse>,
}

/// RFC 7662 s2.2. An inactive token is `{"active":false}` and nothing else.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct IntrospectionResponse {
    pub active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `Bearer` for an access token; absent for a refresh token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// `access_token` or `refresh_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_use: Option<&'static str>,
    /// Seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The API that access tokens of the brand are for, where it names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// The customer's opaque reference; for client_credentials the client_id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The TPP's organizationIdentifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The PSP roles that the scope needs; where a certificate was sent, it has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<String>,
    /// The last SCA, in seconds since the epoch (RTS art. 10a counts from it).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The bank's ids of the accounts that the customer chose; absent: all that the bank's rule says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<String>>,
    /// The token is good for this lodged request and for no other: compare it before anything is executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_request: Option<String>,
    /// The bank's own name of that payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_kind: Option<PaymentKind>,
    /// RFC 9396 s9.1: as granted, where it was asked for by `authorization_details`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_details: Option<AuthorizationDetails>,
    /// RFC 8705 s3.2, when the token is bound to a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// Seconds for which this answer may be used again, counted from when it was asked for: where the brand allows that
    /// (`introspection_cache_seconds`). Absent: ask again for the next request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_seconds: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Confirmation {
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: String,
}

impl Confirmation {
    /// RFC 8705 s3.1. `sha256`: over the certificate's DER.
    pub fn of(sha256: &[u8]) -> Self {
        Self { x5t_s256: URL_SAFE_NO_PAD.encode(sha256) }
    }
}

impl IntrospectionResponse {
    pub fn inactive() -> Self {
        Self::default()
    }

    pub fn active(token: &IntrospectedToken, brand: &Brand) -> Self {
        let mut roles: Vec<_> = token.scope.iter().map(|t| t.role().name()).collect();
        roles.dedup();
        let grant = token.grant.as_ref();
        let payment = grant.and_then(|g| g.payment.as_ref());
        let access = token.kind == HandleKind::AccessToken;
        Self {
            active: true,
            scope: Some(token.scope.to_string()),
            client_id: Some(token.client.to_string()),
            token_type: access.then_some("Bearer"),
            token_use: Some(if access { "access_token" } else { "refresh_token" }),
            exp: Some(grant.map_or(token.expires_at, |g| token.expires_at.min(g.expires_at)).unix_timestamp()),
            iat: Some(token.issued_at.unix_timestamp()),
            iss: Some(brand.issuer.clone()),
            aud: brand.access_tokens.audience().filter(|_| access).map(str::to_owned),
            sub: Some(grant.map_or_else(|| token.client.to_string(), |g| g.psu.as_str().to_owned())),
            organisation: Some(token.organisation.to_string()),
            roles: Some(roles),
            brand: Some(token.brand.clone()),
            channel: Some(token.channel.clone()),
            grant_id: grant.map(|g| g.id.0.to_string()),
            auth_time: grant.map(|g| g.sca_at.unix_timestamp()),
            accounts: grant.and_then(|g| g.accounts.clone()),
            payment_request: payment.map(|p| p.request.to_string()),
            payment_id: payment.map(|p| p.name.clone()),
            payment_kind: payment.map(|p| p.kind),
            authorization_details: grant.and_then(|g| g.details.clone()),
            cnf: token.certificate.as_deref().map(Confirmation::of),
            cache_seconds: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;
    use uuid::Uuid;

    const NOW: OffsetDateTime = datetime!(2026-11-28 12:00 UTC);

    fn token(expires_at: OffsetDateTime, grant: Option<TokenGrant>) -> IntrospectedToken {
        IntrospectedToken {
            digest: Digest::of(b""),
            kind: HandleKind::AccessToken,
            brand: "cic".into(),
            client: ClientId(Uuid::nil()),
            organisation: OrganisationId::new("PSDFR-ACPR-1"),
            client_deleted: false,
            scope: Scope::default(),
            channel: "web".into(),
            issued_at: NOW,
            expires_at,
            revoked: false,
            certificate: None,
            grant,
        }
    }

    #[test]
    fn an_answer_lasts_until_the_first_end_of_what_it_rests_on() {
        let after = |millis| NOW + Duration::milliseconds(millis);
        let grant = |ends, payment| {
            Some(TokenGrant {
                id: GrantId(Uuid::nil()),
                psu: PsuReference::new("p"),
                sca_at: NOW,
                expires_at: after(ends),
                revoked: false,
                sca_forced: false,
                accounts: None,
                payment,
                details: None,
            })
        };
        let payment = TokenPayment { request: PaymentId(Uuid::nil()), kind: PaymentKind::Initiation, name: "pay-1".into() };
        for (ends, grant, certificate, seconds) in [
            (90_000, None, None, 30),
            (29_999, None, None, 29),
            (999, None, None, 0),
            (90_000, grant(20_500, None), None, 20),
            (90_000, grant(90_000, None), Some(10_500), 10),
            (5_500, grant(90_000, None), Some(90_000), 5),
            (90_000, grant(90_000, None), Some(-1), 0),
            (90_000, grant(90_000, Some(payment)), None, 0),
        ] {
            let token = token(after(ends), grant);
            assert_eq!(cache_seconds(&token, certificate.map(after), Duration::seconds(30), NOW), seconds, "{ends} {certificate:?}");
            assert_eq!(cache_seconds(&token, certificate.map(after), Duration::ZERO, NOW), 0);
        }
    }
}
