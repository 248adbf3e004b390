//! Office 365 Outlook's operations that SMTP and IMAP can serve.

use imap_proto::Response;
use serde_json::json;

use super::super::limits::{MAILS_DEFAULT, MAILS_LOOKED_AT_MAX, MAILS_MAX, NEW_MAILS_BYTES_MAX};
use super::super::stop::{Outcome, Stop};
use super::super::{Answered, Arguments, Called, Context};
use super::compose::{self, Attachment, Content, Outgoing};
use super::folder;
use super::mailbox::{self, MailId, Raw};
use super::message::{Attachments, Mail};
use super::session::{Access, Session};
use super::setting::Servers;
use super::smtp;
use super::watch::Filter;

pub(super) async fn call(context: &Context, called: Called<'_>) -> Outcome {
    match called.operation {
        "SendEmailV2" | "SendEmail" => send(context, called, None).await,
        "SharedMailboxSendEmailV2" | "SharedMailboxSendEmail" => {
            let email = Arguments(called.parameters).object("emailMessage")?;
            send(context, called, Some(email.required("MailboxAddress")?)).await
        }
        "ReplyToV3" => reply(context, called).await,
        "ForwardEmail_V2" => forward(context, called).await,
        "GetEmailsV3" => list(context, called).await,
        "GetEmailV2" => get(context, called).await,
        "GetAttachment_V2" => attachment(context, called).await,
        "MarkAsRead_V3" => mark(context, called).await,
        "MoveV2" => transfer(context, called).await,
        "SendMailWithOptions" => {
            Err(Stop::bad("Only a server with approvals sends mail with options."))
        }
        _ => delete(context, called).await,
    }
}

/// A conversation with the connection's mailbox.
pub(super) async fn session(context: &Context, called: Called<'_>) -> Result<Session, Stop> {
    let servers = Servers::of_outlook(context, called)?;
    let Some((server, named)) = &servers.imap else {
        return Err(Stop::bad(
            "The connection names no IMAP server, and the administrator has set none.",
        ));
    };
    Session::open(&context.reach, server, *named).await
}

async fn send(context: &Context, called: Called<'_>, mailbox: Option<String>) -> Outcome {
    let servers = Servers::of_outlook(context, called)?;
    let email = Arguments(called.parameters).object("emailMessage")?;
    // The first version has plain text unless it says otherwise, the second only HTML.
    let is_old = matches!(called.operation, "SendEmail" | "SharedMailboxSendEmail");
    let is_html = email.flag("IsHtml")?.unwrap_or(!is_old);
    let mut outgoing = Outgoing {
        from: match mailbox {
            Some(mailbox) => Some(mailbox),
            None => email.text("From")?,
        },
        to: compose::addresses(&email.required("To")?)?,
        cc: compose::address_list(email, "Cc")?,
        bcc: compose::address_list(email, "Bcc")?,
        reply_to: compose::address_list(email, "ReplyTo")?,
        subject: email.text("Subject")?.unwrap_or_default(),
        body: email.text("Body")?.unwrap_or_default(),
        content: if is_html { Content::Html } else { Content::Text },
        importance: compose::importance(email, "Importance")?,
        attachments: compose::attachments(email, "Attachments")?,
        ..Outgoing::default()
    };
    if let Some(sensitivity) = email.text("Sensitivity")?
        && !sensitivity.eq_ignore_ascii_case("normal")
    {
        outgoing.headers.push(("Sensitivity", sensitivity));
    }
    smtp::send(context, &servers, outgoing, called).await?;
    Ok(Answered::empty(200))
}

/// Opens the folder of a mail and reads it.
async fn fetch(session: &mut Session, id: &MailId, access: Access) -> Result<Raw, Stop> {
    let gone = || Stop::not_found("There is no such mail in the folder any more.");
    let opened = session.select(&id.folder, access).await?;
    if opened.uid_validity != id.uid_validity {
        return Err(gone());
    }
    let entry = mailbox::entries(session, &[id.uid]).await?.into_iter().next();
    let entry = entry.ok_or_else(gone)?;
    mailbox::read(session, entry).await?.ok_or_else(gone)
}

async fn original(context: &Context, called: Called<'_>, id: &MailId) -> Result<Raw, Stop> {
    let mut session = session(context, called).await?;
    let raw = fetch(&mut session, id, Access::Read).await?;
    session.close().await;
    Ok(raw)
}

async fn reply(context: &Context, called: Called<'_>) -> Outcome {
    let arguments = Arguments(called.parameters);
    let id = MailId::read(&arguments.required("messageId")?)?;
    let given = arguments.object("replyParameters")?;
    let servers = Servers::of_outlook(context, called)?;
    let raw = original(context, called, &id).await?;
    let mail = Mail::parse(&raw, id.uid_validity, &id.folder)?;
    let own = servers.from.clone().unwrap_or_default();
    let answers = if mail.reply_to().is_empty() { mail.from() } else { mail.reply_to() };
    let (mut to, mut cc) = (given.text("To")?.unwrap_or(answers), String::new());
    if given.flag("ReplyAll")?.unwrap_or(false) {
        to = format!("{to};{}", without(&mail.to(), &own));
        cc = without(&mail.cc(), &own);
    }
    cc = format!("{cc};{}", given.text("Cc")?.unwrap_or_default());
    let mut to = compose::addresses(&to)?;
    dedupe(&mut to);
    let outgoing = Outgoing {
        from: arguments.text("mailboxAddress")?,
        to,
        cc: compose::addresses(&cc)?,
        bcc: compose::address_list(given, "Bcc")?,
        subject: given.text("Subject")?.unwrap_or_else(|| prefixed("RE: ", &mail.subject())),
        body: with_original(&given.text("Body")?.unwrap_or_default(), &mail),
        content: Content::Html,
        importance: compose::importance(given, "Importance")?,
        attachments: compose::attachments(given, "Attachments")?,
        in_reply_to: mail.internet_id(),
        references: mail.references(),
        ..Outgoing::default()
    };
    smtp::send(context, &servers, outgoing, called).await?;
    Ok(Answered::empty(200))
}

async fn forward(context: &Context, called: Called<'_>) -> Outcome {
    let arguments = Arguments(called.parameters);
    let id = MailId::read(&arguments.required("message_id")?)?;
    let given = arguments.object("body")?;
    let servers = Servers::of_outlook(context, called)?;
    let to = compose::addresses(&given.required("ToRecipients")?)?;
    let raw = original(context, called, &id).await?;
    if raw.is_cut {
        return Err(Stop::Answer(413, "The mail is too large to be forwarded.".to_owned()));
    }
    let mail = Mail::parse(&raw, id.uid_validity, &id.folder)?;
    let files = mail.files().into_iter().map(|(name, content_type, bytes)| Attachment {
        name,
        content_type: Some(content_type),
        content_id: None,
        bytes,
    });
    let outgoing = Outgoing {
        from: arguments.text("mailboxAddress")?,
        to,
        subject: prefixed("FW: ", &mail.subject()),
        body: with_original(&given.text("Comment")?.unwrap_or_default(), &mail),
        content: Content::Html,
        attachments: files.collect(),
        references: mail.references(),
        ..Outgoing::default()
    };
    smtp::send(context, &servers, outgoing, called).await?;
    Ok(Answered::empty(202))
}

/// The newest mails of a folder that pass a filter.
async fn list(context: &Context, called: Called<'_>) -> Outcome {
    let arguments = Arguments(called.parameters);
    let filter = Filter::read(arguments)?;
    let attachments = Attachments::wanted(arguments)?;
    let top = arguments.count("top", MAILS_MAX)?.unwrap_or(MAILS_DEFAULT);
    let folder = arguments.text("folderPath")?.unwrap_or_default();
    let only_unread = arguments.flag("fetchOnlyUnread")?.unwrap_or(true);
    let mut session = session(context, called).await?;
    let opened = session.select(&folder, Access::Read).await?;
    let found = session.search(if only_unread { "UNSEEN" } else { "ALL" }).await?;
    let (mut mails, mut bytes) = (Vec::new(), 0);
    for uid in found.into_iter().rev().take(MAILS_LOOKED_AT_MAX) {
        if mails.len() as u64 >= top {
            break;
        }
        let Some(entry) = mailbox::entries(&mut session, &[uid]).await?.into_iter().next() else {
            continue;
        };
        let Some(raw) = mailbox::read(&mut session, entry).await? else { continue };
        bytes += raw.bytes.len();
        if bytes > NEW_MAILS_BYTES_MAX {
            return Err(Stop::Answer(
                413,
                format!("The mails have more than {NEW_MAILS_BYTES_MAX} bytes; ask for fewer."),
            ));
        }
        let Ok(mail) = Mail::parse(&raw, opened.uid_validity, &folder) else { continue };
        if filter.takes(&mail) {
            mails.push(mail.to_json(attachments));
        }
    }
    session.close().await;
    Ok(Answered::json(200, json!({ "value": mails })))
}

async fn get(context: &Context, called: Called<'_>) -> Outcome {
    let arguments = Arguments(called.parameters);
    let id = MailId::read(&arguments.required("messageId")?)?;
    let attachments = Attachments::wanted(arguments)?;
    let raw = original(context, called, &id).await?;
    let mail = Mail::parse(&raw, id.uid_validity, &id.folder)?;
    Ok(Answered::json(200, mail.to_json(attachments)))
}

async fn attachment(context: &Context, called: Called<'_>) -> Outcome {
    let arguments = Arguments(called.parameters);
    let id = MailId::read(&arguments.required("messageId")?)?;
    let wanted = arguments.required("attachmentId")?;
    let raw = original(context, called, &id).await?;
    if raw.is_cut {
        return Err(Stop::Answer(413, "The mail is too large to be read.".to_owned()));
    }
    let mail = Mail::parse(&raw, id.uid_validity, &id.folder)?;
    let found = mail.attachment(&wanted);
    let found =
        found.ok_or_else(|| Stop::not_found(format!("The mail has no attachment '{wanted}'.")))?;
    Ok(Answered::json(200, found))
}

/// Runs a command on a mail in its folder.
async fn change(
    context: &Context,
    called: Called<'_>,
    commands: impl Fn(u32) -> Vec<String>,
) -> Result<(), Stop> {
    let id = MailId::read(&Arguments(called.parameters).required("messageId")?)?;
    let mut session = session(context, called).await?;
    let opened = session.select(&id.folder, Access::Write).await?;
    let known = mailbox::entries(&mut session, &[id.uid]).await?;
    if opened.uid_validity != id.uid_validity || known.is_empty() {
        return Err(Stop::not_found("There is no such mail in the folder any more."));
    }
    for command in commands(id.uid) {
        session.expect(&command, &mut |_: &Response<'_>| Ok(())).await?;
    }
    session.close().await;
    Ok(())
}

async fn mark(context: &Context, called: Called<'_>) -> Outcome {
    let arguments = Arguments(called.parameters);
    let is_read = match arguments.get("body") {
        Some(_) => arguments.object("body")?.flag("isRead")?,
        None => None,
    };
    let sign = if is_read.unwrap_or(true) { '+' } else { '-' };
    change(context, called, |uid| vec![format!("UID STORE {uid} {sign}FLAGS.SILENT (\\Seen)")])
        .await?;
    Ok(Answered::json(200, json!({ "isRead": is_read.unwrap_or(true) })))
}

async fn transfer(context: &Context, called: Called<'_>) -> Outcome {
    let name = Arguments(called.parameters).required("folderPath")?;
    let Some(target) = folder::quoted(folder::resolve(&name)) else {
        return Err(Stop::bad(format!("'{name}' cannot be the name of a folder.")));
    };
    // MOVE is one step; servers without it are few, and half a move is worse than none.
    change(context, called, |uid| vec![format!("UID MOVE {uid} {target}")]).await?;
    Ok(Answered::json(200, json!({ "folder": name })))
}

async fn delete(context: &Context, called: Called<'_>) -> Outcome {
    change(context, called, |uid| {
        vec![
            format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"),
            // Only this one: others may be marked by somebody else.
            format!("UID EXPUNGE {uid}"),
        ]
    })
    .await?;
    Ok(Answered::empty(200))
}

fn prefixed(prefix: &str, subject: &str) -> String {
    let has = subject.get(..prefix.len()).is_some_and(|it| it.eq_ignore_ascii_case(prefix));
    if has { subject.to_owned() } else { format!("{prefix}{subject}") }
}

fn without(list: &str, own: &str) -> String {
    let others: Vec<&str> = list.split(';').filter(|it| !it.eq_ignore_ascii_case(own)).collect();
    others.join(";")
}

fn dedupe(list: &mut Vec<lettre::message::Mailbox>) {
    let mut seen: Vec<String> = Vec::new();
    list.retain(|it| {
        let address = it.email.to_string().to_lowercase();
        let is_new = !seen.contains(&address);
        seen.push(address);
        is_new
    });
}

fn with_original(comment: &str, mail: &Mail<'_>) -> String {
    let body = mail.body();
    let body = if mail.is_html() { body } else { format!("<pre>{}</pre>", escaped(&body)) };
    format!(
        "{comment}<hr><p><b>From:</b> {}<br><b>To:</b> {}<br><b>Subject:</b> {}</p>{body}",
        escaped(&mail.from()),
        escaped(&mail.to()),
        escaped(&mail.subject()),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
