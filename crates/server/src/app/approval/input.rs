//! What is asked for, as the connector and the API say it, and the plan that it means.

use super::people::{Found, names_in};
use crate::app::App;
use crate::app::error::AppError;
use crate::limits::{
    APPROVAL_ATTACHMENTS_BYTES_MAX, APPROVAL_ATTACHMENTS_MAX, APPROVAL_LINK_BYTES_MAX,
    APPROVAL_TEXT_BYTES_MAX, APPROVAL_TITLE_BYTES_MAX,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use governance::approval::{Deadline, Escalating, Escalation, Plan, REJECT, Reminder, Rule, Stage};
use governance::calendar::{Calendar, Span};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What decides. The first four have the names of the connector's own types; the name of its
/// sequential one is not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum ApprovalType {
    /// The first who answers decides.
    Basic,
    /// Everybody must approve.
    BasicAwaitAll,
    /// Options of one's own; the first who answers decides.
    CustomResponse,
    /// Options of one's own; everybody answers.
    CustomResponseAwaitAll,
    /// One after the other, and everybody must approve.
    Sequential,
    /// So many of those who are asked must approve.
    Quorum,
    /// Stages, each with its own people and rule.
    Staged,
}

impl ApprovalType {
    pub const ALL: [ApprovalType; 7] = [
        ApprovalType::Basic,
        ApprovalType::BasicAwaitAll,
        ApprovalType::CustomResponse,
        ApprovalType::CustomResponseAwaitAll,
        ApprovalType::Sequential,
        ApprovalType::Quorum,
        ApprovalType::Staged,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ApprovalType::Basic => "Basic",
            ApprovalType::BasicAwaitAll => "BasicAwaitAll",
            ApprovalType::CustomResponse => "CustomResponse",
            ApprovalType::CustomResponseAwaitAll => "CustomResponseAwaitAll",
            ApprovalType::Sequential => "Sequential",
            ApprovalType::Quorum => "Quorum",
            ApprovalType::Staged => "Staged",
        }
    }

    /// One by its name; letters do not matter.
    ///
    /// # Errors
    /// There is none with the name.
    pub fn named(name: &str) -> Result<ApprovalType, AppError> {
        let found = ApprovalType::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| {
            let names: Vec<&str> = ApprovalType::ALL.iter().map(|it| it.name()).collect();
            let message = format!("'{name}' is no approvalType, expected {}.", names.join(", "));
            AppError::invalid("InvalidApprovalType", message)
        })
    }
}

/// What is asked, of whom. The members up to `attachments` are those of the connector; the
/// others are this server's.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ApprovalInput {
    pub title: String,
    /// Users, groups or addresses of mail, separated by `;`.
    pub assigned_to: String,
    /// Markdown.
    pub details: Option<String>,
    pub item_link: Option<String>,
    pub item_link_description: Option<String>,
    pub requestor: Option<String>,
    pub enable_notifications: Option<bool>,
    pub enable_reassignment: Option<bool>,
    pub response_options: Vec<String>,
    pub attachments: Vec<AttachmentInput>,
    /// How many must approve.
    pub quorum: Option<u32>,
    pub stages: Vec<StageInput>,
    #[schema(value_type = Option<Object>)]
    pub deadline: Option<DeadlineInput>,
    #[schema(value_type = Option<Object>)]
    pub reminder: Option<Reminder>,
    #[schema(value_type = Option<Object>)]
    pub escalation: Option<EscalationInput>,
    /// Which of the environment's calendars counts its business days.
    pub calendar: Option<String>,
}

/// A file, in base64.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AttachmentInput {
    pub name: String,
    pub content: String,
}

/// A stage of an approval.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct StageInput {
    pub name: Option<String>,
    pub assigned_to: String,
    /// `Basic` (the first decides), `BasicAwaitAll` or `Quorum`.
    pub approval_type: Option<String>,
    pub quorum: Option<u32>,
    #[schema(value_type = Option<Object>)]
    pub deadline: Option<DeadlineInput>,
    #[schema(value_type = Option<Object>)]
    pub reminder: Option<Reminder>,
    #[schema(value_type = Option<Object>)]
    pub escalation: Option<EscalationInput>,
}

/// When it ends by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeadlineInput {
    after: Span,
    /// Which answer that is; `Reject` when it is not said.
    outcome: Option<String>,
}

/// What happens when it takes long.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EscalationInput {
    after: Span,
    to: String,
    how: Option<Escalating>,
}

/// What time does to a stage.
type Times<'a> = (&'a Option<DeadlineInput>, Option<Reminder>, &'a Option<EscalationInput>);

impl ApprovalInput {
    /// # Errors
    /// What of it cannot be.
    pub(super) fn check(&self) -> Result<(), AppError> {
        let refused = |message: String| Err(AppError::invalid("InvalidApprovalInput", message));
        if self.title.trim().is_empty() || self.title.len() > APPROVAL_TITLE_BYTES_MAX {
            let most = APPROVAL_TITLE_BYTES_MAX;
            return refused(format!("The 'title' has 1 to {most} bytes."));
        }
        let texts = [
            ("details", &self.details, APPROVAL_TEXT_BYTES_MAX),
            ("itemLink", &self.item_link, APPROVAL_LINK_BYTES_MAX),
            ("itemLinkDescription", &self.item_link_description, APPROVAL_TITLE_BYTES_MAX),
        ];
        for (member, text, most) in texts {
            if text.as_ref().is_some_and(|it| it.len() > most) {
                return refused(format!("The '{member}' has {most} bytes at most."));
            }
        }
        if let Some(link) = self.item_link.as_deref().filter(|it| !it.is_empty()) {
            let scheme = url::Url::parse(link).map(|it| it.scheme().to_owned());
            if !scheme.is_ok_and(|it| it == "https" || it == "http") {
                return refused("The 'itemLink' is no address, expected 'https://...'.".to_owned());
            }
        }
        Ok(())
    }

    /// The files that come with it.
    pub(super) fn files(&self) -> Result<Vec<(String, Vec<u8>)>, AppError> {
        let refused = |message: String| AppError::invalid("InvalidApprovalAttachment", message);
        if self.attachments.len() > APPROVAL_ATTACHMENTS_MAX {
            let most = APPROVAL_ATTACHMENTS_MAX;
            return Err(refused(format!("There are {most} attachments at most.")));
        }
        let mut files = Vec::new();
        let mut bytes = 0;
        for AttachmentInput { name, content } in &self.attachments {
            if name.trim().is_empty() || name.len() > APPROVAL_TITLE_BYTES_MAX {
                return Err(refused("An attachment has a 'name'.".to_owned()));
            }
            let content = STANDARD.decode(content.trim()).map_err(|_| {
                refused(format!("The content of the attachment '{name}' is no base64."))
            })?;
            bytes += content.len();
            if bytes > APPROVAL_ATTACHMENTS_BYTES_MAX {
                let most = APPROVAL_ATTACHMENTS_BYTES_MAX;
                return Err(refused(format!("Attachments have {most} bytes together at most.")));
            }
            files.push((name.clone(), content));
        }
        Ok(files)
    }

    fn times(&self) -> Times<'_> {
        (&self.deadline, self.reminder, &self.escalation)
    }
}

impl App {
    /// The plan that an input means.
    pub(super) async fn plan_of(
        &self,
        approval_type: ApprovalType,
        input: &ApprovalInput,
        calendar: Calendar,
        found: &mut Found,
    ) -> Result<Plan, AppError> {
        let assigned = input.assigned_to.as_str();
        let one = |rule| (None, assigned, rule, input.times());
        let stages = match approval_type {
            ApprovalType::Basic | ApprovalType::CustomResponse => vec![one(Rule::First)],
            ApprovalType::BasicAwaitAll => vec![one(Rule::All)],
            ApprovalType::CustomResponseAwaitAll => vec![one(Rule::EveryAnswer)],
            ApprovalType::Quorum => vec![one(quorum(input.quorum)?)],
            ApprovalType::Sequential => {
                names_in(assigned).map(|name| (None, name, Rule::First, input.times())).collect()
            }
            ApprovalType::Staged => {
                let rules = input.stages.iter().map(|stage| Ok((stage, rule_of(stage)?)));
                let rules: Vec<_> = rules.collect::<Result<_, AppError>>()?;
                let staged = rules.into_iter().map(|(it, rule)| {
                    let times = (&it.deadline, it.reminder, &it.escalation);
                    (it.name.clone(), it.assigned_to.as_str(), rule, times)
                });
                staged.collect()
            }
        };
        let mut made = Vec::new();
        for (name, assigned, rule, times) in stages {
            let assignees = self.people_of_text(assigned, found).await?;
            let stage = Stage { name, ..Stage::new(assignees, rule) };
            made.push(self.timed(stage, times, found).await?);
        }
        let is_custom = matches!(
            approval_type,
            ApprovalType::CustomResponse | ApprovalType::CustomResponseAwaitAll
        );
        let mut plan = Plan::binary(made);
        if is_custom {
            plan.options.clone_from(&input.response_options);
            plan.approving = None;
        } else if !input.response_options.is_empty() {
            let message = "The 'responseOptions' are for custom responses.";
            return Err(AppError::invalid("InvalidApprovalInput", message));
        }
        plan.is_reassignable = input.enable_reassignment.unwrap_or(true);
        plan.calendar = calendar;
        Ok(plan)
    }

    async fn timed(
        &self,
        stage: Stage,
        (deadline, reminder, escalation): Times<'_>,
        found: &mut Found,
    ) -> Result<Stage, AppError> {
        let deadline = deadline.as_ref().map(|it| Deadline {
            after: it.after,
            outcome: it.outcome.clone().unwrap_or_else(|| REJECT.to_owned()),
        });
        let escalation = match escalation {
            Some(it) => Some(Escalation {
                after: it.after,
                to: self.people_of_text(&it.to, found).await?,
                how: it.how.unwrap_or(Escalating::Notify),
            }),
            None => None,
        };
        Ok(Stage { deadline, reminder, escalation, ..stage })
    }
}

fn quorum(number: Option<u32>) -> Result<Rule, AppError> {
    let missing = || {
        let message = "The 'quorum' is missing: how many must approve.";
        AppError::invalid("InvalidApprovalInput", message)
    };
    number.map(Rule::Quorum).ok_or_else(missing)
}

fn rule_of(stage: &StageInput) -> Result<Rule, AppError> {
    let named = stage.approval_type.as_deref().map(ApprovalType::named).transpose()?;
    match named.unwrap_or(ApprovalType::Basic) {
        ApprovalType::Basic => Ok(Rule::First),
        ApprovalType::BasicAwaitAll => Ok(Rule::All),
        ApprovalType::Quorum => quorum(stage.quorum),
        ApprovalType::CustomResponse
        | ApprovalType::CustomResponseAwaitAll
        | ApprovalType::Sequential
        | ApprovalType::Staged => {
            let message = "A stage is 'Basic', 'BasicAwaitAll' or 'Quorum'.";
            Err(AppError::invalid("InvalidApprovalInput", message))
        }
    }
}
