//! Contents that travel in parts: a download by ranges, an upload that is announced first.
//!
//! Source: "Handle large messages in workflows using chunking in Azure Logic Apps".
//!
//! A transfer is one call for whoever asks for it: what breaks off begins again as a whole, by
//! the policy of the action. Nothing is sent in parts that has no content.
//!
//! Invariant: parts go to the origin that was asked with what the call authenticates with, and
//! to any other without it, and without every header of the call.
//! Invariant: a content is whole or there is none; parts follow each other without a gap.

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use url::Url;

use super::authentication::Authentication;
use super::client::{HttpAnswer, HttpCall, HttpClient, HttpFailure, Transfer};
use crate::limits::{PART_BYTES_DEFAULT, PART_BYTES_MAX, PARTS_MAX, TRANSFER_TIMEOUT};

/// What a part is of the whole. The first begins where the call's own `Range` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u64,
    /// The last byte.
    end: u64,
    /// Of the whole content.
    total: u64,
}

/// A transfer has a time of its own: each of its parts has that of a call.
async fn in_time(
    transfer: impl Future<Output = Result<HttpAnswer, HttpFailure>>,
) -> Result<HttpAnswer, HttpFailure> {
    let ended = tokio::time::timeout(TRANSFER_TIMEOUT, transfer).await;
    ended.unwrap_or(Err(HttpFailure::Timeout))
}

impl HttpClient {
    pub(super) async fn send_in_parts(&self, call: HttpCall) -> Result<HttpAnswer, HttpFailure> {
        let call = HttpCall { transfer: Transfer::Whole, ..call };
        let is = |method: &str| call.method.trim().eq_ignore_ascii_case(method);
        let content = call.body.clone().filter(|body| !body.is_empty());
        match content {
            Some(content) if is("POST") || is("PUT") => in_time(self.upload(call, content)).await,
            None if is("GET") => in_time(self.download(call)).await,
            _ => Box::pin(self.send(call)).await,
        }
    }

    async fn download(&self, mut call: HttpCall) -> Result<HttpAnswer, HttpFailure> {
        // a part of what is compressed cannot be opened by itself
        if !call.headers.iter().any(|it| is(it, "accept-encoding")) {
            call.headers.push(("Accept-Encoding".to_owned(), "identity".to_owned()));
        }
        let first = Box::pin(self.send(call.clone())).await?;
        if first.status != StatusCode::PARTIAL_CONTENT {
            return Ok(first);
        }
        let span = span(&first)?;
        let bytes_max = self.response_bytes_max();
        if span.total - span.start > bytes_max {
            return Err(HttpFailure::TooLarge { bytes_max });
        }
        let tag = header(&first, "etag").map(str::to_owned);
        call.headers.retain(|it| !is(it, "range") && !is(it, "if-range") && !is(it, KEY));
        let mut content = BytesMut::from(&first.body[..]);
        let (mut next, mut parts, length) = (span.end + 1, 1, span.end - span.start);
        while next < span.total {
            if parts >= PARTS_MAX {
                return Err(too_many());
            }
            let mut part = call.clone();
            let end = next.saturating_add(length).min(span.total - 1);
            part.headers.push(("Range".to_owned(), format!("bytes={next}-{end}")));
            let answer = Box::pin(self.send(part)).await?;
            if !(200..300).contains(&answer.status) {
                return Ok(answer);
            }
            let is_same = header(&answer, "etag").map(str::to_owned) == tag;
            if answer.status != StatusCode::PARTIAL_CONTENT || !is_same {
                return Err(changed());
            }
            let got = self::span(&answer)?;
            if got.start != next || got.total != span.total {
                return Err(changed());
            }
            content.extend_from_slice(&answer.body);
            (next, parts) = (got.end + 1, parts + 1);
        }
        let mut headers = first.headers;
        headers.retain(|it| !is(it, "content-range") && !is(it, "content-length"));
        Ok(HttpAnswer { status: StatusCode::OK.as_u16(), headers, body: content.freeze() })
    }

    async fn upload(&self, call: HttpCall, content: Bytes) -> Result<HttpAnswer, HttpFailure> {
        let mut begin = HttpCall { body: None, ..call.clone() };
        begin.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
        begin.headers.push(("x-ms-transfer-mode".to_owned(), "chunked".to_owned()));
        begin.headers.push(("x-ms-content-length".to_owned(), content.len().to_string()));
        let mut answer = Box::pin(self.send(begin)).await?;
        if !(200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let template = part_of(&call, &answer)?;
        let mut size = size(&answer).unwrap_or(PART_BYTES_DEFAULT);
        let (mut next, total) = (0_usize, content.len());
        for _ in 0..PARTS_MAX {
            let end = next.saturating_add(size).min(total);
            let mut part = template.clone();
            part.body = Some(content.slice(next..end));
            // as the documentation writes it, and not as RFC 9110 does
            let range = format!("bytes={next}-{}/{total}", end - 1);
            part.headers.push(("Content-Range".to_owned(), range));
            answer = Box::pin(self.send(part)).await?;
            if !(200..300).contains(&answer.status) {
                return Ok(answer);
            }
            let taken = taken(&answer).unwrap_or(end);
            if taken <= next || taken > end {
                let text = "what the other side says to have is none of what was sent";
                return Err(HttpFailure::Parts(text.to_owned()));
            }
            next = taken;
            if next == total {
                return Ok(answer);
            }
            size = self::size(&answer).unwrap_or(size);
        }
        Err(too_many())
    }
}

/// Not of a part: the service would take the second for the first.
const KEY: &str = "idempotency-key";

fn is((name, _): &(String, String), wanted: &str) -> bool {
    name.eq_ignore_ascii_case(wanted)
}

fn header<'a>(answer: &'a HttpAnswer, name: &str) -> Option<&'a str> {
    let found = answer.headers.iter().find(|it| is(it, name));
    found.map(|(_, value)| value.trim())
}

fn changed() -> HttpFailure {
    // another attempt may find it as it is now
    HttpFailure::Interrupted("the content changed while its parts were got".to_owned())
}

fn too_many() -> HttpFailure {
    HttpFailure::Parts(format!("it has more than {PARTS_MAX} of them"))
}

/// `Content-Range: bytes 0-1023/10100`, which has to be of what came.
fn span(answer: &HttpAnswer) -> Result<Span, HttpFailure> {
    let read = |text: &str| {
        let (unit, rest) = text.split_once([' ', '='])?;
        let (range, total) = rest.split_once('/')?;
        let (start, end) = range.split_once('-')?;
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let span = Span { start: number(start)?, end: number(end)?, total: number(total)? };
        let is_one = unit.eq_ignore_ascii_case("bytes")
            && span.start <= span.end
            && span.end < span.total
            && span.end - span.start + 1 == answer.body.len() as u64;
        is_one.then_some(span)
    };
    let said = header(answer, "content-range").unwrap_or_default();
    read(said).ok_or_else(|| {
        let said: String = said.chars().take(100).collect();
        HttpFailure::Parts(format!("'{said}' is no Content-Range of the part that came with it"))
    })
}

/// `x-ms-chunk-size`, as far as it is one.
fn size(answer: &HttpAnswer) -> Option<usize> {
    let size = header(answer, "x-ms-chunk-size")?.parse::<usize>().ok()?;
    (size > 0).then(|| size.min(PART_BYTES_MAX))
}

/// `Range: bytes=0-1023`: how many bytes the other side has.
fn taken(answer: &HttpAnswer) -> Option<usize> {
    let (_, range) = header(answer, "range")?.split_once('=')?;
    let end = range.split_once('-')?.1.trim().parse::<usize>().ok()?;
    end.checked_add(1)
}

/// The call that every part of an upload is, without its content.
fn part_of(call: &HttpCall, answer: &HttpAnswer) -> Result<HttpCall, HttpFailure> {
    let refused = |text: &str| HttpFailure::Parts(text.to_owned());
    let location = header(answer, "location")
        .ok_or_else(|| refused("the other side names no 'Location' for them"))?;
    let asked = Url::parse(call.uri.trim()).map_err(|_| refused("the address is none"))?;
    let to = asked.join(location).map_err(|_| refused("their 'Location' is no address"))?;
    if asked.scheme() == "https" && to.scheme() != "https" {
        return Err(refused("their 'Location' is not encrypted"));
    }
    call.redirects.judge(&to)?;
    let is_own = asked.origin() == to.origin();
    let mut headers = call.headers.clone();
    headers.retain(|it| is(it, "content-type") || (is_own && !is(it, KEY)));
    Ok(HttpCall {
        method: "PATCH".to_owned(),
        uri: to.into(),
        headers,
        body: None,
        authentication: match is_own {
            true => call.authentication.clone(),
            false => Authentication::None,
        },
        ..call.clone()
    })
}
