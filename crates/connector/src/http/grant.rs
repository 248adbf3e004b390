//! Token endpoints (RFC 6749, 5): one form there, and what it grants.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use tokio::time::timeout;
use url::{Url, form_urlencoded};

use super::authentication::{PfxFile, Secret};
use super::client::{Bounds, Hop, HttpAnswer, HttpClient, HttpFailure, Redirects};
use crate::limits::{TOKEN_ERROR_CHARS_MAX, TOKEN_RESPONSE_BYTES_MAX};

/// What is asked of a token endpoint.
pub struct GrantCall {
    pub uri: String,
    /// The form, encoded.
    pub form: Secret,
    /// A client that shows itself by a certificate: its id and the file.
    pub certificate: Option<(String, PfxFile)>,
    /// What an error must not repeat.
    pub secrets: Vec<Secret>,
    pub timeout: Duration,
}

/// What was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub access_token: Secret,
    /// Takes the place of the one before, if there is one.
    pub refresh_token: Option<Secret>,
    /// `None`: the endpoint does not say.
    pub life: Option<Duration>,
    pub refresh_life: Option<Duration>,
}

/// Why nothing was granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantFailure {
    /// The endpoint has decided so.
    #[error("the token endpoint gave no token (status {status}){text}")]
    Refused {
        status: u16,
        /// `invalid_grant` and so on; empty when it gives none.
        error: String,
        /// In its own words, from `: ` on.
        text: String,
    },
    /// There was no answer, or none that means anything. Another try may be answered.
    #[error(transparent)]
    Failed(#[from] HttpFailure),
}

/// Says of a client that it shows an assertion instead of a secret.
const ASSERTION_KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl HttpClient {
    /// Asks a token endpoint. It is not redirected: the form holds secrets.
    ///
    /// # Errors
    /// See [`GrantFailure`]. A failure is one of the token request, seen from a call that
    /// the token is for: that one has certainly not been sent.
    pub async fn grant(&self, call: GrantCall) -> Result<Granted, GrantFailure> {
        let url = Url::parse(call.uri.trim()).map_err(|_| {
            HttpFailure::Invalid("the address of the token endpoint cannot be read".to_owned())
        })?;
        let mut body = call.form.expose().to_owned();
        if let Some((client_id, file)) = &call.certificate {
            let identity = self.identity(file).await?;
            let assertion = identity.pfx().assertion(client_id, url.as_str(), unix_seconds());
            let assertion = assertion
                .map_err(|fault| HttpFailure::Invalid(format!("client certificate: {fault}")))?;
            let more = form_urlencoded::Serializer::new(String::new())
                .append_pair("client_assertion_type", ASSERTION_KIND)
                .append_pair("client_assertion", assertion.expose())
                .finish();
            body = format!("{body}&{more}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let body = Some(Bytes::from(body));
        let hop = Hop { identity: None, method: Method::POST, url, headers, body };
        let bounds = Bounds {
            redirects: &Redirects::Stay,
            redirects_max: 0,
            response_bytes_max: TOKEN_RESPONSE_BYTES_MAX,
        };
        let answer = match timeout(call.timeout, Box::pin(self.exchange(hop, bounds))).await {
            Ok(answer) => answer.map_err(before_the_call)?,
            Err(_) => return Err(before_the_call(HttpFailure::Timeout).into()),
        };
        read(&answer, &call.secrets)
    }
}

fn unix_seconds() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

fn read(answer: &HttpAnswer, secrets: &[Secret]) -> Result<Granted, GrantFailure> {
    let value = value_of(answer);
    let status = answer.status;
    if status == StatusCode::TOO_MANY_REQUESTS || status >= 500 {
        let text = format!("the token endpoint answered {status}");
        return Err(HttpFailure::Unreachable(text).into());
    }
    let text = |name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(Secret::new)
    };
    let seconds = |name: &str| match value.get(name) {
        Some(Value::Number(number)) => number.as_u64(),
        // Entra ID's older endpoint writes the seconds as text
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    match text("access_token") {
        Some(access_token) if (200..300).contains(&status) => Ok(Granted {
            access_token,
            refresh_token: text("refresh_token"),
            life: seconds("expires_in").map(Duration::from_secs),
            refresh_life: ["refresh_token_expires_in", "refresh_expires_in"]
                .into_iter()
                .find_map(|name| seconds(name).filter(|seconds| *seconds > 0))
                .map(Duration::from_secs),
        }),
        _ => Err(GrantFailure::Refused {
            status,
            error: value.get("error").and_then(Value::as_str).unwrap_or_default().to_owned(),
            text: refusal(&value, secrets),
        }),
    }
}

/// JSON; some services answer with a form, whatever they are asked for.
fn value_of(answer: &HttpAnswer) -> Value {
    let is_form = answer.headers.iter().any(|(name, value)| {
        name == "content-type" && value.starts_with("application/x-www-form-urlencoded")
    });
    if !is_form {
        return serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    }
    form_urlencoded::parse(&answer.body)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect()
}

/// The endpoint's own words: they name what to correct. Should they repeat a secret, it is
/// blotted out.
fn refusal(answer: &Value, secrets: &[Secret]) -> String {
    let mut text = String::new();
    for name in ["error", "error_description"] {
        if let Some(part) = answer.get(name).and_then(Value::as_str) {
            text.push_str(": ");
            text.push_str(part);
        }
    }
    for secret in secrets.iter().filter(|secret| !secret.expose().is_empty()) {
        text = text.replace(secret.expose(), "***");
    }
    text.chars().take(TOKEN_ERROR_CHARS_MAX).collect()
}

/// A failure while asking for a token, seen from the call it was for.
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
        other @ (HttpFailure::Denied(_) | HttpFailure::Refused(_) | HttpFailure::Parts(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &str, body: &'static str) -> HttpAnswer {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        HttpAnswer { status, headers, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn tokens_are_read_from_json_and_from_forms() {
        let json = r#"{"access_token": "a", "refresh_token": "r", "expires_in": "60",
            "refresh_token_expires_in": 3600}"#;
        let granted = read(&answer(200, "application/json", json), &[]).unwrap();
        assert_eq!(
            (granted.access_token.expose(), granted.life),
            ("a", Some(Duration::from_secs(60)))
        );
        assert_eq!(granted.refresh_token, Some(Secret::new("r")));
        assert_eq!(granted.refresh_life, Some(Duration::from_secs(3_600)));
        let form = "access_token=a&scope=x%20y&token_type=bearer";
        let kind = "application/x-www-form-urlencoded; charset=utf-8";
        let granted = read(&answer(200, kind, form), &[]).unwrap();
        assert_eq!((granted.access_token.expose(), granted.life), ("a", None));
    }

    #[test]
    fn a_refusal_is_told_whatever_its_status() {
        // as GitHub answers
        let said = r#"{"error": "bad_verification_code", "error_description": "no s3cret here"}"#;
        let refused = read(&answer(200, "application/json", said), &[Secret::new("s3cret")]);
        let Err(GrantFailure::Refused { status: 200, error, text }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(error, "bad_verification_code");
        assert_eq!(text, ": bad_verification_code: no *** here");
        let busy = read(&answer(503, "text/plain", "later"), &[]);
        assert!(matches!(busy, Err(GrantFailure::Failed(HttpFailure::Unreachable(_)))));
    }
}
