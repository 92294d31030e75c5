//! What a supervisor is made from: a tree of factories.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::actor::Keeper;
use super::{CHILDREN, INTENSITY, SHUTDOWN, START};
use crate::actor::Context;
use crate::error::SpawnError;
use crate::limits::MAILBOX;
use crate::node::{Adoption, Node};
use crate::pid::AnyPid;
use crate::protocol::Process;

/// A supervisor to be: its strategy and its children, in the order of their start.
///
/// Becomes an actor by [`Node::supervise`], or as the child of another supervisor. See the
/// [module](super) for what it does.
#[derive(Clone, Debug)]
#[must_use = "nothing is started before `Node::supervise`"]
pub struct Supervisor {
    pub(super) name: String,
    pub(super) strategy: Strategy,
    pub(super) intensity: (u32, Duration),
    pub(super) backoff: Option<(Duration, Duration)>,
    pub(super) max_children: usize,
    pub(super) children: Vec<Child>,
}

/// Who is built anew with a child that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    OneForOne,
    RestForOne,
    OneForAll,
}

/// When a child that ended is built anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    Permanent,
    Transient,
    Temporary,
}

/// One child of a supervisor: its name, its factory, how it is to be treated.
#[derive(Clone)]
#[must_use = "a child is started by a supervisor"]
pub struct Child {
    pub(super) name: String,
    pub(super) restart: Restart,
    /// `None`: it is waited for, as it has deadlines of its own.
    pub(super) start: Option<Duration>,
    pub(super) shutdown: Option<Duration>,
    mailbox: usize,
    own_thread: bool,
    spawn: Arc<Spawn>,
}

type Spawn = dyn Fn(crate::node::ProcessBuilder) -> Result<AnyPid, SpawnError> + Send + Sync;

impl Supervisor {
    /// Builds only the child anew that failed: for children that do not need each other.
    pub fn one_for_one(name: impl Into<String>) -> Self {
        Self::new(name.into(), Strategy::OneForOne)
    }

    /// Builds the child anew that failed, and all that were started after it: for children that build
    /// upon those before them.
    pub fn rest_for_one(name: impl Into<String>) -> Self {
        Self::new(name.into(), Strategy::RestForOne)
    }

    /// Builds all children anew: for children that cannot work without each other.
    pub fn one_for_all(name: impl Into<String>) -> Self {
        Self::new(name.into(), Strategy::OneForAll)
    }

    fn new(name: String, strategy: Strategy) -> Self {
        Self {
            name,
            strategy,
            intensity: INTENSITY,
            backoff: None,
            max_children: CHILDREN,
            children: Vec::new(),
        }
    }

    /// Gives up at more than `max` restarts `within` this time; [`INTENSITY`] by default. One failure that
    /// has several children built anew is one restart.
    pub fn intensity(mut self, max: u32, within: Duration) -> Self {
        self.intensity = (max, within);
        self
    }

    /// Waits before a failed child is built anew: `first`, then twice as long each time, up to `longest`,
    /// and of that a random part between one half and the whole. A child that stayed up for `longest` begins
    /// anew. By default there is no wait.
    ///
    /// A supervisor with waits so long that `max` restarts do not fit into `within` never gives up.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Some((first, longest.max(first)));
        self
    }

    /// How many children it may have, those started at run time included; [`CHILDREN`] by default.
    pub fn max_children(mut self, count: usize) -> Self {
        self.max_children = count;
        self
    }

    /// Adds a permanent child, started after those added before.
    pub fn child<A, F>(self, name: impl Into<String>, make: F) -> Self
    where
        A: Process,
        F: Fn(&mut Context<A>) -> A + Send + Sync + 'static,
    {
        self.with(Child::new(name, make))
    }

    /// Adds a supervisor with children of its own.
    pub fn supervisor(self, tree: Supervisor) -> Self {
        self.with(Child::from(tree))
    }

    /// Adds a child with options.
    pub fn with(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }
}

impl Child {
    /// A permanent child, built by `make` each time.
    pub fn new<A, F>(name: impl Into<String>, make: F) -> Self
    where
        A: Process,
        F: Fn(&mut Context<A>) -> A + Send + Sync + 'static,
    {
        let make = Arc::new(make);
        Self {
            name: name.into(),
            restart: Restart::Permanent,
            start: Some(START),
            shutdown: Some(SHUTDOWN),
            mailbox: MAILBOX,
            own_thread: false,
            spawn: Arc::new(move |process| {
                let make = make.clone();
                process.spawn(move |ctx| make(ctx)).map(AnyPid::from)
            }),
        }
    }

    /// It is built anew whenever it ends. The default.
    pub fn permanent(mut self) -> Self {
        self.restart = Restart::Permanent;
        self
    }

    /// It is built anew unless it ends as `Normal`: for work that can be done.
    pub fn transient(mut self) -> Self {
        self.restart = Restart::Transient;
        self
    }

    /// It is never built anew, not even with the others; its supervisor forgets it.
    pub fn temporary(mut self) -> Self {
        self.restart = Restart::Temporary;
        self
    }

    /// Bounds the messages from this node that may wait for it.
    pub fn mailbox(mut self, messages: usize) -> Self {
        self.mailbox = messages;
        self
    }

    /// Gives it a thread of its own. Ignored in simulation.
    pub fn own_thread(mut self) -> Self {
        self.own_thread = true;
        self
    }

    /// How long it may take to start before it is killed; [`START`] by default.
    pub fn start_within(mut self, deadline: Duration) -> Self {
        self.start = Some(deadline);
        self
    }

    /// How long it may take to stop before it is killed; [`SHUTDOWN`] by default.
    pub fn shutdown(mut self, deadline: Duration) -> Self {
        self.shutdown = Some(deadline);
        self
    }

    pub(crate) fn spawn(&self, node: &Node, adoption: Adoption) -> Result<AnyPid, SpawnError> {
        let mut process = node.process(self.name.as_str()).mailbox(self.mailbox);
        if self.own_thread {
            process = process.own_thread();
        }
        (self.spawn)(process.adopted(adoption))
    }
}

/// A supervisor as a child. It has started when its children have; it is waited for when it starts and
/// stops, since each of its children has a deadline.
impl From<Supervisor> for Child {
    fn from(tree: Supervisor) -> Self {
        let tree = Arc::new(tree);
        let child = Child::new(tree.name.clone(), move |_| Keeper::new(&tree));
        Child {
            start: None,
            shutdown: None,
            ..child
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Child({}, {:?})", self.name, self.restart)
    }
}
