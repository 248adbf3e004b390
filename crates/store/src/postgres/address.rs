//! Where the database is, and how it is reached.
//!
//! Invariant: the password is in no error and no log.
//! Invariant: when the connection is encrypted, the server's certificate is checked.

use super::fault::Fault;
use crate::{StoreError, limits};
use futures_util::stream::{Stream, StreamExt, poll_fn};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::collections::HashMap;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{AsyncMessage, Client, Config, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A connection, with the statements that were prepared on it.
pub(super) struct Db {
    statements: Mutex<HashMap<&'static str, Statement>>,
    client: Client,
    carrying: JoinHandle<()>,
}

impl Db {
    /// A statement, prepared when it is first used. Only our own are: there are not many.
    pub(super) async fn prepared(&self, sql: &'static str) -> Result<Statement, Fault> {
        let known = || self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = known().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        known().insert(sql, statement.clone());
        Ok(statement)
    }
}

impl Deref for Db {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Db {
    /// The server sees the end at once, whatever goes on.
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

/// What the server says besides answers. The connection works while this is polled.
pub(super) type Messages =
    Pin<Box<dyn Stream<Item = Result<AsyncMessage, tokio_postgres::Error>> + Send>>;

/// Settings that durability and patience depend on.
const ESSENTIAL: &str = "SET default_transaction_isolation = 'read committed';
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') = 'off'";

/// Settings that make plans steady: a statement that was planned while a table was empty
/// would read all of it later. Databases that do not know one do without.
const STEADY: [&str; 5] = [
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    "SET enable_bitmapscan = off",
    "SET jit = off",
];

/// The address of a database.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
    tls: MakeRustlsConnect,
}

/// What the address says besides what the client library reads.
#[derive(Default)]
struct Encryption<'a> {
    mode: Option<&'a str>,
    roots: Option<String>,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        let (encryption, url) = take_encryption(url)?;
        let mut config: Config = url.parse().map_err(|_| {
            refuse(
                "The address of the database cannot be read; expected \
                 'postgres://<user>:<password>@<host>:<port>/<database>'.",
            )
        })?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(refuse("The address of the database needs a host and a database."));
        }
        let is_encrypted = match encryption.mode {
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            None => !config.get_hosts().iter().all(is_here),
            Some(_) => {
                return Err(refuse(
                    "The address of the database has another 'sslmode' than is known; expected \
                     'disable', 'require' or 'verify-full'.",
                ));
            }
        };
        config.ssl_mode(if is_encrypted { SslMode::Require } else { SslMode::Disable });
        if config.get_application_name().is_none() {
            config.application_name("sluicegate");
        }
        let wait = Duration::from_millis(limits::CONNECT_WAIT_MS);
        config
            .connect_timeout(wait)
            .tcp_user_timeout(Duration::from_millis(limits::ANSWER_WAIT_MS));
        config.keepalives_idle(wait * 5).keepalives_interval(wait).keepalives_retries(3);
        let tls = tls(is_encrypted, encryption.roots.as_deref())?;
        Ok(Address { config, tls: MakeRustlsConnect::new(tls) })
    }

    /// Opens a connection that a runtime keeps going.
    pub(super) async fn connect(&self, runtime: &Handle) -> Result<Db, Fault> {
        // A socket belongs to the runtime that it was opened in.
        let address = self.clone();
        let opening = runtime.spawn(async move { address.connect_raw().await });
        let stopped = |_| Err(Fault::gone("the server is stopping"));
        let (client, mut messages) = opening.await.unwrap_or_else(stopped)?;
        let carrying =
            runtime.spawn(async move { while let Some(Ok(_)) = messages.next().await {} });
        let db = Db { statements: Mutex::default(), client, carrying };
        within(set_up(&db)).await?;
        Ok(db)
    }

    /// Opens a connection that works while its messages are taken.
    pub(super) async fn connect_raw(&self) -> Result<(Client, Messages), Fault> {
        let connecting = tokio::time::timeout(
            Duration::from_millis(limits::CONNECT_WAIT_MS),
            self.config.connect(self.tls.clone()),
        );
        let (client, mut connection) = match connecting.await {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => {
                return Err(Fault::Gone(StoreError::from(Fault::Sql(error)).unavailable()));
            }
            Err(_) => return Err(Fault::gone("the database does not take the connection")),
        };
        let messages = poll_fn(move |context| connection.poll_message(context));
        Ok((client, Box::pin(messages)))
    }
}

impl StoreError {
    /// Whatever it was, nothing was reached.
    fn unavailable(self) -> StoreError {
        match self {
            StoreError::Unavailable(_) => self,
            other => StoreError::Unavailable(other.to_string()),
        }
    }
}

async fn set_up(db: &Db) -> Result<(), Fault> {
    db.batch_execute(ESSENTIAL).await?;
    let patience = format!(
        "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}",
        limits::STATEMENT_MS,
        limits::STATEMENT_MS
    );
    db.batch_execute(&patience).await?;
    let steady = STEADY.map(|sql| db.batch_execute(sql));
    for set in futures_util::future::join_all(steady).await {
        if let Err(error) = set
            && error.is_closed()
        {
            return Err(error.into());
        }
    }
    Ok(())
}

/// Waits for the database, but not for ever.
pub(super) async fn within<T>(work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    let limit = Duration::from_millis(limits::ANSWER_WAIT_MS);
    let silent = |_| Err(Fault::gone("the database does not answer"));
    tokio::time::timeout(limit, work).await.unwrap_or_else(silent)
}

fn refuse(text: &str) -> StoreError {
    StoreError::Unavailable(text.to_owned())
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// Takes out what the client library does not read.
fn take_encryption(url: &str) -> Result<(Encryption<'_>, String), StoreError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(refuse("The address of the database begins otherwise than 'postgres://'."));
    }
    let mut encryption = Encryption::default();
    let Some((place, query)) = url.split_once('?') else { return Ok((encryption, url.to_owned())) };
    let mut rest = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", mode)) => encryption.mode = Some(mode),
            Some(("sslrootcert", path)) => encryption.roots = Some(unescape(path)?),
            _ => rest.push(parameter),
        }
    }
    let url =
        if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) };
    Ok((encryption, url))
}

fn unescape(text: &str) -> Result<String, StoreError> {
    let refused = || refuse("The address of the database has a path that cannot be read.");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(refused()) };
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| refused())
}

fn tls(is_used: bool, roots: Option<&str>) -> Result<ClientConfig, StoreError> {
    let mut store = RootCertStore::empty();
    match roots {
        _ if !is_used => {}
        None | Some("system") => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(path) => {
            let unread = |error: &dyn std::fmt::Display| {
                StoreError::Unavailable(format!("cannot read the certificates in {path}: {error}"))
            };
            let found = CertificateDer::pem_file_iter(path).map_err(|error| unread(&error))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| unread(&error))?;
                store.add(certificate).map_err(|error| unread(&error))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Unavailable(format!("no encryption: {error}")))?;
    Ok(builder.with_root_certificates(store).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        Address::parse(url).map_err(|error| error.to_string()).unwrap().config.get_ssl_mode()
    }

    #[test]
    fn connections_to_elsewhere_are_encrypted() {
        for here in ["localhost", "127.0.0.1", "%2Frun%2Fpostgresql"] {
            assert_eq!(mode(&format!("postgres://me@{here}/flows")), SslMode::Disable, "{here}");
        }
        assert_eq!(mode("postgresql://me:pw@db.example.com/flows"), SslMode::Require);
        assert_eq!(mode("postgres://me@db.example.com/flows?sslmode=disable"), SslMode::Disable);
        for asked in ["require", "verify-full"] {
            let url = format!("postgres://me@localhost/flows?application_name=x&sslmode={asked}");
            assert_eq!(mode(&url), SslMode::Require);
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_the_password() {
        for url in [
            "mysql://me:secret@localhost/flows",
            "postgres://me:secret@localhost:port/flows",
            "postgres://me:secret@localhost",
            "postgres://me:secret@localhost/flows?sslmode=prefer",
            "postgres://me:secret@localhost/flows?secret=1",
            "postgres://me:secret@localhost/flows?sslmode=require&sslrootcert=/not/%74here",
        ] {
            let Err(error) = Address::parse(url) else { panic!("{url} is read") };
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
