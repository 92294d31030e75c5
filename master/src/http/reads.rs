//! The read-only documents over HTTP.

use actix_web::http::StatusCode;
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use flate2::Compression;
use mesos::protocols::reader::{Document, ReadError};

use super::press::{Failed, Order, Printed};
use super::reply::{self, text};
use super::server::Site;
use super::status;
use crate::reader::Library;
use crate::{documents, metrics};

/// Serves a document. It is written on a thread of its own: that of a large cluster takes longer
/// than streams may stand still.
pub(super) async fn serve(
    request: &HttpRequest,
    path: &str,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    if documents::is_large(path) {
        return large(request, path, site).await;
    }
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
        Err(_) => Err(stopping()),
    }
}

/// Serves a document that grows with the cluster.
async fn large(
    request: &HttpRequest,
    path: &str,
    site: &Site,
) -> Result<HttpResponse, HttpResponse> {
    let order = Order {
        path: path.to_owned(),
        query: request.query_string().to_owned(),
        gzip: reply::takes_gzip(request),
    };
    let (library, wanted) = (site.library.clone(), order.clone());
    let write = || async {
        let written = web::block(move || print(&library, &wanted)).await;
        written.unwrap_or(Err(Failed::Stopping))
    };
    match site.press.print(order, write).await {
        Ok(printed) => Ok(reply::printed(printed)),
        Err(Failed::Unreadable(error)) => Err(status::unread(request, &error)),
        Err(Failed::Stopping) => Err(stopping()),
    }
}

fn print(library: &Library, order: &Order) -> Result<Printed, Failed> {
    let document = library.read(&order.path, &order.query);
    let Document { content_type, body } = document.map_err(Failed::Unreadable)?;
    let compressed = order.gzip && reply::is_worth_compressing(&body);
    let small = compressed.then(|| reply::gzip(&body, Compression::fast()));
    let (body, gzip) = match small {
        Some(Ok(small)) => (small, true),
        _ => (body, false),
    };
    Ok(Printed {
        content_type,
        body,
        gzip,
    })
}

fn stopping() -> HttpResponse {
    text(StatusCode::SERVICE_UNAVAILABLE, "The master is stopping")
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
