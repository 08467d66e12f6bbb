//! A look at the tags before anybody builds a tree of them: what would cost more than its bytes is refused here.

use super::Refusal;

const DEEPEST: usize = 64;
const MOST_ELEMENTS: usize = 100_000;
const MOST_ATTRIBUTES: usize = 128;
/// Namespaces in scope, summed over the elements that declare any: parsers copy them.
const MOST_SCOPES: usize = 4_000_000;

/// What is open, and what it cost so far.
#[derive(Default)]
struct Tally {
    /// Namespaces in scope at each open element.
    open: Vec<usize>,
    elements: usize,
    scopes: usize,
}

/// A document type declaration is refused too. What is not well-formed is left to the parser, up to there it is bounded.
pub(super) fn scan(text: &str) -> Result<(), Refusal> {
    let (bytes, mut at, mut tally) = (text.as_bytes(), 0, Tally::default());
    while let Some(found) = find(bytes, at, b"<") {
        let rest = &bytes[found..];
        at = if rest.starts_with(b"<!--") {
            after(bytes, found + 4, b"-->")?
        } else if rest.starts_with(b"<![CDATA[") {
            after(bytes, found + 9, b"]]>")?
        } else if rest.starts_with(b"<!") {
            return Err(Refusal::DocumentType);
        } else if rest.starts_with(b"<?") {
            after(bytes, found + 2, b"?>")?
        } else if rest.starts_with(b"</") {
            tally.open.pop();
            after(bytes, found + 2, b">")?
        } else {
            tally.start(bytes, found + 1)?
        };
    }
    Ok(())
}

impl Tally {
    /// A start tag whose name begins at `at`; gives where it ends.
    fn start(&mut self, bytes: &[u8], at: usize) -> Result<usize, Refusal> {
        let (mut attributes, mut namespaces, mut quote) = (0, 0, None);
        for (offset, byte) in bytes[at..].iter().enumerate() {
            match (quote, byte) {
                (Some(open), byte) if open == *byte => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(*byte),
                (None, b'=') => attributes += 1,
                (None, b'x') if bytes[at..].get(offset..).is_some_and(|rest| rest.starts_with(b"xmlns")) => namespaces += 1,
                (None, b'>') => {
                    let closed = offset > 0 && bytes[at + offset - 1] == b'/';
                    self.opened(attributes, namespaces, closed)?;
                    return Ok(at + offset + 1);
                }
                (None, _) => {}
            }
        }
        Err(unclosed())
    }

    fn opened(&mut self, attributes: usize, namespaces: usize, closed: bool) -> Result<(), Refusal> {
        let scope = self.open.last().unwrap_or(&0) + namespaces;
        self.elements += 1;
        if namespaces > 0 {
            self.scopes += scope;
        }
        if attributes > MOST_ATTRIBUTES || self.elements > MOST_ELEMENTS || self.scopes > MOST_SCOPES {
            return Err(Refusal::TooComplex);
        }
        if !closed {
            self.open.push(scope);
        }
        if self.open.len() > DEEPEST { Err(Refusal::TooDeep) } else { Ok(()) }
    }
}

fn after(bytes: &[u8], from: usize, end: &[u8]) -> Result<usize, Refusal> {
    find(bytes, from, end).map(|found| found + end.len()).ok_or_else(unclosed)
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == first)?;
        if bytes[at..].starts_with(what) {
            return Some(at);
        }
        at += 1;
    }
}

fn unclosed() -> Refusal {
    Refusal::NotWellFormed("the file ends within a tag".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_more_than_its_bytes_is_refused() {
        let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        let scopes = |width: usize| {
            let names: String = (0..100).map(|n| format!(" xmlns:n{n}='u'")).collect();
            format!("<r{names}><s{}>{}</s></r>", names.replace(":n", ":m"), "<t xmlns:x='u'/>".repeat(width))
        };
        let attributes = |number: usize| format!("<r {}/>", (0..number).map(|n| format!("a{n}='' ")).collect::<String>());
        let cases = [
            ("<r/>".to_owned(), Ok(())),
            ("<r><!-- <a> --><![CDATA[<a><a>]]><?p <a> ?><b c='<>' d=\"'\"/></r>".into(), Ok(())),
            (nested(64), Ok(())),
            (nested(65), Err(Refusal::TooDeep)),
            (nested(1_000_000), Err(Refusal::TooDeep)),
            ("<!DOCTYPE r [<!ENTITY a 'b'>]><r/>".into(), Err(Refusal::DocumentType)),
            ("<r><!ELEMENT r ANY></r>".into(), Err(Refusal::DocumentType)),
            (scopes(1_000), Ok(())),
            (scopes(30_000), Err(Refusal::TooComplex)),
            (attributes(128), Ok(())),
            (attributes(129), Err(Refusal::TooComplex)),
            (format!("<r>{}</r>", "<a/>".repeat(100_000)), Err(Refusal::TooComplex)),
            ("<r".into(), Err(unclosed())),
            ("<r><!-- ".into(), Err(unclosed())),
        ];
        for (text, expected) in cases {
            assert_eq!(scan(&text), expected, "{:.80}", text);
        }
    }
}
