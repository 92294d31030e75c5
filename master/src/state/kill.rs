//! KILL and SHUTDOWN (Mesos' `docs/scheduler-http-api.md`, KILL).

use mesos::historic::Historic;
use mesos::protocols::agent as to_agent;
use mesos::v1::FrameworkId;
use mesos::v1::scheduler::call;
use mesos::wire::Pb;

use super::{Counter, Effect, Effects, Framework, State, Timestamp, ToAgent};

impl State {
    /// Forwards a kill; remembers it while the agent is away; answers for unknown tasks as a
    /// reconciliation would.
    pub(super) fn kill(
        &mut self,
        now: Timestamp,
        framework: &Framework,
        kill: call::Kill,
        out: &mut Effects,
    ) {
        self.counters.count(Counter::KillTask);
        let Some(task) = framework.tasks.get(kill.task_id.as_str()) else {
            let asked = call::reconcile::Task {
                task_id: kill.task_id,
                agent_id: kill.agent_id,
            };
            if let Some(status) = self.fate(now, framework, &asked)
                && !self.config.museum.shows(Historic::UnansweredKills)
            {
                self.send_update(&framework.id, status, out);
            }
            return;
        };
        let agent_id = task.agent_id().to_v1();
        if kill
            .agent_id
            .as_ref()
            .is_some_and(|named| *named != agent_id)
        {
            return self.counters.count(Counter::DroppedMessages);
        }
        let Some(agent) = self.cluster.agent_mut(&agent_id) else {
            return;
        };
        if agent.connected {
            let pid = agent.pid.clone();
            out.push(Effect::Agent(pid, kill_task(&framework.id, &kill)));
        } else {
            let key = (framework.id.clone(), kill.task_id);
            agent.pending_kills.insert(key, kill.kill_policy);
        }
    }

    /// Asks an agent to shut an executor down; a missing one is fine.
    pub(super) fn shutdown_executor(
        &mut self,
        id: &FrameworkId,
        shutdown: call::Shutdown,
        out: &mut Effects,
    ) {
        let agent = self
            .cluster
            .agent(&shutdown.agent_id)
            .filter(|agent| agent.connected);
        let Some(agent) = agent else {
            return self.counters.count(Counter::DroppedMessages);
        };
        let message = to_agent::ShutdownExecutor {
            framework_id: id.clone(),
            executor_id: shutdown.executor_id,
        };
        out.push(Effect::Agent(
            agent.pid.clone(),
            ToAgent::ShutdownExecutor(message),
        ));
    }
}

pub(super) fn kill_task(framework: &FrameworkId, kill: &call::Kill) -> ToAgent {
    ToAgent::Kill(to_agent::KillTask {
        framework_id: framework.clone(),
        task_id: kill.task_id.clone(),
        kill_policy: kill.kill_policy.map(Pb),
    })
}
