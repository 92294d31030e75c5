//! What keeps two items of a multiset apart.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use prost::Message;
use smallvec::SmallVec;

use super::Quantity;
use super::name::{Known, Name};
use super::short::Short;
use crate::roles;
use crate::v1;
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

/// What an item is, whoever may have it.
#[derive(Clone, Debug, Eq, PartialOrd, Ord)]
pub struct What {
    /// `cpus`, `mem`, `disk`, `ports`, `gpus`, or whatever the operator made up.
    pub name: Name,
    /// How it is counted.
    pub kind: Kind,
    /// For `disk`: which one, and the persistent volume on it.
    pub disk: Option<Disk>,
    /// The resource provider it comes from; `None` is the agent itself.
    pub provider: Option<Arc<str>>,
    /// Whether it may be taken back at any time.
    pub revocable: bool,
    /// Whether several tasks may use it at once.
    pub shared: bool,
    /// For what cannot be divided (see [`What::is_indivisible`]): the size of one copy. Such items
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

/// Reservations, the outermost first. Many items have the same and share it.
#[derive(Clone, Debug, Default)]
pub struct Stack(Option<Arc<Levels>>);

/// Nearly always one.
type Levels = SmallVec<[Reservation; 1]>;

/// One level of the stack of reservations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reservation {
    /// By whom it can be undone.
    pub kind: ReservationKind,
    /// For whom it is set aside; never `*`.
    pub role: Short,
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
            disk: None,
            provider: None,
            revocable: false,
            shared: false,
            size: None,
        }
    }

    /// If it is one of [`PLAIN`]: which.
    pub(super) fn as_plain(&self) -> Option<Known> {
        let Name::Known(name) = self.name else {
            return None;
        };
        let bare =
            self.disk.is_none() && self.provider.is_none() && !self.revocable && !self.shared;
        (bare && self.kind == name.kind()).then_some(name)
    }

    /// To leave behind where one is taken.
    pub(super) const NOTHING: What = What::plain(Name::Known(Known::Cpus), Kind::Scalar);

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

/// As derived, but in place: lists of them are compared before every sum and difference.
impl PartialEq for What {
    #[inline(always)]
    fn eq(&self, other: &What) -> bool {
        let What {
            name,
            kind,
            disk,
            provider,
            revocable,
            shared,
            size,
        } = self;
        *name == other.name
            && *kind == other.kind
            && *revocable == other.revocable
            && *shared == other.shared
            && *size == other.size
            && *provider == other.provider
            && *disk == other.disk
    }
}

impl<'a> Key<'a> {
    /// The role that may use it, by the innermost reservation; `*` if unreserved.
    pub fn reservation_role(&self) -> &'a str {
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
}

impl Deref for Key<'_> {
    type Target = What;

    fn deref(&self) -> &What {
        self.what
    }
}

impl Reservation {
    /// One made in an agent's flags.
    pub fn fixed(role: &str) -> Reservation {
        Reservation {
            kind: ReservationKind::Static,
            role: role.into(),
            principal: None,
            labels: None,
        }
    }
}

impl Stack {
    /// No reservations.
    pub const NONE: Stack = Stack(None);

    /// The same below one more.
    pub fn pushed(&self, innermost: Reservation) -> Stack {
        self.iter().cloned().chain([innermost]).collect()
    }

    /// The same without the innermost.
    pub fn popped(&self) -> Stack {
        let left = self.len().saturating_sub(1);
        self.iter().take(left).cloned().collect()
    }
}

impl Deref for Stack {
    type Target = [Reservation];

    fn deref(&self) -> &[Reservation] {
        self.0.as_ref().map_or(&[], |levels| levels)
    }
}

impl From<Reservation> for Stack {
    fn from(only: Reservation) -> Stack {
        Stack(Some(Arc::new(Levels::from_buf([only]))))
    }
}

impl FromIterator<Reservation> for Stack {
    fn from_iter<I: IntoIterator<Item = Reservation>>(reservations: I) -> Stack {
        let levels: Levels = reservations.into_iter().collect();
        Stack((!levels.is_empty()).then(|| Arc::new(levels)))
    }
}

impl PartialEq for Stack {
    #[inline]
    fn eq(&self, other: &Stack) -> bool {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (a, b) => a.is_none() && b.is_none(),
        }
    }
}

impl Eq for Stack {}

impl PartialOrd for Stack {
    fn partial_cmp(&self, other: &Stack) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Stack {
    fn cmp(&self, other: &Stack) -> Ordering {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) if !Arc::ptr_eq(a, b) => a.cmp(b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    }
}

impl Hash for Stack {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
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
