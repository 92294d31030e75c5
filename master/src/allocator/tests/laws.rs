//! For any sequence of events the allocator gives what a naive one gives, and never more than
//! there is.
//!
//! The naive one keeps a list of who holds what and a list of refusals, and computes everything
//! else from scratch whenever it needs it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::{Quantities, Resources};
use mesos::v1::AgentInfo;
use proptest::prelude::*;

use super::{agent_id, framework_id, resources};
use crate::allocator::{
    Allocation, Allocator, AllocatorOptions, FrameworkOptions, HierarchicalAllocator, Scope,
};

const AGENTS: [&str; 3] = ["a1", "a2", "a3"];
const FRAMEWORKS: [&str; 3] = ["f1", "f2", "f3"];
const ROLES: [&str; 3] = ["*", "eng", "ops"];
const TOTALS: [&str; 5] = [
    "cpus:4;mem:1024;ports:[1-10]",
    "cpus:1;cpus(eng):2;mem:64",
    "mem:500;mem(ops):40",
    "cpus:2;gpus:1",
    "cpus:0.001;mem:31",
];

#[derive(Clone, Debug)]
enum Event {
    AddAgent(usize, usize),
    RemoveAgent(usize),
    SetAgentActive(usize, bool),
    AddFramework(usize, Wishes),
    UpdateFramework(usize, Wishes),
    RemoveFramework(usize),
    SetFrameworkActive(usize, bool),
    /// Which of the holdings, how many quarters of its scalars, refused for how long.
    Recover(prop::sample::Index, u8, Option<u64>),
    Suppress(usize, usize),
    Revive(usize, usize),
    Wait(u64),
    Allocate,
}

#[derive(Clone, Debug)]
struct Wishes {
    roles: BTreeSet<usize>,
    suppressed: BTreeSet<usize>,
    gpus: bool,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let agent = || 0..AGENTS.len();
    let framework = || 0..FRAMEWORKS.len();
    let role = || 0..ROLES.len();
    let roles = move |least| prop::collection::btree_set(role(), least..3);
    let wishes = move || {
        (roles(1), roles(0), any::<bool>()).prop_map(|(roles, suppressed, gpus)| Wishes {
            roles,
            suppressed,
            gpus,
        })
    };
    let event = prop_oneof![
        3 => (agent(), 0..TOTALS.len()).prop_map(|(a, total)| Event::AddAgent(a, total)),
        1 => agent().prop_map(Event::RemoveAgent),
        1 => (agent(), any::<bool>()).prop_map(|(a, active)| Event::SetAgentActive(a, active)),
        3 => (framework(), wishes()).prop_map(|(f, wishes)| Event::AddFramework(f, wishes)),
        1 => (framework(), wishes()).prop_map(|(f, wishes)| Event::UpdateFramework(f, wishes)),
        1 => framework().prop_map(Event::RemoveFramework),
        1 => (framework(), any::<bool>()).prop_map(|(f, on)| Event::SetFrameworkActive(f, on)),
        5 => (any::<prop::sample::Index>(), 1..=4u8, prop::option::of(0..8u64))
            .prop_map(|(which, quarters, refuse)| Event::Recover(which, quarters, refuse)),
        1 => (framework(), role()).prop_map(|(f, role)| Event::Suppress(f, role)),
        1 => (framework(), role()).prop_map(|(f, role)| Event::Revive(f, role)),
        2 => (0..4u64).prop_map(Event::Wait),
        5 => Just(Event::Allocate),
    ];
    prop::collection::vec(event, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn it_gives_what_a_naive_allocator_gives(events in events()) {
        let mut allocator = HierarchicalAllocator::new(AllocatorOptions::default());
        let mut naive = Naive::default();
        for event in events {
            if matches!(event, Event::Allocate) {
                let now = Duration::from_secs(naive.now);
                let given = allocator.allocate(now, Scope::Everything, &mut |below| below - 1);
                naive.check_bounds(&given)?;
                prop_assert_eq!(given, naive.allocate());
            } else {
                naive.play(&event, &mut allocator);
                naive.forget_history();
            }
        }
    }
}

#[derive(Default)]
struct Naive {
    now: u64,
    agents: BTreeMap<&'static str, (Resources, bool)>,
    frameworks: BTreeMap<&'static str, FrameworkOptions>,
    /// Who holds what: framework, agent, role.
    held: BTreeMap<(&'static str, &'static str, &'static str), Resources>,
    /// Framework, agent, role, what, until when.
    refusals: Vec<(&'static str, &'static str, &'static str, Resources, u64)>,
    /// Allocations by role, and by framework and role.
    served_roles: BTreeMap<&'static str, u64>,
    served: BTreeMap<(&'static str, &'static str), u64>,
}

impl Naive {
    /// Does it to the books, and tells the allocator.
    fn play(&mut self, event: &Event, allocator: &mut HierarchicalAllocator) {
        match *event {
            Event::AddAgent(agent, total) => {
                let (agent, total) = (AGENTS[agent], resources(TOTALS[total]));
                self.held.retain(|(_, a, _), _| *a != agent);
                self.refusals.retain(|(_, a, ..)| *a != agent);
                self.agents.insert(agent, (total.clone(), true));
                let (id, info) = (agent_id(agent), AgentInfo::default());
                allocator.add_agent(&id, &info, total, &BTreeMap::new());
            }
            Event::RemoveAgent(agent) => {
                let agent = AGENTS[agent];
                self.agents.remove(agent);
                self.held.retain(|(_, a, _), _| *a != agent);
                self.refusals.retain(|(_, a, ..)| *a != agent);
                allocator.remove_agent(&agent_id(agent));
            }
            Event::SetAgentActive(agent, active) => {
                let agent = AGENTS[agent];
                self.agents
                    .entry(agent)
                    .and_modify(|agent| agent.1 = active);
                match active {
                    true => allocator.activate_agent(&agent_id(agent)),
                    false => allocator.deactivate_agent(&agent_id(agent)),
                }
            }
            Event::AddFramework(framework, ref wishes) => {
                let (framework, options) = (FRAMEWORKS[framework], options(wishes));
                self.refusals.retain(|(f, ..)| *f != framework);
                self.served.retain(|(f, _), _| *f != framework);
                self.frameworks.remove(framework);
                self.forget_history();
                self.frameworks.insert(framework, options.clone());
                // It is told again, in one piece per agent, what it holds.
                let mut used = BTreeMap::<_, Resources>::new();
                for ((f, agent, role), held) in &self.held {
                    if *f == framework {
                        *used.entry(agent_id(agent)).or_default() += held;
                        *self.served_roles.entry(role).or_default() += 1;
                        *self.served.entry((framework, role)).or_default() += 1;
                    }
                }
                allocator.add_framework(&framework_id(framework), options, &used);
            }
            Event::UpdateFramework(framework, ref wishes) => {
                let (framework, options) = (FRAMEWORKS[framework], options(wishes));
                if self.frameworks.contains_key(framework) {
                    self.refusals.retain(|(f, _, role, ..)| {
                        *f != framework || options.roles.contains(*role)
                    });
                    self.frameworks.insert(framework, options.clone());
                }
                allocator.update_framework(&framework_id(framework), options);
            }
            Event::RemoveFramework(framework) => {
                let framework = FRAMEWORKS[framework];
                self.frameworks.remove(framework);
                self.refusals.retain(|(f, ..)| *f != framework);
                allocator.remove_framework(&framework_id(framework));
            }
            Event::SetFrameworkActive(framework, active) => {
                let framework = FRAMEWORKS[framework];
                self.frameworks
                    .entry(framework)
                    .and_modify(|options| options.active = active);
                if !active {
                    self.refusals.retain(|(f, ..)| *f != framework);
                }
                match active {
                    true => allocator.activate_framework(&framework_id(framework)),
                    false => allocator.deactivate_framework(&framework_id(framework)),
                }
            }
            Event::Recover(which, quarters, refuse) => {
                self.recover(which, quarters, refuse, allocator)
            }
            Event::Suppress(framework, role) => {
                let (framework, role) = (FRAMEWORKS[framework], ROLES[role]);
                if let Some(options) = self.frameworks.get_mut(framework)
                    && options.roles.contains(role)
                {
                    options.suppressed.insert(role.to_owned());
                }
                allocator.suppress(&framework_id(framework), &[role.to_owned()].into());
            }
            Event::Revive(framework, role) => {
                let (framework, role) = (FRAMEWORKS[framework], ROLES[role]);
                if let Some(options) = self.frameworks.get_mut(framework)
                    && options.roles.contains(role)
                {
                    options.suppressed.remove(role);
                    self.refusals
                        .retain(|(f, _, r, ..)| *f != framework || *r != role);
                }
                allocator.revive(&framework_id(framework), &[role.to_owned()].into());
            }
            Event::Wait(seconds) => self.now += seconds,
            Event::Allocate => {}
        }
    }

    fn recover(
        &mut self,
        which: prop::sample::Index,
        quarters: u8,
        refuse: Option<u64>,
        allocator: &mut HierarchicalAllocator,
    ) {
        if self.held.is_empty() {
            return;
        }
        let nth = which.index(self.held.len());
        let Some(((framework, agent, role), held)) = self.held.iter_mut().nth(nth) else {
            return;
        };
        let (framework, agent, role) = (*framework, *agent, *role);
        let freed = part(held, quarters);
        *held -= &freed;
        if held.is_empty() {
            self.held.remove(&(framework, agent, role));
        }
        let active = self
            .frameworks
            .get(framework)
            .is_some_and(|options| options.active);
        if let Some(seconds) = refuse.filter(|seconds| active && *seconds > 0) {
            let refused = freed.clone().unallocate();
            self.refusals
                .push((framework, agent, role, refused, self.now + seconds));
        }
        let (framework, agent) = (framework_id(framework), agent_id(agent));
        let refuse = refuse.map(Duration::from_secs);
        allocator.recover(
            Duration::from_secs(self.now),
            &framework,
            &agent,
            &freed,
            refuse,
        );
    }

    fn takes_part(&self, framework: &str, role: &str) -> bool {
        let Some(options) = self.frameworks.get(framework) else {
            return false;
        };
        let holds = self
            .held
            .keys()
            .any(|(f, _, r)| *f == framework && *r == role);
        options.roles.contains(role) || holds
    }

    /// Whoever stops taking part in a role starts afresh.
    fn forget_history(&mut self) {
        let mut served = std::mem::take(&mut self.served);
        served.retain(|(framework, role), _| self.takes_part(framework, role));
        self.served = served;
        for role in ROLES {
            if !FRAMEWORKS
                .iter()
                .any(|framework| self.takes_part(framework, role))
            {
                self.served_roles.remove(role);
            }
        }
    }

    fn free(&self, agent: &str) -> Resources {
        let mut free = self.agents[agent].0.clone();
        for ((_, a, _), held) in &self.held {
            if *a == agent {
                free -= held.clone().unallocate();
            }
        }
        free
    }

    /// The largest fraction of any scalar of the cluster.
    fn share(&self, of: impl Fn(&str, &str) -> bool) -> f64 {
        let cluster: Quantities = self
            .agents
            .values()
            .map(|(total, _)| total.clone())
            .sum::<Resources>()
            .scalars();
        let known = |framework: &str| self.frameworks.contains_key(framework);
        let held = self
            .held
            .iter()
            .filter(|((f, _, role), _)| known(f) && of(f, role));
        let mut sum = Quantities::default();
        held.for_each(|(_, held)| sum += &held.scalars());
        sum.iter()
            .filter(|(name, _)| !cluster.get(name).is_zero())
            .map(|(name, held)| held.milli() as f64 / cluster.get(name).milli() as f64)
            .fold(0.0, f64::max)
    }

    fn allocate(&mut self) -> Vec<Allocation> {
        let mut given = vec![];
        for agent in AGENTS
            .iter()
            .filter(|agent| self.agents.get(*agent).is_some_and(|a| a.1))
        {
            let mut roles = ROLES.to_vec();
            let rank = |role: &&str| {
                (
                    self.share(|_, r| r == *role),
                    self.served_roles.get(role).copied().unwrap_or(0),
                )
            };
            roles.sort_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap().then(a.cmp(b)));
            for role in roles {
                if let Some((framework, offer)) = self.choose(agent, role) {
                    let offer = offer.allocate(role);
                    *self.held.entry((framework, agent, role)).or_default() += &offer;
                    *self.served_roles.entry(role).or_default() += 1;
                    *self.served.entry((framework, role)).or_default() += 1;
                    given.push(Allocation {
                        framework: framework_id(framework),
                        agent: agent_id(agent),
                        role: role.to_owned(),
                        resources: offer,
                    });
                }
            }
        }
        given
    }

    fn choose(&self, agent: &str, role: &'static str) -> Option<(&'static str, Resources)> {
        let offer = self.free(agent).allocatable_to(role);
        let worth = offer.cpus().milli() >= 10 || offer.mem().milli() >= 32_000;
        let rank = |framework: &&str| {
            let served = self.served.get(&(*framework, role)).copied().unwrap_or(0);
            (self.share(|f, r| f == *framework && r == role), served)
        };
        let eligible = FRAMEWORKS.iter().filter(|framework| {
            self.frameworks.get(*framework).is_some_and(|options| {
                let has_gpus = !self.agents[agent].0.gpus().is_zero();
                let refused = self.refusals.iter().any(|(f, a, r, what, until)| {
                    f == *framework
                        && *a == agent
                        && *r == role
                        && *until > self.now
                        && what.contains(&offer)
                });
                options.active
                    && options.roles.contains(role)
                    && !options.suppressed.contains(role)
                    && (!has_gpus || options.capabilities.gpu_resources)
                    && !refused
            })
        });
        let first =
            eligible.min_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap().then(a.cmp(b)))?;
        worth.then_some((*first, offer))
    }

    /// All that is given is there, is given once, and may be given to that role.
    fn check_bounds(&self, given: &[Allocation]) -> Result<(), TestCaseError> {
        for agent in self.agents.keys() {
            let here = || given.iter().filter(|given| given.agent == agent_id(agent));
            let sum: Resources = here()
                .map(|given| given.resources.clone().unallocate())
                .sum();
            prop_assert!(
                self.free(agent).contains(&sum),
                "{agent}: {sum} of {}",
                self.free(agent)
            );
            for given in here() {
                let reserved = given.resources.reservations();
                prop_assert!(reserved.keys().all(|role| *role == given.role), "{given:?}");
            }
        }
        let known = given
            .iter()
            .all(|given| self.agents.contains_key(given.agent.value.as_str()));
        prop_assert!(known, "an agent that is not there");
        Ok(())
    }
}

fn options(wishes: &Wishes) -> FrameworkOptions {
    let names =
        |roles: &BTreeSet<usize>| roles.iter().map(|role| ROLES[*role].to_owned()).collect();
    let mut options = FrameworkOptions {
        roles: names(&wishes.roles),
        suppressed: names(&wishes.suppressed),
        active: true,
        ..FrameworkOptions::default()
    };
    options.capabilities.gpu_resources = wishes.gpus;
    options
}

/// The first so many quarters of the items.
fn part(held: &Resources, quarters: u8) -> Resources {
    let count = (held.iter().count() * usize::from(quarters)).div_ceil(4);
    let mut left = count;
    held.filter(|_| {
        let taken = left > 0;
        left = left.saturating_sub(1);
        taken
    })
}
