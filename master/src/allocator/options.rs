//! What can be configured about allocation, per cluster and per framework.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use mesos::resources::{Key, ParseError, Quantities, Quantity};
use mesos::v1::framework_info::capability::Type as Capability;
use mesos::v1::{FrameworkInfo, offer_filters};

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
}

impl Default for AllocatorOptions {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            min_allocatable: MinAllocatable::default(),
            weights: BTreeMap::new(),
            fair_sharing_excluded: BTreeSet::new(),
            filter_gpu_resources: true,
        }
    }
}

/// The smallest offers that are worth making: those that contain any of these sets of amounts. No
/// sets at all mean that there is no minimum.
#[derive(Clone, Debug, PartialEq)]
pub struct MinAllocatable(Vec<Quantities>);

impl MinAllocatable {
    /// Whether an offer of this is worth making.
    pub(super) fn allows(&self, offer: &Quantities) -> bool {
        self.0.is_empty() || self.0.iter().any(|minimum| offer.contains(minimum))
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
}

impl Capabilities {
    /// Whether a framework with these understands such an item.
    pub(super) fn suffice_for(self, key: &Key) -> bool {
        (!key.revocable || self.revocable_resources)
            && (!key.shared || self.shared_resources)
            && (key.reservations.len() < 2 || self.reservation_refinement)
    }
}

impl FrameworkOptions {
    /// Of an active framework with this description, subscribed to these roles.
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
        assert!(both.allows(&amounts("cpus:2;disk:100")));
        assert!(!both.allows(&amounts("cpus:2;disk:99")));
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
            assert_eq!(minimum.allows(&amounts(offer)), allowed, "{offer}");
        }
        assert!(MinAllocatable(vec![]).allows(&Quantities::default()));
    }

    fn amounts(text: &str) -> Quantities {
        text.parse().expect("quantities")
    }
}
