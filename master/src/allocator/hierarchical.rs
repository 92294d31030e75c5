//! The allocator of Mesos: DRF over roles, then over the frameworks of the role.
//!
//! | Subject | File |
//! |---|---|
//! | what is held where, what is free | `books.rs`, `agents.rs` |
//! | who holds how much, who is next, quota | `tree/` |
//! | giving away | `cycle.rs`, `visit.rs`, `judge.rs` |
//! | why nothing is given | `explain.rs` |
//! | numbers for metrics | `figures.rs` |
//!
//! Agents, frameworks, roles and clients (frameworks in one role) have dense numbers inside; their
//! names appear only where calls come in and allocations go out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::{Conversion, NotApplicable, Resources};
use mesos::v1::{AgentId, AgentInfo, FrameworkId, Unavailability};

use super::agents::Agent;
use super::amounts::{Amounts, Names};
use super::frameworks::Framework;
use super::kinds::Kinds;
use super::options::Minimum;
use super::slots::Slots;
use super::tree::{Lookup, RoleTree};
use super::verdicts::Verdicts;
use super::visit::Scratch;
use super::{
    AgentCapabilities, Allocation, Allocator, AllocatorOptions, Chance, Explanation, Figures,
    FrameworkOptions, InverseAllocation, Quota, Scope,
};
use crate::recent::Recent;

/// The allocator of Mesos: dominant resource fairness over the tree of roles, then over the
/// frameworks of the role, within quotas; all that is free on an agent goes to the first that may
/// have it.
pub struct HierarchicalAllocator {
    pub(super) options: AllocatorOptions,
    pub(super) names: Names,
    pub(super) minimum: Minimum,
    pub(super) agents: Slots<Agent>,
    pub(super) agent_slots: Lookup<AgentId, u32>,
    /// What agents have in common.
    pub(super) totals: Recent<Resources>,
    /// Agents in the order of their arrival.
    pub(super) roster: Vec<u32>,
    pub(super) arrivals: u64,
    pub(super) frameworks: Slots<Framework>,
    pub(super) framework_slots: Lookup<FrameworkId, u32>,
    pub(super) tree: RoleTree,
    /// What offer constraints say about agents.
    pub(super) verdicts: Verdicts,
    pub(super) kinds: Kinds,
    /// Hostnames of the agents that may be offered; all if none.
    pub(super) whitelist: Option<BTreeSet<String>>,
    /// All scalars of all agents.
    pub(super) cluster: Amounts,
    /// All that is free of what quotas are about.
    pub(super) free: Amounts,
    pub(super) pending: Pending,
    /// When to look for ended refusals, by agent.
    pub(super) wakes: BTreeSet<(Duration, u32)>,
    /// Grows when anything happens that could make somebody eligible who was not.
    pub(super) epoch: u64,
    pub(super) in_maintenance: BTreeSet<u32>,
    pub(super) recovery: Option<Recovery>,
    pub(super) scratch: Scratch,
}

/// What something happened to since the last run.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) everything: bool,
    pub(super) agents: Vec<u32>,
}

/// Nothing is offered until enough agents are back.
#[derive(Debug)]
pub(super) struct Recovery {
    pub(super) enough: usize,
    pub(super) deadline: Duration,
}

impl HierarchicalAllocator {
    /// With no agents and no frameworks.
    pub fn new(options: AllocatorOptions) -> Self {
        let names = Names::default();
        let mut tree = RoleTree::default();
        tree.set_weights(&options.weights);
        Self {
            minimum: options.min_allocatable.numbered(&names),
            options,
            names,
            agents: Slots::default(),
            agent_slots: Lookup::default(),
            totals: Recent::default(),
            roster: Vec::new(),
            arrivals: 0,
            frameworks: Slots::default(),
            framework_slots: Lookup::default(),
            tree,
            verdicts: Verdicts::default(),
            kinds: Kinds::default(),
            whitelist: None,
            cluster: Amounts::default(),
            free: Amounts::default(),
            pending: Pending::default(),
            wakes: BTreeSet::new(),
            epoch: 0,
            in_maintenance: BTreeSet::new(),
            recovery: None,
            scratch: Scratch::default(),
        }
    }

    /// Everybody has to be asked again about everything.
    pub(super) fn reconsider_all(&mut self) {
        self.epoch += 1;
        self.pending.everything = true;
    }

    pub(super) fn mark_pending(&mut self, agent: u32) {
        if !std::mem::replace(&mut self.agents[agent].pending, true) {
            self.pending.agents.push(agent);
        }
    }

    fn known(&mut self, id: &FrameworkId) -> Option<(u32, &mut FrameworkOptions)> {
        let framework = *self.framework_slots.get(id)?;
        let options = self.frameworks[framework].options.as_mut()?;
        Some((framework, options))
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
        let framework = self.framework(id);
        self.frameworks[framework].options = Some(options);
        let held = self.frameworks[framework].clients.values();
        held.for_each(|client| self.tree.recognize(*client));
        self.refresh_clients(framework);
        for (agent, resources) in used {
            if let Some(agent) = self.agent_slots.get(agent).copied() {
                self.replace_held(framework, agent, resources);
            }
        }
        self.reconsider_all();
    }

    fn update_framework(&mut self, id: &FrameworkId, options: FrameworkOptions) {
        let Some((framework, old)) = self.known(id) else {
            return;
        };
        let left: Vec<String> = old.roles.difference(&options.roles).cloned().collect();
        *old = options;
        for role in left {
            self.forget_refusals(framework, &role);
        }
        self.refresh_clients(framework);
        self.reconsider_all();
    }

    fn remove_framework(&mut self, id: &FrameworkId) {
        let Some((framework, _)) = self.known(id) else {
            return;
        };
        self.frameworks[framework].options = None;
        self.frameworks[framework].offers = 0;
        for client in self.clients_of(framework) {
            self.verdicts.forget_client(client);
            self.tree.disown(client);
            self.drop_client_if_unused(client);
        }
        for agent in &self.in_maintenance {
            if let Some(maintenance) = &mut self.agents[*agent].maintenance {
                maintenance.asked.retain(|asked| *asked != framework);
                maintenance.refused.remove(&framework);
            }
        }
        self.drop_framework_if_unused(framework);
    }

    fn activate_framework(&mut self, id: &FrameworkId) {
        if let Some((framework, options)) = self.known(id) {
            options.active = true;
            self.refresh_activity(framework);
            self.reconsider_all();
        }
    }

    fn deactivate_framework(&mut self, id: &FrameworkId) {
        if let Some((framework, options)) = self.known(id) {
            options.active = false;
            let clients = self.frameworks[framework].clients.values();
            clients.for_each(|client| self.tree.forget_refusals(*client));
            self.forget_inverse_refusals(framework);
            self.refresh_activity(framework);
        }
    }

    fn add_agent(
        &mut self,
        id: &AgentId,
        info: &AgentInfo,
        capabilities: AgentCapabilities,
        total: Resources,
        used: &BTreeMap<FrameworkId, Resources>,
    ) {
        self.remove_agent(id);
        let agent = self.insert_agent(id, info, capabilities, total);
        for (framework, resources) in used {
            let framework = self.framework(framework);
            self.hold_split(framework, agent, resources);
        }
        self.refresh_free(agent);
        self.mark_pending(agent);
    }

    fn update_agent(
        &mut self,
        id: &AgentId,
        info: &AgentInfo,
        capabilities: AgentCapabilities,
        total: Resources,
    ) {
        let Some(agent) = self.agent_slots.get(id).copied() else {
            return;
        };
        self.set_facts(agent, info);
        self.set_total(agent, total);
        self.set_needs(agent, capabilities);
        self.mark_pending(agent);
    }

    fn remove_agent(&mut self, id: &AgentId) {
        if let Some(agent) = self.agent_slots.remove(id) {
            self.erase_agent(agent);
        }
    }

    fn activate_agent(&mut self, id: &AgentId) {
        if let Some(agent) = self.agent_slots.get(id).copied() {
            self.agents[agent].active = true;
            self.mark_pending(agent);
        }
    }

    fn deactivate_agent(&mut self, id: &AgentId) {
        if let Some(agent) = self.agent_slots.get(id) {
            self.agents[*agent].active = false;
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
        let agent = self.agent_slots.get(agent_id).copied();
        let framework = self.framework_slots.get(framework_id).copied();
        let (Some(agent), Some(framework)) = (agent, framework) else {
            return;
        };
        // Before they are released, as a client that holds nothing may vanish.
        if let Some(refuse) = refuse.filter(|refuse| *refuse > Duration::ZERO) {
            let until = now + refuse.min(super::MAX_REFUSE).max(self.options.interval);
            self.refuse(framework, agent, resources, until);
        }
        self.release(framework, agent, resources);
        if refuse.is_none() {
            self.mark_pending(agent);
        }
    }

    fn close_offers(&mut self, id: &FrameworkId, count: usize) {
        let Some(framework) = self.framework_slots.get(id).copied() else {
            return;
        };
        let was_at_limit = self.is_at_limit(framework);
        let offers = &mut self.frameworks[framework].offers;
        *offers = offers.saturating_sub(count);
        if was_at_limit && !self.is_at_limit(framework) {
            self.refresh_activity(framework);
            self.reconsider_all();
        }
    }

    fn update_allocation(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        _offered: &Resources,
        conversions: &[Conversion],
    ) {
        let agent = self.agent_slots.get(agent).copied();
        let framework = self.framework_slots.get(framework).copied();
        if let (Some(agent), Some(framework)) = (agent, framework) {
            for conversion in conversions {
                self.convert_held(framework, agent, conversion);
            }
        }
    }

    fn update_available(
        &mut self,
        id: &AgentId,
        conversions: &[Conversion],
    ) -> Result<(), NotApplicable> {
        let Some(agent) = self.agent_slots.get(id).copied() else {
            return Err(NotApplicable::NotContained {
                available: Resources::new(),
                consumed: conversions.iter().map(|step| &step.consumed).sum(),
            });
        };
        self.agents[agent].free.resources.apply_all(conversions)?;
        let total = self.agents[agent].total.apply_all(conversions)?;
        self.set_total(agent, total);
        self.mark_pending(agent);
        Ok(())
    }

    fn update_weights(&mut self, weights: &BTreeMap<String, f64>) {
        self.tree.set_weights(weights);
    }

    fn update_quota(&mut self, role: &str, quota: &Quota) {
        let guarantees = self.names.amounts(&quota.guarantees);
        let limits = quota.limits.iter();
        let limits = limits
            .map(|(name, limit)| (self.names.number(name), limit.milli()))
            .collect();
        self.tree.set_quota(role, guarantees, limits);
        self.renumber_minima();
        self.reconsider_all();
    }

    fn update_whitelist(&mut self, hostnames: Option<BTreeSet<String>>) {
        self.whitelist = hostnames;
        for agent in self.roster.clone() {
            let listed = self.is_whitelisted(&self.agents[agent].facts.hostname);
            let before = std::mem::replace(&mut self.agents[agent].whitelisted, listed);
            if listed && !before {
                self.mark_pending(agent);
            }
        }
    }

    fn begin_recovery(&mut self, now: Duration, expected_agents: usize) {
        if self.tree.has_quotas() {
            let enough = (expected_agents as f64 * self.options.recovery_factor).ceil() as usize;
            let deadline = now + self.options.recovery_timeout;
            self.recovery = Some(Recovery { enough, deadline });
        }
    }

    fn update_unavailability(&mut self, id: &AgentId, unavailability: Option<Unavailability>) {
        if let Some(agent) = self.agent_slots.get(id).copied() {
            self.set_maintenance(agent, unavailability);
            self.mark_pending(agent);
        }
    }

    fn answer_inverse_offer(
        &mut self,
        now: Duration,
        framework: &FrameworkId,
        agent: &AgentId,
        refuse: Option<Duration>,
    ) {
        let agent = self.agent_slots.get(agent).copied();
        let framework = self.framework_slots.get(framework).copied();
        if let (Some(agent), Some(framework)) = (agent, framework) {
            let until = refuse.map(|refuse| now + refuse.min(super::MAX_REFUSE));
            self.close_inverse_offer(framework, agent, until);
        }
    }

    fn suppress(&mut self, id: &FrameworkId, roles: &BTreeSet<String>) {
        if let Some((framework, options)) = self.known(id) {
            let chosen = options.chosen_roles(roles);
            options.suppressed.extend(chosen);
            self.refresh_activity(framework);
        }
    }

    fn revive(&mut self, id: &FrameworkId, roles: &BTreeSet<String>) {
        let Some((framework, options)) = self.known(id) else {
            return;
        };
        let chosen = options.chosen_roles(roles);
        options.suppressed.retain(|role| !chosen.contains(role));
        for role in chosen {
            self.forget_refusals(framework, &role);
        }
        self.forget_inverse_refusals(framework);
        self.refresh_activity(framework);
        self.reconsider_all();
    }

    fn has_pending(&self) -> bool {
        self.pending.everything || !self.pending.agents.is_empty()
    }

    fn next_wake(&self) -> Option<Duration> {
        let refusal = self.wakes.first().map(|(when, _)| *when);
        let recovery = self.recovery.as_ref().map(|recovery| recovery.deadline);
        refusal.into_iter().chain(recovery).min()
    }

    fn allocate(
        &mut self,
        now: Duration,
        scope: Scope,
        chance: &mut Chance<'_>,
    ) -> Vec<Allocation> {
        self.run(now, scope, chance)
    }

    fn explain(
        &mut self,
        now: Duration,
        framework: &FrameworkId,
        agent: &AgentId,
    ) -> Vec<Explanation> {
        let agent = self.agent_slots.get(agent).copied();
        let framework = self.framework_slots.get(framework).copied();
        match (framework, agent) {
            (Some(framework), Some(agent)) => self.explain_agent(now, framework, agent),
            _ => Vec::new(),
        }
    }

    fn inverse_offers(&mut self, now: Duration) -> Vec<InverseAllocation> {
        self.ask_for_agents(now)
    }

    fn figures(&self) -> Figures {
        self.measure()
    }
}
