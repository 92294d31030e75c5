//! Links over the message network of a simulated world: no connection, no tasks. The network calls what is here, when
//! it is time.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::carrier::Carrier;
use super::inbound::{Breach, DataLane, handle_control};
use super::outbox::Taken;
use super::table::Decision;
use super::{CONNECT_TIMEOUT, CONTROL_LANE, DATA_LANES, Link, Links, Up, VERSION, code};
use crate::error::ExitReason;
use crate::node::Node;
use crate::sim::{Moment, WireEnd};
use crate::tls::PeerIdentity;
use crate::wire::frame::{self, Hello};

/// One end of a link's wire.
pub(super) struct End {
    wire: WireEnd,
    /// Lanes that have something to send, bit by bit.
    unsent: AtomicU32,
    /// By lane, as far as they were used.
    inbound: Mutex<Vec<Option<Box<dyn Feed>>>>,
}

/// Takes what comes on one lane. A trait only to have its objects: whoever asks the compiler whether a node is
/// `Send` would otherwise have it look through lanes to actors and back to nodes, deeper than it goes.
trait Feed: Send {
    fn feed(&mut self, bytes: Bytes) -> Result<(), Breach>;
}

/// What came on one lane.
enum Inbound {
    Control(Arc<Link>, BytesMut),
    /// Whether its first frame came.
    Data(Box<DataLane>, BytesMut, bool),
}

/// What a link needs to rise.
pub(crate) struct Greeting {
    pub(crate) end: WireEnd,
    pub(crate) peer: Arc<PeerIdentity>,
    pub(crate) incarnation: u64,
}

impl End {
    pub(super) fn close(&self, code: u32) {
        self.wire.close(code);
        // Lanes hold the link.
        let inbound = std::mem::take(&mut *self.inbound());
        drop(inbound);
    }

    pub(super) fn wake(&self, link: &Arc<Link>, lane: usize) {
        let before = self.unsent.fetch_or(1 << lane, Ordering::Relaxed);
        if before == 0 {
            self.wire.unsent(link);
        }
    }

    fn inbound(&self) -> MutexGuard<'_, Vec<Option<Box<dyn Feed>>>> {
        self.inbound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a link is not adopted.
pub(crate) enum Decline {
    /// There is another.
    Crossing,
    /// There can be no further one.
    Closed,
}

impl Links {
    /// What becomes of a link that the node at `from` wants.
    pub(crate) fn adopt(
        self: &Arc<Self>,
        node: &Node,
        from: SocketAddr,
        theirs: &Link,
    ) -> Result<Arc<Link>, Decline> {
        let hello = Hello {
            version: VERSION,
            incarnation: theirs.node.incarnation(),
            attempt: theirs.links.next_attempt(),
        };
        if hello.incarnation == node.incarnation() {
            // Another of this node's own addresses.
            return Err(Decline::Crossing);
        }
        match self.decide(node, from, hello) {
            Decision::Adopt(link) => Ok(link),
            Decision::Refuse => Err(Decline::Crossing),
            Decision::Close(_) => Err(Decline::Closed),
        }
    }

    pub(crate) fn silent_after(&self) -> Duration {
        self.liveness().silent_after
    }
}

impl Link {
    /// How long a link may take to come up.
    pub(crate) const DIAL_TIMEOUT: Duration = CONNECT_TIMEOUT;

    /// Why a connection is closed: nothing to tell.
    pub(crate) const OVER: u32 = code::OVER;

    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    pub(crate) fn own_incarnation(&self) -> u64 {
        self.node.incarnation()
    }

    pub(crate) fn silent_after(&self) -> Duration {
        self.links.silent_after()
    }

    pub(crate) fn is_dialling(&self) -> bool {
        self.up.get().is_none() && self.outbox().ended().is_none()
    }

    pub(crate) fn dialled_in_vain(self: &Arc<Self>) {
        if self.is_dialling() {
            tracing::debug!(peer = %self.remote, "no link: nobody answered");
            self.links.failed(self);
            self.end(ExitReason::Disconnected);
        }
    }

    /// The link is up.
    pub(crate) fn rise_in_memory(self: &Arc<Self>, greeting: Greeting) {
        let wire = greeting.end.clone();
        let end = End {
            wire: greeting.end,
            unsent: AtomicU32::new(0),
            inbound: Mutex::default(),
        };
        let up = Up {
            carrier: Carrier::Memory(end),
            peer: greeting.peer,
            incarnation: greeting.incarnation,
            since: Instant::now(),
        };
        if self.up.set(up).is_err() {
            return wire.close(code::DUPLICATE);
        }
        if self.outbox().ended().is_some() {
            return wire.close(code::OVER);
        }
        self.links.reached(self);
        self.outbox().start(CONTROL_LANE);
        let waiting = self.outbox().waiting_lanes();
        self.wake(waiting);
        self.changed.notify_waiters();
    }

    /// Hands what waits to the network.
    pub(crate) fn flush(self: &Arc<Self>, moment: &Moment) {
        let Some(end) = self.memory_end() else {
            return;
        };
        let unsent = end.unsent.swap(0, Ordering::Relaxed);
        for lane in (0..=CONTROL_LANE).filter(|lane| unsent & (1 << lane) != 0) {
            loop {
                let (new, taken) = {
                    let mut outbox = self.outbox();
                    (outbox.start(lane), outbox.take(lane))
                };
                if new && lane < DATA_LANES && matches!(taken, Taken::Bytes(_)) {
                    let mut first = BytesMut::new();
                    frame::put_lane(&mut first, lane as u8);
                    end.wire.send_first(lane, first.freeze(), moment);
                }
                match taken {
                    Taken::Bytes(bytes) => end.wire.send(lane, bytes, false, moment),
                    Taken::Finished => {
                        end.wire.send(lane, Bytes::new(), true, moment);
                        break;
                    }
                    Taken::Nothing | Taken::Ended => break,
                }
            }
        }
    }

    /// So much of what was sent has arrived.
    pub(crate) fn arrived(&self, bytes: usize) {
        if self.outbox().written(bytes) {
            self.room.notify_waiters();
        }
    }

    /// Something has arrived.
    pub(crate) fn receive(self: &Arc<Self>, lane: usize, bytes: Bytes, last: bool, now: Instant) {
        let Some(end) = self.memory_end() else {
            return;
        };
        self.pulse.heard_at(now);
        let inbound = end.inbound().get_mut(lane).and_then(Option::take);
        let mut inbound = inbound.unwrap_or_else(|| Box::new(Inbound::new(self, lane)));
        if let Err(breach) = inbound.feed(bytes) {
            return self.breached(&breach);
        }
        match last {
            true if lane != CONTROL_LANE => self.lane_finished(),
            true => {}
            false => self.keep(lane, inbound),
        }
    }

    /// The other side has ended the connection.
    pub(crate) fn closed_by_peer(self: &Arc<Self>, code: u32) {
        self.end(match code {
            code::NODE_DOWN => ExitReason::NodeDown,
            code::OVERLOADED => ExitReason::Overloaded,
            _ => ExitReason::Disconnected,
        });
    }

    fn keep(&self, lane: usize, inbound: Box<dyn Feed>) {
        // A link that has ended must not be held by its lanes.
        if let Some(end) = self.memory_end()
            && self.outbox().ended().is_none()
        {
            let mut lanes = end.inbound();
            if lanes.len() <= lane {
                lanes.resize_with(lane + 1, || None);
            }
            lanes[lane] = Some(inbound);
        }
    }

    fn memory_end(&self) -> Option<&End> {
        match &self.up.get()?.carrier {
            Carrier::Memory(end) => Some(end),
            Carrier::Quic(_) => None,
        }
    }
}

impl Inbound {
    fn new(link: &Arc<Link>, lane: usize) -> Self {
        let partial = BytesMut::new();
        match lane {
            CONTROL_LANE => Inbound::Control(link.clone(), partial),
            _ => Inbound::Data(Box::new(DataLane::new(link.clone())), partial, false),
        }
    }
}

impl Feed for Inbound {
    fn feed(&mut self, bytes: Bytes) -> Result<(), Breach> {
        match self {
            Inbound::Control(link, buffer) => {
                add(buffer, bytes);
                handle_control(link, buffer)?;
                drop_if_empty(buffer);
            }
            Inbound::Data(lane, buffer, opened) => {
                add(buffer, bytes);
                if !*opened {
                    *opened = lane.open(buffer)?.is_some();
                }
                if *opened {
                    lane.handle(buffer)?;
                }
                drop_if_empty(buffer);
            }
        }
        Ok(())
    }
}

/// Adds what came to what is there, without a copy if that is nothing.
fn add(buffer: &mut BytesMut, bytes: Bytes) {
    match buffer.is_empty() {
        true => *buffer = BytesMut::from(bytes),
        false => buffer.extend_from_slice(&bytes),
    }
}

/// An idle lane holds no memory.
fn drop_if_empty(buffer: &mut BytesMut) {
    if buffer.is_empty() {
        *buffer = BytesMut::new();
    }
}
