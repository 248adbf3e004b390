//! Where an answer sends the client, and with what.
//!
//! Pure rules; the client takes the hops one at a time so that each passes the
//! egress guard. Refresh headers and redirects in HTML are deliberately not followed.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use url::Url;

/// The next request of a redirect.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) url: Url,
    pub(crate) method: Method,
    /// Whether the body is sent again.
    pub(crate) keeps_body: bool,
}

/// What the answer to `method` at `current` points to; `None` when it is final.
///
/// A POST becomes a GET on 301 and 302, everything but HEAD on 303; 307 and 308 repeat the request
/// (RFC 9110, 15.4, and what every client does). An https call is not continued over
/// http, as in the real service's HTTP stack: its answer is then the redirect itself.
pub(crate) fn next(
    status: StatusCode,
    location: Option<&HeaderValue>,
    current: &Url,
    method: &Method,
) -> Option<Redirect> {
    let becomes_get = match status {
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
        StatusCode::SEE_OTHER => *method != Method::GET && *method != Method::HEAD,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => false,
        _ => return None,
    };
    let location = std::str::from_utf8(location?.as_bytes()).ok()?;
    let url = current.join(location.trim()).ok()?;
    if current.scheme() == "https" && url.scheme() == "http" {
        return None;
    }
    Some(Redirect {
        url,
        method: if becomes_get { Method::GET } else { method.clone() },
        keeps_body: !becomes_get,
    })
}

/// Removes what must not travel to the redirect's target: credentials meant for
/// another origin, and the description of a body that is not sent again.
pub(crate) fn clean_headers(headers: &mut HeaderMap, from: &Url, redirect: &Redirect) {
    if from.origin() != redirect.url.origin() {
        for name in [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION] {
            headers.remove(name);
        }
    }
    if !redirect.keeps_body {
        let names: Vec<HeaderName> = headers.keys().cloned().collect();
        for name in names.iter().filter(|name| name.as_str().starts_with("content-")) {
            headers.remove(name);
        }
    }
}
