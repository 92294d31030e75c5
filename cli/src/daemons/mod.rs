//! What daemons do: a node with a certificate, the role on it, and an orderly end on a signal.

mod agent;
mod local;
mod master;
mod node;

use std::process::ExitCode;

use libprocess::daemon::Ended;

use crate::Outcome;
use crate::arguments::{AgentFlags, LocalFlags, MasterFlags};

pub(crate) async fn master(flags: MasterFlags) -> Outcome {
    master::run(flags).await
}

pub(crate) async fn agent(flags: AgentFlags) -> Outcome {
    agent::run(flags).await
}

pub(crate) async fn local(flags: LocalFlags) -> Outcome {
    local::run(flags).await
}

/// What the end of a daemon means to its shell.
fn outcome(ended: Ended) -> Outcome {
    match ended {
        Ended::Signal(_) => Ok(ExitCode::SUCCESS),
        Ended::Late(what) => Err(format!("{what} did not end in time").into()),
        Ended::Failed(why) => Err(why.into()),
        // Whatever still runs is not waited for: that is what was asked for.
        Ended::AtOnce => std::process::exit(ended.exit_code()),
    }
}
