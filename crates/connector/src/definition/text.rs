//! The text of a connector's file, as files in the wild are.
//!
//! Most are JSON. Some were written by hand: they have comments, a comma before a closing
//! bracket, a tab or a line break inside a string, or bytes of another encoding. The tools
//! of the original read those too, so a second reading mends them; what is kept of a
//! connector is the file as it came.

use super::Fault;
use serde_json::Value;
use std::borrow::Cow;

/// The text of a file: UTF-8, UTF-16 with its mark, or else UTF-8 in which bytes that are
/// none are taken for Latin-1, as editors that wrote them did.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let wide = |big: bool| {
        let unit = |pair: &[u8]| {
            let pair = [pair[0], pair.get(1).copied().unwrap_or_default()];
            if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
        };
        let units: Vec<u16> = bytes[2..].chunks(2).map(unit).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xfe, 0xff, ..] => return wide(true),
        [0xff, 0xfe, ..] => return wide(false),
        _ => {}
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    Cow::Owned(text)
}

/// A document's JSON.
pub(super) fn json(text: &str, what: &str) -> Result<Value, Fault> {
    let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\0', '\u{1a}']);
    serde_json::from_str(text).or_else(|error| {
        // the fault of the text as it came is the one that its author can find
        serde_json::from_str(&mended(text))
            .map_err(|_| Fault::at("$", format!("{what} is no JSON: {error}.")))
    })
}

/// The text without comments and surplus commas, control characters in strings escaped.
fn mended(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut characters = text.chars().peekable();
    let mut is_string = false;
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                is_string = !is_string;
                out.push('"');
            }
            '\\' if is_string => {
                out.push('\\');
                out.extend(characters.next());
            }
            control if is_string && control < ' ' => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            '/' if !is_string && characters.peek() == Some(&'/') => {
                while characters.peek().is_some_and(|it| *it != '\n') {
                    characters.next();
                }
            }
            '/' if !is_string && characters.peek() == Some(&'*') => {
                let mut before = ' ';
                characters.next();
                for it in characters.by_ref() {
                    if before == '*' && it == '/' {
                        break;
                    }
                    before = it;
                }
            }
            ']' | '}' if !is_string => {
                let kept = out.trim_end();
                if let Some(kept) = kept.strip_suffix(',') {
                    out.truncate(kept.len());
                }
                out.push(character);
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_people_write_by_hand_is_read() {
        let cases = [
            ("\u{feff}{\"a\": 1}", json!({"a": 1})),
            ("{\"a\": [1, 2,\n],\n}", json!({"a": [1, 2]})),
            ("{\"a\": \"x\ty\"}", json!({"a": "x\ty"})),
            ("{// one\n\"a\": /* two, ] */ 1}", json!({"a": 1})),
            ("{\"a\": \"b//c,]\",}", json!({"a": "b//c,]"})),
            ("{\"a\": \"\\\",]\",}", json!({"a": "\",]"})),
            ("{\"a\": 1}\0", json!({"a": 1})),
        ];
        for (text, expected) in cases {
            assert_eq!(super::json(text, "It").unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_said_with_its_place() {
        let fault = super::json("{\"a\": }", "The definition").unwrap_err();
        assert!(fault.message.contains("The definition is no JSON"), "{fault}");
        assert!(fault.message.contains("line 1 column 7"), "{fault}");
        for text in ["", "{", "\"", "/*", "//", "\\", "[,]x", "{\"a\": \"b"] {
            assert!(super::json(text, "It").is_err(), "{text}");
        }
    }

    #[test]
    fn other_encodings_are_read() {
        assert_eq!(decode(b"{}"), "{}");
        assert_eq!(decode(b"a\xadb\xc3\xa4"), "a\u{ad}b\u{e4}");
        assert_eq!(decode(b"\xff\xfea\0b\0"), "ab");
        assert_eq!(decode(b"\xfe\xff\0a\0b"), "ab");
        assert_eq!(decode(b"\xff\xfea"), "a");
    }
}
