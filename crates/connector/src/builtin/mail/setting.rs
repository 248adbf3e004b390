//! Which servers a connection's mail goes through, and as whom.
//!
//! Invariant: what the administrator set (server, name, password, sender) goes only to
//! the administrator's server: a connection that names a server uses nothing of it.

use std::fmt;

use super::super::argument::Settings;
use super::super::reach::Named;
use super::super::stop::Stop;
use super::super::{Called, Context};
use crate::http::Secret;

/// A password would be read by everybody on the way.
pub(super) const UNENCRYPTED: &str =
    "The connection has a password but no encryption; expected tls or starttls.";

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte.
    #[default]
    Tls,
    /// After a command. A server that does not know it is not used.
    Starttls,
    /// Not at all; no password is sent then.
    None,
}

/// A mail server and who we are to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    pub host: String,
    /// `None`: the usual one.
    pub port: Option<u16>,
    pub tls: MailTls,
    pub credentials: Option<(String, Secret)>,
}

/// The administrator's mail servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailSettings {
    pub smtp: Option<MailServer>,
    pub imap: Option<MailServer>,
    /// Whom the administrator's SMTP server sends for.
    pub from: Option<String>,
}

/// The servers of one connection.
pub(super) struct Servers {
    pub(super) smtp: Option<(MailServer, Named)>,
    pub(super) imap: Option<(MailServer, Named)>,
    /// Whom mail is from when the call does not say.
    pub(super) from: Option<String>,
    /// Whether a call may name another sender; the server has the last word.
    pub(super) may_choose_sender: bool,
}

impl fmt::Display for MailTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MailTls::Tls => "tls",
            MailTls::Starttls => "starttls",
            MailTls::None => "none",
        })
    }
}

impl MailTls {
    fn read(text: &str) -> Result<MailTls, Stop> {
        match text.trim().to_ascii_lowercase().as_str() {
            "tls" => Ok(MailTls::Tls),
            "starttls" => Ok(MailTls::Starttls),
            "none" => Ok(MailTls::None),
            other => Err(Stop::bad(format!(
                "The connection's encryption is '{other}'; expected tls, starttls or none."
            ))),
        }
    }
}

impl Servers {
    /// The connection of the SMTP connector.
    pub(super) fn of_smtp(context: &Context, called: Called<'_>) -> Result<Servers, Stop> {
        let given = Settings(called.connection);
        let Some(host) = given.text("serverAddress") else {
            return Servers::of_administrator(context);
        };
        let port = given.port("port")?;
        let tls = match (given.text("security"), given.text("enableSSL").as_deref()) {
            (Some(security), _) => MailTls::read(&security)?,
            (None, Some("false")) => MailTls::None,
            (None, Some(_)) if port == Some(465) => MailTls::Tls,
            (None, Some(_)) => MailTls::Starttls,
            (None, None) if port.is_none() || port == Some(465) => MailTls::Tls,
            (None, None) => MailTls::Starttls,
        };
        let credentials = credentials(given)?;
        let from = address_of(given);
        let server = MailServer { host, port, tls, credentials };
        Ok(Servers {
            smtp: Some((server, Named::ByConnection)),
            imap: None,
            from,
            may_choose_sender: true,
        })
    }

    /// What mail goes through that no connection has settings for.
    pub(super) fn of_administrator(context: &Context) -> Result<Servers, Stop> {
        let Some(server) = context.mail.smtp.clone() else {
            return Err(Stop::bad(
                "The connection names no mail server, and the administrator has set none.",
            ));
        };
        Ok(Servers {
            smtp: Some((server, Named::ByAdministrator)),
            imap: None,
            from: context.mail.from.clone(),
            may_choose_sender: false,
        })
    }

    /// The connection of Office 365 Outlook: a mailbox by IMAP, and SMTP beside it.
    pub(super) fn of_outlook(context: &Context, called: Called<'_>) -> Result<Servers, Stop> {
        let given = Settings(called.connection);
        let own = credentials(given)?;
        let server = |kind: &str| -> Result<Option<(MailServer, Named)>, Stop> {
            let Some(host) = given.text(&format!("{kind}Server")) else { return Ok(None) };
            let port = given.port(&format!("{kind}Port"))?;
            let tls = given.text(&format!("{kind}Security"));
            let tls = tls.map_or(Ok(MailTls::Tls), |text| MailTls::read(&text))?;
            let server = MailServer { host, port, tls, credentials: own.clone() };
            Ok(Some((server, Named::ByConnection)))
        };
        let mut imap = server("imap")?;
        let (smtp, from, may_choose_sender) = match server("smtp")? {
            Some(server) => (Some(server), address_of(given), true),
            None => {
                let set = context.mail.smtp.clone().map(|it| (it, Named::ByAdministrator));
                (set, context.mail.from.clone(), false)
            }
        };
        // The administrator's mailbox has the administrator's password: a connection that
        // brings its own reads its own.
        if imap.is_none()
            && let Some(set) = &context.mail.imap
        {
            let credentials = own.or_else(|| set.credentials.clone());
            imap = Some((MailServer { credentials, ..set.clone() }, Named::ByAdministrator));
        }
        Ok(Servers { smtp, imap, from, may_choose_sender })
    }
}

fn credentials(given: Settings<'_>) -> Result<Option<(String, Secret)>, Stop> {
    match (given.text("userName"), given.text("password")) {
        (Some(user), Some(password)) => Ok(Some((user, Secret::new(password)))),
        (None, None) => Ok(None),
        _ => Err(Stop::bad("The connection has a user name or a password, but not both.")),
    }
}

/// The address of a connection's own mailbox: said, or the user's name if it is one.
fn address_of(given: Settings<'_>) -> Option<String> {
    given.text("address").or_else(|| given.text("userName").filter(|name| name.contains('@')))
}
