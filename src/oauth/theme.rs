//! How a brand's pages look: data, checked when it is loaded. Text that cannot be read is a mistake of the configuration.

use super::brand::Lang;
use std::{collections::BTreeMap, fmt};

/// Of sRGB, opaque.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Colour(u32);

impl Colour {
    /// `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok().map(Self)
    }

    /// WCAG 2.2: contrast ratio, from 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// WCAG 2.2: relative luminance.
    fn luminance(self) -> f64 {
        let linear = |shift: u32| {
            let c = f64::from((self.0 >> shift) & 0xff) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(16) + 0.7152 * linear(8) + 0.0722 * linear(0)
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:06x}", self.0)
    }
}

impl fmt::Debug for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Light,
    Dark,
}

const COUNT: usize = 17;

/// What has a colour of its own: its name in the settings and in the stylesheet, and where a theme says nothing, light and dark.
const COLOURS: [(&str, u32, u32); COUNT] = [
    ("paper", 0x00f3_f5f7, 0x0010_151b),
    ("surface", 0x00ff_ffff, 0x0019_212a),
    ("header", 0x00ff_ffff, 0x0019_212a),
    ("on-header", 0x001a_2330, 0x00e9_eef3),
    ("ink", 0x001a_2330, 0x00e9_eef3),
    ("quiet", 0x004f_5a68, 0x00ad_b7c2),
    ("line", 0x00d5_dbe2, 0x0032_3d49),
    ("edge", 0x0077_828f, 0x007f_8c9a),
    ("accent", 0x000a_5666, 0x0074_cbdb),
    ("on-accent", 0x00ff_ffff, 0x0005_252c),
    ("focus", 0x00a3_4a00, 0x00ff_c65c),
    ("note-soft", 0x00ff_f3d1, 0x0035_2a0c),
    ("danger", 0x009b_1620, 0x00ff_a3a3),
    ("danger-soft", 0x00fd_eeee, 0x0033_181b),
    ("good", 0x0014_602f, 0x0086_d8a0),
    ("good-soft", 0x00e6_f4ea, 0x0012_291a),
    ("odd", 0x007a_4a00, 0x00ff_cf7a),
];

/// Text on its ground: WCAG 2.2, 1.4.3.
const TEXT: f64 = 4.5;
/// The edge of what can be operated, and the mark of where the focus is: WCAG 2.2, 1.4.11.
const SHAPE: f64 = 3.0;

/// Everything that stands on something else in the stylesheet.
const PAIRS: [(&str, &str, f64); 24] = [
    ("on-header", "header", TEXT),
    ("ink", "paper", TEXT),
    ("ink", "surface", TEXT),
    ("ink", "note-soft", TEXT),
    ("ink", "danger-soft", TEXT),
    ("ink", "good-soft", TEXT),
    ("quiet", "paper", TEXT),
    ("quiet", "surface", TEXT),
    ("accent", "paper", TEXT),
    ("accent", "surface", TEXT),
    ("accent", "note-soft", TEXT),
    ("accent", "danger-soft", TEXT),
    ("on-accent", "accent", TEXT),
    ("danger", "surface", TEXT),
    ("danger", "danger-soft", TEXT),
    ("good", "surface", TEXT),
    ("good", "good-soft", TEXT),
    ("odd", "surface", TEXT),
    ("edge", "paper", SHAPE),
    ("edge", "surface", SHAPE),
    ("danger", "paper", SHAPE),
    ("focus", "paper", SHAPE),
    ("focus", "surface", SHAPE),
    ("focus", "note-soft", SHAPE),
];

/// A colour for everything that has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Palette([Colour; COUNT]);

/// Two colours that are too near to each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faint {
    pub front: &'static str,
    pub back: &'static str,
    pub contrast: f64,
    pub needed: f64,
}

impl fmt::Display for Faint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { front, back, contrast, needed } = self;
        // down, so that 4.496 does not read as enough
        let contrast = (contrast * 100.0).floor() / 100.0;
        write!(f, "`{front}` on `{back}` has a contrast of {contrast:.2}:1, and needs {needed:.1}:1 (WCAG 2.2)")
    }
}

impl Palette {
    pub fn of(scheme: Scheme) -> Self {
        Self(COLOURS.map(|(_, light, dark)| Colour(if scheme == Scheme::Light { light } else { dark })))
    }

    pub fn names() -> impl Iterator<Item = &'static str> {
        COLOURS.iter().map(|(name, ..)| *name)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Colour)> + '_ {
        Self::names().zip(self.0.iter().copied())
    }

    pub fn set(&mut self, name: &str, colour: Colour) {
        Self::names().zip(&mut self.0).filter(|(known, _)| *known == name).for_each(|(_, slot)| *slot = colour);
    }

    /// Every pair that cannot be told apart well enough.
    pub fn faint(&self) -> Vec<Faint> {
        let colours: BTreeMap<_, _> = self.iter().collect();
        let judged = PAIRS.iter().filter_map(|&(front, back, needed)| {
            let contrast = colours.get(front)?.contrast(*colours.get(back)?);
            Some(Faint { front, back, contrast, needed })
        });
        judged.filter(|pair| pair.contrast < pair.needed).collect()
    }
}

/// What a brand says about its looks. Files are read once, and served under a name that is their hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    pub light: Palette,
    /// `None`: there is only the light one, whatever the browser prefers.
    pub dark: Option<Palette>,
    pub logo: Option<ThemeFile>,
    pub icon: Option<ThemeFile>,
    /// WOFF2. Alone, it has every weight.
    pub font: Option<ThemeFile>,
    pub bold_font: Option<ThemeFile>,
    /// Below every page.
    pub texts: BTreeMap<Lang, ThemeText>,
}

impl Default for Theme {
    fn default() -> Self {
        Self {
            light: Palette::of(Scheme::Light),
            dark: Some(Palette::of(Scheme::Dark)),
            logo: None,
            icon: None,
            font: None,
            bold_font: None,
            texts: BTreeMap::new(),
        }
    }
}

/// A file that was checked: its bytes begin as those of its type do.
#[derive(Clone, PartialEq, Eq)]
pub struct ThemeFile {
    pub kind: FileKind,
    pub bytes: Vec<u8>,
}

impl fmt::Debug for ThemeFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThemeFile({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Svg,
    Png,
    Ico,
    Woff2,
}

impl FileKind {
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Ico => "ico",
            Self::Woff2 => "woff2",
        }
    }

    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Svg => "image/svg+xml",
            Self::Png => "image/png",
            Self::Ico => "image/vnd.microsoft.icon",
            Self::Woff2 => "font/woff2",
        }
    }

    /// Does the content begin as such a file does? An SVG is text whose first element is `svg`.
    pub fn fits(self, bytes: &[u8]) -> bool {
        match self {
            Self::Png => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Ico => bytes.starts_with(b"\0\0\x01\0"),
            Self::Woff2 => bytes.starts_with(b"wOF2"),
            Self::Svg => std::str::from_utf8(bytes).is_ok_and(is_svg),
        }
    }
}

/// After the declaration and comments. A document type is refused: it could bring entities.
fn is_svg(text: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = if rest.starts_with("<?") {
            "?>"
        } else if rest.starts_with("<!--") {
            "-->"
        } else {
            return rest.strip_prefix("<svg").is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace() || c == '>'));
        };
        match rest.split_once(end) {
            Some((_, after)) => rest = after.trim_start(),
            None => return false,
        }
    }
}

/// What a brand says below its pages, in one language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThemeText {
    /// Whom a customer may ask.
    pub support: Option<String>,
    /// https, tel or mailto.
    pub support_url: Option<String>,
    pub legal: Option<String>,
    /// Text and https URL.
    pub links: Vec<(String, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_as_wcag_computes_it() {
        for (a, b, ratio) in [
            ("#000000", "#ffffff", 21.0),
            ("#ffffff", "#000000", 21.0),
            // the well-known near miss and the near hit
            ("#777777", "#ffffff", 4.478),
            ("#767676", "#ffffff", 4.542),
            ("#0000ff", "#ffffff", 8.592),
        ] {
            let got = Colour::parse(a).unwrap().contrast(Colour::parse(b).unwrap());
            assert!((got - ratio).abs() < 0.001, "{a} {b}: {got}");
        }
        for odd in ["", "#fff", "ffffff", "#gggggg", "#fffffff", "#+fffff", "red"] {
            assert_eq!(Colour::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_colours_that_come_with_the_program_can_be_read() {
        for scheme in [Scheme::Light, Scheme::Dark] {
            assert_eq!(Palette::of(scheme).faint(), [], "{scheme:?}");
        }
        let known: Vec<_> = Palette::names().collect();
        assert!(PAIRS.iter().all(|(front, back, _)| known.contains(front) && known.contains(back)));
    }

    #[test]
    fn a_pair_that_cannot_be_read_is_named_with_its_ratio() {
        let mut palette = Palette::of(Scheme::Light);
        palette.set("quiet", Colour::parse("#777777").unwrap());
        let faint: Vec<_> = palette.faint().iter().map(ToString::to_string).collect();
        assert_eq!(
            faint,
            [
                "`quiet` on `paper` has a contrast of 4.09:1, and needs 4.5:1 (WCAG 2.2)",
                "`quiet` on `surface` has a contrast of 4.47:1, and needs 4.5:1 (WCAG 2.2)",
            ]
        );
    }

    #[test]
    fn a_file_is_what_it_begins_as() {
        for (kind, bytes, fits) in [
            (FileKind::Svg, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>", true),
            (FileKind::Svg, "\u{feff}<?xml version=\"1.0\"?>\n<!-- drawn -->\n<svg>", true),
            (FileKind::Svg, "<!DOCTYPE svg><svg>", false),
            (FileKind::Svg, "<html><svg>", false),
            (FileKind::Svg, "<svgx>", false),
            (FileKind::Svg, "<!-- <svg>", false),
            (FileKind::Png, "<svg>", false),
            (FileKind::Woff2, "wOF2..", true),
            (FileKind::Woff2, "wOFF..", false),
        ] {
            assert_eq!(kind.fits(bytes.as_bytes()), fits, "{bytes}");
        }
    }
}
