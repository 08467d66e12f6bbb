//! The API reference, from its OpenAPI document.

use super::{Site, html, openapi::Api};
use crate::oauth::brand::Lang;
use askama::Template;
use serde_json::Value;

/// A page that a TPP's developer reads; in English, like the document. The document is shown as far as it can be read.
pub struct Developers<'a> {
    pub site: Site<'a>,
    pub document: &'a Value,
    /// Where a certificate is checked.
    pub certificate_page: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "developers.html")]
struct DevelopersPage<'a> {
    site: Site<'a>,
    api: Api,
    certificate_page: Option<&'a str>,
}

impl Developers<'_> {
    pub fn render(&self) -> String {
        let site = Site { lang: Lang::En, ..self.site };
        html(&DevelopersPage { site, api: Api::read(self.document), certificate_page: self.certificate_page })
    }
}
