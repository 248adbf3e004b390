//! People and programs from outside: who an issuer says they are, and their records here,
//! which are made when they are first seen and kept as the newest token describes them.
//!
//! Invariant: nobody becomes somebody who is here already by having their name. An issuer
//! and what it calls somebody are what they are found by, and nothing else.

use super::{Application, User};
use crate::app::App;
use crate::app::data::{Change, Known, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::{Caller, Role};
use crate::auth::issuer::Bearer;
use crate::clock;
use crate::limits::CHANGE_TRIES_MAX;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

/// Where somebody is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outside {
    /// What the issuer calls itself.
    pub issuer: String,
    /// What it calls them.
    pub subject: String,
    /// The roles here that go with what it says of them.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// When the token was made that said so. Unix seconds.
    described: i64,
    /// Tokens that were made before have been revoked. Unix seconds.
    #[serde(default)]
    pub not_before: i64,
}

impl Outside {
    fn new(issuer: &str, bearer: &Bearer) -> Outside {
        Outside {
            issuer: issuer.to_owned(),
            subject: bearer.subject.clone(),
            roles: bearer.roles.clone(),
            described: bearer.issued,
            not_before: 0,
        }
    }

    /// The key that they are found by.
    #[must_use]
    pub fn key(&self, name: u8) -> RecordKey {
        crate::app::data::unique(name, &[&self.issuer, &self.subject])
    }
}

/// What a newer token changes of a record.
trait FromOutside: Stored + Clone {
    /// Under which key such records are found.
    const BY_OUTSIDE: u8;

    fn outside(&self) -> Option<&Outside>;

    /// Takes what a token says; answers whether anything is different.
    fn describe(&mut self, bearer: &Bearer) -> bool;
}

impl FromOutside for User {
    const BY_OUTSIDE: u8 = super::user::BY_OUTSIDE;

    fn outside(&self) -> Option<&Outside> {
        self.outside.as_ref()
    }

    fn describe(&mut self, bearer: &Bearer) -> bool {
        let before = (self.display_name.clone(), self.mail.clone());
        if let Some(name) = &bearer.display_name {
            self.display_name.clone_from(name);
        }
        if bearer.mail.is_some() {
            self.mail.clone_from(&bearer.mail);
        }
        take_roles(&mut self.outside, bearer)
            | (before != (self.display_name.clone(), self.mail.clone()))
    }
}

impl FromOutside for Application {
    const BY_OUTSIDE: u8 = super::application::BY_OUTSIDE;

    fn outside(&self) -> Option<&Outside> {
        self.outside.as_ref()
    }

    fn describe(&mut self, bearer: &Bearer) -> bool {
        take_roles(&mut self.outside, bearer)
    }
}

fn take_roles(outside: &mut Option<Outside>, bearer: &Bearer) -> bool {
    let Some(outside) = outside else { return false };
    outside.described = bearer.issued;
    let is_other = outside.roles != bearer.roles;
    outside.roles.clone_from(&bearer.roles);
    is_other
}

impl App {
    /// The caller that a bearer from outside is here.
    pub(crate) async fn principal_from_outside(
        &self,
        issuer: &str,
        bearer: Bearer,
    ) -> Result<Caller, AppError> {
        let id = match bearer.is_application {
            true => self.known_from_outside::<Application>(issuer, &bearer).await?,
            false => self.known_from_outside::<User>(issuer, &bearer).await?,
        };
        let principal = self.principal(&id).await?;
        let refuse = |message| {
            AppError::new(ErrorKind::Unauthenticated, "InvalidAuthenticationToken", message)
        };
        let principal = principal.ok_or_else(|| refuse("Whom the access token is for is gone."))?;
        if !principal.is_enabled {
            return Err(refuse("The user account is disabled."));
        }
        Ok(principal.caller)
    }

    /// The object id of a person from outside.
    pub(crate) async fn person_from_outside(
        &self,
        issuer: &str,
        bearer: &Bearer,
    ) -> Result<String, AppError> {
        self.known_from_outside::<User>(issuer, bearer).await
    }

    /// The object id of somebody from outside, whose record is as new as their token.
    async fn known_from_outside<T: FromOutside + Made>(
        &self,
        issuer: &str,
        bearer: &Bearer,
    ) -> Result<String, AppError> {
        for at in 0..CHANGE_TRIES_MAX {
            let parts = [issuer, bearer.subject.as_str()];
            let Some(mut known) = self.find::<T>(T::BY_OUTSIDE, &parts).await? else {
                // at first under the name that they have there, if nobody has it here
                let made = Known::new(T::made(self, issuer, bearer, at == 0)?);
                let detail = json!({"issuer": issuer, "roles": bearer.roles});
                let change = Change::default().put(&made)?.audit(T::CREATE, made.id(), &detail);
                match self.apply(&Caller::root("sign-in"), change).await {
                    Err(error) if error.kind == ErrorKind::Conflict => continue,
                    done => return done.map(|_| made.id().to_owned()),
                }
            };
            let id = known.id().to_owned();
            let outside = known.outside().cloned();
            if outside.as_ref().is_some_and(|it| bearer.issued < it.not_before) {
                let message = "The access token has been revoked.";
                let code = "InvalidAuthenticationToken";
                return Err(AppError::new(ErrorKind::Unauthenticated, code, message));
            }
            let is_newer = outside.as_ref().is_some_and(|it| bearer.issued >= it.described);
            if !is_newer || !known.describe(bearer) {
                return Ok(id);
            }
            let before = outside.map(|it| it.roles);
            let detail = json!({"issuer": issuer, "before": before, "after": bearer.roles});
            let change = Change::default().put(&known)?.audit(T::UPDATE, &id, &detail);
            match self.apply(&Caller::root("sign-in"), change).await {
                Err(error) if error.kind == ErrorKind::Conflict => {}
                Err(error) => return Err(error),
                Ok(_) => {
                    self.principals.forget(&id);
                    return Ok(id);
                }
            }
        }
        let message = "Many asked for the same at the same moment. Try again.";
        Err(AppError::new(ErrorKind::Throttled { retry_after_seconds: 1 }, "ServerBusy", message))
    }
}

/// Records that begin with a token.
trait Made: Sized {
    /// What the audit says.
    const CREATE: &'static str;
    const UPDATE: &'static str;

    fn made(app: &App, issuer: &str, bearer: &Bearer, keeps_name: bool) -> Result<Self, AppError>;
}

impl Made for User {
    const CREATE: &'static str = "CreateUser";
    const UPDATE: &'static str = "UpdateUser";

    fn made(app: &App, issuer: &str, bearer: &Bearer, keeps_name: bool) -> Result<Self, AppError> {
        let id = clock::guid().map_err(AppError::internal)?;
        let fits = |name: &String| super::user::check_principal_name(name).is_ok();
        let name = bearer.principal_name.clone().filter(|name| keeps_name && fits(name));
        let name = name.unwrap_or_else(|| format!("{id}@outside"));
        let mut user = User::new(id, name, app.engine.clock.now());
        if let Some(name) = &bearer.display_name {
            user.display_name.clone_from(name);
        }
        user.mail.clone_from(&bearer.mail);
        user.outside = Some(Outside::new(issuer, bearer));
        Ok(user)
    }
}

impl Made for Application {
    const CREATE: &'static str = "CreateApplication";
    const UPDATE: &'static str = "UpdateApplication";

    fn made(app: &App, issuer: &str, bearer: &Bearer, _: bool) -> Result<Self, AppError> {
        let guid = || clock::guid().map_err(AppError::internal);
        Ok(Application {
            id: guid()?,
            client_id: guid()?,
            display_name: bearer.display_name.clone().unwrap_or_else(|| bearer.subject.clone()),
            secrets: Vec::new(),
            certificates: Vec::new(),
            redirect_uris: Vec::new(),
            is_public: false,
            roles: Vec::new(),
            is_consented: false,
            outside: Some(Outside::new(issuer, bearer)),
            stamp: 0,
            created: app.engine.clock.now(),
        })
    }
}
