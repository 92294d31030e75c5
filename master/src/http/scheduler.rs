//! `POST /api/v1/scheduler`. The order of the checks is part of the contract (Mesos' `docs/scheduler-http-api.md`).

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, HeaderName};
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use mesos::protocols::master::SchedulerCall;
use mesos::protocols::{CallRejected, RejectionKind};
use mesos::v1::scheduler::Call;
use mesos::v1::scheduler::call::Type;
use mesos::wire::{self, ContentType, Pb};

use super::posted::posted;
use super::reply::text;
use super::server::Site;
use super::{status, subscription};
use crate::validation::calls;

/// How long the master may take to answer a call. It answers at once unless it is flooded.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Names a subscription in every call that follows it.
pub(super) const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// Serves one call.
pub(super) async fn serve(
    request: &HttpRequest,
    payload: Payload,
    principal: Option<String>,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    let (content_type, body) = posted(request, payload, site).await?;
    let call: Call = wire::decode(content_type, &body).map_err(|error| {
        let form = match content_type {
            ContentType::Json => "JSON",
            ContentType::Protobuf => "Call protobuf",
        };
        text(
            StatusCode::BAD_REQUEST,
            format!("Failed to parse body into {form}: {error}"),
        )
    })?;
    let kind = calls::call(&call).map_err(|error| status::malformed(&error))?;
    let answer_type = answer_type(request, kind)?;
    let call = SchedulerCall {
        call: Pb(call),
        from: None,
        stream_id: stream_id(request)?,
        principal,
    };
    match (kind, answer_type) {
        (Type::Subscribe, Some(answer_type)) => {
            subscription::serve(request, call, answer_type, site).await
        }
        _ => forward(request, call, site).await,
    }
}

async fn forward(
    request: &HttpRequest,
    call: SchedulerCall,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    match site.node.ask(&site.master, call, CALL_TIMEOUT).await {
        Ok(Ok(_)) => Ok(HttpResponse::Accepted().finish()),
        Ok(Err(rejection)) => Err(status::rejected(request, &rejection)),
        Err(error) => Err(status::unanswered(&error)),
    }
}

/// The form of the answer; calls that have none do not look at `Accept`. Mesos once answered
/// RECONCILE_OPERATIONS in the response, and still looks.
fn answer_type(request: &HttpRequest, kind: Type) -> Result<Option<ContentType>, HttpResponse> {
    if !matches!(kind, Type::Subscribe | Type::ReconcileOperations) {
        return Ok(None);
    }
    let accept = request
        .headers()
        .get(ACCEPT)
        .map(|value| value.to_str().unwrap_or_default());
    let chosen = ContentType::negotiate(accept);
    chosen.map(Some).ok_or_else(|| {
        text(
            StatusCode::NOT_ACCEPTABLE,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        )
    })
}

fn stream_id(request: &HttpRequest) -> Result<Option<String>, HttpResponse> {
    let Some(header) = request.headers().get(STREAM_ID) else {
        return Ok(None);
    };
    let text = header.to_str().map(|id| Some(id.to_owned()));
    text.map_err(|_| {
        let message = "the 'Mesos-Stream-Id' header is not text";
        let rejection = CallRejected::new(RejectionKind::WrongStreamId, message);
        status::rejected(request, &rejection)
    })
}
