use super::{Refusal, scan::scan, sha256_hex, xml::TSL};
use roxmltree::{Document, Node, ParsingOptions};

/// A file that is UTF-8, well-formed, bounded and has the root of a trusted list. Nobody vouches for it yet.
pub struct Envelope<'a> {
    text: &'a str,
    document: Document<'a>,
    sha256: String,
}

impl<'a> Envelope<'a> {
    pub fn open(bytes: &'a [u8], most_bytes: usize) -> Result<Self, Refusal> {
        if bytes.len() > most_bytes {
            return Err(Refusal::TooLarge { limit: most_bytes });
        }
        let content = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let text = str::from_utf8(content).map_err(|_| Refusal::NotUtf8)?;
        scan(text)?;
        let options = ParsingOptions { allow_dtd: false, nodes_limit: 300_000, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text, options).map_err(|error| Refusal::NotWellFormed(error.to_string()))?;
        if !document.root_element().has_tag_name((TSL, "TrustServiceStatusList")) {
            return Err(Refusal::NotATrustedList);
        }
        Ok(Self { text, document, sha256: sha256_hex(bytes) })
    }

    /// Over the file as it is, hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What is verified and what is read: the same text.
    pub(super) const fn text(&self) -> &'a str {
        self.text
    }

    pub(super) fn root(&self) -> Node<'_, 'a> {
        self.document.root_element()
    }
}
