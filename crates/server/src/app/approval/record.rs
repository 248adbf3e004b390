//! An approval as it is kept.

use super::create::guid_of;
use super::input::ApprovalType;
use super::people::Party;
use super::wake::Waiting;
use crate::app::data::{self, Kind, Stored};
use governance::approval::evidence::hash_of;
use governance::approval::{Approval, Standing};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use store::RecordKey;

/// Keys: whoever is asked and how it stands, the same within an environment, whoever has asked,
/// where it is, and when something is due.
pub(super) const BY_ASSIGNEE: u8 = 1;
pub(super) const BY_ASSIGNEE_THERE: u8 = 2;
pub(super) const BY_REQUESTOR: u8 = 3;
pub(super) const BY_ENVIRONMENT: u8 = 4;
pub(super) const BY_DUE: u8 = 5;
/// Whoever is named in it: by the object id, or the address of somebody from outside.
pub(super) const BY_PERSON: u8 = 6;
/// Whoever has asked, within an environment.
pub(super) const BY_REQUESTOR_THERE: u8 = 7;

pub(super) const OPEN: &str = "open";
pub(super) const CLOSED: &str = "closed";

/// An approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApprovalRecord {
    /// A GUID.
    pub id: String,
    pub environment: String,
    pub approval_type: ApprovalType,
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_link: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_link_description: Option<String>,
    /// For whom it is asked: an id among `people`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requestor: Option<String>,
    /// Object id of who made it; none when a root key did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// Everybody who is named in it, by the id that its history has. Ids of people who are not
    /// in the directory mean something in this approval only.
    pub people: BTreeMap<String, Party>,
    /// Whether people are told by letters.
    pub is_notifying: bool,
    /// The public id of the flow that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Ticks.
    pub created: i64,
    pub changed: i64,
    pub state: Approval,
    /// Who waits for the outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) waiting: Vec<Waiting>,
}

/// A file that comes with what is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub name: String,
    pub bytes: usize,
}

impl Stored for ApprovalRecord {
    const KIND: Kind = Kind::Approval;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        let standing = if self.state.is_open() { OPEN } else { CLOSED };
        let at = falling(self.created);
        let mut keys = vec![data::key(BY_ENVIRONMENT, &[&self.environment, standing, &at])];
        let mine = [self.requestor.as_deref(), self.creator.as_deref()];
        for person in mine.into_iter().flatten().collect::<BTreeSet<_>>() {
            keys.push(data::key(BY_REQUESTOR, &[person, standing, &at]));
            let there = [self.environment.as_str(), person, standing, &at];
            keys.push(data::key(BY_REQUESTOR_THERE, &there));
        }
        // for people in the directory: others have no list to look at
        let asked = self.asked().filter(|id| self.people.get(*id).is_some_and(Party::is_known));
        let open: BTreeSet<&String> = self.state.open_tasks().map(|it| &it.assignee).collect();
        for person in asked.collect::<BTreeSet<_>>() {
            let theirs = match self.state.is_open() && open.contains(person) {
                true => OPEN,
                false => CLOSED,
            };
            keys.push(data::key(BY_ASSIGNEE, &[person, theirs, &at]));
            let there = [self.environment.as_str(), person, theirs, &at];
            keys.push(data::key(BY_ASSIGNEE_THERE, &there));
        }
        for (id, party) in &self.people {
            let address = party.mail.as_ref().map(|it| it.to_lowercase());
            let person = if party.is_known() { Some(id.clone()) } else { address };
            keys.extend(person.map(|person| data::key(BY_PERSON, &[&person])));
        }
        keys.extend(self.due().map(|due| data::key(BY_DUE, &[&format!("{due:016x}")])));
        keys
    }
}

/// A time as part of a key of a list whose newest comes first.
fn falling(ticks: i64) -> String {
    format!("{:016x}", i64::MAX.saturating_sub(ticks))
}

impl ApprovalRecord {
    /// What the wire calls the request to one of those who are or were asked, by the place of
    /// the task.
    #[must_use]
    pub fn request_name(&self, place: usize) -> String {
        let place = (place as u64).to_be_bytes();
        guid_of(&hash_of(&[self.id.as_bytes(), &place]))
    }

    /// Everybody who is or was asked.
    pub(super) fn asked(&self) -> impl Iterator<Item = &String> {
        self.state.tasks().iter().map(|task| &task.assignee)
    }

    /// When something is to be done about it.
    pub(super) fn due(&self) -> Option<i64> {
        match self.state.is_open() {
            true => self.state.due(),
            false => self.waiting.iter().map(|it| it.due).min(),
        }
    }

    /// What it came to; none while it is open.
    #[must_use]
    pub fn outcome(&self) -> Option<&str> {
        match self.state.standing() {
            Standing::Open => None,
            Standing::Decided { outcome, .. } => Some(outcome),
            Standing::Cancelled { .. } => Some(super::wake::CANCELED),
        }
    }

    /// When it came to that.
    #[must_use]
    pub fn completed(&self) -> Option<i64> {
        match self.state.standing() {
            Standing::Open => None,
            Standing::Decided { time, .. } | Standing::Cancelled { time } => Some(*time),
        }
    }

    /// Whether somebody waits for what it comes to, and has not been told.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Somebody in it, as far as they are known.
    #[must_use]
    pub fn party(&self, id: &str) -> Party {
        self.people.get(id).cloned().unwrap_or_default()
    }
}
