//! What is where.
//!
//! As in Mesos, a path is served by the longest known path it begins with, in whole segments: a
//! trailing slash and more segments do no harm, and `/master/state` is `/state`.
//!
//! | Path | |
//! |---|---|
//! | `/api/v1/scheduler` | v1 scheduler API |
//! | `/api/v1` | v1 operator API |
//! | `/weights`, `/quota`, `/reserve`, .. | what it does, in the words of before ([`legacy`]) |
//! | `/registrar(1)/registry` | what is stored |
//! | `/redirect` | to the leader; nothing below it, against loops |
//! | `/agent/<id>/files/{browse,read,download}` | sandboxes, for the page |
//! | `/`, `/static/*`, `/favicon.ico` | the page; of a master that stands by, the leader's |
//! | `/explain` | why a framework is offered nothing ([`crate::documents`]) |
//! | `/processes`, `/ready`, `/live` | what the node below does ([`libprocess::http::Pages`]) |
//! | `/state`, `/metrics`, .. | documents ([`crate::documents`]) |
//!
//! A master that stands by answers 307 to the leader, or 503 while there is none, for all that is of the cluster
//! and not of its own process.

use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use libprocess::prelude::*;

use super::reply::{self, text};
use super::scheduler::CALL_TIMEOUT;
use super::server::Site;
use super::{authentication, legacy, operator, origin, reads, sandbox, scheduler, status};
use crate::documents;
use crate::registrar::{Recover, RegistrarError, RegistrarProtocol};

/// Serves one request.
pub(super) async fn serve(
    request: HttpRequest,
    payload: Payload,
    site: Data<Site>,
) -> HttpResponse {
    match dispatch(&request, payload, &site).await {
        Ok(response) | Err(response) => response,
    }
}

async fn dispatch(
    request: &HttpRequest,
    payload: Payload,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    origin::check(request, site)?;
    let principal = authentication::principal(request, site.credentials.as_ref())?;
    let path = request.path().to_owned();
    let mut segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if segments.len() > 1 && segments[0] == "master" {
        segments.remove(0);
    }
    match segments.as_slice() {
        ["api", "v1", "scheduler", ..] => scheduler::serve(request, payload, principal, site).await,
        ["api", "v1", ..] => operator::serve(request, payload, principal, site).await,
        _ => {
            if is_of_cluster(&segments) && !site.library.view().leads() {
                return Err(status::not_leader(request, &site.library.leader()));
            }
            let legacy = legacy::serve(request, &segments, payload, principal, site).await;
            if let Some(response) = legacy {
                return response;
            }
            only_reads(request)?;
            read(request, &segments, &path, site).await
        }
    }
}

/// Whether only the leader can answer. What documents there are without a cluster, [`crate::documents`] knows.
fn is_of_cluster(segments: &[&str]) -> bool {
    let legacy = [
        "weights",
        "quota",
        "reserve",
        "unreserve",
        "create-volumes",
        "destroy-volumes",
        "machine",
        "maintenance",
        "teardown",
    ];
    match segments.first() {
        None => true,
        Some(first) => legacy.contains(first) || ["agent", "registrar(1)"].contains(first),
    }
}

async fn read(
    request: &HttpRequest,
    segments: &[&str],
    path: &str,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    match segments {
        [] => site.page.serve(request, "index.html"),
        ["static", name @ ..] => site.page.serve(request, &name.join("/")),
        ["favicon.ico"] => site.page.serve(request, "favicon.svg"),
        ["redirect"] => Err(status::redirect(&site.library.leader(), "")),
        ["redirect", ..] => Err(status::not_found()),
        // Metrics are a document: those of Mesos, with the node's behind them.
        ["processes" | "ready" | "live"] => {
            let page = site.pages.serve(request).await;
            page.ok_or_else(status::not_found)
        }
        ["explain", ..] => reads::explain(request, site).await,
        ["registrar(1)", "registry"] => registry(request, site).await,
        ["agent", agent, "files", action] => sandbox::serve(request, agent, action, site).await,
        _ => reads::serve(request, path, site).await,
    }
}

/// What the registrar knows, which is a little more than the view: it is not published.
async fn registry(request: &HttpRequest, site: &Site) -> Result<HttpResponse, HttpResponse> {
    let registrar: Pid<RegistrarProtocol> = Pid::named("registrar", site.node.address());
    let recovered = site.node.ask(&registrar, Recover, CALL_TIMEOUT).await;
    let registry = recovered.map_err(|error| status::unanswered(&error))?;
    let failed = |error: RegistrarError| text(StatusCode::SERVICE_UNAVAILABLE, error.to_string());
    let registry = registry.map_err(failed)?;
    let json = documents::registry::registry(&registry).to_string();
    Ok(reply::body(request, "application/json", json.into()))
}

fn only_reads(request: &HttpRequest) -> Result<(), HttpResponse> {
    match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(status::method_not_allowed(request, "GET")),
    }
}
