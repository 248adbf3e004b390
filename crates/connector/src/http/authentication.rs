//! The `authentication` object of an HTTP action, and the header it becomes.
//!
//! Reads values only; tokens are fetched in `token`. Secrets are held in [`Secret`],
//! which no debug output shows. Deliberately absent: where secrets are stored, and
//! connections, which bring credentials of their own.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use expr::Value;

/// A text that must not appear in logs, errors or debug output.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself: call this only where it goes onto the wire.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// How a call identifies itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Authentication {
    #[default]
    None,
    Basic {
        username: String,
        password: Secret,
    },
    /// The `Authorization` header as it stands.
    Raw {
        value: Secret,
    },
    /// Shown in the handshake of TLS.
    ClientCertificate(PfxFile),
    ActiveDirectoryOAuth(OAuthClient),
}

/// OAuth 2 client credentials against Entra ID or an issuer with the same paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OAuthClient {
    pub tenant: String,
    pub audience: String,
    pub client_id: String,
    pub credential: ClientCredential,
    /// Address of the issuer, without the tenant.
    pub authority: String,
}

/// What a client shows of itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClientCredential {
    Secret(Secret),
    /// Signs an assertion (RFC 7523).
    Certificate(PfxFile),
}

/// A certificate and its key: a PFX file in base64.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PfxFile {
    pub content: Secret,
    pub password: Secret,
}

/// The public cloud's issuer, when a definition names none.
pub const AUTHORITY_DEFAULT: &str = "https://login.microsoftonline.com";

impl Authentication {
    /// Reads the `authentication` object of a definition, expressions evaluated. Its
    /// absence (null, or an object without properties) means none.
    ///
    /// # Errors
    /// A sentence for the flow's author; never contains a secret.
    pub fn from_value(value: &Value) -> Result<Authentication, String> {
        let object = match value {
            Value::Null => return Ok(Authentication::None),
            Value::Object(object) if object.is_empty() => return Ok(Authentication::None),
            Value::Object(object) => object,
            other => {
                return Err(format!(
                    "The authentication is of type {}; expected an object.",
                    other.kind()
                ));
            }
        };
        let Some(kind) = object.get("type") else {
            return Err("The authentication has no 'type'.".to_owned());
        };
        let Some(kind) = kind.as_str() else {
            return Err(format!(
                "'authentication.type' is of type {}; expected a string.",
                kind.kind()
            ));
        };
        match kind.to_ascii_lowercase().as_str() {
            "none" => Ok(Authentication::None),
            "basic" => Ok(Authentication::Basic {
                username: text(value, "username")?,
                password: secret(value, "password")?,
            }),
            "raw" => Ok(Authentication::Raw { value: secret(value, "value")? }),
            "clientcertificate" => pfx(value).map(Authentication::ClientCertificate),
            "activedirectoryoauth" => oauth(value).map(Authentication::ActiveDirectoryOAuth),
            "managedserviceidentity" => Err(
                "The authentication type ManagedServiceIdentity is not available outside Azure; \
                     use ActiveDirectoryOAuth with a client of its own."
                    .to_owned(),
            ),
            _ => Err(format!(
                "The authentication type is '{kind}'; expected None, Basic, Raw, ClientCertificate or \
                 ActiveDirectoryOAuth."
            )),
        }
    }
}

/// The `Authorization` value for a name and password.
pub(crate) fn basic(username: &str, password: &Secret) -> Secret {
    let pair = format!("{username}:{}", password.expose());
    Secret::new(format!("Basic {}", STANDARD.encode(pair)))
}

fn pfx(value: &Value) -> Result<PfxFile, String> {
    let content = secret(value, "pfx")?;
    if STANDARD.decode(content.expose().trim()).is_err() {
        return Err("'authentication.pfx' is not base64; expected a PFX file in base64.".to_owned());
    }
    let password =
        if has(value, "password") { secret(value, "password")? } else { Secret::default() };
    Ok(PfxFile { content, password })
}

fn oauth(value: &Value) -> Result<OAuthClient, String> {
    let by_certificate = value
        .get("credentialType")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("certificate"));
    let credential = if by_certificate || (has(value, "pfx") && !has(value, "secret")) {
        ClientCredential::Certificate(pfx(value)?)
    } else {
        ClientCredential::Secret(secret(value, "secret")?)
    };
    let authority = if has(value, "authority") {
        text(value, "authority")?
    } else {
        AUTHORITY_DEFAULT.to_owned()
    };
    Ok(OAuthClient {
        tenant: text(value, "tenant")?,
        audience: text(value, "audience")?,
        client_id: text(value, "clientId")?,
        credential,
        authority,
    })
}

fn has(value: &Value, name: &str) -> bool {
    value.get(name).is_some_and(|it| !it.is_null())
}

/// A required text. Integers count as their digits: passwords and ids are written
/// without quotes in some real definitions.
fn text(value: &Value, name: &str) -> Result<String, String> {
    match value.get(name) {
        Some(Value::String(text)) => Ok(text.to_string()),
        Some(Value::Int(number)) => Ok(number.to_string()),
        Some(Value::Null) | None => Err(format!("The authentication has no '{name}'.")),
        Some(other) => {
            Err(format!("'authentication.{name}' is of type {}; expected a string.", other.kind()))
        }
    }
}

fn secret(value: &Value, name: &str) -> Result<Secret, String> {
    text(value, name).map(Secret::new)
}
