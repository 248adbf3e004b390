//! Consent: a person's browser goes to the service of a connector and comes back.
//!
//! What tells the way back from one that somebody else made up is `state`: it is good once
//! and for some minutes, in the browser that went, and, when a person with a password asked,
//! for them alone. Others are shown who asks before they go.

use super::super::Connector;
use super::super::connection::{Connection, ConnectionAct, ConnectionAt, ConnectionFound, said};
use super::invalid;
use crate::app::data::{Change, Kind, Known, Stored};
use crate::app::directory::User;
use crate::app::error::{AppError, ErrorKind};
use crate::app::signin::expiry::Expiring;
use crate::app::{App, Operation};
use crate::auth::caller::{Caller, CallerKind};
use crate::auth::policy::{self, Place};
use crate::auth::token;
use crate::clock::SECOND;
use crate::limits::{CHANGE_TRIES_MAX, CONSENT_SECONDS};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

/// Characters of a service's reason that are kept.
const REASON_CHARACTERS_MAX: usize = 500;

/// Somebody who was asked to sign in at a service.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConsentRequest {
    /// SHA-256 of the state.
    id: String,
    /// The connection's id, and what it is called.
    connection: String,
    name: String,
    asked_by: Asker,
    /// The verifier of RFC 7636, sealed, base64.
    verifier: String,
    /// SHA-256 of what tells the browser that went from others.
    browser: Option<String>,
    standing: Standing,
    /// Ticks.
    expires: i64,
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asker {
    id: String,
    is_root: bool,
    /// Whether their browser can show that it is them.
    is_known_in_browsers: bool,
}

/// How far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    Waiting,
    /// The browser came back, and the tokens are being fetched.
    Returned,
    Done,
    Failed(String),
}

impl Stored for ConsentRequest {
    const KIND: Kind = Kind::ConsentRequest;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![self.expiry_key()]
    }
}

impl Expiring for ConsentRequest {
    const BY_EXPIRY: u8 = 1;

    fn expires(&self) -> i64 {
        self.expires
    }
}

/// A way for a person to take.
pub struct ConsentLink {
    /// By which it is asked for how far it has come.
    pub id: String,
    pub link: String,
    /// Ticks.
    pub expires: i64,
}

/// A browser, and who is signed in in it.
pub(crate) struct ConsentVisitor<'a> {
    pub browser: &'a str,
    pub user: Option<&'a User>,
}

/// How a browser comes to the page of a link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    ByLink,
    /// The person has just signed in here.
    SignedIn,
    /// The person has said that they go on.
    Decided,
}

/// Where a browser goes from the link.
pub(crate) enum ConsentStep {
    /// Whoever asked has to sign in here first.
    SignIn,
    /// Who asks, for what connection, of which connector; and where a form leads.
    Ask { by: String, name: String, connector: String, leads_to: String },
    /// To the service.
    Go(String),
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(token::hash(text))
}

fn seal_owner(id: &str) -> String {
    format!("consent {id}")
}

fn refused(message: impl Into<String>) -> AppError {
    AppError::invalid("ConsentRefused", message)
}

impl App {
    /// A link by which a person signs in for a connection.
    pub async fn begin_consent(
        &self,
        caller: &Caller,
        at: ConnectionAt<'_>,
    ) -> Result<ConsentLink, AppError> {
        let found = self.connection_for(caller, ConnectionAct::CONSENT, at).await?;
        let ConnectionFound { connection, .. } = &found;
        let means = self.means_of(connection).await?;
        let plan = means.plan()?;
        if means.is_by_itself(&plan) {
            return Err(invalid(
                "The connection signs in by itself, as a program: nobody has to consent.".into(),
            ));
        }
        // what is wrong with the settings is said to who asks, not to a browser
        plan.authorization("state", "verifier").map_err(invalid)?;
        self.sweep::<ConsentRequest>().await?;
        let generate = || token::generate().map_err(AppError::internal);
        let (state, verifier) = (generate()?, generate()?);
        let id = hash(&state);
        let sealed = self.engine.catalog.sealer().seal(&seal_owner(&id), verifier.as_bytes());
        let user = self.get::<User>(caller.id()).await?;
        let expires = self.engine.clock.now() + CONSENT_SECONDS * SECOND;
        let request = Known::new(ConsentRequest {
            id: id.clone(),
            connection: connection.id().to_owned(),
            name: connection.name.clone(),
            asked_by: Asker {
                id: caller.id().to_owned(),
                is_root: caller.kind() == CallerKind::Root,
                is_known_in_browsers: user.is_some_and(|user| user.has_password()),
            },
            verifier: STANDARD.encode(sealed.map_err(AppError::internal)?),
            browser: None,
            standing: Standing::Waiting,
            expires,
        });
        let change = Change::default().put(&request)?;
        let change = change.audit("AskForConsent", connection.id(), &said(connection));
        self.apply(caller, change).await?;
        let base = self.engine.catalog.public_url();
        let link = format!("{}/oauth/consent?request={state}", base.trim_end_matches('/'));
        Ok(ConsentLink { id, link, expires })
    }

    /// How far a consent has come, told to who asked for it.
    pub async fn consent_standing(
        &self,
        caller: &Caller,
        at: ConnectionAt<'_>,
        id: &str,
    ) -> Result<Standing, AppError> {
        let found = self.connection_for(caller, ConnectionAct::CONSENT, at).await?;
        let request = self.get::<ConsentRequest>(id).await?;
        let request = request
            .filter(|it| it.connection == found.connection.id() && it.asked_by.id == caller.id());
        let request = request.ok_or_else(|| {
            AppError::not_found("ConsentNotFound", "There is no such consent of the caller's.")
        })?;
        let is_over = request.expires <= self.engine.clock.now();
        Ok(match &request.standing {
            Standing::Waiting | Standing::Returned if is_over => {
                Standing::Failed("Nobody signed in while the link was good.".to_owned())
            }
            standing => standing.clone(),
        })
    }

    /// A request that waits for this browser.
    async fn consent_of(
        &self,
        state: &str,
        visitor: &ConsentVisitor<'_>,
    ) -> Result<Known<ConsentRequest>, AppError> {
        let found = self.get::<ConsentRequest>(&hash(state)).await?;
        let request = found.ok_or_else(|| {
            refused("This link is not one of this server, or it is too old: ask for another.")
        })?;
        if request.expires <= self.engine.clock.now() {
            return Err(refused("This link is too old: ask for another."));
        }
        if request.standing != Standing::Waiting {
            return Err(refused("This link was used already: ask for another."));
        }
        let asker = &request.asked_by;
        if let Some(user) = visitor.user.filter(|user| !asker.is_root && user.id != asker.id) {
            let name = &user.user_principal_name;
            return Err(refused(format!(
                "Somebody else asked for this sign-in. In this browser, '{name}' is signed in."
            )));
        }
        Ok(request)
    }

    /// A browser that follows the link.
    pub(crate) async fn follow_consent(
        &self,
        state: &str,
        visitor: &ConsentVisitor<'_>,
        arrival: Arrival,
    ) -> Result<ConsentStep, AppError> {
        let mut request = self.consent_of(state, visitor).await?;
        if request.asked_by.is_known_in_browsers && visitor.user.is_none() {
            return Ok(ConsentStep::SignIn);
        }
        let (connection, connector) = self.consented(&request).await?;
        let means = self.means_of(&connection).await?;
        let link = means.plan()?.authorization(state, &self.verifier(&request)?);
        let link = link.map_err(invalid)?;
        let goes = match arrival {
            Arrival::ByLink => request.asked_by.is_known_in_browsers,
            Arrival::SignedIn => false,
            Arrival::Decided => true,
        };
        if !goes {
            return Ok(ConsentStep::Ask {
                by: self.asker_name(&request.asked_by).await?,
                name: connection.display_name.clone(),
                connector: connector.display_name,
                leads_to: link,
            });
        }
        request.browser = Some(hash(visitor.browser));
        let caller = self.asker(&request.asked_by).await?;
        self.apply(&caller, Change::default().put(&request)?).await?;
        Ok(ConsentStep::Go(link))
    }

    async fn asker_name(&self, asker: &Asker) -> Result<String, AppError> {
        if asker.is_root {
            return Ok("Somebody who may do everything on this server".to_owned());
        }
        let kind = crate::app::facts::PrincipalKind::User;
        let known = self.principal_view(&asker.id, kind).await?;
        Ok(known.map_or_else(|| asker.id.clone(), |known| known.display_name))
    }

    fn verifier(&self, request: &ConsentRequest) -> Result<String, AppError> {
        let sealed = STANDARD.decode(&request.verifier).map_err(AppError::internal)?;
        let opened = self.engine.catalog.sealer().open_secret(&seal_owner(&request.id), &sealed);
        String::from_utf8(opened.map_err(AppError::internal)?.to_vec()).map_err(AppError::internal)
    }

    /// Who asked, as they are now.
    async fn asker(&self, asker: &Asker) -> Result<Caller, AppError> {
        if asker.is_root {
            return Ok(Caller::root(&asker.id));
        }
        let principal = self.principal(&asker.id).await?.filter(|it| it.is_enabled);
        let principal = principal.ok_or_else(|| refused("Who asked for this is not let in."))?;
        Ok(principal.caller)
    }

    /// The connection that a request is for, while who asked may still sign in for it.
    async fn consented(
        &self,
        request: &ConsentRequest,
    ) -> Result<(Known<Connection>, Connector), AppError> {
        let caller = self.asker(&request.asked_by).await?;
        let gone = || refused("The connection is not there any more, or not for who asked.");
        let connection = self.get::<Connection>(&request.connection).await?.ok_or_else(gone)?;
        let environment = self.environment(&connection.environment).await?.ok_or_else(gone)?;
        let place = Place { hold: connection.hold_of(&caller), ..environment.place() };
        if !policy::allows(&caller, Operation::ConsentConnection, place) {
            return Err(gone());
        }
        let connector = self.connector_of(&environment, &connection).await?.ok_or_else(gone)?;
        Ok((connection, connector))
    }

    /// A browser that comes back from the service. Answers what the connection is called.
    pub(crate) async fn finish_consent(
        &self,
        state: &str,
        visitor: &ConsentVisitor<'_>,
        brought: Result<&str, String>,
    ) -> Result<String, AppError> {
        let mut request = self.consent_of(state, visitor).await?;
        let is_same = request.browser.as_deref() == Some(&hash(visitor.browser));
        let is_theirs = !request.asked_by.is_known_in_browsers || visitor.user.is_some();
        if !is_same || !is_theirs {
            return Err(refused("The sign-in began in another browser: ask for another link."));
        }
        let caller = self.asker(&request.asked_by).await?;
        // from here on the state is used, whatever comes of it
        request.standing = Standing::Returned;
        self.apply(&caller, Change::default().put(&request)?).await.map_err(|error| match error
            .kind
        {
            ErrorKind::Conflict => refused("This link was used already: ask for another."),
            _ => error,
        })?;
        let done = match brought {
            Ok(code) => self.redeem_consent(&caller, &request, code).await,
            Err(reason) => {
                let reason: String = reason.chars().take(REASON_CHARACTERS_MAX).collect();
                Err(refused(format!("The service did not let you in: {reason}.")))
            }
        };
        if let Err(error) = &done {
            self.note_failed_consent(&caller, &request, error).await?;
        }
        done
    }

    async fn note_failed_consent(
        &self,
        caller: &Caller,
        request: &ConsentRequest,
        error: &AppError,
    ) -> Result<(), AppError> {
        let Some(mut known) = self.get::<ConsentRequest>(&request.id).await? else {
            return Ok(());
        };
        known.standing = Standing::Failed(error.message.clone());
        let detail = json!({"name": request.name, "reason": error.message});
        let change = Change::default().put(&known)?;
        let change = change.audit("ConsentFailed", &request.connection, &detail);
        self.apply(caller, change).await?;
        Ok(())
    }

    async fn redeem_consent(
        &self,
        caller: &Caller,
        request: &ConsentRequest,
        code: &str,
    ) -> Result<String, AppError> {
        let (connection, _) = self.consented(request).await?;
        let means = self.means_of(&connection).await?;
        let plan = means.plan()?;
        let form = plan.redeem(code, &self.verifier(request)?).map_err(invalid)?;
        let asked = self.engine.clock.now();
        let granted = self.grant(&means, &plan, form).await.map_err(|failure| {
            let text = failure.to_string();
            refused(format!("The service gave no token: {}.", text.trim_end_matches('.')))
        })?;
        for _ in 0..CHANGE_TRIES_MAX {
            let (mut connection, _) = self.consented(request).await?;
            let found = self.get::<ConsentRequest>(&request.id).await?;
            let mut known = found.ok_or_else(|| refused("This link is too old."))?;
            known.standing = Standing::Done;
            let change = Change::default().put(&known)?;
            let change = self.with_token(&mut connection, &granted, asked, change).await?;
            connection.changed = self.engine.clock.now();
            let detail = said(&connection);
            let change =
                change.put(&connection)?.audit("ConsentConnection", connection.id(), &detail);
            match self.apply(caller, change).await {
                // somebody changes the connection, or renews its token, at this moment
                Err(error) if error.kind == ErrorKind::Conflict => {}
                done => return done.map(|_| connection.display_name.clone()),
            }
        }
        Err(refused("The connection is being changed by somebody else: ask for another link."))
    }
}
