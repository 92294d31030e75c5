//! From the errors of asks to the status codes of HTTP.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use serde_json::json;

use crate::error::{AskError, ExitReason};

/// What a client is told of an ask that has no answer.
///
/// | Error | Status |
/// |---|---|
/// | `Timeout` | 504 Gateway Timeout: it may have been handled all the same |
/// | `Exited(NoProcess)` | 404 Not Found |
/// | `Exited(..)` | 503 Service Unavailable: it ended, or the way to it, or it is overloaded |
/// | `Refused(..)` | 422 Unprocessable Content |
pub fn status(error: &AskError) -> StatusCode {
    match error {
        AskError::Timeout => StatusCode::GATEWAY_TIMEOUT,
        AskError::Exited(ExitReason::NoProcess) => StatusCode::NOT_FOUND,
        AskError::Exited(_) => StatusCode::SERVICE_UNAVAILABLE,
        AskError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

pub(super) fn failed(error: &AskError) -> HttpResponse {
    let mut response = refused(status(error), &error.to_string());
    if *error == AskError::Exited(ExitReason::Overloaded) {
        let soon = actix_web::http::header::HeaderValue::from_static("1");
        response.headers_mut().insert(RETRY_AFTER, soon);
    }
    response
}

pub(super) fn refused(status: StatusCode, why: &str) -> HttpResponse {
    HttpResponse::build(status).json(json!({ "error": why }))
}
