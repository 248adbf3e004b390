//! Who makes a request, and what they are.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What somebody may do besides what they own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", tag = "role", content = "environment")]
pub enum Role {
    /// Everything that is administered, in every environment.
    TenantAdministrator,
    /// Governance: requests, workspaces, identity.
    GovernanceAdministrator,
    /// Administers an environment.
    EnvironmentAdministrator(String),
    /// Creates flows in an environment. In the default one everybody does.
    EnvironmentMaker(String),
}

/// What kind of caller it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// The server's own key: everything, and nobody.
    Root,
    /// Somebody, present or by a program that acts for them.
    Person,
    /// A program by itself.
    Application,
}

/// Who makes a request. Every use case takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    kind: CallerKind,
    /// The object id; the name of a root key.
    id: String,
    /// Groups that a person is in.
    groups: Vec<String>,
    /// Their own roles and those of their groups.
    roles: Vec<Role>,
}

impl Caller {
    /// A key that may do everything.
    #[must_use]
    pub fn root(name: &str) -> Caller {
        Caller {
            kind: CallerKind::Root,
            id: name.to_owned(),
            groups: Vec::new(),
            roles: vec![Role::TenantAdministrator],
        }
    }

    #[must_use]
    pub fn person(id: &str, groups: Vec<String>, roles: Vec<Role>) -> Caller {
        Caller { kind: CallerKind::Person, id: id.to_owned(), groups, roles }
    }

    #[must_use]
    pub fn application(id: &str, roles: Vec<Role>) -> Caller {
        Caller { kind: CallerKind::Application, id: id.to_owned(), groups: Vec::new(), roles }
    }

    #[must_use]
    pub fn kind(&self) -> CallerKind {
        self.kind
    }

    /// The object id; the name of a root key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The object ids under which something may belong to the caller.
    pub fn principals(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.id.as_str()).chain(self.groups.iter().map(String::as_str))
    }

    /// Their own roles and those of their groups.
    #[must_use]
    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    #[must_use]
    pub fn administers_tenant(&self) -> bool {
        self.roles.contains(&Role::TenantAdministrator)
    }

    /// Whether the caller administers an environment.
    #[must_use]
    pub fn administers(&self, environment: &str) -> bool {
        self.administers_tenant()
            || self
                .roles
                .iter()
                .any(|role| matches!(role, Role::EnvironmentAdministrator(it) if it == environment))
    }

    /// Whether the caller administers the tenant or any environment.
    #[must_use]
    pub fn administers_something(&self) -> bool {
        self.roles.iter().any(|role| match role {
            Role::TenantAdministrator | Role::EnvironmentAdministrator(_) => true,
            Role::GovernanceAdministrator | Role::EnvironmentMaker(_) => false,
        })
    }

    /// Whether the caller has any part in an environment other than the default one.
    #[must_use]
    pub fn belongs_to(&self, environment: &str) -> bool {
        self.roles.iter().any(|role| match role {
            Role::EnvironmentAdministrator(it) | Role::EnvironmentMaker(it) => it == environment,
            Role::TenantAdministrator | Role::GovernanceAdministrator => false,
        })
    }
}
