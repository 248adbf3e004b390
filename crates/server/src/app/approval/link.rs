//! Links by which people answer from their mail, whether they are in the directory or not.
//!
//! A link names one asking of one person by its number, so that nobody reads in it who they
//! are, and it is signed. What opens it (people, but also programs that look at mail) sees a
//! page; only the form of that page decides, which has a mark of its own.
//!
//! Invariant: a link answers the asking it was made for, and no later one of the same person.

use super::Stepped;
use super::answer::{answered, comment_of};
use super::people::Found;
use super::record::ApprovalRecord;
use crate::app::App;
use crate::app::data::Known;
use crate::app::directory::User;
use crate::app::error::AppError;
use crate::app::pace::Places;
use crate::auth::caller::Caller;
use crate::auth::mac::MacKey;
use crate::clock;
use crate::limits::{APPROVAL_FORM_SECONDS, APPROVAL_LINK_SECONDS, FORGED_LINKS_PER_MINUTE};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use governance::approval::{Answer, Input, Refusal, Standing, TaskState, Via};

/// What the key of links is derived for, and what is marked with it.
const KEY: &[u8] = b"approval links";
const LINK: &str = "link";
const FORM: &str = "form";

const VERSION: u8 = 1;
/// Version, approval, task, end.
const BYTES: usize = 1 + 16 + 4 + 8;

/// Characters of a link that is looked at.
const CHARACTERS_MAX: usize = 200;

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    approval: String,
    /// The number of the asking in the approval.
    task: usize,
    /// The Unix second from which on it is of no use.
    expires: i64,
}

/// Where somebody answers, and until when.
pub(super) struct RespondLink {
    pub address: String,
    /// Ticks.
    pub expires: i64,
}

/// Why a link is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFault {
    /// Too many that this server did not make were tried from where it is tried now.
    TooMany {
        retry_after_seconds: u32,
    },
    /// This server did not make it.
    Forged,
    Expired,
    /// What it was about is not kept any more.
    Gone,
    /// Who it was sent to cannot sign in here any more.
    NotAllowed,
    /// It was of use once.
    Over {
        title: String,
        end: LinkEnd,
    },
    /// It is of use, but what was sent is not the form of its page, or of one shown long ago.
    NoForm,
}

/// What ended the use of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    Answered {
        option: String,
        time: i64,
    },
    Reassigned,
    Cancelled,
    Decided {
        outcome: String,
    },
    /// The approval goes on without the answer.
    Unneeded,
}

/// Somebody who is asked, and has opened a link.
pub struct Invitation {
    pub record: Known<ApprovalRecord>,
    /// An id among the people of the approval.
    pub person: String,
    /// For the form of the page.
    pub mark: String,
    pub token: String,
    task: usize,
}

/// Links that were tried and that this server has not sent, by where they were tried.
pub struct ForgedLinks(Places);

impl Default for ForgedLinks {
    fn default() -> Self {
        ForgedLinks(Places::new(FORGED_LINKS_PER_MINUTE))
    }
}

/// Where somebody tries a link; none where that is not known.
pub type Origin<'a> = Option<&'a str>;

/// What the form of the page brings.
pub struct LinkAnswer<'a> {
    pub mark: &'a str,
    /// The number of an option, from 0.
    pub option: usize,
    pub comments: Option<&'a str>,
}

/// What was answered.
#[derive(Debug)]
pub struct LinkAnswered {
    pub title: String,
    pub option: String,
}

impl App {
    /// The link for whoever is asked, and has not answered.
    pub(super) fn link_for(&self, record: &ApprovalRecord, person: &str) -> Option<RespondLink> {
        let stage = record.state.stage();
        let task = record.state.tasks().iter().rposition(|it| {
            it.assignee == person && it.stage == stage && it.state == TaskState::Open
        })?;
        let now = clock::unix_seconds(self.engine.clock.now());
        let expires = now.saturating_add(APPROVAL_LINK_SECONDS);
        let named = Named { approval: record.id.clone(), task, expires };
        let body = URL_SAFE_NO_PAD.encode(named.bytes()?);
        let mark = self.link_keys().first()?.mark(&[LINK, &body]);
        let base = self.engine.catalog.public_url();
        let address = format!("{}/approvals/respond/{body}.{mark}", base.trim_end_matches('/'));
        Some(RespondLink { address, expires: clock::from_unix_seconds(expires) })
    }

    /// What somebody is asked who has opened a link. Changes nothing but how many of those
    /// that this server has not sent may be tried.
    pub async fn approval_by_link(
        &self,
        token: &str,
        origin: Origin<'_>,
    ) -> Result<Result<Invitation, LinkFault>, AppError> {
        let (now, origin) = (self.engine.clock.now(), origin.unwrap_or_default());
        let seconds = clock::unix_seconds(now);
        if let Some(retry_after_seconds) = self.forged_links.0.pause(origin, seconds) {
            return Ok(Err(LinkFault::TooMany { retry_after_seconds }));
        }
        match self.named_in(token, now) {
            Ok(named) => self.invitation(token, &named).await,
            Err(fault) => {
                if fault == LinkFault::Forged {
                    self.forged_links.0.count(origin, seconds);
                }
                Ok(Err(fault))
            }
        }
    }

    async fn invitation(
        &self,
        token: &str,
        named: &Named,
    ) -> Result<Result<Invitation, LinkFault>, AppError> {
        let now = self.engine.clock.now();
        let Some(mut record) = self.get::<ApprovalRecord>(&named.approval).await? else {
            return Ok(Err(LinkFault::Gone));
        };
        // what time has done counts, even where nobody has looked yet; it is not kept
        let _ = record.value.state.handle(now, Input::Clock);
        let Some(task) = record.state.tasks().get(named.task) else {
            return Ok(Err(LinkFault::Forged));
        };
        let person = task.assignee.clone();
        if record.party(&person).is_known() {
            let user = self.get::<User>(&person).await?;
            if !user.is_some_and(|user| user.is_enabled) {
                return Ok(Err(LinkFault::NotAllowed));
            }
        }
        if let Some(end) = end_of(&record, named.task) {
            return Ok(Err(LinkFault::Over { title: record.title.clone(), end }));
        }
        let issued = clock::unix_seconds(now).to_string();
        let mark = self.link_keys().first().map(|key| key.mark(&[FORM, token, &issued]));
        let mark = format!("{issued}.{}", mark.unwrap_or_default());
        let token = token.to_owned();
        Ok(Ok(Invitation { record, person, mark, token, task: named.task }))
    }

    /// Answers by the form that belongs to a link: once.
    pub async fn answer_by_link(
        &self,
        token: &str,
        origin: Origin<'_>,
        given: LinkAnswer<'_>,
    ) -> Result<Result<LinkAnswered, LinkFault>, AppError> {
        let invitation = match self.approval_by_link(token, origin).await? {
            Ok(invitation) => invitation,
            Err(fault) => return Ok(Err(fault)),
        };
        if !self.is_form(token, given.mark) {
            return Ok(Err(LinkFault::NoForm));
        }
        let Invitation { record, person, task, .. } = invitation;
        let Some(option) = record.state.plan().options.get(given.option).cloned() else {
            let message = "The answer is not among those that can be given.";
            return Err(AppError::invalid("InvalidApprovalResponse", message));
        };
        let answer = Answer {
            assignee: person.clone(),
            by: person.clone(),
            option: option.clone(),
            comment: comment_of(&person, given.comments)?,
            via: Via::Mail,
        };
        let step = |record: &mut ApprovalRecord, now| {
            let (mut tells, _) = record.state.handle(now, Input::Clock);
            if end_of(record, task).is_some() {
                // they may be asked again, by a stage that this answer is not for
                return Ok(Stepped::of(tells, Err(Refusal::NotAsked)));
            }
            let stepped = answered(record, now, (&answer, &Found::default()));
            tells.extend(stepped.tells);
            Ok(Stepped { tells, ..stepped })
        };
        let caller = Caller::person(&person, Vec::new(), Vec::new());
        match self.change_approval(&caller, &record.id, step).await {
            Ok(record) => Ok(Ok(LinkAnswered { title: record.title.clone(), option })),
            // another was quicker: the link says what there is to say
            Err(error) => match self.approval_by_link(token, origin).await? {
                Ok(_) => Err(error),
                Err(fault) => Ok(Err(fault)),
            },
        }
    }

    /// A file that came with an approval, for who was sent the link and may still answer.
    pub async fn approval_attachment_by_link(
        &self,
        token: &str,
        origin: Origin<'_>,
        number: usize,
    ) -> Result<Result<(String, Vec<u8>), LinkFault>, AppError> {
        match self.approval_by_link(token, origin).await? {
            Ok(invitation) => self.attachment_of(&invitation.record, number).await.map(Ok),
            Err(fault) => Ok(Err(fault)),
        }
    }

    /// What a link says, when this server has said it and it still counts.
    fn named_in(&self, token: &str, now: i64) -> Result<Named, LinkFault> {
        let parts = token.split_once('.').filter(|_| token.len() <= CHARACTERS_MAX);
        let (body, mark) = parts.ok_or(LinkFault::Forged)?;
        if !self.link_keys().iter().any(|key| key.is_mark(&[LINK, body], mark)) {
            return Err(LinkFault::Forged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| LinkFault::Forged)?;
        let named = Named::read(&bytes).ok_or(LinkFault::Forged)?;
        match clock::unix_seconds(now) < named.expires {
            true => Ok(named),
            false => Err(LinkFault::Expired),
        }
    }

    /// Whether a mark is that of a form which the page of a link has had lately.
    fn is_form(&self, token: &str, mark: &str) -> bool {
        let Some((issued, mark)) = mark.split_once('.') else { return false };
        let now = clock::unix_seconds(self.engine.clock.now());
        let age = issued.parse::<i64>().ok().map(|issued| now.saturating_sub(issued));
        age.is_some_and(|age| age <= APPROVAL_FORM_SECONDS)
            && self.link_keys().iter().any(|key| key.is_mark(&[FORM, token, issued], mark))
    }

    /// The newest first. A link outlives the exchange of the keys it was made with.
    fn link_keys(&self) -> Vec<MacKey> {
        let keys = self.engine.catalog.sealer().derive_all(KEY);
        keys.iter().filter_map(|key| MacKey::new(key)).collect()
    }
}

/// Why an asking takes no answer any more; none while it does.
fn end_of(record: &ApprovalRecord, task: usize) -> Option<LinkEnd> {
    let Some(task) = record.state.tasks().get(task) else { return Some(LinkEnd::Unneeded) };
    let is_current = record.state.is_open() && task.stage == record.state.stage();
    match &task.state {
        TaskState::Open if is_current => None,
        TaskState::Answered { option, time, .. } => {
            Some(LinkEnd::Answered { option: option.clone(), time: *time })
        }
        TaskState::Reassigned { .. } => Some(LinkEnd::Reassigned),
        TaskState::Open | TaskState::Withdrawn => Some(match record.state.standing() {
            Standing::Open => LinkEnd::Unneeded,
            Standing::Decided { outcome, .. } => LinkEnd::Decided { outcome: outcome.clone() },
            Standing::Cancelled { .. } => LinkEnd::Cancelled,
        }),
    }
}

impl Named {
    /// None where the approval has an id of another kind.
    fn bytes(&self) -> Option<[u8; BYTES]> {
        let digits: String = self.approval.chars().filter(|it| *it != '-').collect();
        let approval = u128::from_str_radix(&digits, 16).ok()?;
        let task = u32::try_from(self.task).ok()?;
        let parts = [
            &[VERSION][..],
            &approval.to_be_bytes(),
            &task.to_be_bytes(),
            &self.expires.to_be_bytes(),
        ];
        let bytes: [u8; BYTES] = parts.concat().try_into().ok()?;
        (Named::read(&bytes).as_ref() == Some(self)).then_some(bytes)
    }

    fn read(bytes: &[u8]) -> Option<Named> {
        let (version, rest) = bytes.split_first()?;
        let (approval, rest) = rest.split_first_chunk::<16>()?;
        let (task, rest) = rest.split_first_chunk::<4>()?;
        let expires = i64::from_be_bytes(rest.try_into().ok()?);
        let approval = u128::from_be_bytes(*approval);
        let approval = format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            approval >> 96,
            (approval >> 80) & 0xffff,
            (approval >> 64) & 0xffff,
            (approval >> 48) & 0xffff,
            approval & 0xffff_ffff_ffff
        );
        let task = usize::try_from(u32::from_be_bytes(*task)).ok()?;
        (*version == VERSION).then_some(Named { approval, task, expires })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_what_it_was_made_for() {
        let approval = "0a1b2c3d-0000-4eef-8abc-00000000000f".to_owned();
        let named = Named { approval, task: 1_999, expires: 4_000_000_000 };
        let bytes = named.bytes().unwrap();
        assert_eq!(Named::read(&bytes), Some(named.clone()));
        assert_eq!(Named::read(&bytes[1..]), None);
        assert_eq!(Named::read(&[&bytes[..], &[0]].concat()), None);
        for other in ["", "7", "0A1B2C3D-0000-4eef-8abc-00000000000f", "no guid"] {
            let named = Named { approval: other.to_owned(), ..named.clone() };
            assert_eq!(named.bytes(), None, "{other}");
        }
    }
}
