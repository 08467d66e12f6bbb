//! What surrounds the settings: the folder of their file, and which of the files that they name are opened.

use super::{
    mistakes::Findings,
    reader::{Reader, text},
    reason,
};
use std::{
    fs::File,
    path::{Path, PathBuf},
};
use toml::de::DeValue;

/// What surrounds the file.
pub(super) struct Context {
    /// The file's own.
    pub folder: PathBuf,
    pub opened: Opened,
    /// Instead of the files' one.
    pub database_url: Option<String>,
}

/// Which of the files that the settings name are opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// All: they must be there and readable.
    All,
    /// Those whose content is settings: banks', and the database's URL.
    Settings,
    /// Banks' alone; which database is meant is left open.
    Banks,
}

impl Context {
    pub(super) fn file(&self, table: &mut Reader<'_>, key: &'static str) -> PathBuf {
        let findings = table.findings();
        table.need_in(key, |v, folder| self.path(v, folder, findings)).unwrap_or_default()
    }

    pub(super) fn optional_file(&self, table: &mut Reader<'_>, key: &'static str) -> Option<PathBuf> {
        let findings = table.findings();
        table.may_in(key, |v, folder| self.path(v, folder, findings))
    }

    pub(super) fn files(&self, table: &mut Reader<'_>, key: &'static str) -> Vec<PathBuf> {
        let findings = table.findings();
        table.list_in(key, |v, folder| self.path(v, folder, findings))
    }

    /// Relative to the folder of whoever names it.
    fn path(&self, value: &DeValue<'_>, folder: &Path, findings: &Findings) -> Result<PathBuf, String> {
        let path = folder.join(text(value)?);
        findings.reads(&path);
        if self.opened == Opened::All {
            let is_file = File::open(&path).and_then(|f| f.metadata()).map(|m| m.is_file());
            match is_file {
                Ok(true) => {}
                Ok(false) => return Err(format!("names {}, which is no file", path.display())),
                Err(e) => return Err(format!("names {}, which cannot be read: {}", path.display(), reason(&e))),
            }
        }
        Ok(path)
    }
}
