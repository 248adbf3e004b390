//! From what a request carries to who makes it.

use super::App;
use super::error::{AppError, ErrorKind};
use super::signin::{audience, token_issuer};
use crate::auth::caller::Caller;
use crate::auth::jwt::{AccessClaims, TokenFault};

/// What a token was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// `/api/v1`.
    Native,
    /// Resource providers: flows, connectors, environments.
    Providers,
    /// Connectors, over connections.
    Connectors,
    /// Look-ups of users and groups.
    Graph,
}

impl App {
    /// Who is behind a bearer token: a root key, or what was signed for this surface.
    pub(crate) async fn caller_of(
        &self,
        token: Option<&str>,
        surface: Surface,
    ) -> Result<Caller, AppError> {
        let Some(token) = token else {
            let code = match surface {
                Surface::Native => "TokenMissing",
                Surface::Providers | Surface::Connectors | Surface::Graph => "AuthenticationFailed",
            };
            return Err(refusal(code, "This needs a token: 'Authorization: Bearer TOKEN'."));
        };
        if let Some(caller) = self.tokens.caller(token) {
            return Ok(caller);
        }
        if let Some(caller) = self.caller_of_key(token).await? {
            return Ok(caller);
        }
        if surface == Surface::Native && token.split('.').count() != 3 {
            tracing::debug!(?surface, "a token that is not known");
            return Err(refusal("InvalidToken", "The token is not known."));
        }
        if let Some(caller) = self.caller_from_outside(token).await? {
            return Ok(caller);
        }
        let issuer = token_issuer(&self.tenant);
        let claims = self.check_token(token, &issuer).await?.map_err(|fault| {
            tracing::debug!(?surface, ?fault, "a token that is not believed");
            match fault {
                TokenFault::Invalid | TokenFault::UnknownKey => {
                    invalid("The access token is not one of this server.")
                }
                TokenFault::Expired => {
                    refusal("ExpiredAuthenticationToken", "The access token has expired.")
                }
            }
        })?;
        if !audience::is_of(surface, &claims.aud) {
            let message = format!(
                "The access token is for '{}', which is another audience than this needs.",
                claims.aud
            );
            return Err(refusal("InvalidAuthenticationAudience", &message));
        }
        self.caller_behind(&claims).await
    }

    /// Who is signed in in a browser.
    pub(crate) async fn caller_in_browser(&self, cookie: &str) -> Result<Caller, AppError> {
        let ended =
            || refusal("SessionEnded", "Nobody is signed in in this browser, or not any more.");
        let user = self.browser_user(cookie).await?.ok_or_else(ended)?;
        let principal = self.principal(&user.id).await?.ok_or_else(ended)?;
        if !principal.is_enabled || principal.stamp != user.stamp {
            return Err(ended());
        }
        Ok(principal.caller)
    }

    /// Who a token stands for, unless that has ended since it was signed.
    async fn caller_behind(&self, claims: &AccessClaims) -> Result<Caller, AppError> {
        let ended = || invalid("The access token has been revoked.");
        if claims.tid != *self.tenant {
            return Err(invalid("The access token is one of another tenant."));
        }
        if let Some((application, stamp)) = &claims.sg_app {
            let application = self.principal(application).await?.ok_or_else(ended)?;
            if !application.is_enabled || application.stamp != *stamp {
                return Err(ended());
            }
        }
        if let Some(session) = &claims.sg_session
            && !self.is_live_session(session).await?
        {
            return Err(ended());
        }
        let principal = self.principal(&claims.oid).await?.ok_or_else(ended)?;
        if !principal.is_enabled || principal.stamp != claims.sg_stamp {
            return Err(ended());
        }
        Ok(principal.caller)
    }
}

fn invalid(message: &str) -> AppError {
    refusal("InvalidAuthenticationToken", message)
}

fn refusal(code: &'static str, message: &str) -> AppError {
    AppError::new(ErrorKind::Unauthenticated, code, message)
}
