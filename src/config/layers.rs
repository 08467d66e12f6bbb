//! What lies over what: the defaults, the operator's file, the files of `conf.d` beside it, the variables.

use super::{
    DEFAULT, Settings,
    context::Context,
    environment::Environment,
    mistakes::{Findings, Source, Writer},
    read_text,
    reader::{self, Reader},
    reason, settings,
};
use std::{
    borrow::Cow,
    fs, io,
    path::{Path, PathBuf},
};

/// Beside the operator's file.
pub const FOLDER: &str = "conf.d";
/// More than any bank has brands.
const MOST_FILES: usize = 1_000;
/// Of all files together.
const MOST_BYTES: usize = 16 << 20;

/// The sources of the settings, the lowest first.
pub(super) struct Layers {
    sources: Vec<Source>,
    /// Entries of `conf.d` that are no settings.
    pub ignored: Vec<PathBuf>,
    /// Every source could be read.
    complete: bool,
}

impl Layers {
    /// A text alone, over the defaults.
    pub fn of_text(name: &str, text: &str, folder: &Path) -> Self {
        let own = written(name.to_owned(), text.to_owned(), folder);
        Self { sources: vec![defaults(), own], ignored: Vec::new(), complete: true }
    }

    /// The file at `path` and those of `conf.d` beside it. What cannot be read is noted.
    pub fn of_files(path: &Path, findings: &Findings) -> Self {
        let mut layers = Self { sources: vec![defaults()], ignored: Vec::new(), complete: true };
        let folder = path.parent().unwrap_or(Path::new(""));
        layers.add(path, folder, findings);
        let more = folder.join(FOLDER);
        findings.reads(&more);
        match entries(&more) {
            Ok(files) if files.len() > MOST_FILES => layers.fail(&more, format!("holds more than {MOST_FILES} files"), findings),
            Ok(files) => files.iter().for_each(|file| layers.add_entry(file, &more, findings)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => layers.fail(&more, format!("cannot be read: {}", reason(&error)), findings),
        }
        if layers.sources.iter().map(|source| source.text.len()).sum::<usize>() > MOST_BYTES {
            layers.fail(&more, format!("holds more than {MOST_BYTES} bytes with {}", path.display()), findings);
        }
        layers
    }

    pub fn below(mut self, environment: &Environment, folder: &Path, findings: &Findings) -> Self {
        self.sources.extend(environment.sources(folder, findings));
        self
    }

    /// Hidden entries are an editor's or a mount's; who names his file `.toml` means it.
    fn add_entry(&mut self, path: &Path, folder: &Path, findings: &Findings) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("..") {
            // what Kubernetes mounts a ConfigMap's files from
        } else if name.starts_with('.') || !name.ends_with(".toml") {
            self.ignored.push(path.to_path_buf());
        } else if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            // a pipe would keep us waiting
            self.fail(path, "is no file".to_owned(), findings);
        } else {
            self.add(path, folder, findings);
        }
    }

    fn add(&mut self, path: &Path, folder: &Path, findings: &Findings) {
        findings.reads(path);
        match read_text(path) {
            Ok(text) => self.sources.push(written(path.display().to_string(), text, folder)),
            Err(why) => self.fail(path, why, findings),
        }
    }

    fn fail(&mut self, path: &Path, why: String, findings: &Findings) {
        findings.about(&path.display().to_string(), why);
        self.complete = false;
    }

    /// The settings that they make together.
    pub fn settings(self, context: &Context, findings: &Findings) -> Option<Settings> {
        let mut settings = self.read(context, findings)?;
        settings.effective.complete(self.ignored);
        Some(settings)
    }

    /// Without what is only told about them.
    pub fn read(&self, context: &Context, findings: &Findings) -> Option<Settings> {
        let tables: Vec<_> = self.sources.iter().map(|source| reader::parse(source, findings)).collect();
        // who cannot be read would be missed in what the others say
        if !self.complete || tables.iter().any(Option::is_none) {
            return None;
        }
        let layers: Vec<_> = self.sources.iter().zip(tables.iter().flatten()).collect();
        settings::read(&mut Reader::layered(layers.into_iter(), findings)?, context)
    }
}

fn defaults() -> Source {
    Source { name: "default.toml".to_owned(), text: Cow::Borrowed(DEFAULT), folder: None, writer: Writer::Program }
}

fn written(name: String, text: String, folder: &Path) -> Source {
    Source { name, text: Cow::Owned(text), folder: Some(folder.to_path_buf()), writer: Writer::Operator }
}

/// In lexical order, one more than are read at most.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.take(MOST_FILES + 1).map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
