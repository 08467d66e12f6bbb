//! Lists from files: read with a bound, sorted into list of lists and national lists, verified on as many threads as there are.

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
    sync::{Condvar, Mutex},
    thread,
};

const MOST_THREADS: usize = 4;
/// Verifying takes some 25 times the memory of a list.
const MOST_BYTES_AT_ONCE: usize = 3 << 20;
const MOST_FILES: usize = 1_000;

pub(super) fn all(paths: &[PathBuf], desk: &mut Desk) -> Result<Vec<Judged>, Failure> {
    let limit = desk.settings.max_bytes;
    let (mut lotls, mut national, mut judged) = (Vec::new(), Vec::new(), Vec::new());
    for path in files(paths)? {
        match read(&path, limit)? {
            Some(bytes) if is_list_of_lists(&bytes) => lotls.push((path.display().to_string(), bytes)),
            Some(bytes) => national.push((path, bytes.len())),
            None => judged.push(Judged::refused(&path.display().to_string(), Refusal::TooLarge { limit })),
        }
    }
    judged.extend(list_of_lists(lotls, desk));
    judged.extend(desk.judge_all(in_parallel(national, desk)?));
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

/// Lists that wait, and the bytes of those that are being verified.
struct Queue {
    state: Mutex<(Vec<(PathBuf, usize)>, usize)>,
    freed: Condvar,
}

impl Queue {
    /// Large ones first, so that no thread ends long after the others.
    fn new(mut files: Vec<(PathBuf, usize)>) -> Self {
        files.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        Self { state: Mutex::new((files, 0)), freed: Condvar::new() }
    }

    /// The largest that still fits beside the others; one that is too large for that has its turn alone.
    fn take(&self) -> Option<(PathBuf, usize)> {
        let mut state = self.state.lock().ok()?;
        loop {
            let (waiting, busy) = &mut *state;
            if waiting.is_empty() {
                return None;
            }
            if let Some(at) = waiting.iter().position(|(_, bytes)| *busy == 0 || *busy + bytes <= MOST_BYTES_AT_ONCE) {
                let taken = waiting.remove(at);
                *busy += taken.1;
                return Some(taken);
            }
            state = self.freed.wait(state).ok()?;
        }
    }

    fn done(&self, bytes: usize) {
        if let Ok(mut state) = self.state.lock() {
            state.1 -= bytes;
        }
        self.freed.notify_all();
    }
}

fn in_parallel(files: Vec<(PathBuf, usize)>, desk: &Desk) -> Result<Vec<Found>, Failure> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    let (queue, found) = (Queue::new(files), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((path, bytes)) = queue.take() {
                    let one = one(&path, desk);
                    queue.done(bytes);
                    if let Ok(mut found) = found.lock() {
                        found.push(one);
                    }
                }
            });
        }
    });
    found.into_inner().map_err(Failure::unexpected)?.into_iter().collect()
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
