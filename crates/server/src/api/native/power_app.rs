//! Apps on the native API: what they are made with, and with whom they are shared.

use super::{ApiError, ApiState, Authenticated, Body, List, Paging, Params, Path};
use crate::app::access::Scope;
use crate::app::facts::Share;
use crate::app::power_app::{
    AppAt, AppConnection, AppFound, AppInput, AppPermission, AppPrincipal, AppPrincipalKind,
    AppUse, ReferenceInput,
};
use crate::auth::policy::Hold;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An app to register.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PowerAppBody {
    /// The GUID that it has elsewhere.
    name: Option<String>,
    display_name: String,
    description: Option<String>,
    connection_references: Option<BTreeMap<String, ReferenceBody>>,
}

/// What is to be different of an app.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PowerAppPatch {
    display_name: Option<String>,
    description: Option<String>,
    /// Replaces all.
    connection_references: Option<BTreeMap<String, ReferenceBody>>,
}

/// A connector, and the connection that the app was made with; without one everybody brings
/// their own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferenceBody {
    connector: String,
    connection: Option<String>,
}

/// With whom an app is shared, and from whom it is taken.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SharingBody {
    #[serde(default)]
    put: Vec<PermissionBody>,
    /// Object ids; of everybody the tenant's.
    #[serde(default)]
    delete: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionBody {
    /// Object id; of everybody the tenant's.
    principal: String,
    /// `User`, `Group` or `Tenant`.
    #[schema(value_type = String)]
    kind: AppPrincipalKind,
    /// `CanView` or `CanEdit`.
    #[schema(value_type = String)]
    role: Share,
}

/// Whose an app is to be, and what who had it keeps.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnerBody {
    /// A user, by name or object id.
    owner: String,
    /// `CanView` or `CanEdit`; nothing when it is missing.
    #[schema(value_type = Option<String>)]
    role_for_old_owner: Option<Share>,
}

shape! {
    /// An app.
    PowerAppAnswer {
        name: String,
        environment: String,
        display_name: String,
        description: String,
        owner: Option<String>,
        connection_references: Value,
        bypass_consent: bool,
        created_time: String,
        changed_time: String,
    }

    /// Somebody who has an app.
    PowerAppPermissionAnswer {
        principal: String,
        kind: String,
        role: String,
        display_name: Option<String>,
    }

    /// Who has an app.
    PowerAppPermissionList { value: Vec<PowerAppPermissionAnswer>, }

    /// What somebody uses a connector with: `Shared` with the app or flow, their `Own`, one of
    /// their own that is `Faulted`, or none, so that one is `Required`.
    UsedConnectionAnswer {
        key: String,
        connector: String,
        connector_display_name: String,
        status: String,
        connection: Option<String>,
        message: Option<String>,
    }

    /// Of each reference of an app or flow.
    UsedConnectionList { value: Vec<UsedConnectionAnswer>, }
}

fn at<'a>(environment: &'a str, name: &'a str) -> AppAt<'a> {
    AppAt { environment: Some(environment), name, scope: Scope::Any }
}

fn input_of(references: BTreeMap<String, ReferenceBody>) -> BTreeMap<String, ReferenceInput> {
    let input =
        |it: ReferenceBody| ReferenceInput { connector: it.connector, connection: it.connection };
    references.into_iter().map(|(key, it)| (key, input(it))).collect()
}

fn render(found: &AppFound) -> Value {
    let AppFound { environment, app } = found;
    let references = app.references.iter().map(|(key, it)| {
        let mut shown = json!({"connector": it.connector});
        if let Some(connection) = &it.connection {
            shown["connection"] = json!(connection);
        }
        (key.clone(), shown)
    });
    let mut value = json!({
        "name": app.name(),
        "environment": environment.id,
        "displayName": app.display_name,
        "description": app.description,
        "connectionReferences": references.collect::<Map<_, _>>(),
        "bypassConsent": app.bypasses_consent,
        "createdTime": format_time(app.created),
        "changedTime": format_time(app.changed),
    });
    if let Some(owner) = &app.owner {
        value["owner"] = json!(owner);
    }
    value
}

fn render_principal(it: &AppPrincipal) -> Value {
    let mut value = json!({
        "principal": it.principal,
        "kind": it.kind,
        "role": role(it.hold),
    });
    if let Some(known) = &it.known {
        value["displayName"] = json!(known.display_name);
    }
    value
}

/// The name that a part in an app has.
pub fn role(hold: Hold) -> Value {
    json!(hold)
}

fn render_use(it: &AppConnection, app: &str) -> Value {
    let (status, connection) = match &it.used {
        AppUse::Shared(connection) => ("Shared", Some(&connection.name)),
        AppUse::Own(connection) => ("Own", Some(&connection.name)),
        AppUse::Faulted(connection) => ("Faulted", Some(&connection.name)),
        AppUse::Required => ("Required", None),
    };
    let connector = (it.connector.name.as_str(), it.connector.display_name.as_str());
    used(&it.key, connector, (status, connection), &format!("The app '{app}'"))
}

/// What somebody uses a connector with, and what they are asked for.
pub fn used(
    key: &str,
    (connector, shown): (&str, &str),
    (status, connection): (&str, Option<&String>),
    what: &str,
) -> Value {
    let mut value = json!({
        "key": key,
        "connector": connector,
        "connectorDisplayName": shown,
        "status": status,
    });
    if let Some(connection) = connection {
        value["connection"] = json!(connection);
    }
    let asked = match status {
        "Required" => {
            Some(format!("{what} needs a connection of your own to '{shown}': make one."))
        }
        "Faulted" => Some(format!("Sign in for your connection to '{shown}' again.")),
        _ => None,
    };
    if let Some(asked) = asked {
        value["message"] = json!(asked);
    }
    value
}

/// The apps of an environment that the caller has, or all for who administers it.
#[utoipa::path(
    get, path = "/environments/{environment}/apps",
    params(Paging),
    responses((status = 200, body = List<PowerAppAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let listed = state.app.list_apps_within(&caller, &environment, (after, rows)).await?;
    let next = listed.next.map(|next| {
        let (top, token) = (rows.to_string(), next.encode());
        let queries = [("top", top.as_str()), ("skipToken", token.as_str())];
        super::link(&["environments", &environment, "apps"], &queries)
    });
    Ok(super::page(listed.rows.iter().map(render).collect(), next))
}

/// Registers an app.
#[utoipa::path(
    post, path = "/environments/{environment}/apps",
    request_body = PowerAppBody,
    responses((status = 201, body = PowerAppAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
    Body(body): Body<PowerAppBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let input = AppInput {
        name: body.name,
        display_name: Some(body.display_name),
        description: body.description,
        references: body.connection_references.map(input_of),
    };
    let made = state.app.create_app(&caller, &environment, input).await?;
    Ok((StatusCode::CREATED, Json(render(&made))))
}

/// An app, by its id or by a display name that only one has.
#[utoipa::path(
    get, path = "/environments/{environment}/apps/{name}",
    responses((status = 200, body = PowerAppAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&state.app.get_app(&caller, at(&environment, &name)).await?)))
}

/// Says something else of an app.
#[utoipa::path(
    patch, path = "/environments/{environment}/apps/{name}",
    request_body = PowerAppPatch,
    responses((status = 200, body = PowerAppAnswer)),
)]
pub async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
    Body(body): Body<PowerAppPatch>,
) -> Result<Json<Value>, ApiError> {
    let input = AppInput {
        name: None,
        display_name: body.display_name,
        description: body.description,
        references: body.connection_references.map(input_of),
    };
    Ok(Json(render(&state.app.update_app(&caller, at(&environment, &name), input).await?)))
}

/// Forgets an app; what it shared ends with it.
#[utoipa::path(
    delete, path = "/environments/{environment}/apps/{name}",
    responses((status = 204)),
)]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_app(&caller, at(&environment, &name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The connections with which the caller uses an app, and what they are asked for.
#[utoipa::path(
    get, path = "/environments/{environment}/apps/{name}/connections",
    responses((status = 200, body = UsedConnectionList)),
)]
pub async fn connections(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let at = at(&environment, &name);
    let (found, used) = state.app.list_app_connections(&caller, at).await?;
    let value = used.iter().map(|it| render_use(it, &found.app.display_name));
    Ok(Json(json!({"value": value.collect::<Vec<_>>()})))
}

/// Who has an app.
#[utoipa::path(
    get, path = "/environments/{environment}/apps/{name}/permissions",
    responses((status = 200, body = PowerAppPermissionList)),
)]
pub async fn permissions(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (_, found) = state.app.list_app_permissions(&caller, at(&environment, &name)).await?;
    Ok(Json(json!({"value": found.iter().map(render_principal).collect::<Vec<_>>()})))
}

/// Shares an app with others, and takes it from them.
#[utoipa::path(
    post, path = "/environments/{environment}/apps/{name}/permissions",
    request_body = SharingBody,
    responses((status = 200, body = PowerAppPermissionList)),
)]
pub async fn share(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
    Body(body): Body<SharingBody>,
) -> Result<Json<Value>, ApiError> {
    let put = body.put.into_iter().map(|it| AppPermission {
        principal: it.principal,
        kind: it.kind,
        share: it.role,
    });
    let parts = (put.collect(), body.delete);
    state.app.share_app(&caller, at(&environment, &name), parts).await?;
    let (_, found) = state.app.list_app_permissions(&caller, at(&environment, &name)).await?;
    Ok(Json(json!({"value": found.iter().map(render_principal).collect::<Vec<_>>()})))
}

/// Gives an app to somebody else.
#[utoipa::path(
    put, path = "/environments/{environment}/apps/{name}/owner",
    request_body = OwnerBody,
    responses((status = 200, body = PowerAppAnswer)),
)]
pub async fn set_owner(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, name)): Path<(String, String)>,
    Body(body): Body<OwnerBody>,
) -> Result<Json<Value>, ApiError> {
    let to = (body.owner.as_str(), body.role_for_old_owner);
    Ok(Json(render(&state.app.set_app_owner(&caller, at(&environment, &name), to).await?)))
}
