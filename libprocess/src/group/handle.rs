//! The hand on the groups of a node.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::{Actor, Message};

use super::BROKER;
use super::broker::Broker;
use super::messages::{GroupEvent, GroupsProtocol, Wake};
use super::roster::{Roster, Subscription};
use crate::actor::Context;
use crate::error::SpawnError;
use crate::limits::MAX_NAME;
use crate::node::Node;
use crate::pid::{ANY_INCARNATION, Pid};
use crate::protocol::{Accepts, Protocol};
use crate::supervise::Child;

/// The groups that this node takes part in. Clones are handles of the same.
#[derive(Clone)]
pub struct Groups {
    node: Node,
    broker: Pid<GroupsProtocol>,
    roster: Arc<Mutex<Roster>>,
}

/// Why an actor did not join a group, or is not told of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The name of the group is empty or longer than [`MAX_NAME`] bytes.
    #[error("not a usable name of a group: 1 to {MAX_NAME} bytes")]
    BadName,
    /// The actor is not one of this node: it joins on its own. Or the pid is a name only, not an actor.
    #[error("not an actor of this node")]
    NotHere,
    /// This node has as many as it may have.
    #[error("there is no room for a further one")]
    TooMany,
}

impl Groups {
    /// Starts to take part, on a node that knows at least one other that does. Nodes met once are met again by
    /// themselves; seeds are tried for ever.
    pub fn start(
        node: &Node,
        seeds: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Self, SpawnError> {
        let groups = Self::of(node);
        let (roster, seeds) = (groups.roster.clone(), seeds.into_iter().collect());
        node.spawn(BROKER, move |_| Broker::new(roster, seeds))?;
        Ok(groups)
    }

    /// The same for a supervision tree: the broker is the child to be started. If it is built anew, members and
    /// subscribers stay; subscribers hear again who is there.
    pub fn supervised(node: &Node, seeds: impl IntoIterator<Item = SocketAddr>) -> (Self, Child) {
        let groups = Self::of(node);
        let (roster, seeds) = (groups.roster.clone(), seeds.into_iter().collect::<Vec<_>>());
        let make = move |_: &mut Context<Broker>| Broker::new(roster.clone(), seeds.clone());
        (groups, Child::new(BROKER, make))
    }

    fn of(node: &Node) -> Self {
        Self {
            node: node.clone(),
            broker: Pid::named(BROKER, node.address()),
            roster: Arc::default(),
        }
    }

    /// Makes an actor of this node a member, until it leaves or ends. [`members`](Self::members) here shows it
    /// at once, elsewhere in a while. Joining twice is joining once.
    pub fn join<P: Protocol>(
        &self,
        group: impl AsRef<str>,
        member: &Pid<P>,
    ) -> Result<(), JoinError> {
        let group = name(group.as_ref())?;
        let pid = member.any();
        if pid.incarnation() == ANY_INCARNATION || pid.address() != self.node.address() {
            return Err(JoinError::NotHere);
        }
        self.roster().join((group, pid), P::NAME)?;
        self.node.tell(&self.broker, Wake);
        Ok(())
    }

    /// Ends a membership, if there is one.
    pub fn leave<P>(&self, group: impl AsRef<str>, member: &Pid<P>) {
        let place = (Arc::from(group.as_ref()), member.any());
        self.roster().leave(&place);
        self.node.tell(&self.broker, Wake);
    }

    /// The members that speak `P`, as far as this node knows, in the order of their pids.
    pub fn members<P: Protocol>(&self, group: impl AsRef<str>) -> Vec<Pid<P>> {
        let roster = self.roster();
        let members = roster.members(group.as_ref());
        members
            .filter(|(_, protocol)| *protocol == P::NAME)
            .map(|(member, _)| member.assume())
            .collect()
    }

    /// Has an actor told who is in the group (each as [`Joined`](super::GroupChange::Joined)), and from then on
    /// of every change, until it ends. One that cannot keep up is not told any more, which the log says.
    pub fn events<P>(&self, group: impl AsRef<str>, subscriber: &Pid<P>) -> Result<(), JoinError>
    where
        P: Accepts<GroupEvent>,
    {
        let to = subscriber.clone();
        let subscription = Subscription {
            group: name(group.as_ref())?,
            pid: subscriber.any(),
            tell: Arc::new(move |node, event| node.tell(&to, event)),
            begun: false,
        };
        self.roster().subscribe(subscription)?;
        self.node.tell(&self.broker, Wake);
        Ok(())
    }

    /// Tells a message to every member that speaks `P`, as far as this node knows. Gives how many these are.
    pub fn publish<P, M>(&self, group: impl AsRef<str>, message: &M) -> usize
    where
        P: Accepts<M>,
        M: Message + Clone + Send + 'static,
        M::Result: Send,
    {
        let members = self.members::<P>(group);
        for member in &members {
            self.node.tell(member, message.clone());
        }
        members.len()
    }

    /// The same in the name of an actor: in order with what else it sends to them.
    pub fn publish_from<A, P, M>(
        &self,
        ctx: &Context<A>,
        group: impl AsRef<str>,
        message: &M,
    ) -> usize
    where
        A: Actor<Context = Context<A>>,
        P: Accepts<M>,
        M: Message + Clone + Send + 'static,
        M::Result: Send,
    {
        let members = self.members::<P>(group);
        for member in &members {
            ctx.tell(member, message.clone());
        }
        members.len()
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        lock(&self.roster)
    }
}

/// No user code runs under this lock, so what it guards is whole even if a thread died.
pub(super) fn lock(roster: &Mutex<Roster>) -> MutexGuard<'_, Roster> {
    roster.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(group: &str) -> Result<Arc<str>, JoinError> {
    match group.is_empty() || group.len() > MAX_NAME {
        true => Err(JoinError::BadName),
        false => Ok(Arc::from(group)),
    }
}
