//! The embedded directory: who there is, and what they may do.

pub mod application;
pub mod credential;
pub mod group;
pub mod key;
pub mod lookup;
pub mod outside;
pub mod principal;
pub mod role;
pub mod tenant;
pub mod user;

pub use application::Application;
pub use group::Group;
pub use key::ApiKey;
pub use outside::Outside;
pub use user::User;

use crate::app::AppError;
use crate::limits::CREDENTIAL_SECONDS_MAX;

/// How long a secret or a key is to be good for.
fn check_lifetime(seconds: Option<i64>) -> Result<(), AppError> {
    match seconds {
        Some(given) if !(1..=CREDENTIAL_SECONDS_MAX).contains(&given) => {
            let message =
                format!("The lifetime is {given} seconds; expected 1 to {CREDENTIAL_SECONDS_MAX}.");
            Err(AppError::invalid("InvalidLifetime", message))
        }
        _ => Ok(()),
    }
}
