//! Documents as objects: attributes are `@name`, text beside others is `#text`.

use super::{DocumentType, Kind, NodeId, ROOT, Tree, declared, name, split};
use crate::limits::{XML_ATTRIBUTES_MAX, XML_DEPTH_MAX, XML_NODES_MAX};
use crate::value::{Object, Value};
use std::collections::HashMap;

pub fn of_document(tree: &Tree) -> Value {
    let mut object = Object::new();
    children(tree, ROOT, &mut object);
    object.into()
}

/// The children of a node, those of one name together, where the first of them stands.
fn children(tree: &Tree, id: NodeId, into: &mut Object) {
    let mut groups: Vec<(String, Vec<NodeId>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for child in &tree.0[id].children {
        let key = key(&tree.0[*child].kind);
        let place = *places.entry(key.clone()).or_insert(groups.len());
        if place == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[place].1.push(*child);
    }
    for (key, ids) in groups {
        let mut values: Vec<Value> = ids.iter().filter_map(|id| value(tree, *id)).collect();
        // of comments only that there are several is kept
        match ids.len() {
            1 => {
                if let Some(only) = values.pop() {
                    into.insert(key, only);
                }
            }
            _ => {
                into.insert(key, Value::array(values));
            }
        }
    }
}

fn key(kind: &Kind) -> String {
    match kind {
        Kind::Root => String::new(),
        Kind::Element { name, .. } => plain(name),
        Kind::Attribute { name, .. } => format!("@{}", plain(name)),
        Kind::Text(_) => "#text".to_owned(),
        Kind::Section(_) => "#cdata-section".to_owned(),
        Kind::Comment(_) => "#comment".to_owned(),
        Kind::Instruction { target, .. } => format!("?{}", plain(target)),
        Kind::Declaration { .. } => "?xml".to_owned(),
        Kind::DocumentType(_) => "!DOCTYPE".to_owned(),
    }
}

fn plain(written: &str) -> String {
    match written.split_once(':') {
        Some((prefix, local)) => format!("{prefix}:{}", name::decode(local)),
        None => name::decode(written),
    }
}

fn value(tree: &Tree, id: NodeId) -> Option<Value> {
    Some(match &tree.0[id].kind {
        Kind::Root | Kind::Comment(_) => return None,
        Kind::Element { is_closed, .. } => element(tree, id, *is_closed),
        Kind::Attribute { value, .. } => value.as_str().into(),
        Kind::Text(text) | Kind::Section(text) => text.as_str().into(),
        Kind::Instruction { text, .. } => text.as_str().into(),
        Kind::Declaration { encoding, standalone } => {
            let given = [("@encoding", encoding), ("@standalone", standalone)];
            let given = given.into_iter().filter_map(|(name, it)| Some((name, it.as_deref()?)));
            named([("@version", "1.0")].into_iter().chain(given))
        }
        Kind::DocumentType(it) => {
            let given = [
                ("@name", it.name.as_str()),
                ("@public", &it.public),
                ("@system", &it.system),
                ("@internalSubset", it.subset.as_deref().unwrap_or_default()),
            ];
            named(given.into_iter().filter(|it| !it.1.is_empty()))
        }
    })
}

fn named<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    members.map(|(name, value)| (name.into(), Value::from(value))).collect::<Object>().into()
}

fn element(tree: &Tree, id: NodeId, is_closed: bool) -> Value {
    let node = &tree.0[id];
    match (node.attributes.is_empty(), node.children.as_slice()) {
        (true, []) if is_closed => return Value::Null,
        (true, []) => return "".into(),
        (true, [only]) => {
            if let Kind::Text(text) = &tree.0[*only].kind {
                return text.as_str().into();
            }
        }
        _ => {}
    }
    let mut object = Object::new();
    for (name, value) in tree.attributes(id) {
        object.insert(format!("@{}", plain(name)), value);
    }
    children(tree, id, &mut object);
    object.into()
}

/// The document that an object stands for: nothing at all, or one element.
pub fn to_document(object: &Object) -> Result<Tree, String> {
    let mut tree = Tree::new();
    for (name, value) in object.iter() {
        let before = elements(&tree);
        if name.starts_with(['@', '#']) {
            return Err(format!("'{name}' cannot stand outside of an element."));
        }
        property(&mut tree, ROOT, name, value, 0)?;
        if elements(&tree) > 1
            || (before == 1 && elements(&tree) == 1 && !name.starts_with(['?', '!']))
        {
            return Err("The object has several properties. One that becomes a document has \
                exactly one, which is its element."
                .to_owned());
        }
    }
    Ok(tree)
}

fn elements(tree: &Tree) -> usize {
    let is_element = |id: &&NodeId| matches!(tree.0[**id].kind, Kind::Element { .. });
    tree.0[ROOT].children.iter().filter(is_element).count()
}

fn property(
    tree: &mut Tree,
    parent: NodeId,
    name: &str,
    value: &Value,
    depth: usize,
) -> Result<(), String> {
    if depth > XML_DEPTH_MAX || tree.0.len() > XML_NODES_MAX {
        return Err("The object is too deep or too large for a document.".to_owned());
    }
    let Value::Array(items) = value else { return single(tree, parent, name, value, depth) };
    for item in items.iter() {
        match item {
            // a list within a list is an element of the same name around its items
            Value::Array(_) => {
                let within = tree.add(parent, open(tree, parent, name)?);
                property(tree, within, name, item, depth + 1)?;
            }
            _ => single(tree, parent, name, item, depth)?,
        }
    }
    Ok(())
}

fn open(tree: &Tree, parent: NodeId, name: &str) -> Result<Kind, String> {
    if name.is_empty() {
        return Err("A property without a name cannot become an element.".to_owned());
    }
    let name = written(tree, parent, name);
    Ok(Kind::Element { name, is_closed: true })
}

/// The name as it is written: a prefix that nobody declared is left out.
fn written(tree: &Tree, at: NodeId, name: &str) -> String {
    let (prefix, local) = split(name);
    let is_known = prefix == "xmlns" || tree.namespace(at, prefix).is_some();
    name::encode(if prefix.is_empty() || is_known { name } else { local })
}

fn single(
    tree: &mut Tree,
    parent: NodeId,
    name: &str,
    value: &Value,
    depth: usize,
) -> Result<(), String> {
    let said = || scalar(name, value);
    match name {
        "#text" | "#whitespace" | "#significant-whitespace" => {
            tree.add(parent, Kind::Text(said()?));
        }
        "#cdata-section" => {
            let text = said()?;
            if text.contains("]]>") {
                return Err("']]>' cannot stand in a CDATA section.".to_owned());
            }
            tree.add(parent, Kind::Section(text));
        }
        "?xml" => {
            let text = |name: &str| value.get(name).map(|it| scalar(name, it)).transpose();
            let declaration = Kind::Declaration {
                encoding: text("@encoding")?,
                standalone: text("@standalone")?,
            };
            tree.add(parent, declaration);
        }
        _ if name.eq_ignore_ascii_case("!DOCTYPE") => {
            let text = |name: &str| value.get(name).map(|it| scalar(name, it)).transpose();
            tree.add(
                parent,
                Kind::DocumentType(DocumentType {
                    name: text("@name")?.unwrap_or_default(),
                    public: text("@public")?.unwrap_or_default(),
                    system: text("@system")?.unwrap_or_default(),
                    subset: text("@internalSubset")?,
                }),
            );
        }
        _ => match (name.strip_prefix('?'), name.strip_prefix('@')) {
            (Some(target), _) => {
                let kind = Kind::Instruction { target: name::encode(target), text: said()? };
                tree.add(parent, kind);
            }
            (_, Some(name)) => attribute(tree, parent, name, value)?,
            _ => element_of(tree, parent, name, value, depth)?,
        },
    }
    Ok(())
}

fn attribute(tree: &mut Tree, of: NodeId, name: &str, value: &Value) -> Result<(), String> {
    if tree.0[of].attributes.len() >= XML_ATTRIBUTES_MAX {
        return Err(format!("An element has more than {XML_ATTRIBUTES_MAX} attributes."));
    }
    let value = scalar(name, value)?;
    let name = written(tree, of, name);
    // what declares a prefix may have been taken before
    if !tree.attributes(of).any(|it| it.0 == name) {
        tree.add(of, Kind::Attribute { name, value });
    }
    Ok(())
}

fn element_of(
    tree: &mut Tree,
    parent: NodeId,
    name: &str,
    value: &Value,
    depth: usize,
) -> Result<(), String> {
    let id = tree.add(parent, open(tree, parent, name)?);
    match value {
        Value::Null => {}
        Value::Object(object) => {
            let prefixes =
                object.iter().filter(|it| it.0.strip_prefix('@').and_then(declared).is_some());
            for (name, value) in prefixes {
                attribute(tree, id, &name[1..], value)?;
            }
            // only now it is known what its own prefix stands for
            let kind = open(tree, id, name)?;
            tree.0[id].kind = kind;
            for (name, value) in object.iter() {
                property(tree, id, name, value, depth + 1)?;
            }
        }
        _ => {
            let text = scalar(name, value)?;
            if text.is_empty() {
                tree.0[id].kind = closed(&tree.0[id].kind, false);
            } else {
                tree.add(id, Kind::Text(text));
            }
        }
    }
    Ok(())
}

fn closed(kind: &Kind, is_closed: bool) -> Kind {
    match kind {
        Kind::Element { name, .. } => Kind::Element { name: name.clone(), is_closed },
        other => other.clone(),
    }
}

fn scalar(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Bool(true) => Ok("true".to_owned()),
        Value::Bool(false) => Ok("false".to_owned()),
        Value::Object(_) | Value::Array(_) => {
            Err(format!("'{name}' must be a text, a number or a boolean."))
        }
        other => other.to_text().map(|it| it.to_string()).map_err(|error| error.to_string()),
    }
}
