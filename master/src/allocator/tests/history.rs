//! Random histories of a cluster, told to the allocator and to the naive one alike.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::{Conversion, Resources};
use mesos::v1::{AgentInfo, DomainInfo, domain_info};
use proptest::prelude::*;
use serde_json::json;

use super::naive::{Agent, Changed, Naive, Name, Refusal};
use super::{agent_id, framework_id, resources};
use crate::allocator::{
    AgentCapabilities, AgentSorter, Allocation, Allocator, AllocatorOptions, Constraints,
    DEFAULT_MAX_OFFERS, FrameworkOptions, HierarchicalAllocator, Quota, RegexLimits, Scope,
    SorterKind, compile,
};

const AGENTS: [Name; 4] = ["a1", "a2", "a3", "a4"];
const FRAMEWORKS: [Name; 4] = ["f1", "f2", "f3", "f4"];
const TOTALS: [&str; 8] = [
    "cpus:4;mem:1024;ports:[1-10]",
    "cpus:4;mem:1024;ports:[1-10]",
    "cpus:1;cpus(eng):2;mem:64",
    "mem:500;mem(ops):40;cpus(eng/web):3;cpus:2",
    "cpus:2;gpus:1",
    "cpus:0.001;mem:31",
    "cpus:2;~cpus:3;mem:100;cpus(eng>eng/web):1",
    "cpus:3;&disk(eng,v1):64;disk(ops,v2):32;mem:200;bananas:7",
];
/// What those are content with who have a minimum of their own.
const OWN_MINIMUM: &str = "cpus:2";
const GUARANTEES: [&str; 4] = ["", "cpus:2", "cpus:5;mem:600", "bananas:1"];
/// Reserving, unreserving, destroying a volume, creating one.
const OPERATIONS: [(&str, &str); 4] = [
    ("cpus:1", "cpus(ROLE):1"),
    ("cpus(ROLE):1", "cpus:1"),
    ("disk(ROLE,v2):32", "disk(ROLE):32"),
    ("disk(ROLE):32", "disk(ROLE,v2):32"),
];
const LIMITS: [&str; 4] = ["", "cpus:3", "cpus:6;mem:300", "mem:1500"];

#[derive(Clone, Debug)]
pub(super) enum Event {
    AddAgent(usize, AgentForm),
    UpdateAgent(usize, AgentForm),
    RemoveAgent(usize),
    SetAgentActive(usize, bool),
    AddFramework(usize, Wishes),
    UpdateFramework(usize, Wishes),
    RemoveFramework(usize),
    SetFrameworkActive(usize, bool),
    /// Which of the holdings, how many quarters of its items, refused for how long.
    Recover(prop::sample::Index, u8, Option<u64>),
    /// An operation of a framework on a holding: which of [`OPERATIONS`].
    Convert(prop::sample::Index, usize),
    /// One of an operator on what is free on an agent, for a role.
    Operate(usize, usize, usize),
    Suppress(usize, usize),
    Revive(usize, usize),
    SetQuota(usize, usize, usize),
    SetWeight(usize, u8),
    SetWhitelist(Option<BTreeSet<usize>>),
    /// So many of the offers of a framework are answered.
    CloseOffers(usize, usize),
    Wait(u64),
    /// Of what changed, or of everything, with a seed for what is decided by chance.
    Allocate(Scope, u64),
}

#[derive(Clone, Debug)]
pub(super) struct AgentForm {
    total: usize,
    remote: bool,
    old: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Wishes {
    roles: BTreeSet<usize>,
    suppressed: BTreeSet<usize>,
    /// GPUs, revocable, shared, refinement, regions, several roles.
    can: [bool; 6],
    /// Whether smaller offers in `eng` than [`OWN_MINIMUM`] are of no use to it.
    demanding: bool,
    /// An agent that it does not want to see.
    avoided: Option<usize>,
}

pub(super) fn events() -> impl Strategy<Value = Vec<Event>> {
    let agent = || 0..AGENTS.len();
    let framework = || 0..FRAMEWORKS.len();
    let role = || 0..Naive::ROLES.len();
    let operation = || 0..OPERATIONS.len();
    let which = any::<prop::sample::Index>;
    let roles = move |least| prop::collection::btree_set(role(), least..4);
    let rarely = || prop::bool::weighted(0.15);
    let form = move || {
        (0..TOTALS.len(), rarely(), rarely()).prop_map(|(total, remote, old)| AgentForm {
            total,
            remote,
            old,
        })
    };
    let wishes = move || {
        (
            roles(1),
            prop::collection::btree_set(role(), 0..2),
            any::<[bool; 6]>(),
            rarely(),
            prop::option::weighted(0.3, agent()),
        )
            .prop_map(|(roles, suppressed, can, demanding, avoided)| Wishes {
                roles,
                suppressed,
                can,
                demanding,
                avoided,
            })
    };
    let scope = prop_oneof![Just(Scope::Pending), Just(Scope::Everything)];
    let event = prop_oneof![
        4 => (agent(), form()).prop_map(|(a, form)| Event::AddAgent(a, form)),
        1 => (agent(), form()).prop_map(|(a, form)| Event::UpdateAgent(a, form)),
        1 => agent().prop_map(Event::RemoveAgent),
        1 => (agent(), any::<bool>()).prop_map(|(a, active)| Event::SetAgentActive(a, active)),
        4 => (framework(), wishes()).prop_map(|(f, wishes)| Event::AddFramework(f, wishes)),
        1 => (framework(), wishes()).prop_map(|(f, wishes)| Event::UpdateFramework(f, wishes)),
        1 => framework().prop_map(Event::RemoveFramework),
        1 => (framework(), any::<bool>()).prop_map(|(f, on)| Event::SetFrameworkActive(f, on)),
        6 => (which(), 1..=4u8, prop::option::of(0..8u64))
            .prop_map(|(which, quarters, refuse)| Event::Recover(which, quarters, refuse)),
        2 => (which(), operation()).prop_map(|(which, what)| Event::Convert(which, what)),
        2 => (agent(), role(), operation())
            .prop_map(|(a, role, what)| Event::Operate(a, role, what)),
        1 => (framework(), role()).prop_map(|(f, role)| Event::Suppress(f, role)),
        1 => (framework(), role()).prop_map(|(f, role)| Event::Revive(f, role)),
        2 => (role(), 0..GUARANTEES.len(), 0..LIMITS.len())
            .prop_map(|(role, guarantee, limit)| Event::SetQuota(role, guarantee, limit)),
        1 => (role(), 1..5u8).prop_map(|(role, weight)| Event::SetWeight(role, weight)),
        1 => prop::option::of(prop::collection::btree_set(agent(), 1..4))
            .prop_map(Event::SetWhitelist),
        2 => (framework(), 1..3usize).prop_map(|(f, count)| Event::CloseOffers(f, count)),
        2 => (0..4u64).prop_map(Event::Wait),
        6 => (scope, any::<u64>()).prop_map(|(scope, seed)| Event::Allocate(scope, seed)),
    ];
    prop::collection::vec(event, 1..70)
}

/// What of the options makes a difference to everybody's turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    agents: AgentSorter,
    roles: SorterKind,
    frameworks: SorterKind,
    max_offers: usize,
}

pub(super) fn styles() -> impl Strategy<Value = Style> {
    let agents = [
        AgentSorter::Random,
        AgentSorter::BinPacking,
        AgentSorter::Spread,
    ];
    let sorter = || prop_oneof![3 => Just(SorterKind::Drf), 1 => Just(SorterKind::Random)];
    let most = prop_oneof![2 => Just(DEFAULT_MAX_OFFERS), 1 => 1..6usize];
    (
        prop::sample::select(agents.to_vec()),
        sorter(),
        sorter(),
        most,
    )
        .prop_map(|(agents, roles, frameworks, max_offers)| Style {
            agents,
            roles,
            frameworks,
            max_offers,
        })
}

/// Both of them.
pub(super) struct World {
    pub(super) allocator: HierarchicalAllocator,
    pub(super) naive: Naive,
    /// Agents that came back with less than what is held there.
    pub(super) shrunk: BTreeSet<Name>,
}

impl World {
    pub(super) fn new(style: Style) -> Self {
        let options = AllocatorOptions {
            agent_sorter: style.agents,
            role_sorter: style.roles,
            framework_sorter: style.frameworks,
            max_offers: style.max_offers,
            region: Some("here".to_owned()),
            fair_sharing_excluded: ["bananas".to_owned()].into(),
            ..AllocatorOptions::default()
        };
        let minima = ["cpus:0.01", "mem:32"].map(|text| text.parse().expect("a minimum"));
        Self {
            allocator: HierarchicalAllocator::new(options.clone()),
            naive: Naive {
                options,
                minima: minima.to_vec(),
                own_minimum: OWN_MINIMUM.parse().expect("a minimum"),
                avoided: BTreeMap::new(),
                now: Duration::ZERO,
                agents: vec![],
                frameworks: BTreeMap::new(),
                held: BTreeMap::new(),
                refusals: vec![],
                served_roles: BTreeMap::new(),
                served: BTreeMap::new(),
                quotas: BTreeMap::new(),
                weights: BTreeMap::new(),
                whitelist: None,
                offers: BTreeMap::new(),
                changed: Changed::default(),
            },
            shrunk: BTreeSet::new(),
        }
    }

    /// A run of both: what the allocator gave, and what the naive one gave.
    pub(super) fn allocate(
        &mut self,
        scope: Scope,
        seed: u64,
    ) -> (Vec<Allocation>, Vec<Allocation>) {
        let now = self.naive.now;
        if self.naive.draws() {
            // An agent that nobody wants is passed over without drawing anything; the naive one has
            // no idea of that.
            self.allocator.epoch += 1;
        }
        let given = self.allocator.allocate(now, scope, &mut chance(seed));
        (given, self.naive.allocate(scope, &mut chance(seed)))
    }

    /// Tells both of it.
    pub(super) fn play(&mut self, event: &Event) {
        self.tell(event);
        self.naive.forget_history();
    }

    fn tell(&mut self, event: &Event) {
        let Self {
            allocator, naive, ..
        } = self;
        match *event {
            Event::AddAgent(agent, ref form) => {
                self.remove_agent(AGENTS[agent]);
                self.add_agent(AGENTS[agent], form);
            }
            Event::UpdateAgent(agent, ref form) => {
                let (info, new) = (form.info(AGENTS[agent]), form.agent());
                let capabilities = new.capabilities;
                let id = agent_id(AGENTS[agent]);
                allocator.update_agent(&id, &info, capabilities, new.total.clone());
                if let Some((_, old)) = find(&mut naive.agents, AGENTS[agent]) {
                    *old = Agent {
                        active: old.active,
                        ..new
                    };
                    naive.changed.agents.insert(AGENTS[agent]);
                    if !self.fits(AGENTS[agent]) {
                        self.shrunk.insert(AGENTS[agent]);
                    }
                }
            }
            Event::RemoveAgent(agent) => self.remove_agent(AGENTS[agent]),
            Event::SetAgentActive(number, active) => {
                if let Some((_, agent)) = find(&mut naive.agents, AGENTS[number]) {
                    agent.active = active;
                    if active {
                        naive.changed.agents.insert(AGENTS[number]);
                    }
                }
                match active {
                    true => allocator.activate_agent(&agent_id(AGENTS[number])),
                    false => allocator.deactivate_agent(&agent_id(AGENTS[number])),
                }
            }
            Event::AddFramework(framework, ref wishes) => {
                self.add_framework(FRAMEWORKS[framework], wishes);
            }
            Event::UpdateFramework(framework, ref wishes) => {
                let (framework, options) = (FRAMEWORKS[framework], wishes.options());
                if naive.frameworks.contains_key(framework) {
                    let kept = |role: &str| options.roles.contains(role);
                    let refusals = &mut naive.refusals;
                    refusals.retain(|refusal| refusal.framework != framework || kept(refusal.role));
                    naive.avoid(framework, wishes.avoided());
                    naive.frameworks.insert(framework, options.clone());
                    naive.changed.everything = true;
                }
                allocator.update_framework(&framework_id(framework), options);
            }
            Event::RemoveFramework(framework) => {
                naive.frameworks.remove(FRAMEWORKS[framework]);
                naive.offers.remove(FRAMEWORKS[framework]);
                forget(&mut naive.refusals, FRAMEWORKS[framework], None);
                allocator.remove_framework(&framework_id(FRAMEWORKS[framework]));
            }
            Event::SetFrameworkActive(framework, active) => {
                let framework = FRAMEWORKS[framework];
                if let Some(options) = naive.frameworks.get_mut(framework) {
                    options.active = active;
                    naive.changed.everything |= active;
                }
                if active {
                    allocator.activate_framework(&framework_id(framework));
                } else {
                    forget(&mut naive.refusals, framework, None);
                    allocator.deactivate_framework(&framework_id(framework));
                }
            }
            Event::Recover(which, quarters, refuse) => self.recover(which, quarters, refuse),
            Event::Convert(which, what) => self.convert(which, what),
            Event::Operate(agent, role, what) => {
                self.operate(AGENTS[agent], Naive::ROLES[role], what);
            }
            Event::Suppress(framework, role) => {
                let (framework, role) = (FRAMEWORKS[framework], Naive::ROLES[role]);
                if let Some(options) = naive.frameworks.get_mut(framework)
                    && options.roles.contains(role)
                {
                    options.suppressed.insert(role.to_owned());
                }
                allocator.suppress(&framework_id(framework), &[role.to_owned()].into());
            }
            Event::Revive(framework, role) => {
                let (framework, role) = (FRAMEWORKS[framework], Naive::ROLES[role]);
                naive.changed.everything |= naive.frameworks.contains_key(framework);
                if let Some(options) = naive.frameworks.get_mut(framework)
                    && options.roles.contains(role)
                {
                    options.suppressed.remove(role);
                    forget(&mut naive.refusals, framework, Some(role));
                }
                allocator.revive(&framework_id(framework), &[role.to_owned()].into());
            }
            Event::SetQuota(role, guarantee, limit) => {
                let role = Naive::ROLES[role];
                let limits: mesos::resources::Quantities =
                    LIMITS[limit].parse().expect("quantities");
                let mut quota = Quota {
                    guarantees: GUARANTEES[guarantee].parse().expect("quantities"),
                    limits: limits
                        .iter()
                        .map(|(name, most)| (name.clone(), most))
                        .collect(),
                };
                if role.contains('/') {
                    quota.guarantees = Default::default();
                }
                naive.quotas.insert(role, quota.clone());
                naive.changed.everything = true;
                allocator.update_quota(role, &quota);
            }
            Event::SetWeight(role, weight) => {
                let weights = BTreeMap::from([(Naive::ROLES[role].to_owned(), f64::from(weight))]);
                naive.weights.extend(weights.clone());
                allocator.update_weights(&weights);
            }
            Event::SetWhitelist(ref agents) => {
                let names = |agents: &BTreeSet<usize>| {
                    agents
                        .iter()
                        .map(|agent| AGENTS[*agent].to_owned())
                        .collect()
                };
                let before = AGENTS.map(|agent| (agent, naive.is_listed(agent)));
                naive.whitelist = agents.as_ref().map(names);
                for (agent, was) in before {
                    if !was && naive.is_listed(agent) && naive.agent(agent).is_some() {
                        naive.changed.agents.insert(agent);
                    }
                }
                allocator.update_whitelist(naive.whitelist.clone());
            }
            Event::CloseOffers(framework, count) => {
                let framework = FRAMEWORKS[framework];
                let was_full = naive.is_at_limit(framework);
                if let Some(offers) = naive.offers.get_mut(framework) {
                    *offers = offers.saturating_sub(count);
                }
                naive.changed.everything |= was_full && !naive.is_at_limit(framework);
                allocator.close_offers(&framework_id(framework), count);
            }
            Event::Wait(seconds) => naive.now += Duration::from_secs(seconds),
            Event::Allocate(..) => {}
        }
    }

    fn add_agent(&mut self, name: Name, form: &AgentForm) {
        let (info, agent) = (form.info(name), form.agent());
        let (capabilities, total) = (agent.capabilities, agent.total.clone());
        self.naive.agents.push((name, agent));
        self.naive.changed.agents.insert(name);
        let id = agent_id(name);
        self.allocator
            .add_agent(&id, &info, capabilities, total, &BTreeMap::new());
    }

    fn remove_agent(&mut self, name: Name) {
        self.naive.agents.retain(|(known, _)| *known != name);
        self.naive.held.retain(|(_, agent, _), _| *agent != name);
        self.naive.refusals.retain(|refusal| refusal.agent != name);
        self.naive.changed.agents.remove(name);
        self.shrunk.remove(name);
        self.naive.forget_history();
        self.allocator.remove_agent(&agent_id(name));
    }

    fn add_framework(&mut self, framework: Name, wishes: &Wishes) {
        let (options, naive) = (wishes.options(), &mut self.naive);
        forget(&mut naive.refusals, framework, None);
        naive.frameworks.remove(framework);
        naive.offers.remove(framework);
        naive.forget_history();
        naive.avoid(framework, wishes.avoided());
        naive.frameworks.insert(framework, options.clone());
        naive.changed.everything = true;
        // It is told again, in one piece per agent, what it holds.
        let mut used = BTreeMap::<_, Resources>::new();
        for ((f, agent, role), held) in &naive.held {
            if *f == framework {
                *used.entry(agent_id(agent)).or_default() += held;
                *naive.served_roles.entry(role).or_default() += 1;
                *naive.served.entry((framework, role)).or_default() += 1;
            }
        }
        self.allocator
            .add_framework(&framework_id(framework), options, &used);
    }

    fn holding(&self, which: prop::sample::Index) -> Option<(Name, Name, Name)> {
        let held = &self.naive.held;
        (!held.is_empty()).then(|| held.keys().nth(which.index(held.len())).copied())?
    }

    fn recover(&mut self, which: prop::sample::Index, quarters: u8, refuse: Option<u64>) {
        let Some(holder @ (framework, agent, role)) = self.holding(which) else {
            return;
        };
        let naive = &mut self.naive;
        let freed = part(&naive.held[&holder], quarters);
        let left = &naive.held[&holder] - &freed;
        naive.held.insert(holder, left);
        naive.held.retain(|_, held| !held.is_empty());
        let options = naive.frameworks.get(framework);
        let listens = options.is_some_and(|known| known.active && known.roles.contains(role));
        let refuse = refuse.map(Duration::from_secs);
        if let Some(refuse) = refuse.filter(|refuse| listens && !refuse.is_zero()) {
            naive.refuse(Refusal {
                framework,
                agent,
                role,
                what: freed.clone().unallocate(),
                until: naive.now + refuse,
            });
        }
        if refuse.is_none() {
            naive.changed.agents.insert(agent);
        }
        let (framework, agent) = (framework_id(framework), agent_id(agent));
        self.allocator
            .recover(naive.now, &framework, &agent, &freed, refuse);
    }

    fn convert(&mut self, which: prop::sample::Index, what: usize) {
        let Some(holder @ (framework, agent, role)) = self.holding(which) else {
            return;
        };
        let offered = self.naive.held[&holder].clone();
        if role == "*" {
            return;
        }
        let plain = operation(what, role);
        let conversion = Conversion {
            consumed: plain.consumed.allocate(role),
            converted: plain.converted.allocate(role),
        };
        self.naive.convert(holder, &conversion);
        let (framework, agent) = (framework_id(framework), agent_id(agent));
        self.allocator
            .update_allocation(&framework, &agent, &offered, &[conversion]);
    }

    fn operate(&mut self, agent: Name, role: Name, what: usize) {
        if role == "*" {
            return;
        }
        let conversion = operation(what, role);
        let fits = self.naive.free(agent).contains(&conversion.consumed);
        let steps = [conversion];
        let done = self.allocator.update_available(&agent_id(agent), &steps);
        assert_eq!(done.is_ok(), fits);
        if let Some((name, agent)) = find(&mut self.naive.agents, agent).filter(|_| fits) {
            agent.total = agent
                .total
                .apply_all(&steps)
                .expect("what is free is there");
            self.naive.changed.agents.insert(*name);
        }
    }

    /// Whether no more is held on the agent than there is. Of what is shared there may be any number of copies.
    pub(super) fn fits(&self, agent: Name) -> bool {
        let held = self.naive.held.iter();
        let here = held.filter(|((_, on, _), _)| *on == agent);
        let held: Resources = here
            .map(|(_, held)| held.clone().unallocate().filter(|key| !key.shared))
            .sum();
        let agent = self.naive.agent(agent);
        agent.is_some_and(|agent| agent.total.contains(&held))
    }
}

/// One of [`OPERATIONS`] for a role.
fn operation(what: usize, role: Name) -> Conversion {
    let (consumed, converted) = OPERATIONS[what];
    let part = |text: &str| resources(&text.replace("ROLE", role));
    Conversion {
        consumed: part(consumed),
        converted: part(converted),
    }
}

impl AgentForm {
    fn agent(&self) -> Agent {
        Agent {
            total: resources(TOTALS[self.total]),
            active: true,
            remote: self.remote,
            capabilities: AgentCapabilities {
                multi_role: !self.old,
                hierarchical_role: !self.old,
            },
        }
    }

    fn info(&self, name: &str) -> AgentInfo {
        use domain_info::fault_domain::{RegionInfo, ZoneInfo};
        let region = if self.remote { "there" } else { "here" };
        let fault_domain = domain_info::FaultDomain {
            region: RegionInfo {
                name: region.to_owned(),
            },
            zone: ZoneInfo {
                name: "z".to_owned(),
            },
        };
        AgentInfo {
            hostname: name.to_owned(),
            domain: Some(DomainInfo {
                fault_domain: Some(fault_domain),
            }),
            ..AgentInfo::default()
        }
    }
}

impl Wishes {
    fn options(&self) -> FrameworkOptions {
        let names = |roles: &BTreeSet<usize>| {
            roles
                .iter()
                .map(|role| Naive::ROLES[*role].to_owned())
                .collect()
        };
        let mut options = FrameworkOptions {
            roles: names(&self.roles),
            suppressed: names(&self.suppressed),
            active: true,
            constraints: self.constraints(),
            ..FrameworkOptions::default()
        };
        if self.demanding {
            let minimum = OWN_MINIMUM.parse().expect("a minimum");
            options.min_allocatable.insert("eng".to_owned(), minimum);
        }
        let can = &mut options.capabilities;
        [
            can.gpu_resources,
            can.revocable_resources,
            can.shared_resources,
            can.reservation_refinement,
            can.region_aware,
            can.multi_role,
        ] = self.can;
        options
    }

    fn avoided(&self) -> Option<Name> {
        self.avoided.map(|agent| AGENTS[agent])
    }

    fn constraints(&self) -> Constraints {
        let Some(avoided) = self.avoided() else {
            return Constraints::new();
        };
        let constraint = json!({
            "selector": {"pseudoattribute_type": "HOSTNAME"},
            "predicate": {"text_not_equals": {"value": avoided}},
        });
        let groups = json!({"groups": [{"attribute_constraints": [constraint]}]});
        let by_role = self
            .roles
            .iter()
            .map(|role| (Naive::ROLES[*role].to_owned(), groups.clone()));
        let message = json!({"role_constraints": by_role.collect::<serde_json::Map<_, _>>()});
        let message = serde_json::from_value(message).expect("constraints");
        compile(&message, RegexLimits::default()).expect("constraints")
    }
}

fn find(agents: &mut [(Name, Agent)], name: Name) -> Option<&mut (Name, Agent)> {
    agents.iter_mut().find(|(known, _)| *known == name)
}

fn forget(refusals: &mut Vec<Refusal>, framework: Name, role: Option<Name>) {
    refusals.retain(|refusal| {
        refusal.framework != framework || role.is_some_and(|role| role != refusal.role)
    });
}

/// The first so many quarters of the items.
fn part(held: &Resources, quarters: u8) -> Resources {
    let mut left = (held.iter().count() * usize::from(quarters)).div_ceil(4);
    held.filter(|_| {
        let taken = left > 0;
        left = left.saturating_sub(1);
        taken
    })
}

/// Numbers that look random, the same for the same seed.
pub(super) fn chance(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((seed >> 33) as usize) % below
    }
}
