//! Who shares a flow: owners, co-owners and run-only users.

use super::access::{Act, FlowAt, FlowFound};
use super::data::Change;
use super::error::AppError;
use super::facts::{Permission, PrincipalKind, Share};
use super::{App, Operation};
use crate::app::directory::{Application, Group, User};
use crate::auth::caller::Caller;
use serde_json::json;

/// Somebody with a part in a flow, as they are shown.
pub struct OwnerView {
    pub principal: String,
    pub kind: PrincipalKind,
    pub role: OwnerRole,
    /// What the directory knows of them, if they are still in it.
    pub known: Option<PrincipalView>,
}

/// What the directory knows of somebody.
pub struct PrincipalView {
    pub display_name: String,
    pub mail: Option<String>,
    pub user_principal_name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerRole {
    Owner,
    CanEdit,
    CanView,
}

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    /// Owner and co-owners.
    Owners,
    /// Run-only users.
    Users,
}

/// Somebody to be given a part: how they are named is checked against the directory.
pub struct Grant {
    /// Object id.
    pub principal: Option<String>,
    /// Instead of the object id: a name to sign in with, or an address of mail.
    pub name: Option<String>,
    pub kind: PrincipalKind,
    pub share: Share,
}

/// People a flow may be shared with.
const PERMISSIONS_MAX: usize = 500;

impl App {
    pub async fn list_owners(
        &self,
        caller: &Caller,
        act: Act,
        at: FlowAt<'_>,
        which: Which,
    ) -> Result<(FlowFound, Vec<OwnerView>), AppError> {
        let found = self.flow_for(caller, act, at).await?;
        let mut views = Vec::new();
        if let (Some(creator), true) = (&found.facts.creator, which != Which::Users) {
            let kind = found.facts.creator_kind.unwrap_or(PrincipalKind::User);
            views.push(self.owner_view(creator, kind, OwnerRole::Owner).await?);
        }
        for permission in &found.facts.permissions {
            let role = match permission.share {
                Share::CanEdit => OwnerRole::CanEdit,
                Share::CanView => OwnerRole::CanView,
            };
            let is_wanted = match which {
                Which::All => true,
                Which::Owners => role == OwnerRole::CanEdit,
                Which::Users => role == OwnerRole::CanView,
            };
            if is_wanted {
                views.push(self.owner_view(&permission.principal, permission.kind, role).await?);
            }
        }
        Ok((found, views))
    }

    async fn owner_view(
        &self,
        principal: &str,
        kind: PrincipalKind,
        role: OwnerRole,
    ) -> Result<OwnerView, AppError> {
        let known = self.principal_view(principal, kind).await?;
        Ok(OwnerView { principal: principal.to_owned(), kind, role, known })
    }

    pub(crate) async fn principal_view(
        &self,
        id: &str,
        kind: PrincipalKind,
    ) -> Result<Option<PrincipalView>, AppError> {
        Ok(match kind {
            PrincipalKind::User => self.get::<User>(id).await?.map(|user| PrincipalView {
                display_name: user.display_name.clone(),
                mail: user.mail.clone(),
                user_principal_name: Some(user.user_principal_name.clone()),
            }),
            PrincipalKind::Group => self.get::<Group>(id).await?.map(|group| PrincipalView {
                display_name: group.display_name.clone(),
                mail: None,
                user_principal_name: None,
            }),
            PrincipalKind::ServicePrincipal => {
                self.get::<Application>(id).await?.map(|application| PrincipalView {
                    display_name: application.display_name.clone(),
                    mail: None,
                    user_principal_name: None,
                })
            }
        })
    }

    /// Gives and takes parts in a flow, all or none. Who made it keeps it.
    pub async fn modify_owners(
        &self,
        caller: &Caller,
        act: Act,
        at: FlowAt<'_>,
        (put, delete): (Vec<Grant>, Vec<String>),
    ) -> Result<(), AppError> {
        let found = self.flow_for(caller, act, at).await?;
        let (mut facts, id) = (found.facts, found.entry.row.id.clone());
        let before = facts.permissions.clone();
        let only_users = act.mine == Operation::ModifyRunOnlyUsers;
        for principal in &delete {
            if facts.creator.as_deref() == Some(principal) {
                let message = "Who made a flow cannot be removed from its owners.";
                return Err(AppError::invalid("CannotRemoveCreator", message));
            }
            let is_theirs = |it: &Permission| {
                it.principal == *principal && !(only_users && it.share == Share::CanEdit)
            };
            if !facts.permissions.iter().any(is_theirs) {
                let message = format!("The flow is not shared with '{principal}'.");
                return Err(AppError::not_found("PermissionNotFound", message));
            }
            facts.permissions.retain(|it| !is_theirs(it));
        }
        for grant in put {
            let permission = self.permission(grant).await?;
            if facts.creator.as_ref() == Some(&permission.principal) {
                continue;
            }
            facts.permissions.retain(|it| it.principal != permission.principal);
            facts.permissions.push(permission);
        }
        if facts.permissions.len() > PERMISSIONS_MAX {
            let message = format!("A flow is shared with {PERMISSIONS_MAX} at most.");
            return Err(AppError::invalid("TooManyOwners", message));
        }
        let detail = json!({"before": before, "after": facts.permissions});
        let change = Change::default().put(&facts)?;
        let operation = if only_users { "ModifyRunOnlyUsers" } else { "ModifyFlowOwners" };
        self.apply(caller, change.audit(operation, &id, &detail)).await.map(|_| ())
    }

    async fn permission(&self, grant: Grant) -> Result<Permission, AppError> {
        let Grant { principal, name, kind, share } = grant;
        let asked = principal.as_deref().or(name.as_deref()).unwrap_or_default();
        let found = match kind {
            PrincipalKind::User => self.user(asked).await?.map(|user| user.id.clone()),
            PrincipalKind::Group => self.get::<Group>(asked).await?.map(|it| it.id.clone()),
            PrincipalKind::ServicePrincipal => {
                self.get::<Application>(asked).await?.map(|it| it.id.clone())
            }
        };
        let principal = found.ok_or_else(|| {
            let message = format!("The directory has no {kind:?} '{asked}'.");
            AppError::invalid("PrincipalNotFound", message)
        })?;
        Ok(Permission { principal, kind, share })
    }
}
