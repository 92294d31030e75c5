//! The door to the handlers of a simulated node: every envelope is written down there, and taps act.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use super::envelope::{Envelope, Kind, Passage};
use super::taps::{Act, Passing};
use super::world::Simulated;
use crate::mailbox::Delivery;
use crate::pid::AnyPid;
use crate::slot::Slot;
use crate::tls::PeerIdentity;

/// A message that is about to be handled.
pub(crate) struct Message<'a> {
    /// In its protocol.
    pub(crate) name: &'static str,
    pub(crate) is_ask: bool,
    pub(crate) sender: Option<&'a AnyPid>,
    pub(crate) peer: Option<&'a PeerIdentity>,
    pub(crate) trace: u64,
    pub(crate) parcel: &'a dyn Any,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    Handle,
    /// To be given to [`Simulated::lose`].
    Lose,
    /// To be given to [`Simulated::hold`].
    Hold,
}

impl Simulated {
    /// Asks the taps about a message for `slot`, and writes it down.
    pub(crate) fn judge(&self, slot: &Arc<Slot>, message: &Message<'_>) -> Judgement {
        if self.loses_power() {
            return Judgement::Lose;
        }
        let to = &slot.pid();
        let from_node = match (message.sender, message.peer) {
            (Some(actor), _) => Some(actor.address()),
            (None, None) => Some(to.address()),
            (None, Some(peer)) => self.world().address_of(peer),
        };
        let mut envelope = Envelope {
            at: self.world().elapsed(),
            from: message.sender.cloned(),
            from_node,
            to: Some(to.clone()),
            message: message.name.into(),
            kind: match message.is_ask {
                true => Kind::Ask,
                false => Kind::Tell,
            },
            trace: message.trace,
            passage: Passage::Handled,
        };
        let (act, told) = self.world().taps(|taps| {
            if taps.is_idle() {
                return (Act::See, Vec::new());
            }
            let pair = (message.sender.cloned(), to.clone());
            if taps.was_released(&pair) {
                return (Act::See, Vec::new());
            }
            if taps.is_held(&pair) {
                return (Act::Delay(Duration::ZERO), Vec::new());
            }
            let passing = Passing {
                from: message.sender,
                from_node,
                to,
            };
            taps.judge(&passing, message.parcel)
        });
        let judgement = match act {
            Act::See => Judgement::Handle,
            Act::Drop => {
                envelope.passage = Passage::Dropped;
                Judgement::Lose
            }
            Act::Delay(Duration::ZERO) => return Judgement::Hold,
            Act::Delay(by) => {
                envelope.passage = Passage::Delayed;
                self.release_after(by, slot, message.sender);
                Judgement::Hold
            }
            Act::Forbid => {
                let why = format!("a message passed that never should:\n{envelope}");
                self.world().fail(why);
                Judgement::Lose
            }
        };
        for told in told {
            // Whoever no longer waits does not want to know.
            let _ = told.send(envelope.clone());
        }
        self.world().record(envelope);
        judgement
    }

    /// Whether a notice of the end of `gone` has to wait behind a delayed message of that actor; if not, it is
    /// written down.
    pub(crate) fn holds_exit(&self, slot: &Arc<Slot>, gone: &AnyPid, reason: &str) -> bool {
        let pair = (Some(gone.clone()), slot.pid());
        if self.gate().is_closed() || self.world().taps(|taps| taps.is_held(&pair)) {
            return true;
        }
        self.world().record(Envelope {
            at: self.world().elapsed(),
            from: Some(gone.clone()),
            from_node: Some(gone.address()),
            to: Some(slot.pid()),
            message: reason.to_owned().into(),
            kind: Kind::Exit,
            trace: 0,
            passage: Passage::Handled,
        });
        false
    }

    /// Writes down that an actor answers.
    pub(crate) fn answered(
        &self,
        from: &AnyPid,
        to: Option<AnyPid>,
        message: &'static str,
        trace: u64,
    ) {
        self.world().record(Envelope {
            at: self.world().elapsed(),
            from: Some(from.clone()),
            from_node: Some(from.address()),
            to,
            message: message.into(),
            kind: Kind::Answer,
            trace,
            passage: Passage::Handled,
        });
    }

    /// Keeps what [`judge`](Self::judge) said to hold.
    pub(crate) fn hold(&self, slot: &Arc<Slot>, sender: Option<AnyPid>, delivery: Delivery) {
        let pair = (sender, slot.pid());
        self.world().taps(|taps| taps.hold(pair, delivery));
    }

    /// Keeps what [`judge`](Self::judge) said to lose, out of everybody's sight.
    pub(crate) fn lose(&self, delivery: Delivery) {
        self.world().taps(|taps| taps.lose(delivery));
    }

    fn release_after(&self, by: Duration, slot: &Arc<Slot>, sender: Option<&AnyPid>) {
        let pair = (sender.cloned(), slot.pid());
        let (world, slot) = (Arc::downgrade(self.world()), Arc::downgrade(slot));
        // Handlers of simulated nodes run within the world's `LocalSet`.
        tokio::task::spawn_local(async move {
            tokio::time::sleep(by).await;
            if let (Some(world), Some(slot)) = (world.upgrade(), slot.upgrade()) {
                let released = world.taps(|taps| taps.release(pair));
                slot.mailbox.put_first(released);
            }
        });
    }
}
