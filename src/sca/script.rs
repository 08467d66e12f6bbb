//! What a sandbox's customer is like: data, so that a developer may write one. The same script ends the same way each time.

use crate::oauth::{
    grant::PsuReference,
    method::{Account, Eligibility, Method, MethodKind, MethodState},
    sca::ScaFailure,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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

    /// By the first of the ways; `None`: gets through.
    pub fn outcome(&self) -> Option<ScaFailure> {
        self.ways().first().and_then(|way| way.outcome)
    }

    /// Each way that a journey can go, where the customer does what is asked; at least one.
    pub fn ways(&self) -> Vec<Way<'_>> {
        let early = |failure| vec![Way { method: None, outcome: Some(failure) }];
        if let Some(failure) = self.at_sign_in {
            return early(failure);
        }
        // as a bank's own answer is judged
        let asked = Eligibility { psu: PsuReference::new(""), methods: self.methods(), remaining: None };
        if let Err(failure) = asked.usable() {
            return early(failure);
        }
        let usable = self.methods.iter().filter(|method| method.state == MethodState::Active);
        usable.map(|method| Way { method: Some(method), outcome: method.answer.outcome() }).collect()
    }

    /// Bounds of what somebody else may write: it is stored, and shown on a page.
    pub fn check(&self) -> Result<(), &'static str> {
        let short =
            |text: &str, most: usize| !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control);
        let mut ids = BTreeSet::new();
        if self.methods.len() > 5 || self.accounts.len() > 20 {
            return Err("at most 5 methods and 20 accounts");
        }
        for method in &self.methods {
            if !is_id(&method.id) || !ids.insert(&method.id) {
                return Err("methods: each has an id of its own, 1 to 64 of A-Z, a-z, 0-9, '_', '-' and '.'");
            }
            if !short(&method.label, 100) {
                return Err("methods: label has 1 to 100 characters, on one line");
            }
            match &method.answer {
                ScriptedAnswer::Approves { after_seconds } | ScriptedAnswer::Fails { after_seconds, .. } if *after_seconds > 600 => {
                    return Err("methods: after_seconds is at most 600");
                }
                ScriptedAnswer::Code(code) if !((4..=12).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric())) => {
                    return Err("methods: a code has 4 to 12 letters or digits");
                }
                ScriptedAnswer::Approves { .. } | ScriptedAnswer::Fails { .. } | ScriptedAnswer::Silent | ScriptedAnswer::Code(_) => {}
            }
        }
        let mut ids = BTreeSet::new();
        for account in &self.accounts {
            if !is_id(&account.id) || !ids.insert(&account.id) {
                return Err("accounts: each has an id of its own, 1 to 64 of A-Z, a-z, 0-9, '_', '-' and '.'");
            }
            let iban =
                account.iban.as_ref().is_none_or(|iban| (5..=34).contains(&iban.len()) && iban.bytes().all(|b| b.is_ascii_alphanumeric()));
            let currency = account.currency.len() == 3 && account.currency.bytes().all(|b| b.is_ascii_uppercase());
            if !iban || !currency || !short(&account.label, 100) {
                return Err("accounts: an IBAN without spaces, a currency of three capitals, a label of 1 to 100 characters");
            }
        }
        Ok(())
    }
}

/// One way that a journey can go.
#[derive(Clone, Copy, Debug)]
pub struct Way<'s> {
    /// `None`: it does not come to a method.
    pub method: Option<&'s ScriptedMethod>,
    /// `None`: gets through.
    pub outcome: Option<ScaFailure>,
}

impl ScriptedAnswer {
    const fn outcome(&self) -> Option<ScaFailure> {
        match self {
            Self::Approves { .. } | Self::Code(_) => None,
            Self::Fails { reason, .. } => Some(*reason),
            Self::Silent => Some(ScaFailure::TimedOut),
        }
    }
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
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
