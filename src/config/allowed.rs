//! What a key takes, as its reader says: for the reference.

use std::{fmt, ops::RangeInclusive};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    Range(RangeInclusive<u64>),
    /// A closed vocabulary.
    Words(Vec<String>),
}

impl Allowed {
    pub fn words<T>(words: &[(&str, T)]) -> Self {
        Self::Words(words.iter().map(|(word, _)| (*word).to_owned()).collect())
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => write!(f, "{} to {}", range.start(), range.end()),
            Self::Words(words) => f.write_str(&words.join(", ")),
        }
    }
}
