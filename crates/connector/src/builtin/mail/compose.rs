//! What a mail is made of, read from the parameters of a call.

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as Part, Body, Mailbox, Message, MultiPart, SinglePart};

use super::super::Arguments;
use super::super::limits::{ATTACHMENT_BYTES_MAX, RECIPIENTS_MAX};
use super::super::stop::Stop;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    #[default]
    Html,
    Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Importance {
    Low,
    #[default]
    Normal,
    High,
}

pub(super) struct Attachment {
    pub(super) name: String,
    pub(super) content_type: Option<String>,
    pub(super) content_id: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// A mail that is to be sent.
#[derive(Default)]
pub(super) struct Outgoing {
    pub(super) from: Option<String>,
    pub(super) to: Vec<Mailbox>,
    pub(super) cc: Vec<Mailbox>,
    pub(super) bcc: Vec<Mailbox>,
    pub(super) reply_to: Vec<Mailbox>,
    pub(super) subject: String,
    pub(super) body: String,
    pub(super) content: Content,
    pub(super) importance: Importance,
    pub(super) attachments: Vec<Attachment>,
    pub(super) in_reply_to: Option<String>,
    pub(super) references: Option<String>,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// Addresses between semicolons (or commas), each with a name or without.
pub(super) fn addresses(text: &str) -> Result<Vec<Mailbox>, Stop> {
    let mut found = Vec::new();
    for part in split(text) {
        let part = part.trim();
        if part.is_empty() {
            continue;
        }
        let mailbox = part.parse::<Mailbox>().map_err(|_| {
            Stop::bad(format!("'{part}' is not a mail address; expected like someone@contoso.com."))
        })?;
        found.push(mailbox);
        if found.len() > RECIPIENTS_MAX {
            return Err(Stop::bad(format!("There are more than {RECIPIENTS_MAX} addresses.")));
        }
    }
    Ok(found)
}

/// The addresses of a parameter that may be missing.
pub(super) fn address_list(email: Arguments<'_>, name: &str) -> Result<Vec<Mailbox>, Stop> {
    email.text(name)?.map_or(Ok(Vec::new()), |text| addresses(&text))
}

/// At semicolons and commas, but not within quotes or angle brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut in_quotes, mut in_brackets) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '"' => in_quotes = !in_quotes,
            '<' if !in_quotes => in_brackets = true,
            '>' if !in_quotes => in_brackets = false,
            ';' | ',' | '\n' if !in_quotes && !in_brackets => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

pub(super) fn importance(email: Arguments<'_>, name: &str) -> Result<Importance, Stop> {
    let Some(text) = email.text(name)? else { return Ok(Importance::Normal) };
    // Older flows write the number of the choice.
    match text.trim().to_ascii_lowercase().as_str() {
        "low" | "0" => Ok(Importance::Low),
        "normal" | "1" => Ok(Importance::Normal),
        "high" | "2" => Ok(Importance::High),
        _ => Err(Stop::bad(format!("'{name}' is '{text}'; expected Low, Normal or High."))),
    }
}

/// `[{"Name": ..., "ContentBytes": ...}]`, as Office 365 Outlook has them.
pub(super) fn attachments(email: Arguments<'_>, name: &str) -> Result<Vec<Attachment>, Stop> {
    let read = email.objects(name)?.into_iter().map(|it| {
        Ok(Attachment {
            name: it.required("Name")?,
            content_type: it.text("ContentType")?,
            content_id: None,
            bytes: it.base64("ContentBytes")?,
        })
    });
    bounded(read.collect::<Result<_, Stop>>()?)
}

/// The attachments of the SMTP connector, whose content is text unless it says base64.
pub(super) fn smtp_attachments(email: Arguments<'_>) -> Result<Vec<Attachment>, Stop> {
    let read = email.objects("Attachments")?.into_iter().map(|it| {
        let encoding = it.text("ContentTransferEncoding")?.unwrap_or_default();
        let is_text =
            encoding.eq_ignore_ascii_case("none") || encoding.eq_ignore_ascii_case("7bit");
        let bytes = if is_text { it.content("ContentData")? } else { it.base64("ContentData")? };
        Ok(Attachment {
            name: it.text("FileName")?.unwrap_or_else(|| "attachment".to_owned()),
            content_type: it.text("ContentType")?,
            content_id: it.text("ContentId")?,
            bytes,
        })
    });
    bounded(read.collect::<Result<_, Stop>>()?)
}

fn bounded(attachments: Vec<Attachment>) -> Result<Vec<Attachment>, Stop> {
    let bytes: usize = attachments.iter().map(|it| it.bytes.len()).sum();
    if bytes > ATTACHMENT_BYTES_MAX {
        return Err(Stop::Answer(
            413,
            format!("The attachments have {bytes} bytes; at most {ATTACHMENT_BYTES_MAX} are sent."),
        ));
    }
    Ok(attachments)
}

impl Outgoing {
    pub(super) fn recipients(&self) -> usize {
        self.to.len() + self.cc.len() + self.bcc.len()
    }

    /// The mail as it is sent.
    pub(super) fn message(
        self,
        from: Mailbox,
        id: &str,
        now: jiff::Timestamp,
    ) -> Result<Message, Stop> {
        let domain = from.email.domain().to_owned();
        let mut builder = Message::builder()
            .from(from)
            .date(now.into())
            .message_id(Some(format!("<{id}@{domain}>")))
            .subject(one_line(&self.subject));
        for mailbox in self.to {
            builder = builder.to(mailbox);
        }
        for mailbox in self.cc {
            builder = builder.cc(mailbox);
        }
        for mailbox in self.bcc {
            builder = builder.bcc(mailbox);
        }
        for mailbox in self.reply_to {
            builder = builder.reply_to(mailbox);
        }
        if let Some(id) = self.in_reply_to {
            builder = builder.in_reply_to(one_line(&id));
        }
        if let Some(ids) = self.references {
            builder = builder.references(one_line(&ids));
        }
        let marks: &[(&'static str, &str)] = match self.importance {
            Importance::Normal => &[],
            Importance::High => &[("Importance", "high"), ("X-Priority", "1")],
            Importance::Low => &[("Importance", "low"), ("X-Priority", "5")],
        };
        for (name, value) in marks {
            builder = builder.raw_header(header(name, value));
        }
        for (name, value) in &self.headers {
            builder = builder.raw_header(header(name, &one_line(value)));
        }
        let text = match self.content {
            Content::Html => SinglePart::html(self.body),
            Content::Text => SinglePart::plain(self.body),
        };
        let built = if self.attachments.is_empty() {
            builder.singlepart(text)
        } else {
            let mut parts = MultiPart::mixed().singlepart(text);
            for attachment in self.attachments {
                parts = parts.singlepart(attachment.part());
            }
            builder.multipart(parts)
        };
        built.map_err(|error| Stop::bad(format!("The mail cannot be written: {error}.")))
    }
}

impl Attachment {
    fn part(self) -> SinglePart {
        let given = self.content_type.as_deref().unwrap_or_else(|| media_type(&self.name));
        let kind = ContentType::parse(given).or_else(|_| ContentType::parse(UNKNOWN));
        let kind = kind.unwrap_or(ContentType::TEXT_PLAIN);
        let name = one_line(&self.name);
        let part = match self.content_id {
            Some(id) => Part::new_inline_with_name(one_line(&id), name),
            None => Part::new(name),
        };
        // Always in base64: what is plain letters could hold zeros, which mailboxes change.
        part.body(in_base64(self.bytes), kind)
    }
}

fn in_base64(bytes: Vec<u8>) -> Body {
    match Body::new_with_encoding(bytes, ContentTransferEncoding::Base64) {
        Ok(body) => body,
        // Base64 holds any bytes; the library has one kind of answer for all encodings.
        Err(bytes) => Body::new(bytes),
    }
}

const UNKNOWN: &str = "application/octet-stream";

/// The media type that the end of a name stands for.
pub(in super::super) fn media_type(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    match end.as_deref().unwrap_or_default() {
        "txt" | "log" => "text/plain",
        "csv" => "text/csv",
        "htm" | "html" => "text/html",
        "json" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "eml" => "message/rfc822",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        _ => UNKNOWN,
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Without line breaks and other controls, which would begin a header of their own.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split_outside_of_names() {
        let found = addresses("a@x.org; \"Doe, Jane; II\" <jane@x.org>,b@x.org;").unwrap();
        let found: Vec<String> = found.iter().map(|it| it.email.to_string()).collect();
        assert_eq!(found, ["a@x.org", "jane@x.org", "b@x.org"]);
        assert!(addresses("a@x.org; nobody").is_err());
        assert!(addresses(&"a@x.org;".repeat(RECIPIENTS_MAX + 1)).is_err());
    }

    #[test]
    fn a_line_break_makes_no_header() {
        let outgoing = Outgoing {
            to: addresses("a@x.org").unwrap(),
            subject: "one\r\nBcc: victim@x.org".to_owned(),
            in_reply_to: Some("<id>\r\nX-Evil: 1".to_owned()),
            ..Outgoing::default()
        };
        let from = "f@x.org".parse().unwrap();
        let message = outgoing.message(from, "id", jiff::Timestamp::UNIX_EPOCH).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        assert!(!text.contains("\r\nBcc:") && !text.contains("\r\nX-Evil"), "{text}");
        assert!(text.contains("\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\n"), "{text}");
        assert!(text.contains("\r\nMessage-ID: <id@x.org>\r\n"), "{text}");
    }
}
