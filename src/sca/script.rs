//! What a sandbox's customer is like: data, so that a developer may write one. The same script ends the same way each time.

use crate::oauth::{
    method::{Account, Method, MethodKind, MethodState},
    sca::ScaFailure,
};
use serde::{Deserialize, Serialize};

/// One customer's ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Gets no further than the sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_sign_in: Option<ScaFailure>,
    /// None at all: "no method".
    #[serde(default)]
    pub methods: Vec<ScriptedMethod>,
    #[serde(default)]
    pub accounts: Vec<Account>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedMethod {
    pub id: String,
    pub label: String,
    #[serde(default = "active")]
    pub state: MethodState,
    pub answer: ScriptedAnswer,
}

const fn active() -> MethodState {
    MethodState::Active
}

/// What comes of a challenge. Seconds count from when it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScriptedAnswer {
    /// Approves in the app.
    Approves { after_seconds: u32 },
    /// The app reports this.
    Fails { after_seconds: u32, reason: ScaFailure },
    /// Nobody answers.
    Silent,
    /// This code is right; the third wrong one suspends the method.
    Code(String),
}

impl Script {
    /// One app that approves at once, and one account.
    pub fn approves() -> Self {
        let answer = ScriptedAnswer::Approves { after_seconds: 0 };
        Self { at_sign_in: None, methods: vec![ScriptedMethod::new("app", "Sandbox app", answer)], accounts: vec![account(1)] }
    }

    pub fn ends_at_sign_in(failure: ScaFailure) -> Self {
        Self { at_sign_in: Some(failure), ..Self::approves() }
    }

    pub fn by(methods: impl IntoIterator<Item = ScriptedMethod>) -> Self {
        Self { methods: methods.into_iter().collect(), ..Self::approves() }
    }

    pub fn methods(&self) -> Vec<Method> {
        self.methods.iter().map(ScriptedMethod::method).collect()
    }

    /// How it ends where the customer does what is asked; `None`: gets through.
    pub fn outcome(&self) -> Option<ScaFailure> {
        let first = self.methods.iter().find(|method| method.state == MethodState::Active);
        self.at_sign_in.or(match first.map(|method| &method.answer) {
            None => Some(ScaFailure::NoMethod),
            Some(ScriptedAnswer::Approves { .. } | ScriptedAnswer::Code(_)) => None,
            Some(ScriptedAnswer::Fails { reason, .. }) => Some(*reason),
            Some(ScriptedAnswer::Silent) => Some(ScaFailure::TimedOut),
        })
    }
}

impl ScriptedMethod {
    pub fn new(id: &str, label: &str, answer: ScriptedAnswer) -> Self {
        Self { id: id.to_owned(), label: label.to_owned(), state: MethodState::Active, answer }
    }

    fn method(&self) -> Method {
        let kind = match self.answer {
            ScriptedAnswer::Approves { .. } | ScriptedAnswer::Fails { .. } | ScriptedAnswer::Silent => MethodKind::App,
            ScriptedAnswer::Code(_) => MethodKind::Otp,
        };
        Method { id: self.id.clone(), kind, label: self.label.clone(), state: self.state }
    }
}

/// IBANs of a bank that does not exist, with good check digits.
pub fn account(number: u32) -> Account {
    let (iban, label) = match number {
        1 => ("FR7630099000010000000000120", "Compte courant"),
        2 => ("FR7630099000010000000000217", "Compte joint"),
        _ => ("FR7630099000010000000000314", "Livret"),
    };
    Account { id: format!("account-{number}"), iban: Some(iban.to_owned()), label: label.to_owned(), currency: "EUR".to_owned() }
}
