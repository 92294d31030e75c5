//! What keeps two items of a multiset apart.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use prost::Message;

use super::Quantity;
use crate::roles;
use crate::v1;
use crate::v1::resource::DiskInfo;
use crate::v1::resource::disk_info::source;

/// Everything about an item but its amount. Amounts under equal keys add up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// `cpus`, `mem`, `disk`, `ports`, `gpus`, or whatever the operator made up.
    pub name: Arc<str>,
    /// How it is counted.
    pub kind: Kind,
    /// The stack of reservations, the outermost role first. Empty: anybody may have it.
    pub reservations: Vec<Reservation>,
    /// For `disk`: which one, and the persistent volume on it.
    pub disk: Option<Disk>,
    /// The resource provider it comes from; `None` is the agent itself.
    pub provider: Option<String>,
    /// Whether it may be taken back at any time.
    pub revocable: bool,
    /// Whether several tasks may use it at once.
    pub shared: bool,
    /// The role it is offered or allocated to.
    pub allocated_to: Option<String>,
    /// For what cannot be divided (see [`Key::is_indivisible`]): the size of one copy. Such items
    /// are counted in copies instead of being summed.
    pub size: Option<Quantity>,
}

/// How a resource is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A quantity.
    Scalar,
    /// A set of integers.
    Ranges,
    /// A set of words.
    Set,
}

/// One level of the stack of reservations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reservation {
    /// By whom it can be undone.
    pub kind: ReservationKind,
    /// For whom it is set aside; never `*`.
    pub role: String,
    /// Who made it.
    pub principal: Option<String>,
    /// Whatever they noted, sorted.
    pub labels: Option<v1::Labels>,
}

/// How a reservation came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReservationKind {
    /// In the agent's flags; cannot be undone at run time.
    Static,
    /// By a RESERVE call.
    Dynamic,
}

/// A disk's identity. How a task wants to mount it (`volume`) does not tell disks apart, nor does
/// the principal who made the volume; both are carried along.
#[derive(Clone, Debug)]
pub struct Disk {
    info: DiskInfo,
    identity: Vec<u8>,
}

impl Disk {
    /// The identity of a disk in a message.
    pub fn new(info: DiskInfo) -> Disk {
        let mut bare = info.clone();
        bare.volume = None;
        if let Some(persistence) = &mut bare.persistence {
            persistence.principal = None;
        }
        // DiskInfo holds no maps, so that equal values have equal bytes.
        Disk {
            info,
            identity: bare.encode_to_vec(),
        }
    }

    /// The message.
    pub fn info(&self) -> &DiskInfo {
        &self.info
    }

    /// The id of the persistent volume, if it is one.
    pub fn persistence_id(&self) -> Option<&str> {
        self.info
            .persistence
            .as_ref()
            .map(|persistence| persistence.id.as_str())
    }

    /// Whether its space must be used as one piece: persistent volumes, MOUNT and BLOCK disks, and
    /// RAW disks that have an id.
    pub fn is_indivisible(&self) -> bool {
        let source = self.info.source.as_ref();
        let exclusive = source.is_some_and(|source| match source.r#type() {
            source::Type::Mount | source::Type::Block => true,
            source::Type::Raw => source.id.is_some(),
            source::Type::Path | source::Type::Unknown => false,
        });
        exclusive || self.info.persistence.is_some()
    }
}

impl Key {
    /// A plain, unreserved, unallocated resource of the agent.
    pub fn plain(name: &str, kind: Kind) -> Key {
        Key {
            name: name.into(),
            kind,
            reservations: Vec::new(),
            disk: None,
            provider: None,
            revocable: false,
            shared: false,
            allocated_to: None,
            size: None,
        }
    }

    /// Whether amounts are copies of one size rather than a sum: shared resources and the disks of
    /// [`Disk::is_indivisible`].
    pub fn is_indivisible(&self) -> bool {
        self.shared || self.disk.as_ref().is_some_and(Disk::is_indivisible)
    }

    /// The role that may use it, by the innermost reservation; `*` if unreserved.
    pub fn reservation_role(&self) -> &str {
        self.reservations
            .last()
            .map_or(roles::DEFAULT_ROLE, |reservation| &reservation.role)
    }

    /// Whether anybody may have it.
    pub fn is_unreserved(&self) -> bool {
        self.reservations.is_empty()
    }

    /// Whether a framework in `role` may be offered it: unreserved, or reserved to the role or to
    /// one above it.
    pub fn is_allocatable_to(&self, role: &str) -> bool {
        let reserved_to = self.reservation_role();
        self.is_unreserved() || reserved_to == role || roles::is_strict_subrole(role, reserved_to)
    }

    /// Whether it is a persistent volume.
    pub fn is_persistent_volume(&self) -> bool {
        self.disk
            .as_ref()
            .is_some_and(|disk| disk.persistence_id().is_some())
    }
}

impl PartialEq for Disk {
    fn eq(&self, other: &Disk) -> bool {
        self.identity == other.identity
    }
}

impl Eq for Disk {}

impl PartialOrd for Disk {
    fn partial_cmp(&self, other: &Disk) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Disk {
    fn cmp(&self, other: &Disk) -> Ordering {
        self.identity.cmp(&other.identity)
    }
}

impl Hash for Disk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity.hash(state);
    }
}
