//! The executor of one task.

use std::process::ExitStatus;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::v1;
use mesos::v1::framework_info::capability;

use super::command;
use super::kill::{grace, shutdown_grace};
use super::process::TaskProcess;
use super::running::{Running, Why, last};
use crate::executor::{
    Driver, ExecutorConfig, ExecutorEvents, Kill, Launch, LaunchGroup, Notice, Shutdown, Subscribed,
};

/// An actor that runs one task and ends with it.
pub(super) struct CommandExecutor {
    driver: Driver,
    shutdown_grace: Duration,
    framework_user: Option<String>,
    reports_killing: bool,
    task: Option<Running>,
    /// The terminal state was reported, or there is nothing to report.
    done: bool,
}

impl CommandExecutor {
    pub(super) fn new(
        driver: Driver,
        config: &ExecutorConfig,
        _: &mut Context<Self>,
    ) -> CommandExecutor {
        CommandExecutor {
            driver,
            shutdown_grace: config.shutdown_grace,
            framework_user: None,
            reports_killing: false,
            task: None,
            done: false,
        }
    }

    fn launch(&mut self, task: v1::TaskInfo, ctx: &mut Context<Self>) {
        if self.task.is_some() || self.done {
            let message = "the command executor runs one task, and has had it";
            return self
                .driver
                .report(&task.task_id, v1::TaskState::TaskFailed, message);
        }
        let started = command::of_task(
            &task,
            self.framework_user.as_deref(),
            None,
            std::env::vars().collect(),
        )
        .and_then(|command| {
            let program = command.get_program().to_string_lossy().into_owned();
            TaskProcess::start(command).map_err(|error| format!("'{program}': {error}"))
        });
        let (process, ended) = match started {
            Ok(started) => started,
            Err(reason) => {
                let message = format!("Failed to launch: {reason}");
                return self.over(last(&task.task_id, v1::TaskState::TaskFailed, message));
            }
        };
        tracing::info!(
            task = task.task_id.value,
            pid = process.pid(),
            "task started"
        );
        self.driver
            .report(&task.task_id, v1::TaskState::TaskRunning, "");
        let task = Running::new(task, process);
        if let Some(limit) = task.limit() {
            ctx.run_later(limit, |executor, ctx| {
                executor.end_task(Why::TooLong, Duration::ZERO, ctx)
            });
        }
        self.task = Some(task);
        ctx.spawn(
            ended
                .wait()
                .into_actor(self)
                .map(|status, executor, _| executor.ended(status)),
        );
    }

    /// Asks the task to end, and kills it after `grace`. Asking again may only shorten that.
    fn end_task(&mut self, why: Why, grace: Duration, ctx: &mut Context<Self>) {
        let Some(task) = &mut self.task else { return };
        if self.reports_killing && why == Why::Killed && !task.is_ending() {
            self.driver
                .report(&task.info.task_id, v1::TaskState::TaskKilling, "");
        }
        if let Some(deadline) = task.end(why, grace, ctx.now()) {
            ctx.run_later(grace, move |executor, _| {
                executor
                    .task
                    .iter()
                    .for_each(|task| task.kill_if_due(deadline));
            });
        }
    }

    fn ended(&mut self, status: std::io::Result<ExitStatus>) {
        if let Some(task) = self.task.take() {
            self.over(task.ended(status));
        }
    }

    /// Reports the end of the task, and then ends.
    fn over(&mut self, last: v1::TaskStatus) {
        self.driver.update(last);
        self.done = true;
        self.driver.finish();
    }
}

impl Actor for CommandExecutor {
    type Context = Context<Self>;
}

impl Process for CommandExecutor {
    type Protocol = ExecutorEvents;
}

impl Handler<Subscribed> for CommandExecutor {
    type Result = ();

    fn handle(&mut self, Subscribed(subscribed): Subscribed, _: &mut Context<Self>) {
        let framework = subscribed.framework_info;
        let killing = capability::Type::TaskKillingState;
        self.reports_killing = framework
            .capabilities
            .iter()
            .any(|capability| capability.r#type() == killing);
        self.framework_user = Some(framework.user);
    }
}

impl Handler<Launch> for CommandExecutor {
    type Result = ();

    fn handle(&mut self, Launch(task): Launch, ctx: &mut Context<Self>) {
        self.launch(task, ctx);
    }
}

/// Agents give groups to the default executor; here all but the first of their tasks are refused.
impl Handler<LaunchGroup> for CommandExecutor {
    type Result = ();

    fn handle(&mut self, LaunchGroup(tasks): LaunchGroup, ctx: &mut Context<Self>) {
        tasks.into_iter().for_each(|task| self.launch(task, ctx));
    }
}

impl Handler<Kill> for CommandExecutor {
    type Result = ();

    fn handle(&mut self, kill: Kill, ctx: &mut Context<Self>) {
        let Some(task) = self
            .task
            .as_ref()
            .filter(|task| task.info.task_id == kill.task_id)
        else {
            return;
        };
        let grace = grace(kill.policy.as_ref(), task.info.kill_policy.as_ref());
        self.end_task(Why::Killed, grace, ctx);
    }
}

impl Handler<Shutdown> for CommandExecutor {
    type Result = ();

    fn handle(&mut self, _: Shutdown, ctx: &mut Context<Self>) {
        let Some(task) = &self.task else {
            return self.driver.finish();
        };
        let grace = shutdown_grace(task.info.kill_policy.as_ref(), self.shutdown_grace);
        self.end_task(Why::Killed, grace, ctx);
    }
}

impl Handler<Notice> for CommandExecutor {
    type Result = ();

    fn handle(&mut self, notice: Notice, _: &mut Context<Self>) {
        match notice {
            Notice::Error(message) => eprintln!("mesos executor: the agent says: {message}"),
            Notice::Disconnected | Notice::Message(_) => {}
        }
    }
}
