//! The contract between us and a bank's SCA back end: the JSON of its four endpoints. What comes back is read strictly, and
//! nothing in it is believed to be short or well-formed.

use super::{Fault, Outcome, Proof, SignIn, Standing};
use crate::oauth::{
    grant::PsuReference,
    method::{self, Eligibility, MOST_ACCOUNTS, MethodKind, MethodState},
    payment::Payment,
    sca::ScaFailure,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// More methods than this are no choice for a page.
const MOST_METHODS: usize = 10;
const LONGEST_ID: usize = 64;
const LONGEST_REFERENCE: usize = 128;
const LONGEST_LABEL: usize = 100;
const LONGEST_HINT: usize = 200;

/// The journey that a question is about: what the bank needs to decide, and to show in its app.
#[derive(Serialize, ToSchema)]
pub struct Journey<'a> {
    /// The same in every question about it.
    pub id: Uuid,
    pub brand: &'a str,
    /// Of the brand's configuration: `web`, or the segment of an app.
    pub channel: &'a str,
    /// Of the pages: `de`, `en`, `es` or `fr`.
    pub language: &'static str,
    pub client: Client<'a>,
    /// RFC 6749 s3.3.
    pub scope: String,
    /// What is to be paid, or no longer; absent: no payment is approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payment: Option<&'a Payment>,
    /// When the journey is over.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub deadline: OffsetDateTime,
}

/// Who asks for the approval.
#[derive(Serialize, ToSchema)]
#[schema(as = RequestingClient)]
pub struct Client<'a> {
    pub client_id: String,
    /// As it calls itself, in the journey's language.
    pub name: &'a str,
    /// As its certificate says.
    pub legal_name: &'a str,
    /// Of its licence; absent: the bank let it in without a QWAC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorisation_number: Option<&'a str>,
}

/// `POST /eligibility`.
#[derive(Serialize, ToSchema)]
pub struct EligibilityQuestion<'a> {
    pub journey: Journey<'a>,
    pub login: &'a str,
    pub password: &'a str,
}

/// `POST /accounts`.
#[derive(Serialize, ToSchema)]
pub struct AccountsQuestion<'a> {
    pub journey: Journey<'a>,
    pub psu: &'a str,
}

/// `POST /challenges`.
#[derive(Serialize, ToSchema)]
pub struct ChallengeQuestion<'a> {
    pub journey: Journey<'a>,
    /// Ours, and the `Idempotency-Key`: asked twice, it is one challenge.
    pub challenge: Uuid,
    pub psu: &'a str,
    /// The id of one of the methods that were offered.
    pub method: &'a str,
    /// Ids of the accounts that the customer chose; empty: as the bank's rule says.
    pub accounts: Vec<&'a str>,
    /// Must come back with the approval (RTS art. 5).
    pub linked_hash: String,
    /// An approval after this counts no more.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub deadline: OffsetDateTime,
}

/// `POST /challenges/{reference}/answer`.
#[derive(Serialize, ToSchema)]
pub struct CodeQuestion<'a> {
    /// As the customer typed it.
    pub code: &'a str,
}

#[derive(Deserialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub enum EligibilityAnswer {
    /// Login and password are right.
    Known {
        /// An opaque name of the customer, the same each time: never a login or an account number.
        psu: String,
        /// All of the customer's, whatever their state.
        methods: Vec<Method>,
        /// Authentications left today; absent: no quota.
        remaining: Option<u32>,
    },
    /// 0: the access is blocked now.
    WrongCredentials {
        attempts_left: u16,
    },
    Failed {
        reason: ScaFailure,
    },
}

/// How a customer may authenticate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// The bank's own: 1 to 64 letters, digits, `-`, `_` and `.`.
    pub id: String,
    pub kind: MethodKind,
    /// In the customer's words, up to 100 characters.
    pub label: String,
    pub state: MethodState,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountsAnswer {
    /// Up to 50.
    pub accounts: Vec<Account>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OfferedAccount)]
pub struct Account {
    /// The bank's own: what tokens and introspection will carry. 1 to 64 letters, digits, `-`, `_` and `.`.
    pub id: String,
    pub iban: Option<String>,
    pub label: String,
    /// ISO 4217.
    pub currency: String,
}

/// How a challenge stands. `reference` is the bank's name of it: 1 to 128 letters, digits, `-` and `_`, and nothing of the customer.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case", deny_unknown_fields)]
pub enum ChallengeAnswer {
    Pending {
        reference: String,
        /// Where the code went, which device was called: up to 200 characters.
        hint: Option<String>,
        /// Sooner than the deadline, if the bank waits for less.
        #[serde(default, with = "time::serde::rfc3339::option")]
        #[schema(value_type = Option<String>, format = DateTime)]
        until: Option<OffsetDateTime>,
    },
    Approved {
        reference: String,
        /// As it was asked for.
        method: String,
        /// When the customer approved.
        #[serde(with = "time::serde::rfc3339")]
        #[schema(value_type = String, format = DateTime)]
        at: OffsetDateTime,
        /// As it was asked for.
        linked_hash: String,
    },
    Failed {
        reference: String,
        reason: ScaFailure,
    },
    /// To an answer only; 0 left: the method is suspended.
    WrongCode {
        reference: String,
        attempts_left: u16,
    },
}

/// A body as the contract has it, or a fault.
pub trait Read: Sized {
    type Value;
    fn read(body: &[u8]) -> Result<Self::Value, Fault>;
}

impl Read for EligibilityAnswer {
    type Value = SignIn;

    fn read(body: &[u8]) -> Result<SignIn, Fault> {
        Ok(match parse::<Self>(body)? {
            Self::WrongCredentials { attempts_left } => SignIn::Wrong { attempts_left },
            Self::Failed { reason } => SignIn::Failed(reason),
            Self::Known { psu, methods, remaining } => {
                let ids: BTreeSet<_> = methods.iter().map(|method| method.id.as_str()).collect();
                let sound = methods.iter().all(|method| is_id(&method.id) && is_text(&method.label, LONGEST_LABEL));
                if !is_reference(&psu) || !sound || ids.len() != methods.len() || methods.len() > MOST_METHODS {
                    return Err(Fault::Unreadable);
                }
                let methods = methods.into_iter().map(|Method { id, kind, label, state }| method::Method { id, kind, label, state });
                SignIn::Known(Eligibility { psu: PsuReference::new(psu), methods: methods.collect(), remaining })
            }
        })
    }
}

impl Read for AccountsAnswer {
    type Value = Vec<method::Account>;

    fn read(body: &[u8]) -> Result<Vec<method::Account>, Fault> {
        let Self { accounts } = parse(body)?;
        let ids: BTreeSet<_> = accounts.iter().map(|account| account.id.as_str()).collect();
        if ids.len() != accounts.len() || accounts.len() > MOST_ACCOUNTS || !accounts.iter().all(Account::is_sound) {
            return Err(Fault::Unreadable);
        }
        Ok(accounts.into_iter().map(|Account { id, iban, label, currency }| method::Account { id, iban, label, currency }).collect())
    }
}

impl Account {
    fn is_sound(&self) -> bool {
        let is_iban = |iban: &str| (5..=34).contains(&iban.len()) && iban.bytes().all(|b| b.is_ascii_alphanumeric());
        is_id(&self.id)
            && is_text(&self.label, LONGEST_LABEL)
            && self.iban.as_deref().is_none_or(is_iban)
            && self.currency.len() == 3
            && self.currency.bytes().all(|b| b.is_ascii_uppercase())
    }
}

impl Read for ChallengeAnswer {
    type Value = Standing;

    fn read(body: &[u8]) -> Result<Standing, Fault> {
        let (reference, outcome) = match parse::<Self>(body)? {
            Self::Pending { reference, hint, until } => {
                if !hint.as_deref().is_none_or(|hint| is_text(hint, LONGEST_HINT)) {
                    return Err(Fault::Unreadable);
                }
                (reference, Outcome::Pending { hint, until })
            }
            Self::Approved { reference, method, at, linked_hash } => (reference, Outcome::Approved(Proof { method, at, linked_hash })),
            Self::Failed { reference, reason } => (reference, Outcome::Failed(reason)),
            Self::WrongCode { reference, attempts_left } => (reference, Outcome::WrongCode { attempts_left }),
        };
        let safe = is_reference(&reference) && !reference.contains('.');
        if safe { Ok(Standing { reference, outcome }) } else { Err(Fault::Unreadable) }
    }
}

fn parse<'b, T: Deserialize<'b>>(body: &'b [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|_| Fault::Unreadable)
}

fn is_word(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn is_id(text: &str) -> bool {
    is_word(text, LONGEST_ID)
}

/// Goes into a path as it is.
fn is_reference(text: &str) -> bool {
    is_word(text, LONGEST_REFERENCE)
}

fn is_text(text: &str, longest: usize) -> bool {
    text.chars().count() <= longest && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_read_strictly() {
        let method = r#"{"id":"m","kind":"app","label":"Phone","state":"active"}"#;
        let known = |psu: &str, methods: &str| format!(r#"{{"status":"known","psu":"{psu}","methods":[{methods}]}}"#);
        let many = [method; 11].join(",");
        for (body, good) in [
            (known("p1", method), true),
            (known("p1", ""), true),
            (known("", method), false),
            (known("a b", method), false),
            (known(&"p".repeat(129), method), false),
            (known("p1", &format!("{method},{method}")), false),
            (known("p1", &many), false),
            (known("p1", &method.replace("active", "fine")), false),
            (known("p1", &method.replace("Phone", "a\\u0000b")), false),
            (known("p1", &method.replace("\"kind\"", "\"colour\":1,\"kind\"")), false),
            (r#"{"status":"wrong_credentials","attempts_left":0}"#.into(), true),
            (r#"{"status":"wrong_credentials","attempts_left":-1}"#.into(), false),
            (r#"{"status":"wrong_credentials"}"#.into(), false),
            (r#"{"status":"failed","reason":"suspended"}"#.into(), true),
            (r#"{"status":"failed","reason":"tired"}"#.into(), false),
            (r#"{"status":"fine"}"#.into(), false),
            (String::new(), false),
            ("[]".into(), false),
        ] {
            assert_eq!(EligibilityAnswer::read(body.as_bytes()).is_ok(), good, "{body}");
        }
        for (reference, good) in [("r-1_A", true), ("..", false), ("a/b", false), ("a.b", false), ("", false), ("é", false)] {
            let body = format!(r#"{{"status":"pending","reference":"{reference}"}}"#);
            assert_eq!(ChallengeAnswer::read(body.as_bytes()).is_ok(), good, "{body}");
        }
        let approved = r#"{"status":"approved","reference":"r","method":"m","at":"2026-01-01T00:00:00Z","linked_hash":"h"}"#;
        assert!(ChallengeAnswer::read(approved.as_bytes()).is_ok());
        for missing in ["reference", "method", "at", "linked_hash"] {
            let mut body: serde_json::Value = serde_json::from_str(approved).unwrap();
            body.as_object_mut().unwrap().remove(missing);
            assert!(ChallengeAnswer::read(body.to_string().as_bytes()).is_err(), "an approval without {missing}");
        }
    }
}
