//! The bounded queue in front of an actor.
//!
//! Messages from this node share one bound; messages from other nodes are bounded by the credit that
//! their link holds (see [`crate::link`]); answers and exit notices by what the actor itself asked and
//! monitors. So nothing here grows without a bound, and a full mailbox stops nobody but its senders.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

use crate::error::{AskError, ExitReason, Exited};
use crate::limits::MESSAGES_PER_TURN;
use crate::link::Run;
use crate::node::Bonding;
use crate::parcel::{Origin, Parcel};

/// One thing for an actor to do.
pub(crate) enum Delivery {
    /// A message that counts against the bound.
    Local(Box<dyn Parcel>),
    /// A message that came from another node, and was opened already.
    Remote(Box<dyn Parcel>),
    /// Messages from another node, which the credit of their link bounds. In a box, so that the places
    /// of all other deliveries are small.
    Run(Box<Run>),
    /// Hands an answer to the future that waits for it.
    Answer(Box<dyn FnOnce() + Send>),
    Exited(Box<Notice>),
    /// Another actor linked to this one, or unlinked. As many as there are actors that link to it.
    Bond(Box<Bonding>),
    Stop,
}

impl Delivery {
    pub(crate) fn message(mut parcel: Box<dyn Parcel>) -> Self {
        match parcel.head().source {
            None => Self::Local(parcel),
            Some(_) => Self::Remote(parcel),
        }
    }
}

/// The end of something monitored.
pub(crate) struct Notice {
    pub(crate) monitor: u64,
    pub(crate) exited: Exited,
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
    /// What the actor took out of the queue and has yet to handle. It takes many at once, so as not to
    /// compete with its senders for every single one. Locked before `state`.
    taken: Mutex<VecDeque<Delivery>>,
    /// Told when a full mailbox has room again, or ended.
    room: Notify,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Delivery>,
    /// Messages from this node in the queue; those just taken out of it do not count.
    local: usize,
    ended: bool,
    /// The actor waits for a future and takes no deliveries: answers go past the queue, or it might
    /// wait for one that lies in the queue.
    blocked: usize,
    /// Somebody waits for room.
    awaited: bool,
    waker: Option<Waker>,
}

impl Mailbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            state: Mutex::default(),
            taken: Mutex::default(),
            room: Notify::new(),
        }
    }

    /// Queues a message. Those from this node only up to the bound.
    pub(crate) fn push(&self, parcel: Box<dyn Parcel>) -> Pushed {
        let delivery = Delivery::message(parcel);
        let mut state = self.lock();
        let delivery = match delivery {
            Delivery::Local(parcel) | Delivery::Remote(parcel) if state.ended => {
                return Pushed::Ended(parcel);
            }
            Delivery::Local(parcel) if state.local >= self.limit => return Pushed::Full(parcel),
            delivery => delivery,
        };
        state.local += usize::from(matches!(delivery, Delivery::Local(_)));
        let waker = state.put(delivery);
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

    /// Puts back what is left of a run, before everything else.
    pub(crate) fn put_back(&self, run: Run) {
        self.taken().push_front(Delivery::Run(Box::new(run)));
    }

    /// Waits until there is room for a message from this node, or the end.
    pub(crate) async fn room(&self) {
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            {
                let mut state = self.lock();
                if state.ended || state.local < self.limit {
                    return;
                }
                state.awaited = true;
            }
            room.await;
        }
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

    /// Queues deliveries before all others; what they count was counted when they first came.
    #[cfg(feature = "sim")]
    pub(crate) fn put_first(&self, deliveries: VecDeque<Delivery>) {
        let mut taken = self.taken();
        let mut state = self.lock();
        if state.ended {
            return;
        }
        for delivery in deliveries.into_iter().rev() {
            taken.push_front(delivery);
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Takes the next delivery.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Delivery> {
        let mut taken = self.taken();
        if let Some(delivery) = taken.pop_front() {
            return Poll::Ready(delivery);
        }
        let mut state = self.lock();
        state.move_to(&mut taken);
        let Some(delivery) = taken.pop_front() else {
            if !state
                .waker
                .as_ref()
                .is_some_and(|waker| waker.will_wake(cx.waker()))
            {
                state.waker = Some(cx.waker().clone());
            }
            return Poll::Pending;
        };
        // Half empty, so that waiting senders are not woken for every single place.
        let freed = state.awaited && state.local <= self.limit / 2;
        if freed {
            state.awaited = false;
        }
        drop(state);
        if freed {
            self.room.notify_waiters();
        }
        Poll::Ready(delivery)
    }

    /// The actor begins to wait for a future: from now on, and for those already queued, answers go
    /// past the queue.
    pub(crate) fn block(&self) {
        let mut answers = Vec::new();
        {
            let mut taken = self.taken();
            let mut state = self.lock();
            state.blocked += 1;
            for queue in [&mut *taken, &mut state.queue] {
                for delivery in std::mem::take(queue) {
                    match delivery {
                        Delivery::Answer(hand_over) => answers.push(hand_over),
                        other => queue.push_back(other),
                    }
                }
            }
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
            _ => 1,
        };
        let taken = self.taken().iter().map(messages).sum::<usize>();
        taken + self.lock().queue.iter().map(messages).sum::<usize>()
    }

    /// How many messages from this node may wait.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether the actor waits for a future and takes nothing.
    pub(crate) fn is_blocked(&self) -> bool {
        self.lock().blocked > 0
    }

    /// The asks among the first `limit` messages that wait: number and origin.
    pub(crate) fn asks(&self, limit: usize) -> Vec<(u32, Origin)> {
        let mut taken = self.taken();
        let mut state = self.lock();
        let mut asks = Vec::new();
        let mut seen = 0;
        for delivery in taken.iter_mut().chain(&mut state.queue) {
            match delivery {
                Delivery::Local(parcel) | Delivery::Remote(parcel) => {
                    seen += 1;
                    if parcel.head().deadline.is_some() && !parcel.cancelled() {
                        asks.push((parcel.head().tag, parcel.head().origin()));
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
        let (taken, queue) = {
            let mut taken = self.taken();
            let mut state = self.lock();
            state.ended = true;
            state.local = 0;
            state.waker = None;
            (
                std::mem::take(&mut *taken),
                std::mem::take(&mut state.queue),
            )
        };
        self.room.notify_waiters();
        for delivery in taken.into_iter().chain(queue) {
            match delivery {
                Delivery::Local(parcel) | Delivery::Remote(parcel) => {
                    // Dropping a message runs its author's code, which may panic: the others are refused all the same.
                    let refuse = || parcel.refuse(AskError::Exited(reason.clone()));
                    let _ = catch_unwind(AssertUnwindSafe(refuse));
                }
                // These are bytes still.
                Delivery::Run(mut run) => run.refuse(&AskError::Exited(reason.clone())),
                _ => {}
            }
        }
    }

    // No user code runs under the locks, so what they guard is whole even if a thread died.

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken(&self) -> MutexGuard<'_, VecDeque<Delivery>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Moves what is in the queue to `taken`, which is empty, as far as it may be handled in one turn.
    fn move_to(&mut self, taken: &mut VecDeque<Delivery>) {
        if self.queue.len() <= MESSAGES_PER_TURN {
            // All of it, without touching any: and an actor that is seldom busy has one buffer, not two.
            std::mem::swap(&mut self.queue, taken);
            self.local = 0;
            return;
        }
        for delivery in self.queue.drain(..MESSAGES_PER_TURN) {
            if let Delivery::Local(_) = delivery {
                self.local -= 1;
            }
            taken.push_back(delivery);
        }
    }

    /// Gives whom to wake, once the lock is free.
    fn put(&mut self, delivery: Delivery) -> Option<Waker> {
        self.queue.push_back(delivery);
        self.waker.take()
    }
}

fn wake(state: MutexGuard<'_, State>, waker: Option<Waker>) {
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}
