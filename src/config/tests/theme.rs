//! A theme that cannot be read, or whose files are not what they should be, is a mistake with its place.

use super::*;
use crate::oauth::{
    brand::Lang,
    theme::{Palette, Scheme, Theme},
};

/// `PLAIN` and these lines, which begin on line 17.
fn with_theme(lines: &str) -> String {
    with_line(17, "").trim_end().to_owned() + "\n" + lines
}

fn theme(lines: &str) -> Theme {
    read(&with_theme(lines)).unwrap().brands[0].theme.clone()
}

#[test]
fn a_theme_that_cannot_be_read_is_a_mistake_with_pair_and_ratio() {
    for (lines, message) in [
        (
            "[brand.theme.light]\nquiet = '#8a8a8a'",
            "g.toml:18:9: `quiet` on `paper` has a contrast of 3.15:1, and needs 4.5:1 (WCAG 2.2)|g.toml:18:9: `quiet` on `surface` has a contrast of 3.45:1, and needs 4.5:1 (WCAG 2.2)",
        ),
        // a ground that makes the program's own text too faint
        ("theme.light.header = '#7f7f7f'", "g.toml:17:22: `on-header` on `header` has a contrast of 4.00:1, and needs 4.5:1 (WCAG 2.2)"),
        (
            "theme.dark.edge = '#404850'",
            "g.toml:17:19: `edge` on `paper` has a contrast of 1.97:1, and needs 3.0:1 (WCAG 2.2)|g.toml:17:19: `edge` on `surface` has a contrast of 1.74:1, and needs 3.0:1 (WCAG 2.2)",
        ),
        ("theme.light.ink = 'black'", "g.toml:17:19: `brand.theme.light.ink` must be a colour, written #rrggbb"),
        ("theme.light.inc = '#000000'", "g.toml:17:13: unknown key `brand.theme.light.inc`; did you mean `ink`?"),
        ("theme.bold_font_file = 'b.woff2'", "g.toml:17:24: `theme.bold_font_file` needs `theme.font_file`"),
        ("theme.text.de.legal = 'x'", "g.toml:17:7: `theme.text` lacks `fr`, the language that `languages.default` names"),
        ("theme.text.fr.support_url = 'tel:1'", "g.toml:17:29: `support_url` needs `support`: the text that leads there"),
        (
            "theme.text.fr.links = [['AGB', 'http://b.example']]",
            "g.toml:17:24: `brand.theme.text.fr.links` holds an address that must be a URL that begins with https:",
        ),
        ("theme.text.fr.links = [['AGB']]", "g.toml:17:24: `brand.theme.text.fr.links` must hold pairs, each [\"text\", \"https://..\"]"),
        (
            "theme.text.fr = { support = 'x', support_url = 'javascript:alert(1)' }",
            "g.toml:17:48: `brand.theme.text.fr.support_url` must be a URL that begins with https: or tel: or mailto:",
        ),
    ] {
        assert_eq!(mistakes(&with_theme(lines)).join("|"), message, "{lines}");
    }
}

#[test]
fn a_row_of_the_settings_lies_over_the_banks_theme_key_by_key() {
    let (bank, row) =
        (theme(""), theme("theme.light.accent = '#5a1a6b'\ntheme.text.fr = { support = 'Aide', links = [['A', 'https://a.example']] }"));
    let accent = |palette: &Palette| palette.iter().find(|(name, _)| *name == "accent").unwrap().1.to_string();
    assert_eq!((accent(&bank.light).as_str(), accent(&row.light).as_str()), ("#0f4f8a", "#5a1a6b"));
    assert_eq!(bank.dark, row.dark);
    assert_eq!(row.texts[&Lang::Fr].links, [("A".to_owned(), "https://a.example".to_owned())]);
}

/// The pages of a shipped bank can be read in the light and in the dark.
#[test]
fn every_shipped_theme_has_contrast_in_both_schemes() {
    for bank in SHIPPED_BANKS {
        let settings = read(&with_line(13, &format!("bank = '{bank}'"))).unwrap();
        let theme = &settings.brands[0].theme;
        assert_ne!(theme.light, Palette::of(Scheme::Light), "{bank} has no theme");
        assert!(theme.light.faint().is_empty() && theme.dark.as_ref().is_some_and(|dark| dark.faint().is_empty()), "{bank}");
    }
}

#[test]
fn a_themes_files_are_opened_beside_the_file_that_names_them_and_judged() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    fs::create_dir(folder.path().join("banks")).unwrap();
    put(
        "banks/own.toml",
        include_str!("../../../config/banks/cic.toml").replace("[theme] ", "[theme]\nlogo_file = 'logo.svg' ").as_bytes(),
    );
    put("banks/logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>");
    for name in ["a", "b", "c"] {
        put(name, b"");
    }
    put("logo.png", b"GIF89a");
    put("big.svg", format!("<svg>{}</svg>", " ".repeat(64 * 1024)).as_bytes());
    put("text.woff2", b"wOF2....");
    let path = folder.path().join("g.toml");
    let judged = |lines: &str| {
        let text = with_theme(lines).replace("bank = 'cic'", "bank = 'banks/own.toml'");
        fs::write(&path, text).unwrap();
        load(&path, &Environment::default())
    };
    let theme = judged("theme.font_file = 'text.woff2'").unwrap().brands[0].theme.clone();
    assert!(theme.logo.is_some_and(|logo| logo.bytes.starts_with(b"<svg")) && theme.font.is_some());
    let at = |name: &str| folder.path().join(name).display().to_string();
    for (lines, why) in [
        (
            "theme.logo_file = 'logo.png'",
            format!("`brand.theme.logo_file` names {}, which does not begin as a file of type image/png", at("logo.png")),
        ),
        ("theme.logo_file = 'big.svg'", format!("`brand.theme.logo_file` names {}, which is larger than 64 KiB", at("big.svg"))),
        (
            "theme.logo_file = 'text.woff2'",
            format!("`brand.theme.logo_file` names {}, which does not end in .svg or .png", at("text.woff2")),
        ),
        (
            "theme.icon_file = 'none.ico'",
            format!("`brand.theme.icon_file` names {}, which cannot be read: entity not found", at("none.ico")),
        ),
    ] {
        let found: Vec<_> = judged(lines).unwrap_err().iter().map(|m| (m.place.map(|p| p.0), m.message.clone())).collect();
        assert_eq!(found, [(Some(17), why)], "{lines}");
    }
}
