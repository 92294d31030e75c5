//! What an executor's subscription accepts.

use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

use crate::v1;
use crate::wire::Pb;

protocol! {
    /// What one subscription of an executor accepts, from its agent: an executor over QUIC, or
    /// the actor behind an HTTP response. Its end reaches the agent as `Exited`.
    pub ExecutorProtocol = "mesos.executor" {
        1 => Event -> (),
        2 => Unsubscribed -> (),
    }
}

/// A v1 event, in the order in which the agent decided it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event(pub Pb<v1::executor::Event>);

/// The agent has dropped this subscription (the executor subscribed from elsewhere, or has been
/// removed); no event follows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Unsubscribed;
