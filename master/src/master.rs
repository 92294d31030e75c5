//! The master's actor: it hears, lets the core decide, and performs what the core decided.

mod from_agents;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::historic::Historic;
use mesos::protocols::master::{OperatorCall, SchedulerCall};
use mesos::protocols::observer::SetConnected;
use mesos::protocols::scheduler::{Event, Unsubscribed};
use mesos::protocols::{
    AgentProtocol, CallAccepted, CallRejected, MasterProtocol, ObserverProtocol, RejectionKind,
    roles,
};
use mesos::v1::scheduler::call::Type as CallType;
use mesos::v1::{self, AgentId};
use mesos::wire::Pb;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use crate::allocator::{
    AllocatorClient, AllocatorDoor, AllocatorOp, AllocatorProtocol, UpdateAvailable,
};
use crate::clock::Clock;
use crate::config::Config;
use crate::events::History;
use crate::inbox::{InboxProtocol, Input};
use crate::journal;
use crate::observer::AgentObserver;
use crate::registrar::{Apply, Operation, Recover, RegistrarError, RegistrarProtocol, Registry};
use crate::state::{
    Awaited, Caller, Continuation, Effect, Effects, State, Ticket, Timer, Timestamp, ToAgent,
};
use crate::throttle::{Admitted, LaneName, Throttle};
use crate::view::View;

/// How much longer the master waits for the registrar than the registrar for its storage:
/// operations queue up behind one that is being stored.
const REGISTRAR_PATIENCE: u32 = 4;

/// How long the allocator may take to answer. It does so between two runs.
const ALLOCATOR_PATIENCE: Duration = Duration::from_secs(60);

/// How old the published view may become while messages wait, at first: nobody looks more often.
const MIN_VIEW_AGE: Duration = Duration::from_millis(10);

/// The same when they do not cease to come, as when everybody comes back to a new leader. Each view costs the copies of
/// what changes after it, which is nearly everything then.
const MAX_VIEW_AGE: Duration = Duration::from_secs(1);

/// Calls of operators that may wait for the registry or the allocator. More come only from a program
/// that does not wait for answers.
const MAX_WAITING_OPERATORS: usize = 1_024;

/// What answering a reader takes, in a master that does it itself (only in a [`museum`](mesos::historic)).
const READ_TAKES: Duration = Duration::from_secs(2);

/// The actors a master works with. They live and end together.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) inbox: Pid<InboxProtocol>,
    pub(crate) allocator: Pid<AllocatorProtocol>,
    pub(crate) registrar: Pid<RegistrarProtocol>,
}

/// A call that waits for its turn.
struct Throttled {
    caller: Caller,
    call: Box<v1::scheduler::Call>,
    answer: oneshot::Sender<Result<CallAccepted, CallRejected>>,
}

/// What stays when one life of a master ends and the next one begins.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) clock: Clock,
    /// Where views appear; there is always one.
    pub(crate) views: watch::Sender<Arc<View>>,
    /// Where the allocator of the present term is.
    pub(crate) allocators: watch::Sender<Option<AllocatorDoor>>,
}

/// See the module's documentation.
pub(crate) struct MasterProcess {
    state: State,
    throttle: Throttle<Throttled>,
    config: Arc<Config>,
    parts: Parts,
    allocator: AllocatorClient,
    clock: Clock,
    /// What the inbox hands on, until the actor has started.
    inputs: Option<mpsc::UnboundedReceiver<Input>>,
    /// Operators who wait for the answer to their call.
    operators: BTreeMap<Ticket, oneshot::Sender<Result<(), CallRejected>>>,
    /// Calls of operators ever taken, for their tickets.
    tickets: u64,
    /// The watches over registered agents.
    observers: BTreeMap<AgentId, Pid<ObserverProtocol>>,
    /// Agents to be observed as soon as the turn ends: whoever places actors is woken once for all of them.
    unobserved: Vec<(AgentId, Pid<AgentProtocol>)>,
    /// Observers ever spawned, for their names.
    observed: u64,
    views: watch::Sender<Arc<View>>,
    /// Something has changed since the last of them.
    unpublished: bool,
    /// When the last of them was.
    published: Instant,
    /// How old it may become while messages wait.
    view_age: Duration,
    events: Arc<History>,
}

impl MasterProcess {
    pub(crate) fn new(
        config: Arc<Config>,
        info: v1::MasterInfo,
        parts: Parts,
        inputs: mpsc::UnboundedReceiver<Input>,
        seat: Seat,
        events: Arc<History>,
        ctx: &Context<Self>,
    ) -> MasterProcess {
        let Seat { clock, views, .. } = seat;
        let state = State::new(config.clone(), info.clone());
        let leader = Some(Arc::new(info.clone()));
        let started = views.borrow().started;
        let view = View {
            cluster: state.cluster().clone(),
            counters: state.counters().clone(),
            published: clock.at(ctx.now()),
            events: events.clone(),
            ..View::vacant(&config, info, leader, started)
        };
        views.send_replace(Arc::new(view));
        MasterProcess {
            state,
            throttle: Throttle::new(config.rate_limits.as_ref()),
            config,
            allocator: AllocatorClient::new(parts.allocator.clone()),
            parts,
            clock,
            inputs: Some(inputs),
            operators: BTreeMap::new(),
            tickets: 0,
            observers: BTreeMap::new(),
            unobserved: Vec::new(),
            observed: 0,
            views,
            unpublished: false,
            published: ctx.now(),
            view_age: MIN_VIEW_AGE,
            events,
        }
    }

    fn now(&self, ctx: &Context<Self>) -> Timestamp {
        self.clock.at(ctx.now())
    }

    /// Does what is to be done about what has changed. Everybody can see it when the turn ends, or later in a busy
    /// time, or before, if somebody waits for an answer that says so.
    fn act(&mut self, mut effects: Effects, ctx: &mut Context<Self>) {
        effects.extend(self.state.settle());
        self.events.note(self.state.cluster());
        self.unpublished = true;
        if effects.iter().any(|it| matches!(it, Effect::Answer(..))) {
            self.publish(ctx);
        }
        ctx.after_turn(MasterProcess::end_turn);
        for effect in effects {
            journal::note(&effect);
            self.perform(effect, ctx);
        }
    }

    fn end_turn(&mut self, ctx: &mut Context<Self>) {
        self.allocator.send(ctx);
        self.observe_all(ctx);
        self.publish_in_time(ctx);
    }

    /// At once, unless messages wait: then it is done less and less often.
    fn publish_in_time(&mut self, ctx: &mut Context<Self>) {
        let busy = ctx.is_turn_full();
        if busy && ctx.now() - self.published < self.view_age {
            return ctx.after_turn(MasterProcess::end_turn);
        }
        self.publish(ctx);
        self.view_age = match busy {
            true => (self.view_age * 2).min(MAX_VIEW_AGE),
            false => MIN_VIEW_AGE,
        };
    }

    /// Not for every message of a busy time: a view shares all its structure with the state, which then copies what it
    /// changes.
    fn publish(&mut self, ctx: &mut Context<Self>) {
        if !std::mem::take(&mut self.unpublished) {
            return;
        }
        self.published = ctx.now();
        let now = self.clock.at(self.published);
        self.views.send_modify(|view| {
            *view = Arc::new(View {
                cluster: self.state.cluster().clone(),
                counters: self.state.counters().clone(),
                elected: view
                    .elected
                    .or((!self.state.is_recovering()).then_some(now)),
                published: now,
                ..(**view).clone()
            });
        });
        // For whoever has begun to follow with the view before.
        self.events.note(self.state.cluster());
    }

    fn perform(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        match effect {
            Effect::Agent(to, message) => match message {
                ToAgent::Registered(message) => ctx.tell(&to, message),
                ToAgent::Reregistered(message) => ctx.tell(&to, message),
                ToAgent::Drain(message) => ctx.tell(&to, message),
                ToAgent::Shutdown(message) => ctx.tell(&to, message),
                ToAgent::Run(message) => ctx.tell(&to, *message),
                ToAgent::RunGroup(message) => ctx.tell(&to, *message),
                ToAgent::Kill(message) => ctx.tell(&to, message),
                ToAgent::Acknowledge(message) => ctx.tell(&to, message),
                ToAgent::Message(message) => ctx.tell(&to, message),
                ToAgent::ShutdownExecutor(message) => ctx.tell(&to, message),
                ToAgent::ShutdownFramework(message) => ctx.tell(&to, message),
                ToAgent::UpdateFramework(message) => ctx.tell(&to, *message),
                ToAgent::Apply(message) => ctx.tell(&to, *message),
                ToAgent::AcknowledgeOperation(message) => ctx.tell(&to, message),
                ToAgent::ReconcileOperations(message) => ctx.tell(&to, message),
            },
            Effect::Event(to, event) => ctx.tell(&to, Event(Pb(*event))),
            Effect::Unsubscribe(subscriber) => {
                ctx.demonitor(&subscriber);
                ctx.tell(&subscriber, Unsubscribed);
            }
            Effect::Watch(pid) => ctx.monitor(pid),
            Effect::Unwatch(pid) => ctx.demonitor(pid),
            Effect::Observe(agent, pid) => self.unobserved.push((agent, pid)),
            Effect::ObserveConnected(agent, connected) => {
                self.observe_all(ctx);
                if let Some(observer) = self.observers.get(&agent) {
                    ctx.tell(observer, SetConnected(connected));
                }
            }
            Effect::EndObservation(agent) => {
                self.observe_all(ctx);
                if let Some(observer) = self.observers.remove(&agent) {
                    ctx.node().stop(observer);
                }
            }
            Effect::Allocator(operation) => self.allocator.tell(operation),
            Effect::Registry(operation, then) => self.store(operation, then, ctx),
            Effect::Available(update, then) => self.ask_allocator(update, *then, ctx),
            Effect::Answer(ticket, answer) => {
                if let Some(operator) = self.operators.remove(&ticket) {
                    // The asker may have given up.
                    let _ = operator.send(answer);
                }
            }
            Effect::Abort(reason) => self.abort(&reason, ctx),
            Effect::Timer(after, timer) => {
                ctx.run_later(after, move |master, ctx| master.fire(timer, ctx));
            }
        }
    }

    fn ask_allocator(&mut self, update: UpdateAvailable, then: Awaited, ctx: &mut Context<Self>) {
        let asked = self
            .allocator
            .update_available(update, ALLOCATOR_PATIENCE, ctx);
        let answered = asked
            .into_actor(self)
            .map(|answer, master, ctx| match answer {
                Ok(result) => {
                    let effects = master.state.available(then, result);
                    master.act(effects, ctx);
                }
                // Whether it did it or not: the books may differ from now on.
                Err(error) => master.abort(&format!("the allocator failed: {error}"), ctx),
            });
        ctx.spawn(answered);
    }

    fn observe_all(&mut self, ctx: &mut Context<Self>) {
        for (agent, pid) in std::mem::take(&mut self.unobserved) {
            self.observe(agent, pid, ctx);
        }
    }

    fn observe(&mut self, agent: AgentId, pid: Pid<AgentProtocol>, ctx: &mut Context<Self>) {
        let name = format!("agent-observer({})", self.observed);
        self.observed += 1;
        let (master, id) = (ctx.me(), agent.clone());
        let (interval, misses) = (
            self.config.agent_ping_timeout,
            self.config.max_agent_ping_timeouts,
        );
        let spawned = ctx.node().spawn(name, move |_| {
            AgentObserver::new(id, pid, master, interval, misses)
        });
        match spawned {
            Ok(observer) => {
                self.observers.insert(agent, observer);
            }
            // Only when the node is going down.
            Err(error) => tracing::warn!(%error, agent = %agent.value, "agent is not watched"),
        }
    }

    fn fire(&mut self, timer: Timer, ctx: &mut Context<Self>) {
        let effects = self.state.fired(self.now(ctx), timer);
        self.act(effects, ctx);
    }

    fn store(&mut self, operation: Operation, then: Continuation, ctx: &mut Context<Self>) {
        let patience = self.config.registry_store_timeout * REGISTRAR_PATIENCE;
        ctx.detach().ask_then(
            &self.parts.registrar,
            Apply(operation),
            patience,
            move |master, answer, ctx| master.stored(answer, then, ctx),
        );
    }

    fn stored(
        &mut self,
        answer: Result<Result<bool, RegistrarError>, AskError>,
        then: Continuation,
        ctx: &mut Context<Self>,
    ) {
        let effects = match answer {
            Ok(Ok(_)) => self.state.stored(self.now(ctx), then),
            Ok(Err(error @ (RegistrarError::Refused(_) | RegistrarError::Overloaded))) => {
                tracing::warn!(%error, "a change of the registry was refused");
                self.state.refused(&then)
            }
            Ok(Err(error)) => return self.abort(&format!("the registry failed: {error}"), ctx),
            Err(error) => return self.abort(&format!("the registrar failed: {error}"), ctx),
        };
        self.act(effects, ctx);
    }

    fn recover(&mut self, ctx: &mut Context<Self>) {
        let patience = self.config.registry_fetch_timeout * REGISTRAR_PATIENCE;
        ctx.detach().ask_then(
            &self.parts.registrar,
            Recover,
            patience,
            |master, answer, ctx| match answer {
                Ok(Ok(registry)) => master.recovered(registry, ctx),
                Ok(Err(error)) => master.abort(&format!("cannot read the registry: {error}"), ctx),
                Err(error) => master.abort(&format!("cannot read the registry: {error}"), ctx),
            },
        );
    }

    fn recovered(&mut self, registry: Registry, ctx: &mut Context<Self>) {
        tracing::info!(
            agents = registry.agents.len(),
            frameworks = registry.frameworks.len(),
            "read the registry"
        );
        let effects = self.state.recovered(self.now(ctx), registry);
        self.act(effects, ctx);
    }

    fn abort(&mut self, reason: &str, ctx: &mut Context<Self>) {
        tracing::error!("{reason}; the master ends");
        ctx.stop();
    }

    fn decide(
        &mut self,
        caller: &Caller,
        call: v1::scheduler::Call,
        ctx: &mut Context<Self>,
    ) -> Result<CallAccepted, CallRejected> {
        let effect_comes_later = effect_comes_later(call.r#type());
        let (accepted, effects) = self.state.call(self.now(ctx), caller, call)?;
        self.act(effects, ctx);
        if !effect_comes_later {
            self.publish(ctx);
        }
        Ok(accepted)
    }

    /// It is the turn of the next call in a lane.
    fn serve_lane(&mut self, lane: LaneName, ctx: &mut Context<Self>) {
        let (next, again) = self.throttle.next(self.now(ctx), &lane);
        if let Some(wait) = again {
            ctx.run_later(wait, |master, ctx| master.serve_lane(lane, ctx));
        }
        if let Some(Throttled {
            caller,
            call,
            answer,
        }) = next
        {
            let decided = self.decide(&caller, *call, ctx);
            // The asker may have given up.
            let _ = answer.send(decided);
        }
    }

    /// Who calls, and whether it may act for frameworks at all.
    fn caller(
        &self,
        call: &SchedulerCall,
        ctx: &mut Context<Self>,
    ) -> Result<Caller, CallRejected> {
        let (principal, operator) = match ctx.peer() {
            Peer::Local => (call.principal.clone(), false),
            Peer::Remote(peer) if peer.role == roles::FRAMEWORK => (Some(peer.name), false),
            Peer::Remote(peer) if peer.role == roles::OPERATOR => (Some(peer.name), true),
            Peer::Remote(peer) => {
                return Err(CallRejected::new(
                    RejectionKind::Unauthorized,
                    format!(
                        "a certificate of the role '{}' does not allow scheduler calls",
                        peer.role
                    ),
                ));
            }
        };
        if let (Some(from), Some(sender)) = (&call.from, ctx.sender())
            && from.address() != sender.address()
        {
            return Err(CallRejected::invalid(
                "events can only be sent to the caller's own node",
            ));
        }
        Ok(Caller {
            from: call.from.clone(),
            stream_id: call.stream_id.clone(),
            principal,
            operator,
            fresh: fresh_uuid(ctx),
        })
    }
}

/// Whether a call of this type is answered as Mesos answers it: before anybody need see what comes of it. They are many.
fn effect_comes_later(call: CallType) -> bool {
    matches!(
        call,
        CallType::Accept | CallType::Decline | CallType::Acknowledge
    )
}

/// A random UUID from the actor's own generator.
pub(crate) fn fresh_uuid<A: Actor<Context = Context<A>>>(ctx: &mut Context<A>) -> uuid::Uuid {
    let bytes: [u8; 16] = rand::Rng::random(ctx.random());
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// Who the operator is that calls.
fn operator(
    call: &OperatorCall,
    ctx: &Context<MasterProcess>,
) -> Result<Option<String>, CallRejected> {
    match ctx.peer() {
        Peer::Local => Ok(call.principal.clone()),
        Peer::Remote(peer) if peer.role == roles::OPERATOR => Ok(Some(peer.name)),
        Peer::Remote(peer) => Err(CallRejected::new(
            RejectionKind::Unauthorized,
            format!(
                "a certificate of the role '{}' does not allow operator calls",
                peer.role
            ),
        )),
    }
}

impl Actor for MasterProcess {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if let Some(mut inputs) = self.inputs.take() {
            ctx.add_stream(futures_util::stream::poll_fn(move |cx| {
                inputs.poll_recv(cx)
            }));
        }
        // None of them can be replaced under a running master: with one, all end.
        ctx.monitor(&self.parts.inbox);
        ctx.monitor(&self.parts.allocator);
        ctx.monitor(&self.parts.registrar);
        self.recover(ctx);
    }

    fn stopped(&mut self, ctx: &mut Context<Self>) {
        let node = ctx.node();
        for observer in self.observers.values() {
            node.stop(observer);
        }
        node.stop(&self.parts.inbox);
        node.stop(&self.parts.allocator);
        node.stop(&self.parts.registrar);
    }
}

impl Process for MasterProcess {
    type Protocol = MasterProtocol;
}

impl StreamHandler<Input> for MasterProcess {
    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        let now = self.now(ctx);
        match input {
            Input::Allocated(mut allocated) => {
                let inverse = std::mem::take(&mut allocated.inverse);
                let allocations = self.allocator.current(allocated);
                let mut effects = self.state.allocated(now, allocations);
                effects.extend(self.state.inverse_allocated(now, inverse));
                self.act(effects, ctx);
            }
            Input::Whitelist(hostnames) => {
                let hostnames = Some(hostnames);
                self.allocator
                    .tell(AllocatorOp::UpdateWhitelist { hostnames });
                self.allocator.send(ctx);
            }
        }
    }
}

impl Handler<Exited> for MasterProcess {
    type Result = ();

    fn handle(&mut self, exited: Exited, ctx: &mut Context<Self>) {
        let own = [
            self.parts.inbox.as_any(),
            self.parts.allocator.as_any(),
            self.parts.registrar.as_any(),
        ];
        if own.contains(&&exited.pid) {
            return self.abort(&format!("{} ended: {:?}", exited.pid, exited.reason), ctx);
        }
        tracing::info!(pid = %exited.pid, reason = ?exited.reason, "lost");
        let effects = self.state.exited(self.now(ctx), &exited.pid);
        self.act(effects, ctx);
    }
}

impl Handler<SchedulerCall> for MasterProcess {
    type Result = Response<Result<CallAccepted, CallRejected>>;

    fn handle(&mut self, call: SchedulerCall, ctx: &mut Context<Self>) -> Self::Result {
        let caller = match self.caller(&call, ctx) {
            Ok(caller) => caller,
            Err(rejected) => return Response::reply(Err(rejected)),
        };
        let call = Box::new(call.call.0);
        if caller.operator || self.throttle.is_off() {
            return Response::reply(self.decide(&caller, *call, ctx));
        }
        let principal = self.state.principal_of(&caller, &call).map(str::to_owned);
        let (answer, answered) = oneshot::channel();
        let waiting = Throttled {
            caller,
            call,
            answer,
        };
        match (self.throttle).admit(self.now(ctx), principal.as_deref(), waiting) {
            Admitted::Now(Throttled { caller, call, .. }) => {
                Response::reply(self.decide(&caller, *call, ctx))
            }
            Admitted::Waits(first) => {
                if let Some((wait, lane)) = first {
                    ctx.run_later(wait, |master, ctx| master.serve_lane(lane, ctx));
                }
                Response::fut(async move {
                    let gone =
                        || CallRejected::new(RejectionKind::Recovering, "the master is stopping");
                    answered.await.unwrap_or_else(|_| Err(gone()))
                })
            }
            Admitted::Refused => Response::reply(Err(CallRejected::new(
                RejectionKind::Conflict,
                "too many calls of this principal wait already (--rate_limits); try again later",
            ))),
        }
    }
}

impl Handler<OperatorCall> for MasterProcess {
    type Result = ResponseFuture<Result<(), CallRejected>>;

    fn handle(&mut self, call: OperatorCall, ctx: &mut Context<Self>) -> Self::Result {
        let refuse = |rejected| Box::pin(std::future::ready(Err(rejected)));
        let principal = match operator(&call, ctx) {
            Ok(principal) => principal,
            Err(rejected) => return refuse(rejected),
        };
        if self.operators.len() >= MAX_WAITING_OPERATORS {
            let why = "too many calls wait for their answers; try again";
            return refuse(CallRejected::new(RejectionKind::Conflict, why));
        }
        if self.config.museum.shows(Historic::ReadersBlock) {
            ctx.wait(sleep(READ_TAKES).into_actor(self));
        }
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        let (sender, answer) = oneshot::channel();
        self.operators.insert(ticket, sender);
        let (now, fresh) = (self.now(ctx), fresh_uuid(ctx));
        let effects = self
            .state
            .operator(now, ticket, principal.as_deref(), fresh, call.call.0);
        self.act(effects, ctx);
        Box::pin(async move {
            let gone = || CallRejected::new(RejectionKind::Recovering, "the master is stopping");
            answer.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}
