//! The read-only documents over HTTP.

use actix_web::http::StatusCode;
use actix_web::web;
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use flate2::Compression;
use mesos::protocols::reader::ReadError;
use tokio::sync::oneshot;

use super::press::{Body, Failed, Order, Outcome, Printed};
use super::reply::{self, text};
use super::server::Site;
use super::sheet::Copyist;
use super::status;
use crate::documents::{Draft, Paper};
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
    let write = |turn| async {
        let (answer, answered) = oneshot::channel();
        // It goes on when there is an answer.
        drop(tokio::task::spawn_blocking(move || {
            print(&library, &wanted, answer);
            drop(turn);
        }));
        answered.await.unwrap_or(Err(Failed::Stopping))
    };
    match site.press.print(order, write).await {
        Ok(printed) => Ok(reply::printed(printed)),
        Err(Failed::Unreadable(error)) => Err(status::unread(request, &error)),
        Err(Failed::Stopping) => Err(stopping()),
    }
}

/// Writes a document, and answers with it when the first page is full, or it is complete.
fn print(library: &Library, order: &Order, answer: oneshot::Sender<Outcome>) {
    let mut answer = Some(answer);
    // If nobody waits any more, nobody reads either, which is noticed with the next page.
    let mut tell = |outcome| answer.take().map(|answer| answer.send(outcome));
    let printed = library.draft(&order.path, &order.query, |draft| {
        let mut copyist = None;
        let mut hand_on = |page| {
            let copyist = copyist.get_or_insert_with(|| {
                let (copyist, pages) = Copyist::new(order.gzip);
                tell(Ok(sheet(draft, Body::Growing(pages), order.gzip)));
                copyist
            });
            copyist.add(page)
        };
        let mut paper = Paper::pages(&mut hand_on);
        let written = draft.write(&mut paper);
        let rest = paper.rest();
        match (written, copyist) {
            (Err(error), _) => Err(error),
            (Ok(()), None) => {
                tell(Ok(small(draft, rest, order.gzip)));
                Ok(())
            }
            (Ok(()), Some(mut copyist)) => {
                // Who has gone does not miss it.
                let _ = copyist.add(rest).and_then(|()| copyist.end());
                Ok(())
            }
        }
    });
    if let Err(error) = printed.and_then(|written| written) {
        tell(Err(Failed::Unreadable(error)));
    }
}

/// A document that fits on a page.
fn small(draft: &Draft<'_>, body: Vec<u8>, gzip: bool) -> Printed {
    let compressed = gzip && reply::is_worth_compressing(&body);
    let smaller = compressed.then(|| reply::gzip(&body, Compression::fast()));
    match smaller {
        Some(Ok(smaller)) => sheet(draft, Body::Whole(smaller), true),
        _ => sheet(draft, Body::Whole(Bytes::from(body)), false),
    }
}

fn sheet(draft: &Draft<'_>, body: Body, gzip: bool) -> Printed {
    Printed {
        content_type: draft.content_type().to_owned(),
        body,
        gzip,
    }
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
