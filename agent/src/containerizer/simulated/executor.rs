//! The simulated command executor: tasks that take virtual time.

use std::collections::BTreeMap;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::agent::ExecutorCall;
use mesos::protocols::executor::{Event, Unsubscribed};
use mesos::protocols::{AgentProtocol, ExecutorProtocol, RejectionKind, names};
use mesos::v1::executor::{Call, call, event};
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{TaskId, TaskInfo, TaskState, TaskStatus};
use mesos::wire::Pb;
use rand::RngCore;

use super::{End, Fates, Simulation, out_of_memory};

/// How long the agent, on the same node, may take to answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause between attempts to subscribe.
const RETRY: Duration = Duration::from_secs(1);

pub(super) struct SimulatedExecutor {
    framework: String,
    id: String,
    container: String,
    simulation: Simulation,
    fates: Fates,
    /// Tasks that run, with the timer of their end.
    running: BTreeMap<TaskId, SpawnHandle>,
    /// Updates the agent has not acknowledged, oldest first.
    unacknowledged: Vec<TaskStatus>,
    /// Tasks of which no update is acknowledged.
    unreported: BTreeMap<TaskId, TaskInfo>,
    was_given_tasks: bool,
    /// Another attempt to subscribe is due: one at a time, or they would multiply while there is no agent.
    retrying: bool,
}

impl SimulatedExecutor {
    pub(super) fn new(
        framework: String,
        id: String,
        container: String,
        simulation: Simulation,
        fates: Fates,
    ) -> SimulatedExecutor {
        SimulatedExecutor {
            framework,
            id,
            container,
            simulation,
            fates,
            running: BTreeMap::new(),
            unacknowledged: Vec::new(),
            unreported: BTreeMap::new(),
            was_given_tasks: false,
            retrying: false,
        }
    }

    fn subscribe(&mut self, ctx: &mut Context<Self>) {
        let updates = self.unacknowledged.iter().cloned();
        let subscribe = call::Subscribe {
            unacknowledged_tasks: self.unreported.values().cloned().collect(),
            unacknowledged_updates: updates.map(|status| call::Update { status }).collect(),
        };
        let call = Call {
            subscribe: Some(subscribe),
            ..self.call(call::Type::Subscribe)
        };
        let (agent, message) = address(call, ctx);
        ctx.detach()
            .ask_then(&agent, message, CALL_TIMEOUT, |executor, answer, ctx| {
                match answer {
                    Ok(Ok(())) => {}
                    // Its agent has forgotten it: nobody is left to run for.
                    Ok(Err(r)) if r.kind == RejectionKind::UnknownExecutor => ctx.stop(),
                    _ => executor.retry(ctx),
                }
            });
        ctx.monitor(Pid::<AgentProtocol>::named(
            names::AGENT,
            ctx.node().address(),
        ));
    }

    fn retry(&mut self, ctx: &mut Context<Self>) {
        if !self.retrying {
            self.retrying = true;
            ctx.run_later(RETRY, |executor, ctx| {
                executor.retrying = false;
                executor.subscribe(ctx);
            });
        }
    }

    fn call(&self, kind: call::Type) -> Call {
        Call {
            executor_id: self.id.as_str().into(),
            framework_id: self.framework.as_str().into(),
            r#type: Some(kind as i32),
            ..Default::default()
        }
    }

    fn launch(&mut self, task: TaskInfo, ctx: &mut Context<Self>) {
        self.was_given_tasks = true;
        let id = task.task_id.clone();
        let behaviour = self.simulation.behaviour(&task);
        self.unreported.insert(id.clone(), task);
        self.report(&id, TaskState::TaskRunning, None, ctx);
        let (task, end) = (id.clone(), behaviour.end);
        let timer = ctx.run_later(behaviour.lasts, move |executor, ctx| {
            executor.running.remove(&task);
            executor.end(&task, end, ctx);
        });
        self.running.insert(id, timer);
    }

    fn end(&mut self, task: &TaskId, end: End, ctx: &mut Context<Self>) {
        let failed = Some(Reason::CommandExecutorFailed);
        match end {
            End::Finished => self.report(task, TaskState::TaskFinished, None, ctx),
            End::Failed => self.report(task, TaskState::TaskFailed, failed, ctx),
            End::OutOfMemory => {
                let limit = |fate: &mut super::Fate| fate.limitation = Some(out_of_memory());
                self.fates.change(&self.container, limit);
                self.report(task, TaskState::TaskFailed, failed, ctx);
            }
            End::Crashed(status) => {
                let crash = |fate: &mut super::Fate| fate.exit_status = Some(status);
                self.fates.change(&self.container, crash);
                ctx.stop();
            }
        }
    }

    fn kill(&mut self, task: &TaskId, ctx: &mut Context<Self>) {
        if let Some(timer) = self.running.remove(task) {
            ctx.cancel_future(timer);
            self.report(task, TaskState::TaskKilled, None, ctx);
        }
    }

    fn report(
        &mut self,
        task: &TaskId,
        state: TaskState,
        reason: Option<Reason>,
        ctx: &mut Context<Self>,
    ) {
        let mut uuid = vec![0; 16];
        ctx.random().fill_bytes(&mut uuid);
        let status = TaskStatus {
            task_id: task.clone(),
            state: state as i32,
            source: Some(Source::Executor as i32),
            reason: reason.map(|r| r as i32),
            uuid: Some(uuid),
            ..Default::default()
        };
        self.unacknowledged.push(status.clone());
        self.send(status, ctx);
    }

    fn send(&mut self, status: TaskStatus, ctx: &mut Context<Self>) {
        let call = Call {
            update: Some(call::Update { status }),
            ..self.call(call::Type::Update)
        };
        let (agent, message) = address(call, ctx);
        // Unanswered or refused: it is repeated with the next subscription.
        ctx.detach()
            .ask_then(&agent, message, CALL_TIMEOUT, |_, _, _| {});
    }

    fn acknowledged(&mut self, acknowledged: &event::Acknowledged, ctx: &mut Context<Self>) {
        let is_it = |s: &TaskStatus| s.uuid.as_ref() == Some(&acknowledged.uuid);
        self.unacknowledged.retain(|s| !is_it(s));
        self.unreported.remove(&acknowledged.task_id);
        self.end_if_done(ctx);
    }

    /// A command executor ends with its task, once the agent has all of its updates.
    fn end_if_done(&mut self, ctx: &mut Context<Self>) {
        if self.was_given_tasks && self.running.is_empty() && self.unacknowledged.is_empty() {
            ctx.stop();
        }
    }
}

fn address(call: Call, ctx: &Context<SimulatedExecutor>) -> (Pid<AgentProtocol>, ExecutorCall) {
    let agent = Pid::named(names::AGENT, ctx.node().address());
    let from: Pid<ExecutorProtocol> = ctx.me();
    let message = ExecutorCall {
        call: Pb(call),
        from: Some(from),
    };
    (agent, message)
}

impl Actor for SimulatedExecutor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.subscribe(ctx);
    }
}

impl Process for SimulatedExecutor {
    type Protocol = ExecutorProtocol;
}

impl Handler<Event> for SimulatedExecutor {
    type Result = ();

    fn handle(&mut self, Event(Pb(event)): Event, ctx: &mut Context<Self>) {
        if let Some(launch) = event.launch {
            self.launch(launch.task, ctx);
        } else if let Some(kill) = event.kill {
            self.kill(&kill.task_id, ctx);
        } else if let Some(acknowledged) = event.acknowledged {
            self.acknowledged(&acknowledged, ctx);
        } else if event.r#type == Some(event::Type::Subscribed as i32) {
            // What was reported while there was no agent, or while the subscription was under way.
            for status in self.unacknowledged.clone() {
                self.send(status, ctx);
            }
        } else if event.r#type == Some(event::Type::Shutdown as i32) {
            let tasks: Vec<TaskId> = self.running.keys().cloned().collect();
            for task in tasks {
                self.kill(&task, ctx);
            }
            self.was_given_tasks = true;
            self.end_if_done(ctx);
        }
    }
}

/// The agent ended; executors wait for its next life.
impl Handler<Exited> for SimulatedExecutor {
    type Result = ();

    fn handle(&mut self, _: Exited, ctx: &mut Context<Self>) {
        self.retry(ctx);
    }
}

impl Handler<Unsubscribed> for SimulatedExecutor {
    type Result = ();

    fn handle(&mut self, _: Unsubscribed, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
