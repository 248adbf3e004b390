//! Operations as flows use them, and the document that declares them.

use super::shape::{ShapeId, Shapes};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// What flows use of one connector.
#[derive(Debug, Default)]
pub struct ConnectorUse {
    /// By their ids in lower case, or by method and path.
    operations: BTreeMap<String, OperationUse>,
}

/// How an operation is used.
#[derive(Debug)]
pub struct OperationUse {
    pub id: String,
    /// Of what is called by its path: method, path, and which names in it are encoded twice.
    pub route: Option<Route>,
    /// `{body}` of an answer.
    pub answer: ShapeId,
    /// `{body}` of what a webhook is told.
    pub notification: ShapeId,
    /// Parameters by name.
    pub flat: BTreeMap<String, Given>,
    /// Parts of parameters (`item/name`) by what stands before the slash.
    pub nested: BTreeMap<String, Nested>,
    pub is_trigger: bool,
    pub is_batch: bool,
    pub is_webhook: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: String,
    pub path: String,
    pub doubled: Vec<String>,
    pub names: Vec<String>,
}

#[derive(Debug)]
pub struct Given {
    pub shape: ShapeId,
    pub place: Option<&'static str>,
}

#[derive(Debug)]
pub struct Nested {
    pub shape: ShapeId,
    /// The keys as they are written.
    pub keys: BTreeMap<String, ShapeId>,
}

impl ConnectorUse {
    /// The operation of a key; made when it is new.
    pub fn operation(&mut self, shapes: &mut Shapes, key: &str, id: &str) -> &mut OperationUse {
        self.operations.entry(key.to_lowercase()).or_insert_with(|| OperationUse {
            id: id.to_owned(),
            route: None,
            answer: shapes.add(),
            notification: shapes.add(),
            flat: BTreeMap::new(),
            nested: BTreeMap::new(),
            is_trigger: false,
            is_batch: false,
            is_webhook: false,
        })
    }

    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// The document.
    pub fn document(&self, shapes: &mut Shapes, title: &str) -> Json {
        let mut paths: BTreeMap<String, Map<String, Json>> = BTreeMap::new();
        for operation in self.operations.values() {
            let (path, method) = match &operation.route {
                Some(route) => (route.path.clone(), route.method.to_ascii_lowercase()),
                None => (format!("/{}", crate::call::encoded(&operation.id)), String::new()),
            };
            let (said, declared) = operation.declared(shapes);
            let method = if method.is_empty() { said.to_owned() } else { method };
            paths.entry(path).or_default().insert(method, declared);
        }
        json!({
            "swagger": "2.0",
            "info": {"title": title, "version": "1.0",
                "description": "What flows use of this connector. Its paths are not those of the real service."},
            "basePath": "/", "schemes": ["https"],
            "consumes": ["application/json"], "produces": ["application/json"],
            "paths": paths,
        })
    }
}

/// Ids of operations that change nothing begin like this.
const READING: [&str; 6] = ["get", "list", "search", "find", "on", "read"];

impl OperationUse {
    /// The method that suits it, and its declaration.
    fn declared(&self, shapes: &mut Shapes) -> (&'static str, Json) {
        let body_name = self.body_name(shapes);
        let mut parameters = Vec::new();
        for (name, given) in &self.flat {
            if body_name.as_ref() != Some(name) {
                parameters.push(self.parameter(shapes, name, given.shape, given.place));
            }
        }
        for (prefix, nested) in &self.nested {
            if body_name.as_ref() != Some(prefix) {
                let keys = nested.keys.iter();
                parameters.extend(keys.map(|(key, id)| self.parameter(shapes, key, *id, None)));
            }
        }
        if let Some(body) = self.body(shapes, body_name.as_deref()) {
            parameters.push(body);
        }
        let has_body = parameters.iter().any(|it| it["in"] == "body");
        let answer = shapes.property(self.answer, "body");
        let notification = shapes.property(self.notification, "body");
        let schema = |id| shapes.answer_schema(id);
        let mut declared = json!({
            "operationId": self.id,
            "summary": self.id,
            "parameters": parameters,
            "responses": {"200": {"description": "What flows read of the answer.",
                "schema": schema(answer)}},
        });
        if self.is_trigger {
            declared["x-ms-trigger"] = json!(if self.is_batch { "batch" } else { "single" });
        }
        if self.is_webhook {
            declared["x-ms-notification-content"] =
                json!({"description": "What flows read.", "schema": schema(notification)});
            declared["responses"] = json!({"201": {"description": "Subscribed."}});
        }
        (self.method(has_body), declared)
    }

    fn method(&self, has_body: bool) -> &'static str {
        let id = self.id.to_ascii_lowercase();
        match has_body {
            _ if self.is_webhook => "post",
            _ if id.starts_with("delete") => "delete",
            true if id.starts_with("update") => "patch",
            false if self.is_trigger || READING.iter().any(|it| id.starts_with(it)) => "get",
            _ => "post",
        }
    }

    /// The parameter that is the body: the one of which parts are given, or the one that is
    /// an object.
    fn body_name(&self, shapes: &Shapes) -> Option<String> {
        let most = self.nested.iter().max_by_key(|(_, nested)| nested.keys.len());
        if let Some((name, _)) = most {
            return Some(name.clone());
        }
        let said = self.flat.iter().find(|(_, given)| given.place == Some("body"));
        let named = || self.flat.iter().find(|(name, _)| name.eq_ignore_ascii_case("body"));
        let composed = || self.flat.iter().find(|(_, given)| shapes.is_composed(given.shape));
        let found = said.or_else(named).or_else(composed);
        found.map(|(name, _)| name.clone())
    }

    fn body(&self, shapes: &mut Shapes, name: Option<&str>) -> Option<Json> {
        let nested = name.and_then(|name| self.nested.get(name)).map(|it| it.shape);
        let flat = name.and_then(|name| self.flat.get(name)).map(|it| it.shape);
        if let (Some(nested), Some(flat)) = (nested, flat) {
            shapes.unite(nested, flat);
        }
        let shape = nested.or(flat);
        let mut schema = shape.map_or(json!({}), |it| shapes.request_schema(it));
        if self.is_webhook {
            schema["type"] = json!("object");
            let names = ["url", "notificationUrl", "callbackUrl"];
            let is_free = |name: &&&str| !shape.is_some_and(|it| shapes.has_property(it, name));
            let free = names.iter().find(is_free).copied().unwrap_or("sluicegateCallbackUrl");
            schema["properties"][free] = json!({"type": "string", "x-ms-notification-url": true,
                "x-ms-visibility": "internal"});
        } else if shape.is_none() {
            return None;
        }
        Some(json!({"name": name.unwrap_or("body"), "in": "body", "schema": schema}))
    }

    /// A parameter that is no body.
    fn parameter(
        &self,
        shapes: &Shapes,
        name: &str,
        shape: ShapeId,
        place: Option<&'static str>,
    ) -> Json {
        let mut parameter = shapes.request_schema(shape);
        let kind = parameter["type"].as_str().unwrap_or_default();
        if kind.is_empty() || kind == "object" {
            parameter = json!({"type": "string"});
        }
        if parameter["type"] == "array" {
            parameter =
                json!({"type": "array", "items": {"type": "string"}, "collectionFormat": "multi"});
        }
        parameter["name"] = name.into();
        let route = self.route.as_ref();
        if route.is_some_and(|it| it.names.iter().any(|it| it == name)) {
            parameter["in"] = "path".into();
            parameter["required"] = true.into();
            if route.is_some_and(|it| it.doubled.iter().any(|it| it == name)) {
                parameter["x-ms-url-encoding"] = "double".into();
            }
        } else {
            parameter["in"] = place.unwrap_or("query").into();
        }
        parameter
    }
}
