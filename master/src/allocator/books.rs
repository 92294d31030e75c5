//! What is held where.
//!
//! Every change goes through [`HierarchicalAllocator::hold`], [`HierarchicalAllocator::release`]
//! and [`HierarchicalAllocator::give`], so that agents, the tree and the sums always tell the same
//! story:
//!
//! * an agent's books say what each client holds there, its framework known or not;
//! * what known frameworks hold counts for shares; what anybody holds counts for quota;
//! * `free` of an agent is what its books leave, and `free` of the cluster the sum of that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mesos::resources::{Conversion, Key, Resources};
use mesos::roles::DEFAULT_ROLE;
use mesos::v1::{AgentId, AgentInfo, FrameworkId};

use super::agent_facts::{AgentCapabilities, AgentFacts};
use super::agents::{Agent, Held};
use super::amounts::{Amounts, milli};
use super::charge::Charge;
use super::filters::Refusals;
use super::frameworks::Framework;
use super::hierarchical::HierarchicalAllocator;
use super::portion::{Abilities, Portion};

impl HierarchicalAllocator {
    /// The number of the framework, which becomes a stranger if it was never heard of.
    pub(super) fn framework(&mut self, id: &FrameworkId) -> u32 {
        if let Some(framework) = self.framework_slots.get(id) {
            return *framework;
        }
        let framework = self.frameworks.insert(Framework::unknown(id));
        self.framework_slots.insert(id.clone(), framework);
        framework
    }

    pub(super) fn drop_framework_if_unused(&mut self, framework: u32) {
        if let Some(found) = self.frameworks.get(framework)
            && found.options.is_none()
            && found.clients.is_empty()
            && let Some(gone) = self.frameworks.remove(framework)
        {
            self.framework_slots.remove(&gone.id);
        }
    }

    /// The client of the framework in the role, made if there is none.
    fn client(&mut self, framework: u32, role: &str) -> u32 {
        let role = self.tree.role(role);
        let found = &mut self.frameworks[framework];
        if let Some(client) = found.clients.get(&role) {
            return *client;
        }
        let client = self.tree.add_client(framework, &found.name, role);
        found.clients.insert(role, client);
        if found.options.is_some() {
            self.tree.recognize(client);
        }
        client
    }

    /// All clients of the framework, to go through while they change.
    pub(super) fn clients_of(&self, framework: u32) -> Vec<u32> {
        let clients = self.frameworks[framework].clients.values();
        clients.copied().collect()
    }

    pub(super) fn find_client(&self, framework: u32, role: &str) -> Option<u32> {
        let role = self.tree.find(role)?;
        let found = self.frameworks.get(framework)?;
        found.clients.get(&role).copied()
    }

    /// A client lives while its framework is subscribed to the role, or holds something in it.
    pub(super) fn drop_client_if_unused(&mut self, client: u32) {
        let found = &self.tree.clients[client];
        if found.subscribed || found.holdings > 0 {
            return;
        }
        let (framework, role) = (found.framework, found.role);
        if found.known {
            self.tree.disown(client);
        }
        self.verdicts.forget_client(client);
        self.tree.remove_client(client);
        self.frameworks[framework].clients.remove(&role);
        self.drop_framework_if_unused(framework);
    }

    /// Makes the clients of a known framework what its options say.
    pub(super) fn refresh_clients(&mut self, framework: u32) {
        let Some(options) = self.frameworks[framework].options.clone() else {
            return;
        };
        for role in &options.roles {
            self.client(framework, role);
        }
        for client in self.clients_of(framework) {
            self.verdicts.forget_client(client);
            let found = &mut self.tree.clients[client];
            let role = &*self.tree.nodes[found.role].path;
            found.subscribed = options.roles.contains(role);
            found.abilities = options.capabilities.abilities(role, &self.options);
            let minimum = options.min_allocatable.get(role);
            found.minimum = minimum.map(|minimum| minimum.numbered(&self.names));
            found.constraints = options.constraints.get(role).cloned();
            self.drop_client_if_unused(client);
        }
        self.refresh_activity(framework);
    }

    /// Tells the tree in which roles the framework wants offers, and may have them.
    pub(super) fn refresh_activity(&mut self, framework: u32) {
        let found = &self.frameworks[framework];
        let has_room = !self.is_at_limit(framework);
        for (role, client) in &found.clients {
            let path = &self.tree.nodes[*role].path;
            let options = found.options.as_ref();
            let wants = options.is_some_and(|options| options.wants_offers_in(path));
            self.tree.set_active(*client, has_room && wants);
        }
    }

    /// Whether the framework holds so many offers that it gets no more.
    pub(super) fn is_at_limit(&self, framework: u32) -> bool {
        self.frameworks[framework].offers >= self.options.max_offers
    }

    pub(super) fn forget_refusals(&mut self, framework: u32, role: &str) {
        if let Some(client) = self.find_client(framework, role) {
            self.tree.forget_refusals(client);
        }
    }

    /// What minima name may have become known, or the other way round.
    pub(super) fn renumber_minima(&mut self) {
        self.minimum = self.options.min_allocatable.numbered(&self.names);
        for (_, client) in self.tree.clients.iter_mut() {
            if client.minimum.is_none() {
                continue;
            }
            let options = self.frameworks[client.framework].options.as_ref();
            let role = &*self.tree.nodes[client.role].path;
            let own = options.and_then(|options| options.min_allocatable.get(role));
            client.minimum = own.map(|minimum| minimum.numbered(&self.names));
        }
        self.epoch += 1;
    }

    pub(super) fn insert_agent(
        &mut self,
        id: &AgentId,
        info: &AgentInfo,
        capabilities: AgentCapabilities,
        total: Resources,
    ) -> u32 {
        self.arrivals += 1;
        let facts = self.kinds.enter(info);
        let agent = self.agents.insert(Agent {
            id: id.clone(),
            arrival: self.arrivals,
            active: true,
            whitelisted: self.is_whitelisted(&facts.hostname),
            facts,
            needs: Abilities::default(),
            total: Arc::default(),
            capacity: Amounts::default(),
            reservations: Vec::new(),
            free: Portion::default(),
            held: Vec::new(),
            refusals: Refusals::default(),
            wake: None,
            pending: false,
            idle: None,
            maintenance: None,
        });
        self.agent_slots.insert(id.clone(), agent);
        self.roster.push(agent);
        self.set_total(agent, total);
        self.set_needs(agent, capabilities);
        agent
    }

    pub(super) fn erase_agent(&mut self, agent: u32) {
        self.set_total(agent, Resources::new());
        self.set_wake(agent, None);
        self.in_maintenance.remove(&agent);
        self.verdicts.forget_agent(agent);
        let refusals = &mut self.agents[agent].refusals;
        refusals.forget_all(&mut self.tree.refusals);
        for held in std::mem::take(&mut self.agents[agent].held) {
            self.charge_release(held.client, &held.resources);
            self.count_holdings(held.client, -1);
        }
        self.refresh_free(agent);
        let arrival = self.agents[agent].arrival;
        let place = self
            .roster
            .partition_point(|other| self.agents[*other].arrival < arrival);
        self.roster.remove(place);
        self.pending.agents.retain(|other| *other != agent);
        if let Some(removed) = self.agents.remove(agent) {
            self.leave_kind(&removed.facts);
        }
    }

    fn leave_kind(&mut self, facts: &AgentFacts) {
        if self.kinds.leave(facts) {
            self.verdicts.forget_kind(facts.kind);
        }
    }

    pub(super) fn is_whitelisted(&self, hostname: &str) -> bool {
        let list = self.whitelist.as_ref();
        list.is_none_or(|list| list.contains(hostname))
    }

    pub(super) fn set_facts(&mut self, agent: u32, info: &AgentInfo) {
        let facts = self.kinds.enter(info);
        let whitelisted = self.is_whitelisted(&facts.hostname);
        let found = &mut self.agents[agent];
        found.whitelisted = whitelisted;
        let old = std::mem::replace(&mut found.facts, facts);
        if old != found.facts {
            self.verdicts.forget_agent(agent);
        }
        self.leave_kind(&old);
        self.agents[agent].idle = None;
    }

    /// After the total and the facts.
    pub(super) fn set_needs(&mut self, agent: u32, capabilities: AgentCapabilities) {
        let found = &mut self.agents[agent];
        let has_gpus = !found.total.gpus().is_zero();
        let region = found.facts.traits.region.as_deref();
        let remote = region.is_some() && region != self.options.region.as_deref();
        // Without a region of its own, the master has no idea what is remote.
        let remote = remote && self.options.region.is_some();
        found.needs = Abilities::default()
            .with(Abilities::GPUS, has_gpus)
            .with(Abilities::REMOTE, remote)
            .with(Abilities::SINGLE_ROLE, !capabilities.multi_role)
            .with(Abilities::FLAT_ROLE, !capabilities.hierarchical_role);
        found.idle = None;
    }

    pub(super) fn set_total(&mut self, agent: u32, total: Resources) {
        let known_names = self.names.count();
        let whole = Portion::new(total, &mut self.names);
        let old = std::mem::take(&mut self.agents[agent].reservations);
        let reservations = self.reservations_of(&whole);
        for (role, amounts) in &reservations {
            self.tree.reserve(*role, amounts);
        }
        for (role, amounts) in old {
            self.tree.unreserve(role, &amounts);
        }
        let total = self.totals.share(Arc::new(whole.resources));
        let found = &mut self.agents[agent];
        self.cluster.add(&whole.all);
        self.cluster.subtract(&found.capacity);
        found.capacity = whole.all;
        found.total = total;
        found.reservations = reservations;
        if self.names.count() != known_names {
            self.renumber_minima();
        }
        self.refresh_free(agent);
    }

    /// What quotas count of reservations: scalars that are not revocable.
    fn reservations_of(&mut self, whole: &Portion) -> Vec<(u32, Amounts)> {
        if !whole.has_reserved {
            return Vec::new();
        }
        let mut by_role = BTreeMap::<u32, Amounts>::new();
        for (key, amount) in whole.resources.iter() {
            let counted = !key.is_unreserved() && !key.revocable;
            if let Some(milli) = milli(&key, &amount).filter(|_| counted) {
                let role = self.tree.role(key.reservation_role());
                let at = self.names.number(&key.name);
                by_role.entry(role).or_default().add_at(at, milli);
            }
        }
        by_role.into_iter().collect()
    }

    /// Computes from scratch what is free on the agent.
    pub(super) fn refresh_free(&mut self, agent: u32) {
        let free = self.agents[agent].compute_free();
        let free = Portion::new(free, &mut self.names);
        self.set_free(agent, free);
    }

    pub(super) fn set_free(&mut self, agent: u32, free: Portion) {
        let found = &mut self.agents[agent];
        self.free.add(&free.charge.open);
        self.free.subtract(&found.free.charge.open);
        found.free = free;
        found.idle = None;
        found.refusals.free_changed();
    }

    /// Books what the framework holds on the agent, which it was not given now. Whoever calls
    /// this calls [`HierarchicalAllocator::refresh_free`] afterwards.
    pub(super) fn hold_split(&mut self, framework: u32, agent: u32, resources: &Resources) {
        for (role, part) in by_role(resources) {
            let client = self.client(framework, &role);
            let counted = self.counted_of(client, agent, &part);
            let (all, charge) = self.amounts_of(&counted);
            self.tree.hold(client, &all, &charge, true);
            self.enter(client, agent, part);
        }
    }

    /// What of `more` counts if the client gets it in addition to what it holds on the agent.
    pub(super) fn counted_of(&self, client: u32, agent: u32, more: &Resources) -> Resources {
        match self.agents[agent].held_by(client) {
            Some(held) => counted(more.clone(), &held.resources),
            None => more.clone(),
        }
    }

    /// Enters into the agent's books that the client holds more.
    pub(super) fn enter(&mut self, client: u32, agent: u32, resources: Resources) {
        let held = &mut self.agents[agent].held;
        match held.iter_mut().find(|held| held.client == client) {
            Some(held) => held.resources += resources,
            None => {
                // Few hold anything on the same agent.
                held.reserve_exact(1);
                held.push(Held { client, resources });
                self.count_holdings(client, 1);
            }
        }
    }

    /// Takes from what the framework holds on the agent; what it does not hold is ignored.
    pub(super) fn release(&mut self, framework: u32, agent: u32, resources: &Resources) {
        for (role, part) in by_role(resources) {
            if let Some(client) = self.find_client(framework, &role) {
                self.release_of(client, agent, part);
            }
        }
    }

    fn release_of(&mut self, client: u32, agent: u32, part: Resources) {
        let books = &mut self.agents[agent].held;
        let Some(at) = books.iter().position(|held| held.client == client) else {
            return;
        };
        let held = &mut books[at].resources;
        if *held == part {
            books.remove(at);
            self.charge_release(client, &part);
            self.count_holdings(client, -1);
        } else {
            let left = &*held - &part;
            let released = counted(&*held - &left, &left);
            *held = left;
            self.charge_release(client, &released);
        }
        self.refresh_free(agent);
    }

    /// The framework holds exactly this on the agent.
    pub(super) fn replace_held(&mut self, framework: u32, agent: u32, resources: &Resources) {
        let held = self.agents[agent].held.iter();
        let held = held.filter(|held| self.tree.clients[held.client].framework == framework);
        if held.map(|held| &held.resources).sum::<Resources>() == *resources {
            return;
        }
        let clients = self.clients_of(framework);
        self.hold_split(framework, agent, resources);
        for client in clients {
            let found = self.agents[agent].held_by(client);
            if let Some(held) = found.map(|held| held.resources.clone()) {
                let new = by_role(resources)
                    .find(|(role, _)| self.find_client(framework, role) == Some(client))
                    .map(|(_, part)| part)
                    .unwrap_or_default();
                self.release_of(client, agent, held - new);
            }
        }
        self.refresh_free(agent);
    }

    /// An operation changed what the framework holds on the agent, and the agent's total unless
    /// it only made copies of something shared.
    pub(super) fn convert_held(&mut self, framework: u32, agent: u32, conversion: &Conversion) {
        let change = conversion.clone();
        let all = change.consumed.clone() + change.converted.clone();
        let Some((role, _)) = by_role(&all).next() else {
            return;
        };
        let Some(client) = self.find_client(framework, &role) else {
            return;
        };
        let found = &self.agents[agent];
        let Some(held) = found.held_by(client) else {
            return;
        };
        let Ok(now_held) = held.resources.apply(conversion) else {
            return;
        };
        if !conversion.consumed.is_empty() {
            let Ok(total) = found.total.apply(&change.unallocated()) else {
                return;
            };
            self.set_total(agent, total);
        }
        let held = self.agents[agent].held.iter_mut();
        let Some(held) = held.into_iter().find(|held| held.client == client) else {
            return;
        };
        let before = std::mem::replace(&mut held.resources, now_held.clone());
        let (all, charge) = self.amounts_of(&now_held);
        self.tree.hold(client, &all, &charge, false);
        self.charge_release(client, &before);
        if now_held.is_empty() {
            let books = &mut self.agents[agent].held;
            books.retain(|held| held.client != client);
            self.count_holdings(client, -1);
        }
        self.refresh_free(agent);
    }

    fn charge_release(&mut self, client: u32, resources: &Resources) {
        let (all, charge) = self.amounts_of(resources);
        self.tree.release(client, &all, &charge);
    }

    pub(super) fn count_holdings(&mut self, client: u32, change: i32) {
        let holdings = &mut self.tree.clients[client].holdings;
        *holdings = holdings.saturating_add_signed(change);
        if *holdings == 0 {
            self.drop_client_if_unused(client);
        }
    }

    pub(super) fn amounts_of(&mut self, resources: &Resources) -> (Amounts, Charge) {
        let (mut all, mut charge) = (Amounts::default(), Charge::default());
        for (key, amount) in resources.iter() {
            if let Some(milli) = milli(&key, &amount) {
                let at = self.names.number(&key.name);
                all.add_at(at, milli);
                charge.enter(&key, at, milli);
            }
        }
        (all, charge)
    }

    /// The framework does not want to be offered this on the agent for a while.
    pub(super) fn refuse(
        &mut self,
        framework: u32,
        agent: u32,
        resources: &Resources,
        until: Duration,
    ) {
        if !self.frameworks[framework].is_active() {
            return;
        }
        for (role, part) in by_role(resources) {
            let Some(client) = self.find_client(framework, &role) else {
                continue;
            };
            if self.tree.clients[client].subscribed {
                let refusals = &mut self.agents[agent].refusals;
                refusals.add(client, part.unallocate(), until, &mut self.tree.refusals);
                let wake = self.agents[agent].wake;
                if wake.is_none_or(|wake| wake > until) {
                    self.set_wake(agent, Some(until));
                }
            }
        }
    }

    /// When to look for ended refusals on the agent.
    pub(super) fn set_wake(&mut self, agent: u32, wake: Option<Duration>) {
        let old = std::mem::replace(&mut self.agents[agent].wake, wake);
        if old != wake {
            if let Some(old) = old {
                self.wakes.remove(&(old, agent));
            }
            self.wakes.extend(wake.map(|wake| (wake, agent)));
        }
    }
}

/// By allocation role. What has none, which a well-behaved agent does not report, counts for the
/// default role.
fn by_role(resources: &Resources) -> impl Iterator<Item = (String, Resources)> {
    let mut roles: Vec<String> = Vec::new();
    for key in resources.keys() {
        let role = key.allocated_to.unwrap_or(DEFAULT_ROLE);
        if !roles.iter().any(|known| known == role) {
            roles.push(role.to_owned());
        }
    }
    let only = roles.len() == 1;
    roles.into_iter().map(move |role| {
        let of_role = |key: &Key<'_>| key.allocated_to.unwrap_or(DEFAULT_ROLE) == role;
        let part = match only {
            true => resources.clone(),
            false => resources.filter(of_role),
        };
        (role, part)
    })
}

/// What counts beside `others` of the same client on the same agent: something shared counts once,
/// however many copies are held.
fn counted(resources: Resources, others: &Resources) -> Resources {
    let again = |key: Key<'_>| key.shared && others.keys().any(|other| other == key);
    if !resources.keys().any(again) {
        return resources;
    }
    resources.filter(|key| !again(*key))
}
