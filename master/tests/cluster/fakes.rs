//! An agent and a scheduler that do as they are told.

use std::future::pending;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::agent::{
    Acknowledge, AcknowledgeOperation, ApplyOperation, DrainAgent, ExecutorCall, FrameworkMessage,
    KillTask, Ping, Pong, ReconcileOperations, Registered, Reregistered, RunTask, RunTaskGroup,
    ShutdownAgent, ShutdownExecutor, ShutdownFramework, UpdateFramework,
};
use mesos::protocols::master::{RegisterAgent, ReregisterAgent};
use mesos::protocols::scheduler::{Event, Unsubscribed};
use mesos::protocols::{
    AgentProtocol, CallRejected, MasterProtocol, RejectionKind, SchedulerProtocol, UpdateRecord,
};
use mesos::resources::{Format, Resources};
use mesos::v1::{self, AgentId, TaskState, scheduler};
use mesos::wire::{Packed, Pb};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use uuid::Uuid;

/// An agent that hears no ping for so long registers again.
const SILENCE: Duration = Duration::from_secs(75);

/// What an agent of the tests is known to have gone through.
#[derive(Clone, Debug, Default)]
pub(crate) struct AgentLife {
    pub(crate) id: Option<AgentId>,
    /// How often it was registered or re-registered.
    pub(crate) admissions: usize,
    pub(crate) frameworks_shut_down: usize,
    /// The framework and tasks it runs, for its next life.
    pub(crate) framework: Option<v1::FrameworkInfo>,
    pub(crate) tasks: Vec<v1::Task>,
    /// What it has, if that is not what all have.
    pub(crate) resources: Option<&'static str>,
    /// Its region and zone.
    pub(crate) domain: Option<v1::DomainInfo>,
}

pub(crate) struct Agent {
    master: Pid<MasterProtocol>,
    life: watch::Sender<AgentLife>,
    /// Whether it answers pings.
    answers: bool,
    /// When it last heard of the master.
    heard: Instant,
}

impl Agent {
    /// An agent that registers, or re-registers if it had a life before.
    pub(crate) fn new(
        master: Pid<MasterProtocol>,
        life: watch::Sender<AgentLife>,
        answers: bool,
    ) -> Agent {
        Agent {
            master,
            life,
            answers,
            heard: Instant::now(),
        }
    }

    fn info(&self) -> v1::AgentInfo {
        let resources = self.life.borrow().resources.unwrap_or("cpus:4;mem:1024");
        let resources = Resources::parse(resources, "*").expect("resources");
        v1::AgentInfo {
            hostname: "here".into(),
            id: self.life.borrow().id.clone(),
            resources: resources.to_v1(Format::PreRefinement),
            domain: self.life.borrow().domain.clone(),
            ..Default::default()
        }
    }

    fn enrol(&self, ctx: &mut Context<Self>) {
        let (info, version) = (Pb(self.info()), "1.11.0".to_owned());
        let life = self.life.borrow().clone();
        if life.id.is_none() {
            let agent = ctx.me();
            let (capabilities, checkpointed_resources) = (vec![], vec![]);
            let request = RegisterAgent {
                agent,
                info,
                capabilities,
                checkpointed_resources,
                version,
                resource_version: None,
            };
            ctx.tell(&self.master, request);
        } else {
            let request = ReregisterAgent {
                agent: ctx.me(),
                info,
                capabilities: vec![],
                checkpointed_resources: vec![],
                frameworks: life.framework.into_iter().map(Pb).collect(),
                executors: vec![],
                tasks: life.tasks.iter().map(Packed::new).collect(),
                version,
                resource_version: None,
                operations: vec![],
                completed_frameworks: vec![],
                completed_tasks: vec![],
            };
            ctx.tell(&self.master, request);
        }
    }

    fn report(&self, task: &v1::TaskId, state: TaskState, ctx: &mut Context<Self>) {
        let framework = self
            .life
            .borrow()
            .framework
            .clone()
            .and_then(|info| info.id);
        let status = v1::TaskStatus {
            task_id: task.clone(),
            state: state as i32,
            ..Default::default()
        };
        let bytes: [u8; 16] = rand::Rng::random(ctx.random());
        let update = UpdateRecord {
            framework_id: framework.expect("a framework"),
            agent_id: self.life.borrow().id.clone().expect("an id"),
            executor_id: None,
            status: Pb(status),
            latest_state: state as i32,
            uuid: Some(Uuid::from_bytes(bytes)),
            timestamp: 0.0,
        };
        ctx.tell(&self.master, update);
    }
}

impl Actor for Agent {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.enrol(ctx);
        // As real agents do until they are answered.
        ctx.run_interval(Duration::from_secs(1), |agent, ctx| {
            if agent.life.borrow().admissions == 0 || agent.heard.elapsed() > SILENCE {
                agent.enrol(ctx);
            }
        });
    }
}

impl Process for Agent {
    type Protocol = AgentProtocol;
}

impl Handler<Registered> for Agent {
    type Result = ();

    fn handle(&mut self, message: Registered, _: &mut Context<Self>) {
        self.life.send_modify(|life| {
            life.id = Some(message.agent_id);
            life.admissions += 1;
        });
    }
}

impl Handler<Reregistered> for Agent {
    type Result = ();

    fn handle(&mut self, _: Reregistered, _: &mut Context<Self>) {
        self.life.send_modify(|life| life.admissions += 1);
    }
}

impl Handler<Ping> for Agent {
    type Result = ResponseFuture<Pong>;

    fn handle(&mut self, ping: Ping, ctx: &mut Context<Self>) -> Self::Result {
        self.heard = Instant::now();
        if self.answers && !ping.connected {
            self.enrol(ctx);
        }
        if self.answers {
            Box::pin(async { Pong })
        } else {
            Box::pin(pending())
        }
    }
}

impl Handler<RunTask> for Agent {
    type Result = ();

    fn handle(&mut self, message: RunTask, ctx: &mut Context<Self>) {
        let task = message.task.0;
        let record = v1::Task {
            name: task.name,
            task_id: task.task_id.clone(),
            framework_id: message.framework.id.clone().expect("an id"),
            agent_id: task.agent_id,
            state: TaskState::TaskRunning as i32,
            resources: task.resources,
            ..Default::default()
        };
        self.life.send_modify(|life| {
            life.framework = Some(message.framework.0);
            life.tasks.push(record);
        });
        self.report(&task.task_id, TaskState::TaskRunning, ctx);
    }
}

impl Handler<KillTask> for Agent {
    type Result = ();

    fn handle(&mut self, message: KillTask, ctx: &mut Context<Self>) {
        self.life
            .send_modify(|life| life.tasks.retain(|task| task.task_id != message.task_id));
        self.report(&message.task_id, TaskState::TaskKilled, ctx);
    }
}

impl Handler<ShutdownFramework> for Agent {
    type Result = ();

    fn handle(&mut self, _: ShutdownFramework, _: &mut Context<Self>) {
        self.life.send_modify(|life| life.frameworks_shut_down += 1);
    }
}

impl Handler<ExecutorCall> for Agent {
    type Result = Result<(), CallRejected>;

    fn handle(&mut self, _: ExecutorCall, _: &mut Context<Self>) -> Self::Result {
        Err(CallRejected::new(
            RejectionKind::Unsupported,
            "no executors here",
        ))
    }
}

/// Heard, and of no consequence here.
macro_rules! ignores {
    ($actor:ty: $($message:ty),*) => {
        $(impl Handler<$message> for $actor {
            type Result = ();
            fn handle(&mut self, _: $message, _: &mut Context<Self>) {}
        })*
    };
}

ignores!(Agent: RunTaskGroup, ShutdownAgent, Acknowledge, FrameworkMessage, ShutdownExecutor, UpdateFramework,
    ApplyOperation, AcknowledgeOperation, ReconcileOperations, DrainAgent);

/// A subscription whose events the test reads.
pub(crate) struct Scheduler(pub(crate) mpsc::UnboundedSender<scheduler::Event>);

impl Actor for Scheduler {
    type Context = Context<Self>;
}

impl Process for Scheduler {
    type Protocol = SchedulerProtocol;
}

impl Handler<Event> for Scheduler {
    type Result = ();

    fn handle(&mut self, Event(event): Event, ctx: &mut Context<Self>) {
        if self.0.send(event.0).is_err() {
            ctx.stop();
        }
    }
}

impl Handler<Unsubscribed> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: Unsubscribed, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
