//! The trigger for new mail: one look at a folder.
//!
//! The state is the folder's UIDVALIDITY, the next uid that has not been looked at, and
//! the time of the last mail that was. When a folder was made anew its uids say nothing:
//! then the time tells which mails are new.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::super::argument::value;
use super::super::limits::{NEW_MAILS_BYTES_MAX, NEW_MAILS_MAX};
use super::super::stop::Stop;
use super::super::{Arguments, Called, Context, Polled};
use super::compose;
use super::mailbox::{self, Entry};
use super::message::{Attachments, Mail};
use super::outlook::session;
use super::session::{Access, Opened, Session};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct State {
    uid_validity: u32,
    uid_next: u32,
    received: Timestamp,
}

/// Which mails a flow wants.
pub(super) struct Filter {
    from: Vec<String>,
    to: Vec<String>,
    cc: Vec<String>,
    to_or_cc: Vec<String>,
    subject: Option<String>,
    importance: Option<&'static str>,
    only_with_attachment: bool,
}

/// `OnNewEmailV3`.
pub(super) async fn new_mail(
    context: &Context,
    called: Called<'_>,
    state: &Json,
) -> Result<Polled, Stop> {
    let arguments = Arguments(called.parameters);
    let filter = Filter::read(arguments)?;
    let folder = arguments.text("folderPath")?.unwrap_or_default();
    let attachments = Attachments::wanted(arguments)?;
    let last: Option<State> = serde_json::from_value(state.clone()).ok();
    let mut session = session(context, called).await?;
    let opened = session.select(&folder, Access::Read).await?;
    let Some(last) = last else {
        session.close().await;
        let state = State::at(opened, called.now);
        return Ok(Polled { items: Vec::new(), state: state.to_json(), has_more: false });
    };
    let new = new_entries(&mut session, &last, opened).await?;
    let mut state = State { uid_validity: opened.uid_validity, ..last };
    let (mut items, mut bytes, mut looked_at) = (Vec::new(), 0, 0);
    let found = new.len();
    for entry in new {
        if looked_at == NEW_MAILS_MAX || bytes > NEW_MAILS_BYTES_MAX {
            break;
        }
        looked_at += 1;
        state.uid_next = entry.uid.saturating_add(1);
        state.received = state.received.max(entry.received.unwrap_or(Timestamp::MIN));
        let Some(raw) = mailbox::read(&mut session, entry).await? else { continue };
        bytes += raw.bytes.len();
        let Ok(mail) = Mail::parse(&raw, opened.uid_validity, &folder) else { continue };
        if filter.takes(&mail) {
            items.push(value(mail.to_json(attachments)));
        }
    }
    session.close().await;
    let has_more = looked_at < found;
    if !has_more {
        state.uid_next = state.uid_next.max(opened.uid_next);
    }
    Ok(Polled { items, state: state.to_json(), has_more })
}

/// The mails that have not been looked at, by ascending uid.
async fn new_entries(
    session: &mut Session,
    last: &State,
    opened: Opened,
) -> Result<Vec<Entry>, Stop> {
    if last.uid_validity == opened.uid_validity {
        let uids = session.search(&format!("UID {}:*", last.uid_next)).await?;
        // `n:*` always has the last mail in it, however small its uid.
        let uids: Vec<u32> = uids.into_iter().filter(|uid| *uid >= last.uid_next).collect();
        let next = &uids[..uids.len().min(NEW_MAILS_MAX + 1)];
        return mailbox::entries(session, next).await;
    }
    tracing::info!("a mail folder was made anew; its new mails are known by their time");
    // The search knows days only, and those of the server's own zone.
    let since = last.received.saturating_sub(SignedDuration::from_hours(48));
    let since = since.map_or(Timestamp::UNIX_EPOCH, |it| it).strftime("%d-%b-%Y").to_string();
    let uids = session.search(&format!("SINCE {since}")).await?;
    let mut entries = Vec::new();
    for some in uids.chunks(1_000) {
        entries.extend(mailbox::entries(session, some).await?);
    }
    entries.retain(|entry| entry.received.is_some_and(|at| at > last.received));
    Ok(entries)
}

impl State {
    fn at(opened: Opened, now: Timestamp) -> State {
        State { uid_validity: opened.uid_validity, uid_next: opened.uid_next, received: now }
    }

    fn to_json(&self) -> Json {
        serde_json::json!({
            "uidValidity": self.uid_validity,
            "uidNext": self.uid_next,
            "received": self.received,
        })
    }
}

impl Filter {
    pub(super) fn read(arguments: Arguments<'_>) -> Result<Filter, Stop> {
        let list = |name: &str| -> Result<Vec<String>, Stop> {
            let read = compose::address_list(arguments, name)?;
            Ok(read.into_iter().map(|it| it.email.to_string().to_lowercase()).collect())
        };
        let importance = arguments.text("importance")?.unwrap_or_default();
        let importance = match importance.trim().to_ascii_lowercase().as_str() {
            "" | "any" => None,
            "low" => Some("low"),
            "normal" => Some("normal"),
            "high" => Some("high"),
            other => {
                return Err(Stop::bad(format!(
                    "'importance' is '{other}'; expected Any, Low, Normal or High."
                )));
            }
        };
        Ok(Filter {
            from: list("from")?,
            to: list("to")?,
            cc: list("cc")?,
            to_or_cc: list("toOrCc")?,
            subject: arguments.text("subjectFilter")?.map(|text| text.to_lowercase()),
            importance,
            only_with_attachment: arguments.flag("fetchOnlyWithAttachment")?.unwrap_or(false)
                || arguments.flag("hasAttachments")?.unwrap_or(false),
        })
    }

    pub(super) fn takes(&self, mail: &Mail<'_>) -> bool {
        let has = |wanted: &[String], found: &str| {
            let found = found.to_lowercase();
            wanted.is_empty() || found.split(';').any(|it| wanted.iter().any(|want| want == it))
        };
        let subject = mail.subject().to_lowercase();
        has(&self.from, &mail.from())
            && has(&self.to, &mail.to())
            && has(&self.cc, &mail.cc())
            && has(&self.to_or_cc, &format!("{};{}", mail.to(), mail.cc()))
            && self.subject.as_deref().is_none_or(|part| subject.contains(part))
            && self.importance.is_none_or(|importance| mail.importance() == importance)
            && (!self.only_with_attachment || mail.has_attachments())
    }
}
