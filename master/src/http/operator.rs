//! `POST /api/v1`: the v1 operator API. What only reads is answered from the view; the rest is the
//! master's to decide (Mesos' `docs/operator-http-api.md`).

use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use mesos::protocols::RejectionKind;
use mesos::protocols::master::OperatorCall;
use mesos::v1::master::Call;
use mesos::v1::master::call::Type;
use mesos::wire::{self, ContentType, Pb};

use super::events;
use super::posted::posted;
use super::reply::{self, text};
use super::scheduler::CALL_TIMEOUT;
use super::server::Site;
use super::status;

/// Serves one call.
pub(super) async fn serve(
    request: &HttpRequest,
    payload: Payload,
    principal: Option<String>,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    let (form, body) = posted(request, payload, site).await?;
    let call: Call = wire::decode(form, &body).map_err(|error| {
        let message = format!("Failed to parse body into master::Call: {error}");
        text(StatusCode::BAD_REQUEST, message)
    })?;
    let accept = request.headers().get(ACCEPT);
    let accept = accept.map(|value| value.to_str().unwrap_or_default());
    let answer_form = ContentType::negotiate(accept).ok_or_else(|| {
        text(
            StatusCode::NOT_ACCEPTABLE,
            "Expecting 'Accept' to allow 'application/json' or 'application/x-protobuf'",
        )
    })?;
    if matches!(call.r#type(), Type::ListFiles | Type::ReadFile) {
        // Masters log to where they are told to by whoever starts them, and have no files to show.
        return Ok(HttpResponse::NotFound().finish());
    }
    if call.r#type() == Type::Subscribe {
        return events::serve(request, answer_form, site).await;
    }
    // On a thread of its own: the state of a large cluster takes longer to write than streams may
    // stand still.
    let library = site.library.clone();
    let read = web::block(move || {
        let answer = library.answer(&call);
        let body = answer.map(|answer| wire::encode(answer_form, &answer));
        (body, call)
    });
    match read.await {
        Ok((Some(body), _)) => Ok(reply::body(request, answer_form.as_str(), body.into())),
        Ok((None, call)) => change(request, call, principal, site).await,
        Err(_) => Err(text(
            StatusCode::SERVICE_UNAVAILABLE,
            "The master is stopping",
        )),
    }
}

/// Has the master make a change.
pub(super) async fn change(
    request: &HttpRequest,
    call: Call,
    principal: Option<String>,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    let accepted = match call.r#type() {
        // Done when the agent has done it; what it needs was free.
        Type::ReserveResources
        | Type::UnreserveResources
        | Type::CreateVolumes
        | Type::DestroyVolumes
        | Type::GrowVolume
        | Type::ShrinkVolume => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    let call = OperatorCall {
        call: Pb(call),
        principal,
    };
    match site.node.ask(&site.master, call, CALL_TIMEOUT).await {
        Ok(Ok(())) => Ok(HttpResponse::build(accepted).finish()),
        Ok(Err(rejected)) if rejected.kind == RejectionKind::Invalid => {
            Err(text(StatusCode::BAD_REQUEST, rejected.message))
        }
        Ok(Err(rejected)) => Err(status::rejected(request, &rejected)),
        Err(error) => Err(status::unanswered(&error)),
    }
}
