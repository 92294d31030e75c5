//! The executor of one task.

use std::process::ExitStatus;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::v1;
use mesos::v1::framework_info::capability;
use mesos::v1::task_status::Reason;
use tokio::time::Instant;

use super::command;
use super::kill::{grace, shutdown_grace};
use super::process::TaskProcess;
use crate::ending::Ending;
use crate::executor::{
    Driver, ExecutorConfig, ExecutorEvents, Kill, Launch, Notice, Shutdown, Subscribed,
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

/// The task, from its launch to its end.
struct Running {
    info: v1::TaskInfo,
    process: TaskProcess,
    /// Why it is to end, once it is.
    ending: Option<Why>,
    /// When it is killed, once it was asked to end.
    deadline: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Killed,
    TooLong,
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
            std::env::vars().collect(),
        )
        .and_then(|command| {
            let program = command.get_program().to_string_lossy().into_owned();
            TaskProcess::start(command).map_err(|error| format!("'{program}': {error}"))
        });
        let (process, ended) = match started {
            Ok(started) => started,
            Err(reason) => {
                return self.over(
                    &task.task_id,
                    v1::TaskState::TaskFailed,
                    None,
                    format!("Failed to launch: {reason}"),
                );
            }
        };
        tracing::info!(
            task = task.task_id.value,
            pid = process.pid(),
            "task started"
        );
        self.driver
            .report(&task.task_id, v1::TaskState::TaskRunning, "");
        if let Some(limit) = &task.max_completion_time {
            let limit = Duration::from_nanos(u64::try_from(limit.nanoseconds).unwrap_or(0));
            ctx.run_later(limit, |executor, ctx| {
                executor.end_task(Why::TooLong, Duration::ZERO, ctx)
            });
        }
        self.task = Some(Running {
            info: task,
            process,
            ending: None,
            deadline: None,
        });
        ctx.spawn(
            ended
                .wait()
                .into_actor(self)
                .map(|status, executor, _| executor.ended(status)),
        );
    }

    /// Asks the task to end, and kills it after `grace`. Asking again may only shorten that.
    fn end_task(&mut self, why: Why, grace: Duration, ctx: &mut Context<Self>) {
        let reports_killing = self.reports_killing;
        let Some(task) = &mut self.task else { return };
        let deadline = ctx.now() + grace;
        if task.deadline.is_some_and(|earlier| earlier <= deadline) {
            return;
        }
        task.deadline = Some(deadline);
        if task.ending.is_none() {
            task.ending = Some(why);
            if reports_killing && why == Why::Killed {
                self.driver
                    .report(&task.info.task_id, v1::TaskState::TaskKilling, "");
            }
            if !grace.is_zero() {
                task.process.terminate();
            }
        }
        if grace.is_zero() {
            return task.process.kill();
        }
        ctx.run_later(grace, move |executor, _| {
            if let Some(task) = executor
                .task
                .as_ref()
                .filter(|task| task.deadline == Some(deadline))
            {
                task.process.kill();
            }
        });
    }

    fn ended(&mut self, status: std::io::Result<ExitStatus>) {
        let Some(task) = self.task.take() else { return };
        let id = &task.info.task_id;
        let ending = match status {
            Ok(status) => Ending::from(status),
            Err(error) => {
                let message = format!("Failed to get exit status for Command: {error}");
                return self.over(id, v1::TaskState::TaskFailed, None, message);
            }
        };
        // What the command left running goes with it.
        task.process.kill();
        let (state, reason) = match task.ending {
            Some(Why::TooLong) => (
                v1::TaskState::TaskFailed,
                Some(Reason::MaxCompletionTimeReached),
            ),
            Some(Why::Killed) => (v1::TaskState::TaskKilled, None),
            None if ending.is_success() => (v1::TaskState::TaskFinished, None),
            None => (v1::TaskState::TaskFailed, None),
        };
        self.over(id, state, reason, ending.to_string());
    }

    /// Reports the end of the task, and then ends.
    fn over(
        &mut self,
        id: &v1::TaskId,
        state: v1::TaskState,
        reason: Option<Reason>,
        message: String,
    ) {
        self.driver.update(v1::TaskStatus {
            task_id: id.clone(),
            state: state.into(),
            reason: reason.map(Into::into),
            message: Some(message),
            ..Default::default()
        });
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
