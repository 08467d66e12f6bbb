//! Where the settings come from, so that they can be read again; and whether their files changed since.

use crate::config::{self, Environment, Mistakes, Reading, Settings};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

pub struct Source {
    read: Box<dyn Fn() -> Reading + Send + Sync>,
    /// As the files were when they were last read.
    read_as: Mutex<Prints>,
}

/// What a look at each file shows without reading it. `None`: it is not there.
pub(super) type Prints = BTreeMap<PathBuf, Option<Print>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print {
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    bytes: u64,
    /// A file that was moved into the place of another, a link that leads elsewhere.
    file: (u64, u64),
}

impl Source {
    /// The operator's file, with the environment of this process.
    pub fn file(path: &Path) -> Self {
        let path = path.to_owned();
        Self::new(move || config::read(&path, &Environment::of_process()))
    }

    pub fn new(read: impl Fn() -> Reading + Send + Sync + 'static) -> Self {
        Self { read: Box::new(read), read_as: Mutex::default() }
    }

    /// # Errors
    /// With every mistake in them.
    pub fn read(&self) -> Result<Settings, Mistakes> {
        self.read_anew().0
    }

    /// The settings, and the files that are other ones than when they were last read.
    pub(super) fn read_anew(&self) -> (Result<Settings, Mistakes>, Vec<PathBuf>) {
        // before: what changes while it is read is read again
        let before = self.look();
        let Reading { settings, files } = (self.read)();
        let mut prints = look_at(files);
        prints.extend(before.into_iter().filter(|(path, _)| prints.contains_key(path)).collect::<Prints>());
        let last = std::mem::replace(&mut *self.read_as(), prints.clone());
        let changed = prints.into_iter().filter(|(path, print)| last.get(path) != Some(print)).map(|(path, _)| path);
        (settings, changed.collect())
    }

    /// What they say did not come into force: to be read again though they did not change.
    pub(super) fn leave_unread(&self) {
        self.read_as().values_mut().for_each(|print| *print = None);
    }

    /// As the files are now.
    pub(super) fn look(&self) -> Prints {
        let files: BTreeSet<_> = self.read_as().keys().cloned().collect();
        look_at(files)
    }

    /// Whether this is how they were read.
    pub(super) fn is_read(&self, prints: &Prints) -> bool {
        *self.read_as() == *prints
    }

    fn read_as(&self) -> MutexGuard<'_, Prints> {
        self.read_as.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn look_at(files: BTreeSet<PathBuf>) -> Prints {
    let print = |path: &Path| {
        let found = fs::metadata(path).ok()?;
        Some(Print { modified: (found.mtime(), found.mtime_nsec()), bytes: found.size(), file: (found.dev(), found.ino()) })
    };
    files.into_iter().map(|path| (path.clone(), print(&path))).collect()
}
