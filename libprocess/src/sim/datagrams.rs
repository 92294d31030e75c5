//! A network of datagrams in virtual time, with faults.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::trace::Fate;
use super::world::World;
use crate::seat::Seat;
use crate::transport::{Attached, DatagramNetwork};

/// Carries the datagrams of one simulated world.
pub(super) struct Datagrams {
    world: Arc<World>,
    state: Mutex<State>,
    /// Something new is under way: the carrier may have to get up earlier.
    sent: Notify,
}

#[derive(Default)]
struct State {
    attached: BTreeMap<SocketAddr, Attachment>,
    /// How many attachments there ever were.
    attachments: u64,
    /// By time, then in the order in which they became known.
    events: BTreeMap<(Instant, u64), Event>,
    /// How many events there ever were.
    planned: u64,
    /// Nodes that let so much time pass from one datagram to the next.
    slow: BTreeMap<SocketAddr, Duration>,
}

enum Event {
    Arrives(Datagram),
    /// A slow node looks for a datagram.
    Looks(SocketAddr),
}

struct Attachment {
    number: u64,
    seat: Seat,
    inbox: VecDeque<Datagram>,
    receiver: Option<Waker>,
    /// A slow node takes nothing before.
    next: Option<Instant>,
}

struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// Datagrams that wait for a node to read them; what comes on top is lost, as by a full socket.
/// Several times what one connection may have under way, since a node reads as soon as it may run.
const INBOX: usize = 65_536;

/// Likewise, for a node that is paused or slow: what a socket's usual buffer of 208 KiB holds.
const SOCKET: usize = 128;

/// The first port that is given to those who ask for any.
const FIRST_FREE_PORT: u16 = 49_152;

impl Datagrams {
    pub(super) fn new(world: Arc<World>) -> Self {
        Datagrams {
            world,
            state: Mutex::default(),
            sent: Notify::new(),
        }
    }

    /// Delivers datagrams when they are due, for ever.
    pub(super) async fn carry(&self) {
        loop {
            let due = self.deliver(Instant::now());
            match due {
                None => self.sent.notified().await,
                Some(due) => tokio::select! {
                    biased;
                    () = self.sent.notified() => {}
                    () = sleep_until(due) => {}
                },
            }
        }
    }

    /// Detaches a node without its knowledge.
    pub(super) fn unplug(&self, address: SocketAddr) {
        self.state().attached.remove(&address);
    }

    /// Lets a node take one datagram in each `pause`; none ends that.
    pub(super) fn slow_down(&self, address: SocketAddr, pause: Option<Duration>) {
        let mut state = self.state();
        match pause {
            Some(pause) => drop(state.slow.insert(address, pause)),
            None => drop(state.slow.remove(&address)),
        }
        state.look(address);
    }

    /// Delivers all that is due, and says when the next will be.
    fn deliver(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state();
        while let Some(next) = state.events.first_entry() {
            let (due, _) = *next.key();
            if due > now {
                return Some(due);
            }
            match next.remove() {
                Event::Looks(address) => state.look(address),
                Event::Arrives(datagram) => self.arrives(&mut state, datagram),
            }
        }
        None
    }

    fn arrives(&self, state: &mut State, datagram: Datagram) {
        let to = datagram.to;
        let (packet, slow) = (datagram.packet(&self.world), state.slow.contains_key(&to));
        let there = state.attached.get_mut(&to);
        let fate = match &there {
            None => Fate::NobodyThere,
            Some(attachment) if attachment.is_full(slow) => Fate::Lost,
            Some(_) => Fate::Delivered,
        };
        if self.world.arrives(&packet, fate)
            && let Some(attachment) = there
        {
            attachment.inbox.push_back(datagram);
            attachment.wake();
        }
    }

    /// A panic elsewhere leaves the state whole: nothing in here panics half-way.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DatagramNetwork for Datagrams {
    fn attach(&self, address: SocketAddr) -> io::Result<Attached> {
        let mut state = self.state();
        let address = match address.port() {
            0 => state.free_port(address).ok_or(io::ErrorKind::AddrInUse)?,
            _ => address,
        };
        if state.attached.contains_key(&address) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        state.attachments += 1;
        let number = state.attachments;
        let seat = Seat::simulated(Arc::new(self.world.seat(address)));
        let attachment = Attachment {
            number,
            seat: seat.clone(),
            inbox: VecDeque::new(),
            receiver: None,
            next: None,
        };
        state.attached.insert(address, attachment);
        Ok(Attached {
            address,
            number,
            seat,
        })
    }

    fn detach(&self, address: SocketAddr, attachment: u64) {
        let mut state = self.state();
        if state.attachment(address, attachment).is_some() {
            state.attached.remove(&address);
        }
    }

    fn send(&self, from: SocketAddr, attachment: u64, to: SocketAddr, datagram: &[u8]) {
        let mut state = self.state();
        if state.attachment(from, attachment).is_none() {
            return;
        }
        let packet = self.world.packet(from, to, datagram.len());
        let now = Instant::now();
        let Some(copies) = self.world.leaves(&packet) else {
            return;
        };
        for delay in copies.iter() {
            let bytes = datagram.to_vec();
            state.plan(now + delay, Event::Arrives(Datagram { from, to, bytes }));
        }
        self.sent.notify_one();
    }

    fn poll_receive(
        &self,
        address: SocketAddr,
        attachment: u64,
        cx: &mut Context<'_>,
    ) -> Poll<(Vec<u8>, SocketAddr)> {
        let mut state = self.state();
        let slow = state.slow.get(&address).copied();
        let Some(attachment) = state.attachment(address, attachment) else {
            // Unplugged: silence.
            return Poll::Pending;
        };
        let now = Instant::now();
        let too_early = slow.is_some() && attachment.next.is_some_and(|next| next > now);
        if !too_early && let Some(datagram) = attachment.inbox.pop_front() {
            if let Some(pause) = slow {
                attachment.next = Some(now + pause);
                state.plan(now + pause, Event::Looks(address));
                self.sent.notify_one();
            }
            return Poll::Ready((datagram.bytes, datagram.from));
        }
        attachment.receiver = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl State {
    fn attachment(&mut self, address: SocketAddr, number: u64) -> Option<&mut Attachment> {
        self.attached
            .get_mut(&address)
            .filter(|attachment| attachment.number == number)
    }

    fn free_port(&self, address: SocketAddr) -> Option<SocketAddr> {
        (FIRST_FREE_PORT..=u16::MAX)
            .map(|port| SocketAddr::new(address.ip(), port))
            .find(|address| !self.attached.contains_key(address))
    }

    fn plan(&mut self, at: Instant, event: Event) {
        self.planned += 1;
        self.events.insert((at, self.planned), event);
    }

    fn look(&mut self, address: SocketAddr) {
        if let Some(attachment) = self.attached.get_mut(&address) {
            attachment.wake();
        }
    }
}

impl Attachment {
    fn is_full(&self, slow: bool) -> bool {
        let room = match slow || self.seat.is_paused() {
            true => SOCKET,
            false => INBOX,
        };
        self.inbox.len() >= room
    }

    fn wake(&mut self) {
        if let Some(receiver) = self.receiver.take() {
            receiver.wake();
        }
    }
}

impl Datagram {
    fn packet(&self, world: &World) -> super::Packet {
        world.packet(self.from, self.to, self.bytes.len())
    }
}

impl fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagrams").finish_non_exhaustive()
    }
}
