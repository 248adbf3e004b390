//! Applications of the embedded directory: programs that sign in by themselves or for
//! somebody. One record stands for the registration and for its service principal.

use super::Outside;
use crate::app::data::{self, Change, Cursor, Kind, Known, Listed, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, Role};
use crate::auth::token;
use crate::clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;
use subtle::ConstantTimeEq;

pub const BY_CLIENT: u8 = 1;
pub const BY_NAME: u8 = 2;
pub const BY_OUTSIDE: u8 = 3;

/// A program that may sign in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// The object id of its service principal, a GUID.
    pub id: String,
    /// What it names itself by, a GUID.
    pub client_id: String,
    pub display_name: String,
    #[serde(default)]
    pub(super) secrets: Vec<ClientSecret>,
    #[serde(default)]
    pub certificates: Vec<ClientCertificate>,
    /// Where codes may be sent. Loopback addresses match with any port.
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// It runs where a secret cannot be kept: people sign in with it, it never does alone.
    pub is_public: bool,
    #[serde(default)]
    pub roles: Vec<Role>,
    /// An administrator has consented for everybody.
    #[serde(default)]
    pub is_consented: bool,
    /// Whose issuer it is from, if that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Outside>,
    /// Counts what ends its tokens.
    #[serde(default)]
    pub stamp: u32,
    /// Ticks.
    pub created: i64,
}

/// A secret: only its hash is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ClientSecret {
    pub id: String,
    /// SHA-256, base64. Secrets are long and random: they need no slow hash.
    pub hash: String,
    /// Ticks.
    pub created: i64,
    pub expires: Option<i64>,
}

/// A certificate that may sign what the application says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertificate {
    /// SHA-256 of the certificate, hexadecimal.
    pub thumbprint: String,
    /// DER, base64.
    pub content: String,
    /// Ticks.
    pub expires: i64,
}

impl Stored for Application {
    const KIND: Kind = Kind::Application;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        let mut keys = vec![
            data::unique(BY_CLIENT, &[&self.client_id.to_lowercase()]),
            data::key(BY_NAME, &[&self.display_name.to_lowercase()]),
        ];
        keys.extend(self.outside.iter().map(|it| it.key(BY_OUTSIDE)));
        keys
    }
}

impl Application {
    /// Whether a secret is one of the application's that have not expired.
    #[must_use]
    pub fn has_secret(&self, given: &str, now: i64) -> bool {
        let given = STANDARD.encode(token::hash(given));
        let mut is_right = false;
        for secret in &self.secrets {
            let is_same = bool::from(secret.hash.as_bytes().ct_eq(given.as_bytes()));
            is_right |= is_same && secret.expires.is_none_or(|expires| expires > now);
        }
        is_right
    }

    #[must_use]
    pub fn secrets(&self) -> usize {
        self.secrets.len()
    }
}

/// An application as an administrator describes one.
pub struct ApplicationInput {
    pub display_name: String,
    pub is_public: bool,
    pub redirect_uris: Vec<String>,
    pub roles: Vec<Role>,
    pub is_consented: bool,
}

/// What is to be different of an application.
#[derive(Default)]
pub struct ApplicationPatch {
    pub display_name: Option<String>,
    pub redirect_uris: Option<Vec<String>>,
    /// An administrator consents for everybody, or takes it back.
    pub is_consented: Option<bool>,
}

/// Secrets, certificates and addresses that an application may have.
pub(super) const PARTS_MAX: usize = 32;

impl App {
    pub async fn create_application(
        &self,
        caller: &Caller,
        input: ApplicationInput,
    ) -> Result<Application, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let name = check_name(&input.display_name)?;
        check_redirects(&input.redirect_uris)?;
        let roles = self.known_roles(input.roles).await?;
        let guid = || clock::guid().map_err(AppError::internal);
        let application = Known::new(Application {
            id: guid()?,
            client_id: guid()?,
            display_name: name.to_owned(),
            secrets: Vec::new(),
            certificates: Vec::new(),
            redirect_uris: input.redirect_uris,
            is_public: input.is_public,
            roles,
            is_consented: input.is_consented,
            outside: None,
            stamp: 0,
            created: self.engine.clock.now(),
        });
        let detail = json!({
            "displayName": name,
            "isPublic": application.is_public,
            "redirectUris": application.redirect_uris,
            "isConsented": application.is_consented,
            "roles": application.roles,
        });
        let change = Change::default().put(&application)?;
        self.apply(caller, change.audit("CreateApplication", &application.id, &detail)).await?;
        Ok(application.value)
    }

    pub async fn list_applications(
        &self,
        caller: &Caller,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<Listed<Application>, AppError> {
        self.permit(caller, Operation::ReadDirectory)?;
        self.list(BY_NAME, &[], after, rows_max).await
    }

    pub async fn get_application(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Known<Application>, AppError> {
        self.permit(caller, Operation::ReadDirectory)?;
        self.application(name).await?.ok_or_else(|| no_application(name))
    }

    /// An application by what it names itself by, or by object id.
    pub(crate) async fn application(
        &self,
        name: &str,
    ) -> Result<Option<Known<Application>>, AppError> {
        match self.find(BY_CLIENT, &[&name.to_lowercase()]).await? {
            Some(application) => Ok(Some(application)),
            None => self.get(name).await,
        }
    }

    /// The same with what only administrators see.
    pub async fn list_applications_as_admin(
        &self,
        caller: &Caller,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<Listed<Application>, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        self.list(BY_NAME, &[], after, rows_max).await
    }

    /// The same with what only administrators see, by display name as well.
    pub async fn get_application_as_admin(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Known<Application>, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        self.application_as_admin(name).await
    }

    pub(super) async fn application_as_admin(
        &self,
        name: &str,
    ) -> Result<Known<Application>, AppError> {
        self.application_named(name).await?.ok_or_else(|| no_application(name))
    }

    /// An application by client id, object id, or a display name that only one has. Never
    /// for signing in: display names are nobody's own.
    pub(crate) async fn application_named(
        &self,
        name: &str,
    ) -> Result<Option<Known<Application>>, AppError> {
        if let Some(application) = self.application(name).await? {
            return Ok(Some(application));
        }
        let mut named = self.list(BY_NAME, &[&name.to_lowercase()], None, 2).await?.rows;
        if named.len() > 1 {
            let message = format!("Several applications are called '{name}': name one by its id.");
            return Err(AppError::new(ErrorKind::Conflict, "AmbiguousName", message));
        }
        Ok(named.pop())
    }

    /// Changes what an administrator decides of an application.
    pub async fn update_application(
        &self,
        caller: &Caller,
        name: &str,
        patch: ApplicationPatch,
    ) -> Result<Application, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let mut application = self.application_as_admin(name).await?;
        let before = facts_of(&application);
        if let Some(name) = &patch.display_name {
            application.display_name = check_name(name)?;
        }
        if let Some(uris) = patch.redirect_uris {
            check_redirects(&uris)?;
            application.redirect_uris = uris;
        }
        if let Some(is_consented) = patch.is_consented {
            application.is_consented = is_consented;
        }
        let detail = json!({"before": before, "after": facts_of(&application)});
        let change = Change::default().put(&application)?;
        self.apply(caller, change.audit("UpdateApplication", &application.id, &detail)).await?;
        self.principals.forget(&application.id);
        Ok(application.value)
    }

    /// Ends every token and key of an application.
    pub async fn revoke_application(&self, caller: &Caller, name: &str) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let mut application = self.application_as_admin(name).await?;
        application.stamp = application.stamp.wrapping_add(1);
        let now = clock::unix_seconds(self.engine.clock.now());
        if let Some(outside) = &mut application.outside {
            // this second's tokens too
            outside.not_before = now + 1;
        }
        let change = Change::default().put(&application)?;
        let change = change.audit("RevokeSessions", &application.id, &json!({}));
        self.apply(caller, change).await?;
        self.principals.forget(&application.id);
        Ok(())
    }

    pub async fn delete_application(&self, caller: &Caller, name: &str) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let application = self.application_as_admin(name).await?;
        let mut change = Change::default().remove(&application);
        for key in self.keys_of(&application.id).await? {
            change = change.remove(&key);
        }
        let change = change.audit("DeleteApplication", &application.id, &json!({}));
        self.apply(caller, change).await?;
        self.principals.forget(&application.id);
        Ok(())
    }
}

fn no_application(name: &str) -> AppError {
    AppError::not_found("ApplicationNotFound", format!("There is no application '{name}'."))
}

/// What the audit says of an application.
fn facts_of(application: &Application) -> serde_json::Value {
    json!({
        "displayName": application.display_name,
        "redirectUris": application.redirect_uris,
        "isConsented": application.is_consented,
    })
}

fn check_name(name: &str) -> Result<String, AppError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 256 || name.chars().any(char::is_control) {
        let message = "An application needs a name of 1 to 256 characters.";
        return Err(AppError::invalid("InvalidApplicationName", message));
    }
    Ok(name.to_owned())
}

fn check_redirects(uris: &[String]) -> Result<(), AppError> {
    if uris.len() > PARTS_MAX {
        let message = format!("An application has {PARTS_MAX} redirect addresses at most.");
        return Err(AppError::invalid("TooManyRedirects", message));
    }
    uris.iter().try_for_each(|uri| check_redirect(uri))
}

fn check_redirect(uri: &str) -> Result<(), AppError> {
    let parsed = url::Url::parse(uri).ok();
    let is_fine = parsed.as_ref().is_some_and(|url| {
        let is_loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        (url.scheme() == "https" || url.scheme() == "http" && is_loopback)
            && url.fragment().is_none()
            && uri.len() <= 2_048
    });
    if is_fine {
        return Ok(());
    }
    let message = format!(
        "'{uri}' is not an address that codes may be sent to: expected https, or http to this machine."
    );
    Err(AppError::invalid("InvalidRedirectUri", message))
}
