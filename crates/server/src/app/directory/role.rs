//! Roles of users, groups and applications.

use super::{Application, Group, User};
use crate::app::data::{Change, Known};
use crate::app::environment::Environment;
use crate::app::error::AppError;
use crate::app::facts::PrincipalKind;
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, Role};
use crate::limits::ROLES_MAX;
use serde_json::json;

/// Somebody who has roles.
pub enum Holder {
    User(Known<User>),
    Group(Known<Group>),
    Application(Known<Application>),
}

/// What is to become of somebody's roles.
pub enum RoleChange {
    Set(Vec<Role>),
    Grant(Role),
    Revoke(Role),
}

impl Holder {
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Holder::User(it) => &it.id,
            Holder::Group(it) => &it.id,
            Holder::Application(it) => &it.id,
        }
    }

    #[must_use]
    pub fn kind(&self) -> PrincipalKind {
        match self {
            Holder::User(_) => PrincipalKind::User,
            Holder::Group(_) => PrincipalKind::Group,
            Holder::Application(_) => PrincipalKind::ServicePrincipal,
        }
    }

    #[must_use]
    pub fn display_name(&self) -> &str {
        match self {
            Holder::User(it) => &it.display_name,
            Holder::Group(it) => &it.display_name,
            Holder::Application(it) => &it.display_name,
        }
    }

    #[must_use]
    pub fn roles(&self) -> &[Role] {
        match self {
            Holder::User(it) => &it.roles,
            Holder::Group(it) => &it.roles,
            Holder::Application(it) => &it.roles,
        }
    }

    fn set_roles(&mut self, roles: Vec<Role>) {
        match self {
            Holder::User(it) => it.roles = roles,
            Holder::Group(it) => it.roles = roles,
            Holder::Application(it) => it.roles = roles,
        }
    }

    fn put(&self, change: Change) -> Result<Change, AppError> {
        match self {
            Holder::User(it) => change.put(it),
            Holder::Group(it) => change.put(it),
            Holder::Application(it) => change.put(it),
        }
    }

    /// What the audit calls a change of the roles.
    fn operation(&self) -> &'static str {
        match self {
            Holder::User(_) => "SetUserRoles",
            Holder::Group(_) => "SetGroupRoles",
            Holder::Application(_) => "SetApplicationRoles",
        }
    }
}

impl App {
    /// A user, group or application, whichever has the name.
    pub async fn get_holder(&self, caller: &Caller, name: &str) -> Result<Holder, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        if let Some(user) = self.user(name).await? {
            return Ok(Holder::User(user));
        }
        if let Some(application) = self.application_named(name).await? {
            return Ok(Holder::Application(application));
        }
        let group = self.group(name).await?.map(Holder::Group);
        group.ok_or_else(|| {
            let message = format!("The directory has no user, group or application '{name}'.");
            AppError::not_found("PrincipalNotFound", message)
        })
    }

    /// Changes somebody's roles. What changes nothing leaves no trace.
    pub async fn change_roles(
        &self,
        caller: &Caller,
        mut holder: Holder,
        change: RoleChange,
    ) -> Result<Holder, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let before = holder.roles().to_vec();
        let mut roles = before.clone();
        match change {
            RoleChange::Set(given) => roles = self.known_roles(given).await?,
            RoleChange::Grant(role) => {
                roles.push(role);
                roles = self.known_roles(roles).await?;
            }
            // of an environment that is gone as well
            RoleChange::Revoke(role) => {
                let known = self.canonical(role.clone()).await?;
                roles.retain(|it| *it != role && Some(it) != known.as_ref());
            }
        }
        if roles == before {
            return Ok(holder);
        }
        let detail = json!({"before": before, "after": roles});
        holder.set_roles(roles);
        let change = holder.put(Change::default())?;
        self.apply(caller, change.audit(holder.operation(), holder.id(), &detail)).await?;
        match &holder {
            Holder::Group(group) => {
                group.members.iter().for_each(|member| self.principals.forget(member));
            }
            Holder::User(_) | Holder::Application(_) => self.principals.forget(holder.id()),
        }
        Ok(holder)
    }

    /// Roles as they are stored: each once, and of environments that exist.
    pub(crate) async fn known_roles(&self, given: Vec<Role>) -> Result<Vec<Role>, AppError> {
        if given.len() > ROLES_MAX {
            let message =
                format!("{} roles were given; expected {ROLES_MAX} at most.", given.len());
            return Err(AppError::invalid("TooManyRoles", message));
        }
        let mut roles: Vec<Role> = Vec::with_capacity(given.len());
        for role in given {
            let named = environment_of(&role).unwrap_or_default().to_owned();
            let role = self.canonical(role).await?.ok_or_else(|| {
                let message =
                    format!("A role is for the environment '{named}', which is not there.");
                AppError::invalid("EnvironmentNotFound", message)
            })?;
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        Ok(roles)
    }

    /// A role with its environment's own name. `None` when there is no such environment.
    async fn canonical(&self, role: Role) -> Result<Option<Role>, AppError> {
        let Some(name) = environment_of(&role) else { return Ok(Some(role)) };
        let Some(Environment { id, .. }) = self.environment(name).await?.map(|it| it.value) else {
            return Ok(None);
        };
        Ok(Some(match role {
            Role::EnvironmentAdministrator(_) => Role::EnvironmentAdministrator(id),
            Role::EnvironmentMaker(_) => Role::EnvironmentMaker(id),
            Role::TenantAdministrator | Role::GovernanceAdministrator => role,
        }))
    }

    /// Takes the roles of an environment that goes from everybody: one of the same name that
    /// comes later is another. Answers who had any.
    pub(crate) async fn without_roles_of(
        &self,
        environment: &str,
        mut change: Change,
    ) -> Result<(Change, Vec<String>), AppError> {
        let concerns = |role: &Role| environment_of(role) == Some(environment);
        let users = self.list_all::<User>(super::user::BY_NAME, &[]).await?;
        let groups = self.list_all::<Group>(super::group::BY_NAME, &[]).await?;
        let applications = self.list_all::<Application>(super::application::BY_NAME, &[]).await?;
        let holders = users.into_iter().map(Holder::User);
        let holders = holders.chain(groups.into_iter().map(Holder::Group));
        let holders = holders.chain(applications.into_iter().map(Holder::Application));
        let mut changed = Vec::new();
        for mut holder in holders.filter(|it| it.roles().iter().any(concerns)) {
            let mut roles = holder.roles().to_vec();
            roles.retain(|role| !concerns(role));
            holder.set_roles(roles);
            change = holder.put(change)?;
            match &holder {
                Holder::Group(group) => changed.extend(group.members.iter().cloned()),
                Holder::User(_) | Holder::Application(_) => changed.push(holder.id().to_owned()),
            }
        }
        Ok((change, changed))
    }
}

/// The environment that a role is for.
fn environment_of(role: &Role) -> Option<&str> {
    match role {
        Role::EnvironmentAdministrator(name) | Role::EnvironmentMaker(name) => Some(name),
        Role::TenantAdministrator | Role::GovernanceAdministrator => None,
    }
}
