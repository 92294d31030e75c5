//! For any history the allocator gives what the naive one gives, in the same order, and its books
//! are right.

use std::collections::BTreeMap;
use std::time::Duration;

use mesos::resources::{Quantities, Resources};
use proptest::prelude::*;

use super::history::{Event, World, chance, events, styles};
use super::naive::Naive;
use super::{agent_id, framework_id, resources};
use crate::allocator::{
    AgentCapabilities, Allocation, Allocator, AllocatorOptions, DEFAULT_REFUSE, FrameworkOptions,
    HierarchicalAllocator, Scope, SorterKind,
};

/// Cpus of the largest agent, and so of the largest demand.
const LARGEST: u32 = 8;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn it_gives_what_a_naive_allocator_gives(
        events in events(),
        style in styles(),
    ) {
        let mut world = World::new(style);
        for event in events {
            let pending = world.naive.changed.everything || !world.naive.changed.agents.is_empty();
            prop_assert_eq!(world.allocator.has_pending(), pending);
            if let Event::Allocate(scope, seed) = event {
                let free = free(&world.naive);
                let consumed = consumed(&world.naive);
                let (given, expected) = world.allocate(scope, seed);
                check_bounds(&given, &free)?;
                check_quota(&world.naive, &consumed)?;
                check_offers(&world.naive)?;
                prop_assert!(!world.allocator.has_pending());
                prop_assert_eq!(given, expected);
            } else {
                world.play(&event);
            }
            check_books(&world)?;
        }
    }
}

fn free(naive: &Naive) -> BTreeMap<String, Resources> {
    let agents = naive.agents.iter();
    agents
        .map(|(name, _)| ((*name).to_owned(), naive.free(name)))
        .collect()
}

fn consumed(naive: &Naive) -> BTreeMap<&'static str, Quantities> {
    let roles = Naive::ROLES.into_iter();
    roles.map(|role| (role, naive.consumption(role))).collect()
}

/// All that is given is there, is given once, and may be given to that role.
fn check_bounds(
    given: &[Allocation],
    free: &BTreeMap<String, Resources>,
) -> Result<(), TestCaseError> {
    for allocation in given {
        prop_assert!(
            free.contains_key(&allocation.agent.value),
            "no such agent: {allocation:?}"
        );
        let may = |key: &mesos::resources::Key<'_>| key.is_allocatable_to(&allocation.role);
        let refused = allocation.resources.filter(|key| !may(key));
        prop_assert!(refused.is_empty(), "reserved to others: {allocation:?}");
    }
    for (agent, free) in free {
        let here = given.iter().filter(|given| given.agent.value == *agent);
        let sum: Resources = here.map(|given| given.resources.clone().unallocate()).sum();
        prop_assert!(free.contains(&sum), "{agent}: {sum} of {free}");
    }
    Ok(())
}

/// A run lets nobody consume more than a limit, at any level, unless it was more already.
fn check_quota(
    naive: &Naive,
    before: &BTreeMap<&'static str, Quantities>,
) -> Result<(), TestCaseError> {
    for (role, quota) in &naive.quotas {
        let after = naive.consumption(role);
        for (name, limit) in &quota.limits {
            let most = (*limit).max(before[role].get(name));
            prop_assert!(
                after.get(name) <= most,
                "{role}: {} of {name}",
                after.get(name)
            );
        }
    }
    Ok(())
}

/// Nobody holds more offers than the limit allows.
fn check_offers(naive: &Naive) -> Result<(), TestCaseError> {
    for (framework, offers) in &naive.offers {
        let most = naive.options.max_offers;
        prop_assert!(*offers <= most, "{framework}: {offers} of {most}");
    }
    Ok(())
}

/// Offered, allocated and free make the total, and the sums are sums.
fn check_books(world: &World) -> Result<(), TestCaseError> {
    let World {
        allocator, naive, ..
    } = world;
    for (agent, _) in &naive.agents {
        let fits = world.fits(agent);
        prop_assert!(
            fits || world.shrunk.contains(agent),
            "more is held on {agent} than it has"
        );
    }
    let mut held = BTreeMap::new();
    let mut sum = super::super::amounts::Amounts::default();
    for (_, agent) in allocator.agents.iter() {
        for entry in &agent.held {
            let client = &allocator.tree.clients[entry.client];
            let framework = allocator.frameworks[client.framework].id.value.clone();
            let role = allocator.tree.nodes[client.role].path.to_string();
            held.insert(
                (framework, agent.id.value.clone(), role),
                entry.resources.clone(),
            );
        }
        prop_assert_eq!(&agent.free.resources, &agent.compute_free());
        sum.add(&agent.free.charge.open);
    }
    let expected = naive.held.iter().map(|((framework, agent, role), held)| {
        let names = (*framework, *agent, *role);
        (
            (names.0.to_owned(), names.1.to_owned(), names.2.to_owned()),
            held.clone(),
        )
    });
    prop_assert_eq!(held, expected.collect::<BTreeMap<_, _>>());
    prop_assert_eq!(&allocator.free, &sum);
    // Nobody is remembered who has left and holds nothing.
    for (framework, _) in allocator.framework_slots.iter() {
        let name = framework.value.as_str();
        let mut holders = naive.held.keys().map(|(holder, ..)| *holder);
        let known = naive.frameworks.contains_key(name) || holders.any(|holder| holder == name);
        prop_assert!(known, "{name} is still there");
    }
    check_figures(world)?;
    for role in Naive::ROLES {
        let consumption = allocator
            .tree
            .find(role)
            .map(|role| allocator.tree.consumption(role));
        let consumption = consumption.unwrap_or_default();
        prop_assert_eq!(
            allocator.names.quantities(&consumption),
            naive.consumption(role)
        );
    }
    Ok(())
}

/// What metrics show.
fn check_figures(world: &World) -> Result<(), TestCaseError> {
    let World {
        allocator, naive, ..
    } = world;
    let mut refusals = BTreeMap::new();
    for (_, agent) in allocator.agents.iter() {
        for client in agent.refusals.clients(&allocator.tree.refusals) {
            let role = allocator.tree.clients[client].role;
            *refusals
                .entry(&allocator.tree.nodes[role].path)
                .or_insert(0) += 1;
        }
    }
    let figures = allocator.figures();
    for (role, figures) in &figures.roles {
        prop_assert_eq!(figures.refusals, refusals.get(role).copied().unwrap_or(0));
        let consumption = naive.consumption(role);
        for (name, quota) in &figures.quota {
            prop_assert_eq!(quota.consumed, consumption.get(name));
        }
    }
    let (mut total, mut taken) = (Quantities::new(), Quantities::new());
    let agents = naive.agents.iter();
    agents.for_each(|(_, agent)| total += &agent.total.scalars());
    naive
        .held
        .values()
        .for_each(|held| taken += &held.scalars());
    for (name, figures) in &figures.resources {
        prop_assert_eq!(figures.total, total.get(name));
        prop_assert_eq!(figures.taken, taken.get(name));
    }
    let full = naive.frameworks.keys().filter(|f| naive.is_at_limit(f));
    prop_assert_eq!(figures.frameworks_at_offer_limit, full.count());
    Ok(())
}

proptest! {
    #[test]
    fn nobody_starves(roles in prop::collection::vec(0..Naive::ROLES.len(), 1..8), random in any::<bool>()) {
        let sorter = if random { SorterKind::Random } else { SorterKind::Drf };
        let mut allocator = HierarchicalAllocator::new(AllocatorOptions {
            role_sorter: sorter,
            framework_sorter: sorter,
            ..AllocatorOptions::default()
        });
        for (n, role) in roles.iter().enumerate() {
            let options = FrameworkOptions {
                roles: [Naive::ROLES[*role].to_owned()].into(),
                active: true,
                ..FrameworkOptions::default()
            };
            allocator.add_framework(&framework_id(&format!("f{n}")), options, &BTreeMap::new());
        }
        let (info, can) = (Default::default(), AgentCapabilities::default());
        let total = resources("cpus:1;mem:64");
        allocator.add_agent(&agent_id("a"), &info, can, total, &BTreeMap::new());
        // Whoever was offered the agent refuses it for longer than it takes to ask everybody.
        let mut offered = std::collections::BTreeSet::new();
        let mut seed = 7usize;
        for cycle in 0..roles.len() {
            let now = Duration::from_secs(cycle as u64);
            let mut chance = |below| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) % below
            };
            for given in allocator.allocate(now, Scope::Everything, &mut chance) {
                let refuse = Some(Duration::from_secs(100));
                let (framework, agent) = (&given.framework, &given.agent);
                allocator.recover(now, framework, agent, &given.resources, refuse);
                offered.insert(given.framework.value);
            }
        }
        prop_assert_eq!(offered.len(), roles.len());
    }
}

proptest! {
    /// Everybody takes the first offer that is large enough, for a task of one cycle, and refuses the rest, and all
    /// other offers, for as long as who does not say for how long. All demands fit on the first agent.
    #[test]
    fn whoever_fits_somewhere_is_offered_it_in_time(
        wishes in prop::collection::vec((0..Naive::ROLES.len(), 1..=LARGEST), 1..7),
        others in prop::collection::vec(1..=LARGEST, 0..4),
        random in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let sorter = if random { SorterKind::Random } else { SorterKind::Drf };
        let mut allocator = HierarchicalAllocator::new(AllocatorOptions {
            role_sorter: sorter,
            framework_sorter: sorter,
            ..AllocatorOptions::default()
        });
        let mut hungry = BTreeMap::new();
        for (n, (role, cpus)) in wishes.iter().enumerate() {
            let id = framework_id(&format!("f{n}"));
            let options = FrameworkOptions {
                roles: [Naive::ROLES[*role].to_owned()].into(),
                active: true,
                ..FrameworkOptions::default()
            };
            allocator.add_framework(&id, options, &BTreeMap::new());
            hungry.insert(id.value, resources(&format!("cpus:{cpus}")));
        }
        for (n, cpus) in [LARGEST].iter().chain(&others).enumerate() {
            let (id, info) = (agent_id(&format!("a{n}")), Default::default());
            let total = resources(&format!("cpus:{cpus}"));
            allocator.add_agent(&id, &info, AgentCapabilities::default(), total, &BTreeMap::new());
        }
        let mut chance = chance(seed);
        let mut running: Vec<Allocation> = vec![];
        // Whoever is served is so at random on one of the agents that it does not refuse: with each factor of this
        // bound it gets less likely by e to the power of the number of agents that it has missed the large one.
        let bound = 20 * wishes.len() * (others.len() + 1);
        for cycle in 0..bound as u64 {
            let now = Duration::from_secs(cycle);
            for task in running.drain(..) {
                allocator.recover(now, &task.framework, &task.agent, &task.resources, None);
            }
            for mut given in allocator.allocate(now, Scope::Everything, &mut chance) {
                let demand = hungry.get(&given.framework.value);
                let demand = demand.map(|demand| demand.clone().allocate(&given.role));
                if let Some(demand) = demand.filter(|demand| given.resources.contains(demand)) {
                    hungry.remove(&given.framework.value);
                    let task = Allocation { resources: demand, ..given.clone() };
                    given.resources -= &task.resources;
                    running.push(task);
                }
                let Allocation { framework, agent, resources, .. } = &given;
                allocator.close_offers(framework, 1);
                allocator.recover(now, framework, agent, resources, Some(DEFAULT_REFUSE));
            }
            if hungry.is_empty() {
                break;
            }
        }
        prop_assert!(hungry.is_empty(), "after {bound} cycles: {hungry:?}");
    }
}
