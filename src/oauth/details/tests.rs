use super::*;
use proptest::prelude::*;
use serde_json::json;

fn read(value: &Value) -> Result<AuthorizationDetails, Vec<String>> {
    AuthorizationDetails::read(&value.to_string()).map_err(|faults| faults.into_iter().map(|fault| fault.member).collect())
}

fn payment(changes: &Value) -> Value {
    let mut all = json!({
        "type": "payment_initiation",
        "instructedAmount": { "currency": "EUR", "amount": "123.50" },
        "creditorName": "Merchant A",
        "creditorAccount": { "iban": "DE89370400440532013000" },
        "remittanceInformationUnstructured": "Ref Number Merchant",
    });
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!([all])
}

fn access(changes: &Value) -> Value {
    let mut all = json!({ "type": "account_information" });
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json!([all])
}

#[test]
fn each_member_is_judged_and_named() {
    let iban = json!({ "iban": "FR7630006000011234567890189" });
    let many: Vec<_> = (0..21).map(|_| iban.clone()).collect();
    let long = "x".repeat(141);
    for (value, wrong) in [
        (access(&json!({})), ""),
        (access(&json!({ "actions": ["read_balances", "list_accounts", "read_transactions"] })), ""),
        (access(&json!({ "actions": ["read_balances"] })), "actions"),
        (access(&json!({ "actions": ["read_balances", "read_balances", "read_balances"] })), "actions"),
        (access(&json!({ "actions": [] })), "actions"),
        (access(&json!({ "actions": "read_balances" })), "actions"),
        (access(&json!({ "accounts": [iban] })), ""),
        (access(&json!({ "accounts": [] })), "accounts"),
        (access(&json!({ "accounts": many })), "accounts"),
        (access(&json!({ "accounts": [iban, iban] })), "accounts[1]"),
        (access(&json!({ "accounts": [iban, "x"] })), "accounts[1]"),
        (access(&json!({ "accounts": [{ "iban": "FR7630006000011234567890188" }] })), "accounts[0].iban"),
        (access(&json!({ "accounts": [{ "iban": "20-15-55" }] })), "accounts[0].iban"),
        (access(&json!({ "accounts": [{ "iban": "DE89370400440532013000", "bic": "X" }] })), "accounts[0].bic"),
        (access(&json!({ "datatypes": ["contacts"] })), "datatypes"),
        (payment(&json!({})), ""),
        (payment(&json!({ "actions": ["initiate"] })), ""),
        (payment(&json!({ "actions": ["initiate", "cancel"] })), "actions"),
        (payment(&json!({ "remittanceInformationUnstructured": null })), ""),
        (payment(&json!({ "remittanceInformationUnstructured": long })), "remittanceInformationUnstructured"),
        (payment(&json!({ "remittanceInformationUnstructured": "A\u{202e}B" })), "remittanceInformationUnstructured"),
        (payment(&json!({ "creditorName": null })), "creditorName"),
        (payment(&json!({ "creditorName": "A\u{200b}B" })), "creditorName"),
        (payment(&json!({ "creditorName": 1 })), "creditorName"),
        (payment(&json!({ "creditorAccount": "DE89370400440532013000" })), "creditorAccount"),
        (payment(&json!({ "creditorAccount": null })), "creditorAccount"),
        (payment(&json!({ "creditorAccount": {} })), "creditorAccount.iban"),
        (payment(&json!({ "instructedAmount": { "currency": "EUR", "amount": "1.505" } })), "instructedAmount.amount"),
        (payment(&json!({ "instructedAmount": { "currency": "EUR", "amount": 1.5 } })), "instructedAmount.amount"),
        (payment(&json!({ "instructedAmount": { "currency": "EUR", "amount": "0" } })), "instructedAmount.amount"),
        (payment(&json!({ "instructedAmount": { "currency": "XXX", "amount": "1" } })), "instructedAmount.currency"),
        (payment(&json!({ "instructedAmount": { "currency": "EUR", "amount": "1", "x": 1 } })), "instructedAmount.x"),
        (payment(&json!({ "executionDate": "2099-01-01" })), "executionDate"),
        (payment(&json!({ "payment_id": "p" })), "payment_id"),
        (json!([{ "type": "signature" }]), "type"),
        (json!([{ "type": 1, "x": 1 }]), "type"),
        (json!([{}]), "type"),
    ] {
        let expected = if wrong.is_empty() { None } else { Some(vec![format!("{PARAMETER}[0].{wrong}")]) };
        assert_eq!(read(&value).err(), expected, "{value}");
    }
    let both = json!([{ "type": "account_information" }, { "type": "account_information" }]);
    for value in [json!([]), json!({}), json!("x"), json!([1]), both, payment(&json!({ "creditorName": "x".repeat(LONGEST) }))] {
        assert_eq!(read(&value).err(), Some(vec![PARAMETER.to_owned()]), "{value}");
    }
    assert!(AuthorizationDetails::read("[{\"type\":\"account_information\"}").is_err(), "broken off");
    assert!(AuthorizationDetails::read(&"[".repeat(LONGEST)).is_err(), "deep");
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    let value = payment(&json!({ "instructedAmount": { "amount": "0", "currency": "XXX" }, "creditorAccount": { "iban": "x" }, "y": 1 }));
    let named = ["instructedAmount.currency", "instructedAmount.amount", "creditorAccount.iban", "y"];
    assert_eq!(read(&value).unwrap_err(), named.map(|name| format!("{PARAMETER}[0].{name}")));
}

#[test]
fn what_is_granted_is_what_the_customer_chose() {
    let asked = read(&access(&json!({ "accounts": [{ "iban": "DE89370400440532013000" }] }))).unwrap();
    let account =
        |iban: Option<&str>| Account { id: "1".into(), iban: iban.map(Into::into), label: String::new(), currency: String::new() };
    let fr = "FR7630006000011234567890189";
    for (chosen, ibans) in [
        (vec![account(Some(fr))], vec![fr]),
        (vec![], vec![]),
        // some of them would look like all
        (vec![account(Some(fr)), account(None)], vec![]),
    ] {
        assert_eq!(asked.granted(&chosen).accounts().collect::<Vec<_>>(), ibans);
    }
    let asked = read(&payment(&json!({}))).unwrap();
    assert!(asked.granted(&[account(Some(fr))]) == asked);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_a_reason(text in "\\PC{0,80}|[\\[\\]{}:,\"a-z0-9]{0,80}") {
        if let Err(faults) = AuthorizationDetails::read(&text) {
            prop_assert!(!faults.is_empty());
        }
    }

    /// What is stored, shown and told is what was sent.
    #[test]
    fn a_payment_that_is_taken_is_told_as_it_was_sent(cents in 1_u64..100_000_000, name in "[\\PC&&[^ ]]{1,140}", reference in "\\PC{0,150}") {
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        let sent = payment(&json!({
            "actions": ["initiate"],
            "instructedAmount": { "currency": "EUR", "amount": amount },
            "creditorName": name,
            "remittanceInformationUnstructured": reference,
        }));
        if let Ok(details) = AuthorizationDetails::read(&sent.to_string()) {
            prop_assert_eq!(&serde_json::to_value(&details).unwrap(), &sent);
            prop_assert!(AuthorizationDetails::read(&serde_json::to_string(&details).unwrap()).is_ok_and(|again| again == details));
            prop_assert!(serde_json::from_value::<AuthorizationDetails>(sent).unwrap() == details);
            let payment = details.payment(|| "p".into()).unwrap();
            prop_assert_eq!((payment.amount, payment.creditor_name, payment.remittance_information), (amount, name, Some(reference)));
        }
    }
}
