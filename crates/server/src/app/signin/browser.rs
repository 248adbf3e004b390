//! People who are signed in in a browser, for the pages of signing in only.
//!
//! Nothing is stored: the cookie says who it is and until when, under a mark of the server.
//! It ends with the user's stamp, as everything does that they have.

use super::{Refusal, SignInError};
use crate::app::App;
use crate::app::data::Change;
use crate::app::directory::User;
use crate::app::error::AppError;
use crate::auth::caller::Caller;
use crate::auth::token;
use crate::clock;
use crate::limits::BROWSER_SECONDS;
use serde_json::json;

const COOKIE: &str = "browser cookie";
const FORM: &str = "form of a browser";

impl App {
    /// Signs somebody in in a browser. Answers the user and the cookie.
    pub(crate) async fn sign_in_browser(
        &self,
        client_id: &str,
        name: &str,
        password: &str,
    ) -> Result<(User, String), SignInError> {
        let done = self.try_sign_in(name, password).await;
        self.note_refusal("browser", client_id, &done).await?;
        done
    }

    async fn try_sign_in(&self, name: &str, password: &str) -> Result<(User, String), SignInError> {
        let user = self.check_password(name, password).await?;
        let change = Change::default().audit("SignIn", &user.id, &json!({"grant": "browser"}));
        self.apply(&Caller::person(&user.id, Vec::new(), Vec::new()), change).await?;
        let expires = clock::unix_seconds(self.engine.clock.now()) + BROWSER_SECONDS;
        let nonce = token::generate().map_err(AppError::internal)?;
        let said = format!("{}.{}.{expires}.{nonce}", user.id, user.stamp);
        let mark = self.keyring().await?.mac().mark(&[COOKIE, &said]);
        Ok((user, format!("{said}.{mark}")))
    }

    /// Who a cookie says it is, when that still holds.
    pub(crate) async fn browser_user(&self, cookie: &str) -> Result<Option<User>, AppError> {
        let Some((said, mark)) = cookie.rsplit_once('.') else { return Ok(None) };
        if !self.keyring().await?.mac().is_mark(&[COOKIE, said], mark) {
            return Ok(None);
        }
        let parts: Vec<&str> = said.split('.').collect();
        let [id, stamp, expires, _] = parts[..] else { return Ok(None) };
        let (Ok(stamp), Ok(expires)) = (stamp.parse(), expires.parse::<i64>()) else {
            return Ok(None);
        };
        if expires <= clock::unix_seconds(self.engine.clock.now()) {
            return Ok(None);
        }
        match self.user_under(id, stamp).await {
            Ok(user) => Ok(Some(user)),
            Err(SignInError::Refused(_)) => Ok(None),
            Err(SignInError::Failed(error)) => Err(error),
        }
    }

    /// The mark of a form that a browser was given. It holds for who was signed in then.
    pub(crate) async fn form_mark(&self, browser: &str, cookie: &str) -> Result<String, AppError> {
        Ok(self.keyring().await?.mac().mark(&[FORM, browser, cookie]))
    }

    /// Refuses a form that another site made a browser send.
    pub(crate) async fn check_form(
        &self,
        browser: &str,
        cookie: &str,
        given: &str,
    ) -> Result<(), SignInError> {
        let keyring = self.keyring().await?;
        if !browser.is_empty() && keyring.mac().is_mark(&[FORM, browser, cookie], given) {
            return Ok(());
        }
        Err(Refusal::stale_form().into())
    }
}
