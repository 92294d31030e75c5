//! The allocator of Mesos: DRF over roles, then over the frameworks of the role.
//!
//! Here are its books; `cycle.rs` gives resources away. Every change of the books goes through
//! [`HierarchicalAllocator::charge`] and [`HierarchicalAllocator::discharge`], so that sorters,
//! agents and frameworks always tell the same story:
//!
//! * an agent's books say what each framework holds there, known or not;
//! * a known framework's holdings on known agents, and only those, count in the sorters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mesos::resources::{Conversion, NotApplicable, Quantities, Resources};
use mesos::v1::{AgentId, AgentInfo, FrameworkId};

use super::agents::Agent;
use super::frameworks::Framework;
use super::sorter::{DrfSorter, Sorter};
use super::{Allocation, Allocator, AllocatorOptions, Chance, FrameworkOptions, Scope};

/// The allocator of Mesos: dominant resource fairness over the tree of roles, then over the
/// frameworks of the role; all that is free on an agent goes to the first that may have it.
pub struct HierarchicalAllocator {
    pub(super) options: AllocatorOptions,
    pub(super) agents: BTreeMap<AgentId, Agent>,
    pub(super) frameworks: BTreeMap<FrameworkId, Framework>,
    pub(super) role_sorter: Box<dyn Sorter>,
    /// By role, exactly those of the role sorter.
    pub(super) framework_sorters: BTreeMap<String, Box<dyn Sorter>>,
    /// Where frameworks hold something that are not known (yet, any more).
    strangers: BTreeMap<FrameworkId, BTreeSet<AgentId>>,
    /// All scalars of all agents.
    pub(super) cluster: Quantities,
    /// What the sorters were last told of `cluster`: that which counts for shares.
    pub(super) sorters_total: Arc<Quantities>,
    pub(super) pending: Pending,
    /// When ended refusals are forgotten next.
    pub(super) next_purge: Duration,
}

/// Agents that something happened to since the last run.
#[derive(Debug, PartialEq)]
pub(super) enum Pending {
    Some(BTreeSet<AgentId>),
    All,
}

impl HierarchicalAllocator {
    /// With no agents and no frameworks.
    pub fn new(options: AllocatorOptions) -> Self {
        let mut role_sorter = new_sorter(&Arc::default());
        for (role, weight) in &options.weights {
            role_sorter.set_weight(role, *weight);
        }
        Self {
            options,
            agents: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            role_sorter,
            framework_sorters: BTreeMap::new(),
            strangers: BTreeMap::new(),
            cluster: Quantities::default(),
            sorters_total: Arc::default(),
            pending: Pending::Some(BTreeSet::new()),
            next_purge: Duration::ZERO,
        }
    }

    /// Counts what the framework holds on the agent now, in addition.
    pub(super) fn charge(&mut self, id: &FrameworkId, agent: &AgentId, resources: &Resources) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            self.strangers
                .entry(id.clone())
                .or_default()
                .insert(agent.clone());
            return;
        };
        let by_role = resources.allocations();
        by_role
            .keys()
            .for_each(|role| framework.note_held(role, agent));
        for (role, part) in by_role {
            self.track(id, &role);
            let amounts = part.scalars();
            self.role_sorter.allocated(&role, &amounts);
            if let Some(sorter) = self.framework_sorters.get_mut(&role) {
                sorter.allocated(&id.value, &amounts);
            }
        }
    }

    /// Counts that the framework released `resources` on the agent, where it still holds `left`.
    fn discharge(
        &mut self,
        id: &FrameworkId,
        agent: &AgentId,
        resources: &Resources,
        left: &Resources,
    ) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return self.discharge_stranger(id, agent, left);
        };
        let roles_left = left.allocations();
        let by_role = resources.allocations();
        for role in by_role
            .keys()
            .filter(|role| !roles_left.contains_key(*role))
        {
            framework.note_released(role, agent);
        }
        for (role, part) in by_role {
            let amounts = part.scalars();
            self.role_sorter.unallocated(&role, &amounts);
            if let Some(sorter) = self.framework_sorters.get_mut(&role) {
                sorter.unallocated(&id.value, &amounts);
            }
            self.untrack_if_absent(id, &role);
        }
    }

    fn discharge_stranger(&mut self, id: &FrameworkId, agent: &AgentId, left: &Resources) {
        if let Some(agents) = self.strangers.get_mut(id).filter(|_| left.is_empty()) {
            agents.remove(agent);
            if agents.is_empty() {
                self.strangers.remove(id);
            }
        }
    }

    /// Lets the framework take part in the role.
    fn track(&mut self, id: &FrameworkId, role: &str) {
        if !self.framework_sorters.contains_key(role) {
            self.framework_sorters
                .insert(role.to_owned(), new_sorter(&self.sorters_total));
            self.role_sorter.add(role);
            self.role_sorter.activate(role);
        }
        if let Some(sorter) = self.framework_sorters.get_mut(role) {
            sorter.add(&id.value);
        }
    }

    /// Forgets the framework in the role if it takes no part in it any more.
    fn untrack_if_absent(&mut self, id: &FrameworkId, role: &str) {
        if self
            .frameworks
            .get(id)
            .is_some_and(|framework| framework.takes_part_in(role))
        {
            return;
        }
        let Some(sorter) = self.framework_sorters.get_mut(role) else {
            return;
        };
        sorter.remove(&id.value);
        if sorter.is_empty() {
            self.framework_sorters.remove(role);
            self.role_sorter.remove(role);
        }
    }

    /// Tells the sorters in which roles the framework wants offers.
    fn refresh_activity(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        for role in framework.roles() {
            let Some(sorter) = self.framework_sorters.get_mut(&role) else {
                continue;
            };
            match framework.wants_offers_in(&role) {
                true => sorter.activate(&id.value),
                false => sorter.deactivate(&id.value),
            }
        }
    }

    fn mark_pending(&mut self, agent: &AgentId) {
        if let Pending::Some(agents) = &mut self.pending {
            agents.insert(agent.clone());
        }
    }
}

impl Allocator for HierarchicalAllocator {
    fn add_framework(
        &mut self,
        id: &FrameworkId,
        options: FrameworkOptions,
        used: &BTreeMap<AgentId, Resources>,
    ) {
        self.remove_framework(id);
        let roles = options.roles.clone();
        self.frameworks.insert(id.clone(), Framework::new(options));
        roles.iter().for_each(|role| self.track(id, role));
        let mut agents = self.strangers.remove(id).unwrap_or_default();
        agents.extend(used.keys().cloned());
        for agent_id in agents {
            let Some(agent) = self.agents.get_mut(&agent_id) else {
                continue;
            };
            let held = agent.held_by(id);
            let resources = used.get(&agent_id).unwrap_or(&held);
            agent.release(id, &held);
            agent.hold(id, resources);
            self.charge(id, &agent_id, resources);
        }
        self.refresh_activity(id);
        self.pending = Pending::All;
    }

    fn update_framework(&mut self, id: &FrameworkId, options: FrameworkOptions) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let before = framework.roles();
        framework.options = options;
        let roles = framework.options.roles.clone();
        for role in before.difference(&roles) {
            framework.refusals.forget_role(role);
        }
        roles.iter().for_each(|role| self.track(id, role));
        before
            .iter()
            .for_each(|role| self.untrack_if_absent(id, role));
        self.refresh_activity(id);
        self.pending = Pending::All;
    }

    fn remove_framework(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get(id) else {
            return;
        };
        let (roles, agents) = (framework.roles(), framework.agents());
        for agent in &agents {
            let held = self
                .agents
                .get(agent)
                .map(|agent| agent.held_by(id))
                .unwrap_or_default();
            self.discharge(id, agent, &held, &Resources::new());
        }
        self.frameworks.remove(id);
        roles
            .iter()
            .for_each(|role| self.untrack_if_absent(id, role));
        if !agents.is_empty() {
            self.strangers.insert(id.clone(), agents);
        }
    }

    fn activate_framework(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        framework.options.active = true;
        self.refresh_activity(id);
        self.pending = Pending::All;
    }

    fn deactivate_framework(&mut self, id: &FrameworkId) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        framework.options.active = false;
        framework.refusals.forget_all();
        self.refresh_activity(id);
    }

    fn add_agent(
        &mut self,
        id: &AgentId,
        _info: &AgentInfo,
        total: Resources,
        used: &BTreeMap<FrameworkId, Resources>,
    ) {
        self.remove_agent(id);
        self.cluster += &total.scalars();
        let mut agent = Agent::new(total);
        used.iter()
            .for_each(|(framework, resources)| agent.hold(framework, resources));
        self.agents.insert(id.clone(), agent);
        used.iter()
            .for_each(|(framework, resources)| self.charge(framework, id, resources));
        self.mark_pending(id);
    }

    fn update_agent(&mut self, id: &AgentId, _info: &AgentInfo, total: Resources) {
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        self.cluster += &total.scalars();
        self.cluster -= &agent.set_total(total).scalars();
        self.mark_pending(id);
    }

    fn remove_agent(&mut self, id: &AgentId) {
        let Some(agent) = self.agents.remove(id) else {
            return;
        };
        self.cluster -= &agent.total().scalars();
        for (framework, held) in agent.held() {
            self.discharge(framework, id, held, &Resources::new());
        }
        self.frameworks
            .values_mut()
            .for_each(|framework| framework.refusals.forget_agent(id));
    }

    fn activate_agent(&mut self, id: &AgentId) {
        if let Some(agent) = self.agents.get_mut(id) {
            agent.active = true;
            self.mark_pending(id);
        }
    }

    fn deactivate_agent(&mut self, id: &AgentId) {
        if let Some(agent) = self.agents.get_mut(id) {
            agent.active = false;
        }
    }

    fn recover(
        &mut self,
        now: Duration,
        framework_id: &FrameworkId,
        agent_id: &AgentId,
        resources: &Resources,
        refuse: Option<Duration>,
    ) {
        if let Some(agent) = self.agents.get_mut(agent_id) {
            let released = agent.release(framework_id, resources);
            let left = agent.held_by(framework_id);
            self.discharge(framework_id, agent_id, &released, &left);
        }
        let Some(refuse) = refuse else {
            return self.mark_pending(agent_id);
        };
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return;
        };
        if refuse > Duration::ZERO && framework.options.active && self.agents.contains_key(agent_id)
        {
            let until = now + refuse.min(super::MAX_REFUSE).max(self.options.interval);
            for (role, refused) in resources.allocations() {
                framework
                    .refusals
                    .add(agent_id, &role, refused.unallocate(), until);
            }
        }
    }

    fn update_allocation(
        &mut self,
        framework: &FrameworkId,
        id: &AgentId,
        _offered: &Resources,
        conversions: &[Conversion],
    ) {
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        let (held, total) = (agent.held_by(framework), agent.total().clone());
        let (mut new_held, mut new_total) = (held.clone(), total);
        for conversion in conversions {
            let Ok(after) = new_held.apply(conversion) else {
                continue;
            };
            if !conversion.consumed.is_empty() {
                match new_total.apply(&conversion.clone().unallocated()) {
                    Ok(total) => new_total = total,
                    Err(_) => continue,
                }
            }
            new_held = after;
        }
        self.cluster += &new_total.scalars();
        self.cluster -= &agent.set_total(new_total).scalars();
        let released = agent.release(framework, &held);
        agent.hold(framework, &new_held);
        self.charge(framework, id, &new_held);
        self.discharge(framework, id, &released, &new_held);
    }

    fn update_available(
        &mut self,
        id: &AgentId,
        conversions: &[Conversion],
    ) -> Result<(), NotApplicable> {
        let Some(agent) = self.agents.get_mut(id) else {
            let consumed = conversions.iter().map(|step| &step.consumed).sum();
            return Err(NotApplicable::NotContained {
                available: Resources::new(),
                consumed,
            });
        };
        let (mut free, mut total) = (agent.available(), agent.total().clone());
        for conversion in conversions {
            free = free.apply(conversion)?;
            total = total.apply(conversion)?;
        }
        self.cluster += &total.scalars();
        self.cluster -= &agent.set_total(total).scalars();
        self.mark_pending(id);
        Ok(())
    }

    fn update_weights(&mut self, weights: &BTreeMap<String, f64>) {
        for (role, weight) in weights {
            self.role_sorter.set_weight(role, *weight);
        }
    }

    fn suppress(&mut self, id: &FrameworkId, roles: &BTreeSet<String>) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        let chosen = framework.chosen_roles(roles);
        framework.options.suppressed.extend(chosen);
        self.refresh_activity(id);
    }

    fn revive(&mut self, id: &FrameworkId, roles: &BTreeSet<String>) {
        let Some(framework) = self.frameworks.get_mut(id) else {
            return;
        };
        for role in framework.chosen_roles(roles) {
            framework.options.suppressed.remove(&role);
            framework.refusals.forget_role(&role);
        }
        self.refresh_activity(id);
        self.pending = Pending::All;
    }

    fn has_pending(&self) -> bool {
        self.pending != Pending::Some(BTreeSet::new())
    }

    fn allocate(
        &mut self,
        now: Duration,
        scope: Scope,
        chance: &mut Chance<'_>,
    ) -> Vec<Allocation> {
        self.run(now, scope, chance)
    }
}

fn new_sorter(total: &Arc<Quantities>) -> Box<dyn Sorter> {
    let mut sorter = DrfSorter::default();
    sorter.set_total(total);
    Box::new(sorter)
}
