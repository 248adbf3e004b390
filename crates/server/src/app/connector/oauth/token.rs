//! Tokens of connections: kept sealed, renewed by one at a time.
//!
//! Callers on a node share one renewal. Between nodes a lease in the record decides: who
//! writes it first asks the service, the others look until there is something new. A node
//! that dies in between leaves a lease that ends.

use super::super::connection::{Connection, ConnectionFault};
use super::unavailable;
use crate::app::App;
use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::clock::{self, SECOND};
use crate::limits::{
    CHANGE_TRIES_MAX, RENEWAL_LEASE_SECONDS, RENEWAL_LOOK_EVERY, RENEWAL_LOOKS_MAX,
    TOKEN_SKEW_SECONDS,
};
use ::connector::http::{GrantFailure, Granted, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use store::RecordKey;
use tokio::sync::OnceCell;
use zeroize::{Zeroize, Zeroizing};

/// Years are longer than any token lives.
const LIFE_SECONDS_MAX: u64 = 10 * 365 * 86_400;

/// What a connection has from its service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectionToken {
    /// The connection's id.
    id: String,
    /// [`Kept`], base64; none before the first token.
    sealed: Option<String>,
    /// Ticks; none: it does not end.
    expires: Option<i64>,
    /// From when on another is asked for.
    renew: Option<i64>,
    /// Who is asking for another one.
    #[serde(default)]
    lease: Option<Lease>,
}

impl data::Sealed for ConnectionToken {
    fn sealed(&mut self) -> Option<(String, &mut String)> {
        let owner = seal_owner(&self.id);
        self.sealed.as_mut().map(|sealed| (owner, sealed))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    holder: String,
    /// Ticks.
    until: i64,
}

/// What is sealed of it.
#[derive(Serialize, Deserialize)]
struct Kept {
    access: String,
    refresh: Option<String>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.access.zeroize();
        self.refresh.zeroize();
    }
}

impl Stored for ConnectionToken {
    const KIND: Kind = Kind::ConnectionToken;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        Vec::new()
    }
}

/// A renewal that callers on this node wait for together.
type Renewal = Arc<OnceCell<Result<Secret, AppError>>>;

/// Renewals under way, by connection.
#[derive(Default)]
pub(super) struct Renewals(Mutex<HashMap<String, Renewal>>);

impl Renewals {
    fn join(&self, id: &str) -> Renewal {
        Arc::clone(self.0.lock().entry(id.to_owned()).or_default())
    }

    /// Ends one, so that the next who needs a token begins another.
    fn end(&self, id: &str, renewal: &Renewal) {
        let mut all = self.0.lock();
        if all.get(id).is_some_and(|known| Arc::ptr_eq(known, renewal)) {
            all.remove(id);
        }
    }
}

fn seal_owner(connection: &str) -> String {
    format!("token of connection {connection}")
}

/// The connection is of no use until somebody signs in again.
pub(in crate::app::connector) fn expired(connection: &Connection, reason: &str) -> AppError {
    let message = format!("The connection '{}' cannot be used: {reason}", connection.name);
    AppError::new(ErrorKind::Unauthenticated, "ConnectionAuthenticationExpired", message)
}

impl App {
    /// The access token of a connection, another one when the one it has is about to end.
    pub async fn access_token_of(&self, connection: &Connection) -> Result<Secret, AppError> {
        self.token_for(connection, None).await
    }

    /// A service has refused a token that seemed to be good: asks for another one, once for
    /// all who were refused with it. Who has the answer tries their call again, once.
    pub async fn token_refused(
        &self,
        connection: &Connection,
        token: &Secret,
    ) -> Result<Secret, AppError> {
        self.token_for(connection, Some(token)).await
    }

    async fn token_for(
        &self,
        connection: &Connection,
        refused: Option<&Secret>,
    ) -> Result<Secret, AppError> {
        let id = connection.id();
        let record = self.get::<ConnectionToken>(id).await?;
        if connection.fault.is_none()
            && let Some(record) = &record
            && let Some(token) = self.usable(record, refused)?
        {
            return Ok(token);
        }
        loop {
            let renewal = self.oauth.renewals.join(id);
            let done = renewal.get_or_init(|| self.renew_apart(id, refused)).await.clone();
            self.oauth.renewals.end(id, &renewal);
            match done {
                // a renewal that ended before this one was refused brought it
                Ok(token) if Some(&token) == refused => {}
                done => return done,
            }
        }
    }

    /// Renews in a task of its own: who asked may go, and the answer is still kept.
    async fn renew_apart(&self, id: &str, refused: Option<&Secret>) -> Result<Secret, AppError> {
        let (app, id, refused) = (self.clone(), id.to_owned(), refused.cloned());
        let task = tokio::spawn(async move { app.renew(&id, refused.as_ref()).await });
        task.await.map_err(AppError::internal)?
    }

    /// The token of a record, when it lives long enough and is not one that was refused.
    fn usable(
        &self,
        record: &ConnectionToken,
        refused: Option<&Secret>,
    ) -> Result<Option<Secret>, AppError> {
        let now = self.engine.clock.now();
        if record.renew.is_some_and(|renew| renew <= now) {
            return Ok(None);
        }
        let Some(kept) = self.kept(record)? else { return Ok(None) };
        let token = Secret::new(kept.access.as_str());
        Ok(Some(token).filter(|token| refused != Some(token)))
    }

    fn kept(&self, record: &ConnectionToken) -> Result<Option<Kept>, AppError> {
        let Some(sealed) = &record.sealed else { return Ok(None) };
        let sealed = STANDARD.decode(sealed).map_err(AppError::internal)?;
        let opened = self.engine.catalog.sealer().open_secret(&seal_owner(&record.id), &sealed);
        let opened = opened.map_err(AppError::internal)?;
        serde_json::from_slice(&opened).map(Some).map_err(AppError::internal)
    }

    async fn renew(&self, id: &str, refused: Option<&Secret>) -> Result<Secret, AppError> {
        for _ in 0..RENEWAL_LOOKS_MAX {
            let connection = self.get::<Connection>(id).await?.ok_or_else(|| {
                AppError::not_found("ConnectionNotFound", "The connection is not there any more.")
            })?;
            if let Some(fault) = &connection.fault {
                return Err(expired(&connection, &fault.message));
            }
            let found = self.get::<ConnectionToken>(id).await?;
            if let Some(found) = &found
                && let Some(token) = self.usable(found, refused)?
            {
                return Ok(token);
            }
            if let Some(mine) = self.take(id, found).await? {
                return self.renew_under(&connection, mine, refused).await;
            }
            tokio::time::sleep(RENEWAL_LOOK_EVERY).await;
        }
        let message = "Another node is asking for the connection's token and has no answer yet.";
        Err(unavailable(message.to_owned()))
    }

    /// Takes the lease of a connection's token, unless another has it.
    async fn take(
        &self,
        id: &str,
        found: Option<Known<ConnectionToken>>,
    ) -> Result<Option<Known<ConnectionToken>>, AppError> {
        let now = self.engine.clock.now();
        let mut known = found.unwrap_or_else(|| Known::new(ConnectionToken::new(id)));
        let longest = RENEWAL_LEASE_SECONDS * SECOND;
        // one that ends later than any can was written under another clock
        let holds = |lease: &Lease| lease.until > now && lease.until <= now + longest;
        if known.lease.as_ref().is_some_and(holds) {
            return Ok(None);
        }
        let holder = clock::guid().map_err(AppError::internal)?;
        let lease = Some(Lease { holder, until: now + longest });
        known.lease.clone_from(&lease);
        let taken = self.apply(&Caller::root("server"), Change::default().put(&known)?).await;
        match taken {
            Err(error) if error.kind == ErrorKind::Conflict => return Ok(None),
            done => done?,
        };
        // with the revision that it has now
        Ok(self.get::<ConnectionToken>(id).await?.filter(|it| it.lease == lease))
    }

    async fn renew_under(
        &self,
        connection: &Known<Connection>,
        mut mine: Known<ConnectionToken>,
        refused: Option<&Secret>,
    ) -> Result<Secret, AppError> {
        let asked = self.engine.clock.now();
        let failed = match self.ask(connection, &mine).await {
            Ok(granted) => return self.keep_renewed(connection, mine, granted, asked).await,
            Err(failed) => failed,
        };
        let server = Caller::root("server");
        mine.lease = None;
        match failed {
            NotRenewed::Over(reason) => {
                mine.sealed = None;
                let mut connection = connection.clone();
                connection.fault = Some(ConnectionFault {
                    code: "Unauthorized".to_owned(),
                    message: reason.clone(),
                });
                let detail = json!({"name": connection.name, "reason": reason});
                let change = Change::default().put(&mine)?.put(&connection)?;
                let change = change.audit("ConnectionExpired", connection.id(), &detail);
                match self.apply(&server, change).await {
                    // somebody has signed in meanwhile, or changed it: the next call sees
                    Err(error) if error.kind == ErrorKind::Conflict => {}
                    done => drop(done?),
                }
                Err(expired(&connection, &reason))
            }
            NotRenewed::Now(error) => {
                let living = mine.expires.is_none_or(|expires| expires > asked);
                let old = match self.kept(&mine)? {
                    Some(kept) if living => Some(Secret::new(kept.access.as_str())),
                    _ => None,
                };
                match self.apply(&server, Change::default().put(&mine)?).await {
                    Err(error) if error.kind == ErrorKind::Conflict => {}
                    done => drop(done?),
                }
                // the one that is about to end is still good
                old.filter(|old| refused != Some(old)).ok_or(error)
            }
        }
    }

    /// Asks the service for another token.
    async fn ask(
        &self,
        connection: &Connection,
        mine: &ConnectionToken,
    ) -> Result<Granted, NotRenewed> {
        let means = self.means_of(connection).await.map_err(NotRenewed::Now)?;
        let plan = means.plan().map_err(NotRenewed::Now)?;
        let kept = self.kept(mine).map_err(NotRenewed::Now)?;
        let refresh = kept.as_ref().and_then(|it| it.refresh.as_deref());
        let form = match refresh {
            Some(refresh) => plan.refresh(refresh),
            None if means.is_by_itself(&plan) => plan.client_credentials(),
            None => {
                let reason = "its token has ended and the service gave none to renew it with: sign in again.";
                return Err(NotRenewed::Over(reason.to_owned()));
            }
        };
        let form = form.map_err(|text| NotRenewed::Now(super::invalid(text)))?;
        let granted = self.grant(&means, &plan, form).await;
        granted.map_err(|failure| not_renewed(connection, &failure, refresh.is_some()))
    }

    /// Keeps what was granted in answer to a question asked at a moment.
    async fn keep_renewed(
        &self,
        connection: &Known<Connection>,
        mut mine: Known<ConnectionToken>,
        granted: Granted,
        asked: i64,
    ) -> Result<Secret, AppError> {
        let lease = mine.lease.take();
        let token = granted.access_token.clone();
        let before = self.kept(&mine)?;
        let refresh = before.as_ref().and_then(|it| it.refresh.clone());
        let ends = ends(&granted, asked);
        for _ in 0..CHANGE_TRIES_MAX {
            self.fill(&mut mine, &granted, refresh.as_deref(), asked)?;
            let mut change = Change::default().put(&mine)?;
            // only what ends for good is told of a connection
            let known = self.get::<Connection>(connection.id()).await?;
            if let Some(mut known) =
                known.filter(|it| granted.refresh_life.is_some() && it.ends != ends)
            {
                known.ends = ends;
                change = change.put(&known)?;
            }
            match self.apply(&Caller::root("server"), change).await {
                Ok(_) => return Ok(token),
                Err(error) if error.kind == ErrorKind::Internal => return Err(error),
                // the answer of the store was lost, or somebody changed the connection
                Err(error) => tracing::debug!(code = error.code, "a token is kept again"),
            }
            match self.get::<ConnectionToken>(connection.id()).await? {
                Some(found) if found.lease == lease => {
                    mine = found;
                    mine.lease = None;
                }
                // somebody has signed in meanwhile; this token is good nevertheless
                _ => return Ok(token),
            }
        }
        Ok(token)
    }

    fn fill(
        &self,
        record: &mut ConnectionToken,
        granted: &Granted,
        refresh: Option<&str>,
        asked: i64,
    ) -> Result<(), AppError> {
        // a service that gives no other keeps believing the one before
        let refresh = granted.refresh_token.as_ref().map(Secret::expose).or(refresh);
        let kept = Kept {
            access: granted.access_token.expose().to_owned(),
            refresh: refresh.map(str::to_owned),
        };
        let text = Zeroizing::new(serde_json::to_vec(&kept).map_err(AppError::internal)?);
        let sealed = self.engine.catalog.sealer().seal(&seal_owner(&record.id), &text);
        record.sealed = Some(STANDARD.encode(sealed.map_err(AppError::internal)?));
        // counted from before the question, so that it ends here no later than it does there
        let life = granted.life.map(ticks);
        record.expires = life.map(|life| asked + life);
        record.renew =
            life.map(|life| asked + life - i64::min(TOKEN_SKEW_SECONDS * SECOND, life / 2));
        Ok(())
    }

    /// A change that gives a connection the first tokens of a sign-in, whatever it had.
    pub(super) async fn with_token(
        &self,
        connection: &mut Connection,
        granted: &Granted,
        asked: i64,
        change: Change,
    ) -> Result<Change, AppError> {
        let id = connection.id().to_owned();
        let found = self.get::<ConnectionToken>(&id).await?;
        let mut known = found.unwrap_or_else(|| Known::new(ConnectionToken::new(&id)));
        known.lease = None;
        self.fill(&mut known, granted, None, asked)?;
        connection.fault = None;
        connection.ends = ends(granted, asked);
        change.put(&known)
    }

    /// What a connection that goes, or signs in in another way, takes along.
    pub(in crate::app::connector) async fn without_token(
        &self,
        connection: &Connection,
        change: Change,
    ) -> Result<Change, AppError> {
        Ok(match self.get::<ConnectionToken>(connection.id()).await? {
            Some(token) => change.remove(&token),
            None => change,
        })
    }
}

impl ConnectionToken {
    fn new(id: &str) -> ConnectionToken {
        let id = id.to_owned();
        ConnectionToken { id, sealed: None, expires: None, renew: None, lease: None }
    }
}

fn ticks(life: Duration) -> i64 {
    i64::try_from(life.as_secs().min(LIFE_SECONDS_MAX)).unwrap_or(0) * SECOND
}

/// When nothing but a person can help: with the refresh token, or with a token that comes
/// without one.
fn ends(granted: &Granted, asked: i64) -> Option<i64> {
    let life = match granted.refresh_token {
        Some(_) => granted.refresh_life,
        None => granted.life,
    };
    life.map(|life| asked + ticks(life))
}

/// Why there is no other token.
enum NotRenewed {
    /// Somebody has to sign in again.
    Over(String),
    /// Another try may do.
    Now(AppError),
}

fn not_renewed(connection: &Connection, failure: &GrantFailure, with_refresh: bool) -> NotRenewed {
    let is_over = matches!(failure, GrantFailure::Refused { error, .. }
        if matches!(error.as_str(), "invalid_grant" | "interaction_required" | "consent_required" | "bad_refresh_token"));
    let text = failure.to_string();
    let text = text.trim_end_matches('.');
    match failure {
        GrantFailure::Refused { .. } if is_over && with_refresh => {
            NotRenewed::Over(format!("failed to refresh the access token: {text}."))
        }
        GrantFailure::Refused { .. } => NotRenewed::Now(expired(connection, &format!("{text}."))),
        GrantFailure::Failed(_) => {
            let name = &connection.name;
            NotRenewed::Now(unavailable(format!("The connection '{name}' has no token: {text}.")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_ends_with_what_renews_it() {
        let granted =
            |refresh: Option<&str>, life: Option<u64>, refresh_life: Option<u64>| Granted {
                access_token: Secret::new("a"),
                refresh_token: refresh.map(Secret::new),
                life: life.map(Duration::from_secs),
                refresh_life: refresh_life.map(Duration::from_secs),
            };
        let at = |given: &Granted| ends(given, 1_000 * SECOND).map(|it| it / SECOND);
        assert_eq!(at(&granted(Some("r"), Some(60), None)), None);
        assert_eq!(at(&granted(Some("r"), Some(60), Some(3_600))), Some(4_600));
        assert_eq!(at(&granted(None, Some(60), None)), Some(1_060));
        assert_eq!(at(&granted(None, None, None)), None);
        // whatever a service says, time does not run over
        assert!(at(&granted(None, Some(u64::MAX), None)).is_some());
    }
}
