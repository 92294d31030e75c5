//! From a request to a message.

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CONTENT_TYPE};
use actix_web::web::{BytesMut, Payload, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use super::status::refused;

/// A message out of a JSON body; an empty one is `null`, which is a message without fields.
pub(super) async fn from_body<M: DeserializeOwned>(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
) -> Result<M, HttpResponse> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let broken = |error| {
            refused(
                StatusCode::BAD_REQUEST,
                &format!("the body broke off: {error}"),
            )
        };
        let chunk = chunk.map_err(broken)?;
        if body.len() + chunk.len() > limit {
            let why = format!("the body is larger than {limit} bytes");
            return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, &why));
        }
        body.extend_from_slice(&chunk);
    }
    if body.is_empty() {
        return empty();
    }
    // Besides being right, this keeps forms of foreign web pages out: browsers ask first for JSON.
    if !is_json(request) {
        let why = "the body must be application/json";
        return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, why));
    }
    serde_json::from_slice(&body)
        .map_err(|error| refused(StatusCode::BAD_REQUEST, &error.to_string()))
}

/// A message out of the query: `?by=2&name=x`.
pub(super) fn from_query<M: DeserializeOwned>(request: &HttpRequest) -> Result<M, HttpResponse> {
    if request.query_string().is_empty() {
        return empty();
    }
    Query::from_query(request.query_string())
        .map(Query::into_inner)
        .map_err(|error| refused(StatusCode::BAD_REQUEST, &error.to_string()))
}

fn empty<M: DeserializeOwned>() -> Result<M, HttpResponse> {
    serde_json::from_str("null")
        .or_else(|_| serde_json::from_str("{}"))
        .map_err(|error| refused(StatusCode::BAD_REQUEST, &error.to_string()))
}

fn is_json(request: &HttpRequest) -> bool {
    let media_type = request.headers().get(CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| {
        let essence = essence.trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    })
}

/// Whether the client would rather have text than JSON.
pub(super) fn wants_text(request: &HttpRequest) -> bool {
    let accept = request.headers().get(ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| {
        let mut types = accept
            .split(',')
            .map(|part| part.split(';').next().unwrap_or(part));
        types.any(|media_type| media_type.trim() == "text/plain")
    })
}
