//! Consent: what people have allowed applications to do in their name.

use super::refusal::{Refusal, SignInError};
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::directory::{Application, User};
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

pub const BY_USER: u8 = 1;
pub const BY_APPLICATION: u8 = 2;

/// Somebody lets an application act for them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consent {
    id: String,
    /// Object ids.
    pub application: String,
    pub user: String,
    /// Ticks.
    pub created: i64,
}

impl Stored for Consent {
    const KIND: Kind = Kind::Consent;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_USER, &[&self.user]), data::key(BY_APPLICATION, &[&self.application])]
    }
}

/// For whom somebody consents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsentFor {
    Myself,
    /// Everybody: nobody else is asked. Takes an administrator.
    Organization,
}

fn id_of(application: &str, user: &str) -> String {
    format!("{application}.{user}")
}

impl App {
    /// Whether a person, or an administrator for everybody, has consented.
    pub(crate) async fn has_consent(
        &self,
        application: &Application,
        user: &str,
    ) -> Result<bool, AppError> {
        if application.is_consented {
            return Ok(true);
        }
        Ok(self.get::<Consent>(&id_of(&application.id, user)).await?.is_some())
    }

    pub(super) async fn need_consent(
        &self,
        application: &Application,
        user: &str,
    ) -> Result<(), SignInError> {
        if self.has_consent(application, user).await? {
            return Ok(());
        }
        let mut refusal = Refusal::consent(&application.display_name, &application.client_id);
        refusal.user = Some(user.to_owned());
        Err(refusal.into())
    }

    /// Whether a person may consent for everybody.
    pub(crate) async fn may_consent_for_all(&self, user: &User) -> Result<bool, AppError> {
        let principal = self.principal(&user.id).await?;
        Ok(principal.is_some_and(|it| it.is_enabled && it.caller.administers_tenant()))
    }

    /// Writes down that somebody who has signed in consents.
    pub(crate) async fn consent(
        &self,
        application: &Application,
        user: &User,
        whom: ConsentFor,
    ) -> Result<(), AppError> {
        let caller = match self.principal(&user.id).await? {
            Some(principal) => principal.caller,
            None => return Err(AppError::not_found("UserNotFound", "The user is gone.")),
        };
        if whom == ConsentFor::Organization {
            return self.consent_for_organization(&caller, &application.id).await;
        }
        if self.has_consent(application, &user.id).await? {
            return Ok(());
        }
        let consent = Known::new(Consent {
            id: id_of(&application.id, &user.id),
            application: application.id.clone(),
            user: user.id.clone(),
            created: self.engine.clock.now(),
        });
        let mut change = Change::default().put(&consent)?;
        // what administrators see of somebody who uses flows: when that began
        if let Some(mut known) = self.get::<User>(&user.id).await?
            && known.consented.is_none()
        {
            known.consented = Some(consent.created);
            change = change.put(&known)?;
        }
        let change = change.audit("Consent", &application.id, &json!({"user": user.id}));
        match self.apply(&caller, change).await {
            Err(error) if error.kind == ErrorKind::Conflict => {
                // the same in another window, or something else about the person
                let is_there = self.has_consent(application, &user.id).await?;
                if is_there { Ok(()) } else { Err(error) }
            }
            done => done.map(|_| ()),
        }
    }

    /// An administrator consents for everybody: nobody is asked about the application again.
    pub async fn consent_for_organization(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let Some(mut application) = self.application(name).await? else {
            let message = format!("There is no application '{name}'.");
            return Err(AppError::not_found("ApplicationNotFound", message));
        };
        if application.is_consented {
            return Ok(());
        }
        application.is_consented = true;
        let change = Change::default().put(&application)?;
        let detail = json!({"clientId": application.client_id});
        let change = change.audit("ConsentForOrganization", &application.id, &detail);
        self.apply(caller, change).await?;
        Ok(())
    }
}
