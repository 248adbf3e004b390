//! The value type: shared, ordered, cheap to clone.
//!
//! Cloning a value is at most one reference count; trees are never copied. Object
//! keys keep their order; look-ups take the exact name first and else the first
//! name that is equal without regard to letter case.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

pub use ecow::EcoString as Str;
pub use rust_decimal::Decimal;

/// A JSON value as the language sees it: integers are 64-bit, other numbers are
/// doubles, or .NET decimals where a definition asks for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Decimal(Decimal),
    String(Str),
    Array(Arc<Vec<Value>>),
    Object(Arc<Object>),
}

impl Value {
    #[must_use]
    pub fn array(items: Vec<Value>) -> Value {
        Value::Array(Arc::new(items))
    }

    #[must_use]
    pub fn string(text: impl Into<Str>) -> Value {
        Value::String(text.into())
    }

    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, also of a double or decimal without fraction.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            Value::Float(value)
                if value.fract() == 0.0
                    && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0)
                        .contains(value) =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "range checked above")]
                Some(*value as i64)
            }
            Value::Decimal(value) if value.fract().is_zero() => i64::try_from(*value).ok(),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_array(&self) -> Option<&Arc<Vec<Value>>> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    #[must_use]
    pub fn as_object(&self) -> Option<&Arc<Object>> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The property of an object by exact name, else without regard to case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_object().and_then(|object| object.get(name))
    }

    /// What kind of value this is, in the words of the language's error messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "Null",
            Value::Bool(_) => "Boolean",
            Value::Int(_) => "Integer",
            Value::Float(_) => "Float",
            Value::Decimal(_) => "Decimal",
            Value::String(_) => "String",
            Value::Array(_) => "Array",
            Value::Object(_) => "Object",
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}
impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}
impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Value::Int(i64::from(value))
    }
}
impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Value::Int(i64::from(value))
    }
}
impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::String(value.into())
    }
}
impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::String(value.into())
    }
}
impl From<Str> for Value {
    fn from(value: Str) -> Self {
        Value::String(value)
    }
}
impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Value::array(items)
    }
}
impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Value::Object(Arc::new(object))
    }
}

/// Objects with more entries than this get an index on the first look-up.
const INDEX_ENTRIES_MIN: usize = 16;

/// An object: entries in order, each name once.
#[derive(Debug, Default)]
pub struct Object {
    entries: Vec<(Str, Value)>,
    index: OnceLock<HashMap<Str, usize>>,
}

impl Clone for Object {
    fn clone(&self) -> Self {
        Object { entries: self.entries.clone(), index: OnceLock::new() }
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Object {
    #[must_use]
    pub fn new() -> Self {
        Object::default()
    }

    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        Object { entries: Vec::with_capacity(entries), index: OnceLock::new() }
    }

    /// From pairs as a parser meets them: of equal names the last wins and stands
    /// where it was met.
    #[must_use]
    pub fn from_pairs(mut pairs: Vec<(Str, Value)>) -> Self {
        if has_duplicates(&pairs) {
            let mut last: HashMap<Str, usize> = HashMap::with_capacity(pairs.len());
            for (position, (name, _)) in pairs.iter().enumerate() {
                last.insert(name.clone(), position);
            }
            let mut position = 0;
            pairs.retain(|(name, _)| {
                let keep = last[name] == position;
                position += 1;
                keep
            });
        }
        Object { entries: pairs, index: OnceLock::new() }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Str, &Value)> {
        self.entries.iter().map(|(name, value)| (name, value))
    }

    /// Exact name first, else the first name equal without regard to case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.position(name).map(|position| &self.entries[position].1)
    }

    /// The value of exactly this name.
    #[must_use]
    pub fn get_exact(&self, name: &str) -> Option<&Value> {
        self.exact_position(name).map(|position| &self.entries[position].1)
    }

    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The name as it is spelled in the object, with its value.
    #[must_use]
    pub fn get_entry(&self, name: &str) -> Option<(&Str, &Value)> {
        self.position(name).map(|position| {
            let (name, value) = &self.entries[position];
            (name, value)
        })
    }

    /// Sets the value of exactly this name, in place when it exists, else at the end.
    pub fn insert(&mut self, name: impl Into<Str>, value: impl Into<Value>) {
        let (name, value) = (name.into(), value.into());
        match self.exact_position(&name) {
            Some(position) => self.entries[position].1 = value,
            None => self.push_new(name, value),
        }
    }

    /// Adds an entry whose name the caller knows to be new.
    pub fn push_new(&mut self, name: impl Into<Str>, value: impl Into<Value>) {
        let name = name.into();
        // an index made anew for each of many names would cost the square of their number
        if let Some(index) = self.index.get_mut() {
            index.insert(name.clone(), self.entries.len());
        }
        self.entries.push((name, value.into()));
    }

    /// Removes one entry: the exact name, else the first equal without case.
    pub fn remove(&mut self, name: &str) -> Option<(Str, Value)> {
        let position = self.position(name)?;
        self.index.take();
        Some(self.entries.remove(position))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.exact_position(name)
            .or_else(|| self.entries.iter().position(|(entry, _)| eq_ignore_case(entry, name)))
    }

    fn exact_position(&self, name: &str) -> Option<usize> {
        if self.entries.len() <= INDEX_ENTRIES_MIN {
            return self.entries.iter().position(|(entry, _)| entry == name);
        }
        let index = self.index.get_or_init(|| {
            self.entries.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect()
        });
        index.get(name).copied()
    }
}

impl FromIterator<(Str, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (Str, Value)>>(pairs: I) -> Self {
        Object::from_pairs(pairs.into_iter().collect())
    }
}

fn has_duplicates(pairs: &[(Str, Value)]) -> bool {
    if pairs.len() <= INDEX_ENTRIES_MIN {
        return pairs
            .iter()
            .enumerate()
            .any(|(at, (name, _))| pairs[..at].iter().any(|(earlier, _)| earlier == name));
    }
    let mut seen = std::collections::HashSet::with_capacity(pairs.len());
    pairs.iter().any(|(name, _)| !seen.insert(name.as_str()))
}

/// Equality without regard to letter case, as names are compared everywhere in
/// the language.
#[must_use]
pub fn eq_ignore_case(a: &str, b: &str) -> bool {
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    if a.is_ascii() || b.is_ascii() {
        return false;
    }
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_inserted_and_found() {
        let mut object = Object::new();
        for number in 0..200_000i64 {
            object.insert(number.to_string(), number);
            object.insert((number / 2).to_string(), -number);
        }
        assert_eq!(object.len(), 200_000);
        assert_eq!(object.get("99999"), Some(&Value::Int(-199_999)));
        assert_eq!(object.get("199999"), Some(&Value::Int(199_999)));
        assert_eq!(object.remove("0"), Some(("0".into(), Value::Int(-1))));
        object.push_new("x", 1);
        assert_eq!(object.get_exact("x"), Some(&Value::Int(1)));
        assert_eq!(object.get_exact("1"), Some(&Value::Int(-3)));
    }
}
