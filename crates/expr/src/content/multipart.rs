//! Multipart bodies: to parts with headers and a body each, and back.

use super::{ContentError, MediaType, envelope, from_body_at, to_body};
use crate::limits;
use crate::value::{Object, Value, eq_ignore_case};

/// The parts of a body as the value of `$multipart`.
pub(super) fn parse(
    media: &MediaType<'_>,
    body: &[u8],
    depth: usize,
) -> Result<Value, ContentError> {
    if depth >= limits::MULTIPART_DEPTH_MAX {
        return Err(ContentError::Multipart("it is nested too deeply"));
    }
    let boundary = media.param("boundary").filter(|boundary| !boundary.is_empty());
    let boundary = boundary.ok_or(ContentError::Multipart("its type has no boundary"))?;
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = match body.strip_prefix(&delimiter.as_bytes()[2..]) {
        Some(rest) => rest,
        // Text before the first boundary is not part of the content.
        None => {
            after(body, delimiter.as_bytes())
                .ok_or(ContentError::Multipart("it has no boundary"))?
                .1
        }
    };
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(Value::array(parts));
        }
        let (_, start) = after(rest, b"\r\n").ok_or(ContentError::Multipart("it is cut short"))?;
        let (part, next) =
            after(start, delimiter.as_bytes()).ok_or(ContentError::Multipart("it is cut short"))?;
        if parts.len() >= limits::MULTIPART_PARTS_MAX {
            return Err(ContentError::Multipart("it has too many parts"));
        }
        parts.push(parse_part(part, depth)?);
        rest = next;
    }
}

/// What stands before and after the first place of `needle`.
fn after<'a>(bytes: &'a [u8], needle: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(step) = bytes.get(from..)?.iter().position(|&byte| byte == first) {
        let at = from + step;
        if bytes[at..].starts_with(needle) {
            return Some((&bytes[..at], &bytes[at + needle.len()..]));
        }
        from = at + 1;
    }
    None
}

fn parse_part(part: &[u8], depth: usize) -> Result<Value, ContentError> {
    let mut headers = Object::new();
    let mut rest = part;
    loop {
        let (line, next) = match after(rest, b"\r\n") {
            Some(found) => found,
            None => (rest, &[][..]),
        };
        rest = next;
        if line.is_empty() {
            break;
        }
        let line = String::from_utf8_lossy(line);
        let (name, value) = line
            .split_once(':')
            .ok_or(ContentError::Multipart("a part has a header without colon"))?;
        headers.insert(name.trim(), value.trim());
    }
    if !headers.contains("Content-Length") {
        headers.insert("Content-Length", rest.len().to_string());
    }
    let content_type = headers.get("Content-Type").and_then(Value::as_str).map(str::to_owned);
    let body = match &content_type {
        Some(content_type) => from_body_at(Some(content_type), rest, depth + 1)?,
        None => envelope(super::OCTET_STREAM, rest).into(),
    };
    let mut part = Object::with_capacity(2);
    part.push_new("headers", headers);
    part.push_new("body", body);
    Ok(part.into())
}

/// Parts to a body, with its content type. The boundary is the one of the type, or
/// one that no part contains.
pub(super) fn write(content_type: &str, parts: &[Value]) -> (String, Vec<u8>) {
    let bodies: Vec<(Vec<u8>, Vec<u8>)> = parts.iter().map(write_part).collect();
    let given = MediaType::parse(content_type).param("boundary").map(str::to_owned);
    let boundary = given.clone().unwrap_or_else(|| free_boundary(&bodies));
    let mut out = Vec::new();
    for (headers, body) in &bodies {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(headers);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let content_type = match given {
        Some(_) => content_type.to_owned(),
        None => format!("{content_type}; boundary={boundary}"),
    };
    (content_type, out)
}

fn write_part(part: &Value) -> (Vec<u8>, Vec<u8>) {
    let (default_type, body) = to_body(part.get("body").unwrap_or(&Value::Null));
    let mut headers = String::new();
    let mut has_type = false;
    for (name, value) in
        part.get("headers").and_then(Value::as_object).iter().flat_map(|o| o.iter())
    {
        has_type |= eq_ignore_case(name, "Content-Type");
        // The length is ours to know, and a line end would begin a new header.
        if !eq_ignore_case(name, "Content-Length") {
            let line = format!("{name}: {}", value.text()).replace(['\r', '\n'], " ");
            headers.push_str(&line);
            headers.push_str("\r\n");
        }
    }
    if !has_type {
        headers.push_str(&format!("Content-Type: {default_type}\r\n"));
    }
    (headers.into_bytes(), body)
}

/// A boundary that no body holds, found in one look at them: it is longer than what follows
/// any beginning of it.
fn free_boundary(bodies: &[(Vec<u8>, Vec<u8>)]) -> String {
    const BEGIN: &str = "sluicegate-part";
    let mut longest = None;
    for (_, body) in bodies {
        let mut rest = body.as_slice();
        while let Some((_, next)) = after(rest, BEGIN.as_bytes()) {
            let length = next.iter().take_while(|&&byte| byte == b'x').count();
            longest = longest.max(Some(length));
            rest = &next[length..];
        }
    }
    format!("{BEGIN}{}", "x".repeat(longest.map_or(0, |length| length + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{MULTIPART, from_body};
    use crate::json;

    const TYPE: &str = "multipart/form-data; boundary=B";

    fn parts(body: &str) -> Result<String, ContentError> {
        let value = from_body(Some(TYPE), body.as_bytes())?;
        Ok(json::to_string(value.get(MULTIPART).unwrap()))
    }

    #[test]
    fn parts_have_headers_and_a_body_of_their_type() {
        let body = "--B\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny=z\r\n--B\r\nContent-Type: text/rust\r\n\r\nfn\n\r\n--B--\r\n";
        let expected = r#"[{"headers":{"Content-Disposition":"form-data; name=\"x\"","Content-Length":"3"},"body":{"$content-type":"application/octet-stream","$content":"eT16"}},{"headers":{"Content-Type":"text/rust","Content-Length":"3"},"body":"fn\n"}]"#;
        assert_eq!(parts(body).unwrap(), expected);
    }

    #[test]
    fn broken_bodies_are_refused() {
        for body in ["", "--B", "--B\r\n", "--B\r\n\r\nx", "--B\r\nno colon\r\n\r\nx\r\n--B--"] {
            assert!(parts(body).is_err(), "{body:?}");
        }
        assert_eq!(parts("preamble\r\n--B--").unwrap(), "[]");
        assert!(from_body(Some("multipart/form-data"), b"--B--").is_err());
    }

    #[test]
    fn a_boundary_is_found_in_one_look() {
        // each attempt at a longer boundary would go through all of the body
        let body = format!("sluicegate-part{}sluicegate-partxx", "-x".repeat(500_000));
        let value = json::parse(
            format!(r#"{{"$content-type":"multipart/mixed","$multipart":[{{"body":"{body}"}}]}}"#)
                .as_bytes(),
        );
        let (content_type, _) = to_body(&value.unwrap());
        assert_eq!(content_type, "multipart/mixed; boundary=sluicegate-partxxx");
    }

    #[test]
    fn written_parts_read_back() {
        let value = json::parse(br#"{"$content-type":"multipart/form-data","$multipart":[{"headers":{"Content-Disposition":"form-data; name=a"},"body":"sluicegate-part"},{"body":{"b":1}}]}"#).unwrap();
        let (content_type, body) = to_body(&value);
        let again = from_body(Some(&content_type), &body).unwrap();
        let parts = again.get(MULTIPART).unwrap().as_array().unwrap();
        assert_eq!(parts[0].get("body").unwrap().as_str(), Some("sluicegate-part"));
        assert_eq!(json::to_string(parts[1].get("body").unwrap()), r#"{"b":1}"#);
    }
}
