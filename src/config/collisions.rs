//! What brands of one server cannot share: hosts across the two listeners, issuers, paths.

use super::names;
use crate::oauth::brand::Brand;
use std::collections::BTreeSet;

/// What a path of one brand is for.
struct Endpoint<'a> {
    origin: &'a str,
    path: &'a str,
    purpose: &'static str,
}

fn endpoints(brand: &Brand) -> Vec<Endpoint<'_>> {
    let tpp = |path, purpose| Endpoint { origin: &brand.tpp_origin, path, purpose };
    let mut all = vec![tpp(&brand.revocation_path, "revocation"), tpp(&brand.registration.path, "registration")];
    // Channels may share a token endpoint.
    let tokens: BTreeSet<_> = brand.channels.iter().map(|c| c.token_path.as_str()).collect();
    all.extend(tokens.into_iter().map(|path| tpp(path, "token")));
    all.extend(brand.channels.iter().map(|c| Endpoint { origin: &brand.psu_origin, path: &c.authorize_path, purpose: "authorize" }));
    // A path that did not read was noted where it stands.
    all.retain(|e| !e.path.is_empty());
    all
}

impl Endpoint<'_> {
    /// Told apart by host, since the public port is not seen here; `{lang}` stands for any segment.
    fn meets(&self, other: &Self) -> bool {
        let same = |(a, b): (&str, &str)| a == b || a == "{lang}" || b == "{lang}";
        names::host_of(self.origin) == names::host_of(other.origin)
            && self.path.split('/').count() == other.path.split('/').count()
            && self.path.split('/').zip(other.path.split('/')).all(same)
    }
}

/// Machines and customers must meet different hosts: only one of them is asked for a certificate.
fn shares_host(a: &Brand, b: &Brand) -> bool {
    names::host_of(&a.tpp_origin) == names::host_of(&b.psu_origin)
}

/// A brand that collides with itself.
pub fn within(brand: &Brand) -> Option<String> {
    if shares_host(brand, brand) {
        return Some(format!("brand `{}`: `tpp_host` and `psu_host` must differ", brand.id));
    }
    let all = endpoints(brand);
    let (a, b) = all.iter().enumerate().find_map(|(i, a)| all[..i].iter().find(|b| a.meets(b)).map(|b| (b, a)))?;
    Some(format!("brand `{}`: `{}` ({}) and `{}` ({}) are the same path", brand.id, a.path, a.purpose, b.path, b.purpose))
}

/// What two brands cannot both have.
pub fn between(a: &Brand, b: &Brand) -> Option<String> {
    let (first, second) = (&a.id, &b.id);
    if a.id == b.id {
        return Some(format!("brand `{first}` is there twice; give one of them another `id`"));
    }
    if a.issuer == b.issuer {
        return Some(format!("brands `{first}` and `{second}` have the same issuer {}", a.issuer));
    }
    if shares_host(a, b) || shares_host(b, a) {
        return Some(format!("brands `{first}` and `{second}`: one's `tpp_host` is the other's `psu_host`"));
    }
    let others = endpoints(b);
    let met = endpoints(a).into_iter().find(|e| others.iter().any(|o| e.meets(o)))?;
    Some(format!("brands `{first}` and `{second}` both answer {}{}; give one another host", met.origin, met.path))
}
