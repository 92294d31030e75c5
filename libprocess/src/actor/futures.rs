//! The futures of an actor: timers, answers awaited, whatever was spawned.
//!
//! actix polls every future of an actor whenever one of them wakes it; an actor with ten thousand timers
//! would do nothing else. Here each future has a waker of its own, and only those woken are polled.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Wake, Waker};

use actix::{Actor, ActorFuture, AsyncContext, SpawnHandle};

use super::Context;
use crate::observe::spans::Cause;

pub(super) type Future<A> = Pin<Box<dyn ActorFuture<A, Output = ()>>>;

pub(super) struct Futures<A: Actor> {
    /// By the number in their handle. The one being polled is taken out of its place meanwhile.
    sleeping: BTreeMap<usize, Option<Sleeper<A>>>,
    last: SpawnHandle,
    /// The one being polled was cancelled by itself.
    cancelled: bool,
    polled: Option<NonZeroUsize>,
    /// Made with the first future: most actors have none.
    woken: Option<Arc<Woken>>,
}

struct Sleeper<A: Actor> {
    future: Future<A>,
    alarm: Arc<Alarm>,
    /// The same, as those who wake it know it.
    waker: Waker,
}

/// The numbers of futures to be polled, in the order in which they were woken.
#[derive(Default)]
struct Woken(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    numbers: VecDeque<usize>,
    actor: Option<Waker>,
}

/// The waker of one future.
struct Alarm {
    number: usize,
    /// What it was spawned for.
    cause: Cause,
    /// It is in the queue already.
    queued: AtomicBool,
    woken: Arc<Woken>,
}

impl<A: Actor<Context = Context<A>>> Futures<A> {
    pub(super) fn new() -> Self {
        Self {
            sleeping: BTreeMap::new(),
            last: SpawnHandle::default(),
            cancelled: false,
            polled: None,
            woken: None,
        }
    }

    /// Adds a future, to be polled in this turn or the next.
    pub(super) fn spawn(
        &mut self,
        future: impl ActorFuture<A, Output = ()> + 'static,
        cause: Cause,
    ) -> SpawnHandle {
        self.last = self.last.next();
        let number = self.last.into_usize();
        let alarm = Arc::new(Alarm {
            number,
            cause,
            queued: AtomicBool::new(false),
            woken: self.woken.get_or_insert_default().clone(),
        });
        alarm.wake_by_ref();
        let sleeper = Sleeper {
            future: Box::pin(future),
            waker: Waker::from(alarm.clone()),
            alarm,
        };
        self.sleeping.insert(number, Some(sleeper));
        self.last
    }

    /// Drops a future. False if there is no such (any more).
    pub(super) fn cancel(&mut self, handle: SpawnHandle) -> bool {
        let number = handle.into_usize();
        if self.polled.is_some_and(|polled| polled.get() == number) {
            self.cancelled = true;
            return true;
        }
        self.sleeping.remove(&number).is_some()
    }

    /// Takes any future out, as long as there are some.
    pub(super) fn pop(&mut self) -> Option<Future<A>> {
        loop {
            let (_, place) = self.sleeping.pop_last()?;
            // The place of one that panicked is empty.
            if let Some(sleeper) = place {
                return Some(sleeper.future);
            }
        }
    }

    /// Polls those that were woken so far, until the actor has to wait or stop. Those that are woken
    /// meanwhile get their turn with the next call, for which `task` is woken.
    pub(super) fn poll_woken(actor: &mut A, ctx: &mut Context<A>, task: &mut task::Context<'_>) {
        let Some(woken) = ctx.futures.woken.clone() else {
            return;
        };
        let count = woken.listen(task);
        for _ in 0..count {
            if ctx.waiting() {
                return;
            }
            let Some(number) = woken.next() else { return };
            // It may have been cancelled after it was woken.
            let place = ctx.futures.sleeping.get_mut(&number);
            let Some(mut sleeper) = place.and_then(Option::take) else {
                continue;
            };
            let Sleeper {
                future,
                alarm,
                waker,
            } = &mut sleeper;
            alarm.queued.store(false, Ordering::Release);
            // Numbers start at 1.
            ctx.futures.polled = NonZeroUsize::new(number);
            let task = &mut task::Context::from_waker(waker);
            let polled = alarm.cause.poll(future.as_mut(), actor, ctx, task);
            ctx.futures.polled = None;
            let cancelled = std::mem::take(&mut ctx.futures.cancelled);
            let sleeping = &mut ctx.futures.sleeping;
            match sleeping.get_mut(&number) {
                Some(place) if polled.is_pending() && !cancelled => *place = Some(sleeper),
                _ => drop(sleeping.remove(&number)),
            }
        }
        if !woken.is_empty() {
            task.waker().wake_by_ref();
        }
    }
}

impl Woken {
    /// Remembers whom to wake; gives how many are woken.
    fn listen(&self, task: &task::Context<'_>) -> usize {
        let mut queue = self.lock();
        if !queue
            .actor
            .as_ref()
            .is_some_and(|actor| actor.will_wake(task.waker()))
        {
            queue.actor = Some(task.waker().clone());
        }
        queue.numbers.len()
    }

    fn next(&self) -> Option<usize> {
        self.lock().numbers.pop_front()
    }

    fn is_empty(&self) -> bool {
        self.lock().numbers.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let actor = {
            let mut queue = self.woken.lock();
            queue.numbers.push_back(self.number);
            queue.actor.clone()
        };
        if let Some(actor) = actor {
            actor.wake();
        }
    }
}
