//! Telling people that runs failed: the first failure soon, then what came together within a
//! while.
//!
//! Runs that failed are rows with an end, in that order. A cursor says up to which of them
//! everything was taken over into outgoing notices, and moves in the same transaction as
//! those: nothing is lost and nothing counted twice, whichever node does it and whenever one
//! ends. A notice is claimed before it is sent and goes again when it is not known to have
//! arrived, under the same id. A run that succeeds has no part in this.

use super::App;
use super::catalog::FlowEntry;
use super::data::{self, Change, Kind, Known, Stored};
use super::directory::{Group, User};
use super::error::{AppError, ErrorKind};
use super::facts::{FlowFacts, PrincipalKind, Share};
use super::notification::Channel;
use crate::auth::caller::Caller;
use crate::clock::SECOND;
use crate::limits::{
    CHANGE_TRIES_MAX, FAILURES_PER_READ, FAILURES_SETTLE_SECONDS, NOTICE_CLAIM_SECONDS,
    NOTICE_ERROR_CHARACTERS_MAX, NOTICE_LINES_MAX, NOTICE_PEOPLE_MAX, NOTICE_TRIES_MAX,
    NOTICES_PER_ROUND, NOTIFY_EVERY,
};
use crate::mail::{Mail, Mailer};
use flow::run::mask::Masks;
use flow::run::{CallResult, HttpRequest, format_time};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use store::{RecordKey, RunRow};

/// Of notices with something to send: when that is due.
const BY_DUE: u8 = 1;

const CURSOR: &str = "failures";

/// What the server tells people with.
#[derive(Default)]
pub struct Notices {
    set: OnceLock<(Option<Mailer>, Duration)>,
    /// Told when letters may have come that are not for a round.
    new: tokio::sync::Notify,
}

/// Between two digests when nothing else is set.
const DIGEST: Duration = Duration::from_secs(3_600);

impl Notices {
    /// How mail is sent, and how long is between two digests. Once, when the server starts.
    pub fn set(&self, mailer: Option<Mailer>, digest: Duration) {
        let _ = self.set.set((mailer, digest));
    }

    #[must_use]
    pub fn mailer(&self) -> Option<&Mailer> {
        self.set.get().and_then(|(mailer, _)| mailer.as_ref())
    }

    /// Letters are looked for at once, on this node; there are none without a mail server.
    pub fn hurry(&self) {
        if self.mailer().is_some() {
            self.new.notify_one();
        }
    }

    /// Waits for that.
    pub(super) async fn hurried(&self) {
        self.new.notified().await;
    }

    fn digest_ticks(&self) -> i64 {
        let digest = self.set.get().map_or(DIGEST, |(_, digest)| *digest);
        i64::try_from(digest.as_secs()).unwrap_or(i64::MAX / SECOND).saturating_mul(SECOND)
    }
}

/// Up to which failure everything was taken over.
#[derive(Serialize, Deserialize)]
struct FailureCursor {
    ended: i64,
    run: Option<String>,
}

impl Stored for FailureCursor {
    const KIND: Kind = Kind::FailureCursor;

    fn id(&self) -> &str {
        CURSOR
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

/// Who is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Target {
    /// Object id of a user.
    Owner(String),
    /// Id of a flow: its webhook.
    Flow(String),
}

/// Failures of a flow with one code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    flow: String,
    name: String,
    environment: String,
    code: String,
    count: u64,
    /// The last of them.
    run: String,
    ended: i64,
    error: Option<String>,
}

/// What somebody is to be told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notice {
    id: String,
    target: Target,
    /// What came since the last notice was made up.
    waiting: Vec<Line>,
    /// What is being sent, and its number.
    sending: Vec<Line>,
    number: u64,
    tries: u32,
    /// Ticks; none when there is nothing to send.
    due: Option<i64>,
    sent: Option<i64>,
}

impl Stored for Notice {
    const KIND: Kind = Kind::FailureNotice;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        self.due.iter().map(|due| data::key(BY_DUE, &[&format!("{due:016x}")])).collect()
    }
}

impl Notice {
    fn new(id: String, target: Target) -> Notice {
        let (waiting, sending) = (Vec::new(), Vec::new());
        Notice { id, target, waiting, sending, number: 0, tries: 0, due: None, sent: None }
    }

    /// Counts a failure. Of more flows and codes than anybody reads, the rest is counted
    /// with the last.
    fn count(&mut self, line: Line) {
        let is_same = |it: &&mut Line| it.flow == line.flow && it.code == line.code;
        let is_full = self.waiting.len() >= NOTICE_LINES_MAX;
        if let Some(known) = self.waiting.iter_mut().find(is_same) {
            *known = Line { count: known.count + 1, ..line };
        } else if let Some(last) = self.waiting.last_mut().filter(|_| is_full) {
            last.count += 1;
        } else {
            self.waiting.push(line);
        }
    }

    /// When what waits is to be sent: at once, but a while after the last notice.
    fn schedule(&mut self, now: i64, digest: i64) {
        let is_idle = self.waiting.is_empty() && self.sending.is_empty();
        let after = self.sent.map_or(now, |sent| now.max(sent.saturating_add(digest)));
        self.due = (!is_idle).then(|| self.due.unwrap_or(after));
    }

    /// The same for every attempt of a notice.
    fn key(&self) -> String {
        let hash = Sha256::digest(format!("{}\n{}", self.id, self.number));
        hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A flow with failures: what is told of it and to whom.
struct Told {
    entry: Arc<FlowEntry>,
    targets: Vec<(String, Target)>,
    /// What is masked in their errors.
    known: Masks,
}

impl App {
    /// Rounds until the server goes down.
    pub async fn run_notifications(self) {
        loop {
            tokio::time::sleep(NOTIFY_EVERY).await;
            if self.engine.is_paused() {
                continue;
            }
            if let Err(error) = self.notify().await {
                tracing::warn!(message = %error.message, "a round of notices was not finished");
            }
        }
    }

    /// One round: takes over what failed, and sends what is due.
    pub async fn notify(&self) -> Result<(), AppError> {
        match self.take_failures().await {
            // another node was quicker: it goes on
            Err(error) if error.kind == ErrorKind::Conflict => {}
            done => done?,
        }
        self.send_notices().await
    }

    async fn take_failures(&self) -> Result<(), AppError> {
        let now = self.engine.clock.now();
        // an end is stored a little later than it was, and clocks of nodes are apart
        let to = now - FAILURES_SETTLE_SECONDS * SECOND;
        let Some(mut cursor) = self.get::<FailureCursor>(CURSOR).await? else {
            // what failed before this server could tell is not told
            let cursor = Known::new(FailureCursor { ended: to, run: None });
            return self.apply(&system(), Change::default().put(&cursor)?).await.map(|_| ());
        };
        let mut flows: HashMap<i64, Option<Told>> = HashMap::new();
        loop {
            let run = cursor.run.as_deref().and_then(durable::ProcessId::from_run_name);
            let place = (cursor.ended, run);
            let rows = self.engine.store.failures(place, to, FAILURES_PER_READ).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            let mut notices: HashMap<String, Known<Notice>> = HashMap::new();
            for row in &rows {
                let told = match flows.entry(row.workflow) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => place.insert(self.told_of(row.workflow).await?),
                };
                if let Some(told) = told {
                    self.count_failure(row, told, &mut notices).await?;
                }
            }
            cursor.ended = last.end.unwrap_or(to);
            cursor.run = Some(last.id.run_name());
            let mut change = Change::default().put(&cursor)?;
            for notice in notices.values_mut() {
                notice.schedule(now, self.notices.digest_ticks());
                change = change.put(notice)?;
            }
            self.apply(&system(), change).await?;
            let found = self.get::<FailureCursor>(CURSOR).await?;
            cursor = found.ok_or_else(|| AppError::internal("the cursor of failures is gone"))?;
        }
    }

    /// Whom to tell of a flow's failures; nobody in most cases.
    async fn told_of(&self, workflow: i64) -> Result<Option<Told>, AppError> {
        let Some(entry) = self.engine.catalog.by_key(workflow).await? else { return Ok(None) };
        let Some(settings) = self.notifications(&entry.row.id).await? else { return Ok(None) };
        let targets = match settings.value.on_failure {
            Channel::Webhook { .. } => {
                let flow = entry.row.id.clone();
                vec![(format!("webhook:{flow}"), Target::Flow(flow))]
            }
            Channel::Mail => {
                let owners = self.people_of(&*self.facts(&entry.row).await?).await?;
                owners.into_iter().map(|it| (format!("mail:{it}"), Target::Owner(it))).collect()
            }
        };
        let known = self.engine.known_secrets(&entry.row.id).await?;
        Ok(Some(Told { entry, targets, known }))
    }

    /// The users who own a flow, each once: who made it, co-owners, and the members of groups
    /// among those.
    async fn people_of(&self, facts: &FlowFacts) -> Result<Vec<String>, AppError> {
        let is_user = facts.creator_kind != Some(PrincipalKind::ServicePrincipal);
        let mut people: Vec<String> = facts.creator.iter().filter(|_| is_user).cloned().collect();
        for it in facts.permissions.iter().filter(|it| it.share == Share::CanEdit) {
            match it.kind {
                PrincipalKind::User => people.push(it.principal.clone()),
                PrincipalKind::Group => {
                    let group = self.get::<Group>(&it.principal).await?;
                    people.extend(group.into_iter().flat_map(|group| group.value.members));
                }
                PrincipalKind::ServicePrincipal => {}
            }
        }
        let mut known = HashSet::new();
        people.retain(|person| known.insert(person.clone()));
        if people.len() > NOTICE_PEOPLE_MAX {
            let (flow, count) = (facts.flow(), people.len());
            tracing::warn!(flow, count, "only some of a flow's owners are told of failures");
            people.truncate(NOTICE_PEOPLE_MAX);
        }
        Ok(people)
    }

    async fn count_failure(
        &self,
        row: &RunRow,
        told: &Told,
        notices: &mut HashMap<String, Known<Notice>>,
    ) -> Result<(), AppError> {
        let flow = &told.entry.row;
        let short = |text: &String| text.chars().take(NOTICE_ERROR_CHARACTERS_MAX).collect();
        let masked = row.error.as_ref().and_then(|text| told.known.text(text));
        let error = masked.or_else(|| row.error.clone());
        for (id, target) in &told.targets {
            if !notices.contains_key(id) {
                let known = self.get::<Notice>(id).await?;
                let new = || Known::new(Notice::new(id.clone(), target.clone()));
                notices.insert(id.clone(), known.unwrap_or_else(new));
            }
            let Some(notice) = notices.get_mut(id) else { continue };
            notice.count(Line {
                flow: flow.id.clone(),
                name: flow.display_name.clone(),
                environment: flow.environment.clone(),
                code: row.code.clone().unwrap_or_else(|| "Failed".to_owned()),
                count: 1,
                run: row.id.run_name(),
                ended: row.end.unwrap_or_default(),
                error: error.as_ref().map(short),
            });
        }
        Ok(())
    }

    async fn send_notices(&self) -> Result<(), AppError> {
        let now = self.engine.clock.now();
        let page = self.list::<Notice>(BY_DUE, &[], None, NOTICES_PER_ROUND).await?;
        let due = page.rows.into_iter().filter(|it| it.due.is_some_and(|due| due <= now));
        for notice in due {
            match self.send_notice(notice).await {
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Claims a notice, sends it, and notes what came of that.
    async fn send_notice(&self, mut notice: Known<Notice>) -> Result<(), AppError> {
        let now = self.engine.clock.now();
        if notice.sending.is_empty() {
            notice.sending = std::mem::take(&mut notice.waiting);
            notice.number += 1;
            notice.tries = 0;
        }
        // should this node end now, another sends it when the claim is over
        notice.due = Some(now + NOTICE_CLAIM_SECONDS * SECOND);
        self.apply(&system(), Change::default().put(&notice)?).await?;
        let outcome = self.deliver_notice(&notice).await;
        if let Err(message) = &outcome {
            tracing::warn!(notice = %notice.id, %message, "a notice of failures did not arrive");
        }
        for _ in 0..CHANGE_TRIES_MAX {
            let Some(mut fresh) = self.get::<Notice>(&notice.id).await? else { return Ok(()) };
            if fresh.number != notice.number {
                return Ok(());
            }
            self.note_outcome(&mut fresh, outcome.is_ok());
            match self.apply(&system(), Change::default().put(&fresh)?).await {
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => return done.map(|_| ()),
            }
        }
        Ok(())
    }

    fn note_outcome(&self, notice: &mut Notice, has_arrived: bool) {
        let now = self.engine.clock.now();
        notice.tries += 1;
        let is_given_up = notice.tries >= NOTICE_TRIES_MAX;
        if has_arrived || is_given_up {
            if !has_arrived {
                tracing::error!(notice = %notice.id, "a notice of failures was given up");
            }
            notice.sending.clear();
            notice.sent = Some(now);
            notice.due = None;
            notice.schedule(now, self.notices.digest_ticks());
        } else {
            // a minute, two, four, ... an hour at most
            let minutes = 1i64 << (notice.tries - 1).min(6);
            notice.due = Some(now + minutes.min(60) * 60 * SECOND);
        }
    }

    async fn deliver_notice(&self, notice: &Notice) -> Result<(), String> {
        let failed = |error: AppError| error.message;
        match &notice.target {
            Target::Owner(owner) => {
                let Some(mailer) = self.notices.mailer() else {
                    return Err("the settings name no mail server".to_owned());
                };
                // somebody who is gone is told nothing
                let Some(user) = self.get::<User>(owner).await.map_err(failed)? else {
                    return Ok(());
                };
                let to = user.mail.as_deref().unwrap_or(&user.user_principal_name);
                if !Mailer::is_address(to) {
                    return Ok(());
                }
                let (subject, text) = self.letter(notice);
                let id = notice.key();
                mailer.send(Mail { to, subject: &subject, text, html: None, id: &id }).await
            }
            Target::Flow(flow) => {
                let settings = self.notifications(flow).await.map_err(failed)?;
                let Some(Channel::Webhook { url }) = settings.map(|it| it.value.on_failure) else {
                    return Ok(());
                };
                self.post_notice(notice, &url).await
            }
        }
    }

    fn link(&self, line: &Line) -> String {
        format!("{}/api/v1/runs/{}", self.engine.catalog.public_url(), line.run)
    }

    /// Subject and text of a mail.
    fn letter(&self, notice: &Notice) -> (String, String) {
        let count: u64 = notice.sending.iter().map(|it| it.count).sum();
        let names: Vec<&str> = notice.sending.iter().map(|it| it.name.as_str()).collect();
        let is_one = names.windows(2).all(|pair| pair[0] == pair[1]);
        let what = names.first().filter(|_| is_one).map_or("your flows", |name| name);
        let runs = if count == 1 { "A run".to_owned() } else { format!("{count} runs") };
        let what: String = what.chars().filter(|it| !it.is_control()).take(100).collect();
        let subject = format!("{runs} of {what} failed");
        let mut text = format!("{subject}.\n");
        for line in &notice.sending {
            let error = line.error.as_deref().unwrap_or_default();
            text.push_str(&format!(
                "\n{} ({})\n  {}: {} of them, the last at {}\n  {}\n  {}\n",
                line.name,
                line.environment,
                line.code,
                line.count,
                format_time(line.ended),
                error,
                self.link(line),
            ));
        }
        (subject, text)
    }

    async fn post_notice(&self, notice: &Notice, url: &str) -> Result<(), String> {
        let failures = notice.sending.iter().map(|line| {
            json!({
                "flow": line.flow,
                "displayName": line.name,
                "environment": line.environment,
                "code": line.code,
                "count": line.count,
                "lastRun": {"id": line.run, "endTime": format_time(line.ended),
                    "error": line.error, "link": self.link(line)},
            })
        });
        let key = notice.key();
        let body =
            json!({"id": key, "kind": "flowFailures", "failures": failures.collect::<Vec<_>>()});
        let body = expr::json::parse(body.to_string().as_bytes()).map_err(|it| it.to_string())?;
        let request = HttpRequest {
            method: "POST".into(),
            uri: url.into(),
            queries: Vec::new(),
            headers: Vec::new(),
            body: Some(body),
            cookie: None,
            authentication: expr::Value::Null,
            idempotency_key: key,
            is_chunked: false,
        };
        match self.engine.call_outside(request).await {
            CallResult::Answer(answer) => {
                let status = answer.get("statusCode").and_then(expr::Value::as_int);
                match status {
                    Some(200..=299) => Ok(()),
                    _ => Err(format!("the webhook answered {}", status.unwrap_or_default())),
                }
            }
            CallResult::Failure { message, .. } => Err(message.to_string()),
            _ => Err("the webhook gave no answer".to_owned()),
        }
    }
}

fn system() -> Caller {
    Caller::root("server")
}
