//! What is learnt of values: shapes that come together when two of them turn out to be one.

use super::sample;
use crate::limits::{INFERRED_DEPTH_MAX, INFERRED_ITEMS_MAX, INFERRED_SHAPES_MAX};
use expr::Value;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// A shape. Two may be the same one by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShapeId(usize);

/// What a value is that has nothing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    Text,
    /// Text of which a part is taken.
    LongText,
    /// Text that is read as a moment.
    Moment,
    /// Text that is read as a number.
    NumberText,
    /// Text that is read as JSON.
    JsonText,
    /// Text that is read as base64.
    Base64,
    /// Text that is called.
    Address,
    /// Text that is a moment once its zone is added.
    LocalMoment,
    /// Text that names a time zone.
    Zone,
    /// What is never there.
    Nothing,
    Integer,
    Number,
    Boolean,
}

/// What is in a text that is taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrapping {
    Json,
    Xml,
    Base64,
    /// Pieces between a separator.
    Pieces(String),
}

/// How certain something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// It would make sense.
    Guess,
    /// It is used in a way in which nothing else works.
    Use,
    /// Somebody said it.
    Said,
}

#[derive(Debug, Default)]
struct Shape {
    same_as: Option<usize>,
    scalar: Option<(Certainty, Scalar)>,
    /// Values of several kinds were seen, or such of which the kind is not known.
    is_mixed: bool,
    is_array: bool,
    /// Something with names in it, of which none may be known.
    is_object: bool,
    /// Its length is asked for, which lists and texts have.
    is_sized: bool,
    /// By their names in lower case, as expressions find them.
    properties: BTreeMap<String, (String, ShapeId)>,
    items: Option<ShapeId>,
    /// Items that are read by their number.
    items_min: usize,
    /// What somebody says it is, or what it would make sense for it to be.
    example: Option<(Certainty, Json)>,
    /// Of a text: what is in it.
    inner: Vec<(Wrapping, ShapeId)>,
}

/// All shapes of a reading.
#[derive(Debug, Default)]
pub struct Shapes(Vec<Shape>, Vec<(ShapeId, ShapeId)>);

impl Shapes {
    pub fn add(&mut self) -> ShapeId {
        // what is beyond the limit is learnt of one shape that nobody looks at
        if self.0.len() > INFERRED_SHAPES_MAX {
            return ShapeId(0);
        }
        if self.0.is_empty() {
            self.0.push(Shape::default());
        }
        self.0.push(Shape::default());
        ShapeId(self.0.len() - 1)
    }

    fn find(&self, ShapeId(mut at): ShapeId) -> usize {
        while let Some(next) = self.0[at].same_as {
            at = next;
        }
        at
    }

    fn shape(&mut self, id: ShapeId) -> &mut Shape {
        let at = self.find(id);
        &mut self.0[at]
    }

    /// The shape of a property; made when it is not known yet.
    pub fn property(&mut self, id: ShapeId, name: &str) -> ShapeId {
        let at = self.find(id);
        let key = name.to_lowercase();
        if let Some((_, found)) = self.0[at].properties.get(&key) {
            return *found;
        }
        let made = self.add();
        self.0[at].properties.insert(key, (name.to_owned(), made));
        made
    }

    /// The shape of what is in a text.
    pub fn inner(&mut self, id: ShapeId, wrapping: &Wrapping) -> ShapeId {
        let at = self.find(id);
        if let Some((_, found)) = self.0[at].inner.iter().find(|it| it.0 == *wrapping) {
            return *found;
        }
        let made = self.add();
        self.0[at].inner.push((wrapping.clone(), made));
        made
    }

    /// The shape of an item that is read by its number.
    pub fn item(&mut self, id: ShapeId, number: usize) -> ShapeId {
        let found = self.items(id);
        let list = self.shape(id);
        list.items_min = list.items_min.max(number.saturating_add(1).min(INFERRED_ITEMS_MAX));
        found
    }

    /// The shape of what a path leads to: `body/value`.
    pub fn path(&mut self, id: ShapeId, path: &str) -> ShapeId {
        let mut at = id;
        for step in path.split('/').filter(|it| !it.is_empty()).take(INFERRED_DEPTH_MAX) {
            let name = step.replace("~1", "/").replace("~0", "~");
            // longer numbers are names that a service gave
            let number = name.parse::<usize>().ok().filter(|_| name.len() <= 2);
            at = match number {
                Some(number) => self.item(at, number),
                None => self.property(at, &name),
            };
        }
        at
    }

    /// The shape of a list's items: what has some is a list.
    pub fn items(&mut self, id: ShapeId) -> ShapeId {
        let at = self.find(id);
        self.0[at].is_array = true;
        if let Some(items) = self.0[at].items {
            return items;
        }
        let made = self.add();
        self.0[at].items = Some(made);
        made
    }

    pub fn set_scalar(&mut self, id: ShapeId, certainty: Certainty, scalar: Scalar) {
        let shape = self.shape(id);
        match shape.scalar {
            // what a text is read as says more than that it is one
            Some((known, Scalar::Text)) if scalar.is_special_text() => {
                shape.scalar = Some((known.max(certainty), scalar));
            }
            Some((_, known)) if scalar == Scalar::Text && known.is_special_text() => {}
            Some((known, _)) if known > certainty => {}
            Some((known, other)) if known == certainty => shape.is_mixed |= other != scalar,
            _ => shape.scalar = Some((certainty, scalar)),
        }
    }

    /// A value that it has; the first of those that are as certain.
    pub fn set_example(&mut self, id: ShapeId, certainty: Certainty, example: Json) {
        let known = &mut self.shape(id).example;
        if known.as_ref().is_none_or(|it| it.0 < certainty) {
            *known = Some((certainty, example));
        }
    }

    /// It has values that nobody knows before.
    pub fn set_open(&mut self, id: ShapeId) {
        self.shape(id).is_mixed = true;
    }

    /// Its length is asked for: a list, unless it turns out to be a text.
    pub fn set_sized(&mut self, id: ShapeId) {
        self.shape(id).is_sized = true;
    }

    /// Two shapes that are of one value.
    pub fn unite(&mut self, one: ShapeId, other: ShapeId) {
        let mut waiting = vec![(one, other)];
        while let Some((one, other)) = waiting.pop() {
            let (to, from) = (self.find(one), self.find(other));
            if to == from {
                continue;
            }
            let taken = std::mem::replace(
                &mut self.0[from],
                Shape { same_as: Some(to), ..Shape::default() },
            );
            if let Some((certainty, scalar)) = taken.scalar {
                self.set_scalar(ShapeId(to), certainty, scalar);
            }
            if let Some((certainty, example)) = taken.example {
                self.set_example(ShapeId(to), certainty, example);
            }
            let known = &mut self.0[to];
            known.is_array |= taken.is_array;
            known.is_object |= taken.is_object;
            known.is_sized |= taken.is_sized;
            known.is_mixed |= taken.is_mixed;
            known.items_min = known.items_min.max(taken.items_min);
            for (wrapping, id) in taken.inner {
                match known.inner.iter().find(|it| it.0 == wrapping) {
                    Some((_, known)) => waiting.push((*known, id)),
                    None => known.inner.push((wrapping, id)),
                }
            }
            match (known.items, taken.items) {
                (Some(one), Some(other)) => waiting.push((one, other)),
                (known_items, items) => known.items = known_items.or(items),
            }
            for (key, (name, id)) in taken.properties {
                match known.properties.get(&key) {
                    Some((_, known)) => waiting.push((*known, id)),
                    None => {
                        known.properties.insert(key, (name, id));
                    }
                }
            }
        }
    }

    /// The first is the text of the second: the same, unless that turns out to have something
    /// in it.
    pub fn set_text_of(&mut self, text: ShapeId, of: ShapeId) {
        self.1.push((text, of));
    }

    /// Everything was read.
    pub fn close(&mut self) {
        for (text, of) in std::mem::take(&mut self.1) {
            if !self.is_composed(of) && !self.is_composed(text) {
                self.unite(text, of);
            }
        }
    }

    /// What a value says of its shape. Strings with expressions in them are for who reads
    /// expressions.
    pub fn learn_value(&mut self, id: ShapeId, value: &Value) {
        let said = Certainty::Said;
        match value {
            Value::Null => {}
            Value::Bool(_) => self.set_scalar(id, said, Scalar::Boolean),
            Value::Int(_) => self.set_scalar(id, said, Scalar::Integer),
            Value::Float(_) | Value::Decimal(_) => self.set_scalar(id, said, Scalar::Number),
            Value::String(_) => self.set_scalar(id, said, Scalar::Text),
            Value::Array(items) => {
                let of_items = self.items(id);
                items.iter().for_each(|it| self.learn_value(of_items, it));
            }
            Value::Object(object) => {
                for (name, value) in object.iter() {
                    let property = self.property(id, name);
                    self.learn_value(property, value);
                }
            }
        }
    }

    /// What a JSON schema says of a shape.
    pub fn learn_schema(&mut self, id: ShapeId, schema: &Value) {
        let types = match schema.get("type") {
            Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one.as_str()],
            _ => Vec::new(),
        };
        let kind = types.iter().find(|it| !it.eq_ignore_ascii_case("null"));
        let scalar = match kind.map(|it| it.to_ascii_lowercase()).as_deref() {
            Some("string") => Some(Scalar::Text),
            Some("integer") => Some(Scalar::Integer),
            Some("number") => Some(Scalar::Number),
            Some("boolean") => Some(Scalar::Boolean),
            None if !types.is_empty() => Some(Scalar::Nothing),
            Some("array") => {
                self.items(id);
                None
            }
            Some("object") => {
                self.shape(id).is_object = true;
                None
            }
            _ => None,
        };
        if let Some(scalar) = scalar {
            self.set_scalar(id, Certainty::Said, scalar);
        }
        let allowed = schema.get("enum").and_then(Value::as_array);
        if let Some(Value::String(first)) = allowed.and_then(|it| it.first()) {
            self.set_example(id, Certainty::Use, first.as_str().into());
        }
        if let Some(items) = schema.get("items") {
            let of_items = self.items(id);
            self.learn_schema(of_items, items);
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flat_map(|it| it.iter()) {
            let property = self.property(id, unescaped(name));
            self.learn_schema(property, schema);
        }
    }

    fn inner_schema(&self, id: ShapeId, around: &mut Vec<usize>) -> Json {
        let shape = &self.0[self.find(id)];
        let is_known = shape.is_array
            || shape.scalar.is_some()
            || !(shape.properties.is_empty() && shape.inner.is_empty());
        if is_known { self.schema(id, Side::Answer, around) } else { json!({}) }
    }

    /// Whether somebody says that it is text.
    pub fn is_said_text(&self, id: ShapeId) -> bool {
        let known = self.0[self.find(id)].scalar;
        known.is_some_and(|(certainty, it)| certainty == Certainty::Said && it.is_text())
    }

    pub fn has_property(&self, id: ShapeId, name: &str) -> bool {
        self.0[self.find(id)].properties.contains_key(&name.to_lowercase())
    }

    /// Whether it has something in it.
    pub fn is_composed(&self, id: ShapeId) -> bool {
        let shape = &self.0[self.find(id)];
        shape.is_array || shape.is_object || !shape.properties.is_empty()
    }

    /// The schema of what is sent: kinds that are not certain are left open.
    pub fn request_schema(&self, id: ShapeId) -> Json {
        self.schema(id, Side::Request, &mut Vec::new())
    }

    /// The schema of what is read: what is read without being taken apart is text.
    pub fn answer_schema(&self, id: ShapeId) -> Json {
        self.schema(id, Side::Answer, &mut Vec::new())
    }

    /// Goes down a shape; what stands around it is known, since one may be within itself.
    fn schema(&self, id: ShapeId, side: Side, around: &mut Vec<usize>) -> Json {
        let at = self.find(id);
        if around.len() > INFERRED_DEPTH_MAX || around.contains(&at) {
            return json!({});
        }
        around.push(at);
        let schema = self.schema_within(&self.0[at], side, around);
        around.pop();
        schema
    }

    fn schema_within(&self, shape: &Shape, side: Side, around: &mut Vec<usize>) -> Json {
        let is_said = shape.scalar.is_some_and(|it| it.0 == Certainty::Said);
        if shape.is_array && !is_said {
            let items = match shape.items {
                Some(items) => self.schema(items, side, around),
                None => json!({}),
            };
            return match shape.items_min {
                0 | 1 => json!({"type": "array", "items": items}),
                several => json!({"type": "array", "items": items, "minItems": several}),
            };
        }
        if (shape.is_object || !shape.properties.is_empty()) && !is_said {
            let below =
                |(name, id): &(String, ShapeId)| (name.clone(), self.schema(*id, side, around));
            let properties: Map<String, Json> = shape.properties.values().map(below).collect();
            return json!({"type": "object", "properties": properties});
        }
        if let (Side::Answer, Some((_, example))) = (side, &shape.example) {
            let kind = if example.is_i64() { "integer" } else { "string" };
            return json!({"type": kind, "example": example});
        }
        if let (Side::Answer, false) = (side, shape.inner.is_empty()) {
            let inner = shape.inner.iter();
            // what is in it begins anew, but for what it must not have in it
            let inner = inner.map(|(it, id)| (it, self.inner_schema(*id, around)));
            return sample::text_of(inner);
        }
        let is_text = shape.scalar.is_some_and(|(certainty, _)| certainty > Certainty::Guess);
        if shape.is_sized && !is_text {
            return json!({"type": "array", "items": {}});
        }
        match (shape.scalar, side) {
            (Some((Certainty::Said, _)), Side::Request) if shape.is_mixed => json!({}),
            (Some((_, scalar)), _) => scalar.schema(),
            (None, Side::Request) => json!({}),
            (None, Side::Answer) if around.len() == 1 => json!({}),
            (None, Side::Answer) => json!({"type": "string"}),
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Request,
    Answer,
}

/// A name as it is in a schema of a definition, where `@@` is how `@` begins.
fn unescaped(name: &str) -> &str {
    if name.starts_with("@@") { &name[1..] } else { name }
}

impl Scalar {
    fn is_text(self) -> bool {
        self == Scalar::Text || self.is_special_text()
    }

    /// Whether it is text that is read as something.
    fn is_special_text(self) -> bool {
        match self {
            Scalar::LongText
            | Scalar::Moment
            | Scalar::NumberText
            | Scalar::JsonText
            | Scalar::Base64
            | Scalar::Address
            | Scalar::LocalMoment
            | Scalar::Zone => true,
            Scalar::Nothing | Scalar::Text | Scalar::Integer | Scalar::Number | Scalar::Boolean => {
                false
            }
        }
    }

    fn schema(self) -> Json {
        match self {
            Scalar::Text => json!({"type": "string"}),
            Scalar::LongText => json!({"type": "string", "minLength": 64}),
            Scalar::Moment => json!({"type": "string", "format": "date-time"}),
            Scalar::NumberText => json!({"type": "string", "example": "1"}),
            Scalar::JsonText => json!({"type": "string", "example": "{}"}),
            Scalar::Base64 => json!({"type": "string", "format": "byte"}),
            Scalar::Address => json!({"type": "string", "format": "uri"}),
            Scalar::LocalMoment => json!({"type": "string", "example": "2024-01-01T00:00:00"}),
            Scalar::Zone => json!({"type": "string", "example": "UTC"}),
            Scalar::Nothing => json!({}),
            Scalar::Integer => json!({"type": "integer"}),
            Scalar::Number => json!({"type": "number"}),
            Scalar::Boolean => json!({"type": "boolean"}),
        }
    }
}
