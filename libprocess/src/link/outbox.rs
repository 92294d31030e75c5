//! What waits to be sent to one other node: bytes per lane, and messages that wait for credit.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use super::{CONTROL_LANE, DATA_LANES, MESSAGE_OVERHEAD, OUTBOX, READY, ROUTES, TARGETS, WINDOW};
use crate::error::ExitReason;
use crate::pid::AnyPid;
use crate::wire::frame::{self, Asked, Control, Head, Route};

#[derive(Default)]
pub(super) struct Outbox {
    lanes: [Lane; DATA_LANES + 1],
    /// By name of the receiving actor.
    targets: BTreeMap<Arc<str>, Target>,
    /// Bytes waiting, in lanes, for credit and being written.
    bytes: usize,
    /// How many things wait for credit.
    held: usize,
    /// Nothing may be added any more.
    ended: Option<ExitReason>,
    goodbye: bool,
    /// Messages added so far.
    messages: u64,
}

#[derive(Default)]
struct Lane {
    pending: BytesMut,
    /// Numbers that the peer knows for who sends to whom.
    routes: BTreeMap<RouteKey, u32>,
    /// Its writer runs.
    started: bool,
}

type RouteKey = (&'static str, u16, AnyPid, Option<AnyPid>);

#[derive(Default)]
struct Target {
    /// Of the window, in bytes.
    used: u64,
    held: VecDeque<Held>,
}

/// Something that has to wait for its target's credit, or for what waits before it.
enum Held {
    Message(Outgoing<AnyPid>, u64),
    /// An answer or a notice: needs no credit, but keeps its place.
    Frame(usize, BytesMut),
}

impl Held {
    fn lane(&self) -> usize {
        match self {
            Self::Message(message, _) => message.head().lane(),
            Self::Frame(lane, _) => *lane,
        }
    }
}

/// A message to an actor of the other node.
pub(crate) struct Outgoing<Address> {
    pub(crate) protocol: &'static str,
    /// Of the protocol.
    pub(crate) version: u16,
    pub(crate) to: Address,
    pub(crate) from: Option<Address>,
    pub(crate) tag: u32,
    pub(crate) trace: u64,
    /// Id and deadline, for asks.
    pub(crate) ask: Option<(u64, Instant)>,
    pub(crate) body: Vec<u8>,
}

/// What became of something added.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// The writer of this lane has something to do.
    Wake(usize),
    /// Nothing to be done: a writer is busy already, or it waits for credit.
    Waits,
    /// There is no room; the link must break.
    Overflow,
    /// The link has ended.
    Ended(ExitReason),
}

/// What a writer finds.
pub(super) enum Taken {
    Bytes(Bytes),
    Nothing,
    /// The lane is finished: after a goodbye.
    Finished,
    Ended,
}

impl Outbox {
    /// Whether a message to `name` would leave at once; the reason if the link has ended.
    pub(super) fn is_ready(&self, name: &str) -> Result<bool, ExitReason> {
        if let Some(reason) = &self.ended {
            return Err(reason.clone());
        }
        let credit = self
            .targets
            .get(name)
            .is_none_or(|target| target.has_credit());
        Ok(credit && self.bytes < READY)
    }

    pub(super) fn add_message(&mut self, message: Outgoing<&AnyPid>) -> Added {
        if let Some(reason) = &self.ended {
            return Added::Ended(reason.clone());
        }
        let cost = (message.body.len() + MESSAGE_OVERHEAD) as u64;
        if self.bytes + cost as usize > OUTBOX || !self.has_place_for(message.to) {
            return Added::Overflow;
        }
        self.bytes += cost as usize;
        self.messages += 1;
        let target = self
            .targets
            .entry(message.to.shared_name().clone())
            .or_default();
        if !target.has_credit() {
            target.held.push_back(Held::Message(message.owned(), cost));
            self.held += 1;
            return Added::Waits;
        }
        target.used += cost;
        self.write_message(&message, &message.body, cost as usize)
    }

    /// Adds an answer or a notice to an actor, behind whatever waits for that actor.
    pub(super) fn add_frame(&mut self, lane: usize, target: &str, frame: BytesMut) -> Added {
        if let Some(reason) = &self.ended {
            return Added::Ended(reason.clone());
        }
        if self.bytes + frame.len() > OUTBOX {
            return Added::Overflow;
        }
        self.bytes += frame.len();
        match self.targets.get_mut(target) {
            Some(target) if !target.held.is_empty() => {
                target.held.push_back(Held::Frame(lane, frame));
                self.held += 1;
                Added::Waits
            }
            _ => self.write_frame(lane, &frame),
        }
    }

    pub(super) fn add_control(&mut self, control: &Control) -> Added {
        if let Some(reason) = &self.ended {
            return Added::Ended(reason.clone());
        }
        let mut frame = BytesMut::new();
        frame::put_control(&mut frame, control);
        if self.bytes + frame.len() > OUTBOX {
            return Added::Overflow;
        }
        self.bytes += frame.len();
        self.write_frame(CONTROL_LANE, &frame)
    }

    /// The peer has room again for `bytes` of messages to `name`. Gives the lanes to wake.
    pub(super) fn add_credit(&mut self, name: &str, bytes: u64) -> [bool; DATA_LANES + 1] {
        let mut wake = [false; DATA_LANES + 1];
        if let Some(target) = self.targets.get_mut(name) {
            target.used = target.used.saturating_sub(bytes);
        }
        while let Some(released) = self.targets.get_mut(name).and_then(Target::release) {
            self.held -= 1;
            let added = match released {
                Held::Message(message, cost) => {
                    self.write_message(&message.head(), &message.body, cost as usize)
                }
                Held::Frame(lane, frame) => self.write_frame(lane, &frame),
            };
            if let Added::Wake(lane) = added {
                wake[lane] = true;
            }
        }
        if self.goodbye && self.held == 0 {
            // Writers that waited for this may finish.
            wake = std::array::from_fn(|lane| self.lanes[lane].started);
        }
        wake
    }

    /// For the writer of a lane: what to write next.
    pub(super) fn take(&mut self, lane: usize) -> Taken {
        if self.ended.is_some() {
            return Taken::Ended;
        }
        if !self.lanes[lane].pending.is_empty() {
            return Taken::Bytes(std::mem::take(&mut self.lanes[lane].pending).freeze());
        }
        match self.goodbye && self.held == 0 {
            true => Taken::Finished,
            false => Taken::Nothing,
        }
    }

    /// For the writer of a lane: so many bytes were written. Whether there is room again for those who
    /// wait to send.
    pub(super) fn written(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.bytes < READY
    }

    /// Whether the lane's writer has yet to be started; from now on it is.
    pub(super) fn start(&mut self, lane: usize) -> bool {
        !std::mem::replace(&mut self.lanes[lane].started, true)
    }

    /// Which data lanes have something to write.
    pub(super) fn waiting_lanes(&self) -> [bool; DATA_LANES + 1] {
        std::array::from_fn(|lane| !self.lanes[lane].pending.is_empty())
    }

    /// Lanes whose writers run.
    pub(super) fn started_lanes(&self) -> [bool; DATA_LANES + 1] {
        std::array::from_fn(|lane| self.lanes[lane].started)
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
            self.lanes[lane].started || !self.lanes[lane].pending.is_empty()
        });
        let held = self.targets.values().flat_map(|target| &target.held);
        held.for_each(|held| used[held.lane()] = true);
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
            ..Self::default()
        };
        true
    }

    /// Makes room for one more target if there are too many, by forgetting some that owe little.
    fn has_place_for(&mut self, to: &AnyPid) -> bool {
        if self.targets.len() < TARGETS || self.targets.contains_key(to.name()) {
            return true;
        }
        self.targets
            .retain(|_, target| !target.held.is_empty() || target.used >= WINDOW / 4);
        self.targets.len() < TARGETS
    }

    fn write_message(&mut self, message: &Outgoing<&AnyPid>, body: &[u8], cost: usize) -> Added {
        let lane = lane_of(
            message.from.map(AnyPid::name).unwrap_or_default(),
            message.to.name(),
        );
        let Lane {
            pending, routes, ..
        } = &mut self.lanes[lane];
        let was_empty = pending.is_empty();
        let before = pending.len();
        let head = Head {
            route: route(pending, routes, message),
            tag: message.tag,
            trace: message.trace,
        };
        match message.ask {
            None => frame::put_tell(pending, head, body),
            Some((id, deadline)) => {
                let left = deadline.saturating_duration_since(Instant::now());
                let milliseconds = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
                frame::put_ask(pending, head, Asked { id, milliseconds }, body);
            }
        }
        // From here on the bytes themselves count.
        self.bytes = (self.bytes + pending.len() - before).saturating_sub(cost);
        wake(was_empty, lane)
    }

    fn write_frame(&mut self, lane: usize, frame: &[u8]) -> Added {
        let pending = &mut self.lanes[lane].pending;
        let was_empty = pending.is_empty();
        pending.extend_from_slice(frame);
        wake(was_empty, lane)
    }
}

impl Target {
    fn has_credit(&self) -> bool {
        self.used < WINDOW && self.held.is_empty()
    }

    /// The next that need not wait any more.
    fn release(&mut self) -> Option<Held> {
        if self.used >= WINDOW && matches!(self.held.front(), Some(Held::Message(..))) {
            return None;
        }
        let released = self.held.pop_front()?;
        if let Held::Message(_, cost) = &released {
            self.used += cost;
        }
        Some(released)
    }
}

impl Outgoing<&AnyPid> {
    pub(super) fn lane(&self) -> usize {
        lane_of(
            self.from.map(AnyPid::name).unwrap_or_default(),
            self.to.name(),
        )
    }

    fn owned(self) -> Outgoing<AnyPid> {
        Outgoing {
            to: self.to.clone(),
            from: self.from.cloned(),
            protocol: self.protocol,
            version: self.version,
            tag: self.tag,
            trace: self.trace,
            ask: self.ask,
            body: self.body,
        }
    }
}

impl Outgoing<AnyPid> {
    /// All but the body, borrowed.
    fn head(&self) -> Outgoing<&AnyPid> {
        Outgoing {
            to: &self.to,
            from: self.from.as_ref(),
            protocol: self.protocol,
            version: self.version,
            tag: self.tag,
            trace: self.trace,
            ask: self.ask,
            body: Vec::new(),
        }
    }
}

/// The lane for what `from` sends to `to`: always the same one, so that its order holds.
pub(super) fn lane_of(from: &str, to: &str) -> usize {
    // FNV-1a: short keys, and the same on every machine.
    let bytes = from.bytes().chain([0]).chain(to.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    (hash % DATA_LANES as u64) as usize
}

fn wake(was_empty: bool, lane: usize) -> Added {
    if was_empty {
        Added::Wake(lane)
    } else {
        Added::Waits
    }
}

/// The number of the message's route, made known to the peer if it is new.
fn route(
    pending: &mut BytesMut,
    routes: &mut BTreeMap<RouteKey, u32>,
    message: &Outgoing<&AnyPid>,
) -> u32 {
    let key = (
        message.protocol,
        message.version,
        message.to.clone(),
        message.from.cloned(),
    );
    if let Some(number) = routes.get(&key) {
        return *number;
    }
    if routes.len() == ROUTES {
        routes.clear();
        frame::put_forget(pending);
    }
    let number = routes.len() as u32;
    let route = Route {
        protocol: message.protocol.to_owned(),
        version: message.version,
        to: message.to.name().to_owned(),
        to_incarnation: message.to.incarnation(),
        from: message
            .from
            .map(|from| (from.name().to_owned(), from.incarnation())),
    };
    frame::put_route(pending, &route);
    routes.insert(key, number);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(name: &str) -> AnyPid {
        AnyPid::new(Arc::from(name), crate::LOCAL_ADDRESS, 1)
    }

    fn tell(outbox: &mut Outbox, to: &AnyPid, body: Vec<u8>) -> Added {
        outbox.add_message(Outgoing {
            protocol: "p",
            version: 1,
            to,
            from: None,
            tag: 1,
            trace: 0,
            ask: None,
            body,
        })
    }

    /// The first bytes of the bodies that a writer finds on the lane to `to`.
    fn written(outbox: &mut Outbox, to: &AnyPid) -> Vec<u8> {
        let Taken::Bytes(bytes) = outbox.take(lane_of("", to.name())) else {
            return Vec::new();
        };
        outbox.written(bytes.len());
        let mut bodies = Vec::new();
        let mut rest = &bytes[..];
        while let Some((content, length)) = frame::split(rest).unwrap() {
            match frame::parse(content).unwrap() {
                frame::Frame::Tell(_, body) => bodies.push(body[0]),
                frame::Frame::Exited(monitor, _) => bodies.push(monitor as u8),
                _ => {}
            }
            rest = &rest[length..];
        }
        bodies
    }

    #[test]
    fn without_credit_messages_wait_and_with_them_what_comes_after() {
        let (slow, fast) = (pid("slow"), pid("fast"));
        let mut outbox = Outbox::default();
        let half = || vec![1; WINDOW as usize / 2];
        tell(&mut outbox, &slow, half());
        tell(&mut outbox, &slow, half());
        assert_eq!(outbox.is_ready("slow"), Ok(false));
        assert_eq!(outbox.is_ready("fast"), Ok(true));

        assert_eq!(tell(&mut outbox, &slow, vec![2]), Added::Waits);
        let mut exited = BytesMut::new();
        frame::put_exited(&mut exited, 3, &ExitReason::Normal);
        outbox.add_frame(lane_of("", "slow"), "slow", exited);
        tell(&mut outbox, &fast, vec![9]);
        assert_eq!(written(&mut outbox, &slow), [1, 1]);
        assert_eq!(written(&mut outbox, &fast), [9]);

        outbox.add_credit("slow", WINDOW / 2);
        assert_eq!(written(&mut outbox, &slow), [2, 3]);
        assert_eq!(outbox.waiting(), 0);
    }

    #[test]
    fn what_does_not_fit_is_an_overflow() {
        let to = pid("slow");
        let mut outbox = Outbox::default();
        let mut last = Added::Waits;
        for _ in 0..1000 {
            last = tell(&mut outbox, &to, vec![0; 1 << 20]);
            if last == Added::Overflow {
                break;
            }
        }
        assert_eq!(last, Added::Overflow);
        assert!(outbox.waiting() <= OUTBOX);
        assert!(outbox.end(&ExitReason::Overloaded));
        assert!(!outbox.end(&ExitReason::Normal));
        assert_eq!(
            tell(&mut outbox, &to, vec![]),
            Added::Ended(ExitReason::Overloaded)
        );
    }

    #[test]
    fn routes_begin_anew_when_they_are_used_up() {
        let mut outbox = Outbox::default();
        let names = (0..ROUTES * DATA_LANES * 2).map(|n| pid(&format!("actor{n}")));
        for to in names {
            assert_ne!(tell(&mut outbox, &to, vec![1]), Added::Overflow);
        }
        assert!(outbox.lanes.iter().all(|lane| lane.routes.len() <= ROUTES));
        assert!(outbox.targets.len() <= TARGETS);
    }

    #[test]
    fn a_pair_of_actors_has_one_lane() {
        assert_eq!(lane_of("a", "b"), lane_of("a", "b"));
        let used = (0..100).map(|n| lane_of("a", &format!("b{n}")));
        let used: std::collections::BTreeSet<_> = used.collect();
        assert_eq!(used.len(), DATA_LANES);
    }
}
