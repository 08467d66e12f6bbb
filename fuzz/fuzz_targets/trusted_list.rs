//! Any bytes give a list or a refusal, without a signature and with one that is looked for. Seed with real lists, or with
//! lists of `guichet::dev::trusted_lists`; a dictionary of the elements' names helps.
#![no_main]

use guichet::trusted_lists::{Envelope, List, Lotl, OFFICIAL_SIGNERS, Signer, follow, verify};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const MOST_BYTES: usize = 1 << 20;

static SIGNERS: LazyLock<Vec<Signer>> = LazyLock::new(|| Signer::from_pem(OFFICIAL_SIGNERS).expect("compiled in"));

fuzz_target!(|bytes: &[u8]| {
    let Ok(envelope) = Envelope::open(bytes, MOST_BYTES) else { return };
    // read before it is verified, as nobody should: the reader must hold all the same
    if let Ok(list) = List::read(&envelope) {
        assert!((5..=6).contains(&list.version) && list.territory.len() == 2);
        assert!(list.services.iter().all(|service| !service.periods.is_empty()));
    }
    let _ = Lotl::read(&envelope);
    if let Err(refusal) = verify(&envelope, &SIGNERS) {
        assert!(!refusal.to_string().chars().any(char::is_control));
    }
    let _ = follow(&envelope, &[bytes], &SIGNERS, "https://eur-lex.europa.eu/none", MOST_BYTES);
});
