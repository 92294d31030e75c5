//! All links of a node, by the address of the other node.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::complaints::Complaints;
use super::pause::Pauses;
use super::{CONNECT_TIMEOUT, Link, LinkInfo, handshake};
use crate::allow::Rules;
use crate::arbiter::Shared;
use crate::error::ExitReason;
use crate::node::Node;
use crate::seat::Seat;
use crate::tls::{Identity, Trust};
use crate::transport::{BindError, Endpoint, Liveness};
use crate::wire::frame::Hello;

/// Nodes that one node may be linked to: more than the largest cluster has.
const LINKS: usize = 65_536;

/// How long peers are given to learn that this node is gone, once everything else is done.
const CLOSING: Duration = Duration::from_millis(500);

pub(crate) struct Links {
    /// On the message network of a simulated world; then there is no endpoint.
    #[cfg(feature = "sim")]
    attachment: Option<crate::sim::Attachment>,
    /// None once the node is down: whoever holds it holds the address.
    endpoint: Mutex<Option<Endpoint>>,
    tasks: Tasks,
    /// The thread that `tasks` run on, if it is one of actors. None once the node is down.
    shared: Mutex<Option<Shared>>,
    liveness: Liveness,
    /// Who may send what.
    pub(super) rules: Rules,
    refused: AtomicU64,
    pub(super) complaints: Complaints,
    /// Connections made.
    attempts: AtomicU64,
    table: RwLock<Table>,
}

/// Runs what serves a node's links: on its runtime, while the node is not paused.
#[derive(Clone)]
pub(super) struct Tasks {
    runtime: Handle,
    seat: Seat,
}

impl Tasks {
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match self.seat.is_simulated() {
            true => drop(self.runtime.spawn(self.seat.hosted(Box::pin(task)))),
            false => drop(self.runtime.spawn(task)),
        }
    }
}

#[derive(Default)]
struct Table {
    links: BTreeMap<SocketAddr, Arc<Link>>,
    pauses: Pauses,
    closed: bool,
}

/// What to do with a connection that another node made.
pub(super) enum Decision {
    /// It carries this link from now on.
    Adopt(Arc<Link>),
    /// There is a connection already.
    Refuse,
    /// There can be no further link.
    Close(ExitReason),
}

impl Links {
    /// The links of a node that is reached through `endpoint`. Must be called within a runtime, on
    /// which they will run: that of the `shared` thread, if there is one.
    pub(crate) fn new(
        endpoint: Endpoint,
        liveness: Liveness,
        rules: Rules,
        shared: Option<Shared>,
    ) -> Arc<Self> {
        let tasks = Tasks {
            runtime: Handle::current(),
            seat: endpoint.seat(),
        };
        Arc::new(Self {
            #[cfg(feature = "sim")]
            attachment: None,
            endpoint: Mutex::new(Some(endpoint)),
            tasks,
            shared: Mutex::new(shared),
            liveness,
            rules,
            refused: AtomicU64::new(0),
            complaints: Complaints::default(),
            attempts: AtomicU64::new(0),
            table: RwLock::default(),
        })
    }

    /// The links of a node on the message network.
    #[cfg(feature = "sim")]
    pub(crate) fn in_memory(
        attachment: crate::sim::Attachment,
        liveness: Liveness,
        rules: Rules,
    ) -> Arc<Self> {
        let tasks = Tasks {
            runtime: Handle::current(),
            seat: attachment.seat(),
        };
        Arc::new(Self {
            attachment: Some(attachment),
            endpoint: Mutex::new(None),
            tasks,
            shared: Mutex::default(),
            liveness,
            rules,
            refused: AtomicU64::new(0),
            complaints: Complaints::default(),
            attempts: AtomicU64::new(0),
            table: RwLock::default(),
        })
    }

    /// Begins to accept links.
    pub(crate) fn open(self: &Arc<Self>, node: &Node) {
        #[cfg(feature = "sim")]
        if let Some(attachment) = &self.attachment {
            return attachment.listen(self, node);
        }
        self.tasks
            .spawn(handshake::accept(node.clone(), self.clone()));
    }

    /// The link to the node at `address`; if there is none, it is being made, or has ended already, if that
    /// was tried in vain just now.
    pub(crate) fn to(self: &Arc<Self>, node: &Node, address: SocketAddr) -> Arc<Link> {
        if let Some(link) = self.read().links.get(&address) {
            return link.clone();
        }
        let (link, refused) = {
            let mut table = self.write();
            if let Some(link) = table.links.get(&address) {
                return link.clone();
            }
            let link = Link::new(node.clone(), self.clone(), address, None);
            let pausing = table.pauses.holds(address, Instant::now());
            let refused = match pausing {
                true => Some(ExitReason::Disconnected),
                false => table.refusal(),
            };
            if refused.is_none() {
                table.links.insert(address, link.clone());
            }
            (link, refused)
        };
        match refused {
            Some(reason) => link.end(reason),
            None => self.dial(&link),
        }
        link
    }

    fn dial(&self, link: &Arc<Link>) {
        #[cfg(feature = "sim")]
        if let Some(attachment) = &self.attachment {
            return attachment.dial(link);
        }
        self.tasks.spawn(handshake::dial(link.clone()));
    }

    /// What becomes of a connection that the node at `address` has made.
    ///
    /// If both sides connect at once, both must keep the same connection: the one that the smaller
    /// incarnation made. A connection that comes much later means that the peer lost the old one.
    pub(super) fn decide(
        self: &Arc<Self>,
        node: &Node,
        address: SocketAddr,
        hello: Hello,
    ) -> Decision {
        let mut table = self.write();
        let ours_stays = node.incarnation() < hello.incarnation;
        let existing = table.links.get(&address).cloned();
        if let Some(link) = &existing {
            match (&link.accepted, link.up.get()) {
                (None, None) if ours_stays && !link.gives_way() => {
                    link.hurry();
                    return Decision::Refuse;
                }
                (None, None) => return Decision::Adopt(link.clone()),
                (None, Some(up)) => {
                    let crossing = up.since.elapsed() < CONNECT_TIMEOUT;
                    if ours_stays && crossing && up.incarnation == hello.incarnation {
                        return Decision::Refuse;
                    }
                }
                (Some(newest), _) => {
                    let same = newest.incarnation == hello.incarnation;
                    if same && newest.attempt >= hello.attempt {
                        return Decision::Refuse;
                    }
                }
            }
        } else if let Some(reason) = table.refusal() {
            return Decision::Close(reason);
        }
        let link = Link::new(node.clone(), self.clone(), address, Some(hello));
        table.links.insert(address, link.clone());
        drop(table);
        if let Some(old) = existing {
            old.end(ExitReason::Disconnected);
        }
        Decision::Adopt(link)
    }

    /// A link could not be made.
    pub(super) fn failed(&self, link: &Link) {
        let random = &mut *link.node.random();
        self.write()
            .pauses
            .failed(link.remote, Instant::now(), random);
    }

    /// A link is up.
    pub(super) fn reached(&self, link: &Link) {
        self.write().pauses.reached(link.remote);
    }

    /// Removes a link that has ended.
    pub(super) fn forget(&self, link: &Arc<Link>) {
        let mut table = self.write();
        let links = &mut table.links;
        if links
            .get(&link.remote)
            .is_some_and(|there| Arc::ptr_eq(there, link))
        {
            links.remove(&link.remote);
        }
    }

    /// Says goodbye on all links once what waits is sent, for until `deadline`, then closes them.
    pub(crate) async fn close(&self, deadline: Instant) {
        let links = {
            let mut table = self.write();
            table.closed = true;
            table.links.values().cloned().collect::<Vec<_>>()
        };
        for link in &links {
            link.say_goodbye();
        }
        for link in &links {
            let _ = timeout_at(deadline, link.ended()).await;
            link.end(ExitReason::NodeDown);
        }
        self.detach();
        if let Some(endpoint) = self.take_endpoint() {
            let closing = Instant::now() + CLOSING;
            let _ = timeout_at(closing, endpoint.close(b"the node was shut down")).await;
        }
        drop(self.take_thread());
    }

    /// Ends all links and the endpoint at once, as if the node had died: no peer is told.
    pub(crate) fn abandon(&self) {
        let endpoint = self.take_endpoint();
        endpoint.iter().for_each(Endpoint::mute);
        let links = {
            let mut table = self.write();
            table.closed = true;
            table.links.values().cloned().collect::<Vec<_>>()
        };
        for link in links {
            link.end(ExitReason::NodeDown);
        }
        self.detach();
        let thread = self.take_thread();
        if let Some(endpoint) = endpoint {
            self.tasks.spawn(async move {
                endpoint.close(b"").await;
                drop(thread);
            });
        }
    }

    pub(crate) fn infos(&self) -> Vec<LinkInfo> {
        let links = self.read().links.values().cloned().collect::<Vec<_>>();
        links.iter().map(|link| link.info()).collect()
    }

    /// Links that there are or that are being made.
    pub(super) fn count(&self) -> usize {
        self.read().links.len()
    }

    pub(super) fn next_attempt(&self) -> u64 {
        self.attempts.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Messages that peers were not allowed to send.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// New handshakes use another identity from now on; links stay as they are.
    pub(crate) fn rotate(&self, identity: &Identity, trusts: &[Trust]) -> Result<(), BindError> {
        match self.endpoint() {
            Some(endpoint) => endpoint.rotate(identity, trusts),
            None => Ok(()),
        }
    }

    /// Whether large bodies get lanes of their own: on the message network nothing is in anybody's way.
    pub(super) fn has_side_lanes(&self) -> bool {
        #[cfg(feature = "sim")]
        return self.attachment.is_none();
        #[cfg(not(feature = "sim"))]
        true
    }

    pub(super) fn liveness(&self) -> Liveness {
        self.liveness
    }

    pub(super) fn runtime(&self) -> &Tasks {
        &self.tasks
    }

    pub(super) fn endpoint(&self) -> Option<Endpoint> {
        self.endpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn detach(&self) {
        #[cfg(feature = "sim")]
        if let Some(attachment) = &self.attachment {
            attachment.detach();
        }
    }

    fn take_endpoint(&self) -> Option<Endpoint> {
        self.endpoint
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn take_thread(&self) -> Option<Shared> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.take()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Why there can be no further link, if so.
    fn refusal(&self) -> Option<ExitReason> {
        if self.closed {
            Some(ExitReason::NodeDown)
        } else if self.links.len() >= LINKS {
            Some(ExitReason::Overloaded)
        } else {
            None
        }
    }
}

impl Link {
    /// Sends what waits, then nothing more.
    fn say_goodbye(self: &Arc<Self>) {
        let started = {
            let mut outbox = self.outbox();
            outbox.say_goodbye();
            outbox.started_lanes()
        };
        self.wake(started);
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) {
        self.until(|link| link.outbox().ended().is_some()).await;
    }

    /// Waits until this holds of what `changed` tells about.
    pub(super) async fn until(&self, holds: impl Fn(&Link) -> bool) {
        loop {
            let changed = self.changed.notified();
            if holds(self) {
                return;
            }
            changed.await;
        }
    }
}
