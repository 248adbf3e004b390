//! Names of mail folders as IMAP writes them: modified UTF-7 (RFC 3501, 5.1.3).

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig, general_purpose::NO_PAD};

const CONFIG: GeneralPurposeConfig = NO_PAD;
const ENGINE: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, CONFIG);

/// The name of the folder that everything arrives in.
pub(super) const INBOX: &str = "INBOX";

/// A folder's name as a quoted string of a command; `None` if it cannot be one.
pub(super) fn quoted(name: &str) -> Option<String> {
    let encoded = encode(name);
    quote(&encoded)
}

/// A quoted string; `None` for text that needs another form.
pub(super) fn quote(text: &str) -> Option<String> {
    if !text.is_ascii() || text.bytes().any(|byte| byte.is_ascii_control()) {
        return None;
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// What stands for a folder that a flow names: Outlook's inbox has a fixed name here.
pub(super) fn resolve(name: &str) -> &str {
    let name = name.trim().trim_matches('/');
    if name.is_empty() || name.eq_ignore_ascii_case(INBOX) { INBOX } else { name }
}

fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut wide: Vec<u8> = Vec::new();
    for letter in name.chars() {
        if (' '..='~').contains(&letter) {
            shift_out(&mut wide, &mut out);
            out.push(letter);
            if letter == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                wide.extend_from_slice(&unit.to_be_bytes());
            }
        }
    }
    shift_out(&mut wide, &mut out);
    out
}

fn shift_out(wide: &mut Vec<u8>, out: &mut String) {
    if !wide.is_empty() {
        out.push('&');
        out.push_str(&ENGINE.encode(&wide));
        out.push('-');
        wide.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_the_standard_shows() {
        assert_eq!(encode("~peter/mail/台北/日本語"), "~peter/mail/&U,BTFw-/&ZeVnLIqe-");
        assert_eq!(encode("Q&A"), "Q&-A");
        assert_eq!(quoted("Entwürfe \"1\"").unwrap(), "\"Entw&APw-rfe \\\"1\\\"\"");
        assert_eq!(quoted("a\r\nb").unwrap(), "\"a&AA0ACg-b\"");
        assert_eq!(resolve("Inbox"), INBOX);
    }
}
