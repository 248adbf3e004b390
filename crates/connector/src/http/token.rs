//! Access tokens by OAuth 2 client credentials, fetched through the guarded client.
//!
//! A token is kept in memory until shortly before its end; callers that need the same
//! one wait for a single request. Nothing is written to disk and no refusal is
//! remembered: the author of a flow who corrects a secret is not kept waiting.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::authentication::{ClientCredential, OAuthClient, Secret};
use super::client::{HttpClient, HttpFailure};
use super::grant::{GrantCall, GrantFailure};
use crate::limits::{TOKEN_CACHE_ENTRIES_MAX, TOKEN_LIFE_MAX, TOKEN_RENEW_BEFORE, TOKEN_TIMEOUT};

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
        match self.grant(token_request(client)?).await {
            Ok(granted) => Ok(Grant {
                authorization: Secret::new(format!("Bearer {}", granted.access_token.expose())),
                // without an end, the token is used once
                life: granted.life.unwrap_or_default(),
            }),
            Err(GrantFailure::Failed(failure)) => Err(failure),
            Err(refused) => Err(HttpFailure::Invalid(refused.to_string())),
        }
    }
}

fn token_request(client: &OAuthClient) -> Result<GrantCall, HttpFailure> {
    let invalid =
        || HttpFailure::Invalid("authentication.authority is not the URL of an issuer".to_owned());
    let mut url = Url::parse(client.authority.trim()).map_err(|_| invalid())?;
    url.path_segments_mut().map_err(|()| invalid())?.pop_if_empty().extend([
        client.tenant.as_str(),
        "oauth2",
        "token",
    ]);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials")
        .append_pair("resource", &client.audience)
        .append_pair("client_id", &client.client_id);
    let (certificate, secrets) = match &client.credential {
        ClientCredential::Secret(secret) => {
            form.append_pair("client_secret", secret.expose());
            (None, vec![secret.clone()])
        }
        ClientCredential::Certificate(file) => {
            (Some((client.client_id.clone(), file.clone())), Vec::new())
        }
    };
    let form = Secret::new(form.finish());
    Ok(GrantCall { uri: url.into(), form, certificate, secrets, timeout: TOKEN_TIMEOUT })
}
