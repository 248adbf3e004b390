//! Header names as histories show them: standard ones in their canonical spelling.

use expr::Str;

/// The canonical spelling of a standard header; other names stay as they came.
#[must_use]
pub fn canonical(name: &str) -> Str {
    match STANDARD.iter().find(|known| known.eq_ignore_ascii_case(name)) {
        Some(known) => Str::from(*known),
        None => Str::from(name),
    }
}

/// Headers that describe the content stand last in a trigger's outputs.
#[must_use]
pub fn is_content(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
        || matches!(name, "allow" | "expires" | "last-modified")
}

/// Those met most often first: they are looked for one by one.
const STANDARD: [&str; 58] = [
    "Content-Type",
    "Content-Length",
    "Host",
    "User-Agent",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Connection",
    "Date",
    "Server",
    "Location",
    "Retry-After",
    "ETag",
    "Cache-Control",
    "Cookie",
    "Origin",
    "Referer",
    "Accept-Charset",
    "Accept-Ranges",
    "Age",
    "Allow",
    "Authorization",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-MD5",
    "Content-Range",
    "DNT",
    "Expect",
    "Expires",
    "Forwarded",
    "From",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Idempotency-Key",
    "Keep-Alive",
    "Last-Modified",
    "Link",
    "Max-Forwards",
    "Pragma",
    "Prefer",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Range",
    "Set-Cookie",
    "Strict-Transport-Security",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Vary",
    "Via",
    "Warning",
    "WWW-Authenticate",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_names_are_spelled_as_standards_do() {
        for (name, expected) in [
            ("user-agent", "User-Agent"),
            ("www-authenticate", "WWW-Authenticate"),
            ("etag", "ETag"),
            ("x-ms-client-tracking-id", "x-ms-client-tracking-id"),
            ("my-own", "my-own"),
        ] {
            assert_eq!(canonical(name), expected);
        }
        assert!(is_content("content-type") && !is_content("host"));
    }
}
