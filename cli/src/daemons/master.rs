//! `mesos master`.

use std::sync::Arc;
use std::time::Duration;

use libprocess::daemon::{Daemon, Readiness};
use libprocess::prelude::*;
use master::candidate::{AfterFailure, storages};
use master::config::Config;
use master::http::{HttpOptions, HttpServer};
use master::reader::{Library, Reader};
use master::{Candidate, CandidateHandle};
use mesos::election::zookeeper::ZooKeeper;
use mesos::election::{Elected, Election, Standalone};
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
    let config = flags.config()?;
    let running = start(config, http, &node, &readiness).await?;
    let address = node.address();
    tracing::info!("master at {address}");

    let mut daemon = Daemon::start_with(&readiness)?;
    daemon.on_hang_up(node::renewal(&node, roles::MASTER, &flags.tls));
    let master = running.handle.clone();
    daemon.at_end("the master", |_| running.stop());
    daemon.at_end("the node", |left| node_end(node, left));
    daemon.ready(&format!("master at {address}"));
    let failed = async move { master.ended().await };
    outcome(daemon.run(failed).await)
}

/// Takes leave of other nodes.
pub(super) async fn node_end(node: Node, left: Duration) {
    node.shutdown(left.min(GOODBYE_WITHIN)).await;
}

/// A master and its door for HTTP.
pub(super) struct Running {
    pub(super) handle: CandidateHandle,
    pub(super) http: Option<HttpServer>,
}

impl Running {
    /// Ends both. With others that may lead, the master first: every moment counts. Who still asks is told that
    /// nobody leads.
    pub(super) async fn stop(self) {
        self.handle.stop().await;
        if let Some(http) = self.http {
            http.stop().await;
        }
    }
}

/// Starts a master on `node` and waits until it serves, or stands by.
pub(super) async fn start(
    config: Config,
    http: bool,
    node: &Node,
    readiness: &Readiness,
) -> Result<Running, Box<dyn std::error::Error>> {
    let (election, after_failure) = election(&config, node);
    let storages = storages(&config)?;
    let handle = Candidate::start(config, storages, election, after_failure, node)?;
    let library = Library::new(node, handle.view.clone()).with_allocator(handle.allocator.clone());
    Reader::spawn(node, library.clone())?;
    let options = HttpOptions {
        address: node.address(),
        credentials: None,
        readiness: readiness.clone(),
    };
    let master = handle.master.clone();
    let http = match http {
        true => Some(HttpServer::start(options, node, master, library)?),
        false => None,
    };
    if !handle.ready().await {
        return Err(handle.ended().await.into());
    }
    Ok(Running { handle, http })
}

/// Who decides who leads.
fn election(config: &Config, node: &Node) -> (Arc<dyn Election>, AfterFailure) {
    let Some(url) = &config.zk else {
        return (Arc::new(Standalone::new()), AfterFailure::End);
    };
    if node.address().ip().is_loopback() && !url.is_local() {
        tracing::warn!(
            "other machines cannot reach this master at {}; set --ip to an address of this machine",
            node.address()
        );
    }
    let group = ZooKeeper::new(url.clone(), config.zk_session_timeout);
    let election = Elected::new(node, Arc::new(group));
    (Arc::new(election), AfterFailure::StandBy)
}
