//! What can be called at a connector.

use super::document::Service;
use super::path::PathTemplate;
use super::schema::{Dynamic, Schema, SchemaId, Schemas, Visibility};
use expr::Str;
use serde_json::Value;
use std::sync::Arc;

/// An operation of a connector.
#[derive(Clone, Debug)]
pub struct Operation {
    pub id: Str,
    /// In capitals.
    pub method: Str,
    pub path: PathTemplate,
    /// Where it is, when that is not where the others are.
    pub service: Option<Service>,
    pub summary: String,
    pub description: String,
    pub visibility: Visibility,
    pub is_deprecated: bool,
    pub trigger: Option<TriggerKind>,
    pub trigger_hint: Option<String>,
    /// What the service sends to the address of a webhook.
    pub notification: Option<SchemaId>,
    pub pageable: Option<Pageable>,
    /// `x-ms-capabilities`, as it is written.
    pub capabilities: Option<Value>,
    pub consumes: Vec<String>,
    pub produces: Vec<String>,
    pub parameters: Vec<OperationParameter>,
    pub responses: Vec<Response>,
    pub(super) schemas: Arc<Schemas>,
}

/// What a trigger gives: one thing, or a list of which each starts a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerKind {
    Single,
    Batch,
}

/// How the rest of a list is got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pageable {
    /// The property of the answer that holds the address of the next page.
    pub next_link: Option<String>,
    /// The property of the answer that holds the items.
    pub items: Option<String>,
}

/// Where a parameter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    Path,
    Query,
    Header,
    Cookie,
    /// A field of a form.
    Form,
    Body,
}

/// How a list is written where only text can stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collection {
    #[default]
    Comma,
    Space,
    Tab,
    Pipe,
    /// The parameter is repeated.
    Multi,
    /// An object: each of its properties is a parameter, `name[property]`.
    Deep,
}

impl Collection {
    /// What stands between the items; nothing: each stands for itself.
    #[must_use]
    pub fn separator(self) -> Option<char> {
        match self {
            Collection::Comma => Some(','),
            Collection::Space => Some(' '),
            Collection::Tab => Some('\t'),
            Collection::Pipe => Some('|'),
            Collection::Multi | Collection::Deep => None,
        }
    }
}

/// A parameter of an operation.
#[derive(Clone, Debug)]
pub struct OperationParameter {
    pub name: Str,
    pub location: Location,
    pub is_required: bool,
    pub schema: SchemaId,
    pub collection: Collection,
    /// `x-ms-url-encoding` is `double`: its text in a path is encoded twice.
    pub is_double_encoded: bool,
    pub summary: Option<Box<str>>,
    pub description: Option<Box<str>>,
    pub visibility: Visibility,
    pub dynamic: Option<Box<Dynamic>>,
    pub is_notification_url: bool,
}

/// What an operation answers with a status.
#[derive(Clone, Debug)]
pub struct Response {
    /// Nothing: any that is not named (`default`).
    pub status: Option<u16>,
    pub description: String,
    pub schema: Option<SchemaId>,
    pub headers: Vec<(String, SchemaId)>,
    pub example: Option<Value>,
}

impl Operation {
    #[must_use]
    pub fn schema(&self, id: SchemaId) -> &Schema {
        &self.schemas[id]
    }

    #[must_use]
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    #[must_use]
    pub fn body(&self) -> Option<&OperationParameter> {
        self.parameters.iter().find(|it| it.location == Location::Body)
    }

    /// The parameter of a name: exactly, else without regard to letter case.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&OperationParameter> {
        self.parameter_at(name).map(|at| &self.parameters[at])
    }

    pub(crate) fn parameter_at(&self, name: &str) -> Option<usize> {
        let exact = self.parameters.iter().position(|it| it.name == name);
        let same = |it: &OperationParameter| expr::value::eq_ignore_case(&it.name, name);
        exact.or_else(|| self.parameters.iter().position(same))
    }

    /// Whether its content may travel in parts.
    #[must_use]
    pub fn is_chunkable(&self) -> bool {
        let said = self.capabilities.as_ref().and_then(|it| it.get("chunkTransfer"));
        said.and_then(Value::as_bool) == Some(true)
    }

    /// What the operation answers when it does what it is asked.
    #[must_use]
    pub fn success(&self) -> Option<&Response> {
        let is_success = |it: &&Response| it.status.is_some_and(|it| (200..300).contains(&it));
        let lowest = self.responses.iter().filter(is_success).min_by_key(|it| it.status);
        lowest.or_else(|| self.responses.iter().find(|it| it.status.is_none()))
    }

    /// The key of `parameters` under which the address of a webhook is to be given, as in
    /// `body/url`; nothing for what is no webhook.
    #[must_use]
    pub fn notification_key(&self) -> Option<String> {
        if let Some(found) = self.parameters.iter().find(|it| it.is_notification_url) {
            return Some(found.name.to_string());
        }
        let body = self.body()?;
        let mut waiting = vec![(body.schema, body.name.to_string(), 0)];
        while let Some((id, key, depth)) = waiting.pop() {
            if self.schema(id).is_notification_url {
                return Some(key);
            }
            if depth < NOTIFICATION_DEPTH_MAX {
                let below = self.schema(id).properties.iter().rev();
                waiting.extend(below.map(|it| {
                    let step = it.name.replace("~", "~0").replace("/", "~1");
                    (it.schema, format!("{key}/{step}"), depth + 1)
                }));
            }
        }
        None
    }
}

/// Objects in objects in which the address of a webhook is looked for.
const NOTIFICATION_DEPTH_MAX: usize = 4;
