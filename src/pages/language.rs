//! Which language a page speaks.

use crate::oauth::brand::{Brand, Lang};

/// More entries than this in `ui_locales` or Accept-Language are not looked at.
const MAX_TAGS: usize = 32;

/// The path decides, then `ui_locales` (OpenID Connect Core s3.1.2.1: space-delimited, best first), then Accept-Language
/// by weight (RFC 9110 s12.5.4), then the brand's default; each only as far as the brand offers the language.
pub fn negotiate(path: Option<&str>, ui_locales: Option<&str>, accept_language: &str, brand: &Brand) -> Lang {
    let offered = |tag: &str| Lang::from_tag(tag).filter(|lang| brand.languages.contains(lang));
    path.and_then(offered)
        .or_else(|| ui_locales?.split(' ').take(MAX_TAGS).find_map(offered))
        .or_else(|| {
            by_weight(accept_language).into_iter().find_map(|tag| if tag == "*" { Some(brand.default_language) } else { offered(tag) })
        })
        .unwrap_or(brand.default_language)
}

/// The ranges, best first; those of weight zero or with a faulty weight are left out.
fn by_weight(accept_language: &str) -> Vec<&str> {
    let mut ranges: Vec<_> = accept_language.split(',').take(MAX_TAGS).filter_map(weighted).filter(|(q, _)| *q > 0.0).collect();
    ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranges.into_iter().map(|(_, tag)| tag).collect()
}

fn weighted(range: &str) -> Option<(f32, &str)> {
    let (tag, weight) = range.split_once(';').map_or((range, None), |(tag, weight)| (tag, Some(weight)));
    let Some(weight) = weight else { return Some((1.0, tag.trim())) };
    let (name, value) = weight.split_once('=')?;
    let q: f32 = value.trim().parse().ok()?;
    (name.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&q)).then_some((q, tag.trim()))
}
