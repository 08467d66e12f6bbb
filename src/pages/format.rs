//! Amounts, days and account numbers as the customer's language writes them. The patterns stand in the catalogues, after CLDR.

use super::{Texts, tpp::plain};
use crate::oauth::method::Account;

/// Currencies whose minor unit is not a hundredth (ISO 4217).
const WHOLE: [&str; 16] = ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

fn minor_digits(currency: &str) -> usize {
    if WHOLE.contains(&currency) {
        0
    } else if THOUSANDTHS.contains(&currency) {
        3
    } else {
        2
    }
}

/// A decimal number such as `1234.5` and its currency. Digits are set apart and filled up, never rounded or left out; what is no
/// number is shown as it came. Only the euro has a sign: those of other currencies mean several, their codes one.
pub(super) fn amount(t: &Texts, amount: &str, currency: &str) -> String {
    let number = number(t, amount, minor_digits(currency)).unwrap_or_else(|| plain(amount));
    if currency == "EUR" { t.amount_euro(&number) } else { t.amount_other(&number, &plain(currency)) }
}

fn number(t: &Texts, decimal: &str, least: usize) -> Option<String> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let are_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() + fraction.len() > 40 || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let mut fraction = fraction.trim_end_matches('0').to_owned();
    fraction.extend(std::iter::repeat_n('0', least.saturating_sub(fraction.len())));
    let whole = grouped(t, whole);
    Some(if fraction.is_empty() { whole } else { t.number_decimal(&whole, &fraction) })
}

/// Groups of three, from as many digits on as the language groups at all.
fn grouped(t: &Texts, digits: &str) -> String {
    let from = t.number_grouped_from().parse().unwrap_or(4);
    if digits.len() < from {
        return digits.to_owned();
    }
    let (mut high, mut low) = digits.split_at(digits.len() - 3);
    let mut text = low.to_owned();
    while !high.is_empty() {
        (high, low) = high.split_at(high.len().saturating_sub(3));
        text = t.number_group(low, &text);
    }
    text
}

/// A day of the Gregorian calendar, `month` from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalendarDate {
    pub year: i32,
    pub month: u8,
    pub day: u8,
}

impl CalendarDate {
    /// `YYYY-MM-DD`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let mut part = |digits| parts.next().filter(|p| p.len() == digits && p.bytes().all(|b| b.is_ascii_digit()));
        let (year, month, day) = (part(4)?.parse().ok()?, part(2)?.parse().ok()?, part(2)?.parse().ok()?);
        ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Self { year, month, day })
    }

    pub(super) fn text(self, t: &Texts) -> String {
        let day = if self.day == 1 { t.first_day() } else { self.day.to_string() };
        t.date(&day, &month(self.month, t), &self.year.to_string())
    }
}

fn month(number: u8, t: &Texts) -> String {
    match number {
        1 => t.month_1(),
        2 => t.month_2(),
        3 => t.month_3(),
        4 => t.month_4(),
        5 => t.month_5(),
        6 => t.month_6(),
        7 => t.month_7(),
        8 => t.month_8(),
        9 => t.month_9(),
        10 => t.month_10(),
        11 => t.month_11(),
        _ => t.month_12(),
    }
}

/// A day as the bank wrote it: in the language, or as it came.
pub(super) fn day(t: &Texts, text: &str) -> String {
    CalendarDate::parse(text).map_or_else(|| plain(text), |date| date.text(t))
}

/// An IBAN in groups of four, so that a narrow page breaks it between groups only; other account numbers as they came.
pub(super) fn account_number(text: &str) -> String {
    let text = plain(text);
    match iban(&text) {
        Some(iban) => groups(&iban),
        None => text,
    }
}

/// Enough of the customer's own account to know it by: the first four and the last four characters.
pub(super) fn masked(text: &str) -> String {
    let text = plain(text);
    match iban(&text) {
        Some(iban) => format!("{}\u{a0}…\u{a0}{}", &iban[..4], &iban[iban.len() - 4..]),
        None => text,
    }
}

/// In its compact form, if that is what it looks like (ISO 13616). Whether it exists is the bank's to say.
fn iban(text: &str) -> Option<String> {
    let compact: String = text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect();
    let bytes = compact.as_bytes();
    let looks = (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes.iter().all(u8::is_ascii_alphanumeric);
    looks.then_some(compact)
}

fn groups(compact: &str) -> String {
    let groups: Vec<String> = compact.chars().collect::<Vec<_>>().chunks(4).map(|chunk| chunk.iter().collect()).collect();
    groups.join(" ")
}

/// An account of the customer's: what the bank calls it, and its number.
pub(super) struct AccountView<'a> {
    pub id: &'a str,
    pub label: String,
    pub number: String,
    /// Where it is not the euro.
    pub currency: Option<String>,
}

impl<'a> AccountView<'a> {
    pub(super) fn of(account: &'a Account, t: &Texts) -> Self {
        let number = account.iban.as_deref().map(masked).unwrap_or_default();
        let label = Some(plain(&account.label)).filter(|label| !label.is_empty()).unwrap_or_else(|| number.clone());
        let currency = (account.currency != "EUR").then(|| t.account_currency(&plain(&account.currency)));
        Self { id: &account.id, label, number, currency }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth::brand::Lang;

    /// Expected values are those of CLDR 48 (`Intl.NumberFormat` with `currency`; the code instead of the sign but for the euro).
    #[test]
    fn an_amount_reads_as_in_the_language() {
        for (value, currency, [de, en, es, fr]) in [
            ("0", "EUR", ["0,00 €", "€0.00", "0,00 €", "0,00 €"]),
            ("1234.5", "EUR", ["1.234,50 €", "€1,234.50", "1234,50 €", "1_234,50 €"]),
            ("12345.67", "EUR", ["12.345,67 €", "€12,345.67", "12.345,67 €", "12_345,67 €"]),
            ("1234567.89", "USD", ["1.234.567,89 USD", "USD 1,234,567.89", "1.234.567,89 USD", "1_234_567,89 USD"]),
            ("0001234", "JPY", ["1.234 JPY", "JPY 1,234", "1234 JPY", "1_234 JPY"]),
            ("1.5", "TND", ["1,500 TND", "TND 1.500", "1,500 TND", "1,500 TND"]),
            ("0.005", "EUR", ["0,005 €", "€0.005", "0,005 €", "0,005 €"]),
            ("100.1000", "CHF", ["100,10 CHF", "CHF 100.10", "100,10 CHF", "100,10 CHF"]),
            ("999", "XPF", ["999 XPF", "XPF 999", "999 XPF", "999 XPF"]),
        ] {
            for (lang, expected) in [(Lang::De, de), (Lang::En, en), (Lang::Es, es), (Lang::Fr, fr)] {
                let expected = expected.replace(' ', "\u{a0}").replace('_', "\u{202f}");
                assert_eq!(amount(Texts::of(lang), value, currency), expected, "{lang:?} {value} {currency}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_shown_as_it_came() {
        let t = Texts::of(Lang::En);
        for odd in ["", "-1", "1,5", "1e9", "1.2.3", ".5", "١٢", "many"] {
            assert_eq!(amount(t, odd, "EUR"), format!("€{odd}"));
        }
        assert_eq!(amount(t, "1", "E<R\u{202e}"), "E<R\u{a0}1.00");
        assert_eq!(amount(t, &"9".repeat(41), "EUR"), format!("€{}", "9".repeat(41)));
    }

    #[test]
    fn a_date_reads_as_in_the_language() {
        for (lang, date, text) in [
            (Lang::De, "2026-03-01", "1. März 2026"),
            (Lang::En, "2027-01-31", "31 January 2027"),
            (Lang::Es, "2026-12-09", "9 de diciembre de 2026"),
            (Lang::Fr, "2026-08-01", "1er août 2026"),
            (Lang::Fr, "2026-08-02", "2 août 2026"),
            (Lang::Fr, "2026-13-02", "2026-13-02"),
            (Lang::Fr, "tomorrow", "tomorrow"),
            (Lang::Fr, "2026-8-2", "2026-8-2"),
        ] {
            assert_eq!(day(Texts::of(lang), date).replace('\u{a0}', " "), text);
        }
        for lang in Lang::ALL {
            let names: std::collections::BTreeSet<_> = (1..=12).map(|m| month(m, Texts::of(lang))).collect();
            assert_eq!(names.len(), 12, "{lang:?}");
        }
    }

    #[test]
    fn an_iban_is_grouped_and_the_customers_own_is_masked() {
        for (text, shown, hidden) in [
            ("FR7630006000011234567890189", "FR76 3000 6000 0112 3456 7890 189", "FR76 … 0189"),
            ("de89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00", "DE89 … 3000"),
            ("NO9386011117947", "NO93 8601 1117 947", "NO93 … 7947"),
            ("12345-67890", "12345-67890", "12345-67890"),
            ("FR76\u{202e}<b>", "FR76<b>", "FR76<b>"),
        ] {
            assert_eq!(account_number(text).replace('\u{a0}', " "), shown);
            assert_eq!(masked(text).replace('\u{a0}', " "), hidden);
        }
    }
}
