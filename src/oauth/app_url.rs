//! The authorization URL that a phone gave to the bank's app instead of the browser.

use super::{
    brand::Brand,
    channel::Channel,
    params::{Params, decode},
};
use url::Url;

/// An authorization request at an app's channel, read as the browser's would have been.
pub struct AppUrl<'b> {
    pub channel: &'b Channel,
    /// What stands in the path for `{lang}`.
    pub lang: Option<String>,
    pub params: Params,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppUrlRefusal {
    NotAUrl,
    OtherHost,
    /// Also the authorization endpoint of a channel that is the browser's: no app claims it.
    NotAnAppsEndpoint,
    MalformedQuery,
}

impl AppUrlRefusal {
    /// The stable name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAUrl => "not_a_url",
            Self::OtherHost => "other_host",
            Self::NotAnAppsEndpoint => "not_an_apps_endpoint",
            Self::MalformedQuery => "malformed_query",
        }
    }

    pub const ALL: [Self; 4] = [Self::NotAUrl, Self::OtherHost, Self::NotAnAppsEndpoint, Self::MalformedQuery];
}

impl<'b> AppUrl<'b> {
    pub fn read(text: &str, brand: &'b Brand) -> Result<Self, AppUrlRefusal> {
        let url = Url::parse(text).map_err(|_| AppUrlRefusal::NotAUrl)?;
        if url.origin().ascii_serialization() != brand.psu_origin || !url.username().is_empty() || url.password().is_some() {
            return Err(AppUrlRefusal::OtherHost);
        }
        let apps = brand.channels.iter().filter(|channel| channel.app.is_some());
        let (channel, lang) = apps
            .filter_map(|channel| Some((channel, meets(&channel.authorize_path, url.path())?)))
            .next()
            .ok_or(AppUrlRefusal::NotAnAppsEndpoint)?;
        let params = Params::parse_leniently(url.query().unwrap_or("").as_bytes()).map_err(|_| AppUrlRefusal::MalformedQuery)?;
        Ok(Self { channel, lang, params })
    }
}

/// As the router would: segment by segment, one of them free. The inner `None`: no language in it.
fn meets(pattern: &str, path: &str) -> Option<Option<String>> {
    if pattern.split('/').count() != path.split('/').count() {
        return None;
    }
    let mut lang = None;
    for (wanted, found) in pattern.split('/').zip(path.split('/')) {
        match wanted {
            // a `+` in a path is itself
            "{lang}" if !found.is_empty() => lang = Some(decode(found.replace('+', "%2B").as_bytes())?),
            _ if wanted == found => {}
            _ => return None,
        }
    }
    Some(lang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_met_whole_or_not_at_all() {
        let fr = || Some(Some("fr".to_owned()));
        for (pattern, path, met) in [
            ("/app/authorize", "/app/authorize", Some(None)),
            ("/app/authorize", "/app/authorize/", None),
            ("/app/authorize", "/app/authorize/x", None),
            ("/app/authorize", "/app%2Fauthorize", None),
            ("/app/authorize", "/APP/authorize", None),
            ("/a/{lang}/b", "/a/fr/b", fr()),
            ("/a/{lang}/b", "/a/%66r/b", fr()),
            ("/a/{lang}/b", "/a//b", None),
            ("/a/{lang}/b", "/a/%FF/b", None),
            ("/a/{lang}/b", "/a/fr/c", None),
        ] {
            assert_eq!(meets(pattern, path), met, "{pattern} {path}");
        }
    }
}
