//! The forms in which answers leave.

use std::collections::BTreeMap;

use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;

/// The parameters of a query.
pub(super) type Query = BTreeMap<String, String>;

/// Reads the query; what cannot be read is as if it was not there.
pub(super) fn query(request: &HttpRequest) -> Query {
    actix_web::web::Query::<Query>::from_query(request.query_string())
        .map(|q| q.into_inner())
        .unwrap_or_default()
}

/// A JSON document, or a script if `?jsonp=name` asks for one.
pub(super) fn json(request: &HttpRequest, document: &Value) -> HttpResponse {
    let body = document.to_string();
    match query(request).get("jsonp") {
        // The name becomes program text; nothing but a name may.
        Some(name) if is_script_name(name) => HttpResponse::Ok()
            .content_type("text/javascript")
            .body(format!("{name}({body});")),
        Some(_) => error(
            StatusCode::BAD_REQUEST,
            "'jsonp' must be the name of a function",
        ),
        None => HttpResponse::Ok()
            .content_type("application/json")
            .body(body),
    }
}

/// A refusal in one line of text.
pub(super) fn error(status: StatusCode, text: impl Into<String>) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/plain; charset=utf-8")
        .body(text.into())
}

pub(super) fn not_found() -> HttpResponse {
    error(StatusCode::NOT_FOUND, "404 Not Found.")
}

pub(super) fn method_not_allowed(allowed: &'static str, got: &Method) -> HttpResponse {
    let text = format!("Expecting one of {{ '{allowed}' }}, but received '{got}'");
    let mut response = error(StatusCode::METHOD_NOT_ALLOWED, text);
    let allowed = header::HeaderValue::from_static(allowed);
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

fn is_script_name(name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "_$.".contains(c);
    !name.is_empty() && name.len() <= 128 && name.chars().all(part)
}
