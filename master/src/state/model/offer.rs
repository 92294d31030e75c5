//! An outstanding offer: an exclusive lock on resources until it is answered or withdrawn.

use mesos::resources::Resources;
use mesos::v1;

use crate::state::Timestamp;

/// Resources of one agent offered to one framework in one role.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What was sent to the framework.
    pub record: v1::Offer,
    /// `record.resources` as a set; carries the allocation role.
    pub resources: Resources,
    /// The role the resources are allocated to.
    pub role: String,
    /// When it was made.
    pub made: Timestamp,
}
