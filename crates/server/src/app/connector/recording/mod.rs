//! Recordings: what services answered, kept so that it can be played back where they are not.
//!
//! A recording is a list of exchanges in the order in which they happened. Whoever makes
//! flows in an environment may make recordings and see those that they made; who administers
//! it may see all. Nothing that a connection authenticates with is in one.

mod exchange;

pub use exchange::{Delivery, Exchange, Request, Response};

use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::environment::{Environment, forbidden};
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::auth::policy;
use crate::limits::{
    RECORDED_EXCHANGE_BYTES_MAX, RECORDED_EXCHANGES_MAX, RECORDING_BYTES_MAX, RECORDING_TRIES_MAX,
    RECORDINGS_MAX,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use store::RecordKey;

const BY_ENVIRONMENT: u8 = 1;
const BY_RECORDING: u8 = 1;

/// A recording.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recording {
    id: String,
    pub environment: String,
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// How many exchanges it has.
    pub exchanges: usize,
    /// How many bytes they have.
    pub bytes: usize,
    /// Object id of who made it.
    #[serde(default)]
    pub created_by: Option<String>,
    /// Ticks.
    pub created: i64,
    pub changed: i64,
}

impl Stored for Recording {
    const KIND: Kind = Kind::Recording;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_ENVIRONMENT, &[&self.environment, &self.name.to_lowercase()])]
    }
}

/// An exchange with its place in a recording.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Recorded {
    id: String,
    recording: String,
    number: usize,
    exchange: Exchange,
}

impl Recorded {
    fn new(recording: &str, number: usize, exchange: Exchange) -> Recorded {
        let id = format!("{recording}/{number:08}");
        Recorded { id, recording: recording.to_owned(), number, exchange }
    }
}

impl Stored for Recorded {
    const KIND: Kind = Kind::RecordedExchange;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_RECORDING, &[&self.recording, &format!("{:08}", self.number)])]
    }
}

/// How far a connection has played a recording.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Playback {
    id: String,
    recording: String,
    /// When what stands behind the connection was said, in ticks: it is played from the
    /// beginning after that.
    since: i64,
    /// How often each request was answered, by the number of its first exchange.
    answered: BTreeMap<usize, usize>,
}

impl Stored for Playback {
    const KIND: Kind = Kind::Playback;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_RECORDING, &[&self.recording])]
    }
}

/// A recording as it is made or imported.
pub struct RecordingInput {
    pub name: String,
    pub description: Option<String>,
    pub exchanges: Vec<Exchange>,
}

fn recording_id(environment: &str, name: &str) -> String {
    format!("{environment}/{}", name.to_lowercase())
}

/// Names are parts of addresses.
fn check_name(name: &str) -> Result<(), AppError> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    let starts = name.starts_with(|it: char| it.is_ascii_alphanumeric());
    if starts && name.len() <= NAME_BYTES_MAX && name.chars().all(is_plain) {
        return Ok(());
    }
    let message = format!(
        "'{name}' is no name of a recording, expected up to {NAME_BYTES_MAX} letters, digits, '-', '_' and '.', a letter or digit first."
    );
    Err(AppError::invalid("InvalidRecordingName", message))
}

const NAME_BYTES_MAX: usize = 100;
const DESCRIPTION_CHARS_MAX: usize = 1_024;

fn size_of(exchange: &Exchange) -> Result<usize, AppError> {
    let bytes = serde_json::to_vec(exchange).map_err(AppError::internal)?.len();
    if bytes > RECORDED_EXCHANGE_BYTES_MAX {
        let message = format!(
            "An exchange has {bytes} bytes, more than the {RECORDED_EXCHANGE_BYTES_MAX} that a recording takes."
        );
        return Err(AppError::invalid("RecordedExchangeTooLarge", message));
    }
    Ok(bytes)
}

fn full(name: &str) -> AppError {
    let message = format!(
        "The recording '{name}' is full: it takes {RECORDED_EXCHANGES_MAX} exchanges and {RECORDING_BYTES_MAX} bytes."
    );
    AppError::invalid("RecordingFull", message)
}

impl App {
    /// The environment, and whether the caller administers its recordings.
    async fn environment_with_recordings(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<(Environment, bool), AppError> {
        let all = Operation::ManageRecordings;
        match self.environment_for(caller, Operation::CreateRecording, name).await {
            Err(error) if error.kind == ErrorKind::Forbidden => {
                Ok((self.environment_for(caller, all, name).await?.value, true))
            }
            found => {
                let found = found?.value;
                let is_all = policy::allows(caller, all, found.place());
                Ok((found, is_all))
            }
        }
    }

    /// The recordings of an environment that the caller may see.
    pub async fn list_recordings(
        &self,
        caller: &Caller,
        environment: &str,
    ) -> Result<Vec<Recording>, AppError> {
        let (within, is_all) = self.environment_with_recordings(caller, environment).await?;
        let found = self.list_all::<Recording>(BY_ENVIRONMENT, &[&within.id]).await?;
        let is_own = |it: &Recording| it.created_by.as_deref() == Some(caller.id());
        Ok(found.into_iter().map(|it| it.value).filter(|it| is_all || is_own(it)).collect())
    }

    /// A recording that the caller may see: one of their own, or as who administers all.
    pub(crate) async fn recording_for(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<Known<Recording>, AppError> {
        let (within, is_all) = self.environment_with_recordings(caller, environment).await?;
        let found = self.recording(&within.id, name).await?;
        if is_all || found.created_by.as_deref() == Some(caller.id()) {
            return Ok(found);
        }
        let message = "Only who made a recording and administrators may see and use it.";
        Err(forbidden(message))
    }

    pub(crate) async fn recording(
        &self,
        environment: &str,
        name: &str,
    ) -> Result<Known<Recording>, AppError> {
        self.get(&recording_id(environment, name)).await?.ok_or_else(|| {
            let message = format!(
                "There is no recording '{name}' in '{environment}': 'sluicegate recording create {name}' makes one."
            );
            AppError::not_found("RecordingNotFound", message)
        })
    }

    /// Makes a recording, with the exchanges of a file or to be recorded into.
    pub async fn create_recording(
        &self,
        caller: &Caller,
        environment: &str,
        input: RecordingInput,
    ) -> Result<Recording, AppError> {
        let (within, _) = self.environment_with_recordings(caller, environment).await?;
        check_name(&input.name)?;
        let description = input.description.unwrap_or_default();
        if description.chars().count() > DESCRIPTION_CHARS_MAX {
            let message =
                format!("The description has more than {DESCRIPTION_CHARS_MAX} characters.");
            return Err(AppError::invalid("InvalidRecording", message));
        }
        let known = self.list_all::<Recording>(BY_ENVIRONMENT, &[&within.id]).await?;
        if known.len() >= RECORDINGS_MAX {
            let message = format!("The environment has {RECORDINGS_MAX} recordings already.");
            return Err(AppError::invalid("TooManyRecordings", message));
        }
        let mut bytes = 0;
        for exchange in &input.exchanges {
            bytes += size_of(exchange)?;
        }
        if input.exchanges.len() > RECORDED_EXCHANGES_MAX || bytes > RECORDING_BYTES_MAX {
            return Err(full(&input.name));
        }
        let now = self.engine.clock.now();
        let recording = Known::new(Recording {
            id: recording_id(&within.id, &input.name),
            environment: within.id.clone(),
            name: input.name,
            description,
            exchanges: input.exchanges.len(),
            bytes,
            created_by: Some(caller.id().to_owned()),
            created: now,
            changed: now,
        });
        let mut change = Change::default().put(&recording)?;
        for (number, mut exchange) in input.exchanges.into_iter().enumerate() {
            exchange.mask(&[]);
            change = change.put(&Known::new(Recorded::new(&recording.id, number, exchange)))?;
        }
        let detail = json!({"exchanges": recording.exchanges});
        let change = change.audit("CreateRecording", &recording.id, &detail);
        self.apply(caller, change).await.map_err(|error| match error.kind {
            ErrorKind::Conflict => {
                let message = format!("There is a recording '{}' already.", recording.name);
                AppError::new(ErrorKind::Conflict, "RecordingExists", message)
            }
            _ => error,
        })?;
        Ok(recording.value)
    }

    /// A recording with its exchanges.
    pub async fn export_recording(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<(Recording, Vec<Exchange>), AppError> {
        let found = self.recording_for(caller, environment, name).await?;
        let exchanges = self.exchanges_of(&found).await?;
        Ok((found.value, exchanges))
    }

    async fn exchanges_of(&self, recording: &Recording) -> Result<Vec<Exchange>, AppError> {
        let found = self.list_all::<Recorded>(BY_RECORDING, &[&recording.id]).await?;
        Ok(found.into_iter().map(|it| it.value.exchange).collect())
    }

    pub async fn delete_recording(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<(), AppError> {
        let recording = self.recording_for(caller, environment, name).await?;
        let mut change = Change::default().remove(&recording);
        for exchange in self.list_all::<Recorded>(BY_RECORDING, &[&recording.id]).await? {
            change = change.remove(&exchange);
        }
        for playback in self.list_all::<Playback>(BY_RECORDING, &[&recording.id]).await? {
            change = change.remove(&playback);
        }
        let detail = json!({"exchanges": recording.exchanges});
        let change = change.audit("DeleteRecording", &recording.id, &detail);
        self.apply(caller, change).await.map(|_| ())
    }

    /// Whether there are recordings in an environment.
    pub(crate) async fn holds_recordings(&self, environment: &str) -> Result<bool, AppError> {
        let found = self.list::<Recording>(BY_ENVIRONMENT, &[environment], None, 1).await?;
        Ok(!found.rows.is_empty())
    }

    /// Refuses to record into what takes no more.
    pub(crate) async fn check_records(
        &self,
        environment: &str,
        name: &str,
    ) -> Result<(), AppError> {
        let recording = self.recording(environment, name).await?;
        match recording.exchanges >= RECORDED_EXCHANGES_MAX
            || recording.bytes >= RECORDING_BYTES_MAX
        {
            true => Err(full(name)),
            false => Ok(()),
        }
    }

    /// Adds an exchange, from which the secrets are taken. Calls of other runs may record at
    /// the same time.
    pub(crate) async fn record(
        &self,
        environment: &str,
        name: &str,
        exchange: Exchange,
    ) -> Result<(), AppError> {
        let bytes = size_of(&exchange)?;
        for _ in 0..RECORDING_TRIES_MAX {
            let mut recording = self.recording(environment, name).await?;
            let number = recording.exchanges;
            if number >= RECORDED_EXCHANGES_MAX || recording.bytes + bytes > RECORDING_BYTES_MAX {
                return Err(full(name));
            }
            recording.exchanges += 1;
            recording.bytes += bytes;
            recording.changed = self.engine.clock.now();
            let added = Known::new(Recorded::new(&recording.id, number, exchange.clone()));
            let change = Change::default().put(&recording)?.put(&added)?;
            match self.apply(&Caller::root("server"), change).await {
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => return done.map(|_| ()),
            }
        }
        Err(busy(name))
    }

    /// The recorded answer of a request: of the n-th time it is asked the n-th, and after the
    /// last one that again.
    pub(crate) async fn play(
        &self,
        (environment, name): (&str, &str),
        by: (&str, i64),
        request: &Request,
    ) -> Result<Response, AppError> {
        let recording = self.recording(environment, name).await?;
        let exchanges = self.exchanges_of(&recording).await?;
        let same = same_as(&exchanges, request, |it| it.delivery.is_none());
        match self.next_of(&recording, by, &same).await? {
            Some(chosen) => Ok(exchanges[chosen].response.clone()),
            None => Err(not_recorded(name, &exchanges, request)),
        }
    }

    /// What was told to whoever subscribed with a request: all of it, or the n-th time it is
    /// asked the n-th.
    pub(crate) async fn play_deliveries(
        &self,
        (environment, name): (&str, &str),
        by: (&str, i64),
        (request, heard): (&Request, Heard),
    ) -> Result<Vec<Delivery>, AppError> {
        let recording = self.recording(environment, name).await?;
        let mut exchanges = self.exchanges_of(&recording).await?;
        let same = same_as(&exchanges, request, |it| it.delivery.is_some());
        let chosen = match heard {
            Heard::All => same,
            Heard::Next => self.next_of(&recording, by, &same).await?.into_iter().collect(),
        };
        Ok(chosen.into_iter().filter_map(|at| exchanges[at].delivery.take()).collect())
    }

    /// Which of several exchanges a connection is told now: one after the other, and after the
    /// last one that again.
    async fn next_of(
        &self,
        recording: &Recording,
        (connection, since): (&str, i64),
        same: &[usize],
    ) -> Result<Option<usize>, AppError> {
        let (Some(first), Some(last)) = (same.first(), same.last()) else { return Ok(None) };
        let id = format!("{connection}/{}", recording.id);
        for _ in 0..RECORDING_TRIES_MAX {
            let begin = || {
                let (id, recording) = (id.clone(), recording.id.clone());
                Known::new(Playback { id, recording, since, answered: BTreeMap::new() })
            };
            let mut playback = self.get::<Playback>(&id).await?.unwrap_or_else(begin);
            if playback.since != since {
                playback.since = since;
                playback.answered.clear();
            }
            let count = playback.answered.entry(*first).or_default();
            let chosen = same.get(*count).copied().unwrap_or(*last);
            if *count >= same.len() {
                // nothing changes any more
                return Ok(Some(chosen));
            }
            *count += 1;
            let change = Change::default().put(&playback)?;
            match self.apply(&Caller::root("server"), change).await {
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => return done.map(|_| Some(chosen)),
            }
        }
        Err(busy(&recording.name))
    }
}

/// How much of what was told somebody hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    All,
    Next,
}

/// The places of the exchanges of a request.
fn same_as(exchanges: &[Exchange], request: &Request, is_it: fn(&Exchange) -> bool) -> Vec<usize> {
    let key = request.key();
    let is_same = |at: &usize| is_it(&exchanges[*at]) && exchanges[*at].request.key() == key;
    (0..exchanges.len()).filter(is_same).collect()
}

fn busy(name: &str) -> AppError {
    let message = format!("Too many calls use the recording '{name}' at a time.");
    AppError::new(ErrorKind::Unavailable, "RecordingBusy", message)
}

/// Differences that a message names.
const DIFFERENCES_SHOWN_MAX: usize = 5;

fn not_recorded(name: &str, exchanges: &[Exchange], request: &Request) -> AppError {
    let mut message = format!(
        "The recording '{name}' has no {} {} of the operation '{}'.",
        request.method,
        request.path,
        request.operation.as_deref().unwrap_or("none")
    );
    let operation = |it: &Request| it.operation.as_deref().unwrap_or_default().to_lowercase();
    let answers = exchanges.iter().enumerate().filter(|(_, it)| it.delivery.is_none());
    let near = answers.map(|(at, it)| {
        let differences = request.differences(&it.request);
        let is_other = operation(&it.request) != operation(request);
        ((is_other, differences.len()), at, differences)
    });
    if let Some((_, at, mut differences)) = near.min_by_key(|(distance, ..)| *distance) {
        let more = differences.len().saturating_sub(DIFFERENCES_SHOWN_MAX);
        differences.truncate(DIFFERENCES_SHOWN_MAX);
        let told = differences.join("; ");
        let found = &exchanges[at].request;
        message.push_str(&format!(
            " The nearest is number {}, {} {}: {told}",
            at + 1,
            found.method,
            found.path
        ));
        message.push_str(&if more > 0 { format!("; and {more} more.") } else { ".".to_owned() });
    }
    AppError::not_found("ExchangeNotRecorded", message)
}
