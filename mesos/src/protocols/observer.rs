//! What the master's watch over one agent accepts.

use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

protocol! {
    /// What an agent observer accepts, from the master that made it. It asks the agent
    /// [`Ping`](super::agent::Ping) and tells the master
    /// [`AgentUnresponsive`](super::master::AgentUnresponsive). The master stops it.
    pub ObserverProtocol = "mesos.observer" {
        1 => SetConnected -> (),
    }
}

/// The agent's link went down, or it registered again: what the next pings tell the agent.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SetConnected(pub bool);
