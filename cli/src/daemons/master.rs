//! `mesos master`.

use std::process::ExitCode;
use std::time::Duration;

use libprocess::prelude::*;
use master::config::Config;
use master::http::{HttpOptions, HttpServer};
use master::reader::{Library, Reader};
use master::{Master, MasterHandle};
use mesos::protocols::roles;

use super::{node, signals};
use crate::arguments::MasterFlags;
use crate::{Outcome, logging};

/// How long a daemon takes leave of its peers before it just goes.
pub(super) const GOODBYE_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn run(flags: MasterFlags) -> Outcome {
    logging::start(&flags.log)?;
    let address = flags.node.address(flags.port);
    let node = node::start(
        address,
        roles::MASTER,
        &flags.tls,
        flags.work_dir.as_deref(),
        [],
    )
    .await?;
    let http = !flags.http.no_http;
    let running = start(flags.config(), http, &node).await?;
    tracing::info!("master at {}", node.address());
    let outcome = tokio::select! {
        biased;
        signal = signals::end() => {
            tracing::info!("ending after {}", signal?);
            Ok(ExitCode::SUCCESS)
        }
        exited = running.handle.ended() => Err(format!("the master ended: {}", exited.reason).into()),
    };
    running.stop().await;
    node.shutdown(GOODBYE_WITHIN).await;
    outcome
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
) -> Result<Running, Box<dyn std::error::Error>> {
    let handle = Master::start(config, node).await?;
    let library = Library::new(node, handle.view.clone());
    Reader::spawn(node, library.clone())?;
    let options = HttpOptions {
        address: node.address(),
        credentials: None,
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
