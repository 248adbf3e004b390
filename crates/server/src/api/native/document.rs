//! The document of this API: OpenAPI 3.1, made from its routes. It is served, and committed as
//! `openapi/sluicegate.json`.
//!
//! Invariant: a route cannot be added without its description, nor described without being
//! there ([`operations`] makes both of a handler at once).

use super::ApiState;
use super::shape::ErrorAnswer;
use axum::Router;
use axum::handler::Handler;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use utoipa::ToSchema;
use utoipa::openapi::HttpMethod;
use utoipa_axum::PathItemExt;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// Routes with their descriptions. The descriptions are made when somebody asks for the document:
/// made at the start, they were a tenth of what a resting server holds.
pub struct Described {
    router: Router<ApiState>,
    descriptions: Vec<fn() -> Description>,
}

/// Schemas and operations of one path, with a second router that is not used.
pub type Description = UtoipaMethodRouter<ApiState>;

/// The operations of one path: how they are served, and how they are described.
pub struct Operations {
    pub path: String,
    pub router: MethodRouter<ApiState>,
    pub describe: fn() -> Description,
}

/// [`Operations`] from their handlers, which carry `#[utoipa::path]`. What `routes!` does at once
/// is divided here; its own inner rule finds what the attribute made beside a handler.
macro_rules! operations {
    ($first:path $(, $handler:path)* $(,)?) => {
        $crate::api::native::document::Operations {
            path: utoipa_axum::paste! { utoipa_axum::routes!(@path [path()] of $first) },
            router: {
                let router = axum::routing::MethodRouter::new();
                let router = $crate::api::native::document::serve(
                    router,
                    &utoipa_axum::paste! { utoipa_axum::routes!(@path [methods()] of $first) },
                    &$first,
                );
                $(let router = $crate::api::native::document::serve(
                    router,
                    &utoipa_axum::paste! { utoipa_axum::routes!(@path [methods()] of $handler) },
                    &$handler,
                );)*
                router
            },
            describe: || utoipa_axum::routes!($first $(, $handler)*),
        }
    };
}
pub(super) use operations;

/// A handler for each of its methods.
pub fn serve<H, T>(
    router: MethodRouter<ApiState>,
    methods: &[HttpMethod],
    handler: &H,
) -> MethodRouter<ApiState>
where
    H: Handler<T, ApiState>,
    T: 'static,
{
    let on = |router: MethodRouter<ApiState>, method: &HttpMethod| {
        router.on(method.to_method_filter(), handler.clone())
    };
    methods.iter().fold(router, on)
}

impl Described {
    pub fn new() -> Described {
        Described { router: Router::new(), descriptions: Vec::new() }
    }

    pub fn with(mut self, operations: Operations) -> Described {
        self.descriptions.push(operations.describe);
        Described { router: self.router.route(&operations.path, operations.router), ..self }
    }

    pub fn merge(mut self, other: Described) -> Described {
        self.descriptions.extend(other.descriptions);
        Described { router: self.router.merge(other.router), ..self }
    }

    pub fn into_router(self) -> Router<ApiState> {
        self.router
    }

    /// The document, whole.
    ///
    /// # Panics
    /// When two different schemas have one name. That is a fault of ours, which the test of the
    /// committed document shows: `#[schema(as = Other)]` gives one another name.
    fn into_document(self) -> Value {
        let mut described = OpenApiRouter::default();
        for describe in self.descriptions {
            let one = describe();
            let known = described.get_openapi().components.as_ref();
            for (name, schema) in &one.0 {
                let earlier = known.and_then(|known| known.schemas.get(name));
                assert!(earlier.is_none_or(|it| it == schema), "two schemas are called {name}");
            }
            described = described.routes(one);
        }
        let mut document = serde_json::to_value(described.into_openapi()).unwrap_or_default();
        finish(&mut document);
        document
    }
}

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| text().into());

fn text() -> String {
    format!("{:#}\n", super::routes().into_document())
}

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    security(()),
    responses((status = 200, body = Value)),
)]
pub async fn show() -> Response {
    let mut response = Bytes::clone(&DOCUMENT).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// What an operation may answer besides what it says itself: status, name, meaning.
const REFUSALS: [(&str, &str, &str); 9] = [
    ("400", "Invalid", "What was sent is not what was expected."),
    ("401", "Unauthenticated", "There is no token, or one that is not known."),
    ("403", "Forbidden", "The caller may not do this."),
    ("404", "NotFound", "There is no such thing, or the caller may not know of it."),
    ("409", "Conflict", "What is there does not allow it."),
    ("413", "TooLarge", "The body is too large."),
    ("429", "Throttled", "There is more to do than the server can take on."),
    ("503", "Unavailable", "The server or its store cannot do this now."),
    ("507", "Full", "The server's disk is full, and nothing was accepted."),
];

/// What is said of parameters that do not say it themselves.
const PARAMETERS: [(&str, &str); 5] = [
    ("environment", "Which environment, by name or id."),
    ("top", "Rows of a page: 1 to 1,000."),
    ("skipToken", "Where the page begins, as the page before it said."),
    ("from", "A moment; what happened then is included."),
    ("to", "A moment; what happened then is not included."),
];

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

/// Adds what operations have in common.
fn finish(document: &mut Value) {
    document["info"] = json!({
        "title": "Sluicegate",
        "description": "The native API: docs/reference/native-api.md.",
        "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
        "version": env!("CARGO_PKG_VERSION"),
    });
    document["servers"] = json!([{"url": "/api/v1"}]);
    document["security"] = json!([{"bearer": []}]);
    let components = &mut document["components"];
    components["securitySchemes"] = json!({"bearer": {"type": "http", "scheme": "bearer"}});
    components["responses"] = REFUSALS.iter().map(|it| (it.1.to_owned(), refusal(it))).collect();
    let mut schemas = Vec::new();
    schemas.push((ErrorAnswer::name().into(), <ErrorAnswer as utoipa::PartialSchema>::schema()));
    ErrorAnswer::schemas(&mut schemas);
    for (name, schema) in schemas {
        components["schemas"][name] = serde_json::to_value(schema).unwrap_or_default();
    }
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths {
        for method in METHODS {
            if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                finish_operation(path, method, operation);
            }
        }
    }
}

fn refusal((status, _, meaning): &(&str, &str, &str)) -> Value {
    let schema = json!({"$ref": format!("#/components/schemas/{}", ErrorAnswer::name())});
    let mut value = json!({
        "description": meaning,
        "content": {"application/json": {"schema": schema}},
    });
    if matches!(*status, "429" | "503" | "507") {
        let seconds = json!({"description": "Seconds.", "schema": {"type": "integer"}});
        value["headers"] = json!({"Retry-After": seconds});
    }
    value
}

fn finish_operation(path: &str, method: &str, operation: &mut Map<String, Value>) {
    let segments = || path.split('/').filter(|segment| !segment.is_empty());
    let noun = segments().next().unwrap_or_default().trim_end_matches(".json");
    operation.insert("tags".to_owned(), json!([noun]));
    let words = segments().map(|segment| segment.trim_matches(['{', '}']).replace('.', "-"));
    let id = words.fold(method.to_owned(), |id, word| format!("{id}-{word}"));
    operation.insert("operationId".to_owned(), json!(id));
    finish_parameters(segments(), operation);
    let is_open = operation.get("security").is_some_and(|security| *security == json!([{}]));
    let has_body = operation.contains_key("requestBody");
    let Some(Value::Object(responses)) = operation.get_mut("responses") else { return };
    for response in responses.values_mut() {
        if response["description"].as_str().is_none_or(str::is_empty) {
            response["description"] = json!("It is done.");
        }
    }
    for (status, name, _) in REFUSALS {
        let is_possible = match status {
            "413" => has_body,
            _ => !is_open,
        };
        if is_possible && !responses.contains_key(status) {
            let shared = json!({"$ref": format!("#/components/responses/{name}")});
            responses.insert(status.to_owned(), shared);
        }
    }
    responses.sort_keys();
}

/// Segments of the path are text, unless the operation says more of them.
fn finish_parameters<'a>(
    segments: impl Iterator<Item = &'a str>,
    operation: &mut Map<String, Value>,
) {
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    let Some(parameters) = parameters.as_array_mut() else { return };
    let named = segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    for (at, name) in named.enumerate() {
        if !parameters.iter().any(|it| it["name"] == name && it["in"] == "path") {
            let text = json!({"type": "string"});
            let segment = json!({"name": name, "in": "path", "required": true, "schema": text});
            parameters.insert(at, segment);
        }
    }
    for parameter in parameters {
        let known = PARAMETERS.iter().find(|(name, _)| parameter["name"] == *name);
        if let (Some((_, meaning)), None) = (known, parameter.get("description")) {
            parameter["description"] = json!(meaning);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_document_is_the_committed_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi/sluicegate.json");
        let made = super::text();
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let folder = Path::new(path).parent().expect("a folder");
            std::fs::create_dir_all(folder).expect("the folder can be made");
            std::fs::write(path, &made).expect("the document can be written");
        }
        let stored = std::fs::read_to_string(path).expect("the committed document");
        assert_eq!(stored, made, "UPDATE_GOLDEN=1 writes the document");
    }

    #[test]
    fn every_name_of_an_operation_is_there_once() {
        let document = super::super::routes().into_document();
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.values().flat_map(|item| item.as_object().expect("operations"));
        let mut ids: Vec<&str> =
            operations.filter_map(|(_, operation)| operation["operationId"].as_str()).collect();
        let count = ids.len();
        assert!(count > 80, "only {count} operations");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
