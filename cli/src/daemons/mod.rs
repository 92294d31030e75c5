//! What daemons do: a node with a certificate, the role on it, and an orderly end on a signal.

mod agent;
mod local;
mod master;
mod node;
mod signals;

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
