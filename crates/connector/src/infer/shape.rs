//! What is learnt of values: shapes that come together when two of them turn out to be one.

use crate::limits::{INFERRED_DEPTH_MAX, INFERRED_SHAPES_MAX};
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
    Integer,
    Number,
    Boolean,
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
    /// Its length is asked for, which lists and texts have.
    is_sized: bool,
    properties: BTreeMap<String, ShapeId>,
    items: Option<ShapeId>,
}

/// All shapes of a reading.
#[derive(Debug, Default)]
pub struct Shapes(Vec<Shape>);

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
        if let Some(found) = self.0[at].properties.get(name) {
            return *found;
        }
        let made = self.add();
        self.0[at].properties.insert(name.to_owned(), made);
        made
    }

    /// The shape of what a path leads to: `body/value`.
    pub fn path(&mut self, id: ShapeId, path: &str) -> ShapeId {
        let mut at = id;
        for step in path.split('/').filter(|it| !it.is_empty()).take(INFERRED_DEPTH_MAX) {
            let name = step.replace("~1", "/").replace("~0", "~");
            // longer numbers are names that a service gave
            let is_index = name.len() <= 2 && name.parse::<u8>().is_ok();
            at = if is_index { self.items(at) } else { self.property(at, &name) };
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
            let known = &mut self.0[to];
            known.is_array |= taken.is_array;
            known.is_sized |= taken.is_sized;
            known.is_mixed |= taken.is_mixed;
            match (known.items, taken.items) {
                (Some(one), Some(other)) => waiting.push((one, other)),
                (known_items, items) => known.items = known_items.or(items),
            }
            for (name, id) in taken.properties {
                match known.properties.get(&name) {
                    Some(known) => waiting.push((*known, id)),
                    None => {
                        known.properties.insert(name, id);
                    }
                }
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
            _ => None,
        };
        if let Some(scalar) = scalar {
            self.set_scalar(id, Certainty::Said, scalar);
        }
        if let Some(items) = schema.get("items") {
            let of_items = self.items(id);
            self.learn_schema(of_items, items);
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flat_map(|it| it.iter()) {
            let property = self.property(id, name);
            self.learn_schema(property, schema);
        }
    }

    pub fn has_property(&self, id: ShapeId, name: &str) -> bool {
        self.0[self.find(id)].properties.contains_key(name)
    }

    /// Whether it has something in it.
    pub fn is_composed(&self, id: ShapeId) -> bool {
        let shape = &self.0[self.find(id)];
        shape.is_array || !shape.properties.is_empty()
    }

    /// The schema of what is sent: kinds that are not certain are left open.
    pub fn request_schema(&self, id: ShapeId) -> Json {
        self.schema(id, Side::Request, 0)
    }

    /// The schema of what is read: what is read without being taken apart is text.
    pub fn answer_schema(&self, id: ShapeId) -> Json {
        self.schema(id, Side::Answer, 0)
    }

    fn schema(&self, id: ShapeId, side: Side, depth: usize) -> Json {
        let shape = &self.0[self.find(id)];
        if depth > INFERRED_DEPTH_MAX {
            return json!({});
        }
        if shape.is_array {
            let items = match shape.items {
                Some(items) => self.schema(items, side, depth + 1),
                None => json!({}),
            };
            return json!({"type": "array", "items": items});
        }
        if !shape.properties.is_empty() {
            let below =
                |(name, id): (&String, &ShapeId)| (name.clone(), self.schema(*id, side, depth + 1));
            let properties: Map<String, Json> = shape.properties.iter().map(below).collect();
            return json!({"type": "object", "properties": properties});
        }
        let is_text = shape.scalar.is_some_and(|(certainty, _)| certainty > Certainty::Guess);
        if shape.is_sized && !is_text {
            return json!({"type": "array", "items": {}});
        }
        match (shape.scalar, side) {
            (Some((Certainty::Said, _)), Side::Request) if shape.is_mixed => json!({}),
            (Some((_, scalar)), _) => scalar.schema(),
            (None, Side::Request) => json!({}),
            (None, Side::Answer) if depth == 0 => json!({}),
            (None, Side::Answer) => json!({"type": "string"}),
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Request,
    Answer,
}

impl Scalar {
    /// Whether it is text that is read as something.
    fn is_special_text(self) -> bool {
        match self {
            Scalar::LongText
            | Scalar::Moment
            | Scalar::NumberText
            | Scalar::JsonText
            | Scalar::Base64 => true,
            Scalar::Text | Scalar::Integer | Scalar::Number | Scalar::Boolean => false,
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
            Scalar::Integer => json!({"type": "integer"}),
            Scalar::Number => json!({"type": "number"}),
            Scalar::Boolean => json!({"type": "boolean"}),
        }
    }
}
