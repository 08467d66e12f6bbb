use std::{env, fs, path::PathBuf};

/// A real answer or list of the shared collection, where that is at hand.
pub(super) fn real(file: &str) -> Option<Vec<u8>> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data/qwac");
    let path = env::var_os("GUICHET_QWAC_DATA").map_or(here, PathBuf::from).join("rev").join(file);
    let read = fs::read(&path).ok();
    if read.is_none() {
        eprintln!("\n*** {} IS ABSENT: it is not read ***\n", path.display());
    }
    read
}
