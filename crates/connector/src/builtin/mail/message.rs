//! A mail as Office 365 Outlook gives it, made of its MIME text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders};
use serde_json::{Map, Value as Json, json};

use super::super::Arguments;
use super::super::limits::PREVIEW_CHARS;
use super::super::stop::Stop;
use super::mailbox::{MailId, Raw};

/// Whether the contents of attachments are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attachments {
    With,
    Without,
}

impl Attachments {
    pub(super) fn wanted(arguments: Arguments<'_>) -> Result<Attachments, Stop> {
        let is_wanted = arguments.flag("includeAttachments")?.unwrap_or(false);
        Ok(if is_wanted { Attachments::With } else { Attachments::Without })
    }
}

/// A mail that has been read.
pub(super) struct Mail<'a> {
    raw: &'a Raw,
    message: Message<'a>,
    id: MailId,
}

impl<'a> Mail<'a> {
    pub(super) fn parse(raw: &'a Raw, uid_validity: u32, folder: &str) -> Result<Mail<'a>, Stop> {
        let message = MessageParser::default()
            .parse(&raw.bytes)
            .ok_or_else(|| Stop::Answer(502, "The mail cannot be read.".to_owned()))?;
        let id = MailId { uid_validity, uid: raw.entry.uid, folder: folder.to_owned() };
        Ok(Mail { raw, message, id })
    }

    pub(super) fn subject(&self) -> String {
        self.message.subject().unwrap_or_default().to_owned()
    }

    pub(super) fn internet_id(&self) -> Option<String> {
        self.message.message_id().map(|id| format!("<{id}>"))
    }

    pub(super) fn references(&self) -> Option<String> {
        let all = self.message.references();
        let ids: Vec<String> = match (all.as_text_list(), all.as_text()) {
            (Some(list), _) => list.iter().map(|id| format!("<{id}>")).collect(),
            (None, Some(id)) => vec![format!("<{id}>")],
            (None, None) => Vec::new(),
        };
        let ids: Vec<String> = ids.into_iter().chain(self.internet_id()).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    pub(super) fn from(&self) -> String {
        list(self.message.from())
    }

    pub(super) fn to(&self) -> String {
        list(self.message.to())
    }

    pub(super) fn cc(&self) -> String {
        list(self.message.cc())
    }

    pub(super) fn reply_to(&self) -> String {
        list(self.message.reply_to())
    }

    /// `low`, `normal` or `high`.
    pub(super) fn importance(&self) -> &'static str {
        let value = |name: &str| {
            let value = self.message.header_raw(name)?;
            Some(value.trim().to_ascii_lowercase())
        };
        match value("Importance").as_deref() {
            Some("high") => return "high",
            Some("low") => return "low",
            Some("normal") => return "normal",
            _ => {}
        }
        match value("X-Priority").as_deref().and_then(|it| it.chars().next()) {
            Some('1' | '2') => "high",
            Some('4' | '5') => "low",
            _ => "normal",
        }
    }

    /// Inline pictures do not make a mail one with attachments.
    pub(super) fn has_attachments(&self) -> bool {
        self.message.attachments().any(|part| !is_inline(part))
    }

    pub(super) fn is_html(&self) -> bool {
        let first = self.message.html_body.first();
        let part = first.and_then(|at| self.message.part(*at));
        part.is_some_and(MessagePart::is_text_html)
    }

    pub(super) fn body(&self) -> String {
        let body =
            if self.is_html() { self.message.body_html(0) } else { self.message.body_text(0) };
        body.unwrap_or_default().into_owned()
    }

    fn preview(&self) -> String {
        let text = self.message.body_text(0).unwrap_or_default();
        let words: Vec<&str> = text.split_whitespace().take(PREVIEW_CHARS).collect();
        words.join(" ").chars().take(PREVIEW_CHARS).collect()
    }

    fn received(&self) -> Option<String> {
        let at = self.raw.entry.received.or_else(|| {
            let date = self.message.date().filter(|date| date.is_valid())?;
            jiff::Timestamp::from_second(date.to_timestamp()).ok()
        })?;
        Some(at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string())
    }

    pub(super) fn to_json(&self, attachments: Attachments) -> Json {
        let mut mail = Map::new();
        let mut put = |name: &str, value: Json| mail.insert(name.to_owned(), value);
        put("id", self.id.write().into());
        put("receivedDateTime", json!(self.received()));
        put("hasAttachments", self.has_attachments().into());
        put("internetMessageId", json!(self.internet_id()));
        put("subject", self.subject().into());
        put("bodyPreview", self.preview().into());
        put("importance", self.importance().into());
        put("conversationId", self.conversation().into());
        put("isRead", self.raw.entry.is_read.into());
        put("isHtml", self.is_html().into());
        put("body", self.body().into());
        put("from", self.from().into());
        put("toRecipients", self.to().into());
        let more = [
            ("ccRecipients", self.cc()),
            ("bccRecipients", list(self.message.bcc())),
            ("replyTo", self.reply_to()),
        ];
        for (name, value) in more {
            if !value.is_empty() {
                put(name, value.into());
            }
        }
        let found = match attachments {
            Attachments::With => self.attachments(),
            Attachments::Without => Vec::new(),
        };
        put("attachments", found.into());
        Json::Object(mail)
    }

    /// The first mail of a conversation names it.
    fn conversation(&self) -> String {
        let all = self.message.references();
        let first = match all.as_text_list() {
            Some(list) => list.first().map(ToString::to_string),
            None => all.as_text().map(str::to_owned),
        };
        first.or_else(|| self.message.message_id().map(str::to_owned)).unwrap_or_default()
    }

    /// Of a mail of which only the beginning was read, none is whole.
    fn attachments(&self) -> Vec<Json> {
        if self.raw.is_cut {
            return Vec::new();
        }
        let parts = self.message.attachments().enumerate();
        parts.map(|(at, part)| self.attachment_json(at, part)).collect()
    }

    pub(super) fn attachment(&self, id: &str) -> Option<Json> {
        let at: usize = id.trim().parse().ok()?;
        let part = self.message.attachments().nth(at)?;
        Some(self.attachment_json(at, part))
    }

    fn attachment_json(&self, at: usize, part: &MessagePart<'_>) -> Json {
        let (name, kind, bytes) = described(at, part);
        json!({
            "@odata.type": "#microsoft.graph.fileAttachment",
            "id": at.to_string(),
            "lastModifiedDateTime": self.received(),
            "name": name,
            "contentType": kind,
            "size": bytes.len(),
            "isInline": is_inline(part),
            "contentId": part.content_id(),
            "contentBytes": STANDARD.encode(bytes),
        })
    }

    /// Names, media types and bytes of all attachments.
    pub(super) fn files(&self) -> Vec<(String, String, Vec<u8>)> {
        let parts = self.message.attachments().enumerate();
        parts
            .map(|(at, part)| {
                let (name, kind, bytes) = described(at, part);
                (name, kind, bytes.to_vec())
            })
            .collect()
    }
}

fn described<'a>(at: usize, part: &'a MessagePart<'_>) -> (String, String, &'a [u8]) {
    let kind = match (part.content_type(), part.message()) {
        (Some(kind), _) => match kind.subtype() {
            Some(subtype) => format!("{}/{subtype}", kind.ctype()).to_ascii_lowercase(),
            None => kind.ctype().to_ascii_lowercase(),
        },
        (None, Some(_)) => "message/rfc822".to_owned(),
        (None, None) => "application/octet-stream".to_owned(),
    };
    let name = match (part.attachment_name(), part.message()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(message)) => {
            format!("{}.eml", message.subject().unwrap_or("mail").replace(['/', '\\'], "_"))
        }
        (None, None) => format!("attachment-{}", at + 1),
    };
    let bytes = part.message().map_or_else(|| part.contents(), |it| it.raw_message());
    (name, kind, bytes)
}

fn is_inline(part: &MessagePart<'_>) -> bool {
    let said = part.content_disposition().is_some_and(|it| it.is_inline());
    said || (part.content_id().is_some()
        && !part.content_disposition().is_some_and(|it| it.is_attachment()))
}

/// Addresses between semicolons, without names.
fn list(addresses: Option<&Address<'_>>) -> String {
    let each = addresses.into_iter().flat_map(Address::iter);
    let each: Vec<&str> = each.filter_map(|it| it.address()).collect();
    each.join(";")
}

#[cfg(test)]
mod tests {
    use super::super::mailbox::Entry;
    use super::*;

    fn raw(text: &str) -> Raw {
        let entry = Entry {
            uid: 5,
            bytes: u32::try_from(text.len()).unwrap(),
            received: Some("2026-03-01T10:00:00Z".parse().unwrap()),
            is_read: false,
        };
        Raw { entry, bytes: text.replace('\n', "\r\n").into_bytes(), is_cut: false }
    }

    #[test]
    fn a_mail_has_the_fields_of_the_real_trigger() {
        let raw = raw("From: =?utf-8?q?J=C3=BCrgen?= <j@x.org>\nTo: a@x.org, B <b@x.org>\n\
             Cc: c@x.org\nSubject: =?utf-8?b?w4Rw?=\nMessage-ID: <m1@x.org>\n\
             References: <m0@x.org>\nImportance: High\nMIME-Version: 1.0\n\
             Content-Type: multipart/mixed; boundary=b\n\n--b\n\
             Content-Type: text/html; charset=iso-8859-1\n\
             Content-Transfer-Encoding: quoted-printable\n\n<p>Gr=FC=DFe</p>\n--b\n\
             Content-Type: text/csv; name=\"x.csv\"\nContent-Disposition: attachment; filename=\"x.csv\"\n\
             Content-Transfer-Encoding: base64\n\nYSxi\n--b--\n");
        let mail = Mail::parse(&raw, 7, "INBOX").unwrap();
        let json = mail.to_json(Attachments::With);
        assert_eq!(json["subject"], "Äp");
        assert_eq!(json["from"], "j@x.org");
        assert_eq!(json["toRecipients"], "a@x.org;b@x.org");
        assert_eq!(json["ccRecipients"], "c@x.org");
        assert_eq!(json["importance"], "high");
        assert_eq!(json["isHtml"], true);
        assert!(json["body"].as_str().unwrap().contains("Grüße"));
        assert_eq!(json["bodyPreview"], "Grüße");
        assert_eq!(json["internetMessageId"], "<m1@x.org>");
        assert_eq!(json["conversationId"], "m0@x.org");
        assert_eq!(json["hasAttachments"], true);
        assert_eq!(json["receivedDateTime"], "2026-03-01T10:00:00+00:00");
        assert_eq!(json["attachments"][0]["name"], "x.csv");
        assert_eq!(json["attachments"][0]["contentType"], "text/csv");
        assert_eq!(json["attachments"][0]["contentBytes"], "YSxi");
        assert_eq!(mail.to_json(Attachments::Without)["attachments"], json!([]));
    }

    #[test]
    fn what_is_no_mail_at_all_is_given_too() {
        for text in ["", "\n", "nonsense", "Subject: x", "Content-Type: multipart/mixed\n\n--"] {
            let raw = raw(text);
            if let Ok(mail) = Mail::parse(&raw, 1, "INBOX") {
                assert!(mail.to_json(Attachments::With)["id"].is_string(), "{text}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_mail_or_refused(
            head in "((From|To|Subject|Content-Type|References|Date|X-Priority): [ -~é<>\"=?]{0,30}\n){0,6}",
            body in "\\PC{0,60}|(--b|--b--|\n|Content-Type: text/html|Content-Transfer-Encoding: base64|x){0,12}",
        ) {
            let raw = raw(&format!("{head}Content-Type: multipart/mixed; boundary=b\n\n{body}"));
            if let Ok(mail) = Mail::parse(&raw, 1, "INBOX") {
                let json = mail.to_json(Attachments::With);
                proptest::prop_assert!(json["bodyPreview"].as_str().unwrap().chars().count() <= 255);
                let _ = (mail.files(), mail.attachment("0"), mail.references());
            }
        }
    }
}
