//! Links between actors: two that end together. In code they are *bonds*, as links are between nodes.
//!
//! Each end holds its half: a watcher at the other, and the way to tell it that the bond is over.

use std::collections::BTreeMap;

use actix::{Actor, Handler};

use super::Context;
use crate::error::{ExitReason, Exited};
use crate::node::{Bond, Bonding};
use crate::pid::AnyPid;

/// Begins the reason of an actor that ended with another; it passes on unchanged to those linked to it.
const LINKED: &str = "linked to ";

/// The bonds of an actor, by the number under which it hears of the other's end.
#[derive(Default)]
pub(super) struct Bonds {
    /// The actor wants to hear of ends, and live.
    trapped: bool,
    bonds: BTreeMap<u64, Bond>,
}

impl<A: Actor<Context = Context<A>>> Context<A> {
    /// Links this actor and another, here or on another node: when one of them ends for any reason but
    /// [`Normal`](ExitReason::Normal), or the link between their nodes breaks, the other one ends as well, as
    /// [`Failed`](ExitReason::Failed) with the name and the reason of the one that was first.
    ///
    /// It does so in its turn: behind what was sent to it before, and not before what it waits for
    /// (`ctx.wait`) is over. An actor that called [`trap_exits`](Self::trap_exits) gets an [`Exited`] instead.
    /// An actor that ends as `Normal` leaves its links without a word; a supervisor that stops it does so
    /// too. Linking twice is linking once. To link to what is not there is to hear
    /// [`NoProcess`](ExitReason::NoProcess); to an actor of a node that does not let this one
    /// ([`NodeBuilder::allow_links`](crate::NodeBuilder::allow_links)), [`Failed`](ExitReason::Failed) with the reason.
    pub fn link(&mut self, pid: impl Into<AnyPid>) {
        let pid = pid.into();
        let bonds = self.bonds.get_or_insert_default();
        if pid == self.me || bonds.bonds.values().any(|bond| bond.is_with(&pid)) {
            return;
        }
        let (number, bond) = self.node.bond(&self.slot, &pid);
        bonds.bonds.insert(number, bond);
    }

    /// Takes a link back, whichever of the two made it: neither hears of the other's end any more, provided that
    /// it comes after the other has heard of this.
    pub fn unlink(&mut self, pid: impl Into<AnyPid>) {
        let pid = pid.into();
        let Some(bonds) = &mut self.bonds else {
            return;
        };
        for (_, bond) in bonds.bonds.extract_if(.., |_, bond| bond.is_with(&pid)) {
            bond.dissolve();
        }
    }

    /// From now on the ends of linked actors are handled as [`Exited`], as those of monitored ones are, and do not
    /// end this actor.
    pub fn trap_exits(&mut self)
    where
        A: Handler<Exited>,
    {
        self.handle_exits();
        self.bonds.get_or_insert_default().trapped = true;
    }

    /// The other end made a bond, or dissolved it.
    pub(super) fn bonding(&mut self, bonding: Bonding) {
        match bonding {
            Bonding::Made(number, bond) => {
                let bonds = self.bonds.get_or_insert_default();
                bonds.bonds.insert(number, bond);
            }
            Bonding::Over(number) => {
                if let Some(bonds) = &mut self.bonds {
                    bonds.bonds.remove(&number);
                }
            }
        }
    }

    /// The other end of a bond has ended. Gives the notice if it is to be handled.
    pub(super) fn take_bond(&mut self, number: u64, exited: Exited) -> Option<Exited> {
        let bonds = self.bonds.as_mut()?;
        let ended = bonds.bonds.remove(&number)?;
        // They may be bound twice, if each linked to the other.
        bonds.bonds.retain(|_, bond| !bond.is_with(&ended.with));
        let trapped = bonds.trapped;
        let Exited { pid, reason } = &exited;
        match reason {
            ExitReason::Normal => None,
            _ if trapped => Some(exited),
            ExitReason::Failed(why) if why.starts_with(LINKED) => {
                self.fail(why.clone());
                None
            }
            reason => {
                self.fail(format!("{LINKED}{pid}: {reason}"));
                None
            }
        }
    }
}
