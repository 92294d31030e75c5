//! The built-in executor of task groups: of `ExecutorInfo`s of type DEFAULT.
//!
//! The agent runs the `mesos` binary again; its [`main`] is here. Each task is a process of its own user in a process group
//! and a folder of its own, `tasks/<task>` of the executor's sandbox, with its output. A task that fails or is killed
//! takes its group with it; the executor ends with its last task.
//!
//! Mesos' starts a nested container for each task. Here all of them run in the executor's own, within its bounds and
//! those of the tasks together: what asks for more is refused. Semantics: Mesos'
//! `docs/nested-container-and-task-group.md` and `src/launcher/default_executor.cpp`.

mod executor;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use self::executor::DefaultExecutor;
use crate::command_executor::main_of;

/// The program. Everything it is told is in its environment.
#[must_use]
pub fn main() -> ExitCode {
    // An agent starts executors in their sandboxes.
    match std::env::current_dir() {
        Ok(sandbox) => {
            main_of(move |driver, config, _| DefaultExecutor::new(driver, config, sandbox))
        }
        Err(error) => {
            eprintln!("mesos executor: it has no working directory: {error}");
            ExitCode::FAILURE
        }
    }
}
