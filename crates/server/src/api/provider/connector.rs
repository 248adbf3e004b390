//! Connectors, as `Microsoft.PowerApps` shows them, and the addresses of their files.

use super::environment::{LOCATION, of_filter};
use super::{Answered, Asked, ok};
use crate::api::ApiState;
use crate::api::error::ApiError;
use crate::api::native::availability;
use crate::app::access::Scope;
use crate::app::connector::{Connector, File};
use crate::app::environment::Environment;
use crate::app::facts::PrincipalKind;
use crate::app::{App, AppError};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a scope's paths begin with.
pub fn prefix(scope: Scope, environment: &str) -> String {
    match scope {
        Scope::Admin => {
            format!("/providers/Microsoft.PowerApps/scopes/admin/environments/{environment}/apis")
        }
        _ => "/providers/Microsoft.PowerApps/apis".to_owned(),
    }
}

/// `$filter=environment eq 'NAME' and IsCustomApi eq 'True'`.
pub async fn list(asked: &Asked, scope: Scope, environment: &str) -> Answered {
    asked.expect(&Method::GET)?;
    let (environment, connectors) =
        asked.app.list_connectors(&asked.caller, scope, environment).await?;
    let filter = asked.query("$filter").unwrap_or_default().to_lowercase();
    let wanted = match filter.split_once("iscustomapi eq ") {
        Some((_, rest)) if rest.trim_start_matches('\'').starts_with("true") => Some(true),
        Some((_, rest)) if rest.trim_start_matches('\'').starts_with("false") => Some(false),
        _ => None,
    };
    let connectors =
        connectors.iter().filter(|it| wanted.is_none_or(|it_is| it.is_custom() == it_is));
    let mut value = Vec::new();
    for connector in connectors {
        value.push(render(asked, scope, &environment, connector).await?);
    }
    Ok(asked.page(value, None))
}

pub async fn show(asked: &Asked, scope: Scope, environment: &str, name: &str) -> Answered {
    asked.expect(&Method::GET)?;
    let (environment, connector) =
        asked.app.get_connector(&asked.caller, scope, environment, name).await?;
    let mut shown = render(asked, scope, &environment, &connector).await?;
    if connector.is_custom() {
        let url = file_url(asked, &connector, File::Definition).await?;
        shown["properties"]["apiDefinitions"] =
            json!({"originalSwaggerUrl": url, "modifiedSwaggerUrl": url});
    }
    let page = &asked.app.document_of(&connector).await?.page;
    let properties = &mut shown["properties"];
    let contact = &page.contact;
    properties["contact"] =
        json!({"name": contact.name, "url": contact.url, "email": contact.email});
    let metadata = [
        ("Website", page.website.clone()),
        ("Privacy policy", page.privacy_policy.clone()),
        ("Categories", Some(page.categories.join(";")).filter(|it| !it.is_empty())),
    ];
    let metadata = metadata
        .into_iter()
        .filter_map(|(name, value)| Some(json!({"propertyName": name, "propertyValue": value?})));
    properties["connectorMetadata"] = metadata.collect();
    properties["availability"] = page.availability.iter().map(availability).collect();
    ok(shown)
}

/// `ApiPropertiesWithoutConnectionParameters`: what is not known is null.
pub async fn short(asked: &Asked, connector: &Connector) -> Result<Value, AppError> {
    let is_custom = connector.is_custom();
    let icon = match connector.has_icon {
        true => Some(file_url(asked, connector, File::Icon).await?),
        false => None,
    };
    Ok(json!({
        "displayName": connector.display_name,
        "createdTime": is_custom.then(|| format_time(connector.created)),
        "primaryRuntimeUrl": runtime_url(asked, connector),
        "iconUri": icon,
        "isCustomApi": is_custom,
        "tier": connector.class(),
    }))
}

async fn render(
    asked: &Asked,
    scope: Scope,
    environment: &Environment,
    connector: &Connector,
) -> Result<Value, AppError> {
    let wire_name = environment.wire_name(&asked.app.tenant);
    let is_custom = connector.is_custom();
    let runtime = runtime_url(asked, connector);
    let mut properties = short(asked, connector).await?;
    let mut put = |name: &str, value: Value| properties[name] = value;
    put("description", json!(connector.description));
    put("apiEnvironment", json!("Shared"));
    put("runtimeUrls", json!([runtime]));
    for name in [
        "connectionParameters",
        "connectionParameterSets",
        "capabilities",
        "iconBrandColor",
        "policyTemplateInstances",
    ] {
        if let Some(value) = connector.property(name) {
            put(name, value.clone());
        }
    }
    if let Some(publisher) = connector.publisher() {
        put("publisher", json!(publisher));
    }
    let source = if is_custom { "powerapps-user-defined" } else { "marketplace" };
    let mut metadata = json!({"source": source});
    if let Some(color) = connector.property("iconBrandColor") {
        metadata["brandColor"] = color.clone();
    }
    put("metadata", metadata);
    if is_custom {
        let id = format!("/providers/Microsoft.PowerApps/environments/{wire_name}");
        put("environment", json!({"id": id, "name": wire_name}));
        put("changedTime", json!(format_time(connector.changed)));
        put("createdBy", person(asked, connector.created_by.as_deref()).await?);
        put("modifiedBy", person(asked, connector.modified_by.as_deref()).await?);
        if let Some(service) = &connector.service {
            put("backendService", json!({"serviceUrl": service}));
        }
    }
    let name = &connector.name;
    Ok(json!({
        "name": name,
        "id": format!("{}/{name}", prefix(scope, &wire_name)),
        "type": "Microsoft.PowerApps/apis",
        "location": LOCATION,
        "properties": properties,
    }))
}

/// Where a connector's operations are called: below this there are connections.
pub fn runtime_url(asked: &Asked, connector: &Connector) -> String {
    format!("{}/apim/{}", asked.base, connector.short_name())
}

/// Who made something, as connectors and connections tell it.
pub async fn person(asked: &Asked, id: Option<&str>) -> Result<Value, AppError> {
    let Some(id) = id else {
        return Ok(json!({"id": "SYSTEM", "displayName": "SYSTEM", "type": "NotSpecified"}));
    };
    let mut shown = json!({"id": id, "type": "User", "tenantId": &*asked.app.tenant});
    if let Some(known) = asked.app.principal_view(id, PrincipalKind::User).await? {
        shown["displayName"] = json!(known.display_name);
        if let Some(name) = known.user_principal_name {
            shown["email"] = json!(known.mail.as_ref().unwrap_or(&name));
            shown["userPrincipalName"] = json!(name);
        }
    }
    Ok(shown)
}

async fn file_url(asked: &Asked, connector: &Connector, file: File) -> Result<String, AppError> {
    let path = asked.app.file_address(connector, file).await?;
    Ok(format!("{}{path}", asked.base))
}

/// The environment in the path, or of the `$filter`.
pub fn environment_of(asked: &Asked, scope: Scope) -> Result<String, AppError> {
    match scope {
        Scope::Admin => Ok(asked.environment_segment().to_owned()),
        _ => of_filter(asked),
    }
}

#[derive(Deserialize)]
pub struct Signed {
    #[serde(default)]
    se: String,
    #[serde(default)]
    sig: String,
}

/// A file at its signed address: `/connectors/{id}/{file}`.
pub async fn file(
    State(state): State<ApiState>,
    Path((id, file)): Path<(String, String)>,
    Query(signed): Query<Signed>,
) -> Response {
    match read(&state.app, &id, &file, &signed).await {
        Ok(response) => response,
        Err(error) => ApiError(error).into_response(),
    }
}

async fn read(app: &App, id: &str, file: &str, signed: &Signed) -> Result<Response, AppError> {
    let (file, bytes) = app.file_at_address(id, file, (&signed.se, &signed.sig)).await?;
    let kind = match file {
        File::Icon => "image/png",
        File::Script => "text/plain; charset=utf-8",
        File::Definition | File::Properties => "application/json; charset=utf-8",
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // what somebody brought is no page of this server
    let policy = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
