//! With whom an app is shared, and whose it is.

use super::{AppAct, AppAt, AppFound, PowerApp};
use crate::app::App;
use crate::app::data::Change;
use crate::app::directory::Group;
use crate::app::error::AppError;
use crate::app::facts::{PrincipalKind, Share};
use crate::app::owner::PrincipalView;
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::Hold;
use crate::limits::APP_PERMISSIONS_MAX;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What an app is shared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AppPrincipalKind {
    User,
    Group,
    /// Everybody in the directory.
    Tenant,
}

impl AppPrincipalKind {
    /// What the directory has it as.
    fn in_directory(self) -> Option<PrincipalKind> {
        match self {
            AppPrincipalKind::User => Some(PrincipalKind::User),
            AppPrincipalKind::Group => Some(PrincipalKind::Group),
            AppPrincipalKind::Tenant => None,
        }
    }
}

/// Somebody an app is shared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppPermission {
    /// Object id; of everybody the tenant's.
    pub principal: String,
    pub kind: AppPrincipalKind,
    pub share: Share,
}

impl AppPermission {
    pub(super) fn is_for(&self, caller: &Caller) -> bool {
        match self.kind {
            AppPrincipalKind::Tenant => caller.kind() == CallerKind::Person,
            AppPrincipalKind::User | AppPrincipalKind::Group => {
                caller.principals().any(|it| it == self.principal)
            }
        }
    }

    #[must_use]
    pub fn hold(&self) -> Hold {
        match self.share {
            Share::CanView => Hold::CanView,
            Share::CanEdit => Hold::CanEdit,
        }
    }
}

/// Somebody with a part in an app, as they are shown.
pub struct AppPrincipal {
    pub principal: String,
    pub kind: AppPrincipalKind,
    pub hold: Hold,
    /// What the directory knows of them, if they are still in it.
    pub known: Option<PrincipalView>,
}

impl App {
    /// Who has an app.
    pub async fn list_app_permissions(
        &self,
        caller: &Caller,
        at: AppAt<'_>,
    ) -> Result<(AppFound, Vec<AppPrincipal>), AppError> {
        let found = self.app_for(caller, AppAct::GET, at).await?;
        let owner = found.app.owner.iter().map(|it| (it, AppPrincipalKind::User, Hold::Owner));
        let shared = found.app.permissions.iter().map(|it| (&it.principal, it.kind, it.hold()));
        let mut views = Vec::new();
        for (principal, kind, hold) in owner.chain(shared) {
            let known = match kind.in_directory() {
                Some(kind) => self.principal_view(principal, kind).await?,
                None => None,
            };
            views.push(AppPrincipal { principal: principal.clone(), kind, hold, known });
        }
        Ok((found, views))
    }

    /// Shares an app with others and takes it from them, all or none. Who owns it keeps it.
    pub async fn share_app(
        &self,
        caller: &Caller,
        at: AppAt<'_>,
        (put, delete): (Vec<AppPermission>, Vec<String>),
    ) -> Result<AppFound, AppError> {
        let AppFound { environment, mut app } = self.app_for(caller, AppAct::SHARE, at).await?;
        let before = app.permissions.clone();
        for principal in &delete {
            self.take_app(&mut app, principal)?;
        }
        for permission in put {
            self.give_app(&mut app, permission).await?;
        }
        if app.permissions.len() > APP_PERMISSIONS_MAX {
            let message = format!("An app is shared with {APP_PERMISSIONS_MAX} at most.");
            return Err(AppError::invalid("TooManyPermissions", message));
        }
        let detail = json!({"before": before, "after": app.permissions});
        let change = Change::default().put(&app)?;
        self.apply(caller, change.audit("ModifyAppPermissions", &app.id, &detail)).await?;
        Ok(AppFound { environment, app })
    }

    async fn give_app(&self, app: &mut PowerApp, given: AppPermission) -> Result<(), AppError> {
        let mut permission = given;
        let asked = permission.principal.as_str();
        let known = match permission.kind {
            AppPrincipalKind::User => self.user(asked).await?.map(|it| it.id.clone()),
            AppPrincipalKind::Group => self.get::<Group>(asked).await?.map(|it| it.id.clone()),
            AppPrincipalKind::Tenant => {
                let is_it = asked.is_empty() || self.is_everybody(asked);
                is_it.then(|| self.tenant.to_string())
            }
        };
        permission.principal = known.ok_or_else(|| {
            let message = format!("The directory has no {:?} '{asked}'.", permission.kind);
            AppError::invalid("PrincipalNotFound", message)
        })?;
        if permission.kind == AppPrincipalKind::Tenant && permission.share != Share::CanView {
            let message = "Everybody can be given 'CanView' of an app, and no more.";
            return Err(AppError::invalid("InvalidRoleName", message));
        }
        if app.owner.as_ref() == Some(&permission.principal) {
            return Ok(());
        }
        app.permissions.retain(|it| it.principal != permission.principal);
        app.permissions.push(permission);
        Ok(())
    }

    /// `{tenant}`, and `tenant-{tenant}`, as clients call it when they take it away.
    fn is_everybody(&self, principal: &str) -> bool {
        let name = principal.strip_prefix("tenant-").unwrap_or(principal);
        name.eq_ignore_ascii_case(&self.tenant)
    }

    fn take_app(&self, app: &mut PowerApp, principal: &str) -> Result<(), AppError> {
        if app.owner.as_deref() == Some(principal) {
            let message = "Who owns an app cannot be removed from it: give it to somebody else.";
            return Err(AppError::invalid("CannotRemoveOwner", message));
        }
        let before = app.permissions.len();
        let is_everybody = self.is_everybody(principal);
        app.permissions.retain(|it| match it.kind {
            AppPrincipalKind::Tenant => !is_everybody,
            AppPrincipalKind::User | AppPrincipalKind::Group => it.principal != principal,
        });
        if app.permissions.len() == before {
            let message = format!("The app is not shared with '{principal}'.");
            return Err(AppError::not_found("PermissionNotFound", message));
        }
        Ok(())
    }

    /// Gives an app to somebody else; who had it may keep a part.
    pub async fn set_app_owner(
        &self,
        caller: &Caller,
        at: AppAt<'_>,
        (owner, before): (&str, Option<Share>),
    ) -> Result<AppFound, AppError> {
        let AppFound { environment, mut app } = self.app_for(caller, AppAct::OWNER, at).await?;
        let Some(user) = self.user(owner).await? else {
            let message = format!("The directory has no user '{owner}'.");
            return Err(AppError::invalid("PrincipalNotFound", message));
        };
        let earlier = app.owner.replace(user.id.clone()).filter(|it| *it != user.id);
        app.permissions.retain(|it| it.principal != user.id);
        if let (Some(principal), Some(share)) = (&earlier, before) {
            let (principal, kind) = (principal.clone(), AppPrincipalKind::User);
            app.permissions.push(AppPermission { principal, kind, share });
        }
        let detail = json!({"before": earlier, "after": user.id, "roleForOldOwner": before});
        let change = Change::default().put(&app)?;
        self.apply(caller, change.audit("SetAppOwner", &app.id, &detail)).await?;
        Ok(AppFound { environment, app })
    }
}
