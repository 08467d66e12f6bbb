//! What a TPP takes from a brand's metadata (RFC 8414) before its first request.

use serde_json::Value;
use url::Url;

/// One way to the customer: its own pair of endpoints.
#[derive(Clone, Debug)]
pub struct Channel {
    pub name: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
}

#[derive(Debug)]
pub struct Endpoints {
    pub registration: String,
    pub revocation: String,
    pub grant_types: Vec<String>,
    /// `client_secret_basic` beside the certificate; otherwise `client_id` in the body.
    pub basic: bool,
    /// At least one.
    pub channels: Vec<Channel>,
}

/// RFC 8414 s3.1: the well-known part goes between the issuer's host and its path.
pub fn metadata_url(issuer: &str) -> Result<String, String> {
    let mut url = Url::parse(issuer).map_err(|error| format!("issuer {issuer}: {error}"))?;
    let path = format!("/.well-known/oauth-authorization-server{}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    Ok(url.into())
}

impl Endpoints {
    /// RFC 8414 s3.3: metadata that names another issuer must not be used.
    pub fn read(document: &Value, issuer: &str) -> Result<Self, String> {
        let text = |from: &Value, name: &str| from[name].as_str().map(str::to_owned).ok_or_else(|| format!("the metadata has no {name}"));
        let texts = |name: &str| -> Vec<String> {
            document[name].as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
        };
        let said = text(document, "issuer")?;
        if said != issuer {
            return Err(format!("the metadata is of issuer {said}"));
        }
        // RFC 8705 s5: a client that authenticates by mutual TLS prefers the aliases
        let alias = |name: &str| text(&document["mtls_endpoint_aliases"], name).or_else(|_| text(document, name));
        let channel = |from: &Value, name: String| {
            let authorization_endpoint = text(from, "authorization_endpoint")?;
            Ok::<_, String>(Channel { name, authorization_endpoint, token_endpoint: text(from, "token_endpoint")? })
        };
        let channels = match document["channels"].as_array() {
            Some(all) => all.iter().map(|one| channel(one, text(one, "name")?)).collect::<Result<_, _>>()?,
            None => vec![Channel { token_endpoint: alias("token_endpoint")?, ..channel(document, "web".into())? }],
        };
        Ok(Self {
            registration: alias("registration_endpoint")?,
            revocation: alias("revocation_endpoint")?,
            grant_types: texts("grant_types_supported"),
            basic: texts("token_endpoint_auth_methods_supported").iter().any(|method| method == "client_secret_basic"),
            channels,
        })
    }

    pub fn offers(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|offered| offered == grant_type)
    }

    /// Those that are meant: the one of this name, or each.
    pub fn channels(&self, name: Option<&str>) -> Result<Vec<Channel>, String> {
        let meant: Vec<_> = self.channels.iter().filter(|channel| name.is_none_or(|name| name == channel.name)).cloned().collect();
        if meant.is_empty() {
            let names: Vec<_> = self.channels.iter().map(|channel| channel.name.as_str()).collect();
            return Err(format!("no channel {}; there are: {}", name.unwrap_or(""), names.join(", ")));
        }
        Ok(meant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metadata_is_read_as_the_rfc_says() {
        assert_eq!(metadata_url("https://a.example/x/").unwrap(), "https://a.example/.well-known/oauth-authorization-server/x");
        assert_eq!(metadata_url("https://a.example:1").unwrap(), "https://a.example:1/.well-known/oauth-authorization-server");
        let plain = json!({
            "issuer": "https://a.example", "authorization_endpoint": "https://a.example/a", "token_endpoint": "https://a.example/t",
            "registration_endpoint": "https://a.example/r", "revocation_endpoint": "https://a.example/v",
            "mtls_endpoint_aliases": {"token_endpoint": "https://m.example/t"},
            "grant_types_supported": ["authorization_code"],
        });
        let read = Endpoints::read(&plain, "https://a.example").unwrap();
        assert_eq!(read.channels(None).unwrap()[0].token_endpoint, "https://m.example/t");
        assert!(read.registration == "https://a.example/r" && !read.basic && !read.offers("refresh_token"));
        assert!(read.channels(Some("app")).unwrap_err().contains("there are: web"));
        assert!(Endpoints::read(&plain, "https://b.example").unwrap_err().contains("of issuer https://a.example"));
    }
}
