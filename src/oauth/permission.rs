//! A grant as its customer sees it: in the bank's own permission dashboard, and on the page that stands ready for it.

use super::{
    client::ClientId,
    client_metadata::ClientMetadata,
    grant::{EndReason, EndedBy, GrantId},
    payment::{PaymentId, PaymentKind},
    scope::{Scope, ScopeToken},
    tpp::OrganisationId,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;

/// What ended longer ago is not told any more: two years, whatever leap day lies in them.
pub const HISTORY: Duration = Duration::days(731);

/// A grant with the TPP that holds it.
#[derive(Clone, Debug)]
pub struct Permission {
    pub grant: GrantId,
    pub client: ClientId,
    pub metadata: ClientMetadata,
    pub legal_name: String,
    pub organisation: OrganisationId,
    pub channel: String,
    pub scope: Scope,
    /// The bank's ids; `None`: as the bank's rule says.
    pub accounts: Option<Vec<String>>,
    pub payment: Option<(PaymentId, PaymentKind)>,
    pub since: OffsetDateTime,
    pub sca_at: OffsetDateTime,
    pub sca_method: Option<String>,
    /// `None`: never, as far as is known.
    pub last_used_at: Option<OffsetDateTime>,
    pub expires_at: OffsetDateTime,
    pub revoked: Option<Revoked>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    pub at: OffsetDateTime,
    pub reason: EndReason,
    /// In the words of whoever did it.
    pub note: Option<String>,
}

/// When and how a grant ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End<'a> {
    pub at: OffsetDateTime,
    pub by: EndedBy,
    /// An [`EndReason`]'s name, or `expired`.
    pub why: &'static str,
    pub note: Option<&'a str>,
}

impl Permission {
    /// `None`: alive. What had expired before it was revoked ended by time.
    pub fn end(&self, now: OffsetDateTime) -> Option<End<'_>> {
        let expired = End { at: self.expires_at, by: EndedBy::Expiry, why: "expired", note: None };
        match &self.revoked {
            Some(revoked) if revoked.at < self.expires_at || revoked.reason == EndReason::ScaForced => {
                Some(End { at: revoked.at, by: revoked.reason.by(), why: revoked.reason.name(), note: revoked.note.as_deref() })
            }
            Some(_) => Some(expired),
            None => (now >= self.expires_at).then_some(expired),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionState {
    Active,
    Ended,
    #[default]
    All,
}

/// What a bank's dashboard asks. Holds whom it is about, so it has no `Debug`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionSearch {
    /// The customer's opaque reference, as the bank gave it with the authentication.
    #[schema(min_length = 1, max_length = 255)]
    pub subject: String,
    #[serde(default)]
    pub state: PermissionState,
    /// Of the words in the answer; the brand's own by default.
    #[serde(default)]
    #[schema(example = "fr")]
    pub language: Option<String>,
    /// 1 to 100; 50 by default.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// `next` of the page before.
    #[serde(default)]
    pub after: Option<Uuid>,
}

/// Why somebody takes a grant back. Holds whom it is about, so it has no `Debug`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionWithdrawal {
    /// Whose grant it is; of another customer's nothing is told.
    #[schema(min_length = 1, max_length = 255)]
    pub subject: String,
    /// `customer`, the default, or `bank`, which has to say why (RTS art. 10a(3)).
    #[serde(default)]
    pub by: Withdrawer,
    /// Kept, and shown to the customer.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Withdrawer {
    #[default]
    Customer,
    Bank,
}

impl Withdrawer {
    pub const fn reason(self) -> EndReason {
        match self {
            Self::Customer => EndReason::WithdrawnByCustomer,
            Self::Bank => EndReason::EndedByBank,
        }
    }

    /// The audit trail's `actor`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Bank => "bank",
        }
    }
}

/// Whose page is to be opened. Holds whom it is about, so it has no `Debug`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionLinkRequest {
    /// The customer whom the bank has just recognised.
    #[schema(min_length = 1, max_length = 255)]
    pub subject: String,
    /// Of the page; the brand's own by default.
    #[serde(default)]
    #[schema(example = "fr")]
    pub language: Option<String>,
}

/// A secret, for this customer's browser alone.
#[derive(Serialize, ToSchema)]
pub struct PermissionLink {
    /// Opens once.
    pub url: String,
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// What a permission is about, in words of one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionWords {
    pub what: Vec<String>,
    pub why: String,
}

/// Newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PermissionPage {
    pub grants: Vec<PermissionEntry>,
    /// There may be more: send it as `after`. Grants that are added or end meanwhile move nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Uuid>,
}

/// One grant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PermissionEntry {
    pub grant_id: Uuid,
    /// `active` or `ended`.
    pub state: PermissionState,
    pub who: PermissionHolder,
    pub what: PermissionContent,
    /// The purpose, in words.
    pub why: String,
    /// Where the customer was authenticated.
    #[schema(example = "web")]
    pub channel: String,
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    pub last_sca: LastSca,
    /// Absent: not yet. Right to within ten minutes.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<OffsetDateTime>,
    /// Its end, unless it ends before.
    #[serde(with = "time::serde::rfc3339")]
    pub until: OffsetDateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<PermissionEnd>,
}

/// The TPP.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PermissionHolder {
    pub client_id: String,
    /// In the language that was asked for, where it is registered (RFC 7591 s2.2).
    pub client_name: String,
    /// As in the certificate.
    pub legal_name: String,
    /// The number that its national authority gave; absent: the bank let it in without a QWAC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorisation_number: Option<String>,
    /// organizationIdentifier.
    #[schema(example = "PSDFR-ACPR-12345")]
    pub organisation: String,
    /// The PSP roles that this grant needs.
    #[schema(example = json!(["PSP_AI"]))]
    pub roles: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PermissionContent {
    #[schema(example = json!(["aisp"]))]
    pub scope: Vec<&'static str>,
    /// The same in words.
    pub words: Vec<String>,
    /// The bank's ids of the accounts that the customer chose; absent: as the bank's rule says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accounts: Option<Vec<String>>,
    /// The one payment that it is good for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<PermissionPayment>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PermissionPayment {
    /// As it was lodged.
    pub payment_request: Uuid,
    pub kind: PaymentKind,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LastSca {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// In the bank's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PermissionEnd {
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    pub by: EndedBy,
    /// `withdrawn_by_customer`, `ended_by_bank`, `revoked_by_client`, `client_deleted`, `code_replayed`, `refresh_replayed`,
    /// `answer_not_fetched`, `payment_used`, `payment_changed`, `payment_withdrawn` or `expired`.
    pub why: &'static str,
    /// What whoever withdrew it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl PermissionEntry {
    pub fn new(permission: &Permission, words: PermissionWords, lang: &str, now: OffsetDateTime) -> Self {
        let end = permission.end(now);
        let mut roles: Vec<_> = permission.scope.iter().map(|token| token.role().name()).collect();
        roles.dedup();
        Self {
            grant_id: permission.grant.0,
            state: if end.is_some() { PermissionState::Ended } else { PermissionState::Active },
            who: PermissionHolder {
                client_id: permission.client.to_string(),
                client_name: permission.metadata.name_in(lang).to_owned(),
                legal_name: permission.legal_name.clone(),
                authorisation_number: permission.organisation.authorisation_number().map(str::to_owned),
                organisation: permission.organisation.to_string(),
                roles,
            },
            what: PermissionContent {
                scope: permission.scope.iter().map(ScopeToken::as_str).collect(),
                words: words.what,
                accounts: permission.accounts.clone(),
                payment: permission.payment.map(|(id, kind)| PermissionPayment { payment_request: id.0, kind }),
            },
            why: words.why,
            channel: permission.channel.clone(),
            since: permission.since,
            last_sca: LastSca { at: permission.sca_at, method: permission.sca_method.clone() },
            last_used_at: permission.last_used_at,
            until: permission.expires_at,
            ended: end.map(|end| PermissionEnd { at: end.at, by: end.by, why: end.why, reason: end.note.map(str::to_owned) }),
        }
    }
}

/// A customer's reference as the bank's systems send it: not empty, bounded, without controls.
pub fn is_subject(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// A reason: short, on one line.
pub fn is_reason(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 200 && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    fn permission(revoked: Option<(OffsetDateTime, EndReason)>) -> Permission {
        let metadata = serde_json::json!({
            "redirect_uris": [], "token_endpoint_auth_method": "tls_client_auth", "grant_types": [], "response_types": [],
            "client_name": "Tipp", "scope": "aisp", "provider_legal_id": "PSDFR-ACPR-1", "tls_client_auth_subject_dn": "CN=x",
        });
        Permission {
            grant: GrantId(Uuid::nil()),
            client: ClientId(Uuid::nil()),
            metadata: serde_json::from_value(metadata).unwrap(),
            legal_name: "Tipp SAS".into(),
            organisation: OrganisationId::new("PSDFR-ACPR-1"),
            channel: "web".into(),
            scope: Scope::parse("aisp extended_transaction_history").unwrap(),
            accounts: None,
            payment: None,
            since: datetime!(2026-01-01 00:00 UTC),
            sca_at: datetime!(2026-01-01 00:00 UTC),
            sca_method: None,
            last_used_at: None,
            expires_at: datetime!(2026-06-30 00:00 UTC),
            revoked: revoked.map(|(at, reason)| Revoked { at, reason, note: None }),
        }
    }

    #[test]
    fn the_first_end_counts() {
        let (before, end) = (datetime!(2026-06-29 23:59:59 UTC), datetime!(2026-06-30 00:00 UTC));
        assert_eq!(permission(None).end(before), None);
        let expired = End { at: end, by: EndedBy::Expiry, why: "expired", note: None };
        assert_eq!(permission(None).end(end), Some(expired.clone()));
        for reason in EndReason::ALL {
            let ended = Some(End { at: before, by: reason.by(), why: reason.name(), note: None });
            // at once, also where this replica's clock is behind the one that ended it
            assert_eq!(permission(Some((before, reason))).end(before - Duration::SECOND), ended);
            // of a customer who must authenticate again, that moment is the end of the grant
            let forced = End { at: end, by: reason.by(), why: reason.name(), note: None };
            let then = Some(if reason == EndReason::ScaForced { forced } else { expired.clone() });
            assert_eq!(permission(Some((end, reason))).end(end), then, "it had ended already");
            assert_eq!(EndReason::from_stored(Some(reason.name())), reason);
        }
        assert_eq!(EndReason::from_stored(None), EndReason::EndedByBank);
        assert_eq!(EndReason::from_stored(Some("by hand")), EndReason::EndedByBank);
        let entry = PermissionEntry::new(&permission(None), PermissionWords { what: vec![], why: String::new() }, "fr", before);
        assert_eq!(entry.who.roles, ["PSP_AI"], "none twice");
    }
}
