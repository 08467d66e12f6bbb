//! What may be shown of an exchange: enough of a secret to tell it from another, never enough to use it. Pure.

use serde_json::Value;
use url::{Url, form_urlencoded};

/// Parameters and members, of any body, whose value opens something.
const SECRETS: [&str; 13] = [
    "access_token",
    "refresh_token",
    "registration_access_token",
    "token",
    "client_secret",
    "code",
    "code_verifier",
    "client_assertion",
    "csrf",
    "customer",
    "password",
    "otp",
    "sub",
];
/// Shorter secrets show nothing but their length.
const SHORTEST_WITH_A_BEGINNING: usize = 32;

/// `guat_AaH8…(69)`: the prefix that tells the kind, four characters, the length.
pub fn secret(text: &str) -> String {
    let length = text.chars().count();
    if length < SHORTEST_WITH_A_BEGINNING {
        return format!("…({length})");
    }
    let prefix = text.find('_').filter(|at| *at < 6).map_or(0, |at| at + 1);
    let beginning: String = text.chars().take(prefix + 4).collect();
    format!("{beginning}…({length})")
}

fn value(name: &str, text: &str) -> String {
    if SECRETS.contains(&name) { secret(text) } else { text.to_owned() }
}

/// A header's value: `Basic Y2xp…(92)`, cookies without their value.
pub fn header(name: &str, text: &str) -> String {
    match name {
        "authorization" => match text.split_once(' ') {
            Some((scheme, credentials)) => format!("{scheme} {}", secret(credentials)),
            None => secret(text),
        },
        "cookie" | "set-cookie" => {
            let (pair, attributes) = text.split_once(';').map_or((text, String::new()), |(pair, rest)| (pair, format!(";{rest}")));
            let (name, key) = pair.split_once('=').unwrap_or(("", pair));
            format!("{name}={}{attributes}", secret(key))
        }
        "location" => url(text),
        _ => text.to_owned(),
    }
}

/// A URL, its query readable and masked.
pub fn url(text: &str) -> String {
    match text.split_once('?') {
        // relative references have no secret but in their query either
        Some((before, query)) if Url::parse(text).is_ok() || before.starts_with('/') => format!("{before}?{}", form(query)),
        _ => text.to_owned(),
    }
}

/// `a=1&b=2`, decoded so that it can be read, masked by name.
pub fn form(body: &str) -> String {
    let pairs = form_urlencoded::parse(body.as_bytes()).map(|(name, text)| format!("{name}={}", value(&name, &text)));
    pairs.collect::<Vec<_>>().join("&")
}

/// A JSON document, masked by member name at any depth.
pub fn json(document: &Value) -> Value {
    match document {
        Value::Object(members) => members.iter().map(|(name, inner)| (name.clone(), member(name, inner))).collect(),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => document.clone(),
    }
}

fn member(name: &str, inner: &Value) -> Value {
    match inner {
        Value::String(text) => Value::String(value(name, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => json(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_form_of_a_secret_is_shown() {
        let token = format!("guat_AaH8{}", "x".repeat(60));
        assert_eq!(secret(&token), "guat_AaH8…(69)");
        assert_eq!(secret("sandbox"), "…(7)");
        assert_eq!(header("authorization", &format!("Bearer {token}")), "Bearer guat_AaH8…(69)");
        assert_eq!(header("authorization", "hunter2"), "…(7)");
        let cookie = format!("__Host-guichet={}; Path=/; Secure", "k".repeat(43));
        assert_eq!(header("set-cookie", &cookie), "__Host-guichet=kkkk…(43); Path=/; Secure");
        assert_eq!(
            url(&format!("https://tpp.example/cb?code={token}&state=s%201")),
            "https://tpp.example/cb?code=guat_AaH8…(69)&state=s 1"
        );
        assert_eq!(url("/a/journeys/7?code=short"), "/a/journeys/7?code=…(5)");
        assert_eq!(form("password=sandbox&scope=aisp+x"), "password=…(7)&scope=aisp x");
        let document = json!({"keys": [{"client_secret": token, "expires_in": 5}], "token": {"code": "c"}});
        assert_eq!(json(&document), json!({"keys": [{"client_secret": "guat_AaH8…(69)", "expires_in": 5}], "token": {"code": "…(1)"}}));
    }
}
