//! What a client sees: TLS, metadata, answers, and whether a header can stand for a certificate.

use super::{Check, Finding};
use crate::oauth::brand::Brand;
use serde_json::Value;
use std::collections::BTreeSet;

/// RFC 6797: half a year, in seconds, is what scanners ask for.
const SHORTEST_HSTS: u64 = 15_552_000;

/// Which listener a host stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Tpp,
    Psu,
}

/// What came of a handshake that should fail, or of one that should not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handshake {
    Accepted,
    Refused,
    /// It neither ended nor went on.
    Silent,
}

/// TLS at a host.
pub struct Tls {
    pub side: Side,
    /// `https://host[:port]`.
    pub origin: String,
    /// Why nobody answered.
    pub away: Option<String>,
    /// By version, such as `TLS 1.0`.
    pub old: Vec<(&'static str, Handshake)>,
    pub weak: Handshake,
    /// Why TLS 1.3 failed.
    pub new: Option<String>,
    pub certificate_asked: bool,
    /// Why the chain shown is not believed.
    pub untrusted: Option<String>,
}

impl Tls {
    pub fn judge(&self) -> Vec<Finding> {
        let finding = |check, seen: &str| Finding::new(check, &self.origin, seen);
        if let Some(why) = &self.away {
            return vec![finding(Check::PortClosed, why)];
        }
        let old = self.old.iter().filter(|(_, handshake)| *handshake == Handshake::Accepted);
        let mut found: Vec<_> = old.map(|(version, _)| finding(Check::TlsOld, version)).collect();
        if self.weak == Handshake::Accepted {
            found.push(finding(Check::TlsWeak, "a suite of CBC or RSA key exchange"));
        }
        if let Some(why) = &self.new {
            found.push(finding(Check::TlsNew, why));
            return found;
        }
        match (self.side, self.certificate_asked) {
            (Side::Tpp, false) => found.push(finding(Check::NoCertificateAsked, "no CertificateRequest")),
            (Side::Psu, true) => found.push(finding(Check::CertificateAskedOfCustomers, "a CertificateRequest")),
            (Side::Tpp, true) | (Side::Psu, false) => {}
        }
        found.extend(self.untrusted.as_ref().map(|why| finding(Check::ChainUntrusted, why)));
        found
    }
}

/// An answer, as far as it matters.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.body).ok()
    }
}

/// An answer, or why there is none.
pub type Got = Result<Answer, String>;

/// HTTP at a brand's hosts.
pub struct Http<'a> {
    pub brand: &'a Brand,
    pub metadata: Got,
    /// Of `jwks_uri`, where the metadata has one.
    pub keys: Option<Got>,
    /// Of each URL in the metadata that is served by us.
    pub endpoints: Vec<(String, Got)>,
    /// To a path that is not there, on each side.
    pub errors: Vec<(Side, Got)>,
    /// To a request for a host of nobody's.
    pub foreign: Got,
    /// What the server thinks of a certificate in a header: by header. `None`: it could not be asked.
    pub spoofed: Option<Spoofed>,
}

pub struct Spoofed {
    /// The answer without any.
    pub plain: Answer,
    /// In the forged certificate and nowhere else.
    pub marker: &'static str,
    pub answers: Vec<(&'static str, Got)>,
}

impl Http<'_> {
    pub fn judge(&self) -> Vec<Finding> {
        let mut found = self.judge_metadata();
        found.extend(self.judge_answers());
        found.extend(self.spoofed.iter().flat_map(|spoofed| spoofed.judge(&self.brand.tpp_origin)));
        found
    }

    fn judge_metadata(&self) -> Vec<Finding> {
        let about = format!("{}{}", self.brand.psu_origin, self.brand.metadata_path());
        let document = match &self.metadata {
            Ok(answer) if answer.status == 200 => answer.json(),
            Ok(answer) => return vec![Finding::new(Check::MetadataUnreadable, about, format!("status {}", answer.status))],
            Err(why) => return vec![Finding::new(Check::MetadataUnreadable, about, why.as_str())],
        };
        let Some(document) = document else { return vec![Finding::new(Check::MetadataUnreadable, about, "it is not JSON")] };
        let mut found: Vec<_> =
            differences(self.brand, &document).into_iter().map(|seen| Finding::new(Check::MetadataDiffers, &about, seen)).collect();
        for (url, got) in &self.endpoints {
            let seen = match got {
                Ok(answer) if [404, 421].contains(&answer.status) || answer.status >= 500 => format!("status {}", answer.status),
                Ok(_) => continue,
                Err(why) => why.clone(),
            };
            found.push(Finding::new(Check::EndpointNotServed, url, seen));
        }
        if let Some(seen) = self.keys.as_ref().and_then(keys_fault) {
            found.push(Finding::new(Check::KeysUnreadable, document["jwks_uri"].as_str().unwrap_or_default(), seen));
        }
        found
    }

    fn judge_answers(&self) -> Vec<Finding> {
        let mut found = vec![];
        for (side, got) in &self.errors {
            let (Ok(answer), origin) = (got, origin(self.brand, *side)) else { continue };
            if *side == Side::Psu && !keeps_https(answer) {
                found.push(Finding::new(Check::NoHsts, origin, answer.header("strict-transport-security").unwrap_or("no header")));
            }
            found.extend(version_told(answer).map(|seen| Finding::new(Check::VersionTold, origin, seen)));
        }
        if let Some(answer) = self.foreign.as_ref().ok().filter(|answer| answer.status != 421) {
            found.push(Finding::new(Check::ForeignHostServed, &self.brand.psu_origin, format!("status {}", answer.status)));
        }
        found
    }
}

pub fn origin(brand: &Brand, side: Side) -> &str {
    match side {
        Side::Tpp => &brand.tpp_origin,
        Side::Psu => &brand.psu_origin,
    }
}

/// Where the document is not what these settings make of it.
fn differences(brand: &Brand, document: &Value) -> Vec<String> {
    let first = brand.channels.first();
    let machine = |path: &str| format!("{}{path}", brand.tpp_origin);
    let expected = [
        ("/issuer", Some(brand.issuer.clone())),
        ("/token_endpoint", first.map(|channel| machine(&channel.token_path))),
        ("/registration_endpoint", Some(machine(&brand.registration.path))),
        ("/revocation_endpoint", Some(machine(&brand.revocation_path))),
    ];
    let mut found = vec![];
    for (place, wanted) in expected {
        let told = document.pointer(place).and_then(Value::as_str);
        if let Some(wanted) = wanted.filter(|wanted| told != Some(wanted)) {
            found.push(format!("{} is {}, not {wanted}", &place[1..], told.unwrap_or("absent")));
        }
    }
    let names = |channels: Vec<&str>| channels.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    let own = names(brand.channels.iter().map(|channel| channel.name.as_str()).collect());
    let told =
        document["channels"].as_array().map(|rows| names(rows.iter().filter_map(|row| row["name"].as_str()).collect())).unwrap_or_default();
    if own != told {
        found.push(format!("channels are {told:?}, not {own:?}"));
    }
    found
}

/// Every URL in the document that must be served at the brand's own hosts.
pub fn endpoints(brand: &Brand, document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member.as_str() {
                        Some(url) if name.ends_with("_endpoint") || name == "service_documentation" => drop(found.insert(url.to_owned())),
                        Some(_) | None => open.push(member),
                    }
                }
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let ours = |url: &String| {
        [&brand.tpp_origin, &brand.psu_origin]
            .iter()
            .any(|origin| url.strip_prefix(origin.as_str()).is_some_and(|rest| rest.starts_with('/')))
    };
    found.into_iter().filter(ours).collect()
}

fn keys_fault(keys: &Got) -> Option<String> {
    let answer = match keys {
        Ok(answer) if answer.status == 200 => answer,
        Ok(answer) => return Some(format!("status {}", answer.status)),
        Err(why) => return Some(why.clone()),
    };
    let document = answer.json();
    let Some(keys) = document.as_ref().and_then(|document| document["keys"].as_array()) else { return Some("it has no `keys`".to_owned()) };
    if keys.iter().any(|key| key.get("d").is_some() || key.get("k").is_some()) {
        return Some("a key in it is private".to_owned());
    }
    keys.iter().any(|key| !key["kty"].is_string()).then(|| "a key in it has no `kty`".to_owned())
}

fn keeps_https(answer: &Answer) -> bool {
    let age = answer.header("strict-transport-security").and_then(|value| {
        value.split(';').find_map(|part| {
            part.trim().to_ascii_lowercase().strip_prefix("max-age=").and_then(|age| age.trim_matches('"').parse::<u64>().ok())
        })
    });
    age.is_some_and(|age| age >= SHORTEST_HSTS)
}

/// What tells strangers which exploits to try.
fn version_told(answer: &Answer) -> Option<String> {
    let header = ["server", "x-powered-by"].into_iter().find_map(|name| Some((name, answer.header(name)?)));
    if let Some((name, value)) = header {
        return Some(format!("{name}: {value}"));
    }
    let words = ["guichet/", "nginx/", "apache/", "envoy/", "openresty/", "stack trace", "panicked at"];
    let body = answer.body.to_ascii_lowercase();
    words.into_iter().find(|word| body.contains(word)).map(|word| format!("the page of status {} holds {word:?}", answer.status))
}

impl Spoofed {
    fn judge(&self, origin: &str) -> Vec<Finding> {
        let mut found = vec![];
        for (header, got) in &self.answers {
            let Ok(answer) = got else { continue };
            let seen = if answer.body.contains(self.marker) {
                "the certificate in it was taken for the client's".to_owned()
            } else if answer.status != self.plain.status {
                format!("status {} with it, {} without: somebody reads it", answer.status, self.plain.status)
            } else {
                continue;
            };
            found.push(Finding::new(Check::HeaderBelieved, origin, format!("{header}: {seen}")));
        }
        found
    }
}
