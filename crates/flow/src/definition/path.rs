//! Values with their place in the document, as a JSON path.

use expr::Value;
use std::fmt::Write;

/// A JSON value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<'a> {
    pub value: &'a Value,
    pub path: String,
}

impl<'a> At<'a> {
    pub fn new(value: &'a Value, path: impl Into<String>) -> Self {
        At { value, path: path.into() }
    }

    /// The property, unless it is missing or null.
    pub fn get(&self, name: &str) -> Option<At<'a>> {
        self.get_or_null(name).filter(|at| !at.value.is_null())
    }

    /// The property, also when it is null.
    pub fn get_or_null(&self, name: &str) -> Option<At<'a>> {
        let (name, value) = self.value.as_object()?.get_entry(name)?;
        Some(At { value, path: property(&self.path, name) })
    }

    /// The value at the end of several properties.
    pub fn walk(&self, names: &[&str]) -> Option<At<'a>> {
        let mut at = self.clone();
        for name in names {
            at = at.get(name)?;
        }
        Some(at)
    }

    /// The properties of an object in order; nothing for other values.
    pub fn entries(&self) -> Vec<(&'a expr::Str, At<'a>)> {
        let Some(object) = self.value.as_object() else { return Vec::new() };
        let place = |name: &str| property(&self.path, name);
        object.iter().map(|(name, value)| (name, At { value, path: place(name) })).collect()
    }

    /// The items of an array in order; nothing for other values.
    pub fn items(&self) -> Vec<At<'a>> {
        let Some(items) = self.value.as_array() else { return Vec::new() };
        let place = |at: usize| index(&self.path, at);
        items.iter().enumerate().map(|(at, value)| At { value, path: place(at) }).collect()
    }

    /// The value for a message: its beginning when it is long.
    pub fn shown(&self) -> String {
        shown(self.value)
    }

    pub fn text(&self) -> Option<&'a str> {
        self.value.as_str()
    }
}

/// Characters of a value that a message shows.
const SHOWN_CHARACTERS_MAX: usize = 100;

/// A value for a message: its beginning when it is long.
pub(crate) fn shown(value: &Value) -> String {
    let text = match value {
        Value::Array(items) if items.len() > SHOWN_CHARACTERS_MAX => "an array".to_owned(),
        Value::Object(object) if object.len() > SHOWN_CHARACTERS_MAX => "an object".to_owned(),
        value => expr::json::to_string(value),
    };
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The path of a property: `$.actions.Send`, `$.actions['a b']`.
pub(crate) fn property(path: &str, name: &str) -> String {
    let mut out = String::with_capacity(path.len() + name.len() + 4);
    out.push_str(path);
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '-'));
    if is_plain {
        out.push('.');
        out.push_str(name);
    } else {
        out.push_str("['");
        out.push_str(&name.replace('\'', "''"));
        out.push_str("']");
    }
    out
}

/// The path of an item: `$.items[0]`.
pub(crate) fn index(path: &str, at: usize) -> String {
    let mut out = path.to_owned();
    let _ = write!(out, "[{at}]");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_quoted() {
        assert_eq!(property("$", "a-b_1"), "$.a-b_1");
        assert_eq!(property("$", "$connections"), "$.$connections");
        assert_eq!(property("$.x", "it's a"), "$.x['it''s a']");
        assert_eq!(property("$", "1a"), "$['1a']");
        assert_eq!(index("$.x", 2), "$.x[2]");
    }

    #[test]
    fn paths_spell_names_as_the_document_does() {
        let value = expr::json::parse(br#"{"Actions":{"a b":[null]}}"#).unwrap();
        let root = At::new(&value, "$");
        let at = root.walk(&["actions", "A B"]).unwrap();
        assert_eq!(at.path, "$.Actions['a b']");
        assert_eq!(at.items()[0].path, "$.Actions['a b'][0]");
        assert!(root.get("none").is_none());
    }
}
