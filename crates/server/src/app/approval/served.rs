//! The connector Approvals, `shared_approvals`: what its operations do.

use super::choice::{self, is_choice};
use super::create::Asking;
use super::input::{ApprovalInput, ApprovalType};
use super::record::ApprovalRecord;
use super::wake::{Form, Waiting};
use super::{Stepped, no_approval};
use crate::app::App;
use crate::app::connector::runtime::Called;
use crate::app::data::Known;
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::limits::{APPROVAL_LINK_BYTES_MAX, APPROVAL_WAITING_MAX};
use expr::{Object, Value};
use flow::run::CallResult;
use governance::approval::evidence::hash_of;

/// A call of the connector that is understood.
pub struct ApprovalCall<'a> {
    pub environment: &'a str,
    /// The public id of the flow whose call it is.
    pub flow: Option<&'a str>,
    pub operation: &'a str,
    /// By the names of the operation's parameters, nested.
    pub parameters: &'a Object,
    /// The same for every attempt.
    pub key: &'a str,
}

/// Answers a call of the connector, or ends what one of them has begun.
pub(crate) async fn serve(called: &Called) -> Result<CallResult, AppError> {
    let app = &called.app;
    if called.request.method == "DELETE" {
        let place = called.location.as_deref().unwrap_or(&called.request.path);
        return app.end_approval_wait(place, called.flow.as_deref()).await;
    }
    let acting = match &called.connection.owner {
        // of mail: one that a root key made
        None if is_choice(called) => Caller::root("server"),
        _ => app.acting_as(&called.connection).await?,
    };
    let call = ApprovalCall {
        environment: &called.connection.environment,
        flow: called.flow.as_deref(),
        operation: called.operation.as_deref().unwrap_or_default(),
        parameters: &called.parameters,
        key: &called.idempotency_key,
    };
    app.call_approvals(&acting, call).await
}

impl App {
    /// Does what an operation of the connector does, as who was let in.
    pub async fn call_approvals(
        &self,
        acting: &Caller,
        call: ApprovalCall<'_>,
    ) -> Result<CallResult, AppError> {
        match call.operation {
            "CreateAnApproval" => {
                let record = self.begun(&call, acting, "ApprovalCreationInput", None).await?;
                let mut body = self.asked_body(&record);
                body.insert("adaptiveCard", self.approval_card(&record));
                Ok(answer(201, None, body.into()))
            }
            "StartAndWaitForAnApproval" => {
                let input = "WebhookApprovalCreationInput";
                let callback = callback_in(call.parameters.get(input), "notificationUrl")?;
                let waiting = self.waiting_at(&callback, Form::Outcome);
                let record = self.begun(&call, acting, input, Some(waiting.clone())).await?;
                self.wait_for(record, waiting).await
            }
            "WaitForAnApproval" => {
                let name = text_of(call.parameters, "approvalName");
                let id = name.trim();
                let record = self.get::<ApprovalRecord>(id).await?;
                let record = record.filter(|it| it.environment == call.environment);
                let record = record.ok_or_else(|| no_approval(id))?;
                let input = call.parameters.get("WebhookApprovalSubscription");
                let callback = callback_in(input, "notificationUrl")?;
                let waiting = self.waiting_at(&callback, Form::Outcome);
                self.wait_for(record, Waiting { has_begun: false, ..waiting }).await
            }
            choice::OPERATION => self.ask_for_choice(&call, acting).await,
            other => {
                let message = format!("Approvals have no operation '{other}'.");
                Err(AppError::not_found("OperationNotFound", message))
            }
        }
    }

    /// Begins the approval that a call asks for: the same one for every attempt.
    async fn begun(
        &self,
        call: &ApprovalCall<'_>,
        acting: &Caller,
        input: &str,
        waiting: Option<Waiting>,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let approval_type = ApprovalType::named(&text_of(call.parameters, "approvalType"))?;
        let input = input_of(&call.parameters.get(input).cloned().unwrap_or_default())?;
        let gone = || AppError::not_found("EnvironmentNotFound", "The environment is gone.");
        let environment = self.environment(call.environment).await?.ok_or_else(gone)?;
        let (flow, key) = (call.flow.map(str::to_owned), Some(call.key.to_owned()));
        let asking = Asking { approval_type, input, flow, key, waiting };
        self.begin_approval(acting, &environment, asking).await
    }

    /// Whoever has waited, at the place that the answer to that gave, does not any more.
    pub async fn end_approval_wait(
        &self,
        place: &str,
        flow: Option<&str>,
    ) -> Result<CallResult, AppError> {
        let mut segments = place.trim_start_matches('/').split('/');
        let (Some("approvals"), Some(id), Some("subscriptions"), Some(subscription), None) =
            (segments.next(), segments.next(), segments.next(), segments.next(), segments.next())
        else {
            let message = format!("There is no subscription at '{place}'.");
            return Err(AppError::not_found("SubscriptionNotFound", message));
        };
        match self.leave_approval(id, subscription, flow).await {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(answer(404, None, Value::Null)),
            done => done.map(|()| answer(204, None, Value::Null)),
        }
    }
}

fn input_of(value: &Value) -> Result<ApprovalInput, AppError> {
    let read = serde_json::from_slice(&expr::json::to_vec(value));
    let read = read.and_then(|mut input: serde_json::Value| {
        as_flows_say_it(&mut input);
        serde_json::from_value(input)
    });
    read.map_err(|error| {
        let message = format!("What is asked for cannot be read: {error}.");
        AppError::invalid("InvalidApprovalInput", message)
    })
}

/// What flows give as it is meant: null for what is not there, texts for what is true or not,
/// and contents of files as connectors answer them, with their type.
fn as_flows_say_it(input: &mut serde_json::Value) {
    use serde_json::Value as Json;
    let Some(members) = input.as_object_mut() else { return };
    members.retain(|_, value| !value.is_null());
    for name in ["enableNotifications", "enableReassignment"] {
        if let Some(value) = members.get_mut(name)
            && let Some(Ok(is_true)) = value.as_str().map(|it| it.trim().to_lowercase().parse())
        {
            *value = Json::Bool(is_true);
        }
    }
    let files = members.get_mut("attachments").and_then(Json::as_array_mut);
    for content in files.into_iter().flatten().filter_map(|file| file.get_mut("content")) {
        if let Some(Json::String(bytes)) = content.get_mut("$content").map(Json::take) {
            *content = Json::String(bytes);
        }
    }
}

fn text_of(parameters: &Object, name: &str) -> String {
    parameters.get(name).map(|it| it.text().to_string()).unwrap_or_default()
}

/// The address at which whoever waits is told.
pub(super) fn callback_in(input: Option<&Value>, name: &str) -> Result<String, AppError> {
    let url = input.and_then(|it| it.get(name)).and_then(Value::as_str);
    let is_address = |text: &&str| {
        text.len() <= APPROVAL_LINK_BYTES_MAX
            && url::Url::parse(text).is_ok_and(|it| matches!(it.scheme(), "http" | "https"))
    };
    url.filter(is_address).map(str::to_owned).ok_or_else(|| {
        let message = format!("The '{name}' is missing, or no address.");
        AppError::invalid("InvalidNotificationUrl", message)
    })
}

fn answer(status: i64, location: Option<String>, body: Value) -> CallResult {
    let mut headers = Object::new();
    if !body.is_null() {
        headers.insert("Content-Type", "application/json; charset=utf-8");
    }
    if let Some(location) = location {
        headers.insert("Location", location);
    }
    CallResult::Answer(flow::run::answer(status, headers.into(), body))
}

impl App {
    /// Who asks and waits by one call, to be told at an address. The same address waits once.
    pub(super) fn waiting_at(&self, callback: &str, form: Form) -> Waiting {
        Waiting {
            id: hash_of(&[callback.as_bytes()]).get(..32).unwrap_or_default().to_owned(),
            callback: callback.to_owned(),
            form,
            tries: 0,
            due: self.engine.clock.now(),
            has_begun: true,
        }
    }

    /// Somebody waits for the outcome. It may be there already: they are told at once.
    pub(super) async fn wait_for(
        &self,
        record: Known<ApprovalRecord>,
        waiting: Waiting,
    ) -> Result<CallResult, AppError> {
        let id = waiting.id.clone();
        let step = |record: &mut ApprovalRecord, _| {
            if record.waiting.iter().any(|it| it.id == id) {
                return Ok(Stepped::of(Vec::new(), Ok(())));
            }
            if record.waiting.len() >= APPROVAL_WAITING_MAX {
                let message =
                    format!("{APPROVAL_WAITING_MAX} wait for the approval already, which is most.");
                let kind = ErrorKind::Conflict;
                return Err(AppError::new(kind, "TooManyApprovalSubscriptions", message));
            }
            record.waiting.push(waiting.clone());
            Ok(Stepped::of(Vec::new(), Ok(())))
        };
        let server = Caller::root("server");
        let record = self.change_known(&server, record, step).await?;
        let location = format!("/approvals/{}/subscriptions/{id}", record.id);
        Ok(answer(201, Some(location), self.asked_body(&record).into()))
    }
}
