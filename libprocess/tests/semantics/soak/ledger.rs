//! What happened, as the actors saw it.

use std::sync::{Arc, Mutex};

use libprocess::prelude::*;

/// A message that was handled.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    /// Who handled it: one life of an actor.
    pub(super) by: AnyPid,
    /// Whom the sender meant.
    pub(super) meant: AnyPid,
    pub(super) from: AnyPid,
    /// The sender counts what it sends to each receiver.
    pub(super) number: u64,
}

/// The notice of an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    Began { by: AnyPid, of: AnyPid },
    Ended { by: AnyPid, of: AnyPid },
}

#[derive(Default)]
pub(super) struct Told {
    pub(super) heard: Vec<Heard>,
    pub(super) watches: Vec<Watch>,
    /// Asks that ended later than by their deadline.
    pub(super) late_asks: usize,
}

/// Clones are handles of the same one.
#[derive(Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Told>>);

impl Ledger {
    pub(super) fn write(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.0.lock().unwrap());
    }

    pub(super) fn look<R>(&self, at: impl FnOnce(&Told) -> R) -> R {
        at(&self.0.lock().unwrap())
    }
}
