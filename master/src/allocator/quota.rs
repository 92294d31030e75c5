//! What a role is guaranteed, and what it may have at most.

use std::collections::BTreeMap;

use mesos::resources::{Name, Quantities, Quantity};

/// The quota of a role (Mesos' `docs/quota.md`). Of scalars only; without guarantees and limits there is
/// none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Set aside for the role and all below it. Only those of top-level roles count.
    pub guarantees: Quantities,
    /// What the role and all below it may have at most, by name; no limit on other names. Other
    /// than in Mesos, roles at every level of the tree may have limits.
    pub limits: BTreeMap<Name, Quantity>,
}
