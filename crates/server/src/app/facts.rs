//! What is known of a flow besides its definition: who made it, who shares it, whether it
//! was deleted.

use super::data::{self, Kind, Known, Stored};
use super::error::AppError;
use super::suspension::Suspension;
use super::{App, summary};
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::FlowRole;
use flow::definition::{Flow, Loaded, Trigger, TriggerBehavior};
use serde::{Deserialize, Serialize};
use store::{RecordKey, WorkflowRow};

pub const BY_CREATOR: u8 = 1;
pub const BY_CO_OWNER: u8 = 2;
/// Who made it, in whichever environment.
pub const BY_OWNER: u8 = 3;
/// Of deleted flows only: what they were called.
pub const BY_DELETED_NAME: u8 = 4;

/// Of deleted flows only: when, the earliest first.
pub const BY_DELETED: u8 = 5;

/// Of flows that a data policy holds: their environment.
pub const BY_HELD: u8 = 6;

/// Who something was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrincipalKind {
    User,
    Group,
    ServicePrincipal,
}

/// What was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Share {
    /// Co-owner.
    CanEdit,
    /// Run-only user.
    CanView,
}

/// Somebody who shares a flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Object id.
    pub principal: String,
    pub kind: PrincipalKind,
    pub share: Share,
}

/// What lists show of a trigger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TriggerFacts {
    pub name: String,
    pub type_name: String,
    #[serde(default)]
    pub kind: Option<String>,
    /// Whether it has an address at which it is called.
    pub is_callable: bool,
}

#[must_use]
pub fn triggers_of(flow: &Flow) -> Vec<TriggerFacts> {
    let facts = |trigger: &Trigger| TriggerFacts {
        name: trigger.name.as_str().to_owned(),
        type_name: trigger.type_name.as_str().to_owned(),
        kind: trigger.kind.as_ref().map(|kind| kind.as_str().to_owned()),
        is_callable: matches!(trigger.behavior, TriggerBehavior::Request { .. }),
    };
    flow.triggers.iter().map(facts).collect()
}

/// What is known of a flow.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FlowFacts {
    /// The flow's id.
    id: String,
    environment: String,
    /// Ticks.
    created: i64,
    /// Object id of who made it; none when a root key did.
    #[serde(default)]
    pub creator: Option<String>,
    #[serde(default)]
    pub creator_kind: Option<PrincipalKind>,
    #[serde(default)]
    pub permissions: Vec<Permission>,
    #[serde(default)]
    pub template_name: Option<String>,
    /// Of the current version: [`super::summary::summary`].
    #[serde(default)]
    pub summary: serde_json::Value,
    /// Of the current version; none when nobody has noted them.
    #[serde(default)]
    pub triggers: Option<Vec<TriggerFacts>>,
    /// Of the current version, by key, without what they authenticate with: the definition
    /// is sealed, and this is not.
    #[serde(default)]
    pub references: serde_json::Value,
    /// Ids of the connections that it may use: whoever made it name them was allowed to.
    #[serde(default)]
    pub connections: Vec<String>,
    /// When it was deleted, in ticks, and what it was called.
    #[serde(default)]
    pub deleted: Option<(i64, String)>,
    /// While it is suspended.
    #[serde(default)]
    pub suspension: Option<Suspension>,
}

impl Stored for FlowFacts {
    const KIND: Kind = Kind::FlowFacts;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        // newest first
        let order = |ticks: i64| format!("{:016x}", i64::MAX - ticks);
        if let Some((deleted, name)) = &self.deleted {
            let parts = [self.environment.as_str(), name, &order(*deleted)];
            let since = data::key(BY_DELETED, &[&format!("{deleted:016x}")]);
            return vec![data::key(BY_DELETED_NAME, &parts), since];
        }
        let at = order(self.created);
        let under = |name, principal: &str| data::key(name, &[&self.environment, principal, &at]);
        let shared = self.permissions.iter().filter(|it| it.share == Share::CanEdit);
        let shared = shared.map(|it| under(BY_CO_OWNER, &it.principal));
        let anywhere = self.creator.iter().map(|it| data::key(BY_OWNER, &[it]));
        let made = self.creator.iter().map(|it| under(BY_CREATOR, it));
        let held = self.suspension.iter().filter(|it| it.resumes.is_some());
        let held = held.map(|_| data::key(BY_HELD, &[&self.environment, &at]));
        made.chain(anywhere).chain(shared).chain(held).collect()
    }
}

impl FlowFacts {
    /// Of a flow that somebody makes now.
    #[must_use]
    pub fn new(row: &WorkflowRow, creator: Option<&Caller>) -> FlowFacts {
        let creator = creator.filter(|caller| caller.kind() != CallerKind::Root);
        let kind = creator.map(|caller| match caller.kind() {
            CallerKind::Application => PrincipalKind::ServicePrincipal,
            _ => PrincipalKind::User,
        });
        FlowFacts {
            id: row.id.clone(),
            environment: row.environment.clone(),
            created: row.created,
            creator: creator.map(|caller| caller.id().to_owned()),
            creator_kind: kind,
            permissions: Vec::new(),
            template_name: None,
            summary: serde_json::Value::Null,
            triggers: None,
            references: serde_json::Value::Null,
            connections: Vec::new(),
            deleted: None,
            suspension: None,
        }
    }

    /// It is in another environment from now on.
    pub fn move_to(&mut self, environment: &str) {
        environment.clone_into(&mut self.environment);
    }

    /// The flow's id.
    #[must_use]
    pub fn flow(&self) -> &str {
        &self.id
    }

    /// Keeps what is shown of a version.
    pub fn note_version(&mut self, loaded: &Loaded) -> Result<(), AppError> {
        let to_json = |value: &expr::Value| serde_json::to_value(value).map_err(AppError::internal);
        self.triggers = Some(triggers_of(&loaded.flow));
        self.summary = summary::summary(&to_json(&loaded.definition)?);
        self.references = match &loaded.connection_references {
            Some(given) => {
                let mut references = summary::references(&to_json(given)?).unwrap_or_default();
                summary::without_credentials(&mut references);
                references
            }
            None => serde_json::Value::Null,
        };
        Ok(())
    }

    /// What a caller has to do with the flow: the greatest of their own parts and those of
    /// their groups.
    #[must_use]
    pub fn role_of(&self, caller: &Caller) -> Option<FlowRole> {
        if self.creator.as_deref() == Some(caller.id()) {
            return Some(FlowRole::Owner);
        }
        let theirs = self
            .permissions
            .iter()
            .filter(|it| caller.principals().any(|principal| principal == it.principal));
        let roles = theirs.map(|it| match it.share {
            Share::CanEdit => FlowRole::CoOwner,
            Share::CanView => FlowRole::RunOnly,
        });
        roles.max()
    }
}

impl App {
    /// Whether somebody made a flow that is still there.
    pub(crate) async fn owns_flows(&self, principal: &str) -> Result<bool, AppError> {
        let listed = self.list::<FlowFacts>(BY_OWNER, &[principal], None, 1).await?;
        Ok(!listed.rows.is_empty())
    }

    /// What is known of a flow; of one from before there were facts, nothing but its row.
    pub(crate) async fn facts(&self, row: &WorkflowRow) -> Result<Known<FlowFacts>, AppError> {
        let found = self.get::<FlowFacts>(&row.id).await?;
        Ok(found.unwrap_or_else(|| Known::new(FlowFacts::new(row, None))))
    }
}
