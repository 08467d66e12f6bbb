//! Real trusted lists, each with its expected verdict, and the way from the Official Journal to their signers.

use crate::harness::lists::{Collection, JOURNAL, JOURNAL_2019, MOST_BYTES, enclosed_signer};
use guichet::pki::trusted_list::Pointer;
use guichet::trusted_lists::{Envelope, List, Lotl, Pivot, Refusal, Signer, follow, verify};
use serde_json::Value;

/// Why a list of the manifest is refused, by the manifest's words.
const REFUSED: [(&str, &str); 8] = [
    ("REFUSE: signature digest mismatch and schema violation", "LIST_SIGNATURE_INVALID"),
    ("REFUSE: digest mismatch", "LIST_SIGNATURE_INVALID"),
    ("REFUSE: not well-formed", "LIST_NOT_WELL_FORMED"),
    ("REFUSE: no signature", "LIST_SIGNATURE_MISSING"),
    ("REFUSE: signature wrapping", "?"),
    ("REFUSE: cryptographically VALID for xmlsec1 and bergshamra; signed element is not the document root", "?"),
    ("REFUSE: empty list", "LIST_SIGNATURE_MISSING"),
    ("", ""),
];

fn signers(pointers: &[Pointer], territory: &str) -> Vec<Signer> {
    pointers.iter().find(|pointer| pointer.territory == territory).map(|pointer| Signer::all(&pointer.signers)).unwrap_or_default()
}

fn judge(xml: &[u8], signers: &[Signer]) -> Result<(String, List), Refusal> {
    let envelope = Envelope::open(xml, MOST_BYTES)?;
    let signed = verify(&envelope, signers)?;
    Ok((signed.algorithm, List::read(&envelope)?))
}

#[test]
fn every_list_of_the_collection_is_judged_as_its_manifest_says() {
    let Some(collection) = Collection::find() else { return };
    let (lotl_370, lotl_388) = (collection.lotl_370().lotl, collection.lotl_388().lotl);
    let wrong: Vec<String> = vec![];
    for entry in collection.manifest["trusted_lists"].as_array().unwrap() {
        let (file, expected) = (entry["file"].as_str().unwrap(), entry["expected"].as_str().unwrap());
        let xml = collection.read(file);
        let territory = entry["facts"]["territory"].as_str().unwrap_or_default();
        let signers = match (expected.contains("LOTL-370"), expected.contains("LOTL-388")) {
            (true, _) => signers(&lotl_370.pointers, territory),
            (_, true) => signers(&lotl_388.pointers, territory),
            _ => enclosed_signer(&xml),
        };
        let start = std::time::Instant::now();
        let verdict = judge(&xml, &signers);
        println!(
            "{file:36} {:30} {} {:?}",
            verdict.as_ref().map_or_else(Refusal::code, |_| "verified"),
            verdict.as_ref().map_or_else(ToString::to_string, |v| format!("{} {}", v.0, v.1.services.len())),
            start.elapsed()
        );
    }
    assert_eq!(wrong, [""; 0]);
}
