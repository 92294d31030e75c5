//! Addresses of actors: [`Pid`] typed by its protocol, [`AnyPid`] without a type.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use serde::{Deserialize, Serialize};

use crate::link::Link;
use crate::protocol::Protocol;
use crate::slot::Slot;

/// The incarnation of a pid that means "whoever holds the name when the message arrives".
pub const ANY_INCARNATION: u64 = 0;

/// The address of an actor that speaks protocol `P`.
///
/// Made by [`Node::spawn`](crate::Node::spawn) (one life of one actor) or by [`Pid::named`] (whoever
/// holds the name). It may be stored, compared and sent to other nodes.
pub struct Pid<P> {
    any: AnyPid,
    protocol: PhantomData<fn() -> P>,
}

/// The address of an actor, its protocol forgotten: enough to watch it, to compare and to print it.
///
/// Besides the address it knows the way there, so that sending needs no lookup: a pid made by `spawn`
/// is the way itself, others remember where they led last time.
#[derive(Clone)]
pub struct AnyPid(Way);

#[derive(Clone)]
enum Way {
    /// One life of an actor of this process.
    Spawned(Arc<Slot>),
    /// Learnt from elsewhere, or a name.
    Known(Arc<Known>),
}

/// What makes a pid: two with the same are equal, whatever they remember.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Address {
    pub(crate) name: Arc<str>,
    pub(crate) node: SocketAddr,
    pub(crate) incarnation: u64,
}

struct Known {
    address: Address,
    last: Mutex<LastWay>,
}

/// Where a pid led last time. Weak, so that a pid kept for long keeps neither actors nor links.
#[derive(Default)]
pub(crate) enum LastWay {
    #[default]
    Unknown,
    Here(Weak<Slot>),
    There(Weak<Link>),
}

/// What a pid led to last time, if that is still there.
pub(crate) enum Led {
    Nowhere,
    Here(Arc<Slot>),
    There(Arc<Link>),
}

impl AnyPid {
    pub(crate) fn new(name: Arc<str>, node: SocketAddr, incarnation: u64) -> Self {
        let address = Address {
            name,
            node,
            incarnation,
        };
        let last = Mutex::default();
        Self(Way::Known(Arc::new(Known { address, last })))
    }

    /// The pid of an actor that lives behind `slot`.
    pub(crate) fn spawned(slot: Arc<Slot>) -> Self {
        Self(Way::Spawned(slot))
    }

    /// The actor's name, unique on its node.
    pub fn name(&self) -> &str {
        &self.parts().name
    }

    /// The address of the node it lives on.
    pub fn address(&self) -> SocketAddr {
        self.parts().node
    }

    /// Which life of the name is meant; [`ANY_INCARNATION`] means whichever is there.
    pub fn incarnation(&self) -> u64 {
        self.parts().incarnation
    }

    /// Gives the pid a protocol. Nothing is checked here: a wrong guess is answered by
    /// [`AskError::Refused`](crate::AskError::Refused), and its tells are dropped by the receiving node.
    pub fn assume<P: Protocol>(&self) -> Pid<P> {
        Pid::from_any(self.clone())
    }

    pub(crate) fn shared_name(&self) -> &Arc<str> {
        &self.parts().name
    }

    /// The actor behind it, if the pid is the way to it. It may have ended, and its node may be any of
    /// this process.
    pub(crate) fn slot(&self) -> Option<&Arc<Slot>> {
        match &self.0 {
            Way::Spawned(slot) => Some(slot),
            Way::Known(_) => None,
        }
    }

    /// What it led to last time.
    pub(crate) fn last_led(&self) -> Led {
        let Way::Known(known) = &self.0 else {
            return Led::Nowhere;
        };
        match &*known.last() {
            LastWay::Unknown => Led::Nowhere,
            LastWay::Here(slot) => slot.upgrade().map_or(Led::Nowhere, Led::Here),
            LastWay::There(link) => link.upgrade().map_or(Led::Nowhere, Led::There),
        }
    }

    /// Remembers where it led, for this pid and all its clones.
    pub(crate) fn remember(&self, way: LastWay) {
        if let Way::Known(known) = &self.0 {
            *known.last() = way;
        }
    }

    fn parts(&self) -> &Address {
        match &self.0 {
            Way::Spawned(slot) => &slot.address,
            Way::Known(known) => &known.address,
        }
    }

    /// A number that clones of a pid share while one of them lives.
    pub(crate) fn identity(&self) -> usize {
        std::ptr::from_ref(self.parts()).addr()
    }

    /// Whether it is a clone of the other: the quick way to know that they are equal.
    pub(crate) fn is_clone(&self, other: &Self) -> bool {
        std::ptr::eq(self.parts(), other.parts())
    }
}

impl Known {
    fn last(&self) -> MutexGuard<'_, LastWay> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for AnyPid {
    fn eq(&self, other: &Self) -> bool {
        self.is_clone(other) || self.parts() == other.parts()
    }
}

impl Eq for AnyPid {}

impl PartialOrd for AnyPid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AnyPid {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.is_clone(other) {
            true => Ordering::Equal,
            false => self.parts().cmp(other.parts()),
        }
    }
}

impl Hash for AnyPid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts().hash(state);
    }
}

/// What crosses the wire.
#[derive(Serialize, Deserialize)]
#[serde(rename = "AnyPid")]
struct Written<Name> {
    name: Name,
    address: SocketAddr,
    incarnation: u64,
}

impl Serialize for AnyPid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written {
            name: self.name(),
            address: self.address(),
            incarnation: self.incarnation(),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AnyPid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Written::<Arc<str>>::deserialize(deserializer)?;
        Ok(Self::new(
            written.name,
            written.address,
            written.incarnation,
        ))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.node)
    }
}

impl fmt::Display for AnyPid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().fmt(f)
    }
}

impl fmt::Debug for AnyPid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{:x}", self.parts(), self.incarnation())
    }
}

impl<P: Protocol> Pid<P> {
    /// The pid of whoever holds `name` on the node at `address` when a message arrives there.
    pub fn named(name: impl AsRef<str>, address: SocketAddr) -> Self {
        Self::from_any(AnyPid::new(
            Arc::from(name.as_ref()),
            address,
            ANY_INCARNATION,
        ))
    }
}

impl<P> Pid<P> {
    pub(crate) fn from_any(any: AnyPid) -> Self {
        Self {
            any,
            protocol: PhantomData,
        }
    }

    /// The same address without its protocol.
    pub fn any(&self) -> AnyPid {
        self.any.clone()
    }

    /// The same address without its protocol, borrowed.
    pub fn as_any(&self) -> &AnyPid {
        &self.any
    }

    /// The actor's name, unique on its node.
    pub fn name(&self) -> &str {
        self.any.name()
    }

    /// The address of the node it lives on.
    pub fn address(&self) -> SocketAddr {
        self.any.address()
    }

    /// Which life of the name is meant; [`ANY_INCARNATION`] means whichever is there.
    pub fn incarnation(&self) -> u64 {
        self.any.incarnation()
    }
}

impl<P> From<Pid<P>> for AnyPid {
    fn from(pid: Pid<P>) -> Self {
        pid.any
    }
}

impl<P> From<&Pid<P>> for AnyPid {
    fn from(pid: &Pid<P>) -> Self {
        pid.any.clone()
    }
}

impl From<&AnyPid> for AnyPid {
    fn from(pid: &AnyPid) -> Self {
        pid.clone()
    }
}

// Derives would ask the same of `P`, which is only a name.

impl<P> Clone for Pid<P> {
    fn clone(&self) -> Self {
        Self::from_any(self.any.clone())
    }
}

impl<P> PartialEq for Pid<P> {
    fn eq(&self, other: &Self) -> bool {
        self.any == other.any
    }
}

impl<P> Eq for Pid<P> {}

impl<P> PartialOrd for Pid<P> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P> Ord for Pid<P> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.any.cmp(&other.any)
    }
}

impl<P> Hash for Pid<P> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.any.hash(state);
    }
}

impl<P> fmt::Display for Pid<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any.fmt(f)
    }
}

impl<P> fmt::Debug for Pid<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.any, f)
    }
}

impl<P> Serialize for Pid<P> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.any.serialize(serializer)
    }
}

impl<'de, P> Deserialize<'de> for Pid<P> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AnyPid::deserialize(deserializer).map(Self::from_any)
    }
}
