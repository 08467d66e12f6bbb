//! What is wrong in the settings: every mistake at once, each with its place.

use super::allowed::Allowed;
use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    path::PathBuf,
};

/// One mistake. The message never holds a secret: values of keys that could carry one are not repeated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The file as it was named to us, or `environment`.
    pub file: String,
    /// Line and column, both from 1, columns in characters. `None` where there is no text to point into.
    pub place: Option<(usize, usize)>,
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, place, message } = self;
        match place {
            Some((line, column)) => write!(f, "{file}:{line}:{column}: {message}"),
            None => write!(f, "{file}: {message}"),
        }
    }
}

/// At least one mistake, sorted by file and place, none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.0.iter().enumerate() {
            write!(f, "{}{mistake}", if i > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// Who wrote a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// `default.toml`.
    Program,
    /// A bank's file that comes with the program.
    ShippedBank,
    /// A bank's file of the operator's own.
    Bank,
    /// The operator's file, or one of `conf.d`.
    Operator,
    /// A variable: its name is that of the source, its value the text.
    Environment,
}

impl Writer {
    /// What it wrote holds where nobody says otherwise.
    pub const fn comes_with_the_program(self) -> bool {
        matches!(self, Self::Program | Self::ShippedBank)
    }
}

/// A text and its name, to point into. No `Debug`: a variable may hold what nobody should read.
pub struct Source {
    pub name: String,
    pub text: Cow<'static, str>,
    /// Where relative paths in it start; `None`: it was compiled in, and names none.
    pub folder: Option<PathBuf>,
    pub writer: Writer,
}

/// A place in a source.
#[derive(Clone)]
pub struct Spot<'a> {
    pub source: &'a Source,
    pub at: Range<usize>,
}

impl Spot<'_> {
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = self.source.text.get(..self.at.start).unwrap_or(&self.source.text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// As a mistake's place is written.
impl fmt::Display for Spot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_and_column();
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

/// What mistakes about variables are filed under.
pub const ENVIRONMENT: &str = "environment";

/// Where the readers put what they find, so that the first mistake does not hide the others.
#[derive(Default)]
pub struct Findings {
    mistakes: RefCell<Vec<Mistake>>,
    /// All that was opened or looked for.
    files: RefCell<BTreeSet<PathBuf>>,
    /// What each key takes, where somebody wants to know.
    allowed: Option<RefCell<BTreeMap<String, Allowed>>>,
}

impl Findings {
    /// Those of a reading for the reference.
    pub fn with_allowed() -> Self {
        Self { allowed: Some(RefCell::default()), ..Self::default() }
    }

    pub fn into_allowed(self) -> BTreeMap<String, Allowed> {
        self.allowed.map(RefCell::into_inner).unwrap_or_default()
    }

    pub fn allow(&self, key: impl FnOnce() -> String, allowed: impl FnOnce() -> Allowed) {
        if let Some(known) = &self.allowed {
            known.borrow_mut().insert(key(), allowed());
        }
    }

    pub fn at(&self, spot: &Spot<'_>, message: impl Into<String>) {
        let name = &spot.source.name;
        match spot.source.writer {
            Writer::Environment => self.push(ENVIRONMENT, None, format!("`{name}`: {}", message.into())),
            Writer::Program | Writer::ShippedBank | Writer::Bank | Writer::Operator => {
                self.push(name, Some(spot.line_and_column()), message);
            }
        }
    }

    pub fn about(&self, file: &str, message: impl Into<String>) {
        self.push(file, None, message);
    }

    /// What the settings say depends on this file, also while it is not there.
    pub fn reads(&self, file: impl Into<PathBuf>) {
        self.files.borrow_mut().insert(file.into());
    }

    pub fn files(&self) -> BTreeSet<PathBuf> {
        self.files.borrow().clone()
    }

    fn push(&self, file: &str, place: Option<(usize, usize)>, message: impl Into<String>) {
        self.mistakes.borrow_mut().push(Mistake { file: file.to_owned(), place, message: message.into() });
    }

    /// The one way out: readers fill gaps with empty values, and none of them leaves once a mistake was found.
    pub fn judge<T>(self, value: Option<T>) -> Result<T, Mistakes> {
        let mut found = self.mistakes.into_inner();
        found.sort();
        found.dedup();
        match value {
            Some(value) if found.is_empty() => Ok(value),
            Some(_) | None => Err(Mistakes(found)),
        }
    }
}

/// `; did you mean ..?` when a candidate is near, else the list of candidates.
pub fn suggestion(word: &str, candidates: &[&str]) -> String {
    let near = candidates.iter().map(|c| (distance(word, c), *c)).min().filter(|(d, _)| *d <= (word.len() / 3).max(1));
    match near {
        Some((_, candidate)) => format!("; did you mean `{candidate}`?"),
        None => format!("; known here: {}", candidates.join(", ")),
    }
}

/// The candidates that are most like `word`, the nearest first.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>, most: usize) -> Vec<&'c str> {
    let mut near: Vec<_> = candidates.into_iter().map(|candidate| (distance(word, candidate), candidate)).collect();
    near.sort_unstable();
    near.into_iter().take(most).map(|(_, candidate)| candidate).collect()
}

/// Levenshtein's edit distance; a swap of neighbours counts one.
fn distance(a: &str, b: &str) -> usize {
    // Keys of a hostile file may be long; beyond this nothing is near.
    const LONGEST: usize = 64;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(LONGEST).collect(), b.chars().take(LONGEST).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let plain = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]));
                let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                if swapped { plain.min(rows[i - 2][j - 2] + 1) } else { plain }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_gets_the_list() {
        for (word, says) in [
            ("adress", "; did you mean `address`?"),
            ("addrses", "; did you mean `address`?"),
            ("key", "; known here: address, key_file"),
            ("", "; known here: address, key_file"),
        ] {
            assert_eq!(suggestion(word, &["address", "key_file"]), says, "{word}");
        }
    }
}
