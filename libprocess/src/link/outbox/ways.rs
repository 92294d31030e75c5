//! What was found out for the last messages, so that the next ones need no search by name.

use super::Outgoing;
use crate::pid::AnyPid;

/// Most ways remembered at once. Beyond that, messages are slower, not wrong.
const MOST: usize = 256;

/// Ways remembered at first: the pairs of a quiet link.
const FIRST: usize = 4;

/// Where messages from one actor to another go.
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// The place of the receiver among the targets.
    pub(super) target: usize,
    /// The lane of the two.
    pub(super) lane: usize,
    /// The number by which the lane knows them, if it does.
    pub(super) route: Option<u32>,
}

/// A table in which each message has one place, by the identity of its pids.
#[derive(Default)]
pub(super) struct Ways(Vec<Option<Entry>>);

struct Entry {
    to: AnyPid,
    from: Option<AnyPid>,
    protocol: &'static str,
    version: u16,
    way: Way,
}

impl Ways {
    pub(super) fn find(&self, message: &Outgoing<'_>) -> Option<Way> {
        let entry = self.0.get(self.place(message))?.as_ref()?;
        let same_sender = match (&entry.from, message.from) {
            (None, None) => true,
            (Some(known), Some(from)) => known.is_clone(from),
            _ => false,
        };
        (same_sender && entry.is_to(message)).then_some(entry.way)
    }

    pub(super) fn insert(&mut self, message: &Outgoing<'_>, way: Way) {
        let entry = Entry {
            to: message.to.clone(),
            from: message.from.cloned(),
            protocol: message.protocol,
            version: message.version,
            way,
        };
        let taken = |entry: &Option<Entry>| match entry {
            Some(other) => !other.is_to(message),
            None => false,
        };
        let place = self.place(message);
        if self.0.get(place).is_none_or(taken) && self.0.len() < MOST {
            // Too small, it seems. What was known is found out again.
            let size = (self.0.len() * 2).max(FIRST);
            self.0.clear();
            self.0.resize_with(size, || None);
        }
        let place = self.place(message);
        self.0[place] = Some(entry);
    }

    /// Nothing that was found out holds any more.
    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    fn place(&self, message: &Outgoing<'_>) -> usize {
        // The pids' addresses in memory, mixed (Fibonacci hashing): their low bits are all alike.
        let from = message
            .from
            .map_or(0, |from| from.identity().rotate_left(17));
        let key = (message.to.identity() ^ from) as u64;
        let mixed = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        mixed as usize & self.0.len().wrapping_sub(1)
    }
}

impl Entry {
    fn is_to(&self, message: &Outgoing<'_>) -> bool {
        self.to.is_clone(message.to)
            && self.version == message.version
            && self.protocol == message.protocol
    }
}
