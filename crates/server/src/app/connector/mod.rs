//! Connectors of an environment: those that come with the server, and its own, which are
//! imported from a Swagger document and the properties beside it.

pub mod builtin;
pub mod call;
mod certificate;
pub mod choice;
pub mod connection;
mod file;
mod holding;
pub mod management;
pub mod oauth;
pub mod recording;
pub mod runtime;
mod secret;
mod service;
pub mod share;
mod standing;
pub mod throttle;

pub use file::File;
pub use service::ServiceInput;

use super::access::Scope;
use super::data::{self, Change, Kind, Known, Stored};
use super::environment::Environment;
use super::error::{AppError, ErrorKind};
use super::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::{self, Hold, Place};
use crate::clock;
use crate::limits::{CONNECTOR_BYTES_MAX, CONNECTOR_ICON_BYTES_MAX};
use ::connector::definition::{Document, Fault, ParameterSet, Properties};
use ::connector::policy::Policies;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use file::ConnectorFile;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::RecordKey;

pub(crate) const BY_TITLE: u8 = 1;
const BY_NAME: u8 = 2;

/// A connector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connector {
    /// A GUID; of one that comes with the server, nothing.
    pub id: String,
    /// Of an environment's own.
    pub environment: Option<String>,
    /// `shared_...`.
    pub name: String,
    pub display_name: String,
    pub description: String,
    /// `https://host/base` of the service.
    #[serde(default)]
    pub service: Option<String>,
    #[serde(default)]
    pub operations: usize,
    /// What `apiProperties.json` says below `properties`.
    pub properties: Map<String, Value>,
    #[serde(default)]
    pub has_icon: bool,
    /// Whether there is code of its own (`script.csx`), which is kept and not run.
    #[serde(default)]
    pub has_script: bool,
    /// Where its service is, as whoever imported it says: what is not said is the document's.
    #[serde(default)]
    pub own_service: ServiceInput,
    /// Object id of who imported it.
    #[serde(default)]
    pub created_by: Option<String>,
    #[serde(default)]
    pub modified_by: Option<String>,
    /// Ticks.
    #[serde(default)]
    pub created: i64,
    #[serde(default)]
    pub changed: i64,
}

impl Stored for Connector {
    const KIND: Kind = Kind::Connector;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        let environment = self.environment.as_deref().unwrap_or_default();
        vec![
            data::key(BY_TITLE, &[environment, &self.display_name.to_lowercase()]),
            data::unique(BY_NAME, &[environment, &self.name.to_lowercase()]),
        ]
    }
}

impl Connector {
    fn built_in(name: &str, display_name: &str, description: &str) -> Connector {
        Connector {
            id: String::new(),
            environment: None,
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            description: description.to_owned(),
            service: None,
            operations: 0,
            properties: Map::new(),
            has_icon: false,
            has_script: false,
            own_service: ServiceInput::default(),
            created_by: None,
            modified_by: None,
            created: 0,
            changed: 0,
        }
    }

    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.environment.is_some()
    }

    /// The name without `shared_`, as addresses have it.
    #[must_use]
    pub fn short_name(&self) -> &str {
        self.name.strip_prefix("shared_").unwrap_or(&self.name)
    }

    /// The whole name: of the server's own ones some do not begin with `shared_`.
    #[must_use]
    pub fn whole_name(name: &str) -> String {
        match builtin::named(name) {
            _ if name.starts_with("shared_") => name.to_owned(),
            Some(own) => own.name.clone(),
            None => format!("shared_{name}"),
        }
    }

    /// Ways to authenticate.
    pub fn sets(&self) -> Result<Vec<ParameterSet>, AppError> {
        let read = Properties::of(self.properties.clone()).map_err(AppError::internal)?;
        Ok(read.sets)
    }

    /// The way to authenticate of a name; without one, that of older connections, from when the
    /// connector had no name for it.
    pub fn set_named(&self, name: &str) -> Result<ParameterSet, AppError> {
        let mut sets = self.authentication_types()?.into_iter().map(|(set, _)| set);
        sets.find(|set| set.name == name).ok_or_else(|| {
            let message = format!(
                "The connector '{}' has no parameter set '{name}' any more: make the connection anew.",
                self.name
            );
            AppError::invalid("InvalidConnectionParameters", message)
        })
    }

    /// Ways to authenticate, and whether each is for older connections only.
    pub fn authentication_types(&self) -> Result<Vec<(ParameterSet, bool)>, AppError> {
        let read = Properties::of(self.properties.clone()).map_err(AppError::internal)?;
        let current = read.sets.into_iter().map(|set| (set, false));
        Ok(current.chain(read.older.map(|set| (set, true))).collect())
    }

    /// Who is behind it.
    #[must_use]
    pub fn publisher(&self) -> Option<&str> {
        let text = |name: &str| self.property(name).and_then(Value::as_str);
        let given = ["publisher", "stackOwner"].into_iter().filter_map(text);
        given.map(str::trim).find(|it| !it.is_empty())
    }

    /// What it costs elsewhere: `Standard`, `Premium`, or not said.
    #[must_use]
    pub fn class(&self) -> &'static str {
        let tier = self.property("tier").and_then(Value::as_str).unwrap_or_default();
        let mut known = ["Standard", "Premium"].into_iter();
        known.find(|it| it.eq_ignore_ascii_case(tier)).unwrap_or("NotSpecified")
    }

    /// Whether a connection may be given to others.
    #[must_use]
    pub fn is_shareable(&self, connection: &connection::Connection) -> bool {
        self.set_named(&connection.set).is_ok_and(|set| set.is_shareable)
    }

    /// What it does to its calls.
    ///
    /// # Errors
    /// What of its properties is not as it must be, with the place.
    pub fn policies(&self) -> Result<Policies, Fault> {
        let policies = Policies::read(&self.properties)?;
        Ok(if self.has_script { policies.with_script() } else { policies })
    }

    /// Which of its operations are to run code of its own, which is not run here.
    #[must_use]
    pub fn scripted(&self) -> Scripted<'_> {
        let operations = self.property("scriptOperations").and_then(Value::as_array);
        let named: Vec<&str> = operations.into_iter().flatten().filter_map(Value::as_str).collect();
        match named.is_empty() {
            true if self.has_script => Scripted::All,
            true => Scripted::None,
            false => Scripted::These(named),
        }
    }

    /// Something of the properties, as it stands there.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.properties.get(name).filter(|value| !value.is_null())
    }
}

/// Operations that run code of their connector's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scripted<'a> {
    None,
    /// The code says for which operations it is, and nothing else does.
    All,
    /// By their ids.
    These(Vec<&'a str>),
}

/// A connector as somebody brings one.
#[derive(Default)]
pub struct ConnectorInput {
    /// `None`: made from its title.
    pub name: Option<String>,
    pub definition: String,
    pub properties: String,
    pub icon: Option<Vec<u8>>,
    /// Code of the connector's own, which goes with the definition: without it, it has none.
    pub script: Option<String>,
    /// Where its service is; `None`: as it is.
    pub service: Option<ServiceInput>,
    /// What its service knows this server as; `None`: as it is.
    pub client: Option<oauth::client::ClientInput>,
}

impl ConnectorInput {
    fn read(&self) -> Result<(Document, Properties), AppError> {
        for (text, file) in
            [(&self.definition, File::Definition), (&self.properties, File::Properties)]
                .into_iter()
                .chain(self.script.iter().map(|it| (it, File::Script)))
        {
            if text.len() > CONNECTOR_BYTES_MAX {
                let message =
                    format!("'{}' is longer than {CONNECTOR_BYTES_MAX} bytes.", file.name());
                return Err(AppError::invalid("ConnectorTooLarge", message));
            }
        }
        if self.icon.as_ref().is_some_and(|icon| icon.len() > CONNECTOR_ICON_BYTES_MAX) {
            let message = format!("The icon is larger than {CONNECTOR_ICON_BYTES_MAX} bytes.");
            return Err(AppError::invalid("ConnectorTooLarge", message));
        }
        let document =
            Document::read(&self.definition).map_err(|it| invalid(File::Definition, &it))?;
        let properties =
            Properties::read(&self.properties).map_err(|it| invalid(File::Properties, &it))?;
        Ok((document, properties))
    }

    fn files(&self, connector: &str) -> Vec<ConnectorFile> {
        let file = |file: File, content: &[u8]| ConnectorFile {
            id: file.id(connector),
            content: STANDARD.encode(content),
        };
        let mut files = vec![
            file(File::Definition, self.definition.as_bytes()),
            file(File::Properties, self.properties.as_bytes()),
        ];
        files.extend(self.icon.as_ref().map(|icon| file(File::Icon, icon)));
        files.extend(self.script.as_ref().map(|it| file(File::Script, it.as_bytes())));
        files
    }
}

impl App {
    /// The connectors of an environment: its own, and those that come with the server.
    pub async fn list_connectors(
        &self,
        caller: &Caller,
        scope: Scope,
        environment: &str,
    ) -> Result<(Environment, Vec<Connector>), AppError> {
        let environment =
            self.environment_to_read(caller, scope, Operation::ListApis, environment).await?;
        let own = self.list_all::<Connector>(BY_TITLE, &[&environment.id]).await?;
        let mut all: Vec<Connector> = own.into_iter().map(|it| it.value).collect();
        all.extend(builtin::all().iter().cloned());
        Ok((environment, all))
    }

    pub async fn get_connector(
        &self,
        caller: &Caller,
        scope: Scope,
        environment: &str,
        name: &str,
    ) -> Result<(Environment, Connector), AppError> {
        let environment =
            self.environment_to_read(caller, scope, Operation::GetApi, environment).await?;
        let found = self.connector_named(&environment, name).await?;
        Ok((environment, found.ok_or_else(|| no_connector(name))?.value))
    }

    /// An environment whose connectors the caller may see: in their own right, in an
    /// administrator's, or in either.
    async fn environment_to_read(
        &self,
        caller: &Caller,
        scope: Scope,
        mine: Operation,
        name: &str,
    ) -> Result<Environment, AppError> {
        let admin = Operation::ListApisAsAdmin;
        let first = if scope == Scope::Admin { admin } else { mine };
        let found = match self.environment_for(caller, first, name).await {
            Err(error) if scope == Scope::Any && error.kind == ErrorKind::Forbidden => {
                self.environment_for(caller, admin, name).await
            }
            found => found,
        };
        Ok(found?.value)
    }

    /// A connector of an environment by its name.
    pub(crate) async fn connector_named(
        &self,
        environment: &Environment,
        name: &str,
    ) -> Result<Option<Known<Connector>>, AppError> {
        if let Some(connector) = builtin::named(name) {
            return Ok(Some(Known::new(connector.clone())));
        }
        self.find(BY_NAME, &[&environment.id, &name.to_lowercase()]).await
    }

    /// Makes a connector of an environment's own.
    pub async fn create_connector(
        &self,
        caller: &Caller,
        environment: &str,
        input: &ConnectorInput,
    ) -> Result<(Environment, Connector), AppError> {
        let environment =
            self.environment_for(caller, Operation::CreateApi, environment).await?.value;
        let (document, properties) = input.read()?;
        let service = input.service.clone().map(ServiceInput::checked).transpose()?;
        let id = clock::guid().map_err(AppError::internal)?;
        let name = match &input.name {
            Some(name) => checked_name(name)?,
            None => made_name(&document.title, &id),
        };
        let now = self.engine.clock.now();
        let is_somebody = caller.kind() != CallerKind::Root;
        let mut connector = Known::new(Connector {
            id,
            environment: Some(environment.id.clone()),
            created_by: is_somebody.then(|| caller.id().to_owned()),
            created: now,
            ..Connector::built_in(&name, "", "")
        });
        connector.own_service = service.unwrap_or_default();
        connector.describe(caller, now, (document, properties), input);
        let taken = || {
            let message = format!("There is a connector '{name}' in the environment already.");
            AppError::new(ErrorKind::Conflict, "ConnectorExists", message)
        };
        if self.connector_named(&environment, &name).await?.is_some() {
            return Err(taken());
        }
        let mut change = Change::default().put(&connector)?;
        for file in input.files(&connector.id) {
            change = change.put(&Known::new(file))?;
        }
        if let Some(client) = &input.client {
            change = self.with_client(&connector, client.clone(), change).await?;
        }
        let change = change.audit("CreateApi", &connector.id, &said(&connector));
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => taken(),
            _ => error,
        })?;
        Ok((environment, connector.value))
    }

    /// Gives a connector other documents. Its connections stay.
    pub async fn update_connector(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
        input: &ConnectorInput,
    ) -> Result<(Environment, Connector), AppError> {
        let (environment, mut connector) = self.own_connector(caller, environment, name).await?;
        let read = input.read()?;
        if let Some(service) = input.service.clone() {
            connector.own_service = service.checked()?;
        }
        let had_script = connector.has_script;
        connector.describe(caller, self.engine.clock.now(), read, input);
        let mut change = Change::default().put(&connector)?;
        for file in input.files(&connector.id) {
            let mut known = match self.get::<ConnectorFile>(&file.id).await? {
                Some(known) => known,
                None => Known::new(file.clone()),
            };
            known.value = file;
            change = change.put(&known)?;
        }
        let script = File::Script.id(&connector.id);
        if had_script
            && !connector.has_script
            && let Some(known) = self.get::<ConnectorFile>(&script).await?
        {
            change = change.remove(&known);
        }
        if let Some(client) = &input.client {
            change = self.with_client(&connector, client.clone(), change).await?;
        }
        let change = change.audit("UpdateApi", &connector.id, &said(&connector));
        self.apply(caller, change).await?;
        Ok((environment, connector.value))
    }

    /// Deletes a connector that no connection is of.
    pub async fn delete_connector(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<(), AppError> {
        let (environment, connector) = self.own_connector(caller, environment, name).await?;
        if self.has_connections(&environment, &connector).await? {
            let message = format!("There are connections of the connector '{name}'.");
            return Err(AppError::new(ErrorKind::Conflict, "ConnectorHasConnections", message));
        }
        let change = Change::default().remove(&connector);
        let mut change = self.without_client(&connector.id, change).await?;
        for file in File::ALL {
            if let Some(known) = self.get::<ConnectorFile>(&file.id(&connector.id)).await? {
                change = change.remove(&known);
            }
        }
        let change = change.audit("DeleteApi", &connector.id, &said(&connector));
        self.apply(caller, change).await?;
        Ok(())
    }

    /// A connector of an environment's own that the caller may change: who imported it, and
    /// administrators.
    async fn own_connector(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<(Environment, Known<Connector>), AppError> {
        let known = self.environment(environment).await?;
        if let Some(environment) = known {
            let found = self.connector_named(&environment, name).await?;
            let is_theirs = found
                .as_ref()
                .is_some_and(|it| it.created_by.as_deref() == Some(caller.id()) && it.is_custom());
            let place = Place { hold: is_theirs.then_some(Hold::Owner), ..environment.place() };
            let may = [Operation::ChangeApi, Operation::ChangeApiAsAdmin]
                .into_iter()
                .any(|operation| policy::allows(caller, operation, place));
            match found {
                Some(connector) if may && connector.is_custom() => {
                    return Ok((environment.value, connector));
                }
                Some(connector) if may => {
                    let message =
                        format!("'{}' comes with the server and stays as it is.", connector.name);
                    return Err(AppError::new(ErrorKind::Conflict, "ConnectorIsBuiltIn", message));
                }
                None if may => return Err(no_connector(name)),
                _ => {}
            }
        }
        let message = "Connectors are changed by who imported them, and by administrators.";
        Err(super::environment::forbidden(message))
    }

    /// Whether an environment has connectors of its own.
    pub(crate) async fn holds_connectors(&self, environment: &str) -> Result<bool, AppError> {
        let found = self.list::<Connector>(BY_TITLE, &[environment], None, 1).await?;
        Ok(!found.rows.is_empty())
    }

    /// The connector of a connection, if it is still there.
    pub(crate) async fn connector_of(
        &self,
        environment: &Environment,
        connection: &connection::Connection,
    ) -> Result<Option<Connector>, AppError> {
        let found = self.connector_named(environment, &connection.connector).await?;
        Ok(found.map(|it| it.value))
    }
}

impl Connector {
    /// Takes over what the documents say.
    fn describe(
        &mut self,
        caller: &Caller,
        now: i64,
        (document, properties): (Document, Properties),
        input: &ConnectorInput,
    ) {
        self.display_name = document.title;
        self.description = document.description;
        self.service = self.own_service.applied(document.service).map(|it| it.url());
        self.operations = document.operations.len();
        self.properties = properties.into_raw();
        self.has_icon |= input.icon.is_some();
        self.has_script = input.script.is_some();
        let is_somebody = caller.kind() != CallerKind::Root;
        self.modified_by = is_somebody.then(|| caller.id().to_owned());
        self.changed = now;
    }
}

fn said(connector: &Connector) -> Value {
    json!({
        "environment": connector.environment,
        "name": connector.name,
        "displayName": connector.display_name,
        "service": connector.service,
    })
}

/// Names of connectors are parts of addresses.
fn checked_name(name: &str) -> Result<String, AppError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let rest = name.strip_prefix("shared_").unwrap_or_default();
    if rest.is_empty() || name.len() > 128 || !rest.chars().all(is_plain) {
        let message = format!(
            "'{name}' is no name of a connector, expected 'shared_' and up to 121 letters, digits, '-', '_' and '.'."
        );
        return Err(AppError::invalid("InvalidConnectorName", message));
    }
    Ok(name.to_owned())
}

/// `shared_` and the letters of the title, then `-5f` and digits, as the real service
/// makes them.
fn made_name(title: &str, id: &str) -> String {
    let letters = title.chars().filter(char::is_ascii_alphanumeric).take(64);
    let letters: String = letters.collect::<String>().to_lowercase();
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(18).collect();
    format!("shared_{letters}-5f{digits}")
}

fn invalid(file: File, fault: &Fault) -> AppError {
    let message = format!("{}, at {}: {}", file.name(), fault.path, fault.message);
    AppError::invalid("InvalidConnector", message)
}

pub(crate) fn no_connector(name: &str) -> AppError {
    AppError::not_found("ApiResourceNotFound", format!("Could not find API '{name}'."))
}
