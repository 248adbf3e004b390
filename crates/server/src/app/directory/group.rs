//! Groups of the embedded directory.

use crate::app::data::{self, Change, Cursor, Kind, Known, Listed, Stored};
use crate::app::error::AppError;
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, Role};
use crate::clock;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

pub const BY_NAME: u8 = 1;
pub const BY_MEMBER: u8 = 2;

/// Users that are named together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The object id, a GUID.
    pub id: String,
    pub display_name: String,
    /// Object ids of users.
    pub members: Vec<String>,
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Ticks.
    pub created: i64,
}

impl Stored for Group {
    const KIND: Kind = Kind::Group;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        let name = data::key(BY_NAME, &[&self.display_name.to_lowercase()]);
        let members = self.members.iter().map(|member| data::key(BY_MEMBER, &[member]));
        std::iter::once(name).chain(members).collect()
    }
}

/// Members that a group may have.
const MEMBERS_MAX: usize = 10_000;

impl App {
    pub async fn create_group(
        &self,
        caller: &Caller,
        display_name: &str,
        roles: Vec<Role>,
    ) -> Result<Group, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let name = display_name.trim();
        if name.is_empty() || name.chars().count() > 256 {
            let message = "A group needs a name of 1 to 256 characters.";
            return Err(AppError::invalid("InvalidGroupName", message));
        }
        let roles = self.known_roles(roles).await?;
        let group = Known::new(Group {
            id: clock::guid().map_err(AppError::internal)?,
            display_name: name.to_owned(),
            members: Vec::new(),
            roles,
            created: self.engine.clock.now(),
        });
        let detail = json!({"displayName": name, "roles": group.roles});
        let change = Change::default().put(&group)?.audit("CreateGroup", &group.id, &detail);
        self.apply(caller, change).await?;
        Ok(group.value)
    }

    pub async fn list_groups(
        &self,
        caller: &Caller,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<Listed<Group>, AppError> {
        self.permit(caller, Operation::ReadDirectory)?;
        self.list(BY_NAME, &[], after, rows_max).await
    }

    /// The groups with a name: several may have the same.
    pub async fn list_groups_named(
        &self,
        caller: &Caller,
        name: &str,
        rows_max: usize,
    ) -> Result<Vec<Known<Group>>, AppError> {
        self.permit(caller, Operation::ReadDirectory)?;
        Ok(self.list(BY_NAME, &[&name.to_lowercase()], None, rows_max).await?.rows)
    }

    pub async fn get_group(&self, caller: &Caller, name: &str) -> Result<Known<Group>, AppError> {
        self.permit(caller, Operation::ReadDirectory)?;
        self.group(name).await?.ok_or_else(|| no_group(name))
    }

    /// The same with what only administrators see.
    pub async fn list_groups_as_admin(
        &self,
        caller: &Caller,
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<Listed<Group>, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        self.list(BY_NAME, &[], after, rows_max).await
    }

    /// The same with what only administrators see.
    pub async fn get_group_as_admin(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Known<Group>, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        self.group(name).await?.ok_or_else(|| no_group(name))
    }

    /// A group by object id, or the first by name.
    pub(crate) async fn group(&self, name: &str) -> Result<Option<Known<Group>>, AppError> {
        match self.get(name).await? {
            Some(group) => Ok(Some(group)),
            None => self.find(BY_NAME, &[&name.to_lowercase()]).await,
        }
    }

    /// Adds users to a group and takes others out.
    pub async fn change_members(
        &self,
        caller: &Caller,
        name: &str,
        add: &[String],
        remove: &[String],
    ) -> Result<Group, AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let mut group = self.group(name).await?.ok_or_else(|| no_group(name))?;
        let (add, remove) = (self.user_ids(add).await?, self.user_ids(remove).await?);
        let mut members = group.members.clone();
        members.retain(|member| !remove.contains(member));
        for user in &add {
            if !members.contains(user) {
                members.push(user.clone());
            }
        }
        if members.len() > MEMBERS_MAX {
            let message = format!("A group has {MEMBERS_MAX} members at most.");
            return Err(AppError::invalid("GroupTooLarge", message));
        }
        let changed: Vec<String> = members.iter().chain(&group.members).cloned().collect();
        group.members = members;
        let detail = json!({"added": add, "removed": remove});
        let change = Change::default().put(&group)?.audit("ChangeMembers", &group.id, &detail);
        self.apply(caller, change).await?;
        changed.iter().for_each(|member| self.principals.forget(member));
        Ok(group.value)
    }

    /// Object ids of users, in whichever way they are named.
    async fn user_ids(&self, names: &[String]) -> Result<Vec<String>, AppError> {
        if names.len() > MEMBERS_MAX {
            let message =
                format!("{} users were given; expected {MEMBERS_MAX} at most.", names.len());
            return Err(AppError::invalid("GroupTooLarge", message));
        }
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            let user = self.user(name).await?.ok_or_else(|| {
                let message = format!("The directory has no user '{name}'.");
                AppError::invalid("PrincipalNotFound", message)
            })?;
            ids.push(user.value.id);
        }
        Ok(ids)
    }

    pub async fn delete_group(&self, caller: &Caller, name: &str) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageDirectory)?;
        let group = self.group(name).await?.ok_or_else(|| no_group(name))?;
        let change = Change::default().remove(&group);
        self.apply(caller, change.audit("DeleteGroup", &group.id, &json!({}))).await?;
        group.members.iter().for_each(|member| self.principals.forget(member));
        Ok(())
    }

    /// The groups that a user is in.
    pub(crate) async fn groups_of(&self, user: &str) -> Result<Vec<Known<Group>>, AppError> {
        self.list_all(BY_MEMBER, &[user]).await
    }
}

fn no_group(name: &str) -> AppError {
    AppError::not_found("GroupNotFound", format!("There is no group '{name}'."))
}
