//! Runs that go on where another ended: a new run, to which everything that was finished is
//! carried over (decision 0011).
//!
//! Invariant: a run is resumed once. What goes on is the newest of the chain, which has
//! everything that was finished; resuming an older one would do some of it again.

use super::App;
use super::access::{Act, RunAt};
use super::catalog::Version;
use super::data::{self, Change, Kind, Known, Stored};
use super::error::{AppError, ErrorKind};
use super::run::RunView;
use crate::auth::caller::Caller;
use crate::clock::SECOND;
use crate::limits::{
    EXPIRED_ROWS_PER_SWEEP, HISTORY_CHUNKS_PER_READ, RESUME_BEGINS_SECONDS,
    RESUME_HISTORY_BYTES_MAX,
};
use crate::worker::Start;
use durable::codec::decompress;
use durable::{ProcessId, Ticks};
use flow::run::event::{Payloads, payload_hashes, read_payload};
use flow::run::state::Caller as RunCaller;
use flow::run::{Past, Status};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use store::{RecordKey, RunRow};

/// Records by when the run began.
const BY_START: u8 = 1;

/// Which version of its flow a run goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionWanted {
    /// The one it had.
    Pinned,
    Number(u32),
    Latest,
}

/// That a run goes on as another.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resumption {
    /// The run that ended.
    run: String,
    resumed_as: String,
    time: Ticks,
}

impl Stored for Resumption {
    const KIND: Kind = Kind::Resumption;

    fn id(&self) -> &str {
        &self.run
    }

    fn keys(&self) -> Vec<RecordKey> {
        let start = ProcessId::from_run_name(&self.run).map_or(0, |run| run.start());
        vec![data::key(BY_START, &[&format!("{start:020}")])]
    }
}

/// Whether a run with this status can be resumed.
#[must_use]
pub fn can_resume(status: Status) -> bool {
    matches!(status, Status::Failed | Status::TimedOut | Status::Cancelled)
}

impl App {
    /// Starts a new run that goes on where this one ended.
    pub async fn resume_run(
        &self,
        caller: &Caller,
        at: RunAt<'_>,
        version: VersionWanted,
    ) -> Result<(RunView, ProcessId, Status), AppError> {
        let view = self.run_for(caller, Act::RESUBMIT, at).await?;
        let (id, status) = self.resume(caller, &view, version).await?;
        Ok((view, id, status))
    }

    pub(super) async fn resume(
        &self,
        caller: &Caller,
        view: &RunView,
        wanted: VersionWanted,
    ) -> Result<(ProcessId, Status), AppError> {
        check_status(&view.row)?;
        self.engine.check_room()?;
        let earlier = self.check_not_resumed(&view.row).await?;
        let version = self.wanted_version(view, wanted).await?;
        check_secured(&*self.version_of(view).await?, &version)?;
        super::resubmit::check_starts(view)?;
        let past = self.past_of(view).await?;
        let trigger_run = past
            .trigger
            .clone()
            .ok_or_else(|| AppError::internal(format!("run {} has no beginning", view.row.id)))?;
        let trigger = version.flow.find_trigger(&trigger_run.name).ok_or_else(|| {
            let message = format!(
                "Version {} of the flow has no trigger '{}'.",
                version.info.version, trigger_run.name
            );
            AppError::new(ErrorKind::Conflict, "TriggerNotFound", message)
        })?;
        let id = self.engine.run_id(view.flow.row.key, trigger)?;
        let parameters = self.engine.parameters_of(&version).await?;
        let known = self.note_resumption(caller, view, &version, (id, earlier)).await?;
        let start = Start {
            version: &version,
            parameters,
            trigger,
            id,
            outputs: trigger_run.outputs,
            raw_body: None,
            scheduled: trigger_run.scheduled,
            client_tracking_id: Some(trigger_run.client_tracking_id),
            origin: Some(view.row.id),
            caller: RunCaller::Nobody,
            start_key: None,
            invoker: past.invoker.clone(),
        };
        match self.engine.start_resumed(start, &past).await {
            Ok(started) => Ok((started.id, started.status)),
            Err(error) => {
                self.forget_resumption(caller, view, known, &error).await;
                Err(error)
            }
        }
    }

    /// The name of the run that a run goes on as.
    pub(super) async fn resumed_as(&self, row: &RunRow) -> Result<Option<String>, AppError> {
        if !Status::from_number(row.status).is_some_and(can_resume) {
            return Ok(None);
        }
        let known = self.get::<Resumption>(&row.id.run_name()).await?;
        Ok(known.map(|known| known.resumed_as.clone()))
    }

    /// What is known of an earlier try that came to nothing.
    async fn check_not_resumed(&self, row: &RunRow) -> Result<Option<Known<Resumption>>, AppError> {
        let name = row.id.run_name();
        let Some(known) = self.get::<Resumption>(&name).await? else { return Ok(None) };
        let to = &known.resumed_as;
        let there = match ProcessId::from_run_name(to) {
            Some(id) => self.engine.store.run(id).await?,
            None => None,
        };
        let age = self.engine.clock.now().saturating_sub(known.time);
        let status = there.map(|row| Status::from_number(row.status).unwrap_or(Status::Failed));
        let message = match status {
            Some(status) if can_resume(status) => {
                format!("The run '{name}' went on as '{to}': resume that one.")
            }
            Some(Status::Succeeded) => {
                format!("The run '{name}' went on as '{to}', which succeeded.")
            }
            Some(_) => format!("The run '{name}' goes on as '{to}'."),
            None if age < RESUME_BEGINS_SECONDS * SECOND => {
                format!("The run '{name}' is being resumed as '{to}'.")
            }
            // it did not come to a beginning, or has been removed since
            None => return Ok(Some(known)),
        };
        Err(AppError::new(ErrorKind::Conflict, "RunResumed", message))
    }

    async fn wanted_version(
        &self,
        view: &RunView,
        wanted: VersionWanted,
    ) -> Result<Arc<Version>, AppError> {
        let number = match wanted {
            VersionWanted::Latest => return Ok(Arc::clone(&view.flow.version)),
            VersionWanted::Pinned => view.row.version,
            VersionWanted::Number(number) => number,
        };
        let row = &view.flow.row;
        if self.engine.store.version(row.key, number).await?.is_none() {
            let message = format!("The flow '{}' has no version {number}.", row.name);
            return Err(AppError::not_found("FlowVersionNotFound", message));
        }
        self.engine.catalog.version(row, number).await
    }

    /// Everything that the run did.
    async fn past_of(&self, view: &RunView) -> Result<Past, AppError> {
        let version = self.version_of(view).await?;
        let mut past = Past::new(Arc::clone(&version.flow), view.row.id);
        let (mut from, mut bytes) = (0u64, 0usize);
        loop {
            let engine = &self.engine;
            let chunks = engine.history(view.row.id, from, HISTORY_CHUNKS_PER_READ).await?;
            let Some(last) = chunks.last() else { return Ok(past) };
            from = last.first_seq + u64::from(last.events.max(1));
            for chunk in &chunks {
                let content = decompress(&chunk.content).map_err(AppError::internal)?;
                bytes += content.len();
                let mut payloads = Payloads::new();
                let hashes = payload_hashes(&content, &payloads).map_err(AppError::internal)?;
                for hash in hashes {
                    let value = engine.payload(hash).await?;
                    let value = value.ok_or_else(|| AppError::internal("a payload is missing"))?;
                    bytes += value.len();
                    payloads.insert(hash, read_payload(&value).map_err(AppError::internal)?);
                    check_size(bytes)?;
                }
                check_size(bytes)?;
                past.read(&content, &payloads).map_err(AppError::internal)?;
            }
        }
    }

    /// Says durably, and in the audit, as what a run goes on, before it does: of two who
    /// ask for it one is refused.
    async fn note_resumption(
        &self,
        caller: &Caller,
        view: &RunView,
        version: &Version,
        (id, earlier): (ProcessId, Option<Known<Resumption>>),
    ) -> Result<Known<Resumption>, AppError> {
        self.sweep_resumptions(caller).await?;
        let (run, resumed_as) = (view.row.id.run_name(), id.run_name());
        let detail = json!({"run": run, "resumedAs": resumed_as, "version": version.info.version});
        let value = Resumption { run, resumed_as, time: self.engine.clock.now() };
        let known = match earlier {
            Some(mut known) => {
                *known = value;
                known
            }
            None => Known::new(value),
        };
        let target = &view.flow.row.id;
        let change = Change::default().put(&known)?.audit("ResumeRun", target, &detail);
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => {
                let message = format!("The run '{}' is being resumed.", view.row.id);
                AppError::new(ErrorKind::Conflict, "RunResumed", message)
            }
            _ => error,
        })?;
        Ok(known)
    }

    /// It did not begin: it may be tried again.
    async fn forget_resumption(
        &self,
        caller: &Caller,
        view: &RunView,
        known: Known<Resumption>,
        error: &AppError,
    ) {
        // a start whose outcome is not known may be there
        if error.code == "OutcomeUnknown" {
            return;
        }
        let Ok(Some(stored)) = self.get::<Resumption>(&known.run).await else { return };
        if stored.resumed_as != known.resumed_as {
            return;
        }
        let detail = json!({"run": known.run, "code": error.code});
        let change = Change::default().remove(&stored);
        let change = change.audit("ResumeRunRefused", &view.flow.row.id, &detail);
        if let Err(error) = self.apply(caller, change).await {
            tracing::warn!(message = %error.message, "a resumption that came to nothing stays");
        }
    }

    /// Takes away a few of which the run is gone. That somebody else does so too is no fault.
    async fn sweep_resumptions(&self, caller: &Caller) -> Result<(), AppError> {
        let listed = self.list::<Resumption>(BY_START, &[], None, EXPIRED_ROWS_PER_SWEEP).await?;
        for known in &listed.rows {
            let is_there = match ProcessId::from_run_name(&known.run) {
                Some(id) => self.engine.store.run(id).await?.is_some(),
                None => false,
            };
            if is_there || self.apply(caller, Change::default().remove(known)).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn check_size(bytes: usize) -> Result<(), AppError> {
    if bytes <= RESUME_HISTORY_BYTES_MAX {
        return Ok(());
    }
    let message = format!(
        "The history of the run is larger than the {RESUME_HISTORY_BYTES_MAX} bytes of which a run can be resumed."
    );
    Err(AppError::new(ErrorKind::Conflict, "RunTooLargeToResume", message))
}

/// What one version secures, another must not show: history is rendered by the version of
/// its run.
pub(super) fn check_secured(old: &Version, new: &Version) -> Result<(), AppError> {
    let shown = |(old_inputs, old_outputs): (bool, bool), (inputs, outputs): (bool, bool)| {
        (old_inputs && !inputs) || (old_outputs && !outputs)
    };
    let actions = old.flow.actions.iter().filter(|it| it.secure_inputs || it.secure_outputs);
    let action = actions.into_iter().find(|it| {
        let found = new.flow.find_action(&it.name).map(|id| new.flow.action(id));
        let secured = (it.secure_inputs, it.secure_outputs);
        found.is_some_and(|found| shown(secured, (found.secure_inputs, found.secure_outputs)))
    });
    let trigger = old.flow.triggers.iter().find(|it| {
        let found = new.flow.find_trigger(&it.name);
        let secured = (it.secure_inputs, it.secure_outputs);
        found.is_some_and(|found| shown(secured, (found.secure_inputs, found.secure_outputs)))
    });
    let name = action.map(|it| &it.name).or(trigger.map(|it| &it.name));
    let Some(name) = name else { return Ok(()) };
    let message = format!(
        "Version {} shows of '{name}' what version {} secures: secure it, so that runs of that can go on or begin again.",
        new.info.version, old.info.version
    );
    Err(AppError::new(ErrorKind::Conflict, "SecureDataRemoved", message))
}

fn check_status(row: &RunRow) -> Result<(), AppError> {
    let status = Status::from_number(row.status).unwrap_or(Status::Failed);
    let name = row.id.run_name();
    let (code, message) = match status {
        status if can_resume(status) => return Ok(()),
        Status::Succeeded => {
            let message = format!("The run '{name}' succeeded: there is nothing to go on with.");
            ("RunSucceeded", message)
        }
        status if status.is_final() => {
            let message = format!("The run '{name}' is {}: it did nothing.", status.name());
            ("RunNotResumable", message)
        }
        status => {
            let message = format!("The run '{name}' is {}: it has not ended.", status.name());
            ("RunNotEnded", message)
        }
    };
    Err(AppError::new(ErrorKind::Conflict, code, message))
}
