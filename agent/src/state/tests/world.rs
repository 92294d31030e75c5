//! An agent whose decisions can be looked at.

use std::time::Duration;

use libprocess::prelude::Pid;
use mesos::protocols::{ExecutorProtocol, RejectionKind};
use mesos::resources::{Format, Resources};
use mesos::v1::TaskState::{self, *};
use mesos::v1::executor::{Call, call};
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{
    AgentInfo, CommandInfo, ExecutorInfo, FrameworkInfo, TaskInfo, TaskStatus, executor,
    framework_info,
};
use uuid::Uuid;

use super::super::*;
use crate::checkpoint::recovery::Process;

/// Counts instead of throwing dice.
pub(super) struct Counting(u128);

impl Chance for Counting {
    fn uuid(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }

    fn fraction(&mut self) -> f64 {
        0.5
    }
}

/// A registered agent and what it decided last.
pub(super) struct World {
    pub(super) state: State,
    chance: Counting,
    pub(super) effects: Vec<Effect>,
}

pub(super) fn address() -> std::net::SocketAddr {
    "127.0.0.1:5051".parse().unwrap()
}

pub(super) fn pid(name: &str) -> Pid<ExecutorProtocol> {
    Pid::named(name, address())
}

pub(super) fn framework() -> FrameworkInfo {
    let aware = framework_info::capability::Type::PartitionAware as i32;
    FrameworkInfo {
        id: Some("f".into()),
        user: "alice".into(),
        capabilities: vec![framework_info::Capability {
            r#type: Some(aware),
        }],
        ..Default::default()
    }
}

pub(super) fn task(id: &str) -> TaskInfo {
    let resources = Resources::parse("cpus:1;mem:64", "*")
        .unwrap()
        .allocate("*");
    TaskInfo {
        task_id: id.into(),
        agent_id: "a".into(),
        resources: resources.to_v1(Format::PostRefinement),
        command: Some(CommandInfo {
            value: Some("i=0; while true; do i=1; done".into()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(super) fn custom(id: &str) -> TaskInfo {
    TaskInfo {
        command: None,
        executor: Some(ExecutorInfo {
            executor_id: "e".into(),
            command: Some(CommandInfo::default()),
            ..Default::default()
        }),
        ..task(id)
    }
}

impl World {
    pub(super) fn new() -> World {
        let settings = Settings {
            registration_backoff_factor: Duration::from_secs(1),
            executor_registration_timeout: Duration::from_secs(60),
            executor_reregistration_timeout: Duration::from_secs(2),
            executor_shutdown_grace_period: Duration::from_secs(5),
            executor_command: ExecutorCommand {
                program: "/usr/bin/mesos".into(),
                arguments: vec!["executor".into()],
            },
            max_completed_executors_per_framework: 150,
            switch_user: true,
            layout: Layout::new("/var/lib/mesos"),
            museum: Default::default(),
        };
        let info = AgentInfo {
            hostname: "h".into(),
            ..Default::default()
        };
        let mut world = World {
            state: State::new(settings, Pid::named("agent", address()), info),
            chance: Counting(0),
            effects: Vec::new(),
        };
        world.act(|s, m| s.containers_recovered(m, &[], false));
        let master = Pid::named("master", address());
        world.act(|s, m| s.master_detected(m, Some(master)));
        world.act(|s, _| s.registered("a".into(), Duration::from_secs(75)));
        world
    }

    pub(super) fn act(&mut self, verb: impl FnOnce(&mut State, &mut Moment) -> Vec<Effect>) {
        let mut moment = Moment {
            now: 1000.0,
            chance: &mut self.chance,
        };
        self.effects = verb(&mut self.state, &mut moment);
    }

    pub(super) fn run(&mut self, task: TaskInfo) {
        self.act(|s, m| s.run_task(m, &framework(), task, true, None));
    }

    pub(super) fn only_executor(&self) -> &Executor {
        self.state.executors().next().expect("an executor")
    }

    pub(super) fn launched(&mut self) {
        let of = self.only_executor().reference();
        let process = Process {
            pid: 7,
            start_time: 1,
        };
        self.act(|s, _| s.container_launched(&of, process));
    }

    pub(super) fn call(
        &mut self,
        kind: call::Type,
        from: Option<&str>,
        change: impl FnOnce(&mut Call),
    ) -> Result<(), RejectionKind> {
        let executor = self.state.executors().next();
        let mut call = Call {
            framework_id: "f".into(),
            executor_id: executor.map_or("e".into(), |e| e.info.executor_id.clone()),
            r#type: Some(kind as i32),
            ..Default::default()
        };
        change(&mut call);
        let from = from.map(pid);
        let mut moment = Moment {
            now: 1000.0,
            chance: &mut self.chance,
        };
        let decided = self.state.executor_call(&mut moment, call, from);
        self.effects = decided.map_err(|rejected| rejected.kind)?;
        Ok(())
    }

    pub(super) fn subscribe(&mut self, from: &str, known: &[&str]) {
        let subscribe = call::Subscribe {
            unacknowledged_tasks: known.iter().map(|id| task(id)).collect(),
            ..Default::default()
        };
        self.call(call::Type::Subscribe, Some(from), |c| {
            c.subscribe = Some(subscribe)
        })
        .unwrap();
    }

    pub(super) fn update(
        &mut self,
        task: &str,
        state: TaskState,
        number: u128,
    ) -> Result<(), RejectionKind> {
        let status = TaskStatus {
            task_id: task.into(),
            state: state as i32,
            source: Some(Source::Executor as i32),
            uuid: Some(Uuid::from_u128(number).as_bytes().to_vec()),
            ..Default::default()
        };
        self.call(call::Type::Update, None, |c| {
            c.update = Some(call::Update { status })
        })
    }

    /// The end of a task is acknowledged.
    pub(super) fn acknowledge(&mut self, task: &str, number: u128) {
        let update = crate::status_updates::Update {
            framework_id: "f".into(),
            status: TaskStatus {
                task_id: task.into(),
                state: TaskFinished as i32,
                ..Default::default()
            },
            uuid: Uuid::from_u128(number),
            terminal: true,
        };
        self.act(|s, _| s.acknowledged(&update));
    }

    /// A custom executor that runs a task.
    pub(super) fn running() -> World {
        let mut world = World::new();
        world.run(custom("t"));
        world.launched();
        world.subscribe("executor", &[]);
        world.update("t", TaskRunning, 1).unwrap();
        world
    }

    /// What is reported: task, state, reason.
    pub(super) fn reports(&self) -> Vec<(&str, TaskState, Option<Reason>)> {
        let reports = self.effects.iter().filter_map(|e| match e {
            Effect::Report(report) => Some(&report.status),
            _ => None,
        });
        let reason = |s: &TaskStatus| s.reason.map(|r| Reason::try_from(r).unwrap());
        reports
            .map(|s| (s.task_id.value.as_str(), s.state(), reason(s)))
            .collect()
    }

    /// The events that executors are told.
    pub(super) fn events(&self) -> Vec<executor::event::Type> {
        let event = |e: &Effect| match e {
            Effect::Event(_, event) => Some(event.r#type()),
            _ => None,
        };
        self.effects.iter().filter_map(event).collect()
    }

    pub(super) fn has(&self, wanted: impl Fn(&Effect) -> bool) -> bool {
        self.effects.iter().any(wanted)
    }

    pub(super) fn destroys(&self) -> bool {
        self.has(|e| matches!(e, Effect::Destroy(_)))
    }
}
