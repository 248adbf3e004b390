//! Applications that sign in: who they say they are, and what shows it.

use super::refusal::{Refusal, SignInError};
use crate::app::App;
use crate::app::data::Known;
use crate::app::directory::Application;
use crate::app::error::AppError;
use url::Url;

/// What an application shows of itself.
#[derive(Default)]
pub struct ClientProof {
    pub client_id: String,
    pub secret: Option<String>,
    /// A JWT that its certificate's key signed.
    pub assertion: Option<String>,
    /// Where it is, if that is known.
    pub address: Option<String>,
}

impl App {
    /// The application with a client id, if there is one.
    pub(super) async fn application_of(
        &self,
        client_id: &str,
    ) -> Result<Option<Known<Application>>, AppError> {
        let found = self.application(client_id).await?;
        Ok(found.filter(|it| it.client_id.eq_ignore_ascii_case(client_id)))
    }

    /// The application with a client id.
    pub(super) async fn client(&self, client_id: &str) -> Result<Known<Application>, SignInError> {
        let found = self.application_of(client_id).await?;
        found.ok_or_else(|| Refusal::unknown_client(client_id).into())
    }

    /// The application, when it shows what it has to show. A public one has nothing to show
    /// and never signs in alone.
    pub(super) async fn prove_client(
        &self,
        proof: &ClientProof,
        alone: bool,
    ) -> Result<Known<Application>, SignInError> {
        let application = self.client(&proof.client_id).await?;
        let is_shown = proof.secret.is_some() || proof.assertion.is_some();
        if application.is_public {
            return match (is_shown, alone) {
                (true, _) => Err(Refusal::public_client().into()),
                (false, true) => Err(Refusal::public_alone().into()),
                (false, false) => Ok(application),
            };
        }
        if let Some(assertion) = &proof.assertion {
            self.use_assertion(&application, assertion).await?;
            return Ok(application);
        }
        let Some(secret) = &proof.secret else { return Err(Refusal::missing_proof().into()) };
        if application.has_secret(secret, self.engine.clock.now()) {
            return Ok(application);
        }
        Err(Refusal::wrong_secret(&proof.client_id).into())
    }
}

/// Whether codes of an application may be sent somewhere: the address is registered as it
/// is, or is one of this machine that differs in its port alone (RFC 8252).
#[must_use]
pub fn is_redirect_of(application: &Application, uri: &str) -> bool {
    let portless = |text: &str| {
        let mut url = Url::parse(text).ok()?;
        let is_loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "http" || !is_loopback || url.fragment().is_some() {
            return None;
        }
        url.set_port(None).ok()?;
        Some(url)
    };
    application.redirect_uris.iter().any(|registered| {
        registered == uri || portless(registered).is_some_and(|known| portless(uri) == Some(known))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application(uris: &[&str]) -> Application {
        serde_json::from_value(serde_json::json!({
            "id": "i", "clientId": "c", "displayName": "d", "isPublic": true, "created": 0,
            "redirectUris": uris,
        }))
        .unwrap()
    }

    #[test]
    fn codes_go_where_they_are_registered_to_go() {
        let known = application(&["https://app.example.org/back", "http://localhost"]);
        for (uri, is_right) in [
            ("https://app.example.org/back", true),
            ("https://app.example.org/back/", false),
            ("https://app.example.org/back?x=1", false),
            ("https://app.example.org:444/back", false),
            ("http://app.example.org/back", false),
            ("http://localhost:43001", true),
            ("http://localhost:43001/", true),
            ("http://localhost:43001/other", false),
            ("http://127.0.0.1:43001", false),
            ("https://localhost:43001", false),
            ("http://localhost:1@evil.example", false),
            ("http://somebody@localhost:1", false),
            ("http://localhost.evil.example", false),
            ("http://localhost:1#x", false),
            ("", false),
        ] {
            assert_eq!(is_redirect_of(&known, uri), is_right, "{uri}");
        }
    }
}
