//! Header names as histories show them: standard ones in their canonical spelling.

/// The canonical spelling of a standard header; other names stay as they came.
#[must_use]
pub fn canonical(name: &str) -> String {
    if name.starts_with("x-") || name.starts_with("X-") {
        return name.to_owned();
    }
    match name {
        "www-authenticate" => "WWW-Authenticate".to_owned(),
        "etag" => "ETag".to_owned(),
        "te" => "TE".to_owned(),
        "content-md5" => "Content-MD5".to_owned(),
        "dnt" => "DNT".to_owned(),
        _ if is_standard(name) => {
            let mut result = String::with_capacity(name.len());
            let mut starts = true;
            for character in name.chars() {
                result.push(if starts { character.to_ascii_uppercase() } else { character });
                starts = character == '-';
            }
            result
        }
        _ => name.to_owned(),
    }
}

/// Headers that describe the content stand last in a trigger's outputs.
#[must_use]
pub fn is_content(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
        || matches!(name, "allow" | "expires" | "last-modified")
}

fn is_standard(name: &str) -> bool {
    const NAMES: [&str; 53] = [
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "accept-ranges",
        "age",
        "allow",
        "authorization",
        "cache-control",
        "connection",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-range",
        "content-type",
        "cookie",
        "date",
        "expect",
        "expires",
        "forwarded",
        "from",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "idempotency-key",
        "keep-alive",
        "last-modified",
        "link",
        "location",
        "max-forwards",
        "origin",
        "pragma",
        "prefer",
        "proxy-authenticate",
        "proxy-authorization",
        "range",
        "referer",
        "retry-after",
        "server",
        "set-cookie",
        "strict-transport-security",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "vary",
        "via",
        "warning",
    ];
    NAMES.contains(&name)
}

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
