use std::fmt;
use time::{OffsetDateTime, macros::format_description};

/// Why a list is not accepted. The accepted one of its territory stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    TooLarge {
        limit: usize,
    },
    NotUtf8,
    /// A document type declaration: entities, and bombs made of them.
    DocumentType,
    TooDeep,
    TooComplex,
    NotWellFormed(String),
    /// The root is no TrustServiceStatusList of TS 119 612.
    NotATrustedList,
    SignatureMissing,
    SignatureRepeated,
    /// Not a child of the root.
    SignatureMisplaced,
    /// Not exactly the list and its signed properties.
    SignatureReferences,
    /// No signing certificate among the signed properties.
    SignerUnstated,
    /// SHA-256 over the certificate in KeyInfo, if there is one.
    SignerUnknown(Option<String>),
    /// RSA below 2048 bits, or a key of a kind that is not used.
    SignerKey(String),
    SignatureAlgorithm(String),
    SignatureInvalid(String),
    /// TSLVersionIdentifier.
    Version(String),
    /// What is missing or does not read.
    Malformed(&'static str),
    /// A list of lists where a national list is due, or the reverse.
    OtherType,
    OtherTerritory {
        expected: String,
        found: String,
    },
    /// No list of lists names signers for it.
    NotPointedTo(String),
    /// The list of lists rests on this pivot, which is not at hand.
    PivotMissing(String),
    IssuedInFuture(OffsetDateTime),
    Older {
        accepted: u64,
        offered: u64,
    },
    SameNumberOtherBytes(u64),
    /// A closed list: no NextUpdate, nothing is kept up.
    Closed,
    Expired(OffsetDateTime),
    /// Services granted for websites, of the accepted list and of this one.
    Smaller {
        before: usize,
        after: usize,
    },
}

impl Refusal {
    /// Stable: in the import log, the audit and monitoring.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "LIST_TOO_LARGE",
            Self::NotUtf8 => "LIST_NOT_UTF8",
            Self::DocumentType => "LIST_DOCTYPE",
            Self::TooDeep => "LIST_TOO_DEEP",
            Self::TooComplex => "LIST_TOO_COMPLEX",
            Self::NotWellFormed(_) => "LIST_NOT_WELL_FORMED",
            Self::NotATrustedList => "LIST_NOT_A_TRUSTED_LIST",
            Self::SignatureMissing => "LIST_SIGNATURE_MISSING",
            Self::SignatureRepeated => "LIST_SIGNATURE_REPEATED",
            Self::SignatureMisplaced => "LIST_SIGNATURE_MISPLACED",
            Self::SignatureReferences => "LIST_SIGNATURE_REFERENCES",
            Self::SignerUnstated => "LIST_SIGNER_UNSTATED",
            Self::SignerUnknown(_) => "LIST_SIGNER_UNKNOWN",
            Self::SignerKey(_) => "LIST_SIGNER_KEY",
            Self::SignatureAlgorithm(_) => "LIST_SIGNATURE_ALGORITHM",
            Self::SignatureInvalid(_) => "LIST_SIGNATURE_INVALID",
            Self::Version(_) => "LIST_VERSION",
            Self::Malformed(_) => "LIST_MALFORMED",
            Self::OtherType => "LIST_OTHER_TYPE",
            Self::OtherTerritory { .. } => "LIST_OTHER_TERRITORY",
            Self::NotPointedTo(_) => "LIST_NOT_POINTED_TO",
            Self::PivotMissing(_) => "LIST_PIVOT_MISSING",
            Self::IssuedInFuture(_) => "LIST_ISSUED_IN_FUTURE",
            Self::Older { .. } => "LIST_OLDER",
            Self::SameNumberOtherBytes(_) => "LIST_SAME_NUMBER_OTHER_BYTES",
            Self::Closed => "LIST_CLOSED",
            Self::Expired(_) => "LIST_EXPIRED",
            Self::Smaller { .. } => "LIST_SMALLER",
        }
    }
}

/// A sentence for operators.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => write!(f, "the file is larger than {limit} bytes"),
            Self::NotUtf8 => f.write_str("the file is not UTF-8"),
            Self::DocumentType => f.write_str("the file has a document type declaration"),
            Self::TooDeep => f.write_str("elements are nested too deep"),
            Self::TooComplex => f.write_str("there are too many elements, attributes or namespaces"),
            Self::NotWellFormed(why) => write!(f, "not well-formed XML: {}", printable(why)),
            Self::NotATrustedList => f.write_str("the root is no TrustServiceStatusList of TS 119 612"),
            Self::SignatureMissing => f.write_str("there is no signature"),
            Self::SignatureRepeated => f.write_str("there is more than one signature"),
            Self::SignatureMisplaced => f.write_str("the signature is not a child of the root element"),
            Self::SignatureReferences => f.write_str("the signature does not cover exactly the whole list and its signed properties"),
            Self::SignerUnstated => f.write_str("the signed properties name no signing certificate"),
            Self::SignerUnknown(Some(found)) => write!(f, "the signer (certificate {found}) is not among the expected ones"),
            Self::SignerUnknown(None) => f.write_str("the signer is not among the expected ones"),
            Self::SignerKey(why) => write!(f, "the signer's key is not accepted: {}", printable(why)),
            Self::SignatureAlgorithm(uri) => write!(f, "the signature algorithm {} is not accepted", printable(uri)),
            Self::SignatureInvalid(why) => write!(f, "the signature does not verify: {}", printable(why)),
            Self::Version(version) => write!(f, "TSLVersionIdentifier is {}, not 5 or 6", printable(version)),
            Self::Malformed(what) => write!(f, "{what} is missing or does not read"),
            Self::OtherType => f.write_str("TSLType is not that of the list that is due here"),
            Self::OtherTerritory { expected, found } => {
                write!(f, "SchemeTerritory is {}, not {}", found, expected)
            }
            Self::NotPointedTo(territory) => write!(f, "no accepted list of lists names signers for {}", printable(territory)),
            Self::PivotMissing(url) => write!(f, "the list of lists rests on the pivot {}, which is not at hand", printable(url)),
            Self::IssuedInFuture(at) => write!(f, "it says that it was issued on {}", day(*at)),
            Self::Older { accepted, offered } => write!(f, "its number is {offered}, that of the accepted list {accepted}"),
            Self::SameNumberOtherBytes(number) => write!(f, "it has the number {number} of the accepted list, but is another file"),
            Self::Closed => f.write_str("it is closed: it has no NextUpdate"),
            Self::Expired(next_update) => write!(f, "its NextUpdate was {}, longer ago than is allowed", day(*next_update)),
            Self::Smaller { before, after } => {
                write!(f, "it has {after} services granted for websites, the accepted list has {before}")
            }
        }
    }
}

fn day(at: OffsetDateTime) -> String {
    at.format(format_description!("[year]-[month]-[day] [hour]:[minute] UTC")).unwrap_or_default()
}

/// A stranger's text for a terminal: one line, and nothing that steers it.
pub fn printable(text: &str) -> String {
    text.chars()
        .take(300)
        .map(|c| {
            if c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') { '?' } else { c }
        })
        .collect()
}
