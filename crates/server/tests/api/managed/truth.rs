//! Answers cut down to the fields that the connectors' definitions name, so that they can be
//! compared with what is so, field by field.

use crate::operation::shape::{DEFINITIONS, Field};
use serde_json::{Map, Value, json};
use server::clock::Clock;

/// A time between the test's begin and now, in what [`Truth::picked`] gives.
pub const MOMENT: &str = "a moment of this test";

pub struct Truth {
    clock: Clock,
    began: String,
}

impl Truth {
    pub fn begin() -> Truth {
        let clock = Clock::new().expect("a clock");
        let began = flow::run::format_time(clock.now());
        Truth { clock, began }
    }

    /// The fields of a definition that a value has. Times are checked and become [`MOMENT`];
    /// what is not there is not there.
    pub fn picked(&self, definition: &str, value: &Value) -> Value {
        let found = DEFINITIONS.iter().find(|(name, _)| *name == definition);
        let (_, fields) = found.unwrap_or_else(|| panic!("there is no definition {definition}"));
        assert!(value.is_object(), "no {definition}: {value}");
        let mut picked = Map::new();
        for (name, field) in *fields {
            if let Some(value) = value.get(name) {
                picked.insert((*name).to_owned(), self.field(*field, value));
            }
        }
        if let (Some(created), Some(changed)) =
            (value["createdTime"].as_str(), value["lastModifiedTime"].as_str())
        {
            assert!(created <= changed, "{value}");
        }
        picked.into()
    }

    fn field(&self, field: Field, value: &Value) -> Value {
        match field {
            _ if value.is_null() => Value::Null,
            Field::Of(definition) | Field::MaybeOf(definition) => self.picked(definition, value),
            Field::List(definition) | Field::ByKey(definition) => match value {
                Value::Array(items) => {
                    items.iter().map(|item| self.picked(definition, item)).collect()
                }
                Value::Object(items) => items
                    .iter()
                    .map(|(key, item)| (key.clone(), self.picked(definition, item)))
                    .collect(),
                _ => panic!("neither a list nor an object: {value}"),
            },
            Field::Moment | Field::MaybeMoment => self.moment(value),
            Field::Text | Field::MaybeText | Field::Flag | Field::MaybeFlag | Field::Unknown => {
                value.clone()
            }
        }
    }

    fn moment(&self, value: &Value) -> Value {
        let time = value.as_str().unwrap_or_else(|| panic!("no time: {value}"));
        let now = flow::run::format_time(self.clock.now());
        assert!(self.began.as_str() <= time && time <= now.as_str(), "{value}: {}", self.began);
        json!(MOMENT)
    }
}

/// The documents of both connectors name the fields that are compared here, and no others.
#[test]
fn the_documents_define_what_is_compared() {
    use server::app::connector::management::document;
    let mut seen = 0;
    for connector in [super::MANAGEMENT, super::ADMINS] {
        let text = document(connector, "A title", "");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        for (name, schema) in document["definitions"].as_object().expect("definitions") {
            let found = DEFINITIONS.iter().find(|(known, _)| known == name);
            let (_, fields) = found.unwrap_or_else(|| panic!("{name} is not compared"));
            let mut wanted: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
            let properties = schema["properties"].as_object().expect("properties");
            let mut said: Vec<&str> = properties.keys().map(String::as_str).collect();
            wanted.sort_unstable();
            said.sort_unstable();
            assert_eq!(said, wanted, "{name}");
            seen += 1;
        }
    }
    assert_eq!(seen, DEFINITIONS.len());
}
