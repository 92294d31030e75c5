//! Wires: what two linked nodes have between them. A queue per lane and direction, of which the front arrives next.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::events::Event;
use super::{Berth, Shared, State, WireEnd};
use crate::link::Link;
use crate::sim::trace::Fate;
use crate::sim::world::Moment;

/// How long a sender waits before it sends again what was lost. Doubles up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What headers and encryption would add to a chunk.
const HEADERS: usize = 60;

/// The content of a datagram.
const DATAGRAM: usize = 1200;

pub(super) struct Wire {
    pub(super) ends: [End; 2],
}

pub(super) struct End {
    pub(super) address: SocketAddr,
    /// The port's number.
    pub(super) port: u64,
    /// Of the port, if it was there when the wire was made.
    pub(super) berth: Option<Arc<Berth>>,
    pub(super) link: Weak<Link>,
    pub(super) state: EndState,
    /// When it last heard of the other end.
    pub(super) heard: Instant,
    pub(super) silent_after: Duration,
    /// What goes out from here, by lane, as far as they were used.
    lanes: Vec<Lane>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndState {
    /// Has yet to hear that the other end is up.
    Rising,
    Up,
    Over,
}

struct Lane {
    number: u8,
    /// What has not arrived, in order: the first of it, so that a lane on which little happens needs no memory, and
    /// the rest.
    front: Option<Chunk>,
    behind: VecDeque<Chunk>,
    /// So many of them are under way; those behind wait to be sent (again).
    flying: usize,
    /// Arrivals planned before something was lost are void.
    epoch: u32,
    last_arrival: Option<Instant>,
    /// The pause before it sends again.
    pause: Duration,
    waits: bool,
}

struct Chunk {
    bytes: Bytes,
    /// Nothing follows on the lane.
    last: bool,
    /// It came out of the outbox, which is to hear when it has arrived.
    counts: bool,
}

/// Which chunk arrives: the front of a lane of the end that sends.
#[derive(Clone, Copy)]
pub(super) struct Arrival {
    pub(super) wire: u64,
    epoch: u32,
    /// Of the end that sends.
    side: u8,
    pub(super) lane: u8,
    /// A slow receiver has given it its time.
    slotted: bool,
}

impl End {
    pub(super) fn new(address: SocketAddr, port: u64, link: Weak<Link>, after: Duration) -> Self {
        End {
            address,
            port,
            berth: None,
            link,
            state: EndState::Rising,
            heard: Instant::now(),
            silent_after: after,
            lanes: Vec::new(),
        }
    }

    fn lane(&mut self, number: u8) -> &mut Lane {
        let at = self.lanes.iter().position(|lane| lane.number == number);
        let at = at.unwrap_or_else(|| {
            self.lanes.push(Lane::new(number));
            self.lanes.len() - 1
        });
        &mut self.lanes[at]
    }

    /// Whether what comes to it is taken at once.
    fn is_open(&self) -> bool {
        self.state == EndState::Up && self.berth.as_ref().is_some_and(|berth| berth.is_open())
    }

    fn has_left(&self) -> bool {
        let left = |berth: &Arc<Berth>| berth.left.load(Ordering::Relaxed);
        self.berth.as_ref().is_none_or(left)
    }
}

impl WireEnd {
    pub(super) fn new(shared: &Arc<Shared>, wire: u64, side: usize) -> Self {
        WireEnd {
            shared: shared.clone(),
            wire,
            side,
        }
    }

    /// Has something to send: [`Link::flush`] will be called.
    pub(crate) fn unsent(&self, link: &Arc<Link>) {
        self.shared.unsent(Arc::downgrade(link));
    }

    /// Sends a chunk of a lane; the last one if nothing follows.
    pub(crate) fn send(&self, lane: usize, bytes: Bytes, last: bool, moment: &Moment) {
        let counts = true;
        let chunk = Chunk {
            bytes,
            last,
            counts,
        };
        self.put(lane, chunk, moment);
    }

    /// Sends what did not come out of the outbox.
    pub(crate) fn send_first(&self, lane: usize, bytes: Bytes, moment: &Moment) {
        let chunk = Chunk {
            bytes,
            last: false,
            counts: false,
        };
        self.put(lane, chunk, moment);
    }

    fn put(&self, lane: usize, chunk: Chunk, moment: &Moment) {
        let mut state = self.shared.state();
        let Some(wire) = state.wires.get_mut(&self.wire) else {
            return;
        };
        // There are five lanes.
        let lane = lane as u8;
        let out = wire.ends[self.side].lane(lane);
        out.push(chunk);
        if !out.waits {
            self.shared
                .depart(&mut state, self.wire, self.side, lane, moment);
        }
    }

    /// Ends the connection. The other end hears of it if it can.
    pub(crate) fn close(&self, code: u32) {
        self.shared.close(self.wire, self.side, code);
    }
}

impl Shared {
    /// Sends what waits on a lane, until something is lost.
    fn depart(&self, state: &mut State, number: u64, side: usize, lane: u8, moment: &Moment) {
        loop {
            let Some(wire) = state.wires.get_mut(&number) else {
                return;
            };
            let (from, to) = (wire.ends[side].address, wire.ends[1 - side].address);
            if wire.ends[side].has_left() {
                // Unplugged: nothing leaves.
                return;
            }
            let out = wire.ends[side].lane(lane);
            let Some(size) = out.waiting() else {
                return;
            };
            let packet = moment.packet(from, to, size);
            let arrival = Arrival {
                wire: number,
                epoch: out.epoch,
                side: side as u8,
                lane,
                slotted: false,
            };
            match self.world.leaves(&packet) {
                Some(copies) => {
                    let at = moment.now + copies.first;
                    let at = out.last_arrival.map_or(at, |last| last.max(at));
                    out.last_arrival = Some(at);
                    out.flying += 1;
                    out.pause = Duration::ZERO;
                    state.plan(at, Event::Arrives(arrival));
                }
                None => {
                    let pause = out.again();
                    state.plan(moment.now + pause, Event::Again(arrival));
                    return;
                }
            }
        }
    }

    /// It is time to send again what was lost.
    pub(super) fn again(&self, state: &mut State, arrival: Arrival, moment: &Moment) {
        let Arrival {
            wire, side, lane, ..
        } = arrival;
        let side = usize::from(side);
        if let Some(found) = state.wires.get_mut(&wire) {
            found.ends[side].lane(lane).waits = false;
            self.depart(state, wire, side, lane, moment);
        }
    }

    /// A chunk has come to its end. What is to be done with it outside of the state's lock.
    pub(super) fn arrive(
        &self,
        state: &mut State,
        arrival: Arrival,
        moment: &Moment,
    ) -> Option<Delivery> {
        let now = moment.now;
        let side = usize::from(arrival.side);
        let wire = state.wires.get_mut(&arrival.wire)?;
        let [sender, receiver] = wire.from(side);
        let out = sender.lane(arrival.lane);
        if out.epoch != arrival.epoch {
            return None;
        }
        let size = out.front.as_ref()?.size();
        let packet = moment.packet(sender.address, receiver.address, size);
        if !receiver.is_open() {
            let there = state.ports.get_mut(&receiver.address);
            let there =
                there.filter(|it| it.number == receiver.port && receiver.state != EndState::Over);
            if let Some(there) = there {
                if there.is_paused() {
                    there.parked.push_back(Event::Arrives(arrival));
                    return None;
                }
                if let Some((pause, next)) = &mut there.slow
                    && !arrival.slotted
                {
                    let at = now.max(*next);
                    // As many datagrams as it would be.
                    *next = at + *pause * (size / DATAGRAM + 1) as u32;
                    let at = *next - *pause;
                    let slotted = Arrival {
                        slotted: true,
                        ..arrival
                    };
                    state.plan(at, Event::Arrives(slotted));
                    return None;
                }
            } else {
                self.world.arrives(&packet, Fate::NobodyThere);
            }
        }
        let open = receiver.state == EndState::Up && !receiver.has_left();
        if open && self.world.arrives(&packet, Fate::Delivered) {
            return wire.take(side, arrival.lane, now);
        }
        // Lost on the way, or too early, or nobody takes it: whoever looks out for silence finds out which.
        let out = wire.ends[side].lane(arrival.lane);
        out.epoch += 1;
        out.flying = 0;
        let arrival = Arrival {
            epoch: out.epoch,
            ..arrival
        };
        let pause = out.again();
        state.plan(now + pause, Event::Again(arrival));
        None
    }
}

/// What arrived at a link.
pub(super) struct Delivery {
    pub(super) sender: Option<Arc<Link>>,
    /// Bytes of it that the sender's outbox counts.
    pub(super) counted: usize,
    pub(super) receiver: Option<Arc<Link>>,
    pub(super) bytes: Bytes,
    pub(super) last: bool,
}

impl Wire {
    /// Its ends: that of this side, and the other.
    fn from(&mut self, side: usize) -> [&mut End; 2] {
        let [first, second] = &mut self.ends;
        match side {
            0 => [first, second],
            _ => [second, first],
        }
    }

    fn take(&mut self, side: usize, lane: u8, now: Instant) -> Option<Delivery> {
        let [from, to] = self.from(side);
        to.heard = now;
        let Chunk {
            bytes,
            last,
            counts,
        } = from.lane(lane).pop()?;
        Some(Delivery {
            sender: from.link.upgrade(),
            counted: if counts { bytes.len() } else { 0 },
            receiver: to.link.upgrade(),
            bytes,
            last,
        })
    }
}

impl Lane {
    fn new(number: u8) -> Self {
        Lane {
            number,
            front: None,
            behind: VecDeque::new(),
            flying: 0,
            epoch: 0,
            last_arrival: None,
            pause: Duration::ZERO,
            waits: false,
        }
    }

    fn push(&mut self, chunk: Chunk) {
        match self.front {
            None => self.front = Some(chunk),
            Some(_) => self.behind.push_back(chunk),
        }
    }

    /// Takes the first, which was under way.
    fn pop(&mut self) -> Option<Chunk> {
        let next = self.behind.pop_front();
        if next.is_none() && self.behind.capacity() > 0 {
            // An idle lane holds no memory.
            self.behind = VecDeque::new();
        }
        let first = std::mem::replace(&mut self.front, next)?;
        self.flying -= 1;
        Some(first)
    }

    /// The size of the first that is not under way.
    fn waiting(&self) -> Option<usize> {
        let chunk = match self.flying {
            0 => self.front.as_ref(),
            flying => self.behind.get(flying - 1),
        };
        chunk.map(Chunk::size)
    }

    /// From now on it waits to send again; gives for how long.
    fn again(&mut self) -> Duration {
        let (first, longest) = AGAIN;
        self.waits = true;
        self.pause = (self.pause * 2).clamp(first, longest);
        self.pause
    }
}

impl Chunk {
    /// On its way.
    fn size(&self) -> usize {
        self.bytes.len() + HEADERS
    }
}
