//! Pages of what a node does.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::body::wants_text;
use super::status::refused;
use crate::node::Node;
use crate::observe::{
    CONTENT_TYPE, ClusterView, Layout, NodeSight, Readiness, metrics, render, survey,
};

/// How long each of the other nodes may take to tell of itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Pages of what a node does. They only read.
///
/// | Path | |
/// |---|---|
/// | `/processes` | the actors and links of this node as JSON, or as a table with `Accept: text/plain` |
/// | `/processes?cluster` | the same of all linked nodes, with who waits for whom and ask cycles |
/// | `/metrics` | for Prometheus |
/// | `/ready` | 200 if the node takes work, else 503 and why |
/// | `/live` | 200: it answers |
#[derive(Clone, Debug)]
pub struct Pages {
    node: Node,
    readiness: Readiness,
}

impl Pages {
    /// Of `node`, with the answer to `/ready`.
    pub fn new(node: &Node, readiness: &Readiness) -> Self {
        Self {
            node: node.clone(),
            readiness: readiness.clone(),
        }
    }

    /// Adds them to a server of actix-web: `App::new().configure(|config| pages.mount(config))`.
    pub fn mount(&self, config: &mut ServiceConfig) {
        for path in ["/processes", "/metrics", "/ready", "/live"] {
            let pages = self.clone();
            config.route(
                path,
                web::to(move |request: HttpRequest| {
                    let pages = pages.clone();
                    async move {
                        let response = pages.serve(&request).await;
                        response.unwrap_or_else(|| refused(StatusCode::NOT_FOUND, "no such page"))
                    }
                }),
            );
        }
    }

    /// For servers with a routing of their own: the page of the request's path, or nothing if it is none of them.
    pub async fn serve(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let path = request.path().trim_end_matches('/');
        if !matches!(path, "/processes" | "/metrics" | "/ready" | "/live") {
            return None;
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let why = format!("{} is not served here", request.method());
            return Some(refused(StatusCode::METHOD_NOT_ALLOWED, &why));
        }
        Some(match path {
            "/processes" => self.processes(request).await,
            "/metrics" => HttpResponse::Ok()
                .content_type(CONTENT_TYPE)
                .body(self.metrics()),
            "/ready" => match self.readiness.check() {
                Ok(()) => HttpResponse::Ok().body("ready\n"),
                Err(why) => HttpResponse::ServiceUnavailable().body(format!("{why}\n")),
            },
            _ => HttpResponse::Ok().body("live\n"),
        })
    }

    /// The content of `/metrics`, for servers that have metrics of their own there.
    pub fn metrics(&self) -> String {
        metrics(&self.readiness.seen_on(self.node.view()))
    }

    async fn processes(&self, request: &HttpRequest) -> HttpResponse {
        let cluster = request
            .query_string()
            .split('&')
            .any(|part| part.split('=').next() == Some("cluster"));
        let text = wants_text(request);
        if !cluster && !text {
            return HttpResponse::Ok().json(self.readiness.seen_on(self.node.view()));
        }
        let view = match cluster {
            true => survey(&self.node, &self.readiness, PATIENCE, &[]).await,
            false => self.alone(),
        };
        match text {
            true => HttpResponse::Ok()
                .content_type("text/plain; charset=utf-8")
                .body(render(&view, None, Layout::default())),
            false => HttpResponse::Ok().json(view),
        }
    }

    fn alone(&self) -> ClusterView {
        let node = NodeSight {
            address: self.node.address(),
            peer: None,
            view: Some(self.readiness.seen_on(self.node.view())),
            unseen: None,
        };
        ClusterView::of(vec![node], 0)
    }
}
