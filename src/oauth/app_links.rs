//! Which URLs the bank's apps may take from the browser, told to the phones: values in, documents out.
//!
//! They claim authorization endpoints and nothing else: a journey's own URLs stay in the browser that has its cookie.

use super::{
    brand::Brand,
    channel::{AppSegment, Channel},
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// `/.well-known/apple-app-site-association` (Apple, "Supporting associated domains"; `applinks.details`). `None`: no app claims
/// anything.
pub fn apple_app_site_association<'b>(brands: impl IntoIterator<Item = &'b Brand>) -> Option<Value> {
    let claims = claims(brands, |segment| segment.ios_app_ids.iter().cloned().map(|id| (id, ())).collect());
    // one entry for each app: an app that stands in two is judged by the first alone
    let details: Vec<_> = claims.into_iter().map(|(id, claim)| json!({ "appIDs": [id], "components": claim.components() })).collect();
    (!details.is_empty()).then(|| json!({ "applinks": { "details": details } }))
}

/// `/.well-known/assetlinks.json` (Digital Asset Links; Android, "Configure website associations and dynamic rules"). Up to Android 14
/// the app's manifest alone names the paths; from 15 on the components narrow it.
pub fn asset_links<'b>(brands: impl IntoIterator<Item = &'b Brand>) -> Option<Value> {
    const RELATION: &str = "delegate_permission/common.handle_all_urls";
    let of = |segment: &AppSegment| {
        let apps = segment.android_apps.iter();
        apps.flat_map(|app| app.fingerprints.iter().map(|print| (app.package.clone(), print.clone()))).collect()
    };
    let statements: Vec<_> = claims(brands, of)
        .into_iter()
        .map(|(package, claim)| {
            let mut components = claim.components();
            components.push(json!({ "/": "*", "exclude": true }));
            json!({
                "relation": [RELATION],
                "target": { "namespace": "android_app", "package_name": package, "sha256_cert_fingerprints": claim.proofs },
                "relation_extensions": { RELATION: { "dynamic_app_link_components": components } },
            })
        })
        .collect();
    (!statements.is_empty()).then(|| Value::Array(statements))
}

/// What one app claims, over all channels that name it.
struct Claim<P> {
    /// What it proves itself with.
    proofs: BTreeSet<P>,
    paths: BTreeSet<String>,
}

impl<P> Claim<P> {
    fn components(&self) -> Vec<Value> {
        self.paths.iter().map(|path| json!({ "/": path })).collect()
    }
}

/// By app: `of` gives a segment's apps, each with a proof.
fn claims<'b, P: Ord>(
    brands: impl IntoIterator<Item = &'b Brand>,
    of: impl Fn(&AppSegment) -> Vec<(String, P)>,
) -> BTreeMap<String, Claim<P>> {
    let mut claims = BTreeMap::<String, Claim<P>>::new();
    for channel in brands.into_iter().flat_map(|brand| &brand.channels) {
        for (app, proof) in channel.app.as_ref().map(&of).unwrap_or_default() {
            let claim = claims.entry(app).or_insert_with(|| Claim { proofs: BTreeSet::new(), paths: BTreeSet::new() });
            claim.proofs.insert(proof);
            claim.paths.insert(pattern(channel));
        }
    }
    claims
}

/// In both vocabularies `?` stands for one character; a language is two (RFC 5646 s2.2.1), and `*` would claim other paths, too.
fn pattern(channel: &Channel) -> String {
    channel.authorize_path.replace("{lang}", "??")
}
