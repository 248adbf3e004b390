//! The operations of the two administrators' connectors, in one table: what their surface
//! matches requests with, and their documents are made of. Keys of parameters are those of the
//! documentation pages "Power Automate Management" and "Power Automate for Admins".

mod schema;

use super::builtin::{ADMINS, MANAGEMENT};
use serde_json::{Map, Value, json};

/// An operation.
#[derive(Clone, Copy, Debug)]
pub struct Managed {
    pub method: &'static str,
    /// Without a slash at its begin.
    pub path: &'static str,
    pub id: &'static str,
    query: &'static [(&'static str, &'static str)],
    body: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    None,
    Flow,
    Connection,
    /// `{put, delete}`.
    Principals,
}

const fn operation(method: &'static str, path: &'static str, id: &'static str) -> Managed {
    Managed { method, path, id, query: &[], body: Content::None }
}

const fn with(operation: Managed, body: Content) -> Managed {
    Managed { body, ..operation }
}

const fn asking(operation: Managed, query: &'static [(&'static str, &'static str)]) -> Managed {
    Managed { query, ..operation }
}

const ENVIRONMENT: &[(&str, &str)] = &[("environmentName", "string")];
const VERSION: &[(&str, &str)] = &[("api-version", "string")];
const LISTED: &[(&str, &str)] = &[
    ("$top", "integer"),
    ("expandSuspensionInfo", "boolean"),
    ("includeSoftDeletedFlows", "boolean"),
];

macro_rules! flow {
    ($rest:literal) => {
        concat!("environments/{environmentName}/flows/{flowName}", $rest)
    };
}
macro_rules! scope {
    ($rest:literal) => {
        concat!("scopes/admin/environments/{environmentName}", $rest)
    };
}
macro_rules! admin {
    ($rest:literal) => {
        concat!("providers/Microsoft.ProcessSimple/scopes/admin/", $rest)
    };
}

const OF_MANAGEMENT: &[Managed] = &[
    operation("GET", "environments", "ListUserEnvironments"),
    asking(operation("GET", "apis", "ListApis"), ENVIRONMENT),
    asking(operation("GET", "apis/{apiName}", "GetApi"), ENVIRONMENT),
    asking(operation("GET", "connections", "ListConnections"), ENVIRONMENT),
    asking(
        with(
            operation("POST", "apis/{apiName}/connections", "CreateConnection"),
            Content::Connection,
        ),
        ENVIRONMENT,
    ),
    operation("GET", "environments/{environmentName}/flows", "ListMyFlows"),
    with(operation("POST", "environments/{environmentName}/flows", "CreateFlow"), Content::Flow),
    operation("GET", flow!(""), "GetFlow"),
    with(operation("PATCH", flow!(""), "UpdateFlow"), Content::Flow),
    operation("DELETE", flow!(""), "DeleteFlow"),
    operation("POST", flow!("/start"), "StartFlow"),
    operation("POST", flow!("/stop"), "StopFlow"),
    operation("GET", flow!("/owners"), "ListFlowOwners"),
    with(operation("POST", flow!("/modifyOwners"), "ModifyFlowOwners"), Content::Principals),
    operation("GET", flow!("/users"), "ListFlowUsers"),
    with(operation("POST", flow!("/modifyUsers"), "ModifyRunOnlyUsers"), Content::Principals),
    operation("POST", flow!("/runs/{runId}/cancel"), "CancelFlowRun"),
    operation("POST", flow!("/triggers/{triggerName}/histories/{runId}/resubmit"), "ResubmitFlow"),
    operation("POST", flow!("/listCallbackUrl"), "ListCallbackUrl"),
    asking(operation("GET", scope!("/flows"), "ListFlowsInEnvironment"), &[("$top", "integer")]),
    asking(operation("GET", scope!("/v2/flows"), "ListFlowsInEnvironment_V2"), LISTED),
    asking(
        operation("GET", scope!("/flows/{flowName}"), "AdminGetFlow"),
        &[("includeFlowDefinition", "boolean")],
    ),
    with(
        operation("POST", scope!("/flows/{flowName}/modifyOwners"), "AdminModifyFlowOwners"),
        Content::Principals,
    ),
    operation("POST", scope!("/flows/{flowName}/restore"), "AdminRestoreFlow"),
];

const OF_ADMINS: &[Managed] = &[
    asking(
        operation(
            "POST",
            admin!("environments/{environment}/flows/{flow}/start"),
            "Enable-AdminFlow",
        ),
        VERSION,
    ),
    asking(
        operation(
            "POST",
            admin!("environments/{environment}/flows/{flow}/stop"),
            "Disable-AdminFlow",
        ),
        VERSION,
    ),
    asking(
        operation(
            "GET",
            admin!("environments/{environment}/flows/{flow}/permissions"),
            "Get-AdminFlowOwnerRole",
        ),
        VERSION,
    ),
    asking(
        with(
            operation(
                "POST",
                admin!("environments/{environment}/flows/{flow}/modifyPermissions"),
                "Edit-AdminFlowOwnerRole",
            ),
            Content::Principals,
        ),
        VERSION,
    ),
    asking(
        operation("DELETE", admin!("environments/{environment}/flows/{flow}"), "Remove-AdminFlow"),
        VERSION,
    ),
    asking(operation("GET", admin!("users/{userId}"), "Get-AdminFlowUserDetails"), VERSION),
    asking(operation("DELETE", admin!("users/{userId}"), "Remove-AdminFlowUserDetails"), VERSION),
];

/// The operations of one of them; nothing for other connectors.
#[must_use]
pub fn operations(connector: &str) -> &'static [Managed] {
    match connector {
        MANAGEMENT => OF_MANAGEMENT,
        ADMINS => OF_ADMINS,
        _ => &[],
    }
}

impl Managed {
    /// Whether a path is one of it, its segments in lower case.
    #[must_use]
    pub fn is_at(&self, given: &[String]) -> bool {
        let mut wanted = self.path.split('/');
        let mut given = given.iter();
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(wanted), Some(given))
                    if wanted.starts_with('{') || wanted.eq_ignore_ascii_case(given) => {}
                _ => return false,
            }
        }
    }

    fn document(&self) -> Value {
        let names = self.path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'));
        let mut parameters: Vec<Value> = names
            .map(|name| json!({"name": name, "in": "path", "required": true, "type": "string"}))
            .collect();
        for (name, kind) in self.query {
            let mut parameter = json!({"name": name, "in": "query", "type": kind});
            if *name == "environmentName" {
                parameter["required"] = json!(true);
            }
            if *name == "api-version" {
                parameter["default"] = json!("2016-11-01");
            }
            parameters.push(parameter);
        }
        if self.id == "Edit-AdminFlowOwnerRole" {
            parameters.push(json!({
                "name": "Content-Type", "in": "header", "type": "string", "default": "application/json"
            }));
        }
        parameters.extend(self.body_parameter());
        json!({
            "operationId": self.id,
            "parameters": parameters,
            "responses": {"200": schema::response(self.id)}
        })
    }

    fn body_parameter(&self) -> Option<Value> {
        let (name, schema) = match self.body {
            Content::None => return None,
            Content::Flow => ("Flow", flow()),
            Content::Connection => ("connection", json!({"type": "object"})),
            Content::Principals => (
                "body",
                json!({"type": "object", "properties": {
                    "put": {"type": "array", "items": permission()},
                    "delete": {"type": "array", "items": permission()}
                }}),
            ),
        };
        // what a connector's connections need is told apart by the connector
        let is_required = self.body != Content::Connection;
        Some(json!({"name": name, "in": "body", "required": is_required, "schema": schema}))
    }
}

/// Who gets a part of a flow, or is to lose it. Definitions write it flat
/// (`properties/principal/id`), which needs its places to be known.
fn permission() -> Value {
    let text = || json!({"type": "string"});
    let open = |properties: Value| json!({"type": "object", "additionalProperties": true, "properties": properties});
    let principal =
        open(json!({"id": text(), "email": text(), "displayName": text(), "type": text()}));
    let properties = open(json!({"roleName": text(), "principal": principal}));
    open(json!({"id": text(), "properties": properties}))
}

/// A flow as both operations want it: references come as a list or by key.
fn flow() -> Value {
    let text = || json!({"type": "string"});
    json!({"type": "object", "required": ["properties"], "properties": {
        "name": text(),
        "properties": {
            "type": "object",
            "required": ["displayName", "state"],
            "properties": {
                "displayName": text(), "state": text(),
                "definition": {"type": "object"}, "connectionReferences": {},
                "templateName": text(), "flowTriggerUri": text(), "installationStatus": text(),
                "createdTime": text(), "lastModifiedTime": text(),
                "creator": {
                    "type": "object",
                    "required": ["tenantId", "userId", "userType"],
                    "properties": {
                        "tenantId": text(), "objectId": text(), "userId": text(),
                        "userType": text()
                    }
                },
                "definitionSummary": {"type": "object"}
            }
        }
    }})
}

/// The document of one of them.
#[must_use]
pub fn document(connector: &str, title: &str, description: &str) -> String {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations(connector) {
        let path = paths.entry(format!("/{}", operation.path)).or_insert_with(|| json!({}));
        path[operation.method.to_lowercase()] = operation.document();
    }
    let place = |service: &str| json!({"service": service, "class": "Standard", "regions": format!("All {service} regions")});
    let (capabilities, metadata, places) = match connector {
        MANAGEMENT => (
            json!({"testConnection": {"operationId": "ListUserEnvironments", "parameters": {}}}),
            json!([{"propertyName": "Website", "propertyValue": "https://make.powerautomate.com/"}]),
            json!([
                {"service": "Copilot Studio", "class": "Standard", "regions": "All Power Automate regions"},
                place("Power Apps"),
                place("Power Automate"),
            ]),
        ),
        // each of its operations is of somebody, or of a flow
        _ => (json!({}), json!([]), json!([place("Power Automate"), place("Power Apps")])),
    };
    json!({
        "swagger": "2.0",
        "info": {
            "title": title,
            "description": description,
            "version": "1.0",
            "contact": {"name": "Microsoft", "url": "https://powerautomate.microsoft.com/support/"},
        },
        "x-ms-connector-metadata": metadata,
        "x-ms-capabilities": capabilities,
        "x-availability": places,
        "paths": paths,
        "definitions": schema::definitions(operations(connector).iter().map(|it| it.id)),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::connector::definition::Document;

    #[test]
    fn both_documents_say_every_operation() {
        for (name, count) in [(MANAGEMENT, 24), (ADMINS, 7)] {
            let read = Document::read(&document(name, "T", "")).expect("a document");
            assert_eq!(read.operations.len(), count);
            for operation in operations(name) {
                let known = read.operation(operation.id).expect("the operation");
                assert_eq!(known.method.as_str(), operation.method);
                let has_body = known.success().is_some_and(|it| it.schema.is_some());
                assert_eq!(has_body, schema::response(operation.id).get("schema").is_some());
            }
        }
    }
}
