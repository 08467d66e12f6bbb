//! The languages that the pages speak are the files in `locales`: to add one is to add a file. A text that only some of them have
//! fails the build here; what the texts must hold is compared by `pages::check`.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::Path};

fn main() {
    println!("cargo::rerun-if-changed=locales");
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let out = env::var("OUT_DIR").unwrap_or_default();
    if let Err(why) = write_languages(Path::new(&root), Path::new(&out)) {
        println!("cargo::error={why}");
    }
}

/// Writes the macro `for_each_language`: it hands `Name "tag" "texts of the pages" "texts about certificates";` for each to another.
fn write_languages(root: &Path, out: &Path) -> Result<(), String> {
    let locales = root.join("locales");
    let listed = fs::read_dir(&locales).map_err(|error| format!("locales: {error}"))?;
    let files: BTreeSet<_> =
        listed.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "ftl")).collect();
    let silence = out.join("silence.ftl");
    write(&silence, "")?;
    let english = keys(&locales.join("en.ftl"))?;
    let mut rows = String::new();
    for file in &files {
        let tag = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !(2..=3).contains(&tag.len()) || !tag.bytes().all(|b| b.is_ascii_lowercase()) {
            return Err(format!("{}: not named like a language of RFC 5646, such as `it.ftl`", file.display()));
        }
        let own = keys(file)?;
        let told = |what: &str, keys: Vec<&String>| match keys.as_slice() {
            [] => Ok(()),
            keys => Err(format!("{}: {what} {}", file.display(), keys.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", "))),
        };
        told("lacks", english.difference(&own).collect())?;
        told("has what en.ftl has not:", own.difference(&english).collect())?;
        let certificates = Some(locales.join("certificate").join(format!("{tag}.ftl"))).filter(|path| path.exists());
        let certificates = certificates.unwrap_or_else(|| silence.clone());
        let (first, rest) = tag.split_at(1);
        // Writing to a String does not fail.
        let _ = writeln!(rows, "{}{rest} {tag:?} {file:?} {certificates:?};", first.to_uppercase());
    }
    write(&out.join("languages.rs"), &format!("macro_rules! for_each_language {{ ($hand:ident) => {{ $hand! {{\n{rows}}} }} }}\n"))
}

/// The messages of a file.
fn keys(file: &Path) -> Result<BTreeSet<String>, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(text.lines().filter(|line| !line.starts_with(['#', ' '])).filter_map(|line| Some(line.split_once(" =")?.0.to_owned())).collect())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
