//! Environments: where flows are, each with administrators and makers of its own.

use super::data::{self, Change, Kind, Known, Stored};
use super::error::{AppError, ErrorKind};
use super::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::{self, Place};
use crate::clock;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

pub const BY_NAME: u8 = 1;
pub const BY_GUID: u8 = 2;

/// The name under which flows of the default environment are kept.
pub const DEFAULT: &str = "default";

/// An environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// What people and commands call it: [`DEFAULT`], or a name.
    pub id: String,
    /// What it is called on the wire unless it is the default one.
    guid: String,
    pub display_name: String,
    #[serde(default)]
    pub description: Option<String>,
    /// `Default`, `Production`, `Sandbox`, `Developer` or `Trial`.
    pub sku: String,
    /// Object id of who made it.
    #[serde(default)]
    pub created_by: Option<String>,
    /// Ticks.
    pub created: i64,
    pub changed: i64,
}

impl Stored for Environment {
    const KIND: Kind = Kind::Environment;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![
            data::key(BY_NAME, &[&self.display_name.to_lowercase()]),
            data::unique(BY_GUID, &[&self.guid]),
        ]
    }
}

impl Environment {
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.id == DEFAULT
    }

    /// What it is called on the wire.
    #[must_use]
    pub fn wire_name(&self, tenant: &str) -> String {
        if self.is_default() { format!("Default-{tenant}") } else { self.guid.clone() }
    }

    /// Where it is, for the table of rights: in the default one everybody is a maker.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        Place { environment: Some((&self.id, self.is_default())), ..Place::default() }
    }
}

impl App {
    /// An environment by its id or by what it is called on the wire.
    pub(crate) async fn environment(
        &self,
        name: &str,
    ) -> Result<Option<Known<Environment>>, AppError> {
        let is_default = name.eq_ignore_ascii_case("~default")
            || name == DEFAULT
            || name.split_once('-').is_some_and(|(first, rest)| {
                first.eq_ignore_ascii_case(DEFAULT) && rest.eq_ignore_ascii_case(&self.tenant)
            });
        let id = if is_default { DEFAULT } else { name };
        if let Some(environment) = self.get(id).await? {
            return Ok(Some(environment));
        }
        if is_default {
            return Ok(Some(Known::new(Environment {
                id: id.to_owned(),
                guid: self.tenant.to_string(),
                display_name: "Default".to_owned(),
                description: None,
                sku: "Default".to_owned(),
                created_by: None,
                created: 0,
                changed: 0,
            })));
        }
        self.find(BY_GUID, &[&name.to_lowercase()]).await
    }

    /// An environment in which the caller may do something.
    pub(crate) async fn environment_for(
        &self,
        caller: &Caller,
        operation: Operation,
        name: &str,
    ) -> Result<Known<Environment>, AppError> {
        let found = self.environment(name).await?;
        let sees_all = caller.kind() == CallerKind::Root || caller.administers_tenant();
        match found {
            Some(environment) if policy::allows(caller, operation, environment.place()) => {
                Ok(environment)
            }
            None if sees_all => Err(no_environment(name, &self.tenant)),
            // whether it is there is not said to who has no part in it
            _ => Err(denied_environment(name)),
        }
    }

    /// The environments that the caller takes part in.
    pub async fn list_my_environments(
        &self,
        caller: &Caller,
    ) -> Result<Vec<Environment>, AppError> {
        self.permit(caller, Operation::ListUserEnvironments)?;
        let mut mine = self.all_environments().await?;
        mine.retain(|it| policy::allows(caller, Operation::GetEnvironment, it.place()));
        Ok(mine)
    }

    /// The environments that the caller administers.
    pub async fn list_administered_environments(
        &self,
        caller: &Caller,
    ) -> Result<Vec<Environment>, AppError> {
        let mut mine = self.all_environments().await?;
        mine.retain(|it| policy::allows(caller, Operation::AdminGetEnvironment, it.place()));
        if mine.is_empty() {
            return Err(forbidden("The caller administers no environment."));
        }
        Ok(mine)
    }

    pub(super) async fn all_environments(&self) -> Result<Vec<Environment>, AppError> {
        let mut all: Vec<Environment> = Vec::new();
        if let Some(default) = self.environment(DEFAULT).await? {
            all.push(default.value);
        }
        let others = self.list_all::<Environment>(BY_NAME, &[]).await?;
        all.extend(others.into_iter().map(|it| it.value).filter(|it| !it.is_default()));
        Ok(all)
    }

    pub async fn get_environment(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Environment, AppError> {
        Ok(self.environment_for(caller, Operation::GetEnvironment, name).await?.value)
    }

    /// One of the environments that the caller administers.
    pub async fn get_administered_environment(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Environment, AppError> {
        Ok(self.environment_for(caller, Operation::AdminGetEnvironment, name).await?.value)
    }

    pub async fn create_environment(
        &self,
        caller: &Caller,
        name: &str,
        display_name: Option<String>,
        description: Option<String>,
    ) -> Result<Environment, AppError> {
        self.permit(caller, Operation::ManageEnvironments)?;
        super::flow::check_name(name)?;
        let taken = || {
            let text = format!("There is an environment '{name}' already.");
            AppError::new(ErrorKind::Conflict, "EnvironmentExists", text)
        };
        if self.environment(name).await?.is_some() {
            return Err(taken());
        }
        let now = self.engine.clock.now();
        let environment = Known::new(Environment {
            id: name.to_owned(),
            guid: clock::guid().map_err(AppError::internal)?,
            display_name: display_name.unwrap_or_else(|| name.to_owned()),
            description,
            sku: "Production".to_owned(),
            created_by: Some(caller.id().to_owned()),
            created: now,
            changed: now,
        });
        check_texts(&environment)?;
        let detail = json!({"displayName": environment.display_name});
        let change = Change::default().put(&environment)?;
        let change = change.audit("CreateEnvironment", &environment.id, &detail);
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => taken(),
            _ => error,
        })?;
        Ok(environment.value)
    }

    /// Changes what is shown of an environment. An empty description takes it away.
    pub async fn update_environment(
        &self,
        caller: &Caller,
        name: &str,
        display_name: Option<String>,
        description: Option<String>,
    ) -> Result<Environment, AppError> {
        self.permit(caller, Operation::ManageEnvironments)?;
        let found = self.environment(name).await?;
        let mut environment = found.ok_or_else(|| no_environment(name, &self.tenant))?;
        if let Some(display_name) = display_name {
            environment.display_name = display_name;
        }
        if let Some(description) = description {
            environment.description = Some(description).filter(|it| !it.is_empty());
        }
        check_texts(&environment)?;
        environment.changed = self.engine.clock.now();
        let detail = json!({"displayName": environment.display_name});
        let change = Change::default().put(&environment)?;
        let change = change.audit("UpdateEnvironment", &environment.id, &detail);
        self.apply(caller, change).await?;
        Ok(environment.value)
    }

    /// Deletes an environment in which no flow is, with its variables and the roles that are
    /// for it.
    pub async fn delete_environment(&self, caller: &Caller, name: &str) -> Result<(), AppError> {
        self.permit(caller, Operation::ManageEnvironments)?;
        let found = self.environment(name).await?;
        let environment = found.ok_or_else(|| no_environment(name, &self.tenant))?;
        let refuse = |code, text: String| Err(AppError::new(ErrorKind::Conflict, code, text));
        if environment.is_default() {
            let text = "The default environment cannot be deleted.".to_owned();
            return refuse("EnvironmentIsDefault", text);
        }
        let id = environment.id.as_str();
        if let Some(flow) = self.engine.store.workflows(Some(id), None, 1).await?.first() {
            let text = format!(
                "There are flows in the environment '{id}', '{}' among them. Deleted ones that can be restored count: 'sluicegate flow delete NAME --purge'.",
                flow.display_name
            );
            return refuse("EnvironmentNotEmpty", text);
        }
        if self.holds_connections(id).await? {
            let text = format!("There are connections in the environment '{id}'.");
            return refuse("EnvironmentNotEmpty", text);
        }
        if self.holds_connectors(id).await? {
            let text = format!("There are connectors in the environment '{id}'.");
            return refuse("EnvironmentNotEmpty", text);
        }
        if self.holds_apps(id).await? {
            let text = format!("There are apps in the environment '{id}'.");
            return refuse("EnvironmentNotEmpty", text);
        }
        if self.holds_recordings(id).await? {
            let text = format!("There are recordings in the environment '{id}'.");
            return refuse("EnvironmentNotEmpty", text);
        }
        if self.holds_vaults(id).await? {
            let text = format!("There are vaults in the environment '{id}'.");
            return refuse("EnvironmentNotEmpty", text);
        }
        if self.holds_open_approvals(id).await? {
            let text = format!("There are open approvals in the environment '{id}'.");
            return refuse("EnvironmentNotEmpty", text);
        }
        let change = Change::default().remove(&environment);
        let change = self.without_variables_of(id, change).await?;
        let (change, changed) = self.without_roles_of(id, change).await?;
        let change = change.audit("DeleteEnvironment", id, &json!({"rolesOf": changed}));
        self.apply(caller, change).await?;
        changed.iter().for_each(|principal| self.principals.forget(principal));
        self.engine.store.set_retention(id, None, None).await?;
        Ok(())
    }
}

/// Names and descriptions are of a length that can be shown.
fn check_texts(environment: &Environment) -> Result<(), AppError> {
    let (name, description) = (&environment.display_name, environment.description.as_deref());
    let is_long = |text: &str, characters_max: usize| text.chars().count() > characters_max;
    if name.trim().is_empty() || is_long(name, 256) || is_long(description.unwrap_or(""), 4_096) {
        let message = "An environment needs a display name of 1 to 256 characters, and has a description of 4,096 at most.";
        return Err(AppError::invalid("InvalidEnvironment", message));
    }
    Ok(())
}

impl App {
    /// Gives an environment that flows are in, from before there were records of them, its
    /// record.
    pub(crate) async fn adopt_environment(&self, name: &str) -> Result<(), AppError> {
        if name == DEFAULT || self.get::<Environment>(name).await?.is_some() {
            return Ok(());
        }
        let root = Caller::root("server");
        match self.create_environment(&root, name, None, None).await {
            // another node was first
            Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
            done => done.map(|_| ()),
        }
    }
}

/// Somebody may not do that.
pub(crate) fn forbidden(message: &str) -> AppError {
    AppError::new(ErrorKind::Forbidden, "Forbidden", message)
}

fn denied_environment(name: &str) -> AppError {
    let message = format!("Access to the environment '{name}' is denied.");
    AppError::new(ErrorKind::Forbidden, "EnvironmentAccessDenied", message)
}

fn no_environment(name: &str, tenant: &str) -> AppError {
    let message = format!("The environment '{name}' could not be found in the tenant '{tenant}'.");
    AppError::not_found("EnvironmentNotFound", message)
}
