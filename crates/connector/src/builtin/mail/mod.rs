//! Mail: sent by SMTP, read by IMAP, under the names of several connectors.
//!
//! `setting` finds the servers of a connection, `compose` and `smtp` send, `session`
//! speaks IMAP, `mailbox` reads mails by it, `message` makes of one what the real
//! connector gives, `outlook` serves the operations of Office 365 Outlook and its
//! kin, and `watch` the trigger.
//!
//! Deliberately absent: calendars, contacts, drafts and rules, which SMTP and IMAP do not
//! have; signing in with OAuth 2.

mod compose;
mod folder;
mod mailbox;
mod message;
mod outlook;
mod session;
mod setting;
mod smtp;
mod watch;

use serde_json::Value as Json;

pub use setting::{MailServer, MailSettings, MailTls};

use super::stop::{Outcome, Stop};
use super::{Answered, Arguments, Called, Context, Polled};
pub(super) use compose::media_type;
use compose::{Content, Outgoing};
use session::Session;
use setting::Servers;

pub(super) async fn call(connector: &str, context: &Context, called: Called<'_>) -> Outcome {
    match connector {
        _ if called.operation == "TestConnection" => test(connector, context, called).await,
        "shared_smtp" => send_smtp(context, called).await,
        "shared_sendmail" => send_notification(context, called).await,
        _ => outlook::call(context, called).await,
    }
}

pub(super) async fn poll(
    context: &Context,
    called: Called<'_>,
    state: &Json,
) -> Result<Polled, Stop> {
    watch::new_mail(context, called, state).await
}

/// Whether the servers of a connection let it in.
async fn test(connector: &str, context: &Context, called: Called<'_>) -> Outcome {
    let servers = match connector {
        "shared_smtp" => Servers::of_smtp(context, called)?,
        "shared_sendmail" => Servers::of_administrator(context)?,
        _ => Servers::of_outlook(context, called)?,
    };
    if servers.smtp.is_none() && servers.imap.is_none() {
        return Err(Stop::bad(
            "The connection names no mail server, and the administrator has set none.",
        ));
    }
    if let Some(server) = &servers.smtp {
        smtp::try_server(context, server).await?;
    }
    if let Some((server, named)) = &servers.imap {
        Session::open(&context.reach, server, *named).await?.close().await;
    }
    Ok(Answered::empty(200))
}

/// `SendEmailV3` of SMTP.
async fn send_smtp(context: &Context, called: Called<'_>) -> Outcome {
    let servers = Servers::of_smtp(context, called)?;
    let email = Arguments(called.parameters).object("emailMessage")?;
    let mut outgoing = Outgoing {
        from: email.text("From")?,
        to: compose::addresses(&email.required("To")?)?,
        cc: compose::address_list(email, "CC")?,
        bcc: compose::address_list(email, "Bcc")?,
        subject: email.text("Subject")?.unwrap_or_default(),
        body: email.text("Body")?.unwrap_or_default(),
        content: if email.flag("IsHtml")?.unwrap_or(false) { Content::Html } else { Content::Text },
        importance: compose::importance(email, "Importance")?,
        attachments: compose::smtp_attachments(email)?,
        ..Outgoing::default()
    };
    for (name, header) in
        [("ReadReceipt", "Disposition-Notification-To"), ("DeliveryReceipt", "Return-Receipt-To")]
    {
        if let Some(address) = compose::address_list(email, name)?.into_iter().next() {
            outgoing.headers.push((header, address.to_string()));
        }
    }
    smtp::send(context, &servers, outgoing, called).await?;
    Ok(Answered::empty(200))
}

/// `SendEmailV3` of the notifications that the service itself sends: from the
/// administrator's server, with the administrator's sender.
async fn send_notification(context: &Context, called: Called<'_>) -> Outcome {
    let servers = Servers::of_administrator(context)?;
    let email = Arguments(called.parameters).object("request")?;
    let outgoing = Outgoing {
        to: compose::addresses(&email.required("to")?)?,
        cc: compose::address_list(email, "cc")?,
        bcc: compose::address_list(email, "bcc")?,
        reply_to: compose::address_list(email, "replyTo")?,
        subject: email.text("subject")?.unwrap_or_default(),
        body: email.text("text")?.unwrap_or_default(),
        content: if email.flag("ishtml")?.unwrap_or(true) { Content::Html } else { Content::Text },
        importance: compose::importance(email, "importance")?,
        attachments: compose::attachments(email, "attachments")?,
        ..Outgoing::default()
    };
    smtp::send(context, &servers, outgoing, called).await?;
    Ok(Answered::empty(200))
}
