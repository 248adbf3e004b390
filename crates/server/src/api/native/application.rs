//! Applications on the native API.

use super::user::RolesBody;
use super::{
    ApiError, ApiState, Authenticated, Body, Lifetime, List, MaybeBody, Paging, Params, Path,
    list_page, page, render_roles,
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
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
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

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ApplicationPatchBody)]
pub struct PatchBody {
    display_name: Option<String>,
    redirect_uris: Option<Vec<String>>,
    is_consented: Option<bool>,
}

shape! {
    /// An application.
    ApplicationAnswer {
        id: String,
        client_id: String,
        display_name: String,
        is_public: bool,
        is_consented: bool,
        redirect_uris: Vec<String>,
        secrets: Vec<SecretAnswer>,
        certificates: Vec<CertificateAnswer>,
        roles: Vec<Role>,
        created_time: String,
        issuer: Option<String>,
        roles_of_issuer: Option<Vec<Role>>,
    }

    /// A secret; what is secret of it is there when it is made.
    SecretAnswer {
        id: String,
        created_time: String,
        expires_time: Option<String>,
        secret: Option<String>,
    }

    /// A certificate.
    CertificateAnswer { thumbprint: String, expires_time: String, }
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

/// Puts an application into the directory.
#[utoipa::path(
    post, path = "/applications",
    request_body = ApplicationBody,
    responses((status = 201, body = ApplicationAnswer)),
)]
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

/// Applications, by name.
#[utoipa::path(
    get, path = "/applications",
    params(Paging),
    responses((status = 200, body = List<ApplicationAnswer>)),
)]
pub async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Params(paging): Params<Paging>,
) -> Result<Json<Value>, ApiError> {
    let (after, rows) = paging.read()?;
    let listed = state.app.list_applications_as_admin(&caller, after, rows).await?;
    Ok(list_page("applications", rows, &listed, render))
}

/// An application.
#[utoipa::path(
    get, path = "/applications/{name}",
    responses((status = 200, body = ApplicationAnswer)),
)]
pub async fn show(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(render(&*state.app.get_application_as_admin(&caller, &name).await?)))
}

/// Changes what is said of an application.
#[utoipa::path(
    patch, path = "/applications/{name}",
    request_body = PatchBody,
    responses((status = 200, body = ApplicationAnswer)),
)]
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

/// Deletes an application.
#[utoipa::path(delete, path = "/applications/{name}", responses((status = 204)))]
pub async fn delete(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.delete_application(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives an application these roles and no others.
#[utoipa::path(
    put, path = "/applications/{name}/roles",
    request_body = RolesBody,
    responses((status = 200, body = ApplicationAnswer)),
)]
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

/// Ends every token and key of an application.
#[utoipa::path(post, path = "/applications/{name}/revoke", responses((status = 204)))]
pub async fn revoke(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.app.revoke_application(&caller, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The secrets of an application, without what is secret of them.
#[utoipa::path(
    get, path = "/applications/{name}/secrets",
    responses((status = 200, body = List<SecretAnswer>)),
)]
pub async fn secrets(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let application = state.app.get_application_as_admin(&caller, &name).await?;
    Ok(page(application.secret_views().iter().map(render_secret).collect(), None))
}

/// Gives an application a secret, which is shown only now.
#[utoipa::path(
    post, path = "/applications/{name}/secrets",
    request_body = Option<Lifetime>,
    responses((status = 201, body = SecretAnswer)),
)]
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

/// Takes a secret from an application.
#[utoipa::path(delete, path = "/applications/{name}/secrets/{id}", responses((status = 204)))]
pub async fn remove_secret(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((name, secret)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.remove_secret(&caller, &name, &secret).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateBody {
    certificate: String,
}

/// Lets an application sign in with a certificate.
#[utoipa::path(
    post, path = "/applications/{name}/certificates",
    request_body = CertificateBody,
    responses((status = 201, body = CertificateAnswer)),
)]
pub async fn add_certificate(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path(name): Path<String>,
    Body(body): Body<CertificateBody>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let certificate = state.app.add_certificate(&caller, &name, &body.certificate).await?;
    Ok((StatusCode::CREATED, Json(render_certificate(&certificate))))
}

/// Takes a certificate from an application.
#[utoipa::path(
    delete, path = "/applications/{name}/certificates/{thumbprint}",
    responses((status = 204)),
)]
pub async fn remove_certificate(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Path((name, thumbprint)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    state.app.remove_certificate(&caller, &name, &thumbprint).await?;
    Ok(StatusCode::NO_CONTENT)
}
