//! Compares a request as it came over the wire with what a document says it must be.

use super::service::Raw;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// A request as it must be. Names and values of the query are not encoded.
#[derive(Clone, Debug, Default)]
pub struct Want {
    pub method: String,
    /// Encoded, with what stands before an operation's path.
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    pub body: WantBody,
    pub media: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub enum WantBody {
    #[default]
    Nothing,
    Json(Value),
    Bytes(Vec<u8>),
    /// Names and values, not encoded.
    Form(Vec<(String, String)>),
    Parts(Vec<WantPart>),
}

#[derive(Clone, Debug)]
pub struct WantPart {
    pub name: String,
    /// Of a file.
    pub media: Option<String>,
    pub content: Vec<u8>,
}

/// Headers of HTTP itself and of whoever calls, of which documents say nothing.
const OWN: [&str; 9] = [
    "host",
    "accept",
    "accept-encoding",
    "user-agent",
    "content-length",
    "content-type",
    "transfer-encoding",
    "idempotency-key",
    "connection",
];

/// # Errors
/// Every difference.
pub fn compare(want: &Want, got: &Raw) -> Result<(), String> {
    let mut faults = Vec::new();
    let (path, query) = got.target.split_once('?').unwrap_or((&got.target, ""));
    if got.method != want.method {
        faults.push(format!("method {} instead of {}", got.method, want.method));
    }
    if path != want.path {
        faults.push(format!("path {path} instead of {}", want.path));
    }
    let pairs = sorted(query.split('&').filter(|it| !it.is_empty()).map(str::to_owned).collect());
    let wanted = want.query.iter();
    let wanted = wanted
        .map(|(name, value)| format!("{}={}", escaped(name).replace("%24", "$"), escaped(value)));
    let wanted = sorted(wanted.collect());
    if pairs != wanted {
        faults.push(format!("query {pairs:?} instead of {wanted:?}"));
    }
    check_headers(want, got, &mut faults);
    if let Err(fault) = check_body(want, got) {
        faults.push(fault);
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

/// By names; what has one name stays in its order.
fn sorted(mut pairs: Vec<String>) -> Vec<String> {
    pairs.sort_by_key(|it| it.split('=').next().unwrap_or_default().to_owned());
    pairs
}

fn check_headers(want: &Want, got: &Raw, faults: &mut Vec<String>) {
    for (name, value) in &want.headers {
        let all: Vec<&str> = got
            .headers
            .iter()
            .filter(|it| it.0.eq_ignore_ascii_case(name))
            .map(|it| &*it.1)
            .collect();
        if all != [value.as_str()] {
            faults.push(format!("header {name} is {all:?} instead of {value:?}"));
        }
    }
    for (name, value) in &got.headers {
        let is_wanted = want.headers.iter().any(|it| it.0.eq_ignore_ascii_case(name));
        if !is_wanted && !OWN.contains(&name.as_str()) {
            faults.push(format!("header {name}: {value:?}, of which nothing is said"));
        }
    }
}

fn check_body(want: &Want, got: &Raw) -> Result<(), String> {
    let shown = || String::from_utf8_lossy(&got.body).into_owned();
    let said = got.header("content-type").unwrap_or_default();
    if let (false, Some(media)) = (matches!(want.body, WantBody::Nothing), &want.media) {
        let is_it = match want.body {
            // with a boundary behind it
            WantBody::Parts(_) => said.split(';').next() == media.split(';').next(),
            _ => said.eq_ignore_ascii_case(media),
        };
        if !is_it {
            return Err(format!("content type {said:?} instead of {media:?}"));
        }
    }
    let is_right = match &want.body {
        WantBody::Nothing => got.body.is_empty(),
        WantBody::Json(value) => {
            serde_json::from_slice(&got.body).is_ok_and(|it: Value| is_same(&it, value))
        }
        WantBody::Bytes(bytes) => &got.body == bytes,
        WantBody::Form(fields) => {
            let fields =
                fields.iter().map(|(name, value)| format!("{}={}", form(name), form(value)));
            let text = shown();
            let pairs = text.split('&').filter(|it| !it.is_empty()).map(str::to_owned);
            sorted(pairs.collect()) == sorted(fields.collect())
        }
        WantBody::Parts(parts) => return check_parts(parts, said, &got.body),
    };
    if is_right { Ok(()) } else { Err(format!("body {:?} instead of {:?}", shown(), want.body)) }
}

/// The parts of `multipart/form-data` (RFC 7578), taken apart by their boundary.
fn check_parts(want: &[WantPart], media: &str, body: &[u8]) -> Result<(), String> {
    let boundary = media.split_once("boundary=").map(|it| it.1.trim_matches('"'));
    let boundary = boundary.ok_or_else(|| format!("no boundary in {media:?}"))?;
    let text: String = body.iter().map(|byte| char::from(*byte)).collect();
    if want.is_empty() && text == format!("--{boundary}--\r\n") {
        return Ok(());
    }
    let (line, end) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}--\r\n"));
    let inner = text.strip_prefix(&line).and_then(|it| it.strip_suffix(&end));
    let inner = inner.ok_or_else(|| format!("no parts in {text:?}"))?;
    let parts: Vec<&str> = inner.split(&format!("\r\n{line}")).collect();
    let mut wanted: Vec<&WantPart> = want.iter().collect();
    if parts.len() != wanted.len() {
        return Err(format!("{} parts instead of {}", parts.len(), want.len()));
    }
    for part in parts {
        let (head, content) = part.split_once("\r\n\r\n").ok_or("a part without an end")?;
        let at = wanted.iter().position(|it| {
            let is_named = head.contains(&format!("form-data; name=\"{}\"", latin(&it.name)));
            let is_file = head.contains("; filename=\"");
            let typed = |media: &String| head.contains(&format!("Content-Type: {media}"));
            let is_typed = it.media.as_ref().map_or(!is_file, |media| is_file && typed(media));
            let same = it.content.iter().map(|byte| char::from(*byte)).eq(content.chars());
            is_named && is_typed && same
        });
        let at = at.ok_or_else(|| format!("the part {part:?} is none of {want:?}"))?;
        wanted.remove(at);
    }
    Ok(())
}

fn latin(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

/// Equal but for the order of names and how a number is written.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let same = |(name, value): (&String, &Value)| {
                other.get(name).is_some_and(|other| is_same(value, other))
            };
            one.len() == other.len() && one.iter().all(same)
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_same(a, b))
        }
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    }
}

/// RFC 3986: unreserved characters stay.
pub fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// As browsers write the fields of a form.
fn form(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
            char::from(byte).to_string()
        }
        b' ' => "+".to_owned(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// The bytes of `{"$content-type", "$content"}`.
pub fn content(value: &Value) -> Option<(String, Vec<u8>)> {
    let media = value["$content-type"].as_str()?.to_owned();
    Some((media, STANDARD.decode(value["$content"].as_str()?).ok()?))
}
