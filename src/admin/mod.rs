//! What the bank's own people do and see: acts that may need a second person, and views of clients, grants, journeys and keys.
//! Values and a time in, a verdict out.

mod act;
mod conformance;
mod key;
mod person;
mod proposal;
mod sweep;
mod view;

pub use act::{Act, ActKind, ActRefusal, ErasureRefusal, Order};
pub use conformance::{BrandConformance, ClientConformance, ConformancePage, LineView, Named, PracticeView};
pub use key::{Algorithm, KeyState, KeyTimes, KeyView, Rotation, RotationRefusal, Sealed, StoredKey};
pub use person::{Person, Through};
pub use proposal::{ActPage, AdminPolicy, Decided, Decision, DecisionRefusal, Proposal, ProposalState, ProposalView};
pub use sweep::{Ending, Sweep, SweepView, Whose};
pub use view::{
    CertificateView, ChallengeView, ClientPage, ClientState, ClientSummary, GrantPage, GrantState, GrantView, GrantsOf, HeldClient,
    JourneyPage, JourneyStage, JourneyView, LiveBlock, RegisteredClient,
};

/// Bytes of a reason, or of a notice to customers.
pub const LONG: usize = 2_000;
/// Bytes of a name or a reference.
pub const SHORT: usize = 256;

/// Not empty, not too long, without controls but line breaks; trimmed.
pub fn text(value: &str, most: usize) -> Result<String, String> {
    let value = value.trim();
    if value.is_empty() {
        return Err("is empty".to_owned());
    }
    if value.len() > most {
        return Err(format!("is longer than {most} bytes"));
    }
    if value.chars().any(|c| c.is_control() && c != '\n') {
        return Err("holds a control character".to_owned());
    }
    Ok(value.to_owned())
}
