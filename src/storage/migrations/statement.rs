//! What a statement of a migration locks, read from its text, and what it makes others lose. Pure.
//!
//! The locks are those of PostgreSQL's manual ("Explicit Locking" and the pages of the commands); a test compares them with what a
//! real server holds after each migration.

use std::{collections::BTreeMap, fmt};

/// PostgreSQL's table locks, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

impl LockMode {
    pub const ALL: [Self; 8] = [
        Self::AccessShare,
        Self::RowShare,
        Self::RowExclusive,
        Self::ShareUpdateExclusive,
        Self::Share,
        Self::ShareRowExclusive,
        Self::Exclusive,
        Self::AccessExclusive,
    ];

    /// As `pg_locks.mode` spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessShare => "AccessShareLock",
            Self::RowShare => "RowShareLock",
            Self::RowExclusive => "RowExclusiveLock",
            Self::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            Self::Share => "ShareLock",
            Self::ShareRowExclusive => "ShareRowExclusiveLock",
            Self::Exclusive => "ExclusiveLock",
            Self::AccessExclusive => "AccessExclusiveLock",
        }
    }

    /// Who must wait until the migration commits.
    pub const fn keeps_out(self) -> &'static str {
        match self {
            Self::AccessShare | Self::RowShare | Self::RowExclusive => "nobody waits",
            Self::ShareUpdateExclusive => "vacuum and other migrations wait",
            Self::Share | Self::ShareRowExclusive | Self::Exclusive => "writers wait",
            Self::AccessExclusive => "readers and writers wait",
        }
    }

    pub const fn stops_writers(self) -> bool {
        match self {
            Self::AccessShare | Self::RowShare | Self::RowExclusive | Self::ShareUpdateExclusive => false,
            Self::Share | Self::ShareRowExclusive | Self::Exclusive | Self::AccessExclusive => true,
        }
    }
}

/// A table's name, as the statement writes it.
pub type Relation = String;

/// How long the lock is held, beside the rest of the migration's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// Whatever the size of the table.
    Instant,
    /// Every row is read.
    Scan,
    /// Every row is written anew.
    Rewrite,
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instant => "whatever its size",
            Self::Scan => "while all its rows are read",
            Self::Rewrite => "while all its rows are written anew",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Without comments, in one line.
    pub text: String,
    /// The strongest of each table. `None`: it cannot be told from the text.
    pub locks: Option<BTreeMap<Relation, (LockMode, Work)>>,
    /// It takes away what a release before may need.
    pub contracts: bool,
}

/// The statements of a migration, in order.
pub fn statements(migration: &str) -> Vec<Statement> {
    split(migration).into_iter().map(|text| judge(&text)).collect()
}

/// At the semicolons outside quotes, bodies and comments; comments and runs of blanks become one blank.
fn split(migration: &str) -> Vec<String> {
    let (mut all, mut current, mut rest) = (vec![], String::new(), migration);
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '-' if rest.starts_with("--") => {
                let end = rest.find('\n').unwrap_or(rest.len());
                rest = &rest[end..];
                continue;
            }
            '/' if rest.starts_with("/*") => {
                let end = rest.find("*/").map_or(rest.len(), |at| at + 2);
                rest = &rest[end..];
                continue;
            }
            '\'' | '"' => quoted(rest, first),
            '$' => body(rest),
            ';' => {
                all.push(std::mem::take(&mut current));
                rest = &rest[1..];
                continue;
            }
            other => other.len_utf8(),
        };
        let (text, after) = rest.split_at(taken);
        match text.trim().is_empty() {
            true if current.is_empty() || current.ends_with(' ') => {}
            true => current.push(' '),
            false => current.push_str(text),
        }
        rest = after;
    }
    all.push(current);
    all.into_iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

/// Bytes up to the closing quote; a doubled one is two quoted texts side by side.
fn quoted(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |at| at + 2)
}

/// Bytes of a dollar-quoted body, or of the dollar sign alone.
fn body(text: &str) -> usize {
    let Some(tag) = text[1..].find('$').map(|at| &text[..at + 2]) else { return 1 };
    if !tag[1..tag.len() - 1].chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return 1;
    }
    text[tag.len()..].find(tag).map_or(text.len(), |at| at + 2 * tag.len())
}

/// Words in lower case; parentheses and commas stand alone.
fn words(text: &str) -> Vec<String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ").replace(',', " , ");
    spaced.split_whitespace().map(str::to_ascii_lowercase).collect()
}

fn judge(text: &str) -> Statement {
    let words = words(text);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let without = |noise: &[&str]| words.iter().copied().filter(|word| !noise.contains(word)).collect::<Vec<_>>();
    let plain = without(&["if", "not", "exists", "only"]);
    let locks = match plain.as_slice() {
        ["create", "table", _, "partition", "of", parent, ..] => Some(vec![(*parent, LockMode::AccessExclusive, Work::Instant)]),
        ["create", "table", ..] => Some(referenced(&words)),
        ["create", "unique", "index", rest @ ..] | ["create", "index", rest @ ..] => index(rest),
        ["alter", "table", table, ..] => Some(altered(table, &words)),
        ["drop", "table", table, ..] => Some(vec![(*table, LockMode::AccessExclusive, Work::Instant)]),
        ["create", "trigger", ..] | ["create", "constraint", "trigger", ..] => {
            after(&words, "on").map(|table| vec![(table, LockMode::ShareRowExclusive, Work::Instant)])
        }
        ["insert", "into", table, ..] => Some(vec![(*table, LockMode::RowExclusive, Work::Instant)]),
        ["update", table, ..] | ["delete", "from", table, ..] => Some(vec![(*table, LockMode::RowExclusive, Work::Instant)]),
        ["create" | "alter" | "drop", "function" | "type" | "sequence" | "view" | "extension" | "role" | "domain", ..]
        | ["create", "or", "replace", "function" | "view", ..]
        | ["comment" | "grant" | "revoke" | "set" | "reset", ..] => Some(vec![]),
        _ => None,
    };
    let locks = locks.map(|found| {
        let mut strongest = BTreeMap::new();
        for (table, mode, work) in found {
            let entry = strongest.entry(table.trim_matches('"').to_owned()).or_insert((mode, work));
            *entry = (entry.0.max(mode), entry.1.max(work));
        }
        strongest
    });
    Statement { text: text.to_owned(), locks, contracts: contracts(&words) }
}

type Lock<'a> = (&'a str, LockMode, Work);

/// The word behind another one.
fn after<'a>(words: &[&'a str], word: &str) -> Option<&'a str> {
    let at = words.iter().position(|w| *w == word)?;
    words.get(at + 1).copied()
}

/// A foreign key puts triggers on the table it points to.
fn referenced<'a>(words: &[&'a str]) -> Vec<Lock<'a>> {
    let target = |pair: &[&'a str]| (pair[0] == "references").then(|| (pair[1], LockMode::ShareRowExclusive, Work::Instant));
    words.windows(2).filter_map(target).collect()
}

/// What stands behind `create index`.
fn index<'a>(rest: &[&'a str]) -> Option<Vec<Lock<'a>>> {
    let mode = if rest.contains(&"concurrently") { LockMode::ShareUpdateExclusive } else { LockMode::Share };
    Some(vec![(after(rest, "on")?, mode, Work::Scan)])
}

fn altered<'a>(table: &'a str, words: &[&'a str]) -> Vec<Lock<'a>> {
    let says = |phrase: &str| format!(" {} ", words.join(" ")).contains(&format!(" {phrase} "));
    let mut locks = referenced(words);
    if let Some(partition) = after(words, "partition").filter(|_| says("attach partition") || says("detach partition")) {
        locks.push((partition, LockMode::AccessExclusive, Work::Scan));
        locks.push((table, LockMode::ShareUpdateExclusive, Work::Instant));
        return locks;
    }
    let light = says("validate constraint") || says("set (") || says("reset (") || says("set statistics");
    let (mode, work) = match light {
        true if says("validate constraint") => (LockMode::ShareUpdateExclusive, Work::Scan),
        true => (LockMode::ShareUpdateExclusive, Work::Instant),
        false if says("add constraint") && says("foreign key") && says("not valid") => (LockMode::ShareRowExclusive, Work::Instant),
        false if says("type") || volatile_default(words) => (LockMode::AccessExclusive, Work::Rewrite),
        false if (says("set not null") || says("add constraint") || says("check")) && !says("not valid") => {
            (LockMode::AccessExclusive, Work::Scan)
        }
        false => (LockMode::AccessExclusive, Work::Instant),
    };
    locks.push((table, mode, work));
    locks
}

/// A default that is not the same for every row.
fn volatile_default(words: &[&str]) -> bool {
    const VOLATILE: [&str; 6] = ["gen_random_uuid", "random", "clock_timestamp", "nextval", "pg_current_xact_id", "timeofday"];
    words.contains(&"add") && words.contains(&"default") && words.iter().any(|word| VOLATILE.contains(word))
}

/// A release before may read or write what this takes away, or leave out what it asks for.
fn contracts(words: &[&str]) -> bool {
    let sentence = format!(" {} ", words.join(" "));
    let says = |phrase: &str| sentence.contains(&format!(" {phrase} "));
    let adds_what_it_must_be_told = says("add column") && says("not null") && !says("default");
    match words {
        ["alter", "table", ..] => {
            says("drop column")
                || says("rename")
                || says("alter column") && says("type")
                || says("set not null")
                || adds_what_it_must_be_told
        }
        ["drop", "table" | "view" | "function" | "sequence", ..] => true,
        [..] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LockMode::{AccessExclusive, RowExclusive, Share, ShareRowExclusive, ShareUpdateExclusive};
    use Work::{Instant, Rewrite, Scan};

    #[test]
    fn statements_end_at_the_semicolons_that_end_them() {
        let text = "-- a; b\ncreate table a (b text default ';');\n/* c; */ create function f() returns int language sql as $$ select 1; $$;\n\
                    insert into a values ('it''s; so', \"x;y\")";
        let texts: Vec<_> = statements(text).into_iter().map(|s| s.text).collect();
        assert_eq!(
            texts,
            [
                "create table a (b text default ';')",
                "create function f() returns int language sql as $$ select 1; $$",
                "insert into a values ('it''s; so', \"x;y\")",
            ]
        );
        assert!(statements(" ;; -- nothing\n").is_empty());
        for unfinished in ["select 'x", "select $$ x", "/* x", "$", "$a b$", "\"", "'"] {
            assert!(statements(unfinished).len() <= 1, "{unfinished}");
        }
    }

    #[test]
    fn each_statement_locks_what_the_manual_says() {
        type Case<'a> = (&'a str, &'a [(&'a str, LockMode, Work)]);
        let cases: &[Case<'_>] = &[
            (
                "create table a (b uuid references c, d text references e (f))",
                &[("c", ShareRowExclusive, Instant), ("e", ShareRowExclusive, Instant)],
            ),
            ("create table if not exists a (b int)", &[]),
            ("create table a_1 partition of a default", &[("a", AccessExclusive, Instant)]),
            ("create unique index a_b on a (b) where c", &[("a", Share, Scan)]),
            ("create index concurrently if not exists a_b on only a using brin (b)", &[("a", ShareUpdateExclusive, Scan)]),
            ("alter table a add column if not exists b text, add column c int default 1", &[("a", AccessExclusive, Instant)]),
            ("alter table a add column b uuid default gen_random_uuid()", &[("a", AccessExclusive, Rewrite)]),
            ("alter table a alter column b type bigint", &[("a", AccessExclusive, Rewrite)]),
            ("alter table a alter column b set not null", &[("a", AccessExclusive, Scan)]),
            ("alter table a add constraint b check (c > 0)", &[("a", AccessExclusive, Scan)]),
            ("alter table a add constraint b check (c > 0) not valid", &[("a", AccessExclusive, Instant)]),
            (
                "alter table a add constraint b foreign key (c) references d (e) not valid",
                &[("a", ShareRowExclusive, Instant), ("d", ShareRowExclusive, Instant)],
            ),
            ("alter table a validate constraint b", &[("a", ShareUpdateExclusive, Scan)]),
            ("alter table a set (fillfactor = 90)", &[("a", ShareUpdateExclusive, Instant)]),
            (
                "alter table a attach partition b for values from (1) to (2)",
                &[("a", ShareUpdateExclusive, Instant), ("b", AccessExclusive, Scan)],
            ),
            ("drop table if exists a", &[("a", AccessExclusive, Instant)]),
            ("create trigger t before update on a for each row execute function f()", &[("a", ShareRowExclusive, Instant)]),
            ("insert into a (b) values (1)", &[("a", RowExclusive, Instant)]),
            ("update a set b = 1", &[("a", RowExclusive, Instant)]),
            ("create or replace function f() returns int as 'x'", &[]),
        ];
        for (text, expected) in cases {
            let found = statements(text).remove(0);
            let expected = expected.iter().map(|(table, mode, work)| ((*table).to_owned(), (*mode, *work))).collect();
            assert_eq!(found.locks, Some(expected), "{text}");
        }
        for unknown in ["do $$ begin end $$", "select f()", "cluster a", "nonsense"] {
            assert_eq!(statements(unknown).remove(0).locks, None, "{unknown}");
        }
    }

    #[test]
    fn what_takes_away_is_told_from_what_adds() {
        for text in [
            "alter table a drop column b",
            "drop table a",
            "alter table a rename column b to c",
            "alter table a rename to b",
            "alter table a alter column b type int",
            "alter table a alter column b set not null",
            "alter table a add column b int not null",
        ] {
            assert!(statements(text)[0].contracts, "{text}");
        }
        for text in [
            "alter table a add column b int not null default 0",
            "create table a (b int not null)",
            "create index i on a (b)",
            "drop index i",
        ] {
            assert!(!statements(text)[0].contracts, "{text}");
        }
    }
}
