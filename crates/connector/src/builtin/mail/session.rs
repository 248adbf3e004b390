//! A conversation with an IMAP server: commands, and what it answers.
//!
//! The grammar is the library's; reading within limits is ours, since a server could
//! announce any length.
//!
//! Invariant: a password is sent only over an encrypted connection.

use imap_proto::{Capability, MailboxDatum, Outcome, Response, ResponseCode, Status};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::HttpFailure;
use super::super::limits::{
    FOREIGN_SENTENCE_CHARS, IMAP_ANSWER_BYTES_MAX, IMAP_LINE_BYTES_MAX, IMAP_RESPONSES_MAX,
    MAIL_BYTES_MAX,
};
use super::super::reach::{Named, Reach, unreachable};
use super::super::stop::Stop;
use super::folder;
use super::setting::{MailServer, MailTls, UNENCRYPTED};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) struct Session {
    stream: BufReader<Box<dyn Stream>>,
    commands: u32,
}

/// A folder that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) uid_validity: u32,
    pub(super) uid_next: u32,
}

/// Whether a folder is opened to change it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// How a command ended.
struct Done {
    status: Status,
    text: String,
}

impl Session {
    /// Connects and signs in.
    pub(super) async fn open(
        reach: &Reach,
        server: &MailServer,
        named: Named,
    ) -> Result<Session, Stop> {
        if server.credentials.is_some() && server.tls == MailTls::None {
            return Err(Stop::bad(UNENCRYPTED));
        }
        let port = server.port.unwrap_or(if server.tls == MailTls::Tls { 993 } else { 143 });
        let stream = reach.connect(&server.host, port, named).await?;
        let mut session = match server.tls {
            MailTls::Tls => Session::new(Box::new(reach.encrypt(&server.host, stream).await?)),
            MailTls::None => Session::new(Box::new(stream)),
            MailTls::Starttls => {
                // The library of the stream must come back out: it is encrypted in place.
                let stream = start_tls(stream).await?;
                Session::new(Box::new(reach.encrypt(&server.host, stream).await?))
            }
        };
        if server.tls != MailTls::Starttls {
            session.greeting().await?;
        }
        session.sign_in(server).await?;
        Ok(session)
    }

    fn new(stream: Box<dyn Stream>) -> Session {
        Session { stream: BufReader::new(stream), commands: 0 }
    }

    async fn greeting(&mut self) -> Result<(), Stop> {
        let raw = self.response().await?;
        match parse(&raw)? {
            Response::Data { status: Status::Ok | Status::PreAuth, .. } => Ok(()),
            _ => Err(unreachable("the IMAP server does not greet").into()),
        }
    }

    async fn sign_in(&mut self, server: &MailServer) -> Result<(), Stop> {
        let Some((user, password)) = &server.credentials else {
            return Err(Stop::bad("The connection has no user name and password."));
        };
        let mut is_plain = false;
        self.expect("CAPABILITY", &mut |response| {
            if let Response::Capabilities(capabilities) = response {
                is_plain |= capabilities.iter().any(|it| match it {
                    Capability::Auth(name) => name.eq_ignore_ascii_case("PLAIN"),
                    _ => false,
                });
            }
            Ok(())
        })
        .await?;
        let done = if is_plain {
            let both = STANDARD.encode(format!("\0{user}\0{}", password.expose()));
            self.run("AUTHENTICATE PLAIN", Some(&both), &mut |_| Ok(())).await?
        } else {
            let (Some(user), Some(password)) =
                (folder::quote(user), folder::quote(password.expose()))
            else {
                return Err(Stop::bad(
                    "The IMAP server takes only plain letters in user name and password.",
                ));
            };
            self.run(&format!("LOGIN {user} {password}"), None, &mut |_| Ok(())).await?
        };
        if done.status != Status::Ok {
            // Its words could repeat what was sent.
            let message =
                "The IMAP server does not accept the connection's user name and password.";
            return Err(Stop::Answer(401, message.to_owned()));
        }
        Ok(())
    }

    /// Opens a folder.
    pub(super) async fn select(&mut self, name: &str, access: Access) -> Result<Opened, Stop> {
        let Some(quoted) = folder::quoted(folder::resolve(name)) else {
            return Err(Stop::bad(format!("'{name}' cannot be the name of a folder.")));
        };
        let verb = if access == Access::Read { "EXAMINE" } else { "SELECT" };
        let (mut validity, mut next, mut exists) = (None, None, 0);
        let done = self
            .run(&format!("{verb} {quoted}"), None, &mut |response| {
                match response {
                    Response::Data { outcome: Outcome { code, .. }, .. } => match code {
                        Some(ResponseCode::UidValidity(number)) => validity = Some(*number),
                        Some(ResponseCode::UidNext(number)) => next = Some(*number),
                        _ => {}
                    },
                    Response::MailboxData(MailboxDatum::Exists(number)) => exists = *number,
                    _ => {}
                }
                Ok(())
            })
            .await?;
        if done.status != Status::Ok {
            return Err(Stop::not_found(format!("There is no folder '{name}': {}", done.text)));
        }
        let uid_validity = validity.unwrap_or(0);
        let uid_next = match next {
            Some(next) => next,
            None if exists == 0 => 1,
            None => self.search("*").await?.last().map_or(1, |last| last.saturating_add(1)),
        };
        Ok(Opened { uid_validity, uid_next })
    }

    /// The uids that a search finds, ascending. `*` is the last of all.
    pub(super) async fn search(&mut self, what: &str) -> Result<Vec<u32>, Stop> {
        let mut found = Vec::new();
        let what = if what == "*" { "UID *" } else { what };
        self.expect(&format!("UID SEARCH {what}"), &mut |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.extend_from_slice(uids);
            }
            Ok(())
        })
        .await?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Runs a command that must succeed.
    pub(super) async fn expect(
        &mut self,
        command: &str,
        each: &mut (dyn FnMut(&Response<'_>) -> Result<(), Stop> + Send),
    ) -> Result<(), Stop> {
        let done = self.run(command, None, each).await?;
        if done.status == Status::Ok {
            return Ok(());
        }
        Err(Stop::Answer(502, format!("The IMAP server refuses: {}", done.text)))
    }

    /// Leaves; what the server says to it does not matter.
    pub(super) async fn close(mut self) {
        let _ = self.run("LOGOUT", None, &mut |_| Ok(())).await;
    }

    async fn run(
        &mut self,
        command: &str,
        reply: Option<&str>,
        each: &mut (dyn FnMut(&Response<'_>) -> Result<(), Stop> + Send),
    ) -> Result<Done, Stop> {
        self.commands += 1;
        let tag = format!("s{}", self.commands);
        self.write(&format!("{tag} {command}\r\n")).await?;
        let mut reply = reply;
        let mut bytes = 0;
        for _ in 0..IMAP_RESPONSES_MAX {
            let raw = self.response().await?;
            bytes += raw.len();
            if bytes > IMAP_ANSWER_BYTES_MAX {
                let bytes_max = IMAP_ANSWER_BYTES_MAX as u64;
                return Err(HttpFailure::TooLarge { bytes_max }.into());
            }
            let response = match parse(&raw) {
                Err(_) if is_aside(&raw) => continue,
                parsed => parsed?,
            };
            match response {
                Response::Done { tag: met, status, outcome }
                    if met.as_bytes() == tag.as_bytes() =>
                {
                    return Ok(Done { status, text: sentence(&outcome) });
                }
                Response::Continue(_) => {
                    let line = reply.take().unwrap_or("*");
                    self.write(&format!("{line}\r\n")).await?;
                }
                Response::Data { status: Status::Bye, .. } if command != "LOGOUT" => {
                    return Err(unreachable("the IMAP server ends the conversation").into());
                }
                response => each(&response)?,
            }
        }
        Err(unreachable("the IMAP server does not come to an end").into())
    }

    async fn write(&mut self, text: &str) -> Result<(), HttpFailure> {
        let broken = |error: std::io::Error| unreachable(&error.to_string());
        self.stream.write_all(text.as_bytes()).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)
    }

    /// One response: a line, with the literals that it announces.
    async fn response(&mut self) -> Result<Vec<u8>, HttpFailure> {
        let mut raw = Vec::new();
        let (mut line_bytes, mut literal_bytes) = (0, 0);
        loop {
            let start = raw.len();
            let left = IMAP_LINE_BYTES_MAX.saturating_sub(line_bytes) as u64;
            let mut line = (&mut self.stream).take(left);
            let read = line.read_until(b'\n', &mut raw).await;
            line_bytes += read.map_err(|error| unreachable(&error.to_string()))?;
            if raw.last() != Some(&b'\n') || raw.len() == start {
                return Err(unreachable("the IMAP server's answer breaks off or is too long"));
            }
            let Some(length) = literal(&raw[start..]) else { return Ok(raw) };
            literal_bytes += u64::from(length);
            // A mail's beginning may be as long as the whole of the largest one.
            if literal_bytes > u64::from(MAIL_BYTES_MAX) + 65_536 {
                return Err(HttpFailure::TooLarge { bytes_max: u64::from(MAIL_BYTES_MAX) });
            }
            let mut rest = (&mut self.stream).take(u64::from(length));
            let read = rest.read_to_end(&mut raw).await;
            let read = read.map_err(|error| unreachable(&error.to_string()))?;
            if read as u64 != u64::from(length) {
                return Err(unreachable("the IMAP server's answer breaks off"));
            }
        }
    }
}

/// The length of the literal that a line announces with `{n}` at its end.
fn literal(line: &[u8]) -> Option<u32> {
    let line = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n"))?;
    let line = line.strip_suffix(b"}")?;
    let start = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[start + 1..]).ok()?.parse().ok()
}

fn parse(raw: &[u8]) -> Result<Response<'_>, HttpFailure> {
    match Response::parse(raw) {
        Ok((_, response)) => Ok(response),
        Err(_) => Err(unreachable("the IMAP server's answer cannot be read")),
    }
}

/// Whether a response that cannot be read says nothing that was asked for: servers have
/// news of their own. A mail or a search must be read, or mails would be lost.
fn is_aside(raw: &[u8]) -> bool {
    let line = String::from_utf8_lossy(&raw[..raw.len().min(64)]).to_ascii_uppercase();
    line.starts_with("* ") && !line.contains(" FETCH ") && !line.starts_with("* SEARCH")
}

fn sentence(outcome: &Outcome<'_>) -> String {
    let text = outcome.information.as_deref().unwrap_or("it gives no reason.");
    text.chars().take(FOREIGN_SENTENCE_CHARS).collect()
}

/// Asks for encryption. What comes after the answer is read encrypted: a byte of it here
/// would be somebody else's.
async fn start_tls(stream: tokio::net::TcpStream) -> Result<tokio::net::TcpStream, Stop> {
    let mut plain = BufReader::new(stream);
    let mut line = String::new();
    let mut read = async |expected: &str, command: &[u8]| -> Result<bool, HttpFailure> {
        let broken = |error: std::io::Error| unreachable(&error.to_string());
        plain.write_all(command).await.map_err(broken)?;
        for _ in 0..100 {
            line.clear();
            (&mut plain).take(8_192).read_line(&mut line).await.map_err(broken)?;
            if line.is_empty() {
                return Ok(false);
            }
            if !line.starts_with("* ") || expected.starts_with("* ") {
                return Ok(line.to_ascii_uppercase().starts_with(expected));
            }
        }
        Ok(false)
    };
    if !read("* OK", b"").await? || !read("S0 OK", b"s0 STARTTLS\r\n").await? {
        return Err(unreachable("the IMAP server does not offer encryption").into());
    }
    if !plain.buffer().is_empty() {
        return Err(unreachable("the IMAP server speaks before the encryption").into());
    }
    Ok(plain.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a session does with what a server says.
    async fn meets(said: &[u8]) -> Result<Vec<u8>, HttpFailure> {
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        let said = said.to_vec();
        let server = tokio::spawn(async move {
            let _ = theirs.write_all(&said).await;
        });
        let met = Session::new(Box::new(ours)).response().await;
        server.abort();
        met
    }

    #[tokio::test]
    async fn a_server_that_announces_too_much_is_left() {
        let literal = meets(b"* 1 FETCH (BODY[] {4000000000}\r\nx").await;
        assert!(matches!(literal, Err(HttpFailure::TooLarge { .. })), "{literal:?}");
        let many = b"* 1 FETCH (A {0}\r\n".repeat(IMAP_LINE_BYTES_MAX / 16);
        assert!(matches!(meets(&many).await, Err(HttpFailure::Unreachable(_))));
        let endless = vec![b'x'; IMAP_LINE_BYTES_MAX + 10];
        assert!(matches!(meets(&endless).await, Err(HttpFailure::Unreachable(_))));
        let cut = meets(b"* 1 FETCH (BODY[] {10}\r\nabc").await;
        assert!(matches!(cut, Err(HttpFailure::Unreachable(_))), "{cut:?}");
        assert!(matches!(meets(b"").await, Err(HttpFailure::Unreachable(_))));
        assert_eq!(meets(b"* OK {2}\r\nab)\r\nrest").await.unwrap(), b"* OK {2}\r\nab)\r\n");
    }

    #[test]
    fn only_news_may_be_left_unread() {
        assert!(is_aside(b"* X-NEWS (({{\r\n"));
        for line in ["* 5 FETCH (UID", "* SEARCH x\r\n", "s1 OK", "+ go on\r\n"] {
            assert!(!is_aside(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn literals_are_announced_at_the_end_of_a_line() {
        assert_eq!(literal(b"* 1 FETCH (BODY[] {12}\r\n"), Some(12));
        assert_eq!(literal(b"* 1 FETCH (UID 3)\r\n"), None);
        assert_eq!(literal(b"* {12} OK\r\n"), None);
        assert_eq!(literal(b"* 1 FETCH (BODY[] {99999999999}\r\n"), None);
    }
}
