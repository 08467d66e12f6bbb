//! The way that was found from a leaf to what is trusted.

use time::OffsetDateTime;

/// A path that leads to an anchor, with what depends on it. Whether the certificate is accepted is the verdict's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPath {
    /// Who signed the leaf: whose status answers count for it.
    pub issuer: Issuer,
    /// Subjects for people, from the leaf's issuer to the anchor.
    pub chain: Vec<String>,
    /// The last moment at which the path holds as it is: the earliest end of a validity on it, the leaf's included.
    pub holds_until: OffsetDateTime,
    /// The anchor stands in the configuration: no list is asked.
    pub configured: bool,
    /// The entry that vouches for the leaf. None: the anchor is configured, or no entry of it may.
    pub listed: Option<ListedAs>,
    /// The latest nextUpdate of the configured revocation lists of this issuer that could be used; none without such a list.
    pub crl_covers_until: Option<OffsetDateTime>,
}

/// A certification authority as its name and its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// DER of the Name.
    pub name: Vec<u8>,
    /// DER of the SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
}

/// The entry of a trusted list by which an anchor counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAs {
    /// The list's, as in [`super::trusted_list::AcceptedList`].
    pub territory: String,
    pub provider: String,
    pub service: String,
    pub list_sequence: u64,
    /// When the service got its present status.
    pub since: OffsetDateTime,
    /// When the list is to be replaced by a newer one. None: a closed list.
    pub next_update: Option<OffsetDateTime>,
}
