//! The futures of an actor: timers, answers awaited, whatever was spawned.
//!
//! actix polls every future of an actor whenever one of them wakes it; an actor with ten thousand timers
//! would do nothing else. Here each future has a waker of its own, and only those woken are polled.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{self, Wake, Waker};

use actix::{Actor, ActorFuture, AsyncContext, SpawnHandle};

use super::Context;
use crate::observe::spans::Cause;

pub(super) type Future<A> = Pin<Box<dyn ActorFuture<A, Output = ()>>>;

pub(super) struct Futures<A: Actor> {
    /// By the number in their handle. The one being polled is taken out meanwhile.
    sleeping: BTreeMap<usize, (Future<A>, Arc<Alarm>)>,
    last: SpawnHandle,
    /// The one being polled was cancelled by itself.
    cancelled: bool,
    polled: Option<usize>,
    /// Made with the first future: most actors have none.
    woken: Option<Arc<Woken>>,
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
        self.sleeping.insert(number, (Box::pin(future), alarm));
        self.last
    }

    /// Drops a future. False if there is no such (any more).
    pub(super) fn cancel(&mut self, handle: SpawnHandle) -> bool {
        let number = handle.into_usize();
        if self.polled == Some(number) {
            self.cancelled = true;
            return true;
        }
        self.sleeping.remove(&number).is_some()
    }

    /// Takes any future out, as long as there are some.
    pub(super) fn pop(&mut self) -> Option<Future<A>> {
        self.sleeping.pop_last().map(|(_, (future, _))| future)
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
            let Some((mut future, alarm)) = ctx.futures.sleeping.remove(&number) else {
                continue;
            };
            alarm.queued.store(false, Ordering::Release);
            ctx.futures.polled = Some(number);
            let waker = Waker::from(alarm.clone());
            let task = &mut task::Context::from_waker(&waker);
            let polled = alarm.cause.poll(future.as_mut(), actor, ctx, task);
            ctx.futures.polled = None;
            let cancelled = std::mem::take(&mut ctx.futures.cancelled);
            if polled.is_pending() && !cancelled {
                ctx.futures.sleeping.insert(number, (future, alarm));
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
