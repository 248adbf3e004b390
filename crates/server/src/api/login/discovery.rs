//! What clients look up before they sign anybody in.

use super::{ApiState, base_url, check_tenant, error};
use crate::app::signin::{SignInError, openid_issuer, token_issuer};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

fn answer(state: &ApiState, headers: &HeaderMap, found: Result<Value, SignInError>) -> Response {
    match found {
        Ok(body) => Json(body).into_response(),
        Err(failure) => error::answer(failure, headers, state.app.engine.clock.now()),
    }
}

/// Addresses in the form of one of the two generations of endpoints.
fn addresses(state: &ApiState, headers: &HeaderMap, tenant: &str, version: &str) -> Value {
    let base = base_url(state, headers);
    let place = format!("{base}/{tenant}/oauth2{version}");
    json!({
        "token_endpoint": format!("{place}/token"),
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": format!("{base}/{tenant}/discovery{version}/keys"),
        "response_modes_supported": ["query", "fragment", "form_post"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "authorization_endpoint": format!("{place}/authorize"),
        "device_authorization_endpoint": format!("{place}/devicecode"),
        "end_session_endpoint": format!("{place}/logout"),
        "claims_supported":
            ["sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "oid", "ver"],
    })
}

fn document(
    state: &ApiState,
    headers: &HeaderMap,
    tenant: &str,
    version: &str,
) -> Result<Value, SignInError> {
    check_tenant(state, tenant)?;
    let is_ours = tenant.eq_ignore_ascii_case(&state.app.tenant);
    // where the tenant is not named, the place for its id is
    let named = if is_ours { &*state.app.tenant } else { "{tenantid}" };
    let mut document = addresses(state, headers, tenant, version);
    document["issuer"] = match version {
        "" => json!(token_issuer(named)),
        _ => json!(openid_issuer(named)),
    };
    Ok(document)
}

pub async fn newer(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = document(&state, &headers, &tenant, "/v2.0");
    answer(&state, &headers, found)
}

pub async fn older(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = document(&state, &headers, &tenant, "");
    answer(&state, &headers, found)
}

pub async fn keys(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = match check_tenant(&state, &tenant) {
        Ok(()) => {
            let keys = state.app.token_keys().await;
            keys.map(|keys| json!({"keys": keys})).map_err(SignInError::from)
        }
        Err(failure) => Err(failure),
    };
    answer(&state, &headers, found)
}

/// The names of the one cloud that there is.
pub async fn instance(
    State(state): State<ApiState>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = check_tenant(&state, &tenant).map(|()| {
        let base = base_url(&state, &headers);
        json!({
            "tenant_discovery_endpoint":
                format!("{base}/{}/v2.0/.well-known/openid-configuration", state.app.tenant),
            "api-version": "1.1",
            "metadata": [{
                "preferred_network": "login.microsoftonline.com",
                "preferred_cache": "login.windows.net",
                "aliases": super::LOGIN_HOSTS,
            }],
        })
    });
    answer(&state, &headers, found)
}

/// Says of every name that its password is tried here, whether there is such a user or not.
pub async fn realm(
    State(state): State<ApiState>,
    Path((tenant, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let found = check_tenant(&state, &tenant).map(|()| {
        let domain = name.split_once('@').map_or("", |(_, domain)| domain);
        json!({
            "ver": "1.0",
            "account_type": "Managed",
            "domain_name": domain,
            "cloud_instance_name": "microsoftonline.com",
            "cloud_audience_urn": "urn:federation:MicrosoftOnline",
        })
    });
    answer(&state, &headers, found)
}
