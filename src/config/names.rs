//! The small grammars of the settings: hosts, paths, issuers, ids, codes.

use super::reader::text;
use toml::de::DeValue;
use url::{Host, Url};

/// `web`, `cic-sandbox`: goes into rows, logs and metrics.
pub fn id(value: &DeValue<'_>) -> Result<String, String> {
    let id = text(value)?;
    let fits = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if fits { Ok(id) } else { Err("may hold only a-z, 0-9, `-` and `_`, at most 64 of them".into()) }
}

/// A DNS name without port, lower-cased.
pub fn host(value: &DeValue<'_>) -> Result<String, String> {
    let host = text(value)?.to_ascii_lowercase();
    let label = |l: &str| {
        (1..=63).contains(&l.len()) && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !l.starts_with('-') && !l.ends_with('-')
    };
    if host.len() <= 253 && host.split('.').all(label) { Ok(host) } else { Err("must be a host name without scheme, port or path".into()) }
}

/// `host:port` as URLs write both: an IPv6 address in brackets, a name in lower case.
pub fn host_and_port(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    let split = text.rsplit_once(':').and_then(|(host, port)| Some((Host::parse(host).ok()?, port.parse::<u16>().ok()?)));
    split.map(|(host, port)| format!("{host}:{port}")).ok_or("must be a host and a port, such as ocsp.bank:80".to_owned())
}

pub fn proxy_url(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    let url = Url::parse(&text).map_err(|e| format!("is no URL: {e}"))?;
    match url.scheme() {
        "http" | "https" if has_password(&url) || !url.username().is_empty() => {
            Err("must name no user: the proxy knows us by our address".into())
        }
        "http" | "https" => Ok(text),
        _ => Err("must begin with http:// or https://".into()),
    }
}

/// Of a collector beside this program, which carries on what it gets.
pub fn collector_url(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    let plain = Url::parse(&text).is_ok_and(|url| url.scheme() == "http" && url.username().is_empty() && !has_password(&url));
    if plain { Ok(text) } else { Err("must be a http URL that names no user: the collector stands beside this program".into()) }
}

/// An https URL without `/` at its end, query or fragment.
pub fn https_url(value: &DeValue<'_>) -> Result<String, String> {
    let written = text(value)?;
    let url = Url::parse(&written).map_err(|_| "must be an https URL".to_owned())?;
    let plain = url.scheme() == "https" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if plain && !written.ends_with('/') { Ok(written) } else { Err("must be an https URL without query or `/` at its end".to_owned()) }
}

/// RFC 8414 s2, and stricter: written as it is compared, byte for byte.
pub fn issuer(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|e| format!("is no URL: {e}"))?;
    let refusals = [
        (url.scheme() != "https", "must begin with https://"),
        (url.query().is_some() || url.fragment().is_some(), "must have no query and no fragment"),
        (!url.username().is_empty() || url.password().is_some(), "must name no user"),
        (text.ends_with('/'), "must not end with `/`"),
    ];
    if let Some((_, why)) = refusals.into_iter().find(|(wrong, _)| *wrong) {
        return Err(why.into());
    }
    let normal = url.as_str().trim_end_matches('/');
    if normal == text { Ok(text.to_owned()) } else { Err(format!("must be written as {normal}")) }
}

/// `https://host[:port]`, as browsers write an origin.
pub fn origin(text: &str) -> Result<(), String> {
    let normal = Url::parse(text).map(|u| u.origin().ascii_serialization()).unwrap_or_default();
    if normal == text && text.starts_with("https://") { Ok(()) } else { Err(format!("`{text}` must be written https://host[:port]")) }
}

pub fn origin_of(host: &str, port: u64) -> String {
    if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") }
}

pub fn host_of(origin: &str) -> &str {
    let host = origin.strip_prefix("https://").unwrap_or(origin);
    host.split(':').next().unwrap_or(host)
}

/// An absolute path in plain characters; `{lang}` as a whole segment where the route takes one.
pub fn path(value: &DeValue<'_>, lang: bool) -> Result<String, String> {
    let path = text(value)?;
    let Some(rest) = path.strip_prefix('/') else { return Err("must begin with `/`".into()) };
    let plain = |s: &str| {
        !s.is_empty() && s != "." && s != ".." && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'))
    };
    for segment in rest.split('/') {
        if segment == "{lang}" {
            if !lang {
                return Err("cannot hold `{lang}`; only `authorize` can".into());
            }
        } else if !plain(segment) {
            return Err("may hold only segments of letters, digits, `-`, `.`, `_`, `~`, none of them empty".into());
        }
    }
    if rest.split('/').filter(|s| *s == "{lang}").count() > 1 { Err("may hold `{lang}` once".into()) } else { Ok(path) }
}

/// RFC 6749 s4.1.2.1: %x20-21 / %x23-5B / %x5D-7E; a code has no space.
pub fn error_code(value: &DeValue<'_>) -> Result<String, String> {
    let code = text(value)?;
    let fits = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if fits { Ok(code) } else { Err("is no error code of RFC 6749 s4.1.2.1".into()) }
}

/// ISO 3166-1 alpha-2 as national authorities' ids begin (ETSI TS 119 495 s5.2).
pub fn country(value: &DeValue<'_>) -> Result<String, String> {
    let code = text(value)?;
    let fits = code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
    if fits { Ok(code) } else { Err("holds country codes of two capital letters".into()) }
}

/// A PostgreSQL URL. The refusals repeat nothing of it.
pub fn database_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text.trim()).map_err(|_| "is no URL")?;
    if matches!(url.scheme(), "postgres" | "postgresql") { Ok(url) } else { Err("must begin with postgres://") }
}

pub fn has_password(url: &Url) -> bool {
    url.password().is_some() || url.query_pairs().any(|(key, _)| key.eq_ignore_ascii_case("password"))
}
