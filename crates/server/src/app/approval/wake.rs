//! Who waits for an outcome is told of it, and what time does to approvals is done.

use super::Stepped;
use super::record::{ApprovalRecord, BY_DUE};
use crate::app::App;
use crate::app::data::Known;
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::clock::SECOND;
use crate::limits::{APPROVAL_WAKE_TRIES_MAX, APPROVALS_EVERY, APPROVALS_PER_ROUND};
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
            let is_due = |it: &&Known<ApprovalRecord>| it.due().is_some_and(|due| due <= now);
            let mut due = 0;
            for record in page.rows.iter().filter(is_due) {
                due += 1;
                self.see_to_one(record).await;
            }
            match page.next {
                Some(next) if due == count => after = Some(next),
                _ => return Ok(()),
            }
        }
    }

    async fn see_to_one(&self, record: &ApprovalRecord) {
        let done = match record.state.is_open() {
            true => self.pass_time_of(&record.id).await,
            false => self.tell_waiting(&record.id).await,
        };
        match done {
            Err(error) if error.kind == ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(approval = %record.id, message = %error.message, "an approval was not seen to");
            }
            Ok(()) => {}
        }
    }

    async fn pass_time_of(&self, id: &str) -> Result<(), AppError> {
        let step = |record: &mut ApprovalRecord, now| {
            let (tells, result) = record.state.handle(now, Input::Clock);
            Ok(Stepped::of(tells, result))
        };
        self.change_approval(&Caller::root("server"), id, step).await.map(|_| ())
    }

    /// Tells who waits. What does not work out now is done by a round.
    pub(super) async fn wake_waiting(&self, id: &str) {
        if let Err(error) = self.tell_waiting(id).await {
            tracing::warn!(approval = %id, message = %error.message, "who waits for an approval is told later");
        }
    }

    async fn tell_waiting(&self, id: &str) -> Result<(), AppError> {
        let Some(record) = self.get::<ApprovalRecord>(id).await? else { return Ok(()) };
        if record.state.is_open() || record.waiting.is_empty() {
            return Ok(());
        }
        let now = self.engine.clock.now();
        let mut done = Vec::new();
        for waiting in record.waiting.iter().filter(|it| it.due <= now) {
            let body = match waiting.form {
                Form::Outcome => self.outcome_body(&record),
                Form::Choice => self.choice_body(&record),
            };
            done.push((waiting.id.clone(), self.tell(&record, waiting, &body).await));
        }
        let step = |record: &mut ApprovalRecord, now| {
            for (id, told) in &done {
                note_told(record, id, *told, now);
            }
            Ok(Stepped::of(Vec::new(), Ok(())))
        };
        self.note_waiting(id, step).await
    }

    /// Keeps who was told, without telling anybody again.
    async fn note_waiting(
        &self,
        id: &str,
        mut step: impl FnMut(&mut ApprovalRecord, i64) -> Result<Stepped, AppError>,
    ) -> Result<(), AppError> {
        let Some(mut record) = self.get::<ApprovalRecord>(id).await? else { return Ok(()) };
        let before = record.value.clone();
        step(&mut record.value, self.engine.clock.now())?;
        if record.value == before {
            return Ok(());
        }
        let change = crate::app::data::Change::default().put(&record)?;
        match self.apply(&Caller::root("server"), change).await {
            // they are told again, which changes nothing, and it is kept then
            Err(error) if error.kind == ErrorKind::Conflict => Ok(()),
            done => done.map(|_| ()),
        }
    }

    /// Whether somebody who waits has heard. A flow of this server gets a message, which it
    /// gets once however often it is sent.
    async fn tell(&self, record: &ApprovalRecord, waiting: &Waiting, body: &Value) -> bool {
        let own = match callback_of(&waiting.callback) {
            Some((process, token)) => match self.engine.is_answerable(process, token).await {
                // of this server, under whichever address it has been reached
                Ok(true) => Some((process, token)),
                Ok(false) if self.is_own(&waiting.callback) => return true,
                Ok(false) => None,
                Err(_) => return false,
            },
            None => None,
        };
        let Some((process, token)) = own else {
            return self.post_outcome(record, waiting, body).await;
        };
        let mut headers = Object::new();
        headers.insert("Content-Type", "application/json; charset=utf-8");
        let mut request = Object::with_capacity(2);
        request.push_new("headers", headers);
        request.push_new("body", body.clone());
        match self.engine.call_back(process, token, request.into()).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(%process, message = %error.message, "a flow was not told of an approval");
                false
            }
        }
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

    async fn post_outcome(&self, record: &ApprovalRecord, waiting: &Waiting, body: &Value) -> bool {
        let request = HttpRequest {
            method: "POST".into(),
            uri: waiting.callback.as_str().into(),
            queries: Vec::new(),
            headers: Vec::new(),
            body: Some(body.clone()),
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

fn note_told(record: &mut ApprovalRecord, id: &str, told: bool, now: i64) {
    for waiting in record.waiting.iter_mut().filter(|it| it.id == id) {
        waiting.tries += 1;
        // a minute, two, four, ... an hour at most
        let minutes = 1i64 << waiting.tries.min(6);
        waiting.due = now.saturating_add(minutes * 60 * SECOND);
    }
    let is_over = |it: &Waiting| it.id == id && (told || it.tries >= APPROVAL_WAKE_TRIES_MAX);
    record.waiting.retain(|it| !is_over(it));
}
