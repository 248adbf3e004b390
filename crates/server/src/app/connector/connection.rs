//! Connections: what somebody uses a connector with.

use super::runtime::Backend;
use super::secret::{not_signed_in, seal_owner, signs_in};
use super::{Connector, builtin, certificate, no_connector};
use crate::app::access::Scope;
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::environment::Environment;
use crate::app::error::{AppError, ErrorKind};
use crate::app::facts::PrincipalKind;
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::{self, Hold, Place};
use crate::clock;
use crate::limits::CHANGE_TRIES_MAX;
use ::connector::definition::{Fault, Parameter, ParameterKind, ParameterSet, given_value};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::RecordKey;

/// Its connector and its own name, letters as they may be.
const BY_NAME: u8 = 1;
/// Who has it, its owner and those it was shared with, newest first.
pub(super) const BY_HOLDER: u8 = 2;
pub(super) const BY_ENVIRONMENT: u8 = 3;
pub(crate) const BY_CONNECTOR: u8 = 4;
/// Of its owner and connector, in whichever environment.
pub(super) const BY_ACCOUNT: u8 = 5;
/// Its environment and its name, without its connector.
pub(super) const BY_PLACE: u8 = 6;

/// A connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// A GUID.
    pub(super) id: String,
    pub environment: String,
    /// The connector's name.
    pub connector: String,
    /// What it is called, by whoever made it.
    pub name: String,
    pub display_name: String,
    /// Object id of who made it; none when a root key did.
    #[serde(default)]
    pub owner: Option<String>,
    #[serde(default)]
    pub owner_kind: Option<PrincipalKind>,
    /// The way to authenticate; empty when the connector has but one.
    pub set: String,
    /// What may be shown.
    pub parameters: Map<String, Value>,
    /// What may not: sealed, base64.
    #[serde(default)]
    pub(super) sealed: Option<String>,
    /// When somebody has to sign in again, ticks; none: it is renewed by itself.
    #[serde(default)]
    pub ends: Option<i64>,
    /// Why it cannot be used.
    #[serde(default)]
    pub fault: Option<ConnectionFault>,
    #[serde(default)]
    pub shares: Vec<ConnectionShare>,
    /// Of what it authenticates with, SHA-256 in hexadecimal.
    #[serde(default)]
    pub(super) certificate: Option<String>,
    #[serde(default)]
    pub backend: Backend,
    /// Ticks.
    pub created: i64,
    pub changed: i64,
}

/// Why a connection cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionFault {
    pub code: String,
    pub message: String,
}

/// Somebody a connection was shared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionShare {
    /// Object id.
    pub principal: String,
    pub kind: PrincipalKind,
    pub hold: Hold,
}

impl Stored for Connection {
    const KIND: Kind = Kind::Connection;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        let at = format!("{:016x}", i64::MAX - self.created);
        let (environment, connector) = (self.environment.as_str(), self.connector.as_str());
        let name = self.name.to_lowercase();
        let mut keys = vec![
            data::unique(BY_NAME, &[&connector.to_lowercase(), &name]),
            data::key(BY_PLACE, &[environment, &name]),
            data::key(BY_ENVIRONMENT, &[environment, &at]),
            data::key(BY_CONNECTOR, &[environment, connector]),
        ];
        let shared = self.shares.iter().map(|share| share.principal.as_str());
        let holders = self.owner.as_deref().into_iter().chain(shared);
        keys.extend(holders.map(|it| data::key(BY_HOLDER, &[environment, it, &at])));
        if let Some(owner) = &self.owner {
            keys.push(data::key(BY_ACCOUNT, &[owner, connector]));
        }
        keys
    }
}

impl data::Sealed for Connection {
    fn sealed(&mut self) -> Option<(String, &mut String)> {
        let owner = seal_owner(&self.id);
        self.sealed.as_mut().map(|sealed| (owner, sealed))
    }
}

impl Connection {
    /// What a caller has to do with it: the greatest of their own part and their groups'.
    #[must_use]
    pub fn hold_of(&self, caller: &Caller) -> Option<Hold> {
        if self.owner.as_deref() == Some(caller.id()) {
            return Some(Hold::Owner);
        }
        let theirs = self
            .shares
            .iter()
            .filter(|share| caller.principals().any(|principal| principal == share.principal));
        theirs.map(|share| share.hold).max()
    }
}

/// A connection as somebody describes one.
#[derive(Default)]
pub struct ConnectionInput {
    pub display_name: Option<String>,
    /// The way to authenticate, by name.
    pub set: Option<String>,
    pub parameters: Map<String, Value>,
}

/// A connection by its name.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionAt<'a> {
    pub environment: &'a str,
    pub connector: &'a str,
    pub name: &'a str,
    pub scope: Scope,
}

/// A connection that the caller may work with.
pub struct ConnectionFound {
    pub environment: Environment,
    pub connector: Connector,
    pub connection: Known<Connection>,
}

/// Something that can be done to a connection, in the caller's own right and in an
/// administrator's.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionAct(Operation, Operation);

impl ConnectionAct {
    pub const GET: Self = Self(Operation::GetConnection, Operation::GetConnectionAsAdmin);
    pub const DELETE: Self = Self(Operation::DeleteConnection, Operation::DeleteConnectionAsAdmin);
    pub const BACKEND: Self =
        Self(Operation::PutConnectionBackend, Operation::PutConnectionBackendAsAdmin);
    /// Rights of an administrator do not make them somebody else at a service.
    pub const CONSENT: Self = Self(Operation::ConsentConnection, Operation::ConsentConnection);
    pub const RESOLVE: Self =
        Self(Operation::ResolveDynamicValues, Operation::ResolveDynamicValues);
    pub const TEST: Self = Self(Operation::TestConnection, Operation::GetConnectionAsAdmin);
    pub const SHARE: Self =
        Self(Operation::ModifyConnectionPermissions, Operation::ModifyConnectionPermissionsAsAdmin);
}

/// Characters of what a connection is called and shown as.
const NAME_CHARACTERS_MAX: usize = 128;
const DISPLAY_CHARACTERS_MAX: usize = 256;

impl App {
    /// Makes a connection, or gives one of the caller's other parameters. Answers whether
    /// it is new.
    pub async fn create_connection(
        &self,
        caller: &Caller,
        (environment, connector): (&str, &str),
        name: Option<&str>,
        input: ConnectionInput,
    ) -> Result<(ConnectionFound, bool), AppError> {
        let operation = Operation::CreateConnection;
        let environment = self.environment_for(caller, operation, environment).await?.value;
        let found = self.connector_named(&environment, connector).await?;
        let connector = found.ok_or_else(|| no_connector(connector))?.value;
        let name = match name {
            Some(name) => checked_name(name)?.to_owned(),
            None => clock::guid().map_err(AppError::internal)?.replace('-', ""),
        };
        let before = self.connection_at_address(&connector.name, &name).await?;
        let is_new = before.is_none();
        let mut connection = match before {
            Some(known) => {
                let place = Place { hold: known.hold_of(caller), ..environment.place() };
                let may = policy::allows(caller, Operation::UpdateConnection, place);
                if !may || known.environment != environment.id {
                    return Err(no_permission(caller, &name, &connector.name));
                }
                known
            }
            None => Known::new(self.new_connection(caller, &environment, &connector, &name)?),
        };
        let is_other = self.describe(&mut connection, &connector, input).await?;
        if connector.name == builtin::VAULT {
            self.check_vault(caller, &environment, &connection.parameters).await?;
        }
        let operation = if is_new { "CreateConnection" } else { "UpdateConnection" };
        let mut tries = CHANGE_TRIES_MAX;
        loop {
            let mut change = Change::default().put(&connection)?;
            let account = match is_new {
                true => self.check_account(caller, &connector).await?,
                false => None,
            };
            if let Some(account) = &account {
                change = change.put(account)?;
            }
            if is_other {
                change = self.without_token(&connection, change).await?;
            }
            let change = change.audit(operation, &connection.id, &said(&connection));
            tries -= 1;
            match self.apply(caller, change).await {
                // the account makes another one at this moment
                Err(error)
                    if error.kind == ErrorKind::Conflict && account.is_some() && tries > 0 => {}
                done => {
                    done?;
                    return Ok((ConnectionFound { environment, connector, connection }, is_new));
                }
            }
        }
    }

    fn new_connection(
        &self,
        caller: &Caller,
        environment: &Environment,
        connector: &Connector,
        name: &str,
    ) -> Result<Connection, AppError> {
        let owner = Some(caller).filter(|caller| caller.kind() != CallerKind::Root);
        let now = self.engine.clock.now();
        Ok(Connection {
            id: clock::guid().map_err(AppError::internal)?,
            environment: environment.id.clone(),
            connector: connector.name.clone(),
            name: name.to_owned(),
            display_name: connector.display_name.clone(),
            owner: owner.map(|caller| caller.id().to_owned()),
            owner_kind: owner.map(|_| PrincipalKind::User),
            set: String::new(),
            parameters: Map::new(),
            sealed: None,
            ends: None,
            fault: None,
            shares: Vec::new(),
            certificate: None,
            backend: Backend::default(),
            created: now,
            changed: now,
        })
    }

    /// Takes over what somebody says of a connection, all or nothing. Answers whether tokens
    /// that it may have are not its any more.
    async fn describe(
        &self,
        connection: &mut Known<Connection>,
        connector: &Connector,
        input: ConnectionInput,
    ) -> Result<bool, AppError> {
        let before = (connection.set.clone(), self.values_of(connection)?);
        let is_older = connection.is_stored() && connection.set.is_empty();
        let set = match input.set.as_deref() {
            None if is_older => connector.set_named("")?,
            name => chosen(connector, name)?,
        };
        let given = input.parameters.into_iter().map(|(name, value)| (name, given_value(value)));
        let path = match set.name.as_str() {
            "" => "$.properties.connectionParameters",
            _ => "$.properties.connectionParametersSet.values",
        };
        let checked = Parameter::check_all(&set.parameters, given.collect(), path)
            .map_err(|it| fault(&it))?;
        if let Some(name) = input.display_name {
            connection.display_name = checked_display_name(name)?;
        }
        connection.certificate = match set.name.as_str() {
            builtin::CERTIFICATE if !connector.is_custom() => {
                Some(self.known_certificate(&checked).await?)
            }
            _ => opened_certificate(&set, &checked).await?,
        };
        let is_same = before == (set.name.clone(), checked.clone());
        let signs_in = signs_in(&set, &checked);
        let is_secret =
            |name: &String| set.parameters.iter().any(|it| it.name == *name && it.kind.is_secret());
        let (secret, shown): (Map<_, _>, Map<_, _>) =
            checked.into_iter().partition(|(name, _)| is_secret(name));
        connection.sealed = self.sealed(&connection.id, &secret)?;
        connection.parameters = shown;
        connection.set = set.name;
        if !set.is_shareable {
            // who has it from its owner would act as its owner now
            connection.shares.clear();
        }
        // who only calls it something else stays signed in
        let stays = is_same && connection.is_stored();
        if !stays {
            connection.fault = signs_in.then(not_signed_in);
            connection.ends = None;
        } else if !signs_in {
            // it is said once more, and may be let in again
            connection.fault = None;
        }
        connection.changed = self.engine.clock.now();
        Ok(!stays)
    }

    /// Says what stands behind a connection.
    pub async fn put_backend(
        &self,
        caller: &Caller,
        at: ConnectionAt<'_>,
        backend: Backend,
    ) -> Result<ConnectionFound, AppError> {
        let mut found = self.connection_for(caller, ConnectionAct::BACKEND, at).await?;
        let backend = backend.checked()?;
        let connection = &found.connection;
        let is_theirs = connection.hold_of(caller) == Some(Hold::Owner);
        if backend.takes_secrets() && !is_theirs && connection.owner.is_some() {
            // who may see to a connection does not learn what its owner keeps in it
            let message = "Only who made a connection says to which host its calls go.";
            return Err(AppError::new(
                ErrorKind::Forbidden,
                "ConnectionAuthorizationFailed",
                message,
            ));
        }
        if let Backend::Flow { flow } = &backend {
            // whose calls start it may start it
            self.flow_to_run(caller, at.environment, flow).await?;
        }
        if let Backend::Recording { recording, .. } = &backend {
            self.recording_for(caller, at.environment, recording).await?;
        }
        let before = std::mem::replace(&mut found.connection.backend, backend);
        found.connection.changed = self.engine.clock.now();
        let connection = &found.connection;
        let detail = json!({"before": before, "after": connection.backend});
        let change = Change::default().put(connection)?;
        let change = change.audit("PutConnectionBackend", &connection.id, &detail);
        self.apply(caller, change).await?;
        // what was read of it before does not count any more
        self.connection_for(caller, ConnectionAct::BACKEND, at).await
    }

    /// The certificate that an application of the directory signs in with: whoever has its
    /// key may make a connection that is the application.
    async fn known_certificate(&self, given: &Map<String, Value>) -> Result<String, AppError> {
        let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
        let refused = |text: String| Err(AppError::invalid("InvalidConnectionParameters", text));
        if !text("token:TenantId").eq_ignore_ascii_case(&self.tenant) {
            return refused(format!("The tenant is not '{}', this server's.", self.tenant));
        }
        let client = text("token:clientId");
        let value = given.get("token:clientCertificateSecret").unwrap_or(&Value::Null);
        let thumbprint = certificate::thumbprint(value).await?;
        let application = self.application(client).await?;
        let now = self.engine.clock.now();
        let is_theirs = application.is_some_and(|application| {
            let mut theirs = application.certificates.iter();
            theirs.any(|it| it.thumbprint == thumbprint && it.expires > now)
        });
        if is_theirs {
            return Ok(thumbprint);
        }
        refused(format!("The certificate is none of an application '{client}'."))
    }

    /// A connection, when the caller may do this to it.
    pub async fn connection_for(
        &self,
        caller: &Caller,
        act: ConnectionAct,
        at: ConnectionAt<'_>,
    ) -> Result<ConnectionFound, AppError> {
        let ConnectionAct(mine, admin) = act;
        let operation = if at.scope == Scope::Admin { admin } else { mine };
        let found = match self.environment(at.environment).await? {
            Some(environment) => self.connection_in(&environment, at).await?,
            None => None,
        };
        if let Some(found) = found {
            let hold = found.connection.hold_of(caller);
            let place = Place { hold, ..found.environment.place() };
            let may_as_admin = || at.scope == Scope::Any && policy::allows(caller, admin, place);
            if policy::allows(caller, operation, place) || may_as_admin() {
                return Ok(found);
            }
        }
        if at.scope == Scope::Admin {
            self.environment_for(caller, operation, at.environment).await?;
            let message = format!("Could not find connection '{}'.", at.name);
            return Err(AppError::not_found("ConnectionNotFound", message));
        }
        // whether it is there is not said to who has no part in it
        Err(no_permission(caller, at.name, at.connector))
    }

    async fn connection_in(
        &self,
        environment: &Environment,
        at: ConnectionAt<'_>,
    ) -> Result<Option<ConnectionFound>, AppError> {
        let Some(connector) = self.connector_named(environment, at.connector).await? else {
            return Ok(None);
        };
        let found = self.connection_at_address(&connector.name, at.name).await?;
        Ok(found.filter(|it| it.environment == environment.id).map(|connection| ConnectionFound {
            environment: environment.clone(),
            connector: connector.value,
            connection,
        }))
    }

    /// A connection by what an address says, in whichever environment.
    pub(crate) async fn connection_at_address(
        &self,
        connector: &str,
        name: &str,
    ) -> Result<Option<Known<Connection>>, AppError> {
        self.find(BY_NAME, &[&connector.to_lowercase(), &name.to_lowercase()]).await
    }

    pub async fn delete_connection(
        &self,
        caller: &Caller,
        at: ConnectionAt<'_>,
    ) -> Result<(), AppError> {
        let found = self.connection_for(caller, ConnectionAct::DELETE, at).await?;
        let connection = found.connection;
        let change = Change::default().remove(&connection);
        let change = self.without_count(&connection, change).await?;
        let change = self.without_token(&connection, change).await?;
        let change = change.audit("DeleteConnection", &connection.id, &said(&connection));
        self.apply(caller, change).await?;
        Ok(())
    }

    pub(super) async fn has_connections(
        &self,
        environment: &Environment,
        connector: &Connector,
    ) -> Result<bool, AppError> {
        let parts = [environment.id.as_str(), &connector.name];
        Ok(!self.list::<Connection>(BY_CONNECTOR, &parts, None, 1).await?.rows.is_empty())
    }

    /// Whether an environment has connections, of whichever connector.
    pub(crate) async fn holds_connections(&self, environment: &str) -> Result<bool, AppError> {
        let listed = self.list::<Connection>(BY_ENVIRONMENT, &[environment], None, 1).await?;
        Ok(!listed.rows.is_empty())
    }
}

/// What the audit says: no parameter's value.
pub(super) fn said(connection: &Connection) -> Value {
    let names: Vec<&String> = connection.parameters.keys().collect();
    json!({
        "environment": connection.environment,
        "connector": connection.connector,
        "name": connection.name,
        "displayName": connection.display_name,
        "parameterSet": connection.set,
        "parameters": names,
        "shares": connection.shares,
    })
}

/// Of a certificate among the values: what cannot be opened is refused at once.
async fn opened_certificate(
    set: &ParameterSet,
    values: &Map<String, Value>,
) -> Result<Option<String>, AppError> {
    let mut given = set.parameters.iter().filter(|it| it.kind == ParameterKind::Certificate);
    match given.find_map(|it| values.get(&it.name)) {
        Some(value) => certificate::thumbprint(value).await.map(Some),
        None => Ok(None),
    }
}

/// The way to authenticate that somebody chose.
fn chosen(connector: &Connector, name: Option<&str>) -> Result<ParameterSet, AppError> {
    let sets = connector.sets()?;
    let names: Vec<String> = sets.iter().map(|set| format!("'{}'", set.name)).collect();
    let is_chosen = |set: &ParameterSet| set.name == name.unwrap_or_default();
    sets.into_iter().find(is_chosen).ok_or_else(|| {
        let message = match name {
            Some(name) => format!("The connector has no parameter set '{name}'"),
            None => {
                "The parameter set is missing: without one are older connections only".to_owned()
            }
        };
        let message = format!("{message}, expected one of {}.", names.join(", "));
        AppError::invalid("InvalidConnectionParameters", message)
    })
}

fn fault(fault: &Fault) -> AppError {
    let message = format!("At {}: {}", fault.path, fault.message);
    AppError::invalid("InvalidConnectionParameters", message)
}

pub(crate) fn no_permission(caller: &Caller, name: &str, connector: &str) -> AppError {
    let message = format!(
        "The caller with object id '{}' does not have permission for connection '{name}' under Api '{connector}'.",
        caller.id()
    );
    AppError::new(ErrorKind::Forbidden, "ConnectionAuthorizationFailed", message)
}

/// Names of connections are parts of addresses.
fn checked_name(name: &str) -> Result<&str, AppError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || name.len() > NAME_CHARACTERS_MAX || !name.chars().all(is_plain) {
        let message = format!(
            "'{name}' is no name of a connection, expected 1 to {NAME_CHARACTERS_MAX} letters, digits, '-' and '_'."
        );
        return Err(AppError::invalid("InvalidConnectionName", message));
    }
    Ok(name)
}

fn checked_display_name(name: String) -> Result<String, AppError> {
    if name.trim().is_empty() || name.chars().count() > DISPLAY_CHARACTERS_MAX {
        let message =
            format!("A connection is shown by a name of 1 to {DISPLAY_CHARACTERS_MAX} characters.");
        return Err(AppError::invalid("InvalidConnectionName", message));
    }
    Ok(name)
}
