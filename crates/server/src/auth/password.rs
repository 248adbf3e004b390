//! Passwords: Argon2id, on threads that may take long.

use crate::app::AppError;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// What trying one costs: 19 MiB and two passes, as the OWASP Password Storage Cheat Sheet
/// asks for.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;

/// Passwords that are tried at a time: guessing must not take all memory.
static TRYING: Semaphore = Semaphore::const_new(4);

const CHARACTERS_MIN: usize = 12;
const BYTES_MAX: usize = 1_024;

/// What is compared when there is no such user, so that it takes as long.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| hash("nobody has this password").ok());

fn hasher() -> Result<Argon2<'static>, AppError> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(AppError::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Result<String, AppError> {
    let hash = hasher()?.hash_password(password.as_bytes()).map_err(AppError::internal)?;
    Ok(hash.to_string())
}

/// What is stored of a new password.
///
/// # Errors
///
/// When it is too short or too long.
pub async fn hash_new(password: &str) -> Result<String, AppError> {
    if password.chars().count() < CHARACTERS_MIN || password.len() > BYTES_MAX {
        let message = format!("A password needs at least {CHARACTERS_MIN} characters.");
        return Err(AppError::invalid("WeakPassword", message));
    }
    let password = zeroize::Zeroizing::new(password.to_owned());
    slowly(move || hash(&password)).await?
}

/// Whether a password is the one that was stored. Without a stored one it is not, and
/// finding that out takes as long.
pub async fn verify(stored: Option<String>, given: &str) -> bool {
    if given.len() > BYTES_MAX {
        return false;
    }
    let given = zeroize::Zeroizing::new(given.to_owned());
    let is_right = slowly(move || {
        let known = stored.as_ref().or(NOBODY.as_ref());
        let Some(Ok(known)) = known.map(|text| PasswordHash::new(text)) else { return false };
        let verified =
            hasher().is_ok_and(|it| it.verify_password(given.as_bytes(), &known).is_ok());
        verified && stored.is_some()
    });
    is_right.await.unwrap_or(false)
}

async fn slowly<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AppError> {
    let _turn = TRYING.acquire().await.map_err(AppError::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(AppError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_passes() {
        let stored = hash_new("correct horse battery").await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(!stored.contains("horse"));
        assert!(verify(Some(stored.clone()), "correct horse battery").await);
        assert!(!verify(Some(stored.clone()), "correct horse batterz").await);
        assert!(!verify(None, "nobody has this password").await);
        assert!(!verify(Some("damaged".into()), "correct horse battery").await);
        assert_ne!(stored, hash_new("correct horse battery").await.unwrap());
    }

    #[tokio::test]
    async fn a_short_password_is_refused() {
        assert_eq!(hash_new("short").await.unwrap_err().code, "WeakPassword");
        assert_eq!(hash_new(&"x".repeat(2_000)).await.unwrap_err().code, "WeakPassword");
    }
}
