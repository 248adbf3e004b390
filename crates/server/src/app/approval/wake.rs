//! Who waits for an outcome is told of it, and what time does to approvals is done.

use super::Stepped;
use super::record::{ApprovalRecord, BY_DUE};
use crate::app::App;
use crate::app::data::{Change, Known};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::clock::SECOND;
use crate::limits::{
    APPROVAL_TOLD_BYTES_MAX, APPROVAL_TRIES_MAX, APPROVAL_WAKE_TRIES_MAX, APPROVALS_EVERY,
    APPROVALS_PER_ROUND,
};
use crate::worker::Callback;
use expr::{Object, Value};
use flow::run::connector::callback_of;
use flow::run::{CallResult, HttpRequest, format_time};
use governance::approval::{Input, TaskState};
use serde::{Deserialize, Serialize};

/// The outcome of an approval that was taken back.
pub(super) const CANCELED: &str = "Canceled";

/// Somebody who waits for an outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub id: String,
    /// The address at which they are told.
    pub callback: String,
    #[serde(default)]
    pub form: Form,
    pub tries: u32,
    /// When they are told next, ticks.
    pub due: i64,
    /// Whether they asked for the approval by the same call: nobody else knows of it.
    #[serde(default = "begins")]
    pub has_begun: bool,
}

fn begins() -> bool {
    true
}

/// Who waits was told, or could not be: not again for a minute, two, four, ... an hour at most.
fn note_tried(all: &mut Vec<Waiting>, seen: &Waiting, is_told: bool, now: i64) {
    if is_told {
        all.retain(|it| it.id != seen.id);
        return;
    }
    for waiting in all.iter_mut().filter(|it| it.id == seen.id && it.tries == seen.tries) {
        waiting.tries += 1;
        let minutes = 1i64 << waiting.tries.min(6);
        waiting.due = now.saturating_add(minutes * 60 * SECOND);
    }
    all.retain(|it| it.tries < APPROVAL_WAKE_TRIES_MAX);
}

/// Who listens at an address.
enum Listener {
    /// An action of a run of this server.
    Run(Box<Callback>),
    /// Nobody does any more.
    Gone,
    /// Somebody who is called.
    Outside,
}

/// How somebody is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Form {
    /// As the connector of approvals tells.
    #[default]
    Outcome,
    /// Which option was chosen, as mail with options tells.
    Choice,
}

impl App {
    /// Rounds until the server goes down. Letters have rounds of their own: a mail server that
    /// does not answer holds up no deadline.
    pub async fn run_approvals(self) {
        let time = async {
            loop {
                tokio::time::sleep(APPROVALS_EVERY).await;
                self.round(self.see_to_due_approvals()).await;
            }
        };
        let letters = async {
            loop {
                let _ = tokio::time::timeout(APPROVALS_EVERY, self.notices.hurried()).await;
                self.round(self.send_approval_notices()).await;
            }
        };
        tokio::join!(time, letters);
    }

    async fn round(&self, round: impl Future<Output = Result<(), AppError>>) {
        if self.engine.is_paused() {
            return;
        }
        if let Err(error) = round.await {
            tracing::warn!(message = %error.message, "a round of approvals was not finished");
        }
    }

    /// One round: does what time has brought, tells who waits, and sends letters.
    pub async fn see_to_approvals(&self) -> Result<(), AppError> {
        self.see_to_due_approvals().await?;
        self.send_approval_notices().await
    }

    /// Sees to all whose time has come. What fails stays where it is and holds up no other one.
    async fn see_to_due_approvals(&self) -> Result<(), AppError> {
        let mut after = None;
        loop {
            let now = self.engine.clock.now();
            let page = self.list::<ApprovalRecord>(BY_DUE, &[], after, APPROVALS_PER_ROUND).await?;
            let count = page.rows.len();
            let is_due = |it: &Known<ApprovalRecord>| it.due().is_some_and(|due| due <= now);
            let mut due = 0;
            for record in page.rows.into_iter().filter(is_due) {
                due += 1;
                Box::pin(self.see_to_one(record)).await;
            }
            match page.next {
                Some(next) if due == count => after = Some(next),
                _ => return Ok(()),
            }
        }
    }

    async fn see_to_one(&self, record: Known<ApprovalRecord>) {
        let id = record.id.clone();
        let done = match record.state.is_open() {
            true => self.pass_time_of(record).await,
            // others may have told them since the page was read
            false => match self.get(&id).await {
                Ok(Some(record)) => self.tell_waiting(record).await,
                none => none.map(|_| ()),
            },
        };
        match done {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(approval = %id, message = %error.message, "an approval was not seen to");
            }
            Ok(()) => {}
        }
    }

    async fn pass_time_of(&self, record: Known<ApprovalRecord>) -> Result<(), AppError> {
        let step = |record: &mut ApprovalRecord, now| {
            let (tells, result) = record.state.handle(now, Input::Clock);
            Ok(Stepped::of(tells, result))
        };
        self.change_known(&Caller::root("server"), record, step).await.map(|_| ())
    }

    /// Tells who still waits for an outcome that is stored. What does not work out is done by a
    /// round.
    pub(super) async fn tell_waiting(
        &self,
        mut record: Known<ApprovalRecord>,
    ) -> Result<(), AppError> {
        let server = Caller::root("server");
        loop {
            let before = record.waiting.len();
            let callbacks = self.tell(&mut record.value).await;
            if record.waiting.len() == before {
                break;
            }
            record = match self.keep(&server, record, Change::default(), callbacks).await {
                // they are told again, which changes nothing, and it is kept then
                Err(error) if error.kind == ErrorKind::Conflict => return Ok(()),
                kept => kept?,
            };
        }
        for (waiting, body) in self.due_listeners(&record) {
            let is_told = match self.listener(waiting, &body).await {
                Ok(Listener::Outside) => self.post_outcome(&record, waiting, body).await,
                Ok(Listener::Run(_) | Listener::Gone) => continue,
                Err(_) => false,
            };
            self.note_told(&record.id, waiting, is_told).await?;
        }
        Ok(())
    }

    /// Tells the flows of this server that wait for an outcome, as far as one change takes: by
    /// messages that go with the change that keeps it, and which they get once however often
    /// they are sent. They do not wait any more then.
    pub(super) async fn tell(&self, record: &mut ApprovalRecord) -> Vec<Callback> {
        let (mut callbacks, mut over, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (waiting, body) in self.due_listeners(record) {
            if bytes > APPROVAL_TOLD_BYTES_MAX {
                break;
            }
            match self.listener(waiting, &body).await {
                Ok(Listener::Run(callback)) => {
                    bytes += callback.message.body.len();
                    callbacks.push(*callback);
                    over.push(waiting.id.clone());
                }
                Ok(Listener::Gone) => over.push(waiting.id.clone()),
                Ok(Listener::Outside) => {}
                Err(error) => {
                    tracing::warn!(approval = %record.id, message = %error.message, "a flow is told of an approval later");
                }
            }
        }
        record.waiting.retain(|it| !over.contains(&it.id));
        callbacks
    }

    /// Who waits for an outcome that is there and is to be told now, and what.
    fn due_listeners<'a>(
        &self,
        record: &'a ApprovalRecord,
    ) -> impl Iterator<Item = (&'a Waiting, Value)> {
        let now = self.engine.clock.now();
        let is_due = move |it: &&Waiting| !record.state.is_open() && it.due <= now;
        record.waiting.iter().filter(is_due).map(|waiting| {
            let body = match waiting.form {
                Form::Outcome => self.outcome_body(record),
                Form::Choice => self.choice_body(record),
            };
            (waiting, body)
        })
    }

    /// Keeps that somebody was told by a call, or could not be, whatever else has changed
    /// meanwhile. Of several nodes that could not at the same time one counts.
    async fn note_told(&self, id: &str, seen: &Waiting, is_told: bool) -> Result<(), AppError> {
        for _ in 0..APPROVAL_TRIES_MAX {
            let Some(mut record) = self.get::<ApprovalRecord>(id).await? else { return Ok(()) };
            let before = record.waiting.clone();
            note_tried(&mut record.waiting, seen, is_told, self.engine.clock.now());
            if record.waiting == before {
                return Ok(());
            }
            let change = Change::default().put(&record)?;
            match self.apply(&Caller::root("server"), change).await {
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => return done.map(|_| ()),
            }
        }
        Ok(())
    }

    /// Who listens where somebody said to wait.
    async fn listener(&self, waiting: &Waiting, body: &Value) -> Result<Listener, AppError> {
        let Some((process, token)) = callback_of(&waiting.callback) else {
            return Ok(Listener::Outside);
        };
        let mut headers = Object::new();
        headers.insert("Content-Type", "application/json; charset=utf-8");
        let mut request = Object::with_capacity(2);
        request.push_new("headers", headers);
        request.push_new("body", body.clone());
        Ok(match self.engine.callback(process, token, request.into()).await? {
            // of this server, under whichever address it has been reached
            Some(callback) => Listener::Run(Box::new(callback)),
            None if self.is_own(&waiting.callback) => Listener::Gone,
            None => Listener::Outside,
        })
    }

    /// Whether the run that waits at an address of this server goes on.
    pub(super) async fn is_run_going_on(&self, callback: &str) -> Result<bool, AppError> {
        match callback_of(callback) {
            Some((process, token)) => self.engine.is_asker_going_on(process, token).await,
            None => Ok(false),
        }
    }

    /// Whether an address is one of this server's.
    fn is_own(&self, callback: &str) -> bool {
        let rest = callback.strip_prefix(&self.engine.catalog.public_url());
        rest.is_some_and(|rest| rest.starts_with('/'))
    }

    async fn post_outcome(&self, record: &ApprovalRecord, waiting: &Waiting, body: Value) -> bool {
        let request = HttpRequest {
            method: "POST".into(),
            uri: waiting.callback.as_str().into(),
            queries: Vec::new(),
            headers: Vec::new(),
            body: Some(body),
            cookie: None,
            authentication: Value::Null,
            idempotency_key: format!("{}-{}", record.id, waiting.id),
            is_chunked: false,
        };
        match self.engine.call_outside(request).await {
            CallResult::Answer(answer) => {
                let status = answer.get("statusCode").and_then(Value::as_int);
                // 410: nobody is there any more
                status.is_some_and(|it| (200..300).contains(&it) || it == 410)
            }
            _ => false,
        }
    }

    /// What whoever waits is told, as the connector's page "Approvals" lists it.
    pub(super) fn outcome_body(&self, record: &ApprovalRecord) -> Value {
        let mut body = self.asked_body(record);
        body.insert("outcome", record.outcome().unwrap_or_default());
        body.insert("completionDate", format_time(record.completed().unwrap_or_default()));
        let mut responses = responses(record, &self.tenant);
        responses.sort_by_key(|(order, ..)| *order);
        let summary: Vec<&str> = responses.iter().map(|(_, _, text)| text.as_str()).collect();
        body.insert("responseSummary", summary.join("\n\n"));
        let responses: Vec<Value> = responses.into_iter().map(|(_, value, _)| value).collect();
        body.insert("responses", Value::array(responses));
        body.into()
    }

    /// What is known of an approval before anybody has answered.
    pub(super) fn asked_body(&self, record: &ApprovalRecord) -> Object {
        let mut body = Object::new();
        let text = |text: &Option<String>| Value::from(text.clone().unwrap_or_default());
        body.insert("name", record.id.as_str());
        body.insert("title", record.title.as_str());
        body.insert("details", text(&record.details));
        body.insert("itemLink", text(&record.item_link));
        body.insert("itemLinkDescription", text(&record.item_link_description));
        body.insert("requestDate", format_time(record.created));
        body.insert("respondLink", self.respond_link(&record.id));
        let tasks = record.state.open_tasks();
        let approvers = tasks.map(|task| self.person_body(record, &task.assignee));
        body.insert("approvers", Value::array(approvers.collect::<Vec<_>>()));
        body
    }

    /// Where people answer.
    pub(super) fn respond_link(&self, id: &str) -> String {
        format!("{}/console/approvals/{id}", self.engine.catalog.public_url())
    }

    fn person_body(&self, record: &ApprovalRecord, id: &str) -> Value {
        person_body(record, id, &self.tenant)
    }
}

fn person_body(record: &ApprovalRecord, id: &str, tenant: &str) -> Value {
    let party = record.party(id);
    let address = party.address().unwrap_or_default().to_owned();
    let mut body = Object::new();
    body.insert("id", if party.is_known() { id } else { "" });
    body.insert("displayName", party.display_name.as_str());
    body.insert("email", address.as_str());
    body.insert("tenantId", if party.is_known() { tenant } else { "" });
    body.insert("userPrincipalName", party.user_principal_name.unwrap_or(address));
    body.into()
}

/// The answers: their order, what they are, and the same for people to read.
fn responses(record: &ApprovalRecord, tenant: &str) -> Vec<(usize, Value, String)> {
    let answered = record.state.tasks().iter().filter_map(|task| match &task.state {
        TaskState::Answered { option, by, time, order, comment } => {
            Some((task, option, by, *time, *order, comment))
        }
        TaskState::Open | TaskState::Reassigned { .. } | TaskState::Withdrawn => None,
    });
    answered
        .map(|(task, option, by, time, order, comment)| {
            let comments = comment.as_ref().and_then(|it| record.state.comment(it));
            let comments = comments.unwrap_or_default();
            let mut body = Object::new();
            body.insert("responder", person_body(record, by, tenant));
            body.insert("requestDate", format_time(task.asked));
            body.insert("responseDate", format_time(time));
            body.insert("approverResponse", option.as_str());
            body.insert("comments", comments);
            let party = record.party(by);
            let (name, address) = (&party.display_name, party.address().unwrap_or_default());
            let text = format!(
                "Approver: {name}, {address}\nResponse: {option}\nRequest Date: {}\nResponse Date: {}\nComments: {comments}",
                format_time(task.asked),
                format_time(time),
            );
            (order, body.into(), text)
        })
        .collect()
}
