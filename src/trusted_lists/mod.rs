//! EU trusted lists (ETSI TS 119 612): XML bytes in, verified values of `pki::trusted_list` or a refusal out.
//!
//! Foreign XML is read here and nowhere else, and only the command line names this floor: it never enters a serving process.
//! An [`Envelope`] is a file that is worth a look; [`verify`] proves who signed all of it; [`List`] is what it says;
//! [`follow`] goes from the pinned signers of the list of lists over its pivots to those of the national lists;
//! [`accept`] judges a list beside the one that counts until now.

mod acceptance;
mod criteria;
mod envelope;
mod key;
mod list;
mod lotl;
mod refusal;
mod scan;
mod services;
mod signature;
mod signer;
mod xml;

pub use acceptance::{Acceptance, Offer, Rules, accept, granted_for_web};
pub use envelope::Envelope;
pub use list::{List, ListType};
pub use lotl::{Followed, Lotl, follow};
pub use refusal::{Refusal, printable};
pub use signature::{Signed, verify};
pub use signer::Signer;

/// Who may sign the list of lists: a reviewed file.
pub const OFFICIAL_SIGNERS: &[u8] = include_bytes!("../../config/lotl-signers.pem");

/// SHA-256, hexadecimal: how files and signers are named.
pub fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
