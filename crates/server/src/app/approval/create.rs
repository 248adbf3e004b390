//! Approvals begin.

use super::input::{ApprovalInput, ApprovalType};
use super::people::{Found, names_in};
use super::record::{ApprovalRecord, Attachment};
use super::wake::Waiting;
use crate::app::data::{Change, Kind, Known, Stored};
use crate::app::environment::Environment;
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use governance::approval::evidence::hash_of;
use governance::approval::{Approval, PlanFault};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

/// The content of a file that came with an approval.
#[derive(Serialize, Deserialize)]
pub(super) struct AttachmentContent {
    id: String,
    /// Base64.
    content: String,
}

impl Stored for AttachmentContent {
    const KIND: Kind = Kind::ApprovalAttachment;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

/// What is asked, and for whom.
pub struct Asking {
    pub approval_type: ApprovalType,
    pub input: ApprovalInput,
    /// The public id of the flow that asks.
    pub flow: Option<String>,
    /// The same for every attempt to ask the same: it makes one approval.
    pub key: Option<String>,
    /// Who asks and waits by the same call.
    pub(super) waiting: Option<Waiting>,
}

impl Asking {
    /// What somebody asks who is no flow.
    #[must_use]
    pub fn by_hand(approval_type: ApprovalType, input: ApprovalInput) -> Asking {
        Asking { approval_type, input, flow: None, key: None, waiting: None }
    }
}

impl App {
    /// Asks for an approval in an environment.
    pub async fn create_approval(
        &self,
        caller: &Caller,
        environment: &str,
        asking: Asking,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let within = self.environment_for(caller, Operation::CreateApproval, environment).await?;
        self.begin_approval(caller, &within, asking).await
    }

    /// The same for who was let in.
    pub(super) async fn begin_approval(
        &self,
        caller: &Caller,
        environment: &Environment,
        asking: Asking,
    ) -> Result<Known<ApprovalRecord>, AppError> {
        let ids = match &asking.key {
            Some(key) => self.approval_ids(environment, key),
            None => vec![clock::guid().map_err(AppError::internal)?],
        };
        if asking.key.is_some()
            && let Some(known) = self.get_many::<ApprovalRecord>(ids.clone()).await?.pop()
        {
            return Ok(known);
        }
        let no_key = || AppError::internal("there is no data key");
        let id = ids.into_iter().next().ok_or_else(no_key)?;
        let files = asking.input.files()?;
        let (record, change) = self.made(caller, environment, (&id, asking)).await?;
        let mut change = change;
        for (number, (_, content)) in files.iter().enumerate() {
            let content = STANDARD.encode(content);
            let content = AttachmentContent { id: attachment_id(&id, number), content };
            change = change.put(&Known::new(content))?;
        }
        match self.apply(caller, change).await {
            Err(error) if error.kind == ErrorKind::Conflict => {
                // another attempt was quicker
                let known = self.get(&id).await?;
                known.ok_or_else(|| AppError::internal(format!("the approval '{id}' is gone")))
            }
            Err(error) => Err(error),
            Ok(numbers) => {
                self.notices.hurry();
                Ok(record.stored(numbers.first().copied().unwrap_or_default()))
            }
        }
    }

    async fn made(
        &self,
        caller: &Caller,
        environment: &Environment,
        (id, asking): (&str, Asking),
    ) -> Result<(Known<ApprovalRecord>, Change), AppError> {
        let Asking { approval_type, input, flow, waiting, .. } = asking;
        input.check()?;
        let files = input.files()?;
        let calendar = self.calendar_for(environment, input.calendar.as_deref()).await?;
        let mut found = Found::default();
        let plan = self.plan_of(approval_type, &input, calendar, &mut found).await?;
        let creator = (caller.kind() != CallerKind::Root).then(|| caller.id().to_owned());
        let requestor = match input.requestor.as_deref().filter(|it| names_in(it).next().is_some())
        {
            Some(name) => Some(self.requestor_named(name, &mut found).await?),
            None => creator.clone(),
        };
        self.note_actor(caller, &mut found).await?;
        let now = self.engine.clock.now();
        let about = about(
            [
                Some(input.title.as_str()),
                input.details.as_deref(),
                input.item_link.as_deref(),
                input.item_link_description.as_deref(),
                requestor.as_deref(),
            ],
            &files,
        );
        let (state, tells) =
            Approval::begin(plan, now, &about).map_err(|fault| plan_refused(&fault))?;
        let sized = |(name, content): &(String, Vec<u8>)| Attachment {
            name: name.clone(),
            bytes: content.len(),
        };
        let filled = |text: Option<String>| text.filter(|it| !it.is_empty());
        let record = Known::new(ApprovalRecord {
            id: id.to_owned(),
            environment: environment.id.clone(),
            approval_type,
            title: input.title,
            details: filled(input.details),
            item_link: filled(input.item_link),
            item_link_description: filled(input.item_link_description),
            requestor,
            creator,
            people: found.people,
            is_notifying: input.enable_notifications.unwrap_or(true),
            flow,
            attachments: files.iter().map(sized).collect(),
            created: now,
            changed: now,
            state,
            waiting: waiting.into_iter().collect(),
        });
        let mut change = Change::default().put(&record)?;
        for notice in self.notices_of(&record, &tells, now)? {
            change = change.put(&notice)?;
        }
        let detail = json!({"approvalType": approval_type.name(), "flow": record.flow});
        let change = change.audit("CreateApproval", id, &record.said(detail));
        Ok((record, change))
    }

    /// Who an approval is asked for: the first of those who are named, as the connector
    /// takes a list of one there.
    async fn requestor_named(&self, name: &str, found: &mut Found) -> Result<String, AppError> {
        let people = self
            .people_of_text(name, found)
            .await
            .map_err(|error| AppError { code: "InvalidApprovalRequestor", ..error })?;
        let nobody = || AppError::invalid("InvalidApprovalRequestor", "The requestor is nobody.");
        people.into_iter().next().ok_or_else(nobody)
    }

    /// The ids of the approval that a call makes, however often it is made and whichever data
    /// key was the newest then: nobody else can know them before.
    fn approval_ids(&self, environment: &Environment, key: &str) -> Vec<String> {
        let secrets = self.engine.catalog.sealer().derive_all(b"approvals");
        let ids = secrets.iter().map(|secret| {
            guid_of(&hash_of(&[secret.as_slice(), environment.id.as_bytes(), key.as_bytes()]))
        });
        ids.collect()
    }

    /// A file that came with an approval: its name and content.
    pub async fn approval_attachment(
        &self,
        caller: &Caller,
        id: &str,
        number: usize,
    ) -> Result<(String, Vec<u8>), AppError> {
        let view = self.approval_for(caller, Operation::GetApproval, id).await?;
        self.attachment_of(&view.record, number).await
    }

    /// The same for who was let in.
    pub(super) async fn attachment_of(
        &self,
        record: &ApprovalRecord,
        number: usize,
    ) -> Result<(String, Vec<u8>), AppError> {
        let id = record.id.as_str();
        let gone = || {
            let message = format!("The approval '{id}' has no attachment {number}.");
            AppError::not_found("ApprovalAttachmentNotFound", message)
        };
        let file = record.attachments.get(number).ok_or_else(gone)?;
        let stored = self.get::<AttachmentContent>(&attachment_id(id, number)).await?;
        let content = STANDARD.decode(&stored.ok_or_else(gone)?.content);
        Ok((file.name.clone(), content.map_err(AppError::internal)?))
    }
}

/// A hash in the form of a GUID.
pub(super) fn guid_of(hash: &str) -> String {
    let part = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    let (third, fourth) = (part(13, 16), part(17, 20));
    format!("{}-{}-4{third}-8{fourth}-{}", part(0, 8), part(8, 12), part(20, 32))
}

fn attachment_id(approval: &str, number: usize) -> String {
    format!("{approval}/{number}")
}

/// What is asked, as the first entry of the history holds it: title, details, link, its
/// description and for whom, then the files.
pub(super) fn about(texts: [Option<&str>; 5], files: &[(String, Vec<u8>)]) -> String {
    let texts = texts.iter().map(|text| text.unwrap_or_default().as_bytes());
    let files = files.iter().flat_map(|(name, content)| [name.as_bytes(), content.as_slice()]);
    hash_of(&texts.chain(files).collect::<Vec<_>>())
}

fn plan_refused(fault: &PlanFault) -> AppError {
    AppError::invalid("InvalidApprovalInput", fault.to_string())
}
