//! The rest of a request's address, behind the trigger's own.
//!
//! Source: "Receive and respond to inbound HTTPS calls", relative paths. Parameters
//! are percent-decoded after matching, so that a coded slash stays in its segment.

use crate::definition::{RelativePath, Segment};
use expr::value::eq_ignore_case;
use expr::{Object, Str};

impl RelativePath {
    /// Reads `a/{b}/c`. `None` when a segment mixes text and braces, or two
    /// parameters share a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<RelativePath> {
        let mut segments = Vec::new();
        for part in parts(text) {
            let segment = match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) if !name.is_empty() && !name.contains(['{', '}']) => {
                    Segment::Parameter(name.into())
                }
                None if !part.is_empty() && !part.contains(['{', '}']) => {
                    Segment::Literal(part.into())
                }
                _ => return None,
            };
            if matches!(segment, Segment::Parameter(_)) && segments.contains(&segment) {
                return None;
            }
            segments.push(segment);
        }
        Some(RelativePath(segments))
    }

    /// The parameters in the path of an address, decoded, when it matches.
    /// Literal segments ignore letter case.
    #[must_use]
    pub fn matches(&self, path: &str) -> Option<Object> {
        let parts: Vec<&str> = parts(path).collect();
        if parts.len() != self.0.len() {
            return None;
        }
        let mut parameters = Object::new();
        for (segment, part) in self.0.iter().zip(parts) {
            let value = decode(part);
            match segment {
                Segment::Literal(text) if eq_ignore_case(text, &value) => {}
                Segment::Parameter(name) if !value.is_empty() => {
                    parameters.insert(name.clone(), Str::from(value));
                }
                _ => return None,
            }
        }
        Some(parameters)
    }
}

/// Segments without the empty ones at both ends.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_empty = path.is_empty();
    path.split('/').filter(move |_| !is_empty)
}

/// Percent-decoding; what is not valid stays as it is written.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let coded = bytes.get(at + 1..at + 3).and_then(|digits| {
            let high = char::from(digits[0]).to_digit(16)?;
            let low = char::from(digits[1]).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        });
        match (bytes[at], coded) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, path: &str) -> Option<String> {
        let parameters = RelativePath::parse(pattern).unwrap().matches(path)?;
        Some(expr::json::to_string(&parameters.into()))
    }

    #[test]
    fn segments_match_and_decode() {
        let cases = [
            ("address/{postalCode}", "/address/98%20052", Some(r#"{"postalCode":"98 052"}"#)),
            ("address/{postalCode}", "ADDRESS/1/", Some(r#"{"postalCode":"1"}"#)),
            ("{a}/{b}", "x%2Fy/z", Some(r#"{"a":"x/y","b":"z"}"#)),
            ("{a}", "100%", Some(r#"{"a":"100%"}"#)),
            ("{a}", "%ff", Some(r#"{"a":"%ff"}"#)),
            ("{a}", "%C3%A4", Some(r#"{"a":"ä"}"#)),
            ("a/{b}", "a", None),
            ("a/{b}", "a/", None),
            ("a/{b}", "a/1/2", None),
            ("a/{b}", "c/1", None),
            ("{a}/{b}", "//1", None),
            ("", "", Some("{}")),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(matched(pattern, path).as_deref(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn odd_patterns_are_refused() {
        for pattern in ["a{b}", "{}", "{a", "a//b", "{a}/{a}", "{{a}}"] {
            assert_eq!(RelativePath::parse(pattern), None, "{pattern}");
        }
    }
}
