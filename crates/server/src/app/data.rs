//! Management data: typed records over the store's plain ones, and changes with what the
//! audit says of them.

use super::App;
use super::error::AppError;
use crate::auth::caller::Caller;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::{Deref, DerefMut};
use store::{AuditRow, Edit, Record, RecordKey, RecordRange, VersionRow, WorkflowRow};

/// What a record is about. Numbers are stored and never get a new meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Environment = 1,
    User = 2,
    Group = 3,
    Application = 4,
    Session = 5,
    DeviceCode = 6,
    AuthorizationCode = 7,
    Consent = 8,
    ApiKey = 9,
    FlowFacts = 10,
    Connector = 11,
    ConnectorFile = 12,
    Connection = 13,
    CallCount = 14,
    Upload = 15,
    Packaging = 16,
    UsedAssertion = 20,
    SigningKey = 30,
    SecondFactor = 31,
    Passkey = 32,
    UsedChallenge = 33,
    EnvironmentVariable = 40,
    FlowNotifications = 41,
    FailureCursor = 42,
    FailureNotice = 43,
    Resumption = 50,
    ConnectorClient = 51,
    ConsentRequest = 52,
    ConnectionToken = 53,
    /// The keys that seal: [`crate::auth::seal::ring`].
    SealRing = 55,
    /// Which keys a node knows.
    KeyNote = 56,
    Rotation = 57,
    Recording = 60,
    RecordedExchange = 61,
    Playback = 62,
    DataPolicy = 58,
    DataPolicyRound = 59,
    ConnectorAccount = 76,
    PowerApp = 63,
    Vault = 70,
    VaultSecret = 71,
    /// The value of one version of a secret.
    VaultSecretValue = 72,
    /// What is masked in the histories of a flow: [`crate::worker::known_secret`].
    KnownSecrets = 73,
    Approval = 83,
    Deputy = 84,
    BusinessCalendar = 85,
    ApprovalNotice = 86,
    /// The content of a file that came with an approval.
    ApprovalAttachment = 87,
}

/// Something that is kept as a record.
pub trait Stored: Serialize + DeserializeOwned + Send {
    const KIND: Kind;

    fn id(&self) -> &str;

    /// What it is found by, besides its id.
    fn keys(&self) -> Vec<RecordKey>;
}

/// A record that holds something sealed.
pub trait Sealed: Stored {
    /// What is sealed, in base64, and whom it belongs to.
    fn sealed(&mut self) -> Option<(String, &mut String)>;
}

/// Something that was read, with the revision that a change of it must find.
#[derive(Clone, Debug)]
pub struct Known<T> {
    pub value: T,
    revision: i64,
}

impl<T> Known<T> {
    /// Something that is not stored yet.
    pub fn new(value: T) -> Known<T> {
        Known { value, revision: 0 }
    }

    /// The same once it is stored, with the number that the change of it got.
    pub fn stored(self, revision: i64) -> Known<T> {
        Known { revision, ..self }
    }

    /// Whether there is a record of it.
    pub fn is_stored(&self) -> bool {
        self.revision > 0
    }
}

impl<T> Deref for Known<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Known<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// A key that others may have too.
#[must_use]
pub fn key(name: u8, parts: &[&str]) -> RecordKey {
    RecordKey { name, value: joined(parts), is_unique: false }
}

/// A key that no other record of the kind has.
#[must_use]
pub fn unique(name: u8, parts: &[&str]) -> RecordKey {
    RecordKey { is_unique: true, ..key(name, parts) }
}

/// Parts with an end each, so that no key is the beginning of another by chance.
fn joined(parts: &[&str]) -> Vec<u8> {
    let mut value = Vec::new();
    for part in parts {
        value.extend(part.bytes().filter(|byte| *byte > 1));
        value.push(1);
    }
    value
}

/// Where a page ends: opaque to callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(Vec<u8>, String);

impl Cursor {
    #[must_use]
    pub fn encode(&self) -> String {
        let value = URL_SAFE_NO_PAD.encode(&self.0);
        format!("{value}.{}", URL_SAFE_NO_PAD.encode(&self.1))
    }

    /// Before the first of the keys that begin with some parts.
    #[must_use]
    pub fn before(parts: &[&str]) -> Cursor {
        Cursor(joined(parts), String::new())
    }

    /// Whether it is among keys that begin with some parts.
    #[must_use]
    pub fn is_within(&self, parts: &[&str]) -> bool {
        self.0.starts_with(&joined(parts))
    }

    pub fn decode(text: &str) -> Result<Cursor, AppError> {
        let read = || {
            let (value, id) = text.split_once('.')?;
            let value = URL_SAFE_NO_PAD.decode(value).ok()?;
            let id = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
            Some(Cursor(value, id))
        };
        let message = "The skip token is not one that this server gave.";
        read().ok_or_else(|| AppError::invalid("InvalidSkipToken", message))
    }
}

/// A page of what was asked for, and where the next begins if there is one.
pub struct Listed<T> {
    pub rows: Vec<Known<T>>,
    pub next: Option<Cursor>,
}

/// Changes that are made together.
#[derive(Default)]
#[must_use]
pub struct Change {
    edits: Vec<Edit>,
    audit: Vec<AuditRow>,
}

impl Change {
    /// What was read, as it is to be now; or something new.
    pub fn put<T: Stored>(mut self, known: &Known<T>) -> Result<Change, AppError> {
        let body = serde_json::to_vec(&known.value).map_err(AppError::internal)?;
        let (kind, id) = (T::KIND as u8, known.value.id().to_owned());
        let keys = known.value.keys();
        self.edits.push(Edit::Put(Record { kind, id, revision: known.revision, body, keys }));
        Ok(self)
    }

    pub fn remove<T: Stored>(mut self, known: &Known<T>) -> Change {
        let (kind, id) = (T::KIND as u8, known.value.id().to_owned());
        self.edits.push(Edit::Remove { kind, id, revision: Some(known.revision) });
        self
    }

    pub fn create_flow(mut self, row: WorkflowRow, version: VersionRow) -> Change {
        self.edits.push(Edit::CreateWorkflow(row, version));
        self
    }

    pub fn update_flow(mut self, row: WorkflowRow, version: Option<VersionRow>) -> Change {
        self.edits.push(Edit::UpdateWorkflow(row, version));
        self
    }

    pub fn delete_flow(mut self, key: i64) -> Change {
        self.edits.push(Edit::DeleteWorkflow(key));
        self
    }

    /// Something that is no typed record.
    pub fn edit(mut self, edit: Edit) -> Change {
        self.edits.push(edit);
        self
    }

    /// The edits alone: nobody asked for them.
    #[must_use]
    pub fn into_edits(self) -> Vec<Edit> {
        self.edits
    }

    /// What the audit is to say: `detail` holds no secret.
    pub fn audit(mut self, operation: &str, target: &str, detail: &serde_json::Value) -> Change {
        self.audit.push(AuditRow {
            number: 0,
            time: 0,
            actor: String::new(),
            operation: operation.to_owned(),
            target: target.to_owned(),
            content: detail.to_string().into_bytes(),
            hash: Vec::new(),
        });
        self
    }
}

impl App {
    pub(crate) async fn get<T: Stored>(&self, id: &str) -> Result<Option<Known<T>>, AppError> {
        let found = self.engine.store.record(T::KIND as u8, id).await?;
        found.as_ref().map(known).transpose()
    }

    /// Of some records those that are there, in any order.
    pub(crate) async fn get_many<T: Stored>(
        &self,
        ids: Vec<String>,
    ) -> Result<Vec<Known<T>>, AppError> {
        let found = self.engine.store.records_by_id(T::KIND as u8, ids).await?;
        found.iter().map(known).collect()
    }

    /// The one record with a unique key.
    pub(crate) async fn find<T: Stored>(
        &self,
        name: u8,
        parts: &[&str],
    ) -> Result<Option<Known<T>>, AppError> {
        let listed = self.list::<T>(name, parts, None, 1).await?;
        Ok(listed.rows.into_iter().next())
    }

    /// Records by one of their keys, those whose key begins with some parts.
    pub(crate) async fn list<T: Stored>(
        &self,
        name: u8,
        parts: &[&str],
        after: Option<Cursor>,
        rows_max: usize,
    ) -> Result<Listed<T>, AppError> {
        let from = joined(parts);
        let mut to = from.clone();
        match to.last_mut() {
            // an end of a part: what is beyond begins with the byte after it
            Some(last) => *last += 1,
            None => to.push(u8::MAX),
        }
        let after = after.map(|Cursor(value, id)| (value, id));
        let range =
            RecordRange { kind: T::KIND as u8, name, from, to, after, rows_max: rows_max + 1 };
        let mut found = self.engine.store.records(range).await?;
        let is_more = found.len() > rows_max;
        found.truncate(rows_max);
        let last = found.last().filter(|_| is_more);
        let next = last.map(|(value, record)| Cursor(value.clone(), record.id.clone()));
        let rows = found.iter().map(|(_, record)| known(record)).collect::<Result<_, _>>()?;
        Ok(Listed { rows, next })
    }

    /// The first records of which a key begins with a text: its first part, or some of it.
    pub(crate) async fn list_beginning<T: Stored>(
        &self,
        name: u8,
        beginning: &str,
        rows_max: usize,
    ) -> Result<Vec<Known<T>>, AppError> {
        let mut from = joined(&[beginning]);
        from.pop();
        let mut to = from.clone();
        // no byte of a text is as great
        to.push(u8::MAX);
        let range = RecordRange { kind: T::KIND as u8, name, from, to, after: None, rows_max };
        let found = self.engine.store.records(range).await?;
        found.iter().map(|(_, record)| known(record)).collect()
    }

    /// Records that somebody has, by what begins the keys of each of their principals, one
    /// principal after the other: what came by an earlier one is not told again.
    pub(crate) async fn list_held<T: Stored>(
        &self,
        name: u8,
        holders: &[Vec<&str>],
        (mut after, rows_max): (Option<Cursor>, usize),
        is_held: fn(&T, &str) -> bool,
    ) -> Result<Listed<T>, AppError> {
        let begins = after
            .as_ref()
            .and_then(|cursor| holders.iter().position(|parts| cursor.is_within(parts)));
        let mut rows: Vec<Known<T>> = Vec::new();
        for (at, parts) in holders.iter().enumerate().skip(begins.unwrap_or(0)) {
            let room = rows_max.saturating_sub(rows.len());
            if room == 0 {
                return Ok(Listed { rows, next: Some(Cursor::before(parts)) });
            }
            let after = after.take().filter(|_| begins.is_some());
            let page = self.list::<T>(name, parts, after, room).await?;
            let is_new = |row: &Known<T>| {
                let mut earlier = holders[..at].iter().filter_map(|parts| parts.last());
                !earlier.any(|principal| is_held(row, principal))
            };
            rows.extend(page.rows.into_iter().filter(is_new));
            if page.next.is_some() {
                return Ok(Listed { rows, next: page.next });
            }
        }
        Ok(Listed { rows, next: None })
    }

    /// All records whose key begins with some parts: where there are few.
    pub(crate) async fn list_all<T: Stored>(
        &self,
        name: u8,
        parts: &[&str],
    ) -> Result<Vec<Known<T>>, AppError> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = self.list::<T>(name, parts, after, RECORDS_PER_READ).await?;
            all.extend(page.rows);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// Makes a change, in the name of who asked for it. Answers a number for each part, as
    /// the store gives them.
    pub(crate) async fn apply(
        &self,
        caller: &Caller,
        change: Change,
    ) -> Result<Vec<i64>, AppError> {
        let Change { edits, mut audit } = change;
        let time = self.engine.clock.now();
        for entry in &mut audit {
            entry.time = time;
            caller.id().clone_into(&mut entry.actor);
        }
        Ok(self.engine.store.change(edits, audit).await?)
    }
}

/// Records that one read of all of them brings.
const RECORDS_PER_READ: usize = 256;

/// A record of the store as what it is of.
pub(crate) fn known<T: Stored>(record: &Record) -> Result<Known<T>, AppError> {
    let value = serde_json::from_slice(&record.body);
    let failed = |error| AppError::internal(format!("record '{}': {error}", record.id));
    Ok(Known { value: value.map_err(failed)?, revision: record.revision })
}
