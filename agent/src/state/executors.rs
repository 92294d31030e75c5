//! Executors that subscribe, speak and vanish: the executor API (Mesos' `docs/executor-http-api.md`).

use std::collections::BTreeSet;

use libprocess::prelude::Pid;
use mesos::protocols::master::ExecutorMessage;
use mesos::protocols::{CallRejected, ExecutorProtocol, RejectionKind};
use mesos::v1::executor::{Call, Event, call, event};
use mesos::v1::task_status::Reason;
use mesos::v1::{ExecutorId, FrameworkId, KillPolicy, TaskId, TaskInfo, TaskState};
use uuid::Uuid;

use super::effect::{Effect, ToMaster};
use super::model::{Executor, ExecutorPhase, ExecutorRef};
use super::registration::Registration;
use super::{Moment, State, status, updates};

impl State {
    /// An executor calls, through whichever door. `from` is where its events go.
    pub fn executor_call(
        &mut self,
        moment: &mut Moment,
        call: Call,
        from: Option<Pid<ExecutorProtocol>>,
    ) -> Result<Vec<Effect>, CallRejected> {
        let kind = call_type(&call)?;
        if kind == call::Type::Heartbeat {
            return Ok(Vec::new());
        }
        let is_subscribe = kind == call::Type::Subscribe;
        if self.registration == Registration::Recovering {
            return Err(recovering());
        }
        let executor = self.find_executor(&call.framework_id, &call.executor_id)?;
        let of = executor.reference();
        if !is_subscribe && let Err(refusal) = check_subscribed(executor, from.as_ref()) {
            // Mesos refuses all but SUBSCRIBE until every executor is back. Those that are back are
            // served here: few executors repeat an update that was refused.
            return Err(match self.registration {
                Registration::Reconnecting => recovering(),
                _ => refusal,
            });
        }
        match kind {
            call::Type::Subscribe => {
                let subscribe = call.subscribe.ok_or_else(|| missing("subscribe"))?;
                let from = from.ok_or_else(|| missing("the subscriber's address"))?;
                Ok(self.subscribe(moment, &of, subscribe, from))
            }
            call::Type::Update => {
                let update = call.update.ok_or_else(|| missing("update"))?;
                let uuid = updates::validate(&of.executor_id, &update.status)
                    .inspect_err(|_| self.counters.invalid_status_updates += 1)?;
                self.counters.valid_status_updates += 1;
                Ok(self.executor_update(moment, &of, update.status, uuid))
            }
            call::Type::Message => {
                let message = call.message.ok_or_else(|| missing("message"))?;
                Ok(self.executor_message(&of, message.data))
            }
            call::Type::Heartbeat | call::Type::Unknown => Ok(Vec::new()),
        }
    }

    /// A subscription ended; its executor may come back.
    pub fn executor_disconnected(&mut self, pid: &Pid<ExecutorProtocol>) -> Vec<Effect> {
        let Some(of) = self.executor_at(pid).map(Executor::reference) else {
            return Vec::new();
        };
        if let Some(executor) = self.run_mut(&of) {
            executor.pid = None;
            if executor.phase == ExecutorPhase::Terminating {
                // It was told to end and hung up: nothing is left to wait for.
                return vec![Effect::Destroy(of.container_id)];
            }
        }
        Vec::new()
    }

    /// A scheduler's message for one of its executors; best effort.
    pub fn framework_message(
        &mut self,
        framework: &FrameworkId,
        executor: &ExecutorId,
        data: Vec<u8>,
    ) -> Vec<Effect> {
        let pid = self
            .executor(framework, executor)
            .and_then(|e| e.pid.clone());
        let Some(pid) = pid else {
            self.counters.invalid_framework_messages += 1;
            return Vec::new();
        };
        self.counters.valid_framework_messages += 1;
        let event = Event {
            r#type: Some(event::Type::Message as i32),
            message: Some(event::Message { data }),
            ..Default::default()
        };
        vec![Effect::Event(pid, Box::new(event))]
    }

    fn executor_message(&self, of: &ExecutorRef, data: Vec<u8>) -> Vec<Effect> {
        let (Some(master), Some(agent_id)) = (self.registered_master(), self.agent_id()) else {
            return Vec::new();
        };
        let message = ExecutorMessage {
            agent_id: agent_id.clone(),
            framework_id: of.framework_id.clone(),
            executor_id: of.executor_id.clone(),
            data,
        };
        vec![Effect::Tell(master.clone(), ToMaster::Message(message))]
    }

    fn subscribe(
        &mut self,
        moment: &mut Moment,
        of: &ExecutorRef,
        subscribe: call::Subscribe,
        from: Pid<ExecutorProtocol>,
    ) -> Vec<Effect> {
        let terminating = self.registration == Registration::Terminating
            || self
                .framework(&of.framework_id)
                .is_some_and(|f| f.terminating);
        let Some(executor) = self.run_mut(of) else {
            return Vec::new();
        };
        let may_run = matches!(
            executor.phase,
            ExecutorPhase::Registering | ExecutorPhase::Running
        );
        if terminating || !may_run {
            let shutdown = Box::new(simple_event(event::Type::Shutdown));
            return vec![
                Effect::Event(from.clone(), shutdown),
                Effect::Unsubscribe(from),
            ];
        }
        // The very same subscription asked again because our answer was late: what it was sent is
        // still on its way, so only its updates are news.
        let is_repeated = executor.pid.as_ref() == Some(&from);
        let mut effects = Vec::new();
        if !is_repeated {
            if let Some(former) = executor.pid.replace(from.clone()) {
                effects.push(Effect::Unwatch(former.clone()));
                effects.push(Effect::Unsubscribe(former));
            }
            executor.phase = ExecutorPhase::Running;
            effects.push(Effect::Watch(from.clone()));
        }
        for update in subscribe.unacknowledged_updates {
            if let Ok(uuid) = updates::validate(&of.executor_id, &update.status) {
                effects.extend(self.executor_update(moment, of, update.status, uuid));
            }
        }
        if is_repeated {
            return effects;
        }
        let known = subscribe.unacknowledged_tasks;
        self.drop_undelivered(moment, of, &known, &mut effects);
        self.greet(of, from, &mut effects);
        self.detect_if_reconnected(&mut effects);
        effects
    }

    /// Tasks that were on their way when the agent, or the connection, broke: an executor that has
    /// neither reported nor listed a task never saw it.
    fn drop_undelivered(
        &mut self,
        moment: &mut Moment,
        of: &ExecutorRef,
        known: &[TaskInfo],
        effects: &mut Vec<Effect>,
    ) {
        let known: BTreeSet<&TaskId> = known.iter().map(|t| &t.task_id).collect();
        let Some(executor) = self.run(of) else { return };
        let staging = executor
            .launched_tasks
            .values()
            .filter(|t| t.state == TaskState::TaskStaging as i32 && !known.contains(&t.task_id));
        let lost: Vec<TaskId> = staging.map(|t| t.task_id.clone()).collect();
        let state = status::dropped(self.is_partition_aware(&of.framework_id));
        for task_id in lost {
            let reason = Reason::AgentRestarted;
            let text = "Task launched during agent restart";
            let status = status::by_agent(moment, &task_id, state, reason, text);
            effects.extend(self.agent_update(moment, of, status));
        }
    }

    fn greet(&mut self, of: &ExecutorRef, from: Pid<ExecutorProtocol>, effects: &mut Vec<Effect>) {
        let (Some(framework), Some(executor)) = (self.framework(&of.framework_id), self.run(of))
        else {
            return;
        };
        if executor.queued.is_empty() && !executor.was_given_tasks {
            // All of its first tasks were killed before it came; command executors would wait for
            // one forever.
            self.end_executor(of, None, effects);
            return;
        }
        let subscribed = event::Subscribed {
            executor_info: executor.info.as_ref().clone(),
            framework_info: framework.info.as_ref().clone(),
            agent_info: self.info.as_ref().clone(),
            container_id: Some(of.container_id.clone()),
        };
        let greeting = Event {
            r#type: Some(event::Type::Subscribed as i32),
            subscribed: Some(subscribed),
            ..Default::default()
        };
        effects.push(Effect::Event(from.clone(), Box::new(greeting)));
        for (task_id, policy) in executor.kills.iter() {
            let event = kill_event(task_id, policy.as_ref());
            effects.push(Effect::Event(from.clone(), Box::new(event)));
        }
        self.fit_container(of, effects);
    }

    fn find_executor(
        &self,
        framework: &FrameworkId,
        executor: &ExecutorId,
    ) -> Result<&Executor, CallRejected> {
        let framework = self.framework(framework).ok_or_else(|| {
            let text = format!("Framework '{}' is not on this agent", framework.value);
            CallRejected::new(RejectionKind::UnknownFramework, text)
        })?;
        framework.executors.get(executor).ok_or_else(|| {
            let text = format!("Executor '{}' is not on this agent", executor.value);
            CallRejected::new(RejectionKind::UnknownExecutor, text)
        })
    }

    pub(crate) fn is_partition_aware(&self, framework: &FrameworkId) -> bool {
        self.framework(framework)
            .is_some_and(|f| f.is_partition_aware())
    }
}

/// An event that carries nothing but its type.
pub(crate) fn simple_event(kind: event::Type) -> Event {
    Event {
        r#type: Some(kind as i32),
        ..Default::default()
    }
}

/// The event that asks for a task's end.
pub(crate) fn kill_event(task_id: &TaskId, kill_policy: Option<&KillPolicy>) -> Event {
    Event {
        r#type: Some(event::Type::Kill as i32),
        kill: Some(event::Kill {
            task_id: task_id.clone(),
            kill_policy: kill_policy.cloned(),
        }),
        ..Default::default()
    }
}

/// The event that says an update is written down.
pub(crate) fn acknowledged_event(task_id: &TaskId, uuid: &Uuid) -> Event {
    Event {
        r#type: Some(event::Type::Acknowledged as i32),
        acknowledged: Some(event::Acknowledged {
            task_id: task_id.clone(),
            uuid: uuid.as_bytes().to_vec(),
        }),
        ..Default::default()
    }
}

fn call_type(call: &Call) -> Result<call::Type, CallRejected> {
    let number = call.r#type.ok_or_else(|| missing("type"))?;
    match call::Type::try_from(number) {
        Ok(call::Type::Unknown) | Err(_) => Err(CallRejected::new(
            RejectionKind::Unsupported,
            format!("The type of the call, {number}, is not known here"),
        )),
        Ok(kind) => Ok(kind),
    }
}

fn check_subscribed(
    executor: &Executor,
    from: Option<&Pid<ExecutorProtocol>>,
) -> Result<(), CallRejected> {
    let is_current = match (&executor.pid, from) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(current), Some(from)) => current == from,
    };
    if is_current {
        return Ok(());
    }
    let text = format!(
        "Executor '{}' is not subscribed",
        executor.info.executor_id.value
    );
    Err(CallRejected::new(RejectionKind::Disconnected, text))
}

fn missing(what: &str) -> CallRejected {
    CallRejected::invalid(format!("Expecting '{what}' to be present"))
}

fn recovering() -> CallRejected {
    CallRejected::new(RejectionKind::Recovering, "Agent has not finished recovery")
}
