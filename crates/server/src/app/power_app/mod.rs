//! Apps: what people use that runs elsewhere and calls connectors here. What is kept of one
//! is who made it, with whom it is shared, and the connections that it was made with.
//!
//! Sharing an app shares the connections that it names, as far as they can be shared
//! ([`connection`]); for the others whoever uses the app brings their own.

pub mod connection;
mod holding;
pub mod share;

pub use connection::{AppConnection, AppUse, Lent};
pub use holding::AppsListed;
pub use share::{AppPermission, AppPrincipal, AppPrincipalKind};

use super::access::{Scope, guid_to_id, id_to_guid};
use super::connector::choice::allows_use;
use super::connector::connection::no_permission;
use super::connector::no_connector;
use super::data::{self, Change, Kind, Known, Stored};
use super::environment::Environment;
use super::error::{AppError, ErrorKind};
use super::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::{self, Hold, Place};
use crate::clock;
use crate::limits::{
    APP_DESCRIPTION_CHARACTERS_MAX, APP_NAME_CHARACTERS_MAX, APP_REFERENCES_MAX,
    APPS_LOOKED_AT_MAX, APPS_PER_OWNER_MAX,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store::RecordKey;

/// By environment, newest first.
const BY_ENVIRONMENT: u8 = 1;
/// By environment and what they are shown as.
const BY_TITLE: u8 = 2;
/// Who has it, its owner and those it is shared with, newest first.
const BY_HOLDER: u8 = 3;
/// Ids of connections that it names.
const BY_CONNECTION: u8 = 4;
const BY_OWNER: u8 = 5;

/// An app.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PowerApp {
    /// A GUID.
    id: String,
    pub environment: String,
    pub display_name: String,
    #[serde(default)]
    pub description: String,
    /// Object id; none when a root key made it.
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub created_by: Option<String>,
    #[serde(default)]
    pub modified_by: Option<String>,
    /// By what the app calls them.
    #[serde(default)]
    pub references: BTreeMap<String, AppReference>,
    #[serde(default)]
    pub permissions: Vec<AppPermission>,
    /// People are not asked whether the app may use their connections.
    #[serde(default)]
    pub bypasses_consent: bool,
    /// Ticks.
    pub created: i64,
    pub changed: i64,
}

/// A connection that an app was made with, or a connector of which everybody brings one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppReference {
    /// `shared_...`.
    pub connector: String,
    /// Its name.
    #[serde(default)]
    pub connection: Option<String>,
    /// Its id.
    #[serde(default)]
    connection_id: Option<String>,
    /// Object id of who put it there, when they may share it: what they share ends when they
    /// may not any more.
    #[serde(default)]
    lender: Option<String>,
}

impl Stored for PowerApp {
    const KIND: Kind = Kind::PowerApp;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        let at = format!("{:016x}", i64::MAX - self.created);
        let environment = self.environment.as_str();
        let mut keys = vec![
            data::key(BY_ENVIRONMENT, &[environment, &at]),
            data::key(BY_TITLE, &[environment, &self.display_name.to_lowercase()]),
        ];
        let shared = self.permissions.iter().map(|it| it.principal.as_str());
        let holders = self.owner.as_deref().into_iter().chain(shared);
        keys.extend(holders.map(|it| data::key(BY_HOLDER, &[it, &at])));
        keys.extend(self.owner.iter().map(|it| data::key(BY_OWNER, &[it, &at])));
        let ids = self.references.values().filter_map(|it| it.connection_id.as_deref());
        let mut ids: Vec<&str> = ids.collect();
        ids.sort_unstable();
        ids.dedup();
        keys.extend(ids.into_iter().map(|it| data::key(BY_CONNECTION, &[it])));
        keys
    }
}

impl PowerApp {
    /// What it is called on the wire, a GUID.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.id
    }

    /// What a caller has to do with it: the greatest of their own part and their groups'.
    #[must_use]
    pub fn hold_of(&self, caller: &Caller) -> Option<Hold> {
        if self.owner.as_deref() == Some(caller.id()) {
            return Some(Hold::Owner);
        }
        let theirs = self.permissions.iter().filter(|it| it.is_for(caller));
        theirs.map(AppPermission::hold).max()
    }
}

/// An app as somebody describes one; what is not said stays.
#[derive(Default)]
pub struct AppInput {
    /// A GUID, of a new one only; else one is made.
    pub name: Option<String>,
    pub display_name: Option<String>,
    pub description: Option<String>,
    pub references: Option<BTreeMap<String, ReferenceInput>>,
}

/// A connector, and the connection that the app was made with.
pub struct ReferenceInput {
    pub connector: String,
    pub connection: Option<String>,
}

/// An app by its name, as somebody asks for it.
#[derive(Clone, Copy, Debug)]
pub struct AppAt<'a> {
    /// Where it must be.
    pub environment: Option<&'a str>,
    /// Its id, or what it is shown as where that is one app's.
    pub name: &'a str,
    pub scope: Scope,
}

/// An app that the caller may work with.
pub struct AppFound {
    pub environment: Environment,
    pub app: Known<PowerApp>,
}

/// Something that can be done to an app, in the caller's own right and in an administrator's.
#[derive(Clone, Copy, Debug)]
pub struct AppAct(Option<Operation>, Option<Operation>);

impl AppAct {
    pub const GET: Self = Self(Some(Operation::GetApp), Some(Operation::GetAdminApp));
    /// What somebody uses an app with is theirs.
    pub const USE: Self = Self(Some(Operation::GetApp), None);
    pub const UPDATE: Self = Self(Some(Operation::UpdateApp), None);
    pub const DELETE: Self = Self(Some(Operation::DeleteApp), Some(Operation::RemoveAdminApp));
    pub const SHARE: Self =
        Self(Some(Operation::ModifyAppPermissions), Some(Operation::SetAdminAppRoleAssignment));
    pub const OWNER: Self = Self(None, Some(Operation::SetAdminAppOwner));
    pub const CONSENT: Self = Self(None, Some(Operation::SetAdminAppConsent));

    fn operations(self, scope: Scope) -> impl Iterator<Item = Operation> {
        let operations = match scope {
            Scope::Mine => [self.0, None],
            Scope::Admin => [None, self.1],
            Scope::Any => [self.0, self.1],
        };
        operations.into_iter().flatten()
    }
}

impl App {
    /// Registers an app.
    pub async fn create_app(
        &self,
        caller: &Caller,
        environment: &str,
        input: AppInput,
    ) -> Result<AppFound, AppError> {
        let operation = Operation::CreateApp;
        let environment = self.environment_for(caller, operation, environment).await?.value;
        let owner = Some(caller.id()).filter(|_| caller.kind() != CallerKind::Root);
        if let Some(owner) = owner {
            let most = APPS_PER_OWNER_MAX;
            if self.list::<PowerApp>(BY_OWNER, &[owner], None, most).await?.rows.len() >= most {
                let message = format!("Somebody has {most} apps at most: delete one.");
                return Err(AppError::new(ErrorKind::Conflict, "TooManyApps", message));
            }
        }
        let id = match &input.name {
            Some(name) => checked_id(name)?,
            None => clock::guid().map_err(AppError::internal)?,
        };
        let exists = || {
            let message = format!("There is an app '{id}' already.");
            AppError::new(ErrorKind::Conflict, "AppExists", message)
        };
        if self.get::<PowerApp>(&id).await?.is_some() {
            return Err(exists());
        }
        let now = self.engine.clock.now();
        let mut app = Known::new(PowerApp {
            id: id.clone(),
            environment: environment.id.clone(),
            display_name: String::new(),
            description: String::new(),
            owner: owner.map(str::to_owned),
            created_by: owner.map(str::to_owned),
            modified_by: None,
            references: BTreeMap::new(),
            permissions: Vec::new(),
            bypasses_consent: false,
            created: now,
            changed: now,
        });
        self.describe_app(caller, &environment, &mut app, input).await?;
        let change = Change::default().put(&app)?.audit("CreateApp", &app.id, &said(&app));
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => exists(),
            _ => error,
        })?;
        Ok(AppFound { environment, app })
    }

    /// Says something else of an app.
    pub async fn update_app(
        &self,
        caller: &Caller,
        at: AppAt<'_>,
        input: AppInput,
    ) -> Result<AppFound, AppError> {
        let AppFound { environment, mut app } = self.app_for(caller, AppAct::UPDATE, at).await?;
        self.describe_app(caller, &environment, &mut app, input).await?;
        let change = Change::default().put(&app)?.audit("UpdateApp", &app.id, &said(&app));
        self.apply(caller, change).await?;
        Ok(AppFound { environment, app })
    }

    /// Takes over what somebody says of an app, all or nothing.
    async fn describe_app(
        &self,
        caller: &Caller,
        environment: &Environment,
        app: &mut PowerApp,
        input: AppInput,
    ) -> Result<(), AppError> {
        if let Some(name) = input.display_name {
            app.display_name = name;
        }
        if let Some(description) = input.description {
            app.description = description;
        }
        let is_long = |text: &str, most: usize| text.chars().count() > most;
        let name = &app.display_name;
        if name.trim().is_empty()
            || is_long(name, APP_NAME_CHARACTERS_MAX)
            || is_long(&app.description, APP_DESCRIPTION_CHARACTERS_MAX)
        {
            let message = format!(
                "An app needs a display name of 1 to {APP_NAME_CHARACTERS_MAX} characters, and has a description of {APP_DESCRIPTION_CHARACTERS_MAX} at most."
            );
            return Err(AppError::invalid("InvalidApp", message));
        }
        if let Some(given) = input.references {
            if given.len() > APP_REFERENCES_MAX {
                let message =
                    format!("An app has {APP_REFERENCES_MAX} connection references at most.");
                return Err(AppError::invalid("InvalidApp", message));
            }
            let mut references = BTreeMap::new();
            for (key, given) in given {
                let before = app.references.get(&key);
                let reference = self.app_reference(caller, environment, before, given).await?;
                references.insert(key, reference);
            }
            app.references = references;
        }
        let is_somebody = caller.kind() != CallerKind::Root;
        app.modified_by = is_somebody.then(|| caller.id().to_owned());
        app.changed = self.engine.clock.now();
        Ok(())
    }

    /// A reference as it is kept: to a connection that who names it may use, and that they
    /// share with the app's users if they may.
    async fn app_reference(
        &self,
        caller: &Caller,
        environment: &Environment,
        before: Option<&AppReference>,
        given: ReferenceInput,
    ) -> Result<AppReference, AppError> {
        let ReferenceInput { connector, connection } = given;
        let found = self.connector_named(environment, &connector).await?;
        let connector = found.ok_or_else(|| no_connector(&connector))?.value.name;
        let Some(name) = connection else {
            return Ok(AppReference {
                connector,
                connection: None,
                connection_id: None,
                lender: None,
            });
        };
        let refused = || no_permission(caller, &name, &connector);
        let found = self.connection_at_address(&connector, &name).await?;
        let found = found.filter(|it| it.environment == environment.id).ok_or_else(refused)?;
        if let Some(before) = before.filter(|it| it.connection_id.as_deref() == Some(found.id())) {
            return Ok(before.clone());
        }
        let hold = found.hold_of(caller);
        if !allows_use(caller, environment, hold) {
            return Err(refused());
        }
        let place = Place { hold, ..environment.place() };
        let may_share = policy::allows(caller, Operation::ModifyConnectionPermissions, place);
        let lender = match caller.kind() {
            // a root key is nobody: what it shares is its owner's to share
            CallerKind::Root => found.owner.clone(),
            _ => may_share.then(|| caller.id().to_owned()),
        };
        Ok(AppReference {
            connector,
            connection: Some(found.name.clone()),
            connection_id: Some(found.id().to_owned()),
            lender,
        })
    }

    pub async fn get_app(&self, caller: &Caller, at: AppAt<'_>) -> Result<AppFound, AppError> {
        self.app_for(caller, AppAct::GET, at).await
    }

    /// Forgets an app; what it shared ends with it.
    pub async fn delete_app(&self, caller: &Caller, at: AppAt<'_>) -> Result<(), AppError> {
        let AppFound { app, .. } = self.app_for(caller, AppAct::DELETE, at).await?;
        let change = Change::default().remove(&app).audit("DeleteApp", &app.id, &said(&app));
        self.apply(caller, change).await.map(|_| ())
    }

    /// Says whether people are asked before the app uses their connections.
    pub async fn set_app_consent(
        &self,
        caller: &Caller,
        at: AppAt<'_>,
        is_bypassed: bool,
    ) -> Result<(), AppError> {
        let AppFound { mut app, .. } = self.app_for(caller, AppAct::CONSENT, at).await?;
        app.bypasses_consent = is_bypassed;
        let detail = json!({"bypassConsent": is_bypassed});
        let change = Change::default().put(&app)?.audit("SetAppConsent", &app.id, &detail);
        self.apply(caller, change).await.map(|_| ())
    }

    /// An app, when the caller may do this to it.
    async fn app_for(
        &self,
        caller: &Caller,
        act: AppAct,
        at: AppAt<'_>,
    ) -> Result<AppFound, AppError> {
        let within = match at.environment {
            Some(name) => self.environment(name).await?,
            None => None,
        };
        let mut found = Vec::new();
        for app in self.apps_named(within.as_deref(), at).await? {
            let Some(environment) = self.environment(&app.environment).await? else { continue };
            let place = Place { hold: app.hold_of(caller), ..environment.place() };
            if act.operations(at.scope).any(|it| policy::allows(caller, it, place)) {
                found.push(AppFound { environment: environment.value, app });
            }
        }
        if found.len() > 1 {
            let message = format!("There are several apps '{}': name one by its id.", at.name);
            return Err(AppError::new(ErrorKind::Conflict, "AmbiguousName", message));
        }
        match found.pop() {
            Some(found) => Ok(found),
            None => Err(refused(caller, act, at, within.as_deref())),
        }
    }

    async fn apps_named(
        &self,
        within: Option<&Environment>,
        at: AppAt<'_>,
    ) -> Result<Vec<Known<PowerApp>>, AppError> {
        if at.environment.is_some() && within.is_none() {
            return Ok(Vec::new());
        }
        let is_within = |app: &PowerApp| within.is_none_or(|it| it.id == app.environment);
        if let Some(found) = self.get::<PowerApp>(&at.name.to_lowercase()).await? {
            return Ok(Some(found).filter(|it| is_within(it)).into_iter().collect());
        }
        let Some(within) = within else { return Ok(Vec::new()) };
        let parts = [within.id.as_str(), &at.name.to_lowercase()];
        Ok(self.list(BY_TITLE, &parts, None, APPS_LOOKED_AT_MAX).await?.rows)
    }

    /// Whether an environment has apps.
    pub(crate) async fn holds_apps(&self, environment: &str) -> Result<bool, AppError> {
        let listed = self.list::<PowerApp>(BY_ENVIRONMENT, &[environment], None, 1).await?;
        Ok(!listed.rows.is_empty())
    }
}

/// Only who may do it to any app of the environment is told that this one is not there.
fn refused(caller: &Caller, act: AppAct, at: AppAt<'_>, within: Option<&Environment>) -> AppError {
    let place = within.map(Environment::place).unwrap_or_default();
    let mut operations = act.operations(at.scope);
    if operations.any(|it| policy::allows(caller, it, place)) {
        let message = format!("Could not find app '{}'.", at.name);
        return AppError::not_found("AppNotFound", message);
    }
    let message = format!(
        "The caller with object id '{}' does not have permission for app '{}'.",
        caller.id(),
        at.name
    );
    AppError::new(ErrorKind::Forbidden, "AppAuthorizationFailed", message)
}

fn checked_id(name: &str) -> Result<String, AppError> {
    let id = guid_to_id(name).ok_or_else(|| {
        let message = format!("'{name}' is no name of an app, expected a GUID.");
        AppError::invalid("InvalidAppName", message)
    })?;
    Ok(id_to_guid(&id))
}

/// What the audit says.
fn said(app: &PowerApp) -> Value {
    let references = app.references.iter().map(|(key, it)| {
        (key.clone(), json!({"connector": it.connector, "connection": it.connection}))
    });
    json!({
        "environment": app.environment,
        "displayName": app.display_name,
        "owner": app.owner,
        "connectionReferences": references.collect::<serde_json::Map<_, _>>(),
        "permissions": app.permissions,
    })
}
