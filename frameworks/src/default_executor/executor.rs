//! The executor of groups of tasks.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::v1::framework_info::capability;
use mesos::v1::{TaskId, TaskInfo, TaskState, TaskStatus};

use crate::command_executor::command;
use crate::command_executor::kill::{grace, shutdown_grace};
use crate::command_executor::place::Place;
use crate::command_executor::process::{Ended, TaskProcess};
use crate::command_executor::running::{Running, Why, last};
use crate::executor::{
    Driver, ExecutorConfig, ExecutorEvents, Kill, Launch, LaunchGroup, Notice, Shutdown, Subscribed,
};

/// An actor that runs groups of tasks and ends with the last of them.
pub(super) struct DefaultExecutor {
    driver: Driver,
    sandbox: PathBuf,
    shutdown_grace: Duration,
    framework_user: Option<String>,
    reports_killing: bool,
    /// Tasks that run. Bounded by what the agent gives to one executor.
    tasks: BTreeMap<TaskId, Member>,
    /// How many groups it was given.
    groups: u64,
    /// Nothing runs any more, or is to.
    done: bool,
}

/// A task, and which of the groups it is of.
struct Member {
    group: u64,
    task: Running,
}

impl DefaultExecutor {
    pub(super) fn new(
        driver: Driver,
        config: &ExecutorConfig,
        sandbox: PathBuf,
    ) -> DefaultExecutor {
        DefaultExecutor {
            driver,
            sandbox,
            shutdown_grace: config.shutdown_grace,
            framework_user: None,
            reports_killing: false,
            tasks: BTreeMap::new(),
            groups: 0,
            done: false,
        }
    }

    fn launch(&mut self, tasks: Vec<TaskInfo>, ctx: &mut Context<Self>) {
        self.groups += 1;
        let group = self.groups;
        let mut failed: Option<TaskId> = None;
        for task in tasks {
            let id = task.task_id.clone();
            let why = match &failed {
                _ if self.done => Some("its executor is ending".to_owned()),
                Some(other) => Some(format!("task '{}' of its group failed", other.value)),
                None => None,
            };
            if let Some(why) = why {
                let message = format!("Not started: {why}");
                self.driver
                    .update(last(&id, TaskState::TaskKilled, message));
                continue;
            }
            match self.spawn(&task) {
                Ok((process, ended)) => self.run(group, task, process, ended, ctx),
                Err(reason) => {
                    let message = format!("Failed to launch: {reason}");
                    self.driver
                        .update(last(&id, TaskState::TaskFailed, message));
                    failed = Some(id);
                }
            }
        }
        if failed.is_some() {
            self.end_group(group, ctx);
        }
        self.end_if_done();
    }

    fn spawn(&self, task: &TaskInfo) -> Result<(TaskProcess, Ended), String> {
        let place = Place::of(task, &self.sandbox)?;
        let user = self.framework_user.as_deref();
        let command = command::of_task(task, user, Some(&place), std::env::vars().collect())?;
        let program = command.get_program().to_string_lossy().into_owned();
        TaskProcess::start_beside_others(command).map_err(|error| format!("'{program}': {error}"))
    }

    fn run(
        &mut self,
        group: u64,
        task: TaskInfo,
        process: TaskProcess,
        ended: Ended,
        ctx: &mut Context<Self>,
    ) {
        let id = task.task_id.clone();
        tracing::info!(task = id.value, pid = process.pid(), "task started");
        self.driver.report(&id, TaskState::TaskRunning, "");
        let task = Running::new(task, process);
        if let Some(limit) = task.limit() {
            let id = id.clone();
            ctx.run_later(limit, move |executor, ctx| {
                executor.end_task(&id, Why::TooLong, Duration::ZERO, ctx)
            });
        }
        self.tasks.insert(id.clone(), Member { group, task });
        ctx.spawn(
            ended
                .wait()
                .into_actor(self)
                .map(move |status, executor, ctx| executor.ended(&id, status, ctx)),
        );
    }

    /// Asks a task to end, and kills it after `grace`. Asking again may only shorten that.
    fn end_task(&mut self, id: &TaskId, why: Why, grace: Duration, ctx: &mut Context<Self>) {
        let Some(Member { task, .. }) = self.tasks.get_mut(id) else {
            return;
        };
        if self.reports_killing && why == Why::Killed && !task.is_ending() {
            self.driver.report(id, TaskState::TaskKilling, "");
        }
        if let Some(deadline) = task.end(why, grace, ctx.now()) {
            let id = id.clone();
            ctx.run_later(grace, move |executor, _| {
                if let Some(member) = executor.tasks.get(&id) {
                    member.task.kill_if_due(deadline);
                }
            });
        }
    }

    fn ended(&mut self, id: &TaskId, status: std::io::Result<ExitStatus>, ctx: &mut Context<Self>) {
        let Some(Member { group, task }) = self.tasks.remove(id) else {
            return;
        };
        let last: TaskStatus = task.ended(status);
        let is_fine = last.state() == TaskState::TaskFinished;
        self.driver.update(last);
        if !is_fine {
            self.end_group(group, ctx);
        }
        self.end_if_done();
    }

    /// One of a group did not end well: the others end too. Those that are ending already keep their time.
    fn end_group(&mut self, group: u64, ctx: &mut Context<Self>) {
        let others = self.tasks.iter();
        let others = others.filter(|(_, m)| m.group == group && !m.task.is_ending());
        let others: Vec<_> = others
            .map(|(id, m)| (id.clone(), grace(None, m.task.info.kill_policy.as_ref())))
            .collect();
        for (id, grace) in others {
            self.end_task(&id, Why::Killed, grace, ctx);
        }
    }

    fn end_if_done(&mut self) {
        if self.tasks.is_empty() {
            self.done = true;
            self.driver.finish();
        }
    }
}

impl Actor for DefaultExecutor {
    type Context = Context<Self>;
}

impl Process for DefaultExecutor {
    type Protocol = ExecutorEvents;
}

impl Handler<Subscribed> for DefaultExecutor {
    type Result = ();

    fn handle(&mut self, Subscribed(subscribed): Subscribed, _: &mut Context<Self>) {
        let framework = subscribed.framework_info;
        let killing = capability::Type::TaskKillingState;
        let mut capabilities = framework.capabilities.iter();
        self.reports_killing = capabilities.any(|capability| capability.r#type() == killing);
        self.framework_user = Some(framework.user);
    }
}

/// A task by itself is a group of one.
impl Handler<Launch> for DefaultExecutor {
    type Result = ();

    fn handle(&mut self, Launch(task): Launch, ctx: &mut Context<Self>) {
        self.launch(vec![task], ctx);
    }
}

impl Handler<LaunchGroup> for DefaultExecutor {
    type Result = ();

    fn handle(&mut self, LaunchGroup(tasks): LaunchGroup, ctx: &mut Context<Self>) {
        self.launch(tasks, ctx);
    }
}

impl Handler<Kill> for DefaultExecutor {
    type Result = ();

    fn handle(&mut self, kill: Kill, ctx: &mut Context<Self>) {
        if let Some(member) = self.tasks.get(&kill.task_id) {
            let own = member.task.info.kill_policy.as_ref();
            let grace = grace(kill.policy.as_ref(), own);
            self.end_task(&kill.task_id, Why::Killed, grace, ctx);
        }
    }
}

impl Handler<Shutdown> for DefaultExecutor {
    type Result = ();

    fn handle(&mut self, _: Shutdown, ctx: &mut Context<Self>) {
        self.done = true;
        let own = |member: &Member| {
            let policy = member.task.info.kill_policy.as_ref();
            shutdown_grace(policy, self.shutdown_grace)
        };
        let tasks = self.tasks.iter();
        let tasks: Vec<_> = tasks.map(|(id, m)| (id.clone(), own(m))).collect();
        for (id, grace) in tasks {
            self.end_task(&id, Why::Killed, grace, ctx);
        }
        self.end_if_done();
    }
}

impl Handler<Notice> for DefaultExecutor {
    type Result = ();

    fn handle(&mut self, notice: Notice, _: &mut Context<Self>) {
        if let Notice::Error(message) = notice {
            eprintln!("mesos executor: the agent says: {message}");
        }
    }
}
