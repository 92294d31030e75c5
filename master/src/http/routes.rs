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
//! | `/redirect` | to the leader; nothing below it, against loops |
//! | `/agent/<id>/files/{browse,read,download}` | sandboxes, for the page |
//! | `/`, `/static/*`, `/favicon.ico` | the page |
//! | `/explain` | why a framework is offered nothing ([`crate::documents`]) |
//! | `/processes`, `/ready`, `/live` | what the node below does ([`libprocess::http::Pages`]) |
//! | `/state`, `/metrics`, .. | documents ([`crate::documents`]) |

use actix_web::http::Method;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::server::Site;
use super::{authentication, legacy, operator, origin, reads, sandbox, scheduler, status};

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
            let legacy = legacy::serve(request, &segments, payload, principal, site).await;
            if let Some(response) = legacy {
                return response;
            }
            only_reads(request)?;
            read(request, &segments, &path, site).await
        }
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
        ["agent", agent, "files", action] => sandbox::serve(request, agent, action, site).await,
        _ => reads::serve(request, path, site).await,
    }
}

fn only_reads(request: &HttpRequest) -> Result<(), HttpResponse> {
    match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(status::method_not_allowed(request, "GET")),
    }
}
