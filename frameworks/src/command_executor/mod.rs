//! The built-in executor of tasks that have a command and no executor: one process, one task.
//!
//! The agent runs the `mesos` binary again; its [`main`] is here. It stays the agent's user (it must be able to signal
//! its task) while the task becomes the task's (see `user`). What the task writes goes to the sandbox's `stdout` and
//! `stderr`, which this process inherited; its own words go to `stderr` only when something is wrong, so that the
//! task's output stays the task's.
//!
//! Unlike Mesos' it does not report TASK_STARTING, which says nothing that TASK_RUNNING does not say a moment later but
//! costs one more acknowledged update per task. Semantics: Mesos' `src/launcher/executor.cpp`.

pub(crate) mod command;
mod executor;
pub(crate) mod kill;
pub(crate) mod place;
pub(crate) mod process;
pub(crate) mod running;
#[cfg(test)]
mod tests;
mod user;

use std::process::ExitCode;

use libprocess::prelude::*;

use self::executor::CommandExecutor;
use crate::executor::{Driver, ExecutorConfig, ExecutorEvents, run};

/// The program. Everything it is told is in its environment.
#[must_use]
pub fn main() -> ExitCode {
    main_of(CommandExecutor::new)
}

/// The program of a built-in executor.
pub(crate) fn main_of<E, F>(make: F) -> ExitCode
where
    E: Process<Protocol = ExecutorEvents>,
    F: FnOnce(Driver, &ExecutorConfig, &mut Context<E>) -> E + Send + 'static,
{
    if let Some(request) = user::Request::from_env() {
        return request.exec();
    }
    match run(make) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mesos executor: {error}");
            ExitCode::FAILURE
        }
    }
}
