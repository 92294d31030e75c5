//! What is run, and how it ended.

use std::path::Path;

use mesos::resources::{Format, Quantity, Resources};
use mesos::v1;

use crate::ending::Ending;

/// A command to run and what it needs.
#[derive(Clone, Debug, Default)]
pub struct TaskDescription {
    /// Name of the framework and the tasks.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Variables of its environment, in order.
    pub environment: Vec<(String, String)>,
    /// What is fetched into the sandbox; archives are unpacked.
    pub uris: Vec<String>,
    /// The user it runs as.
    pub user: String,
    /// The role whose offers are used.
    pub role: String,
    /// Scalar resources of one instance, by name (megabytes for `mem` and `disk`).
    pub resources: Vec<(String, Quantity)>,
    /// How many times it runs, side by side.
    pub instances: u32,
}

impl TaskDescription {
    /// The program as it is, without a shell: what was typed is what runs.
    fn command_info(&self) -> v1::CommandInfo {
        let variables = self
            .environment
            .iter()
            .map(|(name, value)| v1::environment::Variable {
                name: name.clone(),
                value: Some(value.clone()),
                ..Default::default()
            });
        v1::CommandInfo {
            shell: Some(false),
            value: self.command.first().cloned(),
            arguments: self.command.clone(),
            environment: Some(v1::Environment {
                variables: variables.collect(),
            }),
            uris: self.uris.iter().map(|uri| fetched(uri)).collect(),
            user: Some(self.user.clone()),
        }
    }

    /// The resources of one instance.
    pub(super) fn needs(&self) -> Resources {
        let scalars = self.resources.iter();
        scalars.fold(Resources::new(), |sum, (name, quantity)| {
            sum + Resources::scalar_of(name, *quantity)
        })
    }

    pub(super) fn task(&self, task_id: v1::TaskId, agent_id: v1::AgentId) -> v1::TaskInfo {
        v1::TaskInfo {
            name: self.name.clone(),
            task_id,
            agent_id,
            resources: self.needs().to_v1(Format::PreRefinement),
            command: Some(self.command_info()),
            ..Default::default()
        }
    }
}

/// A path of this machine becomes absolute, because the agent's working directory is another.
fn fetched(uri: &str) -> v1::command_info::Uri {
    let path = Path::new(uri);
    let value = if !uri.contains("://") && path.is_relative() {
        std::path::absolute(path).map_or_else(|_| uri.to_owned(), |path| path.display().to_string())
    } else {
        uri.to_owned()
    };
    v1::command_info::Uri {
        value,
        ..Default::default()
    }
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It finished well.
    Finished,
    /// It ended by itself with this exit code or, as shells count, 128 + its signal.
    Exited(u8),
    /// Something else ended it, or it never ran: the text says what.
    Lost(String),
}

impl Outcome {
    /// The outcome a terminal status tells of; `None` if the task has not ended.
    pub(super) fn of(status: &v1::TaskStatus) -> Option<Outcome> {
        let state = status.state();
        if state == v1::TaskState::TaskFinished {
            return Some(Outcome::Finished);
        }
        if !mesos::task_state::is_terminal(state) {
            return None;
        }
        let message = status.message.clone().unwrap_or_default();
        // A limitation (memory, disk) also ends the process, but says more than its signal does.
        let by_itself = state == v1::TaskState::TaskFailed && status.limitation.is_none();
        let ending = by_itself.then(|| Ending::parse(&message)).flatten();
        Some(match ending {
            Some(Ending::Exited(code)) => Outcome::Exited(u8::try_from(code).unwrap_or(1)),
            Some(Ending::Signalled(signal)) => Outcome::Exited(128u8.saturating_add(signal as u8)),
            None => Outcome::Lost(format!("{}: {message}", state.as_str_name())),
        })
    }

    /// The exit code of `mesos run` for it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Outcome::Finished => 0,
            Outcome::Exited(code) => *code,
            Outcome::Lost(_) => 1,
        }
    }
}
