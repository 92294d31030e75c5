//! Links: what two nodes share while they talk.
//!
//! ```text
//!  actors ──► Outbox ──► lane writers ══ QUIC streams ══► lane readers ──► mailboxes
//!               ▲                                              │
//!               └───────────── credit ◄── handled ◄────────────┘
//! ```
//!
//! * **One connection per pair of nodes**, made when something is first sent, in either direction;
//!   [`table`] finds it, [`handshake`] makes it. If both nodes connect at once, the connection from
//!   the smaller incarnation stays. A link that breaks is never repaired: the next send makes a new one,
//!   unless that was tried in vain just now ([`pause`]).
//! * **Lanes**: four one-way streams for data in each direction, opened when first used. What one
//!   actor sends to another (tells, asks, answers, exit notices) goes through one lane in one order.
//!   A fifth lane, for control, goes first. Something large gets a side lane of its own, in order
//!   (`outbox/sides.rs`). [`outbox`] fills them, [`lanes`] writes, [`reader`] reads, and [`inbound`] knows
//!   what is done with what was read.
//! * **Credit**: a node may have [`WINDOW`] bytes of messages in the mailbox of one actor; they are
//!   given back as the actor handles them. So a slow actor holds up nobody but those who send to it;
//!   their messages wait in the outbox, which is bounded, and whose overflow breaks the link.
//! * **Liveness**: an idle link is pinged, a silent one ended; see [`liveness`]. A node that stops in order finishes its lanes and says goodbye, so that nothing that was sent is cut off.
//! * **The end** of a link, for whatever reason, is the end of everything that depends on it: asks fail
//!   and monitors fire, each exactly once.

mod asks;
mod bonds;
mod carrier;
mod complaints;
mod credit;
#[cfg(feature = "fuzzing")]
mod fuzzing;
mod handshake;
#[cfg(test)]
mod hostile;
mod inbound;
mod lanes;
mod lines;
mod liveness;
#[cfg(feature = "sim")]
mod memory;
mod outbox;
mod pause;
mod reader;
mod replies;
mod run;
#[cfg(all(test, feature = "sim"))]
mod siege;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::{AskError, ExitReason};
use crate::node::{Node, Watch};
use crate::parcel::Answer;
use crate::pid::AnyPid;
use crate::slot::Watcher;
use crate::tls::PeerIdentity;
use crate::transport::Traffic;
use crate::wire::MAX_BODY;
use crate::wire::frame::{self, Control, Hello, Written};
use asks::{Asking, Asks};
use carrier::Carrier;
use lanes::Idle;
use lines::Lines;
use liveness::Pulse;
use outbox::{Due, Outbox, Pair, Unsent, Wake};
use replies::Serving;

#[cfg(feature = "fuzzing")]
pub(crate) use fuzzing::Lanes;
#[cfg(feature = "sim")]
pub(crate) use memory::{Decline, Greeting};
pub(crate) use outbox::Outgoing;
pub(crate) use run::{Arrived, Run, Source};
pub(crate) use table::Links;

/// The version of the wire format. A peer of another version is refused.
const VERSION: u32 = 2;

/// Data lanes in each direction: enough that a large message does not hold up everything else, few
/// enough that a link of an idle agent stays small.
const DATA_LANES: usize = 4;

/// The index of the control lane, after those for data.
const CONTROL_LANE: usize = DATA_LANES;

/// Pairs of actors that may have a lane of their own at once; others wait until one is free. So few
/// that all lanes together may be full and control still gets through (see the windows in
/// `transport/config.rs`).
const SIDES: usize = 8;

/// The index of the first side lane.
const SIDE_LANES: usize = CONTROL_LANE + 1;

/// All lanes of one direction.
const LANES: usize = SIDE_LANES + SIDES;

/// A body of this size gets a lane of its own: it would hold up others for longer than a round trip.
const BULK: usize = 64 * 1024;

/// Bytes that go into a mailbox as one: enough to make that cheap, little enough that credit is given
/// back steadily.
const RUN: usize = 16 * 1024;

/// Bytes of messages that a node may have in the mailbox of one actor. About 1,500 small messages:
/// what arrives during several round trips in a cluster.
const WINDOW: u64 = 256 * 1024;

/// What a message costs besides its body: its place in the mailbox.
const MESSAGE_OVERHEAD: usize = 128;

/// The most that an honest node may have in the mailbox of one actor: the window overshot by one
/// message, twice, because a sender may forget what little it owes.
const WORST_WINDOW: u64 = 2 * (WINDOW + (MAX_BODY + MESSAGE_OVERHEAD) as u64);

/// Bytes that may wait for one node. Two of the largest messages fit, or a quarter of a million tells.
const OUTBOX: usize = 2 * (MAX_BODY + MESSAGE_OVERHEAD) + 1024 * 1024;

/// With more than this waiting for a node, `tell_ready` waits: as much as is usefully under way.
const READY: usize = 1024 * 1024;

/// Senders and receivers that a lane remembers by number. A few KiB per lane, and no limit on actors:
/// the numbers begin anew when they are used up.
const ROUTES: usize = 4096;

/// Receiving actors of which a link keeps the credit: those that owe little are forgotten first.
const TARGETS: usize = 16_384;

/// Asks of one node at another that are not answered yet; more are refused.
const ASKS: usize = 65_536;

/// Actors of one node that another monitors. Every agent of a large cluster may be watched by one master;
/// all tasks of an agent fit too.
const MONITORS: usize = 65_536;

/// How long a new connection may take until both hellos are there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes handed to the transport at once: enough to make a write cheap, little enough that what is
/// being written counts as waiting for a short time only.
const WRITE: usize = 64 * 1024;

/// Bytes read from the transport at once.
const READ: usize = 64 * 1024;

/// Why a connection is closed, as told to the peer.
mod code {
    /// The node shuts down. Also what the transport says when the endpoint is closed.
    pub(super) const NODE_DOWN: u32 = 0;
    pub(super) const OVERLOADED: u32 = 1;
    pub(super) const DUPLICATE: u32 = 2;
    pub(super) const PROTOCOL: u32 = 3;
    /// Nothing to tell.
    pub(super) const OVER: u32 = 4;
    /// Nothing was heard of the peer, which may hear this nevertheless.
    pub(super) const SILENT: u32 = 5;
}

/// The state shared by everything that serves one link.
pub(crate) struct Link {
    node: Node,
    links: Arc<Links>,
    remote: SocketAddr,
    /// The hello of the connection, if the other node made it.
    accepted: Option<Hello>,
    up: OnceLock<Up>,
    pulse: Pulse,
    outbox: Mutex<Outbox>,
    /// It has ended: pids that remember it look for another.
    over: AtomicBool,
    /// The other node waits for the connection that this one is making.
    in_a_hurry: AtomicBool,
    /// The other node has sent the connection that this one made away for its own.
    give_way: AtomicBool,
    idle: Idle,
    /// Told when those who wait to send should look again.
    room: Notify,
    lines: Lines,
    tables: Mutex<Tables>,
    /// Messages that came in, and those among them that reached nobody.
    messages_in: AtomicU64,
    dropped: AtomicU64,
    next_id: AtomicU64,
    /// Bit by bit, the lanes that the peer has opened, without side lanes.
    opened_lanes: AtomicU8,
    finished_lanes: AtomicUsize,
    /// Told when the link is up, at its end, and when a side lane has its place.
    changed: Notify,
    /// The name of senders that are no actors.
    nobody: Arc<str>,
}

/// Bytes of a frame that takes an ask back.
const CANCEL: usize = 16;

/// What to do with an answer.
pub(crate) type Done = Box<dyn FnOnce(Answer<Written<&[u8]>>) + Send>;

/// What is known once both hellos are there.
struct Up {
    carrier: Carrier,
    peer: Arc<PeerIdentity>,
    incarnation: u64,
    since: Instant,
}

/// Who waits for what from the other node, and the other way round.
#[derive(Default)]
struct Tables {
    ended: bool,
    asks: Asks,
    monitors: BTreeMap<u64, Watcher>,
    /// Asks of the peer here that somebody waits for.
    serving: Serving,
    /// Side lanes of the peer whose place was met, and which are not finished.
    places: BTreeSet<u64>,
    /// Side lanes of the peer that are open: as many as it may have lanes.
    sides: BTreeSet<u64>,
    /// Monitors of the peer here.
    watched: BTreeMap<u64, Watch>,
    /// In order of the receiving actors' names: what each was sent and did not handle yet. A list, because
    /// most links have one or two.
    accounts: Vec<Arc<credit::Account>>,
    goodbye: Option<u8>,
}

/// What can be seen of a link from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// The other node.
    pub address: SocketAddr,
    /// Its identity, once the link is up.
    pub peer: Option<PeerIdentity>,
    /// Bytes that wait to be sent to it.
    pub waiting: usize,
    /// Asks there that are not answered yet.
    pub asks: usize,
    /// The last round trip measured by a ping; none before the first.
    pub round_trip: Option<Duration>,
    /// Messages sent.
    pub messages_out: u64,
    /// Messages received.
    pub messages_in: u64,
    /// Messages received that found no actor, or that it did not understand.
    pub dropped: u64,
    /// What the connection says of itself, once the link is up.
    pub traffic: Option<Traffic>,
}

impl Link {
    fn new(
        node: Node,
        links: Arc<Links>,
        remote: SocketAddr,
        accepted: Option<Hello>,
    ) -> Arc<Self> {
        let pulse = Pulse::new(links.liveness());
        let outbox = Outbox::new(links.has_side_lanes());
        Arc::new(Self {
            node,
            links,
            remote,
            accepted,
            up: OnceLock::new(),
            pulse,
            outbox: Mutex::new(outbox),
            over: AtomicBool::new(false),
            in_a_hurry: AtomicBool::new(false),
            give_way: AtomicBool::new(false),
            idle: Idle::default(),
            room: Notify::new(),
            lines: Lines::default(),
            tables: Mutex::default(),
            messages_in: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            next_id: AtomicU64::new(1),
            opened_lanes: AtomicU8::new(0),
            finished_lanes: AtomicUsize::new(0),
            changed: Notify::new(),
            nobody: Arc::from(""),
        })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(crate) fn is_of(&self, node: &Node) -> bool {
        self.node.is_same(node)
    }

    /// Sends a tell.
    pub(crate) fn tell(self: &Arc<Self>, message: Outgoing<'_>) {
        let added = self.outbox().add_message(message);
        if self.follow_up(added).is_err() {
            self.node.count_undelivered(1);
        }
    }

    /// Sends a tell if it would leave at once. False if it would not.
    fn tell_if_ready(self: &Arc<Self>, message: Outgoing<'_>) -> Result<bool, ExitReason> {
        let added = {
            let mut outbox = self.outbox();
            if !outbox.is_ready(&message)? {
                return Ok(false);
            }
            outbox.add_message(message)
        };
        self.follow_up(added).map(|()| true)
    }

    /// Sends a tell as soon as it would leave at once.
    pub(crate) async fn tell_ready(
        self: &Arc<Self>,
        message: Outgoing<'_>,
    ) -> Result<(), ExitReason> {
        // The common case, without a place among those who wait.
        if self.lines.let_pass(message.to.name()) && self.tell_if_ready(message)? {
            return Ok(());
        }
        let place = self.lines.join(message.to.shared_name());
        let first = place.line.first().await;
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if self.tell_if_ready(message)? {
                break;
            }
            room.await;
        }
        first.served();
        Ok(())
    }

    /// Sends an ask. `done` gets its answer, or the reason why there is none. Gives the id by which to
    /// [`cancel`](Self::cancel) it.
    pub(crate) fn ask(
        self: &Arc<Self>,
        mut message: Outgoing<'_>,
        now: Instant,
        deadline: Instant,
        done: Done,
    ) -> u64 {
        let asking = Asking {
            done,
            from: message.from.cloned(),
            to: message.to.clone(),
        };
        let inserted = {
            let mut tables = self.tables();
            match tables.ended {
                true => Err(asking),
                false => tables.asks.insert(asking),
            }
        };
        let id = match inserted {
            Ok(id) => id,
            Err(refused) => {
                let reason = self.outbox().ended().unwrap_or(ExitReason::Overloaded);
                (refused.done)(Err(AskError::Exited(reason)));
                return asks::NONE;
            }
        };
        message.ask = Some(Due {
            id,
            deadline,
            now: Some(now),
        });
        let added = self.outbox().add_message(message);
        if let Err(reason) = self.follow_up(added) {
            self.finish_ask(id, Err(AskError::Exited(reason)));
        }
        id
    }

    /// Nobody waits for the answer any more.
    fn cancel(self: &Arc<Self>, ask: u64) {
        let asking = self.tables().asks.remove(ask);
        if let Some(Asking { from, to, .. }) = asking {
            let from = from.as_ref().map_or(&self.nobody, AnyPid::shared_name);
            let pair = Pair::new(from.clone(), to.shared_name().clone());
            let cancel = |out: &mut _| frame::put_cancel(out, ask);
            let added = self.outbox().add_frame(&pair, CANCEL, cancel);
            let _ = self.follow_up(added);
        }
    }

    fn finish_ask(&self, ask: u64, answer: Answer<Written<&[u8]>>) {
        let asking = self.tables().asks.remove(ask);
        if let Some(asking) = asking {
            (asking.done)(answer);
        }
    }

    /// Monitors an actor of the other node; gives the number by which to [`unwatch`](Self::unwatch) it.
    pub(crate) fn watch(self: &Arc<Self>, pid: &AnyPid, watcher: Watcher) -> u64 {
        let monitor = self.next_id.fetch_add(1, Ordering::Relaxed);
        let name = match &watcher {
            Watcher::Actor { watcher, .. } => watcher.address.name.to_string(),
            _ => String::new(),
        };
        let refused = {
            let mut tables = self.tables();
            if tables.ended || tables.monitors.len() >= MONITORS {
                Some(watcher)
            } else {
                tables.monitors.insert(monitor, watcher);
                None
            }
        };
        if let Some(watcher) = refused {
            let reason = self.outbox().ended().unwrap_or(ExitReason::Overloaded);
            watcher.announce(reason);
            return monitor;
        }
        self.control(&Control::Monitor {
            monitor,
            name: pid.name().to_owned(),
            incarnation: pid.incarnation(),
            watcher: name,
        });
        monitor
    }

    pub(crate) fn unwatch(self: &Arc<Self>, monitor: u64) {
        let watcher = self.tables().monitors.remove(&monitor);
        if watcher.is_some() {
            self.control(&Control::Demonitor { monitor });
        }
    }

    /// Sends a notice from an actor here to one there, in its place among the messages between the two.
    fn send_between(self: &Arc<Self>, from: &str, to: &str, frame: BytesMut) {
        let pair = Pair::new(Arc::from(from), Arc::from(to));
        let copy = |out: &mut BytesMut| out.extend_from_slice(&frame);
        let added = self.outbox().add_frame(&pair, frame.len(), copy);
        // If the link has ended, the peer learns the same from that.
        let _ = self.follow_up(added);
    }

    fn control(self: &Arc<Self>, control: &Control) {
        let added = self.outbox().add_control(control);
        let _ = self.follow_up(added);
    }

    /// Wakes whoever has to act after something was added.
    fn follow_up(self: &Arc<Self>, added: Result<Wake, Unsent>) -> Result<(), ExitReason> {
        match added {
            Ok(wake) => {
                self.wake(wake);
                Ok(())
            }
            Err(Unsent::Overflow) => {
                self.end(ExitReason::Overloaded);
                Err(ExitReason::Overloaded)
            }
            Err(Unsent::Ended(reason)) => Err(reason),
        }
    }

    fn wake(self: &Arc<Self>, wake: Wake) {
        if wake == Wake::default() {
            return;
        }
        // Before it is up nobody writes; then `rise` starts the writers.
        if let Some(up) = self.up.get() {
            for lane in wake.lanes() {
                up.carrier.wake(self, lane);
            }
        }
    }

    /// Ends the link, for `reason`, and with it everything that depends on it. Once.
    fn end(self: &Arc<Self>, reason: ExitReason) {
        if !self.outbox().end(&reason) {
            return;
        }
        self.over.store(true, Ordering::Release);
        self.links.forget(self);
        let tables = {
            let mut tables = self.tables();
            let ended = Tables {
                ended: true,
                ..Tables::default()
            };
            std::mem::replace(&mut *tables, ended)
        };
        if let Some(up) = self.up.get() {
            tracing::debug!(peer = %self.remote, %reason, "link ended");
            let code = match reason {
                ExitReason::Overloaded => code::OVERLOADED,
                ExitReason::NodeDown => code::NODE_DOWN,
                _ => code::OVER,
            };
            up.carrier.close(code, b"");
        }
        self.idle.clear();
        self.room.notify_waiters();
        self.changed.notify_waiters();
        for asking in tables.asks.into_all() {
            (asking.done)(Err(AskError::Exited(reason.clone())));
        }
        for (_, watcher) in tables.monitors {
            watcher.announce(reason.clone());
        }
    }

    fn info(&self) -> LinkInfo {
        let up = self.up.get();
        let (waiting, messages_out) = {
            let outbox = self.outbox();
            (outbox.waiting(), outbox.messages())
        };
        LinkInfo {
            address: self.remote,
            peer: up.map(|up| PeerIdentity::clone(&up.peer)),
            waiting,
            asks: self.tables().asks.len(),
            round_trip: self.pulse.round_trip(),
            messages_out,
            messages_in: self.messages_in.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            traffic: up.and_then(|up| up.carrier.traffic()),
        }
    }

    // No user code runs under these locks, so what they guard is whole even if a thread died.

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The duty to tell the other node when nobody waits for an answer any more.
pub(crate) struct Cancel {
    pub(crate) link: Arc<Link>,
    pub(crate) ask: u64,
}

impl Cancel {
    /// There is an answer: nothing is to be taken back.
    pub(crate) fn answered(&mut self) {
        self.ask = asks::NONE;
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        if self.ask != asks::NONE {
            self.link.cancel(self.ask);
        }
    }
}
