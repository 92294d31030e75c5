//! The agent's actor: a thin shell around [`State`].
//!
//! ```text
//!  master ──────┐                                     ┌──▶ master
//!  executors ───┤   handler ──▶ State ──▶ effects ────┼──▶ executors
//!  containers ──┤              (decides)  (performed  ├──▶ containerizer
//!  alarms ──────┘                          one by one)├──▶ disk
//!                                                     └──▶ status update manager
//! ```
//!
//! Handlers check who speaks, call one verb of the state, and perform what follows; [`effects`]
//! holds the one `match`. After each, a snapshot of the state is published: readers never enter
//! this actor's mailbox. It lives on a thread of its own because checkpoints wait for the disk.

mod effects;
mod environment;
mod oversubscription;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libprocess::prelude::*;
use mesos::election::Election;
use mesos::protocols::agent::{
    Acknowledge, AcknowledgeOperation, ApplyOperation, DrainAgent, ExecutorCall, FrameworkMessage,
    KillTask, Ping, Pong, ReconcileOperations, Registered, Reregistered, RunTask, RunTaskGroup,
    ShutdownAgent, ShutdownExecutor, ShutdownFramework, UpdateFramework,
};
use mesos::protocols::{AgentProtocol, CallRejected, MasterProtocol, RejectionKind, names, roles};
use mesos::wire::Pb;
use rand::rngs::StdRng;
use rand::{Rng, RngCore};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::checkpoint::recovery::Recovered;
use crate::checkpoint::store::Store;
use crate::containerizer::{self, ContainerListenerProtocol, ContainerizerProtocol};
use crate::inbox::Inbound;
use crate::state::{Alarm, Chance, Effect, Moment, Stale, State};
use crate::status_updates::{Key, OperationUpdatesProtocol, StatusUpdatesProtocol, manager};
pub(crate) use environment::ExecutorAccess;
pub(crate) use oversubscription::Oversubscription;

/// How long the containerizer may take to look after the containers of an earlier life. Orphans are
/// killed and waited for.
const RECOVER_TIMEOUT: Duration = Duration::from_secs(120);

/// What the actor works with; made by [`daemon`](crate::daemon).
pub(crate) struct Parts {
    pub(crate) state: State,
    pub(crate) recovered: Option<Recovered>,
    pub(crate) store: Store,
    pub(crate) containerizer: Pid<ContainerizerProtocol>,
    pub(crate) listener: Pid<ContainerListenerProtocol>,
    pub(crate) updates: Pid<StatusUpdatesProtocol>,
    pub(crate) operations: Pid<OperationUpdatesProtocol>,
    pub(crate) oversubscription: Oversubscription,
    pub(crate) inbox: UnboundedReceiver<Inbound>,
    pub(crate) inbox_sender: UnboundedSender<Inbound>,
    pub(crate) view: watch::Sender<Arc<State>>,
    pub(crate) ended: watch::Sender<Option<String>>,
    pub(crate) election: Arc<dyn Election>,
    pub(crate) access: ExecutorAccess,
    pub(crate) clock: Clock,
}

/// The agent.
pub(crate) struct Agent {
    parts: Parts,
}

/// Seconds since the epoch, running as the runtime's clock does: in simulation that is virtual.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: f64,
    started: Instant,
}

impl Clock {
    /// A clock that shows `origin` seconds since the epoch now; the machine's time if unset.
    pub fn starting_at(origin: Option<f64>) -> Clock {
        let machine = || SystemTime::now().duration_since(UNIX_EPOCH);
        Clock {
            origin: origin.unwrap_or_else(|| machine().map_or(0.0, |d| d.as_secs_f64())),
            started: Instant::now(),
        }
    }

    /// The present.
    pub fn now(&self) -> f64 {
        self.origin + self.started.elapsed().as_secs_f64()
    }

    /// When it was started.
    pub fn origin(&self) -> f64 {
        self.origin
    }
}

impl Agent {
    pub(crate) fn new(parts: Parts) -> Agent {
        Agent { parts }
    }

    /// Lets the state decide, performs what follows, shows the result.
    fn act(
        &mut self,
        ctx: &mut Context<Self>,
        verb: impl FnOnce(&mut State, &mut Moment) -> Vec<Effect>,
    ) {
        let effects = self.decide(ctx, verb);
        self.perform(effects, ctx);
        self.publish();
    }

    fn decide<R>(
        &mut self,
        ctx: &mut Context<Self>,
        verb: impl FnOnce(&mut State, &mut Moment) -> R,
    ) -> R {
        let mut moment = Moment {
            now: self.parts.clock.now(),
            chance: &mut Dice(ctx.random()),
        };
        verb(&mut self.parts.state, &mut moment)
    }

    fn publish(&self) {
        self.parts
            .view
            .send_replace(Arc::new(self.parts.state.clone()));
    }

    /// Handles what comes from this node's own actors, one after the other.
    fn listen(&mut self, mut inbox: UnboundedReceiver<Inbound>, ctx: &mut Context<Self>) {
        let next = async move {
            let inbound = inbox.recv().await;
            (inbound, inbox)
        };
        let handle = next.into_actor(self).map(|(inbound, inbox), agent, ctx| {
            if let Some(inbound) = inbound {
                agent.receive(inbound, ctx);
                agent.listen(inbox, ctx);
            }
        });
        ctx.spawn(handle);
    }

    fn receive(&mut self, inbound: Inbound, ctx: &mut Context<Self>) {
        match inbound {
            Inbound::Terminated(ended) => self.act(ctx, |state, moment| {
                let Some(executor) = state.executor_of(&ended.container_id.value) else {
                    return Vec::new();
                };
                let of = executor.reference();
                state.container_gone(moment, &of, ended.status, ended.limitation.as_ref())
            }),
            Inbound::Forward(update) => self.act(ctx, |state, _| state.forwarded(&update)),
            Inbound::ForwardOperation(report) => {
                self.act(ctx, |state, _| state.operation_forwarded(&report));
            }
            Inbound::MasterDetected(master) => {
                self.act(ctx, |state, moment| state.master_detected(moment, master));
            }
            Inbound::Shutdown => self.act(ctx, |state, _| state.shutdown()),
            Inbound::Leave => {
                tracing::warn!("this agent leaves its cluster, and ends what runs on it");
                self.act(ctx, |state, _| state.leave());
            }
        }
    }

    fn ring(&mut self, alarm: Alarm, ctx: &mut Context<Self>) {
        self.act(ctx, |state, moment| match alarm {
            Alarm::Register { era } => state.registration_due(moment, era),
            Alarm::PingTimeout { era, pings } => state.pings_missed(moment, era, pings),
            Alarm::RegistrationTimeout(of) => state.registration_timed_out(&of),
            Alarm::ReregistrationTimeout => state.reregistration_timed_out(),
            Alarm::ShutdownTimeout(of) => state.shutdown_timed_out(&of),
        });
    }

    /// Hands the past over to those who continue it; ends with the search for a master.
    fn recover(&mut self, ctx: &mut Context<Self>) {
        let recovered = self.parts.recovered.take().unwrap_or_default();
        let tasks = recovered
            .frameworks
            .iter()
            .flat_map(|f| &f.executors)
            .flat_map(|e| &e.tasks);
        let open = tasks.filter(|t| !t.is_end_acknowledged);
        let streams = open.map(|t| {
            let key = Key {
                framework: t.task.framework_id.clone(),
                task: t.task.task_id.clone(),
            };
            (key, Some(t.log.clone()), t.stream.clone())
        });
        let streams = streams.collect();
        ctx.tell(&self.parts.updates, manager::Recover { streams });
        let streams = self.parts.state.operation_streams().into_iter();
        let streams = streams.map(|(key, stream)| (key, None, stream)).collect();
        ctx.tell(&self.parts.operations, manager::Recover { streams });

        let listener = self.parts.listener.clone();
        let containerizer = self.parts.containerizer.clone();
        ctx.tell(&containerizer, containerizer::Subscribe { listener });
        let known = self.parts.state.known_containers(&recovered);
        let ask = containerizer::Recover { known };
        let has_rebooted = recovered.has_rebooted;
        ctx.detach().ask_then(
            &containerizer,
            ask,
            RECOVER_TIMEOUT,
            move |agent, result, ctx| {
                let problem = match result {
                    Ok(Ok(found)) => {
                        // Those found dead are told as terminated, with what is known of their end.
                        let watched = [found.alive, found.gone].concat();
                        return agent.act(ctx, |state, moment| {
                            state.containers_recovered(moment, &watched, has_rebooted)
                        });
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => format!("the containerizer does not answer: {error}"),
                };
                agent.act(ctx, |_, _| vec![Effect::Exit(problem)]);
            },
        );
    }

    /// Follows the leading master for as long as the agent lives.
    fn detect(&mut self, ctx: &mut Context<Self>) {
        let mut leader = self.parts.election.detect();
        let inbox = self.parts.inbox_sender.clone();
        let follow = async move {
            loop {
                let address = leader.borrow_and_update().as_ref().map(|l| l.address);
                let master = address.map(|a| Pid::<MasterProtocol>::named(names::MASTER, a));
                if inbox.send(Inbound::MasterDetected(master)).is_err() {
                    return;
                }
                if leader.changed().await.is_err() {
                    return;
                }
            }
        };
        ctx.spawn(follow.into_actor(self));
    }

    /// Whether the message being handled comes from the master this agent follows. A former leader
    /// may still speak; so may anybody with a certificate of another role.
    fn is_from_master(&self, what: &str, ctx: &Context<Self>) -> bool {
        let is_a_master = match ctx.peer() {
            Peer::Local => true,
            Peer::Remote(peer) => peer.role == roles::MASTER,
        };
        let followed = self
            .parts
            .state
            .registration()
            .master()
            .map(|m| m.address());
        let is_followed = ctx.sender().is_none_or(|s| followed == Some(s.address()));
        if !(is_a_master && is_followed) {
            let sender = ctx.sender().map_or("a tool".to_owned(), |s| s.to_string());
            tracing::warn!("{what} from {sender} is ignored: it is not the master of this agent");
        }
        is_a_master && is_followed
    }

    /// Whether the peer may speak for the executor: its certificate names the container.
    fn may_speak_for(&self, call: &mesos::v1::executor::Call, ctx: &Context<Self>) -> bool {
        let Peer::Remote(peer) = ctx.peer() else {
            return true;
        };
        let executor = self
            .parts
            .state
            .executor(&call.framework_id, &call.executor_id);
        peer.role == roles::EXECUTOR && executor.is_none_or(|e| e.container_id.value == peer.name)
    }
}

/// Random choices from the actor's own generator, which the node seeds.
struct Dice<'a>(&'a mut StdRng);

impl Chance for Dice<'_> {
    fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn fraction(&mut self) -> f64 {
        self.0.random()
    }
}

impl Actor for Agent {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        // This life of the agent and no later one: what is meant for it must not reach the next.
        self.parts.state.me = ctx.me();
        let (_, closed) = tokio::sync::mpsc::unbounded_channel();
        let inbox = std::mem::replace(&mut self.parts.inbox, closed);
        self.listen(inbox, ctx);
        self.recover(ctx);
        self.publish();
    }
}

impl Process for Agent {
    type Protocol = AgentProtocol;
}

impl Handler<Registered> for Agent {
    type Result = ();

    fn handle(&mut self, m: Registered, ctx: &mut Context<Self>) {
        if self.is_from_master("Registered", ctx) {
            tracing::info!("registered with the master as {}", m.agent_id.value);
            self.act(ctx, |state, _| {
                state.registered(m.agent_id, m.total_ping_timeout)
            });
        }
    }
}

impl Handler<Reregistered> for Agent {
    type Result = ();

    fn handle(&mut self, m: Reregistered, ctx: &mut Context<Self>) {
        if self.is_from_master("Reregistered", ctx) {
            tracing::info!("registered again with the master as {}", m.agent_id.value);
            self.act(ctx, |state, moment| {
                state.reregistered(moment, &m.agent_id, m.total_ping_timeout, m.reconcile)
            });
        }
    }
}

impl Handler<ShutdownAgent> for Agent {
    type Result = ();

    fn handle(&mut self, m: ShutdownAgent, ctx: &mut Context<Self>) {
        if self.is_from_master("ShutdownAgent", ctx) {
            tracing::warn!("the master shuts this agent down: {}", m.message);
            self.act(ctx, |state, _| {
                let mut effects = state.shutdown();
                if m.forget {
                    effects.insert(0, Effect::Erase(Stale::Agent));
                }
                effects
            });
        }
    }
}

impl Handler<DrainAgent> for Agent {
    type Result = ();

    fn handle(&mut self, m: DrainAgent, ctx: &mut Context<Self>) {
        if self.is_from_master("DrainAgent", ctx) {
            tracing::info!("this agent is being drained");
            self.act(ctx, |state, moment| state.drain(moment, m.config.0));
        }
    }
}

impl Handler<Ping> for Agent {
    type Result = MessageResult<Ping>;

    fn handle(&mut self, m: Ping, ctx: &mut Context<Self>) -> Self::Result {
        if self.is_from_master("Ping", ctx) {
            self.act(ctx, |state, moment| state.pinged(moment, m.connected));
        }
        MessageResult(Pong)
    }
}

impl Handler<RunTask> for Agent {
    type Result = ();

    fn handle(&mut self, m: RunTask, ctx: &mut Context<Self>) {
        if self.is_from_master("RunTask", ctx) {
            let (Pb(framework), Pb(task)) = (m.framework, m.task);
            self.act(ctx, |state, moment| {
                state.run_task(
                    moment,
                    &framework,
                    task,
                    m.launch_executor,
                    m.resource_version,
                )
            });
        }
    }
}

impl Handler<RunTaskGroup> for Agent {
    type Result = ();

    fn handle(&mut self, m: RunTaskGroup, ctx: &mut Context<Self>) {
        if self.is_from_master("RunTaskGroup", ctx) {
            let (Pb(framework), Pb(executor)) = (m.framework, m.executor);
            let mut group = m.group.into_inner().tasks;
            for task in &mut group {
                task.executor = Some(executor.clone());
            }
            self.act(ctx, |state, moment| {
                let version = m.resource_version;
                state.run_task_group(moment, &framework, group, m.launch_executor, version)
            });
        }
    }
}

impl Handler<KillTask> for Agent {
    type Result = ();

    fn handle(&mut self, m: KillTask, ctx: &mut Context<Self>) {
        if self.is_from_master("KillTask", ctx) {
            let policy = m.kill_policy.map(Pb::into_inner);
            self.act(ctx, |state, moment| {
                state.kill_task(moment, &m.framework_id, &m.task_id, policy)
            });
        }
    }
}

impl Handler<Acknowledge> for Agent {
    type Result = ();

    fn handle(&mut self, m: Acknowledge, ctx: &mut Context<Self>) {
        if self.is_from_master("Acknowledge", ctx) {
            let acknowledge = Effect::Acknowledge {
                framework_id: m.framework_id,
                task_id: m.task_id,
                uuid: m.uuid,
            };
            self.act(ctx, |_, _| vec![acknowledge]);
        }
    }
}

impl Handler<ApplyOperation> for Agent {
    type Result = ();

    fn handle(&mut self, m: ApplyOperation, ctx: &mut Context<Self>) {
        if self.is_from_master("ApplyOperation", ctx) {
            self.act(ctx, |state, moment| state.apply_operation(moment, m));
        }
    }
}

impl Handler<AcknowledgeOperation> for Agent {
    type Result = ();

    fn handle(&mut self, m: AcknowledgeOperation, ctx: &mut Context<Self>) {
        if self.is_from_master("AcknowledgeOperation", ctx) {
            let (operation, status) = (m.operation, m.status);
            let acknowledge = Effect::AcknowledgeOperation { operation, status };
            self.act(ctx, |_, _| vec![acknowledge]);
        }
    }
}

impl Handler<ReconcileOperations> for Agent {
    type Result = ();

    fn handle(&mut self, m: ReconcileOperations, ctx: &mut Context<Self>) {
        if self.is_from_master("ReconcileOperations", ctx) {
            self.act(ctx, |state, moment| {
                state.reconcile_operations(moment, m.operations)
            });
        }
    }
}

impl Handler<FrameworkMessage> for Agent {
    type Result = ();

    fn handle(&mut self, m: FrameworkMessage, ctx: &mut Context<Self>) {
        if self.is_from_master("FrameworkMessage", ctx) {
            self.act(ctx, |state, _| {
                state.framework_message(&m.framework_id, &m.executor_id, m.data)
            });
        }
    }
}

impl Handler<ShutdownExecutor> for Agent {
    type Result = ();

    fn handle(&mut self, m: ShutdownExecutor, ctx: &mut Context<Self>) {
        if self.is_from_master("ShutdownExecutor", ctx) {
            self.act(ctx, |state, _| {
                state.shutdown_executor(&m.framework_id, &m.executor_id)
            });
        }
    }
}

impl Handler<ShutdownFramework> for Agent {
    type Result = ();

    fn handle(&mut self, m: ShutdownFramework, ctx: &mut Context<Self>) {
        if self.is_from_master("ShutdownFramework", ctx) {
            self.act(ctx, |state, _| state.shutdown_framework(&m.framework_id));
        }
    }
}

impl Handler<UpdateFramework> for Agent {
    type Result = ();

    fn handle(&mut self, m: UpdateFramework, ctx: &mut Context<Self>) {
        if self.is_from_master("UpdateFramework", ctx) {
            self.act(ctx, |state, _| state.update_framework(&m.framework));
        }
    }
}

impl Handler<ExecutorCall> for Agent {
    type Result = Result<(), CallRejected>;

    fn handle(&mut self, m: ExecutorCall, ctx: &mut Context<Self>) -> Self::Result {
        if !self.may_speak_for(&m.call, ctx) {
            let text = "The certificate of the caller is not that of this executor";
            return Err(CallRejected::new(RejectionKind::Unauthorized, text));
        }
        let call = m.call.into_inner();
        let decided = self.decide(ctx, |state, moment| {
            state.executor_call(moment, call, m.from)
        });
        let answer = decided.map(|effects| self.perform(effects, ctx));
        self.publish();
        answer
    }
}

/// A subscription, a master, or the way to one of them, ended.
impl Handler<Exited> for Agent {
    type Result = ();

    fn handle(&mut self, exited: Exited, ctx: &mut Context<Self>) {
        let master: Pid<MasterProtocol> = exited.pid.assume();
        let executor = exited.pid.assume();
        self.act(ctx, |state, moment| {
            if state.registration().master() == Some(&master) {
                tracing::warn!("the master {master} is gone: {}", exited.reason);
                state.master_lost(moment, &master)
            } else {
                state.executor_disconnected(&executor)
            }
        });
    }
}
