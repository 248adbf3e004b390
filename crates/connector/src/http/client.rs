//! The HTTP client: one call, its redirects, a bounded answer.
//!
//! Every hop passes the egress guard, and names are resolved through it. A failure
//! says what its receiver may do: nothing was sent, something may have been, or the
//! call can never succeed.
//!
//! Invariant: no URL is requested that the guard has not judged, redirects included.
//! Invariant: `HttpFailure::Unreachable` is given only if no request has left.
//!
//! Deliberately absent: retries and polling (a flow's retry
//! policy decides, and its state must survive a restart), cookies kept between calls,
//! and proxies, behind which the guard could not see addresses.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::time::{Instant, timeout};
use url::Url;

use super::authentication::{Authentication, PfxFile, Secret, basic};
use super::egress::{Denied, EgressPolicy};
use super::headers::owned_by_transport;
use super::identity::{Identities, Identity};
use super::redirect::{self, Redirect};
use super::resolver::{GuardedResolver, Lookup, SystemLookup};
use super::token::TokenCache;
use crate::limits::{HttpLimits, POOL_IDLE_PER_HOST_MAX, POOL_IDLE_TIMEOUT, URI_BYTES_MAX};

const USER_AGENT: &str = concat!("sluicegate/", env!("CARGO_PKG_VERSION"));

/// One call to another system.
#[derive(Clone)]
pub struct HttpCall {
    pub method: String,
    pub uri: String,
    /// Sent as they are, except what belongs to the transport (`Host`, lengths,
    /// connection options). An Http action's are filtered by `headers::sendable` first.
    pub headers: Vec<(String, String)>,
    pub body: Option<Bytes>,
    /// Other than `None`, it replaces an `Authorization` header.
    pub authentication: Authentication,
    /// For everything: token, connection, redirects, the whole answer.
    pub timeout: Duration,
    pub redirects: Redirects,
    pub transfer: Transfer,
}

/// What becomes of an answer that points elsewhere.
#[derive(Clone, Default)]
pub enum Redirects {
    /// It is the answer.
    Stay,
    #[default]
    Follow,
    /// It is followed where a rule of the caller allows it.
    Judged(Judge),
}

/// Says of an address why it must not be called.
pub type Judge = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

impl Redirects {
    /// Whether an address that an answer names may be called.
    pub(super) fn judge(&self, url: &Url) -> Result<(), HttpFailure> {
        match self {
            Redirects::Judged(judge) => judge(url.as_str()).map_err(HttpFailure::Refused),
            Redirects::Stay | Redirects::Follow => Ok(()),
        }
    }
}

impl fmt::Debug for Redirects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Redirects::Stay => "Stay",
            Redirects::Follow => "Follow",
            Redirects::Judged(_) => "Judged",
        })
    }
}

/// How a content travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transfer {
    #[default]
    Whole,
    /// In parts, where the other side does so too: see `transfer`.
    InParts,
}

/// Values, queries and bodies can hold secrets, so debug output has none of them.
impl fmt::Debug for HttpCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("HttpCall")
            .field("method", &self.method)
            .field("uri", &self.uri.split(['?', '#']).next().unwrap_or_default())
            .field("headers", &names)
            .field("body_bytes", &self.body.as_ref().map(Bytes::len))
            .field("authentication", &self.authentication)
            .field("timeout", &self.timeout)
            .field("redirects", &self.redirects)
            .field("transfer", &self.transfer)
            .finish()
    }
}

/// What came back, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    pub status: u16,
    /// Names in lower case, in order; a name can occur more than once. Of a
    /// decompressed body neither encoding nor length are listed.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// Why there is no answer, by what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpFailure {
    /// Refused by the egress policy. Never retried. After a redirect, the hops before
    /// the refused one have happened.
    #[error("{0}")]
    Denied(String),
    /// Refused by a rule of the caller. Never retried. As after [`HttpFailure::Denied`], the
    /// hops before have happened.
    #[error("{0}")]
    Refused(String),
    /// What comes or goes in parts does not fit together. The target has acted.
    #[error("The content cannot be transferred in parts: {0}.")]
    Parts(String),
    /// Can never succeed as it stands: bad method, URI or header, or credentials that
    /// their token endpoint refuses. Nothing was sent to the target.
    #[error("The call cannot be made: {0}.")]
    Invalid(String),
    /// No answer in time. The target may have acted.
    #[error("The call was not answered in time.")]
    Timeout,
    /// Name, connection, TLS or access token could not be had: certainly not sent.
    #[error("The target cannot be reached: {0}.")]
    Unreachable(String),
    /// The connection broke. The target may have acted.
    #[error("The call was interrupted: {0}.")]
    Interrupted(String),
    /// The target has acted, but its answer is larger than the limit.
    #[error("The answer is larger than {bytes_max} bytes.")]
    TooLarge { bytes_max: u64 },
}

impl From<Denied> for HttpFailure {
    fn from(denied: Denied) -> Self {
        HttpFailure::Denied(denied.to_string())
    }
}

/// The client could not be set up: TLS has no usable configuration.
#[derive(Debug, thiserror::Error)]
#[error("The HTTP client cannot be set up: {0}.")]
pub struct ClientError(String);

/// The way out of this server. Cloning shares connections and tokens.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    policy: Arc<EgressPolicy>,
    limits: HttpLimits,
    lookup: Arc<dyn Lookup>,
    pub(super) tokens: Arc<TokenCache>,
    identities: Arc<Identities>,
}

/// One request of a call; redirects turn one into the next.
pub(super) struct Hop {
    /// The certificate that the site is shown, if it is to see one.
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
}

/// What an exchange may do.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub(super) redirects: &'a Redirects,
    pub(super) redirects_max: u32,
    pub(super) response_bytes_max: u64,
}

/// What every client is made of: the guard's resolver, and nothing that happens by itself.
fn builder(
    policy: &Arc<EgressPolicy>,
    limits: &HttpLimits,
    lookup: &Arc<dyn Lookup>,
) -> reqwest::ClientBuilder {
    let resolver = GuardedResolver::new(Arc::clone(policy), Arc::clone(lookup));
    let builder = reqwest::Client::builder()
        .dns_resolver(Arc::new(resolver))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .user_agent(USER_AGENT)
        .connect_timeout(limits.connect_timeout)
        .pool_max_idle_per_host(POOL_IDLE_PER_HOST_MAX)
        .pool_idle_timeout(POOL_IDLE_TIMEOUT);
    #[cfg(test)]
    let builder = lookup.trusting(builder);
    builder
}

impl HttpClient {
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(policy: Arc<EgressPolicy>, limits: HttpLimits) -> Result<HttpClient, ClientError> {
        HttpClient::with_lookup(policy, limits, Arc::new(SystemLookup))
    }

    pub(super) fn with_lookup(
        policy: Arc<EgressPolicy>,
        limits: HttpLimits,
        lookup: Arc<dyn Lookup>,
    ) -> Result<HttpClient, ClientError> {
        let client = builder(&policy, &limits, &lookup)
            .build()
            .map_err(|error| ClientError(chain(&error)))?;
        let (tokens, identities) = (Arc::default(), Arc::default());
        Ok(HttpClient { client, policy, limits, lookup, tokens, identities })
    }

    /// A certificate to show, with the connections over which it is shown.
    pub(super) async fn identity(&self, file: &PfxFile) -> Result<Arc<Identity>, HttpFailure> {
        self.identities.get(file, || builder(&self.policy, &self.limits, &self.lookup)).await
    }

    /// Makes one call. Any status is an answer; only its absence is a failure.
    ///
    /// A redirect that is not followed (turned off, too many, from https to http) is
    /// itself the answer.
    ///
    /// # Errors
    /// See [`HttpFailure`].
    pub async fn send(&self, call: HttpCall) -> Result<HttpAnswer, HttpFailure> {
        let result = match call.transfer {
            Transfer::Whole => Box::pin(self.authorize_and_exchange(call)).await,
            Transfer::InParts => Box::pin(self.send_in_parts(call)).await,
        };
        if let Err(HttpFailure::Denied(reason)) = &result {
            tracing::warn!(reason, "outbound call denied");
        }
        result
    }

    pub(super) fn response_bytes_max(&self) -> u64 {
        self.limits.response_bytes_max
    }

    async fn authorize_and_exchange(&self, call: HttpCall) -> Result<HttpAnswer, HttpFailure> {
        let started = Instant::now();
        let HttpCall { method, uri, headers, body, authentication, .. } = call;
        let mut hop = Hop::new(&method, &uri, &headers, body)?;
        // Before a token is asked for: a call that is denied should not cost one.
        self.policy.check_url(&hop.url)?;
        let authorization = match timeout(call.timeout, self.authorization(&authentication)).await {
            Ok(value) => value?,
            Err(_) => {
                return Err(HttpFailure::Unreachable(
                    "there was no access token in time".to_owned(),
                ));
            }
        };
        if let Authentication::ClientCertificate(file) = &authentication {
            hop.identity = Some(self.identity(file).await?);
        }
        if let Some(value) = &authorization {
            hop.headers.insert(header::AUTHORIZATION, authorization_value(value)?);
        }
        let redirects_max = match &call.redirects {
            Redirects::Stay => 0,
            Redirects::Follow | Redirects::Judged(_) => self.limits.redirects_max,
        };
        let bounds = Bounds {
            redirects: &call.redirects,
            redirects_max,
            response_bytes_max: self.limits.response_bytes_max,
        };
        let left = call.timeout.saturating_sub(started.elapsed());
        let answer = match timeout(left, self.exchange(hop, bounds)).await {
            Ok(answer) => answer?,
            Err(_) => return Err(HttpFailure::Timeout),
        };
        if let (Authentication::ActiveDirectoryOAuth(client), Some(used)) =
            (&authentication, &authorization)
            && answer.status == StatusCode::UNAUTHORIZED
        {
            // It may have been revoked: the next call should not meet it again.
            self.tokens.forget(client, used);
        }
        Ok(answer)
    }

    async fn authorization(
        &self,
        authentication: &Authentication,
    ) -> Result<Option<Secret>, HttpFailure> {
        Ok(match authentication {
            Authentication::None | Authentication::ClientCertificate(_) => None,
            Authentication::Basic { username, password } => Some(basic(username, password)),
            Authentication::Raw { value } => Some(value.clone()),
            Authentication::ActiveDirectoryOAuth(client) => {
                Some(Box::pin(self.access_token(client)).await?)
            }
        })
    }

    /// Sends a hop and those it is redirected to, each through the guard.
    pub(super) async fn exchange(
        &self,
        mut hop: Hop,
        bounds: Bounds<'_>,
    ) -> Result<HttpAnswer, HttpFailure> {
        let mut redirects: u32 = 0;
        loop {
            self.policy.check_url(&hop.url)?;
            let sent_before = redirects > 0;
            let client = hop.identity.as_ref().map_or(&self.client, |it| it.client());
            let response =
                client.execute(hop.request()).await.map_err(|error| failure(error, sent_before))?;
            let location = response.headers().get(header::LOCATION);
            let next = redirect::next(response.status(), location, &hop.url, &hop.method);
            match next {
                Some(next) if redirects < bounds.redirects_max => {
                    bounds.redirects.judge(&next.url)?;
                    hop.follow(next);
                    redirects += 1;
                }
                _ => return read_answer(response, bounds.response_bytes_max).await,
            }
        }
    }
}

impl Hop {
    fn new(
        method: &str,
        uri: &str,
        headers: &[(String, String)],
        body: Option<Bytes>,
    ) -> Result<Hop, HttpFailure> {
        let invalid = |reason: String| Err(HttpFailure::Invalid(reason));
        if uri.len() > URI_BYTES_MAX {
            return invalid(format!("the URI has more than {URI_BYTES_MAX} bytes"));
        }
        let method = match Method::from_bytes(method.trim().to_ascii_uppercase().as_bytes()) {
            // CONNECT asks for a tunnel, which would pass the guard by.
            Ok(method) if method != Method::CONNECT => method,
            _ => return invalid(format!("'{method}' is not a method that can be sent")),
        };
        let url = match Url::parse(uri.trim()) {
            Ok(url) => without_user(url),
            Err(error) => return invalid(format!("the URI cannot be read: {error}")),
        };
        let headers = header_map(headers)?;
        // Servers answer a POST without any length with 411.
        let needs_length = matches!(method, Method::POST | Method::PUT | Method::PATCH);
        let body = if needs_length { Some(body.unwrap_or_default()) } else { body };
        Ok(Hop { identity: None, method, url, headers, body })
    }

    fn request(&self) -> reqwest::Request {
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers.clone();
        match &self.body {
            Some(body) if !body.is_empty() => {
                *request.body_mut() = Some(reqwest::Body::from(body.clone()));
            }
            // Below, no length is sent for no body; servers answer such a POST with 411.
            _ if matches!(self.method, Method::POST | Method::PUT | Method::PATCH) => {
                let length = HeaderValue::from_static("0");
                request.headers_mut().insert(header::CONTENT_LENGTH, length);
            }
            _ => {}
        }
        request
    }

    fn follow(&mut self, redirect: Redirect) {
        redirect::clean_headers(&mut self.headers, &self.url, &redirect);
        if self.url.origin() != redirect.url.origin() {
            // a certificate was meant for the first site, as other credentials are
            self.identity = None;
        }
        if !redirect.keeps_body {
            self.body = None;
        }
        self.method = redirect.method;
        self.url = without_user(redirect.url);
    }
}

/// Drops `user:password@`: the real service's HTTP stack does not send it either, and
/// text from a flow's data should not become credentials by accident.
fn without_user(mut url: Url) -> Url {
    // Both fail only for URLs without a host, which have no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

fn header_map(headers: &[(String, String)]) -> Result<HeaderMap, HttpFailure> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let Ok(name) = HeaderName::from_bytes(name.trim().as_bytes()) else {
            return Err(HttpFailure::Invalid(format!("'{name}' is not a header name")));
        };
        if owned_by_transport(name.as_str()) {
            continue;
        }
        let Ok(mut value) = HeaderValue::from_bytes(value.trim().as_bytes()) else {
            let reason =
                format!("the value of header '{name}' has line breaks or control characters");
            return Err(HttpFailure::Invalid(reason));
        };
        value.set_sensitive(matches!(name, header::AUTHORIZATION | header::COOKIE));
        if map.try_append(name, value).is_err() {
            return Err(HttpFailure::Invalid("too many headers".to_owned()));
        }
    }
    Ok(map)
}

fn authorization_value(secret: &Secret) -> Result<HeaderValue, HttpFailure> {
    let mut value = HeaderValue::from_bytes(secret.expose().trim().as_bytes()).map_err(|_| {
        HttpFailure::Invalid("the authentication has line breaks or control characters".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads the body piece by piece, so that one over the limit is never held whole.
async fn read_answer(
    mut response: reqwest::Response,
    bytes_max: u64,
) -> Result<HttpAnswer, HttpFailure> {
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), header_text(value)))
        .collect();
    if response.content_length().is_some_and(|length| length > bytes_max) {
        return Err(HttpFailure::TooLarge { bytes_max });
    }
    let mut body = BytesMut::new();
    // The request went out and was answered, so no failure from here is "unreachable".
    while let Some(piece) = response.chunk().await.map_err(|error| failure(error, true))? {
        if (body.len() + piece.len()) as u64 > bytes_max {
            return Err(HttpFailure::TooLarge { bytes_max });
        }
        body.extend_from_slice(&piece);
    }
    Ok(HttpAnswer { status, headers, body: body.freeze() })
}

/// A header's text: UTF-8 if it is, else Latin-1, which HTTP meant originally and which
/// loses nothing.
fn header_text(value: &HeaderValue) -> String {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// `sent_before`: a request of the same call has left already, so that "could not
/// connect" no longer means that nothing was sent.
fn failure(error: reqwest::Error, sent_before: bool) -> HttpFailure {
    // Its text would show the URL, and with it signatures in the query.
    let error = error.without_url();
    if let Some(denied) = denied_within(&error) {
        return HttpFailure::Denied(denied.to_string());
    }
    let text = chain(&error);
    if error.is_builder() {
        HttpFailure::Invalid(text)
    } else if (error.is_connect() || error.is_dns()) && !sent_before {
        HttpFailure::Unreachable(text)
    } else if error.is_timeout() && !error.is_connect() {
        HttpFailure::Timeout
    } else {
        HttpFailure::Interrupted(text)
    }
}

/// The guard's refusal, if the resolver gave one as the reason.
fn denied_within<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Denied> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(denied) = error.downcast_ref::<Denied>() {
            return Some(denied);
        }
        next = error.source();
    }
    None
}

/// An error with its causes; the cause is what the reader needs.
pub(super) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
