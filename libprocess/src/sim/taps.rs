//! The taps in force, and what they do with a message that is about to be handled.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::Message;
use tokio::sync::oneshot;

use super::envelope::Envelope;
use super::party::Party;
use crate::mailbox::Delivery;
use crate::parcel::content;
use crate::pid::AnyPid;

/// What a tap does with a message that it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Looks at it.
    See,
    Drop,
    Delay(Duration),
    /// Fails the run.
    Forbid,
}

/// Who sends a message to whom.
pub(super) struct Passing<'a> {
    pub(super) from: Option<&'a AnyPid>,
    pub(super) from_node: Option<SocketAddr>,
    pub(super) to: &'a AnyPid,
}

pub(super) struct Tap {
    pub(super) from: Party,
    pub(super) to: Party,
    pub(super) act: Act,
    /// Whether it is a message that is meant.
    pub(super) meant: Meant,
    /// Told of the first; then the tap is over, unless it forbids.
    pub(super) seen: Option<oneshot::Sender<Envelope>>,
}

/// A condition on messages of type `M`, which may be set while the tap is in force.
pub(super) struct Condition<M>(Arc<Mutex<Option<Predicate<M>>>>);

/// Whether a parcel is one that is meant.
type Meant = Box<dyn Fn(&dyn Any) -> bool + Send>;

type Predicate<M> = Box<dyn Fn(&M) -> bool + Send>;

impl<M: Message + 'static> Condition<M> {
    pub(super) fn new() -> Self {
        Condition(Arc::default())
    }

    pub(super) fn set(&self, predicate: impl Fn(&M) -> bool + Send + 'static) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(predicate));
    }

    /// Whether a parcel holds an `M` that fulfils it.
    pub(super) fn check(&self) -> Meant
    where
        M: Send,
        M::Result: Send,
    {
        let condition = self.0.clone();
        Box::new(move |parcel| {
            let Some(message) = content::<M>(parcel) else {
                return false;
            };
            let condition = condition.lock().unwrap_or_else(PoisonError::into_inner);
            condition
                .as_ref()
                .is_none_or(|predicate| predicate(message))
        })
    }
}

#[derive(Default)]
pub(super) struct Taps {
    taps: BTreeMap<u64, Tap>,
    added: u64,
    /// By sender and receiver: a delayed message, and all that came after it.
    held: BTreeMap<Pair, VecDeque<Delivery>>,
    /// Pairs of which the next message was delayed long enough.
    released: BTreeSet<Pair>,
    /// Messages that were dropped. Kept, so that whoever asked waits until the deadline.
    lost: Vec<Delivery>,
}

/// A sender, if it is an actor, and a receiver.
pub(super) type Pair = (Option<AnyPid>, AnyPid);

impl Taps {
    pub(super) fn add(&mut self, tap: Tap) -> u64 {
        self.added += 1;
        self.taps.insert(self.added, tap);
        self.added
    }

    pub(super) fn remove(&mut self, number: u64) {
        self.taps.remove(&number);
    }

    /// Whether messages of this pair wait for one that is delayed.
    pub(super) fn is_held(&self, pair: &Pair) -> bool {
        self.held.contains_key(pair)
    }

    /// Keeps a delivery behind those of its pair that wait already.
    pub(super) fn hold(&mut self, pair: Pair, delivery: Delivery) {
        self.held.entry(pair).or_default().push_back(delivery);
    }

    /// Ends a delay: what is to be delivered now, before all else. The first of it is not judged again.
    pub(super) fn release(&mut self, pair: Pair) -> VecDeque<Delivery> {
        let held = self.held.remove(&pair).unwrap_or_default();
        self.released.insert(pair);
        held
    }

    /// Whether this is the message that was delayed.
    pub(super) fn was_released(&mut self, pair: &Pair) -> bool {
        self.released.remove(pair)
    }

    pub(super) fn lose(&mut self, delivery: Delivery) {
        self.lost.push(delivery);
    }

    /// Whether there is nothing to be looked for.
    pub(super) fn is_idle(&self) -> bool {
        self.taps.is_empty() && self.held.is_empty() && self.released.is_empty()
    }

    /// What is to be done with a message, by the first tap that means it and does more than look; and who is to be
    /// told of it.
    pub(super) fn judge(
        &mut self,
        passing: &Passing<'_>,
        parcel: &dyn Any,
    ) -> (Act, Vec<oneshot::Sender<Envelope>>) {
        let (mut act, mut told, mut over) = (Act::See, Vec::new(), Vec::new());
        for (number, tap) in &mut self.taps {
            let to_node = Some(passing.to.address());
            if !tap.from.means(passing.from, passing.from_node)
                || !tap.to.means(Some(passing.to), to_node)
                || !(tap.meant)(parcel)
            {
                continue;
            }
            match (tap.act, act) {
                (Act::See, _) => {}
                (new, Act::See) => act = new,
                // Another tap has it already; this one waits for the next.
                _ => continue,
            }
            told.extend(tap.seen.take());
            if tap.act != Act::Forbid {
                over.push(*number);
            }
        }
        for number in over {
            self.taps.remove(&number);
        }
        (act, told)
    }
}
