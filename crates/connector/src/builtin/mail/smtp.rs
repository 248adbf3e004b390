//! Sends a mail: one connection, one mail.
//!
//! Invariant: a failure before the mail's own commands means that nothing was sent.
//! Invariant: no password goes over a connection that is not encrypted.

use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;

use super::super::bounded::Bounded;
use super::super::limits::{FOREIGN_SENTENCE_CHARS, RECIPIENTS_MAX, SMTP_BYTES_MAX};
use super::super::reach::{Named, Reach, unreachable};
use super::super::stop::Stop;
use super::super::{Called, Context, HttpFailure};
use super::compose::Outgoing;
use super::setting::{MailServer, MailTls, Servers, UNENCRYPTED};

/// Signs in at a server, and leaves.
pub(super) async fn try_server(
    context: &Context,
    (server, named): &(MailServer, Named),
) -> Result<(), Stop> {
    let mut connection = Box::pin(connect(&context.reach, server, *named)).await?;
    let _ = connection.quit().await;
    Ok(())
}

/// Sends a mail through a connection's server.
pub(super) async fn send(
    context: &Context,
    servers: &Servers,
    outgoing: Outgoing,
    called: Called<'_>,
) -> Result<(), Stop> {
    let Some((server, named)) = &servers.smtp else {
        return Err(Stop::bad(
            "The connection names no SMTP server, and the administrator has set none.",
        ));
    };
    if outgoing.recipients() == 0 {
        return Err(Stop::bad("The mail has no recipient."));
    }
    if outgoing.recipients() > RECIPIENTS_MAX {
        return Err(Stop::bad(format!("The mail has more than {RECIPIENTS_MAX} recipients.")));
    }
    let from = sender(servers, outgoing.from.as_deref())?;
    let message = outgoing.message(from, called.id, called.now)?;
    let mut connection = Box::pin(connect(&context.reach, server, *named)).await?;
    let sent = connection.send(message.envelope(), &message.formatted()).await;
    match sent {
        Ok(_) => {
            // The mail is the server's; whether it likes our farewell does not matter.
            let _ = connection.quit().await;
            Ok(())
        }
        Err(error) => Err(refusal(&error, Interrupted::PerhapsSent)),
    }
}

fn sender(servers: &Servers, wanted: Option<&str>) -> Result<Mailbox, Stop> {
    let own = servers.from.as_deref();
    let same = |a: &str, b: &str| a.trim().eq_ignore_ascii_case(b.trim());
    let from = match (wanted, own) {
        (Some(wanted), Some(own)) if !servers.may_choose_sender && !same(wanted, own) => {
            return Err(Stop::Answer(
                403,
                format!("The administrator's mail server sends for '{own}' only."),
            ));
        }
        (Some(wanted), _) if servers.may_choose_sender => wanted,
        (_, Some(own)) => own,
        _ => return Err(Stop::bad("It is not known whom the mail is from: set an address.")),
    };
    from.trim()
        .parse()
        .map_err(|_| Stop::bad(format!("'{from}' is not an address to send mail from.")))
}

async fn connect(
    reach: &Reach,
    server: &MailServer,
    named: Named,
) -> Result<AsyncSmtpConnection, Stop> {
    if server.credentials.is_some() && server.tls == MailTls::None {
        return Err(Stop::bad(UNENCRYPTED));
    }
    let port = server.port.unwrap_or(match server.tls {
        MailTls::Tls => 465,
        MailTls::Starttls => 587,
        MailTls::None => 25,
    });
    let stream = reach.connect(&server.host, port, named).await?;
    let peer = stream.peer_addr().map_err(|error| unreachable(&error.to_string()))?;
    let stream: Box<dyn AsyncTokioStream> = match server.tls {
        MailTls::Tls => {
            let stream = reach.encrypt(&server.host, stream).await?;
            Box::new(Bounded::new(stream, peer, SMTP_BYTES_MAX))
        }
        MailTls::Starttls | MailTls::None => Box::new(Bounded::new(stream, peer, SMTP_BYTES_MAX)),
    };
    let hello = ClientId::default();
    let opened = AsyncSmtpConnection::connect_with_transport(stream, &hello).await;
    let mut connection = opened.map_err(|error| refusal(&error, Interrupted::NotSent))?;
    if server.tls == MailTls::Starttls {
        if !connection.can_starttls() {
            return Err(unreachable("the mail server does not offer encryption").into());
        }
        let parameters = tls(reach, &server.host)?;
        let started = connection.starttls(parameters, &hello).await;
        started.map_err(|error| refusal(&error, Interrupted::NotSent))?;
    }
    if let Some((user, password)) = &server.credentials {
        let credentials = Credentials::new(user.clone(), password.expose().to_owned());
        let allowed = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
        allowed.map_err(|error| sign_in_refusal(&error))?;
    }
    Ok(connection)
}

fn tls(reach: &Reach, host: &str) -> Result<TlsParameters, HttpFailure> {
    let failed = |error: Error| unreachable(&format!("TLS cannot be set up: {error}"));
    let mut builder = TlsParameters::builder(host.trim_matches(['[', ']']).to_owned());
    for authority in reach.authorities() {
        let certificate = Certificate::from_der(authority.to_vec()).map_err(failed)?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(failed)
}

/// What it means that the connection broke.
#[derive(Clone, Copy)]
enum Interrupted {
    NotSent,
    PerhapsSent,
}

fn refusal(error: &Error, interrupted: Interrupted) -> Stop {
    let sentence = sentence(error);
    if error.is_permanent() {
        return Stop::bad(format!("The mail server refuses: {sentence}"));
    }
    if error.is_transient() {
        return Stop::Answer(503, format!("The mail server refuses for now: {sentence}"));
    }
    match interrupted {
        Interrupted::NotSent => unreachable(&sentence).into(),
        Interrupted::PerhapsSent => HttpFailure::Interrupted(sentence).into(),
    }
}

/// The server's words are left out here: some repeat what was sent to them.
fn sign_in_refusal(error: &Error) -> Stop {
    if error.is_transient() {
        return Stop::Answer(503, "The mail server lets nobody sign in for now.".to_owned());
    }
    if error.is_permanent() {
        let message = "The mail server does not accept the connection's user name and password.";
        return Stop::Answer(401, message.to_owned());
    }
    if error.is_client() {
        let message = "The mail server offers no way to sign in with a password.";
        return Stop::Answer(401, message.to_owned());
    }
    unreachable("the connection broke while signing in").into()
}

fn sentence(error: &Error) -> String {
    let text: String = error.to_string().chars().take(FOREIGN_SENTENCE_CHARS).collect();
    text.trim_end_matches('.').to_owned() + "."
}
