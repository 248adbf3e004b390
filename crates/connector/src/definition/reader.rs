//! Reads operations from a document.

use super::Fault;
use super::document::{self, Service, Version, check_count};
use super::form;
use super::operation::{
    Collection, Location, Operation, OperationParameter, Pageable, Response, TriggerKind,
};
use super::path::PathTemplate;
use super::reference::Resolver;
use super::schema::{
    Dynamic, Schema, SchemaId, SchemaKind, SchemaReader, Schemas, Visibility, is_true, list, object,
};
use crate::limits::OPERATION_PARAMETERS_MAX;
use expr::Str;
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

pub(super) struct OperationReader<'a> {
    pub resolver: Resolver<'a>,
    pub version: Version,
    pub schemas: SchemaReader<'a>,
    consumes: Vec<String>,
    produces: Vec<String>,
    operations: Vec<Operation>,
    /// Where the document says that its service is.
    service: Option<Service>,
    /// Ids in small letters, and where each was met.
    ids: HashMap<String, String>,
    /// Schemas do not exist before everything is read.
    unfinished: Arc<Schemas>,
}

/// A path, with what all its operations share.
struct PathItem<'a> {
    template: PathTemplate,
    value: &'a Value,
    path: String,
    notification: Option<SchemaId>,
}

impl<'a> OperationReader<'a> {
    pub fn new(resolver: Resolver<'a>, version: Version) -> OperationReader<'a> {
        OperationReader {
            resolver,
            version,
            schemas: SchemaReader::new(resolver),
            consumes: media(resolver.root(), "consumes").unwrap_or_default(),
            produces: media(resolver.root(), "produces").unwrap_or_default(),
            operations: Vec::new(),
            service: (version == Version::OpenApi3)
                .then(|| document::server(resolver.root(), None))
                .flatten(),
            ids: HashMap::new(),
            unfinished: Arc::default(),
        }
    }

    pub fn read_all(&mut self) -> Result<(), Fault> {
        let Some(paths) = object(self.resolver.root(), "paths") else {
            return Err(Fault::at("$.paths", "The paths are missing, expected an object."));
        };
        for (template, value) in paths.iter().filter(|(name, _)| !name.starts_with("x-")) {
            let path = format!("$.paths['{template}']");
            let value = self.resolver.follow(value, &path)?.value;
            let notification = match value.get("x-ms-notification-content") {
                Some(content) => self.notification(content, &path)?,
                None => None,
            };
            let template = PathTemplate::read(template, &path)?;
            let item = PathItem { template, value, path, notification };
            for (name, value) in value.as_object().into_iter().flatten() {
                if METHODS.iter().any(|method| method.eq_ignore_ascii_case(name)) {
                    let operation = self.operation(name, value, &item)?;
                    self.operations.push(operation);
                }
            }
        }
        Ok(())
    }

    pub fn finish(self) -> Result<(Vec<Operation>, Arc<Schemas>), Fault> {
        let schemas = Arc::new(self.schemas.finish()?);
        let mut operations = self.operations;
        for operation in &mut operations {
            operation.schemas = Arc::clone(&schemas);
            form::settle(operation);
        }
        Ok((operations, schemas))
    }

    fn notification(&mut self, content: &'a Value, path: &str) -> Result<Option<SchemaId>, Fault> {
        let path = format!("{path}['x-ms-notification-content']");
        let content = self.resolver.follow(content, &path)?.value;
        let schema = content.get("schema");
        schema.map(|it| self.schemas.read(it, &format!("{path}.schema"))).transpose()
    }

    fn operation(
        &mut self,
        method: &str,
        value: &'a Value,
        item: &PathItem<'a>,
    ) -> Result<Operation, Fault> {
        let path = format!("{}.{method}", item.path);
        check_count(self.operations.len(), &path)?;
        if !value.is_object() {
            return Err(Fault::at(path, "Expected an operation, which is an object."));
        }
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        let (parameters, body_consumes) = self.parameters(value, item, &path)?;
        let consumes = body_consumes.or_else(|| media(value, "consumes"));
        let (responses, response_produces) = self.responses(value, &path)?;
        let produces = response_produces.or_else(|| media(value, "produces"));
        let notification = match value.get("x-ms-notification-content") {
            Some(content) => self.notification(content, &path)?,
            None => item.notification,
        };
        Ok(Operation {
            id: self.id(method, value, item, &path)?,
            method: Str::from(method.to_ascii_uppercase()),
            path: item.template.clone(),
            service: self.service_of(value).or_else(|| self.service_of(item.value)),
            summary: text("summary").to_owned(),
            description: text("description").to_owned(),
            visibility: Visibility::of(value),
            is_deprecated: is_true(value, "deprecated"),
            trigger: trigger(value, &path)?,
            trigger_hint: value.get("x-ms-trigger-hint").and_then(Value::as_str).map(str::to_owned),
            notification,
            pageable: pageable(value),
            capabilities: value.get("x-ms-capabilities").cloned(),
            consumes: consumes.unwrap_or_else(|| self.consumes.clone()),
            produces: produces.unwrap_or_else(|| self.produces.clone()),
            parameters,
            responses,
            schemas: Arc::clone(&self.unfinished),
        })
    }

    /// The service that an operation or a path of OpenAPI 3 names for itself.
    fn service_of(&self, value: &Value) -> Option<Service> {
        let is_new = self.version == Version::OpenApi3;
        is_new.then(|| document::server(value, self.service.as_ref())).flatten()
    }

    /// The operation's id. One that has none gets one from its method and path, as API
    /// gateways give them; two of the same id could not be told apart.
    fn id(
        &mut self,
        method: &str,
        value: &Value,
        item: &PathItem<'a>,
        path: &str,
    ) -> Result<Str, Fault> {
        let said = value.get("operationId").and_then(Value::as_str).map(str::trim);
        let id = match said.filter(|it| !it.is_empty()) {
            Some(id) => id.to_owned(),
            None => made_id(method, item.template.as_str()),
        };
        match self.ids.insert(id.to_lowercase(), path.to_owned()) {
            None => Ok(Str::from(id)),
            Some(first) => {
                let message = format!("The operation id '{id}' is also that of {first}.");
                Err(Fault::at(format!("{path}.operationId"), message))
            }
        }
    }

    /// The parameters of an operation, and what its body may be where the body says so itself.
    fn parameters(
        &mut self,
        value: &'a Value,
        item: &PathItem<'a>,
        path: &str,
    ) -> Result<(Vec<OperationParameter>, Option<Vec<String>>), Fault> {
        let mut parameters: Vec<OperationParameter> = Vec::new();
        let own = list(value, "parameters").iter().map(|it| (it, path));
        let shared = list(item.value, "parameters").iter().map(|it| (it, item.path.as_str()));
        let mut known = HashSet::new();
        for (at, (value, path)) in own.chain(shared).enumerate() {
            let path = format!("{path}.parameters[{at}]");
            if at >= OPERATION_PARAMETERS_MAX {
                let message = format!("More than {OPERATION_PARAMETERS_MAX} parameters.");
                return Err(Fault::at(path, message));
            }
            let value = self.resolver.follow(value, &path)?.value;
            let parameter = self.parameter(value, &path)?;
            // what the operation says of a parameter counts, not what its path says
            if known.insert((parameter.name.clone(), parameter.location)) {
                parameters.push(parameter);
            }
        }
        let mut consumes = None;
        if let Some(body) = value.get("requestBody") {
            let path = format!("{path}.requestBody");
            let body = self.resolver.follow(body, &path)?.value;
            let (from_body, said) = form::request_body(self, body, &path)?;
            parameters.extend(from_body);
            consumes = Some(said);
        }
        for name in item.template.names() {
            self.add_undeclared(name, &mut parameters, path)?;
        }
        check_bodies(&parameters, path)?;
        Ok((parameters, consumes))
    }

    /// A name in the path that no parameter declares is a text.
    fn add_undeclared(
        &mut self,
        name: &str,
        parameters: &mut Vec<OperationParameter>,
        path: &str,
    ) -> Result<(), Fault> {
        let is_it = |it: &OperationParameter| {
            it.location == Location::Path && expr::value::eq_ignore_case(&it.name, name)
        };
        if parameters.iter().any(is_it) {
            return Ok(());
        }
        let schema = self.schemas.add(Schema::of_kind(SchemaKind::String), path)?;
        parameters.push(OperationParameter {
            is_required: true,
            ..simple(Str::from(name), Location::Path, schema)
        });
        Ok(())
    }

    fn parameter(&mut self, value: &'a Value, path: &str) -> Result<OperationParameter, Fault> {
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let Some(name) = text("name") else {
            return Err(Fault::at(format!("{path}.name"), "The parameter has no name."));
        };
        let said = text("in").unwrap_or_default();
        let location = match said.to_ascii_lowercase().as_str() {
            "path" => Location::Path,
            "query" => Location::Query,
            "header" => Location::Header,
            "cookie" if self.version == Version::OpenApi3 => Location::Cookie,
            "formdata" => Location::Form,
            "body" => Location::Body,
            _ => {
                let places = match self.version {
                    Version::Swagger2 => "path, query, header, formData or body",
                    Version::OpenApi3 => "path, query, header or cookie",
                };
                let message = format!("The parameter '{name}' is in '{said}'; expected {places}.");
                return Err(Fault::at(format!("{path}.in"), message));
            }
        };
        let content = object(value, "content").and_then(|it| it.values().next());
        let schema = value.get("schema").or_else(|| content?.get("schema"));
        let (schema, collection) = match schema {
            Some(schema) => (
                self.schemas.read(schema, &format!("{path}.schema"))?,
                if self.version == Version::OpenApi3 {
                    style(value, location)
                } else {
                    collection(value)
                },
            ),
            // the parameter of Swagger 2.0 is its own schema
            None => (self.schemas.read(value, path)?, collection(value)),
        };
        let can_repeat = matches!(location, Location::Query | Location::Form);
        let collection = match collection {
            Collection::Multi | Collection::Deep if !can_repeat => Collection::Comma,
            other => other,
        };
        Ok(OperationParameter {
            is_required: is_true(value, "required") || location == Location::Path,
            collection,
            is_double_encoded: text("x-ms-url-encoding") == Some("double"),
            summary: text("x-ms-summary").map(Box::from),
            description: text("description").map(Box::from),
            visibility: Visibility::of(value),
            dynamic: Dynamic::of(value),
            is_notification_url: is_true(value, "x-ms-notification-url"),
            ..simple(Str::from(name), location, schema)
        })
    }

    fn responses(
        &mut self,
        value: &'a Value,
        path: &str,
    ) -> Result<(Vec<Response>, Option<Vec<String>>), Fault> {
        let mut responses = Vec::new();
        let mut produces: Option<Vec<String>> = None;
        for (status, value) in object(value, "responses").into_iter().flatten() {
            if status.starts_with("x-") {
                continue;
            }
            let path = format!("{path}.responses.{status}");
            let value = self.resolver.follow(value, &path)?.value;
            let content = object(value, "content");
            let chosen = content.and_then(form::chosen);
            let schema = value.get("schema").or_else(|| chosen?.1.get("schema"));
            let schema =
                schema.map(|it| self.schemas.read(it, &format!("{path}.schema"))).transpose()?;
            if let Some((_, content)) = content.filter(|_| status.starts_with('2')).zip(content) {
                produces.get_or_insert_default().extend(content.keys().cloned());
            }
            let mut headers = Vec::new();
            for (name, header) in object(value, "headers").into_iter().flatten() {
                let path = format!("{path}.headers.{name}");
                let header = self.resolver.follow(header, &path)?.value;
                let said = header.get("schema").unwrap_or(header);
                headers.push((name.clone(), self.schemas.read(said, &path)?));
            }
            let text = value.get("description").and_then(Value::as_str).unwrap_or_default();
            responses.push(Response {
                status: status_of(status),
                description: text.to_owned(),
                schema,
                headers,
                example: example(value, chosen.map(|it| it.1)),
            });
        }
        Ok((responses, produces))
    }
}

/// A parameter of which nothing is said but where it goes.
pub(super) fn simple(name: Str, location: Location, schema: SchemaId) -> OperationParameter {
    OperationParameter {
        name,
        location,
        is_required: false,
        schema,
        collection: Collection::Comma,
        is_double_encoded: false,
        summary: None,
        description: None,
        visibility: Visibility::Normal,
        dynamic: None,
        is_notification_url: false,
    }
}

fn check_bodies(parameters: &[OperationParameter], path: &str) -> Result<(), Fault> {
    let count = |location: Location| parameters.iter().filter(|it| it.location == location).count();
    let message = match (count(Location::Body), count(Location::Form)) {
        (0, _) | (1, 0) => return Ok(()),
        (1, _) => "The operation has both a body and fields of a form.".to_owned(),
        (bodies, _) => format!("The operation has {bodies} bodies; expected at most one."),
    };
    Err(Fault::at(format!("{path}.parameters"), message))
}

fn trigger(value: &Value, path: &str) -> Result<Option<TriggerKind>, Fault> {
    match value.get("x-ms-trigger").and_then(Value::as_str) {
        None | Some("") => Ok(None),
        Some(kind) if kind.eq_ignore_ascii_case("single") => Ok(Some(TriggerKind::Single)),
        Some(kind) if kind.eq_ignore_ascii_case("batch") => Ok(Some(TriggerKind::Batch)),
        Some(other) => {
            let message = format!("The trigger is '{other}'; expected 'single' or 'batch'.");
            Err(Fault::at(format!("{path}['x-ms-trigger']"), message))
        }
    }
}

fn pageable(value: &Value) -> Option<Pageable> {
    let pageable = value.get("x-ms-pageable").filter(|it| it.is_object())?;
    let text = |name: &str| {
        let said = pageable.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
        said.map(str::to_owned)
    };
    Some(Pageable { next_link: text("nextLinkName"), items: text("itemName") })
}

/// An example of a whole answer.
fn example(value: &Value, content: Option<&Value>) -> Option<Value> {
    let of_content = content.and_then(|content| {
        let named = object(content, "examples").and_then(|it| it.values().next());
        content.get("example").or_else(|| named?.get("value"))
    });
    let by_media = object(value, "examples").and_then(form::chosen).map(|it| it.1);
    of_content.or(by_media).cloned()
}

fn status_of(text: &str) -> Option<u16> {
    let text = text.to_ascii_uppercase();
    // `2XX` is a range of OpenAPI 3
    text.replace('X', "0").parse().ok()
}

fn media(value: &Value, name: &str) -> Option<Vec<String>> {
    let all = list(value, name).iter().filter_map(Value::as_str).map(str::trim);
    let all: Vec<String> = all.filter(|it| !it.is_empty()).map(str::to_owned).collect();
    (!all.is_empty()).then_some(all)
}

fn collection(value: &Value) -> Collection {
    match value.get("collectionFormat").and_then(Value::as_str) {
        Some("ssv") => Collection::Space,
        Some("tsv") => Collection::Tab,
        Some("pipes") => Collection::Pipe,
        Some("multi") => Collection::Multi,
        _ => Collection::Comma,
    }
}

fn style(value: &Value, location: Location) -> Collection {
    let explode = value.get("explode").and_then(Value::as_bool);
    match value.get("style").and_then(Value::as_str) {
        Some("spaceDelimited") => Collection::Space,
        Some("pipeDelimited") => Collection::Pipe,
        Some("deepObject") => Collection::Deep,
        None | Some("form") if location == Location::Query && explode != Some(false) => {
            Collection::Multi
        }
        _ => Collection::Comma,
    }
}

fn made_id(method: &str, path: &str) -> String {
    let mut id = method.to_ascii_lowercase();
    for word in path.split(|it: char| !it.is_alphanumeric()).filter(|it| !it.is_empty()) {
        id.push('-');
        id.push_str(word);
    }
    id
}
