//! Scripted customers: one per outcome, the same in every sandbox brand, published so that a TPP can meet each.

use crate::oauth::sca::ScaFailure;

/// Of every scripted customer. It opens nothing but a sandbox.
pub const PASSWORD: &str = "sandbox";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScriptedCustomer {
    pub login: &'static str,
    /// `None`: gets through.
    pub outcome: Option<ScaFailure>,
}

/// Two who get through, then one per failure, whose login is the failure's name.
pub fn customers() -> impl Iterator<Item = ScriptedCustomer> {
    let through = ["approves", "approves_too"].map(|login| ScriptedCustomer { login, outcome: None });
    through.into_iter().chain(ScaFailure::ALL.map(|failure| ScriptedCustomer { login: failure.name(), outcome: Some(failure) }))
}
