//! A brand's theme as the pages use it: a stylesheet over the common one, and files under names that are their hashes.

use super::{SCRIPT, SCRIPT_NAME, STYLESHEET, STYLESHEET_NAME, hashed};
use crate::oauth::{
    brand::Lang,
    theme::{FileKind, Palette, Theme, ThemeFile, ThemeText},
};
use std::{collections::BTreeMap, fmt::Write, sync::Arc};

/// What stands at `/assets/{name}`. Another content is another name, so it may be kept for ever.
#[derive(Clone, Debug)]
pub struct Asset {
    pub media_type: &'static str,
    pub bytes: Arc<[u8]>,
}

impl Asset {
    /// Of a picture or a font opened by itself: nothing in it may run, load or be a document of our origin.
    pub const CSP: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
}

/// Assets by name.
pub type Assets = BTreeMap<String, Asset>;

/// The assets that every host has.
pub fn common_assets() -> Assets {
    let ours = [("text/css; charset=utf-8", &*STYLESHEET_NAME, STYLESHEET), ("text/javascript; charset=utf-8", &*SCRIPT_NAME, SCRIPT)];
    ours.into_iter().map(|(media_type, name, text)| (name.clone(), Asset { media_type, bytes: text.as_bytes().into() })).collect()
}

/// Built once for each brand.
#[derive(Clone, Debug)]
pub struct Look {
    pub(super) stylesheet: String,
    pub(super) logo: Option<String>,
    pub(super) icon: Option<Icon>,
    pub(super) dark: bool,
    texts: BTreeMap<Lang, ThemeText>,
    default_language: Lang,
    pub assets: Assets,
}

#[derive(Clone, Debug)]
pub(super) struct Icon {
    pub path: String,
    pub media_type: &'static str,
}

/// What the brand says below a page, and in which language it says it.
pub(super) struct Footer<'a> {
    pub lang: Lang,
    pub text: &'a ThemeText,
}

impl Look {
    pub fn of(theme: &Theme, default_language: Lang) -> Self {
        let mut assets = Assets::new();
        let mut put = |name: &str, file: &ThemeFile| add(&mut assets, name, file.kind.extension(), file.kind.media_type(), &file.bytes);
        let logo = theme.logo.as_ref().map(|file| put("logo", file));
        let icon = theme.icon.as_ref().map(|file| Icon { path: put("icon", file), media_type: file.kind.media_type() });
        let fonts = [theme.font.as_ref().map(|file| put("font", file)), theme.bold_font.as_ref().map(|file| put("font-bold", file))];
        let css = css(theme, &fonts);
        let stylesheet = add(&mut assets, "theme", "css", "text/css; charset=utf-8", css.as_bytes());
        Self { stylesheet, logo, icon, dark: theme.dark.is_some(), texts: theme.texts.clone(), default_language, assets }
    }

    /// In the page's language, or else in the brand's own.
    pub(super) fn footer(&self, lang: Lang) -> Option<Footer<'_>> {
        [lang, self.default_language].into_iter().find_map(|lang| Some(Footer { lang, text: self.texts.get(&lang)? }))
    }
}

/// Its path.
fn add(assets: &mut Assets, name: &str, extension: &str, media_type: &'static str, bytes: &[u8]) -> String {
    let name = hashed(name, bytes, extension);
    let path = format!("/assets/{name}");
    assets.insert(name, Asset { media_type, bytes: bytes.into() });
    path
}

/// Every colour, so that nothing shines through from the common stylesheet's dark scheme.
fn css(theme: &Theme, [font, bold]: &[Option<String>; 2]) -> String {
    let mut css = String::new();
    // a single file has all weights, of two each has its own
    let regular = if bold.is_some() { "400" } else { "100 900" };
    for (path, weight) in [(font, regular), (bold, "600 900")] {
        if let Some(path) = path {
            let format = FileKind::Woff2.extension();
            // Writing to a String does not fail.
            let _ = writeln!(
                css,
                "@font-face {{ font-family: brand; font-weight: {weight}; font-display: swap; src: url(\"{path}\") format(\"{format}\"); }}"
            );
        }
    }
    let family = if font.is_some() { " --font: brand;" } else { "" };
    let scheme = if theme.dark.is_some() { "light dark" } else { "light" };
    let _ = writeln!(css, ":root {{ color-scheme: {scheme};{family}{} }}", variables(&theme.light));
    if let Some(dark) = &theme.dark {
        let _ = writeln!(css, "@media (prefers-color-scheme: dark) {{ :root {{{} }} }}", variables(dark));
    }
    css
}

fn variables(palette: &Palette) -> String {
    palette.iter().map(|(name, colour)| format!(" --{name}: {colour};")).collect()
}
