//! The allocator's books, as the core's effects keep them.

use std::collections::BTreeMap;

use mesos::resources::Resources;
use mesos::v1::{AgentId, FrameworkId};

use crate::allocator::{Allocation, AllocatorOp};

#[derive(Default)]
pub(super) struct Books {
    /// What is taken of every agent, by framework.
    pub(super) taken: BTreeMap<AgentId, BTreeMap<FrameworkId, Resources>>,
    /// How much the allocator gave, and of how much it heard that it is no offer.
    given: usize,
    closed: usize,
}

impl Books {
    /// The allocator gives something away.
    pub(super) fn give(&mut self, allocation: &Allocation) {
        let agent = self.taken.entry(allocation.agent.clone()).or_default();
        let taken = agent.entry(allocation.framework.clone()).or_default();
        *taken += &allocation.resources;
        self.given += 1;
    }

    /// What of it should be offers now.
    pub(super) fn offers(&self) -> usize {
        self.given - self.closed
    }

    /// Whatever is given back must have been taken.
    #[track_caller]
    pub(super) fn note(&mut self, operation: AllocatorOp) {
        match operation {
            AllocatorOp::AddAgent { id, used, .. } => {
                let known = self.taken.contains_key(&id);
                assert!(!known, "{} is there already", id.value);
                self.taken.insert(id, used);
            }
            AllocatorOp::RemoveAgent { id } => {
                let known = self.taken.remove(&id).is_some();
                assert!(known, "{} is not there", id.value);
            }
            AllocatorOp::Recover {
                framework,
                agent,
                resources,
                ..
            } => {
                // Nothing is to be given back of an agent that is gone.
                let Some(taken) = self.taken.get_mut(&agent) else {
                    return;
                };
                let taken = taken.entry(framework).or_default();
                assert!(
                    taken.contains(&resources),
                    "{resources} of {taken} given back"
                );
                *taken -= resources;
            }
            AllocatorOp::UpdateAllocation {
                framework,
                agent,
                conversions,
                ..
            } => {
                let taken = self.taken.get_mut(&agent).expect("an agent");
                let taken = taken.entry(framework).or_default();
                *taken = taken.apply_all(&conversions).expect("it is taken");
            }
            AllocatorOp::CloseOffers { count, .. } => self.closed += count,
            _ => {}
        }
    }
}
