//! The agent's HTTP server: the executor API and what people and tools read.
//!
//! | Path | File |
//! |---|---|
//! | `/api/v1/executor` | [`executor`], events through [`subscription`] |
//! | `/api/v1` | [`operator`] |
//! | `/files/browse`, `/files/read`, `/files/download`, `/files/debug` | [`files`] |
//! | `/state`, `/flags`, `/version`, `/health` | [`state`] |
//! | `/containers`, `/monitor/statistics` | [`containers`] |
//! | `/metrics`, `/metrics/snapshot` | [`metrics`](crate::metrics) |
//! | `/processes`, `/ready`, `/live` | [`libprocess::http::Pages`] |
//!
//! Every path also exists below `/slave(1)`, with a slash at its end, and (for old tools) with
//! `.json`. What is read comes from the published view. Until credentials can be configured it is
//! served on loopback only: whoever reaches it can speak as an executor.

mod answer;
mod containers;
mod executor;
mod files;
mod operator;
mod state;
mod subscription;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer as ActixServer, web};
use libprocess::http::Pages;
use libprocess::prelude::*;
use mesos::protocols::AgentProtocol;

use crate::containerizer::ContainerizerProtocol;
use crate::metrics;
use crate::view::View;
use answer::{json, method_not_allowed, not_found};
pub(crate) use state::allocated;

/// The largest body of a request, in bytes. An update carries at most a framework's data; what is
/// larger is refused before it is read.
pub(crate) const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;

/// Threads that serve requests; they wait for disk and actors, and compute little.
const WORKERS: usize = 2;

/// Connections of one worker: an executor has two, so this is more than a machine runs.
const MAX_CONNECTIONS: usize = 4096;

/// How long requests may take to end when the agent ends, in seconds. Streams never do.
const SHUTDOWN_SECS: u64 = 1;

/// The prefix under which Mesos knows the agent's paths.
const PREFIX: &str = "/slave(1)";

/// What requests are answered from.
#[derive(Clone)]
pub(crate) struct Doors {
    pub(crate) node: Node,
    pub(crate) agent: Pid<AgentProtocol>,
    pub(crate) containerizer: Pid<ContainerizerProtocol>,
    pub(crate) view: View,
    /// Of the node below: `/processes`, `/ready`, `/live`, and its part of `/metrics`.
    pub(crate) pages: Pages,
    pub(crate) heartbeat: Duration,
}

/// Why HTTP cannot be served.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot serve HTTP on {address}: {source}; is another agent running? Choose another --port"
)]
pub struct HttpError {
    address: SocketAddr,
    source: io::Error,
}

/// A port that was taken, not yet served.
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// A running server.
pub(crate) struct HttpServer {
    handle: ServerHandle,
    address: SocketAddr,
}

/// Where HTTP is served for a node at `address`: the same port, on loopback.
pub(crate) fn address(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if ip.is_loopback() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    if ip != address.ip() {
        tracing::warn!(
            "HTTP is served on {ip} only, not on {}: no credentials are configured, and whoever \
             reaches it could act as an executor",
            address.ip()
        );
    }
    SocketAddr::new(ip, address.port())
}

/// Takes the port.
pub(crate) fn bind(address: SocketAddr) -> Result<Bound, HttpError> {
    let listener = TcpListener::bind(address).map_err(|source| HttpError { address, source })?;
    let address = listener.local_addr().unwrap_or(address);
    Ok(Bound { listener, address })
}

impl Bound {
    /// Serves requests until [`HttpServer::stop`].
    pub(crate) fn serve(self, doors: Doors) -> Result<HttpServer, HttpError> {
        let address = self.address;
        let server = ActixServer::new(move || {
            App::new()
                .app_data(web::Data::new(doors.clone()))
                .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
                .default_service(web::to(route))
        });
        let server = server
            .workers(WORKERS)
            .max_connections(MAX_CONNECTIONS)
            .disable_signals()
            .shutdown_timeout(SHUTDOWN_SECS)
            .listen(self.listener)
            .map_err(|source| HttpError { address, source })?
            .run();
        let handle = server.handle();
        tokio::spawn(server);
        Ok(HttpServer { handle, address })
    }
}

impl HttpServer {
    /// Where it is served.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it, streams included.
    pub(crate) async fn stop(self) {
        self.handle.stop(false).await;
    }
}

/// The one place that knows paths and methods.
async fn route(request: HttpRequest, body: web::Payload, doors: web::Data<Doors>) -> HttpResponse {
    let path = plain_path(request.path());
    let method = request.method();
    if path == "/api/v1/executor" {
        return match *method {
            Method::POST => executor::call(&request, body, &doors).await,
            _ => method_not_allowed("POST", method),
        };
    }
    if path == "/api/v1" {
        return match *method {
            Method::POST => operator::call(&request, body, &doors.view).await,
            _ => method_not_allowed("POST", method),
        };
    }
    let is_read = *method == Method::GET || *method == Method::HEAD;
    let view = &doors.view;
    match path {
        "/health"
        | "/version"
        | "/flags"
        | "/state"
        | "/containers"
        | "/monitor/statistics"
        | "/metrics"
        | "/metrics/snapshot"
        | "/files/browse"
        | "/files/read"
        | "/files/download"
        | "/files/debug"
            if !is_read =>
        {
            method_not_allowed("GET", method)
        }
        "/health" => HttpResponse::Ok().finish(),
        "/version" => json(&request, &state::version()),
        "/flags" => json(&request, &state::flags(view)),
        "/state" => json(&request, &state::state(view)),
        "/containers" => json(&request, &containers::containers(&doors).await),
        "/monitor/statistics" => json(&request, &containers::statistics(&doors).await),
        "/metrics" => HttpResponse::Ok()
            .content_type("text/plain; version=0.0.4")
            .body(metrics::prometheus(view) + &doors.pages.metrics()),
        "/metrics/snapshot" => json(&request, &metrics::snapshot(view)),
        "/files/browse" => files::browse(&request, view).await,
        "/files/read" => files::read(&request, view).await,
        "/files/download" => files::download(&request, view).await,
        "/files/debug" => json(&request, &files::debug(view)),
        _ => {
            let page = doors.pages.serve(&request).await;
            page.unwrap_or_else(not_found)
        }
    }
}

/// A path without the forms that mean the same.
fn plain_path(path: &str) -> &str {
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let path = match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    match path {
        // Routes match by prefix in Mesos; clients of the executor API were seen to rely on it.
        _ if path.starts_with("/api/v1/executor/") => "/api/v1/executor",
        _ => path.strip_suffix(".json").unwrap_or(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_paths_mean_the_same() {
        for path in [
            "/state",
            "/state/",
            "/state.json",
            "/slave(1)/state",
            "/slave(1)/state.json",
        ] {
            assert_eq!(plain_path(path), "/state", "{path}");
        }
        assert_eq!(plain_path("/slave(1)/api/v1/executor"), "/api/v1/executor");
        assert_eq!(plain_path("/api/v1/executor/"), "/api/v1/executor");
        assert_eq!(plain_path("/"), "/");
        assert_eq!(plain_path(""), "/");
    }

    #[test]
    fn strangers_are_not_served() {
        let everywhere: SocketAddr = "0.0.0.0:5051".parse().unwrap();
        assert_eq!(address(everywhere), "127.0.0.1:5051".parse().unwrap());
        let outside: SocketAddr = "10.1.2.3:5051".parse().unwrap();
        assert_eq!(address(outside), "127.0.0.1:5051".parse().unwrap());
        let inside: SocketAddr = "127.0.0.2:5051".parse().unwrap();
        assert_eq!(address(inside), inside);
    }
}
