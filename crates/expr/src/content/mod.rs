//! Bodies of messages to values and back.
//!
//! JSON is a value, `text/*` is a string, everything else is an envelope
//! `{"$content-type", "$content"}` with the bytes in base64; form posts and
//! multipart bodies carry their parts in the envelope too.
//!
//! A body without a content type is JSON when it parses as JSON, else an
//! `application/octet-stream` envelope; an empty one is null.

mod media;
mod multipart;

use crate::charset::Charset;
use crate::error::EvalError;
use crate::json::{self, JsonError};
use crate::value::{Object, Value};
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

pub(crate) use media::MediaType;

/// Property of an envelope: the content type.
pub const CONTENT_TYPE: &str = "$content-type";
/// Property of an envelope: the bytes in base64.
pub const CONTENT: &str = "$content";
/// Property of a form post: its fields.
pub const FORM_DATA: &str = "$formdata";
/// Property of a multipart body: its parts.
pub const MULTIPART: &str = "$multipart";

pub(crate) const OCTET_STREAM: &str = "application/octet-stream";

/// As the platform reads base64: padding is needed, unused bits do not matter.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// A body that is not what its content type says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    #[error("the body is not valid JSON: {0}")]
    Json(#[from] JsonError),
    #[error("the multipart body is not valid: {0}")]
    Multipart(&'static str),
}

/// The value of a body.
pub fn from_body(content_type: Option<&str>, body: &[u8]) -> Result<Value, ContentError> {
    from_body_at(content_type, body, 0)
}

fn from_body_at(
    content_type: Option<&str>,
    body: &[u8],
    depth: usize,
) -> Result<Value, ContentError> {
    let written = content_type.map(str::trim).filter(|written| !written.is_empty());
    let Some(written) = written else {
        if body.is_empty() {
            return Ok(Value::Null);
        }
        return Ok(json::parse(body).unwrap_or_else(|_| envelope(OCTET_STREAM, body).into()));
    };
    let media = MediaType::parse(written);
    if media.is_json() {
        return json_body(&media, body);
    }
    if media.is_text() {
        let charset = media.param("charset").map_or(Some(Charset::Utf8), Charset::find);
        if let Some(charset) = charset {
            return Ok(Value::from(charset.decode(body)));
        }
    }
    let mut envelope = envelope(written, body);
    if media.essence() == "application/x-www-form-urlencoded" {
        envelope.push_new(FORM_DATA, form_fields(body));
    } else if media.essence().starts_with("multipart/") {
        envelope.push_new(MULTIPART, multipart::parse(&media, body, depth)?);
    }
    Ok(envelope.into())
}

fn json_body(media: &MediaType<'_>, body: &[u8]) -> Result<Value, ContentError> {
    let charset = media.param("charset").and_then(Charset::find);
    if let Some(charset @ (Charset::Latin1 | Charset::Utf16Le | Charset::Utf16Be)) = charset {
        return Ok(json::parse(charset.decode(body).as_bytes())?);
    }
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    Ok(json::parse(body)?)
}

/// The fields of a form post. An empty piece between separators is a field, too: the
/// parser of URLs would leave it out.
fn form_fields(body: &[u8]) -> Value {
    let pieces = body.split(|byte| *byte == b'&').filter(|_| !body.is_empty());
    let fields = pieces.map(|piece| {
        let (key, value) = url::form_urlencoded::parse(piece).next().unwrap_or_default();
        let mut field = Object::with_capacity(2);
        field.push_new("key", &*key);
        field.push_new("value", &*value);
        Value::from(field)
    });
    Value::array(fields.collect())
}

/// The content type and bytes to send for a value: envelopes are decoded, text is
/// plain text, everything else JSON.
#[must_use]
pub fn to_body(value: &Value) -> (String, Vec<u8>) {
    match value {
        Value::String(text) => ("text/plain; charset=utf-8".to_owned(), text.as_bytes().to_vec()),
        Value::Object(object) => {
            envelope_body(object).unwrap_or_else(|| (json_type(), json::to_vec(value)))
        }
        other => (json_type(), json::to_vec(other)),
    }
}

fn json_type() -> String {
    "application/json; charset=utf-8".to_owned()
}

fn envelope_body(object: &Object) -> Option<(String, Vec<u8>)> {
    let content_type = object.get_exact(CONTENT_TYPE)?.as_str()?;
    match object.get_exact(CONTENT) {
        Some(Value::String(content)) => Some((content_type.to_owned(), decode_base64(content)?)),
        Some(_) => None,
        None => {
            let parts = object.get_exact(MULTIPART)?.as_array()?;
            Some(multipart::write(content_type, parts))
        }
    }
}

/// The bytes of a value: those of an envelope, else of its text form.
pub fn bytes_of(value: &Value) -> Result<Vec<u8>, EvalError> {
    let mut out = Vec::new();
    value.append_text(&mut out)?;
    Ok(out)
}

/// An envelope around some bytes.
#[must_use]
pub fn envelope(content_type: &str, bytes: &[u8]) -> Object {
    envelope_of_base64(content_type, encode_base64(bytes))
}

pub(crate) fn envelope_of_base64(content_type: &str, content: String) -> Object {
    let mut object = Object::with_capacity(3);
    object.push_new(CONTENT_TYPE, content_type);
    object.push_new(CONTENT, content);
    object
}

/// The base64 text of an envelope; none when the object is not an envelope.
pub(crate) fn envelope_content(object: &Object) -> Option<&str> {
    // Most objects are small and have no such name: test the cheap one first.
    let content = object.get_exact(CONTENT)?.as_str()?;
    object.get_exact(CONTENT_TYPE)?.as_str()?;
    Some(content)
}

pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Decodes base64; blanks and line ends inside do not matter.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    if let Ok(bytes) = BASE64.decode(text) {
        return Some(bytes);
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let dense: Vec<u8> = text.bytes().filter(|byte| !is_blank(byte)).collect();
    if dense.len() == text.len() {
        return None;
    }
    BASE64.decode(dense).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, body: &[u8]) -> String {
        json::to_string(&from_body(Some(content_type), body).unwrap())
    }

    #[test]
    fn content_type_decides_what_a_body_is() {
        assert_eq!(read("application/json; charset=utf-8", b"\xef\xbb\xbf{\"a\":1}"), "{\"a\":1}");
        assert_eq!(read("application/problem+json", b"[1]"), "[1]");
        assert_eq!(read("text/json", b" "), "null");
        assert_eq!(read("text/plain;charset=iso-8859-1", b"\xe9"), "\"é\"");
        let xml = r#"{"$content-type":"application/xml","$content":"PGEvPg=="}"#;
        assert_eq!(read("application/xml", b"<a/>"), xml);
        assert_eq!(from_body(None, b"[1]").unwrap(), Value::array(vec![1.into()]));
        assert!(from_body(None, b"hello").unwrap().get(CONTENT).is_some());
        assert!(from_body(Some("application/json"), b"hello").is_err());
    }

    #[test]
    fn form_posts_carry_their_fields() {
        let value =
            from_body(Some("application/x-www-form-urlencoded"), b"a=1+2&b=%C3%A9&a").unwrap();
        let fields =
            r#"[{"key":"a","value":"1 2"},{"key":"b","value":"é"},{"key":"a","value":""}]"#;
        assert_eq!(json::to_string(value.get(FORM_DATA).unwrap()), fields);
        assert_eq!(to_body(&value).1, b"a=1+2&b=%C3%A9&a");
        let value = from_body(Some("application/x-www-form-urlencoded"), b"a&x=y=z&&").unwrap();
        let fields = r#"[{"key":"a","value":""},{"key":"x","value":"y=z"},{"key":"","value":""},{"key":"","value":""}]"#;
        assert_eq!(json::to_string(value.get(FORM_DATA).unwrap()), fields);
    }

    #[test]
    fn values_are_sent_as_what_they_are() {
        assert_eq!(to_body(&"x".into()), ("text/plain; charset=utf-8".into(), b"x".to_vec()));
        assert_eq!(to_body(&1.into()), ("application/json; charset=utf-8".into(), b"1".to_vec()));
        let pdf = envelope("application/pdf", b"%PDF");
        assert_eq!(to_body(&pdf.into()), ("application/pdf".into(), b"%PDF".to_vec()));
    }

    #[test]
    fn base64_may_have_blanks() {
        assert_eq!(decode_base64("aGVs bG8=\r\n"), Some(b"hello".to_vec()));
        assert_eq!(decode_base64("aa"), None);
        assert_eq!(decode_base64("a%20a"), None);
    }
}
