//! Killing tasks, shutting down executors and frameworks, ending the agent (Mesos' `docs/scheduler-http-api.md`, KILL).

use mesos::protocols::master::UnregisterAgent;
use mesos::v1::executor::event;
use mesos::v1::task_status::Reason;
use mesos::v1::{ExecutorId, FrameworkId, KillPolicy, TaskId, TaskState};

use super::effect::{Alarm, Effect, Ending, Stale, ToMaster};
use super::executors::{kill_event, simple_event};
use super::model::{Executor, ExecutorPhase, ExecutorRef};
use super::registration::Registration;
use super::{Moment, State, status};

impl State {
    /// A scheduler wants a task to end.
    pub fn kill_task(
        &mut self,
        moment: &mut Moment,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        policy: Option<KillPolicy>,
    ) -> Vec<Effect> {
        let Some(framework) = self.framework(framework_id) else {
            return Vec::new();
        };
        let Some(executor) = framework.executor_with_task(task_id) else {
            return self.kill_of_unknown(moment, framework_id, task_id);
        };
        let of = executor.reference();
        let is_queued = executor.queued.has(task_id);
        let runs = executor.launched_tasks.contains_key(task_id);
        let ends_anyway = matches!(
            executor.phase,
            ExecutorPhase::Terminating | ExecutorPhase::Terminated
        );
        match (is_queued, runs) {
            _ if ends_anyway => Vec::new(),
            (true, _) => self.kill_queued(moment, &of, task_id),
            (false, true) => self.kill_running(&of, task_id, policy),
            // It has ended; the scheduler will hear of it.
            (false, false) => Vec::new(),
        }
    }

    /// A scheduler wants an executor to end, with all of its tasks.
    pub fn shutdown_executor(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(of) = self
            .executor(framework_id, executor_id)
            .map(Executor::reference)
        {
            self.end_executor(&of, None, &mut effects);
        }
        effects
    }

    /// The master ended a framework: its executors go, and nothing of it is reported any more.
    pub fn shutdown_framework(&mut self, framework_id: &FrameworkId) -> Vec<Effect> {
        let Some(framework) = self.frameworks.get_mut(framework_id) else {
            return Vec::new();
        };
        framework.terminating = true;
        let executors: Vec<ExecutorRef> = framework
            .executors
            .values()
            .map(Executor::reference)
            .collect();
        let mut effects = vec![Effect::ForgetUpdates(framework_id.clone())];
        for of in executors {
            self.end_executor(&of, None, &mut effects);
            self.remove_if_settled(&of, &mut effects);
        }
        self.remove_if_idle(framework_id, &mut effects);
        effects
    }

    /// The agent is to end, with everything on it.
    pub fn shutdown(&mut self) -> Vec<Effect> {
        self.registration = Registration::Terminating;
        self.era += 1;
        let mut effects = vec![Effect::PauseUpdates];
        let frameworks: Vec<FrameworkId> = self.frameworks.keys().cloned().collect();
        for id in frameworks {
            effects.extend(self.shutdown_framework(&id));
        }
        self.exit_if_done(&mut effects);
        effects
    }

    /// The agent leaves its cluster for good, with everything on it: the master hears it at once, and its next life will
    /// be a new agent.
    pub fn leave(&mut self) -> Vec<Effect> {
        let mut effects = vec![Effect::Erase(Stale::Agent)];
        if let (Some(master), Some(agent_id)) = (self.registration.master(), self.agent_id()) {
            let message = UnregisterAgent {
                agent_id: agent_id.clone(),
            };
            effects.push(Effect::Tell(master.clone(), ToMaster::Unregister(message)));
        }
        effects.extend(self.shutdown());
        effects
    }

    pub(crate) fn exit_if_done(&self, effects: &mut Vec<Effect>) {
        let waits = self.registration == Registration::Terminating;
        if waits && self.frameworks.is_empty() && !effects.iter().any(is_exit) {
            effects.push(Effect::Exit("all executors have ended".to_owned()));
        }
    }

    /// An executor has not subscribed in time.
    pub fn registration_timed_out(&mut self, of: &ExecutorRef) -> Vec<Effect> {
        let mut effects = Vec::new();
        let timeout = self.settings.executor_registration_timeout;
        if self
            .run(of)
            .is_some_and(|e| e.phase == ExecutorPhase::Registering)
        {
            let ending = Ending {
                state: TaskState::TaskFailed,
                reason: Reason::ExecutorRegistrationTimeout,
                message: format!(
                    "Executor did not register within {}",
                    mesos::flags::format_duration(timeout)
                ),
            };
            self.end_executor(of, Some(ending), &mut effects);
        }
        effects
    }

    /// An executor that was told to end is still there.
    pub fn shutdown_timed_out(&mut self, of: &ExecutorRef) -> Vec<Effect> {
        match self.run(of).map(|e| e.phase) {
            Some(ExecutorPhase::Terminating) => vec![Effect::Destroy(of.container_id.clone())],
            _ => Vec::new(),
        }
    }

    /// Begins the end of an executor: SHUTDOWN and some grace if it can be told, otherwise at once.
    pub(crate) fn end_executor(
        &mut self,
        of: &ExecutorRef,
        ending: Option<Ending>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(info) = self.run(of).map(|e| e.info.clone()) else {
            return;
        };
        let grace = self.grace_period(&info);
        let Some(executor) = self.run_mut(of) else {
            return;
        };
        if matches!(
            executor.phase,
            ExecutorPhase::Terminating | ExecutorPhase::Terminated
        ) {
            return;
        }
        executor.phase = ExecutorPhase::Terminating;
        executor.ending = ending;
        match &executor.pid {
            Some(pid) => {
                let event = Box::new(simple_event(event::Type::Shutdown));
                effects.push(Effect::Event(pid.clone(), event));
                effects.push(Effect::Alarm(grace, Alarm::ShutdownTimeout(of.clone())));
            }
            None => effects.push(Effect::Destroy(of.container_id.clone())),
        }
    }

    fn kill_queued(
        &mut self,
        moment: &mut Moment,
        of: &ExecutorRef,
        task_id: &TaskId,
    ) -> Vec<Effect> {
        let reason = Reason::TaskKilledDuringLaunch;
        let text = "A kill task request was received before the executor was given the task";
        // A group that has not been handed over goes as a whole.
        let killed = self.run(of).map(|e| e.queued.together_with(task_id));
        let mut effects = Vec::new();
        for task_id in killed.into_iter().flatten() {
            let status = status::by_agent(moment, &task_id, TaskState::TaskKilled, reason, text);
            effects.extend(self.agent_update(moment, of, status));
        }
        let is_idle = |e: &Executor| e.queued.is_empty() && !e.was_given_tasks;
        if self.run(of).is_some_and(is_idle) {
            // It was started for this task alone, and would wait for one forever.
            self.end_executor(of, None, &mut effects);
        }
        effects
    }

    fn kill_running(
        &mut self,
        of: &ExecutorRef,
        task_id: &TaskId,
        policy: Option<KillPolicy>,
    ) -> Vec<Effect> {
        let Some(executor) = self.run_mut(of) else {
            return Vec::new();
        };
        // Remembered until the task ends: an executor that is away hears of it when it is back.
        executor.kills.insert(task_id.clone(), policy);
        let Some(pid) = executor.pid.clone() else {
            return Vec::new();
        };
        let event = kill_event(task_id, policy.as_ref());
        vec![Effect::Event(pid, Box::new(event))]
    }

    fn kill_of_unknown(
        &mut self,
        moment: &mut Moment,
        framework_id: &FrameworkId,
        task_id: &TaskId,
    ) -> Vec<Effect> {
        let Some(framework) = self.framework(framework_id) else {
            return Vec::new();
        };
        let all = framework.executors.values();
        let mut all = all.chain(framework.completed_executors.iter().map(|e| e.as_ref()));
        if all.any(|e| e.completed_tasks.iter().any(|t| t.task_id == *task_id)) {
            // Its end was reported and acknowledged.
            return Vec::new();
        }
        let state = status::dropped(framework.is_partition_aware());
        let reason = Reason::ExecutorTerminated;
        let status = status::by_agent(moment, task_id, state, reason, "Cannot find executor");
        self.report_without_executor(framework_id, status)
    }
}

fn is_exit(effect: &Effect) -> bool {
    matches!(effect, Effect::Exit(_))
}
