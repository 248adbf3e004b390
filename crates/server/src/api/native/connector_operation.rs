//! What a connector offers, on the native API: its operations, and what only its service knows
//! of their parameters.

use super::consent::{Place, at};
use super::{ApiError, ApiState, Authenticated, Body, List, Path, page};
use crate::app::access::Scope;
use ::connector::definition::{Location, Operation, SchemaKind, TriggerKind, Visibility};
use ::connector::dynamic::{Asked, Choice, DynamicKind, Shown, Told, shown};
use axum::Json;
use axum::extract::State;
use expr::Object;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

shape! {
    /// An operation. `trigger` is `single` or `batch`; a webhook is told when something happens.
    OperationAnswer {
        id: String,
        method: String,
        path: String,
        summary: String,
        description: String,
        visibility: String,
        is_deprecated: bool,
        trigger: Option<String>,
        trigger_hint: Option<String>,
        is_webhook: bool,
        is_pageable: bool,
        parameters: Vec<OperationParameterAnswer>,
    }

    /// A parameter, or with a slash in its key something in one. `dynamic` says what its
    /// service tells of it: `values`, `list`, `schema`, `properties`, `tree`.
    OperationParameterAnswer {
        key: String,
        location: String,
        r#type: String,
        format: Option<String>,
        summary: Option<String>,
        description: Option<String>,
        visibility: String,
        is_required: bool,
        default: Option<Value>,
        r#enum: Option<Vec<Value>>,
        dynamic: Option<Vec<String>>,
    }

    /// What a service tells of a parameter: the values that it may have, or its schema.
    DynamicAnswer {
        kind: String,
        values: Option<Vec<DynamicValueAnswer>>,
        schema: Option<Value>,
    }

    /// A value. In a tree others may be in one that is a parent; `item` asks for them.
    DynamicValueAnswer {
        value: Value,
        title: String,
        is_parent: Option<bool>,
        item: Option<Value>,
    }
}

fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Normal => "normal",
        Visibility::Important => "important",
        Visibility::Advanced => "advanced",
        Visibility::Internal => "internal",
    }
}

fn location(location: Location) -> &'static str {
    match location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header => "header",
        Location::Cookie => "cookie",
        Location::Form => "formData",
        Location::Body => "body",
    }
}

fn kind(kind: SchemaKind) -> &'static str {
    match kind {
        SchemaKind::Any => "any",
        SchemaKind::Object => "object",
        SchemaKind::Array => "array",
        SchemaKind::String => "string",
        SchemaKind::Integer => "integer",
        SchemaKind::Number => "number",
        SchemaKind::Boolean => "boolean",
        SchemaKind::File => "file",
    }
}

fn render(operation: &Operation) -> Value {
    let mut value = json!({
        "id": operation.id.as_str(),
        "method": operation.method.as_str(),
        "path": operation.path.as_str(),
        "summary": operation.summary,
        "description": operation.description,
        "visibility": visibility(operation.visibility),
        "isDeprecated": operation.is_deprecated,
        "isWebhook": operation.notification_key().is_some(),
        "isPageable": operation.pageable.is_some(),
        "parameters": shown(operation).iter().map(|it| render_parameter(operation, it)).collect::<Vec<_>>(),
    });
    if let Some(trigger) = operation.trigger {
        value["trigger"] = json!(match trigger {
            TriggerKind::Single => "single",
            TriggerKind::Batch => "batch",
        });
    }
    if let Some(hint) = &operation.trigger_hint {
        value["triggerHint"] = json!(hint);
    }
    value
}

fn render_parameter(operation: &Operation, it: &Shown<'_>) -> Value {
    let parameter = &operation.parameters[it.parameter];
    let (summary, description, seen) = match it.is_whole {
        true => (&parameter.summary, &parameter.description, parameter.visibility),
        false => (&it.schema.summary, &it.schema.description, it.schema.visibility),
    };
    let mut value = json!({
        "key": it.key,
        "location": location(parameter.location),
        "type": kind(it.schema.kind),
        "visibility": visibility(seen),
        "isRequired": it.is_required,
    });
    let texts = [("format", &it.schema.format), ("summary", summary), ("description", description)];
    for (name, text) in texts {
        if let Some(text) = text {
            value[name] = json!(text);
        }
    }
    if let Some(default) = it.schema.default.as_ref().filter(|it| !it.is_null()) {
        value["default"] = default.clone();
    }
    if !it.schema.allowed.is_empty() {
        value["enum"] = json!(it.schema.allowed);
    }
    if let Some(dynamic) = it.dynamic {
        let told = DynamicKind::ALL.iter().filter(|kind| kind.of(dynamic).is_some());
        value["dynamic"] = told.map(|kind| kind.name()).collect();
    }
    value
}

/// The operations of a connector.
#[utoipa::path(
    get, path = "/environments/{environment}/connectors/{name}/operations",
    responses((status = 200, body = List<OperationAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (_, connector) = state.app.get_connector(&caller, Scope::Any, &environment, &name).await?;
    let document = state.app.document_of(&connector).await?;
    Ok(page(document.operations.iter().map(render).collect(), None))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DynamicBody {
    operation: String,
    /// Its key, as an action has it.
    parameter: String,
    /// `values`, `list`, `schema`, `properties` or `tree`; without it what there is.
    kind: Option<KindBody>,
    /// What other parameters have, by their keys.
    #[serde(default)]
    parameters: Map<String, Value>,
    /// Of a tree, the item whose inside is asked for.
    item: Option<Value>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KindBody {
    Values,
    List,
    Schema,
    Properties,
    Tree,
}

impl From<KindBody> for DynamicKind {
    fn from(kind: KindBody) -> DynamicKind {
        match kind {
            KindBody::Values => DynamicKind::Values,
            KindBody::List => DynamicKind::List,
            KindBody::Schema => DynamicKind::Schema,
            KindBody::Properties => DynamicKind::Properties,
            KindBody::Tree => DynamicKind::Tree,
        }
    }
}

fn json_of(value: &expr::Value) -> Value {
    serde_json::from_str(&expr::json::to_string(value)).unwrap_or_default()
}

fn value_of(json: &Value) -> expr::Value {
    expr::json::parse(json.to_string().as_bytes()).unwrap_or_default()
}

fn render_choice(choice: &Choice) -> Value {
    let mut value = json!({"value": json_of(&choice.value), "title": choice.title});
    if let Some(is_parent) = choice.is_parent {
        value["isParent"] = json!(is_parent);
    }
    if let Some(item) = &choice.item {
        value["item"] = json_of(item);
    }
    value
}

/// Finds out what a parameter may be, over a connection.
#[utoipa::path(
    post, path = "/environments/{environment}/connectors/{connector}/connections/{name}/dynamic",
    request_body = DynamicBody,
    responses((status = 200, body = DynamicAnswer)),
)]
pub async fn resolve(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(place): Path<Place>,
    Body(body): Body<DynamicBody>,
) -> Result<Json<Value>, ApiError> {
    let given = body.parameters.iter().map(|(name, it)| (name.as_str().into(), value_of(it)));
    let asked = Asked {
        parameter: body.parameter,
        kind: body.kind.map(DynamicKind::from),
        given: given.collect::<Object>(),
        item: body.item.filter(|it| !it.is_null()).map(|it| value_of(&it)),
    };
    let at = at(&place, Scope::Mine);
    let (kind, told) = state.app.resolve_dynamic(&caller, at, &body.operation, &asked).await?;
    let mut value = json!({"kind": kind.name()});
    match told {
        Told::Choices(choices) => {
            value["values"] = choices.iter().map(render_choice).collect();
        }
        Told::Schema(schema) => value["schema"] = json_of(&schema),
    }
    Ok(Json(value))
}
