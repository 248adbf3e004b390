//! "Send email with options" of Office 365 Outlook: a question with the flow's own answers, sent
//! by the letters of approvals, whose links are signed and good for one answer.

use super::create::Asking;
use super::input::{ApprovalInput, ApprovalType, AttachmentInput};
use super::record::ApprovalRecord;
use super::served::{ApprovalCall, callback_in};
use super::wake::Form;
use crate::app::App;
use crate::app::connector::runtime::Called;
use crate::app::error::AppError;
use crate::auth::caller::Caller;
use expr::{Object, Value};
use flow::run::CallResult;
use governance::approval::TaskState;

const CONNECTOR: &str = "shared_office365";
pub(super) const OPERATION: &str = "SendMailWithOptions";

/// Whether a call of a connector is one that approvals answer.
pub(crate) fn is_choice(called: &Called) -> bool {
    called.connector.name == CONNECTOR && called.operation.as_deref() == Some(OPERATION)
}

impl App {
    /// Sends the question, and tells who waits which answer was chosen first.
    pub(super) async fn ask_for_choice(
        &self,
        call: &ApprovalCall<'_>,
        acting: &Caller,
    ) -> Result<CallResult, AppError> {
        if self.notices.mailer().is_none() {
            let message = "The server sends no mail: its settings name no mail server.";
            return Err(AppError::invalid("MailNotConfigured", message));
        }
        let subscription = call.parameters.get("optionsEmailSubscription");
        let callback = callback_in(subscription, "NotificationUrl")?;
        let message = subscription.and_then(|it| it.get("Message")).cloned().unwrap_or_default();
        let gone = || AppError::not_found("EnvironmentNotFound", "The environment is gone.");
        let environment = self.environment(call.environment).await?.ok_or_else(gone)?;
        let waiting = self.waiting_at(&callback, Form::Choice);
        let asking = Asking {
            approval_type: ApprovalType::CustomResponse,
            input: input_of(&message),
            flow: call.flow.map(str::to_owned),
            key: Some(call.key.to_owned()),
            waiting: Some(waiting.clone()),
        };
        let record = self.begin_approval(acting, &environment, asking).await?;
        self.wait_for(record, waiting).await
    }

    /// What was chosen, and by whom.
    pub(super) fn choice_body(&self, record: &ApprovalRecord) -> Value {
        let mut body = Object::new();
        body.insert("SelectedOption", record.outcome().unwrap_or_default());
        let answers = record.state.tasks().iter().filter_map(|task| match &task.state {
            TaskState::Answered { by, order, .. } => Some((order, by)),
            TaskState::Open | TaskState::Reassigned { .. } | TaskState::Withdrawn => None,
        });
        if let Some((_, by)) = answers.min_by_key(|(order, _)| *order) {
            let party = record.party(by);
            body.insert("UserEmailAddress", party.address().unwrap_or_default());
            body.insert("UserTenantId", self.tenant.to_string());
            body.insert("UserId", if party.is_known() { by.as_str() } else { "" });
        }
        body.into()
    }
}

fn input_of(message: &Value) -> ApprovalInput {
    let text = |name: &str| message.get(name).map(|it| it.text().to_string()).unwrap_or_default();
    let options = text("Options");
    let options = options.split(',').map(str::trim).filter(|it| !it.is_empty());
    let details = ["HeaderText", "SelectionText", "Body"].map(text);
    let details: Vec<String> = details.into_iter().filter(|it| !it.trim().is_empty()).collect();
    let files = message.get("Attachments").and_then(Value::as_array);
    let part = |file: &Value, name: &str| {
        file.get(name).map(|it| it.text().to_string()).unwrap_or_default()
    };
    let file =
        |it: &Value| AttachmentInput { name: part(it, "Name"), content: part(it, "ContentBytes") };
    ApprovalInput {
        title: text("Subject"),
        assigned_to: text("To"),
        details: Some(details.join("\n\n")),
        enable_notifications: Some(true),
        enable_reassignment: Some(false),
        response_options: options.map(str::to_owned).collect(),
        attachments: files.iter().flat_map(|it| it.iter()).map(file).collect(),
        ..ApprovalInput::default()
    }
}
