//! Vaults on the native API: who reads them, and the secrets in them. No answer here has a
//! secret's value.

use super::run::time;
use super::{ApiError, ApiState, Authenticated, Body, List, Path, page};
use crate::app::vault::{
    SecretAt, SecretInput, SecretPatch, SecretVersion, Validity, Vault, VaultSecret,
};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A vault that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VaultBody {
    name: String,
}

/// Who may read a vault: names or ids of users and groups.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadersBody {
    readers: Vec<String>,
}

/// A new version of a secret.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretBody {
    value: String,
    content_type: Option<String>,
    is_enabled: Option<bool>,
    valid_from: Option<String>,
    valid_until: Option<String>,
}

/// What is to be different of a version; an empty content type takes it away.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretPatchBody {
    /// Which version; the newest when it is not said.
    version: Option<String>,
    content_type: Option<String>,
    is_enabled: Option<bool>,
    valid_from: Option<String>,
    valid_until: Option<String>,
}

shape! {
    /// A vault, and who may read it besides who made it.
    VaultAnswer {
        name: String,
        owner: Option<String>,
        readers: Vec<ReaderAnswer>,
        created_time: String,
        changed_time: String,
    }

    /// Somebody who may read a vault.
    ReaderAnswer { id: String, kind: String, }

    /// A secret with its newest version; all of them when it is asked for by name.
    VaultSecretAnswer {
        name: String,
        version: String,
        content_type: Option<String>,
        is_enabled: bool,
        valid_from: Option<String>,
        valid_until: Option<String>,
        created_time: String,
        changed_time: String,
        versions: Option<Vec<SecretVersionAnswer>>,
    }

    /// A version of a secret, all but its value.
    SecretVersionAnswer {
        version: String,
        content_type: Option<String>,
        is_enabled: bool,
        valid_from: Option<String>,
        valid_until: Option<String>,
        created_time: String,
        changed_time: String,
    }
}

fn render_vault(vault: &Vault) -> Value {
    let reader = |it: &crate::app::vault::Reader| json!({"id": it.principal, "kind": super::role::kind_name(it.kind)});
    let mut value = json!({
        "name": vault.name,
        "readers": vault.readers.iter().map(reader).collect::<Vec<_>>(),
        "createdTime": format_time(vault.created),
        "changedTime": format_time(vault.changed),
    });
    if let Some(owner) = &vault.owner {
        value["owner"] = owner.as_str().into();
    }
    value
}

fn render_version(version: &SecretVersion) -> Value {
    let mut value = json!({
        "version": version.id,
        "isEnabled": version.is_enabled,
        "createdTime": format_time(version.created),
        "changedTime": format_time(version.changed),
    });
    if let Some(content_type) = &version.content_type {
        value["contentType"] = content_type.as_str().into();
    }
    let Validity { from, until } = version.validity;
    for (member, moment) in [("validFrom", from), ("validUntil", until)] {
        if let Some(moment) = moment {
            value[member] = format_time(moment).into();
        }
    }
    value
}

/// The newest version, under the secret's name.
fn render_secret(secret: &VaultSecret) -> Value {
    let mut value = secret.version(None).map(render_version).unwrap_or_default();
    value["name"] = secret.name.as_str().into();
    value
}

fn render_whole(secret: &VaultSecret) -> Json<Value> {
    let mut value = render_secret(secret);
    value["versions"] = secret.versions.iter().rev().map(render_version).collect();
    Json(value)
}

fn validity(from: Option<&str>, until: Option<&str>) -> Result<Validity, ApiError> {
    Ok(Validity { from: time("validFrom", from)?, until: time("validUntil", until)? })
}

/// The vaults of an environment that the caller may read, or administers.
#[utoipa::path(
    get, path = "/environments/{environment}/vaults",
    responses((status = 200, body = List<VaultAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.list_vaults(&caller, &environment).await?;
    Ok(page(found.iter().map(render_vault).collect(), None))
}

/// Makes a vault, which is the caller's.
#[utoipa::path(
    post, path = "/environments/{environment}/vaults",
    request_body = VaultBody,
    responses((status = 201, body = VaultAnswer)),
)]
pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(environment): Path<String>,
    Body(body): Body<VaultBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let made = state.app.create_vault(&caller, &environment, &body.name).await?;
    Ok((StatusCode::CREATED, Json(render_vault(&made))))
}

/// A vault.
#[utoipa::path(
    get, path = "/environments/{environment}/vaults/{vault}",
    responses((status = 200, body = VaultAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, vault)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render_vault(&state.app.get_vault(&caller, &environment, &vault).await?)))
}

/// Deletes a vault that holds no secret.
#[utoipa::path(
    delete, path = "/environments/{environment}/vaults/{vault}",
    responses((status = 204)),
)]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, vault)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_vault(&caller, &environment, &vault).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says who may read a vault besides who made it.
#[utoipa::path(
    put, path = "/environments/{environment}/vaults/{vault}/readers",
    request_body = ReadersBody,
    responses((status = 200, body = VaultAnswer)),
)]
pub async fn set_readers(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, vault)): Path<(String, String)>,
    Body(body): Body<ReadersBody>,
) -> Result<Json<Value>, ApiError> {
    let app = &state.app;
    let changed = app.set_vault_readers(&caller, &environment, &vault, &body.readers).await?;
    Ok(Json(render_vault(&changed)))
}

/// The secrets of a vault, without their values.
#[utoipa::path(
    get, path = "/environments/{environment}/vaults/{vault}/secrets",
    responses((status = 200, body = List<VaultSecretAnswer>)),
)]
pub async fn secrets(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((environment, vault)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let found = state.app.list_secrets(&caller, &environment, &vault).await?;
    Ok(page(found.iter().map(render_secret).collect(), None))
}

/// Where a secret is.
type Place = (String, String, String);

fn at((environment, vault, name): &Place) -> SecretAt<'_> {
    SecretAt { environment, vault, name }
}

/// A secret and its versions, without their values.
#[utoipa::path(
    get, path = "/environments/{environment}/vaults/{vault}/secrets/{name}",
    responses((status = 200, body = VaultSecretAnswer)),
)]
pub async fn secret(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(place): Path<Place>,
) -> Result<Json<Value>, ApiError> {
    Ok(render_whole(&state.app.get_secret(&caller, at(&place)).await?))
}

/// Puts a value into a vault, as a new version of the secret.
#[utoipa::path(
    put, path = "/environments/{environment}/vaults/{vault}/secrets/{name}",
    request_body = SecretBody,
    responses((status = 200, body = VaultSecretAnswer)),
)]
pub async fn set_secret(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(place): Path<Place>,
    Body(body): Body<SecretBody>,
) -> Result<Json<Value>, ApiError> {
    let input = SecretInput {
        value: Zeroizing::new(body.value),
        content_type: body.content_type.filter(|it| !it.is_empty()),
        is_enabled: body.is_enabled.unwrap_or(true),
        validity: validity(body.valid_from.as_deref(), body.valid_until.as_deref())?,
    };
    Ok(render_whole(&state.app.set_secret(&caller, at(&place), input).await?))
}

/// Changes what is said of a version of a secret; values are not changed.
#[utoipa::path(
    patch, path = "/environments/{environment}/vaults/{vault}/secrets/{name}",
    request_body = SecretPatchBody,
    responses((status = 200, body = VaultSecretAnswer)),
)]
pub async fn update_secret(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(place): Path<Place>,
    Body(body): Body<SecretPatchBody>,
) -> Result<Json<Value>, ApiError> {
    let patch = SecretPatch {
        content_type: body.content_type,
        is_enabled: body.is_enabled,
        validity: validity(body.valid_from.as_deref(), body.valid_until.as_deref())?,
    };
    let version = body.version.as_deref();
    Ok(render_whole(&state.app.update_secret(&caller, at(&place), version, patch).await?))
}

/// Deletes a secret with all of its versions, for good.
#[utoipa::path(
    delete, path = "/environments/{environment}/vaults/{vault}/secrets/{name}",
    responses((status = 204)),
)]
pub async fn delete_secret(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(place): Path<Place>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_secret(&caller, at(&place)).await?;
    Ok(StatusCode::NO_CONTENT)
}
