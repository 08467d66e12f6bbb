//! Who asks, as the customer reads it.

/// Longer names are cut: a name must not push the buttons away.
const MAX_CHARS: usize = 120;

/// The TPP in text that was cleaned: it holds no control character and nothing that could turn the direction of the text around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TppIdentity {
    client_name: String,
    legal_name: String,
    authorisation_number: Option<String>,
}

impl TppIdentity {
    /// `client_name` in the customer's language if it was registered in several (RFC 7591 s2.2), the legal name and the
    /// authorisation number as in the certificate; none: no authority licensed it. A missing `client_name` is the legal name.
    pub fn new<'n>(client_name: &str, legal_name: &str, authorisation_number: impl Into<Option<&'n str>>) -> Self {
        let legal_name = plain(legal_name);
        let client_name = Some(plain(client_name)).filter(|n| !n.is_empty()).unwrap_or_else(|| legal_name.clone());
        Self { client_name, legal_name, authorisation_number: authorisation_number.into().map(plain) }
    }

    pub fn client_name(&self) -> &str {
        &self.client_name
    }

    pub fn legal_name(&self) -> &str {
        &self.legal_name
    }

    pub fn authorisation_number(&self) -> Option<&str> {
        self.authorisation_number.as_deref()
    }
}

/// Foreign text on one line: without controls and invisible marks, with single spaces, at most 120 characters.
pub(super) fn plain(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_hidden(*c)).collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

/// Controls, direction marks, zero-width characters, tags and variation selectors: they change how the rest reads.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_loses_what_cannot_be_seen() {
        for (text, shown) in [
            ("Tipp & Co", "Tipp & Co"),
            ("  Société\u{a0}Générale \n", "Société Générale"),
            ("bank\u{202e}gro.live", "bankgro.live"),
            ("a\u{2066}b\u{2069}c\u{200f}d\u{61c}e", "abcde"),
            ("a\0\u{1b}[31m\u{7f}\u{85}b", "a[31m b"),
            ("line\u{2028}break", "line break"),
            ("\u{200b}\u{feff}", ""),
        ] {
            assert_eq!(plain(text), shown, "{text:?}");
        }
        assert_eq!(plain(&"é".repeat(500)).chars().count(), MAX_CHARS + 1);
    }

    #[test]
    fn a_client_without_a_visible_name_is_called_by_its_legal_name() {
        assert_eq!(TppIdentity::new("\u{200b}", "Tipp SAS", "1").client_name(), "Tipp SAS");
        assert_eq!(TppIdentity::new("Tipp", "Tipp SAS", "1").client_name(), "Tipp");
    }
}
