//! Banks whose clients are held to FAPI 2.0, or may choose it.

use super::{
    BankOptions, CIC,
    tpp::{CALLBACK, CHALLENGE, STATE},
};
use std::{fs, path::Path};

/// What is pushed for access to accounts.
pub const REQUEST: [(&str, &str); 6] = [
    ("response_type", "code"),
    ("redirect_uri", CALLBACK),
    ("scope", "aisp"),
    ("state", STATE),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

impl BankOptions {
    /// CIC alone, with this in its `[brand.security]`.
    pub fn secured(security: &str) -> Self {
        Self { brands: vec![CIC], one_brand_extra: Some((CIC, format!("[brand.security]\n{security}"))), ..Self::default() }
    }

    /// CIC alone, whose clients may choose to be held to FAPI 2.0.
    pub fn fapi2() -> Self {
        Self::secured("clients_may_choose = \"fapi2\"")
    }

    /// And it signs: by a key of a file in `folder`, ES256, until there is one of the database.
    pub fn signing(mut self, folder: &Path) -> Self {
        let [key, wrapping] = ["signing.pem", "wrapping-key"].map(|name| folder.join(name));
        fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
        fs::write(&wrapping, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
        self.extra += &format!("[signing]\nkey_files = [{key:?}]\nwrapping_key_file = {wrapping:?}\n");
        self
    }
}
