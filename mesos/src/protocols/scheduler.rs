//! What a framework's subscription accepts.

use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

use crate::v1;
use crate::wire::Pb;

protocol! {
    /// What one subscription of a framework accepts, from the master it subscribed to: a
    /// scheduler over QUIC, or the actor behind an HTTP response. It ends when it has nothing
    /// more to take; the master sees that as `Exited` and disconnects the framework.
    pub SchedulerProtocol = "mesos.scheduler" {
        1 => Event -> (),
        2 => Unsubscribed -> (),
    }
}

/// A v1 event, in the order in which the master decided it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event(pub Pb<v1::scheduler::Event>);

/// The master has dropped this subscription (the framework was torn down, or subscribed from
/// elsewhere, which an ERROR event before this one says); no event follows.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Unsubscribed;
