//! XML as the language knows it: text or an object in, an envelope out, and back.
//!
//! A document is a list of nodes that name each other by number, so that neither reading nor
//! dropping a deep one costs stack. Nothing outside the document is ever fetched, and entities
//! that it declares by itself are refused.
//!
//! Invariant: numbers of nodes that were read are in document order.

mod comparison;
mod name;
mod object;
mod path;
mod read;
mod write;

use crate::content;
use crate::value::{Object, Value};

pub(crate) use path::evaluate;
pub(crate) use read::{bytes, text};

/// The content type of what the language makes.
const MEDIA_TYPE: &str = "application/xml;charset=utf-8";

type NodeId = usize;

/// The node that stands above the document's element.
const ROOT: NodeId = 0;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Root,
    /// With its name as it is written, and whether it is closed where it begins.
    Element {
        name: String,
        is_closed: bool,
    },
    Attribute {
        name: String,
        value: String,
    },
    Text(String),
    Section(String),
    Comment(String),
    Instruction {
        target: String,
        text: String,
    },
    Declaration {
        encoding: Option<String>,
        standalone: Option<String>,
    },
    DocumentType(DocumentType),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct DocumentType {
    name: String,
    public: String,
    system: String,
    subset: Option<String>,
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    parent: NodeId,
    children: Vec<NodeId>,
    attributes: Vec<NodeId>,
}

/// A document.
#[derive(Debug)]
pub(crate) struct Tree(Vec<Node>);

impl Tree {
    fn new() -> Tree {
        let root =
            Node { kind: Kind::Root, parent: ROOT, children: Vec::new(), attributes: Vec::new() };
        Tree(vec![root])
    }

    /// Adds a node as the last of its parent.
    fn add(&mut self, parent: NodeId, kind: Kind) -> NodeId {
        let id = self.0.len();
        let is_attribute = matches!(kind, Kind::Attribute { .. });
        self.0.push(Node { kind, parent, children: Vec::new(), attributes: Vec::new() });
        let of = &mut self.0[parent];
        if is_attribute {
            of.attributes.push(id);
        } else {
            of.children.push(id);
        }
        id
    }

    /// Attributes of an element, in their order.
    fn attributes(&self, of: NodeId) -> impl Iterator<Item = (&str, &str)> {
        self.0[of].attributes.iter().filter_map(|id| match &self.0[*id].kind {
            Kind::Attribute { name, value } => Some((name.as_str(), value.as_str())),
            _ => None,
        })
    }

    /// What a prefix stands for at an element; an empty one is for names without.
    fn namespace(&self, mut at: NodeId, prefix: &str) -> Option<&str> {
        if prefix == "xml" {
            return Some("http://www.w3.org/XML/1998/namespace");
        }
        while at != ROOT {
            let found = self.attributes(at).find(|it| declared(it.0) == Some(prefix));
            if let Some((_, uri)) = found {
                return Some(uri);
            }
            at = self.0[at].parent;
        }
        None
    }

    /// The document as the language keeps it.
    pub(crate) fn into_envelope(self) -> Object {
        envelope(&write::node(&self, ROOT))
    }

    /// The document as an object.
    pub(crate) fn to_value(&self) -> Value {
        object::of_document(self)
    }

    /// The document that an object stands for.
    pub(crate) fn of_object(object: &Object) -> Result<Tree, String> {
        object::to_document(object)
    }
}

/// The text of the document that an object stands for.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    let tree = Tree::of_object(value.as_object()?).ok()?;
    (tree.0.len() > 1).then(|| write::node(&tree, ROOT))
}

fn envelope(text: &str) -> Object {
    content::envelope(MEDIA_TYPE, text.as_bytes())
}

/// The prefix that an attribute declares: `xmlns:a` says what `a` is.
fn declared(attribute: &str) -> Option<&str> {
    match attribute.strip_prefix("xmlns")? {
        "" => Some(""),
        rest => rest.strip_prefix(':'),
    }
}

/// Prefix and name.
fn split(name: &str) -> (&str, &str) {
    name.split_once(':').unwrap_or(("", name))
}

/// The same content, marked as XML: faults in it show when it is used.
pub(crate) fn relabelled(object: &Object) -> Option<Object> {
    let content = content::envelope_content(object)?;
    Some(content::envelope_of_base64(MEDIA_TYPE, content.to_owned()))
}
