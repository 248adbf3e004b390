//! Documents as text.

use super::{Kind, NodeId, ROOT, Tree, declared, split};

/// The text of a node. What an element has from those around it, it says by itself.
pub fn node(tree: &Tree, id: NodeId) -> String {
    let mut out = String::new();
    let inherited = inherited(tree, id);
    write(tree, id, &inherited, &mut out);
    out
}

/// Declarations of prefixes that stand above an element and are used in it.
fn inherited(tree: &Tree, id: NodeId) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut waiting = vec![id];
    while let Some(at) = waiting.pop().filter(|_| id != ROOT) {
        if let Kind::Element { name, .. } = &tree.0[at].kind {
            let named = tree.attributes(at).map(|it| split(it.0).0).filter(|it| !it.is_empty());
            for prefix in named.chain([split(name).0]) {
                let is_known = found.iter().any(|it| it.0 == prefix) || prefix == "xml";
                if is_known || prefix == "xmlns" || is_declared(tree, at, id, prefix) {
                    continue;
                }
                if let Some(uri) = tree.namespace(tree.0[id].parent, prefix) {
                    found.push((prefix.to_owned(), uri.to_owned()));
                }
            }
        }
        waiting.extend(tree.0[at].children.iter().rev());
    }
    found
}

/// Whether a prefix is declared at an element or between it and one above it.
fn is_declared(tree: &Tree, mut at: NodeId, top: NodeId, prefix: &str) -> bool {
    loop {
        if tree.attributes(at).any(|it| declared(it.0) == Some(prefix)) {
            return true;
        }
        if at == top {
            return false;
        }
        at = tree.0[at].parent;
    }
}

/// Recursive: what reads documents limits how deep they are.
fn write(tree: &Tree, id: NodeId, declarations: &[(String, String)], out: &mut String) {
    let below = |out: &mut String| {
        tree.0[id].children.iter().for_each(|it| write(tree, *it, &[], out));
    };
    match &tree.0[id].kind {
        Kind::Root => below(out),
        Kind::Element { name, is_closed } => {
            out.push('<');
            out.push_str(name);
            for (prefix, uri) in declarations {
                let name =
                    if prefix.is_empty() { "xmlns".into() } else { format!("xmlns:{prefix}") };
                attribute(&name, uri, out);
            }
            tree.attributes(id).for_each(|(name, value)| attribute(name, value, out));
            if *is_closed && tree.0[id].children.is_empty() {
                out.push_str(" />");
                return;
            }
            out.push('>');
            below(out);
            out.push_str("</");
            out.push_str(name);
            out.push('>');
        }
        Kind::Attribute { name, value } => attribute(name, value, out),
        Kind::Text(text) => escape(text, false, out),
        Kind::Section(text) => out.extend(["<![CDATA[", text, "]]>"]),
        Kind::Comment(text) => out.extend(["<!--", text, "-->"]),
        Kind::Instruction { target, text } if text.is_empty() => out.extend(["<?", target, "?>"]),
        Kind::Instruction { target, text } => out.extend(["<?", target, " ", text, "?>"]),
        Kind::Declaration { encoding, standalone } => {
            out.push_str("<?xml version=\"1.0\"");
            for (name, value) in [("encoding", encoding), ("standalone", standalone)] {
                value.iter().for_each(|it| attribute(name, it, out));
            }
            out.push_str("?>");
        }
        Kind::DocumentType(it) => {
            out.extend(["<!DOCTYPE ", &it.name]);
            match (it.public.as_str(), it.system.as_str()) {
                ("", "") => {}
                ("", system) => out.extend([" SYSTEM \"", system, "\""]),
                (public, system) => out.extend([" PUBLIC \"", public, "\" \"", system, "\""]),
            }
            if let Some(subset) = it.subset.as_ref().filter(|it| !it.is_empty()) {
                out.extend(["[", subset, "]"]);
            }
            out.push('>');
        }
    }
}

fn attribute(name: &str, value: &str, out: &mut String) {
    out.extend([" ", name, "=\""]);
    escape(value, true, out);
    out.push('"');
}

fn escape(text: &str, is_attribute: bool, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            '"' if is_attribute => out.push_str("&quot;"),
            '\n' if is_attribute => out.push_str("&#xA;"),
            '\t' if is_attribute => out.push_str("&#x9;"),
            other => out.push(other),
        }
    }
}
