//! Subscriptions: of a trigger that is called by whom it has asked to, and of webhook actions.
//! What was asked for is ended when nobody waits for it any more, however long that takes.

use super::Engine;
use super::address::Asker;
use super::commit::Refusal;
use super::load::told;
use super::outside::failure;
use super::trigger_state::{Watching, new_process};
use crate::app::catalog::FlowEntry;
use crate::app::connector::runtime::Reference;
use crate::app::data_policy;
use crate::app::error::AppError;
use durable::{Message, MessageKind, ProcessId, Ticks};
use expr::{Str, Value};
use flow::definition::{Poll, Source, Trigger};
use flow::run::connector::{ANSWERED, address_call, callback_url, refused};
use flow::run::{CallResult, ConnectorCall, Purpose, Status, SubscriptionCall, retry};
use flow::trigger::state::{Came, Owner, Phase, Subscription, TriggerKind, TriggerState};
use std::sync::Arc;
use std::time::Duration;
use store::{RunRow, StoreError};
use subtle::ConstantTimeEq;

impl Engine {
    /// Whether a trigger that would subscribe has to ask instead: its operation has no place
    /// for an address to call back.
    pub(super) async fn is_asked(
        self: &Arc<Self>,
        entry: &FlowEntry,
        trigger: &Trigger,
        webhook: &Poll,
    ) -> Result<bool, AppError> {
        let Some(connectors) = self.connectors.get().filter(|_| webhook.source != Source::Http)
        else {
            return Ok(false);
        };
        let callback = Some(entry.trigger_address(&trigger.name).into());
        let inputs = self.trigger_inputs(entry, trigger, &webhook.inputs, callback).await?;
        let call = ConnectorCall {
            source: webhook.source,
            workflow: entry.row.key,
            version: entry.row.version,
            operation_name: trigger.name.clone(),
            inputs: inputs.unwrap_or_default(),
            purpose: Purpose::Call,
            transfer: flow::definition::Transfer::default(),
            invoker: Value::Null,
            idempotency_key: String::new(),
        };
        connectors.is_asked(Arc::clone(self), call).await
    }

    /// The subscription of a trigger whose flow is turned on. Its callback is the trigger's
    /// own address.
    pub(super) async fn trigger_subscription(
        &self,
        entry: &FlowEntry,
        trigger: &Trigger,
        webhook: &Poll,
    ) -> Result<Subscription, AppError> {
        let callback: Str = entry.trigger_address(&trigger.name).into();
        let inputs = self.trigger_inputs(entry, trigger, &webhook.inputs, Some(callback.clone()));
        let inputs = inputs.await?;
        let inputs = inputs
            .map_err(|error| AppError::invalid("InvalidTemplate", error.message.to_string()))?;
        Ok(Subscription {
            owner: Owner::Trigger,
            source: webhook.source,
            version: entry.row.version,
            operation_name: trigger.name.clone(),
            retry: policy_of(webhook.source, &webhook.retry, &inputs),
            invoker: Reference::pinned(
                Value::Null,
                (&inputs, &trigger.name),
                (&entry.version.references, &entry.row.environment),
            ),
            inputs,
            callback,
            phase: Phase::Asking { attempt: 1, due: self.clock.now() },
            replaced: None,
            renewals: 0,
        })
    }

    /// Begins the subscription of a webhook action; its answer comes as a message. A repeated
    /// beginning finds the one that is there.
    pub(super) async fn subscribe(
        self: &Arc<Self>,
        run: ProcessId,
        effect: u64,
        call: SubscriptionCall,
    ) -> Option<CallResult> {
        let mut pause = Duration::from_millis(50);
        while let Err(Refusal::Failed(error)) =
            self.begin_subscription(run, effect, call.clone()).await
        {
            tracing::warn!(%run, effect, %error, "a subscription cannot be begun yet");
            if self.is_closing() {
                break;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
        None
    }

    async fn begin_subscription(
        self: &Arc<Self>,
        run: ProcessId,
        effect: u64,
        call: SubscriptionCall,
    ) -> Result<(), Refusal> {
        let Some(row) = self.store.run(run).await.map_err(Refusal::Failed)? else { return Ok(()) };
        let invoker = self.pinned(&row, &call).await.map_err(Refusal::Failed)?;
        let now = self.clock.now();
        let key = flow::run::CallbackKey(self.catalog.sealer().derive(b"callbacks"));
        let callback = callback_url(&self.catalog.public_url(), &key, call.process);
        let subscription = Subscription {
            owner: Owner::Action { run, effect },
            source: call.source,
            version: row.version,
            operation_name: call.operation_name,
            inputs: call.inputs,
            invoker,
            retry: call.retry,
            callback: callback.into(),
            phase: Phase::Asking { attempt: 1, due: now },
            replaced: None,
            renewals: 0,
        };
        let kind = TriggerKind::Subscription(Box::new(subscription));
        let state = TriggerState { workflow: row.workflow, since: now, last: None, kind };
        let process = new_process(call.process);
        let asked = (Some((run, effect)), Vec::new());
        self.commit_answer(process, &state, Some(now), asked).await
    }

    /// Who invoked a run, with the connection that its subscription names.
    async fn pinned(&self, run: &RunRow, call: &SubscriptionCall) -> Result<Value, StoreError> {
        let invoker = call.invoker.clone();
        let Some(row) = self.store.workflow_by_key(run.workflow).await? else { return Ok(invoker) };
        match self.catalog.version(&row, run.version).await.map_err(told) {
            Ok(version) => {
                let of = (&call.inputs, call.operation_name.as_str());
                Ok(Reference::pinned(invoker, of, (&version.references, &row.environment)))
            }
            // the call says then what is wrong
            Err(StoreError::Corrupt(_)) => Ok(invoker),
            Err(error) => Err(error),
        }
    }

    /// Does what is next for a subscription.
    pub(super) async fn see_to_subscription(
        self: &Arc<Self>,
        watching: Watching,
    ) -> Result<Result<(), Refusal>, AppError> {
        let TriggerKind::Subscription(mut it) = watching.state.kind.clone() else {
            return Ok(Ok(()));
        };
        let now = self.clock.now();
        if self.is_left(&watching, &it).await? {
            it.leave(now);
        } else if watching.inbox.iter().any(|row| row.message.body == ANSWERED) {
            it.answered();
        }
        let is_due = it.due().is_some_and(|due| due <= now);
        let came = match is_due {
            true => self.next_of(&watching, &mut it, now).await,
            false => Came::default(),
        };
        if let Some(trouble) = &came.trouble {
            tracing::warn!(process = %watching.process, operation = %it.operation_name, %trouble, "a subscription is in trouble");
        }
        if let Phase::Live { .. } | Phase::Leaving { .. } = it.phase
            && let Some(location) = it.replaced.take()
        {
            // the new one is there: the old one is ended once, and ends by itself otherwise
            let mut before = it.clone();
            before.renewals = before.renewals.saturating_sub(1);
            let purpose = Purpose::Unsubscribe { location };
            let _ = self.subscription_call(&watching, &before, purpose).await;
        }
        Ok(self.keep_subscription(watching, it, came).await)
    }

    /// What is due: the call for it, and what its answer means.
    async fn next_of(
        self: &Arc<Self>,
        watching: &Watching,
        it: &mut Subscription,
        now: Ticks,
    ) -> Came {
        let purpose = match &it.phase {
            Phase::Asking { .. } | Phase::Finding { .. } => {
                Purpose::Subscribe { callback: it.callback.clone() }
            }
            Phase::Leaving { location, .. } => {
                Purpose::Unsubscribe { location: location.clone().unwrap_or_default() }
            }
            Phase::Live { .. } => {
                it.renew(now);
                return Came::default();
            }
            Phase::Over => return Came::default(),
        };
        let result = self.subscription_call(watching, it, purpose).await;
        let now = self.clock.now();
        match &it.phase {
            Phase::Asking { .. } => it.asked(now, &result, self.clock.moment().seed),
            Phase::Finding { .. } => it.found(now, &result),
            Phase::Leaving { .. } => it.left(now, &result),
            Phase::Live { .. } | Phase::Over => Came::default(),
        }
    }

    /// Whether nobody waits for it: it was told so, or its flow goes on without it.
    async fn is_left(&self, watching: &Watching, it: &Subscription) -> Result<bool, AppError> {
        let mut told = watching.inbox.iter().map(|row| &row.message);
        if told.any(|it| it.kind == MessageKind::Cancel && it.body != ANSWERED) {
            return Ok(true);
        }
        match it.owner {
            Owner::Action { .. } => Ok(false),
            Owner::Trigger => Ok(self.flow_of(watching).await?.is_none()),
        }
    }

    async fn keep_subscription(
        self: &Arc<Self>,
        watching: Watching,
        it: Box<Subscription>,
        came: Came,
    ) -> Result<(), Refusal> {
        let mut messages = Vec::new();
        let mut told = None;
        if let (Some(refusal), Owner::Action { run, effect }) = (came.refusal, it.owner) {
            messages.push(reply_to(run, effect, watching.process, &refused(refusal)));
            told = Some(run);
        }
        let (is_over, due) = (it.phase == Phase::Over, it.look_due(self.clock.now()));
        let state = TriggerState {
            kind: TriggerKind::Subscription(it),
            last: Some(self.clock.now()),
            ..watching.state.clone()
        };
        let changes = state != watching.state || !watching.inbox.is_empty();
        match is_over {
            true => self.end_subscription(watching, messages).await?,
            false if !changes => return Ok(()),
            false => self.commit_answer(watching, &state, due, (None, messages)).await?,
        }
        if let Some(run) = told {
            self.read_inbox(run);
        }
        Ok(())
    }

    async fn end_subscription(
        &self,
        watching: Watching,
        messages: Vec<Message>,
    ) -> Result<(), Refusal> {
        let kind = durable::ProcessKind::Trigger;
        let mut batch = durable::Batch::new(watching.process, kind, watching.seq);
        batch.events = 1;
        batch.standing = durable::Standing::Final;
        batch.forget_history = true;
        batch.consumed = watching.inbox.iter().map(|row| row.id).collect();
        batch.messages = messages;
        self.seal_batch(&mut batch).map_err(Refusal::Failed)?;
        self.commit_batch(batch, watching.state.workflow, None).await
    }

    /// Asks for a subscription, or ends one.
    async fn subscription_call(
        self: &Arc<Self>,
        watching: &Watching,
        it: &Subscription,
        purpose: Purpose,
    ) -> CallResult {
        let is_end = matches!(purpose, Purpose::Unsubscribe { .. });
        let what = if is_end { "unsubscribe" } else { "subscribe" };
        // a renewal is no repetition of what it renews
        let key = match it.renewals {
            0 => format!("{}-{what}", watching.process.run_name()),
            number => format!("{}-{what}-{number}", watching.process.run_name()),
        };
        if it.source == Source::Http {
            let _turn = self.turn().await;
            let inputs = it.inputs.get(what).unwrap_or(&Value::Null);
            return match address_call(inputs, key) {
                // what ends one may always be called
                Ok(request) if is_end => self.outside.call(request).await,
                Ok(request) => {
                    let asker = Asker::Flow(watching.state.workflow);
                    self.call_address(asker, data_policy::HTTP_WEBHOOK, request).await
                }
                Err(message) => {
                    failure("BadRequest", format!("'{what}' cannot be called: {message}"), false)
                }
            };
        }
        self.call_connector(connector_call((watching.state.workflow, it), purpose, key)).await
    }

    /// Whether an action waits for a call at this address. Checked before anything else of
    /// the call is read.
    pub async fn is_answerable(&self, process: ProcessId, token: &str) -> Result<bool, AppError> {
        Ok(self.waiting_for(process, token).await?.is_some())
    }

    /// Tells who keeps recordings what was delivered to a subscription with a connector.
    pub async fn note_delivery(self: &Arc<Self>, workflow: i64, it: &Subscription, request: Value) {
        let Some(connectors) = self.connectors.get().filter(|_| it.source != Source::Http) else {
            return;
        };
        let purpose = Purpose::Subscribe { callback: it.callback.clone() };
        let asked = connector_call((workflow, it), purpose, String::new());
        connectors.delivered(Arc::clone(self), asked, request).await;
    }

    /// Whether the run behind an address of a webhook goes on, whatever became of the action
    /// that gave the address.
    pub async fn is_asker_going_on(
        &self,
        process: ProcessId,
        token: &str,
    ) -> Result<bool, AppError> {
        let Some(watching) = self.watching(process).await? else { return Ok(false) };
        let TriggerKind::Subscription(it) = &watching.state.kind else { return Ok(false) };
        let Owner::Action { run, .. } = it.owner else { return Ok(false) };
        let known = it.callback.rsplit('/').next().unwrap_or_default();
        let is_right: bool = known.as_bytes().ct_eq(token.as_bytes()).into();
        let row = self.store.run(run).await?.filter(|_| is_right);
        let status = row.and_then(|row| Status::from_number(row.status));
        Ok(status.is_some_and(|status| !status.is_final()))
    }

    async fn waiting_for(
        &self,
        process: ProcessId,
        token: &str,
    ) -> Result<Option<Waiting>, AppError> {
        let Some(watching) = self.watching(process).await? else { return Ok(None) };
        if watching.inbox.iter().any(|row| row.message.kind == MessageKind::Cancel) {
            // it has been told, and only has not come to it
            return Ok(None);
        }
        let TriggerKind::Subscription(it) = watching.state.kind else { return Ok(None) };
        let Owner::Action { run, effect } = it.owner else { return Ok(None) };
        let known = it.callback.rsplit('/').next().unwrap_or_default();
        let is_right: bool = known.as_bytes().ct_eq(token.as_bytes()).into();
        let is_waiting = matches!(it.phase, Phase::Asking { .. } | Phase::Live { .. });
        let workflow = watching.state.workflow;
        Ok((is_right && is_waiting).then_some(Waiting { run, effect, workflow, subscription: it }))
    }

    /// What somebody says to the action that waits at an address. `None`: nobody waits, or the
    /// address is none.
    pub async fn callback(
        &self,
        process: ProcessId,
        token: &str,
        request: Value,
    ) -> Result<Option<Callback>, AppError> {
        let Some(waiting) = self.waiting_for(process, token).await? else { return Ok(None) };
        let Waiting { run, effect, workflow, subscription } = waiting;
        let message = flow::run::connector::called_back(request.clone());
        let message = self.sealed(reply_to(run, effect, process, &message))?;
        Ok(Some(Callback { message, said: Said { workflow, subscription, request } }))
    }

    /// Somebody calls back: the action that waits is told, once. `None`: nobody waits, or the
    /// address is none.
    pub async fn call_back(
        self: &Arc<Self>,
        process: ProcessId,
        token: &str,
        request: Value,
    ) -> Result<Option<()>, AppError> {
        let Some(Callback { message, said }) = self.callback(process, token, request).await? else {
            return Ok(None);
        };
        let run = message.to;
        // a second call is the same message, and changes nothing
        let is_new = self.store.send(message).await?;
        let rows = self.inbox(run).await?;
        if !is_new && !rows.iter().any(|row| row.message.from == Some(process)) {
            // the run has ended, or was answered, since it was looked at
            return Ok(None);
        }
        if is_new {
            self.note_said(said).await;
        }
        rows.into_iter().for_each(|row| self.deliver_row(row));
        Ok(Some(()))
    }

    /// Tells who keeps recordings what was said to an action, once that is stored.
    pub async fn note_said(self: &Arc<Self>, said: Said) {
        self.note_delivery(said.workflow, &said.subscription, said.request).await;
    }
}

/// What somebody says to an action that waits, on its way to the run.
pub struct Callback {
    /// As it is stored. The run takes one of a subscription.
    pub message: Message,
    pub said: Said,
}

/// What was said, and to which subscription.
pub struct Said {
    /// Key of the flow.
    workflow: i64,
    subscription: Box<Subscription>,
    request: Value,
}

/// Who waits for a call at an address.
struct Waiting {
    run: ProcessId,
    effect: u64,
    /// Key of the flow.
    workflow: i64,
    subscription: Box<Subscription>,
}

/// A call that a subscription asks for.
fn connector_call(
    (workflow, it): (i64, &Subscription),
    purpose: Purpose,
    idempotency_key: String,
) -> ConnectorCall {
    ConnectorCall {
        source: it.source,
        workflow,
        version: it.version,
        operation_name: it.operation_name.clone(),
        inputs: it.inputs.clone(),
        purpose,
        transfer: flow::definition::Transfer::default(),
        invoker: it.invoker.clone(),
        idempotency_key,
    }
}

fn policy_of(
    source: Source,
    policy: &flow::definition::RetryPolicy,
    inputs: &Value,
) -> flow::definition::RetryPolicy {
    match source {
        Source::Http => retry::policy_of(policy, inputs.get("subscribe").unwrap_or(&Value::Null)),
        Source::OpenApi | Source::Managed => retry::policy_of(policy, inputs),
    }
}

fn reply_to(run: ProcessId, effect: u64, from: ProcessId, outputs: &Value) -> Message {
    let mut body = Vec::new();
    expr::codec::put(outputs, &mut body);
    Message { to: run, from: Some(from), effect, kind: MessageKind::Reply, body }
}
