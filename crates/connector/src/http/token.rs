//! Access tokens by OAuth 2 client credentials, fetched through the guarded client.
//!
//! A token is kept in memory until shortly before its end; callers that need the same
//! one wait for a single request. Nothing is written to disk and no refusal is
//! remembered: the author of a flow who corrects a secret is not kept waiting.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::authentication::{OAuthClient, Secret};
use super::client::{Bounds, Hop, HttpAnswer, HttpClient, HttpFailure};
use crate::limits::{
    TOKEN_CACHE_ENTRIES_MAX, TOKEN_ERROR_CHARS_MAX, TOKEN_LIFE_MAX, TOKEN_RENEW_BEFORE,
    TOKEN_RESPONSE_BYTES_MAX,
};

/// Tokens by the whole client, its secret included: a caller with a wrong secret must
/// not be served with another's token.
#[derive(Default)]
pub(super) struct TokenCache {
    slots: Mutex<HashMap<OAuthClient, Slot>>,
}

/// Locked while its token is fetched, so that others wait instead of asking too.
type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

struct Token {
    authorization: Secret,
    renew_at: Instant,
}

/// What a token endpoint granted.
struct Grant {
    authorization: Secret,
    life: Duration,
}

impl TokenCache {
    async fn get(
        &self,
        client: &OAuthClient,
        fetch: impl Future<Output = Result<Grant, HttpFailure>>,
    ) -> Result<Secret, HttpFailure> {
        let slot = self.slot(client);
        let mut slot = slot.lock().await;
        if let Some(token) = slot.as_ref()
            && Instant::now() < token.renew_at
        {
            return Ok(token.authorization.clone());
        }
        *slot = None;
        let grant = fetch.await?;
        let life = grant.life.min(TOKEN_LIFE_MAX);
        let usable = life - TOKEN_RENEW_BEFORE.min(life / 2);
        *slot = Some(Token {
            authorization: grant.authorization.clone(),
            renew_at: Instant::now() + usable,
        });
        Ok(grant.authorization)
    }

    /// Drops a token that was refused, unless it has been replaced since.
    pub(super) fn forget(&self, client: &OAuthClient, used: &Secret) {
        let slot = self.slot(client);
        // Whoever holds the lock is fetching a new one already.
        if let Ok(mut slot) = slot.try_lock()
            && slot.as_ref().is_some_and(|token| token.authorization == *used)
        {
            *slot = None;
        }
    }

    fn slot(&self, client: &OAuthClient) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(client) {
            return Arc::clone(slot);
        }
        if slots.len() >= TOKEN_CACHE_ENTRIES_MAX {
            let now = Instant::now();
            slots.retain(|_, slot| match slot.try_lock() {
                Ok(token) => token.as_ref().is_some_and(|token| now < token.renew_at),
                Err(_) => true,
            });
        }
        if slots.len() >= TOKEN_CACHE_ENTRIES_MAX {
            // All in use. Forgetting costs one request each, growing costs the server.
            slots.clear();
        }
        Arc::clone(slots.entry(client.clone()).or_default())
    }
}

impl HttpClient {
    /// The `Authorization` value for a client, from memory or its token endpoint.
    pub(super) async fn access_token(&self, client: &OAuthClient) -> Result<Secret, HttpFailure> {
        self.tokens.get(client, self.fetch_token(client)).await
    }

    async fn fetch_token(&self, client: &OAuthClient) -> Result<Grant, HttpFailure> {
        let hop = token_request(client)?;
        // Not redirected: the body holds the secret.
        let bounds = Bounds { redirects_max: 0, response_bytes_max: TOKEN_RESPONSE_BYTES_MAX };
        let answer = Box::pin(self.exchange(hop, bounds)).await.map_err(before_the_call)?;
        read_grant(&answer, client)
    }
}

fn token_request(client: &OAuthClient) -> Result<Hop, HttpFailure> {
    let invalid =
        || HttpFailure::Invalid("authentication.authority is not the URL of an issuer".to_owned());
    let mut url = Url::parse(client.authority.trim()).map_err(|_| invalid())?;
    url.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().extend([
        client.tenant.as_str(),
        "oauth2",
        "token",
    ]);
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("resource", &client.audience)
        .append_pair("client_id", &client.client_id)
        .append_pair("client_secret", client.secret.expose())
        .finish();
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded"),
    );
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    Ok(Hop { method: Method::POST, url, headers, body: Some(Bytes::from(body)) })
}

fn read_grant(answer: &HttpAnswer, client: &OAuthClient) -> Result<Grant, HttpFailure> {
    let value: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    let status = answer.status;
    let busy = status == StatusCode::TOO_MANY_REQUESTS || status >= 500;
    if busy {
        return Err(HttpFailure::Unreachable(format!("the token endpoint answered {status}")));
    }
    let token = value.get("access_token").and_then(Value::as_str);
    match token {
        Some(token) if status == StatusCode::OK && !token.is_empty() => {
            Ok(Grant { authorization: Secret::new(format!("Bearer {token}")), life: life(&value) })
        }
        _ => Err(HttpFailure::Invalid(format!(
            "the token endpoint gave no token (status {status}){}",
            refusal(&value, &client.secret)
        ))),
    }
}

/// Entra ID's older endpoint writes the seconds as text. Without them the token is
/// used once.
fn life(answer: &Value) -> Duration {
    let seconds = match answer.get("expires_in") {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    Duration::from_secs(seconds.unwrap_or(0))
}

/// The endpoint's own words: they name what to correct. Should they repeat the secret,
/// it is blotted out.
fn refusal(answer: &Value, secret: &Secret) -> String {
    let mut text = String::new();
    for name in ["error", "error_description"] {
        if let Some(part) = answer.get(name).and_then(Value::as_str) {
            text.push_str(": ");
            text.push_str(part);
        }
    }
    if !secret.expose().is_empty() {
        text = text.replace(secret.expose(), "***");
    }
    text.chars().take(TOKEN_ERROR_CHARS_MAX).collect()
}

/// A failure while fetching a token, seen from the call it was for: that one has
/// certainly not been sent.
fn before_the_call(failure: HttpFailure) -> HttpFailure {
    match failure {
        HttpFailure::Timeout => {
            HttpFailure::Unreachable("the token endpoint did not answer in time".to_owned())
        }
        HttpFailure::Unreachable(text) | HttpFailure::Interrupted(text) => {
            HttpFailure::Unreachable(format!("the token endpoint: {text}"))
        }
        HttpFailure::TooLarge { .. } => {
            HttpFailure::Invalid("the token endpoint's answer is too large for a token".to_owned())
        }
        HttpFailure::Invalid(text) => HttpFailure::Invalid(format!("the token request: {text}")),
        other @ (HttpFailure::Denied(_) | HttpFailure::Unsupported(_)) => other,
    }
}
