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
//! So both count operations, and an allocation says how many the allocator had heard. Likewise, an allocation may cross a
//! limit that it would exceed; it is given back.

use std::collections::BTreeMap;
use std::iter;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::resources::NotApplicable;
use mesos::roles;
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
    /// Roles that were given a limit of which an allocation may not know, with what `told` was then.
    limited: BTreeMap<String, u64>,
}

/// What becomes of allocations.
#[derive(Default)]
struct Sorted {
    current: Vec<Allocation>,
    /// Of an earlier stay of their agents.
    void: Vec<Allocation>,
    /// Made before their roles got limits.
    outdated: Vec<Allocation>,
}

impl AllocatorClient {
    /// To an allocator that has not been told anything yet.
    pub fn new(allocator: Pid<AllocatorProtocol>) -> Self {
        Self {
            allocator,
            unsent: Vec::new(),
            told: 0,
            added: BTreeMap::new(),
            limited: BTreeMap::new(),
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
            AllocatorOp::UpdateQuota { role, quota } if !quota.limits.is_empty() => {
                self.limited.insert(role.clone(), self.told);
            }
            _ => {}
        }
    }

    /// Those allocations that still hold. No offers come of the others, and the allocator is told.
    pub fn current(&mut self, allocated: Allocated) -> Vec<Allocation> {
        let Sorted {
            current,
            void,
            outdated,
        } = self.sort(allocated);
        for allocation in &outdated {
            self.tell(AllocatorOp::Recover {
                framework: allocation.framework.clone(),
                agent: allocation.agent.clone(),
                resources: allocation.resources.clone(),
                refuse: None,
            });
        }
        for Allocation { framework, .. } in void.into_iter().chain(outdated) {
            let count = 1;
            self.tell(AllocatorOp::CloseOffers { framework, count });
        }
        current
    }

    fn got_limit(&self, role: &str) -> bool {
        let mut levels = iter::once(role).chain(roles::ancestors(role));
        levels.any(|role| self.limited.contains_key(role))
    }

    fn sort(&mut self, allocated: Allocated) -> Sorted {
        let Allocated { given, heard, .. } = allocated;
        self.limited.retain(|_, told| *told > heard);
        let mut sorted = Sorted::default();
        for given in given {
            let added = self.added.get(&given.agent);
            let to = if added.is_none_or(|added| *added > heard) {
                &mut sorted.void
            } else if self.got_limit(&given.role) {
                &mut sorted.outdated
            } else {
                &mut sorted.current
            };
            to.push(given);
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mesos::resources::{Quantities, Resources};
    use mesos::v1::{AgentInfo, FrameworkId};

    use super::super::{AgentCapabilities, Quota};
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
        let holds = |client: &mut AllocatorClient, heard| {
            let sorted = client.sort(allocated(heard));
            assert_eq!(sorted.current.len() + sorted.void.len(), 1);
            sorted.current.len() == 1
        };
        assert!(!holds(&mut client, 0));
        client.note(&add());
        assert!(holds(&mut client, 1));
        client.note(&AllocatorOp::RemoveAgent { id: id() });
        assert!(!holds(&mut client, 1));
        client.note(&add());
        assert!(!holds(&mut client, 1));
        assert!(!holds(&mut client, 2));
        assert!(holds(&mut client, 3));
    }

    #[test]
    fn an_allocation_of_before_a_limit_is_given_back() {
        let node = Node::local();
        let mut client = AllocatorClient::new(Pid::named("allocator", node.address()));
        client.note(&add());
        let quota = |role: &str, limits: &str| AllocatorOp::UpdateQuota {
            role: role.to_owned(),
            quota: Quota {
                limits: limits
                    .parse::<Quantities>()
                    .expect("quantities")
                    .iter()
                    .map(|(name, amount)| (name.clone(), amount))
                    .collect(),
                ..Quota::default()
            },
        };
        // What has no limit, and what is no role of it, changes nothing.
        client.note(&quota("eng", ""));
        client.note(&quota("eng/web", "cpus:1"));
        assert_eq!(client.sort(allocated(1)).current.len(), 1);
        client.note(&quota("eng", "cpus:1"));
        assert_eq!(client.sort(allocated(3)).outdated.len(), 1);
        assert_eq!(client.sort(allocated(4)).current.len(), 1);
        assert!(client.limited.is_empty());
    }
}
