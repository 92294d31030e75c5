//! What reaches the agent's actor beside the messages of its public protocol.
//!
//! The containerizer, the status update manager and the detector live on the same node but have
//! no place in the protocol that other nodes may speak. They write here; the actor reads one after
//! the other. The queue has no bound of its own: its writers are bounded by the number of
//! containers, of tasks and of changes of the leader.

use std::sync::Arc;

use libprocess::prelude::*;
use mesos::protocols::MasterProtocol;
use tokio::sync::mpsc::UnboundedSender;

use crate::containerizer::{ContainerListenerProtocol, Terminated};
use crate::status_updates::{OperationReport, Update};

/// Something that happened on this node.
#[derive(Clone, Debug)]
pub enum Inbound {
    /// A container is gone.
    Terminated(Terminated),
    /// A status update is to be sent to the master.
    Forward(Arc<Update>),
    /// The status of an operation is to be sent to the master.
    ForwardOperation(Arc<OperationReport>),
    /// The leading master changed.
    MasterDetected(Option<Pid<MasterProtocol>>),
    /// The agent is to end, with everything on it.
    Shutdown,
    /// The agent is to leave its cluster for good, and to end with everything on it.
    Leave,
}

/// Listens to the containerizer.
pub(crate) struct TerminationListener {
    pub(crate) inbox: UnboundedSender<Inbound>,
}

impl Actor for TerminationListener {
    type Context = Context<Self>;
}

impl Process for TerminationListener {
    type Protocol = ContainerListenerProtocol;
}

impl Handler<Terminated> for TerminationListener {
    type Result = ();

    fn handle(&mut self, terminated: Terminated, _: &mut Context<Self>) {
        // Fails only when the agent is gone, which takes this listener along.
        let _ = self.inbox.send(Inbound::Terminated(terminated));
    }
}
