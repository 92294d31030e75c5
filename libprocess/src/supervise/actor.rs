//! The supervisor as an actor: does what its [`Family`] decides.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::fut::wrap_future;
use actix::{
    Actor, ActorContext, ActorFutureExt, AsyncContext, Handler, MessageResult, ResponseActFuture,
    ResponseFuture, Running, SpawnHandle,
};
use rand::Rng;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::family::{Effect, Family};
use super::messages::{
    ChildInfo, Children, StartChild, StartError, Started, StopChild, StopError, SupervisorProtocol,
};
use super::spec::{Child, Supervisor};
use crate::actor::Context;
use crate::error::{ExitReason, Exited, SpawnError};
use crate::node::Node;
use crate::pid::{AnyPid, Pid};
use crate::protocol::Process;

/// Keeps the children of one supervisor.
pub(super) struct Keeper {
    family: Family,
    /// By number of the child.
    children: BTreeMap<u64, Kept>,
    /// Whose life a pid is.
    pids: BTreeMap<AnyPid, u64>,
    began: Instant,
    timer: Option<SpawnHandle>,
    /// Told when the children have started for the first time.
    ready: Vec<oneshot::Sender<()>>,
}

struct Kept {
    child: Child,
    pid: Option<AnyPid>,
    starting: Vec<oneshot::Sender<Result<AnyPid, StartError>>>,
    stopping: Vec<oneshot::Sender<()>>,
}

impl Node {
    /// Starts a supervision tree: its children in order, and theirs. It is a root: only
    /// [`shutdown`](Node::shutdown) and those who monitor it care for its end.
    ///
    /// The pid is there at once, the children in their time; ask [`Started`] to wait for them.
    pub fn supervise(&self, tree: Supervisor) -> Result<Pid<SupervisorProtocol>, SpawnError> {
        let tree = Arc::new(tree);
        let pid = self.spawn(tree.name.clone(), move |_| Keeper::new(&tree))?;
        let mut roots = self.roots();
        // Without those that have ended, there are no more than there are actors.
        roots.retain(|root| self.find(root).is_some());
        roots.push(pid.any());
        Ok(pid)
    }
}

impl Keeper {
    pub(super) fn new(tree: &Supervisor) -> Self {
        let family = Family::new(tree);
        let numbered = family.members().iter().map(|member| member.id);
        let children = numbered.zip(tree.children.iter().cloned().map(Kept::new));
        Self {
            children: children.collect(),
            family,
            pids: BTreeMap::new(),
            began: Instant::now(),
            timer: None,
            ready: Vec::new(),
        }
    }

    /// Tells the family what happened, and does what it says.
    fn then(
        &mut self,
        ctx: &mut Context<Self>,
        happened: impl FnOnce(&mut Family, Duration, &mut VecDeque<Effect>),
    ) {
        let mut effects = VecDeque::new();
        happened(&mut self.family, self.began.elapsed(), &mut effects);
        self.perform_all(effects, ctx);
    }

    fn perform_all(&mut self, mut effects: VecDeque<Effect>, ctx: &mut Context<Self>) {
        while let Some(effect) = effects.pop_front() {
            self.perform(effect, &mut effects, ctx);
        }
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        if let Some(deadline) = self.family.next_deadline(self.began.elapsed()) {
            let wait = deadline.saturating_sub(self.began.elapsed());
            self.timer = Some(ctx.run_later(wait, |keeper, ctx| {
                let chance = ctx.random().random();
                keeper.then(ctx, |family, now, out| family.tick(now, chance, out));
            }));
        }
    }

    fn perform(&mut self, effect: Effect, next: &mut VecDeque<Effect>, ctx: &mut Context<Self>) {
        match effect {
            Effect::Spawn(id, lives) => {
                if let Err(reason) = self.spawn(id, lives, ctx) {
                    let (now, chance) = (self.began.elapsed(), ctx.random().random());
                    self.family.exited(now, id, reason, chance, next);
                }
            }
            Effect::Stop(id) => self.with_pid(id, |pid| ctx.node().stop(pid)),
            Effect::Kill(id) => self.with_pid(id, |pid| {
                tracing::warn!(child = %pid, "killed, for it took too long");
                ctx.node().kill(pid);
            }),
            Effect::Abandon(id) => {
                if let Some(pid) = self.children.get_mut(&id).and_then(|kept| kept.pid.take()) {
                    tracing::error!(child = %pid, "cannot be killed: a handler holds its thread");
                    self.pids.remove(&pid);
                }
            }
            Effect::Up(id) => self.answer_start(id, None),
            Effect::FailedToStart(id, reason) => {
                self.answer_start(id, Some(StartError::Failed(reason)));
            }
            Effect::Gone(id) => {
                self.answer_start(id, Some(StartError::Stopped));
                let gone = self.children.remove(&id);
                for waiting in gone.into_iter().flat_map(|kept| kept.stopping) {
                    let _ = waiting.send(());
                }
            }
            Effect::Ready => {
                for waiting in self.ready.drain(..) {
                    let _ = waiting.send(());
                }
            }
            Effect::End(None) => ctx.stop(),
            Effect::End(Some(why)) => {
                tracing::error!(supervisor = %ctx.me_any(), why, "gives up");
                ctx.fail(why);
            }
        }
    }

    fn spawn(&mut self, id: u64, lives: u64, ctx: &mut Context<Self>) -> Result<(), ExitReason> {
        let Some(kept) = self.children.get_mut(&id) else {
            return Ok(());
        };
        let (pid, started) = ctx
            .spawn_child(&kept.child, lives)
            .map_err(|error| match error {
                SpawnError::NodeDown => ExitReason::NodeDown,
                error => ExitReason::Failed(error.to_string()),
            })?;
        kept.pid = Some(pid.clone());
        self.pids.insert(pid.clone(), id);
        let started = wrap_future::<_, Self>(started).map(move |started, keeper, ctx| {
            // It may have ended since.
            let current = keeper.pids.get(&pid) == Some(&id);
            if started.is_ok() && current {
                keeper.then(ctx, |family, now, out| family.started(now, id, out));
            }
        });
        ctx.spawn(started);
        Ok(())
    }

    /// Those who asked for the child's start hear of it. If it is up, `error` is none.
    fn answer_start(&mut self, id: u64, error: Option<StartError>) {
        let Some(kept) = self.children.get_mut(&id) else {
            return;
        };
        let answer = match (error, &kept.pid) {
            (None, Some(pid)) => Ok(pid.clone()),
            (error, _) => Err(error.unwrap_or(StartError::Stopped)),
        };
        for waiting in kept.starting.drain(..) {
            let _ = waiting.send(answer.clone());
        }
    }

    fn with_pid(&self, id: u64, act: impl FnOnce(&AnyPid)) {
        if let Some(pid) = self.children.get(&id).and_then(|kept| kept.pid.as_ref()) {
            act(pid);
        }
    }
}

impl Actor for Keeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.ready.extend(ctx.take_ready());
        self.then(ctx, Family::step);
    }

    /// It stops when its children have.
    fn stopping(&mut self, ctx: &mut Context<Self>) -> Running {
        if self.family.is_over() {
            return Running::Stop;
        }
        if !self.family.is_ending() {
            self.then(ctx, |family, now, out| family.end(now, out));
        }
        match self.family.is_over() {
            true => Running::Stop,
            false => Running::Continue,
        }
    }
}

impl Process for Keeper {
    type Protocol = SupervisorProtocol;
}

impl Handler<Exited> for Keeper {
    type Result = ();

    fn handle(&mut self, Exited { pid, reason }: Exited, ctx: &mut Context<Self>) {
        let Some(id) = self.pids.remove(&pid) else {
            return;
        };
        if let Some(kept) = self.children.get_mut(&id) {
            kept.pid = None;
        }
        tracing::debug!(child = %pid, %reason, "ended");
        let chance = ctx.random().random();
        self.then(ctx, |family, now, out| {
            family.exited(now, id, reason, chance, out)
        });
    }
}

impl Handler<StartChild> for Keeper {
    type Result = ResponseFuture<Result<AnyPid, StartError>>;

    fn handle(&mut self, StartChild(child): StartChild, ctx: &mut Context<Self>) -> Self::Result {
        let refusal = if self.family.is_ending() {
            Some(StartError::Stopped)
        } else if self.family.named(&child.name).is_some() {
            Some(StartError::NameTaken)
        } else if self.family.is_full() {
            Some(StartError::TooMany)
        } else {
            None
        };
        if let Some(error) = refusal {
            return Box::pin(std::future::ready(Err(error)));
        }
        let (answer, answered) = oneshot::channel();
        let mut kept = Kept::new(child.clone());
        kept.starting.push(answer);
        let id = self.family.add(&child);
        self.children.insert(id, kept);
        self.then(ctx, Family::step);
        Box::pin(async { answered.await.unwrap_or(Err(StartError::Stopped)) })
    }
}

impl Handler<StopChild> for Keeper {
    type Result = ResponseFuture<Result<(), StopError>>;

    fn handle(&mut self, StopChild(name): StopChild, ctx: &mut Context<Self>) -> Self::Result {
        let Some(id) = self.family.named(&name).map(|member| member.id) else {
            return Box::pin(std::future::ready(Err(StopError::NoChild)));
        };
        let (answer, answered) = oneshot::channel();
        if let Some(kept) = self.children.get_mut(&id) {
            kept.stopping.push(answer);
        }
        self.then(ctx, |family, now, out| family.remove(now, id, out));
        // Dropped unanswered only with the supervisor, whose children are gone by then.
        Box::pin(async {
            let _ = answered.await;
            Ok(())
        })
    }
}

impl Handler<Started> for Keeper {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Started, _: &mut Context<Self>) -> Self::Result {
        let (answer, answered) = oneshot::channel();
        match self.family.is_ready() {
            true => drop(answer.send(())),
            false => self.ready.push(answer),
        }
        // Of the actor's futures: if it ends before, the asker hears why.
        Box::pin(wrap_future(async move {
            if answered.await.is_err() {
                std::future::pending().await
            }
        }))
    }
}

impl Handler<Children> for Keeper {
    type Result = MessageResult<Children>;

    fn handle(&mut self, _: Children, _: &mut Context<Self>) -> MessageResult<Children> {
        let members = self.family.members().iter();
        MessageResult(
            members
                .map(|member| ChildInfo {
                    name: member.name.clone(),
                    pid: self
                        .children
                        .get(&member.id)
                        .and_then(|kept| kept.pid.clone()),
                    up: member.is_up(),
                    restarts: member.restarts(),
                })
                .collect(),
        )
    }
}

impl Kept {
    fn new(child: Child) -> Self {
        Self {
            child,
            pid: None,
            starting: Vec::new(),
            stopping: Vec::new(),
        }
    }
}
