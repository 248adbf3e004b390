//! What a document says of the shape of values.
//!
//! All schemas of a document lie in one list and name each other by number, so that one that
//! contains itself is no endless tree, and one that many use is held once.
//!
//! Invariant: every [`SchemaId`] that a document gives is one of its [`Schemas`].

use super::Fault;
use super::reference::Resolver;
use crate::limits::{SCHEMA_PROPERTIES_MAX, SCHEMAS_MAX};
use expr::Str;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// A schema of a document, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SchemaId(u32);

/// What a value is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchemaKind {
    /// Nothing is said.
    #[default]
    Any,
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
    /// A file of a form.
    File,
}

/// To whom something is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    #[default]
    Normal,
    /// Shown first.
    Important,
    /// Shown on demand.
    Advanced,
    /// Never shown.
    Internal,
}

impl Visibility {
    pub(super) fn of(value: &Value) -> Visibility {
        match value.get("x-ms-visibility").and_then(Value::as_str).unwrap_or_default() {
            "important" => Visibility::Important,
            "advanced" => Visibility::Advanced,
            "internal" => Visibility::Internal,
            _ => Visibility::Normal,
        }
    }
}

/// What other operations say of a value: `x-ms-dynamic-...`, as it is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dynamic {
    pub values: Option<Value>,
    pub list: Option<Value>,
    pub schema: Option<Value>,
    pub properties: Option<Value>,
    pub tree: Option<Value>,
}

impl Dynamic {
    pub(super) fn of(value: &Value) -> Option<Box<Dynamic>> {
        let said = |name: &str| value.get(name).filter(|it| it.is_object()).cloned();
        let dynamic = Dynamic {
            values: said("x-ms-dynamic-values"),
            list: said("x-ms-dynamic-list"),
            schema: said("x-ms-dynamic-schema"),
            properties: said("x-ms-dynamic-properties"),
            tree: said("x-ms-dynamic-tree"),
        };
        (dynamic != Dynamic::default()).then(|| Box::new(dynamic))
    }

    /// Whether the shape of the value is known only to the service.
    #[must_use]
    pub fn is_shape(&self) -> bool {
        self.schema.is_some() || self.properties.is_some()
    }
}

/// A property of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub name: Str,
    pub schema: SchemaId,
    pub is_required: bool,
}

/// What a document says of properties that it does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Additional {
    #[default]
    Unsaid,
    Refused,
    Allowed,
    Of(SchemaId),
}

/// A schema.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    pub kind: SchemaKind,
    pub format: Option<Box<str>>,
    /// `x-ms-summary`, or else the title.
    pub summary: Option<Box<str>>,
    pub description: Option<Box<str>>,
    pub visibility: Visibility,
    pub properties: Vec<Property>,
    pub additional: Additional,
    pub items: Option<SchemaId>,
    /// The first of several shapes that the value may have.
    pub variant: Option<SchemaId>,
    /// `enum`.
    pub allowed: Vec<Value>,
    pub default: Option<Value>,
    pub example: Option<Value>,
    pub minimum: Option<f64>,
    pub maximum: Option<f64>,
    pub length_min: Option<u64>,
    /// `minItems`.
    pub items_min: usize,
    pub dynamic: Option<Box<Dynamic>>,
    /// The address to which a webhook is to send.
    pub is_notification_url: bool,
    pub is_read_only: bool,
    required: Vec<Str>,
    parts: Vec<SchemaId>,
}

impl Schema {
    /// A schema that says no more than the kind.
    pub(super) fn of_kind(kind: SchemaKind) -> Schema {
        Schema { kind, ..Schema::default() }
    }

    /// The property of a name: exactly, else without regard to letter case.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        let same = |it: &&Property| expr::value::eq_ignore_case(&it.name, name);
        let exact = self.properties.iter().find(|it| it.name == name);
        exact.or_else(|| self.properties.iter().find(same))
    }

    /// Whether only the service knows what the value looks like.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.dynamic.as_ref().is_some_and(|it| it.is_shape())
    }

    #[must_use]
    pub fn has_format(&self, format: &str) -> bool {
        self.format.as_deref().is_some_and(|it| it.eq_ignore_ascii_case(format))
    }
}

/// The schemas of a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schemas(Vec<Schema>);

impl std::ops::Index<SchemaId> for Schemas {
    type Output = Schema;

    fn index(&self, id: SchemaId) -> &Schema {
        &self.0[id.0 as usize]
    }
}

/// Reads schemas: what references lead to waits in a queue, so that the depth of reading is
/// the depth of the JSON and no more.
pub(super) struct SchemaReader<'a> {
    resolver: Resolver<'a>,
    schemas: Vec<Schema>,
    by_pointer: HashMap<String, SchemaId>,
    waiting: Vec<(SchemaId, &'a Value, String)>,
}

impl<'a> SchemaReader<'a> {
    pub fn new(resolver: Resolver<'a>) -> SchemaReader<'a> {
        SchemaReader {
            resolver,
            schemas: Vec::new(),
            by_pointer: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    /// The schema of a value that stands at a path.
    pub fn read(&mut self, value: &'a Value, path: &str) -> Result<SchemaId, Fault> {
        let found = self.resolver.follow(value, path)?;
        let Some(pointer) = found.pointer else {
            let id = self.reserve(path)?;
            return self.fill(id, found.value, path);
        };
        if let Some(id) = self.by_pointer.get(pointer.as_ref()) {
            return Ok(*id);
        }
        let id = self.reserve(path)?;
        self.waiting.push((id, found.value, format!("$#{pointer}")));
        self.by_pointer.insert(pointer.into_owned(), id);
        Ok(id)
    }

    /// A schema that no document spells out.
    pub fn add(&mut self, schema: Schema, path: &str) -> Result<SchemaId, Fault> {
        let id = self.reserve(path)?;
        self.schemas[id.0 as usize] = schema;
        Ok(id)
    }

    fn reserve(&mut self, path: &str) -> Result<SchemaId, Fault> {
        if self.schemas.len() >= SCHEMAS_MAX {
            let message = format!("The document has more than {SCHEMAS_MAX} schemas.");
            return Err(Fault::at(path, message));
        }
        let id = u32::try_from(self.schemas.len()).map(SchemaId);
        self.schemas.push(Schema::default());
        id.map_err(|_| Fault::at(path, "The document has too many schemas."))
    }

    fn fill(&mut self, id: SchemaId, value: &'a Value, path: &str) -> Result<SchemaId, Fault> {
        let mut schema = plain(value);
        if let Some(properties) = value.get("properties").and_then(Value::as_object) {
            for (name, value) in properties {
                let schema_id = self.read(value, &format!("{path}.properties.{name}"))?;
                let name = Str::from(name.as_str());
                schema.properties.push(Property { name, schema: schema_id, is_required: false });
            }
        }
        if let Some(items) = value.get("items").filter(|it| it.is_object()) {
            schema.items = Some(self.read(items, &format!("{path}.items"))?);
        }
        schema.additional = match value.get("additionalProperties") {
            Some(Value::Bool(true)) => Additional::Allowed,
            Some(Value::Bool(false)) => Additional::Refused,
            Some(of @ Value::Object(_)) => {
                Additional::Of(self.read(of, &format!("{path}.additionalProperties"))?)
            }
            _ => Additional::Unsaid,
        };
        for part in list(value, "allOf") {
            let part = self.read(part, &format!("{path}.allOf"))?;
            schema.parts.push(part);
        }
        let variant = list(value, "oneOf").iter().chain(list(value, "anyOf"));
        let variant = variant.into_iter().find(|it| it.get("type") != Some(&"null".into()));
        if let Some(variant) = variant {
            schema.variant = Some(self.read(variant, &format!("{path}.oneOf"))?);
        }
        self.schemas[id.0 as usize] = schema;
        Ok(id)
    }

    /// All schemas, once everything that they name is read.
    pub fn finish(mut self) -> Result<Schemas, Fault> {
        while let Some((id, value, path)) = self.waiting.pop() {
            self.fill(id, value, &path)?;
        }
        let mut budget = SCHEMA_PROPERTIES_MAX;
        let merged: Vec<(usize, Schema)> = (0..self.schemas.len())
            .filter(|at| !self.schemas[*at].parts.is_empty())
            .map(|at| Ok((at, self.merged(at, &mut budget)?)))
            .collect::<Result<_, Fault>>()?;
        for (at, schema) in merged {
            self.schemas[at] = schema;
        }
        for schema in &mut self.schemas {
            let required = std::mem::take(&mut schema.required);
            for name in required {
                for property in schema.properties.iter_mut().filter(|it| it.name == name) {
                    property.is_required = true;
                }
            }
        }
        Ok(Schemas(self.schemas))
    }

    /// A schema with what its parts (`allOf`) say; what it says itself comes first.
    fn merged(&self, at: usize, budget: &mut usize) -> Result<Schema, Fault> {
        let mut schema = self.schemas[at].clone();
        let mut seen = HashSet::from([at]);
        let mut names: HashSet<Str> = schema.properties.iter().map(|it| it.name.clone()).collect();
        let mut waiting: Vec<SchemaId> = schema.parts.iter().rev().copied().collect();
        while let Some(part) = waiting.pop() {
            let at = part.0 as usize;
            if !seen.insert(at) {
                continue;
            }
            let part = &self.schemas[at];
            if *budget < part.properties.len() + 1 {
                let message = format!(
                    "The parts of schemas ('allOf') have more than {SCHEMA_PROPERTIES_MAX} properties together."
                );
                return Err(Fault::at("$.definitions", message));
            }
            *budget -= part.properties.len() + 1;
            for property in &part.properties {
                if names.insert(property.name.clone()) {
                    schema.properties.push(property.clone());
                }
            }
            if schema.kind == SchemaKind::Any {
                schema.kind = part.kind;
            }
            if schema.additional == Additional::Unsaid {
                schema.additional = part.additional;
            }
            if schema.allowed.is_empty() {
                schema.allowed.clone_from(&part.allowed);
            }
            schema.items = schema.items.or(part.items);
            schema.variant = schema.variant.or(part.variant);
            schema.format = schema.format.or_else(|| part.format.clone());
            schema.default = schema.default.or_else(|| part.default.clone());
            schema.example = schema.example.or_else(|| part.example.clone());
            schema.dynamic = schema.dynamic.or_else(|| part.dynamic.clone());
            schema.required.extend(part.required.iter().cloned());
            waiting.extend(part.parts.iter().rev());
        }
        Ok(schema)
    }
}

/// What a schema says without naming others.
pub(super) fn plain(value: &Value) -> Schema {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(Box::from);
    let number = |name: &str| value.get(name).and_then(Value::as_f64);
    let examples = value.get("examples").and_then(Value::as_array);
    Schema {
        kind: kind(value),
        format: text("format"),
        summary: text("x-ms-summary").or_else(|| text("title")),
        description: text("description"),
        visibility: Visibility::of(value),
        allowed: list(value, "enum").to_vec(),
        default: value.get("default").cloned(),
        example: value.get("example").or_else(|| examples?.first()).cloned(),
        minimum: number("minimum"),
        maximum: number("maximum"),
        length_min: value.get("minLength").and_then(Value::as_u64),
        items_min: value
            .get("minItems")
            .and_then(Value::as_u64)
            .map_or(0, |it| it.min(1_000) as usize),
        dynamic: Dynamic::of(value),
        is_notification_url: is_true(value, "x-ms-notification-url"),
        is_read_only: is_true(value, "readOnly"),
        required: list(value, "required").iter().filter_map(Value::as_str).map(Str::from).collect(),
        ..Schema::default()
    }
}

/// Whether a flag is set, which some write as text.
pub(super) fn is_true(value: &Value, name: &str) -> bool {
    match value.get(name) {
        Some(Value::Bool(is)) => *is,
        Some(Value::String(is)) => is.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

fn kind(value: &Value) -> SchemaKind {
    let said = match value.get("type") {
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null")
        }
        said => said.and_then(Value::as_str),
    };
    match said.map(str::to_ascii_lowercase).as_deref() {
        Some("object") => SchemaKind::Object,
        Some("array") => SchemaKind::Array,
        Some("string") => SchemaKind::String,
        Some("integer") => SchemaKind::Integer,
        Some("number") => SchemaKind::Number,
        Some("boolean") => SchemaKind::Boolean,
        Some("file") => SchemaKind::File,
        _ if value.get("properties").is_some_and(Value::is_object) => SchemaKind::Object,
        _ if value.get("items").is_some_and(Value::is_object) => SchemaKind::Array,
        _ => SchemaKind::Any,
    }
}

pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// An object, or none.
pub(super) fn object<'a>(value: &'a Value, name: &str) -> Option<&'a Map<String, Value>> {
    value.get(name).and_then(Value::as_object)
}
