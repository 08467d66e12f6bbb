//! The bank does not serve this TPP at present.

use super::{
    Site, TppIdentity, html,
    tpp::{is_hidden, plain},
};
use askama::Template;

/// Longer notices are cut.
const MOST_CHARS: usize = 2_000;

/// Says so, with what the bank's operator has to say, and a way home that carries the error.
#[derive(Template)]
#[template(path = "not_served.html")]
pub struct NotServed<'a> {
    pub site: Site<'a>,
    pub tpp: &'a TppIdentity,
    /// The operator's words to customers, in whatever language they were written.
    pub notice: Option<&'a str>,
    /// A `TrustedRedirect`'s, or the journey's way to one.
    pub url: &'a str,
}

impl NotServed<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    /// A paragraph a line.
    fn paragraphs(&self) -> Vec<String> {
        let text: String = self.notice.unwrap_or_default().chars().take(MOST_CHARS).collect();
        let visible = |line: &str| line.chars().filter(|c| !is_hidden(*c)).collect::<String>();
        text.lines().map(|line| visible(line).trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    fn brand(&self) -> String {
        plain(self.site.brand)
    }
}
