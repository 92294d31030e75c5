//! Writing responses.

use std::io::Write;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::press::{Body, Printed};

/// Bodies from this size on are compressed, as in Mesos.
const MIN_COMPRESSED: usize = 1024;

/// A plain text body.
pub(super) fn text(status: StatusCode, message: impl Into<String>) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(message.into())
}

/// A body of a media type, compressed if it is worth it and the client takes it.
pub(super) fn body(request: &HttpRequest, content_type: &str, body: Bytes) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if !is_worth_compressing(&body) {
        return response.body(body);
    }
    response.insert_header((VARY, HeaderValue::from_static("Accept-Encoding")));
    match takes_gzip(request).then(|| gzip(&body, Compression::fast())) {
        Some(Ok(small)) => response
            .insert_header((CONTENT_ENCODING, "gzip"))
            .body(small),
        _ => response.body(body),
    }
}

/// A large body that is compressed already, or not to be. What is still being written is sent page by page, of which
/// each is copied only when there is room for it.
pub(super) fn printed(sheet: Printed) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, sheet.content_type))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((VARY, HeaderValue::from_static("Accept-Encoding")));
    if sheet.gzip {
        response.insert_header((CONTENT_ENCODING, "gzip"));
    }
    match sheet.body {
        Body::Whole(body) => response.body(body),
        Body::Growing(pages) => response.streaming(pages.stream()),
    }
}

/// Whether the client asked for gzip.
pub(super) fn takes_gzip(request: &HttpRequest) -> bool {
    let header = request.headers().get(ACCEPT_ENCODING);
    let codings = header.and_then(|value| value.to_str().ok());
    codings.is_some_and(|codings| mesos::wire::accepts(codings, "gzip"))
}

/// Whether a body is large enough.
pub(super) fn is_worth_compressing(body: &[u8]) -> bool {
    body.len() >= MIN_COMPRESSED
}

/// Compresses.
pub(super) fn gzip(body: &[u8], level: Compression) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), level);
    encoder.write_all(body)?;
    encoder.finish().map(Bytes::from)
}
