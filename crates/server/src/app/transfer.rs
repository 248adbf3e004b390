//! Flows that are copied, and flows that move to another environment.
//!
//! A copy is a flow of its own: it is new, stopped, and the caller's. A flow that moves stays
//! the same flow: id, addresses, versions, history, owners and state are kept. Runs know
//! their flow by its key, so that a long history moves at no cost; what is under way would
//! end in another place than it began, so that a flow with such runs stays.

use super::access::{Act, FlowAt, FlowFound, guid_to_id};
use super::catalog::{FlowEntry, FlowState};
use super::data::{Change, Known};
use super::environment::Environment;
use super::error::{AppError, ErrorKind};
use super::flow::{FlowInput, FlowView, check_name};
use super::{App, Operation};
use crate::auth::caller::Caller;
use expr::{Object, Value};
use flow::run::Status;
use serde_json::json;
use std::collections::BTreeMap;
use store::RunFilter;

/// What a copy is to be.
#[derive(Debug, Default)]
pub struct CopyInput {
    /// Where it is to be.
    pub environment: String,
    pub name: Option<String>,
    pub display_name: Option<String>,
    /// Names of connections by the keys of references.
    pub connections: BTreeMap<String, String>,
}

impl App {
    /// Makes a flow with what another one has now.
    pub async fn copy_flow(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        input: CopyInput,
    ) -> Result<FlowView, AppError> {
        let FlowFound { entry, facts, environment } = self.flow_for(caller, Act::COPY, at).await?;
        let operation = Operation::CreateFlow;
        let target = self.environment_for(caller, operation, &input.environment).await?;
        let name = match input.name {
            Some(name) => Some(name),
            // a name that is an id is not another's
            None if guid_to_id(&entry.row.name).is_some() => None,
            None if target.id == environment.id => {
                let message = "'name' is missing: a copy in the same environment needs one.";
                return Err(AppError::invalid("InvalidName", message));
            }
            None => Some(entry.row.name.clone()),
        };
        let row = &entry.row;
        let document = self.engine.catalog.document(row, row.version).await?;
        let document = document.ok_or_else(|| AppError::internal("a version is missing"))?;
        let text = connected(document.text, &input.connections)?;
        let copy = FlowInput {
            name,
            display_name: Some(input.display_name.unwrap_or_else(|| row.display_name.clone())),
            dialect: Some(document.dialect),
            parameters: document.parameters,
            state: Some(FlowState::Stopped),
            template_name: facts.template_name.clone(),
            copied_from: Some(row.id.clone()),
            document: text,
        };
        self.create_flow(caller, &target.id, copy).await
    }

    /// Moves a flow to another environment, under its name or a new one.
    pub async fn move_flow(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        environment: &str,
        name: Option<String>,
    ) -> Result<FlowView, AppError> {
        let found = self.flow_for(caller, Act::MOVE, at).await?;
        let target = self.environment_to_move_to(caller, environment).await?;
        let FlowFound { entry, mut facts, environment: source } = found;
        if target.id == source.id {
            let message = format!("The flow is in the environment '{}' already.", target.id);
            return Err(AppError::invalid("FlowIsThere", message));
        }
        let mut row = entry.row.clone();
        if let Some(name) = name {
            check_name(&name)?;
            row.name = name;
        }
        let taken = format!(
            "There is a flow '{}' in environment '{}' already: give this one another name.",
            row.name, target.id
        );
        let taken = AppError::new(ErrorKind::Conflict, "FlowExists", taken);
        if self.engine.store.workflow(&target.id, &row.name).await?.is_some() {
            return Err(taken);
        }
        self.without_runs(&entry).await?;
        target.id.clone_into(&mut row.environment);
        row.changed = self.engine.clock.now();
        facts.move_to(&target.id);
        self.police(&mut row, &mut facts, None).await?;
        let detail = json!({
            "before": {"environment": source.id, "name": entry.row.name},
            "after": {"environment": target.id, "name": row.name},
        });
        let change = Change::default().update_flow(row, None).put(&facts)?;
        let retention = self.retention_of(&source, &entry).await?;
        let store = &self.engine.store;
        let key = Some(entry.row.key);
        store.set_retention(&target.id, key, retention).await?;
        self.apply(caller, change.audit("MoveFlow", &entry.row.id, &detail)).await?;
        store.set_retention(&source.id, key, None).await?;
        let entry = self.reload(&entry).await?;
        self.view(entry, Vec::new()).await
    }

    /// Where the caller makes flows, or administers all of them.
    async fn environment_to_move_to(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Known<Environment>, AppError> {
        match self.environment_for(caller, Operation::CreateFlow, name).await {
            Err(error) if error.kind == ErrorKind::Forbidden => {
                self.environment_for(caller, Operation::MoveAdminFlow, name).await
            }
            found => found,
        }
    }

    /// Refuses a flow with runs that have not ended.
    async fn without_runs(&self, entry: &FlowEntry) -> Result<(), AppError> {
        for status in [Status::Waiting, Status::Running] {
            let filter = RunFilter {
                workflow: entry.row.key,
                status: Some(status as u8),
                rows_max: 1,
                ..RunFilter::default()
            };
            if let Some(run) = self.engine.store.runs(filter).await?.first() {
                let message = format!(
                    "Runs of the flow are under way, '{}' among them: a flow moves when none is.",
                    run.id.run_name()
                );
                return Err(AppError::new(ErrorKind::Conflict, "FlowHasRuns", message));
            }
        }
        Ok(())
    }

    /// How long the flow's own history is kept, if it has a word of its own.
    async fn retention_of(
        &self,
        environment: &Environment,
        entry: &FlowEntry,
    ) -> Result<Option<i64>, AppError> {
        let rows = self.engine.store.retentions().await?;
        let mut own = rows.into_iter().filter(|row| row.workflow == Some(entry.row.key));
        let found = own.find(|row| row.environment == environment.id);
        Ok(found.map(|row| row.seconds))
    }
}

/// A document with other connections for its references.
fn connected(text: Vec<u8>, connections: &BTreeMap<String, String>) -> Result<Vec<u8>, AppError> {
    if connections.is_empty() {
        return Ok(text);
    }
    let parsed = expr::json::parse(&text).map_err(|error| AppError::internal(error.to_string()))?;
    let root = parsed.as_object().map(|it| (**it).clone()).unwrap_or_default();
    let changed = match holder(&root) {
        Some(name) => {
            let inner = root.get(&name).and_then(Value::as_object);
            let inner = inner.map(|it| (**it).clone()).unwrap_or_default();
            let mut root = root;
            root.insert(name, with_connections(inner, connections)?);
            root
        }
        None => with_connections(root, connections)?,
    };
    Ok(expr::json::to_string(&changed.into()).into_bytes())
}

/// The member that holds the definition and what belongs to it.
fn holder(root: &Object) -> Option<expr::Str> {
    let (name, value) = root.get_entry("properties")?;
    value.get("definition").is_some().then(|| name.clone())
}

const REFERENCES: &str = "connectionReferences";

fn with_connections(
    mut holder: Object,
    connections: &BTreeMap<String, String>,
) -> Result<Object, AppError> {
    let found = holder.get_entry(REFERENCES).and_then(|(name, value)| {
        let references = value.as_object()?;
        Some((name.clone(), (**references).clone()))
    });
    let (name, mut references) = found.unwrap_or_else(|| (REFERENCES.into(), Object::new()));
    for (key, connection) in connections {
        let reference = references.get_entry(key);
        let reference = reference.and_then(|(key, it)| Some((key.clone(), it.as_object()?)));
        let Some((key, reference)) = reference else {
            let message = format!("The flow has no connection reference '{key}'.");
            return Err(AppError::invalid("UnknownConnectionReference", message));
        };
        let mut reference = (**reference).clone();
        reference.insert("connectionName", connection.as_str());
        references.insert(key, reference);
    }
    holder.insert(name, references);
    Ok(holder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_get_other_connections_and_the_rest_stays() {
        let connections = BTreeMap::from([("SQL".to_owned(), "mine".to_owned())]);
        let text = br#"{"n":1.5,"properties":{"definition":{},"connectionReferences":
            {"sql":{"connectionName":"old","id":"x"},"b":{}}}}"#;
        let changed = connected(text.to_vec(), &connections).unwrap();
        let expected = r#"{"n":1.5,"properties":{"definition":{},"connectionReferences":{"sql":{"connectionName":"mine","id":"x"},"b":{}}}}"#;
        assert_eq!(String::from_utf8(changed).unwrap(), expected);
        let bare = br#"{"definition":{},"connectionReferences":{"sql":{}}}"#;
        let changed = connected(bare.to_vec(), &connections).unwrap();
        assert!(String::from_utf8(changed).unwrap().contains(r#"{"connectionName":"mine"}"#));
        let refused = connected(br#"{"triggers":{}}"#.to_vec(), &connections).unwrap_err();
        assert_eq!(refused.code, "UnknownConnectionReference");
        assert_eq!(connected(b"{ }".to_vec(), &BTreeMap::new()).unwrap(), b"{ }");
    }
}
