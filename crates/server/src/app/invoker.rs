//! Who invoked a run, and the connections that they bring.
//!
//! A connection reference whose source is `Invoker` means the connections of whoever invoked
//! the run ("Provided by run-only user"). They are chosen before the run begins, and recorded
//! with it; whether they may be used is asked again for each call. A run that nobody invoked
//! in person (a recurrence, an address with its signature, a root key) has the connections
//! that the flow names: it runs for its owner.
//!
//! Beside it a run keeps how many flows that stand behind connections wait for it, one for the
//! other: its own calls, and those of its children, go one deeper.
//!
//! Invariant: a connection that somebody brings is one that they may use themselves.

use super::App;
use super::catalog::FlowEntry;
use super::connector::choice::Theirs;
use super::connector::connection::Connection;
use super::connector::runtime::{Reference, Whose};
use super::connector::{Connector, no_connector};
use super::data::Known;
use super::environment::Environment;
use super::error::{AppError, ErrorKind};
use super::facts::PrincipalKind;
use super::owner::PrincipalView;
use crate::auth::caller::{Caller, CallerKind};
use expr::{Object, Value};
use flow::definition::{Problem, Severity, Trigger, TriggerBehavior};
use std::collections::BTreeMap;

/// As the service says that whoever invokes a flow lacks a connection.
const LACKS: &str = "InvokerConnectionOverrideFailed";

/// Under it a run keeps its depth.
const DEPTH: &str = "depth";

/// Who invoked a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoker {
    /// Object id.
    pub id: String,
    /// The connections that they bring, by the keys of the flow's references.
    pub connections: BTreeMap<String, String>,
}

impl Invoker {
    /// What a run keeps of it; `None`: nobody invoked it in person.
    #[must_use]
    pub fn of(kept: &Value) -> Option<Invoker> {
        let id = kept.get("id")?.as_str()?.to_owned();
        let connections = kept.get("connections").and_then(Value::as_object);
        let connections = connections.into_iter().flat_map(|it| it.iter());
        let connections = connections
            .filter_map(|(key, name)| Some((key.to_string(), name.as_str().map(str::to_owned)?)));
        Some(Invoker { id, connections: connections.collect() })
    }

    fn to_value(&self) -> Value {
        let mut connections = Object::with_capacity(self.connections.len());
        for (key, name) in &self.connections {
            connections.push_new(key.as_str(), name.as_str());
        }
        let mut object = Object::with_capacity(2);
        object.push_new("id", self.id.as_str());
        object.push_new("connections", connections);
        object.into()
    }
}

/// A child run is invoked by who invoked its parent. Its references are its own flow's: what
/// was chosen for the parent's is not for them.
#[must_use]
pub fn of_child(parent: &Value) -> Value {
    let invoker = Invoker::of(parent);
    let depth = at_depth(depth_of(parent));
    let Some(invoker) = invoker else { return depth };
    let value = Invoker { connections: BTreeMap::new(), ..invoker }.to_value();
    match (value, depth) {
        (Value::Object(value), Value::Object(depth)) => {
            let mut object = Object::clone(&value);
            for (name, value) in depth.iter() {
                object.insert(name.clone(), value.clone());
            }
            object.into()
        }
        (value, _) => value,
    }
}

/// A child run in another environment: whose connections are for one are not for another.
#[must_use]
pub fn of_child_elsewhere(parent: &Value) -> Value {
    at_depth(depth_of(parent))
}

/// What a run keeps of the depth at which it was started, when nobody invoked it in person.
#[must_use]
pub fn at_depth(depth: usize) -> Value {
    let Some(depth) = i64::try_from(depth).ok().filter(|depth| *depth > 0) else {
        return Value::Null;
    };
    let mut object = Object::with_capacity(1);
    object.push_new(DEPTH, depth);
    object.into()
}

/// How many flows that stand behind connections wait for a run, one for the other.
#[must_use]
pub fn depth_of(kept: &Value) -> usize {
    let depth = kept.get(DEPTH).and_then(Value::as_int);
    depth.and_then(|it| usize::try_from(it).ok()).unwrap_or_default()
}

/// What somebody has to bring to a flow, or to an app.
pub struct Needed {
    /// What the flow or app calls it.
    pub key: String,
    pub connector: Connector,
    pub theirs: Theirs,
}

/// Who invoked a run, as it is shown.
pub struct InvokerView {
    pub invoker: Invoker,
    /// What the directory knows of them, if they are still in it.
    pub known: Option<PrincipalView>,
}

impl App {
    /// Who invokes a run, with the connections that they bring: refused when they lack one.
    pub(super) async fn invoker_of(
        &self,
        caller: &Caller,
        entry: &FlowEntry,
        trigger: &Trigger,
        chosen: &BTreeMap<String, String>,
    ) -> Result<Value, AppError> {
        let references = Reference::of_invoker(&entry.version.references);
        check_chosen(chosen, &references)?;
        let is_asked_for = matches!(trigger.behavior, TriggerBehavior::Request { .. });
        if caller.kind() != CallerKind::Person || !is_asked_for {
            return Ok(Value::Null);
        }
        let mut invoker = Invoker { id: caller.id().to_owned(), connections: BTreeMap::new() };
        if references.is_empty() {
            return Ok(invoker.to_value());
        }
        let environment = self.environment_of_flow(entry).await?;
        let mut lacking = Vec::new();
        for reference in references {
            let chosen = chosen.get(&reference.key).map(String::as_str);
            let needed = self.needed(caller, &environment, &reference, chosen).await?;
            match needed.theirs {
                Theirs::Connected(connection) => {
                    invoker.connections.insert(needed.key, connection.name.clone());
                }
                _ => lacking.push(needed),
            }
        }
        match lacking.is_empty() {
            true => Ok(invoker.to_value()),
            false => Err(lacks(&format!("The flow '{}' runs", entry.row.name), &lacking)),
        }
    }

    /// What whoever runs a flow has to bring, and what the caller has of it.
    pub async fn list_needed_connections(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<Vec<Needed>, AppError> {
        let entry = self.flow_to_run(caller, environment, name).await?;
        let environment = self.environment_of_flow(&entry).await?;
        let mut needed = Vec::new();
        for reference in Reference::of_invoker(&entry.version.references) {
            needed.push(self.needed(caller, &environment, &reference, None).await?);
        }
        Ok(needed)
    }

    async fn needed(
        &self,
        person: &Caller,
        environment: &Environment,
        reference: &Reference,
        chosen: Option<&str>,
    ) -> Result<Needed, AppError> {
        let found = self.connector_named(environment, &reference.connector).await?;
        let connector = found.ok_or_else(|| no_connector(&reference.connector))?.value;
        let theirs = match chosen {
            Some(name) => self.chosen_connection(person, environment, &connector, name).await?,
            None => {
                let named = &reference.connection;
                self.connection_of_person(person, (environment, &connector), Some(named)).await?
            }
        };
        Ok(Needed { key: reference.key.clone(), connector, theirs })
    }

    /// A connection that somebody names, when they may use it.
    async fn chosen_connection(
        &self,
        person: &Caller,
        environment: &Environment,
        connector: &Connector,
        name: &str,
    ) -> Result<Theirs, AppError> {
        let name = name.rsplit('/').next().unwrap_or_default();
        let found = self.connection_at_address(&connector.name, name).await?;
        let found = found.filter(|it| it.environment == environment.id);
        let refused = || super::connector::connection::no_permission(person, name, &connector.name);
        let connection = found.ok_or_else(refused)?;
        if !self.may_use(person, (environment, connector), &connection).await? {
            return Err(refused());
        }
        Ok(match self.fault_of(&connection) {
            None => Theirs::Connected(connection),
            Some(_) => Theirs::Faulted(connection),
        })
    }

    async fn environment_of_flow(&self, entry: &FlowEntry) -> Result<Environment, AppError> {
        let found = self.environment(&entry.row.environment).await?;
        let gone = || AppError::not_found("EnvironmentNotFound", "The flow's environment is gone.");
        Ok(found.ok_or_else(gone)?.value)
    }

    /// The connection of whoever invoked a run, for a call through a reference that means
    /// theirs. `None`: the flow's own counts.
    pub(crate) async fn connection_of_invoker(
        &self,
        kept: &Value,
        reference: &Reference,
        (environment, connector): (&Environment, &Connector),
    ) -> Result<Option<Known<Connection>>, AppError> {
        let invoker = Invoker::of(kept).filter(|_| reference.whose == Whose::Invoker);
        let Some(invoker) = invoker else { return Ok(None) };
        let person = self.principal(&invoker.id).await?.filter(|it| it.is_enabled);
        let person = person.ok_or_else(|| {
            let message = format!(
                "Who started the run is not let in any more, so that there is no connection for '{}'.",
                reference.key
            );
            AppError::new(ErrorKind::Unauthenticated, LACKS, message)
        })?;
        let kept = invoker.connections.get(&reference.key);
        if let Some(name) = kept {
            let found = self.connection_at_address(&connector.name, name).await?;
            if let Some(found) = found.filter(|it| it.environment == environment.id)
                && self.may_use(&person.caller, (environment, connector), &found).await?
            {
                return Ok(Some(found));
            }
        }
        // the one that was chosen is gone, or none was chosen
        let needed = self.needed(&person.caller, environment, reference, None).await?;
        match needed.theirs {
            Theirs::Connected(connection) => Ok(Some(connection)),
            _ => Err(lacks("The run goes on", &[needed])),
        }
    }

    /// Who invoked a run, for who may see it.
    pub(super) async fn invoker_view(&self, kept: &Value) -> Result<Option<InvokerView>, AppError> {
        let Some(invoker) = Invoker::of(kept) else { return Ok(None) };
        let known = self.principal_view(&invoker.id, PrincipalKind::User).await?;
        Ok(Some(InvokerView { invoker, known }))
    }
}

/// Choices are for references that ask for them.
fn check_chosen(
    chosen: &BTreeMap<String, String>,
    references: &[Reference],
) -> Result<(), AppError> {
    let is_known = |key: &String| references.iter().any(|it| it.key == *key);
    let Some(key) = chosen.keys().find(|key| !is_known(key)) else { return Ok(()) };
    let known: Vec<String> = references.iter().map(|it| format!("'{}'", it.key)).collect();
    let expected = match known.is_empty() {
        true => "the flow has none".to_owned(),
        false => format!("expected {}", known.join(", ")),
    };
    let message = format!(
        "'{key}' is no connection reference for which whoever runs the flow brings a connection: {expected}."
    );
    Err(AppError::invalid("InvalidConnectionReference", message))
}

/// Asks for the connections that somebody lacks.
fn lacks(what: &str, lacking: &[Needed]) -> AppError {
    let name = |it: &Needed| match it.connector.display_name.as_str() {
        "" => format!("'{}'", it.connector.name),
        shown => format!("'{shown}' ({})", it.connector.name),
    };
    let names: Vec<String> = lacking.iter().map(name).collect();
    let message = format!(
        "{what} with the connections of who runs it, and there is none of theirs that works for {}. Make one, or sign in for it again.",
        names.join(", ")
    );
    let details = lacking.iter().map(|it| Problem {
        severity: Severity::Error,
        code: LACKS,
        path: format!("$.connectionReferences['{}']", it.key),
        offset: None,
        expected: Some(it.connector.name.clone()),
        message: match &it.theirs {
            Theirs::Faulted(connection) => format!(
                "The connection '{}' of the connector {} does not work: sign in for it again.",
                connection.name,
                name(it)
            ),
            _ => format!("There is no connection of the connector {}: make one.", name(it)),
        },
    });
    AppError { details: details.collect(), ..AppError::invalid(LACKS, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_an_invoker_is_read_again() {
        let connections = BTreeMap::from([("shared_x".to_owned(), "mine".to_owned())]);
        let invoker = Invoker { id: "somebody".to_owned(), connections };
        let kept = invoker.to_value();
        assert_eq!(Invoker::of(&kept), Some(invoker));
        let child = Invoker::of(&of_child(&kept)).expect("somebody");
        assert_eq!((child.id.as_str(), child.connections.len()), ("somebody", 0));
        assert_eq!(Invoker::of(&Value::Null), None);
        assert!(of_child(&Value::Null).is_null());
    }

    #[test]
    fn a_child_run_is_as_deep_as_its_parent() {
        let deep = at_depth(3);
        let mut both = expr::json::parse(br#"{"id": "somebody", "connections": {}}"#)
            .ok()
            .and_then(|it| it.as_object().map(|it| Object::clone(it)))
            .expect("an object");
        both.insert(DEPTH, 3i64);
        for parent in [deep, both.into()] {
            assert_eq!(depth_of(&of_child(&parent)), 3, "{parent:?}");
            assert_eq!(depth_of(&of_child_elsewhere(&parent)), 3);
            assert_eq!(Invoker::of(&of_child(&parent)), Invoker::of(&parent));
        }
        assert!(at_depth(0).is_null());
        assert_eq!(depth_of(&Value::Null), 0);
    }
}
