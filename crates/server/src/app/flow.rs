//! Flows: create, list, get, update, delete; enable and disable; addresses and keys.

use super::catalog::{Document, FlowEntry, FlowState, dialect_number};
use super::error::{AppError, ErrorKind};
use super::{App, Right};
use crate::auth::signature;
use crate::auth::token::Caller;
use crate::clock;
use crate::worker::trigger_state::has_recurrence;
use expr::{Str, Value};
use flow::definition::{
    Dialect, LoadOptions, Loaded, Problem, RelativePath, Report, Severity, Trigger, TriggerBehavior,
};
use std::sync::Arc;
use store::{Hint, VersionRow, WorkflowRow};

/// A flow as its caller describes it.
pub struct FlowInput {
    pub name: Option<String>,
    pub display_name: Option<String>,
    pub dialect: Option<Dialect>,
    pub parameters: Option<Value>,
    pub state: Option<FlowState>,
    /// The definition document as JSON text.
    pub document: Vec<u8>,
}

/// A flow with the warnings its definition gave.
pub struct FlowView {
    pub entry: Arc<FlowEntry>,
    pub problems: Vec<Problem>,
}

/// A signed address.
pub struct CallbackUrl {
    pub value: String,
    pub base_path: String,
    pub method: String,
    pub queries: Vec<(&'static str, String)>,
}

impl CallbackUrl {
    /// The same address under another base.
    pub fn rebase(&mut self, from: &str, to: &str) {
        for url in [&mut self.value, &mut self.base_path] {
            if let Some(rest) = url.strip_prefix(from) {
                *url = format!("{to}{rest}");
            }
        }
    }
}

const NAME_CHARACTERS_MAX: usize = 128;

/// Flows that one read of all of them brings.
const FLOWS_PER_READ: usize = 256;

impl App {
    pub async fn create_flow(
        &self,
        caller: &Caller,
        environment: &str,
        input: FlowInput,
    ) -> Result<FlowView, AppError> {
        self.authorize(caller, Right::Change)?;
        let name = input.name.clone().unwrap_or_default();
        check_name(&name)?;
        check_name(environment)?;
        let (loaded, problems) = load(&input)?;
        let now = self.engine.clock.now();
        let id = clock::guid().map_err(AppError::internal)?.replace('-', "");
        let row = WorkflowRow {
            key: 0,
            environment: environment.to_owned(),
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
        let version = version_row(0, 1, now, loaded.flow.dialect, input);
        let id = row.id.clone();
        let taken =
            format!("There is a flow '{}' in environment '{environment}' already.", row.name);
        self.engine.store.create_workflow(row, version).await.map_err(|error| match error {
            store::StoreError::Conflict(_) => {
                AppError::new(ErrorKind::Conflict, "FlowExists", taken)
            }
            other => other.into(),
        })?;
        let entry = self
            .engine
            .catalog
            .by_id(&id)
            .await?
            .ok_or_else(|| AppError::internal("a new flow is gone"))?;
        let entry = self.align_trigger(entry).await?;
        Ok(FlowView { entry, problems })
    }

    pub async fn update_flow(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
        mut input: FlowInput,
    ) -> Result<FlowView, AppError> {
        self.authorize(caller, Right::Change)?;
        let entry = self.flow_entry(environment, name).await?;
        let (loaded, problems) = load(&input)?;
        let mut row = entry.row.clone();
        row.version += 1;
        row.changed = self.engine.clock.now();
        row.dialect = dialect_number(loaded.flow.dialect);
        if let Some(display_name) = input.display_name.take() {
            row.display_name = display_name;
        }
        if let Some(state) = input.state {
            row.state = state as u8;
        }
        let version = version_row(row.key, row.version, row.changed, loaded.flow.dialect, input);
        self.engine.store.update_workflow(row, Some(version)).await?;
        let entry = self.reload(&entry).await?;
        // a recurrence may have changed: it begins anew
        let entry = self.stop_trigger(entry).await?;
        let entry = self.align_trigger(entry).await?;
        Ok(FlowView { entry, problems })
    }

    pub async fn list_flows(
        &self,
        caller: &Caller,
        environment: &str,
        after: Option<&str>,
        rows_max: usize,
    ) -> Result<Vec<Arc<FlowEntry>>, AppError> {
        self.authorize(caller, Right::Read)?;
        let rows = self.engine.store.workflows(Some(environment), after, rows_max).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            entries.push(self.engine.catalog.entry(row).await?);
        }
        Ok(entries)
    }

    /// A flow and the document of its current version.
    pub async fn get_flow(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<(FlowView, Loaded), AppError> {
        self.authorize(caller, Right::Read)?;
        let entry = self.flow_entry(environment, name).await?;
        let (loaded, problems) = self.load_version(&entry, entry.row.version).await?;
        Ok((FlowView { entry, problems }, loaded))
    }

    pub async fn list_versions(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<Vec<VersionRow>, AppError> {
        self.authorize(caller, Right::Read)?;
        let entry = self.flow_entry(environment, name).await?;
        Ok(self.engine.store.versions(entry.row.key).await?)
    }

    pub async fn get_version(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
        number: u32,
    ) -> Result<(VersionRow, Loaded), AppError> {
        self.authorize(caller, Right::Read)?;
        let entry = self.flow_entry(environment, name).await?;
        let versions = self.engine.store.versions(entry.row.key).await?;
        let found = versions.into_iter().find(|version| version.number == number);
        let row = found.ok_or_else(|| {
            let message = format!("The flow '{name}' has no version {number}.");
            AppError::not_found("FlowVersionNotFound", message)
        })?;
        let (loaded, _) = self.load_version(&entry, number).await?;
        Ok((row, loaded))
    }

    pub async fn delete_flow(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<(), AppError> {
        self.authorize(caller, Right::Change)?;
        let entry = self.flow_entry(environment, name).await?;
        let entry = self.set_state(entry, FlowState::Stopped).await?;
        self.cancel_all(&entry).await?;
        self.engine.remove_runs(entry.row.key, i64::MAX).await?;
        self.engine.store.set_retention(environment, Some(entry.row.key), None).await?;
        self.engine.store.delete_workflow(entry.row.key).await?;
        self.engine.catalog.forget_all(&entry.row.id, entry.row.key);
        self.engine.store.hint(Hint::Flow(entry.row.id.clone()));
        Ok(())
    }

    pub async fn enable_flow(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
        state: FlowState,
    ) -> Result<Arc<FlowEntry>, AppError> {
        self.authorize(caller, Right::Change)?;
        let entry = self.flow_entry(environment, name).await?;
        self.set_state(entry, state).await
    }

    async fn set_state(
        &self,
        entry: Arc<FlowEntry>,
        state: FlowState,
    ) -> Result<Arc<FlowEntry>, AppError> {
        if entry.state == state {
            return Ok(entry);
        }
        let mut row = entry.row.clone();
        row.state = state as u8;
        row.changed = self.engine.clock.now();
        self.engine.store.update_workflow(row, None).await?;
        let entry = self.reload(&entry).await?;
        self.align_trigger(entry).await
    }

    /// The signed address of a Request trigger.
    pub async fn callback_url(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
        trigger: Option<&str>,
    ) -> Result<CallbackUrl, AppError> {
        self.authorize(caller, Right::Execute)?;
        let entry = self.flow_entry(environment, name).await?;
        self.signed_url(&entry, trigger, 0)
    }

    /// Gives a flow a new key: addresses signed with the old one end at once.
    pub async fn rotate_key(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
        which: usize,
        trigger: Option<&str>,
    ) -> Result<CallbackUrl, AppError> {
        self.authorize(caller, Right::Change)?;
        let entry = self.flow_entry(environment, name).await?;
        // what cannot be answered afterwards is refused before the old key ends
        self.callable_trigger(&entry, trigger)?;
        let mut row = entry.row.clone();
        let key = self.new_key(&row.id)?;
        if which == 0 {
            row.primary_key = key;
        } else {
            row.secondary_key = key;
        }
        row.changed = self.engine.clock.now();
        self.engine.store.update_workflow(row, None).await?;
        let entry = self.reload(&entry).await?;
        self.signed_url(&entry, trigger, which)
    }

    fn signed_url(
        &self,
        entry: &FlowEntry,
        trigger: Option<&str>,
        which: usize,
    ) -> Result<CallbackUrl, AppError> {
        use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
        let (trigger, method, relative_path) = self.callable_trigger(entry, trigger)?;
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let permission = signature::permission(&trigger.name);
        let sig = entry.keys[which].sign(&entry.row.id, &permission);
        let base = self.engine.catalog.public_url();
        let mut base_path = format!(
            "{base}/workflows/{}/triggers/{}/paths/invoke",
            entry.row.id,
            encode(&trigger.name)
        );
        if let Some(path) = relative_path {
            base_path.push('/');
            base_path.push_str(&path.to_string());
        }
        let queries = vec![
            ("api-version", "2016-06-01".to_owned()),
            ("sp", permission.clone()),
            ("sv", signature::VERSION.to_owned()),
            ("sig", sig.clone()),
        ];
        let value = format!(
            "{base_path}?api-version=2016-06-01&sp={}&sv={}&sig={sig}",
            encode(&permission),
            signature::VERSION
        );
        let method = method.map_or("POST", |method| method.as_str()).to_uppercase();
        Ok(CallbackUrl { value, base_path, method, queries })
    }

    /// The named trigger, or the first one that has an address, with method and path.
    fn callable_trigger<'a>(
        &self,
        entry: &'a FlowEntry,
        name: Option<&str>,
    ) -> Result<(&'a Trigger, Option<&'a Str>, Option<&'a RelativePath>), AppError> {
        let is_callable = |it: &&Trigger| matches!(it.behavior, TriggerBehavior::Request { .. });
        let first = entry.version.flow.triggers.iter().find(is_callable);
        let trigger = match first.filter(|_| name.is_none()) {
            Some(first) => first,
            None => self.pick_trigger(entry, name)?,
        };
        match &trigger.behavior {
            TriggerBehavior::Request { method, relative_path, .. } => {
                Ok((trigger, method.as_ref(), relative_path.as_ref()))
            }
            _ => {
                let message = format!(
                    "The trigger '{}' is not a Request trigger and has no address.",
                    trigger.name
                );
                Err(AppError::invalid("TriggerNotCallable", message))
            }
        }
    }

    /// A flow by name, or the error that says it is not there.
    pub async fn flow_entry(
        &self,
        environment: &str,
        name: &str,
    ) -> Result<Arc<FlowEntry>, AppError> {
        self.engine.catalog.by_name(environment, name).await?.ok_or_else(|| {
            let message = format!("There is no flow '{name}' in environment '{environment}'.");
            AppError::not_found("FlowNotFound", message)
        })
    }

    async fn reload(&self, entry: &FlowEntry) -> Result<Arc<FlowEntry>, AppError> {
        self.engine.store.hint(Hint::Flow(entry.row.id.clone()));
        let found = self.engine.catalog.refresh(&entry.row.id).await?;
        found.ok_or_else(|| AppError::not_found("FlowNotFound", "The flow was deleted meanwhile."))
    }

    async fn load_version(
        &self,
        entry: &FlowEntry,
        number: u32,
    ) -> Result<(Loaded, Vec<Problem>), AppError> {
        let stored = self.engine.store.version(entry.row.key, number).await?;
        let stored = stored.ok_or_else(|| AppError::internal("a version is missing"))?;
        let document = Document::open(&stored.document)?;
        let options =
            LoadOptions { dialect: Some(document.dialect), parameters: document.parameters };
        let Report { loaded, problems } = flow::definition::load(&document.text, &options);
        let loaded = loaded.ok_or_else(|| AppError::internal("a stored version does not load"))?;
        Ok((loaded, problems))
    }

    /// Turns the flow's recurrence on or off as its state says.
    async fn align_trigger(&self, entry: Arc<FlowEntry>) -> Result<Arc<FlowEntry>, AppError> {
        match (entry.state, entry.row.trigger_process) {
            (FlowState::Started, None) if has_recurrence(&entry) => {
                // the flow names its process before that can fire; when the server ends
                // in between, the next start makes it
                let mut row = entry.row.clone();
                row.trigger_process = Some(self.engine.new_id()?);
                self.engine.store.update_workflow(row, None).await?;
                let entry = self.reload(&entry).await?;
                self.engine.begin_recurrence(&entry).await?;
                Ok(entry)
            }
            (FlowState::Stopped, Some(_)) => self.stop_trigger(entry).await,
            _ => Ok(entry),
        }
    }

    /// At a start of the server: makes what an earlier end left unmade.
    pub async fn align_triggers(&self) -> Result<(), AppError> {
        let mut after: Option<String> = None;
        loop {
            let rows = self.engine.store.workflows(None, after.as_deref(), FLOWS_PER_READ).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.name.clone());
            for row in rows {
                let id = row.id.clone();
                if let Err(error) = self.align_row(row).await {
                    tracing::error!(flow = %id, message = %error.message, "a recurrence is not on");
                }
            }
        }
    }

    async fn align_row(&self, row: WorkflowRow) -> Result<(), AppError> {
        let entry = self.engine.catalog.entry(row).await?;
        let Some(process) = entry.row.trigger_process else {
            return self.align_trigger(entry).await.map(|_| ());
        };
        let is_on = entry.state == FlowState::Started && has_recurrence(&entry);
        if is_on && self.engine.store.load(process).await?.is_none() {
            self.engine.begin_recurrence(&entry).await?;
        }
        Ok(())
    }

    async fn stop_trigger(&self, entry: Arc<FlowEntry>) -> Result<Arc<FlowEntry>, AppError> {
        let Some(process) = entry.row.trigger_process else { return Ok(entry) };
        let mut row = entry.row.clone();
        row.trigger_process = None;
        self.engine.store.update_workflow(row, None).await?;
        self.engine.end_recurrence(process).await?;
        self.reload(&entry).await
    }

    fn new_key(&self, owner: &str) -> Result<Vec<u8>, AppError> {
        let key = clock::random_bytes::<32>().map_err(AppError::internal)?;
        self.engine.catalog.sealer().seal(owner, &key).map_err(AppError::internal)
    }
}

fn load(input: &FlowInput) -> Result<(Loaded, Vec<Problem>), AppError> {
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

fn version_row(
    workflow: i64,
    number: u32,
    created: i64,
    dialect: Dialect,
    input: FlowInput,
) -> VersionRow {
    let document = Document { text: input.document, parameters: input.parameters, dialect }.pack();
    VersionRow { workflow, number, created, document }
}

fn display_name(input: &FlowInput, loaded: &Loaded, name: &str) -> String {
    let given = input.display_name.clone().or_else(|| loaded.display_name.clone());
    given.filter(|given| !given.trim().is_empty()).unwrap_or_else(|| name.to_owned())
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
