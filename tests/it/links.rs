//! Every document, and every chapter of one, that is named anywhere is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

#[test]
fn every_link_of_a_document_leads_to_a_file_and_its_heading() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = files(root);
    let documents: BTreeMap<PathBuf, String> = files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "md"))
        .map(|file| (file.clone(), prose(&fs::read_to_string(file).unwrap())))
        .collect();
    let mut broken = vec![];
    let mut followed = 0;
    for (document, text) in &documents {
        for target in targets(text) {
            let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
            let there = if path.is_empty() { document.clone() } else { plain(&document.parent().unwrap().join(path)) };
            let known = documents.get(&there);
            if !there.exists() || anchor.is_some_and(|anchor| !known.is_some_and(|text| anchors(text).contains(anchor))) {
                broken.push(format!("{}: {target}", document.strip_prefix(root).unwrap().display()));
            }
            followed += 1;
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(followed > 100, "{followed} links");
}

#[test]
fn every_document_that_is_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = vec![];
    for file in files(root) {
        // what is no text names nothing
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for rest in text.split("docs/").skip(1) {
            let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap();
            if !name.is_empty() && rest[name.len()..].starts_with(".md") && !root.join("docs").join(name).with_extension("md").exists() {
                missing.push(format!("{}: docs/{name}.md", file.strip_prefix(root).unwrap().display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Of this checkout; not what was built, fetched or is git's own.
fn files(root: &Path) -> Vec<PathBuf> {
    let passed_by = |path: &PathBuf| path.is_symlink() || [".git", "target", "node_modules"].into_iter().any(|name| path.ends_with(name));
    let (mut open, mut found) = (vec![root.to_owned()], vec![]);
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| !passed_by(path));
        let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        open.extend(folders);
        found.extend(files);
    }
    found
}

/// Without what is fenced: there `#` is a comment, and `](` is code.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let outside = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    outside.fold(String::new(), |all, line| all + line + "\n")
}

/// Relative ones.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

/// As they are made of headings, where they are shown: lower case, without punctuation, a number behind what is there twice.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for heading in text.lines().filter(|line| line.starts_with('#')) {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let same = (1..).map(|number| format!("{slug}-{number}"));
        let free = std::iter::once(slug.clone()).chain(same).find(|slug| !found.contains(slug));
        found.extend(free);
    }
    found
}

/// Without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            part => plain.push(part),
        }
    }
    plain
}
