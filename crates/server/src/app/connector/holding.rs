//! Connections that somebody has: lists of them, and one by its name alone.

use super::connection::{BY_ENVIRONMENT, BY_HOLDER, BY_PLACE, Connection, ConnectionFound};
use crate::app::data::{Cursor, Listed};
use crate::app::environment::Environment;
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::policy::{self, Place};

impl App {
    /// The connections that the caller has: their own, and those they were given, one
    /// principal of theirs after the other.
    pub async fn list_connections(
        &self,
        caller: &Caller,
        environment: &str,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<(Environment, Listed<Connection>), AppError> {
        let operation = Operation::ListConnections;
        let environment = self.environment_for(caller, operation, environment).await?.value;
        let own = environment.id.as_str();
        let holders: Vec<Vec<&str>> = caller.principals().map(|it| vec![own, it]).collect();
        let held = self.list_held(BY_HOLDER, &holders, (after, rows_max), Connection::is_held_by);
        let listed = held.await?;
        Ok((environment, listed))
    }

    /// All connections of an environment.
    pub async fn list_connections_as_admin(
        &self,
        caller: &Caller,
        environment: &str,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<(Environment, Listed<Connection>), AppError> {
        let operation = Operation::ListConnectionsAsAdmin;
        let environment = self.environment_for(caller, operation, environment).await?.value;
        let listed = self.list(BY_ENVIRONMENT, &[&environment.id], after, rows_max).await?;
        Ok((environment, listed))
    }

    /// A connection of an environment that the caller has, by its name alone, as addresses of
    /// Azure have it: connections of different connectors may share a name.
    pub async fn connection_named(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<ConnectionFound, AppError> {
        let refused = || {
            let message = format!(
                "The caller with object id '{}' does not have permission for connection '{name}' of the resource group '{environment}'.",
                caller.id()
            );
            AppError::new(ErrorKind::Forbidden, "ConnectionAuthorizationFailed", message)
        };
        let environment = self.environment(environment).await?.ok_or_else(refused)?.value;
        let parts = [environment.id.as_str(), &name.to_lowercase()];
        let mut theirs = self.list_all::<Connection>(BY_PLACE, &parts).await?;
        theirs.retain(|it| {
            let place = Place { hold: it.hold_of(caller), ..environment.place() };
            policy::allows(caller, Operation::GetConnection, place)
        });
        let connection = theirs.pop().ok_or_else(refused)?;
        if let Some(other) = theirs.pop() {
            let message = format!(
                "The caller has more than one connection '{name}', of '{}' and of '{}': call it at the address of its connector.",
                other.connector, connection.connector
            );
            return Err(AppError::new(ErrorKind::Conflict, "AmbiguousConnection", message));
        }
        let connector = self.connector_of(&environment, &connection).await?.ok_or_else(refused)?;
        Ok(ConnectionFound { environment, connector, connection })
    }
}

impl Connection {
    fn is_held_by(&self, principal: &str) -> bool {
        self.owner.as_deref() == Some(principal)
            || self.shares.iter().any(|share| share.principal == principal)
    }
}
