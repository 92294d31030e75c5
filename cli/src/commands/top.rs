//! `mesos top`: the actors of a cluster, as the observer of one of its nodes sees them.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use frameworks::connect::node_towards;
use libprocess::observe::{ClusterView, Layout, LookAround, OBSERVER, ObserverProtocol, render};
use libprocess::prelude::*;
use mesos::protocols::roles;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::arguments::TopFlags;
use crate::connection::resolve;

/// How long the node may take to ask all others.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long each of the others may take.
const PATIENCE_MILLIS: u32 = 2000;

/// Clears the screen and begins at its top (ECMA-48).
const CLEAR: &str = "\x1b[2J\x1b[H";

pub(super) async fn watch(flags: TopFlags) -> Outcome {
    let address = resolve(&flags.address)?;
    let node = node_towards(address, roles::OPERATOR, &flags.tls.folder()).await?;
    let layout = Layout {
        actors: flags.actors,
        ..Layout::default()
    };
    let mut earlier: Option<(ClusterView, Instant)> = None;
    loop {
        let view = look(&node, address).await?;
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
    let observer = Pid::<ObserverProtocol>::named(OBSERVER, address);
    let look = LookAround {
        patience_millis: PATIENCE_MILLIS,
    };
    let answer = node.ask(&observer, look, ANSWER_WITHIN).await;
    let mut view = answer.map_err(|error| match error {
        AskError::Exited(ExitReason::NoProcess) => {
            format!("the node at {address} does not show what it does")
        }
        error => format!(
            "no node answers at {address} ({error}). Name a master or an agent, such as 127.0.0.1:5050; both \
             sides need the same --tls_dir"
        ),
    })?;
    leave_out(&mut view, node.address());
    Ok(view)
}

/// This command is no part of what it shows.
fn leave_out(view: &mut ClusterView, own: SocketAddr) {
    view.nodes.retain(|node| node.address != own);
    for seen in view.nodes.iter_mut().filter_map(|node| node.view.as_mut()) {
        seen.links.retain(|link| link.address != own);
    }
}

fn screen(text: &str, once: bool) -> String {
    match once || !std::io::stdout().is_terminal() {
        true => text.to_owned(),
        false => format!("{CLEAR}{text}"),
    }
}
