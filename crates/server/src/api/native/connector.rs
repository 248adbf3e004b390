//! Connectors on the native API.

use super::connector_page::{self, AuthenticationTypeAnswer, AvailabilityAnswer, ContactAnswer};
use super::shape::Binary;
use super::{ApiError, ApiState, Authenticated, Body, List, Path, page};
use crate::app::AppError;
use crate::app::access::Scope;
use crate::app::connector::oauth::client::{ClientInput, ClientView};
use crate::app::connector::{Connector, ConnectorInput, File, Scripted, ServiceInput};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectorBody {
    /// `shared_...`; of a new one only.
    name: Option<String>,
    /// The text of `apiDefinition.swagger.json`.
    definition: String,
    /// The text of `apiProperties.json`.
    properties: String,
    /// A PNG, base64.
    icon: Option<String>,
    /// The text of `script.csx`. It is kept and not run: calls of its operations are refused.
    script: Option<String>,
    /// Where its service is, in the place of what the definition says; without it, what was
    /// said before stays.
    settings: Option<SettingsBody>,
    /// What its service knows this server as; without it, what is known stays.
    client: Option<ClientBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SettingsBody {
    /// `https` or `http`.
    scheme: Option<String>,
    /// With its port, if it is not the usual one.
    host: Option<String>,
    /// What stands before every path.
    base_path: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ClientBody {
    client_id: String,
    secret: Option<String>,
    /// Instead of a secret, of a service that takes one.
    certificate: Option<ClientCertificateBody>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificateBody {
    /// A PFX file, base64.
    pfx: String,
    #[serde(default)]
    password: String,
}

impl ClientBody {
    fn into_input(self) -> ClientInput {
        let certificate = self.certificate;
        ClientInput {
            client_id: self.client_id,
            secret: self.secret,
            certificate: certificate.map(|it| json!({"pfx": it.pfx, "password": it.password})),
        }
    }
}

shape! {
    /// What a connector's service knows this server as. The secret is not told again.
    ClientAnswer {
        client_id: Option<String>,
        has_secret: bool,
        certificate: Option<String>,
        redirect_addresses: Vec<String>,
    }
}

fn render_client(client: &ClientView) -> Value {
    let mut value = json!({
        "hasSecret": client.has_secret,
        "redirectAddresses": client.redirect_addresses,
    });
    if let Some(id) = &client.client_id {
        value["clientId"] = json!(id);
    }
    if let Some(certificate) = &client.certificate {
        value["certificate"] = json!(certificate);
    }
    value
}

impl ConnectorBody {
    fn into_input(self) -> Result<ConnectorInput, AppError> {
        let decode = |text: String| {
            let message = "$.icon is not base64.";
            STANDARD.decode(text).map_err(|_| AppError::invalid("InvalidConnector", message))
        };
        Ok(ConnectorInput {
            name: self.name,
            definition: self.definition,
            properties: self.properties,
            icon: self.icon.map(decode).transpose()?,
            script: self.script,
            service: self.settings.map(|it| ServiceInput {
                scheme: it.scheme,
                host: it.host,
                base_path: it.base_path,
            }),
            client: self.client.map(ClientBody::into_input),
        })
    }
}

shape! {
    /// What of the definition's address was said otherwise.
    SettingsAnswer { scheme: Option<String>, host: Option<String>, base_path: Option<String>, }

    /// A connector; those that come with the server have no id and no times. What its page
    /// shows is there when it is asked for by name.
    ConnectorAnswer {
        name: String,
        display_name: String,
        description: String,
        is_custom: bool,
        parameter_sets: Vec<String>,
        id: Option<String>,
        service: Option<String>,
        settings: Option<SettingsAnswer>,
        operations: Option<u64>,
        created_time: Option<String>,
        changed_time: Option<String>,
        remarks: Option<Vec<String>>,
        publisher: Option<String>,
        contact: Option<ContactAnswer>,
        website: Option<String>,
        privacy_policy: Option<String>,
        categories: Option<Vec<String>>,
        class: Option<String>,
        availability: Option<Vec<AvailabilityAnswer>>,
        authentication_types: Option<Vec<AuthenticationTypeAnswer>>,
    }
}

fn render(connector: &Connector) -> Value {
    let is_custom = connector.is_custom();
    let mut value = json!({
        "name": connector.name,
        "displayName": connector.display_name,
        "description": connector.description,
        "isCustom": is_custom,
        "parameterSets": connector.sets().map_or_else(|_| Vec::new(), |sets| {
            sets.into_iter().map(|set| set.name).collect::<Vec<_>>()
        }),
    });
    if is_custom {
        value["id"] = json!(connector.id);
        value["operations"] = json!(connector.operations);
        value["createdTime"] = json!(format_time(connector.created));
        value["changedTime"] = json!(format_time(connector.changed));
        value["remarks"] = json!(remarks(connector));
        if let Some(service) = &connector.service {
            value["service"] = json!(service);
        }
        if connector.own_service != ServiceInput::default() {
            value["settings"] = json!(connector.own_service);
        }
    }
    value
}

/// What of a connector is not done here.
fn remarks(connector: &Connector) -> Vec<String> {
    match connector.scripted() {
        Scripted::None => Vec::new(),
        Scripted::All => vec![
            "Custom code (script.csx) is not run: it is for all operations, and their calls are refused."
                .to_owned(),
        ],
        Scripted::These(names) => vec![format!(
            "Custom code (script.csx) is not run: calls of these operations are refused: {}.",
            names.join(", ")
        )],
    }
}

/// The connectors of an environment.
#[utoipa::path(
    get, path = "/environments/{environment}/connectors",
    responses((status = 200, body = List<ConnectorAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let (_, found) = state.app.list_connectors(&caller, Scope::Any, &environment).await?;
    Ok(page(found.iter().map(render).collect(), None))
}

/// Imports a connector.
#[utoipa::path(
    post, path = "/environments/{environment}/connectors",
    request_body = ConnectorBody,
    responses((status = 201, body = ConnectorAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
    Body(body): Body<ConnectorBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let input = body.into_input()?;
    let (_, made) = state.app.create_connector(&caller, &environment, &input).await?;
    Ok((StatusCode::CREATED, Json(render(&made))))
}

/// A connector.
#[utoipa::path(
    get, path = "/environments/{environment}/connectors/{name}",
    responses((status = 200, body = ConnectorAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.get_connector(&caller, Scope::Any, &environment, &name).await?;
    let document = state.app.document_of(&found.1).await?;
    let mut value = render(&found.1);
    connector_page::describe(&mut value, &found.1, &document.page);
    Ok(Json(value))
}

/// Replaces the files of a connector.
#[utoipa::path(
    put, path = "/environments/{environment}/connectors/{name}",
    request_body = ConnectorBody,
    responses((status = 200, body = ConnectorAnswer)),
)]
pub async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
    Body(body): Body<ConnectorBody>,
) -> Result<Json<Value>, ApiError> {
    let input = body.into_input()?;
    let (_, changed) = state.app.update_connector(&caller, &environment, &name, &input).await?;
    Ok(Json(render(&changed)))
}

/// Deletes a connector without connections.
#[utoipa::path(
    delete, path = "/environments/{environment}/connectors/{name}",
    responses((status = 204)),
)]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_connector(&caller, &environment, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the connector's service knows this server as.
#[utoipa::path(
    get, path = "/environments/{environment}/connectors/{name}/client",
    responses((status = 200, body = ClientAnswer)),
)]
pub async fn client(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.get_connector_client(&caller, (&environment, &name)).await?;
    Ok(Json(render_client(&found)))
}

/// Says what the connector's service knows this server as.
#[utoipa::path(
    put, path = "/environments/{environment}/connectors/{name}/client",
    request_body = ClientBody,
    responses((status = 200, body = ClientAnswer)),
)]
pub async fn set_client(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
    Body(body): Body<ClientBody>,
) -> Result<Json<Value>, ApiError> {
    let at = (environment.as_str(), name.as_str());
    let set = state.app.set_connector_client(&caller, at, body.into_input()).await?;
    Ok(Json(render_client(&set)))
}

/// Forgets what the connector's service knows this server as.
#[utoipa::path(
    delete, path = "/environments/{environment}/connectors/{name}/client",
    responses((status = 204)),
)]
pub async fn remove_client(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.remove_connector_client(&caller, (&environment, &name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A file of a connector, byte for byte as it came.
#[utoipa::path(
    get, path = "/environments/{environment}/connectors/{name}/files/{file}",
    responses((status = 200, body = Binary, content_type = "application/octet-stream")),
)]
pub async fn file(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name, file)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let known = File::ALL.into_iter().find(|it| it.name() == file);
    let known = known.ok_or_else(|| {
        let names = File::ALL.map(File::name).join("', '");
        let message = format!("A connector has no file '{file}', expected one of '{names}'.");
        AppError::not_found("ConnectorFileNotFound", message)
    })?;
    let at = (Scope::Any, environment.as_str(), name.as_str());
    let bytes = state.app.get_connector_file(&caller, at, known).await?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
