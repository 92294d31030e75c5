//! The bounded queue in front of an actor.
//!
//! Messages from this node share one bound; messages from other nodes are bounded by the credit that
//! their link holds (see [`crate::link`]); answers and exit notices by what the actor itself asked and
//! monitors. So nothing here grows without a bound, and a full mailbox stops nobody but its senders.

mod hand;
mod line;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::{AskError, ExitReason, Exited};
use crate::link::Run;
use crate::node::Bonding;
use crate::parcel::{Label, Origin, Parcel};
use crate::pid::AnyPid;

pub(crate) use hand::Hand;
use line::Waiting;

/// One thing for an actor to do.
pub(crate) enum Delivery {
    /// Says who sent the messages of this node that come next. Those who send, send several; so this spares most
    /// messages to bring their sender along.
    From(Option<AnyPid>),
    /// A message of this node, which counts against the bound.
    Local(Label, Box<dyn Parcel>),
    /// Messages from another node, which the credit of their link bounds. In a box, so that the places
    /// of all other deliveries are small.
    Run(Box<Run>),
    /// Hands an answer to the future that waits for it.
    Answer(Box<dyn FnOnce() + Send>),
    Exited(Box<Notice>),
    /// Another actor linked to this one, or unlinked. As many as there are actors that link to it.
    Bond(Box<Bonding>),
    Stop,
    /// A message that a simulated world held up.
    #[cfg(feature = "sim")]
    HeldUp(Box<HeldUp>),
}

/// A message to be handled later than its turn came.
#[cfg(feature = "sim")]
pub(crate) struct HeldUp {
    pub(crate) label: Label,
    /// The actor of this node that sent it.
    pub(crate) from: Option<AnyPid>,
    pub(crate) parcel: Box<dyn Parcel>,
}

/// The end of something monitored.
pub(crate) struct Notice {
    pub(crate) monitor: u64,
    pub(crate) exited: Exited,
}

/// A message for a mailbox.
pub(crate) struct Letter<'a> {
    pub(crate) label: Label,
    /// The actor of this node that sends it.
    pub(crate) from: Option<&'a AnyPid>,
    pub(crate) parcel: Box<dyn Parcel>,
}

/// What became of a message; it comes back if it was not taken.
pub(crate) enum Pushed {
    Taken,
    Full(Box<dyn Parcel>),
    Ended(Box<dyn Parcel>),
}

pub(crate) struct Mailbox {
    limit: usize,
    state: Mutex<State>,
    /// Deliveries in the actor's hand. It takes many at once, so as not to compete with its senders for every
    /// single one.
    held: AtomicUsize,
    waiting: OnceLock<Box<Waiting>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Delivery>,
    /// Identifies who sent the last message of this node in the queue; see [`NOBODY`]. 0 if the queue does not say.
    last_sender: usize,
    /// Messages from this node that count against the bound: all but those that the actor has taken for its turn.
    local: usize,
    ended: bool,
    /// The actor waits for a future and takes no deliveries: answers go past the queue, or it might
    /// wait for one that lies in the queue.
    blocked: u32,
    /// Somebody has seen that there is no room, and waits for it.
    awaited: bool,
    waker: Option<Waker>,
}

/// In place of the identity of a sender, if that is no actor. No address of anything.
const NOBODY: usize = 1;

impl Mailbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            state: Mutex::default(),
            held: AtomicUsize::new(0),
            waiting: OnceLock::new(),
        }
    }

    /// Queues a message of this node, unless there are as many as the bound allows.
    pub(crate) fn push(&self, letter: Letter<'_>) -> Pushed {
        self.push_by(false, letter)
    }

    /// As [`push`](Self::push); if there is no room, [`Waiting::room`] is told when there is.
    fn push_or_call(&self, letter: Letter<'_>) -> Pushed {
        self.push_by(true, letter)
    }

    #[inline(always)]
    fn push_by(&self, waits: bool, letter: Letter<'_>) -> Pushed {
        let Letter {
            label,
            from,
            parcel,
        } = letter;
        let mut state = self.lock();
        if state.ended {
            return Pushed::Ended(parcel);
        }
        if state.local >= self.limit {
            state.awaited |= waits;
            return Pushed::Full(parcel);
        }
        state.say_sender(from);
        state.local += 1;
        let waker = state.put(Delivery::Local(label, parcel));
        wake(state, waker);
        Pushed::Taken
    }

    /// Queues messages from another node. Gives them back if the actor ended.
    pub(crate) fn push_run(&self, run: Run) -> Result<(), Run> {
        let mut state = self.lock();
        if state.ended {
            return Err(run);
        }
        let waker = state.put(Delivery::Run(Box::new(run)));
        wake(state, waker);
        Ok(())
    }

    /// Queues an answer to something the actor asked.
    pub(crate) fn answer(&self, hand_over: Box<dyn FnOnce() + Send>) {
        {
            let mut state = self.lock();
            if state.ended {
                return;
            }
            if state.blocked == 0 {
                let waker = state.put(Delivery::Answer(hand_over));
                return wake(state, waker);
            }
        }
        hand_over();
    }

    /// Queues a notice or a stop, whatever the bound.
    pub(crate) fn put(&self, delivery: Delivery) {
        let mut state = self.lock();
        if !state.ended {
            let waker = state.put(delivery);
            wake(state, waker);
        }
    }

    /// Queues what was held up, before all else.
    #[cfg(feature = "sim")]
    pub(crate) fn put_first(&self, deliveries: VecDeque<Delivery>) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        for delivery in deliveries.into_iter().rev() {
            state.queue.push_front(delivery);
        }
        let waker = state.waker.take();
        wake(state, waker);
    }

    /// Takes all that waits, for a turn of so many messages, into an empty hand, and the first of it out of that. If
    /// there is nothing, the actor is woken when there is.
    pub(crate) fn poll_take(
        &self,
        hand: &mut Hand,
        turn: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Delivery> {
        let mut state = self.lock();
        hand.settle(&mut state);
        if state.queue.is_empty() {
            hand.rest(&mut state);
            state.wake_later(cx);
            self.tell_of_room(state);
            return Poll::Pending;
        }
        // As most asks are. The next one is not there yet, so the actor is woken for it.
        if let Some(single) = hand.take_single(&mut state) {
            state.wake_later(cx);
            hand.woken = true;
            self.tell_of_room(state);
            return Poll::Ready(single);
        }
        hand.take_from(&mut state, turn);
        self.tell_of_room(state);
        match hand.next(self) {
            Some(delivery) => Poll::Ready(delivery),
            // A sender and no message: nobody does that.
            None => Poll::Pending,
        }
    }

    /// Puts back what an actor has not handled in its turn, before everything else.
    pub(crate) fn put_back(&self, hand: &mut Hand) {
        if hand.is_settled() {
            return hand.forget_sender();
        }
        self.now_held(0);
        let mut state = self.lock();
        hand.settle(&mut state);
        hand.return_to(&mut state);
        self.tell_of_room(state);
    }

    /// The actor has yet to handle so much of what it took.
    #[inline]
    fn now_held(&self, count: usize) {
        // Only the actor's thread writes, and nothing depends on it.
        self.held.store(count, Ordering::Relaxed);
    }

    /// Wakes who waits for room, if there is some: half of all, so as not to wake them for every single place.
    #[inline]
    fn tell_of_room(&self, mut state: MutexGuard<'_, State>) {
        let room = state.awaited && state.local <= self.limit / 2;
        if room {
            state.awaited = false;
        }
        drop(state);
        if room {
            self.call_waiting();
        }
    }

    fn call_waiting(&self) {
        if let Some(waiting) = self.waiting.get() {
            waiting.room.notify_waiters();
        }
    }

    /// The actor begins to wait for a future: from now on, and for those already queued, answers go
    /// past the queue.
    pub(crate) fn block(&self, hand: &mut Hand) {
        let mut answers = Vec::new();
        hand.take_answers(&mut answers);
        {
            let mut state = self.lock();
            state.blocked += 1;
            take_answers(&mut state.queue, &mut answers);
        }
        answers.into_iter().for_each(|hand_over| hand_over());
    }

    /// Undoes one [`block`](Self::block).
    pub(crate) fn unblock(&self) {
        self.lock().blocked -= 1;
    }

    /// Deliveries waiting.
    pub(crate) fn depth(&self) -> usize {
        let messages = |delivery: &Delivery| match delivery {
            Delivery::Run(run) => run.count(),
            Delivery::From(_) => 0,
            _ => 1,
        };
        let queued = self.lock().queue.iter().map(messages).sum::<usize>();
        self.held.load(Ordering::Relaxed) + queued
    }

    /// How many messages from this node may wait.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the actor waits for a future and takes nothing.
    pub(crate) fn is_blocked(&self) -> bool {
        self.lock().blocked > 0
    }

    /// The asks among the first `limit` messages that wait: number and origin. Not those that the actor has taken for
    /// the turn that it has at the moment.
    pub(crate) fn asks(&self, limit: usize) -> Vec<(u32, Origin)> {
        let state = self.lock();
        let mut asks = Vec::new();
        let mut sender = &None;
        let mut seen = 0;
        for delivery in &state.queue {
            match delivery {
                Delivery::From(from) => sender = from,
                Delivery::Local(label, parcel) => {
                    seen += 1;
                    if label.is_ask && !parcel.cancelled() {
                        let origin = Origin {
                            sender: sender.clone(),
                            deadline: parcel.deadline(),
                        };
                        asks.push((label.tag, origin));
                    }
                }
                Delivery::Run(run) => {
                    seen += run.count();
                    asks.extend(run.asks());
                }
                _ => {}
            }
            if seen >= limit {
                break;
            }
        }
        asks
    }

    /// Closes the mailbox and refuses what is still in it.
    pub(crate) fn end(&self, reason: &ExitReason) {
        let queue = {
            let mut state = self.lock();
            state.ended = true;
            state.local = 0;
            state.waker = None;
            std::mem::take(&mut state.queue)
        };
        self.call_waiting();
        for delivery in queue {
            match delivery {
                Delivery::Local(_, parcel) => {
                    // Dropping a message runs its author's code, which may panic: the others are refused all the same.
                    let refuse = || parcel.refuse(AskError::Exited(reason.clone()));
                    let _ = catch_unwind(AssertUnwindSafe(refuse));
                }
                // These are bytes still.
                Delivery::Run(mut run) => run.refuse(&AskError::Exited(reason.clone())),
                #[cfg(feature = "sim")]
                Delivery::HeldUp(held) => held.parcel.refuse(AskError::Exited(reason.clone())),
                _ => {}
            }
        }
    }

    // No user code runs under the lock, so what it guards is whole even if a thread died.

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Notes who sends the next message of this node, unless it is who sent the last.
    #[inline]
    fn say_sender(&mut self, from: Option<&AnyPid>) {
        let sender = from.map_or(NOBODY, AnyPid::identity);
        if self.last_sender != sender {
            self.last_sender = sender;
            self.queue.push_back(Delivery::From(from.cloned()));
        }
    }

    /// Gives whom to wake, once the lock is free.
    fn put(&mut self, delivery: Delivery) -> Option<Waker> {
        self.queue.push_back(delivery);
        self.waker.take()
    }

    fn wake_later(&mut self, cx: &Context<'_>) {
        let same = |waker: &Waker| waker.will_wake(cx.waker());
        if !self.waker.as_ref().is_some_and(same) {
            self.waker = Some(cx.waker().clone());
        }
    }
}

fn wake(state: MutexGuard<'_, State>, waker: Option<Waker>) {
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Takes the answers out of a queue.
fn take_answers(queue: &mut VecDeque<Delivery>, answers: &mut Vec<Box<dyn FnOnce() + Send>>) {
    for delivery in std::mem::take(queue) {
        match delivery {
            Delivery::Answer(hand_over) => answers.push(hand_over),
            other => queue.push_back(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Delivery;

    #[test]
    fn a_place_in_a_mailbox_is_three_words() {
        assert_eq!(size_of::<Delivery>(), 3 * size_of::<usize>());
    }
}
