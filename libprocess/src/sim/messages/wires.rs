//! Wires: what two linked nodes have between them. A queue per lane and direction, of which the front arrives next.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::events::Event;
use super::{Shared, State, WireEnd};
use crate::link::Link;
use crate::sim::trace::Fate;

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
    pub(super) link: Weak<Link>,
    pub(super) state: EndState,
    /// When it last heard of the other end.
    pub(super) heard: Instant,
    pub(super) silent_after: Duration,
    /// What goes out from here, by lane.
    lanes: BTreeMap<usize, Lane>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndState {
    /// Has yet to hear that the other end is up.
    Rising,
    Up,
    Over,
}

#[derive(Default)]
struct Lane {
    /// What has not arrived, in order.
    queue: VecDeque<Chunk>,
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
    /// Of the end that sends.
    pub(super) side: usize,
    pub(super) lane: usize,
    pub(super) epoch: u32,
    /// A slow receiver has given it its time.
    pub(super) slotted: bool,
}

impl End {
    pub(super) fn new(address: SocketAddr, port: u64, link: Weak<Link>, after: Duration) -> Self {
        End {
            address,
            port,
            link,
            state: EndState::Rising,
            heard: Instant::now(),
            silent_after: after,
            lanes: BTreeMap::new(),
        }
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
    pub(crate) fn send(&self, lane: usize, bytes: Bytes, last: bool) {
        self.put(
            lane,
            Chunk {
                bytes,
                last,
                counts: true,
            },
        );
    }

    /// Sends what did not come out of the outbox.
    pub(crate) fn send_first(&self, lane: usize, bytes: Bytes) {
        self.put(
            lane,
            Chunk {
                bytes,
                last: false,
                counts: false,
            },
        );
    }

    fn put(&self, lane: usize, chunk: Chunk) {
        let mut state = self.shared.state();
        let Some(wire) = state.wires.get_mut(&self.wire) else {
            return;
        };
        let queue = wire.ends[self.side].lanes.entry(lane).or_default();
        queue.queue.push_back(chunk);
        if !queue.waits {
            self.shared.depart(&mut state, self.wire, self.side, lane);
        }
    }

    /// Ends the connection. The other end hears of it if it can.
    pub(crate) fn close(&self, code: u32) {
        self.shared.close(self.wire, self.side, code);
    }
}

impl Shared {
    /// Sends what waits on a lane, until something is lost.
    pub(super) fn depart(&self, state: &mut State, number: u64, side: usize, lane: usize) {
        let now = Instant::now();
        loop {
            let Some(wire) = state.wires.get_mut(&number) else {
                return;
            };
            let (from, to) = (wire.ends[side].address, wire.ends[1 - side].address);
            let port = wire.ends[side].port;
            let out = wire.ends[side].lanes.entry(lane).or_default();
            let Some(chunk) = out.queue.get(out.flying) else {
                return;
            };
            let packet = self.world.packet(from, to, chunk.bytes.len() + HEADERS);
            let epoch = out.epoch;
            let attached = state.ports.get(&from).is_some_and(|it| it.number == port);
            if !attached {
                // Unplugged: nothing leaves.
                return;
            }
            let delay = self.world.leaves(&packet).first().copied();
            let Some(wire) = state.wires.get_mut(&number) else {
                return;
            };
            let out = wire.ends[side].lanes.entry(lane).or_default();
            let arrival = Arrival {
                wire: number,
                side,
                lane,
                epoch,
                slotted: false,
            };
            match delay {
                Some(delay) => {
                    let at = out
                        .last_arrival
                        .map_or(now + delay, |last| last.max(now + delay));
                    out.last_arrival = Some(at);
                    out.flying += 1;
                    out.pause = Duration::ZERO;
                    state.plan(at, Event::Arrives(arrival));
                }
                None => {
                    let pause = out.again();
                    state.plan(now + pause, Event::Again(arrival));
                    return;
                }
            }
        }
    }

    /// It is time to send again what was lost.
    pub(super) fn again(&self, state: &mut State, arrival: Arrival) {
        let Arrival {
            wire, side, lane, ..
        } = arrival;
        if let Some(found) = state.wires.get_mut(&wire)
            && let Some(out) = found.ends[side].lanes.get_mut(&lane)
        {
            out.waits = false;
            self.depart(state, wire, side, lane);
        }
    }

    /// A chunk has come to its end. What is to be done with it outside of the state's lock.
    pub(super) fn arrive(&self, state: &mut State, arrival: Arrival) -> Option<Delivery> {
        let Arrival {
            wire: number,
            side,
            lane,
            ..
        } = arrival;
        let now = Instant::now();
        let wire = state.wires.get_mut(&number)?;
        let (from, to) = (wire.ends[side].address, wire.ends[1 - side].address);
        let (port, target) = (wire.ends[1 - side].port, wire.ends[1 - side].state);
        let out = wire.ends[side].lanes.get_mut(&lane)?;
        if out.epoch != arrival.epoch {
            return None;
        }
        let size = out.queue.front()?.bytes.len() + HEADERS;
        let there = state.ports.get_mut(&to);
        let there = there.filter(|it| it.number == port && target != EndState::Over);
        if let Some(there) = there {
            if there.seat.is_paused() {
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
            let packet = self.world.packet(from, to, size);
            if target == EndState::Up && self.world.arrives(&packet, Fate::Delivered) {
                return state.take(arrival, now);
            }
        } else {
            let packet = self.world.packet(from, to, size);
            self.world.arrives(&packet, Fate::NobodyThere);
        }
        // Lost on the way, or too early, or nobody takes it: whoever looks out for silence finds out which.
        let out = state.wires.get_mut(&number)?.ends[side]
            .lanes
            .get_mut(&lane)?;
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
    pub(super) sender: Weak<Link>,
    /// Bytes of it that the sender's outbox counts.
    pub(super) counted: usize,
    pub(super) receiver: Weak<Link>,
    pub(super) lane: usize,
    pub(super) bytes: Bytes,
    pub(super) last: bool,
}

impl State {
    fn take(&mut self, arrival: Arrival, now: Instant) -> Option<Delivery> {
        let Arrival {
            wire, side, lane, ..
        } = arrival;
        let wire = self.wires.get_mut(&wire)?;
        wire.ends[1 - side].heard = now;
        let receiver = wire.ends[1 - side].link.clone();
        let sender = wire.ends[side].link.clone();
        let lanes = &mut wire.ends[side].lanes;
        let out = lanes.get_mut(&lane)?;
        let Chunk {
            bytes,
            last,
            counts,
        } = out.queue.pop_front()?;
        out.flying -= 1;
        if out.queue.is_empty() && out.epoch == 0 {
            // An idle lane holds no memory. Nothing of it is under way, void or not.
            lanes.remove(&lane);
        }
        Some(Delivery {
            sender,
            counted: if counts { bytes.len() } else { 0 },
            receiver,
            lane,
            bytes,
            last,
        })
    }
}

impl Lane {
    /// From now on it waits to send again; gives for how long.
    fn again(&mut self) -> Duration {
        let (first, longest) = AGAIN;
        self.waits = true;
        self.pause = (self.pause * 2).clamp(first, longest);
        self.pause
    }
}
