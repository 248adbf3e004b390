//! Bodies of requests: read to their end within a size and a time.

use crate::app::{AppError, ErrorKind};
use crate::limits::REQUEST_BODY_SECONDS;
use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body;
use std::error::Error;
use std::time::Duration;

/// Reads a body. One that is announced as too large is refused before it comes.
pub async fn read<B>(body: B, headers: &HeaderMap, bytes_max: usize) -> Result<Bytes, AppError>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let too_large = || {
        let message = format!("The body is larger than {bytes_max} bytes.");
        AppError::new(ErrorKind::TooLarge, "RequestEntityTooLarge", message)
    };
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if announced.and_then(|text| text.parse::<usize>().ok()).is_some_and(|n| n > bytes_max) {
        return Err(too_large());
    }
    let time = Duration::from_secs(REQUEST_BODY_SECONDS);
    match tokio::time::timeout(time, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => {
            let message = format!("The body could not be read: {error}.");
            Err(AppError::invalid("InvalidRequestContent", message))
        }
        Err(_) => {
            let message = format!("The body did not arrive within {REQUEST_BODY_SECONDS} seconds.");
            Err(AppError::invalid("RequestTimeout", message))
        }
    }
}
