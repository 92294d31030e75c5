//! Containers that ended, and the tasks that ended with them.

use mesos::protocols::master::ExecutorExited;
use mesos::v1::task_status::Reason;
use mesos::v1::{TaskId, TaskState, TaskStatus};

use super::effect::{Effect, ToMaster};
use super::model::{Executor, ExecutorPhase, ExecutorRef};
use super::updates::apply_limitation;
use super::{Moment, State, status};
use crate::containerizer::Limitation;

impl State {
    /// A container ended with everything in it. `status` is a wait status as of waitpid(2).
    pub fn container_gone(
        &mut self,
        moment: &mut Moment,
        of: &ExecutorRef,
        wait_status: Option<i32>,
        limitation: Option<&Limitation>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(executor) = self.run_mut(of) else {
            return effects;
        };
        if executor.phase == ExecutorPhase::Terminated {
            return effects;
        }
        executor.phase = ExecutorPhase::Terminated;
        executor.launched = false;
        let is_command_executor = executor.is_command_executor;
        if let Some(pid) = executor.pid.take() {
            effects.push(Effect::Unwatch(pid.clone()));
            effects.push(Effect::Unsubscribe(pid));
        }
        self.counters.executors_terminated += 1;

        if self
            .framework(&of.framework_id)
            .is_some_and(|f| !f.terminating)
        {
            self.end_tasks(moment, of, wait_status, limitation, &mut effects);
        }
        if !is_command_executor
            && let (Some(master), Some(agent_id)) = (self.registered_master(), self.agent_id())
        {
            let exited = ExecutorExited {
                agent_id: agent_id.clone(),
                framework_id: of.framework_id.clone(),
                executor_id: of.executor_id.clone(),
                status: wait_status.unwrap_or(-1),
            };
            effects.push(Effect::Tell(master.clone(), ToMaster::Exited(exited)));
        }
        self.remove_if_settled(of, &mut effects);
        self.detect_if_reconnected(&mut effects);
        effects
    }

    /// Every task that has not ended, ended with its executor.
    fn end_tasks(
        &mut self,
        moment: &mut Moment,
        of: &ExecutorRef,
        wait_status: Option<i32>,
        limitation: Option<&Limitation>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(executor) = self.run(of) else { return };
        let inspected: Vec<TaskId> = executor.inspected.keys().cloned().collect();
        for task_id in inspected {
            effects.extend(self.inspected(moment, of, &task_id, limitation));
        }
        let Some(executor) = self.run(of) else { return };
        let queued = executor.queued.iter().map(|t| &t.task_id);
        let open: Vec<TaskId> = executor
            .launched_tasks
            .keys()
            .chain(queued)
            .cloned()
            .collect();
        for task_id in open {
            let Some(executor) = self.run(of) else { return };
            let status = last_status(moment, executor, &task_id, wait_status, limitation);
            effects.extend(self.agent_update(moment, of, status));
        }
    }
}

fn last_status(
    moment: &mut Moment,
    executor: &Executor,
    task_id: &TaskId,
    wait_status: Option<i32>,
    limitation: Option<&Limitation>,
) -> TaskStatus {
    let ending = executor.ending.as_ref();
    let reason = match ending {
        Some(ending) => ending.reason,
        None if executor.is_command_executor => Reason::CommandExecutorFailed,
        None => Reason::ExecutorTerminated,
    };
    let state = ending.map_or(TaskState::TaskFailed, |e| e.state);
    let message = match ending {
        Some(ending) => ending.message.clone(),
        None => exit_text(wait_status),
    };
    let mut last = status::by_agent(moment, task_id, state, reason, message);
    if let Some(limitation) = limitation {
        last.state = TaskState::TaskFailed as i32;
        apply_limitation(&mut last, limitation);
    }
    last
}

fn exit_text(wait_status: Option<i32>) -> String {
    match wait_status {
        None => "Executor terminated".to_owned(),
        Some(status) if libc::WIFSIGNALED(status) => {
            format!("Executor terminated by signal {}", libc::WTERMSIG(status))
        }
        Some(status) => format!("Executor exited with status {}", libc::WEXITSTATUS(status)),
    }
}
