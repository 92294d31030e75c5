//! Reading request bodies, within bounds.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::reply::text;

/// The most bytes of a call. An ACCEPT that launches thousands of tasks has a few megabytes.
pub(super) const MAX_CALL_BYTES: usize = 8 << 20;

/// How long a client may take to send a body: a slow one is not to hold a connection for ever.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads the body of a call.
///
/// # Errors
/// The response that says why not: too large, too slow, broken off.
pub(super) async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, HttpResponse> {
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_CALL_BYTES) {
        return Err(too_large());
    }
    match timeout(BODY_TIMEOUT, collect(payload)).await {
        Ok(body) => body,
        Err(_) => Err(text(
            StatusCode::REQUEST_TIMEOUT,
            format!(
                "The body was not complete after {} seconds",
                BODY_TIMEOUT.as_secs()
            ),
        )),
    }
}

async fn collect(mut payload: Payload) -> Result<Bytes, HttpResponse> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            text(
                StatusCode::BAD_REQUEST,
                format!("The body cannot be read: {error}"),
            )
        })?;
        if body.len() + chunk.len() > MAX_CALL_BYTES {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large() -> HttpResponse {
    text(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("A call may have {MAX_CALL_BYTES} bytes; split it into several"),
    )
}
