//! Fields of forms and queries: each once, none too long.

use super::body;
use crate::app::AppError;
use crate::app::signin::{Asked, ClientProof, Refusal, SignInError};
use crate::limits::{LOGIN_BODY_BYTES_MAX, LOGIN_FIELD_BYTES_MAX};
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::HashMap;

/// Fields by their names.
#[derive(Default)]
pub struct Fields(HashMap<String, String>);

impl Fields {
    /// Reads the query of an address.
    pub fn of_query(query: Option<&str>) -> Result<Fields, SignInError> {
        Fields::parse(query.unwrap_or_default().as_bytes())
    }

    /// Reads the body of a request.
    pub async fn of_body(request: Request<Body>) -> Result<(HeaderMap, Fields), SignInError> {
        let (parts, body) = request.into_parts();
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let is_form = kind.is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        if !is_form {
            let message = "The body has to be a form: 'application/x-www-form-urlencoded'.";
            return Err(Refusal::malformed(message).into());
        }
        let bytes = body::read(body, &parts.headers, LOGIN_BODY_BYTES_MAX).await;
        let bytes = bytes.map_err(|error: AppError| SignInError::Failed(error))?;
        Ok((parts.headers, Fields::parse(&bytes)?))
    }

    fn parse(text: &[u8]) -> Result<Fields, SignInError> {
        if text.len() > LOGIN_BODY_BYTES_MAX {
            return Err(Refusal::malformed("The request is too long.").into());
        }
        let mut fields = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(text) {
            if value.len() > LOGIN_FIELD_BYTES_MAX {
                return Err(Refusal::malformed("A parameter is too long.").into());
            }
            if fields.contains_key(&*name) {
                return Err(Refusal::repeated(&name).into());
            }
            fields.insert(name.into_owned(), value.into_owned());
        }
        Ok(Fields(fields))
    }

    /// A field that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn need(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::missing(name))
    }

    pub fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// What tokens are asked for: by `resource` of the older endpoints, or by `scope`.
    pub fn asked(&self) -> Result<Option<Asked>, Refusal> {
        match (self.get("resource"), self.get("scope")) {
            (Some(resource), _) => Asked::of_resource(resource).map(Some),
            (None, Some(scope)) => Asked::of_scope(scope).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// What an application shows of itself, in the form or in the header.
    pub fn proof(&self, headers: &HeaderMap) -> Result<ClientProof, Refusal> {
        if let Some((client_id, secret)) = basic(headers) {
            let secret = Some(secret).filter(|secret| !secret.is_empty());
            return Ok(ClientProof { client_id, secret, assertion: None, address: None });
        }
        let assertion = match self.get("client_assertion") {
            None => None,
            Some(assertion) => {
                let kind = self.need("client_assertion_type")?;
                if kind != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
                    let message = "The 'client_assertion_type' is not one that is supported.";
                    return Err(Refusal::malformed(message));
                }
                Some(assertion.to_owned())
            }
        };
        Ok(ClientProof {
            client_id: self.need("client_id")?.to_owned(),
            secret: self.owned("client_secret"),
            assertion,
            address: None,
        })
    }
}

/// Client id and secret of the header, each encoded as in a form (RFC 6749, 2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, text) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (name, secret) = text.split_once(':')?;
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().ok().map(|it| it.into_owned())
    };
    Some((decode(name)?, decode(secret)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_there_once() {
        let fields = Fields::of_query(Some("a=1&b=&c=x+y%26")).ok().unwrap();
        assert_eq!(fields.get("a"), Some("1"));
        assert_eq!(fields.get("b"), None);
        assert_eq!(fields.get("c"), Some("x y&"));
        assert!(fields.need("b").is_err());
        assert!(Fields::of_query(Some("a=1&a=2")).is_err());
    }
}
