//! Where clients put a package before they ask what is in it: a signed address, and PUTs as
//! to a store of blobs.

use super::{Answered, Asked, ok};
use crate::api::error::ApiError;
use crate::api::{ApiState, body};
use crate::app::upload::{Piece, UploadAddress};
use crate::app::{AppError, ErrorKind};
use crate::auth::signature;
use crate::limits::UPLOAD_BLOCKS_MAX;
use axum::extract::{Path, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use flow::limits::PACKAGE_BYTES_MAX;
use serde_json::json;

/// Bytes of a list of blocks: names are short.
const LIST_BYTES_MAX: usize = 64 * 1024;

/// An address at which the caller may put a package.
pub async fn new(asked: &Asked, environment: &str) -> Answered {
    let address = asked.app.new_upload(&asked.caller, environment).await?;
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("sv", signature::VERSION)
        .append_pair("env", &address.environment)
        .append_pair("by", &address.owner)
        .append_pair("se", &address.expires)
        .append_pair("sp", "rw")
        .append_pair("sig", &address.signature)
        .finish();
    let url = format!("{}/storage/{}?{query}", asked.base, address.id);
    ok(json!({"sharedAccessSignature": url}))
}

fn queries(query: Option<&str>) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

fn named<'a>(queries: &'a [(String, String)], name: &str) -> &'a str {
    queries.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

fn address(upload: &str, queries: &[(String, String)]) -> UploadAddress {
    UploadAddress {
        id: upload.to_owned(),
        environment: named(queries, "env").to_owned(),
        owner: named(queries, "by").to_owned(),
        expires: named(queries, "se").to_owned(),
        signature: named(queries, "sig").to_owned(),
    }
}

/// What the link to a package says. It is not followed: only what was put here is read.
pub fn parse(link: &str) -> Result<UploadAddress, AppError> {
    let wrong = || {
        let message = "$.packageLink.value is no address of a package that was put where 'generateResourceStorage' says.";
        AppError::invalid("InvalidPackageLink", message)
    };
    let url = url::Url::parse(link).map_err(|_| wrong())?;
    let mut segments = url.path_segments().ok_or_else(wrong)?;
    match (segments.next(), segments.next(), segments.next(), segments.next()) {
        (Some("storage"), Some(upload), Some(_), None) => {
            Ok(address(upload, &queries(url.query())))
        }
        _ => Err(wrong()),
    }
}

/// A package, or a part of one, at its address.
pub async fn put(
    State(state): State<ApiState>,
    Path((upload, _)): Path<(String, String)>,
    request: Request,
) -> Response {
    match try_put(&state, &upload, request).await {
        Ok(()) => StatusCode::CREATED.into_response(),
        Err(error) => ApiError(error).into_response(),
    }
}

async fn try_put(state: &ApiState, upload: &str, request: Request) -> Result<(), AppError> {
    let (parts, content) = request.into_parts();
    if parts.method != Method::PUT {
        let message = format!("A package cannot be put with {}.", parts.method);
        return Err(AppError::new(ErrorKind::BadMethod, "MethodNotAllowed", message));
    }
    let queries = queries(parts.uri.query());
    let address = address(upload, &queries);
    // nobody without a signature makes the server hold a body
    state.app.check_upload(&address).await?;
    let component = named(&queries, "comp").to_lowercase();
    let bytes_max = if component == "blocklist" { LIST_BYTES_MAX } else { PACKAGE_BYTES_MAX };
    let bytes = body::read(content, &parts.headers, bytes_max).await?;
    let piece = match component.as_str() {
        "" => Piece::Whole(bytes),
        "block" => Piece::Block(block_name(named(&queries, "blockid"))?, bytes),
        "blocklist" => Piece::List(block_names(&String::from_utf8_lossy(&bytes))?),
        _ => {
            let message = "'comp' is another than 'block' and 'blocklist'.";
            return Err(AppError::invalid("InvalidQuery", message));
        }
    };
    state.app.put_upload(&address, piece).await
}

fn block_name(name: &str) -> Result<String, AppError> {
    // documented for blobs: 64 bytes, in base64
    if !name.is_empty() && name.len() <= 88 {
        return Ok(name.to_owned());
    }
    Err(AppError::invalid("InvalidBlockList", "A block needs a name of 1 to 88 characters."))
}

/// The names of `<BlockList><Latest>NAME</Latest>...</BlockList>`.
fn block_names(list: &str) -> Result<Vec<String>, AppError> {
    let mut names = Vec::new();
    for part in list.split('<').skip(1) {
        let (element, text) = part.split_once('>').unwrap_or((part, ""));
        if matches!(element, "Latest" | "Uncommitted" | "Committed") {
            names.push(block_name(text.trim())?);
        }
    }
    if names.is_empty() || names.len() > UPLOAD_BLOCKS_MAX {
        let message = format!("The list names no block, or more than {UPLOAD_BLOCKS_MAX}.");
        return Err(AppError::invalid("InvalidBlockList", message));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_blocks_are_read() {
        let list = "<?xml version=\"1.0\"?><BlockList><Latest>YQ==</Latest>\n<Uncommitted> Yg== </Uncommitted></BlockList>";
        assert_eq!(block_names(list).unwrap(), ["YQ==", "Yg=="]);
        for wrong in ["", "<BlockList/>", "<Latest></Latest>"] {
            assert_eq!(block_names(wrong).unwrap_err().code, "InvalidBlockList", "{wrong}");
        }
        let long = format!("<Latest>{}</Latest>", "x".repeat(89));
        assert!(block_names(&long).is_err());
        assert!(block_names(&"<Latest>x</Latest>".repeat(UPLOAD_BLOCKS_MAX + 1)).is_err());
    }

    #[test]
    fn only_addresses_of_uploads_are_links() {
        let known = parse("https://x/storage/abc/p.zip?env=default&by=me&se=t&sig=s").unwrap();
        assert_eq!((known.id.as_str(), known.environment.as_str()), ("abc", "default"));
        for wrong in [
            "",
            "x",
            "https://x/",
            "https://x/storage/abc",
            "file:///etc/passwd",
            "https://x/a/b/c",
        ] {
            assert_eq!(parse(wrong).unwrap_err().code, "InvalidPackageLink", "{wrong}");
        }
    }
}
