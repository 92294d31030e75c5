//! Performing what the state decided: the one place where the agent acts.

use std::collections::VecDeque;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::protocols::MasterProtocol;
use mesos::protocols::executor::{Event, Unsubscribed};
use mesos::resources::Resources;
use mesos::v1::{ContainerId, FrameworkId, TaskId};
use mesos::wire::Pb;
use uuid::Uuid;

use super::Agent;
use crate::checkpoint::envelope::CheckpointError;
use crate::checkpoint::recovery::Process as ExecutorProcess;
use crate::containerizer::{self, ContainerConfig, ContainerError, LaunchError, Launched};
use crate::state::effect::{Commit, Launch, Report};
use crate::state::{Effect, ExecutorRef, Record, Stale, ToMaster};
use crate::status_updates::manager::{self, Confirmation};
use crate::status_updates::{Key, OperationReport, Update};
use crate::volumes::VolumeMount;

/// How long a launch may take, fetching included: what a slow mirror needs for gigabytes.
const LAUNCH_TIMEOUT: Duration = Duration::from_secs(3600);

/// How long new bounds of a container may take: a few writes.
const RESIZE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the end of a container may take: processes in an uninterruptible wait end late.
const DESTROY_TIMEOUT: Duration = Duration::from_secs(300);

/// How long the look at a container's limits may take: a few reads.
const INSPECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a status update may take to the disk before something is badly wrong.
const STORE_TIMEOUT: Duration = Duration::from_secs(60);

/// A container that is not there although its executor is: its termination may be on its way by
/// another route, with more to say. Wait this long for it.
const TERMINATION_DELAY: Duration = Duration::from_secs(1);

impl Agent {
    /// Performs effects in order.
    pub(super) fn perform(&mut self, effects: Vec<Effect>, ctx: &mut Context<Self>) {
        let mut left = VecDeque::from(effects);
        while let Some(effect) = left.pop_front() {
            match effect {
                Effect::Tell(master, message) => tell_master(&master, message, ctx),
                Effect::Event(executor, event) => ctx.tell(&executor, Event(Pb(*event))),
                Effect::Unsubscribe(executor) => ctx.tell(&executor, Unsubscribed),
                Effect::Watch(executor) => ctx.monitor(executor),
                Effect::Unwatch(executor) => ctx.demonitor(executor),
                Effect::WatchMaster(master) => ctx.monitor(master),
                Effect::UnwatchMaster(master) => ctx.demonitor(master),
                Effect::Write(record) => {
                    if let Err(error) = self.write(&record) {
                        self.unwritten(&record, &error, &mut left, ctx);
                    }
                }
                Effect::Erase(stale) => self.erase(&stale),
                Effect::Launch(launch) => self.launch(*launch, ctx),
                Effect::Resize {
                    executor,
                    resources,
                    volumes,
                } => self.resize(executor, resources, volumes, ctx),
                Effect::Destroy(container) => self.destroy(container, ctx),
                Effect::Inspect { executor, task_id } => self.inspect(executor, task_id, ctx),
                Effect::Report(report) => self.report(*report, ctx),
                Effect::Acknowledge {
                    framework_id,
                    task_id,
                    uuid,
                } => {
                    self.acknowledge(framework_id, task_id, uuid, ctx);
                }
                Effect::Commit(commit) => {
                    let more = self.commit(*commit, ctx);
                    left.extend(more);
                }
                Effect::ReportOperation(report) => self.report_operation(*report, ctx),
                Effect::AcknowledgeOperation { operation, status } => {
                    self.acknowledge_operation(operation, status, ctx);
                }
                Effect::PauseUpdates => {
                    ctx.tell(&self.parts.updates, manager::Pause);
                    ctx.tell(&self.parts.operations, manager::Pause);
                }
                Effect::ResumeUpdates => {
                    ctx.tell(&self.parts.updates, manager::Resume);
                    ctx.tell(&self.parts.operations, manager::Resume);
                }
                Effect::ForgetUpdates(framework_id) => {
                    ctx.tell(&self.parts.updates, manager::Forget { framework_id });
                }
                Effect::Alarm(wait, alarm) => {
                    ctx.run_later(wait, move |agent, ctx| agent.ring(alarm, ctx));
                }
                Effect::Detect => {
                    self.begin_to_lend(ctx);
                    self.detect(ctx);
                }
                Effect::Exit(why) => {
                    tracing::info!("the agent ends: {why}");
                    self.parts.ended.send_replace(Some(why));
                    ctx.stop();
                }
            }
        }
    }

    fn write(&self, record: &Record) -> Result<(), CheckpointError> {
        let id = self.parts.state.agent_id().cloned().unwrap_or_default();
        self.parts.store.write(&id, record)
    }

    fn commit(&mut self, commit: Commit, ctx: &mut Context<Self>) -> Vec<Effect> {
        let id = self.parts.state.agent_id().cloned().unwrap_or_default();
        let (from, to) = self.parts.state.stored_around(&commit);
        let result = self.parts.store.commit(&id, &from, &to).map_err(|error| {
            tracing::error!("the agent's resources stay as they are: {error}");
            error.to_string()
        });
        self.decide(ctx, |state, moment| state.committed(moment, commit, result))
    }

    fn erase(&self, stale: &Stale) {
        let id = self.parts.state.agent_id().cloned().unwrap_or_default();
        if let Err(error) = self.parts.store.erase(&id, stale) {
            tracing::warn!("an old checkpoint stays: {error}");
        }
    }

    /// A checkpoint that others would rely on is not there: an executor that could not be found
    /// again after a restart is not started.
    fn unwritten(
        &mut self,
        record: &Record,
        error: &CheckpointError,
        left: &mut VecDeque<Effect>,
        ctx: &mut Context<Self>,
    ) {
        tracing::error!("a checkpoint is missing: {error}");
        let (Record::Executor(of, ..) | Record::Task(of, ..)) = record else {
            return;
        };
        let is_its_launch = |e: &Effect| matches!(e, Effect::Launch(l) if l.executor == *of);
        if left.iter().any(is_its_launch) {
            left.retain(|e| !is_its_launch(e));
            let why = error.to_string();
            let more = self.decide(ctx, |state, moment| state.launch_failed(moment, of, &why));
            left.extend(more);
        }
    }

    fn launch(&mut self, launch: Launch, ctx: &mut Context<Self>) {
        let of = launch.executor.clone();
        let environment = match self.parts.access.environment(&self.parts.state, &launch) {
            Ok(environment) => environment,
            Err(error) => {
                let why = format!("cannot give the executor its identity: {error}");
                return self.act(ctx, |state, moment| state.launch_failed(moment, &of, &why));
            }
        };
        let is_built_in = launch.is_built_in();
        let is_command_executor = launch.is_command_executor;
        let config = ContainerConfig {
            command: launch.info.command.clone().unwrap_or_default(),
            environment,
            // The built-in executor stays the agent's user and makes its task the framework's.
            user: launch.user.clone().filter(|_| !is_built_in),
            sandbox_user: launch.user.filter(|_| is_built_in),
            sandbox: launch.directory,
            resources: launch.resources,
            volumes: launch.volumes,
            command_executor: is_command_executor,
        };
        let message = containerizer::Launch {
            container_id: of.container_id.clone(),
            config,
        };
        let containerizer = self.parts.containerizer.clone();
        ctx.detach().ask_then(
            &containerizer,
            message,
            LAUNCH_TIMEOUT,
            move |agent, result, ctx| {
                agent.launched(of, result, ctx);
            },
        );
    }

    fn launched(
        &mut self,
        of: ExecutorRef,
        result: Result<Result<Launched, LaunchError>, AskError>,
        ctx: &mut Context<Self>,
    ) {
        match result {
            Ok(Ok(launched)) => {
                let process = ExecutorProcess {
                    pid: launched.pid,
                    start_time: launched.start_time,
                };
                self.act(ctx, |state, _| state.container_launched(&of, process));
                self.look_at(of, ctx);
            }
            Ok(Err(error)) => {
                let why = error.to_string();
                self.act(ctx, |state, moment| state.launch_failed(moment, &of, &why));
            }
            Err(error) => {
                let why = format!("the containerizer does not answer: {error}");
                self.act(ctx, |state, moment| state.launch_failed(moment, &of, &why));
                self.destroy(of.container_id, ctx);
            }
        }
    }

    /// Learns what the containerizer says of a new container, to send it along with updates.
    fn look_at(&mut self, of: ExecutorRef, ctx: &mut Context<Self>) {
        let message = containerizer::Status {
            container_id: of.container_id.clone(),
        };
        let containerizer = self.parts.containerizer.clone();
        ctx.detach().ask_then(
            &containerizer,
            message,
            INSPECT_TIMEOUT,
            move |agent, result, ctx| {
                if let Ok(Ok(status)) = result {
                    agent.act(ctx, |state, _| state.container_described(&of, status));
                }
            },
        );
    }

    fn resize(
        &mut self,
        of: ExecutorRef,
        resources: Resources,
        volumes: Vec<VolumeMount>,
        ctx: &mut Context<Self>,
    ) {
        let message = containerizer::Update {
            container_id: of.container_id.clone(),
            resources,
            volumes,
        };
        let containerizer = self.parts.containerizer.clone();
        ctx.detach().ask_then(
            &containerizer,
            message,
            RESIZE_TIMEOUT,
            move |agent, result, ctx| {
                let problem = match result {
                    Ok(Ok(())) => return agent.act(ctx, |state, _| state.container_resized(&of)),
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => error.to_string(),
                };
                agent.act(ctx, |state, _| state.resize_failed(&of, &problem));
            },
        );
    }

    fn destroy(&mut self, container_id: ContainerId, ctx: &mut Context<Self>) {
        let message = containerizer::Destroy {
            container_id: container_id.clone(),
        };
        let containerizer = self.parts.containerizer.clone();
        ctx.detach().ask_then(
            &containerizer,
            message,
            DESTROY_TIMEOUT,
            move |_, result, ctx| match result {
                Ok(Ok(())) => {}
                Ok(Err(ContainerError::NotFound(_))) => {
                    ctx.run_later(TERMINATION_DELAY, move |agent, ctx| {
                        agent.give_up(&container_id, ctx);
                    });
                }
                Ok(Err(error)) => tracing::error!("cannot destroy a container: {error}"),
                Err(error) => {
                    tracing::error!("container {} is not destroyed: {error}", container_id.value)
                }
            },
        );
    }

    /// The containerizer knows nothing of the container: its executor is gone.
    fn give_up(&mut self, container_id: &ContainerId, ctx: &mut Context<Self>) {
        self.act(ctx, |state, moment| {
            match state
                .executor_of(&container_id.value)
                .map(|e| e.reference())
            {
                Some(of) => state.container_gone(moment, &of, None, None),
                None => Vec::new(),
            }
        });
    }

    fn inspect(&mut self, of: ExecutorRef, task_id: TaskId, ctx: &mut Context<Self>) {
        let message = containerizer::GetLimitation {
            container_id: of.container_id.clone(),
        };
        let containerizer = self.parts.containerizer.clone();
        ctx.detach().ask_then(
            &containerizer,
            message,
            INSPECT_TIMEOUT,
            move |agent, result, ctx| {
                let limitation = result.ok().flatten();
                agent.act(ctx, |state, moment| {
                    state.inspected(moment, &of, &task_id, limitation.as_ref())
                });
            },
        );
    }

    fn report(&mut self, report: Report, ctx: &mut Context<Self>) {
        let Report {
            framework_id,
            status,
            uuid,
            executor,
            from_executor,
        } = report;
        let task_id = status.task_id.clone();
        let state = &self.parts.state;
        let log = executor.as_ref().map(|of| {
            let run = state.run_names(of);
            state.settings.layout.task_updates(&run, &task_id.value)
        });
        let terminal = crate::state::status::is_terminal(status.state);
        let message = manager::Report {
            update: Update {
                framework_id,
                status,
                uuid,
                terminal,
            },
            log,
        };
        let updates = self.parts.updates.clone();
        ctx.detach().ask_then(
            &updates,
            message,
            STORE_TIMEOUT,
            move |agent, result, ctx| match (result, executor) {
                (Ok(Confirmation::Safe), Some(of)) if from_executor => {
                    agent.act(ctx, |state, _| state.confirmed(&of, &task_id, &uuid));
                }
                (Ok(_), _) => {}
                (Err(error), _) => {
                    tracing::error!("the status update manager does not answer: {error}")
                }
            },
        );
    }

    fn report_operation(&mut self, report: OperationReport, ctx: &mut Context<Self>) {
        let message = manager::Report {
            update: report,
            // It is in the store of resources.
            log: None,
        };
        let operations = self.parts.operations.clone();
        ctx.detach()
            .ask_then(&operations, message, STORE_TIMEOUT, |_, result, _| {
                if let Err(error) = result {
                    tracing::error!("the operation status manager does not answer: {error}");
                }
            });
    }

    fn acknowledge_operation(&mut self, operation: Uuid, status: Uuid, ctx: &mut Context<Self>) {
        let message = manager::Acknowledge {
            key: self.parts.state.operation_key(operation),
            uuid: status,
        };
        let operations = self.parts.operations.clone();
        ctx.detach()
            .ask_then(&operations, message, STORE_TIMEOUT, |agent, result, ctx| {
                if let Ok(Some(report)) = result {
                    agent.act(ctx, |state, _| state.operation_acknowledged(&report));
                }
            });
    }

    fn acknowledge(
        &mut self,
        framework: FrameworkId,
        task: TaskId,
        uuid: Uuid,
        ctx: &mut Context<Self>,
    ) {
        let message = manager::Acknowledge {
            key: Key { framework, task },
            uuid,
        };
        let updates = self.parts.updates.clone();
        ctx.detach()
            .ask_then(&updates, message, STORE_TIMEOUT, |agent, result, ctx| {
                if let Ok(Some(update)) = result {
                    agent.act(ctx, |state, _| state.acknowledged(&update));
                }
            });
    }
}

fn tell_master(master: &Pid<MasterProtocol>, message: ToMaster, ctx: &Context<Agent>) {
    match message {
        ToMaster::Register(m) => ctx.tell(master, *m),
        ToMaster::Reregister(m) => ctx.tell(master, *m),
        ToMaster::Unregister(m) => ctx.tell(master, m),
        ToMaster::Update(m) => ctx.tell(master, *m),
        ToMaster::Message(m) => ctx.tell(master, m),
        ToMaster::Exited(m) => ctx.tell(master, m),
        ToMaster::Operation(m) => ctx.tell(master, *m),
        ToMaster::Resources(m) => ctx.tell(master, *m),
        ToMaster::Oversubscribed(m) => ctx.tell(master, m),
    }
}
