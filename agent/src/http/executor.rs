//! `POST /api/v1/executor`: the executor API (Mesos' `docs/executor-http-api.md`) over HTTP.
//!
//! Checks come in Mesos' order: content type, body, then what the agent says. A subscription is an
//! actor that the agent tells events to, like any other executor.

use std::time::Duration;

use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt;
use libprocess::prelude::*;
use mesos::protocols::agent::ExecutorCall;
use mesos::protocols::{CallRejected, RejectionKind};
use mesos::v1::executor::{Call, call};
use mesos::wire::{self, ContentType, Described, Pb};

use super::answer::error;
use super::{Doors, MAX_BODY_BYTES, subscription};

/// How long the agent may take to answer a call: it may be writing checkpoints.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers one call.
pub(super) async fn call(request: &HttpRequest, body: Payload, doors: &Doors) -> HttpResponse {
    let call: Call = match read(request, body).await {
        Ok(call) => call,
        Err(refusal) => return refusal,
    };
    if call.r#type == Some(call::Type::Subscribe as i32) {
        return subscribe(request, call, doors).await;
    }
    match ask(call, None, doors).await {
        Ok(()) => HttpResponse::Accepted().finish(),
        Err(refusal) => refusal,
    }
}

async fn subscribe(request: &HttpRequest, call: Call, doors: &Doors) -> HttpResponse {
    let accept = request
        .headers()
        .get(header::ACCEPT)
        .map(|a| a.to_str().unwrap_or_default());
    let Some(content_type) = ContentType::negotiate(accept) else {
        let text = "Expecting 'Accept' to allow application/json or application/x-protobuf";
        return error(StatusCode::NOT_ACCEPTABLE, text);
    };
    let (pid, records) = match subscription::open(doors, content_type) {
        Ok(opened) => opened,
        Err(problem) => return error(StatusCode::SERVICE_UNAVAILABLE, problem.to_string()),
    };
    if let Err(refusal) = ask(call, Some(pid.clone()), doors).await {
        doors.node.stop(&pid);
        return refusal;
    }
    HttpResponse::Ok()
        .content_type(content_type.as_str())
        .streaming(records.map(Ok::<Bytes, actix_web::Error>))
}

async fn ask(
    call: Call,
    from: Option<Pid<mesos::protocols::ExecutorProtocol>>,
    doors: &Doors,
) -> Result<(), HttpResponse> {
    let message = ExecutorCall {
        call: Pb(call),
        from,
    };
    match doors.node.ask(&doors.agent, message, CALL_TIMEOUT).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(rejected)) => Err(refuse(&rejected)),
        Err(problem) => {
            let text = format!("The agent does not answer: {problem}");
            Err(error(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}

/// The one place that maps refusals to status codes.
fn refuse(rejected: &CallRejected) -> HttpResponse {
    let status = match rejected.kind {
        RejectionKind::Disconnected | RejectionKind::Unauthorized => StatusCode::FORBIDDEN,
        RejectionKind::Recovering => StatusCode::SERVICE_UNAVAILABLE,
        RejectionKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::BAD_REQUEST,
    };
    error(status, rejected.message.clone())
}

/// The call that was posted, of whichever API.
pub(super) async fn read<T: Described>(
    request: &HttpRequest,
    mut body: Payload,
) -> Result<T, HttpResponse> {
    let Some(media_type) = request.headers().get(header::CONTENT_TYPE) else {
        let text = "Expecting 'Content-Type' to be present";
        return Err(error(StatusCode::BAD_REQUEST, text));
    };
    let content_type = media_type
        .to_str()
        .ok()
        .and_then(ContentType::parse)
        .ok_or_else(|| {
            let text = "Expecting 'Content-Type' of application/json or application/x-protobuf";
            error(StatusCode::UNSUPPORTED_MEDIA_TYPE, text)
        })?;
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|e| error(StatusCode::BAD_REQUEST, e.to_string()))?;
        if bytes.len() + chunk.len() > MAX_BODY_BYTES {
            let text = format!("The body is larger than {MAX_BODY_BYTES} bytes");
            return Err(error(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        bytes.extend_from_slice(&chunk);
    }
    wire::decode(content_type, &bytes).map_err(|e| {
        let text = format!("Failed to parse body into Call: {e}");
        error(StatusCode::BAD_REQUEST, text)
    })
}
