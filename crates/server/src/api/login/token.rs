//! The token endpoints: `POST /{tenant}/oauth2/v2.0/token` and, older, `/oauth2/token`.

use super::form::Fields;
use super::{ApiState, check_tenant, error};
use crate::app::signin::{ClientProof, Grant, Refusal, SignInError, TokenAnswer};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// How an endpoint words its answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Newer,
    /// Names the resource, and times as text.
    Older,
}

pub async fn newer(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    request: Request<Body>,
) -> Response {
    respond(&state, &tenant, request, Form::Newer).await
}

pub async fn older(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    request: Request<Body>,
) -> Response {
    respond(&state, &tenant, request, Form::Older).await
}

async fn respond(state: &ApiState, tenant: &str, request: Request<Body>, form: Form) -> Response {
    let headers = request.headers().clone();
    match exchange(state, tenant, request).await {
        Ok(answer) => Json(body(&answer, form)).into_response(),
        Err(failure) => error::answer(failure, &headers, state.app.engine.clock.now()),
    }
}

async fn exchange(
    state: &ApiState,
    tenant: &str,
    request: Request<Body>,
) -> Result<TokenAnswer, SignInError> {
    check_tenant(state, tenant)?;
    let address = state.address_of(request.extensions(), request.headers());
    let (headers, fields): (HeaderMap, Fields) = Fields::of_body(request).await?;
    let grant = grant(&fields)?;
    let proof = ClientProof { address, ..fields.proof(&headers)? };
    state.app.exchange(&proof, fields.asked()?, grant).await
}

fn grant(fields: &Fields) -> Result<Grant, Refusal> {
    let need = |name| fields.need(name).map(str::to_owned);
    match fields.need("grant_type")? {
        "client_credentials" => Ok(Grant::ClientCredentials),
        "password" => Ok(Grant::Password { name: need("username")?, password: need("password")? }),
        "device_code" | "urn:ietf:params:oauth:grant-type:device_code" => {
            // the older endpoint calls it 'code'
            match fields.get("code") {
                Some(code) if fields.get("device_code").is_none() => {
                    Ok(Grant::DeviceCode(code.to_owned()))
                }
                _ => Ok(Grant::DeviceCode(need("device_code")?)),
            }
        }
        "authorization_code" => Ok(Grant::Code {
            code: need("code")?,
            redirect_uri: need("redirect_uri")?,
            verifier: fields.owned("code_verifier"),
        }),
        "refresh_token" => Ok(Grant::Refresh(need("refresh_token")?)),
        other => Err(Refusal::unsupported_grant(other)),
    }
}

fn body(answer: &TokenAnswer, form: Form) -> Value {
    // a second for the way
    let seconds = answer.expires - answer.begins - 1;
    let mut body = json!({
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": answer.access_token,
    });
    if form == Form::Older {
        body["expires_on"] = json!(answer.expires.to_string());
        body["not_before"] = json!(answer.begins.to_string());
        body["resource"] = json!(answer.resource);
    }
    if let Some(delegated) = &answer.delegated {
        body["scope"] = match form {
            Form::Newer => json!(delegated.scope),
            Form::Older => json!("user_impersonation"),
        };
        body["client_info"] = json!(delegated.client_info);
        if let Some(token) = &delegated.refresh_token {
            body["refresh_token"] = json!(token);
        }
        if let Some(token) = &delegated.id_token {
            body["id_token"] = json!(token);
        }
    }
    body
}
