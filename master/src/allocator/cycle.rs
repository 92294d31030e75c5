//! One run of the allocator: giving away what is free (mesos.md §3.3).
//!
//! ```text
//! for every agent, in random order
//!   for every role, poorest first
//!     for every framework that wants offers in the role, poorest first
//!       the first one that may have what is left, and did not refuse it, gets all of it
//! ```
//!
//! All that is left and not reserved to other roles goes to that one framework; what is reserved
//! to others stays for the roles that follow.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use mesos::resources::{Quantities, Resources};
use mesos::v1::{AgentId, FrameworkId};

use super::agents::Agent;
use super::frameworks::Framework;
use super::hierarchical::{HierarchicalAllocator, Pending};
use super::{Allocation, Capabilities, Chance, Scope};

/// How long refusals that ended may take up memory.
const PURGE_INTERVAL: Duration = Duration::from_secs(60);

impl HierarchicalAllocator {
    pub(super) fn run(
        &mut self,
        now: Duration,
        scope: Scope,
        chance: &mut Chance<'_>,
    ) -> Vec<Allocation> {
        self.purge_refusals(now);
        self.tell_sorters_the_total();
        let mut agents = self.take_candidates(scope);
        shuffle(&mut agents, chance);
        let mut allocations = Vec::new();
        for agent in agents {
            let given = self.give_away(&agent, now);
            for (role, framework, resources) in given {
                let resources = resources.allocate(&role);
                if let Some(agent) = self.agents.get_mut(&agent) {
                    agent.hold(&framework, &resources);
                }
                self.charge(&framework, &agent, &resources);
                let agent = agent.clone();
                allocations.push(Allocation {
                    framework,
                    agent,
                    role,
                    resources,
                });
            }
        }
        allocations
    }

    fn purge_refusals(&mut self, now: Duration) {
        if now >= self.next_purge {
            self.next_purge = now + PURGE_INTERVAL;
            self.frameworks
                .values_mut()
                .for_each(|framework| framework.refusals.purge(now));
        }
    }

    /// Once per run instead of once per agent that registers, because it makes every sorter rank
    /// all its clients anew.
    fn tell_sorters_the_total(&mut self) {
        let excluded = &self.options.fair_sharing_excluded;
        let counted = self
            .cluster
            .iter()
            .filter(|(name, _)| !excluded.contains(&***name));
        let total: Quantities = counted
            .map(|(name, amount)| (name.clone(), amount))
            .collect();
        if *self.sorters_total != total {
            self.sorters_total = Arc::new(total);
            self.role_sorter.set_total(&self.sorters_total);
            for sorter in self.framework_sorters.values_mut() {
                sorter.set_total(&self.sorters_total);
            }
        }
    }

    fn take_candidates(&mut self, scope: Scope) -> Vec<AgentId> {
        let pending = mem::replace(&mut self.pending, Pending::Some(BTreeSet::new()));
        match (scope, pending) {
            (Scope::Pending, Pending::Some(agents)) => agents.into_iter().collect(),
            (Scope::Everything, _) | (_, Pending::All) => self.agents.keys().cloned().collect(),
        }
    }

    /// Who gets what of the agent; the books are not changed. As no role comes up twice, the
    /// allocations of one agent do not influence each other.
    fn give_away(&self, id: &AgentId, now: Duration) -> Vec<(String, FrameworkId, Resources)> {
        let Some(agent) = self.agents.get(id).filter(|agent| agent.active) else {
            return vec![];
        };
        let mut left = agent.available();
        let mut given = Vec::new();
        for role in self.role_sorter.sorted() {
            if left.is_empty() {
                break;
            }
            let offerable = left.allocatable_to(role);
            if offerable.is_empty() {
                continue;
            }
            if let Some((framework, resources)) = self.choose(role, id, agent, offerable, now) {
                left -= &resources;
                given.push((role.to_owned(), framework, resources));
            }
        }
        given
    }

    /// The framework that is next in line, with what it gets of `offerable`.
    fn choose(
        &self,
        role: &str,
        agent_id: &AgentId,
        agent: &Agent,
        offerable: Resources,
        now: Duration,
    ) -> Option<(FrameworkId, Resources)> {
        let offerable = Offerable::new(offerable);
        self.framework_sorters.get(role)?.sorted().find_map(|id| {
            let id = FrameworkId {
                value: id.to_owned(),
            };
            let framework = self.frameworks.get(&id)?;
            if !framework.may_use(agent, self.options.filter_gpu_resources) {
                return None;
            }
            let offer = offerable.to(framework);
            let own_minimum = framework.options.min_allocatable.get(role);
            let minimum = own_minimum.unwrap_or(&self.options.min_allocatable);
            let refused = || {
                framework
                    .refusals
                    .refuse(agent_id, role, &offer.resources, now)
            };
            if offer.resources.is_empty() || !minimum.allows(&offer.amounts) || refused() {
                return None;
            }
            Some((id, offer.into_owned().resources))
        })
    }
}

/// What may be offered, with what is asked about it for each framework.
#[derive(Clone)]
struct Offerable {
    resources: Resources,
    amounts: Quantities,
    /// Whether it can be offered to any framework as it is.
    plain: bool,
}

impl Offerable {
    fn new(resources: Resources) -> Self {
        let amounts = resources.scalars();
        let plain = resources
            .keys()
            .all(|key| Capabilities::default().suffice_for(&key));
        Self {
            resources,
            amounts,
            plain,
        }
    }

    /// Without what the framework would not understand.
    fn to(&self, framework: &Framework) -> Cow<'_, Self> {
        if self.plain {
            return Cow::Borrowed(self);
        }
        let capabilities = framework.options.capabilities;
        Cow::Owned(Self::new(
            self.resources.filter(|key| capabilities.suffice_for(key)),
        ))
    }
}

fn shuffle(agents: &mut [AgentId], chance: &mut Chance<'_>) {
    for end in (1..agents.len()).rev() {
        agents.swap(end, chance(end + 1));
    }
}
