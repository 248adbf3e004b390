//! The connector Approvals, `shared_approvals`: what its operations do.

use super::create::Asking;
use super::input::{ApprovalInput, ApprovalType};
use super::record::ApprovalRecord;
use super::wake::Waiting;
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

/// Answers a call of the connector, or ends what one of them has begun.
pub(crate) async fn serve(called: &Called) -> Result<CallResult, AppError> {
    let app = &called.app;
    if called.request.method == "DELETE" {
        return ended(called).await;
    }
    let operation = called.operation.as_deref().unwrap_or_default();
    let acting = app.acting_as(&called.connection).await?;
    match operation {
        "CreateAnApproval" => {
            let record = begun(called, &acting, "ApprovalCreationInput").await?;
            Ok(answer(201, None, app.asked_body(&record).into()))
        }
        "StartAndWaitForAnApproval" => {
            let input = "WebhookApprovalCreationInput";
            let callback = callback_in(called.parameters.get(input))?;
            let record = begun(called, &acting, input).await?;
            app.wait_for(&record, &callback).await
        }
        "WaitForAnApproval" => {
            let name = text_of(&called.parameters, "approvalName");
            let id = name.trim();
            let record = app.get::<ApprovalRecord>(id).await?;
            let record = record.filter(|it| it.environment == called.connection.environment);
            let record = record.ok_or_else(|| no_approval(id))?;
            let callback = callback_in(called.parameters.get("WebhookApprovalSubscription"))?;
            app.wait_for(&record, &callback).await
        }
        _ => {
            let message = format!(
                "The connector '{}' has no operation at '{}'.",
                called.connector.name, called.request.path
            );
            Err(AppError::not_found("OperationNotFound", message))
        }
    }
}

/// Begins the approval that a call asks for: the same one for every attempt.
async fn begun(
    called: &Called,
    acting: &Caller,
    input: &str,
) -> Result<Known<ApprovalRecord>, AppError> {
    let app = &called.app;
    let approval_type = ApprovalType::named(&text_of(&called.parameters, "approvalType"))?;
    let input = called.parameters.get(input).cloned().unwrap_or_default();
    let input = input_of(&input)?;
    let environment = app.environment(&called.connection.environment).await?;
    let gone = || AppError::not_found("EnvironmentNotFound", "The environment is gone.");
    let environment = environment.ok_or_else(gone)?;
    let key = Some(called.idempotency_key.clone());
    let asking = Asking { approval_type, input, flow: called.flow.clone(), key };
    app.begin_approval(acting, &environment, asking).await
}

fn input_of(value: &Value) -> Result<ApprovalInput, AppError> {
    serde_json::from_slice(&expr::json::to_vec(value)).map_err(|error| {
        let message = format!("What is asked for cannot be read: {error}.");
        AppError::invalid("InvalidApprovalInput", message)
    })
}

fn text_of(parameters: &Object, name: &str) -> String {
    parameters.get(name).map(|it| it.text().to_string()).unwrap_or_default()
}

/// The address at which whoever waits is told.
fn callback_in(input: Option<&Value>) -> Result<String, AppError> {
    let url = input.and_then(|it| it.get("notificationUrl")).and_then(Value::as_str);
    let is_address = |text: &&str| {
        text.len() <= APPROVAL_LINK_BYTES_MAX
            && url::Url::parse(text).is_ok_and(|it| matches!(it.scheme(), "http" | "https"))
    };
    url.filter(is_address).map(str::to_owned).ok_or_else(|| {
        let message = "The 'notificationUrl' is missing, or no address.";
        AppError::invalid("InvalidNotificationUrl", message)
    })
}

/// The run that asked does not wait any more.
async fn ended(called: &Called) -> Result<CallResult, AppError> {
    let place = called.location.as_deref().unwrap_or(&called.request.path);
    let mut segments = place.trim_start_matches('/').split('/');
    let (Some("approvals"), Some(id), Some("subscriptions"), Some(subscription), None) =
        (segments.next(), segments.next(), segments.next(), segments.next(), segments.next())
    else {
        let message = format!("There is no subscription at '{place}'.");
        return Err(AppError::not_found("SubscriptionNotFound", message));
    };
    match called.app.leave_approval(id, subscription).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(answer(404, None, Value::Null)),
        done => done.map(|()| answer(204, None, Value::Null)),
    }
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
    /// Somebody waits for the outcome. It may be there already: they are told at once.
    async fn wait_for(
        &self,
        record: &Known<ApprovalRecord>,
        callback: &str,
    ) -> Result<CallResult, AppError> {
        let id = hash_of(&[callback.as_bytes()]).get(..32).unwrap_or_default().to_owned();
        let step = |record: &mut ApprovalRecord, now| {
            if record.waiting.iter().any(|it| it.id == id) {
                return Ok(Stepped::of(Vec::new(), Ok(())));
            }
            if record.waiting.len() >= APPROVAL_WAITING_MAX {
                let message =
                    format!("{APPROVAL_WAITING_MAX} wait for the approval already, which is most.");
                let kind = ErrorKind::Conflict;
                return Err(AppError::new(kind, "TooManyApprovalSubscriptions", message));
            }
            let callback = callback.to_owned();
            record.waiting.push(Waiting { id: id.clone(), callback, tries: 0, due: now });
            Ok(Stepped::of(Vec::new(), Ok(())))
        };
        let server = Caller::root("server");
        let record = self.change_approval(&server, &record.id, step).await?;
        let location = format!("/approvals/{}/subscriptions/{id}", record.id);
        Ok(answer(201, Some(location), self.asked_body(&record).into()))
    }
}
