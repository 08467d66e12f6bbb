//! A customer's visit to the page of his own permissions. The bank, which knows him, has a link made; the link opens once,
//! in one browser, and what this browser is known by from then on is another secret.

use super::{
    brand::{BrandId, Lang},
    grant::PsuReference,
    secret::{Digest, Handle, Secret},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The bank's portal sends the browser on at once.
pub const LINK_LIFETIME: Duration = Duration::minutes(2);
/// A visit ends by then, however busy.
pub const LONGEST: Duration = Duration::minutes(30);

#[derive(Clone, Debug)]
pub struct Visit {
    pub id: Uuid,
    pub brand: BrandId,
    pub psu: PsuReference,
    pub lang: Lang,
    pub link: Digest,
    pub link_until: OffsetDateTime,
    /// `None`: the link has not been opened.
    pub opened: Option<Opened>,
}

#[derive(Clone, Debug)]
pub struct Opened {
    /// Of what the browser brings back.
    pub key: Digest,
    pub at: OffsetDateTime,
    /// Last sign of life of the customer.
    pub active_at: OffsetDateTime,
}

/// Why a link opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRefusal {
    Unknown,
    Used,
    Expired,
}

impl Visit {
    pub fn admit(&self, link: &Handle, now: OffsetDateTime) -> Result<(), LinkRefusal> {
        if !self.link.matches(&link.digest) {
            return Err(LinkRefusal::Unknown);
        }
        if self.opened.is_some() {
            return Err(LinkRefusal::Used);
        }
        if now >= self.link_until { Err(LinkRefusal::Expired) } else { Ok(()) }
    }

    /// The browser that opened it, not idle for longer than `session` (RTS art. 4(3)(d)).
    pub fn is_open_to(&self, key: &Handle, session: Duration, now: OffsetDateTime) -> bool {
        self.opened
            .as_ref()
            .is_some_and(|opened| opened.key.matches(&key.digest) && now - opened.active_at < session && now - opened.at < LONGEST)
    }
}

/// What the browser brings back: a cookie's value.
#[derive(Clone)]
pub struct VisitKey {
    pub handle: Handle,
    secret: Secret,
}

impl VisitKey {
    pub fn new(handle: Handle, secret: Secret) -> Self {
        Self { handle, secret }
    }

    /// The cookie's value: where this is called, the key goes to its browser.
    pub fn reveal(&self) -> &str {
        self.secret.reveal()
    }

    /// The token that a form of this visit must bring back.
    pub fn csrf(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::new().chain_update("permissions csrf").chain_update(self.secret.reveal()).finalize())
    }

    pub fn accepts(&self, csrf: &str) -> bool {
        self.csrf().as_bytes().ct_eq(csrf.as_bytes()).into()
    }
}

impl fmt::Debug for VisitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::secret::HandleKind;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

    fn handle(kind: HandleKind, byte: u8) -> (Handle, Secret) {
        Handle::mint(kind, Uuid::nil(), &[byte; 32])
    }

    fn visit(opened: Option<Opened>) -> Visit {
        let link = handle(HandleKind::PermissionsLink, 1).0.digest;
        let psu = PsuReference::new("p");
        Visit { id: Uuid::nil(), brand: BrandId::new("b"), psu, lang: Lang::Fr, link, link_until: NOW + LINK_LIFETIME, opened }
    }

    #[test]
    fn a_link_opens_once_and_soon() {
        let (right, wrong) = (handle(HandleKind::PermissionsLink, 1).0, handle(HandleKind::PermissionsLink, 2).0);
        let key = handle(HandleKind::PermissionsVisit, 1).0.digest;
        assert!(!key.matches(&right.digest), "the same random bytes of another kind are another secret");
        let fresh = visit(None);
        assert_eq!(fresh.admit(&right, NOW), Ok(()));
        assert_eq!(fresh.admit(&right, NOW + LINK_LIFETIME - Duration::SECOND), Ok(()));
        assert_eq!(fresh.admit(&right, NOW + LINK_LIFETIME), Err(LinkRefusal::Expired));
        assert_eq!(fresh.admit(&wrong, NOW), Err(LinkRefusal::Unknown));
        let used = visit(Some(Opened { key, at: NOW, active_at: NOW }));
        assert_eq!(used.admit(&right, NOW), Err(LinkRefusal::Used));
        assert_eq!(used.admit(&wrong, NOW), Err(LinkRefusal::Unknown), "nobody learns by guessing that it was used");
    }

    #[test]
    fn a_visit_is_one_browsers_and_ends_by_idleness_or_age() {
        let (right, wrong) = (handle(HandleKind::PermissionsVisit, 1).0, handle(HandleKind::PermissionsVisit, 2).0);
        let session = Duration::minutes(5);
        assert!(!visit(None).is_open_to(&right, session, NOW));
        let open = |active_at| visit(Some(Opened { key: right.digest, at: NOW, active_at }));
        assert!(open(NOW).is_open_to(&right, session, NOW) && !open(NOW).is_open_to(&wrong, session, NOW));
        assert!(open(NOW).is_open_to(&right, session, NOW + session - Duration::SECOND));
        assert!(!open(NOW).is_open_to(&right, session, NOW + session));
        let late = NOW + LONGEST;
        assert!(open(late - Duration::MINUTE).is_open_to(&right, session, late - Duration::SECOND));
        assert!(!open(late - Duration::MINUTE).is_open_to(&right, session, late));
    }

    #[test]
    fn a_form_brings_back_its_visits_token() {
        let key = |byte| {
            let (handle, secret) = handle(HandleKind::PermissionsVisit, byte);
            VisitKey::new(handle, secret)
        };
        assert!(key(1).accepts(&key(1).csrf()) && !key(1).accepts(&key(2).csrf()) && !key(1).accepts(""));
        assert_eq!(format!("{:?}", key(1)), "VisitKey(..)");
    }
}
