//! Bonds: the two halves of what authors know as a link between two actors.

use std::sync::Arc;

use super::{Node, Watch, Way};
use crate::error::ExitReason;
use crate::link::Link;
use crate::mailbox::Delivery;
use crate::pid::{ANY_INCARNATION, AnyPid};
use crate::slot::{Slot, Watcher};

/// One actor's half of a bond.
pub(crate) struct Bond {
    /// The other actor.
    pub(crate) with: AnyPid,
    /// What has this actor hear of the other's end; dropping it takes that back.
    pub(crate) _watch: Watch,
    /// How the other is told that the bond is over.
    pub(crate) other: Other,
}

/// Where the other half is.
pub(crate) enum Other {
    /// On this node, under this number.
    Here(Arc<Slot>, u64),
    /// On another, under this number of the link.
    There(Arc<Link>, u64),
    Nowhere,
}

/// What one half is told of the other.
pub(crate) enum Bonding {
    Made(u64, Bond),
    Over(u64),
}

impl Bond {
    /// Whether it is one with the actor that `pid` means. A name means whoever has it.
    pub(crate) fn is_with(&self, pid: &AnyPid) -> bool {
        let same_name = self.with.name() == pid.name() && self.with.address() == pid.address();
        let lives = [self.with.incarnation(), pid.incarnation()];
        same_name && (lives[0] == lives[1] || lives.contains(&ANY_INCARNATION))
    }

    /// Ends it on both sides.
    pub(crate) fn dissolve(self) {
        match self.other {
            Other::Here(slot, number) => slot
                .mailbox
                .put(Delivery::Bond(Box::new(Bonding::Over(number)))),
            Other::There(link, number) => link.dissolve(number),
            Other::Nowhere => {}
        }
    }
}

impl Node {
    /// Binds an actor of this node to another one, wherever. Gives its half, and the number under which it
    /// will hear of the other's end: at once, if that is not there.
    pub(crate) fn bond(&self, slot: &Arc<Slot>, pid: &AnyPid) -> (u64, Bond) {
        let number = slot.next_bond();
        let bond = match self.way(pid) {
            Way::Here(other) => bond_here(slot, number, &other),
            Way::There(link) => link.bond(slot, number, pid),
            Way::Nowhere => {
                watcher(slot, number, pid.clone()).announce(ExitReason::NoProcess);
                Bond {
                    with: pid.clone(),
                    _watch: Watch::Over,
                    other: Other::Nowhere,
                }
            }
        };
        (number, bond)
    }
}

fn bond_here(slot: &Arc<Slot>, number: u64, other: &Arc<Slot>) -> Bond {
    let back = other.next_bond();
    let half = Bond {
        with: slot.pid(),
        _watch: watch(slot, watcher(other, back, slot.pid())),
        other: Other::Here(slot.clone(), number),
    };
    // If it has ended since, nothing becomes of its half, and this one hears of it.
    let made = Bonding::Made(back, half);
    other.mailbox.put(Delivery::Bond(Box::new(made)));
    Bond {
        with: other.pid(),
        _watch: watch(other, watcher(slot, number, other.pid())),
        other: Other::Here(other.clone(), back),
    }
}

/// Has `slot` hear of the end of `pid`.
pub(crate) fn watcher(slot: &Arc<Slot>, number: u64, pid: AnyPid) -> Watcher {
    Watcher::OfEnd {
        watcher: slot.clone(),
        monitor: number,
        pid,
    }
}

fn watch(slot: &Arc<Slot>, watcher: Watcher) -> Watch {
    match slot.watch(watcher) {
        Ok(number) => Watch::Here(slot.clone(), number),
        Err(late) => {
            late.announce(slot.end_reason().unwrap_or(ExitReason::NoProcess));
            Watch::Over
        }
    }
}
