//! Runs by what they hold: a text in what their trigger and their actions took and gave, or
//! in their errors. Histories are read one after the other, with a bounded amount of work
//! for each request; there is no index.
//!
//! Invariant: what the definition secures is not looked at, so that nobody learns of it.

use super::App;
use super::access::{Act, FlowAt, FlowFound};
use super::catalog::{FlowEntry, Version};
use super::error::AppError;
use super::run::{RunQuery, hide};
use crate::auth::caller::Caller;
use crate::limits::{
    HISTORY_CHUNKS_PER_READ, SEARCH_BYTES_MAX, SEARCH_ROWS_PER_READ, SEARCH_RUNS_MAX,
};
use durable::ProcessId;
use durable::codec::decompress;
use expr::Value;
use flow::definition::{Behavior, Flow};
use flow::run::ErrorInfo;
use flow::run::event::{Detail, Event, EventReader, Payloads};
use flow::run::history::without_credentials;
use flow::run::mask::Masks;
use flow::run::status::Outputs;
use std::sync::Arc;
use store::{RunFilter, RunRow};

/// Where a search goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchFrom {
    /// After a run.
    After(ProcessId),
    /// In a run, from one of its events.
    Within(ProcessId, u64),
}

impl SearchFrom {
    #[must_use]
    pub fn encode(self) -> String {
        match self {
            SearchFrom::After(run) => run.run_name(),
            SearchFrom::Within(run, seq) => format!("{}.{seq}", run.run_name()),
        }
    }

    #[must_use]
    pub fn decode(text: &str) -> Option<SearchFrom> {
        match text.split_once('.') {
            None => ProcessId::from_run_name(text).map(SearchFrom::After),
            Some((run, seq)) => {
                Some(SearchFrom::Within(ProcessId::from_run_name(run)?, seq.parse().ok()?))
            }
        }
    }
}

/// What a request found, and where the next one goes on.
pub struct Found {
    pub entry: Arc<FlowEntry>,
    pub rows: Vec<RunRow>,
    pub next: Option<SearchFrom>,
}

/// What one request may still read.
struct Effort {
    bytes: usize,
    runs: usize,
    /// What is masked in all of it.
    known: Masks,
}

impl Effort {
    fn is_spent(&self) -> bool {
        self.bytes >= SEARCH_BYTES_MAX || self.runs >= SEARCH_RUNS_MAX
    }
}

/// What became of a look at a run.
enum Look {
    Found,
    NotFound,
    /// Too much for this request: it goes on with an event.
    Unfinished(u64),
}

impl App {
    /// Runs of a flow that hold a text; letter case is ignored. Fewer than asked for may be
    /// found although there are more.
    pub async fn search_runs(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        query: &RunQuery,
        text: &str,
        from: Option<SearchFrom>,
    ) -> Result<Found, AppError> {
        let FlowFound { entry, .. } = self.flow_for(caller, Act::LIST_RUNS, at).await?;
        let text = text.to_lowercase();
        let known = self.engine.known_secrets(&entry.row.id).await?;
        let mut effort = Effort { bytes: 0, runs: 0, known };
        let mut found = Found { entry, rows: Vec::new(), next: None };
        let mut before = None;
        match from {
            Some(SearchFrom::After(run)) => before = Some(run),
            Some(SearchFrom::Within(run, seq)) => {
                before = Some(run);
                let row = self.engine.store.run(run).await?;
                let row = row.filter(|row| row.workflow == found.entry.row.key);
                if let Some(row) = row
                    && self.look_at(&mut found, (row, seq), &text, &mut effort).await?
                {
                    return Ok(found);
                }
            }
            None => {}
        }
        loop {
            let filter = RunFilter {
                workflow: found.entry.row.key,
                status: query.status.map(|status| status as u8),
                from: query.from,
                to: query.to,
                before,
                oldest_first: false,
                rows_max: SEARCH_ROWS_PER_READ,
            };
            let rows = self.engine.store.runs(filter).await?;
            let is_last = rows.len() < SEARCH_ROWS_PER_READ;
            for row in rows {
                if found.rows.len() >= query.rows_max || effort.is_spent() {
                    found.next = before.map(SearchFrom::After);
                    return Ok(found);
                }
                before = Some(row.id);
                if self.look_at(&mut found, (row, 0), &text, &mut effort).await? {
                    return Ok(found);
                }
            }
            if is_last {
                return Ok(found);
            }
        }
    }

    /// Looks at a run; true when the request has to end within it.
    async fn look_at(
        &self,
        found: &mut Found,
        (mut row, seq): (RunRow, u64),
        text: &str,
        effort: &mut Effort,
    ) -> Result<bool, AppError> {
        effort.runs += 1;
        let version = self.engine.catalog.version(&found.entry.row, row.version).await?;
        let masks = version.masks.with(&effort.known);
        let wanted = Wanted { text, masks: &masks };
        match self.look_in(&row, seq, &version, wanted, effort).await? {
            Look::Found => {
                hide(&mut row, &masks);
                found.rows.push(row);
            }
            Look::NotFound => {}
            Look::Unfinished(seq) => {
                found.next = Some(SearchFrom::Within(row.id, seq));
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn look_in(
        &self,
        row: &RunRow,
        seq: u64,
        version: &Version,
        wanted: Wanted<'_>,
        effort: &mut Effort,
    ) -> Result<Look, AppError> {
        let mut from = seq;
        loop {
            let chunks = self.engine.history(row.id, from, HISTORY_CHUNKS_PER_READ).await?;
            if chunks.is_empty() {
                return Ok(Look::NotFound);
            }
            for chunk in &chunks {
                // one chunk at least, so that every request comes further
                if effort.bytes >= SEARCH_BYTES_MAX {
                    return Ok(Look::Unfinished(chunk.first_seq));
                }
                from = chunk.first_seq + u64::from(chunk.events.max(1));
                let bytes = decompress(&chunk.content).map_err(AppError::internal)?;
                effort.bytes += bytes.len();
                let mut payloads = Payloads::new();
                let hashes = flow::run::event::payload_hashes(&bytes, &payloads);
                for hash in hashes.map_err(AppError::internal)? {
                    let content = self.engine.payload(hash).await?;
                    let content = content.ok_or_else(|| AppError::internal("a payload is gone"))?;
                    effort.bytes += content.len();
                    let value = flow::run::event::read_payload(&content);
                    payloads.insert(hash, value.map_err(AppError::internal)?);
                }
                if has_text(version, &bytes, &payloads, wanted)? {
                    return Ok(Look::Found);
                }
                tokio::task::yield_now().await;
            }
        }
    }
}

/// Whether a chunk holds a text, given in lower case.
fn has_text(
    version: &Version,
    chunk: &[u8],
    payloads: &Payloads,
    wanted: Wanted<'_>,
) -> Result<bool, AppError> {
    let mut reader = EventReader::new(chunk, payloads).map_err(AppError::internal)?;
    while let Some(event) = reader.next_event().map_err(AppError::internal)? {
        if event_has(&version.flow, &event, wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A text that is looked for, given in lower case, in what is shown.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    text: &'a str,
    masks: &'a Masks,
}

fn event_has(flow: &Flow, event: &Event, text: Wanted<'_>) -> bool {
    let action = |id: flow::definition::ActionId| flow.actions.get(id.at());
    let in_error = |error: &ErrorInfo| has(&error.code, text) || has(&error.message, text);
    match event {
        Event::RunStarted(started) => {
            let trigger = flow.find_trigger(&started.trigger.name);
            let inputs = trigger.filter(|it| !it.secure_inputs).and_then(|it| it.inputs.as_ref());
            let is_shown = trigger.is_none_or(|it| !it.secure_outputs);
            inputs.is_some_and(|inputs| value_has(&without_credentials(inputs.clone()), text))
                || (is_shown && value_has(&started.trigger.outputs, text))
        }
        Event::Started { action: id, inputs, detail, .. } => action(*id).is_some_and(|action| {
            let items = match detail {
                Detail::Foreach { items } => items,
                _ => &Value::Null,
            };
            let in_inputs = inputs_have(&action.behavior, inputs, text);
            !action.secure_inputs && (in_inputs || value_has(items, text))
        }),
        Event::Finished(finished) | Event::Carried { finished, .. } => {
            let Some(action) = action(finished.action) else { return false };
            let inputs = finished.inputs.as_ref();
            let in_inputs = || inputs.is_some_and(|it| inputs_have(&action.behavior, it, text));
            let in_outputs = || match &finished.outputs {
                Outputs::None => false,
                Outputs::Inputs | Outputs::BodyOfInputs => in_inputs(),
                Outputs::Value(value) => value_has(value, text),
            };
            (!action.secure_inputs && in_inputs())
                || (!action.secure_outputs && in_outputs())
                || (!action.is_secured() && finished.error.as_ref().is_some_and(in_error))
        }
        Event::AttemptFailed { action: at, error, .. } => {
            action(*at).is_some_and(|it| !it.is_secured()) && in_error(error)
        }
        Event::RunFinished { error, outputs, .. } => {
            error.as_ref().is_some_and(in_error) || value_has(outputs, text)
        }
        // the items of a page are shown when the action has them all
        Event::Page { .. }
        | Event::Skipped { .. }
        | Event::PollLater { .. }
        | Event::CalledAgain { .. }
        | Event::CancelAsked
        | Event::Parameters(_)
        | Event::Invoker(_)
        | Event::Released
        | Event::Resumed { .. }
        | Event::CarriedAll { .. } => false,
    }
}

/// Inputs as they are shown: without the credentials of a call.
fn inputs_have(behavior: &Behavior, inputs: &Value, text: Wanted<'_>) -> bool {
    match behavior {
        Behavior::Http { .. } | Behavior::Connector { .. } | Behavior::Webhook { .. } => {
            value_has(&without_credentials(inputs.clone()), text)
        }
        _ => value_has(inputs, text),
    }
}

fn has(found: &str, wanted: Wanted<'_>) -> bool {
    let masked = wanted.masks.text(found);
    masked.as_deref().unwrap_or(found).to_lowercase().contains(wanted.text)
}

/// Whether a name or a value in it holds a text.
fn value_has(value: &Value, text: Wanted<'_>) -> bool {
    match value {
        Value::Null => false,
        Value::String(found) => has(found, text),
        Value::Array(items) => items.iter().any(|item| value_has(item, text)),
        Value::Object(object) => {
            object.iter().any(|(name, value)| has(name, text) || value_has(value, text))
        }
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Decimal(_) => {
            has(&value.text(), text)
        }
    }
}
