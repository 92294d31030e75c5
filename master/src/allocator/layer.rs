#![doc = include_str!("../../../docs/allocators.md")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::{Conversion, NotApplicable, Resources};
use mesos::v1::{AgentId, AgentInfo, FrameworkId, Unavailability};

use super::{
    AgentCapabilities, Allocation, Allocator, Chance, Explanation, Figures, FrameworkOptions,
    InverseAllocation, Quota, Scope,
};

/// An allocator on top of another one, which keeps the books: it decides otherwise in what it defines, and leaves the
/// rest as it is.
pub trait Layer: Send {
    /// The one below.
    fn below(&mut self) -> &mut dyn Allocator;

    /// The same, to look at.
    fn look_below(&self) -> &dyn Allocator;

    /// Gives away what is free on the agents in `scope`, as [`Allocator::allocate`].
    fn allocate(
        &mut self,
        now: Duration,
        scope: Scope,
        chance: &mut Chance<'_>,
    ) -> Vec<Allocation> {
        self.below().allocate(now, scope, chance)
    }
}

impl<L: Layer> Allocator for L {
    fn add_framework(
        &mut self,
        id: &FrameworkId,
        options: FrameworkOptions,
        used: &BTreeMap<AgentId, Resources>,
    ) {
        self.below().add_framework(id, options, used);
    }

    fn update_framework(&mut self, id: &FrameworkId, options: FrameworkOptions) {
        self.below().update_framework(id, options);
    }

    fn remove_framework(&mut self, id: &FrameworkId) {
        self.below().remove_framework(id);
    }

    fn activate_framework(&mut self, id: &FrameworkId) {
        self.below().activate_framework(id);
    }

    fn deactivate_framework(&mut self, id: &FrameworkId) {
        self.below().deactivate_framework(id);
    }

    fn add_agent(
        &mut self,
        id: &AgentId,
        info: &AgentInfo,
        capabilities: AgentCapabilities,
        total: Resources,
        used: &BTreeMap<FrameworkId, Resources>,
    ) {
        self.below().add_agent(id, info, capabilities, total, used);
    }

    fn update_agent(
        &mut self,
        id: &AgentId,
        info: &AgentInfo,
        capabilities: AgentCapabilities,
        total: Resources,
    ) {
        self.below().update_agent(id, info, capabilities, total);
    }

    fn remove_agent(&mut self, id: &AgentId) {
        self.below().remove_agent(id);
    }

    fn activate_agent(&mut self, id: &AgentId) {
        self.below().activate_agent(id);
    }

    fn deactivate_agent(&mut self, id: &AgentId) {
        self.below().deactivate_agent(id);
    }

    fn recover(
        &mut self,
        now: Duration,
        framework: &FrameworkId,
        agent: &AgentId,
        resources: &Resources,
        refuse: Option<Duration>,
    ) {
        self.below()
            .recover(now, framework, agent, resources, refuse);
    }

    fn close_offers(&mut self, framework: &FrameworkId, count: usize) {
        self.below().close_offers(framework, count);
    }

    fn update_allocation(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        offered: &Resources,
        conversions: &[Conversion],
    ) {
        self.below()
            .update_allocation(framework, agent, offered, conversions);
    }

    fn update_available(
        &mut self,
        agent: &AgentId,
        conversions: &[Conversion],
    ) -> Result<(), NotApplicable> {
        self.below().update_available(agent, conversions)
    }

    fn update_weights(&mut self, weights: &BTreeMap<String, f64>) {
        self.below().update_weights(weights);
    }

    fn update_quota(&mut self, role: &str, quota: &Quota) {
        self.below().update_quota(role, quota);
    }

    fn update_whitelist(&mut self, hostnames: Option<BTreeSet<String>>) {
        self.below().update_whitelist(hostnames);
    }

    fn begin_recovery(&mut self, now: Duration, expected_agents: usize) {
        self.below().begin_recovery(now, expected_agents);
    }

    fn update_unavailability(&mut self, id: &AgentId, unavailability: Option<Unavailability>) {
        self.below().update_unavailability(id, unavailability);
    }

    fn answer_inverse_offer(
        &mut self,
        now: Duration,
        framework: &FrameworkId,
        agent: &AgentId,
        refuse: Option<Duration>,
    ) {
        self.below()
            .answer_inverse_offer(now, framework, agent, refuse);
    }

    fn suppress(&mut self, framework: &FrameworkId, roles: &BTreeSet<String>) {
        self.below().suppress(framework, roles);
    }

    fn revive(&mut self, framework: &FrameworkId, roles: &BTreeSet<String>) {
        self.below().revive(framework, roles);
    }

    fn has_pending(&self) -> bool {
        self.look_below().has_pending()
    }

    fn next_wake(&self) -> Option<Duration> {
        self.look_below().next_wake()
    }

    fn allocate(
        &mut self,
        now: Duration,
        scope: Scope,
        chance: &mut Chance<'_>,
    ) -> Vec<Allocation> {
        Layer::allocate(self, now, scope, chance)
    }

    fn explain(
        &mut self,
        now: Duration,
        framework: &FrameworkId,
        agent: &AgentId,
    ) -> Vec<Explanation> {
        self.below().explain(now, framework, agent)
    }

    fn inverse_offers(&mut self, now: Duration) -> Vec<InverseAllocation> {
        self.below().inverse_offers(now)
    }

    fn figures(&self) -> Figures {
        self.look_below().figures()
    }
}
