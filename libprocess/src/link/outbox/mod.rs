//! What waits to be sent to one other node: bytes per lane, and messages that wait for credit.
//!
//! Plain data without tasks: [`Outbox::take`] gives the bytes of a lane to whoever carries them.

#[cfg(test)]
mod properties;
mod sides;
mod targets;
#[cfg(test)]
mod tests;
mod ways;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::{
    BULK, CONTROL_LANE, DATA_LANES, LANES, MESSAGE_OVERHEAD, OUTBOX, READY, ROUTES, SIDE_LANES,
    WRITE,
};
use crate::error::ExitReason;
use crate::pid::AnyPid;
use crate::trace::Trace;
use crate::wire::frame::{self, Asked, Control, Head, Route};
use sides::{Place, Sides};
use targets::Targets;
use ways::{Way, Ways};

#[derive(Default)]
pub(super) struct Outbox {
    lanes: Lanes,
    targets: Targets,
    ways: Ways,
    sides: Sides,
    /// Bytes waiting, in lanes, for credit and being written.
    bytes: usize,
    /// How many things wait for credit or for a lane of their own.
    held: usize,
    /// Nothing may be added any more.
    ended: Option<ExitReason>,
    goodbye: bool,
    /// Messages added so far.
    messages: u64,
    /// What is large goes where all goes.
    without_sides: bool,
}

/// The lanes; those of the sides take memory only once there was one.
#[derive(Default)]
struct Lanes(Vec<Lane>);

impl Lanes {
    fn at(&mut self, lane: usize) -> &mut Lane {
        if lane >= self.0.len() {
            let all = if lane < SIDE_LANES { SIDE_LANES } else { LANES };
            self.0.reserve_exact(all - self.0.len());
            self.0.resize_with(all, Lane::default);
        }
        &mut self.0[lane]
    }

    fn all(&self) -> impl Iterator<Item = (usize, &Lane)> {
        self.0.iter().enumerate()
    }
}

#[derive(Default)]
struct Lane {
    pending: BytesMut,
    /// How much was taken last: as much room is made at once next time.
    usual: usize,
    /// Numbers that the peer knows for who sends to whom.
    routes: BTreeMap<RouteKey, u32>,
    /// It was opened.
    started: bool,
    /// Somebody writes it.
    running: bool,
}

type RouteKey = (&'static str, u16, AnyPid, Option<AnyPid>);

/// A message to an actor of the other node.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    pub(crate) protocol: &'static str,
    /// Of the protocol.
    pub(crate) version: u16,
    pub(crate) to: &'a AnyPid,
    pub(crate) from: Option<&'a AnyPid>,
    pub(crate) tag: u32,
    pub(crate) trace: Trace,
    pub(crate) ask: Option<Due>,
    pub(crate) body: &'a [u8],
}

/// What makes a message an ask.
#[derive(Clone, Copy)]
pub(crate) struct Due {
    pub(crate) id: u64,
    pub(crate) deadline: Instant,
    /// The present, unless the message has waited since.
    pub(crate) now: Option<Instant>,
}

/// Two actors of which one sends to the other: what is sent between them has an order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair {
    pub(crate) from: Arc<str>,
    pub(crate) to: Arc<str>,
    /// Their usual lane.
    lane: usize,
}

/// Something that has to wait.
enum Held {
    Message(Waiting),
    /// An answer or a notice: needs no credit, but keeps its place.
    Frame(Pair, BytesMut),
}

/// A message that waits.
struct Waiting {
    protocol: &'static str,
    version: u16,
    to: AnyPid,
    from: Option<AnyPid>,
    tag: u32,
    trace: Trace,
    ask: Option<Due>,
    body: Box<[u8]>,
    cost: u64,
}

/// Why nothing was added.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// There is no room; the link must break.
    Overflow,
    /// The link has ended.
    Ended(ExitReason),
}

/// The lanes whose writers have something to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wake(u32);

/// What a writer finds.
pub(super) enum Taken {
    Bytes(Bytes),
    Nothing,
    /// The lane is finished: after a goodbye, or because it was a side lane.
    Finished,
    Ended,
}

impl Outbox {
    pub(super) fn new(side_lanes: bool) -> Self {
        Self {
            without_sides: !side_lanes,
            ..Self::default()
        }
    }

    fn is_large(&self, length: usize) -> bool {
        length >= BULK && !self.without_sides
    }

    /// Whether a message to `name` would leave at once; the reason if the link has ended.
    pub(super) fn is_ready(&self, message: &Outgoing<'_>) -> Result<bool, ExitReason> {
        if let Some(reason) = &self.ended {
            return Err(reason.clone());
        }
        if self.bytes >= READY {
            return Ok(false);
        }
        let target = match self.ways.find(message) {
            Some(way) => Some(way.target),
            None => self.targets.find(message.to.name()),
        };
        Ok(target.is_none_or(|place| self.targets[place].has_credit()))
    }

    pub(super) fn add_message(&mut self, message: Outgoing<'_>) -> Result<Wake, Unsent> {
        let cost = message.body.len() + MESSAGE_OVERHEAD;
        self.make_room(cost)?;
        let way = self.way(&message).ok_or(Unsent::Overflow)?;
        self.bytes += cost;
        self.messages += 1;
        let target = &mut self.targets[way.target];
        if !target.has_credit() {
            let waiting = Held::Message(message.owned(cost as u64));
            target.held.push_back(waiting);
            self.held += 1;
            return Ok(Wake::default());
        }
        target.used += cost as u64;
        Ok(self.send_message(way, &message, cost))
    }

    /// Adds an answer or a notice of about `length` bytes to an actor, behind whatever waits for it.
    pub(super) fn add_frame(
        &mut self,
        pair: &Pair,
        length: usize,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<Wake, Unsent> {
        self.make_room(length)?;
        let target = self.targets.find(&pair.to);
        let waits = target.filter(|place| !self.targets[*place].held.is_empty());
        if waits.is_none() && !self.is_large(length) && self.sides.is_empty() {
            return Ok(self.write(pair.lane, write));
        }
        let mut frame = BytesMut::with_capacity(length);
        write(&mut frame);
        self.bytes += frame.len();
        match waits {
            Some(place) => {
                let held = Held::Frame(pair.clone(), frame);
                self.targets[place].held.push_back(held);
                self.held += 1;
                Ok(Wake::default())
            }
            None => Ok(self.send_frame(pair, frame)),
        }
    }

    pub(super) fn add_control(&mut self, control: &Control) -> Result<Wake, Unsent> {
        self.make_room(0)?;
        Ok(self.write(CONTROL_LANE, |out| frame::put_control(out, control)))
    }

    /// The peer has room again for `bytes` of messages to `name`.
    pub(super) fn add_credit(&mut self, name: &str, bytes: u64) -> Wake {
        let mut wake = Wake::default();
        let Some(place) = self.targets.find(name) else {
            return wake;
        };
        let target = &mut self.targets[place];
        target.used = target.used.saturating_sub(bytes);
        while let Some(released) = self.targets[place].release() {
            self.held -= 1;
            wake |= self.send_held(released);
        }
        wake | self.wake_if_finished()
    }

    /// All that was on the side lane with this number has arrived.
    pub(super) fn side_arrived(&mut self, number: u64) -> Wake {
        let released = self.sides.arrived(number);
        self.held -= released.held.len();
        let mut wake = match released.opened {
            Some((pair, lane, number)) => self.open_side(&pair, lane, number),
            None => Wake::default(),
        };
        for held in released.held {
            wake |= self.send_held(held);
        }
        wake | self.wake_if_finished()
    }

    /// For the writer of a lane: what to write next.
    pub(super) fn take(&mut self, lane: usize) -> Taken {
        if self.ended.is_some() {
            return Taken::Ended;
        }
        let Lane { pending, usual, .. } = self.lanes.at(lane);
        if !pending.is_empty() {
            *usual = pending.len().min(WRITE);
            return Taken::Bytes(std::mem::take(pending).freeze());
        }
        if lane >= SIDE_LANES {
            *self.lanes.at(lane) = Lane::default();
            self.sides.finish(lane);
            return Taken::Finished;
        }
        match self.is_finished() {
            true => Taken::Finished,
            false => Taken::Nothing,
        }
    }

    /// For the writer of a lane: so many bytes were written. Whether there is room again for those who
    /// wait to send.
    pub(super) fn written(&mut self, bytes: usize) -> bool {
        let before = self.bytes;
        self.bytes = before.saturating_sub(bytes);
        // Those who wait looked while it was not so.
        before >= READY && self.bytes < READY
    }

    /// Whether the lane has yet to be opened; from now on it is.
    pub(super) fn start(&mut self, lane: usize) -> bool {
        !std::mem::replace(&mut self.lanes.at(lane).started, true)
    }

    /// Whether somebody has to begin to write the lane, because nobody does; from now on somebody does.
    pub(super) fn run(&mut self, lane: usize) -> bool {
        self.start(lane);
        !std::mem::replace(&mut self.lanes.at(lane).running, true)
    }

    /// For the writer of a lane that found nothing: whether that is still so. Then it writes no more, until
    /// another [begins](Self::run).
    pub(super) fn rest(&mut self, lane: usize) -> bool {
        let rests =
            self.ended.is_none() && self.lanes.at(lane).pending.is_empty() && !self.is_finished();
        if rests {
            self.lanes.at(lane).running = false;
        }
        rests
    }

    /// Which lanes have something to write.
    pub(super) fn waiting_lanes(&self) -> Wake {
        self.wake_those(|lane| !lane.pending.is_empty())
    }

    /// Lanes that were opened.
    pub(super) fn started_lanes(&self) -> Wake {
        self.wake_those(|lane| lane.started)
    }

    fn wake_those(&self, those: impl Fn(&Lane) -> bool) -> Wake {
        let chosen = self.lanes.all().filter(|(_, lane)| those(lane));
        chosen.fold(Wake::default(), |wake, (lane, _)| wake | Wake::lane(lane))
    }

    /// Bytes that wait to be sent.
    pub(super) fn waiting(&self) -> usize {
        self.bytes
    }

    /// Messages added so far.
    pub(super) fn messages(&self) -> u64 {
        self.messages
    }

    /// Ends the sending after what is there, also what waits for credit: then writers finish their lanes.
    pub(super) fn say_goodbye(&mut self) {
        let mut used: [bool; DATA_LANES] = std::array::from_fn(|lane| {
            let lane = self.lanes.at(lane);
            lane.started || !lane.pending.is_empty()
        });
        for held in self.targets.held().chain(self.sides.held()) {
            used[held.lane()] = true;
        }
        let lanes = used.into_iter().filter(|used| *used).count() as u8;
        let _ = self.add_control(&Control::Goodbye { lanes });
        self.goodbye = true;
    }

    /// Why nothing may be added any more.
    pub(super) fn ended(&self) -> Option<ExitReason> {
        self.ended.clone()
    }

    /// Drops everything. False if that was done before.
    pub(super) fn end(&mut self, reason: &ExitReason) -> bool {
        if self.ended.is_some() {
            return false;
        }
        *self = Self {
            ended: Some(reason.clone()),
            messages: self.messages,
            ..Self::default()
        };
        true
    }

    fn make_room(&self, bytes: usize) -> Result<(), Unsent> {
        match &self.ended {
            Some(reason) => Err(Unsent::Ended(reason.clone())),
            None if self.bytes + bytes > OUTBOX => Err(Unsent::Overflow),
            None => Ok(()),
        }
    }

    /// The way of a message. None if there are too many targets.
    fn way(&mut self, message: &Outgoing<'_>) -> Option<Way> {
        if let Some(way) = self.ways.find(message) {
            return Some(way);
        }
        if self.targets.is_full() && self.targets.find(message.to.name()).is_none() {
            self.targets.forget_some();
            self.ways.clear();
        }
        let way = Way {
            target: self.targets.place(message.to.shared_name())?,
            lane: message.lane(),
            route: None,
        };
        self.ways.insert(message, way);
        Some(way)
    }

    fn send_held(&mut self, held: Held) -> Wake {
        match held {
            Held::Message(message) => {
                let outgoing = message.borrowed();
                match self.way(&outgoing) {
                    Some(way) => self.send_message(way, &outgoing, message.cost as usize),
                    // It has a place among the targets for as long as it waits.
                    None => Wake::default(),
                }
            }
            Held::Frame(pair, frame) => self.send_frame(&pair, frame),
        }
    }

    /// Puts a message that has credit on its lane.
    fn send_message(&mut self, way: Way, message: &Outgoing<'_>, cost: usize) -> Wake {
        let large = self.is_large(message.body.len());
        if !large && self.sides.is_empty() {
            if let Some(route) = way.route {
                return self.write_message(way.lane, route, message, cost);
            }
            let (route, wake) = self.route(way.lane, message);
            let way = Way {
                route: Some(route),
                ..way
            };
            self.ways.insert(message, way);
            return wake | self.write_message(way.lane, route, message, cost);
        }
        let pair = Pair::of(message);
        let place = self.sides.place(&pair, large);
        let (lane, opened) = match place {
            Place::Usual => (pair.lane, Wake::default()),
            Place::Side(lane) => (lane, Wake::default()),
            Place::New(lane, number) => (lane, self.open_side(&pair, lane, number)),
            Place::Nowhere => {
                let waiting = Held::Message(message.owned(cost as u64));
                self.sides.hold(&pair, waiting);
                self.held += 1;
                return Wake::default();
            }
        };
        let (route, wake) = self.route(lane, message);
        opened | wake | self.write_message(lane, route, message, cost)
    }

    /// Puts a frame, whose bytes count already, on its lane.
    fn send_frame(&mut self, pair: &Pair, frame: BytesMut) -> Wake {
        let large = self.is_large(frame.len());
        let place = self.sides.place(pair, large);
        if matches!(place, Place::Nowhere) {
            self.sides.hold(pair, Held::Frame(pair.clone(), frame));
            self.held += 1;
            return Wake::default();
        }
        self.bytes -= frame.len();
        let copy = |out: &mut BytesMut| out.extend_from_slice(&frame);
        match place {
            Place::Side(lane) => self.write(lane, copy),
            Place::New(lane, number) => self.open_side(pair, lane, number) | self.write(lane, copy),
            Place::Usual | Place::Nowhere => self.write(pair.lane, copy),
        }
    }

    fn open_side(&mut self, pair: &Pair, lane: usize, number: u64) -> Wake {
        self.write(pair.lane, |out| frame::put_place(out, number))
            | self.write(lane, |out| frame::put_side(out, number))
    }

    /// The number of the message's route on a lane, made known to the peer if it is new.
    fn route(&mut self, lane: usize, message: &Outgoing<'_>) -> (u32, Wake) {
        let key = (
            message.protocol,
            message.version,
            message.to.clone(),
            message.from.cloned(),
        );
        let routes = &mut self.lanes.at(lane).routes;
        if let Some(number) = routes.get(&key) {
            return (*number, Wake::default());
        }
        let full = routes.len() == ROUTES;
        if full {
            routes.clear();
            self.ways.clear();
        }
        let number = routes.len() as u32;
        routes.insert(key, number);
        let route = Route {
            protocol: message.protocol.to_owned(),
            version: message.version,
            to: message.to.name().to_owned(),
            to_incarnation: message.to.incarnation(),
            from: message
                .from
                .map(|from| (from.name().to_owned(), from.incarnation())),
        };
        let wake = self.write(lane, |out| {
            if full {
                frame::put_forget(out);
            }
            frame::put_route(out, &route);
        });
        (number, wake)
    }

    fn write_message(
        &mut self,
        lane: usize,
        route: u32,
        message: &Outgoing<'_>,
        cost: usize,
    ) -> Wake {
        // From here on the bytes themselves count.
        self.bytes = self.bytes.saturating_sub(cost);
        let head = Head {
            route,
            tag: message.tag,
            trace: message.trace,
        };
        self.write(lane, |out| match message.ask {
            None => frame::put_tell(out, head, message.body),
            Some(Due { id, deadline, now }) => {
                let now = now.unwrap_or_else(Instant::now);
                let left = deadline.saturating_duration_since(now);
                let milliseconds = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
                frame::put_ask(out, head, Asked { id, milliseconds }, message.body);
            }
        })
    }

    fn write(&mut self, lane: usize, write: impl FnOnce(&mut BytesMut)) -> Wake {
        let Lane { pending, usual, .. } = self.lanes.at(lane);
        if pending.capacity() == 0 {
            pending.reserve(*usual);
        }
        let before = pending.len();
        write(pending);
        self.bytes += pending.len() - before;
        match before {
            0 => Wake::lane(lane),
            // Its writer has something to do already.
            _ => Wake::default(),
        }
    }

    fn is_finished(&self) -> bool {
        self.goodbye && self.held == 0 && self.sides.is_empty()
    }

    /// Writers that waited for this may finish.
    fn wake_if_finished(&self) -> Wake {
        match self.is_finished() {
            true => self.started_lanes(),
            false => Wake::default(),
        }
    }
}

impl Held {
    /// The usual lane of its pair.
    fn lane(&self) -> usize {
        match self {
            Self::Message(message) => message.borrowed().lane(),
            Self::Frame(pair, _) => pair.lane,
        }
    }
}

impl Outgoing<'_> {
    fn lane(&self) -> usize {
        lane_of(self.from.map_or("", AnyPid::name), self.to.name())
    }

    fn owned(&self, cost: u64) -> Waiting {
        Waiting {
            protocol: self.protocol,
            version: self.version,
            to: self.to.clone(),
            from: self.from.cloned(),
            tag: self.tag,
            trace: self.trace,
            ask: self.ask.map(|due| Due { now: None, ..due }),
            body: self.body.into(),
            cost,
        }
    }
}

impl Waiting {
    fn borrowed(&self) -> Outgoing<'_> {
        Outgoing {
            protocol: self.protocol,
            version: self.version,
            to: &self.to,
            from: self.from.as_ref(),
            tag: self.tag,
            trace: self.trace,
            ask: self.ask,
            body: &self.body,
        }
    }
}

impl Pair {
    pub(super) fn new(from: Arc<str>, to: Arc<str>) -> Self {
        let lane = lane_of(&from, &to);
        Self { from, to, lane }
    }

    /// The pair that a message is sent in.
    pub(super) fn of(message: &Outgoing<'_>) -> Self {
        let from = match message.from {
            Some(from) => from.shared_name().clone(),
            None => Arc::from(""),
        };
        Self::new(from, message.to.shared_name().clone())
    }
}

/// The lane for what `from` sends to `to`: always the same one, so that its order holds.
fn lane_of(from: &str, to: &str) -> usize {
    // FNV-1a: short keys, and the same on every machine.
    let bytes = from.bytes().chain([0]).chain(to.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    (hash % DATA_LANES as u64) as usize
}

impl Wake {
    fn lane(lane: usize) -> Self {
        Self(1 << lane)
    }

    pub(super) fn lanes(self) -> impl Iterator<Item = usize> {
        (0..LANES).filter(move |lane| self.0 & (1 << lane) != 0)
    }
}

impl std::ops::BitOr for Wake {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Wake {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}
