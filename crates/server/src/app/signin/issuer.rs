//! Tokens of issuers from outside: their keys, and who their bearers are here.
//!
//! Keys are fetched when they are first needed, again after an hour, and when a token names
//! one that is not known, though not more often than twice a minute. An issuer that is away
//! keeps the keys it had.

use crate::app::App;
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::auth::issuer::{
    IssuerSettings, OutsideFault, OutsideKey, check, is_safe_address, named_issuer, read_keys,
};
use crate::auth::jwt::key_id;
use crate::clock::{self, SECOND};
use crate::limits::{
    ISSUER_ANSWER_BYTES_MAX, ISSUER_ASKED_AGAIN_SECONDS, ISSUER_CALL_SECONDS, ISSUER_KEYS_SECONDS,
};
use connector::http::{
    Authentication, EgressPolicy, HttpCall, HttpClient, HttpLimits, Redirects, Transfer,
};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// The issuers that are trusted.
#[derive(Default)]
pub struct Issuers {
    all: Vec<Arc<Issuer>>,
    client: Option<HttpClient>,
}

pub(super) struct Issuer {
    pub settings: IssuerSettings,
    known: Mutex<Known>,
    /// One asks at a time.
    asking: tokio::sync::Mutex<()>,
}

/// What is known of its keys. Times are ticks.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<Vec<OutsideKey>>,
    /// When they came.
    read: Option<i64>,
    /// When they were last asked for.
    asked: Option<i64>,
}

impl Known {
    fn key(&self, id: &str) -> Option<OutsideKey> {
        self.keys.iter().find(|key| key.id == id).cloned()
    }

    fn is_old(&self, now: i64) -> bool {
        self.read.is_none_or(|read| now - read >= ISSUER_KEYS_SECONDS * SECOND)
    }

    fn may_be_asked_for(&self, now: i64) -> bool {
        self.asked.is_none_or(|asked| now - asked >= ISSUER_ASKED_AGAIN_SECONDS * SECOND)
    }
}

impl Issuers {
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(all: Vec<IssuerSettings>, policy: EgressPolicy) -> Result<Issuers, String> {
        if all.is_empty() {
            return Ok(Issuers::default());
        }
        let limits = HttpLimits {
            response_bytes_max: ISSUER_ANSWER_BYTES_MAX,
            connect_timeout: Duration::from_secs(ISSUER_CALL_SECONDS),
            ..HttpLimits::default()
        };
        let client = HttpClient::new(Arc::new(policy), limits).map_err(|it| it.to_string())?;
        let issuer = |settings| {
            let (known, asking) = (Mutex::default(), tokio::sync::Mutex::default());
            Arc::new(Issuer { settings, known, asking })
        };
        Ok(Issuers { all: all.into_iter().map(issuer).collect(), client: Some(client) })
    }

    /// The issuer that a token names, when it is one of these.
    fn of(&self, token: &str) -> Option<Arc<Issuer>> {
        if self.all.is_empty() {
            return None;
        }
        let name = named_issuer(token)?;
        self.all.iter().find(|it| it.settings.url == name).cloned()
    }

    /// Those at which people sign in in a browser, by their numbers.
    pub(super) fn with_sign_in(&self) -> impl Iterator<Item = (usize, &Arc<Issuer>)> {
        self.all.iter().enumerate().filter(|(_, issuer)| issuer.settings.sign_in.is_some())
    }

    /// What an issuer says of itself.
    pub(super) async fn metadata(&self, settings: &IssuerSettings) -> Result<Value, String> {
        let base = settings.url.trim_end_matches('/');
        let document = self.get(&format!("{base}/.well-known/openid-configuration")).await?;
        if document["issuer"].as_str() != Some(settings.url.as_str()) {
            return Err("its metadata is of another issuer".to_owned());
        }
        Ok(document)
    }

    /// Asks an issuer for its keys.
    async fn fetch(&self, settings: &IssuerSettings) -> Result<Vec<OutsideKey>, String> {
        let address = match &settings.keys_url {
            Some(address) => address.clone(),
            None => {
                let document = self.metadata(settings).await?;
                document["jwks_uri"].as_str().unwrap_or_default().to_owned()
            }
        };
        if !is_safe_address(&address) {
            return Err("the address of its keys is not one with https".to_owned());
        }
        let keys = read_keys(&self.get(&address).await?);
        if keys.is_empty() {
            Err("it publishes no key that is of use".to_owned())
        } else {
            Ok(keys)
        }
    }

    async fn get(&self, uri: &str) -> Result<Value, String> {
        self.call("GET", uri, Vec::new(), None).await
    }

    /// Sends a form to an issuer.
    pub(super) async fn post(&self, uri: &str, form: String) -> Result<Value, String> {
        let kind = "application/x-www-form-urlencoded".to_owned();
        self.call("POST", uri, vec![("Content-Type".to_owned(), kind)], Some(form)).await
    }

    async fn call(
        &self,
        method: &str,
        uri: &str,
        mut headers: Vec<(String, String)>,
        body: Option<String>,
    ) -> Result<Value, String> {
        let client = self.client.as_ref().ok_or("there is no client")?;
        headers.push(("Accept".to_owned(), "application/json".to_owned()));
        let call = HttpCall {
            method: method.to_owned(),
            uri: uri.to_owned(),
            headers,
            body: body.map(Into::into),
            authentication: Authentication::None,
            timeout: Duration::from_secs(ISSUER_CALL_SECONDS),
            redirects: Redirects::Stay,
            transfer: Transfer::Whole,
        };
        let answer = client.send(call).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("'{uri}' was answered with {}", answer.status));
        }
        serde_json::from_slice(&answer.body).map_err(|error| format!("'{uri}': {error}"))
    }
}

impl App {
    /// Who is behind a token of an issuer from outside. `None`: it names no such issuer.
    pub(crate) async fn caller_from_outside(
        &self,
        token: &str,
    ) -> Result<Option<Caller>, AppError> {
        let Some(issuer) = self.issuers.of(token) else { return Ok(None) };
        let settings = &issuer.settings;
        let id = key_id(token).map_err(|_| invalid("The access token names no key."))?;
        let key = self.issuer_key(&issuer, &id).await?;
        let now = clock::unix_seconds(self.engine.clock.now());
        let claims = check(token, &key, settings, now);
        let bearer = claims.and_then(|claims| settings.bearer(&claims)).map_err(|fault| {
            tracing::debug!(issuer = settings.url, ?fault, "a token that is not believed");
            refusal_of(&fault)
        })?;
        if settings.only_with_role && bearer.roles.is_empty() {
            let message = "The access token has none of the roles that this server lets in.";
            return Err(AppError::new(ErrorKind::Forbidden, "Forbidden", message));
        }
        Ok(Some(self.principal_from_outside(&settings.url, bearer).await?))
    }

    /// The key that a token names, when its issuer publishes it.
    pub(super) async fn issuer_key(
        &self,
        issuer: &Arc<Issuer>,
        id: &str,
    ) -> Result<OutsideKey, AppError> {
        let now = self.engine.clock.now();
        let known = issuer.known.lock().clone();
        if let Some(key) = known.key(id) {
            if known.is_old(now) && known.may_be_asked_for(now) {
                // nobody waits for that
                let (app, issuer) = (self.clone(), Arc::clone(issuer));
                tokio::spawn(async move { app.read_issuer_keys(&issuer).await });
            }
            return Ok(key);
        }
        let known = self.read_issuer_keys(issuer).await;
        if let Some(key) = known.key(id) {
            return Ok(key);
        }
        if known.read.is_none() {
            let message = "The issuer of the access token does not give its keys now.";
            return Err(AppError::new(ErrorKind::Unavailable, "IssuerUnavailable", message));
        }
        Err(invalid("The access token is signed with a key that its issuer does not publish."))
    }

    /// Asks for the keys again, unless that was done just now.
    async fn read_issuer_keys(&self, issuer: &Issuer) -> Known {
        let _turn = issuer.asking.lock().await;
        let now = self.engine.clock.now();
        if !issuer.known.lock().may_be_asked_for(now) {
            return issuer.known.lock().clone();
        }
        issuer.known.lock().asked = Some(now);
        match self.issuers.fetch(&issuer.settings).await {
            Ok(keys) => {
                let mut known = issuer.known.lock();
                known.keys = Arc::new(keys);
                known.read = Some(now);
            }
            Err(reason) => {
                tracing::warn!(issuer = issuer.settings.url, reason, "keys of an issuer");
            }
        }
        issuer.known.lock().clone()
    }
}

fn invalid(message: &str) -> AppError {
    AppError::new(ErrorKind::Unauthenticated, "InvalidAuthenticationToken", message)
}

fn refusal_of(fault: &OutsideFault) -> AppError {
    let refusal = |code, message| AppError::new(ErrorKind::Unauthenticated, code, message);
    match fault {
        OutsideFault::Invalid => invalid("The access token is not one of its issuer."),
        OutsideFault::Expired => {
            refusal("ExpiredAuthenticationToken", "The access token has expired.")
        }
        OutsideFault::Audience => {
            let message = "The access token is for another audience than this needs.";
            refusal("InvalidAuthenticationAudience", message)
        }
        OutsideFault::Refused(reason) => {
            invalid(&format!("The access token is not taken here. {reason}"))
        }
    }
}
