//! `mesos top`: the actors of a whole cluster, as seen from one of its nodes and those beyond.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use frameworks::connect::node_towards;
use libprocess::observe::{ClusterView, Layout, explore, render};
use libprocess::prelude::*;
use mesos::protocols::roles;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::arguments::TopFlags;
use crate::connection::resolve;

/// How long the nodes of each step away from the first may take: a person waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Clears the screen and begins at its top (ECMA-48).
const CLEAR: &str = "\x1b[2J\x1b[H";

/// What saying goodbye may take: without it, this command would be shown as a node that cannot be reached.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) async fn watch(flags: TopFlags) -> Outcome {
    let address = resolve(&flags.address)?;
    let node = node_towards(address, roles::OPERATOR, &flags.tls.folder()).await?;
    let outcome = show(&node, address, &flags).await;
    node.shutdown(GOODBYE).await;
    outcome
}

async fn show(node: &Node, address: SocketAddr, flags: &TopFlags) -> Outcome {
    let layout = Layout {
        actors: flags.actors,
        ..Layout::default()
    };
    let mut earlier: Option<(ClusterView, Instant)> = None;
    loop {
        let view = look(node, address).await?;
        let now = Instant::now();
        let text = match flags.json {
            true => format!("{}\n", serde_json::to_string(&view)?),
            false => {
                let past = earlier
                    .as_ref()
                    .map(|(view, then)| (view, now.duration_since(*then)));
                screen(&render(&view, past, layout), flags.once)
            }
        };
        if let Err(error) = std::io::stdout().write_all(text.as_bytes()) {
            // Whoever read it has had enough.
            return match error.kind() {
                std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
                _ => Err(error.into()),
            };
        }
        if flags.once {
            return Ok(ExitCode::SUCCESS);
        }
        earlier = Some((view, now));
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            () = sleep(flags.interval) => {}
        }
    }
}

async fn look(node: &Node, address: SocketAddr) -> Result<ClusterView, String> {
    let view = explore(node, address, PATIENCE).await;
    view.map_err(|error| match error {
        AskError::Exited(ExitReason::NoProcess) => {
            format!("the node at {address} does not show what it does")
        }
        error => format!(
            "no node answers at {address} ({error}). Name a master or an agent, such as 127.0.0.1:5050; both \
             sides need the same --tls_dir"
        ),
    })
}

fn screen(text: &str, once: bool) -> String {
    match once || !std::io::stdout().is_terminal() {
        true => text.to_owned(),
        false => format!("{CLEAR}{text}"),
    }
}
