//! Runs: list, get, their actions, watch.

use super::App;
use super::access::{Act, FlowAt, FlowFound, RunAt, no_run};
use super::error::AppError;
use crate::app::catalog::{FlowEntry, Version};
use crate::app::invoker::InvokerView;
use crate::auth::caller::Caller;
use crate::limits::HISTORY_CHUNKS_PER_READ;
use durable::codec::decompress;
use durable::{ProcessId, Ticks};
use expr::{Object, Value};
use flow::definition::ActionId;
use flow::run::event::{Payloads, ReadError};
use flow::run::history::{Entry, HistoryReader, without_credentials};
use flow::run::mask::Masks;
use flow::run::state::Path;
use flow::run::{Reply, Status, format_time};
use std::sync::Arc;
use store::{RunFilter, RunRow};

/// Which runs to list.
#[derive(Debug, Default)]
pub struct RunQuery {
    pub status: Option<Status>,
    pub from: Option<Ticks>,
    pub to: Option<Ticks>,
    pub before: Option<ProcessId>,
    pub rows_max: usize,
}

/// A run with the flow it belongs to.
pub struct RunView {
    pub row: RunRow,
    pub flow: Arc<FlowEntry>,
    /// Secrets that calls of the flow worked with: nobody is to see them.
    pub known: Masks,
}

impl RunView {
    /// What nobody is to see of it.
    fn masks(&self, version: &Version) -> Masks {
        version.masks.with(&self.known)
    }
}

/// A row says of its run's error what may be shown.
pub(super) fn hide(row: &mut RunRow, known: &Masks) {
    if let Some(masked) = row.error.as_deref().and_then(|text| known.text(text)) {
        row.error = Some(masked);
    }
}

/// Which repetitions of an action to read.
#[derive(Debug, Default)]
pub struct RepetitionQuery {
    pub status: Option<Status>,
    pub skip: usize,
    pub rows_max: usize,
}

impl App {
    pub async fn list_runs(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        query: RunQuery,
    ) -> Result<(Arc<FlowEntry>, Vec<RunRow>), AppError> {
        let FlowFound { entry, .. } = self.flow_for(caller, Act::LIST_RUNS, at).await?;
        let filter = RunFilter {
            workflow: entry.row.key,
            status: query.status.map(|status| status as u8),
            from: query.from,
            to: query.to,
            before: query.before,
            oldest_first: false,
            rows_max: query.rows_max,
        };
        let mut rows = self.engine.store.runs(filter).await?;
        let known = self.engine.known_secrets(&entry.row.id).await?;
        rows.iter_mut().for_each(|row| hide(row, &known));
        Ok((entry, rows))
    }

    pub(super) async fn run_view(&self, name: &str) -> Result<RunView, AppError> {
        let not_found = || no_run(name);
        let id = ProcessId::from_run_name(name).ok_or_else(not_found)?;
        let mut row = self.engine.store.run(id).await?.ok_or_else(not_found)?;
        let flow = self.engine.catalog.by_key(row.workflow).await?.ok_or_else(not_found)?;
        let known = self.engine.known_secrets(&flow.row.id).await?;
        hide(&mut row, &known);
        Ok(RunView { row, flow, known })
    }

    /// A run with everything its first and last events say.
    pub async fn get_run(
        &self,
        caller: &Caller,
        at: RunAt<'_>,
    ) -> Result<(RunView, Object), AppError> {
        let view = self.run_for(caller, Act::LIST_RUNS, at).await?;
        let version = self.version_of(&view).await?;
        let mut response: Option<Entry> = None;
        let mut entries = Vec::new();
        let reader = self
            .read_history(&view, &version, |entry| {
                let behavior = &version.flow.action(entry.action).behavior;
                let is_response = matches!(behavior, flow::definition::Behavior::Response { .. });
                if is_response && entry.status == Status::Succeeded {
                    response = Some(entry.clone());
                } else if is_response {
                    entries.push(entry.action);
                }
            })
            .await?;
        let mut object = Object::new();
        if let Some(trigger) = &reader.trigger {
            object.insert("trigger", self.trigger_record(&view, &version, trigger));
        }
        if let Some(entry) = response {
            let rendered = reader.render(&entry, true);
            object.insert("response", rendered.get("outputs").cloned().unwrap_or_default());
        }
        if let Some(view) = self.invoker_view(&reader.invoker).await? {
            object.insert("invoker", render_invoker(&view));
        }
        if let Some(from) = reader.resumed_from {
            object.insert("resumedFrom", from.run_name());
        }
        if let Some(to) = self.resumed_as(&view.row).await? {
            object.insert("resumedAs", to);
        }
        if let Some((_, _, _, outputs, _)) = &reader.end
            && !outputs.is_null()
        {
            object.insert("outputs", view.masks(&version).value(outputs.clone()));
        }
        Ok((view, object))
    }

    /// What a run that another node steps has answered so far. `None`: it goes on.
    pub(super) async fn stored_reply(&self, id: ProcessId) -> Result<Option<Reply>, AppError> {
        let view = self.run_view(&id.run_name()).await?;
        let version = self.version_of(&view).await?;
        let mut response = None;
        self.read_history(&view, &version, |entry| {
            let behavior = &version.flow.action(entry.action).behavior;
            let is_response = matches!(behavior, flow::definition::Behavior::Response { .. });
            if is_response && entry.status == Status::Succeeded && response.is_none() {
                response = Some(entry.clone());
            }
        })
        .await?;
        if let Some(entry) = response {
            // whole: what the history hides is not hidden from who asked
            return Ok(Some(Reply::Response(entry.outputs.unwrap_or_default())));
        }
        let is_final = Status::from_number(view.row.status).is_none_or(Status::is_final);
        Ok(is_final.then_some(Reply::NoResponse))
    }

    fn trigger_record(
        &self,
        view: &RunView,
        version: &Version,
        trigger: &flow::run::state::TriggerRun,
    ) -> Value {
        let secured = || {
            let mut object = Object::new();
            object.insert("$secured", true);
            Value::from(object)
        };
        let mut shown = trigger.clone();
        shown.inputs = without_credentials(shown.inputs);
        if let Some(found) = version.flow.find_trigger(&trigger.name) {
            if found.secure_inputs && !shown.inputs.is_null() {
                shown.inputs = secured();
            }
            if found.secure_outputs && !shown.outputs.is_null() {
                shown.outputs = secured();
            }
        }
        view.masks(version).value(flow::run::trigger_record(view.row.id, &shown))
    }

    pub(super) async fn version_of(&self, view: &RunView) -> Result<Arc<Version>, AppError> {
        self.engine.catalog.version(&view.flow.row, view.row.version).await
    }

    /// Reads a run's history from its first chunk on; `each` gets every entry that came
    /// to its end. Large values are fetched.
    pub(super) async fn read_history<'a>(
        &self,
        view: &RunView,
        version: &'a Version,
        mut each: impl FnMut(&Entry),
    ) -> Result<HistoryReader<'a>, AppError> {
        let mut reader =
            HistoryReader::new(&version.flow, view.row.id).masking(view.masks(version));
        let mut payloads = Payloads::new();
        let mut from = 0u64;
        loop {
            let chunks = self.engine.history(view.row.id, from, HISTORY_CHUNKS_PER_READ).await?;
            let Some(last) = chunks.last() else { return Ok(reader) };
            from = last.first_seq + u64::from(last.events.max(1));
            for chunk in &chunks {
                let bytes = decompress(&chunk.content).map_err(AppError::internal)?;
                self.fetch_payloads(&bytes, &mut payloads).await?;
                reader
                    .read(&bytes, &payloads, false, &mut |entry| each(&entry))
                    .map_err(AppError::internal)?;
            }
        }
    }

    /// Fetches the large values that a chunk refers to.
    async fn fetch_payloads(&self, chunk: &[u8], payloads: &mut Payloads) -> Result<(), AppError> {
        for hash in flow::run::event::payload_hashes(chunk, payloads).map_err(AppError::internal)? {
            self.engine.fetch(hash, payloads).await?;
        }
        Ok(())
    }

    /// The records of a run's actions in definition order: of an action in a loop the
    /// last repetition, with their number.
    pub async fn list_actions(
        &self,
        caller: &Caller,
        at: RunAt<'_>,
    ) -> Result<Vec<Value>, AppError> {
        let view = self.run_for(caller, Act::LIST_RUNS, at).await?;
        let version = self.version_of(&view).await?;
        let mut last: Vec<Option<(Entry, u64)>> = vec![None; version.flow.actions.len()];
        let mut note = |entry: Entry| {
            let place = &mut last[entry.action.at()];
            let count = place.as_ref().map_or(0, |(_, count)| *count) + 1;
            *place = Some((entry, count));
        };
        let mut reader = self.read_history(&view, &version, |entry| note(entry.clone())).await?;
        for entry in reader.unfinished() {
            note(entry);
        }
        let found = last.into_iter().flatten();
        Ok(found.map(|(entry, count)| with_count(&reader, &version, &entry, count)).collect())
    }

    /// The last record of one action.
    pub async fn get_action(
        &self,
        caller: &Caller,
        at: RunAt<'_>,
        action: &str,
    ) -> Result<Value, AppError> {
        let (reader_version, entries) = self.repetitions(caller, at, action, |_| true).await?;
        let (view, version) = reader_version;
        let count = entries.len() as u64;
        let last = entries.into_iter().last();
        let last = last.ok_or_else(|| {
            let message = format!("The action '{action}' of run '{}' has not begun.", at.name);
            AppError::not_found("ActionNotRun", message)
        })?;
        let reader = self.header(&view, &version).await?;
        Ok(with_count(&reader, &version, &last, count))
    }

    /// The records of an action's repetitions, in order.
    pub async fn list_repetitions(
        &self,
        caller: &Caller,
        at: RunAt<'_>,
        action: &str,
        query: RepetitionQuery,
    ) -> Result<(Vec<Value>, bool), AppError> {
        let wanted = query.status;
        let ((view, version), mut entries) = self
            .repetitions(caller, at, action, |entry| {
                wanted.is_none_or(|status| entry.status == status)
            })
            .await?;
        entries.sort_by(|a, b| a.path.iter().cmp(b.path.iter()));
        let reader = self.header(&view, &version).await?;
        let is_more = entries.len().saturating_sub(query.skip) > query.rows_max;
        let page = entries.iter().skip(query.skip).take(query.rows_max);
        Ok((page.map(|entry| reader.render(entry, true).into()).collect(), is_more))
    }

    /// One repetition, named by its indexes: `000000-000002`.
    pub async fn get_repetition(
        &self,
        caller: &Caller,
        at: RunAt<'_>,
        action: &str,
        repetition: &str,
    ) -> Result<Value, AppError> {
        let not_found = || {
            let message = format!(
                "The action '{action}' of run '{}' has no repetition '{repetition}'.",
                at.name
            );
            AppError::not_found("RepetitionNotFound", message)
        };
        let indexes: Result<Vec<u32>, _> = repetition.split('-').map(str::parse).collect();
        let indexes = indexes.map_err(|_| not_found())?;
        if indexes.len() > flow::limits::NESTING_MAX {
            return Err(not_found());
        }
        let path = Path::from_outermost(&indexes);
        let ((view, version), entries) =
            self.repetitions(caller, at, action, |entry| entry.path == path).await?;
        let entry = entries.into_iter().next_back().ok_or_else(not_found)?;
        let reader = self.header(&view, &version).await?;
        Ok(reader.render(&entry, true).into())
    }

    async fn repetitions(
        &self,
        caller: &Caller,
        at: RunAt<'_>,
        action: &str,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<((RunView, Arc<Version>), Vec<Entry>), AppError> {
        let view = self.run_for(caller, Act::LIST_RUNS, at).await?;
        let version = self.version_of(&view).await?;
        let id: ActionId = version.flow.find_action(action).ok_or_else(|| {
            let message = format!("The flow '{}' has no action '{action}'.", view.flow.row.name);
            AppError::not_found("ActionNotFound", message)
        })?;
        let mut entries = Vec::new();
        let mut reader = self
            .read_history(&view, &version, |entry| {
                if entry.action == id && wanted(entry) {
                    entries.push(entry.clone());
                }
            })
            .await?;
        let open = reader.unfinished().into_iter();
        entries.extend(open.filter(|entry| entry.action == id && wanted(entry)));
        drop(reader);
        Ok(((view, version), entries))
    }

    /// A reader that knows the run's beginning: what records are rendered with.
    async fn header<'a>(
        &self,
        view: &RunView,
        version: &'a Version,
    ) -> Result<HistoryReader<'a>, AppError> {
        let mut reader =
            HistoryReader::new(&version.flow, view.row.id).masking(view.masks(version));
        let chunks = self.engine.history(view.row.id, 0, 1).await?;
        if let Some(chunk) = chunks.first() {
            let bytes = decompress(&chunk.content).map_err(AppError::internal)?;
            reader
                .read(&bytes, &Payloads::new(), true, &mut |_| {})
                .map_err(|error: ReadError| AppError::internal(error))?;
        }
        Ok(reader)
    }
}

fn with_count(reader: &HistoryReader<'_>, version: &Version, entry: &Entry, count: u64) -> Value {
    let mut object = reader.render(entry, true);
    if !entry.path.is_empty() {
        object.insert("repetitionCount", Value::Int(count as i64));
    }
    let behavior = &version.flow.action(entry.action).behavior;
    if matches!(behavior, flow::definition::Behavior::Until(_)) {
        object.insert("iterationCount", Value::Int(reader.iterations(entry) as i64));
    }
    object.into()
}

/// Who invoked a run, and which connections they brought.
fn render_invoker(view: &InvokerView) -> Object {
    let mut object = Object::new();
    object.insert("id", view.invoker.id.as_str());
    if let Some(known) = &view.known {
        object.insert("displayName", known.display_name.as_str());
    }
    let mut connections = Object::new();
    for (key, name) in &view.invoker.connections {
        connections.insert(key.as_str(), name.as_str());
    }
    object.insert("connections", connections);
    object
}

/// A run for the wire.
#[must_use]
pub fn render_run(row: &RunRow, flow: &FlowEntry) -> Object {
    let status = Status::from_number(row.status).unwrap_or(Status::Failed);
    let name = row.id.run_name();
    let mut object = Object::new();
    object.insert("id", name.as_str());
    object.insert("flow", flow.row.name.as_str());
    object.insert("flowId", flow.row.id.as_str());
    object.insert("environment", flow.row.environment.as_str());
    object.insert("version", row.version);
    object.insert("status", status.name());
    if let Some(code) = &row.code {
        object.insert("code", code.as_str());
    }
    if let Some(message) = &row.error {
        let mut error = Object::new();
        error.insert("code", row.code.clone().unwrap_or_else(|| status.name().to_owned()));
        let masked = flow.version.masks.text(message);
        error.insert("message", masked.as_deref().unwrap_or(message));
        object.insert("error", error);
    }
    object.insert("startTime", format_time(row.id.start()));
    if let Some(end) = row.end {
        object.insert("endTime", format_time(end));
    }
    let mut correlation = Object::new();
    correlation.insert("clientTrackingId", row.client_tracking_id.clone().unwrap_or(name));
    object.insert("correlation", correlation);
    if let Some(parent) = row.parent {
        object.insert("parent", parent.run_name());
    }
    object
}

#[cfg(test)]
#[path = "run_tests.rs"]
pub(crate) mod tests;
