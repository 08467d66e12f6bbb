//! Small helpers over a parsed tree.

use roxmltree::Node;

pub(super) const TSL: &str = "http://uri.etsi.org/02231/v2#";
pub(super) const ADDITIONAL: &str = "http://uri.etsi.org/02231/v2/additionaltypes#";
pub(super) const QUALIFICATIONS: &str = "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#";
pub(super) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(super) const XADES: &str = "http://uri.etsi.org/01903/v1.3.2#";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

pub(super) fn children<'a, 'i: 'a>(
    of: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i> {
    of.children().filter(move |node| node.has_tag_name((namespace, name)))
}

pub(super) fn child<'a, 'i: 'a>(of: Node<'a, 'i>, namespace: &'static str, name: &'static str) -> Option<Node<'a, 'i>> {
    children(of, namespace, name).next()
}

/// Child of child, all of the list's own namespace.
pub(super) fn down<'a, 'i: 'a>(of: Node<'a, 'i>, path: &[&'static str]) -> Option<Node<'a, 'i>> {
    path.iter().try_fold(of, |node, name| child(node, TSL, name))
}

/// All text of an element, trimmed. A comment inside is not signed, so it must not cut the text either.
pub(super) fn text(of: Node<'_, '_>) -> String {
    let mut all = String::new();
    of.children().filter(Node::is_text).filter_map(|node| node.text()).for_each(|part| all.push_str(part));
    let trimmed = all.trim();
    if trimmed.len() == all.len() { all } else { trimmed.to_owned() }
}

pub(super) fn child_text(of: Node<'_, '_>, namespace: &'static str, name: &'static str) -> Option<String> {
    child(of, namespace, name).map(text)
}

/// The English one of multilingual names (TS 119 612 s5.1.4), else the first.
pub(super) fn english(names: Node<'_, '_>) -> Option<String> {
    let is_english = |node: &Node<'_, '_>| node.attribute((XML, "lang")).is_some_and(|lang| lang.eq_ignore_ascii_case("en"));
    let all = || children(names, TSL, "Name");
    all().find(is_english).or_else(|| all().next()).map(text)
}

/// base64 with the white space that XML allows in it.
pub(super) fn base64(of: Node<'_, '_>) -> Option<Vec<u8>> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let compact: Vec<u8> = text(of).bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact).ok()
}

/// xs:boolean.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text.trim(), "true" | "1")
}
