//! A node: an address, the actors that live there, and the ways to other nodes.

mod ask;
mod bond;
mod builder;
mod process;
mod send;
mod timers;
mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
};
use std::time::{Duration, SystemTime};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

use crate::arbiter::{Arbiters, Placement};
use crate::limits::SHUTDOWN_GRACE;
use crate::link::{Link, LinkInfo, Links};
use crate::mailbox::Delivery;
use crate::names::NAMES;
use crate::pid::{ANY_INCARNATION, AnyPid, LastWay, Led};
use crate::seat::Seat;
use crate::slot::Slot;
use crate::tls::{Identity, Trust};
use crate::transport::BindError;

pub use ask::Ask;
pub(crate) use bond::{Bond, Bonding, Other, watcher};
pub use builder::NodeBuilder;
pub(crate) use process::Adoption;
pub use process::{ProcessBuilder, ProcessInfo};
pub(crate) use send::Sender;
use timers::Timers;
pub use watch::Monitor;
pub(crate) use watch::Watch;

/// The address of nodes without a network.
pub const LOCAL_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// A handle to a node. Cheap to clone; the node lives until [`shutdown`](Node::shutdown).
#[derive(Clone)]
pub struct Node(Arc<Inner>);

struct Inner {
    /// What pids carry.
    address: SocketAddr,
    bound: SocketAddr,
    incarnation: u64,
    links: Option<Arc<Links>>,
    registry: RwLock<Registry>,
    /// Told whenever the last actor of the node ended.
    empty: Notify,
    /// Messages for actors that were not there (any more).
    undelivered: AtomicU64,
    /// Traces begun: messages sent from outside of actors.
    traces: AtomicU64,
    /// Spans begun here.
    spans: AtomicU64,
    random: Mutex<StdRng>,
    arbiters: Arbiters,
    timers: Arc<Timers>,
    seat: Seat,
    /// Supervisors that have no supervisor, in the order of their start.
    roots: Mutex<Vec<AnyPid>>,
}

/// Which node something belongs to: no two of a process are alike, also not one after the other.
pub(crate) struct Home(Weak<Inner>);

/// Where messages to a pid go.
pub(crate) enum Way<'a> {
    Here(Found<'a>),
    There(Arc<Link>),
    /// There is no such actor, or no network.
    Nowhere,
}

/// An actor of this node.
pub(crate) enum Found<'a> {
    Known(&'a Arc<Slot>),
    Looked(Arc<Slot>),
}

impl Deref for Found<'_> {
    type Target = Arc<Slot>;

    fn deref(&self) -> &Arc<Slot> {
        match self {
            Self::Known(slot) => slot,
            Self::Looked(slot) => slot,
        }
    }
}

#[derive(Default)]
struct Registry {
    /// Actors alive. Names are chosen by this node's own code, so its size is in its hands.
    slots: BTreeMap<Arc<str>, Arc<Slot>>,
    /// Actors that have no name any more, but whose end is not announced yet.
    ending: usize,
    /// Actors ever spawned.
    spawned: u64,
    closed: bool,
}

impl Registry {
    fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.ending == 0
    }
}

impl Node {
    /// A node without a network, for tests and tools: its actors live on threads of its own.
    pub fn local() -> Self {
        let seed = StdRng::from_os_rng().random();
        Self::new(
            LOCAL_ADDRESS,
            LOCAL_ADDRESS,
            seed,
            Arbiters::new(Placement::cores()),
            None,
            Seat::default(),
        )
    }

    /// A node without a network whose actors live on the current `LocalSet`, in which this must be
    /// called. With a paused clock everything they do is a function of `seed`.
    pub fn local_here(seed: u64) -> Self {
        Self::new(
            LOCAL_ADDRESS,
            LOCAL_ADDRESS,
            seed,
            Arbiters::new(Placement::Here),
            None,
            Seat::default(),
        )
    }

    fn new(
        address: SocketAddr,
        bound: SocketAddr,
        seed: u64,
        arbiters: Arbiters,
        links: Option<Arc<Links>>,
        seat: Seat,
    ) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        Self(Arc::new(Inner {
            address,
            bound,
            incarnation: random.random(),
            links,
            registry: RwLock::default(),
            empty: Notify::new(),
            undelivered: AtomicU64::new(0),
            traces: AtomicU64::new(0),
            spans: AtomicU64::new(0),
            random: Mutex::new(random),
            arbiters,
            timers: Arc::default(),
            seat,
            roots: Mutex::default(),
        }))
    }

    /// The address under which other nodes reach this one.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// The number of this life of the node: another one after every start.
    pub fn incarnation(&self) -> u64 {
        self.0.incarnation
    }

    /// The time of day, as the node's machine has it: it may be wrong, and jump. Simulation controls it; code that
    /// asks the system instead cannot be simulated. For measuring there is tokio's clock.
    pub fn wall_time(&self) -> SystemTime {
        self.0.seat.wall_time()
    }

    /// Stops an actor after it has handled what is already in its mailbox. Pids of other nodes are ignored.
    pub fn stop(&self, pid: impl Into<AnyPid>) {
        if let Some(slot) = self.find(&pid.into()) {
            slot.mailbox.put(Delivery::Stop);
        }
    }

    /// Ends an actor without asking it, as [`ExitReason::Killed`](crate::ExitReason::Killed): what it
    /// waits for is dropped, what is in its mailbox is refused, its `stopped` does not run. A handler that
    /// is running is not interrupted: the end comes when it returns. Pids of other nodes are ignored.
    pub fn kill(&self, pid: impl Into<AnyPid>) {
        if let Some(slot) = self.find(&pid.into()) {
            slot.kill();
        }
    }

    /// Stops all actors as [`stop`](Self::stop) does, waits for their ends for at most `deadline`, and drops
    /// those that remain ([`ExitReason::NodeDown`](crate::ExitReason::NodeDown)). Supervision trees are stopped
    /// one after the other, the last one first, each in the order of its children; all other actors at once.
    /// What waits to be sent is sent, other nodes are told. Nothing can be spawned any more.
    pub async fn shutdown(&self, deadline: Duration) {
        let deadline = Instant::now() + deadline;
        let slots = {
            let mut registry = self.write();
            registry.closed = true;
            registry.slots.values().cloned().collect::<Vec<_>>()
        };
        let roots = std::mem::take(&mut *self.roots());
        for slot in slots {
            if slot.parentage.is_none() && !roots.contains(&slot.pid()) {
                slot.mailbox.put(Delivery::Stop);
            }
        }
        let _ = timeout_at(deadline, self.stop_in_turn(roots)).await;
        let _ = timeout_at(deadline, self.emptied()).await;
        self.0.arbiters.halt();
        let _ = timeout(SHUTDOWN_GRACE, self.emptied()).await;
        if let Some(links) = &self.0.links {
            links
                .close(deadline.max(Instant::now() + SHUTDOWN_GRACE))
                .await;
        }
    }

    /// Ends the node as a power failure would: no actor gets to run again, and no other node is told. For
    /// simulation.
    pub fn crash(&self) {
        self.write().closed = true;
        self.0.arbiters.halt();
        if let Some(links) = &self.0.links {
            links.abandon();
        }
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.0.seat
    }

    /// Whether actors can be spawned: it was neither shut down nor did it crash.
    #[cfg(feature = "sim")]
    pub(crate) fn is_alive(&self) -> bool {
        !self.read().closed
    }

    /// A snapshot of the actors alive, by name.
    pub fn processes(&self) -> Vec<ProcessInfo> {
        self.read().slots.values().map(ProcessInfo::of).collect()
    }

    pub(crate) fn slots(&self) -> Vec<Arc<Slot>> {
        self.read().slots.values().cloned().collect()
    }

    /// A snapshot of the links to other nodes, by address.
    pub fn links(&self) -> Vec<LinkInfo> {
        self.0
            .links
            .as_ref()
            .map(|links| links.infos())
            .unwrap_or_default()
    }

    /// Messages that found no actor, since the start of the node.
    pub fn undelivered(&self) -> u64 {
        self.0.undelivered.load(Ordering::Relaxed)
    }

    #[cfg(feature = "sim")]
    pub(crate) fn downgrade(&self) -> WeakNode {
        WeakNode(Arc::downgrade(&self.0))
    }

    async fn stop_in_turn(&self, roots: Vec<AnyPid>) {
        for root in roots.into_iter().rev() {
            let ended = self.monitor(&root);
            self.stop(root);
            ended.await;
        }
    }

    /// Messages that peers were not allowed to send, since the start of the node: see
    /// [`NodeBuilder::allow`].
    pub fn refused(&self) -> u64 {
        self.0.links.as_ref().map_or(0, |links| links.refused())
    }

    /// Changes what the node presents to others and, if `trusts` are given, whom it believes: for a
    /// certificate that is about to expire. Links stay up; those made from now on use the new one.
    ///
    /// # Errors
    /// If the identity cannot be used; then the old one stays.
    pub fn rotate(
        &self,
        identity: &Identity,
        trusts: impl IntoIterator<Item = Trust>,
    ) -> Result<(), BindError> {
        let trusts = trusts.into_iter().collect::<Vec<_>>();
        match &self.0.links {
            Some(links) => links.rotate(identity, &trusts),
            None => Ok(()),
        }
    }

    async fn emptied(&self) {
        loop {
            let mut empty = std::pin::pin!(self.0.empty.notified());
            empty.as_mut().enable();
            if self.read().is_empty() {
                return;
            }
            empty.await;
        }
    }

    fn is_here(&self, pid: &AnyPid) -> bool {
        let address = pid.address();
        address == self.0.address
            || address == self.0.bound
            || (self.0.bound.ip().is_unspecified()
                && address.ip().is_loopback()
                && address.port() == self.0.bound.port())
    }

    /// The link to another node; none if this one has no network.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn link(&self, address: SocketAddr) -> Option<Arc<Link>> {
        self.0.links.as_ref().map(|links| links.to(self, address))
    }

    /// What its actors remember it by.
    fn home(&self) -> Home {
        Home(Arc::downgrade(&self.0))
    }

    pub(crate) fn is_home(&self, home: &Home) -> bool {
        std::ptr::eq(home.0.as_ptr(), Arc::as_ptr(&self.0))
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where messages to `pid` go.
    pub(crate) fn way<'a>(&self, pid: &'a AnyPid) -> Way<'a> {
        if let Some(slot) = pid.slot()
            && slot.is_on(self)
        {
            return match slot.has_ended() {
                true => Way::Nowhere,
                false => Way::Here(Found::Known(slot)),
            };
        }
        match pid.last_led() {
            Led::Here(slot) if slot.is_on(self) && !slot.has_ended() => {
                Way::Here(Found::Looked(slot))
            }
            Led::There(link) if link.is_of(self) && !link.is_over() => Way::There(link),
            _ => self.look_up(pid),
        }
    }

    /// As [`way`](Self::way), for a pid that does not know it (any more).
    fn look_up<'a>(&self, pid: &'a AnyPid) -> Way<'a> {
        if self.is_here(pid) {
            return match self.find_named(pid.name(), pid.incarnation()) {
                Some(slot) => {
                    pid.remember(LastWay::Here(Arc::downgrade(&slot)));
                    Way::Here(Found::Looked(slot))
                }
                None => Way::Nowhere,
            };
        }
        match &self.0.links {
            Some(links) => {
                let link = links.to(self, pid.address());
                pid.remember(LastWay::There(Arc::downgrade(&link)));
                Way::There(link)
            }
            None => Way::Nowhere,
        }
    }

    /// The actor that `pid` means, if it is one of this node's. It may have ended just now.
    pub(crate) fn find(&self, pid: &AnyPid) -> Option<Arc<Slot>> {
        match pid.slot() {
            Some(slot) if slot.is_on(self) => Some(slot.clone()),
            _ if self.is_here(pid) => self.find_named(pid.name(), pid.incarnation()),
            _ => None,
        }
    }

    pub(crate) fn find_named(&self, name: &str, incarnation: u64) -> Option<Arc<Slot>> {
        let meant = |slot: &&Arc<Slot>| {
            incarnation == ANY_INCARNATION || incarnation == slot.address.incarnation
        };
        if let Some(slot) = self.read().slots.get(name) {
            return Some(slot).filter(meant).cloned();
        }
        if name != NAMES {
            return None;
        }
        self.start_names();
        self.read().slots.get(name).filter(meant).cloned()
    }

    /// Removes an actor that has ended. Its end is then to be [`announced`](Self::announced).
    pub(crate) fn forget(&self, slot: &Arc<Slot>) {
        let mut registry = self.write();
        let name = &*slot.address.name;
        if registry
            .slots
            .get(name)
            .is_some_and(|there| Arc::ptr_eq(there, slot))
        {
            registry.slots.remove(name);
        }
        registry.ending += 1;
    }

    /// The end of a forgotten actor was announced: a node is empty only after that, or it would close
    /// its links before.
    pub(crate) fn announced(&self) {
        let mut registry = self.write();
        registry.ending -= 1;
        if registry.is_empty() {
            self.0.empty.notify_waiters();
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Registry> {
        self.0
            .registry
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Registry> {
        self.0
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn roots(&self) -> MutexGuard<'_, Vec<AnyPid>> {
        self.0.roots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn random(&self) -> MutexGuard<'_, StdRng> {
        self.0.random.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A node that is not held.
#[cfg(feature = "sim")]
#[derive(Clone)]
pub(crate) struct WeakNode(std::sync::Weak<Inner>);

#[cfg(feature = "sim")]
impl WeakNode {
    /// The node, if anything else holds it.
    pub(crate) fn upgrade(&self) -> Option<Node> {
        self.0.upgrade().map(Node)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Node({}#{:x})", self.0.address, self.0.incarnation)
    }
}
