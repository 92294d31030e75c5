//! The read-only documents over HTTP.

use actix_web::http::StatusCode;
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use mesos::protocols::reader::ReadError;

use super::reply::{self, text};
use super::server::Site;
use super::status;
use crate::metrics;

/// Serves a document. It is written on a thread of its own: that of a large cluster takes longer
/// than streams may stand still.
pub(super) async fn serve(
    request: &HttpRequest,
    path: &str,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    let (library, pages) = (site.library.clone(), site.pages.clone());
    let (path, query) = (path.to_owned(), request.query_string().to_owned());
    let document = web::block(move || {
        let mut document = library.read(&path, &query)?;
        if document.content_type == metrics::CONTENT_TYPE {
            // Behind the master's own numbers those of its node.
            document.body = [&document.body[..], pages.metrics().as_bytes()]
                .concat()
                .into();
        }
        Ok::<_, ReadError>(document)
    })
    .await;
    match document {
        Ok(Ok(document)) => Ok(reply::body(request, &document.content_type, document.body)),
        Ok(Err(error)) => Err(status::unread(request, &error)),
        Err(_) => Err(text(
            StatusCode::SERVICE_UNAVAILABLE,
            "The master is stopping",
        )),
    }
}

/// Serves the one document for which the allocator is asked.
pub(super) async fn explain(
    request: &HttpRequest,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    let answer = site.library.fetch("/explain", request.query_string());
    match answer.await {
        Ok(document) => Ok(reply::body(request, &document.content_type, document.body)),
        Err(error) => Err(status::unread(request, &error)),
    }
}
