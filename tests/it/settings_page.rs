//! docs/settings.md is what `default.toml`, the banks' files and their readers say.
//!
//! `GUICHET_WRITE_DOCS=1 cargo test --test it settings_page` writes it anew.

use guichet::config::{Entry, Reference, SHIPPED_BANKS};
use std::{env, fmt::Write, fs, path::Path};

const PAGE: &str = "docs/settings.md";

#[test]
fn the_settings_page_is_current() {
    let (path, page) = (Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), page());
    if env::var_os("GUICHET_WRITE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap();
    assert!(written == page, "{PAGE} is not what the code says: GUICHET_WRITE_DOCS=1 cargo test --test it settings_page");
}

const INTRODUCTION: &str = "\
# Settings

Generated from [config/default.toml](../config/default.toml), the banks' files and the code that reads them, by
`GUICHET_WRITE_DOCS=1 cargo test --test it settings_page`; a test compares them. `guichet config explain KEY` says the same of one key.

## Layers

Every verb with `--config FILE` reads these, and a later one wins, key by key:

1. `config/default.toml`, compiled in;
2. the operator's file, that `--config` or `GUICHET_CONFIG` names;
3. the files of the folder `conf.d` beside it, in lexical order, at most 1000 of 1 MiB each and 16 MiB together;
4. variables.

**`conf.d`.** Files count whose names end in `.toml` and do not begin with a period; links to files are followed, so that a ConfigMap
can be mounted there. Everything else is ignored, such as editors' leftovers, and `check-config` names what is. A name that ends in
`.toml` and cannot be read is a mistake: a brand would be missing.

**Arrays.** The rows of `[[brand]]` of all files are put together: one file a bank. Two rows with one id are a mistake that names
both places. Every other array is replaced as a whole by the later layer.

**Variables.** `GUICHET_` and the key in capitals, with `__` between tables: `GUICHET_LIMITS__REQUEST_SECONDS=10`,
`GUICHET_TRUST__NCA_COUNTRIES='[\"FR\", \"DE\"]'`. The value is read as TOML; one that begins with neither a quote nor a bracket and
is no TOML is a text, so that `GUICHET_OPS__ADDRESS=127.0.0.1:9464` needs no quotes (but `'\"[::1]:9464\"'` does). A variable sets one
key: it reaches no row of `[[brand]]` and no section as a whole. An unknown variable that begins with `GUICHET_` is a mistake that
names the nearest; what Kubernetes says of services (`GUICHET_SERVICE_HOST`, `GUICHET_PORT_8443_TCP`) is left alone.

**Paths** that are relative start at the folder of the file that names them, those of variables at the folder of the operator's file.

**Secrets** never stand in TOML: files that the settings name hold them. The database's URL may also stand in `GUICHET_DATABASE_URL`,
which wins over `database.url` and `database.url_file`.

## Looking at them

| command | tells |
|---|---|
| `guichet check-config FILE` | every mistake of every layer at once, with file, line and the nearest key; exit code 3 |
| `guichet config show --config FILE` | each value that differs from the defaults, and where it is from: file and line, or variable. `--all`: also the defaults and the banks' files; `--json`. Secrets are not shown |
| `guichet config explain KEY` | what a key means and takes, its default, its variable, whether a reload takes a change up; with `--config FILE` what holds there. Of a section: its keys |
| `guichet config diff OLD NEW` | what differs between two files with their `conf.d`, whatever the order and the writing, and whether a reload takes it up. Variables are left aside, and of the files that are named only banks' are opened. Exit code 12 where something differs, 0 where nothing does |

\"change\" below says whether a running server takes a new value up by a reload or needs a restart.
";

fn page() -> String {
    let reference = Reference::new();
    let mut page = INTRODUCTION.to_owned();
    let (of_banks, settings): (Vec<_>, Vec<_>) = reference.entries.iter().partition(|entry| entry.only_banks);
    for section in sections(&settings) {
        heading(&mut page, "##", section[0]);
        page += "| key | takes | default | unit | change | meaning |\n|---|---|---|---|---|---|\n";
        for entry in section {
            let (key, takes, unit) = (entry.key(), takes(entry), entry.unit().unwrap_or_default());
            let (default, change, doc) = (default(entry), entry.taken_up(), cell(&entry.written.doc));
            writeln!(page, "| `{key}` | {takes} | {default} | {unit} | {change} | {doc} |").unwrap();
        }
    }
    page += "\n## Banks' files\n\nA brand's `bank` names one that comes with the program, or a file of the operator's own that says all of this, and\n\
             `[authorization]`, `[scope.*]` and `[theme]` as `[brand.authorization]` and its like above. A change is taken up by a reload.\n";
    for section in sections(&of_banks) {
        heading(&mut page, "###", section[0]);
        writeln!(page, "| key | takes | {} | meaning |\n|---|---|---|---|---|", SHIPPED_BANKS.join(" | ")).unwrap();
        for entry in section {
            let values: String = SHIPPED_BANKS.iter().map(|bank| format!(" {} |", of_bank(entry, bank))).collect();
            let key = entry.key().strip_prefix("brand.").unwrap();
            writeln!(page, "| `{key}` | {} |{values} {} |", takes(entry), cell(&entry.written.doc)).unwrap();
        }
    }
    page
}

/// Entries of one table, in the order of the file.
fn sections<'e>(entries: &[&'e Entry]) -> Vec<Vec<&'e Entry>> {
    let mut sections: Vec<Vec<&Entry>> = vec![];
    for entry in entries {
        match sections.iter_mut().find(|section| section[0].written.section == entry.written.section) {
            Some(section) => section.push(entry),
            None => sections.push(vec![entry]),
        }
    }
    sections
}

fn heading(page: &mut String, level: &str, first: &Entry) {
    match first.written.section.as_str() {
        "" => writeln!(page, "\n{level} Above all sections\n").unwrap(),
        section => writeln!(page, "\n{level} `{section}`\n").unwrap(),
    }
    if !first.written.section_doc.is_empty() {
        let doc = first.written.section_doc.trim_end_matches('.');
        let (head, tail) = doc.split_at(doc.chars().next().map_or(0, char::len_utf8));
        writeln!(page, "{}{tail}.\n", head.to_uppercase()).unwrap();
    }
}

fn takes(entry: &Entry) -> String {
    match &entry.allowed {
        Some(allowed) => format!("{}: {allowed}", entry.kind()),
        None => entry.kind().to_owned(),
    }
}

fn default(entry: &Entry) -> String {
    match (&entry.written.default, entry.required) {
        (Some(value), _) => code(value),
        (None, true) => "must be given".to_owned(),
        (None, false) if entry.banks.is_empty() => String::new(),
        (None, false) => "the bank's".to_owned(),
    }
}

fn of_bank(entry: &Entry, bank: &str) -> String {
    entry.banks.iter().find(|(known, _)| *known == bank).map_or_else(String::new, |(_, value)| code(value))
}

fn code(value: &str) -> String {
    format!("`{}`", cell(value))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
