//! Signing in in a browser at an issuer from outside: this server is a client there, which
//! sends people away and gets them back with a code (OpenID Connect Core, 3.1; RFC 7636).
//!
//! Nothing is kept in between. The state that goes there and back says who was asked and where
//! the browser is to go on, under a mark that holds for this browser only; what proves that the
//! code came of this sign-in (nonce, verifier) is derived from it.

use super::browser::{At, Entered, GRANT};
use super::issuer::Issuer;
use super::{Refusal, SignInError};
use crate::app::App;
use crate::app::error::{AppError, ErrorKind};
use crate::auth::issuer::{Bearer, OutsideFault, SignInSettings, check_identity, is_safe_address};
use crate::auth::jwt::key_id;
use crate::auth::token;
use crate::clock;
use crate::limits::OUTSIDE_SIGN_IN_SECONDS;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use url::Url;

const STATE: &str = "state of a sign-in outside";
const NONCE: &str = "nonce of a sign-in outside";
const VERIFIER: &str = "verifier of a sign-in outside";

/// Where issuers send people back to.
pub const BACK: &str = "/console/sign-in/back";

/// What came back with a browser.
pub struct Returned<'a> {
    pub state: &'a str,
    pub code: Result<&'a str, String>,
}

/// What a state says.
struct Said {
    issuer: usize,
    to: String,
}

impl App {
    /// The issuers at which people may sign in: the number and the name of each.
    pub(crate) fn outside_offers(&self) -> Vec<(usize, String)> {
        let named = |(number, issuer): (usize, &Arc<Issuer>)| {
            Some((number, issuer.settings.sign_in.as_ref()?.label.clone()))
        };
        self.issuers.with_sign_in().filter_map(named).collect()
    }

    /// Where a browser is sent to sign in at an issuer, to go on at a place of ours.
    pub(crate) async fn begin_outside(
        &self,
        browser: &str,
        number: usize,
        to: &str,
    ) -> Result<String, SignInError> {
        self.pace(&self.signin.outside)?;
        let (issuer, sign_in) = self.outside_issuer(number)?;
        let address = self.outside_address(&issuer, "authorization_endpoint").await?;
        let state = self.outside_state(browser, number, to).await?;
        let mac = self.keyring().await?.mac().clone();
        let verifier = mac.mark(&[VERIFIER, browser, &state]);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let mut address = Url::parse(&address).map_err(AppError::internal)?;
        address.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &sign_in.client_id),
            ("redirect_uri", &self.outside_redirect()),
            ("scope", &sign_in.scope),
            ("state", &state),
            ("nonce", &mac.mark(&[NONCE, browser, &state])),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        Ok(address.into())
    }

    /// Somebody comes back. Answers how far they are, and where they go on.
    pub(crate) async fn finish_outside(
        &self,
        at: &At<'_>,
        returned: Returned<'_>,
    ) -> Result<(Entered, String), SignInError> {
        let done = self.try_outside(at, returned).await;
        self.note_refusal(GRANT, at.client_id, &done).await?;
        done
    }

    async fn try_outside(
        &self,
        at: &At<'_>,
        returned: Returned<'_>,
    ) -> Result<(Entered, String), SignInError> {
        let said = self.read_outside_state(at.browser, returned.state).await?;
        self.pace(&self.signin.outside)?;
        let (issuer, sign_in) = self.outside_issuer(said.issuer)?;
        let code = returned.code.map_err(|reason| Refusal::outside(&reason))?;
        let token =
            self.outside_token(&issuer, sign_in, at.browser, (returned.state, code)).await?;
        let bearer = self.outside_bearer(&issuer, at.browser, returned.state, &token).await?;
        if issuer.settings.only_with_role && bearer.roles.is_empty() {
            let reason = "you have none of the roles that this server lets in";
            return Err(Refusal::outside(reason).into());
        }
        let url = &issuer.settings.url;
        let id = self.person_from_outside(url, &bearer).await?;
        let gone = || Refusal::outside("the user is gone");
        let user = self.get::<crate::app::directory::User>(&id).await?.ok_or_else(gone)?;
        if !user.is_enabled {
            return Err(Refusal::disabled().by(Some(user.value)).into());
        }
        Ok((self.sign_in_outside(at, user.value, url).await?, said.to))
    }

    fn outside_issuer(&self, number: usize) -> Result<(Arc<Issuer>, &SignInSettings), SignInError> {
        let found = self.issuers.with_sign_in().find(|(it, _)| *it == number);
        let issuer = found.map(|(_, issuer)| issuer).ok_or_else(Refusal::stale_form)?;
        let sign_in = issuer.settings.sign_in.as_ref().ok_or_else(Refusal::stale_form)?;
        Ok((Arc::clone(issuer), sign_in))
    }

    fn outside_redirect(&self) -> String {
        format!("{}{BACK}", self.engine.catalog.public_url().trim_end_matches('/'))
    }

    /// An address that the issuer's metadata names.
    async fn outside_address(&self, issuer: &Issuer, name: &str) -> Result<String, SignInError> {
        let metadata = self.issuers.metadata(&issuer.settings).await.map_err(|reason| {
            tracing::warn!(issuer = issuer.settings.url, reason, "signing in at an issuer");
            unavailable()
        })?;
        let address = metadata[name].as_str().unwrap_or_default();
        if is_safe_address(address) { Ok(address.to_owned()) } else { Err(unavailable().into()) }
    }

    async fn outside_state(
        &self,
        browser: &str,
        number: usize,
        to: &str,
    ) -> Result<String, AppError> {
        let ends = clock::unix_seconds(self.engine.clock.now()) + OUTSIDE_SIGN_IN_SECONDS;
        let random = token::generate().map_err(AppError::internal)?;
        let said = format!("{number}.{ends}.{random}.{}", URL_SAFE_NO_PAD.encode(to));
        let mark = self.keyring().await?.mac().mark(&[STATE, browser, &said]);
        Ok(format!("{said}.{mark}"))
    }

    async fn read_outside_state(&self, browser: &str, state: &str) -> Result<Said, SignInError> {
        let stale = Refusal::stale_form;
        let (said, mark) = state.rsplit_once('.').ok_or_else(stale)?;
        let is_ours = self.keyring().await?.mac().is_mark(&[STATE, browser, said], mark);
        let parts: Vec<&str> = said.split('.').collect();
        let ([number, ends, _, to], true) = (&parts[..], is_ours) else {
            return Err(stale().into());
        };
        let ends: i64 = ends.parse().map_err(|_| stale())?;
        if ends <= clock::unix_seconds(self.engine.clock.now()) {
            return Err(stale().into());
        }
        let to = URL_SAFE_NO_PAD.decode(to).ok().and_then(|it| String::from_utf8(it).ok());
        let issuer = number.parse().map_err(|_| stale())?;
        Ok(Said { issuer, to: to.ok_or_else(stale)? })
    }

    /// Exchanges a code for what says who has signed in.
    async fn outside_token(
        &self,
        issuer: &Issuer,
        sign_in: &SignInSettings,
        browser: &str,
        (state, code): (&str, &str),
    ) -> Result<String, SignInError> {
        let address = self.outside_address(issuer, "token_endpoint").await?;
        let verifier = self.keyring().await?.mac().mark(&[VERIFIER, browser, state]);
        let secret = match &sign_in.client_secret_file {
            Some(file) => Some(tokio::fs::read_to_string(file).await.map_err(AppError::internal)?),
            None => None,
        };
        let redirect = self.outside_redirect();
        let pairs = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect),
            ("client_id", &sign_in.client_id),
            ("code_verifier", &verifier),
        ];
        let secret = secret.as_deref().map(|secret| ("client_secret", secret.trim()));
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs.into_iter().chain(secret))
            .finish();
        let answer = self.issuers.post(&address, form).await.map_err(|reason| {
            tracing::warn!(issuer = issuer.settings.url, reason, "a code of an issuer");
            Refusal::outside("the code was not exchanged")
        })?;
        let token = answer["id_token"].as_str().filter(|it| !it.is_empty());
        let token = token.ok_or_else(|| Refusal::outside("it does not say who signed in"))?;
        Ok(token.to_owned())
    }

    async fn outside_bearer(
        &self,
        issuer: &Arc<Issuer>,
        browser: &str,
        state: &str,
        token: &str,
    ) -> Result<Bearer, SignInError> {
        let settings = &issuer.settings;
        let refused = |fault: OutsideFault| {
            tracing::warn!(issuer = settings.url, ?fault, "a sign-in that is not believed");
            Refusal::outside("what it says of you is not believed")
        };
        let id = key_id(token).map_err(|_| refused(OutsideFault::Invalid))?;
        let key = self.issuer_key(issuer, &id).await?;
        let nonce = self.keyring().await?.mac().mark(&[NONCE, browser, state]);
        let client = settings.sign_in.as_ref().map_or("", |it| it.client_id.as_str());
        let now = clock::unix_seconds(self.engine.clock.now());
        let claims = check_identity(token, &key, (&settings.url, client, &nonce), now);
        Ok(claims.and_then(|claims| settings.person(&claims)).map_err(refused)?)
    }
}

fn unavailable() -> AppError {
    let message = "The issuer at which you want to sign in does not answer now.";
    AppError::new(ErrorKind::Unavailable, "IssuerUnavailable", message)
}
