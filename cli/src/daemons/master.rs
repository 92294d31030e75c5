//! `mesos master`.

use std::time::Duration;

use libprocess::daemon::{Daemon, Readiness};
use libprocess::prelude::*;
use master::config::Config;
use master::http::{HttpOptions, HttpServer};
use master::reader::{Library, Reader};
use master::{Master, MasterHandle};
use mesos::protocols::roles;

use super::{node, outcome};
use crate::arguments::MasterFlags;
use crate::{Outcome, logging};

/// How long a daemon takes leave of its peers before it just goes.
pub(super) const GOODBYE_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn run(flags: MasterFlags) -> Outcome {
    logging::start(&flags.log)?;
    let address = flags.node.address(flags.port);
    let readiness = Readiness::new();
    let node = node::start(
        address,
        roles::MASTER,
        &flags.tls,
        flags.work_dir.as_deref(),
        &readiness,
        [],
    )
    .await?;
    let http = !flags.http.no_http;
    let running = start(flags.config(), http, &node, &readiness).await?;
    let address = node.address();
    tracing::info!("master at {address}");

    let mut daemon = Daemon::start_with(&readiness)?;
    daemon.on_hang_up(node::renewal(&node, roles::MASTER, &flags.tls));
    let master = running.handle.clone();
    daemon.at_end("the master", |_| running.stop());
    daemon.at_end("the node", |left| node_end(node, left));
    daemon.ready(&format!("master at {address}"));
    let failed = async move { format!("the master ended: {}", master.ended().await.reason) };
    outcome(daemon.run(failed).await)
}

/// Takes leave of other nodes.
pub(super) async fn node_end(node: Node, left: Duration) {
    node.shutdown(left.min(GOODBYE_WITHIN)).await;
}

/// A master and its door for HTTP.
pub(super) struct Running {
    pub(super) handle: MasterHandle,
    pub(super) http: Option<HttpServer>,
}

impl Running {
    /// Ends both, HTTP first: nobody is to be promised what will not happen.
    pub(super) async fn stop(self) {
        if let Some(http) = self.http {
            http.stop().await;
        }
        self.handle.stop();
    }
}

/// Starts a master on `node` and waits until it serves.
pub(super) async fn start(
    config: Config,
    http: bool,
    node: &Node,
    readiness: &Readiness,
) -> Result<Running, Box<dyn std::error::Error>> {
    let handle = Master::start(config, node).await?;
    let library = Library::new(node, handle.view.clone()).with_allocator(handle.allocator.clone());
    Reader::spawn(node, library.clone())?;
    let options = HttpOptions {
        address: node.address(),
        credentials: None,
        readiness: readiness.clone(),
    };
    let http = match http {
        true => Some(HttpServer::start(
            options,
            node,
            handle.pid.clone(),
            library,
        )?),
        false => None,
    };
    if !handle.ready().await {
        let exited = handle.ended().await;
        return Err(format!("the master could not read its registry: {}", exited.reason).into());
    }
    Ok(Running { handle, http })
}
