//! What can be configured about allocation, per cluster and per framework.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use mesos::resources::{ParseError, Quantities, Quantity};
use mesos::v1::framework_info::capability::Type as Capability;
use mesos::v1::{FrameworkInfo, offer_filters};

use super::amounts::{Amounts, Names};
use super::constraints::Constraints;
use super::portion::Abilities;

/// How many offers a framework may hold unanswered unless the operator says otherwise: more than
/// nearly every cluster has agents, so that a framework that is alone may see all of it at once,
/// while what one that never answers costs the master stays below 30 MB.
pub const DEFAULT_MAX_OFFERS: usize = 10_000;

/// Of the whole allocator.
#[derive(Clone, Debug)]
pub struct AllocatorOptions {
    /// `--allocation_interval`: the time between two looks at everything, and the shortest life
    /// of a refusal.
    pub interval: Duration,
    /// `--min_allocatable_resources`.
    pub min_allocatable: MinAllocatable,
    /// `--weights`: positive; divides the share of the role and of all below it. 1 if absent.
    pub weights: BTreeMap<String, f64>,
    /// `--fair_sharing_excluded_resource_names`: do not count for shares.
    pub fair_sharing_excluded: BTreeSet<String>,
    /// `--filter_gpu_resources`: whether agents with GPUs are kept for frameworks that declare
    /// GPU_RESOURCES.
    pub filter_gpu_resources: bool,
    /// `--role_sorter`: who is next among the roles.
    pub role_sorter: SorterKind,
    /// `--framework_sorter`: who is next among the frameworks of a role.
    pub framework_sorter: SorterKind,
    /// `--agent_sorter`: which agent is given away first.
    pub agent_sorter: AgentSorter,
    /// The region of the master. Agents in another one are kept for frameworks that declare
    /// REGION_AWARE.
    pub region: Option<String>,
    /// `--allocator_agent_recovery_factor`: if there are quotas, nothing is offered after the
    /// master has started until this part of the agents that it expects are back,
    pub recovery_factor: f64,
    /// `--allocator_recovery_timeout`: or this time has passed.
    pub recovery_timeout: Duration,
    /// `--max_offers_per_framework`: a framework with so many unanswered offers is given nothing
    /// until it answers. Neither does it keep anything back from others then.
    pub max_offers: usize,
}

/// How roles or frameworks are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SorterKind {
    /// Dominant resource fairness.
    #[default]
    Drf,
    /// By chance, roles by their weights.
    Random,
}

impl SorterKind {
    /// As the flags `--role_sorter` and `--framework_sorter` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drf => "drf",
            Self::Random => "random",
        }
    }
}

/// In which order agents are given away. What is the same in that order is in random order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgentSorter {
    /// By chance.
    #[default]
    Random,
    /// The fullest first, so that others stay empty for large tasks.
    BinPacking,
    /// The emptiest first, so that load and the loss of an agent are spread.
    Spread,
}

impl AgentSorter {
    /// As the flag `--agent_sorter` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::BinPacking => "bin_packing",
            Self::Spread => "spread",
        }
    }
}

impl Default for AllocatorOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            min_allocatable: MinAllocatable::default(),
            weights: BTreeMap::new(),
            fair_sharing_excluded: BTreeSet::new(),
            filter_gpu_resources: true,
            role_sorter: SorterKind::Drf,
            framework_sorter: SorterKind::Drf,
            agent_sorter: AgentSorter::Random,
            region: None,
            recovery_factor: 0.8,
            recovery_timeout: Duration::from_secs(10 * 60),
            max_offers: DEFAULT_MAX_OFFERS,
        }
    }
}

/// The smallest offers that are worth making: those that contain any of these sets of amounts. No
/// sets at all mean that there is no minimum.
#[derive(Clone, Debug, PartialEq)]
pub struct MinAllocatable(Vec<Quantities>);

impl MinAllocatable {
    /// With numbers for names. A set with a name that no agent has is never met.
    pub(super) fn numbered(&self, names: &Names) -> Minimum {
        let numbered = |set: &Quantities| {
            let amounts = set.iter();
            amounts
                .map(|(name, quantity)| Some((names.find(name)?, quantity.milli())))
                .collect()
        };
        Minimum {
            any: self.0.is_empty(),
            sets: self.0.iter().filter_map(numbered).collect(),
        }
    }
}

/// A [`MinAllocatable`] with numbers for names.
#[derive(Clone, Debug, Default)]
pub(super) struct Minimum {
    any: bool,
    sets: Vec<Vec<(usize, i64)>>,
}

impl Minimum {
    /// Whether an offer of this is worth making.
    pub(super) fn allows(&self, offer: &Amounts) -> bool {
        let enough =
            |set: &Vec<(usize, i64)>| set.iter().all(|(at, least)| offer.get(*at) >= *least);
        self.any || self.sets.iter().any(enough)
    }
}

impl Default for MinAllocatable {
    /// Mesos' numbers: `cpus:0.01|mem:32`.
    fn default() -> Self {
        let one =
            |name, milli| Quantities::from_iter([(Arc::from(name), Quantity::from_milli(milli))]);
        Self(vec![one("cpus", 10), one("mem", 32_000)])
    }
}

/// Reads Mesos' flag format: sets separated by `|`, amounts in a set by `;`.
impl FromStr for MinAllocatable {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let sets = text.split('|').filter(|set| !set.trim().is_empty());
        sets.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

/// Of one framework.
#[derive(Clone, Debug, Default)]
pub struct FrameworkOptions {
    /// The roles it is subscribed to.
    pub roles: BTreeSet<String>,
    /// Those of them in which it wants no offers.
    pub suppressed: BTreeSet<String>,
    /// What it can deal with.
    pub capabilities: Capabilities,
    /// Whether it may be offered anything at all.
    pub active: bool,
    /// Where its own minimum replaces the cluster's, by role.
    pub min_allocatable: BTreeMap<String, MinAllocatable>,
    /// Which agents it wants to see, by role; all if absent.
    pub constraints: Constraints,
}

/// Those capabilities of a framework that decide what it may be offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// May be offered agents with GPUs.
    pub gpu_resources: bool,
    /// May be offered revocable resources.
    pub revocable_resources: bool,
    /// May be offered shared resources.
    pub shared_resources: bool,
    /// May be offered resources with a stack of reservations.
    pub reservation_refinement: bool,
    /// May be offered agents in other regions than the master's.
    pub region_aware: bool,
    /// May have several roles; is not offered agents that do not know of that.
    pub multi_role: bool,
}

impl Capabilities {
    /// What a framework with these may be offered in a role.
    pub(super) fn abilities(self, role: &str, options: &AllocatorOptions) -> Abilities {
        let gpus = self.gpu_resources || !options.filter_gpu_resources;
        Abilities::default()
            .with(Abilities::GPUS, gpus)
            .with(Abilities::REVOCABLE, self.revocable_resources)
            .with(Abilities::SHARED, self.shared_resources)
            .with(Abilities::REFINEMENT, self.reservation_refinement)
            .with(Abilities::REMOTE, self.region_aware)
            .with(Abilities::SINGLE_ROLE, !self.multi_role)
            .with(Abilities::FLAT_ROLE, !role.contains('/'))
    }
}

impl FrameworkOptions {
    /// Of an active framework with this description, subscribed to these roles, without offer
    /// constraints.
    pub fn new(
        info: &FrameworkInfo,
        roles: BTreeSet<String>,
        suppressed: BTreeSet<String>,
    ) -> Self {
        let has = |wanted: Capability| {
            info.capabilities
                .iter()
                .any(|capability| capability.r#type() == wanted)
        };
        let capabilities = Capabilities {
            gpu_resources: has(Capability::GpuResources),
            revocable_resources: has(Capability::RevocableResources),
            shared_resources: has(Capability::SharedResources),
            reservation_refinement: has(Capability::ReservationRefinement),
            region_aware: has(Capability::RegionAware),
            multi_role: has(Capability::MultiRole),
        };
        let min_allocatable = (info.offer_filters.iter())
            .filter_map(|(role, filters)| {
                let minimum = filters.min_allocatable_resources.as_ref()?;
                Some((role.clone(), MinAllocatable::from(minimum)))
            })
            .collect();
        Self {
            roles,
            suppressed,
            capabilities,
            active: true,
            min_allocatable,
            constraints: Constraints::new(),
        }
    }
}

impl From<&offer_filters::MinAllocatableResources> for MinAllocatable {
    /// Amounts that are none were refused when the framework subscribed; here they do not count.
    fn from(minimum: &offer_filters::MinAllocatableResources) -> Self {
        let quantities = minimum.quantities.iter().map(|set| {
            let amounts = set.quantities.iter();
            amounts
                .filter_map(|(name, scalar)| {
                    Some((
                        Arc::from(name.as_str()),
                        Quantity::from_f64(scalar.value).ok()?,
                    ))
                })
                .collect()
        });
        Self(quantities.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_read_as_mesos_does() {
        assert_eq!("cpus:0.01|mem:32".parse(), Ok(MinAllocatable::default()));
        assert_eq!("".parse(), Ok(MinAllocatable(vec![])));
        let both: MinAllocatable = "cpus:1;disk:100".parse().expect("a minimum");
        assert!(allows(&both, "cpus:2;disk:100"));
        assert!(!allows(&both, "cpus:2;disk:99"));
        for wrong in ["cpus", "cpus:one", "ports:[1-2]"] {
            assert!(wrong.parse::<MinAllocatable>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_set_is_enough_and_no_sets_mean_no_minimum() {
        let minimum = MinAllocatable::default();
        for (offer, allowed) in [
            ("cpus:0.01", true),
            ("mem:32;disk:7", true),
            ("cpus:0.009;mem:31.999", false),
        ] {
            assert_eq!(allows(&minimum, offer), allowed, "{offer}");
        }
        assert!(allows(&MinAllocatable(vec![]), ""));
        assert!(!allows(&"bananas:1".parse().expect("a minimum"), "cpus:1"));
    }

    fn allows(minimum: &MinAllocatable, offer: &str) -> bool {
        let mut names = Names::default();
        let offer = names.amounts(&offer.parse().expect("quantities"));
        minimum.numbered(&names).allows(&offer)
    }
}
