//! The execution context of an actor: actix's own kinds of context, extended by address, sender and node.
//!
//! One of the two files that name `actix::dev`.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix::dev::Mailbox;
use actix::fut::wrap_future;
use actix::{
    Actor, ActorContext, ActorFuture, ActorFutureExt, ActorState, Addr, AsyncContext, Handler,
    Message, SpawnHandle,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Span;
use tracing::span::EnteredSpan;

use super::bonds::Bonds;
use super::drain::Ready;
use super::futures::Futures;
use crate::error::{AskError, ExitReason, Exited, SendError, SpawnError};
use crate::mailbox::Hand;
use crate::node::{Adoption, Ask, Node, Sender, Watch};
use crate::observe::spans::{self, Cause, Inherited};
use crate::parcel::{Head, Origin};
use crate::pid::{AnyPid, Pid};
use crate::protocol::{Accepts, Process};
use crate::slot::{Slot, Watcher};
use crate::supervise::Child;
use crate::tls::PeerIdentity;
use crate::trace::Trace;

/// Who is at the other end of the message being handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Something on this node.
    Local,
    /// Something on the node with this identity, proven by its certificate.
    Remote(PeerIdentity),
}

/// What an actor can do besides changing itself: send, watch, wait, stop.
///
/// Timers, futures and `stop` come from actix's [`AsyncContext`] and [`ActorContext`].
pub struct Context<A: Actor<Context = Context<A>>> {
    pub(super) life: ActorState,
    /// What the actor waits for, the latest last.
    pub(super) waits: Vec<Pin<Box<dyn ActorFuture<A, Output = ()>>>>,
    /// Made when first asked for: actors have their own address.
    pub(super) actix: OnceCell<Box<ActixAddress<A>>>,
    pub(super) node: Node,
    pub(super) slot: Arc<Slot>,
    pub(super) me: AnyPid,
    /// What the actor has taken out of its mailbox.
    pub(super) hand: Hand,
    /// The number of the message being handled; 0 outside of handlers.
    tag: u32,
    /// Of the same message; empty outside of handlers.
    pub(super) origin: Head,
    /// Of the same message, if a subscriber wants it.
    pub(super) span: Option<Box<Span>>,
    /// Until when somebody waits for what is done now, if that is known: asks end with it.
    pub(super) bound: Option<Instant>,
    /// What is spawned now is part of an answer.
    answers: bool,
    pub(super) futures: Futures<A>,
    /// Messages that may still be handled in this turn.
    pub(super) budget: u32,
    random: Random,
    monitors: BTreeMap<AnyPid, (u64, Watch)>,
    next_monitor: u64,
    /// Most actors have none.
    pub(super) bonds: Option<Box<Bonds>>,
    /// Told when the actor has started, if somebody waits for that.
    pub(super) ready: Option<Ready>,
    /// Why the actor ends, if it ends itself as failed.
    pub(super) failure: Option<Box<ExitReason>>,
    /// What few actors ask for; a million others should not carry it.
    pub(super) hooks: Option<Box<Hooks<A>>>,
}

/// What is to be done besides handling messages.
pub(super) struct Hooks<A: Actor<Context = Context<A>>> {
    /// When an exit that was asked for is told.
    pub(super) on_exit: Option<fn(&mut A, Exited, &mut Context<A>)>,
    /// When the turn ends, once.
    pub(super) after_turn: Option<fn(&mut A, &mut Context<A>)>,
}

impl<A: Actor<Context = Context<A>>> Default for Hooks<A> {
    fn default() -> Hooks<A> {
        Hooks {
            on_exit: None,
            after_turn: None,
        }
    }
}

/// An address as actix has it.
pub(super) struct ActixAddress<A: Actor<Context = Context<A>>> {
    address: Addr<A>,
    /// Taken out while it is polled.
    pub(super) mailbox: Cell<Option<Mailbox<A>>>,
}

impl<A: Actor<Context = Context<A>>> ActixAddress<A> {
    fn new() -> Box<Self> {
        let mailbox = Mailbox::default();
        Box::new(Self {
            address: mailbox.address(),
            mailbox: Cell::new(Some(mailbox)),
        })
    }
}

/// A random generator, made when it is first used: most actors have no need of one.
enum Random {
    Seed(u64),
    Made(Box<StdRng>),
}

impl<A: Actor<Context = Context<A>>> Context<A> {
    pub(super) fn new(node: Node, slot: Arc<Slot>, seed: u64, ready: Option<Ready>) -> Self {
        Self {
            life: ActorState::Running,
            waits: Vec::new(),
            actix: OnceCell::new(),
            node,
            me: slot.pid(),
            slot,
            hand: Hand::default(),
            tag: 0,
            origin: Head::default(),
            span: None,
            bound: None,
            answers: false,
            futures: Futures::new(),
            budget: 0,
            random: Random::Seed(seed),
            monitors: BTreeMap::new(),
            next_monitor: 0,
            bonds: None,
            ready,
            failure: None,
            hooks: None,
        }
    }

    /// The node this actor lives on.
    pub fn node(&self) -> Node {
        self.node.clone()
    }

    /// The address of this actor, untyped.
    pub fn me_any(&self) -> &AnyPid {
        &self.me
    }

    /// The actor that sent the message being handled; `None` if it was no actor, and outside of handlers.
    pub fn sender(&self) -> Option<&AnyPid> {
        match &self.origin.source {
            Some(source) => source.sender(),
            None if self.tag != 0 => self.hand.from(),
            None => None,
        }
    }

    /// Who sent the message being handled, as proven by the certificate of its node.
    pub fn peer(&self) -> Peer {
        match self.origin.peer() {
            Some(identity) => Peer::Remote(PeerIdentity::clone(identity)),
            None => Peer::Local,
        }
    }

    /// Until when the asker waits, if the message being handled is an ask. Also known in what continues the
    /// handling; see [`ask`](Self::ask).
    pub fn deadline(&self) -> Option<Instant> {
        self.origin.deadline.or(self.bound)
    }

    /// The number that the message being handled shares with all messages that led to it and that it
    /// causes, across nodes, also by the futures that its handler spawns; 0 outside of all that.
    pub fn trace(&self) -> u64 {
        self.origin.trace.number
    }

    /// The present, by the clock that simulation controls.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// The time of day, as this machine has it; see [`Node::wall_time`].
    pub fn wall_time(&self) -> SystemTime {
        self.node.wall_time()
    }

    /// This actor's random generator, seeded by the node's.
    pub fn random(&mut self) -> &mut StdRng {
        if let Random::Seed(seed) = self.random {
            self.random = Random::Made(Box::new(StdRng::seed_from_u64(seed)));
        }
        match &mut self.random {
            Random::Made(random) => random,
            Random::Seed(_) => unreachable!("made above"),
        }
    }

    /// Does `then` when the turn ends, that is, after those messages that are at hand now, of which there is a bounded
    /// number: for what is worth doing once for many of them. Asked for several times, it is done once. It is no part
    /// of the handling of any message: what it sends carries no trace of one.
    pub fn after_turn(&mut self, then: fn(&mut A, &mut Self)) {
        self.hooks.get_or_insert_default().after_turn = Some(then);
    }

    /// Whether this turn has handled as many messages as it may, so that another one follows at once. What can be put
    /// off while the actor is busy waits for a turn of which this is not so.
    pub fn is_turn_full(&self) -> bool {
        self.budget == 0 && !self.waiting()
    }

    /// Sends a message and forgets it. Never blocks; see [`Node::tell`].
    pub fn tell<P, M>(&self, to: &Pid<P>, message: M)
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.node.tell_from(self.as_sender(), to, message);
    }

    /// Sends a message as soon as there is room for it. The future may outlive the handler.
    pub fn tell_ready<P, M>(
        &self,
        to: &Pid<P>,
        message: M,
    ) -> impl Future<Output = Result<(), SendError>> + 'static + use<A, P, M>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        let (node, me, to) = (self.node.clone(), self.me.clone(), to.clone());
        let trace = self.origin.trace;
        async move {
            let from = Sender {
                pid: Some(&me),
                trace,
                deadline: None,
            };
            node.tell_ready_from(from, &to, message).await
        }
    }

    /// Sends a message and waits for its answer for at most `timeout`. It is sent at once, not when the
    /// future is first polled; dropping the future takes it back if it is still queued.
    ///
    /// The answer keeps its place among the messages that this actor gets from the same sender.
    ///
    /// Within the handler of an ask it waits no longer than whoever asked this actor, and is not sent at
    /// all if that one no longer waits: nobody would have use for what comes of it. The same holds in what
    /// continues such an ask ([`ask_then`](Self::ask_then)), and in a future that the handler returns as its
    /// answer. It does not hold for what a handler spawns otherwise, nor after [`detach`](Self::detach).
    pub fn ask<P, M>(&self, to: &Pid<P>, message: M, timeout: Duration) -> Ask<M::Result>
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.node
            .ask_from(self.as_sender(), Some(&self.slot), to, message, timeout)
    }

    /// Asks, and continues with `then` when the answer or the error is there.
    pub fn ask_then<P, M, F>(
        &mut self,
        to: &Pid<P>,
        message: M,
        timeout: Duration,
        then: F,
    ) -> SpawnHandle
    where
        P: Accepts<M>,
        M: Message + Send + 'static,
        M::Result: Send,
        F: FnOnce(&mut A, Result<M::Result, AskError>, &mut Self) + 'static,
    {
        let answer = self.ask(to, message, timeout);
        let then = wrap_future::<_, A>(answer).map(|result, actor, ctx| then(actor, result, ctx));
        let cause = Cause {
            deadline: self.bound,
            ..self.cause()
        };
        self.futures.spawn(then, cause)
    }

    /// From here on, what this handler asks is not bound by the deadline of the ask that it handles: for
    /// work that goes on after the answer.
    pub fn detach(&mut self) -> &mut Self {
        self.bound = None;
        self
    }

    /// What is spawned within `respond` is part of the answer to the message being handled.
    pub(super) fn respond(&mut self, respond: impl FnOnce(&mut Self)) {
        self.answers = true;
        respond(self);
        self.answers = false;
    }

    /// Asks for an [`Exited`] when `pid`, or the way to it, ends. Exactly one arrives, at once if
    /// it has ended already; monitoring the same pid again before that changes nothing.
    pub fn monitor(&mut self, pid: impl Into<AnyPid>)
    where
        A: Handler<Exited>,
    {
        self.handle_exits();
        let pid = pid.into();
        if self.monitors.contains_key(&pid) {
            return;
        }
        let monitor = self.next_monitor;
        self.next_monitor += 1;
        let watcher = Watcher::Actor {
            watcher: self.slot.clone(),
            monitor,
            pid: pid.clone(),
        };
        let watch = self.node.watch(&pid, watcher);
        self.monitors.insert(pid, (monitor, watch));
    }

    /// Spawns a child of this actor, a supervisor: hears of its end, and takes it along in its own. Gives
    /// what tells when it has started.
    pub(crate) fn spawn_child(
        &mut self,
        child: &Child,
        restarts: u64,
    ) -> Result<(AnyPid, oneshot::Receiver<()>), SpawnError>
    where
        A: Handler<Exited>,
    {
        self.handle_exits();
        let monitor = self.next_monitor;
        self.next_monitor += 1;
        let (ready, started) = oneshot::channel();
        let parent = self.slot.clone();
        let pid = child.spawn(
            &self.node,
            Adoption {
                parent,
                monitor,
                restarts,
                ready,
            },
        )?;
        // The watcher was registered before the child could end.
        self.monitors.insert(pid.clone(), (monitor, Watch::Over));
        Ok((pid, started))
    }

    /// Takes it upon this actor to tell when it has started.
    pub(crate) fn take_ready(&mut self) -> Option<Ready> {
        self.ready.take()
    }

    /// Takes [`monitor`](Self::monitor) back: no `Exited` arrives for it any more.
    pub fn demonitor(&mut self, pid: impl Into<AnyPid>) {
        self.monitors.remove(&pid.into());
    }

    /// Ends this actor as [`ExitReason::Failed`], without a panic: `stopped` still runs, `stopping` is
    /// not asked. Its supervisor builds it anew.
    pub fn fail(&mut self, why: impl Into<String>) {
        self.failure
            .get_or_insert_with(|| Box::new(ExitReason::Failed(why.into())));
        self.terminate();
    }

    pub(super) fn handle_exits(&mut self)
    where
        A: Handler<Exited>,
    {
        self.hooks.get_or_insert_default().on_exit = Some(|actor, notice, ctx| {
            use actix::dev::MessageResponse;
            Handler::<Exited>::handle(actor, notice, ctx).handle(ctx, None);
        });
    }

    /// What futures inherit that are spawned now. Not the deadline, unless they are part of the answer: a
    /// timer goes on when the ask is over.
    fn cause(&self) -> Cause {
        Cause {
            trace: self.origin.trace,
            span: self.span.clone(),
            deadline: self.bound.filter(|_| self.answers),
        }
    }

    /// A message is about to be handled. Gives what it is entered by, if a subscriber wants that.
    #[inline]
    pub(super) fn begin(&mut self, tag: u32, head: Head) -> Option<EnteredSpan> {
        // Before its answer leaves: who has the answer can see that it was handled.
        self.slot.count_handled();
        self.tag = tag;
        self.bound = head.deadline;
        self.origin = head;
        spans::wanted().then(|| self.enter())
    }

    #[cold]
    fn enter(&mut self) -> EnteredSpan {
        let trace = self.origin.trace;
        let (span, number) = spans::message(&self.node, &self.slot, self.tag, trace, self.sender());
        // What the message causes is within it.
        self.origin.trace = trace.within(number);
        let entered = Span::clone(&span).entered();
        self.span = Some(span);
        entered
    }

    /// The message was handled.
    #[inline]
    pub(super) fn over(&mut self) {
        self.tag = 0;
        self.origin = Head::default();
        self.bound = None;
        if self.span.is_some() {
            self.span = None;
        }
    }

    /// As [`begin`](Self::begin) and [`over`](Self::over) around `handle`, for a tell from this node, as most are.
    #[inline]
    pub(super) fn during_tell(&mut self, tag: u32, trace: Trace, handle: impl FnOnce(&mut Self)) {
        if spans::wanted() {
            let head = Head {
                trace,
                ..Head::default()
            };
            let _entered = self.begin(tag, head);
            handle(self);
            return self.over();
        }
        self.slot.count_handled();
        self.tag = tag;
        self.origin.trace = trace;
        handle(self);
        self.tag = 0;
        self.origin.trace = Trace::default();
    }

    /// Whether a turn is not only for messages.
    pub(super) fn does_more_than_messages(&self) -> bool {
        !self.waits.is_empty() || self.actix.get().is_some()
    }

    /// What is not handled in this turn is seen by others, or refused, until the next.
    pub(super) fn end_turn(&mut self) {
        self.slot.mailbox.put_back(&mut self.hand);
    }

    /// Where the message being handled came from.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            sender: self.sender().cloned(),
            deadline: self.origin.deadline,
        }
    }

    /// Gives what it was.
    pub(crate) fn set_cause(&mut self, cause: Cause) -> Cause {
        Cause {
            trace: std::mem::replace(&mut self.origin.trace, cause.trace),
            span: std::mem::replace(&mut self.span, cause.span),
            deadline: std::mem::replace(&mut self.bound, cause.deadline),
        }
    }

    fn as_sender(&self) -> Sender<'_> {
        Sender {
            pid: Some(&self.me),
            trace: self.origin.trace,
            deadline: self.bound,
        }
    }

    /// Whether this notice is still wanted; it is not wanted twice.
    pub(super) fn take_monitor(&mut self, pid: &AnyPid, monitor: u64) -> bool {
        let wanted = self
            .monitors
            .get(pid)
            .is_some_and(|(number, _)| *number == monitor);
        if wanted {
            self.monitors.remove(pid);
        }
        wanted
    }
}

impl<A: Process> Context<A> {
    /// The address of this actor.
    pub fn me(&self) -> Pid<A::Protocol> {
        Pid::from_any(self.me.clone())
    }
}

impl<A: Actor<Context = Self>> ActorContext for Context<A> {
    fn stop(&mut self) {
        if self.life == ActorState::Running {
            self.life = ActorState::Stopping;
        }
    }

    fn terminate(&mut self) {
        self.life = ActorState::Stopped;
    }

    fn state(&self) -> ActorState {
        self.life
    }
}

impl<A: Actor<Context = Self>> AsyncContext<A> for Context<A> {
    fn address(&self) -> Addr<A> {
        self.actix.get_or_init(ActixAddress::new).address.clone()
    }

    fn spawn<F>(&mut self, future: F) -> SpawnHandle
    where
        F: ActorFuture<A, Output = ()> + 'static,
    {
        let cause = self.cause();
        self.futures.spawn(future, cause)
    }

    fn wait<F>(&mut self, future: F)
    where
        F: ActorFuture<A, Output = ()> + 'static,
    {
        let blocked = Blocked::new(self.slot.clone(), &mut self.hand);
        let wait = Inherited::new(future, self.cause()).map(move |(), _, _| drop(blocked));
        self.waits.push(Box::pin(wait));
    }

    fn waiting(&self) -> bool {
        !self.waits.is_empty() || self.life != ActorState::Running
    }

    fn cancel_future(&mut self, handle: SpawnHandle) -> bool {
        self.futures.cancel(handle)
    }
}

/// While it lives, answers go past the mailbox: an actor that waits might wait for one.
struct Blocked(Arc<Slot>);

impl Blocked {
    fn new(slot: Arc<Slot>, hand: &mut Hand) -> Self {
        slot.mailbox.block(hand);
        Self(slot)
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        self.0.mailbox.unblock();
    }
}
