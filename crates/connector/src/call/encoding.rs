//! Text in addresses.

use crate::definition::decoded;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::form_urlencoded;

/// Everything but what RFC 3986 leaves as it is; `encodeURIComponent` of the language
/// encodes the same.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Text as a piece of an address has it.
#[must_use]
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A literal piece of a path: written as it is, but for what no address may have.
pub(super) fn written_literal(text: &str) -> String {
    let plain = |it: char| it.is_ascii_graphic() && !matches!(it, '"' | '<' | '>' | '^' | '`');
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if plain(character) {
            out.push(character);
        } else {
            out.push_str(&encoded(character.encode_utf8(&mut [0; 4])));
        }
    }
    out
}

pub(super) fn append_query(target: &mut String, query: &[(String, String)]) {
    for (at, (name, value)) in query.iter().enumerate() {
        target.push(if at == 0 { '?' } else { '&' });
        // OData names begin with a dollar, which services look for as it is
        target.push_str(&encoded(name).replace("%24", "$"));
        target.push('=');
        target.push_str(&encoded(value));
    }
}

/// The names and values of a query.
pub(crate) fn read_query(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// Whether a segment of a path would lead to another: `..` is taken for a step up on the
/// way, in whatever encoding.
pub(crate) fn leads_elsewhere(segment: &str) -> bool {
    matches!(decoded(&decoded(segment)).as_str(), "." | "..")
}

/// Names and values as the body of a form.
pub(super) fn write_form(fields: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
