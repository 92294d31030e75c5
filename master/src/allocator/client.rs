//! The master's end of the conversation with the allocator.
//!
//! The two run at the same time, so an allocation may cross the news that its agent left. If the
//! agent is back by the time the allocation arrives, it looks like any other, but it is of the
//! agent's earlier stay, which the allocator has forgotten meanwhile: offering it would offer the
//! same resources twice.
//!
//! ```text
//!  master                       allocator
//!    │ RemoveAgent a ──────╲   ╱── Allocated a    heard 7
//!    │ AddAgent a  (9) ─────╲─╱
//!    │◀──────────────────────╳    7 < 9: of its earlier stay
//! ```
//!
//! So both count operations, and an allocation says how many the allocator had heard.

use std::collections::BTreeMap;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::resources::NotApplicable;
use mesos::v1::AgentId;

use super::{Allocated, Allocation, AllocatorOp, AllocatorOps, AllocatorProtocol, UpdateAvailable};

/// The only one that tells an allocator anything.
#[derive(Debug)]
pub struct AllocatorClient {
    allocator: Pid<AllocatorProtocol>,
    /// What it is told next. In one message, because each wakes it: that would cost more than what it says.
    unsent: Vec<AllocatorOp>,
    told: u64,
    /// Agents that were added and not removed since, with what `told` was then.
    added: BTreeMap<AgentId, u64>,
}

impl AllocatorClient {
    /// To an allocator that has not been told anything yet.
    pub fn new(allocator: Pid<AllocatorProtocol>) -> Self {
        Self {
            allocator,
            unsent: Vec::new(),
            told: 0,
            added: BTreeMap::new(),
        }
    }

    /// Tells the allocator, when [sent](Self::send).
    pub fn tell(&mut self, op: AllocatorOp) {
        self.note(&op);
        self.unsent.push(op);
    }

    /// Sends what it is told.
    pub fn send<A: Process>(&mut self, ctx: &Context<A>) {
        if !self.unsent.is_empty() {
            let ops = std::mem::take(&mut self.unsent);
            ctx.tell(&self.allocator, AllocatorOps(ops));
        }
    }

    /// Asks the allocator for a change of what is free on an agent, see
    /// [`Allocator::update_available`](super::Allocator::update_available).
    pub fn update_available<A: Process>(
        &mut self,
        update: UpdateAvailable,
        deadline: Duration,
        ctx: &Context<A>,
    ) -> impl Future<Output = Result<Result<(), NotApplicable>, AskError>> + use<A> {
        self.send(ctx);
        self.told += 1;
        ctx.ask(&self.allocator, update, deadline)
    }

    fn note(&mut self, op: &AllocatorOp) {
        self.told += 1;
        match op {
            AllocatorOp::AddAgent { id, .. } => {
                self.added.insert(id.clone(), self.told);
            }
            AllocatorOp::RemoveAgent { id } => {
                self.added.remove(id);
            }
            _ => {}
        }
    }

    /// Those allocations that still hold. The others need not be recovered, but no offers come of
    /// them.
    pub fn current(&mut self, allocated: Allocated) -> Vec<Allocation> {
        let (current, void) = self.split(allocated);
        for Allocation { framework, .. } in void {
            let count = 1;
            self.tell(AllocatorOp::CloseOffers { framework, count });
        }
        current
    }

    fn split(&self, allocated: Allocated) -> (Vec<Allocation>, Vec<Allocation>) {
        let Allocated { given, heard, .. } = allocated;
        given.into_iter().partition(|given| {
            let added = self.added.get(&given.agent);
            added.is_some_and(|added| *added <= heard)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mesos::resources::Resources;
    use mesos::v1::{AgentInfo, FrameworkId};

    use super::super::AgentCapabilities;
    use super::*;

    fn id() -> AgentId {
        AgentId {
            value: "a".to_owned(),
        }
    }

    fn add() -> AllocatorOp {
        let (info, total, used) = (AgentInfo::default(), Resources::new(), BTreeMap::new());
        AllocatorOp::AddAgent {
            id: id(),
            info,
            capabilities: AgentCapabilities::default(),
            total,
            used,
        }
    }

    fn allocated(heard: u64) -> Allocated {
        let framework = FrameworkId {
            value: "f".to_owned(),
        };
        let (role, resources) = ("eng".to_owned(), Resources::new());
        Allocated {
            given: vec![Allocation {
                framework,
                agent: id(),
                role,
                resources,
            }],
            inverse: vec![],
            heard,
        }
    }

    #[test]
    fn an_allocation_of_an_earlier_stay_does_not_hold() {
        let node = Node::local();
        let mut client = AllocatorClient::new(Pid::named("allocator", node.address()));
        let holds = |client: &AllocatorClient, heard| {
            let (current, void) = client.split(allocated(heard));
            assert_eq!(current.len() + void.len(), 1);
            current.len() == 1
        };
        assert!(!holds(&client, 0));
        client.note(&add());
        assert!(holds(&client, 1));
        client.note(&AllocatorOp::RemoveAgent { id: id() });
        assert!(!holds(&client, 1));
        client.note(&add());
        assert!(!holds(&client, 1));
        assert!(!holds(&client, 2));
        assert!(holds(&client, 3));
    }
}
