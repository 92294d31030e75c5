//! A simulated agent: it comes back when it is told to, and runs what it is given without doing anything.

use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::agent::{
    Acknowledge, AcknowledgeOperation, ApplyOperation, DrainAgent, ExecutorCall, FrameworkMessage,
    KillTask, Ping, Pong, ReconcileOperations, Registered, Reregistered, RunTask, RunTaskGroup,
    ShutdownAgent, ShutdownExecutor, ShutdownFramework, UpdateFramework,
};
use mesos::protocols::master::ReregisterAgent;
use mesos::protocols::{AgentProtocol, CallRejected, MasterProtocol, UpdateRecord};
use mesos::v1;
use mesos::wire::{Packed, Pb};
use tokio::sync::watch;

use super::course::{Course, EVERY};
use super::tally::Tally;
use crate::samples;

/// What agents of a benchmark have in common.
#[derive(Clone)]
pub(super) struct Crowd {
    pub(super) master: Pid<MasterProtocol>,
    /// Becomes true when all are to come back.
    pub(super) go: watch::Receiver<bool>,
    /// Those that have come back.
    pub(super) back: Arc<Tally>,
    /// Status updates that were acknowledged.
    pub(super) acknowledged: Arc<Tally>,
    pub(super) course: Arc<Course>,
    /// How they repeat themselves until they are answered; `None` if nothing they say is lost.
    pub(super) again: Option<Again>,
}

/// Waits as real agents have them: of chance, and twice as long each time.
#[derive(Clone, Copy)]
pub(super) struct Again {
    longest: Duration,
}

impl Again {
    pub(super) fn within(longest: Duration) -> Self {
        Self { longest }
    }

    fn doubled(self) -> Self {
        Self {
            longest: self.longest * 2,
        }
    }

    /// Spread evenly over the agents.
    fn wait(self, number: u32) -> Duration {
        /// The golden ratio's part of the whole: its multiples lie apart.
        const SPREAD: u32 = 2_654_435_769;
        let share = f64::from(number.wrapping_mul(SPREAD)) / f64::from(u32::MAX);
        self.longest.mul_f64(share)
    }
}

/// See the module's documentation.
pub(super) struct Agent {
    number: u32,
    id: v1::AgentId,
    crowd: Crowd,
    /// What it says when it comes back.
    request: Option<ReregisterAgent>,
    updates: u64,
    /// Of the first agent: the task of which it tells again and again.
    told: Option<(v1::FrameworkId, v1::TaskId)>,
}

impl Agent {
    pub(super) fn new(number: u32, request: ReregisterAgent, crowd: Crowd) -> Self {
        let first = request.tasks.first().filter(|_| number == 0);
        let first = first.map(Packed::to_message);
        Self {
            number,
            id: samples::agent(number),
            crowd,
            told: first.map(|task| (task.framework_id, task.task_id)),
            request: Some(request),
            updates: 0,
        }
    }

    /// Tells of its task as soon as that is wanted.
    fn tell_when_wanted(&self, ctx: &mut Context<Self>) {
        let Some((framework, task)) = self.told.clone() else {
            return;
        };
        let mut wanted = self.crowd.course.wanted();
        let wanted = async move { wanted.wait_for(|left| *left > 0).await.is_ok() };
        ctx.spawn(wanted.into_actor(self).map(|wanted, agent, ctx| {
            if wanted {
                agent.updates += 1;
                let update = update(&agent.id, framework, task, agent.updates);
                agent.crowd.course.sent();
                ctx.tell(&agent.crowd.master, update);
            }
        }));
    }

    fn come_back(&mut self, ctx: &mut Context<Self>) {
        match self.crowd.again {
            Some(again) => self.come_back_within(again, ctx),
            None => {
                if let Some(request) = self.request.take() {
                    ctx.tell(&self.crowd.master, request);
                }
            }
        }
    }

    fn come_back_within(&mut self, again: Again, ctx: &mut Context<Self>) {
        ctx.run_later(again.wait(self.number), move |agent, ctx| {
            if let Some(request) = agent.request.clone() {
                ctx.tell(&agent.crowd.master, request);
                agent.come_back_within(again.doubled(), ctx);
            }
        });
    }
}

impl Actor for Agent {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let mut go = self.crowd.go.clone();
        let told = async move { go.wait_for(|go| *go).await.is_ok() };
        ctx.spawn(told.into_actor(self).map(|told, agent, ctx| {
            if told {
                agent.come_back(ctx);
            }
        }));
        self.tell_when_wanted(ctx);
    }
}

impl Process for Agent {
    type Protocol = AgentProtocol;
}

impl Handler<Reregistered> for Agent {
    type Result = ();

    fn handle(&mut self, _: Reregistered, _: &mut Context<Self>) {
        let repeats = self.crowd.again.is_some();
        // The second answer to what was said twice is none.
        if self.request.take().is_some() || !repeats {
            self.crowd.back.count();
        }
    }
}

impl Handler<ShutdownAgent> for Agent {
    type Result = ();

    fn handle(&mut self, refused: ShutdownAgent, _: &mut Context<Self>) {
        panic!("the master refuses {:?}: {}", self.id, refused.message);
    }
}

impl Handler<Ping> for Agent {
    type Result = MessageResult<Ping>;

    fn handle(&mut self, _: Ping, _: &mut Context<Self>) -> Self::Result {
        MessageResult(Pong)
    }
}

impl Handler<RunTask> for Agent {
    type Result = ();

    /// The task runs at once.
    fn handle(&mut self, run: RunTask, ctx: &mut Context<Self>) {
        let framework = run.framework.0.id.expect("a framework with an id");
        self.updates += 1;
        let update = update(&self.id, framework, run.task.0.task_id, self.updates);
        ctx.tell(&self.crowd.master, update);
    }
}

impl Handler<Acknowledge> for Agent {
    type Result = ();

    fn handle(&mut self, _: Acknowledge, ctx: &mut Context<Self>) {
        self.crowd.acknowledged.count();
        if self.told.is_some() {
            ctx.run_later(EVERY, |agent, ctx| agent.tell_when_wanted(ctx));
        }
    }
}

impl Handler<ExecutorCall> for Agent {
    type Result = Result<(), CallRejected>;

    fn handle(&mut self, _: ExecutorCall, _: &mut Context<Self>) -> Self::Result {
        Ok(())
    }
}

macro_rules! deaf {
    ($($message:ty),*) => {
        $(impl Handler<$message> for Agent {
            type Result = ();

            fn handle(&mut self, _: $message, _: &mut Context<Self>) {}
        })*
    };
}

deaf!(
    RunTaskGroup,
    Registered,
    KillTask,
    FrameworkMessage,
    ShutdownExecutor,
    ShutdownFramework,
    UpdateFramework,
    ApplyOperation,
    AcknowledgeOperation,
    ReconcileOperations,
    DrainAgent
);

/// That a task runs; the `number`th of its agent's updates.
pub(super) fn update(
    agent: &v1::AgentId,
    framework_id: v1::FrameworkId,
    task_id: v1::TaskId,
    number: u64,
) -> UpdateRecord {
    let uuid = uuid::Uuid::from_u64_pair(1, number);
    let status = v1::TaskStatus {
        task_id,
        state: v1::TaskState::TaskRunning as i32,
        source: Some(v1::task_status::Source::Executor as i32),
        agent_id: Some(agent.clone()),
        timestamp: Some(1.7e9),
        uuid: Some(uuid.as_bytes().to_vec()),
        container_status: Some(v1::ContainerStatus {
            container_id: Some(v1::ContainerId {
                value: "7a9ee7a7-30cf-4c42-9d6c-0e6a9d7b5a55".to_owned(),
                parent: None,
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    UpdateRecord {
        framework_id,
        agent_id: agent.clone(),
        executor_id: None,
        status: Pb(status),
        latest_state: v1::TaskState::TaskRunning as i32,
        uuid: Some(uuid),
        timestamp: 1.7e9,
    }
}
