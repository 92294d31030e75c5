//! The allocator as a paper would put it, without a thought for speed: it keeps a
//! list of who holds what and a list of refusals, and computes everything else from scratch
//! whenever it needs it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::{Amount, Conversion, Key, Quantities, Quantity, Resources};
use mesos::roles;

use super::{agent_id, framework_id};
use crate::allocator::{
    AgentCapabilities, AgentSorter, Allocation, AllocatorOptions, Chance, FrameworkOptions, Quota,
    Scope, SorterKind,
};

pub(super) type Name = &'static str;

/// A cluster with all that the allocator has been told of it.
pub(super) struct Naive {
    pub(super) options: AllocatorOptions,
    /// Alternatives, as in `options`.
    pub(super) minima: Vec<Quantities>,
    /// Of those frameworks and roles that have one.
    pub(super) own_minimum: Quantities,
    /// Which agent a framework does not want to see.
    pub(super) avoided: BTreeMap<Name, Name>,
    pub(super) now: Duration,
    /// In the order of their arrival.
    pub(super) agents: Vec<(Name, Agent)>,
    pub(super) frameworks: BTreeMap<Name, FrameworkOptions>,
    /// Who holds what (with allocation role): framework, agent, role.
    pub(super) held: BTreeMap<(Name, Name, Name), Resources>,
    pub(super) refusals: Vec<Refusal>,
    /// Allocations by role, and by framework and role.
    pub(super) served_roles: BTreeMap<Name, u64>,
    pub(super) served: BTreeMap<(Name, Name), u64>,
    pub(super) quotas: BTreeMap<Name, Quota>,
    pub(super) weights: BTreeMap<String, f64>,
    pub(super) whitelist: Option<BTreeSet<String>>,
    /// How many offers each framework holds.
    pub(super) offers: BTreeMap<Name, usize>,
    pub(super) changed: Changed,
}

/// What happened since the last run.
#[derive(Default)]
pub(super) struct Changed {
    /// Something that is about all agents.
    pub(super) everything: bool,
    pub(super) agents: BTreeSet<Name>,
}

#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub(super) total: Resources,
    pub(super) active: bool,
    /// Its hostname is its name.
    pub(super) remote: bool,
    pub(super) capabilities: AgentCapabilities,
}

#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) framework: Name,
    pub(super) agent: Name,
    pub(super) role: Name,
    pub(super) what: Resources,
    pub(super) until: Duration,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Guarantees,
    FairShare,
}

impl Naive {
    /// All roles that anybody may have.
    pub(super) const ROLES: [Name; 5] = ["*", "eng", "eng/db", "eng/web", "ops"];

    pub(super) fn agent(&self, agent: Name) -> Option<&Agent> {
        let found = self.agents.iter().find(|(name, _)| *name == agent);
        found.map(|(_, agent)| agent)
    }

    /// What nobody holds; of what is shared, one copy however many are in use.
    pub(super) fn free(&self, agent: Name) -> Resources {
        let mut free = self
            .agent(agent)
            .map(|agent| agent.total.clone())
            .unwrap_or_default();
        for ((_, on, _), held) in &self.held {
            if *on == agent {
                free -= held.clone().unallocate().filter(|key| !key.shared);
            }
        }
        free
    }

    /// Whether the framework, which is known, is subscribed to the role or holds something in it.
    pub(super) fn takes_part(&self, framework: Name, role: Name) -> bool {
        let options = self.frameworks.get(framework);
        let holds = || {
            self.held
                .keys()
                .any(|(f, _, r)| *f == framework && *r == role)
        };
        options.is_some_and(|options| options.roles.contains(role) || holds())
    }

    /// Whether the framework is in line for offers in the role.
    fn wants(&self, framework: Name, role: Name) -> bool {
        let wants = self.frameworks.get(framework).is_some_and(|options| {
            options.active && options.roles.contains(role) && !options.suppressed.contains(role)
        });
        wants && !self.is_at_limit(framework)
    }

    pub(super) fn is_at_limit(&self, framework: Name) -> bool {
        let offers = self.offers.get(framework).copied();
        offers.unwrap_or(0) >= self.options.max_offers
    }

    /// How often somebody was served is forgotten with the one who was.
    pub(super) fn forget_history(&mut self) {
        let mut served = std::mem::take(&mut self.served);
        served.retain(|(framework, role), _| self.takes_part(framework, role));
        self.served = served;
        for role in Self::ROLES {
            let mut frameworks = self.frameworks.keys();
            if !frameworks.any(|framework| self.takes_part(framework, role)) {
                self.served_roles.remove(role);
            }
        }
    }

    // §3.2: who is next.

    fn cluster(&self) -> Quantities {
        let totals = self.agents.iter().map(|(_, agent)| agent.total.scalars());
        let mut sum = Quantities::new();
        totals.for_each(|total| sum += &total);
        sum
    }

    /// The largest part of any scalar of the cluster that known frameworks hold.
    fn share(&self, of: impl Fn(&str, &str) -> bool) -> f64 {
        let cluster = self.cluster();
        let mut sum = Quantities::new();
        for ((framework, _, role), held) in &self.held {
            if self.frameworks.contains_key(framework) && of(framework, role) {
                sum += &held.scalars();
            }
        }
        sum.iter()
            .filter(|(name, _)| !self.options.fair_sharing_excluded.contains(&***name))
            .filter(|(name, _)| !cluster.get(name).is_zero())
            .map(|(name, held)| held.milli() as f64 / cluster.get(name).milli() as f64)
            .fold(0.0, f64::max)
    }

    /// The roles in which somebody wants offers.
    fn wanted_roles(&self) -> Vec<Name> {
        let wanted = Self::ROLES.into_iter();
        let wanted = wanted.filter(|role| self.frameworks.keys().any(|f| self.wants(f, role)));
        wanted.collect()
    }

    fn roles_in_order(&self, chance: &mut Chance<'_>) -> Vec<Name> {
        let wanted = self.wanted_roles();
        match self.options.role_sorter {
            SorterKind::Drf => self.below("", &wanted),
            SorterKind::Random => self.roles_at_random(&wanted, chance),
        }
    }

    /// Depth first.
    fn below(&self, parent: &str, wanted: &[Name]) -> Vec<Name> {
        let mut children: Vec<(f64, u64, String)> = Vec::new();
        for role in wanted {
            let Some(rest) = beneath(role, parent) else {
                continue;
            };
            let (rank, name) = match rest.split('/').next() {
                Some(name) if !rest.is_empty() => {
                    let path = join(parent, name);
                    let in_branch = |role: &str| role == path || beneath(role, &path).is_some();
                    let served = self.served_roles.iter();
                    let served = served
                        .filter(|(role, _)| in_branch(role))
                        .map(|(_, n)| n)
                        .sum();
                    let weight = self.weights.get(&path).copied().unwrap_or(1.0);
                    (
                        (self.share(|_, role| in_branch(role)) / weight, served),
                        name,
                    )
                }
                _ => {
                    let served = self.served_roles.get(parent).copied().unwrap_or(0);
                    ((self.share(|_, role| role == parent), served), ".")
                }
            };
            if !children.iter().any(|(_, _, known)| known == name) {
                children.push((rank.0, rank.1, name.to_owned()));
            }
        }
        children.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        let children = children.into_iter().flat_map(|(_, _, name)| {
            if name == "." {
                let itself = wanted.iter().copied().filter(|role| *role == parent);
                itself.collect()
            } else {
                self.below(&join(parent, &name), wanted)
            }
        });
        children.collect()
    }

    /// Those of `line`, which has them by role.
    fn frameworks_in_order(
        &self,
        role: Name,
        line: &BTreeSet<(Name, Name)>,
        chance: &mut Chance<'_>,
    ) -> Vec<Name> {
        let wanting = line.iter().filter(|(of, _)| *of == role).map(|(_, f)| *f);
        if self.options.framework_sorter == SorterKind::Random {
            return shuffled(wanting.collect(), chance);
        }
        let mut ranked: Vec<(f64, u64, Name)> = wanting
            .map(|framework| {
                let served = self.served.get(&(framework, role)).copied().unwrap_or(0);
                let share = self.share(|f, r| f == framework && r == role);
                (share, served, framework)
            })
            .collect();
        ranked.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        ranked
            .into_iter()
            .map(|(_, _, framework)| framework)
            .collect()
    }

    // §3.2, point 7: by chance.

    /// Whether more is decided by chance than the order of agents.
    pub(super) fn draws(&self) -> bool {
        let AllocatorOptions {
            role_sorter,
            framework_sorter,
            ..
        } = &self.options;
        [role_sorter, framework_sorter].contains(&&SorterKind::Random)
    }

    /// Everybody waits for a time that is drawn, shorter the greater its part of the cluster is.
    fn roles_at_random(&self, wanted: &[Name], chance: &mut Chance<'_>) -> Vec<Name> {
        const FINE: usize = 1 << 53;
        let mut waits = vec![];
        for (role, part) in self.parts_below("", wanted, 1.0) {
            let drawn = (chance(FINE) + 1) as f64 / FINE as f64;
            waits.push((-drawn.ln() / part, role));
        }
        waits.sort_by(|a, b| a.0.total_cmp(&b.0));
        waits.into_iter().map(|(_, role)| role).collect()
    }

    /// Siblings share what their parent has by their weights; so does the parent itself, with
    /// weight 1.
    fn parts_below(&self, parent: &str, wanted: &[Name], part: f64) -> Vec<(Name, f64)> {
        let rests = wanted.iter().filter_map(|role| beneath(role, parent));
        let names: BTreeSet<&str> = rests
            .filter_map(|rest| rest.split('/').next())
            .filter(|name| !name.is_empty())
            .collect();
        let itself = wanted.iter().copied().find(|role| *role == parent);
        let weight = |name: &str| {
            let weight = self.weights.get(&join(parent, name)).copied();
            weight.unwrap_or(1.0)
        };
        let own = if itself.is_some() { 1.0 } else { 0.0 };
        let sum = own + names.iter().map(|name| weight(name)).sum::<f64>();
        let mut parts: Vec<(Name, f64)> =
            itself.into_iter().map(|role| (role, part / sum)).collect();
        for name in names {
            let part = part * weight(name) / sum;
            parts.extend(self.parts_below(&join(parent, name), wanted, part));
        }
        parts
    }

    // §3.3, points 4 and 5: quota.

    pub(super) fn consumption(&self, role: &str) -> Quantities {
        let in_branch = |other: &str| other == role || roles::is_strict_subrole(other, role);
        let mut sum = Quantities::new();
        for (_, agent) in &self.agents {
            let counted = |key: &Key<'_>| {
                !key.is_unreserved() && !key.revocable && in_branch(key.reservation_role())
            };
            sum += &agent.total.filter(counted).scalars();
        }
        for ((_, _, of), held) in &self.held {
            if in_branch(of) {
                sum += &held.filter(|key| is_passed_down(key, role)).scalars();
            }
        }
        sum
    }

    fn unmet(&self, role: Name) -> Quantities {
        let top = roles::top_level(role);
        let mut unmet = self
            .quotas
            .get(top)
            .map(|quota| quota.guarantees.clone())
            .unwrap_or_default();
        unmet -= &self.consumption(top);
        unmet
    }

    fn any_unmet(&self) -> bool {
        let mut wanted = self.wanted_roles().into_iter();
        wanted.any(|role| !self.unmet(role).is_empty())
    }

    fn required(&self, name: &str) -> i64 {
        let tops = Self::ROLES.into_iter().filter(|role| !role.contains('/'));
        tops.map(|role| self.unmet(role).get(name).milli()).sum()
    }

    fn available(&self, name: &str) -> i64 {
        let agents = self.agents.iter();
        let free = agents.map(|(agent, _)| self.free(agent).filter(is_open).scalar(name).milli());
        free.sum()
    }

    // §3.3: the cycle.

    pub(super) fn is_listed(&self, agent: &str) -> bool {
        let list = self.whitelist.as_ref();
        list.is_none_or(|list| list.contains(agent))
    }

    pub(super) fn avoid(&mut self, framework: Name, agent: Option<Name>) {
        self.avoided.remove(framework);
        self.avoided.extend(agent.map(|agent| (framework, agent)));
    }

    /// Takes the place of those of the same framework and role that it covers.
    pub(super) fn refuse(&mut self, new: Refusal) {
        let client = |refusal: &Refusal| (refusal.framework, refusal.agent, refusal.role);
        self.refusals.retain(|old| {
            let covered = old.until <= new.until && new.what.contains(&old.what);
            client(old) != client(&new) || !covered
        });
        self.refusals.push(new);
    }

    /// That one ended is a reason to look at the agent.
    fn end_refusals(&mut self) {
        let now = self.now;
        let ended = self.refusals.extract_if(.., |refusal| refusal.until <= now);
        self.changed
            .agents
            .extend(ended.map(|refusal| refusal.agent));
    }

    pub(super) fn allocate(&mut self, scope: Scope, chance: &mut Chance<'_>) -> Vec<Allocation> {
        self.end_refusals();
        let changed = std::mem::take(&mut self.changed);
        let looked_at = |name: &str| {
            scope == Scope::Everything || changed.everything || changed.agents.contains(name)
        };
        let candidates = self
            .agents
            .iter()
            .filter(|(name, agent)| agent.active && self.is_listed(name) && looked_at(name));
        let candidates: Vec<Name> = candidates.map(|(name, _)| *name).collect();
        let mut given = vec![];
        let mut shared = BTreeMap::new();
        let stages = match self.any_unmet() {
            true => &[Stage::Guarantees, Stage::FairShare][..],
            false => &[Stage::FairShare],
        };
        for stage in stages {
            for agent in self.agents_in_order(&candidates, chance) {
                if *stage == Stage::FairShare || self.any_unmet() {
                    let shared = shared.entry(agent).or_default();
                    self.give_away(agent, *stage, shared, chance, &mut given);
                }
            }
        }
        given
    }

    fn agents_in_order(&self, agents: &[Name], chance: &mut Chance<'_>) -> Vec<Name> {
        let mut agents = shuffled(agents.to_vec(), chance);
        let fullness = |agent: &Name| {
            let total = self
                .agent(agent)
                .map(|agent| agent.total.scalars())
                .unwrap_or_default();
            let free = self.free(agent).scalars();
            let part = |(name, total): (_, Quantity)| {
                let taken = total.milli() - free.get(name).milli();
                taken as f64 / total.milli() as f64
            };
            total
                .iter()
                .map(|(name, total)| part((&**name, total)))
                .fold(0.0, f64::max)
        };
        match self.options.agent_sorter {
            AgentSorter::Random => {}
            AgentSorter::BinPacking => agents.sort_by(|a, b| fullness(b).total_cmp(&fullness(a))),
            AgentSorter::Spread => agents.sort_by(|a, b| fullness(a).total_cmp(&fullness(b))),
        }
        agents
    }

    fn give_away(
        &mut self,
        agent: Name,
        stage: Stage,
        shared: &mut Resources,
        chance: &mut Chance<'_>,
        given: &mut Vec<Allocation>,
    ) {
        if (self.free(agent) - &*shared).is_empty() {
            return;
        }
        let roles = self.roles_in_order(chance);
        let mut line = BTreeSet::new();
        for role in &roles {
            let wanting = self.frameworks.keys().filter(|f| self.wants(f, role));
            line.extend(wanting.map(|framework| (*role, *framework)));
        }
        for role in roles {
            let met = stage == Stage::Guarantees && self.unmet(role).is_empty();
            if met || (self.free(agent) - &*shared).is_empty() {
                continue;
            }
            for framework in self.frameworks_in_order(role, &line, chance) {
                if stage == Stage::Guarantees && self.unmet(role).is_empty() {
                    break;
                }
                let portion = (self.free(agent) - &*shared).allocatable_to(role);
                let Some(offer) = self.offer(framework, agent, role, stage, &portion) else {
                    continue;
                };
                *shared += &offer.shared();
                let resources = offer.allocate(role);
                *self.held.entry((framework, agent, role)).or_default() += &resources;
                *self.served_roles.entry(role).or_default() += 1;
                *self.served.entry((framework, role)).or_default() += 1;
                *self.offers.entry(framework).or_default() += 1;
                given.push(Allocation {
                    framework: framework_id(framework),
                    agent: agent_id(agent),
                    role: role.to_owned(),
                    resources,
                });
            }
        }
    }

    /// What of the portion the framework is offered.
    fn offer(
        &self,
        framework: Name,
        agent: Name,
        role: Name,
        stage: Stage,
        portion: &Resources,
    ) -> Option<Resources> {
        let (options, found) = (&self.frameworks[framework], self.agent(agent)?);
        let can = options.capabilities;
        let has_gpus = !found.total.gpus().is_zero();
        let capable = (can.gpu_resources || !has_gpus || !self.options.filter_gpu_resources)
            && (can.region_aware || !found.remote)
            && (!can.multi_role || found.capabilities.multi_role)
            && (!role.contains('/') || found.capabilities.hierarchical_role);
        let understood = portion.filter(|key| {
            (!key.revocable || can.revocable_resources)
                && (!key.shared || can.shared_resources)
                && (key.reservations.len() < 2 || can.reservation_refinement)
        });
        let offer = self.within_quota(&understood, role, stage)?;
        let amounts = offer.scalars();
        let worth = match options.min_allocatable.get(role) {
            Some(_) => amounts.contains(&self.own_minimum),
            None => self.minima.iter().any(|minimum| amounts.contains(minimum)),
        };
        let refused = self.refusals.iter().any(|refusal| {
            refusal.framework == framework
                && refusal.agent == agent
                && refusal.role == role
                && refusal.until > self.now
                && refusal.what.contains(&offer)
        });
        let avoided = self.avoided.get(framework) == Some(&agent);
        let may = capable && !avoided && worth && !refused && !self.is_at_limit(framework);
        (may && !offer.is_empty()).then_some(offer)
    }

    fn within_quota(&self, offer: &Resources, role: Name, stage: Stage) -> Option<Resources> {
        let mut fits = Resources::new();
        let is_reserved = |key: &Key<'_>| !key.is_unreserved() && !key.revocable;
        // Of reservations of roles above, the limits below them bound what is given.
        for (key, amount) in offer.filter(is_reserved).iter() {
            let levels = roles_upwards(role).take_while(|level| *level != key.reservation_role());
            let left = |level| self.left_of_limit(level, &key.name, &fits);
            let room = levels.filter_map(left).min().unwrap_or(i64::MAX).max(0);
            fits += reduced(offer, &key, &amount, room);
        }
        let mut progress = false;
        for (key, amount) in offer.filter(is_open).iter() {
            let Amount::Scalar(have) = amount else {
                fits += offer.filter(|other| *other == key);
                continue;
            };
            let have = have.milli();
            let left = |level| self.left_of_limit(level, &key.name, &fits);
            let limit = roles_upwards(role).filter_map(left).min();
            let limit = limit.unwrap_or(i64::MAX).max(0);
            let surplus = (self.available(&key.name) - self.required(&key.name)).max(0);
            let guaranteed = match stage {
                Stage::Guarantees => {
                    let unmet = self.unmet(role).get(&key.name).milli();
                    have.min(unmet).min(limit)
                }
                Stage::FairShare => 0,
            };
            progress |= guaranteed > 0;
            let more = (have - guaranteed).min(limit - guaranteed).min(surplus);
            fits += reduced(offer, &key, &amount, guaranteed + more);
        }
        fits += offer.filter(|key| key.revocable);
        (stage == Stage::FairShare || progress).then_some(fits)
    }

    /// What is left of the limit of `level`, if it has one, once `also` is given to it or below.
    fn left_of_limit(&self, level: &str, name: &str, also: &Resources) -> Option<i64> {
        let limit = self.quotas.get(level)?.limits.get(name)?;
        let also = also.filter(|key| !key.is_unreserved() && is_passed_down(key, level));
        let consumed = self.consumption(level).get(name).milli();
        Some(limit.milli() - consumed - also.scalar(name).milli())
    }

    /// An operation of an ACCEPT.
    pub(super) fn convert(&mut self, holder: (Name, Name, Name), conversion: &Conversion) {
        let converted = self
            .held
            .get(&holder)
            .and_then(|held| held.apply(conversion).ok());
        let Some(held) = converted else {
            return;
        };
        let agent = self.agents.iter_mut().find(|(name, _)| *name == holder.1);
        if let Some((_, agent)) = agent
            && let Ok(total) = agent.total.apply(&conversion.clone().unallocated())
        {
            agent.total = total;
            self.held.insert(holder, held);
        }
    }
}

/// Each order is as likely as any other.
fn shuffled(mut items: Vec<Name>, chance: &mut Chance<'_>) -> Vec<Name> {
    for end in (1..items.len()).rev() {
        items.swap(end, chance(end + 1));
    }
    items
}

fn is_open(key: &Key<'_>) -> bool {
    key.is_unreserved() && !key.revocable
}

fn roles_upwards(role: &str) -> impl Iterator<Item = &str> {
    std::iter::once(role).chain(roles::ancestors(role))
}

/// At most so much of one item; all or nothing if it cannot be divided.
fn reduced(all: &Resources, key: &Key<'_>, amount: &Amount, room: i64) -> Resources {
    let one = all.filter(|other| other == key);
    match amount {
        Amount::Scalar(have) => {
            let fits = Amount::Scalar((*have).min(Quantity::from_milli(room)));
            one.map_amounts(|_, _| Some(fits.clone()))
        }
        _ if one.scalars().get(&key.name).milli() > room => Resources::new(),
        _ => one,
    }
}

/// Whether an item counts for the limit of `role` when it is given to it or below, and not anyway.
fn is_passed_down(key: &Key<'_>, role: &str) -> bool {
    let above = key.is_unreserved() || roles::is_strict_subrole(role, key.reservation_role());
    above && !key.revocable
}

/// The path from `parent` (the root is empty) to `role`, if it is there or below.
fn beneath<'a>(role: &'a str, parent: &str) -> Option<&'a str> {
    if parent.is_empty() {
        return Some(role);
    }
    let rest = role.strip_prefix(parent)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('/')
    }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}/{name}")
    }
}
