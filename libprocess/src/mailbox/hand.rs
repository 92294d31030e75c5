//! What an actor has taken out of its mailbox and has yet to handle: its own, so that it needs no lock.

use std::collections::VecDeque;

use super::{Delivery, Mailbox, State};
use crate::limits::MESSAGES_PER_TURN;
use crate::pid::AnyPid;

/// Deliveries taken at once, in their order, and from whom the messages among them are.
#[derive(Default)]
pub(crate) struct Hand {
    pub(super) deliveries: VecDeque<Delivery>,
    /// Who sent the messages of this node that come next.
    from: Option<AnyPid>,
    /// How many more messages were handled than have ceased to count against the bound. Less than none: some that are
    /// yet to be handled do not count any more.
    ahead: isize,
    /// The mailbox wakes the actor for whatever comes next.
    pub(super) woken: bool,
}

/// A hand that has become larger than this gives its memory back when it is empty: a flood is over some time.
const KEPT: usize = 64 * MESSAGES_PER_TURN;

impl Hand {
    /// The next delivery, if there is one.
    // Always, so that the delivery itself need not be moved about.
    #[inline(always)]
    pub(crate) fn next(&mut self, mailbox: &Mailbox) -> Option<Delivery> {
        loop {
            let delivery = self.deliveries.pop_front()?;
            mailbox.now_held(self.deliveries.len());
            match delivery {
                Delivery::From(from) => self.from = from,
                Delivery::Local(..) => {
                    self.ahead += 1;
                    return Some(delivery);
                }
                delivery => return Some(delivery),
            }
        }
    }

    /// The actor was woken, perhaps for what has come.
    pub(crate) fn look(&mut self) {
        self.woken = false;
    }

    /// Whether the actor will be woken for what comes next, so that there is no need to look.
    #[inline]
    pub(crate) fn will_be_woken(&self) -> bool {
        self.woken
    }

    /// Who sent the message of this node that was the last one.
    pub(crate) fn from(&self) -> Option<&AnyPid> {
        self.from.as_ref()
    }

    /// For a message that brings along who sent it: gives who it was before.
    #[cfg(feature = "sim")]
    pub(crate) fn set_from(&mut self, from: Option<AnyPid>) -> Option<AnyPid> {
        std::mem::replace(&mut self.from, from)
    }

    /// Puts a delivery before all others, which is then the next one.
    pub(crate) fn put_back(&mut self, delivery: Delivery) {
        self.deliveries.push_front(delivery);
    }

    /// Takes the answers out, from among all others.
    pub(super) fn take_answers(&mut self, answers: &mut Vec<Box<dyn FnOnce() + Send>>) {
        super::take_answers(&mut self.deliveries, answers);
    }

    /// Whether nothing is left to be done with it.
    pub(super) fn is_settled(&self) -> bool {
        self.deliveries.is_empty() && self.ahead == 0
    }

    /// Takes a delivery that is alone in the queue, without a buffer.
    pub(super) fn take_single(&mut self, state: &mut State) -> Option<Delivery> {
        let alone = match state.queue.len() {
            1 => true,
            2 => matches!(state.queue.front(), Some(Delivery::From(_))),
            _ => false,
        };
        if !alone {
            return None;
        }
        let mut first = state.queue.pop_front()?;
        if let Delivery::From(from) = first {
            self.from = from;
            first = state.queue.pop_front()?;
        }
        state.local -= usize::from(matches!(first, Delivery::Local(..)));
        state.last_sender = 0;
        Some(first)
    }

    /// Takes all that is in the queue. Of that, what fits into a turn of so many does not count any more: those who
    /// send get its room.
    pub(super) fn take_from(&mut self, state: &mut State, turn: usize) {
        std::mem::swap(&mut state.queue, &mut self.deliveries);
        state.last_sender = 0;
        let next = self.deliveries.iter().take(turn);
        let messages = next.filter(|next| matches!(next, Delivery::Local(..)));
        let messages = messages.count();
        self.ahead -= messages as isize;
        state.local -= messages;
    }

    /// From now on exactly those messages count that are not handled.
    pub(super) fn settle(&mut self, state: &mut State) {
        let ahead = std::mem::take(&mut self.ahead);
        state.local = state.local.saturating_add_signed(-ahead);
    }

    /// Puts what is left before all that is in the queue.
    pub(super) fn return_to(&mut self, state: &mut State) {
        if self.deliveries.is_empty() {
            return;
        }
        // A queue says of whom its messages are.
        self.deliveries.push_front(Delivery::From(self.from.take()));
        self.deliveries.append(&mut state.queue);
        std::mem::swap(&mut state.queue, &mut self.deliveries);
    }

    /// It has no need to know who sent the last message.
    pub(super) fn forget_sender(&mut self) {
        self.from = None;
    }

    /// The actor rests: an empty hand has no need for a buffer.
    pub(super) fn rest(&mut self, state: &mut State) {
        if state.queue.capacity() == 0 {
            std::mem::swap(&mut state.queue, &mut self.deliveries);
        }
        for buffer in [&mut state.queue, &mut self.deliveries] {
            if buffer.capacity() > KEPT {
                buffer.shrink_to(KEPT);
            }
        }
    }
}
