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
    let time = Duration::from_secs(REQUEST_BODY_SECONDS);
    read_within(time, body, headers, bytes_max).await
}

async fn read_within<B>(
    time: Duration,
    body: B,
    headers: &HeaderMap,
    bytes_max: usize,
) -> Result<Bytes, AppError>
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
    match tokio::time::timeout(time, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => {
            let message = format!("The body could not be read: {error}.");
            Err(AppError::invalid("InvalidRequestContent", message))
        }
        Err(_) => {
            let message = format!("The body did not arrive within {} seconds.", time.as_secs());
            Err(AppError::invalid("RequestTimeout", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::body::Frame;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A client that says no more.
    struct Silent;

    impl Body for Silent {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_client_that_says_no_more_is_given_up() {
        let time = Duration::from_millis(1);
        let refused = read_within(time, Silent, &HeaderMap::new(), 10).await.unwrap_err();
        assert_eq!(refused.code, "RequestTimeout");
    }

    #[tokio::test]
    async fn what_is_announced_as_too_large_is_not_waited_for() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_LENGTH, header::HeaderValue::from(11));
        let refused = read(Silent, &headers, 10).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::TooLarge);
    }
}
