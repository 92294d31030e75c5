//! Asks that an actor has begun to handle and will answer later.

use std::any::type_name;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::limits::ASKS;
use super::view::{AskView, ProcessView};
use crate::parcel::Origin;
use crate::slot::Slot;

/// Those of one actor. Bounded by the asks that it has accepted.
#[derive(Default)]
pub(crate) struct BegunAsks(Mutex<Option<Box<Asks>>>);

#[derive(Default)]
struct Asks {
    next: u64,
    /// In the order in which they were begun.
    waiting: BTreeMap<u64, (&'static str, Origin)>,
}

/// While it lives, the ask is begun and not answered.
pub(crate) struct Begun {
    slot: Arc<Slot>,
    number: u64,
}

impl Begun {
    /// The actor of `slot` has begun to handle an `M` of this origin.
    pub(crate) fn note<M>(slot: &Arc<Slot>, origin: Origin) -> Self {
        let mut asks = slot.begun.lock();
        let asks = asks.get_or_insert_default();
        let number = asks.next;
        asks.next += 1;
        asks.waiting.insert(number, (type_name::<M>(), origin));
        Self {
            slot: slot.clone(),
            number,
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut asks = self.slot.begun.lock();
        if let Some(there) = &mut *asks {
            there.waiting.remove(&self.number);
            if there.waiting.is_empty() {
                // An idle actor holds no memory for it.
                *asks = None;
            }
        }
    }
}

impl BegunAsks {
    fn lock(&self) -> MutexGuard<'_, Option<Box<Asks>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn views(&self, now: Instant) -> Vec<AskView> {
        let asks = self.lock();
        let waiting = asks.iter().flat_map(|asks| asks.waiting.values());
        waiting
            .map(|(message, origin)| ask(short(message), origin, true, now))
            .filter(|ask| ask.left_millis > 0)
            .take(ASKS)
            .collect()
    }
}

impl Slot {
    /// What can be seen of the actor.
    pub(super) fn view(self: &Arc<Self>) -> ProcessView {
        let info = crate::node::ProcessInfo::of(self);
        let now = Instant::now();
        let mut asks = self.begun.views(now);
        let room = ASKS.saturating_sub(asks.len());
        let queued = self.mailbox.asks(room).into_iter();
        asks.extend(queued.map(|(tag, origin)| ask(self.message_name(tag), &origin, false, now)));
        ProcessView {
            pid: info.pid,
            protocol: info.protocol.to_owned(),
            parent: info.parent,
            depth: info.depth,
            capacity: info.capacity,
            handled: info.handled,
            dropped: info.dropped,
            busy_micros: u64::try_from(info.busy.as_micros()).unwrap_or(u64::MAX),
            restarts: info.restarts,
            blocked: self.mailbox.is_blocked(),
            asks,
        }
    }

    /// What the protocol calls the message of this number.
    pub(crate) fn message_name(&self, tag: u32) -> String {
        let listed = self
            .protocol
            .messages
            .iter()
            .find(|(number, _)| *number == tag);
        listed.map_or_else(|| format!("#{tag}"), |(_, name)| short(name))
    }
}

fn ask(message: String, origin: &Origin, begun: bool, now: Instant) -> AskView {
    let left = origin
        .deadline
        .map_or(Duration::ZERO, |deadline| deadline.duration_since(now));
    AskView {
        from: origin.sender.clone(),
        message,
        begun,
        left_millis: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
    }
}

/// The name of a type without the paths: `a::B<c::D>` is `B<D>`.
pub(crate) fn short(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    let mut word = 0;
    for c in name.chars().filter(|c| !c.is_whitespace()) {
        if c == ':' {
            short.truncate(word);
            continue;
        }
        short.push(c);
        if !c.is_alphanumeric() && c != '_' {
            word = short.len();
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_without_paths() {
        for (long, expected) in [
            ("Add", "Add"),
            ("my_app::counter::Add", "Add"),
            ("a::Pb<b::v1::Call, c::D>", "Pb<Call,D>"),
            ("Pb < v1 :: Call >", "Pb<Call>"),
            ("(a::B, [u8; 4])", "(B,[u8;4])"),
        ] {
            assert_eq!(short(long), expected);
        }
    }
}
