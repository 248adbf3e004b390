//! Calls over a connection, from outside a flow: who may make them, and as whom they act.

use super::connection::{Connection, no_permission};
use super::management::operations;
use super::{Connector, builtin};
use crate::app::App;
use crate::app::data::Known;
use crate::app::directory::Application;
use crate::app::environment::Environment;
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;

/// A call that may be made.
pub struct ConnectionCall {
    pub environment: Environment,
    pub connector: Connector,
    pub connection: Known<Connection>,
    /// Whom it acts as, at a connector of the administrators.
    pub acting: Option<Caller>,
}

impl App {
    /// Lets a call through: the caller may use the connection, it works, and its limits
    /// allow one more.
    pub async fn begin_call(
        &self,
        caller: &Caller,
        (connector, name): (&str, &str),
        is_get: bool,
    ) -> Result<ConnectionCall, AppError> {
        let refused = || no_permission(caller, name, connector);
        let found = self.connection_at_address(connector, name).await?;
        let connection = found.ok_or_else(refused)?;
        let environment = self.environment(&connection.environment).await?.ok_or_else(refused)?;
        let found = self.connector_named(&environment, connector).await?;
        let connector = found.ok_or_else(refused)?.value;
        self.check_call(caller, (&environment, &connector), &connection).await?;
        if let Some(fault) = self.fault_of(&connection) {
            let message = format!("The connection '{name}' cannot be used: {}", fault.message);
            return Err(AppError::new(ErrorKind::Unauthenticated, "ConnectionFaulted", message));
        }
        let acting = match operations(&connector.name).is_empty() {
            true => None,
            false => Some(self.acting_as(&connection).await?),
        };
        self.count_call(&connector, &connection, is_get).await?;
        Ok(ConnectionCall { environment: environment.value, connector, connection, acting })
    }

    /// Whom a connection to a connector that comes with the server acts as: its owner, or
    /// the application whose certificate it has. Looked at for each call, so that it ends
    /// with them.
    pub(crate) async fn acting_as(
        &self,
        connection: &Known<Connection>,
    ) -> Result<Caller, AppError> {
        let ended = || {
            let message = "Who the connection authenticates as is not let in any more.";
            AppError::new(ErrorKind::Unauthenticated, "ConnectionFaulted", message)
        };
        if connection.set != builtin::CERTIFICATE {
            let owner = connection.owner.as_deref().ok_or_else(ended)?;
            let owner = self.principal(owner).await?.filter(|it| it.is_enabled);
            return Ok(owner.ok_or_else(ended)?.caller);
        }
        let client = connection.parameters.get("token:clientId").and_then(|it| it.as_str());
        let application = self.application(client.unwrap_or_default()).await?.ok_or_else(ended)?;
        let now = self.engine.clock.now();
        let has_it = |application: &Application| {
            let mut theirs = application.certificates.iter();
            theirs.any(|it| {
                Some(&it.thumbprint) == connection.certificate.as_ref() && it.expires > now
            })
        };
        if !has_it(&application) {
            return Err(ended());
        }
        let principal = self.principal(&application.id).await?.filter(|it| it.is_enabled);
        Ok(principal.ok_or_else(ended)?.caller)
    }
}
