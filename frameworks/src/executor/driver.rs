//! The actor between an executor and its agent.

use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::agent::ExecutorCall;
use mesos::protocols::{CallRejected, ExecutorProtocol, RejectionKind};
use mesos::v1;
use mesos::v1::executor::{Call, Event, call, event};
use mesos::wire::Pb;
use rand::Rng;
use tokio::time::Instant;
use uuid::Uuid;

use super::config::ExecutorConfig;
use super::events::{ExecutorEvents, Kill, Launch, LaunchGroup, Notice, Shutdown, Subscribed};
use super::handle::Driver;
use super::inbox::Inbox;
use super::pending::Pending;

/// An agent answers a call as soon as it has taken it from its mailbox; one that is this late is as good as gone.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// The agent that started us must take our first subscription within this time, or it destroys us
/// anyway (Mesos' `docs/executor-http-api.md`).
const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(60);
/// The first pause before an attempt to come back is up to this; it doubles up to the configured longest.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// How long a finishing executor waits for the acknowledgement of its last updates while an agent is there: a slow disk
/// takes a second.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts an executor and its driver on `node`; `make` builds the executor.
///
/// # Errors
///
/// The name is taken on this node.
pub fn start<E, F>(node: &Node, config: ExecutorConfig, make: F) -> Result<Driver, SpawnError>
where
    E: Process<Protocol = ExecutorEvents>,
    F: FnOnce(Driver, &mut Context<E>) -> E + Send + 'static,
{
    let driver_name = format!("{}.driver", config.name);
    let handle = Driver::new(node.clone(), Pid::named(&driver_name, node.address()));
    let given = handle.clone();
    let executor = node.spawn(config.name.clone(), move |ctx| make(given, ctx))?;
    let driver = node.spawn(driver_name, move |_| ExecutorDriver::new(config, executor))?;
    Ok(Driver::new(node.clone(), driver))
}

protocol! {
    /// What the driver's own parts tell it.
    pub(super) local DriverProtocol = "mesos.executor.driver" {
        1 => Say -> (),
        2 => FromAgent -> (),
    }
}

/// What the executor wants.
pub(super) enum Say {
    Update(Box<v1::TaskStatus>),
    Message(Vec<u8>),
    Finish,
}

/// What an inbox hands on; the pid says of which subscription.
pub(super) enum FromAgent {
    Event(Pid<ExecutorProtocol>, Box<Event>),
    Unsubscribed(Pid<ExecutorProtocol>),
}

struct ExecutorDriver {
    config: ExecutorConfig,
    executor: Pid<ExecutorEvents>,
    pending: Pending,
    connection: Option<Connection>,
    /// Makes names of inboxes, and drops answers to attempts that were given up.
    attempts: u64,
    /// Attempts since the last success.
    failures: u32,
    /// When to stop looking for an agent; set while there is none.
    give_up: Option<Instant>,
    subscribed_once: bool,
    /// The executor was told to shut down: nobody will listen any more.
    over: bool,
    finishing: bool,
}

/// One attempt to subscribe, or its success.
struct Connection {
    attempt: u64,
    inbox: Pid<ExecutorProtocol>,
    subscribed: bool,
}

impl ExecutorDriver {
    fn new(config: ExecutorConfig, executor: Pid<ExecutorEvents>) -> ExecutorDriver {
        ExecutorDriver {
            config,
            executor,
            pending: Pending::default(),
            connection: None,
            attempts: 0,
            failures: 0,
            give_up: None,
            subscribed_once: false,
            over: false,
            finishing: false,
        }
    }

    fn connect(&mut self, ctx: &mut Context<Self>) {
        if self.connection.is_some() || self.over {
            return;
        }
        self.attempts += 1;
        let attempt = self.attempts;
        let me = ctx.me();
        let inbox = match ctx
            .node()
            .spawn(format!("{}.inbox.{attempt}", self.config.name), |_| {
                Inbox::new(me)
            }) {
            Ok(inbox) => inbox,
            Err(error) => return self.abandon(&format!("cannot receive events: {error}"), ctx),
        };
        ctx.monitor(&self.config.agent);
        self.connection = Some(Connection {
            attempt,
            inbox: inbox.clone(),
            subscribed: false,
        });
        let mut call = self.call(call::Type::Subscribe);
        call.subscribe = Some(self.pending.subscribe(attempt));
        let message = ExecutorCall {
            call: Pb(call),
            from: Some(inbox),
        };
        let agent = self.config.agent.clone();
        ctx.detach()
            .ask_then(&agent, message, CALL_TIMEOUT, move |driver, answer, ctx| {
                driver.answered(attempt, answer, ctx)
            });
    }

    /// What came of a call, SUBSCRIBE included.
    fn answered(
        &mut self,
        attempt: u64,
        answer: Result<Result<(), CallRejected>, AskError>,
        ctx: &mut Context<Self>,
    ) {
        if self
            .connection
            .as_ref()
            .is_none_or(|connection| connection.attempt != attempt)
        {
            return;
        }
        match answer {
            Ok(Ok(())) => {}
            Ok(Err(refusal)) => match refusal.kind {
                // An agent that reads its state back, or that has not seen our subscription yet.
                RejectionKind::Recovering | RejectionKind::Disconnected => {
                    self.disconnect(&refusal.message, ctx);
                }
                RejectionKind::UnknownFramework | RejectionKind::UnknownExecutor => {
                    self.abandon(&refusal.message, ctx);
                }
                // Our own fault, about one call; the others may be fine.
                _ => tracing::error!(%refusal, "the agent refuses a call"),
            },
            Err(error) => self.disconnect(&error.to_string(), ctx),
        }
    }

    fn disconnect(&mut self, why: &str, ctx: &mut Context<Self>) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        tracing::info!(why, "no agent");
        ctx.demonitor(&self.config.agent);
        ctx.node().stop(&connection.inbox);
        if connection.subscribed {
            ctx.tell(&self.executor, Notice::Disconnected);
        }
        if self.subscribed_once && !self.config.checkpoint {
            return self.abandon(
                "the agent is gone, and the framework does not checkpoint",
                ctx,
            );
        }
        let patience = if self.subscribed_once {
            self.config.recovery_timeout
        } else {
            REGISTRATION_TIMEOUT
        };
        let give_up = *self.give_up.get_or_insert(ctx.now() + patience);
        if ctx.now() >= give_up {
            return self.abandon("the agent did not come back in time", ctx);
        }
        let pause = self.backoff(ctx);
        ctx.run_later(pause, |driver, ctx| driver.connect(ctx));
    }

    /// Random, so that the executors of an agent do not all return in one moment.
    fn backoff(&mut self, ctx: &mut Context<Self>) -> Duration {
        let bound = FIRST_BACKOFF
            .saturating_mul(1 << self.failures.min(16))
            .min(self.config.backoff_max);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(ctx.random().random_range(0.5..=1.0))
    }

    /// There is no agent for this executor any more.
    fn abandon(&mut self, why: &str, ctx: &mut Context<Self>) {
        tracing::warn!(why, "shutting down");
        if let Some(connection) = self.connection.take() {
            ctx.demonitor(&self.config.agent);
            ctx.node().stop(&connection.inbox);
        }
        if !self.over {
            self.over = true;
            ctx.tell(&self.executor, Shutdown);
        }
        self.end_if_finished(ctx);
    }

    fn event(&mut self, event: Event, ctx: &mut Context<Self>) {
        match event.r#type() {
            event::Type::Subscribed => self.subscribed(event.subscribed, ctx),
            event::Type::Launch => {
                let task = event.launch.map(|launch| launch.task);
                task.into_iter().for_each(|task| self.launch(task, ctx));
            }
            event::Type::LaunchGroup => {
                let tasks = event.launch_group.map(|launch| launch.task_group.tasks);
                self.launch_group(tasks.unwrap_or_default(), ctx);
            }
            event::Type::Kill => {
                if let Some(kill) = event.kill {
                    ctx.tell(
                        &self.executor,
                        Kill {
                            task_id: kill.task_id,
                            policy: kill.kill_policy,
                        },
                    );
                }
            }
            event::Type::Acknowledged => {
                if let Some(acknowledged) = event.acknowledged {
                    self.pending
                        .acknowledged(&acknowledged.task_id, &acknowledged.uuid);
                    self.end_if_finished(ctx);
                }
            }
            event::Type::Message => {
                if let Some(message) = event.message {
                    ctx.tell(&self.executor, Notice::Message(message.data));
                }
            }
            event::Type::Error => {
                let message = event.error.map(|error| error.message).unwrap_or_default();
                ctx.tell(&self.executor, Notice::Error(message));
            }
            event::Type::Shutdown => ctx.tell(&self.executor, Shutdown),
            event::Type::Heartbeat | event::Type::Unknown => {}
        }
    }

    fn subscribed(&mut self, subscribed: Option<event::Subscribed>, ctx: &mut Context<Self>) {
        let (Some(connection), Some(subscribed)) = (&mut self.connection, subscribed) else {
            return;
        };
        connection.subscribed = true;
        let made_since = self.pending.made_since(connection.attempt);
        self.subscribed_once = true;
        self.failures = 0;
        self.give_up = None;
        ctx.tell(&self.executor, Subscribed(subscribed));
        for status in made_since {
            self.send_update(status, ctx);
        }
        if self.finishing {
            self.finish(ctx);
        }
    }

    fn launch(&mut self, task: v1::TaskInfo, ctx: &mut Context<Self>) {
        if self.pending.launched(&task) {
            ctx.tell(&self.executor, Launch(task));
        }
    }

    /// Agents hand a group over as a whole, so what is left of it after those that are known is all or nothing.
    fn launch_group(&mut self, mut tasks: Vec<v1::TaskInfo>, ctx: &mut Context<Self>) {
        tasks.retain(|task| self.pending.launched(task));
        if !tasks.is_empty() {
            ctx.tell(&self.executor, LaunchGroup(tasks));
        }
    }

    fn update(&mut self, mut status: v1::TaskStatus, ctx: &mut Context<Self>) {
        let uuid = Uuid::from_u128(ctx.random().random());
        status.uuid = Some(uuid.as_bytes().to_vec());
        status.executor_id = Some(self.config.executor_id.clone());
        status.source = Some(v1::task_status::Source::Executor.into());
        let subscription = self.connection.as_ref().filter(|c| c.subscribed);
        let sent_in = subscription.map(|connection| connection.attempt);
        self.pending.updated(status.clone(), sent_in);
        self.send_update(status, ctx);
    }

    fn send_update(&mut self, status: v1::TaskStatus, ctx: &mut Context<Self>) {
        let mut call = self.call(call::Type::Update);
        call.update = Some(call::Update { status });
        self.send(call, ctx);
    }

    /// Sends a call if there is a subscription; what matters is in `pending` as well.
    fn send(&mut self, call: Call, ctx: &mut Context<Self>) {
        let Some(connection) = self
            .connection
            .as_ref()
            .filter(|connection| connection.subscribed)
        else {
            return;
        };
        let attempt = connection.attempt;
        let message = ExecutorCall {
            call: Pb(call),
            from: Some(connection.inbox.clone()),
        };
        let agent = self.config.agent.clone();
        ctx.detach()
            .ask_then(&agent, message, CALL_TIMEOUT, move |driver, answer, ctx| {
                driver.answered(attempt, answer, ctx)
            });
    }

    fn call(&self, kind: call::Type) -> Call {
        Call {
            executor_id: self.config.executor_id.clone(),
            framework_id: self.config.framework_id.clone(),
            r#type: Some(kind.into()),
            ..Default::default()
        }
    }

    fn finish(&mut self, ctx: &mut Context<Self>) {
        self.finishing = true;
        self.end_if_finished(ctx);
        // Without an agent the wait is for its return, as long as the executor would wait for that anyway.
        let Some(attempt) = self
            .connection
            .as_ref()
            .filter(|c| c.subscribed)
            .map(|c| c.attempt)
        else {
            return;
        };
        ctx.run_later(FINISH_TIMEOUT, move |driver, ctx| {
            if driver
                .connection
                .as_ref()
                .is_some_and(|connection| connection.attempt == attempt)
            {
                tracing::warn!("ending, though the agent has not acknowledged everything");
                driver.end(ctx);
            }
        });
    }

    fn end_if_finished(&mut self, ctx: &mut Context<Self>) {
        if self.finishing && (self.over || !self.pending.has_updates()) {
            self.end(ctx);
        }
    }

    fn end(&mut self, ctx: &mut Context<Self>) {
        if let Some(connection) = self.connection.take() {
            ctx.node().stop(&connection.inbox);
        }
        ctx.node().stop(&self.executor);
        ctx.stop();
    }
}

impl Actor for ExecutorDriver {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.monitor(&self.executor);
        self.connect(ctx);
    }
}

impl Process for ExecutorDriver {
    type Protocol = DriverProtocol;
}

impl Handler<Say> for ExecutorDriver {
    type Result = ();

    fn handle(&mut self, say: Say, ctx: &mut Context<Self>) {
        match say {
            Say::Update(status) => self.update(*status, ctx),
            Say::Message(data) => {
                let mut call = self.call(call::Type::Message);
                call.message = Some(call::Message { data });
                self.send(call, ctx);
            }
            Say::Finish => self.finish(ctx),
        }
    }
}

impl Handler<FromAgent> for ExecutorDriver {
    type Result = ();

    fn handle(&mut self, said: FromAgent, ctx: &mut Context<Self>) {
        let (FromAgent::Event(inbox, _) | FromAgent::Unsubscribed(inbox)) = &said;
        if self
            .connection
            .as_ref()
            .is_none_or(|connection| connection.inbox != *inbox)
        {
            return;
        }
        match said {
            FromAgent::Event(_, event) => self.event(*event, ctx),
            FromAgent::Unsubscribed(_) => self.abandon("the agent has removed this executor", ctx),
        }
    }
}

impl Handler<Exited> for ExecutorDriver {
    type Result = ();

    fn handle(&mut self, exited: Exited, ctx: &mut Context<Self>) {
        if exited.pid == self.executor.any() {
            // It ended by itself, or failed: what it reported still has to arrive.
            self.finish(ctx);
        } else {
            self.disconnect(&format!("the agent is gone: {:?}", exited.reason), ctx);
        }
    }
}
