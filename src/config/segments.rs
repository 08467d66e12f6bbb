//! `[[brand.app]]`: the installation's apps, each by the channel whose authorization endpoint it claims.

use super::{
    mistakes::suggestion,
    names,
    reader::{Reader, text},
};
use crate::oauth::{
    brand::Brand,
    channel::{AndroidApp, AppSegment},
};
use std::collections::BTreeSet;
use toml::de::DeValue;
use url::Url;

/// What a row says of its channel's app.
struct App {
    open_url: Option<String>,
    ios_app_ids: Vec<String>,
    android_apps: Vec<AndroidApp>,
}

/// Every row is judged, also where the brand itself did not read.
pub(super) fn read(row: &mut Reader<'_>, mut brand: Option<&mut Brand>) {
    if !row.has("app") {
        return;
    }
    let mut seen = BTreeSet::new();
    for mut table in row.rows("app") {
        let channel = table.need("channel", names::id);
        let app = app(&mut table);
        table.finish();
        let Some(channel) = channel else { continue };
        if !seen.insert(channel.clone()) {
            table.note("channel", format!("`brand.app`: channel `{channel}` is there twice"));
        }
        let Some(brand) = brand.as_deref_mut() else { continue };
        if app.open_url.as_ref().is_some_and(|url| is_on(url, &brand.psu_origin)) {
            table.note("open_url", "`brand.app.open_url` is on `psu_host` itself: there a phone stays in the browser");
        }
        match segment(brand, &channel) {
            Ok(segment) => {
                segment.open_url = app.open_url;
                segment.ios_app_ids = app.ios_app_ids;
                segment.android_apps = app.android_apps;
            }
            Err(why) => table.note("channel", why),
        }
    }
}

fn app(table: &mut Reader<'_>) -> App {
    let app = App {
        open_url: table.may("open_url", open_url),
        ios_app_ids: if table.has("ios_app_ids") { table.list("ios_app_ids", ios_app_id) } else { vec![] },
        android_apps: if table.has("android_apps") { android_apps(table) } else { vec![] },
    };
    if !["open_url", "ios_app_ids", "android_apps"].into_iter().any(|key| table.has(key)) {
        table.note("", "`brand.app` needs one of `open_url`, `ios_app_ids`, `android_apps`");
    }
    app
}

fn android_apps(table: &mut Reader<'_>) -> Vec<AndroidApp> {
    let mut apps = Vec::new();
    for mut row in table.rows("android_apps") {
        let package = row.need("package", android_package);
        let fingerprints = row.list("fingerprints", fingerprint);
        if row.has("fingerprints") && fingerprints.is_empty() {
            row.note("fingerprints", "`brand.app.android_apps.fingerprints` needs at least one");
        }
        row.finish();
        apps.extend(package.map(|package| AndroidApp { package, fingerprints }));
    }
    apps
}

fn segment<'b>(brand: &'b mut Brand, channel: &str) -> Result<&'b mut AppSegment, String> {
    let apps: Vec<_> = brand.channels.iter().filter(|c| c.app.is_some()).map(|c| c.name.clone()).collect();
    let known: Vec<_> = apps.iter().map(String::as_str).collect();
    match brand.channels.iter_mut().find(|c| c.name == channel) {
        Some(found) => {
            found.app.as_mut().ok_or_else(|| format!("`brand.app.channel`: `{channel}` is no app's (`app = true` in the bank's file)"))
        }
        None => Err(format!("`brand.app.channel`: the bank has no channel `{channel}`{}", suggestion(channel, &known))),
    }
}

fn is_on(url: &str, origin: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.origin().ascii_serialization() == origin)
}

/// The request's query is appended to it. RFC 8252 s7.1: a scheme of an app's own has a period in it, which those of browsers
/// (`javascript`, `data`) have not.
fn open_url(value: &DeValue<'_>) -> Result<String, String> {
    let written = text(value)?;
    let own = |url: &Url| url.scheme() == "https" || url.scheme().contains('.');
    let plain = |url: &Url| url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let fits = written.bytes().all(|b| b.is_ascii_graphic()) && Url::parse(&written).is_ok_and(|url| own(&url) && plain(&url));
    if fits {
        Ok(written)
    } else {
        Err("must be an https URL or one of the app's own scheme, such as com.bank.app://authorize, without query or fragment".into())
    }
}

/// `<Application Identifier Prefix>.<Bundle Identifier>`: no wildcards.
fn ios_app_id(value: &DeValue<'_>) -> Result<String, String> {
    let id = text(value)?;
    let prefix = |p: &str| p.len() == 10 && p.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let fits = id.len() <= 255 && id.split_once('.').is_some_and(|(team, bundle)| prefix(team) && bundle.split('.').all(part));
    if fits { Ok(id) } else { Err(format!("holds `{id}`, which is no app id such as ABCDE12345.com.bank.app")) }
}

/// Android's application id: at least two segments, each beginning with a letter.
fn android_package(value: &DeValue<'_>) -> Result<String, String> {
    let package = text(value)?;
    let segment = |s: &str| s.starts_with(|c: char| c.is_ascii_alphabetic()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let fits = package.len() <= 255 && package.contains('.') && package.split('.').all(segment);
    if fits { Ok(package) } else { Err("must be a package name such as com.bank.app".into()) }
}

/// SHA-256 of a signing certificate, as keytool and Android's consoles print it.
fn fingerprint(value: &DeValue<'_>) -> Result<String, String> {
    let print = text(value)?;
    let pair = |p: &str| p.len() == 2 && p.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    let fits = print.split(':').count() == 32 && print.split(':').all(pair);
    if fits { Ok(print) } else { Err("holds SHA-256 fingerprints only: 32 pairs of capital hexadecimal digits with `:` between".into()) }
}
