//! The message network: what links send each other, carried in virtual time without QUIC, TLS or a task per link.
//!
//! ```text
//!   link ── outbox ──► flush ──► wire: a queue per lane ──► event at its time of arrival ──► link ── mailboxes
//!                                   ▲                                  │
//!                                   └──────── again, if it was lost ◄──┘
//! ```
//!
//! Same outboxes, frames, readers, credit and tables as over QUIC. A chunk that a rule drops is sent again after a
//! pause, as QUIC would; lanes keep their order each. Nothing is pinged: whether pings would pass is worked out, and
//! only while something can stop them, so a world in which nothing happens costs nothing.

mod events;
mod silence;
mod wires;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::world::{Moment, World};
use crate::link::{Link, Links};
use crate::node::{Node, WeakNode};
use crate::seat::Seat;
use crate::tls::PeerIdentity;
use events::Event;
use wires::Wire;

/// A network that carries what links send. Clones are handles of the same one.
#[derive(Clone)]
pub struct Messages {
    shared: Arc<Shared>,
    /// What the next node presents, if it is not to need a certificate.
    identity: Option<PeerIdentity>,
}

pub(super) struct Shared {
    world: Arc<World>,
    state: Mutex<State>,
    /// Something is to be done earlier than was known.
    planned: Notify,
}

#[derive(Default)]
struct State {
    ports: BTreeMap<SocketAddr, Port>,
    wires: BTreeMap<u64, Wire>,
    /// By time; those of the same in the order in which they became known.
    events: BTreeMap<Instant, Vec<Event>>,
    /// Room for events, used before.
    spare: Vec<Event>,
    /// Links that have something to send.
    unsent: Vec<Weak<Link>>,
    /// How many ports and wires there ever were.
    count: u64,
    /// The next look at who fell silent is planned.
    looking: bool,
}

/// Where a node is attached.
struct Port {
    number: u64,
    berth: Arc<Berth>,
    identity: Arc<PeerIdentity>,
    home: Option<(Weak<Links>, WeakNode)>,
    /// What happened to the node while it was paused.
    parked: VecDeque<Event>,
    /// A slow node takes one chunk in each such time, the next not before this.
    slow: Option<(Duration, Instant)>,
}

/// What is asked of a port for each chunk, for those who know it.
struct Berth {
    seat: Seat,
    /// Nobody is here any more.
    left: AtomicBool,
    /// The node is slow.
    slow: AtomicBool,
}

/// A node's hold on its port; the address is free when it is dropped.
pub(crate) struct Attachment {
    shared: Arc<Shared>,
    address: SocketAddr,
    number: u64,
    seat: Seat,
}

/// One end of a wire.
#[derive(Clone)]
pub(crate) struct WireEnd {
    shared: Arc<Shared>,
    wire: u64,
    side: usize,
}

impl Messages {
    pub(super) fn new(world: Arc<World>) -> Self {
        Messages {
            shared: Arc::new(Shared {
                world,
                state: Mutex::default(),
                planned: Notify::new(),
            }),
            identity: None,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// For a node that presents this without proof.
    pub(super) fn presenting(&self, identity: PeerIdentity) -> Self {
        Messages {
            shared: self.shared.clone(),
            identity: Some(identity),
        }
    }

    /// What a node presents that has no certificate.
    pub(crate) fn identity(&self) -> Option<PeerIdentity> {
        self.identity.clone()
    }

    /// Attaches a node.
    pub(crate) fn attach(
        &self,
        address: SocketAddr,
        identity: PeerIdentity,
    ) -> io::Result<Attachment> {
        let seat = Seat::simulated(Arc::new(self.shared.world.seat(address)));
        let mut state = self.shared.state();
        if state.ports.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let number = state.next();
        let port = Port {
            number,
            berth: Arc::new(Berth {
                seat: seat.clone(),
                left: AtomicBool::new(false),
                slow: AtomicBool::new(false),
            }),
            identity: Arc::new(identity),
            home: None,
            parked: VecDeque::new(),
            slow: None,
        };
        state.ports.insert(address, port);
        Ok(Attachment {
            shared: self.shared.clone(),
            address,
            number,
            seat,
        })
    }
}

impl Attachment {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn seat(&self) -> Seat {
        self.seat.clone()
    }

    /// From now on other nodes may link to this one.
    pub(crate) fn listen(&self, links: &Arc<Links>, node: &Node) {
        let mut state = self.shared.state();
        if let Some(port) = state.port(self.address, self.number) {
            port.home = Some((Arc::downgrade(links), node.downgrade()));
        }
    }

    /// Makes the connection of a link.
    pub(crate) fn dial(&self, link: &Arc<Link>) {
        self.shared
            .dial(self.address, self.number, Arc::downgrade(link));
    }

    /// Gives the address back.
    pub(crate) fn detach(&self) {
        let mut state = self.shared.state();
        if state.port(self.address, self.number).is_some() {
            state.leave(self.address);
        }
        drop(state);
        self.shared.look_out();
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.detach();
    }
}

impl Shared {
    /// Does what is due when it is due, for ever.
    pub(super) async fn carry(self: Arc<Self>) {
        // One timer for everything: whatever there is to be done next.
        let mut timer = pin!(sleep_until(Instant::now()));
        loop {
            let moment = self.world.moment();
            self.flush(&moment);
            match self.happen(&moment) {
                None => self.planned.notified().await,
                Some(due) => {
                    if timer.deadline() != due {
                        timer.as_mut().reset(due);
                    }
                    tokio::select! {
                        biased;
                        () = self.planned.notified() => {}
                        () = &mut timer => {}
                    }
                }
            }
        }
    }

    /// A link has something to send, from the end of this moment on.
    pub(super) fn unsent(&self, link: Weak<Link>) {
        self.state().unsent.push(link);
        self.planned.notify_one();
    }

    fn flush(&self, moment: &Moment) {
        let mut unsent = Vec::new();
        loop {
            std::mem::swap(&mut self.state().unsent, &mut unsent);
            if unsent.is_empty() {
                return;
            }
            for link in unsent.drain(..) {
                if let Some(link) = link.upgrade() {
                    link.flush(moment);
                }
            }
        }
    }

    /// Detaches a node without its knowledge.
    pub(super) fn unplug(&self, address: SocketAddr) {
        self.state().leave(address);
        self.look_out();
    }

    /// What happened to a node while it was paused, happens to it now.
    pub(super) fn resume(&self, address: SocketAddr) {
        let mut state = self.state();
        let now = Instant::now();
        state.hear_all_at(address, now);
        if let Some(port) = state.ports.get_mut(&address) {
            for event in std::mem::take(&mut port.parked) {
                state.plan(now, event);
            }
        }
        self.planned.notify_one();
    }

    pub(super) fn slow_down(&self, address: SocketAddr, pause: Option<Duration>) {
        if let Some(port) = self.state().ports.get_mut(&address) {
            port.slow = pause.map(|pause| (pause, Instant::now()));
            port.berth.slow.store(pause.is_some(), Ordering::Relaxed);
        }
    }

    /// The world is over: nodes let go of their links, which hold them.
    pub(super) fn end(&self) {
        let ports = std::mem::take(&mut self.state().ports);
        for port in ports.into_values() {
            if let Some(links) = port.home.and_then(|(links, _)| links.upgrade()) {
                links.abandon();
            }
        }
        let state = std::mem::take(&mut *self.state());
        drop(state);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    fn plan(&mut self, at: Instant, event: Event) {
        let events = self
            .events
            .entry(at)
            .or_insert_with(|| std::mem::take(&mut self.spare));
        events.push(event);
    }

    /// Nobody is at the address any more.
    fn leave(&mut self, address: SocketAddr) {
        if let Some(port) = self.ports.remove(&address) {
            port.berth.left.store(true, Ordering::Relaxed);
        }
    }

    /// The port of this attachment, if it is still there.
    fn port(&mut self, address: SocketAddr, number: u64) -> Option<&mut Port> {
        self.ports
            .get_mut(&address)
            .filter(|port| port.number == number)
    }
}

impl Port {
    fn is_paused(&self) -> bool {
        self.berth.seat.is_paused()
    }
}

impl Berth {
    /// Whether what comes for the node is taken at once.
    fn is_open(&self) -> bool {
        let Berth { seat, left, slow } = self;
        !left.load(Ordering::Relaxed) && !slow.load(Ordering::Relaxed) && !seat.is_paused()
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}
