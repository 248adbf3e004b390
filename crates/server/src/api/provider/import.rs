//! Import of packages: what one asks for, whether it could be imported, and doing it. What
//! takes time elsewhere is done at once here; clients still ask for its result at an address.

use super::field::missing;
use super::{Answered, Asked, ok, storage};
use crate::app::access::id_to_guid;
use crate::app::import::{Choices, FlowChoice, Imported};
use crate::app::{AppError, ErrorKind};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use flow::package::{Details, Package};
use serde::Deserialize;
use serde_json::{Map, Value, json};

const FLOWS: &str = "/providers/Microsoft.Flow/flows";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    package_link: Link,
    #[serde(default)]
    details: Value,
    #[serde(default)]
    resources: Map<String, Value>,
}

#[derive(Deserialize)]
struct Link {
    value: String,
}

async fn package_of(asked: &Asked, environment: &str, given: &Given) -> Result<Vec<u8>, AppError> {
    let address = storage::parse(&given.package_link.value)?;
    asked.app.uploaded(&asked.caller, environment, &address).await
}

/// What a package holds, and what there is to choose.
pub async fn list_parameters(asked: &Asked, environment: &str) -> Answered {
    let given: Given = asked.json()?;
    let bytes = package_of(asked, environment, &given).await?;
    let package = asked.app.inspect_package(&asked.caller, environment, bytes).await?;
    let result = json!({
        "status": "Succeeded",
        "packageLink": {"value": given.package_link.value},
        "details": details(&package.details),
        "resources": resources(asked, environment, &package).await?,
    });
    accepted(asked, environment, result).await
}

fn details(details: &Details) -> Value {
    json!({
        "displayName": details.display_name,
        "description": details.description,
        "creator": details.creator,
        "sourceEnvironment": details.source_environment,
        "createdTime": details.created_time,
        "packageTelemetryId": details.telemetry_id,
    })
}

async fn resources(
    asked: &Asked,
    environment: &str,
    package: &Package,
) -> Result<Map<String, Value>, AppError> {
    let mut resources = Map::new();
    for flow in &package.flows {
        let known = asked.app.updated_by(&asked.caller, environment, flow).await?;
        let depends: Vec<&String> =
            flow.connectors.values().chain(flow.connections.values()).collect();
        let mut entry = json!({
            "name": flow.name,
            "type": "Microsoft.Flow/flows",
            "creationType": "Existing, New, Update",
            "suggestedCreationType": if known.is_some() { "Update" } else { "New" },
            "details": {"displayName": flow.display_name},
            "configurableBy": "User",
            "hierarchy": "Root",
            "dependsOn": depends,
        });
        if let Some(name) = known {
            entry["suggestedId"] = json!(format!("{FLOWS}/{name}"));
        }
        resources.insert(flow.key.clone(), entry);
    }
    for connector in &package.connectors {
        let name = connector.id.as_deref().and_then(|id| id.rsplit('/').next());
        resources.insert(
            connector.key.clone(),
            json!({
                "id": connector.id,
                "name": name,
                "type": "Microsoft.PowerApps/apis",
                "suggestedCreationType": "Existing",
                "details": {"displayName": connector.display_name, "iconUri": connector.icon},
                "configurableBy": "System",
                "hierarchy": "Child",
                "dependsOn": [],
            }),
        );
    }
    for connection in &package.connections {
        resources.insert(
            connection.key.clone(),
            json!({
                "type": "Microsoft.PowerApps/apis/connections",
                "creationType": "Existing",
                "suggestedCreationType": "Existing",
                "details": {"displayName": connection.display_name, "iconUri": connection.icon},
                "configurableBy": "User",
                "hierarchy": "Child",
                "dependsOn": connection.connector.iter().collect::<Vec<_>>(),
            }),
        );
    }
    Ok(resources)
}

/// What the caller has chosen for each part of a package.
fn choices(resources: &Map<String, Value>) -> Result<Choices, AppError> {
    let mut choices = Choices::default();
    for (key, resource) in resources {
        let text = |pointer: &str| resource.pointer(pointer).and_then(Value::as_str);
        let need = |name: &str| {
            text(&format!("/{name}"))
                .ok_or_else(|| missing(&format!("$.resources['{key}'].{name}")))
        };
        let last = |id: &str| id.rsplit('/').next().unwrap_or_default().to_owned();
        let kind = text("/type").unwrap_or_default().to_lowercase();
        let (is_flow, is_connection) =
            (kind == "microsoft.flow/flows", kind == "microsoft.powerapps/apis/connections");
        if !is_flow && !is_connection {
            continue;
        }
        let choice = need("selectedCreationType")?;
        match (is_flow, choice.to_lowercase().as_str()) {
            (true, "new") => {
                let display_name = text("/details/displayName").map(str::to_owned);
                let choice = FlowChoice::New { name: None, display_name };
                choices.flows.insert(key.clone(), choice);
            }
            (true, "update" | "existing") => {
                let choice = FlowChoice::Update { flow: last(need("id")?) };
                choices.flows.insert(key.clone(), choice);
            }
            (false, "existing") => {
                choices.connections.insert(key.clone(), last(need("id")?));
            }
            _ => {
                let expected = if is_flow { "'New' or 'Update'" } else { "'Existing'" };
                let shown: String = choice.chars().take(32).collect();
                let message = format!(
                    "$.resources['{key}'].selectedCreationType is '{shown}', expected {expected}."
                );
                return Err(AppError::invalid("InvalidCreationType", message));
            }
        }
    }
    if choices.flows.is_empty() {
        return Err(missing("$.resources of type 'Microsoft.Flow/flows'"));
    }
    Ok(choices)
}

/// Whether it is the package, or what was chosen, that is at fault: that is a result.
fn is_result(error: &AppError) -> bool {
    matches!(error.kind, ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Conflict)
}

/// The same resources with what is said of each; of the flows, what went wrong.
fn noted(given: &Given, fault: Option<&AppError>) -> Value {
    let mut resources = given.resources.clone();
    for resource in resources.values_mut().filter_map(Value::as_object_mut) {
        let kind = resource.get("type").and_then(Value::as_str).unwrap_or_default();
        let is_flow = kind.eq_ignore_ascii_case("Microsoft.Flow/flows");
        let fault = fault.filter(|_| is_flow);
        let status = if fault.is_some() { "Failed" } else { "Succeeded" };
        resource.insert("status".to_owned(), json!(status));
        if let Some(fault) = fault {
            let error = json!({"code": fault.code, "message": fault.message});
            resource.insert("error".to_owned(), error);
        }
    }
    let mut result = json!({
        "status": if fault.is_some() { "Failed" } else { "Succeeded" },
        "packageLink": {"value": given.package_link.value},
        "details": given.details,
        "resources": resources,
    });
    if let Some(fault) = fault {
        result["errors"] = json!([{"code": fault.code, "message": fault.message}]);
    }
    result
}

/// Whether a package could be imported as it was chosen.
pub async fn validate(asked: &Asked, environment: &str) -> Answered {
    let given: Given = asked.json()?;
    let bytes = package_of(asked, environment, &given).await?;
    let choices = choices(&given.resources)?;
    match asked.app.check_import(&asked.caller, environment, bytes, &choices).await {
        Ok(()) => ok(noted(&given, None)),
        Err(error) if is_result(&error) => ok(noted(&given, Some(&error))),
        Err(error) => Err(error),
    }
}

/// Imports a package; the result is at the address that is answered.
pub async fn run(asked: &Asked, environment: &str) -> Answered {
    let given: Given = asked.json()?;
    let bytes = package_of(asked, environment, &given).await?;
    let choices = choices(&given.resources)?;
    let done = asked.app.import_package(&asked.caller, environment, bytes, &choices).await;
    let result = match &done {
        Ok((_, imported)) => {
            let mut result = noted(&given, None);
            for Imported { key, view, .. } in imported {
                let name = id_to_guid(&view.entry.row.id);
                result["resources"][key]["id"] = json!(format!("{FLOWS}/{name}"));
                result["resources"][key]["name"] = json!(name);
            }
            result
        }
        Err(error) if is_result(error) => noted(&given, Some(error)),
        Err(_) => return done.map(|_| StatusCode::OK.into_response()),
    };
    accepted(asked, environment, result).await
}

/// 202 with the address of a result.
async fn accepted(asked: &Asked, environment: &str, result: Value) -> Answered {
    let id = asked.app.keep_packaging(&asked.caller, environment, result).await?;
    let location = format!("{}{}?api-version=2016-11-01", asked.base, path(environment, &id));
    let mut response = StatusCode::ACCEPTED.into_response();
    let headers = response.headers_mut();
    let location = HeaderValue::from_str(&location).map_err(AppError::internal)?;
    headers.insert(header::LOCATION, location);
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    Ok(response)
}

fn path(environment: &str, id: &str) -> String {
    let environment =
        percent_encoding::utf8_percent_encode(environment, percent_encoding::NON_ALPHANUMERIC);
    format!(
        "/providers/Microsoft.BusinessAppPlatform/environments/{environment}/packagingOperations/{id}"
    )
}

/// A result.
pub async fn operation(asked: &Asked, environment: &str, id: &str) -> Answered {
    let result = asked.app.packaging(&asked.caller, environment, id).await?;
    Ok(Json(json!({
        "name": id,
        "id": path(environment, id),
        "type": "Microsoft.BusinessAppPlatform/environments/packagingOperations",
        "properties": result,
    }))
    .into_response())
}
