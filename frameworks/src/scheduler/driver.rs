//! The actor between a scheduler and the master.

use std::time::Duration;

use libprocess::prelude::*;
use mesos::election::Leader;
use mesos::protocols::master::SchedulerCall;
use mesos::protocols::{
    CallAccepted, CallRejected, MasterProtocol, RejectionKind, SchedulerProtocol, names,
};
use mesos::v1;
use mesos::v1::scheduler::{Call, call};
use mesos::wire::Pb;
use tokio::sync::watch;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::calls::Say;
use super::events::{Notice, Offers, SchedulerEvents, Subscribed, Update};
use super::handle::Driver;
use super::inbox::Inbox;

/// A master answers a call as soon as it has taken it from its mailbox; one that is this late is as good as gone.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// A scheduler may think this long about one update before the driver lets it come again.
const UPDATE_TIMEOUT: Duration = Duration::from_secs(60);
/// Heartbeats that may be missed before the subscription counts as dead (Mesos' scheduler-http-api.md: "a few").
const MISSED_HEARTBEATS: u32 = 3;
/// What a master is expected to announce until it does.
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(15);
/// Events that may arrive before the answer to the SUBSCRIBE that they follow from: both are under way at once, so
/// there are few. A thousand frameworks that reconcile would not need more.
const EARLY_EVENTS: usize = 4096;
/// A master that restarts is back by then; what it did not hear of a teardown, the failover timeout does later.
const TEARDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// What a driver needs to know.
#[derive(Clone, Debug)]
pub struct DriverConfig {
    /// The framework. With an `id` set it is the one of an earlier run, whose tasks go on (failover).
    pub framework: v1::FrameworkInfo,
    /// Where the leading master is; `None` while nobody knows.
    pub master: watch::Receiver<Option<Leader>>,
    /// Name of the scheduler's actor; unique on the node.
    pub name: String,
}

/// Starts a scheduler and its driver on `node`; `make` builds the scheduler.
///
/// # Errors
///
/// The name is taken on this node.
pub fn start<S, F>(node: &Node, config: DriverConfig, make: F) -> Result<Driver, SpawnError>
where
    S: Process<Protocol = SchedulerEvents>,
    F: FnOnce(Driver, &mut Context<S>) -> S + Send + 'static,
{
    let driver_name = format!("{}.driver", config.name);
    let driver_pid = Pid::<DriverProtocol>::named(&driver_name, node.address());
    let handle = Driver::new(node.clone(), driver_pid);
    let given = handle.clone();
    let scheduler = node.spawn(config.name.clone(), move |ctx| make(given, ctx))?;
    let theirs = scheduler.clone();
    let spawned = node.spawn(driver_name, move |_| SchedulerDriver::new(config, theirs));
    if let Err(error) = spawned {
        node.stop(&scheduler);
        return Err(error);
    }
    Ok(handle)
}

protocol! {
    /// What the driver's own parts tell it.
    pub(super) local DriverProtocol = "mesos.scheduler.driver" {
        1 => Say -> (),
        2 => FromMaster -> (),
        3 => Stop -> (),
    }
}

/// What an inbox hands on; the pid says of which subscription.
pub(super) enum FromMaster {
    Event(Pid<SchedulerProtocol>, Box<v1::scheduler::Event>),
    Unsubscribed(Pid<SchedulerProtocol>),
}

/// End without a word to the master.
pub(super) struct Stop;

struct SchedulerDriver {
    framework: v1::FrameworkInfo,
    leader: watch::Receiver<Option<Leader>>,
    scheduler: Pid<SchedulerEvents>,
    name: String,
    connection: Option<Connection>,
    backoff: Backoff,
    /// The next attempt to subscribe.
    retry: Option<SpawnHandle>,
    /// The framework is to be torn down, and this actor ends when the master has heard of it.
    leaving: bool,
    /// Makes names of inboxes and drops answers to attempts that were given up.
    attempts: u64,
}

/// One attempt to subscribe, or its success.
struct Connection {
    attempt: u64,
    master: Pid<MasterProtocol>,
    inbox: Pid<SchedulerProtocol>,
    /// Set when the master has accepted the subscription.
    stream_id: Option<String>,
    /// Events that overtook that answer. The scheduler sees them after it: it may make calls at once.
    early: Vec<v1::scheduler::Event>,
    heartbeat: Duration,
    last_event: Instant,
}

impl SchedulerDriver {
    fn new(config: DriverConfig, scheduler: Pid<SchedulerEvents>) -> SchedulerDriver {
        SchedulerDriver {
            framework: config.framework,
            leader: config.master,
            scheduler,
            name: config.name,
            connection: None,
            backoff: Backoff::default(),
            retry: None,
            leaving: false,
            attempts: 0,
        }
    }

    /// Subscribes anew whenever somebody else leads.
    fn follow_leader(&mut self, ctx: &mut Context<Self>) {
        let mut leader = self.leader.clone();
        let changed = async move { leader.changed().await.is_ok() };
        ctx.spawn(changed.into_actor(self).map(|changed, driver, ctx| {
            if changed {
                let address = driver
                    .leader
                    .borrow_and_update()
                    .as_ref()
                    .map(|leader| leader.address);
                if driver
                    .connection
                    .as_ref()
                    .is_some_and(|c| Some(c.master.address()) != address)
                {
                    driver.disconnect("another master leads", ctx);
                }
                // How long the former one was missed says nothing of it.
                driver.backoff.reset();
                driver.connect(ctx);
                driver.follow_leader(ctx);
            }
        }));
    }

    /// Subscribes to the leader; without one, waits until there is one.
    fn connect(&mut self, ctx: &mut Context<Self>) {
        if let Some(retry) = self.retry.take() {
            ctx.cancel_future(retry);
        }
        if self.connection.is_some() {
            return;
        }
        let Some(address) = self.leader.borrow().as_ref().map(|leader| leader.address) else {
            return;
        };
        self.attempts += 1;
        let attempt = self.attempts;
        let me = ctx.me();
        let inbox = match ctx
            .node()
            .spawn(format!("{}.inbox.{attempt}", self.name), |_| Inbox::new(me))
        {
            Ok(inbox) => inbox,
            Err(error) => return self.fail(format!("cannot receive events: {error}"), ctx),
        };
        let master = Pid::named(names::MASTER, address);
        ctx.monitor(&master);
        let subscribe = Call {
            framework_id: self.framework.id.clone(),
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(call::Subscribe {
                framework_info: self.framework.clone(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let message = SchedulerCall {
            call: Pb(subscribe),
            from: Some(inbox.clone()),
            stream_id: None,
            principal: None,
        };
        self.connection = Some(Connection {
            attempt,
            master: master.clone(),
            inbox,
            stream_id: None,
            early: Vec::new(),
            heartbeat: DEFAULT_HEARTBEAT,
            last_event: ctx.now(),
        });
        ctx.detach().ask_then(
            &master,
            message,
            CALL_TIMEOUT,
            move |driver, answer, ctx| {
                driver.subscribed(attempt, answer, ctx);
            },
        );
    }

    fn subscribed(
        &mut self,
        attempt: u64,
        answer: Result<Result<CallAccepted, CallRejected>, AskError>,
        ctx: &mut Context<Self>,
    ) {
        let Some(connection) = self.connection.as_mut().filter(|c| c.attempt == attempt) else {
            return;
        };
        match answer {
            Ok(Ok(CallAccepted {
                subscription: Some(subscription),
            })) => {
                connection.stream_id = Some(subscription.stream_id);
                let early = std::mem::take(&mut connection.early);
                self.framework.id = Some(subscription.framework_id);
                self.backoff.reset();
                if self.leaving {
                    return self.tear_down(ctx);
                }
                for event in early {
                    self.event(event, ctx);
                }
            }
            Ok(Ok(_)) => self.fail(
                "the master accepted the subscription but named no stream",
                ctx,
            ),
            Ok(Err(rejected)) if rejected.kind == RejectionKind::Recovering => {
                let wait = self.backoff.next_while_reading(ctx.random());
                self.disconnect_for(wait, &rejected.message, ctx);
            }
            Ok(Err(rejected)) if is_passing(rejected.kind) => {
                self.disconnect(&rejected.message, ctx)
            }
            Ok(Err(rejected)) => self.fail(rejected.message, ctx),
            Err(AskError::Refused(why)) => self.fail(why, ctx),
            Err(error) => self.disconnect(&error.to_string(), ctx),
        }
    }

    /// The subscription is gone: tries again after a while.
    fn disconnect(&mut self, why: &str, ctx: &mut Context<Self>) {
        if self.connection.is_none() {
            return;
        }
        let wait = self.backoff.next(ctx.random());
        self.disconnect_for(wait, why, ctx);
    }

    /// The same, of that length.
    fn disconnect_for(&mut self, wait: Duration, why: &str, ctx: &mut Context<Self>) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        tracing::info!(
            framework = self.framework.name,
            why,
            "not subscribed; trying again"
        );
        ctx.demonitor(&connection.master);
        ctx.node().stop(&connection.inbox);
        if connection.stream_id.is_some() {
            ctx.tell(&self.scheduler, Notice::Disconnected);
        }
        self.retry = Some(ctx.run_later(wait, |driver, ctx| {
            driver.retry = None;
            driver.connect(ctx);
        }));
    }

    /// There will be no subscription any more.
    fn fail(&mut self, why: impl Into<String>, ctx: &mut Context<Self>) {
        let why = why.into();
        tracing::warn!(
            framework = self.framework.name,
            why,
            "the framework has ended"
        );
        ctx.tell(&self.scheduler, Notice::Error(why));
        ctx.stop();
    }

    fn event(&mut self, event: v1::scheduler::Event, ctx: &mut Context<Self>) {
        if self.leaving {
            return;
        }
        let Some(connection) = &mut self.connection else {
            return;
        };
        connection.last_event = ctx.now();
        if connection.stream_id.is_none() && event.error.is_none() {
            connection.early.push(event);
            if connection.early.len() > EARLY_EVENTS {
                self.disconnect(
                    "the master floods, but does not accept the subscription",
                    ctx,
                );
            }
            return;
        }
        if let Some(subscribed) = event.subscribed {
            if let Some(seconds) = subscribed.heartbeat_interval_seconds {
                connection.heartbeat =
                    Duration::try_from_secs_f64(seconds).unwrap_or(DEFAULT_HEARTBEAT);
            }
            self.framework.id = Some(subscribed.framework_id.clone());
            let message = Subscribed {
                framework_id: subscribed.framework_id,
                master: subscribed.master_info,
            };
            ctx.tell(&self.scheduler, message);
        }
        if let Some(offers) = event.offers {
            ctx.tell(&self.scheduler, Offers(offers.offers));
        }
        if let Some(update) = event.update {
            self.update(update.status, ctx);
        }
        if let Some(update) = event.update_operation_status {
            self.operation_update(update.status, ctx);
        }
        if let Some(rescind) = event.rescind {
            ctx.tell(&self.scheduler, Notice::Rescinded(rescind.offer_id));
        }
        if let Some(asked) = event.inverse_offers {
            ctx.tell(&self.scheduler, Notice::InverseOffers(asked.inverse_offers));
        }
        if let Some(rescind) = event.rescind_inverse_offer {
            let id = rescind.inverse_offer_id;
            ctx.tell(&self.scheduler, Notice::InverseOfferRescinded(id));
        }
        if let Some(message) = event.message {
            ctx.tell(&self.scheduler, Notice::Message(message));
        }
        if let Some(failure) = event.failure {
            ctx.tell(&self.scheduler, Notice::Failure(failure));
        }
        if let Some(error) = event.error {
            self.fail(error.message, ctx);
        }
    }

    /// Hands an update over and acknowledges it when the scheduler's handler has returned.
    fn update(&mut self, status: v1::TaskStatus, ctx: &mut Context<Self>) {
        let acknowledge = match (&status.uuid, &status.agent_id) {
            (Some(uuid), Some(agent_id)) => Some(call::Acknowledge {
                agent_id: agent_id.clone(),
                task_id: status.task_id.clone(),
                uuid: uuid.clone(),
            }),
            // Made up by a master or agent for information: nobody waits for an acknowledgement.
            _ => None,
        };
        let acknowledge = acknowledge.map(Say::Acknowledge);
        self.hand_over(Update(status), acknowledge, ctx);
    }

    /// The same for an operation.
    fn operation_update(&mut self, status: v1::OperationStatus, ctx: &mut Context<Self>) {
        let acknowledge = match (&status.uuid, &status.operation_id) {
            (Some(uuid), Some(operation_id)) => Some(Say::AcknowledgeOperation(
                call::AcknowledgeOperationStatus {
                    agent_id: status.agent_id.clone(),
                    resource_provider_id: status.resource_provider_id.clone(),
                    uuid: uuid.value.clone(),
                    operation_id: operation_id.clone(),
                },
            )),
            // An answer to a reconciliation, or of an operation that never began.
            _ => None,
        };
        self.hand_over(Notice::OperationUpdate(Box::new(status)), acknowledge, ctx);
    }

    fn hand_over<M>(&self, update: M, acknowledge: Option<Say>, ctx: &mut Context<Self>)
    where
        M: Message<Result = ()> + Send + 'static,
        SchedulerEvents: Accepts<M>,
    {
        ctx.detach().ask_then(&self.scheduler, update, UPDATE_TIMEOUT, move |driver, handled, ctx| {
            match (handled, acknowledge) {
                (Ok(()), Some(acknowledge)) => driver.call(acknowledge, ctx),
                (Ok(()), None) => {}
                (Err(error), _) => {
                    tracing::warn!(%error, "the scheduler did not handle an update; it will come again");
                }
            }
        });
    }

    /// Sends a call of the present subscription; without one it is dropped.
    fn call(&mut self, say: Say, ctx: &mut Context<Self>) {
        let Some((attempt, master, message)) = self.message(say) else {
            tracing::debug!("a call was dropped: there is no subscription");
            return;
        };
        ctx.detach().ask_then(
            &master,
            message,
            CALL_TIMEOUT,
            move |driver, answer, ctx| {
                let current = driver
                    .connection
                    .as_ref()
                    .is_some_and(|c| c.attempt == attempt);
                match answer {
                    Ok(Ok(_)) => {}
                    Ok(Err(rejected)) => match rejected.kind {
                        RejectionKind::Invalid
                        | RejectionKind::Unsupported
                        | RejectionKind::Unauthorized
                        // It calls more often than it may.
                        | RejectionKind::Conflict => {
                            tracing::warn!("the master refuses a call: {}", rejected.message);
                        }
                        // This subscription is no longer the master's: get another.
                        _ if current => driver.disconnect(&rejected.message, ctx),
                        _ => {}
                    },
                    Err(error) if current => driver.disconnect(&error.to_string(), ctx),
                    Err(_) => {}
                }
            },
        );
    }

    /// A call as the master of the present subscription understands it; none without one.
    fn message(&self, say: Say) -> Option<(u64, Pid<MasterProtocol>, SchedulerCall)> {
        let connection = self.connection.as_ref().filter(|c| c.stream_id.is_some())?;
        let call = Call {
            framework_id: self.framework.id.clone(),
            ..say.into()
        };
        let message = SchedulerCall {
            call: Pb(call),
            from: Some(connection.inbox.clone()),
            stream_id: connection.stream_id.clone(),
            principal: None,
        };
        Some((connection.attempt, connection.master.clone(), message))
    }

    /// Ends the framework, then this actor: a call that is dropped with its caller may never be handled.
    fn tear_down(&mut self, ctx: &mut Context<Self>) {
        let Some((attempt, master, message)) = self.message(Say::Teardown) else {
            return;
        };
        ctx.detach().ask_then(
            &master,
            message,
            CALL_TIMEOUT,
            move |driver, answer, ctx| {
                let current = driver
                    .connection
                    .as_ref()
                    .is_some_and(|c| c.attempt == attempt);
                match answer {
                    Ok(Err(rejected)) if is_passing(rejected.kind) => {
                        if current {
                            driver.disconnect(&rejected.message, ctx);
                        }
                    }
                    // Torn down, by this call or by somebody else.
                    Ok(_) => ctx.stop(),
                    Err(error) if current => driver.disconnect(&error.to_string(), ctx),
                    Err(_) => {}
                }
            },
        );
    }

    /// Gives a subscription up that has been silent for too long.
    fn watch_heartbeats(&mut self, ctx: &mut Context<Self>) {
        let silent = self.connection.as_ref().is_some_and(|connection| {
            connection.stream_id.is_some()
                && ctx.now().duration_since(connection.last_event)
                    > connection.heartbeat * MISSED_HEARTBEATS
        });
        if silent {
            self.disconnect("no heartbeat from the master", ctx);
        }
    }
}

impl Actor for SchedulerDriver {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let scheduler = self.scheduler.clone();
        ctx.monitor(&scheduler);
        self.connect(ctx);
        ctx.run_interval(DEFAULT_HEARTBEAT, |driver, ctx| {
            driver.watch_heartbeats(ctx)
        });
        self.follow_leader(ctx);
    }

    fn stopped(&mut self, ctx: &mut Context<Self>) {
        if let Some(connection) = self.connection.take() {
            ctx.node().stop(&connection.inbox);
        }
    }
}

impl Process for SchedulerDriver {
    type Protocol = DriverProtocol;
}

impl Handler<Say> for SchedulerDriver {
    type Result = ();

    fn handle(&mut self, say: Say, ctx: &mut Context<Self>) {
        match say {
            Say::Teardown if self.leaving => {}
            // Nobody knows of it, or (while an answer is under way) will remember it for long.
            Say::Teardown if self.framework.id.is_none() => ctx.stop(),
            Say::Teardown => {
                self.leaving = true;
                self.tear_down(ctx);
                ctx.run_later(TEARDOWN_TIMEOUT, |driver, ctx| {
                    driver.fail("no master has heard of its teardown", ctx);
                });
            }
            say => self.call(say, ctx),
        }
    }
}

impl Handler<FromMaster> for SchedulerDriver {
    type Result = ();

    fn handle(&mut self, message: FromMaster, ctx: &mut Context<Self>) {
        let current = self.connection.as_ref().map(|connection| &connection.inbox);
        match message {
            FromMaster::Event(inbox, event) if current == Some(&inbox) => self.event(*event, ctx),
            FromMaster::Unsubscribed(inbox) if current == Some(&inbox) => {
                self.disconnect("the master dropped the subscription", ctx);
            }
            // Of a subscription that was given up.
            FromMaster::Event(..) | FromMaster::Unsubscribed(_) => {}
        }
    }
}

impl Handler<Stop> for SchedulerDriver {
    type Result = ();

    fn handle(&mut self, _: Stop, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<Exited> for SchedulerDriver {
    type Result = ();

    fn handle(&mut self, exited: Exited, ctx: &mut Context<Self>) {
        if exited.pid == self.scheduler.any() {
            // Nobody is left to speak for; the framework goes on until its failover timeout.
            if !self.leaving {
                ctx.stop();
            }
            return;
        }
        let current = self
            .connection
            .as_ref()
            .is_some_and(|c| c.master.any() == exited.pid);
        if current {
            self.disconnect(&format!("the master is gone ({:?})", exited.reason), ctx);
        }
    }
}

/// Whether the same call may be accepted a moment later, by this master or by another.
fn is_passing(kind: RejectionKind) -> bool {
    matches!(
        kind,
        RejectionKind::NotLeader
            | RejectionKind::Recovering
            | RejectionKind::Disconnected
            | RejectionKind::Conflict
    )
}
