//! Tokens that are given: for an application by itself, or for a person by an application.

use super::session::{Begun, Session};
use super::{Asked, SignInError, Subject};
use crate::app::App;
use crate::app::data::Change;
use crate::app::directory::Application;
use crate::app::error::{AppError, ErrorKind};
use crate::auth::caller::Caller;
use crate::auth::jwt::AccessClaims;
use crate::clock;
use crate::limits::ACCESS_TOKEN_SECONDS;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

/// What somebody gets who has signed in.
#[derive(Clone)]
pub struct TokenAnswer {
    pub access_token: String,
    /// The audience.
    pub resource: String,
    /// Unix seconds.
    pub begins: i64,
    pub expires: i64,
    /// What an application gets that acts for a person.
    pub delegated: Option<Delegated>,
}

/// The rest of the answer when a person is behind it.
#[derive(Clone)]
pub struct Delegated {
    pub scope: String,
    pub refresh_token: Option<String>,
    pub id_token: Option<String>,
    pub client_info: String,
}

/// What an application holds that acts for a person.
pub(super) struct Held<'a> {
    /// The session's id.
    pub session: &'a str,
    pub refresh_token: Option<String>,
}

/// The issuer of access tokens.
#[must_use]
pub fn issuer(tenant: &str) -> String {
    format!("https://sts.windows.net/{tenant}/")
}

/// The issuer of id tokens, and what the metadata names.
#[must_use]
pub fn openid_issuer(tenant: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant}/v2.0")
}

impl App {
    /// What an application gets that signs in by itself.
    pub(super) async fn application_token(
        &self,
        application: &Application,
        asked: &Asked,
    ) -> Result<TokenAnswer, AppError> {
        let mut claims = self.claims(application, asked)?;
        claims.app_displayname = Some(application.display_name.clone());
        claims.oid.clone_from(&application.id);
        claims.sub.clone_from(&application.id);
        claims.sg_stamp = application.stamp;
        self.answer(&claims, None).await
    }

    /// Gives a person's application its tokens, together with a change that ends what was
    /// exchanged for them. A session begins.
    pub(super) async fn issue(
        &self,
        subject: &Subject<'_>,
        asked: &Asked,
        nonce: Option<&str>,
        grant: &str,
        change: Change,
    ) -> Result<TokenAnswer, SignInError> {
        let begun = self.begin_session(subject, asked, grant)?;
        self.issue_with(subject, asked, nonce, grant, (change, begun)).await
    }

    /// The same with a session that was begun already.
    pub(super) async fn issue_with(
        &self,
        subject: &Subject<'_>,
        asked: &Asked,
        nonce: Option<&str>,
        grant: &str,
        (change, begun): (Change, Begun),
    ) -> Result<TokenAnswer, SignInError> {
        let Begun { session, refresh_token } = begun;
        let held = Held { session: session.session_id(), refresh_token };
        let answer = self.delegated_token(subject, asked, nonce, held).await?;
        let user = subject.user;
        let change =
            change.put(&session)?.audit("SignIn", &user.id, &signed_in(subject, asked, grant));
        let caller = Caller::person(&user.id, Vec::new(), Vec::new());
        match self.apply(&caller, change).await {
            Ok(_) => {}
            // somebody else has exchanged the same at the same moment
            Err(error) if error.kind == ErrorKind::Conflict => {
                return Err(super::Refusal::unknown_grant().into());
            }
            Err(error) => return Err(error.into()),
        }
        self.sweep::<Session>().await?;
        Ok(answer)
    }

    /// Tokens for a person, without any record.
    pub(super) async fn delegated_token(
        &self,
        subject: &Subject<'_>,
        asked: &Asked,
        nonce: Option<&str>,
        held: Held<'_>,
    ) -> Result<TokenAnswer, AppError> {
        let Subject { application, user, .. } = subject;
        let mut claims = self.claims(application, asked)?;
        claims.oid.clone_from(&user.id);
        claims.sub.clone_from(&user.id);
        claims.upn = Some(user.user_principal_name.clone());
        claims.unique_name.clone_from(&claims.upn);
        claims.name = Some(user.display_name.clone());
        claims.scp = Some("user_impersonation".to_owned());
        claims.sg_stamp = user.stamp;
        claims.sg_app = Some((application.id.clone(), application.stamp));
        claims.sg_session = Some(held.session.to_owned());
        let id_token = match asked.openid {
            true => Some(self.id_token(&claims, nonce).await?),
            false => None,
        };
        let info = json!({"uid": user.id, "utid": &*self.tenant});
        let delegated = Delegated {
            scope: asked.given(),
            refresh_token: held.refresh_token,
            id_token,
            client_info: URL_SAFE_NO_PAD.encode(info.to_string()),
        };
        self.answer(&claims, Some(delegated)).await
    }

    async fn id_token(&self, of: &AccessClaims, nonce: Option<&str>) -> Result<String, AppError> {
        let mut claims = json!({
            "aud": of.appid,
            "iss": openid_issuer(&self.tenant),
            "iat": of.iat,
            "nbf": of.nbf,
            "exp": of.exp,
            "oid": of.oid,
            "tid": of.tid,
            "sub": of.sub,
            "preferred_username": of.upn,
            "name": of.name,
            "ver": "2.0",
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        self.keyring().await?.signing().sign(&claims)
    }

    async fn answer(
        &self,
        claims: &AccessClaims,
        delegated: Option<Delegated>,
    ) -> Result<TokenAnswer, AppError> {
        Ok(TokenAnswer {
            access_token: self.keyring().await?.signing().sign(claims)?,
            resource: claims.aud.clone(),
            begins: claims.nbf,
            expires: claims.exp,
            delegated,
        })
    }

    /// What all access tokens say. For whom is filled in by who asks.
    fn claims(&self, application: &Application, asked: &Asked) -> Result<AccessClaims, AppError> {
        let now = clock::unix_seconds(self.engine.clock.now());
        Ok(AccessClaims {
            aud: asked.resource.clone(),
            iss: issuer(&self.tenant),
            iat: now,
            nbf: now,
            exp: now + ACCESS_TOKEN_SECONDS,
            oid: String::new(),
            tid: self.tenant.to_string(),
            sub: String::new(),
            appid: application.client_id.clone(),
            upn: None,
            unique_name: None,
            name: None,
            app_displayname: None,
            scp: None,
            ver: "1.0".to_owned(),
            uti: clock::guid().map_err(AppError::internal)?,
            sg_stamp: 0,
            sg_app: None,
            sg_session: None,
        })
    }
}

/// What the audit says of a sign-in.
pub(super) fn signed_in(subject: &Subject<'_>, asked: &Asked, grant: &str) -> serde_json::Value {
    json!({
        "grant": grant,
        "application": subject.application.client_id,
        "audience": asked.resource,
    })
}
