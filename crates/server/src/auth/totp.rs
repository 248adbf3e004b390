//! Codes that change with the time (RFC 6238), as apps on phones show them: SHA-1, six
//! digits, 30 seconds. Other numbers are in the standard and not in the apps.

use crate::clock::random_bytes;
use aws_lc_rs::hmac;
use std::fmt::Write as _;
use subtle::ConstantTimeEq;

const STEP_SECONDS: i64 = 30;
const DIGITS: usize = 6;

/// Steps that clocks may be apart.
const STEPS_APART: i64 = 1;

const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret: as long as what the hash gives.
pub fn new_secret() -> Result<[u8; 20], getrandom::Error> {
    random_bytes()
}

/// RFC 4648, without padding.
#[must_use]
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits) as usize & 31]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits)) as usize & 31]));
    }
    text
}

/// The code of a step.
#[must_use]
fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let hash = tag.as_ref();
    let at = usize::from(hash.last().copied().unwrap_or_default() & 15);
    let part = hash.get(at..at + 4).unwrap_or(&[0; 4]);
    let number = part.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
    format!("{:0DIGITS$}", (number & 0x7fff_ffff) % 1_000_000)
}

/// The code that an app shows at a moment.
#[must_use]
pub fn code_at(secret: &[u8], unix_seconds: i64) -> String {
    code(secret, unix_seconds.div_euclid(STEP_SECONDS))
}

/// The step whose code was given: one of about now, and after the last one that was used.
/// Takes as long for any wrong one.
#[must_use]
pub fn step_of(secret: &[u8], given: &str, unix_seconds: i64, after: i64) -> Option<i64> {
    let now = unix_seconds.div_euclid(STEP_SECONDS);
    let mut found = None;
    for step in now - STEPS_APART..=now + STEPS_APART {
        let is_right = bool::from(code(secret, step).as_bytes().ct_eq(given.as_bytes()));
        if is_right && step > after {
            found = Some(step);
        }
    }
    found
}

/// What an app reads: "Key Uri Format" of its authors.
#[must_use]
pub fn uri(account: &str, secret: &[u8]) -> String {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    let account = utf8_percent_encode(account, NON_ALPHANUMERIC);
    let secret = base32(secret);
    format!("otpauth://totp/Sluicegate:{account}?secret={secret}&issuer=Sluicegate")
}

/// A code to be kept on paper: 80 random bits.
pub fn recovery_code() -> Result<String, getrandom::Error> {
    let letters = base32(&random_bytes::<10>()?);
    let mut code = String::new();
    for (at, letter) in letters.chars().enumerate() {
        let gap = if at > 0 && at % 4 == 0 { "-" } else { "" };
        let _ = write!(code, "{gap}{letter}");
    }
    Ok(code)
}

/// A code as it is compared: without what people put in between.
#[must_use]
pub fn plain(given: &str) -> String {
    let kept = given.chars().filter(char::is_ascii_alphanumeric).take(32);
    kept.map(|letter| letter.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, Appendix B: the last six of eight digits
        let secret = b"12345678901234567890";
        for (time, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(secret, time), expected, "{time}");
        }
    }

    #[test]
    fn a_code_is_of_about_now_and_used_once() {
        let secret = b"12345678901234567890";
        let now = 1_111_111_111;
        let step = now / STEP_SECONDS;
        assert_eq!(step_of(secret, "050471", now, 0), Some(step));
        assert_eq!(step_of(secret, "050471", now + 30, 0), Some(step));
        assert_eq!(step_of(secret, "050471", now - 30, 0), Some(step));
        assert_eq!(step_of(secret, "050471", now + 60, 0), None);
        assert_eq!(step_of(secret, "050471", now, step), None);
        for wrong in ["", "50471", "0504710", "050472"] {
            assert_eq!(step_of(secret, wrong, now, 0), None, "{wrong}");
        }
    }

    #[test]
    fn base32_is_that_of_the_standard() {
        // RFC 4648, section 10
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        let code = recovery_code().unwrap();
        assert_eq!((code.len(), plain(&code).len()), (19, 16));
        assert_eq!(plain(&code.to_lowercase()), code.replace('-', ""));
        assert!(uri("a b@c", b"f").starts_with("otpauth://totp/Sluicegate:a%20b%40c?secret=MY&"));
    }
}
