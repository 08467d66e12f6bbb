//! `[theme]` of a bank's file and `[brand.theme]` over it: how the pages look. What cannot be read on them is a mistake here.

use super::{
    reader::{Reader, text, wrong_type},
    reason,
};
use crate::oauth::{
    brand::Lang,
    theme::{Colour, FileKind, Palette, Scheme, Theme, ThemeFile, ThemeText},
};
use std::{collections::BTreeMap, fs::File, io::Read, path::Path};
use toml::de::DeValue;
use url::Url;

const KILOBYTE: u64 = 1024;
/// A page should be there at once, on a phone and far from the city.
const LARGEST_PICTURE: u64 = 64 * KILOBYTE;
const LARGEST_FONT: u64 = 256 * KILOBYTE;
/// Of a text below the pages, in characters.
const LONGEST_TEXT: usize = 1_000;
const MOST_LINKS: usize = 8;

/// The bank's own theme with the row's over it; without either, the colours that come with the program.
pub(super) fn read(bank: Option<Reader<'_>>, own: Option<Reader<'_>>, default_language: Option<Lang>, open_files: bool) -> Theme {
    let mut table = match (own, bank) {
        (Some(own), Some(bank)) => own.over(bank),
        (Some(table), None) | (None, Some(table)) => table,
        (None, None) => return Theme::default(),
    };
    let table = &mut table;
    let mut file = |key, kinds: &[FileKind], largest| table.file(key, |path| open_files.then(|| open(path, kinds, largest)).transpose());
    let pictures = [FileKind::Svg, FileKind::Png];
    let logo = file("logo_file", &pictures, LARGEST_PICTURE).flatten();
    let icon = file("icon_file", &[FileKind::Svg, FileKind::Png, FileKind::Ico], LARGEST_PICTURE).flatten();
    let font = file("font_file", &[FileKind::Woff2], LARGEST_FONT).flatten();
    let bold_font = file("bold_font_file", &[FileKind::Woff2], LARGEST_FONT).flatten();
    if table.has("bold_font_file") && !table.has("font_file") {
        table.note("bold_font_file", "`theme.bold_font_file` needs `theme.font_file`");
    }
    let (light, dark) = (table.optional_table("light"), table.optional_table("dark"));
    // a dark scheme nobody thought of would be a light brand's colours on a stranger's ground
    let has_dark = dark.is_some() || light.is_none();
    let light = palette(light, Scheme::Light);
    let dark = has_dark.then(|| palette(dark, Scheme::Dark));
    let texts = table.optional_table("text").map(|mut table| texts(&mut table, default_language)).unwrap_or_default();
    table.finish();
    Theme { light, dark, logo, icon, font, bold_font, texts }
}

fn palette(table: Option<Reader<'_>>, scheme: Scheme) -> Palette {
    let mut palette = Palette::of(scheme);
    let Some(mut table) = table else { return palette };
    for name in Palette::names() {
        if let Some(colour) = table.may(name, colour) {
            palette.set(name, colour);
        }
    }
    for faint in palette.faint() {
        table.note(table.nearest([faint.front, faint.back]), faint.to_string());
    }
    table.finish();
    palette
}

fn colour(value: &DeValue<'_>) -> Result<Colour, String> {
    Colour::parse(&text(value)?).ok_or_else(|| "must be a colour, written #rrggbb".to_owned())
}

fn texts(table: &mut Reader<'_>, default_language: Option<Lang>) -> BTreeMap<Lang, ThemeText> {
    let mut texts = BTreeMap::new();
    for lang in Lang::ALL {
        let Some(mut row) = table.optional_table(lang.tag()) else { continue };
        let mut short = |key| row.may(key, short_text);
        let (support, legal) = (short("support"), short("legal"));
        let support_url = row.may("support_url", |v| url(v, &["https", "tel", "mailto"]));
        if support_url.is_some() && support.is_none() {
            row.note("support_url", "`support_url` needs `support`: the text that leads there");
        }
        let links = if row.has("links") { row.list("links", link) } else { vec![] };
        if links.len() > MOST_LINKS {
            row.note("links", format!("`links` holds more than {MOST_LINKS}"));
        }
        row.finish();
        texts.insert(lang, ThemeText { support, support_url, legal, links });
    }
    // where a language has no text of its own, this one is shown
    if let Some(lang) = default_language.filter(|lang| !texts.is_empty() && !texts.contains_key(lang)) {
        table.note(lang.tag(), format!("`theme.text` lacks `{}`, the language that `languages.default` names", lang.tag()));
    }
    table.finish();
    texts
}

fn short_text(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    if text.chars().count() <= LONGEST_TEXT { Ok(text) } else { Err(format!("is longer than {LONGEST_TEXT} characters")) }
}

fn url(value: &DeValue<'_>, schemes: &[&str]) -> Result<String, String> {
    let written = text(value)?;
    let known = Url::parse(&written).is_ok_and(|url| schemes.contains(&url.scheme()) && url.username().is_empty());
    if known { Ok(written) } else { Err(format!("must be a URL that begins with {}:", schemes.join(": or "))) }
}

/// `["Legal notice", "https://bank.example/legal"]`.
fn link(value: &DeValue<'_>) -> Result<(String, String), String> {
    let wrong = || "must hold pairs, each [\"text\", \"https://..\"]".to_owned();
    let pair = value.as_array().ok_or_else(|| wrong_type(value, "an array of pairs [\"text\", \"https://..\"]"))?;
    let mut parts = pair.iter();
    let (Some(label), Some(target), None) = (parts.next(), parts.next(), parts.next()) else { return Err(wrong()) };
    let label = short_text(label.get_ref()).map_err(|_| wrong())?;
    let target = url(target.get_ref(), &["https"]).map_err(|why| format!("holds an address that {why}"))?;
    Ok((label, target))
}

fn open(path: &Path, kinds: &[FileKind], largest: u64) -> Result<ThemeFile, String> {
    let named = format!("names {}, which", path.display());
    let kind = kinds.iter().find(|kind| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(kind.extension())));
    let Some(kind) = kind.copied() else {
        let known: Vec<_> = kinds.iter().map(|kind| format!(".{}", kind.extension())).collect();
        return Err(format!("{named} does not end in {}", known.join(" or ")));
    };
    let mut bytes = vec![];
    let read = File::open(path).and_then(|file| file.take(largest + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(format!("{named} cannot be read: {}", reason(&error))),
        Ok(length) if length as u64 > largest => Err(format!("{named} is larger than {} KiB", largest / KILOBYTE)),
        Ok(_) if !kind.fits(&bytes) => Err(format!("{named} does not begin as a file of type {}", kind.media_type())),
        Ok(_) => Ok(ThemeFile { kind, bytes }),
    }
}
