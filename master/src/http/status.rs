//! Which status code answers what: the one place that knows both sides.

use std::fmt::Display;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, LOCATION, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};
use libprocess::prelude::*;
use mesos::protocols::files::FilesError;
use mesos::protocols::reader::ReadError;
use mesos::protocols::{CallRejected, RejectionKind};

use super::reply::text;
use crate::validation::calls::CallError;

/// The answer to a refused call. SUBSCRIBE that is refused for what it asks gets a stream instead
/// ([`super::subscription`]).
pub(super) fn rejected(request: &HttpRequest, rejection: &CallRejected) -> HttpResponse {
    let message = &rejection.message;
    let status = match rejection.kind {
        RejectionKind::Invalid => return invalid(message),
        RejectionKind::UnknownFramework
        | RejectionKind::UnknownExecutor
        | RejectionKind::MissingStreamId
        | RejectionKind::WrongStreamId
        | RejectionKind::UnexpectedStreamId
        | RejectionKind::WrongPrincipal
        | RejectionKind::SubscriptionRefused => StatusCode::BAD_REQUEST,
        RejectionKind::Disconnected | RejectionKind::Unauthorized => StatusCode::FORBIDDEN,
        RejectionKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        RejectionKind::Recovering => StatusCode::SERVICE_UNAVAILABLE,
        RejectionKind::Conflict => StatusCode::CONFLICT,
        RejectionKind::NotLeader => return not_leader(request, message),
    };
    text(status, message.clone())
}

/// The answer to a call whose structure is wrong.
pub(super) fn malformed(error: &CallError) -> HttpResponse {
    match error {
        CallError::Invalid(_) => invalid(error),
        CallError::UnknownType(_) => text(StatusCode::NOT_IMPLEMENTED, error.to_string()),
    }
}

fn invalid(message: impl Display) -> HttpResponse {
    let message = format!("Failed to validate scheduler::Call: {message}");
    text(StatusCode::BAD_REQUEST, message)
}

/// The answer when the master gave none.
pub(super) fn unanswered(error: &AskError) -> HttpResponse {
    let mut response = text(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("The master did not answer ({error}); try again"),
    );
    let seconds = actix_web::http::header::HeaderValue::from_static("1");
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}

/// 307 to the leader (`host:port`), keeping path and query; 503 if nobody is known to lead. The
/// location has no scheme, as Mesos', so that it works behind TLS too.
pub(super) fn not_leader(request: &HttpRequest, leader: &str) -> HttpResponse {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    redirect(leader, target)
}

/// 307 to a path of the leader.
pub(super) fn redirect(leader: &str, target: &str) -> HttpResponse {
    if leader.is_empty() {
        return text(StatusCode::SERVICE_UNAVAILABLE, "No leader elected");
    }
    HttpResponse::TemporaryRedirect()
        .insert_header((LOCATION, format!("//{leader}{target}")))
        .finish()
}

/// 404 as Mesos words it.
pub(super) fn not_found() -> HttpResponse {
    text(StatusCode::NOT_FOUND, "404 Not Found.")
}

/// 405 as Mesos words it.
pub(super) fn method_not_allowed(request: &HttpRequest, allowed: &'static str) -> HttpResponse {
    let mut response = text(
        StatusCode::METHOD_NOT_ALLOWED,
        format!(
            "405 Method Not Allowed. Expecting one of {{ '{allowed}' }}, but received '{}'.",
            request.method()
        ),
    );
    let allowed = actix_web::http::header::HeaderValue::from_static(allowed);
    response.headers_mut().insert(ALLOW, allowed);
    response
}

/// The answer when a document cannot be had.
pub(super) fn unread(request: &HttpRequest, error: &ReadError) -> HttpResponse {
    let status = match error {
        ReadError::NotFound(_) => return not_found(),
        ReadError::NotLeader(leader) => return not_leader(request, leader),
        ReadError::Forbidden(_) => StatusCode::FORBIDDEN,
        ReadError::Invalid(_) => StatusCode::BAD_REQUEST,
        ReadError::Recovering => StatusCode::SERVICE_UNAVAILABLE,
    };
    text(status, error.to_string())
}

/// The answer when an agent would not show a file.
pub(super) fn no_file(error: &FilesError) -> HttpResponse {
    let status = match error {
        FilesError::NotFound(_) => StatusCode::NOT_FOUND,
        FilesError::Forbidden(_) => StatusCode::FORBIDDEN,
        FilesError::Invalid(_) => StatusCode::BAD_REQUEST,
        FilesError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    text(status, error.to_string())
}
