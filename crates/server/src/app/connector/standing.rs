//! Whether a connection can be used, as its service says: one that was refused is marked, as
//! one that has expired is, until a test or another sign-in shows that it is good again.

use super::connection::{Connection, ConnectionFault};
use super::secret::signs_in;
use crate::app::App;
use crate::app::data::{Change, Known};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use serde_json::json;

impl App {
    /// Notes that the service of a connection does not let it in any more. Whoever has
    /// changed the connection meanwhile is right.
    pub(crate) async fn refuse_connection(
        &self,
        connection: &Known<Connection>,
        message: String,
    ) -> Result<(), AppError> {
        let fault = ConnectionFault { code: "Unauthenticated".to_owned(), message };
        self.put_fault(connection, Some(fault), "ConnectionRefused").await
    }

    /// Notes that a connection is let in again.
    pub(super) async fn restore_connection(
        &self,
        connection: &Known<Connection>,
    ) -> Result<(), AppError> {
        self.put_fault(connection, None, "ConnectionRestored").await
    }

    async fn put_fault(
        &self,
        seen: &Known<Connection>,
        fault: Option<ConnectionFault>,
        operation: &'static str,
    ) -> Result<(), AppError> {
        use crate::app::data::Stored as _;
        let Some(mut connection) = self.get::<Connection>(seen.id()).await? else { return Ok(()) };
        let is_other = connection.changed != seen.changed || connection.fault != seen.fault;
        if is_other || connection.fault.is_some() == fault.is_some() {
            return Ok(());
        }
        let reason = fault.as_ref().map(|it| it.message.clone());
        connection.fault = fault;
        let detail = json!({"name": connection.name, "reason": reason});
        let change = Change::default().put(&connection)?;
        let change = change.audit(operation, connection.id(), &detail);
        match self.apply(&Caller::root("server"), change).await {
            Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
            done => done.map(|_| ()),
        }
    }

    /// Whether a person has to sign in for a connection.
    pub(super) fn is_signed_in_for(
        &self,
        connection: &Connection,
        set: &::connector::definition::ParameterSet,
    ) -> Result<bool, AppError> {
        Ok(signs_in(set, &self.values_of(connection)?))
    }
}
