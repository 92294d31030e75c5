//! Spawning actors, and looking at them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::Rng;
use tokio::task::JoinSet;

use super::Node;
use crate::actor::{Context, Life, Placed, Ready};
use crate::error::SpawnError;
use crate::limits::{MAILBOX, MAX_NAME};
use crate::pid::{ANY_INCARNATION, Address, AnyPid, Pid};
use crate::protocol::Process;
use crate::slot::{Parentage, Slot};

/// How an actor is to be spawned; made by [`Node::process`].
#[must_use = "nothing is spawned before `spawn`"]
pub struct ProcessBuilder {
    node: Node,
    name: String,
    own_thread: bool,
    mailbox: usize,
    adoption: Option<Adoption>,
}

/// What makes an actor the child of a supervisor.
pub(crate) struct Adoption {
    pub(crate) parent: Arc<Slot>,
    /// The number under which the parent hears of its end.
    pub(crate) monitor: u64,
    /// How often it was built before.
    pub(crate) restarts: u64,
    pub(crate) ready: Ready,
}

/// What can be seen of an actor from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Its address.
    pub pid: AnyPid,
    /// The name of its protocol.
    pub protocol: &'static str,
    /// Deliveries waiting in its mailbox.
    pub depth: usize,
    /// Messages from this node that may wait there.
    pub capacity: usize,
    /// Messages handled since its start.
    pub handled: u64,
    /// Messages from this node dropped because its mailbox was full.
    pub dropped: u64,
    /// The supervisor that keeps it alive, if it has one.
    pub parent: Option<AnyPid>,
    /// How often its supervisor built it anew.
    pub restarts: u64,
    /// Time spent running it: handlers, futures, timers.
    pub busy: Duration,
}

impl Node {
    /// Spawns an actor under a name that is free on this node. It is built by `make` on the thread
    /// where it lives.
    pub fn spawn<A, F>(
        &self,
        name: impl Into<String>,
        make: F,
    ) -> Result<Pid<A::Protocol>, SpawnError>
    where
        A: Process,
        F: FnOnce(&mut Context<A>) -> A + Send + 'static,
    {
        self.process(name).spawn(make)
    }

    /// Spawns an actor with options.
    pub fn process(&self, name: impl Into<String>) -> ProcessBuilder {
        ProcessBuilder {
            node: self.clone(),
            name: name.into(),
            own_thread: false,
            mailbox: MAILBOX,
            adoption: None,
        }
    }
}

impl ProcessBuilder {
    /// Gives the actor a thread of its own: for heavy ones. Ignored in simulation.
    pub fn own_thread(mut self) -> Self {
        self.own_thread = true;
        self
    }

    /// Bounds the messages from this node that may wait for the actor; [`MAILBOX`] by default.
    pub fn mailbox(mut self, messages: usize) -> Self {
        self.mailbox = messages;
        self
    }

    pub(crate) fn adopted(mut self, adoption: Adoption) -> Self {
        self.adoption = Some(adoption);
        self
    }

    /// Spawns the actor. It is built by `make` on the thread where it lives; messages may be sent to
    /// the pid at once.
    pub fn spawn<A, F>(self, make: F) -> Result<Pid<A::Protocol>, SpawnError>
    where
        A: Process,
        F: FnOnce(&mut Context<A>) -> A + Send + 'static,
    {
        let slot = self.register::<A>()?;
        let pid = Pid::from_any(slot.pid());
        let seed = self.node.random().random();
        let (ready, parent) = match self.adoption {
            Some(Adoption {
                parent,
                monitor,
                ready,
                ..
            }) => (Some(ready), parent.watch_as_child(&slot, monitor)),
            None => (None, None),
        };
        let life = Life::new(self.node.clone(), slot.clone(), parent);
        let seat = self.node.0.seat.clone();
        let job = Box::new(move |actors: &mut JoinSet<()>| {
            let task = seat.spawn_local(actors, Placed::new(life, seed, ready, make));
            slot.runs_as(task);
        });
        self.node.0.arbiters.place(job, self.own_thread);
        Ok(pid)
    }

    fn register<A: Process>(&self) -> Result<Arc<Slot>, SpawnError> {
        if self.name.is_empty() || self.name.len() > MAX_NAME {
            return Err(SpawnError::BadName(self.name.clone()));
        }
        let mut registry = self.node.write();
        if registry.closed {
            return Err(SpawnError::NodeDown);
        }
        if registry.slots.contains_key(self.name.as_str()) {
            return Err(SpawnError::NameTaken(self.name.clone()));
        }
        registry.spawned += 1;
        let mut incarnation = self.node.incarnation().wrapping_add(registry.spawned);
        if incarnation == ANY_INCARNATION {
            registry.spawned += 1;
            incarnation = incarnation.wrapping_add(1);
        }
        let name: Arc<str> = Arc::from(self.name.as_str());
        let address = Address {
            name: name.clone(),
            node: self.node.address(),
            incarnation,
        };
        let parentage = self.adoption.as_ref().map(|adoption| {
            Box::new(Parentage {
                parent: adoption.parent.pid(),
                restarts: adoption.restarts,
            })
        });
        let home = self.node.home();
        let slot = Slot::new::<A::Protocol>(address, home, self.mailbox, parentage);
        let slot = Arc::new(slot);
        registry.slots.insert(name, slot.clone());
        Ok(slot)
    }
}

impl ProcessInfo {
    pub(crate) fn of(slot: &Arc<Slot>) -> Self {
        let parentage = slot.parentage.as_deref();
        Self {
            pid: slot.pid(),
            protocol: slot.protocol.name,
            depth: slot.mailbox.depth(),
            capacity: slot.mailbox.limit(),
            handled: slot.handled.load(Ordering::Relaxed),
            dropped: slot.dropped.load(Ordering::Relaxed),
            parent: parentage.map(|parentage| parentage.parent.clone()),
            restarts: parentage.map_or(0, |parentage| parentage.restarts),
            busy: Duration::from_nanos(slot.busy.load(Ordering::Relaxed)),
        }
    }
}
