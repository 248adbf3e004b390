//! Files that came from elsewhere, to keep and never to show.

use crate::app::AppError;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A file under a name that somebody else gave, without a type that a browser would show.
pub fn to_keep(name: &str, bytes: Vec<u8>) -> Result<Response, AppError> {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, octets);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let disposition = HeaderValue::from_str(&disposition(name)).map_err(AppError::internal)?;
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}

/// The name in plain letters, and, for whoever reads it, as it is (RFC 6266).
fn disposition(name: &str) -> String {
    const SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');
    let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '.' | '_' | ' ');
    let plain: String = name.chars().map(|it| if is_plain(it) { it } else { '_' }).collect();
    let whole = utf8_percent_encode(name, SET);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_stay_within_the_header() {
        let said = disposition("offer \"3\";\r\nSet-Cookie: a=b; é.pdf");
        assert_eq!(
            said,
            "attachment; filename=\"offer _3____Set-Cookie_ a_b_ _.pdf\"; \
             filename*=UTF-8''offer%20%223%22%3B%0D%0ASet-Cookie%3A%20a%3Db%3B%20%C3%A9.pdf"
        );
        assert!(HeaderValue::from_str(&said).is_ok());
    }
}
