//! May this TPP act here and now, beside what its certificate says: merged organisations. Values and a time in, a verdict out.

mod merges;

pub use merges::{Consequence, MergeAsked, MergeRefusal, Merges};

/// What is known today. Replaced as a whole.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub merges: Merges,
}
