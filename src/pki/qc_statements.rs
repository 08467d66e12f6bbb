//! The qcStatements extension (ETSI EN 319 412-5, PSD2 statement of TS 119 495), read strictly.
//!
//! A wrong outer structure is an error; a wrong statement is noted and the others are still read.

use super::der::{self, DerError, Reader};
use super::{oid, reason::Reason};
use crate::oauth::tpp::PspRole;

/// Upper bound of nCAName, nCAId and roleOfPspName (TS 119 495 annex A), in characters.
const MAX_TEXT: usize = 256;

/// What the statements say, before any rule is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QcStatements {
    /// Statement ids in the order of the certificate.
    pub ids: Vec<Vec<u8>>,
    pub qc_compliance: bool,
    /// The OIDs of QcType, if that statement is present.
    pub qc_types: Option<Vec<Vec<u8>>>,
    /// QcCClegislation is present: qualified under another law than the EU's.
    pub cc_legislation: bool,
    pub psd2: Option<Psd2Statement>,
    /// Statements whose contents cannot be read.
    pub malformed: Vec<&'static str>,
}

/// PSD2QcType of ETSI TS 119 495 annex A.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Psd2Statement {
    pub roles: Vec<RoleOfPsp>,
    pub nca_name: String,
    pub nca_id: String,
}

/// A role as written: the OID and the name beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleOfPsp {
    pub oid: Vec<u8>,
    pub name: String,
}

/// Reads the contents of the extension's OCTET STRING.
///
/// # Errors
/// When the bytes are not DER or not a `SEQUENCE OF QCStatement`.
pub fn read(extension_value: &[u8]) -> Result<QcStatements, DerError> {
    der::check(extension_value)?;
    let mut outer = Reader::new(der::only(extension_value, der::SEQUENCE)?);
    let mut statements = QcStatements::default();
    while !outer.is_empty() {
        let mut statement = Reader::new(outer.expect(der::SEQUENCE)?);
        let id = statement.expect(der::OBJECT_IDENTIFIER)?;
        if let Err(error) = statements.take(id, statement) {
            statements.malformed.push(error.0);
        }
        statements.ids.push(id.to_vec());
    }
    Ok(statements)
}

impl QcStatements {
    fn take(&mut self, id: &[u8], mut info: Reader<'_>) -> Result<(), DerError> {
        if id == oid::QC_COMPLIANCE {
            info.finish().map_err(|_| DerError("QcCompliance has a statementInfo"))?;
            self.qc_compliance = true;
        } else if id == oid::QC_TYPE {
            self.qc_types = Some(qc_types(info).map_err(|_| DerError("QcType is not a sequence of object identifiers"))?);
        } else if id == oid::QC_CC_LEGISLATION {
            self.cc_legislation = true;
        } else if id == oid::PSD2 {
            self.psd2 = Some(psd2(info)?);
        } else if !info.is_empty() {
            info.any()?;
            info.finish().map_err(|_| DerError("a statement has more than an id and an info"))?;
        }
        Ok(())
    }

    /// The first statement id that occurs again, in dots.
    pub fn repeated(&self) -> Option<String> {
        let again = self.ids.iter().enumerate().find(|(at, id)| self.ids.iter().take(*at).any(|earlier| earlier == *id));
        again.map(|(_, id)| der::dotted(id))
    }

    pub fn has(&self, id: &[u8]) -> bool {
        self.ids.iter().any(|present| present == id)
    }
}

impl RoleOfPsp {
    /// The role, if OID and name are one of the four fixed pairs (TS 119 495 s5.1).
    ///
    /// # Errors
    /// `RoleUnspecified`, `RoleUnknown` or `RoleNameMismatch`.
    pub fn role(&self) -> Result<PspRole, Reason> {
        if self.oid == oid::ROLE_UNSPECIFIED {
            return Err(Reason::RoleUnspecified);
        }
        let role = PspRole::ALL.into_iter().find(|role| role_oid(*role) == self.oid);
        let role = role.ok_or_else(|| Reason::RoleUnknown(der::dotted(&self.oid)))?;
        if role.name() == self.name {
            Ok(role)
        } else {
            let written: String = self.name.chars().take(40).flat_map(char::escape_debug).collect();
            Err(Reason::RoleNameMismatch(format!("\"{written}\" beside the object identifier of {role}")))
        }
    }
}

const fn role_oid(role: PspRole) -> &'static [u8] {
    match role {
        PspRole::AccountServicing => oid::ROLE_AS,
        PspRole::PaymentInitiation => oid::ROLE_PI,
        PspRole::AccountInformation => oid::ROLE_AI,
        PspRole::CardIssuing => oid::ROLE_IC,
    }
}

fn qc_types(mut info: Reader<'_>) -> Result<Vec<Vec<u8>>, DerError> {
    let mut list = Reader::new(info.expect(der::SEQUENCE)?);
    info.finish()?;
    let mut types = Vec::new();
    while !list.is_empty() {
        types.push(list.expect(der::OBJECT_IDENTIFIER)?.to_vec());
    }
    Ok(types)
}

fn psd2(mut info: Reader<'_>) -> Result<Psd2Statement, DerError> {
    let shape = |_| DerError("the PSD2 statement is not roles, nCAName and nCAId");
    let mut parts = Reader::new(info.expect(der::SEQUENCE).map_err(shape)?);
    info.finish().map_err(shape)?;
    let roles = roles(parts.expect(der::SEQUENCE).map_err(shape)?)?;
    let nca_name = text(&mut parts)?;
    let nca_id = text(&mut parts)?;
    parts.finish().map_err(shape)?;
    Ok(Psd2Statement { roles, nca_name, nca_id })
}

fn roles(list: &[u8]) -> Result<Vec<RoleOfPsp>, DerError> {
    let shape = |_| DerError("a RoleOfPSP is not an object identifier and a name");
    let mut list = Reader::new(list);
    let mut roles = Vec::new();
    while !list.is_empty() {
        let mut role = Reader::new(list.expect(der::SEQUENCE).map_err(shape)?);
        let oid = role.expect(der::OBJECT_IDENTIFIER).map_err(shape)?.to_vec();
        let name = text(&mut role)?;
        role.finish().map_err(shape)?;
        roles.push(RoleOfPsp { oid, name });
    }
    Ok(roles)
}

fn text(reader: &mut Reader<'_>) -> Result<String, DerError> {
    let bytes = reader.expect(der::UTF8_STRING).map_err(|_| DerError("a text of the PSD2 statement is not a UTF8String"))?;
    let text = std::str::from_utf8(bytes).map_err(|_| DerError("a text of the PSD2 statement is not UTF-8"))?;
    match text.chars().count() {
        1..=MAX_TEXT => Ok(text.to_owned()),
        _ => Err(DerError("a text of the PSD2 statement has not 1 to 256 characters")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let body = parts.concat();
        assert!(body.len() < 0x100);
        let length = if body.len() < 0x80 { vec![body.len() as u8] } else { vec![0x81, body.len() as u8] };
        [&[tag][..], &length, &body].concat()
    }

    fn seq(parts: &[&[u8]]) -> Vec<u8> {
        tlv(der::SEQUENCE, parts)
    }

    fn id(oid: &[u8]) -> Vec<u8> {
        tlv(der::OBJECT_IDENTIFIER, &[oid])
    }

    fn utf8(text: &str) -> Vec<u8> {
        tlv(der::UTF8_STRING, &[text.as_bytes()])
    }

    fn psd2_statement(roles: &[(&[u8], &str)], nca_id: &str) -> Vec<u8> {
        let roles: Vec<_> = roles.iter().map(|(oid, name)| seq(&[&id(oid), &utf8(name)])).collect();
        let roles = seq(&roles.iter().map(Vec::as_slice).collect::<Vec<_>>());
        seq(&[&id(oid::PSD2), &seq(&[&roles, &utf8("Authority"), &utf8(nca_id)])])
    }

    fn good() -> Vec<u8> {
        let compliance = seq(&[&id(oid::QC_COMPLIANCE)]);
        let web = seq(&[&id(oid::QC_TYPE), &seq(&[&id(oid::QC_TYPE_WEB)])]);
        seq(&[&compliance, &web, &psd2_statement(&[(oid::ROLE_AI, "PSP_AI"), (oid::ROLE_PI, "PSP_PI")], "FR-ACPR")])
    }

    #[test]
    fn a_good_extension_is_read_whole() {
        let read = read(&good()).unwrap();
        assert!(read.qc_compliance && !read.cc_legislation && read.malformed.is_empty());
        assert_eq!(read.qc_types, Some(vec![oid::QC_TYPE_WEB.to_vec()]));
        let psd2 = read.psd2.unwrap();
        assert_eq!(psd2.nca_id, "FR-ACPR");
        let roles: Vec<_> = psd2.roles.iter().map(RoleOfPsp::role).collect();
        assert_eq!(roles, [Ok(PspRole::AccountInformation), Ok(PspRole::PaymentInitiation)]);
    }

    #[test]
    fn other_dialects_are_not_read_as_the_standards() {
        let compliance = seq(&[&id(oid::QC_COMPLIANCE)]);
        assert!(read(&compliance).is_err(), "a bare statement without the outer sequence");
        let flat = seq(&[&id(oid::ROLE_AI), &utf8("PSP_AI"), &id(oid::ROLE_PI), &utf8("PSP_PI")]);
        let flattened = seq(&[&seq(&[&id(oid::PSD2), &seq(&[&seq(&[&flat]), &utf8("N"), &utf8("FR-ACPR")])])]);
        let cases = [
            (seq(&[&seq(&[&id(oid::QC_COMPLIANCE), &utf8("")])]), "QcCompliance has a statementInfo"),
            (seq(&[&seq(&[&id(oid::QC_TYPE), &id(oid::QC_TYPE_WEB)])]), "QcType is not a sequence of object identifiers"),
            (flattened, "a RoleOfPSP is not an object identifier and a name"),
            (seq(&[&psd2_statement(&[(oid::ROLE_AI, "")], "FR-ACPR")]), "a text of the PSD2 statement has not 1 to 256 characters"),
        ];
        for (bytes, why) in cases {
            assert_eq!(read(&bytes).unwrap().malformed, [why]);
        }
    }

    #[test]
    fn a_role_is_one_of_four_pairs() {
        let cases = [
            (oid::ROLE_AS, "PSP_AS", "ok"),
            (oid::ROLE_AI, "PSP_PI", "ROLE_NAME_MISMATCH"),
            (oid::ROLE_AI, "PSP_AI\u{200b}", "ROLE_NAME_MISMATCH"),
            (oid::ROLE_AI, "psp_ai", "ROLE_NAME_MISMATCH"),
            (oid::ROLE_UNSPECIFIED, "Unspecified", "ROLE_UNSPECIFIED"),
            (oid::PSD2, "PSP_AI", "ROLE_UNKNOWN"),
        ];
        for (oid, name, verdict) in cases {
            let role = RoleOfPsp { oid: oid.to_vec(), name: name.to_owned() }.role();
            assert_eq!(role.as_ref().map_or_else(Reason::code, |_| "ok"), verdict);
        }
    }

    #[test]
    fn every_truncation_is_an_error() {
        let good = good();
        for end in 0..good.len() {
            assert!(read(&good[..end]).is_err(), "cut at {end}");
        }
    }

    proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let _ = der::check(&bytes);
            let _ = der::dotted(&bytes);
        }

        #[test]
        fn a_flipped_byte_never_panics(at in 0usize..100, with in 1u8..=255) {
            let mut bytes = good();
            let at = at % bytes.len();
            bytes[at] ^= with;
            let _ = read(&bytes).map(|read| (read.repeated(), read.psd2.map(|psd2| psd2.roles.iter().map(RoleOfPsp::role).collect::<Vec<_>>())));
        }
    }
}
