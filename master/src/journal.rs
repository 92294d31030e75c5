//! What the master writes into its log: the comings and goings, not the traffic.

use libprocess::prelude::Pid;
use mesos::protocols::AgentProtocol;
use mesos::v1::scheduler::event::Type;
use tracing::{debug, info, warn};

use crate::state::{Effect, ToAgent};

/// Notes an effect before it is performed.
pub(crate) fn note(effect: &Effect) {
    match effect {
        Effect::Agent(to, message) => agent(to, message),
        Effect::Event(to, event) => match event.r#type() {
            Type::Subscribed => {
                let id = event
                    .subscribed
                    .as_ref()
                    .map(|subscribed| &subscribed.framework_id);
                let framework = id.map_or("", |id| id.value.as_str());
                info!(framework, subscriber = %to, "framework subscribed");
            }
            Type::Error => {
                let message = event
                    .error
                    .as_ref()
                    .map_or("", |error| error.message.as_str());
                info!(subscriber = %to, message, "subscription ends");
            }
            _ => {}
        },
        Effect::Unsubscribe(subscriber) => info!(%subscriber, "subscription ended"),
        Effect::Registry(operation, _) => debug!(?operation, "registry"),
        _ => {}
    }
}

fn agent(to: &Pid<AgentProtocol>, message: &ToAgent) {
    match message {
        ToAgent::Registered(m) => info!(agent = %m.agent_id.value, %to, "agent registered"),
        ToAgent::Reregistered(m) => info!(agent = %m.agent_id.value, %to, "agent re-registered"),
        ToAgent::Shutdown(m) => warn!(%to, why = %m.message, "agent refused"),
        ToAgent::Run(m) => {
            let framework = m.framework.id.as_ref().map_or("", |id| id.value.as_str());
            debug!(task = %m.task.task_id.value, framework, %to, "launching");
        }
        ToAgent::RunGroup(m) => {
            let framework = m.framework.id.as_ref().map_or("", |id| id.value.as_str());
            let tasks: Vec<&str> = m.group.tasks.iter().map(|t| &*t.task_id.value).collect();
            debug!(?tasks, framework, %to, "launching a group");
        }
        ToAgent::ShutdownFramework(m) => {
            info!(framework = %m.framework_id.value, %to, "shutting a framework down");
        }
        _ => {}
    }
}
