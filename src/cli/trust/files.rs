//! Lists from files: read with a bound, sorted into list of lists and national lists, verified one after the other: more at
//! once gain a tenth of a second and cost the memory of another list.

use super::desk::{Desk, Judged, Outcome, Read as Found};
use crate::{
    cli::Failure,
    trusted_lists::{Envelope, List, Refusal},
};
use flate2::read::MultiGzDecoder;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

const MOST_FILES: usize = 1_000;

pub(super) fn all(paths: &[PathBuf], desk: &mut Desk) -> Result<Vec<Judged>, Failure> {
    let limit = desk.settings.max_bytes;
    let (mut lotls, mut national, mut judged) = (Vec::new(), Vec::new(), Vec::new());
    for path in files(paths)? {
        match read(&path, limit)? {
            Some(bytes) if is_list_of_lists(&bytes) => lotls.push((path.display().to_string(), bytes)),
            Some(_) => national.push(path),
            None => judged.push(Judged::refused(&path.display().to_string(), Refusal::TooLarge { limit })),
        }
    }
    judged.extend(list_of_lists(lotls, desk));
    let read = national.iter().map(|path| one(path, desk)).collect::<Result<_, _>>()?;
    judged.extend(desk.judge_all(read));
    Ok(judged)
}

/// The newest is the list of lists; older ones may be its pivots.
fn list_of_lists(files: Vec<(String, Vec<u8>)>, desk: &mut Desk) -> Vec<Judged> {
    let (mut readable, mut judged) = (Vec::new(), Vec::new());
    for (source, bytes) in files {
        match Envelope::open(&bytes, desk.settings.max_bytes).and_then(|envelope| List::claimed_sequence(&envelope)) {
            Ok(sequence) => readable.push((sequence, source, bytes)),
            Err(refusal) => judged.push(Judged::refused(&source, refusal)),
        }
    }
    readable.sort_by_key(|(sequence, ..)| *sequence);
    let Some((_, source, bytes)) = readable.pop() else { return judged };
    let pivots: Vec<&[u8]> = readable.iter().map(|(.., bytes)| bytes.as_slice()).collect();
    judged.push(desk.lotl(&source, &bytes, &pivots));
    for (sequence, source, _) in readable {
        judged.push(Judged { source, claims: Some(("EU".into(), sequence)), outcome: Outcome::Unused, vouched: None });
    }
    judged
}

fn one(path: &Path, desk: &Desk) -> Result<Found, Failure> {
    let source = path.display().to_string();
    let limit = desk.settings.max_bytes;
    Ok(match read(path, limit)? {
        Some(bytes) => desk.read(&source, &bytes, None),
        None => Found::Ended(Judged::refused(&source, Refusal::TooLarge { limit })),
    })
}

/// Files as they are, and those of folders that are called `.xml` or `.xml.gz`.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut all = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(|error| unreadable(path, &error))?;
            let files = entries.into_iter().map(|entry| entry.path());
            let named = |file: &PathBuf| [".xml", ".xml.gz"].iter().any(|end| file.to_string_lossy().to_ascii_lowercase().ends_with(end));
            all.extend(files.filter(named));
        } else {
            all.push(path.clone());
        }
    }
    all.sort();
    all.dedup();
    if all.len() > MOST_FILES { Err(Failure(2, format!("more than {MOST_FILES} files"))) } else { Ok(all) }
}

/// `None`: larger than allowed, packed or not. No more than that is ever read.
fn read(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, Failure> {
    let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let packed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    let read = if packed { bounded(MultiGzDecoder::new(file), limit) } else { bounded(&mut file, limit) };
    read.map_err(|error| unreadable(path, &error))
}

fn bounded(from: impl Read, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= limit).then_some(bytes))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure(3, format!("{}: {error}", path.display()))
}

/// By the first TSLType in the text. Only sorts: what it really is, is verified later.
fn is_list_of_lists(bytes: &[u8]) -> bool {
    const TYPE: &[u8] = b"/TrustedList/TSLType/";
    let found = bytes.windows(TYPE.len()).position(|window| window == TYPE);
    found.is_some_and(|at| bytes[at + TYPE.len()..].starts_with(b"EUlistofthelists"))
}
