//! What comes before the decoding of a call, in the order in which Mesos looks (Mesos' `docs/scheduler-http-api.md`).

use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::{Method, StatusCode};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use mesos::wire::ContentType;

use super::reply::text;
use super::server::Site;
use super::{body, status};

/// The body of a call, and its form.
///
/// # Errors
/// The response that says why there is none.
pub(super) async fn posted(
    request: &HttpRequest,
    payload: Payload,
    site: &Site,
) -> Result<(ContentType, Bytes), HttpResponse> {
    let view = site.library.view();
    if !view.leads() {
        return Err(status::not_leader(request, &site.library.leader()));
    }
    if view.is_recovering() {
        return Err(text(
            StatusCode::SERVICE_UNAVAILABLE,
            "Master has not finished recovery",
        ));
    }
    if request.method() != Method::POST {
        return Err(status::method_not_allowed(request, "POST"));
    }
    let form = content_type(request)?;
    Ok((form, body::read(request, payload).await?))
}

fn content_type(request: &HttpRequest) -> Result<ContentType, HttpResponse> {
    let Some(header) = request.headers().get(CONTENT_TYPE) else {
        return Err(text(
            StatusCode::BAD_REQUEST,
            "Expecting 'Content-Type' to be present",
        ));
    };
    let known = header.to_str().ok().and_then(ContentType::parse);
    known.ok_or_else(|| {
        text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        )
    })
}
