//! The connections with which an app is used: those that are shared with it, and people's own.
//!
//! Invariant: through an app a connection is used for calls and for nothing else: who has it
//! so cannot keep it in a flow, change it or give it away.

use super::{AppAct, AppAt, AppFound, AppReference, BY_CONNECTION, PowerApp};
use crate::app::connector::choice::{Theirs, allows_use};
use crate::app::connector::connection::Connection;
use crate::app::connector::{Connector, no_connector};
use crate::app::data::{Known, Stored};
use crate::app::environment::Environment;
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::policy::{self, Place};
use crate::limits::APPS_LOOKED_AT_MAX;

/// What a connection is to somebody with whom apps are shared.
pub enum Lent {
    /// An app shares it with them.
    Shared,
    /// An app of this name uses it and cannot share it.
    OwnNeeded(String),
    Nothing,
}

/// What somebody uses in the place of a reference of an app.
pub struct AppConnection {
    /// What the app calls it.
    pub key: String,
    pub connector: Connector,
    pub used: AppUse,
}

/// Which connection it is.
pub enum AppUse {
    /// The app's, which is shared with them.
    Shared(Known<Connection>),
    Own(Known<Connection>),
    /// Their own has to be signed in for again.
    Faulted(Known<Connection>),
    /// They are asked for one of their own.
    Required,
}

impl App {
    /// Whether an app shares a connection with somebody.
    pub(crate) async fn lent(
        &self,
        person: &Caller,
        (environment, connector): (&Environment, &Connector),
        connection: &Known<Connection>,
    ) -> Result<Lent, AppError> {
        let parts = [connection.id()];
        let apps =
            self.list::<PowerApp>(BY_CONNECTION, &parts, None, APPS_LOOKED_AT_MAX).await?.rows;
        let mut lent = Lent::Nothing;
        for app in apps {
            let is_theirs = app.environment == environment.id && app.hold_of(person).is_some();
            if !is_theirs {
                continue;
            }
            if self.lends(&app, (environment, connector), connection).await? {
                return Ok(Lent::Shared);
            }
            lent = Lent::OwnNeeded(app.display_name.clone());
        }
        Ok(lent)
    }

    /// Whether an app shares a connection: that can be, and who put it there may do so still.
    async fn lends(
        &self,
        app: &PowerApp,
        (environment, connector): (&Environment, &Connector),
        connection: &Known<Connection>,
    ) -> Result<bool, AppError> {
        if !connector.is_shareable(connection) {
            return Ok(false);
        }
        let is_it = |it: &&AppReference| it.connection_id.as_deref() == Some(connection.id());
        for reference in app.references.values().filter(is_it) {
            let Some(lender) = &reference.lender else { continue };
            let Some(lender) = self.principal(lender).await? else { continue };
            let hold = connection.hold_of(&lender.caller);
            let place = Place { hold, ..environment.place() };
            let operation = Operation::ModifyConnectionPermissions;
            if lender.is_enabled && policy::allows(&lender.caller, operation, place) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The name of the connection that an app shares by a reference.
    pub(crate) async fn app_shares(
        &self,
        found: &AppFound,
        reference: &AppReference,
    ) -> Result<Option<String>, AppError> {
        let Some(id) = &reference.connection_id else { return Ok(None) };
        let Some(connection) = self.get::<Connection>(id).await? else { return Ok(None) };
        let Some(connector) = self.connector_of(&found.environment, &connection).await? else {
            return Ok(None);
        };
        let lends = self.lends(&found.app, (&found.environment, &connector), &connection).await?;
        Ok(lends.then(|| connection.name.clone()))
    }

    /// The connector of a name in an environment, if it is there.
    pub(crate) async fn connector_in(
        &self,
        environment: &Environment,
        name: &str,
    ) -> Result<Option<Connector>, AppError> {
        Ok(self.connector_named(environment, name).await?.map(|it| it.value))
    }

    /// The connections of a connector that apps share with somebody.
    pub(crate) async fn lent_to(
        &self,
        person: &Caller,
        (environment, connector): (&Environment, &Connector),
    ) -> Result<Vec<Known<Connection>>, AppError> {
        let mut found = Vec::new();
        for app in self.apps_of(person).await? {
            if app.environment != environment.id {
                continue;
            }
            for reference in app.references.values().filter(|it| it.connector == connector.name) {
                let Some(id) = &reference.connection_id else { continue };
                let Some(connection) = self.get::<Connection>(id).await? else { continue };
                if self.lends(&app, (environment, connector), &connection).await? {
                    found.push(connection);
                }
            }
        }
        Ok(found)
    }

    /// The connections with which the caller uses an app; of some they may have to bring
    /// their own.
    pub async fn list_app_connections(
        &self,
        caller: &Caller,
        at: AppAt<'_>,
    ) -> Result<(AppFound, Vec<AppConnection>), AppError> {
        let found = self.app_for(caller, AppAct::USE, at).await?;
        let mut all = Vec::new();
        for (key, reference) in &found.app.references {
            let connector = self.connector_named(&found.environment, &reference.connector).await?;
            let connector = connector.ok_or_else(|| no_connector(&reference.connector))?.value;
            let used = self.app_use(caller, (&found.environment, &connector), reference).await?;
            all.push(AppConnection { key: key.clone(), connector, used });
        }
        Ok((found, all))
    }

    async fn app_use(
        &self,
        caller: &Caller,
        (environment, connector): (&Environment, &Connector),
        reference: &AppReference,
    ) -> Result<AppUse, AppError> {
        let named = match &reference.connection_id {
            Some(id) => self.get::<Connection>(id).await?,
            None => None,
        };
        if let Some(connection) = named {
            if connection.owner.as_deref() == Some(caller.id()) {
                return Ok(match self.fault_of(&connection) {
                    None => AppUse::Own(connection),
                    Some(_) => AppUse::Faulted(connection),
                });
            }
            if self.may_use(caller, (environment, connector), &connection).await? {
                return Ok(AppUse::Shared(connection));
            }
        }
        let theirs = self.connection_of_person(caller, (environment, connector), None).await?;
        Ok(match theirs {
            Theirs::Connected(connection) => AppUse::Own(connection),
            Theirs::Faulted(connection) => AppUse::Faulted(connection),
            Theirs::Nothing => AppUse::Required,
        })
    }

    /// Lets somebody make a call over a connection: their own, one that they were given, or
    /// one that an app shares with them. Where an app cannot, they are asked for their own.
    pub(crate) async fn check_call(
        &self,
        caller: &Caller,
        (environment, connector): (&Environment, &Connector),
        connection: &Known<Connection>,
    ) -> Result<(), AppError> {
        if allows_use(caller, environment, connection.hold_of(caller)) {
            return Ok(());
        }
        match self.lent(caller, (environment, connector), connection).await? {
            Lent::Shared => Ok(()),
            Lent::OwnNeeded(app) => Err(own_needed(&app, connector, &connection.name)),
            Lent::Nothing => Err(crate::app::connector::connection::no_permission(
                caller,
                &connection.name,
                &connector.name,
            )),
        }
    }
}

fn own_needed(app: &str, connector: &Connector, connection: &str) -> AppError {
    let message = format!(
        "The app '{app}' cannot share the connection '{connection}' with you: make a connection of your own with the connector '{}' ({}).",
        connector.display_name, connector.name
    );
    AppError::new(ErrorKind::Forbidden, "OwnConnectionRequired", message)
}
