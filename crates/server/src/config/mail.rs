//! The mail servers of the administrator: the one that mail is sent by, and the one in which
//! the mailbox is of connections that name none of their own.

use super::{File, Variables};
use serde::Deserialize;

/// How mail is sent.
#[derive(Clone)]
pub struct MailConfig {
    pub server: String,
    /// `None`: the usual one.
    pub port: Option<u16>,
    pub from: String,
    pub tls: MailTls,
    /// User and password.
    pub credentials: Option<(String, String)>,
}

impl std::fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // the password is a secret
        write!(f, "MailConfig({}, from {})", self.server, self.from)
    }
}

/// Where mail is read.
#[derive(Clone)]
pub struct MailboxConfig {
    pub server: String,
    /// `None`: the usual one.
    pub port: Option<u16>,
    pub tls: MailTls,
    /// User and password; none: connections bring theirs.
    pub credentials: Option<(String, String)>,
}

impl std::fmt::Debug for MailboxConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // the password is a secret
        write!(f, "MailboxConfig({})", self.server)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// From the first byte.
    Tls,
    #[default]
    Starttls,
    None,
}

/// The mail server, `host` or `host:port`, with what belongs to it.
pub(super) fn mail(variables: &Variables, file: &File) -> Result<Option<MailConfig>, String> {
    let text = |name: &str, file: &Option<String>| variables.text(name).or_else(|| file.clone());
    let Some(server) = text("MAIL_SERVER", &file.mail_server) else { return Ok(None) };
    let (server, port) = host_and_port(server)?;
    let tls = tls(variables, "MAIL_TLS")?.or(file.mail_tls).unwrap_or_default();
    let from = text("MAIL_FROM", &file.mail_from);
    let from = from.ok_or("mail needs an address to be sent from: 'mail_from'")?;
    let user = text("MAIL_USER", &file.mail_user);
    let password = text("MAIL_PASSWORD", &file.mail_password);
    let credentials = both(user, password, "mail")?;
    Ok(Some(MailConfig { server, port, from, tls, credentials }))
}

/// The IMAP server. Unlike that of mail, it is encrypted from the first byte unless said.
pub(super) fn mailbox(variables: &Variables, file: &File) -> Result<Option<MailboxConfig>, String> {
    let text = |name: &str, file: &Option<String>| variables.text(name).or_else(|| file.clone());
    let Some(server) = text("IMAP_SERVER", &file.imap_server) else { return Ok(None) };
    let (server, port) = host_and_port(server)?;
    let tls = tls(variables, "IMAP_TLS")?.or(file.imap_tls).unwrap_or(MailTls::Tls);
    let user = text("IMAP_USER", &file.imap_user);
    let password = text("IMAP_PASSWORD", &file.imap_password);
    let credentials = both(user, password, "the IMAP server")?;
    Ok(Some(MailboxConfig { server, port, tls, credentials }))
}

fn host_and_port(server: String) -> Result<(String, Option<u16>), String> {
    match server.rsplit_once(':') {
        Some((host, port)) => {
            let port = port.parse().map_err(|_| format!("'{server}' has no port after ':'"))?;
            Ok((host.to_owned(), Some(port)))
        }
        None => Ok((server, None)),
    }
}

fn tls(variables: &Variables, name: &str) -> Result<Option<MailTls>, String> {
    match variables.text(name).as_deref() {
        Some("tls") => Ok(Some(MailTls::Tls)),
        Some("starttls") => Ok(Some(MailTls::Starttls)),
        Some("none") => Ok(Some(MailTls::None)),
        Some(other) => {
            Err(format!("SLUICEGATE_{name} is '{other}', expected 'tls', 'starttls' or 'none'"))
        }
        None => Ok(None),
    }
}

fn both(
    user: Option<String>,
    password: Option<String>,
    what: &str,
) -> Result<Option<(String, String)>, String> {
    match (user, password) {
        (Some(user), Some(password)) => Ok(Some((user, password))),
        (None, None) => Ok(None),
        _ => Err(format!("{what} needs both a user and a password, or neither")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::serve::ServeArgs;
    use crate::config::Config;

    fn load(variables: &[(&str, &str)]) -> Result<Config, String> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(ServeArgs::default(), owned)
    }

    #[test]
    fn mail_has_a_server_and_a_sender() {
        let from = ("SLUICEGATE_MAIL_FROM", "flows@example.org");
        let server = ("SLUICEGATE_MAIL_SERVER", "mail.example.org:2525");
        let mail = load(&[from, server]).unwrap().mail.unwrap();
        assert_eq!((mail.server.as_str(), mail.port), ("mail.example.org", Some(2525)));
        assert_eq!((mail.tls, &mail.credentials), (MailTls::Starttls, &None));
        assert!(load(&[from]).unwrap().mail.is_none());
        let secret =
            [from, server, ("SLUICEGATE_MAIL_USER", "u"), ("SLUICEGATE_MAIL_PASSWORD", "pa55word")];
        let config = load(&secret).unwrap();
        assert!(!format!("{config:?}").contains("pa55word"));
        for wrong in [&secret[1..2], &secret[..3], &[from, ("SLUICEGATE_MAIL_SERVER", "h:x")][..]] {
            assert!(load(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_mailbox_has_a_server_and_perhaps_an_owner() {
        let server = ("SLUICEGATE_IMAP_SERVER", "mail.example.org:1993");
        let mailbox = load(&[server]).unwrap().mailbox.unwrap();
        assert_eq!((mailbox.server.as_str(), mailbox.port), ("mail.example.org", Some(1_993)));
        assert_eq!((mailbox.tls, &mailbox.credentials), (MailTls::Tls, &None));
        let secret = [
            server,
            ("SLUICEGATE_IMAP_TLS", "starttls"),
            ("SLUICEGATE_IMAP_USER", "u"),
            ("SLUICEGATE_IMAP_PASSWORD", "pa55word"),
        ];
        let config = load(&secret).unwrap();
        assert!(!format!("{config:?}").contains("pa55word"));
        assert_eq!(config.mailbox.unwrap().tls, MailTls::Starttls);
        let odd = [server, ("SLUICEGATE_IMAP_TLS", "perhaps")];
        for wrong in [&secret[..3], &odd, &[("SLUICEGATE_IMAP_SERVER", "h:x")]] {
            assert!(load(wrong).is_err(), "{wrong:?}");
        }
    }
}
