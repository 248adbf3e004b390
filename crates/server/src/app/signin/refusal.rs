//! Why a sign-in is refused: codes and words as identity clients know them.

use crate::app::directory::User;
use crate::app::error::AppError;
use crate::limits::{PASSKEY_NAME_CHARACTERS_MAX, PASSKEYS_MAX};

/// A refusal. Its number begins the description: `AADSTS50126: ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The code of OAuth 2.
    pub error: &'static str,
    pub number: u32,
    pub message: String,
    /// The object id of who it is about, for the audit.
    pub user: Option<String>,
}

/// What goes wrong when somebody signs in.
#[derive(Debug)]
pub enum SignInError {
    Refused(Refusal),
    /// Not the caller's fault.
    Failed(AppError),
}

impl From<Refusal> for SignInError {
    fn from(refusal: Refusal) -> Self {
        SignInError::Refused(refusal)
    }
}

impl From<AppError> for SignInError {
    fn from(error: AppError) -> Self {
        SignInError::Failed(error)
    }
}

impl Refusal {
    pub fn new(error: &'static str, number: u32, message: impl Into<String>) -> Refusal {
        Refusal { error, number, message: message.into(), user: None }
    }

    /// The same about somebody.
    #[must_use]
    pub fn by(mut self, user: Option<User>) -> Refusal {
        self.user = user.map(|user| user.id);
        self
    }

    /// It is no refusal yet: the person has not decided.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.error == "authorization_pending"
    }

    /// `AADSTS<number>: <message>`.
    #[must_use]
    pub fn description(&self) -> String {
        format!("AADSTS{}: {}", self.number, self.message)
    }

    /// Somebody whom an issuer from outside did not let in, or not as it has to.
    pub(super) fn outside(reason: &str) -> Refusal {
        let message = format!("You were not signed in there: {reason}.");
        Refusal::new("access_denied", 50_107, message)
    }

    fn grant(number: u32, message: &str) -> Refusal {
        Refusal::new("invalid_grant", number, message)
    }

    fn client(number: u32, message: impl Into<String>) -> Refusal {
        Refusal::new("invalid_client", number, message)
    }

    fn request(number: u32, message: impl Into<String>) -> Refusal {
        Refusal::new("invalid_request", number, message)
    }

    #[must_use]
    pub fn missing(parameter: &str) -> Refusal {
        let message =
            format!("The request body must contain the following parameter: '{parameter}'.");
        Refusal::request(900_144, message)
    }

    #[must_use]
    pub fn repeated(parameter: &str) -> Refusal {
        let message = format!(
            "The request is not properly formatted. The parameter '{parameter}' is duplicated."
        );
        Refusal::request(9_000_411, message)
    }

    #[must_use]
    pub fn malformed(message: &str) -> Refusal {
        Refusal::request(9_002_313, message)
    }

    #[must_use]
    pub fn unknown_tenant(name: &str) -> Refusal {
        let message =
            format!("Tenant '{name}' not found. Check that it is the id of this server's tenant.");
        Refusal::new("invalid_tenant", 90_002, message)
    }

    #[must_use]
    pub fn unsupported_grant(given: &str) -> Refusal {
        let message = format!("The app requested an unsupported grant type '{given}'.");
        Refusal::new("unsupported_grant_type", 70_003, message)
    }

    #[must_use]
    pub fn unknown_client(id: &str) -> Refusal {
        let message = format!("Application with identifier '{id}' was not found in the directory.");
        Refusal::new("unauthorized_client", 700_016, message)
    }

    pub(super) fn wrong_secret(client: &str) -> Refusal {
        let message = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
        );
        Refusal::client(7_000_215, message)
    }

    pub(super) fn missing_proof() -> Refusal {
        let message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        Refusal::client(7_000_218, message)
    }

    pub(super) fn public_client() -> Refusal {
        let message = "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.";
        Refusal::client(700_025, message)
    }

    pub(super) fn public_alone() -> Refusal {
        let message = "A public client cannot sign in by itself: it needs somebody who signs in.";
        Refusal::new("unauthorized_client", 700_025, message)
    }

    pub(super) fn assertion(number: u32, message: &str) -> Refusal {
        Refusal::client(number, message)
    }

    pub(super) fn wrong_password() -> Refusal {
        Refusal::grant(50_126, "Error validating credentials due to invalid username or password.")
    }

    pub(super) fn locked() -> Refusal {
        Refusal::grant(
            50_053,
            "The account is locked. You've tried to sign in too many times with an incorrect user ID or password.",
        )
    }

    pub(super) fn disabled() -> Refusal {
        Refusal::grant(50_057, "The user account is disabled.")
    }

    pub(super) fn second_factor_needed() -> Refusal {
        let message = "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access this resource.";
        Refusal::grant(50_076, message)
    }

    pub(super) fn second_factor_there() -> Refusal {
        Refusal::request(50_079, "There is a second factor already: remove it first.")
    }

    pub(super) fn wrong_code() -> Refusal {
        Refusal::grant(
            500_121,
            "The code is not right, or was used before. Codes last half a minute.",
        )
    }

    pub(super) fn wrong_passkey() -> Refusal {
        Refusal::grant(500_121, "The passkey was not taken, or this page is too old. Try again.")
    }

    pub(super) fn passkey_there() -> Refusal {
        Refusal::request(50_079, "This passkey is there already.")
    }

    pub(super) fn too_many_passkeys() -> Refusal {
        let message = format!("There are {PASSKEYS_MAX} passkeys already: remove one first.");
        Refusal::request(50_079, message)
    }

    pub(super) fn passkey_name() -> Refusal {
        let message = format!(
            "A passkey needs a name of 1 to {PASSKEY_NAME_CHARACTERS_MAX} characters on one line."
        );
        Refusal::malformed(&message)
    }

    pub(super) fn no_passkeys_here() -> Refusal {
        let message = "Passkeys need this server to have a public address with a name, over https.";
        Refusal::request(50_079, message)
    }

    pub(super) fn fresh_needed() -> Refusal {
        let message = "It is a while since you signed in, or you did so without your second factor. Sign in again first.";
        Refusal::grant(50_078, message)
    }

    /// Whether signing in again is all that it takes.
    #[must_use]
    pub fn is_too_old(&self) -> bool {
        self.number == 50_078
    }

    /// Whether another code may be tried.
    #[must_use]
    pub fn is_wrong_code(&self) -> bool {
        self.number == 500_121
    }

    pub(super) fn consent(application: &str, client: &str) -> Refusal {
        let message = format!(
            "The user or administrator has not consented to use the application with ID '{client}' named '{application}'. Send an interactive authorization request for this user and resource."
        );
        Refusal::new("invalid_grant", 65_001, message)
    }

    pub(super) fn pending() -> Refusal {
        let message = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
        Refusal::new("authorization_pending", 70_016, message)
    }

    pub(super) fn device_expired() -> Refusal {
        Refusal::new("expired_token", 70_008, "The device code has expired. Begin again.")
    }

    pub(super) fn device_denied() -> Refusal {
        let message = "The person who was asked has refused.";
        Refusal::new("authorization_declined", 70_017, message)
    }

    pub(super) fn unknown_device() -> Refusal {
        let message = "The device code is not one that this server gave to the application.";
        Refusal::new("bad_verification_code", 70_018, message)
    }

    pub(super) fn code_expired() -> Refusal {
        Refusal::grant(70_008, "The provided authorization code has expired. Sign in again.")
    }

    pub(super) fn code_used() -> Refusal {
        Refusal::grant(54_005, "OAuth2 Authorization code was already redeemed. Sign in again.")
    }

    pub(super) fn unknown_grant() -> Refusal {
        Refusal::grant(70_000, "Provided grant is invalid or malformed.")
    }

    pub(super) fn wrong_redirect() -> Refusal {
        Refusal::grant(
            50_011,
            "The 'redirect_uri' is not the one that the code was asked for with.",
        )
    }

    pub(super) fn wrong_verifier() -> Refusal {
        Refusal::grant(
            501_481,
            "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        )
    }

    pub(super) fn session_ended() -> Refusal {
        Refusal::grant(
            50_173,
            "The provided grant has expired due to it being revoked, a fresh auth token is needed.",
        )
    }

    pub(super) fn session_expired() -> Refusal {
        Refusal::grant(700_082, "The refresh token has expired due to inactivity. Sign in again.")
    }

    pub(super) fn unknown_resource(name: &str) -> Refusal {
        let message = format!("The resource principal named '{name}' was not found in the tenant.");
        Refusal::new("invalid_resource", 500_011, message)
    }

    pub(super) fn several_resources() -> Refusal {
        let message = "The provided value for the input parameter 'scope' is not valid because it contains more than one resource.";
        Refusal::new("invalid_scope", 28_000, message)
    }

    pub(super) fn scope_without_default() -> Refusal {
        let message = "The provided value for scope is not valid. Client credential flows must have a scope value with '/.default' suffixed to the resource identifier.";
        Refusal::new("invalid_scope", 1_002_012, message)
    }

    #[must_use]
    pub fn unregistered_redirect(uri: &str) -> Refusal {
        let message = format!(
            "The redirect URI '{uri}' specified in the request does not match the redirect URIs configured for the application."
        );
        Refusal::request(50_011, message)
    }

    #[must_use]
    pub fn challenge_needed() -> Refusal {
        Refusal::request(
            9_002_325,
            "Proof Key for Code Exchange is required: expected 'code_challenge' with 'code_challenge_method' S256.",
        )
    }

    #[must_use]
    pub fn unsupported_response(given: &str) -> Refusal {
        let message = format!(
            "The response type or mode '{given}' is not supported: expected 'code', by query, fragment or form_post."
        );
        Refusal::new("unsupported_response_type", 700_054, message)
    }

    #[must_use]
    pub fn stale_form() -> Refusal {
        Refusal::request(
            165_000,
            "The form is not one that this browser was given. Go back and try again.",
        )
    }

    pub(super) fn too_many() -> Refusal {
        let message = "Too many have begun to sign in. Try again in a minute.";
        Refusal::new("temporarily_unavailable", 90_055, message)
    }
}
