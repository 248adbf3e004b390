//! Versions of a flow: list and get, what is different between two, and going back to one.
//!
//! Invariant: a version is never changed. Going back makes a new one with what the old one
//! has.

use super::App;
use super::access::{Act, FlowAt, FlowFound};
use super::catalog::{FlowEntry, dialect_number};
use super::data::Change;
use super::document::Document;
use super::error::AppError;
use super::flow::FlowView;
use crate::auth::caller::Caller;
use durable::ProcessId;
use expr::Value;
use flow::definition::difference::{Compared, Difference, differences};
use flow::definition::{LoadOptions, Loaded, Problem, Report};
use flow::trigger::state::TriggerKind;
use serde_json::json;
use store::{VersionRow, WorkflowRow};

impl App {
    pub async fn list_versions(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
    ) -> Result<Vec<VersionRow>, AppError> {
        let FlowFound { entry, .. } = self.flow_for(caller, Act::GET, at).await?;
        Ok(self.engine.store.versions(entry.row.key).await?)
    }

    pub async fn get_version(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        number: u32,
    ) -> Result<(VersionRow, Loaded), AppError> {
        let FlowFound { entry, .. } = self.flow_for(caller, Act::GET, at).await?;
        let versions = self.engine.store.versions(entry.row.key).await?;
        let found = versions.into_iter().find(|version| version.number == number);
        let row = found.ok_or_else(|| no_version(at.name, number))?;
        let (loaded, _) = self.load_version(&entry, number).await?;
        Ok((row, loaded))
    }

    /// What is different between two versions, and whether there is more than is told.
    pub async fn version_differences(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        (before, after): (u32, u32),
    ) -> Result<(Vec<Difference>, bool), AppError> {
        let FlowFound { entry, .. } = self.flow_for(caller, Act::GET, at).await?;
        let before = self.opened(&entry, at.name, before).await?;
        let after = self.opened(&entry, at.name, after).await?;
        fn compared((stored, (loaded, _)): &Opened) -> Compared<'_> {
            Compared { loaded, values: stored.parameters.as_ref() }
        }
        // two documents of megabytes take a while
        let compare = move || differences(compared(&before), compared(&after));
        tokio::task::spawn_blocking(compare).await.map_err(AppError::internal)
    }

    /// Makes a new version with what an old one has.
    pub async fn restore_version(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        number: u32,
    ) -> Result<FlowView, AppError> {
        let FlowFound { entry, mut facts, .. } = self.flow_for(caller, Act::UPDATE, at).await?;
        if entry.row.version == number {
            let message = format!("Version {number} is the flow's current one.");
            return Err(AppError::invalid("VersionIsCurrent", message));
        }
        let (document, (loaded, problems)) = self.opened(&entry, at.name, number).await?;
        facts.note_version(&loaded)?;
        self.note_connections_in(caller, &entry.row.environment, &mut facts).await?;
        let mut row = entry.row.clone();
        row.changed = self.engine.clock.now();
        row.version += 1;
        row.dialect = dialect_number(document.dialect);
        let at = (row.id.as_str(), row.version);
        let version = VersionRow {
            workflow: row.key,
            number: row.version,
            created: row.changed,
            document: document.seal(self.engine.catalog.sealer(), at)?,
        };
        let after = (&loaded, document.parameters.as_ref());
        let ending = self.leave_trigger(&entry, &mut row, after).await?;
        self.police(&mut row, &mut facts, Some(&loaded)).await?;
        let detail = json!({"restored": number, "version": row.version});
        let change = Change::default().update_flow(row, Some(version)).put(&facts)?;
        self.apply(caller, change.audit("RestoreFlowVersion", &entry.row.id, &detail)).await?;
        let entry = self.reload(&entry).await?;
        let entry = self.begin_anew(entry, ending).await?;
        self.view(entry, problems).await
    }

    /// Has the row of a new version name no more what was begun for the one before, and gives
    /// that: whatever becomes of this server then, it ends, and another is begun. What asks
    /// goes on if it asks the same, since it knows what is new.
    pub(super) async fn leave_trigger(
        &self,
        entry: &FlowEntry,
        row: &mut WorkflowRow,
        after: (&Loaded, Option<&Value>),
    ) -> Result<Option<ProcessId>, AppError> {
        let Some(process) = row.trigger_process else { return Ok(None) };
        let kind = self.engine.trigger_kind(process).await?;
        if let Some(TriggerKind::Poll(_)) = kind {
            let (document, (before, _)) =
                self.opened(entry, &entry.row.name, entry.row.version).await?;
            if asked_by((&before, document.parameters.as_ref())) == asked_by(after) {
                return Ok(None);
            }
        }
        Ok(row.trigger_process.take())
    }

    /// A version's document and what it loads to.
    async fn opened(&self, entry: &FlowEntry, flow: &str, number: u32) -> Result<Opened, AppError> {
        let document = self.engine.catalog.document(&entry.row, number).await?;
        let document = document.ok_or_else(|| no_version(flow, number))?;
        let parameters = document.parameters.clone();
        let options = LoadOptions { dialect: Some(document.dialect), parameters };
        let Report { loaded, problems } = flow::definition::load(&document.text, &options);
        match loaded {
            Some(loaded) => Ok((document, (loaded, problems))),
            None => Err(AppError::definition(problems)),
        }
    }
}

/// What a trigger that asks goes by.
fn asked_by<'a>((loaded, values): (&'a Loaded, Option<&'a Value>)) -> [Option<&'a Value>; 4] {
    let part = |name| loaded.definition.get(name);
    [part("triggers"), part("parameters"), loaded.connection_references.as_ref(), values]
}

/// A version's document, and what it loads to with its warnings.
type Opened = (Document, (Loaded, Vec<Problem>));

fn no_version(flow: &str, number: u32) -> AppError {
    let message = format!("The flow '{flow}' has no version {number}.");
    AppError::not_found("FlowVersionNotFound", message)
}
