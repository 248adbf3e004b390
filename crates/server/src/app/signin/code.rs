//! Authorization codes: what a browser carries from the person to the application.

use super::client::is_redirect_of;
use super::expiry::Expiring;
use super::session::Session;
use super::{Asked, Refusal, SignInError, TokenAnswer, Visitor};
use crate::app::App;
use crate::app::data::{Change, Kind, Known, Stored};
use crate::app::directory::{Application, User};
use crate::app::error::AppError;
use crate::auth::caller::Caller;
use crate::auth::token;
use crate::clock::SECOND;
use crate::limits::AUTHORIZATION_CODE_SECONDS;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::RecordKey;
use subtle::ConstantTimeEq;

/// What a verifier may look like (RFC 7636).
const VERIFIER_BYTES: std::ops::RangeInclusive<usize> = 43..=128;

/// A code that was sent, kept beyond its use: who brings it again has stolen it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationCode {
    /// SHA-256 of the code.
    id: String,
    /// Object ids.
    application: String,
    user: String,
    user_stamp: u32,
    redirect_uri: String,
    challenge: Option<String>,
    nonce: Option<String>,
    asked: Asked,
    is_used: bool,
    /// The session that began with it.
    session: Option<String>,
    /// Ticks.
    expires: i64,
}

impl Stored for AuthorizationCode {
    const KIND: Kind = Kind::AuthorizationCode;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![self.expiry_key()]
    }
}

impl Expiring for AuthorizationCode {
    const BY_EXPIRY: u8 = 1;

    fn expires(&self) -> i64 {
        self.expires
    }
}

/// What an application asks a person's browser for.
#[derive(Clone, Debug)]
pub struct CodeRequest {
    pub redirect_uri: String,
    /// S256 of something that the application keeps to itself.
    pub challenge: Option<String>,
    pub nonce: Option<String>,
    pub asked: Asked,
}

fn id_of(code: &str) -> String {
    URL_SAFE_NO_PAD.encode(token::hash(code))
}

impl App {
    /// The application that sends a browser, when the answer may go where it says.
    pub(crate) async fn asking_application(
        &self,
        client_id: &str,
        redirect_uri: &str,
    ) -> Result<Known<Application>, SignInError> {
        let application = self.client(client_id).await?;
        if is_redirect_of(&application, redirect_uri) {
            return Ok(application);
        }
        Err(Refusal::unregistered_redirect(redirect_uri).into())
    }

    /// A code for somebody who is signed in and has consented.
    pub(crate) async fn give_code(
        &self,
        application: &Application,
        user: &User,
        request: CodeRequest,
    ) -> Result<String, SignInError> {
        self.need_consent(application, &user.id).await?;
        self.sweep::<AuthorizationCode>().await?;
        let code = token::generate().map_err(AppError::internal)?;
        let record = Known::new(AuthorizationCode {
            id: id_of(&code),
            application: application.id.clone(),
            user: user.id.clone(),
            user_stamp: user.stamp,
            redirect_uri: request.redirect_uri,
            challenge: request.challenge,
            nonce: request.nonce,
            asked: request.asked,
            is_used: false,
            session: None,
            expires: self.engine.clock.now() + AUTHORIZATION_CODE_SECONDS * SECOND,
        });
        let detail = json!({"application": application.client_id});
        let change = Change::default().put(&record)?.audit("GiveCode", &user.id, &detail);
        self.apply(&Caller::person(&user.id, Vec::new(), Vec::new()), change).await?;
        Ok(code)
    }

    /// Exchanges a code for tokens, once.
    pub(super) async fn redeem_code(
        &self,
        visitor: &Visitor<'_>,
        asked: Option<Asked>,
        code: &str,
        redirect_uri: &str,
        verifier: Option<String>,
    ) -> Result<TokenAnswer, SignInError> {
        let application = visitor.application;
        let found = self.get::<AuthorizationCode>(&id_of(code)).await?;
        let found = found.filter(|it| it.application == application.id);
        let mut record = found.ok_or_else(Refusal::unknown_grant)?;
        let refuse = |mut refusal: Refusal| {
            refusal.user = Some(record.user.clone());
            Err(SignInError::from(refusal))
        };
        if record.is_used {
            self.end_session_of(&record).await?;
            return refuse(Refusal::code_used());
        }
        if record.expires <= self.engine.clock.now() {
            return refuse(Refusal::code_expired());
        }
        if record.redirect_uri != redirect_uri {
            return refuse(Refusal::wrong_redirect());
        }
        if !is_verified(record.challenge.as_deref(), verifier.as_deref()) {
            return refuse(Refusal::wrong_verifier());
        }
        let user = self.user_under(&record.user, record.user_stamp).await?;
        self.need_consent(application, &user.id).await?;
        let subject = visitor.with(&user);
        // what the person saw says whether there is a session; the resource may be another
        let asked = match asked {
            Some(asked) => Asked { resource: asked.resource, ..record.asked.clone() },
            None => record.asked.clone(),
        };
        let grant = "authorization_code";
        let begun = self.begin_session(&subject, &asked, grant)?;
        record.is_used = true;
        record.session = Some(begun.session.session_id().to_owned());
        let nonce = record.nonce.clone();
        let change = Change::default().put(&record)?;
        self.issue_with(&subject, &asked, nonce.as_deref(), grant, (change, begun)).await
    }

    async fn end_session_of(&self, code: &AuthorizationCode) -> Result<(), AppError> {
        let Some(id) = &code.session else { return Ok(()) };
        match self.get::<Session>(id).await? {
            Some(session) => {
                self.end_session(&session, &Caller::root("sign-in"), "code reuse").await
            }
            None => Ok(()),
        }
    }
}

/// Whether who brings a code is who asked for it. Without a challenge there is no verifier.
fn is_verified(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) if VERIFIER_BYTES.contains(&verifier.len()) => {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            hash.as_bytes().ct_eq(challenge.as_bytes()).into()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_belongs_to_its_challenge() {
        // RFC 7636, Appendix B
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(is_verified(Some(challenge), Some(verifier)));
        assert!(is_verified(None, None));
        assert!(!is_verified(Some(challenge), None));
        assert!(!is_verified(Some(challenge), Some(challenge)));
        assert!(!is_verified(Some(challenge), Some("short")));
        assert!(!is_verified(None, Some(verifier)));
    }
}
