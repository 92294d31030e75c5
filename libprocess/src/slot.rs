//! What a node keeps of each of its actors: name, mailbox, watchers.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::error::{AskError, ExitReason, Exited};
use crate::mailbox::{Delivery, Letter, Mailbox, Notice, Pushed};
use crate::node::{Home, Node};
use crate::observe::BegunAsks;
use crate::parcel::{Head, OpenError, Parcel, Replier};
use crate::pid::{Address, AnyPid};
use crate::protocol::Protocol;

/// Turns bytes into a parcel; see [`Protocol::open`].
type Open = fn(u32, u16, &[u8], Head, Option<Replier>) -> Result<Box<dyn Parcel>, OpenError>;

/// Tells somebody why there is no answer.
type Orphan = Box<dyn FnOnce(AskError) + Send>;

/// In a box of their own: most actors have none, ever.
type Orphans = Vec<Orphan>;

/// One life of one actor, as its node sees it.
pub(crate) struct Slot {
    pub(crate) address: Address,
    /// The node on which it lives, to be compared with: a pid may be used on any node of the process.
    home: Home,
    pub(crate) protocol: &'static Spoken,
    pub(crate) mailbox: Mailbox,
    pub(crate) handled: AtomicU64,
    pub(crate) dropped: AtomicU64,
    /// Present in the children of supervisors.
    pub(crate) parentage: Option<Box<Parentage>>,
    task: Mutex<Option<AbortHandle>>,
    killed: AtomicBool,
    /// Nanoseconds spent running it.
    pub(crate) busy: AtomicU64,
    /// Asks whose handler has begun and will answer later.
    pub(crate) begun: BegunAsks,
    reason: OnceLock<ExitReason>,
    /// `None` once the end was announced.
    watchers: Mutex<Option<BTreeMap<u64, Watcher>>>,
    next_watcher: AtomicU64,
    /// Asks whose handler ended without an answer, until the reason is known.
    orphans: Mutex<Option<Box<Orphans>>>,
}

/// The protocol of an actor. One for all that have it.
pub(crate) struct Spoken {
    pub(crate) name: &'static str,
    /// Number and name.
    pub(crate) messages: &'static [(u32, &'static str)],
    /// The type that stands for it.
    id: TypeId,
    pub(crate) open: Open,
}

struct Of<P>(PhantomData<P>);

impl<P: Protocol> Of<P> {
    const SPOKEN: &'static Spoken = &Spoken {
        name: P::NAME,
        messages: P::MESSAGES,
        id: TypeId::of::<P>(),
        open: P::open,
    };
}

/// Whose child an actor is.
pub(crate) struct Parentage {
    /// The supervisor.
    pub(crate) parent: AnyPid,
    /// How often the supervisor built it anew before.
    pub(crate) restarts: u64,
}

/// Who is told when an actor ends.
pub(crate) enum Watcher {
    /// An actor of this node, and the number under which it monitors.
    Actor {
        watcher: Arc<Slot>,
        monitor: u64,
        pid: AnyPid,
    },
    /// The same, but only an end is an end to it; a message that was dropped is not. For supervisors and
    /// linked actors.
    OfEnd {
        watcher: Arc<Slot>,
        monitor: u64,
        pid: AnyPid,
    },
    /// A child of the actor: it does not outlive its supervisor.
    Child(Arc<Slot>),
    /// A future on this node.
    Future(oneshot::Sender<ExitReason>),
    /// Somebody on another node.
    Remote(Box<dyn FnOnce(ExitReason) + Send>),
}

impl Watcher {
    pub(crate) fn announce(self, reason: ExitReason) {
        match self {
            Self::Actor {
                watcher,
                monitor,
                pid,
            }
            | Self::OfEnd {
                watcher,
                monitor,
                pid,
            } => {
                let exited = Exited { pid, reason };
                let notice = Box::new(Notice { monitor, exited });
                watcher.mailbox.put(Delivery::Exited(notice));
            }
            Self::Child(child) => child.kill(),
            // A watcher that went away no longer wants to know.
            Self::Future(waiting) => drop(waiting.send(reason)),
            Self::Remote(call) => call(reason),
        }
    }
}

impl Watcher {
    fn hears_of_overflow(&self) -> bool {
        matches!(self, Self::Actor { .. } | Self::Future(_))
    }
}

impl Slot {
    pub(crate) fn new<P: Protocol>(
        address: Address,
        home: Home,
        mailbox: usize,
        parentage: Option<Box<Parentage>>,
    ) -> Self {
        Self {
            address,
            home,
            protocol: Of::<P>::SPOKEN,
            mailbox: Mailbox::new(mailbox),
            handled: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            parentage,
            task: Mutex::default(),
            killed: AtomicBool::new(false),
            busy: AtomicU64::new(0),
            begun: BegunAsks::default(),
            reason: OnceLock::new(),
            watchers: Mutex::new(Some(BTreeMap::new())),
            next_watcher: AtomicU64::new(0),
            orphans: Mutex::default(),
        }
    }

    pub(crate) fn pid(self: &Arc<Self>) -> AnyPid {
        AnyPid::spawned(self.clone())
    }

    pub(crate) fn is_on(&self, node: &Node) -> bool {
        node.is_home(&self.home)
    }

    /// Whether it has this protocol. The name decides, since two types may stand for one protocol.
    pub(crate) fn speaks<P: Protocol>(&self) -> bool {
        std::ptr::eq(self.protocol, Of::<P>::SPOKEN)
            || self.protocol.id == TypeId::of::<P>()
            || self.protocol.name == P::NAME
    }

    /// The one door by which messages of this node come in; [`Mailbox::push_run`] is that for those from others.
    #[inline]
    pub(crate) fn enter(&self, letter: Letter<'_>) -> Pushed {
        self.mailbox.push(letter)
    }

    /// Lets a message in as soon as there is room. False if the actor ended.
    pub(crate) async fn enter_ready(&self, letter: Letter<'_>) -> bool {
        self.mailbox.push_ready(letter).await.is_ok()
    }

    /// Registers a watcher; gives the number to [`unwatch`](Self::unwatch) by, or the watcher back if
    /// the end was announced already.
    pub(crate) fn watch(&self, watcher: Watcher) -> Result<u64, Watcher> {
        let number = self.next_watcher.fetch_add(1, Ordering::Relaxed);
        match &mut *lock(&self.watchers) {
            Some(watchers) => {
                watchers.insert(number, watcher);
                Ok(number)
            }
            None => Err(watcher),
        }
    }

    /// A number for a bond of this actor, of another kind than those of monitors.
    pub(crate) fn next_bond(&self) -> u64 {
        const BONDS: u64 = 1 << 63;
        self.next_watcher.fetch_add(1, Ordering::Relaxed) | BONDS
    }

    pub(crate) fn unwatch(&self, number: u64) {
        if let Some(watchers) = &mut *lock(&self.watchers) {
            watchers.remove(&number);
        }
    }

    /// The task that runs the actor, so that it can be killed.
    pub(crate) fn runs_as(&self, task: AbortHandle) {
        let mut running = lock(&self.task);
        if self.killed.load(Ordering::Acquire) {
            task.abort();
        } else if self.end_reason().is_none() {
            *running = Some(task);
        }
    }

    /// Ends the actor without asking it, as soon as its thread is not in one of its handlers.
    pub(crate) fn kill(&self) {
        let task = {
            let mut running = lock(&self.task);
            self.killed.store(true, Ordering::Release);
            running.take()
        };
        if let Some(task) = task {
            task.abort();
        }
    }

    /// The reason of an end that the actor had no part in.
    pub(crate) fn cut_off_reason(&self) -> ExitReason {
        match self.killed.load(Ordering::Acquire) {
            true => ExitReason::Killed,
            false => ExitReason::NodeDown,
        }
    }

    /// Why the actor ended, if it did.
    pub(crate) fn end_reason(&self) -> Option<ExitReason> {
        self.reason.get().cloned()
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.reason.get().is_some()
    }

    /// First step of the end: from here on unanswered asks know the reason.
    pub(crate) fn set_reason(&self, reason: ExitReason) {
        // Only the actor's task calls this, and the first reason counts.
        let _ = self.reason.set(reason);
        // A handle kept for ever would keep the task's memory.
        drop(lock(&self.task).take());
    }

    /// It handles one more message.
    #[inline]
    pub(crate) fn count_handled(&self) {
        add_alone(&self.handled, 1);
    }

    /// The actor ran for so long.
    pub(crate) fn was_busy(&self, time: Duration) {
        add_alone(
            &self.busy,
            u64::try_from(time.as_nanos()).unwrap_or(u64::MAX),
        );
    }

    /// Keeps an ask that lost its handler until the reason is known.
    pub(crate) fn orphan(&self, refuse: Orphan) {
        lock(&self.orphans).get_or_insert_default().push(refuse);
    }

    /// Last step of the end: what was asked and what is queued is refused, then the watchers are told.
    pub(crate) fn end(&self) {
        let reason = self.end_reason().unwrap_or(ExitReason::Normal);
        let orphans = lock(&self.orphans).take();
        for refuse in orphans.into_iter().flat_map(|orphans| *orphans) {
            refuse(AskError::Exited(reason.clone()));
        }
        self.mailbox.end(&reason);
        let watchers = lock(&self.watchers).take().unwrap_or_default();
        for (_, watcher) in watchers {
            watcher.announce(reason.clone());
        }
    }

    /// A message from this node to this actor was dropped: everyone on this node who watches it is
    /// told that the way to it broke, as if it were a link. The actor lives on.
    pub(crate) fn overflow(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
        let mut told = BTreeMap::new();
        if let Some(watchers) = &mut *lock(&self.watchers) {
            let (others, here) = std::mem::take(watchers)
                .into_iter()
                .partition(|(_, watcher)| !watcher.hears_of_overflow());
            *watchers = others;
            told = here;
        }
        for (_, watcher) in told {
            watcher.announce(ExitReason::Overloaded);
        }
    }
}

/// Adds to a counter that nobody else writes to: without a locked instruction. Only the actor's thread calls it.
#[inline]
fn add_alone(counter: &AtomicU64, more: u64) {
    let before = counter.load(Ordering::Relaxed);
    counter.store(before.saturating_add(more), Ordering::Relaxed);
}

/// No user code runs under these locks, so what they guard is whole even if a thread died.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
