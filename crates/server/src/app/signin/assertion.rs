//! Assertions that were used: each is good for once.

use super::expiry::Expiring;
use super::refusal::{Refusal, SignInError};
use crate::app::App;
use crate::app::data::{Change, Kind, Known, Stored};
use crate::app::directory::Application;
use crate::app::error::ErrorKind;
use crate::auth::assertion::{AssertionClaims, AssertionFault, read};
use crate::auth::caller::Caller;
use crate::clock;
use crate::limits::{ASSERTION_SECONDS_MAX, CLOCK_LEEWAY_SECONDS};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::RecordKey;
use url::Url;

/// An assertion that was used, until it would have ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct UsedAssertion {
    /// Of the application and of what it called the assertion.
    id: String,
    /// Ticks.
    expires: i64,
}

impl Stored for UsedAssertion {
    const KIND: Kind = Kind::UsedAssertion;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![self.expiry_key()]
    }
}

impl Expiring for UsedAssertion {
    const BY_EXPIRY: u8 = 1;

    fn expires(&self) -> i64 {
        self.expires
    }
}

impl App {
    /// Believes an assertion of an application, once.
    pub(super) async fn use_assertion(
        &self,
        application: &Application,
        assertion: &str,
    ) -> Result<(), SignInError> {
        let now = self.engine.clock.now();
        let certificates: Vec<Vec<u8>> = application
            .certificates
            .iter()
            .filter(|it| it.expires > now)
            .filter_map(|it| STANDARD.decode(&it.content).ok())
            .collect();
        let claims = read(assertion, &certificates).map_err(|fault| match fault {
            AssertionFault::Malformed => {
                Refusal::assertion(50_027, "The client assertion is not a JWT that is signed with RS256 or PS256.")
            }
            AssertionFault::UnknownCertificate => Refusal::assertion(
                700_027,
                "The certificate with identifier used to sign the client assertion is not registered on application, or has expired.",
            ),
            AssertionFault::Signature => Refusal::assertion(
                700_027,
                "Client assertion failed signature validation.",
            ),
        })?;
        self.check_claims(application, &claims, clock::unix_seconds(now))?;
        let mut hash = Sha256::new();
        hash.update(application.id.as_bytes());
        hash.update(claims.jti.as_bytes());
        let used = Known::new(UsedAssertion {
            id: URL_SAFE_NO_PAD.encode(hash.finalize()),
            expires: clock::from_unix_seconds(claims.exp + CLOCK_LEEWAY_SECONDS),
        });
        let caller = Caller::application(&application.id, Vec::new());
        match self.apply(&caller, Change::default().put(&used)?).await {
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::Conflict => {
                return Err(
                    Refusal::assertion(50_013, "The client assertion was used before.").into()
                );
            }
            Err(error) => return Err(error.into()),
        }
        Ok(self.sweep::<UsedAssertion>().await?)
    }

    fn check_claims(
        &self,
        application: &Application,
        claims: &AssertionClaims,
        now: i64,
    ) -> Result<(), Refusal> {
        let is_itself = [&claims.iss, &claims.sub]
            .iter()
            .all(|name| name.eq_ignore_ascii_case(&application.client_id));
        if !is_itself || claims.jti.is_empty() {
            let message = "The client assertion has to name the application as 'iss' and 'sub', and to have a 'jti'.";
            return Err(Refusal::assertion(700_021, message));
        }
        if !self.is_token_address(&claims.aud) {
            let message =
                "The client assertion's audience is not the address of the token endpoint.";
            return Err(Refusal::assertion(700_023, message));
        }
        let is_in_time = claims.exp.saturating_add(CLOCK_LEEWAY_SECONDS) > now
            && claims.exp <= now + ASSERTION_SECONDS_MAX + CLOCK_LEEWAY_SECONDS
            && claims.nbf <= now + CLOCK_LEEWAY_SECONDS;
        if !is_in_time {
            let message = format!(
                "Client assertion is not within its valid time range: it may last {ASSERTION_SECONDS_MAX} seconds."
            );
            return Err(Refusal::assertion(700_024, &message));
        }
        Ok(())
    }

    /// Whether it is the address of a token endpoint, whatever this server is called.
    fn is_token_address(&self, text: &str) -> bool {
        let Ok(url) = Url::parse(text) else { return false };
        let mut segments = url.path().trim_start_matches('/').splitn(2, '/');
        let (tenant, rest) = (segments.next().unwrap_or_default(), segments.next());
        self.is_tenant(tenant)
            && matches!(rest, Some("oauth2/v2.0/token" | "oauth2/token"))
            && matches!(url.scheme(), "https" | "http")
    }

    /// Whether a path names our tenant.
    #[must_use]
    pub fn is_tenant(&self, name: &str) -> bool {
        [&*self.tenant, "common", "organizations"].iter().any(|it| name.eq_ignore_ascii_case(it))
    }
}
