//! What keeps two items of a multiset apart.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use prost::Message;

use super::Quantity;
use super::name::{Known, Name};
use super::stack::Stack;
use crate::roles;
use crate::v1::resource::DiskInfo;
use crate::v1::resource::disk_info::source;

/// Everything about an item but its amount. Amounts under equal keys add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key<'a> {
    /// The role it is offered or allocated to.
    pub allocated_to: Option<&'a str>,
    /// The stack of reservations, the outermost role first. Empty: anybody may have it.
    pub reservations: &'a Stack,
    /// Everything else; a key gives its fields as if they were its own.
    pub what: &'a What,
}

/// What an item is, whoever may have it. It gives the fields of [`Special`] as if they were its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct What {
    /// `cpus`, `mem`, `disk`, `ports`, `gpus`, or whatever the operator made up.
    pub name: Name,
    /// How it is counted.
    pub kind: Kind,
    /// `None` if there is nothing; so it is with nearly all.
    special: Option<Arc<Special>>,
}

/// What tells an item from others of its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Special {
    /// For `disk`: which one, and the persistent volume on it.
    pub disk: Option<Disk>,
    /// The resource provider it comes from; `None` is the agent itself.
    pub provider: Option<Arc<str>>,
    /// Whether it may be taken back at any time.
    pub revocable: bool,
    /// Whether several tasks may use it at once.
    pub shared: bool,
    /// For what cannot be divided (see [`Special::is_indivisible`]): the size of one copy. Such items
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

/// A disk's identity. How a task wants to mount it (`volume`) does not tell disks apart, nor does
/// the principal who made the volume; both are carried along.
#[derive(Clone, Debug)]
pub struct Disk(Arc<(DiskInfo, Box<[u8]>)>);

impl Disk {
    /// The identity of a disk in a message.
    pub fn new(info: DiskInfo) -> Disk {
        let mut bare = info.clone();
        bare.volume = None;
        if let Some(persistence) = &mut bare.persistence {
            persistence.principal = None;
        }
        // DiskInfo holds no maps, so that equal values have equal bytes.
        Disk(Arc::new((info, bare.encode_to_vec().into())))
    }

    /// The message.
    pub fn info(&self) -> &DiskInfo {
        &self.0.0
    }

    fn identity(&self) -> &[u8] {
        &self.0.1
    }

    /// The id of the persistent volume, if it is one.
    pub fn persistence_id(&self) -> Option<&str> {
        let persistence = self.info().persistence.as_ref();
        persistence.map(|persistence| persistence.id.as_str())
    }

    /// Whether its space must be used as one piece: persistent volumes, MOUNT and BLOCK disks, and
    /// RAW disks that have an id.
    pub fn is_indivisible(&self) -> bool {
        let source = self.info().source.as_ref();
        let exclusive = source.is_some_and(|source| match source.r#type() {
            source::Type::Mount | source::Type::Block => true,
            source::Type::Raw => source.id.is_some(),
            source::Type::Path | source::Type::Unknown => false,
        });
        exclusive || self.info().persistence.is_some()
    }
}

/// What is of the agent itself, neither revocable nor a special disk: most of what there is. Such
/// items are kept without keys; these stand for them.
pub(super) static PLAIN: [What; Known::ALL.len()] = [
    What::plain(Name::Known(Known::Cpus), Kind::Scalar),
    What::plain(Name::Known(Known::Disk), Kind::Scalar),
    What::plain(Name::Known(Known::Gpus), Kind::Scalar),
    What::plain(Name::Known(Known::Mem), Kind::Scalar),
    What::plain(Name::Known(Known::Ports), Kind::Ranges),
];

impl What {
    /// A resource of the agent itself.
    pub(super) const fn plain(name: Name, kind: Kind) -> What {
        What {
            name,
            kind,
            special: None,
        }
    }

    pub(super) fn of(name: Name, kind: Kind, special: Special) -> What {
        let special = (special != Special::NOTHING).then(|| Arc::new(special));
        What {
            name,
            kind,
            special,
        }
    }

    /// If it is one of [`PLAIN`]: which.
    pub(super) fn as_plain(&self) -> Option<Known> {
        let Name::Known(name) = self.name else {
            return None;
        };
        (self.special.is_none() && self.kind == name.kind()).then_some(name)
    }

    /// To leave behind where one is taken.
    pub(super) const NOTHING: What = What::plain(Name::Known(Known::Cpus), Kind::Scalar);
}

impl Special {
    pub(super) const NOTHING: Special = Special {
        disk: None,
        provider: None,
        revocable: false,
        shared: false,
        size: None,
    };

    /// Whether amounts are copies of one size rather than a sum: shared resources and the disks of
    /// [`Disk::is_indivisible`].
    pub fn is_indivisible(&self) -> bool {
        self.shared || self.disk.as_ref().is_some_and(Disk::is_indivisible)
    }

    /// Whether it is a persistent volume.
    pub fn is_persistent_volume(&self) -> bool {
        self.disk
            .as_ref()
            .is_some_and(|disk| disk.persistence_id().is_some())
    }
}

impl Deref for What {
    type Target = Special;

    fn deref(&self) -> &Special {
        static NOTHING: Special = Special::NOTHING;
        self.special.as_deref().unwrap_or(&NOTHING)
    }
}

impl<'a> Key<'a> {
    /// The role that may use it, by the innermost reservation; `*` if unreserved.
    pub fn reservation_role(&self) -> &'a str {
        self.reservations.role().unwrap_or(roles::DEFAULT_ROLE)
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
}

impl Deref for Key<'_> {
    type Target = What;

    fn deref(&self) -> &What {
        self.what
    }
}

impl PartialEq for Disk {
    fn eq(&self, other: &Disk) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.identity() == other.identity()
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
        self.identity().cmp(other.identity())
    }
}

impl Hash for Disk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}
