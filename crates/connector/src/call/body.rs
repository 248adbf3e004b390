//! Bodies of requests.

use super::convert::text;
use super::encoding::write_form;
use crate::definition::{is_json, is_multipart, is_url_form};
use expr::content::{self, CONTENT, CONTENT_TYPE, ContentError, FORM_DATA, MULTIPART};
use expr::{Object, Value};

/// The body of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Json(Value),
    Text(String),
    Bytes(Vec<u8>),
    /// The fields of a form.
    Form(Vec<(String, String)>),
    Multipart(Vec<Part>),
}

/// A part of a multipart form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub file_name: Option<String>,
    pub content_type: Option<String>,
    pub content: Vec<u8>,
}

impl Body {
    /// What the body of an action is, and its type where the value says one: an envelope
    /// (`$content`), fields (`$formdata`), parts (`$multipart`), or else JSON.
    #[must_use]
    pub fn of_value(value: &Value) -> (Option<String>, Body) {
        let Some(object) = value.as_object() else { return (None, Body::Json(value.clone())) };
        let said = object.get_exact(CONTENT_TYPE).and_then(Value::as_str).map(str::to_owned);
        if let Some(fields) = object.get_exact(FORM_DATA).and_then(Value::as_array) {
            let field = |field: &Value| {
                let piece = |name: &str| field.get(name).map(text).unwrap_or_default();
                (piece("key"), piece("value"))
            };
            return (said, Body::Form(fields.iter().map(field).collect()));
        }
        if let Some(parts) = object.get_exact(MULTIPART).and_then(Value::as_array) {
            return (said, Body::Multipart(parts.iter().map(Part::of_value).collect()));
        }
        match envelope(value) {
            Some((media, bytes)) => (Some(media), Body::Bytes(bytes)),
            None => (None, Body::Json(value.clone())),
        }
    }

    /// The body of a request that came over HTTP.
    ///
    /// # Errors
    /// The bytes are not what the type says.
    pub fn read(content_type: Option<&str>, bytes: &[u8]) -> Result<Option<Body>, ContentError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let value = content::from_body(content_type, bytes)?;
        Ok(Some(match value {
            Value::String(text) if !content_type.is_some_and(is_json) => Body::Text(text.into()),
            value => Body::of_value(&value).1,
        }))
    }

    /// The content type and the bytes to send.
    #[must_use]
    pub fn write(&self, content_type: Option<&str>) -> (String, Vec<u8>) {
        let or = |otherwise: &str| content_type.unwrap_or(otherwise).to_owned();
        match self {
            Body::Json(value) => (or("application/json"), expr::json::to_vec(value)),
            Body::Text(text) => (or("text/plain; charset=utf-8"), text.clone().into_bytes()),
            Body::Bytes(bytes) => (or("application/octet-stream"), bytes.clone()),
            Body::Form(fields) => {
                (or("application/x-www-form-urlencoded"), write_form(fields).into_bytes())
            }
            Body::Multipart(parts) => write_parts(parts),
        }
    }

    /// The value of the body for what answers a call without HTTP.
    #[must_use]
    pub fn value(&self, content_type: Option<&str>) -> Value {
        match self {
            Body::Json(value) => value.clone(),
            Body::Text(text) => Value::from(text.as_str()),
            Body::Bytes(bytes) => {
                let media = content_type.unwrap_or("application/octet-stream");
                content::envelope(media, bytes).into()
            }
            Body::Form(fields) => {
                let fields = fields.iter();
                let fields =
                    fields.map(|(name, text)| (name.as_str().into(), text.as_str().into()));
                Object::from_pairs(fields.collect()).into()
            }
            Body::Multipart(parts) => {
                let parts = parts.iter().map(|part| (part.name.as_str().into(), part.value()));
                Object::from_pairs(parts.collect()).into()
            }
        }
    }
}

impl Part {
    /// A part as an action of the language has it: `{headers, body}`.
    fn of_value(value: &Value) -> Part {
        let header = |name: &str| value.get("headers")?.get(name)?.as_str();
        let disposition = header("Content-Disposition").unwrap_or_default();
        let body = value.get("body").unwrap_or(&Value::Null);
        let (media, content) = match envelope(body) {
            Some((media, bytes)) => (Some(media), bytes),
            None => (None, text(body).into_bytes()),
        };
        Part {
            name: disposition_value(disposition, "name").unwrap_or_default(),
            file_name: disposition_value(disposition, "filename"),
            content_type: header("Content-Type").map(str::to_owned).or(media),
            content,
        }
    }

    /// Text, or for a file its envelope.
    pub(super) fn value(&self) -> Value {
        let is_file = self.file_name.is_some();
        match std::str::from_utf8(&self.content) {
            Ok(text) if !is_file => match &self.content_type {
                Some(media) if is_json(media) => {
                    expr::json::parse(text.as_bytes()).unwrap_or_else(|_| text.into())
                }
                _ => Value::from(text),
            },
            _ => {
                let media = self.content_type.as_deref().unwrap_or("application/octet-stream");
                content::envelope(media, &self.content).into()
            }
        }
    }
}

/// The type and bytes of an envelope.
pub(super) fn envelope(value: &Value) -> Option<(String, Vec<u8>)> {
    let object = value.as_object()?;
    object.get_exact(CONTENT)?.as_str()?;
    object.get_exact(CONTENT_TYPE)?.as_str()?;
    let (media, bytes) = content::to_body(value);
    // what is no base64 comes back as the JSON of the envelope
    let is_envelope = object.get_exact(CONTENT_TYPE)?.as_str() == Some(media.as_str());
    is_envelope.then_some((media, bytes))
}

fn disposition_value(disposition: &str, name: &str) -> Option<String> {
    let mut pieces = disposition.split(';').map(str::trim);
    let value = pieces.find_map(|piece| {
        let (key, value) = piece.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then_some(value)
    })?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn write_parts(parts: &[Part]) -> (String, Vec<u8>) {
    let boundary = boundary(parts);
    let mut out = Vec::new();
    for part in parts {
        let name = quoted(&part.name);
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"");
        if let Some(file) = &part.file_name {
            head.push_str(&format!("; filename=\"{}\"", quoted(file)));
        }
        if let Some(media) = &part.content_type {
            let media: String = media.chars().filter(|it| !it.is_control()).collect();
            head.push_str(&format!("\r\nContent-Type: {media}"));
        }
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&part.content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), out)
}

/// A line that stands in no part: the same parts have the same one, so that a call that is
/// repeated is the same to the byte.
fn boundary(parts: &[Part]) -> String {
    let mut number = 0u64;
    loop {
        let boundary = format!("sluicegate-part-{number:016x}");
        let needle = boundary.as_bytes();
        let is_in = |part: &Part| part.content.windows(needle.len()).any(|it| it == needle);
        if !parts.iter().any(is_in) {
            return boundary;
        }
        number += 1;
    }
}

/// As browsers write a name that has a quote or a line's end in it.
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// A body of the type that was chosen for it.
pub(super) fn of_type(value: Value, media: &str) -> (Option<String>, Body) {
    if let (said @ Some(_), body) = Body::of_value(&value) {
        return (said, body);
    }
    match &value {
        Value::Object(fields) if is_url_form(media) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            let fields = fields.map(|(name, value)| (name.to_string(), text(value)));
            (None, Body::Form(fields.collect()))
        }
        Value::Object(fields) if is_multipart(media) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            (None, Body::Multipart(fields.map(|(name, value)| part(name, value)).collect()))
        }
        Value::String(text) if !is_json(media) => (None, Body::Text(text.to_string())),
        _ => (None, Body::Json(value)),
    }
}

/// A field of a multipart form.
pub(super) fn part(name: &str, value: &Value) -> Part {
    match envelope(value) {
        Some((media, content)) => {
            let file = value.get("$filename").and_then(Value::as_str);
            Part {
                name: name.to_owned(),
                file_name: Some(file.unwrap_or(name).to_owned()),
                content_type: Some(media),
                content,
            }
        }
        None => Part {
            name: name.to_owned(),
            file_name: None,
            content_type: None,
            content: text(value).into_bytes(),
        },
    }
}
