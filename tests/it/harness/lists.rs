//! Real trusted lists, where they are at hand, and what is needed to judge them.

use flate2::read::GzDecoder;
use guichet::trusted_lists::{Envelope, Followed, List, Refusal, Signer, follow, verify};
use serde_json::Value;
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

pub const MOST_BYTES: usize = 8 << 20;
/// Where the pinned signers of our configuration are from, and those of before.
pub const JOURNAL: &str = "https://eur-lex.europa.eu/eli/C/2026/1944/oj";
pub const JOURNAL_2019: &str = "https://eur-lex.europa.eu/legal-content/EN/TXT/?uri=uriserv:OJ.C_.2019.276.01.0001.01.ENG";
pub const PIVOTS: [&str; 4] = ["LOTL-pivot-282", "LOTL-pivot-300", "LOTL-pivot-335", "LOTL-pivot-341"];

/// The collection of real lists; `None`, loudly, where it is not at hand.
pub struct Collection {
    folder: PathBuf,
    pub manifest: Value,
}

impl Collection {
    pub fn find() -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = std::env::var_os("GUICHET_QWAC_DATA").map_or_else(|| here.join("../shared/data/qwac"), PathBuf::from);
        let Ok(manifest) = fs::read(folder.join("manifest.json")) else {
            eprintln!("\n*** {} IS ABSENT: no real trusted list is judged ***\n", folder.display());
            return None;
        };
        Some(Self { manifest: serde_json::from_slice(&manifest).unwrap(), folder })
    }

    /// The XML of `2025-08-08/FR`.
    pub fn list(&self, name: &str) -> Vec<u8> {
        self.read(&format!("tl/{name}.xml.gz"))
    }

    pub fn read(&self, file: &str) -> Vec<u8> {
        let mut xml = Vec::new();
        GzDecoder::new(fs::File::open(self.folder.join(file)).unwrap()).read_to_end(&mut xml).unwrap();
        xml
    }

    /// Every list of a folder, `2025-08-08`, with its name.
    pub fn lists(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(self.folder.join("tl").join(folder)).unwrap();
        let names = files.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut named: Vec<_> = names.map(|name| name.trim_end_matches(".xml.gz").to_owned()).collect();
        named.sort();
        named.into_iter().map(|name| (name.clone(), self.list(&format!("{folder}/{name}")))).collect()
    }

    /// Certificates of `anchors` whose file's name begins so.
    pub fn signers(&self, begins: &str) -> Vec<Signer> {
        let mut files: Vec<_> = fs::read_dir(self.folder.join("anchors")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.file_name().unwrap().to_str().unwrap().starts_with(begins));
        files.sort();
        files.iter().flat_map(|file| Signer::from_pem(&fs::read(file).unwrap()).unwrap()).collect()
    }

    /// The list of lists of 2026, from the publication of 2026.
    pub fn lotl_388(&self) -> Followed {
        let bytes = self.list("2026/LOTL-388");
        follow(&Envelope::open(&bytes, MOST_BYTES).unwrap(), &[], &self.signers("oj-c-2026-1944-"), JOURNAL, MOST_BYTES).unwrap()
    }

    /// The list of lists of 2025, over its pivots from the signer that the publication of 2019 and the first pivot share.
    pub fn lotl_370(&self) -> Followed {
        let files: Vec<_> = PIVOTS.iter().rev().map(|name| self.list(&format!("2025-08-08/{name}"))).collect();
        let pivots: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        let bytes = self.list("2025-08-08/LOTL-370");
        follow(&Envelope::open(&bytes, MOST_BYTES).unwrap(), &pivots, &self.signers("oj-c-2026-1944-4"), JOURNAL_2019, MOST_BYTES).unwrap()
    }
}

/// Who a file says it is signed by: for lists that nobody points to.
pub fn enclosed_signer(xml: &[u8]) -> Vec<Signer> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let text = String::from_utf8_lossy(xml);
    let Some((_, key_info)) = text.rsplit_once("KeyInfo>").and_then(|(before, _)| before.rsplit_once("KeyInfo")) else { return vec![] };
    let Some((_, rest)) = key_info.split_once("X509Certificate>") else { return vec![] };
    let compact: String = rest.split('<').next().unwrap().split_whitespace().collect();
    vec![Signer::new(STANDARD.decode(compact).unwrap())]
}

/// What a file says, once one of the signers is found to have signed it.
pub fn judge(xml: &[u8], signers: &[Signer]) -> Result<List, Refusal> {
    let envelope = Envelope::open(xml, MOST_BYTES)?;
    verify(&envelope, signers)?;
    List::read(&envelope)
}
