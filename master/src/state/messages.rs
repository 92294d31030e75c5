//! Messages between schedulers and executors, and the ends of executors: all best effort.

use libprocess::prelude::AnyPid;
use mesos::protocols::agent as to_agent;
use mesos::protocols::master::{ExecutorExited, ExecutorMessage};
use mesos::v1::scheduler::{Event, call, event};
use mesos::v1::{AgentId, FrameworkId};

use super::{Counter, Effect, Effects, State, ToAgent};

impl State {
    /// MESSAGE of a scheduler to one of its executors.
    pub(super) fn message(&mut self, id: &FrameworkId, message: call::Message, out: &mut Effects) {
        self.counters.count(Counter::FrameworkToExecutor);
        let agent = self
            .cluster
            .agent(&message.agent_id)
            .filter(|agent| agent.connected)
            .cloned();
        let Some(agent) = agent else {
            return self.counters.count(Counter::InvalidFrameworkToExecutor);
        };
        self.counters.count(Counter::ValidFrameworkToExecutor);
        let forwarded = to_agent::FrameworkMessage {
            framework_id: id.clone(),
            executor_id: message.executor_id,
            data: message.data,
        };
        out.push(Effect::Agent(
            agent.pid.clone(),
            ToAgent::Message(forwarded),
        ));
    }

    /// A message of an executor to its scheduler.
    pub fn executor_message(
        &mut self,
        sender: Option<&AnyPid>,
        message: ExecutorMessage,
    ) -> Effects {
        let mut out = Effects::new();
        self.counters.count(Counter::ExecutorToFramework);
        let connected = self
            .cluster
            .framework(&message.framework_id)
            .is_some_and(|f| f.connected());
        if !connected || !self.speaks_for(sender, &message.agent_id) {
            self.counters.count(Counter::InvalidExecutorToFramework);
            return out;
        }
        self.counters.count(Counter::ValidExecutorToFramework);
        let event = Event {
            r#type: Some(event::Type::Message as i32),
            message: Some(event::Message {
                agent_id: message.agent_id,
                executor_id: message.executor_id,
                data: message.data,
            }),
            ..Default::default()
        };
        self.send_event(&message.framework_id, event, &mut out);
        out
    }

    /// An agent reports the end of an executor. Its tasks report themselves.
    pub fn executor_exited(&mut self, sender: Option<&AnyPid>, exited: ExecutorExited) -> Effects {
        let mut out = Effects::new();
        self.counters.count(Counter::ExitedExecutor);
        if !self.speaks_for(sender, &exited.agent_id) {
            self.counters.count(Counter::DroppedMessages);
            return out;
        }
        let (framework, agent) = (&exited.framework_id, &exited.agent_id);
        self.end_executor(framework, agent, &exited.executor_id, &mut out);
        let event = failure(event::Failure {
            agent_id: Some(exited.agent_id.clone()),
            executor_id: Some(exited.executor_id.clone()),
            status: Some(exited.status),
        });
        self.send_event(framework, event, &mut out);
        out
    }

    /// Tells every framework that an agent is lost.
    pub(super) fn agent_lost(&mut self, agent: &AgentId, out: &mut Effects) {
        let connected: Vec<FrameworkId> = self
            .cluster
            .frameworks
            .values()
            .filter(|framework| framework.connected())
            .map(|framework| framework.id.clone())
            .collect();
        for framework in connected {
            let event = failure(event::Failure {
                agent_id: Some(agent.clone()),
                executor_id: None,
                status: None,
            });
            self.send_event(&framework, event, out);
        }
    }
}

fn failure(failure: event::Failure) -> Event {
    Event {
        r#type: Some(event::Type::Failure as i32),
        failure: Some(failure),
        ..Default::default()
    }
}
