//! The members of a lodged payment, each judged; every wrong one is named at once.

use super::payment::{Frequency, Payment, PaymentKind};
use serde_json::{Map, Value};
use time::{Date, Duration, OffsetDateTime, macros::format_description};

/// ISO 20022 Max140Text.
const LONGEST_NAME: usize = 140;
/// ISO 20022 Max34Text.
const LONGEST_ACCOUNT: usize = 34;
const LONGEST_ID: usize = 128;
/// ISO 20022: totalDigits and fractionDigits of an amount.
const MOST_DIGITS: usize = 18;
const MOST_DECIMALS: usize = 5;
const LARGEST_BATCH: u64 = 1_000_000;
/// The earliest clock on earth is so far behind UTC: there it may still be yesterday.
const EARLIEST_ZONE: Duration = Duration::hours(12);
/// More mistakes than this help nobody.
const MOST_FAULTS: usize = 16;

/// A member and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub member: String,
    pub why: &'static str,
}

/// Reads members one by one and keeps what was wrong with each.
pub struct Members<'m> {
    members: &'m Map<String, Value>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl<'m> Members<'m> {
    pub fn new(members: &'m Map<String, Value>) -> Self {
        Self { members, known: vec![], faults: vec![] }
    }

    /// `null` counts as absent.
    pub fn get(&mut self, name: &'static str) -> Option<&'m Value> {
        self.known.push(name);
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub fn fault(&mut self, member: &str, why: &'static str) {
        self.faults.push(Fault { member: member.to_owned(), why });
    }

    /// A text that must be there.
    pub fn need<T>(&mut self, name: &'static str, read: impl FnOnce(&'m str) -> Result<T, &'static str>) -> Option<T> {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.known.push(name);
            self.fault(name, "missing");
            return None;
        }
        self.may(name, read)
    }

    /// A text that may be absent.
    pub fn may<T>(&mut self, name: &'static str, read: impl FnOnce(&'m str) -> Result<T, &'static str>) -> Option<T> {
        let value = self.get(name)?;
        let read = value.as_str().ok_or("must be a string").and_then(read);
        read.map_err(|why| self.fault(name, why)).ok()
    }

    /// Also names the members that nobody asked for.
    pub fn finish(mut self) -> Vec<Fault> {
        let unknown = self.members.keys().filter(|name| !self.known.contains(&name.as_str()));
        self.faults.extend(unknown.map(|name| Fault { member: name.clone(), why: "not a member of this request" }));
        self.faults.truncate(MOST_FAULTS);
        self.faults
    }
}

/// The payment among the members. `None`: something is wrong with one of them, and `members` knows what.
pub fn read(members: &mut Members<'_>, now: OffsetDateTime) -> Option<Payment> {
    let kind = members.need("kind", |text| PaymentKind::from_name(text).ok_or("must be initiation or cancellation"));
    let payment_id = members.need("payment_id", identifier);
    let money = money(members);
    let creditor_name = members.need("creditor_name", name);
    let creditor_account = members.need("creditor_account", account);
    let execution_date = members.may("execution_date", |text| date(text, now));
    let debtor_account = members.may("debtor_account", account);
    let frequency = members.may("frequency", |text| {
        let why = "must be one of daily, weekly, every_two_weeks, monthly, every_two_months, quarterly, semi_annual, annual";
        Frequency::ALL.into_iter().find(|frequency| frequency.name() == text).ok_or(why)
    });
    let batch_count = batch_count(members);
    if !members.faults.is_empty() {
        return None;
    }
    Some(Payment {
        kind: kind?,
        payment_id: payment_id?.to_owned(),
        amount: money?.1.to_owned(),
        currency: money?.0.to_owned(),
        creditor_name: creditor_name?.to_owned(),
        creditor_account: creditor_account?.to_owned(),
        execution_date: execution_date.map(str::to_owned),
        debtor_account: debtor_account.map(str::to_owned),
        frequency,
        batch_count,
        remittance_information: None,
    })
}

/// Currency and amount, in no more decimals than it has.
pub fn money<'m>(members: &mut Members<'m>) -> Option<(&'m str, &'m str)> {
    let currency = members.need("currency", currency);
    let decimals = currency.map_or(MOST_DECIMALS, |(_, decimals)| decimals);
    let amount = members.need("amount", |text| amount(text, decimals));
    Some((currency?.0, amount?))
}

fn batch_count(members: &mut Members<'_>) -> Option<u32> {
    let value = members.get("batch_count")?;
    let count = value.as_u64().filter(|count| (1..=LARGEST_BATCH).contains(count)).and_then(|count| u32::try_from(count).ok());
    if count.is_none() {
        members.fault("batch_count", "must be a whole number from 1 to 1000000");
    }
    count
}

/// A name of the bank's own, for logs and addresses.
pub fn identifier(text: &str) -> Result<&str, &'static str> {
    let fine = (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if fine { Ok(text) } else { Err("must be 1 to 128 visible ASCII characters") }
}

/// One spelling of a number, without sign, exponent or needless zeros before it.
fn amount(text: &str, decimals: usize) -> Result<&str, &'static str> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let written = if text.contains('.') { fraction.len() } else { 0 };
    if !digits(whole) || !digits(fraction) || whole.len() + written > MOST_DIGITS || (whole.len() > 1 && whole.starts_with('0')) {
        return Err("must be a decimal number of at most 18 digits, such as 1234.50");
    }
    if written > decimals {
        return Err("has more decimals than the currency");
    }
    if text.bytes().all(|b| b == b'0' || b == b'.') {
        return Err("must be more than zero");
    }
    Ok(text)
}

/// ISO 4217, with the decimals of its minor unit.
fn currency(text: &str) -> Result<(&str, usize), &'static str> {
    let row = CURRENCIES.iter().find(|(_, codes)| text.len() == 3 && codes.split(' ').any(|code| code == text));
    row.map(|(decimals, _)| (text, *decimals)).ok_or("must be an ISO 4217 currency code")
}

/// ISO 4217:2015 list one as of 2025, by decimals; without funds, metals and codes for testing.
const CURRENCIES: [(usize, &str); 4] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK \
         DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT \
         LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN \
         QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS \
         VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
    (4, "CLF UYW"),
];

/// What is shown to the customer as it is: nothing invisible, nothing that turns the text around (Unicode s23.2 and TR 36 s2).
pub fn name(text: &str) -> Result<&str, &'static str> {
    if text.is_empty() || text.chars().count() > LONGEST_NAME {
        return Err("must have 1 to 140 characters");
    }
    if text.chars().any(is_invisible) {
        return Err("must have no control, invisible or direction characters");
    }
    if text.trim() != text {
        return Err("must not begin or end with a space");
    }
    Ok(text)
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// An IBAN (ISO 13616) as machines write it, or an account of another scheme.
fn account(text: &str) -> Result<&str, &'static str> {
    let bytes = text.as_bytes();
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-/?:().,'+".contains(b);
    if bytes.is_empty() || bytes.len() > LONGEST_ACCOUNT || !bytes.iter().all(allowed) {
        return Err("must be an IBAN without spaces, or another account number of at most 34 letters and digits");
    }
    let like_iban =
        matches!(bytes, [a, b, c, d, ..] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() && c.is_ascii_digit() && d.is_ascii_digit());
    if like_iban && !is_iban(bytes) { Err("is not a valid IBAN") } else { Ok(text) }
}

/// ISO 13616 with ISO 7064 mod 97-10: the first four characters moved to the end, letters as 10 to 35, the rest is 1.
pub fn is_iban(text: &[u8]) -> bool {
    if !(15..=LONGEST_ACCOUNT).contains(&text.len()) || !text.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
        return false;
    }
    let (front, rest) = text.split_at(4);
    let remainder = rest.iter().chain(front).fold(0_u32, |sum, b| match b {
        b'0'..=b'9' => (sum * 10 + u32::from(b - b'0')) % 97,
        _ => (sum * 100 + u32::from(b - b'A') + 10) % 97,
    });
    remainder == 1
}

fn date(text: &str, now: OffsetDateTime) -> Result<&str, &'static str> {
    let date = Date::parse(text, format_description!("[year]-[month]-[day]")).ok().filter(|_| text.len() == 10);
    match date {
        None => Err("must be a date such as 2026-12-31"),
        Some(date) if date < (now - EARLIEST_ZONE).date() => Err("is in the past"),
        Some(_) => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-10 09:00 UTC);

    fn judge(changes: Value) -> Result<Payment, Vec<(String, &'static str)>> {
        let mut all = json!({
            "kind": "initiation", "payment_id": "p-1", "amount": "12.50", "currency": "EUR", "creditor_name": "Café Zoë",
            "creditor_account": "FR7630006000011234567890189",
        });
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        let all = all.as_object().unwrap();
        let mut members = Members::new(all);
        let payment = super::read(&mut members, NOW);
        let faults: Vec<_> = members.finish().into_iter().map(|fault| (fault.member, fault.why)).collect();
        if faults.is_empty() { Ok(payment.unwrap()) } else { Err(faults) }
    }

    #[test]
    fn each_member_is_judged() {
        let long = "x".repeat(141);
        for (changes, wrong) in [
            (json!({}), None),
            (json!({"kind": "cancellation"}), None),
            (json!({"kind": "refund"}), Some("kind")),
            (json!({"kind": 1}), Some("kind")),
            (json!({"payment_id": ""}), Some("payment_id")),
            (json!({"payment_id": "a b"}), Some("payment_id")),
            (json!({"payment_id": null}), Some("payment_id")),
            (json!({"amount": "1"}), None),
            (json!({"amount": "0.01"}), None),
            (json!({"amount": "1.5"}), None),
            (json!({"amount": "9999999999999999.99"}), None),
            (json!({"amount": "99999999999999999.99"}), Some("amount")),
            (json!({"amount": 12.5}), Some("amount")),
            (json!({"amount": "0"}), Some("amount")),
            (json!({"amount": "0.00"}), Some("amount")),
            (json!({"amount": "01.00"}), Some("amount")),
            (json!({"amount": "+1"}), Some("amount")),
            (json!({"amount": "-1"}), Some("amount")),
            (json!({"amount": "1e3"}), Some("amount")),
            (json!({"amount": "1,50"}), Some("amount")),
            (json!({"amount": "1."}), Some("amount")),
            (json!({"amount": ".5"}), Some("amount")),
            (json!({"amount": "1.2.3"}), Some("amount")),
            (json!({"amount": " 1"}), Some("amount")),
            (json!({"amount": "\u{661}"}), Some("amount")),
            (json!({"amount": "1.505"}), Some("amount")),
            (json!({"amount": "1.505", "currency": "TND"}), None),
            (json!({"amount": "1.5", "currency": "JPY"}), Some("amount")),
            (json!({"currency": "eur"}), Some("currency")),
            (json!({"currency": "EU"}), Some("currency")),
            (json!({"currency": "EUR USD"}), Some("currency")),
            (json!({"currency": "XXX"}), Some("currency")),
            (json!({"creditor_name": long}), Some("creditor_name")),
            (json!({"creditor_name": "x".repeat(140)}), None),
            (json!({"creditor_name": "ÀÉ <b>&\"' 株式会社"}), None),
            (json!({"creditor_name": ""}), Some("creditor_name")),
            (json!({"creditor_name": " A"}), Some("creditor_name")),
            (json!({"creditor_name": "A\nB"}), Some("creditor_name")),
            (json!({"creditor_name": "A\u{202e}B"}), Some("creditor_name")),
            (json!({"creditor_name": "A\u{200b}B"}), Some("creditor_name")),
            (json!({"creditor_name": "A\u{0}B"}), Some("creditor_name")),
            (json!({"creditor_account": "FR7630006000011234567890188"}), Some("creditor_account")),
            (json!({"creditor_account": "FR76 3000 6000 0112 3456 7890 189"}), Some("creditor_account")),
            (json!({"creditor_account": "fr7630006000011234567890189"}), Some("creditor_account")),
            (json!({"creditor_account": "GB33BUKB20201555555555"}), None),
            (json!({"creditor_account": "20-15-55/55555555"}), None),
            (json!({"creditor_account": "x".repeat(35)}), Some("creditor_account")),
            (json!({"debtor_account": "DE89370400440532013000"}), None),
            (json!({"debtor_account": "DE88370400440532013000"}), Some("debtor_account")),
            (json!({"debtor_account": null}), None),
            (json!({"execution_date": "2026-03-10"}), None),
            (json!({"execution_date": "2026-03-09"}), None),
            (json!({"execution_date": "2026-03-08"}), Some("execution_date")),
            (json!({"execution_date": "2027-02-29"}), Some("execution_date")),
            (json!({"execution_date": "2026-3-10"}), Some("execution_date")),
            (json!({"execution_date": "10.03.2026"}), Some("execution_date")),
            (json!({"execution_date": "+2026-03-10"}), Some("execution_date")),
            (json!({"frequency": "monthly"}), None),
            (json!({"frequency": "hourly"}), Some("frequency")),
            (json!({"batch_count": 12}), None),
            (json!({"batch_count": 0}), Some("batch_count")),
            (json!({"batch_count": 1.5}), Some("batch_count")),
            (json!({"batch_count": "12"}), Some("batch_count")),
            (json!({"batch_count": -1}), Some("batch_count")),
            (json!({"purpose": "rent"}), Some("purpose")),
        ] {
            let named: Option<Vec<_>> = judge(changes.clone()).err().map(|faults| faults.into_iter().map(|(member, _)| member).collect());
            assert_eq!(named, wrong.map(|name| vec![name.to_owned()]), "{changes}");
        }
    }

    #[test]
    fn all_that_is_wrong_is_named_at_once() {
        let faults = judge(json!({"amount": "0", "currency": "XXX", "creditor_account": "FR00", "execution_date": "2020-01-01", "x": 1}));
        let named: Vec<_> = faults.unwrap_err().into_iter().map(|(member, _)| member).collect();
        assert_eq!(named, ["currency", "amount", "creditor_account", "execution_date", "x"]);
    }

    #[test]
    fn on_the_eastern_side_of_the_date_line_today_is_ahead_and_on_the_western_behind() {
        assert!(date("2026-03-09", datetime!(2026-03-10 11:59 UTC)).is_ok());
        assert_eq!(date("2026-03-09", datetime!(2026-03-10 12:00 UTC)), Err("is in the past"));
    }

    #[test]
    fn no_currency_is_listed_twice() {
        let all: Vec<_> = CURRENCIES.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        let once: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), once.len());
        assert!(all.iter().all(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())));
    }

    proptest! {
        /// ISO 7064 finds each single wrong character and each transposition of two neighbours.
        #[test]
        fn a_mistyped_iban_is_found(at in 4_usize..27, to in 0_u8..10) {
            let iban = *b"FR7630006000011234567890189";
            let (mut typed, mut swapped) = (iban, iban);
            typed[at] = b'0' + to;
            prop_assert_eq!(is_iban(&typed), typed == iban);
            swapped.swap(at, at.max(5) - 1);
            prop_assert_eq!(is_iban(&swapped), swapped == iban);
        }

        #[test]
        fn any_text_is_accepted_or_refused(text in "\\PC{0,200}", n in any::<i64>()) {
            let _ = judge(json!({"amount": text, "currency": text, "creditor_name": text, "creditor_account": text,
                                 "execution_date": text, "batch_count": n}));
        }
    }
}
