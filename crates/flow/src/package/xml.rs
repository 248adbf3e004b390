//! The XML of solutions: no document type, so that no entity grows; names without regard to
//! case, since unpacked solutions write some of them otherwise.

use crate::limits::PACKAGE_XML_NODES_MAX;
use roxmltree::{Document, Node, ParsingOptions};

/// Parses a document.
pub fn parse(text: &str) -> Result<Document<'_>, String> {
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: PACKAGE_XML_NODES_MAX,
        ..ParsingOptions::default()
    };
    let parsed = Document::parse_with_options(text, options);
    parsed.map_err(|error| format!("This is not XML that can be read: {error}."))
}

/// Whether an element has a name.
pub fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name().eq_ignore_ascii_case(name)
}

/// The first child of a name.
pub fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| is(*child, name))
}

/// What an element says, when it says something.
pub fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    let text = child(node, name)?.text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An attribute, when it says something.
pub fn attribute(node: Node<'_, '_>, name: &str) -> Option<String> {
    let found = node.attributes().find(|it| it.name().eq_ignore_ascii_case(name))?;
    let text = found.value().trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `<LocalizedNames><LocalizedName description="..."/></LocalizedNames>`: the first.
pub fn localized(node: Node<'_, '_>, list: &str, item: &str) -> Option<String> {
    attribute(child(child(node, list)?, item)?, "description")
}
