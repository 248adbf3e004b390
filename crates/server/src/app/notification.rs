//! Who is told when runs of a flow fail: by mail to its owners, or by a call of a webhook.
//! Nobody, unless somebody has said so. How it is told is [`super::digest`].

use super::App;
use super::access::{Act, FlowAt};
use super::data::{Change, Kind, Known, Stored};
use super::error::AppError;
use crate::auth::caller::Caller;
use crate::limits::WEBHOOK_URL_BYTES_MAX;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

/// How a failure is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Channel {
    /// To the owners.
    Mail,
    /// POST to an address.
    Webhook { url: String },
}

impl Channel {
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Webhook { .. } => "webhook",
        }
    }
}

/// What was said of a flow.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowNotifications {
    /// The flow's id.
    id: String,
    pub on_failure: Channel,
}

impl Stored for FlowNotifications {
    const KIND: Kind = Kind::FlowNotifications;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

impl App {
    /// How failures of a flow are told; `None`: they are not.
    pub async fn get_notifications(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
    ) -> Result<Option<Channel>, AppError> {
        let found = self.flow_for(caller, Act::GET, at).await?;
        Ok(self.notifications(&found.entry.row.id).await?.map(|it| it.value.on_failure))
    }

    pub(super) async fn notifications(
        &self,
        flow: &str,
    ) -> Result<Option<Known<FlowNotifications>>, AppError> {
        self.get(flow).await
    }

    /// Says how failures of a flow are told.
    pub async fn set_notifications(
        &self,
        caller: &Caller,
        at: FlowAt<'_>,
        channel: Option<Channel>,
    ) -> Result<Option<Channel>, AppError> {
        let found = self.flow_for(caller, Act::UPDATE, at).await?;
        let id = found.entry.row.id.clone();
        match &channel {
            Some(Channel::Mail) if self.notices.mailer().is_none() => {
                let message = "The server sends no mail: its settings name no mail server.";
                return Err(AppError::invalid("MailNotConfigured", message));
            }
            Some(Channel::Webhook { url }) => check_url(url)?,
            Some(Channel::Mail) | None => {}
        }
        let known = self.notifications(&id).await?;
        let name = |it: Option<&Channel>| it.map_or("none", Channel::name);
        let before = known.as_ref().map(|it| &it.on_failure);
        let detail = json!({"before": name(before), "after": name(channel.as_ref())});
        let change = match (known, &channel) {
            (None, None) => return Ok(None),
            (Some(known), None) => Change::default().remove(&known),
            (Some(mut known), Some(channel)) => {
                known.on_failure = channel.clone();
                Change::default().put(&known)?
            }
            (None, Some(channel)) => {
                let on_failure = channel.clone();
                Change::default()
                    .put(&Known::new(FlowNotifications { id: id.clone(), on_failure }))?
            }
        };
        self.apply(caller, change.audit("SetFlowNotifications", &id, &detail)).await?;
        Ok(channel)
    }
}

fn check_url(text: &str) -> Result<(), AppError> {
    let parsed = url::Url::parse(text).ok().filter(|_| text.len() <= WEBHOOK_URL_BYTES_MAX);
    let is_fine = parsed.is_some_and(|it| matches!(it.scheme(), "http" | "https") && it.has_host());
    if is_fine {
        return Ok(());
    }
    let message = format!(
        "'url' is no address that begins with 'http://' or 'https://' and has {WEBHOOK_URL_BYTES_MAX} bytes at most."
    );
    Err(AppError::invalid("InvalidNotifications", message))
}
