//! The customer's browser on its way through the bank's pages: keeps the cookie, fills in forms, follows the page that leads home.

use super::wire::{Body, Reply, Transcript, Wire};
use reqwest::Method;
use url::Url;

/// Pages between the TPP's link and the answer at the TPP.
const MOST_PAGES: usize = 16;

/// Who sits before the browser.
pub struct Customer<'a> {
    pub login: &'a str,
    pub password: &'a str,
}

impl Customer<'_> {
    /// Opens an authorization URL and goes on until the browser is sent to `redirect_uri`. Returns that address with its parameters.
    pub async fn follow(&self, transcript: &mut Transcript<'_>, wire: &Wire, url: &str, redirect_uri: &str) -> Result<Url, String> {
        let mut browser = Browser { transcript, wire, at: absolute(url)?, cookie: String::new() };
        let mut reply = browser.go(Method::GET, Body::None).await?;
        for _ in 0..MOST_PAGES {
            let location = reply.header("location");
            if reply.status == 303 || reply.status == 302 {
                let next = browser.at.join(location).map_err(|error| format!("Location: {error}"))?;
                if next.as_str().starts_with(redirect_uri) {
                    return Ok(next);
                }
                browser.at = next;
                reply = browser.go(Method::GET, Body::None).await?;
                continue;
            }
            let page = reply.expect(200)?.body;
            reply = self.act(&mut browser, &page).await?;
        }
        Err(format!("the bank's pages did not end after {MOST_PAGES}"))
    }

    async fn act(&self, browser: &mut Browser<'_, '_>, page: &str) -> Result<Reply, String> {
        // the page that leads home, at once or by its link
        let home = attribute(page, "content=\"0; url=").or_else(|| attribute(page, "id=\"home\" href=\""));
        if let Some(next) = home {
            browser.visit(next)?;
            return browser.go(Method::GET, Body::None).await;
        }
        let csrf = attribute(page, "name=\"csrf\" value=\"").unwrap_or("");
        let fields = if page.contains("name=\"password\"") {
            vec![("csrf", csrf), ("customer", self.login), ("password", self.password), ("decision", "sign_in")]
        } else if page.contains("value=\"continue_here\"") {
            // the bank's app was expected, and there is none on this machine
            vec![("csrf", csrf), ("decision", "continue_here")]
        } else if page.contains("value=\"approve\"") {
            vec![("csrf", csrf), ("decision", "approve")]
        } else {
            return Err("a page on which a scripted customer knows nothing to do: is this a sandbox?".into());
        };
        if page.contains("role=\"alert\"") {
            return Err(format!("the bank does not let customer {} in", self.login));
        }
        browser.visit(attribute(page, "method=\"post\" action=\"").unwrap_or(""))?;
        browser.go(Method::POST, Body::Form(&fields)).await
    }
}

struct Browser<'a, 'o> {
    transcript: &'a mut Transcript<'o>,
    wire: &'a Wire,
    at: Url,
    cookie: String,
}

impl Browser<'_, '_> {
    fn visit(&mut self, reference: &str) -> Result<(), String> {
        self.at = self.at.join(reference).map_err(|error| format!("{reference}: {error}"))?;
        Ok(())
    }

    async fn go(&mut self, method: Method, body: Body<'_>) -> Result<Reply, String> {
        let headers = [("cookie", self.cookie.as_str())];
        let headers = if self.cookie.is_empty() { &[][..] } else { &headers[..] };
        let reply = self.transcript.send(self.wire, method, self.at.as_str(), headers, body).await?;
        if let Some(pair) = reply.header("set-cookie").split(';').next().filter(|pair| !pair.is_empty()) {
            self.cookie = pair.to_owned();
        }
        Ok(reply)
    }
}

fn absolute(url: &str) -> Result<Url, String> {
    Url::parse(url).map_err(|error| format!("{url}: {error}"))
}

/// What follows `before` up to the closing quote.
fn attribute<'p>(page: &'p str, before: &str) -> Option<&'p str> {
    page.split_once(before)?.1.split('"').next()
}
