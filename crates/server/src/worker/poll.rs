//! Triggers that ask: each question is a call, and what it finds starts runs under keys of
//! what was found, so that a question that is repeated after a crash starts nothing twice.

use super::Engine;
use super::address::Asker;
use super::commit::Refusal;
use super::trigger_state::Watching;
use crate::app::catalog::FlowEntry;
use crate::app::data_policy;
use crate::app::error::AppError;
use durable::{StartKey, Ticks};
use expr::{Str, Value};
use flow::definition::{Poll, Source, Trigger};
use flow::run::connector::{address_call, called_at};
use flow::run::state::Caller;
use flow::run::{CallResult, ConnectorCall, Purpose, retry};
use flow::trigger::state::{PollState, Polled, TriggerKind, TriggerState};
use std::sync::Arc;

/// Ticks until a trigger asks again whose flow has no room for what it found: half a minute.
const FULL_PAUSE: Ticks = 30 * crate::clock::SECOND;

impl Engine {
    /// Asks once, and starts what there is.
    pub(super) async fn poll(
        self: &Arc<Self>,
        mut watching: Watching,
        entry: &FlowEntry,
        (trigger, poll): (&Trigger, &Poll),
    ) -> Result<Result<(), Refusal>, AppError> {
        let TriggerKind::Poll(mut progress) = watching.state.kind.clone() else {
            return Ok(Ok(()));
        };
        let inputs = self.trigger_inputs(entry, trigger, &poll.inputs, None).await?;
        let policy = retry::policy_of(&poll.retry, inputs.as_ref().unwrap_or(&Value::Null));
        let (process, number) = (watching.process, progress.number);
        let result = match inputs {
            Ok(inputs) => {
                let key = format!("{}-{number}", process.run_name());
                self.ask(entry, trigger, (poll.source, inputs), (&progress, key)).await
            }
            Err(error) => super::failure(&error.code, error.message, false),
        };
        if !self.ownership.owns(process) {
            // who holds it now may be further: what was found late is not new there
            return Ok(Ok(()));
        }
        let now = self.clock.now();
        let (since, random) = (watching.state.since, self.clock.moment().seed);
        let regular = self.next_question(poll, since, now);
        let before = progress.clone();
        let (came, mut due) =
            progress.answered(&result, (&policy, poll.reads_status), (now, regular, random));
        match (came, result) {
            (Polled::Fires, CallResult::Answer(outputs)) => {
                // the node may have lost the process while it asked, and have it again: another
                // has asked the same meanwhile, found nothing yet, and gone on to the next
                // question, which finds this under another key. Only the store knows. Who asks
                // after this was said finds at least what was found here, under the same keys.
                if let Err(refusal) = self.hold_trigger(&mut watching).await {
                    return Ok(Err(refusal));
                }
                let key = [b"poll".as_slice(), process.as_bytes(), &number.to_le_bytes()].concat();
                let firing = crate::app::trigger::Firing {
                    entry,
                    trigger,
                    outputs,
                    raw_body: None,
                    tracking: None,
                    scheduled: None,
                    caller: Caller::Nobody,
                    start_key: Some(StartKey { source: entry.row.key.to_le_bytes().to_vec(), key }),
                    keyed_by_content: true,
                    invoker: Value::Null,
                };
                if !self.fire_for(entry, firing).await? {
                    // the same is asked again: what has begun already begins no second time
                    (progress, due) = (before, now + FULL_PAUSE);
                }
            }
            (Polled::Failed { trouble, .. }, _) => {
                tracing::warn!(flow = %entry.row.name, trigger = %trigger.name, %trouble, "a trigger could not ask");
            }
            _ => {}
        }
        let kind = TriggerKind::Poll(progress);
        let state = TriggerState { last: Some(now), kind, ..watching.state.clone() };
        Ok(self.commit_trigger(watching, &state, Some(due)).await)
    }

    /// When the recurrence asks next. Questions that passed are not caught up.
    fn next_question(&self, poll: &Poll, since: Ticks, now: Ticks) -> Ticks {
        let next = poll.recurrence.next_after(since, Some(now));
        // one whose recurrence is over asks no more
        next.unwrap_or(Ticks::MAX / 4)
    }

    async fn ask(
        self: &Arc<Self>,
        entry: &FlowEntry,
        trigger: &Trigger,
        (source, inputs): (Source, Value),
        (progress, key): (&PollState, String),
    ) -> CallResult {
        if source == Source::Http {
            let _turn = self.turn().await;
            let mut request = match address_call(&inputs, key) {
                Ok(request) => request,
                Err(message) => return super::failure("BadRequest", message, false),
            };
            if let Some(location) = &progress.location {
                request = called_at(request, location);
            }
            let asker = Asker::Flow(entry.row.key);
            return self.call_address(asker, data_policy::HTTP, request).await;
        }
        let purpose = match &progress.location {
            Some(location) => Purpose::Poll { location: location.clone() },
            None => Purpose::Call,
        };
        self.call_connector(ConnectorCall {
            source,
            workflow: entry.row.key,
            version: entry.row.version,
            operation_name: trigger.name.clone(),
            inputs,
            purpose,
            transfer: flow::definition::Transfer::default(),
            invoker: Value::Null,
            idempotency_key: key,
        })
        .await
    }

    /// What a trigger calls, evaluated now.
    pub(super) async fn trigger_inputs(
        &self,
        entry: &FlowEntry,
        trigger: &Trigger,
        template: &expr::Template,
        callback: Option<Str>,
    ) -> Result<Result<Value, flow::run::ErrorInfo>, AppError> {
        let version = &entry.version;
        let parameters = self.parameters_of(version).await?;
        let run = self.new_id()?;
        Ok(flow::trigger::fire::inputs(
            (&version.flow, &version.info, trigger),
            template,
            (run, self.clock.moment()),
            parameters,
            callback,
        ))
    }
}
