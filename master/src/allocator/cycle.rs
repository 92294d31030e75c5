//! One run of the allocator (Mesos' `src/master/allocator/mesos/hierarchical.cpp`).
//!
//! ```text
//! if guarantees are not met:  for every agent, in random order
//!                               roles whose guarantees are not met, poorest first
//! then:                       for every agent, in random order
//!                               all roles, poorest first
//!                                 frameworks that want offers in the role, poorest first
//!                                   who may have what is left, and did not refuse it, gets all of it
//! ```
//!
//! An agent is passed over without a look at anybody while it is known that nobody wants what is
//! free: see [`Idle`](super::agents::Idle).

use std::time::Duration;

use super::hierarchical::HierarchicalAllocator;
use super::options::AgentSorter;
use super::visit::Stage;
use super::{Allocation, Chance, Scope};

impl HierarchicalAllocator {
    pub(super) fn run(
        &mut self,
        now: Duration,
        scope: Scope,
        chance: &mut Chance<'_>,
    ) -> Vec<Allocation> {
        self.wake_agents(now);
        if self.is_recovering(now) {
            return Vec::new();
        }
        self.measure_shares();
        let candidates = self.take_candidates(scope);
        let mut given = Vec::new();
        if self.tree.any_unmet() {
            for agent in self.in_order(candidates.clone(), chance) {
                if !self.tree.any_unmet() {
                    break;
                }
                self.visit(agent, Stage::Guarantees, now, chance, &mut given);
            }
        }
        for agent in self.in_order(candidates, chance) {
            self.visit(agent, Stage::FairShare, now, chance, &mut given);
        }
        // Of what is shared, a copy is free again in the next run.
        for agent in std::mem::take(&mut self.scratch.gave_shared) {
            self.refresh_free(agent);
        }
        given
    }

    /// Agents on which refusals ended have to be looked at.
    fn wake_agents(&mut self, now: Duration) {
        while let Some((when, agent)) = self.wakes.first().copied()
            && when <= now
        {
            let refusals = &mut self.agents[agent].refusals;
            let (ended, next) = refusals.purge(now, &mut self.tree.refusals);
            self.set_wake(agent, next);
            if ended {
                self.mark_pending(agent);
            }
        }
    }

    fn is_recovering(&mut self, now: Duration) -> bool {
        let over = |recovery: &mut super::hierarchical::Recovery| {
            now >= recovery.deadline || self.roster.len() >= recovery.enough
        };
        self.recovery.take_if(over);
        self.recovery.is_some()
    }

    /// Once per run instead of once per agent that registers, because it changes all shares.
    fn measure_shares(&mut self) {
        let mut total = self.cluster.clone();
        for name in &self.options.fair_sharing_excluded {
            if let Some(at) = self.names.find(name) {
                total.set(at, 0);
            }
        }
        self.tree.set_total(total);
    }

    /// In the order of their arrival.
    fn take_candidates(&mut self, scope: Scope) -> Vec<u32> {
        let everything = std::mem::take(&mut self.pending.everything);
        let mut pending = std::mem::take(&mut self.pending.agents);
        for agent in &pending {
            self.agents[*agent].pending = false;
        }
        if everything || scope == Scope::Everything {
            pending.clone_from(&self.roster);
        } else {
            pending.sort_unstable_by_key(|agent| self.agents[*agent].arrival);
        }
        pending.retain(|agent| self.agents[*agent].is_candidate());
        pending
    }

    fn in_order(&self, mut agents: Vec<u32>, chance: &mut Chance<'_>) -> Vec<u32> {
        shuffle(&mut agents, chance);
        let fullness = |agent: &u32| self.agents[*agent].fullness();
        match self.options.agent_sorter {
            AgentSorter::Random => {}
            AgentSorter::BinPacking => agents.sort_by(|a, b| fullness(b).total_cmp(&fullness(a))),
            AgentSorter::Spread => agents.sort_by(|a, b| fullness(a).total_cmp(&fullness(b))),
        }
        agents
    }
}

pub(super) fn shuffle(items: &mut [u32], chance: &mut Chance<'_>) {
    for end in (1..items.len()).rev() {
        items.swap(end, chance(end + 1));
    }
}
