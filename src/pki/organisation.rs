//! organizationIdentifier and nCAId (ETSI TS 119 495 s5.2.1, s5.2.3; EN 319 412-1 s5.1.4).

use super::der::{self, DerError, Reader};

/// NCA identifiers of the annex of TS 119 495; some are already wrong in the field, so another one is only a warning.
#[rustfmt::skip]
const KNOWN_NCAS: [&str; 34] = [
    "AT-FMA", "BE-NBB", "BG-BNB", "CY-CBC", "CZ-CNB", "DE-BAFIN", "DK-DFSA", "EE-FI", "ES-BE", "FI-FINFSA", "FR-ACPR", "GB-FCA",
    "GR-BOG", "HR-CNB", "HR-HNB", "HU-CBH", "IE-CBI", "IS-FME", "IT-BI", "LI-FMA", "LT-BL", "LU-CSSF", "LV-FCMC", "MT-MFSA",
    "NL-DNB", "NO-FSA", "PL-PFSA", "PT-BP", "RO-NBR", "SE-FINA", "SI-BS", "SK-NBS", "ES-BDE", "LV-LB",
];

/// `PSD` country `-` authority `-` authorisation number, split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PsdIdentifier<'a> {
    /// `CC-ID`: what the PSD2 statement's nCAId must equal.
    pub nca_id: &'a str,
    pub country: &'a str,
    /// Opaque: any characters, hyphens and spaces among them.
    pub authorisation_number: &'a str,
}

/// Splits an organizationIdentifier of the PSD form; none if it has another form.
pub fn psd_identifier(value: &str) -> Option<PsdIdentifier<'_>> {
    let rest = value.strip_prefix("PSD")?;
    let (at, _) = rest.match_indices('-').nth(1)?;
    let (nca_id, number) = rest.split_at(at);
    let authorisation_number = number.strip_prefix('-').filter(|number| !number.trim().is_empty())?;
    let country = nca_country(nca_id)?;
    Some(PsdIdentifier { nca_id, country, authorisation_number })
}

/// The country of a `CC-ID`; none if it is not two capitals, a hyphen and 2 to 8 capitals.
pub fn nca_country(nca_id: &str) -> Option<&str> {
    let (country, authority) = nca_id.split_once('-')?;
    let capitals = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());
    (country.len() == 2 && (2..=8).contains(&authority.len()) && capitals(country) && capitals(authority)).then_some(country)
}

pub fn is_known_nca(nca_id: &str) -> bool {
    KNOWN_NCAS.contains(&nca_id)
}

/// Characters that must not reach a log, a comparison or a customer's page: controls and direction overrides.
pub fn is_deceptive(character: char) -> bool {
    character.is_control() || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A text of others, for a terminal: what could steer it is written as an escape.
pub fn legible(text: &str) -> String {
    text.chars().map(|c| if is_deceptive(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// The extension cabfOrganizationIdentifier, written as the subject's attribute would be (CA/B Forum EV Guidelines s9.8.2).
///
/// # Errors
/// When the extension has another structure.
pub fn cabf_identifier(extension_value: &[u8]) -> Result<String, DerError> {
    const STATE: u8 = 0x80; // [0] IMPLICIT
    let mut parts = Reader::new(der::only(extension_value, der::SEQUENCE)?);
    let scheme = text(parts.expect(der::PRINTABLE_STRING)?)?;
    let country = text(parts.expect(der::PRINTABLE_STRING)?)?;
    let state = parts.optional(STATE)?.map(text).transpose()?;
    let reference = text(parts.expect(der::UTF8_STRING)?)?;
    parts.finish()?;
    let state = state.map(|state| format!("+{state}")).unwrap_or_default();
    Ok(format!("{scheme}{country}{state}-{reference}"))
}

fn text(bytes: &[u8]) -> Result<&str, DerError> {
    std::str::from_utf8(bytes).map_err(|_| DerError("a text is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_hyphens_split_the_rest_is_opaque() {
        let cases = [
            ("PSDFI-FINFSA-2858394-9", Some(("FI-FINFSA", "FI", "2858394-9"))),
            ("PSDMT-MFSA-A 12345", Some(("MT-MFSA", "MT", "A 12345"))),
            ("PSDDE-FAKENCA-PSDDE-FAKENCA-1", Some(("DE-FAKENCA", "DE", "PSDDE-FAKENCA-1"))),
            ("PSDFR-ACPR-", None),
            ("PSDFR-ACPR- ", None),
            ("PSDFR-ACPR", None),
            ("PSDFR-A-1", None),
            ("PSDFR-ABCDEFGHI-1", None),
            ("PSDfr-ACPR-1", None),
            ("PSDFR-ACP1-1", None),
            ("PSDFRA-ACPR-1", None),
            ("PSD\u{c9}-ACPR-1", None),
            ("VATFR-12345", None),
            (" PSDFR-ACPR-1", None),
            ("", None),
        ];
        for (value, parts) in cases {
            let split = psd_identifier(value).map(|id| (id.nca_id, id.country, id.authorisation_number));
            assert_eq!(split, parts, "{value:?}");
        }
    }

    #[test]
    fn an_nca_id_is_a_country_and_an_authority() {
        for (id, country) in
            [("FR-ACPR", Some("FR")), ("NLDNB", None), ("NL-DMklS32X", None), ("N-DNB", None), ("NL-DNB-", None), ("-", None)]
        {
            assert_eq!(nca_country(id), country, "{id:?}");
        }
    }

    #[test]
    fn the_cabf_extension_is_written_as_the_attribute() {
        let psd = b"\x30\x14\x13\x03PSD\x13\x02IT\x0c\x09BI-123456";
        assert_eq!(cabf_identifier(psd).as_deref(), Ok("PSDIT-BI-123456"));
        let state = b"\x30\x12\x13\x03NTR\x13\x02US\x80\x02CA\x0c\x03123";
        assert_eq!(cabf_identifier(state).as_deref(), Ok("NTRUS+CA-123"));
        assert!(cabf_identifier(b"\x30\x00").is_err());
    }
}
