//! Mail that the server sends: one SMTP server, by its settings.

use crate::config::{MailConfig, MailTls};
use crate::limits::MAIL_SECONDS;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::time::Duration;

/// Sends mail.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// A mail of text, and perhaps of the same as HTML.
pub struct Mail<'a> {
    pub to: &'a str,
    pub subject: &'a str,
    pub text: String,
    pub html: Option<String>,
    /// The same for every attempt, so that a mail that comes twice is known as one.
    pub id: &'a str,
}

impl Mailer {
    /// From the settings; what is wrong with them is said.
    pub fn new(config: &MailConfig) -> Result<Mailer, String> {
        let from: Mailbox = config
            .from
            .parse()
            .map_err(|_| format!("'{}' is not an address to send mail from", config.from))?;
        let host = config.server.as_str();
        let failed = |error: &dyn std::fmt::Display| format!("the mail server '{host}': {error}");
        let (builder, port) = match config.tls {
            MailTls::Tls => {
                (AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(|it| failed(&it))?, 465)
            }
            MailTls::Starttls => (
                AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host)
                    .map_err(|it| failed(&it))?,
                587,
            ),
            MailTls::None => (AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host), 25),
        };
        let mut builder = builder
            .port(config.port.unwrap_or(port))
            .timeout(Some(Duration::from_secs(MAIL_SECONDS)));
        if let Some((user, password)) = &config.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(Mailer { transport: builder.build(), from })
    }

    /// Whether mail can be addressed to this.
    #[must_use]
    pub fn is_address(text: &str) -> bool {
        text.parse::<Address>().is_ok()
    }

    pub async fn send(&self, mail: Mail<'_>) -> Result<(), String> {
        let to: Address = mail.to.parse().map_err(|_| "the address is none".to_owned())?;
        // whatever it is made of, it begins no other header
        let subject: String =
            mail.subject.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .raw_header(HeaderValue::new(
                // who is away, and other programs, need not answer (RFC 3834)
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let message = match mail.html {
            Some(html) => builder.multipart(MultiPart::alternative_plain_html(mail.text, html)),
            None => builder.header(ContentType::TEXT_PLAIN).body(mail.text),
        };
        let message = message.map_err(|error| error.to_string())?;
        self.transport.send(message).await.map(|_| ()).map_err(|error| error.to_string())
    }
}
