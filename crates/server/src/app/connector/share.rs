//! Connections that are given to others.

use super::connection::{
    Connection, ConnectionAct, ConnectionAt, ConnectionFound, ConnectionShare, said,
};
use crate::app::App;
use crate::app::access::Scope;
use crate::app::data::{Change, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::app::facts::PrincipalKind;
use crate::app::owner::PrincipalView;
use crate::auth::caller::Caller;
use crate::auth::policy::Hold;

/// People a connection may be given to.
const SHARES_MAX: usize = 500;

/// Somebody with a part in a connection, as they are shown.
pub struct HolderView {
    pub principal: String,
    pub kind: PrincipalKind,
    pub hold: Hold,
    /// What the directory knows of them, if they are still in it.
    pub known: Option<PrincipalView>,
}

impl App {
    /// Who has a connection.
    pub async fn list_holders(
        &self,
        caller: &Caller,
        at: ConnectionAt<'_>,
    ) -> Result<(ConnectionFound, Vec<HolderView>), AppError> {
        let found = self.connection_for(caller, ConnectionAct::GET, at).await?;
        let connection = &found.connection;
        let owner = connection.owner.clone().map(|principal| ConnectionShare {
            principal,
            kind: connection.owner_kind.unwrap_or(PrincipalKind::User),
            hold: Hold::Owner,
        });
        let mut views = Vec::new();
        for share in owner.into_iter().chain(connection.shares.iter().cloned()) {
            let known = self.principal_view(&share.principal, share.kind).await?;
            let ConnectionShare { principal, kind, hold } = share;
            views.push(HolderView { principal, kind, hold, known });
        }
        Ok((found, views))
    }

    /// Gives a connection to others and takes it from them, all or none. Who made it keeps
    /// it, and one whose way to authenticate is somebody's own stays theirs.
    pub async fn share_connection(
        &self,
        caller: &Caller,
        at: ConnectionAt<'_>,
        (put, delete): (Vec<ConnectionShare>, Vec<String>),
    ) -> Result<(), AppError> {
        let found = self.connection_for(caller, ConnectionAct::SHARE, at).await?;
        let mut connection = found.connection;
        let is_shareable = found.connector.is_shareable(&connection);
        if !put.is_empty() && !is_shareable {
            let message = "A connection that authenticates in this way cannot be shared: who is to use it makes one of their own.";
            return Err(AppError::invalid("ConnectionNotShareable", message));
        }
        // an administrator sees to all of them
        let theirs = Some(at.scope).filter(|it| *it != Scope::Admin);
        let theirs = theirs.and_then(|_| connection.hold_of(caller));
        let is_more = |share: &ConnectionShare| theirs.is_some_and(|theirs| share.hold > theirs);
        let is_named = |principal: &String| {
            delete.contains(principal) || put.iter().any(|share| share.principal == *principal)
        };
        let mut changed = connection.shares.iter().filter(|share| is_named(&share.principal));
        if put.iter().any(is_more) || changed.any(is_more) {
            let message =
                "Nobody gives more of a connection than they have, nor takes from who has more.";
            return Err(AppError::new(ErrorKind::Forbidden, "Forbidden", message));
        }
        for principal in &delete {
            take(&mut connection, principal)?;
        }
        for share in put {
            self.give(&mut connection, share).await?;
        }
        connection.changed = self.engine.clock.now();
        let change = Change::default().put(&connection)?;
        let operation = "ModifyConnectionPermissions";
        let change = change.audit(operation, connection.id(), &said(&connection));
        self.apply(caller, change).await?;
        Ok(())
    }

    async fn give(&self, to: &mut Connection, share: ConnectionShare) -> Result<(), AppError> {
        if self.principal_view(&share.principal, share.kind).await?.is_none() {
            let message = format!("The directory has nobody with the id '{}'.", share.principal);
            return Err(AppError::invalid("PrincipalNotFound", message));
        }
        if share.hold == Hold::Owner || to.owner.as_deref() == Some(&share.principal) {
            let message = "A connection has one owner, who made it.";
            return Err(AppError::invalid("InvalidConnectionRole", message));
        }
        to.shares.retain(|it| it.principal != share.principal);
        to.shares.push(share);
        if to.shares.len() > SHARES_MAX {
            let message = format!("A connection can be shared with {SHARES_MAX} at most.");
            return Err(AppError::invalid("TooManyPermissions", message));
        }
        Ok(())
    }
}

fn take(from: &mut Connection, principal: &str) -> Result<(), AppError> {
    if from.owner.as_deref() == Some(principal) {
        let message = "Who made a connection cannot be removed from it.";
        return Err(AppError::invalid("CannotRemoveCreator", message));
    }
    let before = from.shares.len();
    from.shares.retain(|it| it.principal != principal);
    if from.shares.len() == before {
        let message = format!("The connection is not shared with '{principal}'.");
        return Err(AppError::not_found("PermissionNotFound", message));
    }
    Ok(())
}
