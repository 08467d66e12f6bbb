//! RFC 9110 s12.5.1: JSON, or the other form that there is of it.

use http::{HeaderMap, HeaderValue, header};

/// Thousandths.
const FULL: u16 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Also where nothing is said that fits.
    Json,
    /// At least as much as JSON, which will do too.
    Other,
    /// JSON will not do.
    OtherAlone,
}

/// `other` counts where it is named in full: whoever takes anything takes JSON.
pub fn wanted(headers: &HeaderMap, other: &str) -> Wanted {
    let sent = headers.get_all(header::ACCEPT).iter().filter_map(|value| HeaderValue::to_str(value).ok());
    let ranges: Vec<(String, u16)> = sent.flat_map(|value| value.split(',')).map(range).collect();
    let weight = |name: &str| ranges.iter().filter(|(range, _)| range == name).map(|(_, weight)| *weight).max();
    // the more precise range decides
    let json = weight("application/json").or_else(|| weight("application/*")).or_else(|| weight("*/*")).unwrap_or(0);
    match weight(other).unwrap_or(0) {
        0 => Wanted::Json,
        other if other < json => Wanted::Json,
        _ if json > 0 => Wanted::Other,
        _ => Wanted::OtherAlone,
    }
}

/// Of any other parameter nothing is made.
fn range(text: &str) -> (String, u16) {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| part.split_once('=').filter(|(key, _)| key.trim().eq_ignore_ascii_case("q")));
    (name, weight.map_or(FULL, |(_, weight)| thousandths(weight.trim())))
}

/// What is no weight is as good as none.
fn thousandths(text: &str) -> u16 {
    text.parse::<f32>().map_or(FULL, |weight| (weight.clamp(0.0, 1.0) * f32::from(FULL)) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::ACCEPT;
    use proptest::prelude::*;

    const OTHER: &str = "application/token-introspection+jwt";

    fn of<'a>(values: impl IntoIterator<Item = &'a str>) -> Wanted {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("x")));
        }
        wanted(&headers, OTHER)
    }

    #[test]
    fn the_other_form_is_for_who_names_it() {
        assert_eq!(of([]), Wanted::Json);
        for (value, expected) in [
            ("*/*", Wanted::Json),
            ("application/*", Wanted::Json),
            ("application/json", Wanted::Json),
            ("text/html", Wanted::Json),
            ("application/jwt", Wanted::Json),
            ("application/token-introspection+jwt", Wanted::OtherAlone),
            (" Application/Token-Introspection+JWT ; charset=utf-8", Wanted::OtherAlone),
            ("application/token-introspection+jwt, application/json", Wanted::Other),
            ("application/json,application/token-introspection+jwt;q=1.0", Wanted::Other),
            ("application/token-introspection+jwt, */*;q=0.1", Wanted::Other),
            ("application/token-introspection+jwt;q=0.5, application/json", Wanted::Json),
            ("application/token-introspection+jwt;q=0", Wanted::Json),
            ("application/token-introspection+jwt, */*, application/json;q=0", Wanted::OtherAlone),
            ("application/token-introspection+jwt; Q=0.3, application/json ; q = 0.2", Wanted::Other),
            ("application/token-introspection+jwtx", Wanted::Json),
            ("", Wanted::Json),
        ] {
            assert_eq!(of([value]), expected, "{value}");
        }
        assert_eq!(of(["application/json", "application/token-introspection+jwt"]), Wanted::Other, "in two headers");
    }

    proptest! {
        #[test]
        fn any_header_is_read(value in "[ -~]{0,80}") {
            of([value.as_str()]);
        }
    }
}
