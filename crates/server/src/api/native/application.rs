//! Applications on the native API.

use super::user::RolesBody;
use super::{
    ApiError, ApiState, Authenticated, Body, Lifetime, MaybeBody, Paging, Params, Path, list_page,
    page, render_roles,
};
use crate::app::directory::Application;
use crate::app::directory::application::{ApplicationInput, ApplicationPatch, ClientCertificate};
use crate::app::directory::credential::SecretView;
use crate::app::directory::role::{Holder, RoleChange};
use crate::auth::caller::Role;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use flow::run::format_time;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationBody {
    display_name: String,
    #[serde(default)]
    is_public: bool,
    #[serde(default)]
    redirect_uris: Vec<String>,
    #[serde(default)]
    is_consented: bool,
    #[serde(default)]
    roles: Vec<Role>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatchBody {
    display_name: Option<String>,
    redirect_uris: Option<Vec<String>>,
    is_consented: Option<bool>,
}

fn render(application: &Application) -> Value {
    let mut value = json!({
        "id": application.id,
        "clientId": application.client_id,
        "displayName": application.display_name,
        "isPublic": application.is_public,
        "isConsented": application.is_consented,
        "redirectUris": application.redirect_uris,
        "secrets": application.secret_views().iter().map(render_secret).collect::<Vec<_>>(),
        "certificates": application.certificates.iter().map(render_certificate).collect::<Vec<_>>(),
        "roles": render_roles(&application.roles),
        "createdTime": format_time(application.created),
    });
    if let Some(outside) = &application.outside {
        value["issuer"] = outside.issuer.as_str().into();
        value["rolesOfIssuer"] = render_roles(&outside.roles);
    }
    value
}

fn render_secret(secret: &SecretView) -> Value {
    let mut value = json!({"id": secret.id, "createdTime": format_time(secret.created)});
    if let Some(expires) = secret.expires {
        value["expiresTime"] = format_time(expires).into();
    }
    value
}

fn render_certificate(certificate: &ClientCertificate) -> Value {
    json!({
        "thumbprint": certificate.thumbprint,
        "expiresTime": format_time(certificate.expires),
    })
}

pub async fn create(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Body(body): Body<ApplicationBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let input = ApplicationInput {
        display_name: body.display_name,
        is_public: body.is_public,
        redirect_uris: body.redirect_uris,
        is_consented: body.is_consented,
        roles: body.roles,
    };
    let application = state.app.create_application(&caller, input).await?;
    Ok((StatusCode::CREATED, Json(render(&application))))
}

pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let listed = state.app.list_applications_as_admin(&caller, after, rows).await?;
    Ok(list_page("applications", rows, &listed, render))
}

pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&*state.app.get_application_as_admin(&caller, &name).await?)))
}

pub async fn update(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(body): Body<PatchBody>,
) -> Result<Json<Value>, ApiError> {
    let PatchBody { display_name, redirect_uris, is_consented } = body;
    let patch = ApplicationPatch { display_name, redirect_uris, is_consented };
    Ok(Json(render(&state.app.update_application(&caller, &name, patch).await?)))
}

pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_application(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn set_roles(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(body): Body<RolesBody>,
) -> Result<Json<Value>, ApiError> {
    let found = Holder::Application(state.app.get_application_as_admin(&caller, &name).await?);
    state.app.change_roles(&caller, found, RoleChange::Set(body.roles)).await?;
    Ok(Json(render(&*state.app.get_application_as_admin(&caller, &name).await?)))
}

pub async fn revoke(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.revoke_application(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub async fn secrets(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let application = state.app.get_application_as_admin(&caller, &name).await?;
    Ok(page(application.secret_views().iter().map(render_secret).collect(), None))
}

pub async fn add_secret(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    MaybeBody(lifetime): MaybeBody<Lifetime>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let seconds = lifetime.unwrap_or_default().seconds()?;
    let (view, secret) = state.app.add_secret(&caller, &name, seconds).await?;
    let mut value = render_secret(&view);
    value["secret"] = secret.into();
    Ok((StatusCode::CREATED, Json(value)))
}

pub async fn remove_secret(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((name, secret)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.remove_secret(&caller, &name, &secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateBody {
    certificate: String,
}

pub async fn add_certificate(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(body): Body<CertificateBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let certificate = state.app.add_certificate(&caller, &name, &body.certificate).await?;
    Ok((StatusCode::CREATED, Json(render_certificate(&certificate))))
}

pub async fn remove_certificate(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((name, thumbprint)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.remove_certificate(&caller, &name, &thumbprint).await?;
    Ok(StatusCode::NO_CONTENT)
}
