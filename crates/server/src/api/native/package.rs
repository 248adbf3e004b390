//! Packages on the native API.

use super::shape::{Binary, ProblemAnswer};
use super::{ApiError, ApiState, Authenticated, Body, InEnvironment, Params, Path, at};
use crate::api::body;
use crate::api::error::problem;
use crate::api::provider::package::{file_name, zip};
use crate::app::AppError;
use crate::app::import::{Choices, FlowChoice, Imported};
use crate::app::package::ExportDetails;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flow::limits::PACKAGE_BYTES_MAX;
use flow::package::{Package, PackagedVariable};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The package of a flow.
#[utoipa::path(
    get, path = "/flows/{name}/package",
    params(InEnvironment),
    responses((status = 200, body = Binary, content_type = "application/zip")),
)]
pub async fn export(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let flow = at(&within.environment, &name);
    let details = ExportDetails::default();
    let (found, export) = state.app.export_package(&caller, flow, details).await?;
    let bytes = state.app.exported(&found.entry, &export).await?;
    Ok(zip(bytes, &file_name(&export)))
}

/// What a zip holds.
#[utoipa::path(
    post, path = "/packages/inspect",
    params(InEnvironment),
    request_body(content = Binary, content_type = "application/zip"),
    responses((status = 200, body = PackageAnswer)),
)]
pub async fn inspect(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    request: Request,
) -> Result<Json<Value>, ApiError> {
    let (parts, content) = request.into_parts();
    let bytes = body::read(content, &parts.headers, PACKAGE_BYTES_MAX).await?;
    let found = state.app.inspect_package(&caller, &within.environment, bytes.to_vec()).await?;
    Ok(Json(render(&found)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportBody {
    /// The zip in base64.
    package: String,
    #[serde(default)]
    flows: BTreeMap<String, FlowBody>,
    #[serde(default)]
    connections: BTreeMap<String, String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FlowChoiceBody)]
struct FlowBody {
    name: Option<String>,
    display_name: Option<String>,
    /// The flow that gets a new version.
    update: Option<String>,
    #[serde(default)]
    skip: bool,
}

impl FlowBody {
    fn into_choice(self) -> FlowChoice {
        match (self.skip, self.update) {
            (true, _) => FlowChoice::Skip,
            (false, Some(flow)) => FlowChoice::Update { flow },
            (false, None) => FlowChoice::New { name: self.name, display_name: self.display_name },
        }
    }
}

/// Makes flows of a package.
#[utoipa::path(
    post, path = "/packages/import",
    params(InEnvironment),
    request_body = ImportBody,
    responses((status = 200, body = ImportAnswer)),
)]
pub async fn import(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(within): Params<InEnvironment>,
    Body(body): Body<ImportBody>,
) -> Result<Json<Value>, ApiError> {
    let bytes = STANDARD.decode(body.package.as_bytes()).map_err(|error| {
        let message = format!("'package' is not a zip in base64: {error}.");
        AppError::invalid("InvalidRequestContent", message)
    })?;
    let flows = body.flows.into_iter().map(|(key, choice)| (key, choice.into_choice()));
    let choices = Choices { flows: flows.collect(), connections: body.connections };
    let environment = &within.environment;
    let (package, done) = state.app.import_package(&caller, environment, bytes, &choices).await?;
    Ok(Json(json!({
        "flows": done.iter().map(render_imported).collect::<Vec<_>>(),
        "remarks": remarks(&package),
    })))
}

shape! {
    /// What an import did.
    ImportAnswer { flows: Vec<ImportedAnswer>, remarks: Vec<RemarkAnswer>, }

    /// A flow that an import made or gave a new version.
    ImportedAnswer {
        key: String,
        created: bool,
        name: String,
        id: String,
        display_name: String,
        state: String,
        version: u32,
        problems: Vec<ProblemAnswer>,
    }

    /// What of a package was left out.
    RemarkAnswer { path: String, message: String, }

    /// What a package holds.
    PackageAnswer {
        form: String,
        details: PackageDetailsAnswer,
        flows: Vec<PackagedFlowAnswer>,
        connectors: Vec<PackagedConnectorAnswer>,
        connections: Vec<PackagedConnectionAnswer>,
        variables: Vec<PackagedVariableAnswer>,
        remarks: Vec<RemarkAnswer>,
    }

    /// What a package says of itself.
    PackageDetailsAnswer {
        display_name: String,
        description: String,
        creator: String,
        source_environment: String,
        created_time: String,
    }

    /// A flow of a package.
    PackagedFlowAnswer {
        key: String,
        path: String,
        name: Option<String>,
        display_name: String,
        description: Option<String>,
        state: Option<String>,
        definition: Value,
        connection_references: BTreeMap<String, Value>,
        connections: BTreeMap<String, String>,
    }

    /// A connector that a package names.
    PackagedConnectorAnswer {
        key: String,
        id: Option<String>,
        display_name: String,
        icon_uri: Option<String>,
    }

    /// A connection that an import asks for.
    PackagedConnectionAnswer {
        key: String,
        connector: Option<String>,
        display_name: String,
    }

    /// An environment variable that a package brings.
    PackagedVariableAnswer {
        schema_name: String,
        display_name: Option<String>,
        r#type: String,
        default_value: Option<Value>,
        value: Option<Value>,
    }
}

fn render_imported(imported: &Imported) -> Value {
    let row = &imported.view.entry.row;
    json!({
        "key": imported.key,
        "created": imported.is_new,
        "name": row.name,
        "id": row.id,
        "displayName": row.display_name,
        "state": imported.view.entry.state.name(),
        "version": row.version,
        "problems": imported.view.problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

fn render_variable(it: &PackagedVariable) -> Value {
    json!({
        "schemaName": it.schema_name,
        "displayName": it.display_name,
        "type": it.type_name,
        "defaultValue": it.default_value,
        "value": it.value,
    })
}

fn remarks(package: &Package) -> Vec<Value> {
    let remarks = package.remarks.iter();
    remarks.map(|it| json!({"path": it.path, "message": it.message})).collect()
}

fn render(package: &Package) -> Value {
    let details = &package.details;
    let flows = package.flows.iter().map(|flow| {
        json!({
            "key": flow.key,
            "path": flow.path,
            "name": flow.name,
            "displayName": flow.display_name,
            "description": flow.description,
            "state": flow.is_started.map(|is_started| if is_started { "Started" } else { "Stopped" }),
            "definition": flow.definition,
            "connectionReferences": flow.references,
            "connections": flow.connections,
        })
    });
    let connectors = package.connectors.iter().map(|it| {
        json!({"key": it.key, "id": it.id, "displayName": it.display_name, "iconUri": it.icon})
    });
    let connections = package.connections.iter().map(
        |it| json!({"key": it.key, "connector": it.connector, "displayName": it.display_name}),
    );
    json!({
        "form": package.form.name(),
        "details": {
            "displayName": details.display_name,
            "description": details.description,
            "creator": details.creator,
            "sourceEnvironment": details.source_environment,
            "createdTime": details.created_time,
        },
        "flows": flows.collect::<Vec<_>>(),
        "connectors": connectors.collect::<Vec<_>>(),
        "connections": connections.collect::<Vec<_>>(),
        "variables": package.variables.iter().map(render_variable).collect::<Vec<_>>(),
        "remarks": remarks(package),
    })
}
