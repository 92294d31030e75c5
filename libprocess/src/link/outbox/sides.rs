//! Pairs of actors of which one sends something large: they move to a lane of their own, so that nobody
//! else waits for it.
//!
//! ```text
//!  lane of many pairs:  ─ a ─ b ─ place(7) ─ b ─ b ─ ... ─ a ─
//!                                    │                     ▲ the next for the pair, once all on 7 arrived
//!  lane 7, of one pair:              └─ a: 16 MB ─ a ─ a ──┘
//! ```
//!
//! Nothing overtakes: the receiver reads a side lane only once it met its `place`, so behind everything
//! that was sent before; what comes for the pair while the side lane is open goes there; and between its
//! last byte and the word that it has arrived, what comes for the pair waits here.

use std::collections::{BTreeMap, VecDeque};

use super::{Held, Pair};
use crate::link::{SIDE_LANES, SIDES};

#[derive(Default)]
pub(super) struct Sides {
    moved: BTreeMap<Pair, Moved>,
    /// By side lane: the number that it has, and whose it is.
    lanes: Vec<Option<(u64, Pair)>>,
    /// In order, the pairs that wait for a side lane.
    queue: VecDeque<Pair>,
    /// Side lanes ever opened.
    opened: u64,
}

/// A pair away from its usual lane.
#[derive(Default)]
struct Moved {
    /// Its side lane, while that may be written to.
    open: Option<usize>,
    held: VecDeque<Held>,
}

/// Where something for a pair goes.
pub(super) enum Place {
    Usual,
    /// On this side lane.
    Side(usize),
    /// On this side lane, which is new: it gets this number.
    New(usize, u64),
    /// Nowhere yet: it is to be held.
    Nowhere,
}

/// What can go once a side lane is free.
#[derive(Default)]
pub(super) struct Released {
    /// A pair that has its side lane now, and that lane's number.
    pub(super) opened: Option<(Pair, usize, u64)>,
    /// In order.
    pub(super) held: Vec<Held>,
}

impl Sides {
    pub(super) fn is_empty(&self) -> bool {
        self.moved.is_empty()
    }

    /// Where something for the pair goes that is `large`, or not.
    pub(super) fn place(&mut self, pair: &Pair, large: bool) -> Place {
        match self.moved.get(pair) {
            Some(moved) => return moved.open.map_or(Place::Nowhere, Place::Side),
            None if !large => return Place::Usual,
            None => {}
        }
        let free = self.lanes.iter().position(Option::is_none).or_else(|| {
            let more = self.lanes.len() < SIDES;
            more.then(|| {
                self.lanes.push(None);
                self.lanes.len() - 1
            })
        });
        // Nobody goes past those who wait.
        let Some(free) = free.filter(|_| self.queue.is_empty()) else {
            self.moved.insert(pair.clone(), Moved::default());
            self.queue.push_back(pair.clone());
            return Place::Nowhere;
        };
        let number = self.open(pair, free);
        Place::New(SIDE_LANES + free, number)
    }

    /// Gives a pair a side lane; gives the lane's number.
    fn open(&mut self, pair: &Pair, free: usize) -> u64 {
        self.opened += 1;
        self.lanes[free] = Some((self.opened, pair.clone()));
        self.moved.entry(pair.clone()).or_default().open = Some(SIDE_LANES + free);
        self.opened
    }

    /// Holds something for a pair that has no place.
    pub(super) fn hold(&mut self, pair: &Pair, held: Held) {
        self.moved
            .entry(pair.clone())
            .or_default()
            .held
            .push_back(held);
    }

    /// Nothing more will be written on the side lane.
    pub(super) fn finish(&mut self, lane: usize) {
        if let Some(Some((_, pair))) = self.lanes.get(lane - SIDE_LANES)
            && let Some(moved) = self.moved.get_mut(pair)
        {
            moved.open = None;
        }
    }

    /// All that was on the side lane with this number has arrived.
    pub(super) fn arrived(&mut self, number: u64) -> Released {
        let mut released = Released::default();
        let is_it = |lane: &Option<(u64, Pair)>| matches!(lane, Some((n, _)) if *n == number);
        let Some(free) = self.lanes.iter().position(is_it) else {
            return released;
        };
        let arrived = self.lanes[free].take();
        if let Some(next) = self.queue.pop_front() {
            let number = self.open(&next, free);
            if let Some(moved) = self.moved.get_mut(&next) {
                released.held.extend(std::mem::take(&mut moved.held));
            }
            released.opened = Some((next, SIDE_LANES + free, number));
        }
        if let Some(moved) = arrived.and_then(|(_, pair)| self.moved.remove(&pair)) {
            released.held.extend(moved.held);
        }
        released
    }

    /// What is held, of all pairs.
    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.moved.values().flat_map(|moved| &moved.held)
    }
}
