//! Starting and stopping the server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, web};
use libprocess::http::Pages;
use libprocess::observe::Readiness;
use libprocess::prelude::*;
use mesos::protocols::MasterProtocol;
use tokio::task::JoinHandle;

use super::authentication::Credentials;
use super::page::Page;
use super::press::Press;
use super::{connection, routes};
use crate::reader::Library;

/// Threads that serve HTTP. Calls are handed on to the master and documents are written on
/// threads of their own, so that two suffice; a second one keeps streams flowing meanwhile.
const WORKERS: usize = 2;

/// Connections per worker. Every HTTP framework holds two; what is beyond waits in the backlog.
const MAX_CONNECTIONS: usize = 8192;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle connection is kept. Clients that poll do so more often.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a connection may take to close.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long requests may take to finish when the server stops. Streams end at once.
const STOP_SECS: u64 = 1;

/// How the server is to listen.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Where to listen; port 0 takes any free one. See [`http_address`] for which ip is used.
    pub address: SocketAddr,
    /// Who may use it. `None`: anybody who can reach it, which is why it then listens on the
    /// loopback interface only.
    pub credentials: Option<Credentials>,
    /// What `/ready` answers.
    pub readiness: Readiness,
}

/// Why the server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum HttpStartError {
    /// The port is taken, or not ours to take.
    #[error("cannot serve HTTP on {address}: {reason}; choose another with --port")]
    Bind {
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system says.
        reason: std::io::Error,
    },
}

/// A listening server. Dropping it leaves the server running until its node's runtime ends.
#[derive(Debug)]
pub struct HttpServer {
    address: SocketAddr,
    handle: ServerHandle,
    running: JoinHandle<std::io::Result<()>>,
}

/// What every request handler needs.
pub(super) struct Site {
    pub(super) node: Node,
    pub(super) master: Pid<MasterProtocol>,
    pub(super) library: Library,
    pub(super) credentials: Option<Credentials>,
    pub(super) page: Page,
    /// Of the node below: `/processes`, `/ready`, `/live`.
    pub(super) pages: Pages,
    pub(super) press: Press,
    /// Subscriptions ever made, for the names of their actors.
    pub(super) subscriptions: AtomicU64,
}

impl HttpServer {
    /// Starts the server, within a tokio runtime that drives its acceptor.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub fn start(
        options: HttpOptions,
        node: &Node,
        master: Pid<MasterProtocol>,
        library: Library,
    ) -> Result<HttpServer, HttpStartError> {
        let address = http_address(options.address, options.credentials.is_some());
        if address.ip() != options.address.ip() {
            tracing::warn!(
                "HTTP is served on {address} only, not on {}: without credentials anybody who \
                 reaches it could run tasks. Configure credentials to open it, or reach this \
                 machine through a tunnel (ssh -L {port}:{address} ..). QUIC is not affected: it \
                 is always authenticated",
                options.address,
                port = address.port()
            );
        }
        let site = web::Data::from(Arc::new(Site {
            node: node.clone(),
            master,
            library,
            credentials: options.credentials,
            page: Page::new(),
            pages: Pages::new(node, &options.readiness),
            press: Press::new(std::thread::available_parallelism().map_or(1, usize::from)),
            subscriptions: AtomicU64::new(0),
        }));
        let refused = |reason| HttpStartError::Bind { address, reason };
        let server = actix_web::HttpServer::new(move || {
            App::new()
                .app_data(site.clone())
                .default_service(web::to(routes::serve))
        })
        .workers(WORKERS)
        .max_connections(MAX_CONNECTIONS)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(STOP_SECS)
        .disable_signals()
        .on_connect(connection::on_connect)
        .bind(address)
        .map_err(refused)?;
        let address = server.addrs().first().copied().unwrap_or(address);
        let server = server.run();
        let handle = server.handle();
        tracing::info!("serving HTTP on http://{address}");
        Ok(HttpServer {
            address,
            handle,
            running: tokio::spawn(server),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it: no new connections, a second for requests that run, streams end.
    pub async fn stop(self) {
        self.handle.stop(true).await;
        let _ = self.running.await;
    }
}

/// The address HTTP is served on: the one asked for if callers have to show credentials, else the
/// loopback interface of the same family.
pub fn http_address(asked: SocketAddr, authenticated: bool) -> SocketAddr {
    let ip = match asked.ip() {
        ip if authenticated || ip.is_loopback() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(ip, asked.port())
}
