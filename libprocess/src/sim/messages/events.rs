//! What happens on the message network, and how links come up and end there.

use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::wires::{Arrival, End, EndState, Wire};
use super::{Shared, WireEnd};
use crate::link::{Decline, Greeting, Link};
use crate::sim::trace::Fate;
use crate::sim::world::Moment;

/// How long a node waits before it says hello again.
const AGAIN: Duration = Duration::from_millis(200);

/// The size of a handshake, about.
const HANDSHAKE: usize = 1200;

pub(super) enum Event {
    /// A chunk arrives.
    Arrives(Arrival),
    /// A lane sends again.
    Again(Arrival),
    /// A node says hello to another.
    Hello(Box<Hello>),
    /// Its hello arrives.
    Greets(Box<Hello>),
    /// The end of this side hears that the other is up.
    Rises {
        wire: u64,
        side: usize,
        /// It is under way; otherwise it is to be sent (again).
        sent: bool,
    },
    /// The end of this side hears that the other is over.
    Closed { wire: u64, side: usize, code: u32 },
    /// A link that is not up by now never will be.
    TooLate(Weak<Link>),
    /// Who has fallen silent?
    Looks,
}

/// A node that wants to be linked to another.
#[derive(Clone)]
pub(super) struct Hello {
    from: SocketAddr,
    port: u64,
    to: SocketAddr,
    link: Weak<Link>,
}

impl Shared {
    pub(super) fn dial(&self, from: SocketAddr, port: u64, link: Weak<Link>) {
        let Some(dialled) = link.upgrade() else {
            return;
        };
        let now = Instant::now();
        let hello = Hello {
            from,
            port,
            to: dialled.remote(),
            link: link.clone(),
        };
        let mut state = self.state();
        state.plan(now, Event::Hello(Box::new(hello)));
        state.plan(now + Link::DIAL_TIMEOUT, Event::TooLate(link));
        self.planned.notify_one();
    }

    /// Lets everything happen that is due, and says when the next is.
    pub(super) fn happen(self: &Arc<Self>, moment: &Moment) -> Option<Instant> {
        loop {
            let mut events = {
                let mut state = self.state();
                let at = *state.events.first_key_value()?.0;
                if at > moment.now {
                    return Some(at);
                }
                state.events.pop_first()?.1
            };
            for event in events.drain(..) {
                self.happens(event, moment);
            }
            self.state().spare = events;
        }
    }

    fn happens(self: &Arc<Self>, event: Event, moment: &Moment) {
        let now = moment.now;
        match event {
            Event::Arrives(arrival) => {
                let delivery = self.arrive(&mut self.state(), arrival, moment);
                if let Some(delivery) = delivery {
                    if let Some(sender) = delivery.sender {
                        sender.arrived(delivery.counted);
                    }
                    if let Some(receiver) = delivery.receiver {
                        receiver.receive(arrival.lane.into(), delivery.bytes, delivery.last, now);
                    }
                }
            }
            Event::Again(arrival) => self.again(&mut self.state(), arrival, moment),
            Event::Hello(hello) => self.says_hello(hello, now),
            Event::Greets(hello) => self.greets(hello, now),
            Event::Rises { wire, side, sent } => self.rises(wire, side, sent, now),
            Event::Closed { wire, side, code } => self.closed(wire, side, code),
            Event::TooLate(link) => {
                if let Some(link) = link.upgrade() {
                    link.dialled_in_vain();
                }
            }
            Event::Looks => self.look(now),
        }
    }

    fn says_hello(&self, hello: Box<Hello>, now: Instant) {
        let wanted = hello.link.upgrade().is_some_and(|link| link.is_dialling());
        let mut state = self.state();
        if !wanted || state.port(hello.from, hello.port).is_none() {
            return;
        }
        let packet = self.world.packet(hello.from, hello.to, HANDSHAKE);
        match self.world.leaves(&packet) {
            Some(copies) => state.plan(now + copies.first, Event::Greets(hello)),
            None => state.plan(now + AGAIN, Event::Hello(hello)),
        }
    }

    fn greets(self: &Arc<Self>, hello: Box<Hello>, now: Instant) {
        let packet = self.world.packet(hello.from, hello.to, HANDSHAKE);
        let mut state = self.state();
        let identity = state
            .ports
            .get(&hello.from)
            .map(|port| port.identity.clone());
        let there = state.ports.get_mut(&hello.to);
        let fate = match &there {
            Some(_) => Fate::Delivered,
            None => Fate::NobodyThere,
        };
        if let Some(port) = there
            && port.is_paused()
        {
            port.parked.push_back(Event::Greets(hello));
            return;
        }
        let there = state.ports.get(&hello.to);
        let home = there.and_then(|port| port.home.clone().map(|home| (port.number, home)));
        if !self.world.arrives(&packet, fate) || home.is_none() {
            return state.plan(now + AGAIN, Event::Hello(hello));
        }
        let (Some((number, (links, node))), Some(identity)) = (home, identity) else {
            return;
        };
        let (Some(links), Some(node), Some(link)) =
            (links.upgrade(), node.upgrade(), hello.link.upgrade())
        else {
            return;
        };
        let wire = state.next();
        drop(state);
        let greeting = Greeting {
            end: WireEnd::new(self, wire, 1),
            peer: identity,
            incarnation: link.own_incarnation(),
        };
        // The wire is there before the link rises, which sends what waits.
        let adopted = match links.adopt(&node, hello.from, &link) {
            Ok(adopted) => adopted,
            Err(Decline::Closed) => return link.dialled_in_vain(),
            Err(Decline::Crossing) => return link.give_way(),
        };
        let mut ends = [
            End::new(
                hello.from,
                hello.port,
                hello.link.clone(),
                link.silent_after(),
            ),
            End::new(
                hello.to,
                number,
                Arc::downgrade(&adopted),
                links.silent_after(),
            ),
        ];
        ends[1].state = EndState::Up;
        let mut state = self.state();
        for end in &mut ends {
            let port = state.port(end.address, end.port);
            end.berth = port.map(|port| port.berth.clone());
        }
        state.wires.insert(wire, Wire { ends });
        drop(state);
        adopted.rise_in_memory(greeting);
        self.rises(wire, 0, false, now);
    }

    /// Tells the end of this side that the other is up.
    fn rises(self: &Arc<Self>, number: u64, side: usize, sent: bool, now: Instant) {
        let mut state = self.state();
        let Some(wire) = state.wires.get(&number) else {
            return;
        };
        let (here, there) = (&wire.ends[side], &wire.ends[1 - side]);
        let packet = self.world.packet(there.address, here.address, HANDSHAKE);
        let (address, port) = (here.address, here.port);
        let again = Event::Rises {
            wire: number,
            side,
            sent: false,
        };
        if !sent {
            let event = Event::Rises {
                wire: number,
                side,
                sent: true,
            };
            return match self.world.leaves(&packet) {
                Some(copies) => state.plan(now + copies.first, event),
                None => state.plan(now + AGAIN, again),
            };
        }
        let other = state
            .ports
            .get(&there.address)
            .map(|port| port.identity.clone());
        let Some(attached) = state.port(address, port) else {
            return;
        };
        if attached.is_paused() {
            let event = Event::Rises {
                wire: number,
                side,
                sent: true,
            };
            attached.parked.push_back(event);
            return;
        }
        if !self.world.arrives(&packet, Fate::Delivered) {
            return state.plan(now + AGAIN, again);
        }
        let Some(wire) = state.wires.get_mut(&number) else {
            return;
        };
        let link = wire.ends[side].link.upgrade();
        let peer = wire.ends[1 - side].link.upgrade();
        wire.ends[side].state = EndState::Up;
        wire.ends[side].heard = now;
        drop(state);
        match (link, peer, other) {
            (Some(link), Some(peer), Some(identity)) => link.rise_in_memory(Greeting {
                end: WireEnd::new(self, number, side),
                peer: identity,
                incarnation: peer.own_incarnation(),
            }),
            _ => self.close(number, side, Link::OVER),
        }
    }

    /// The end of this side is over; the other hears so if it can.
    pub(super) fn close(&self, number: u64, side: usize, code: u32) {
        let now = Instant::now();
        let mut state = self.state();
        let Some(wire) = state.wires.get_mut(&number) else {
            return;
        };
        wire.ends[side].state = EndState::Over;
        let (here, there) = (&wire.ends[side], &wire.ends[1 - side]);
        if there.state == EndState::Over {
            state.wires.remove(&number);
            return;
        }
        let packet = self.world.packet(here.address, there.address, 0);
        let (address, port) = (here.address, here.port);
        if state.port(address, port).is_some()
            && let Some(copies) = self.world.leaves(&packet)
        {
            let event = Event::Closed {
                wire: number,
                side: 1 - side,
                code,
            };
            state.plan(now + copies.first, event);
            self.planned.notify_one();
        }
        drop(state);
        self.look_out();
    }

    fn closed(&self, number: u64, side: usize, code: u32) {
        let mut state = self.state();
        let Some(wire) = state.wires.get(&number) else {
            return;
        };
        let (here, there) = (&wire.ends[side], &wire.ends[1 - side]);
        let packet = self.world.packet(there.address, here.address, 0);
        let (link, address, port) = (here.link.clone(), here.address, here.port);
        let Some(attached) = state.port(address, port) else {
            return;
        };
        if attached.is_paused() {
            let event = Event::Closed {
                wire: number,
                side,
                code,
            };
            attached.parked.push_back(event);
            return;
        }
        if self.world.arrives(&packet, Fate::Delivered) {
            drop(state);
            if let Some(link) = link.upgrade() {
                link.closed_by_peer(code);
            }
        }
    }
}
