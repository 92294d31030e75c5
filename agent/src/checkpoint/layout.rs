//! The names of everything below the work directory, as Mesos lays it out.
//!
//! ```text
//! <work_dir>/
//! ├── agent.lock                              held while an agent runs
//! ├── tls/                                    the authority for executors
//! ├── identities/<container id>.pem           what an executor proves itself with
//! ├── meta/
//! │   ├── boot_id
//! │   └── slaves/
//! │       ├── latest -> <agent id>
//! │       └── <agent id>/
//! │           ├── slave.info
//! │           ├── resources_and_operations.state{,.target}    see [`resources`](super::resources)
//! │           └── frameworks/<framework id>/
//! │               ├── framework.info
//! │               └── executors/<executor id>/
//! │                   ├── executor.info
//! │                   └── runs/
//! │                       ├── latest -> <container id>
//! │                       └── <container id>/
//! │                           ├── executor.sentinel   the run is over and told
//! │                           ├── pids/forked.pid     the executor's process
//! │                           └── tasks/<task id>/{task.info, task.updates}
//! ├── volumes/                                persistent volumes, see [`volumes`](crate::volumes)
//! └── slaves/<agent id>/frameworks/<framework id>/executors/<executor id>/runs/
//!     ├── latest -> <container id>
//!     └── <container id>/                     the sandbox
//! ```

use std::path::{Path, PathBuf};

/// Name of the link to the current agent or run.
pub const LATEST: &str = "latest";

/// A work directory; every method names a path below it and touches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    work_dir: PathBuf,
}

/// One run of an executor: the ids that name its folders.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// The agent's id.
    pub agent: String,
    /// The framework's id.
    pub framework: String,
    /// The executor's id.
    pub executor: String,
    /// The container's id.
    pub container: String,
}

impl Layout {
    /// The layout below `work_dir`.
    pub fn new(work_dir: impl Into<PathBuf>) -> Self {
        Layout {
            work_dir: work_dir.into(),
        }
    }

    /// The work directory itself.
    pub fn work_dir(&self) -> &Path {
        &self.work_dir
    }

    /// The file whose lock says that an agent uses this directory.
    pub fn lock(&self) -> PathBuf {
        self.work_dir.join("agent.lock")
    }

    /// The authority for executors.
    pub fn tls(&self) -> PathBuf {
        self.work_dir.join("tls")
    }

    /// The identity file of one container's executor; outside of its sandbox.
    pub fn executor_identity(&self, container: &str) -> PathBuf {
        self.work_dir
            .join("identities")
            .join(format!("{container}.pem"))
    }

    /// The boot id of the machine when the agent last ran.
    pub fn boot_id(&self) -> PathBuf {
        self.work_dir.join("meta/boot_id")
    }

    /// The folder of all agents that ever used this work directory.
    pub fn agents(&self) -> PathBuf {
        self.work_dir.join("meta/slaves")
    }

    /// The link to the agent that is to be recovered.
    pub fn latest_agent(&self) -> PathBuf {
        self.agents().join(LATEST)
    }

    /// The agent's checkpoints.
    pub fn agent(&self, agent: &str) -> PathBuf {
        self.agents().join(agent)
    }

    /// The agent's `AgentInfo`.
    pub fn agent_info(&self, agent: &str) -> PathBuf {
        self.agent(agent).join("slave.info")
    }

    /// Its reservations and volumes, and the operations it has yet to tell of.
    pub fn resources(&self, agent: &str) -> PathBuf {
        self.agent(agent).join("resources_and_operations.state")
    }

    /// What they are about to be.
    pub fn resources_target(&self, agent: &str) -> PathBuf {
        self.agent(agent)
            .join("resources_and_operations.state.target")
    }

    /// The checkpoints of all frameworks of an agent.
    pub fn frameworks(&self, agent: &str) -> PathBuf {
        self.agent(agent).join("frameworks")
    }

    /// A framework's `FrameworkInfo`.
    pub fn framework_info(&self, agent: &str, framework: &str) -> PathBuf {
        self.frameworks(agent)
            .join(framework)
            .join("framework.info")
    }

    /// The checkpoints of all executors of a framework.
    pub fn executors(&self, agent: &str, framework: &str) -> PathBuf {
        self.frameworks(agent).join(framework).join("executors")
    }

    /// An executor's `ExecutorInfo`.
    pub fn executor_info(&self, agent: &str, framework: &str, executor: &str) -> PathBuf {
        self.executors(agent, framework)
            .join(executor)
            .join("executor.info")
    }

    /// The checkpoints of all runs of an executor.
    pub fn runs(&self, agent: &str, framework: &str, executor: &str) -> PathBuf {
        self.executors(agent, framework).join(executor).join("runs")
    }

    /// The checkpoints of one run.
    pub fn run(&self, run: &Run) -> PathBuf {
        self.runs(&run.agent, &run.framework, &run.executor)
            .join(&run.container)
    }

    /// The file that says: this run is over and all of its updates were acknowledged.
    pub fn sentinel(&self, run: &Run) -> PathBuf {
        self.run(run).join("executor.sentinel")
    }

    /// The executor's process.
    pub fn process(&self, run: &Run) -> PathBuf {
        self.run(run).join("pids").join("forked.pid")
    }

    /// The checkpoints of all tasks of a run.
    pub fn tasks(&self, run: &Run) -> PathBuf {
        self.run(run).join("tasks")
    }

    /// A task's `Task`.
    pub fn task_info(&self, run: &Run, task: &str) -> PathBuf {
        self.tasks(run).join(task).join("task.info")
    }

    /// The log of a task's status updates and their acknowledgements.
    pub fn task_updates(&self, run: &Run, task: &str) -> PathBuf {
        self.tasks(run).join(task).join("task.updates")
    }

    /// The sandbox of a run.
    pub fn sandbox(&self, run: &Run) -> PathBuf {
        self.sandboxes(run).join(&run.container)
    }

    /// The folder of all sandboxes of a run's executor.
    pub fn sandboxes(&self, run: &Run) -> PathBuf {
        self.work_dir
            .join("slaves")
            .join(&run.agent)
            .join("frameworks")
            .join(&run.framework)
            .join("executors")
            .join(&run.executor)
            .join("runs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_lies_where_mesos_puts_it() {
        let layout = Layout::new("/var/lib/mesos");
        let run = Run {
            agent: "m-S0".into(),
            framework: "m-0000".into(),
            executor: "e".into(),
            container: "c".into(),
        };
        assert_eq!(
            layout.task_updates(&run, "t").to_str().unwrap(),
            "/var/lib/mesos/meta/slaves/m-S0/frameworks/m-0000/executors/e/runs/c/tasks/t/task.updates"
        );
        assert_eq!(
            layout.sandbox(&run).to_str().unwrap(),
            "/var/lib/mesos/slaves/m-S0/frameworks/m-0000/executors/e/runs/c"
        );
    }
}
