//! Packages: export, with the address under which the zip is fetched, and what else there
//! is below an environment.

use super::{Answered, Asked, import, ok, storage};
use crate::api::ApiState;
use crate::api::error::ApiError;
use crate::app::access::{FlowAt, Scope};
use crate::app::catalog::FlowEntry;
use crate::app::package::{Export, ExportDetails};
use crate::app::{AppError, ErrorKind};
use crate::auth::signature;
use crate::clock::SECOND;
use crate::limits::PACKAGE_LINK_HOURS;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flow::package::{Resource, ResourceKind};
use flow::run::format_time;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Flows whose resources one call lists.
const FLOWS_MAX: usize = 50;

/// What is below an environment of `Microsoft.BusinessAppPlatform`.
pub async fn answer(asked: &Asked, environment: &str, path: &[&str]) -> Answered {
    if let ["packagingoperations", _] = path {
        asked.expect(&Method::GET)?;
        return import::operation(asked, environment, asked.last_segment(0)).await;
    }
    asked.expect(&Method::POST)?;
    match path {
        ["listpackageresources"] => list_resources(asked, environment).await,
        ["exportpackage"] => export(asked, environment).await,
        ["generateresourcestorage"] => storage::new(asked, environment).await,
        ["listimportparameters"] => import::list_parameters(asked, environment).await,
        ["validateimportpackage"] => import::validate(asked, environment).await,
        ["importpackage"] => import::run(asked, environment).await,
        _ => Err(asked.no_such_path()),
    }
}

/// The flow of `/providers/Microsoft.Flow/flows/{flow}`.
fn flow_of(resource: &str) -> Result<&str, AppError> {
    let (kind, name) = resource.rsplit_once('/').unwrap_or(("", resource));
    if kind.to_lowercase().ends_with("/microsoft.flow/flows") {
        return Ok(name);
    }
    let message =
        format!("'{resource}' is no flow, expected '/providers/Microsoft.Flow/flows/NAME'.");
    Err(AppError::invalid("InvalidResourceId", message))
}

/// What resources are called between the calls of an export.
fn handle(resource: &Resource) -> String {
    STANDARD.encode(resource.id.to_uppercase())
}

async fn list_resources(asked: &Asked, environment: &str) -> Answered {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Given {
        base_resource_ids: Vec<String>,
    }
    let given: Given = asked.json()?;
    if given.base_resource_ids.is_empty() || given.base_resource_ids.len() > FLOWS_MAX {
        let message = format!("'baseResourceIds' names no flow, or more than {FLOWS_MAX}.");
        return Err(AppError::invalid("InvalidResourceId", message));
    }
    let mut resources = Map::new();
    for id in &given.base_resource_ids {
        let at = FlowAt { environment, name: flow_of(id)?, scope: Scope::Mine };
        let found = asked.app.package_resources(&asked.caller, at).await?;
        for resource in &found {
            resources.insert(handle(resource), listed(resource, &found));
        }
    }
    ok(json!({
        "status": "Succeeded",
        "baseResourceIds": given.base_resource_ids,
        "resources": resources,
    }))
}

fn listed(resource: &Resource, all: &[Resource]) -> Value {
    let mut entry = Map::new();
    entry.insert("id".to_owned(), json!(resource.id));
    entry.insert("name".to_owned(), json!(resource.name()));
    entry.extend(resource.entry(|at| handle(&all[at])));
    // the caller says what is suggested
    entry.remove("suggestedCreationType");
    entry.into()
}

async fn export(asked: &Asked, environment: &str) -> Answered {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Given {
        included_resource_ids: Vec<String>,
        #[serde(default)]
        details: ExportDetails,
    }
    let given: Given = asked.json()?;
    let [id] = given.included_resource_ids.as_slice() else {
        let message = "'includedResourceIds' names no flow, or several: expected one.";
        return Err(AppError::invalid("InvalidResourceId", message));
    };
    let at = FlowAt { environment, name: flow_of(id)?, scope: Scope::Mine };
    let found = asked.app.package_resources(&asked.caller, at).await?;
    let (flow, export) = asked.app.export_package(&asked.caller, at, given.details).await?;
    let mut resources = Map::new();
    for resource in &found {
        let mut entry = resource.entry(|at| found[at].key.clone());
        entry.insert("id".to_owned(), json!(resource.id));
        entry.insert("name".to_owned(), json!(resource.name()));
        let is_flow = resource.kind == ResourceKind::Flow;
        entry.insert("status".to_owned(), json!("Succeeded"));
        entry.insert(
            "suggestedCreationType".to_owned(),
            json!(if is_flow { "Update" } else { "Existing" }),
        );
        resources.insert(resource.key.clone(), entry.into());
    }
    ok(json!({
        "status": "Succeeded",
        "details": details(&export),
        "packageLink": {"value": link(asked, &flow.entry, &export)?},
        "resources": resources,
    }))
}

fn details(export: &Export) -> Value {
    json!({
        "displayName": export.display_name,
        "description": export.description,
        "creator": export.creator,
        "sourceEnvironment": export.source_environment,
        "createdTime": export.created_time,
        "packageTelemetryId": export.telemetry_id,
    })
}

/// `{name}_{yyyymmddhhmmss}.zip`, in letters that every address and file system takes.
pub fn file_name(export: &Export) -> String {
    const CHARACTERS_MAX: usize = 64;
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name: String = export.display_name.chars().filter(plain).take(CHARACTERS_MAX).collect();
    let name = if name.is_empty() { "flow" } else { &name };
    let digits = export.created_time.chars().filter(char::is_ascii_digit);
    format!("{name}_{}.zip", digits.take("yyyymmddhhmmss".len()).collect::<String>())
}

/// What is signed: the path that may be read, until when, and what the package says.
fn permission(path: &str, expires: &str, export: &str) -> String {
    format!("{path}/read\n{expires}\n{export}")
}

/// The address of an export: the package is made when it is read.
fn link(asked: &Asked, entry: &FlowEntry, export: &Export) -> Result<String, AppError> {
    let path = format!("/packages/{}", file_name(export));
    let said = serde_json::to_vec(export).map_err(AppError::internal)?;
    let said = URL_SAFE_NO_PAD.encode(said);
    let expires = format_time(asked.app.engine.clock.now() + PACKAGE_LINK_HOURS * 3_600 * SECOND);
    let signature = entry.keys[0].sign(&entry.row.id, &permission(&path, &expires, &said));
    let id = &entry.row.id;
    Ok(format!(
        "{}/workflows/{id}{path}?sv={}&se={}&sp=r&export={said}&sig={signature}",
        asked.base,
        signature::VERSION,
        utf8_percent_encode(&expires, NON_ALPHANUMERIC),
    ))
}

/// A path below `/workflows` that is a package and no trigger: the flow, and the rest.
pub fn parse(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/workflows/")?;
    let (flow, file) = rest.split_once("/packages/")?;
    let is_package = !flow.contains('/') && !file.contains('/') && file.ends_with(".zip");
    is_package.then(|| (flow, &rest[flow.len()..]))
}

/// A package at its address.
pub async fn read(state: &ApiState, parts: &Parts, flow: &str, path: &str) -> Response {
    match try_read(state, parts, flow, path).await {
        Ok(response) => response,
        Err(error) => ApiError(error).into_response(),
    }
}

async fn try_read(
    state: &ApiState,
    parts: &Parts,
    flow: &str,
    path: &str,
) -> Result<Response, AppError> {
    if parts.method != Method::GET {
        let message = format!("A package cannot be called with {}.", parts.method);
        return Err(AppError::new(ErrorKind::BadMethod, "MethodNotAllowed", message));
    }
    let query = parts.uri.query().unwrap_or_default();
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let given = |name: &str| {
        query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    };
    let denied =
        |message: &str| AppError::new(ErrorKind::Forbidden, "AuthorizationFailed", message);
    let entry = state.app.engine.catalog.by_id(flow).await?;
    let is_signed = entry.as_ref().is_some_and(|entry| {
        let permission = permission(path, given("se"), given("export"));
        given("sv") == signature::VERSION
            && signature::verify(&entry.keys, flow, &permission, given("sig"))
    });
    let Some(entry) = entry.filter(|_| is_signed) else {
        return Err(denied("The address of the package has no valid signature."));
    };
    let expires = expr::format::date::parse_ticks(given("se"));
    if expires.ok().is_none_or(|expires| expires <= state.app.engine.clock.now()) {
        return Err(denied("The address of the package has expired: export the flow again."));
    }
    let export = URL_SAFE_NO_PAD.decode(given("export")).map_err(AppError::internal)?;
    let export: Export = serde_json::from_slice(&export).map_err(AppError::internal)?;
    let bytes = state.app.exported(&entry, &export).await?;
    Ok(zip(bytes, &file_name(&export)))
}

/// A zip as an answer.
pub fn zip(bytes: Vec<u8>, file_name: &str) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let disposition = format!("attachment; filename=\"{file_name}\"");
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_a_plain_name() {
        let mut export = Export {
            version: 1,
            display_name: "Grüße / an \"alle\" 2_x".to_owned(),
            description: String::new(),
            creator: String::new(),
            source_environment: String::new(),
            created_time: "2024-01-02T10:03:04.1234567Z".to_owned(),
            telemetry_id: String::new(),
        };
        assert_eq!(file_name(&export), "Greanalle2_x_20240102100304.zip");
        export.display_name = "流れ".to_owned();
        assert_eq!(file_name(&export), "flow_20240102100304.zip");
    }

    #[test]
    fn addresses_of_packages_are_told_from_others() {
        assert_eq!(parse("/workflows/a/packages/b.zip"), Some(("a", "/packages/b.zip")));
        for other in [
            "/workflows/a/triggers/b/paths/invoke/packages/c.zip",
            "/workflows/a/packages/b/c.zip",
            "/workflows/a/packages/b",
            "/workflows/a",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_flows_are_exported() {
        assert_eq!(flow_of("/providers/Microsoft.Flow/flows/a").unwrap(), "a");
        assert!(flow_of("/providers/Microsoft.PowerApps/apps/a").is_err());
        assert!(flow_of("a").is_err());
    }
}
