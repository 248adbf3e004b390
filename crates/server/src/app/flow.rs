//! Flows: create, list, get, update, delete and restore; enable and disable.

use super::access::{Act, FlowAt, FlowFound, Scope, guid_to_id, id_to_guid};
use super::catalog::{FlowEntry, FlowState, dialect_number};
use super::data::{Change, Known};
use super::data_policy::refuse_held;
use super::document::Document;
use super::error::{AppError, ErrorKind};
use super::facts::{BY_DELETED_NAME, FlowFacts};
use super::suspension::may_lift;
use super::{App, Operation};
use crate::auth::caller::Caller;
use crate::clock;
use crate::worker::known_secret::KnownSecrets;
use expr::Value;
use flow::definition::{Dialect, LoadOptions, Loaded, Problem, Report, Severity};
use serde_json::json;
use std::sync::Arc;
use store::{Hint, VersionRow, WorkflowRow};

/// A flow as its caller describes it.
#[derive(Default)]
pub struct FlowInput {
    /// None: a name is made.
    pub name: Option<String>,
    pub display_name: Option<String>,
    pub dialect: Option<Dialect>,
    pub parameters: Option<Value>,
    pub state: Option<FlowState>,
    pub template_name: Option<String>,
    /// Id of the flow that it is a copy of.
    pub copied_from: Option<String>,
    /// The definition document as JSON text.
    pub document: Vec<u8>,
}

/// What is to be different of a flow.
#[derive(Default)]
pub struct FlowPatch {
    pub display_name: Option<String>,
    pub state: Option<FlowState>,
    /// A new version: its document, with what belongs to it.
    pub document: Option<FlowInput>,
}

/// A flow with the warnings its definition gave.
pub struct FlowView {
    pub entry: Arc<FlowEntry>,
    pub facts: Known<FlowFacts>,
    pub problems: Vec<Problem>,
}

const NAME_CHARACTERS_MAX: usize = 128;

impl App {
    pub async fn create_flow(
        &self,
        caller: &Caller,
        environment: &str,
        input: FlowInput,
    ) -> Result<FlowView, AppError> {
        let environment = self.environment_for(caller, Operation::CreateFlow, environment).await?;
        let (id, name) = self.new_name(&input).await?;
        let (loaded, problems) = load(&input)?;
        let now = self.engine.clock.now();
        let mut row = WorkflowRow {
            key: 0,
            environment: environment.id.clone(),
            display_name: display_name(&input, &loaded, &name),
            name,
            state: input.state.unwrap_or(FlowState::Started) as u8,
            dialect: dialect_number(loaded.flow.dialect),
            version: 1,
            created: now,
            changed: now,
            primary_key: self.new_key(&id)?,
            secondary_key: self.new_key(&id)?,
            trigger_process: None,
            revision: 0,
            id,
        };
        let mut facts = FlowFacts::new(&row, Some(caller));
        facts.template_name.clone_from(&input.template_name);
        facts.note_version(&loaded)?;
        self.note_connections(caller, &environment, &mut facts).await?;
        let copied_from = input.copied_from.clone();
        let version = self.version_row(&row, &loaded, input)?;
        self.police(&mut row, &mut facts, Some(&loaded)).await?;
        let id = row.id.clone();
        let taken =
            format!("There is a flow '{}' in environment '{}' already.", row.name, environment.id);
        let mut detail = json!({"environment": environment.id, "displayName": row.display_name});
        if let Some(from) = copied_from {
            detail["copiedFrom"] = json!(from);
        }
        if let Some(held) = &facts.suspension {
            detail["suspended"] = json!(held.reason.name());
        }
        let change = Change::default().create_flow(row, version).put(&Known::new(facts))?;
        let change = change.audit("CreateFlow", &id, &detail);
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => AppError::new(ErrorKind::Conflict, "FlowExists", taken),
            _ => error,
        })?;
        let entry = self
            .engine
            .catalog
            .by_id(&id)
            .await?
            .ok_or_else(|| AppError::internal("a new flow is gone"))?;
        let entry = self.align_trigger(entry).await?;
        self.view(entry, problems).await
    }

    /// The id and the name of a new flow: a name that is a GUID is the id as well, if that
    /// is free.
    async fn new_name(&self, input: &FlowInput) -> Result<(String, String), AppError> {
        if let Some(name) = &input.name {
            check_name(name)?;
        }
        let given = input.name.as_deref().and_then(guid_to_id);
        let id = match given {
            Some(id) if self.engine.catalog.by_id(&id).await?.is_none() => id,
            _ => clock::guid().map_err(AppError::internal)?.replace('-', ""),
        };
        let name = input.name.clone().unwrap_or_else(|| id_to_guid(&id));
        Ok((id, name))
    }

    pub(super) async fn view(
        &self,
        entry: Arc<FlowEntry>,
        problems: Vec<Problem>,
    ) -> Result<FlowView, AppError> {
        let facts = self.facts(&entry.row).await?;
        Ok(FlowView { entry, facts, problems })
    }

    pub async fn update_flow(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        patch: FlowPatch,
    ) -> Result<FlowView, AppError> {
        let found = self.flow_for(caller, Act::UPDATE, at).await?;
        if patch.state.is_some() {
            may_lift(caller, at.scope, &found)?;
        }
        let FlowFound { entry, mut facts, .. } = found;
        let mut row = entry.row.clone();
        row.changed = self.engine.clock.now();
        if let Some(display_name) = patch.display_name {
            row.display_name = display_name;
        }
        if let Some(state) = patch.state {
            row.state = state as u8;
        }
        if patch.state.is_some() {
            facts.suspension = None;
        }
        let is_new_version = patch.document.is_some();
        // of one that is off it was told to end: it does not begin again
        let mut ending = match entry.state {
            FlowState::Started => None,
            FlowState::Stopped | FlowState::Deleted | FlowState::Suspended => {
                row.trigger_process.take()
            }
        };
        let (version, problems, loaded) = match patch.document {
            Some(input) => {
                let (loaded, problems) = load(&input)?;
                facts.note_version(&loaded)?;
                self.note_connections_in(caller, &row.environment, &mut facts).await?;
                row.version += 1;
                let after = (&loaded, input.parameters.as_ref());
                ending = ending.or(self.leave_trigger(&entry, &mut row, after).await?);
                row.dialect = dialect_number(loaded.flow.dialect);
                let version = self.version_row(&row, &loaded, input)?;
                (Some(version), problems, Some(loaded))
            }
            None => (None, Vec::new(), None),
        };
        if is_new_version || patch.state.is_some() {
            self.police(&mut row, &mut facts, loaded.as_ref()).await?;
        }
        if !is_new_version && patch.state == Some(FlowState::Started) {
            refuse_held(&facts)?;
        }
        let detail = json!({
            "before": facts_of(&entry.row),
            "after": facts_of(&row),
        });
        let mut change = Change::default().update_flow(row, version);
        if is_new_version || patch.state.is_some() {
            change = change.put(&facts)?;
        }
        self.apply(caller, change.audit("UpdateFlow", &entry.row.id, &detail)).await?;
        let entry = self.reload(&entry).await?;
        let entry = self.begin_anew(entry, ending).await?;
        self.view(entry, problems).await
    }

    /// A flow and the document of its current version.
    pub async fn get_flow(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
    ) -> Result<(FlowView, Loaded), AppError> {
        let FlowFound { entry, facts, .. } = self.flow_for(caller, Act::GET, at).await?;
        let (loaded, problems) = self.load_version(&entry, entry.row.version).await?;
        Ok((FlowView { entry, facts, problems }, loaded))
    }

    /// Deletes a flow so that it can be restored: it stops, its runs are cancelled, its name
    /// is free again.
    pub async fn delete_flow(&self, caller: &Caller, at: FlowAt<'_>) -> Result<(), AppError> {
        let FlowFound { entry, .. } = self.flow_for(caller, Act::DELETE, at).await?;
        let entry = self.stopped(caller, entry).await?;
        self.cancel_all(&entry).await?;
        let mut facts = self.facts(&entry.row).await?;
        let mut row = entry.row.clone();
        row.changed = self.engine.clock.now();
        facts.deleted = Some((row.changed, row.name.clone()));
        row.state = FlowState::Deleted as u8;
        row.name = id_to_guid(&row.id);
        let change = Change::default().update_flow(row, None).put(&facts)?;
        let change = change.audit("DeleteFlow", &entry.row.id, &json!({}));
        self.apply(caller, change).await?;
        self.reload(&entry).await.map(|_| ())
    }

    /// Brings a deleted flow back, by its id or by what it was called; it does not run until
    /// it is started, and what it was suspended for is not lifted. Of several with the name, the one that was deleted last.
    pub async fn restore_flow(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
    ) -> Result<FlowView, AppError> {
        let mut found = self.flow_in(caller, Act::RESTORE, at).await;
        let is_known = match &found {
            Ok(found) => found.facts.deleted.is_some(),
            Err(error) => error.kind != ErrorKind::NotFound,
        };
        if !is_known && let Some(id) = self.deleted_flow(at).await? {
            found = self.flow_in(caller, Act::RESTORE, FlowAt { name: &id, ..at }).await;
        }
        let FlowFound { entry, mut facts, .. } = found?;
        let Some((_, name)) = facts.deleted.take() else {
            let message = format!("The flow '{}' was not deleted.", at.name);
            return Err(AppError::invalid("FlowNotDeleted", message));
        };
        let mut row = entry.row.clone();
        row.changed = self.engine.clock.now();
        if let Some(resumes) = facts.suspension.as_mut().and_then(|it| it.resumes.as_mut()) {
            *resumes = false;
        }
        let is_suspended = facts.suspension.is_some();
        row.state = if is_suspended { FlowState::Suspended } else { FlowState::Stopped } as u8;
        self.police(&mut row, &mut facts, None).await?;
        if self.engine.store.workflow(&row.environment, &name).await?.is_none() {
            row.name = name;
        }
        let change = Change::default().update_flow(row, None).put(&facts)?;
        let change = change.audit("RestoreFlow", &entry.row.id, &json!({}));
        self.apply(caller, change).await?;
        let entry = self.reload(&entry).await?;
        self.view(entry, Vec::new()).await
    }

    /// The id of the flow that had a name and was deleted last.
    async fn deleted_flow(&self, at: FlowAt<'_>) -> Result<Option<String>, AppError> {
        let Some(environment) = self.environment(at.environment).await? else { return Ok(None) };
        let parts = [environment.id.as_str(), at.name];
        let facts = self.find::<FlowFacts>(BY_DELETED_NAME, &parts).await?;
        Ok(facts.map(|facts| id_to_guid(facts.flow())))
    }

    /// Removes a flow with its runs and everything that is known of it.
    pub async fn purge_flow(&self, caller: &Caller, at: FlowAt<'_>) -> Result<(), AppError> {
        let found = self.flow_in(caller, Act::DELETE, at).await?;
        let entry = self.stopped(caller, found.entry).await?;
        let facts = self.facts(&entry.row).await?;
        self.purge_entry(caller, &entry, &facts, &json!({})).await
    }

    /// The same for a flow that starts nothing any more.
    pub(super) async fn purge_entry(
        &self,
        caller: &Caller,
        entry: &FlowEntry,
        facts: &Known<FlowFacts>,
        detail: &serde_json::Value,
    ) -> Result<(), AppError> {
        self.cancel_all(entry).await?;
        self.engine.remove_runs(entry.row.key, i64::MAX).await?;
        let (environment, key) = (&entry.row.environment, entry.row.key);
        self.engine.store.set_retention(environment, Some(key), None).await?;
        let mut change = Change::default().delete_flow(key);
        if facts.is_stored() {
            change = change.remove(facts);
        }
        if let Some(known) = self.notifications(&entry.row.id).await? {
            change = change.remove(&known);
        }
        if let Some(known) = self.get::<KnownSecrets>(&entry.row.id).await? {
            change = change.remove(&known);
        }
        self.apply(caller, change.audit("PurgeFlow", &entry.row.id, detail)).await?;
        self.engine.catalog.forget_all(&entry.row.id, key);
        self.engine.store.hint(Hint::Flow(entry.row.id.clone()));
        Ok(())
    }

    pub async fn enable_flow(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        state: FlowState,
    ) -> Result<Arc<FlowEntry>, AppError> {
        let act = if state == FlowState::Started { Act::START } else { Act::STOP };
        let found = self.flow_for(caller, act, at).await?;
        may_lift(caller, at.scope, &found)?;
        self.set_state(caller, found.entry, found.facts, state).await
    }

    /// A flow that starts nothing from now on.
    async fn stopped(
        &self,
        caller: &Caller,
        entry: Arc<FlowEntry>,
    ) -> Result<Arc<FlowEntry>, AppError> {
        match entry.state {
            FlowState::Started => {
                let facts = self.facts(&entry.row).await?;
                self.set_state(caller, entry, facts, FlowState::Stopped).await
            }
            FlowState::Stopped | FlowState::Deleted | FlowState::Suspended => Ok(entry),
        }
    }

    async fn set_state(
        &self,
        caller: &Caller,
        entry: Arc<FlowEntry>,
        mut facts: Known<FlowFacts>,
        state: FlowState,
    ) -> Result<Arc<FlowEntry>, AppError> {
        if entry.state == state {
            // who asked before may not have come to an end with it
            return self.align_trigger(entry).await;
        }
        // who turned it off may not have come to an end with it, and what is ending stays so
        let entry = match state {
            FlowState::Started => self.stop_trigger(entry).await?,
            _ => entry,
        };
        let mut row = entry.row.clone();
        row.state = state as u8;
        row.changed = self.engine.clock.now();
        let operation = if state == FlowState::Started { "StartFlow" } else { "StopFlow" };
        let before = facts.suspension.take();
        let is_held = before.as_ref().is_some_and(|it| it.resumes.is_some());
        if is_held || state == FlowState::Started {
            self.police(&mut row, &mut facts, None).await?;
        }
        if state == FlowState::Started {
            refuse_held(&facts)?;
        }
        let mut change = Change::default().update_flow(row, None);
        if before != facts.suspension {
            change = change.put(&facts)?;
        }
        let lifted = before.filter(|_| facts.suspension.is_none());
        let detail = lifted.map_or_else(|| json!({}), |it| json!({"lifted": it.reason.name()}));
        let change = change.audit(operation, &entry.row.id, &detail);
        self.apply(caller, change).await?;
        let entry = self.reload(&entry).await?;
        self.align_trigger(entry).await
    }

    /// A flow that the caller may run.
    pub(crate) async fn flow_to_run(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<Arc<FlowEntry>, AppError> {
        let at = FlowAt { environment, name, scope: Scope::Any };
        Ok(self.flow_for(caller, Act::RUN, at).await?.entry)
    }

    /// A flow by name, whoever asks: for use cases that have checked rights already.
    pub(super) async fn flow_entry(
        &self,
        environment: &str,
        name: &str,
    ) -> Result<Arc<FlowEntry>, AppError> {
        self.engine.catalog.by_name(environment, name).await?.ok_or_else(|| {
            let message = format!("There is no flow '{name}' in environment '{environment}'.");
            AppError::not_found("FlowNotFound", message)
        })
    }

    pub(super) async fn reload(&self, entry: &FlowEntry) -> Result<Arc<FlowEntry>, AppError> {
        self.engine.store.hint(Hint::Flow(entry.row.id.clone()));
        let found = self.engine.catalog.refresh(&entry.row.id).await?;
        found.ok_or_else(|| AppError::not_found("FlowNotFound", "The flow was deleted meanwhile."))
    }

    pub(super) async fn load_version(
        &self,
        entry: &FlowEntry,
        number: u32,
    ) -> Result<(Loaded, Vec<Problem>), AppError> {
        self.load_row(&entry.row, number).await
    }

    pub(super) async fn load_row(
        &self,
        row: &WorkflowRow,
        number: u32,
    ) -> Result<(Loaded, Vec<Problem>), AppError> {
        let document = self.engine.catalog.document(row, number).await?;
        let document = document.ok_or_else(|| AppError::internal("a version is missing"))?;
        let options =
            LoadOptions { dialect: Some(document.dialect), parameters: document.parameters };
        let Report { loaded, problems } = flow::definition::load(&document.text, &options);
        let loaded = loaded.ok_or_else(|| AppError::internal("a stored version does not load"))?;
        Ok((loaded, problems))
    }

    /// The version that a flow's row names as its current one.
    fn version_row(
        &self,
        row: &WorkflowRow,
        loaded: &Loaded,
        input: FlowInput,
    ) -> Result<VersionRow, AppError> {
        let dialect = loaded.flow.dialect;
        let document = Document { text: input.document, parameters: input.parameters, dialect };
        let document = document.seal(self.engine.catalog.sealer(), (&row.id, row.version))?;
        let (workflow, number, created) = (row.key, row.version, row.changed);
        Ok(VersionRow { workflow, number, created, document })
    }

    pub(super) fn new_key(&self, owner: &str) -> Result<Vec<u8>, AppError> {
        let key = clock::random_bytes::<32>().map_err(AppError::internal)?;
        Ok(self.engine.catalog.sealer().seal(owner, &key)?)
    }
}

pub(super) fn load(input: &FlowInput) -> Result<(Loaded, Vec<Problem>), AppError> {
    let options = LoadOptions { dialect: input.dialect, parameters: input.parameters.clone() };
    let Report { loaded, problems } = flow::definition::load(&input.document, &options);
    match loaded {
        Some(loaded) => {
            let warnings = problems.into_iter();
            let warnings = warnings.filter(|problem| problem.severity == Severity::Warning);
            Ok((loaded, warnings.collect()))
        }
        None => Err(AppError::definition(problems)),
    }
}

fn display_name(input: &FlowInput, loaded: &Loaded, name: &str) -> String {
    let given = input.display_name.clone().or_else(|| loaded.display_name.clone());
    given.filter(|given| !given.trim().is_empty()).unwrap_or_else(|| name.to_owned())
}

/// What the audit says of a flow's row.
fn facts_of(row: &WorkflowRow) -> serde_json::Value {
    json!({
        "displayName": row.display_name,
        "state": FlowState::from_number(row.state).name(),
        "version": row.version,
    })
}

/// Names stand in paths and on command lines.
pub(super) fn check_name(name: &str) -> Result<(), AppError> {
    let is_fine = !name.trim().is_empty()
        && name.chars().count() <= NAME_CHARACTERS_MAX
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '%'));
    if is_fine {
        return Ok(());
    }
    let message = format!(
        "'{name}' is not a name: expected 1 to {NAME_CHARACTERS_MAX} characters without '/', '\\', '?', '#', '%' and control characters."
    );
    Err(AppError::invalid("InvalidName", message))
}
