//! What a TPP asks for in so many words (RFC 9396): access to a customer's accounts, or one payment.

use super::{
    brand::Brand,
    method::Account,
    payment::{Payment, PaymentKind},
    payment_fields::{self, Fault, Members},
    scope::ScopeToken,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use utoipa::ToSchema;

/// Of the whole parameter, in bytes.
pub const LONGEST: usize = 4096;
/// More accounts than anybody asks for at once.
pub const MOST_ACCOUNTS: usize = 20;
const PARAMETER: &str = "authorization_details";

/// The value of `type`, named as in the examples of RFC 9396 s2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetailsType {
    AccountInformation,
    PaymentInitiation,
}

impl DetailsType {
    pub const ALL: [Self; 2] = [Self::AccountInformation, Self::PaymentInitiation];

    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountInformation => "account_information",
            Self::PaymentInitiation => "payment_initiation",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What it stands for where no scope is sent.
    pub const fn scope(self) -> ScopeToken {
        match self {
            Self::AccountInformation => ScopeToken::Aisp,
            Self::PaymentInitiation => ScopeToken::Pisp,
        }
    }

    pub fn is_offered_by(self, brand: &Brand) -> bool {
        brand.profiles.offer_fapi2() && brand.scopes.iter().any(|policy| policy.family == self.scope())
    }

    pub fn offered_by(brand: &Brand) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|kind| kind.is_offered_by(brand))
    }
}

/// As asked for or as granted, in the shape of the wire: one object, since one consent is of one kind. `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct AuthorizationDetails([AuthorizationDetail; 1]);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AuthorizationDetail {
    AccountInformation(AccountInformation),
    PaymentInitiation(PaymentInitiation),
}

/// What scope `aisp` means, and of which accounts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountInformation {
    /// All of them; may be left out.
    pub actions: Vec<AccountAction>,
    /// In a request those that the TPP would like, told to the customer. In an answer those that he chose; absent: as the bank's rule
    /// says, or not all have an IBAN.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountReference>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountAction {
    ListAccounts,
    ReadBalances,
    ReadTransactions,
}

impl AccountAction {
    const ALL: [(&'static str, Self); 3] =
        [("list_accounts", Self::ListAccounts), ("read_balances", Self::ReadBalances), ("read_transactions", Self::ReadTransactions)];
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountReference {
    /// Without spaces.
    pub iban: String,
}

/// One payment from an account that the customer chooses.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentInitiation {
    /// `initiate` and nothing else; may be left out.
    pub actions: Vec<PaymentAction>,
    pub instructed_amount: InstructedAmount,
    /// As the customer is to read it, 1 to 140 characters.
    pub creditor_name: String,
    pub creditor_account: AccountReference,
    /// For the payee, 1 to 140 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remittance_information_unstructured: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentAction {
    Initiate,
}

impl PaymentAction {
    const ALL: [(&'static str, Self); 1] = [("initiate", Self::Initiate)];
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstructedAmount {
    /// ISO 4217.
    pub currency: String,
    /// A decimal number as in ISO 20022, such as `1234.50`.
    pub amount: String,
}

impl AuthorizationDetails {
    /// The parameter, or all that is wrong with it.
    pub fn read(text: &str) -> Result<Self, Vec<Fault>> {
        let wrong = |member: &str, why| Err(vec![Fault { member: member.to_owned(), why }]);
        if text.len() > LONGEST {
            return wrong(PARAMETER, "must have at most 4096 bytes");
        }
        let Ok(Value::Array(list)) = serde_json::from_str(text) else { return wrong(PARAMETER, "must be a JSON array") };
        let [Value::Object(members)] = list.as_slice() else { return wrong(PARAMETER, "must hold one object, and nothing else") };
        let Some(kind) = members.get("type").and_then(Value::as_str).and_then(DetailsType::from_name) else {
            return Err(vec![Self::type_fault("must be account_information or payment_initiation")]);
        };
        let mut members = Members::new(members);
        members.need("type", Ok);
        let detail = match kind {
            DetailsType::AccountInformation => AccountInformation::read(&mut members).map(AuthorizationDetail::AccountInformation),
            DetailsType::PaymentInitiation => PaymentInitiation::read(&mut members).map(AuthorizationDetail::PaymentInitiation),
        };
        let faults = members.finish();
        match detail {
            Some(detail) if faults.is_empty() => Ok(Self([detail])),
            Some(_) | None => {
                let placed = |fault: Fault| Fault { member: format!("{PARAMETER}[0].{}", fault.member), why: fault.why };
                Err(faults.into_iter().map(placed).collect())
            }
        }
    }

    /// What is wrong with the kind of what is asked for.
    pub fn type_fault(why: &'static str) -> Fault {
        Fault { member: format!("{PARAMETER}[0].type"), why }
    }

    pub const fn kind(&self) -> DetailsType {
        match &self.0 {
            [AuthorizationDetail::AccountInformation(_)] => DetailsType::AccountInformation,
            [AuthorizationDetail::PaymentInitiation(_)] => DetailsType::PaymentInitiation,
        }
    }

    /// The IBANs of the accounts that the TPP would like to have.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        let accounts: &[AccountReference] = match &self.0 {
            [AuthorizationDetail::AccountInformation(asked)] => &asked.accounts,
            [AuthorizationDetail::PaymentInitiation(_)] => &[],
        };
        accounts.iter().map(|account| account.iban.as_str())
    }

    /// The payment that is asked for, under the name by which the bank knows it.
    pub fn payment(&self, name: impl FnOnce() -> String) -> Option<Payment> {
        let [AuthorizationDetail::PaymentInitiation(asked)] = &self.0 else { return None };
        Some(Payment {
            kind: PaymentKind::Initiation,
            payment_id: name(),
            amount: asked.instructed_amount.amount.clone(),
            currency: asked.instructed_amount.currency.clone(),
            creditor_name: asked.creditor_name.clone(),
            creditor_account: asked.creditor_account.iban.clone(),
            execution_date: None,
            debtor_account: None,
            frequency: None,
            batch_count: None,
            remittance_information: asked.remittance_information_unstructured.clone(),
        })
    }

    /// What came of it (RFC 9396 s7.1): of accounts those that the customer chose, a payment as it was asked for.
    pub fn granted(&self, chosen: &[Account]) -> Self {
        match &self.0 {
            [AuthorizationDetail::AccountInformation(asked)] => {
                let ibans = chosen.iter().map(|account| Some(AccountReference { iban: account.iban.clone()? }));
                let accounts = ibans.collect::<Option<Vec<_>>>().unwrap_or_default();
                Self([AuthorizationDetail::AccountInformation(AccountInformation { actions: asked.actions.clone(), accounts })])
            }
            [AuthorizationDetail::PaymentInitiation(_)] => self.clone(),
        }
    }
}

impl fmt::Debug for AuthorizationDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorizationDetails(..)")
    }
}

impl AccountInformation {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let actions = actions(members, &AccountAction::ALL, "must be list_accounts, read_balances and read_transactions, or absent");
        let accounts = accounts(members);
        Some(Self { actions: actions?, accounts: accounts? })
    }
}

impl PaymentInitiation {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let actions = actions(members, &PaymentAction::ALL, "must be initiate alone, or absent");
        let instructed_amount = object(members, "instructedAmount", |members| {
            let (currency, amount) = payment_fields::money(members)?;
            Some(InstructedAmount { currency: currency.to_owned(), amount: amount.to_owned() })
        });
        let creditor_name = members.need("creditorName", payment_fields::name);
        let creditor_account = object(members, "creditorAccount", account);
        let remittance = members.may("remittanceInformationUnstructured", payment_fields::name);
        Some(Self {
            actions: actions?,
            instructed_amount: instructed_amount?,
            creditor_name: creditor_name?.to_owned(),
            creditor_account: creditor_account?,
            remittance_information_unstructured: remittance.map(str::to_owned),
        })
    }
}

/// Absent means all. Fewer would be promised to the customer and kept by nobody: what a token may do is what its scope says.
fn actions<A: Copy + PartialEq>(members: &mut Members<'_>, all: &[(&str, A)], why: &'static str) -> Option<Vec<A>> {
    let every = || all.iter().map(|(_, action)| *action).collect::<Vec<_>>();
    let Some(value) = members.get("actions") else { return Some(every()) };
    let named = |value: &Value| all.iter().find(|(name, _)| Some(*name) == value.as_str()).map(|(_, action)| *action);
    let asked = value.as_array().and_then(|list| list.iter().map(named).collect::<Option<Vec<_>>>());
    let complete = asked.filter(|asked| asked.len() == all.len() && every().iter().all(|action| asked.contains(action)));
    if complete.is_none() {
        members.fault("actions", why);
    }
    complete
}

fn accounts(members: &mut Members<'_>) -> Option<Vec<AccountReference>> {
    let Some(value) = members.get("accounts") else { return Some(vec![]) };
    let Some(list) = value.as_array().filter(|list| (1..=MOST_ACCOUNTS).contains(&list.len())) else {
        members.fault("accounts", "must be a list of 1 to 20 accounts, or absent");
        return None;
    };
    let mut read: Vec<AccountReference> = vec![];
    for (i, value) in list.iter().enumerate() {
        let place = format!("accounts[{i}]");
        let account = within(members, &place, value, account)?;
        if read.contains(&account) {
            members.fault(&place, "is there twice");
            return None;
        }
        read.push(account);
    }
    Some(read)
}

fn account(members: &mut Members<'_>) -> Option<AccountReference> {
    members.need("iban", iban).map(|iban| AccountReference { iban: iban.to_owned() })
}

fn iban(text: &str) -> Result<&str, &'static str> {
    if payment_fields::is_iban(text.as_bytes()) { Ok(text) } else { Err("must be a valid IBAN without spaces") }
}

fn object<'m, T>(members: &mut Members<'m>, name: &'static str, read: impl FnOnce(&mut Members<'m>) -> Option<T>) -> Option<T> {
    match members.get(name) {
        Some(value) => within(members, name, value, read),
        None => {
            members.fault(name, "missing");
            None
        }
    }
}

/// What is wrong with members of an object is named with its place.
fn within<'m, T>(members: &mut Members<'m>, place: &str, value: &'m Value, read: impl FnOnce(&mut Members<'m>) -> Option<T>) -> Option<T> {
    let Some(object) = value.as_object() else {
        members.fault(place, "must be an object");
        return None;
    };
    let mut inner = Members::new(object);
    let read = read(&mut inner);
    for fault in inner.finish() {
        members.fault(&format!("{place}.{}", fault.member), fault.why);
    }
    read
}

#[cfg(test)]
mod tests;
