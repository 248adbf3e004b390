//! Secrets that are known, masked in what is shown: values of secure parameters, wherever
//! else in a history they turn up.
//!
//! A value is masked wherever it stands in a text. Short ones are not: they would be found
//! everywhere, and tell more of the text than of themselves.

use crate::definition::Flow;
use crate::limits::{MASKED_CHARACTERS_MIN, MASKED_VALUES_MAX};
use expr::{Object, Str, Value};
use std::sync::Arc;

/// What stands for a secret.
pub const MASK: &str = "********";

/// Values that are not shown.
#[derive(Clone, Debug, Default)]
pub struct Masks(Arc<[Box<str>]>);

impl Masks {
    /// The texts in some values, those that are long enough.
    #[must_use]
    pub fn of<'a>(values: impl IntoIterator<Item = &'a Value>) -> Masks {
        let mut texts: Vec<Box<str>> = Vec::new();
        values.into_iter().for_each(|value| collect(value, &mut texts));
        let Masks(all) = Masks::sorted(texts);
        Masks(all.iter().take(MASKED_VALUES_MAX).cloned().collect())
    }

    /// The values of a flow's secure parameters.
    #[must_use]
    pub fn of_flow(flow: &Flow) -> Masks {
        let secure = flow.parameters.iter().filter(|parameter| parameter.secure);
        Masks::of(secure.map(|parameter| &parameter.value))
    }

    /// Some texts, all of those that are long enough.
    #[must_use]
    pub fn of_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Masks {
        let mut found = Vec::new();
        texts.into_iter().for_each(|text| add(text, &mut found));
        Masks::sorted(found)
    }

    /// Whether a text is long enough to be masked.
    #[must_use]
    pub fn can_mask(text: &str) -> bool {
        text.trim().chars().count() >= MASKED_CHARACTERS_MIN
    }

    /// These and others.
    #[must_use]
    pub fn with(&self, others: &Masks) -> Masks {
        match (self.is_empty(), others.is_empty()) {
            (_, true) => self.clone(),
            (true, false) => others.clone(),
            (false, false) => {
                Masks::sorted(self.0.iter().chain(others.0.iter()).cloned().collect())
            }
        }
    }

    fn sorted(mut texts: Vec<Box<str>>) -> Masks {
        texts.sort_unstable();
        texts.dedup();
        // one that holds another is masked as a whole
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Masks(texts.into())
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A text without the secrets in it. `None`: there are none.
    #[must_use]
    pub fn text(&self, text: &str) -> Option<String> {
        let mut masked: Option<String> = None;
        for secret in self.0.iter() {
            let now = masked.as_deref().unwrap_or(text);
            if now.contains(&**secret) {
                masked = Some(now.replace(&**secret, MASK));
            }
        }
        masked
    }

    /// Whether a value holds one of the secrets.
    #[must_use]
    pub fn are_in(&self, value: &Value) -> bool {
        self.masked(value).is_some()
    }

    /// A value without the secrets in it, names and texts alike.
    #[must_use]
    pub fn value(&self, value: Value) -> Value {
        if self.is_empty() {
            return value;
        }
        self.masked(&value).unwrap_or(value)
    }

    /// `None`: there is nothing to mask.
    fn masked(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Null | Value::Bool(_) => None,
            Value::String(text) => self.text(text).map(Value::from),
            Value::Int(_) | Value::Float(_) | Value::Decimal(_) => {
                self.text(&value.text()).map(Value::from)
            }
            Value::Array(items) => {
                let masked: Vec<Option<Value>> = items.iter().map(|it| self.masked(it)).collect();
                if masked.iter().all(Option::is_none) {
                    return None;
                }
                let both = masked.into_iter().zip(items.iter());
                Some(Value::array(
                    both.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect(),
                ))
            }
            Value::Object(object) => self.masked_object(object).map(Value::from),
        }
    }

    fn masked_object(&self, object: &Object) -> Option<Object> {
        let masked: Vec<(Option<String>, Option<Value>)> =
            object.iter().map(|(name, value)| (self.text(name), self.masked(value))).collect();
        if masked.iter().all(|(name, value)| name.is_none() && value.is_none()) {
            return None;
        }
        let mut shown = Object::with_capacity(object.len());
        for ((new_name, new), (name, value)) in masked.into_iter().zip(object.iter()) {
            let name = new_name.map_or_else(|| name.clone(), Str::from);
            shown.insert(name, new.unwrap_or_else(|| value.clone()));
        }
        Some(shown)
    }
}

fn collect(value: &Value, texts: &mut Vec<Box<str>>) {
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::String(text) => add(text, texts),
        Value::Int(_) | Value::Float(_) | Value::Decimal(_) => add(&value.text(), texts),
        Value::Array(items) => items.iter().for_each(|item| collect(item, texts)),
        Value::Object(object) => object.iter().for_each(|(_, item)| collect(item, texts)),
    }
}

fn add(text: &str, texts: &mut Vec<Box<str>>) {
    if Masks::can_mask(text) {
        texts.push(text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        expr::json::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        let secrets =
            [value(r#""hunter22""#), value(r#"{"inner": ["hunter22x", "short", 1234567, true]}"#)];
        let masks = Masks::of(&secrets);
        for (given, expected) in [
            (r#""a hunter22 b hunter22""#, r#""a ******** b ********""#),
            (r#""hunter22x""#, r#""********""#),
            (
                r#"{"hunter22": [1, "hunter22", 1234567]}"#,
                r#"{"********": [1, "********", "********"]}"#,
            ),
            (r#"{"a": "short", "b": null}"#, r#"{"a": "short", "b": null}"#),
        ] {
            assert_eq!(masks.value(value(given)), value(expected), "{given}");
            assert_eq!(masks.are_in(&value(given)), given != expected, "{given}");
        }
        assert!(Masks::of(&[value(r#"["abc", "     1"]"#)]).is_empty());
        let both = Masks::of(&secrets).with(&Masks::of_texts(["longer hunter22", "tiny"]));
        assert_eq!(
            both.text("a longer hunter22, hunter22 tiny").as_deref(),
            Some("a ********, ******** tiny")
        );
    }
}
