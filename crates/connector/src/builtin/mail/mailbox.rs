//! Mails of a folder: which there are, and one of them, by their uids.

use imap_proto::{AttributeValue, Response};
use jiff::Timestamp;
use jiff::fmt::strtime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::super::limits::{MAIL_BEGINNING_BYTES, MAIL_BYTES_MAX};
use super::super::stop::Stop;
use super::session::Session;

/// What the folder knows of a mail without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) uid: u32,
    pub(super) bytes: u32,
    pub(super) received: Option<Timestamp>,
    pub(super) is_read: bool,
}

/// A mail as the server has it.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) entry: Entry,
    pub(super) bytes: Vec<u8>,
    /// Larger than what is read: `bytes` is its beginning.
    pub(super) is_cut: bool,
}

/// The id of a mail, as flows keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MailId {
    pub(super) uid_validity: u32,
    pub(super) uid: u32,
    pub(super) folder: String,
}

impl MailId {
    pub(super) fn write(&self) -> String {
        let text = format!("{}.{}.{}", self.uid_validity, self.uid, self.folder);
        URL_SAFE_NO_PAD.encode(text)
    }

    pub(super) fn read(text: &str) -> Result<MailId, Stop> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
            let text = String::from_utf8(bytes).ok()?;
            let mut parts = text.splitn(3, '.');
            Some(MailId {
                uid_validity: parts.next()?.parse().ok()?,
                uid: parts.next()?.parse().ok()?,
                folder: parts.next()?.to_owned(),
            })
        };
        read().ok_or_else(|| Stop::not_found(format!("There is no mail '{text}'.")))
    }
}

/// What is known of some mails, by ascending uid.
pub(super) async fn entries(session: &mut Session, uids: &[u32]) -> Result<Vec<Entry>, Stop> {
    let mut found: Vec<Entry> = Vec::new();
    if uids.is_empty() {
        return Ok(found);
    }
    let set: Vec<String> = uids.iter().map(u32::to_string).collect();
    let command = format!("UID FETCH {} (UID RFC822.SIZE INTERNALDATE FLAGS)", set.join(","));
    session
        .expect(&command, &mut |response| {
            if let Response::Fetch(_, values) = response
                && let Some(entry) = entry(values)
                // A server may tell of other mails whose flags have changed.
                && uids.contains(&entry.uid)
                && !found.iter().any(|it| it.uid == entry.uid)
            {
                found.push(entry);
            }
            Ok(())
        })
        .await?;
    found.sort_unstable_by_key(|entry| entry.uid);
    Ok(found)
}

fn entry(values: &[AttributeValue<'_>]) -> Option<Entry> {
    let (mut uid, mut bytes, mut received, mut is_read) = (None, None, None, false);
    for value in values {
        match value {
            AttributeValue::Uid(number) => uid = Some(*number),
            AttributeValue::Rfc822Size(size) => bytes = Some(*size),
            AttributeValue::InternalDate(text) => received = timestamp(text),
            AttributeValue::Flags(flags) => {
                is_read = flags.iter().any(|flag| flag.eq_ignore_ascii_case("\\Seen"));
            }
            _ => {}
        }
    }
    Some(Entry { uid: uid?, bytes: bytes?, received, is_read })
}

/// ` 7-Feb-2026 21:52:25 -0800`
fn timestamp(text: &str) -> Option<Timestamp> {
    strtime::parse("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()?.to_timestamp().ok()
}

/// Reads a mail without marking it as read; `None` if it has gone meanwhile.
pub(super) async fn read(session: &mut Session, entry: Entry) -> Result<Option<Raw>, Stop> {
    let is_cut = entry.bytes > MAIL_BYTES_MAX;
    let part = if is_cut { format!("<0.{MAIL_BEGINNING_BYTES}>") } else { String::new() };
    let command = format!("UID FETCH {} (UID BODY.PEEK[]{part})", entry.uid);
    let mut bytes = None;
    session
        .expect(&command, &mut |response| {
            if let Response::Fetch(_, values) = response {
                for value in values {
                    if let AttributeValue::BodySection { data: Some(data), .. } = value {
                        bytes = Some(data.to_vec());
                    }
                }
            }
            Ok(())
        })
        .await?;
    Ok(bytes.map(|bytes| Raw { entry, bytes, is_cut }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_went() {
        let id = MailId { uid_validity: 7, uid: 4_000_000_000, folder: "A.b/Ä".to_owned() };
        assert_eq!(MailId::read(&id.write()).unwrap(), id);
        assert!(MailId::read("AAMkAGI2").is_err());
    }

    #[test]
    fn dates_are_read_as_the_standard_writes_them() {
        let date = timestamp(" 7-Feb-1994 21:52:25 -0800").unwrap();
        assert_eq!(date.to_string(), "1994-02-08T05:52:25Z");
        assert_eq!(
            timestamp("17-Jul-1996 02:44:25 -0700").unwrap().to_string(),
            "1996-07-17T09:44:25Z"
        );
    }
}
