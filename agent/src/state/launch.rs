//! Starting tasks, and the executors they need.
//!
//! ```text
//! RunTask, RunTaskGroup
//!    └───────▶ valid? ─▶ executor there? ── no ──▶ queue, launch container ─┐
//!               │             │ yes                                       ▼ SUBSCRIBE
//!               ▼             └──▶ queue ──▶ resize container ──▶ LAUNCH event
//!       TASK_DROPPED or LOST
//! ```

use std::sync::Arc;
use std::time::Duration;

use imbl::{OrdMap, Vector};
use mesos::historic::Historic;
use mesos::resources::Resources;
use mesos::v1::task_status::Reason;
use mesos::v1::{
    CommandInfo, ContainerId, ContainerStatus, ExecutorId, ExecutorInfo, FrameworkId,
    FrameworkInfo, NetworkInfo, TaskInfo, TaskState, executor_info, network_info,
};
use uuid::Uuid;

use super::effect::{Alarm, Effect, Ending, Launch, Record};
use super::model::{Executor, ExecutorPhase, ExecutorRef};
use super::queue::{Delivery, Queue};
use super::registration::Registration;
use super::{Moment, State, status};
use crate::checkpoint::layout::Run;
use crate::checkpoint::recovery::Process;

/// The part of a command that is shown in the name of its executor, in characters.
const SHOWN_COMMAND_CHARS: usize = 15;

/// What a kill grace period is lengthened by for the executor's own end, so that TASK_KILLED is out
/// before the container is destroyed.
const GRACE_MARGIN: Duration = Duration::from_secs(2);

impl State {
    /// The master sends a task.
    pub fn run_task(
        &mut self,
        moment: &mut Moment,
        framework: &FrameworkInfo,
        task: TaskInfo,
        may_launch_executor: bool,
        resource_version: Option<Uuid>,
    ) -> Vec<Effect> {
        let sent = Delivery::Task(Arc::new(task));
        self.run_sent(
            moment,
            framework,
            sent,
            may_launch_executor,
            resource_version,
        )
    }

    /// The master sends a group, whose tasks all name the same executor.
    pub fn run_task_group(
        &mut self,
        moment: &mut Moment,
        framework: &FrameworkInfo,
        group: Vec<TaskInfo>,
        may_launch_executor: bool,
        resource_version: Option<Uuid>,
    ) -> Vec<Effect> {
        let sent = Delivery::Group(group.into_iter().map(Arc::new).collect());
        self.run_sent(
            moment,
            framework,
            sent,
            may_launch_executor,
            resource_version,
        )
    }

    fn run_sent(
        &mut self,
        moment: &mut Moment,
        framework: &FrameworkInfo,
        sent: Delivery,
        may_launch_executor: bool,
        resource_version: Option<Uuid>,
    ) -> Vec<Effect> {
        let Some(framework_id) = framework.id.clone() else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        if self.registration == Registration::Terminating {
            return effects;
        }
        let mut admitted = sent.tasks().iter();
        let admitted =
            admitted.try_for_each(|task| self.admit(&framework_id, task, resource_version));
        if let Err((reason, message)) = admitted {
            let aware = super::Framework::new(framework.clone()).is_partition_aware();
            return self.drop_sent(moment, &framework_id, &sent, aware, (reason, message));
        }
        let Some(first) = sent.tasks().first() else {
            return effects;
        };
        self.note_framework(framework, &mut effects);
        let (info, is_command) = self.executor_info(&framework_id, first);
        let present = self.executor(&framework_id, &info.executor_id);
        match present.map(|e| e.phase) {
            None if may_launch_executor || is_command => {
                self.start_executor(moment, framework, info, is_command, sent, &mut effects);
            }
            Some(ExecutorPhase::Registering | ExecutorPhase::Running) => {
                self.queue(&framework_id, &info.executor_id, sent, &mut effects);
            }
            gone => {
                let message = match gone {
                    None => "The executor it was meant for has ended",
                    Some(_) => "The executor it was meant for is ending",
                };
                let aware = self.is_partition_aware(&framework_id);
                let why = (Reason::ExecutorTerminated, message);
                effects.extend(self.drop_sent(moment, &framework_id, &sent, aware, why));
                self.remove_if_idle(&framework_id, &mut effects);
            }
        }
        effects
    }

    /// Answers for tasks that cannot be taken.
    fn drop_sent(
        &mut self,
        moment: &mut Moment,
        framework_id: &FrameworkId,
        sent: &Delivery,
        is_partition_aware: bool,
        (reason, message): (Reason, &str),
    ) -> Vec<Effect> {
        let state = status::dropped(is_partition_aware);
        let mut effects = Vec::new();
        for task in sent.tasks() {
            let status = status::by_agent(moment, &task.task_id, state, reason, message);
            effects.extend(self.report_without_executor(framework_id, status));
        }
        effects
    }

    /// The container of an executor runs.
    pub fn container_launched(&mut self, of: &ExecutorRef, process: Process) -> Vec<Effect> {
        let timeout = self.settings.executor_registration_timeout;
        let Some(executor) = self.run_mut(of) else {
            // It was shut down and forgotten while its container was being made.
            return vec![Effect::Destroy(of.container_id.clone())];
        };
        executor.launched = true;
        Arc::make_mut(&mut executor.container_status).executor_pid = Some(process.pid);
        let mut effects = vec![Effect::Write(Record::Process(of.clone(), process))];
        match executor.phase {
            ExecutorPhase::Registering => {
                let alarm = Alarm::RegistrationTimeout(of.clone());
                effects.push(Effect::Alarm(timeout, alarm));
            }
            ExecutorPhase::Terminating if executor.pid.is_none() => {
                effects.push(Effect::Destroy(of.container_id.clone()));
            }
            _ => {}
        }
        effects
    }

    /// The containerizer says more of a container; sent along with updates from now on.
    pub fn container_described(
        &mut self,
        of: &ExecutorRef,
        described: ContainerStatus,
    ) -> Vec<Effect> {
        if let Some(executor) = self.run_mut(of) {
            let known = Arc::make_mut(&mut executor.container_status);
            known.cgroup_info = described.cgroup_info;
            known.executor_pid = described.executor_pid.or(known.executor_pid);
        }
        Vec::new()
    }

    /// The container of an executor could not be made; nothing of it is left.
    pub fn launch_failed(
        &mut self,
        moment: &mut Moment,
        of: &ExecutorRef,
        why: &str,
    ) -> Vec<Effect> {
        let Some(executor) = self.run_mut(of) else {
            return Vec::new();
        };
        executor.ending.get_or_insert(Ending {
            state: TaskState::TaskFailed,
            reason: Reason::ContainerLaunchFailed,
            message: format!("Failed to launch container: {why}"),
        });
        self.counters.container_launch_errors += 1;
        self.container_gone(moment, of, None, None)
    }

    /// The container of an executor has its new bounds: hand over what waits for them.
    pub fn container_resized(&mut self, of: &ExecutorRef) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.hand_over_tasks(of, &mut effects);
        effects
    }

    /// The container of an executor could not be given its new bounds.
    pub fn resize_failed(&mut self, of: &ExecutorRef, why: &str) -> Vec<Effect> {
        let Some(executor) = self.run_mut(of) else {
            return Vec::new();
        };
        if executor.queued.is_empty() {
            // It became smaller; larger bounds than needed harm nobody here.
            return Vec::new();
        }
        executor.phase = ExecutorPhase::Terminating;
        executor.ending.get_or_insert(Ending {
            state: TaskState::TaskFailed,
            reason: Reason::ContainerUpdateFailed,
            message: format!("Failed to update resources of container: {why}"),
        });
        vec![Effect::Destroy(of.container_id.clone())]
    }

    fn admit(
        &self,
        framework_id: &FrameworkId,
        task: &TaskInfo,
        resource_version: Option<Uuid>,
    ) -> Result<(), (Reason, &'static str)> {
        if self.info.id.as_ref() != Some(&task.agent_id) {
            return Err((Reason::AgentUnknown, "The task was meant for another agent"));
        }
        if self.is_draining() {
            return Err((Reason::AgentDraining, "The agent is being drained"));
        }
        if self.settings.museum.shows(Historic::RejectedForEver) && self.era > 1 {
            return Err((Reason::ResourcesUnknown, "The plan is outdated"));
        }
        let framework = self.frameworks.get(framework_id);
        if framework.is_some_and(|f| f.terminating) {
            return Err((Reason::FrameworkRemoved, "The framework is terminating"));
        }
        let executor_id = task.executor.as_ref().map(|e| &e.executor_id.value);
        let mut ids = [&framework_id.value, &task.task_id.value]
            .into_iter()
            .chain(executor_id);
        if !ids.all(|id| mesos::ids::validate(id).is_ok())
            || (task.executor.is_none() && task.command.is_none())
        {
            return Err((Reason::TaskInvalid, "The task is malformed"));
        }
        let own = task.executor.iter().flat_map(|e| &e.resources);
        if let Err(_absurd) = Resources::from_v1(task.resources.iter().chain(own)) {
            return Err((Reason::TaskInvalid, "The task's resources are malformed"));
        }
        if framework.is_some_and(|f| f.executor_with_task(&task.task_id).is_some()) {
            return Err((Reason::TaskInvalid, "A task of this id is still here"));
        }
        self.has_resources_of(task, resource_version)
            .map_err(|why| (Reason::ResourcesUnknown, why))
    }

    fn start_executor(
        &mut self,
        moment: &mut Moment,
        framework: &FrameworkInfo,
        info: ExecutorInfo,
        is_command_executor: bool,
        first: Delivery,
        effects: &mut Vec<Effect>,
    ) {
        let of = ExecutorRef {
            framework_id: info.framework_id.clone().unwrap_or_default(),
            executor_id: info.executor_id.clone(),
            container_id: ContainerId {
                value: moment.chance.uuid().to_string(),
                parent: None,
            },
        };
        let info = Arc::new(info);
        let record = Record::Executor(of.clone(), info.clone(), is_command_executor);
        effects.push(Effect::Write(record));

        let user = self.user_of(framework, &info);
        let mut executor = Executor {
            info: info.clone(),
            framework_id: of.framework_id.clone(),
            container_id: of.container_id.clone(),
            directory: self.settings.layout.sandbox(&self.run_names(&of)),
            is_command_executor,
            phase: ExecutorPhase::Registering,
            launched: false,
            pid: None,
            queued: Queue::default(),
            launched_tasks: OrdMap::new(),
            terminated_tasks: OrdMap::new(),
            completed_tasks: Vector::new(),
            inspected: OrdMap::new(),
            kills: OrdMap::new(),
            sized_for: Resources::default(),
            container_status: Arc::new(self.new_container_status(&of.container_id)),
            ending: None,
            was_given_tasks: false,
        };
        executor.enqueue(first, effects);
        executor.sized_for = executor.size();
        effects.push(Effect::Launch(Box::new(Launch {
            info: self.with_program(info),
            is_command_executor,
            user,
            directory: executor.directory.clone(),
            resources: executor.sized_for.clone(),
            volumes: executor.volumes(self.settings.layout.work_dir()),
            shutdown_grace_period: self.grace_period(&executor.info),
            executor: of.clone(),
        })));
        if let Some(framework) = self.frameworks.get_mut(&of.framework_id) {
            framework.executors.insert(of.executor_id, executor);
        }
    }

    fn queue(
        &mut self,
        framework_id: &FrameworkId,
        executor_id: &ExecutorId,
        sent: Delivery,
        effects: &mut Vec<Effect>,
    ) {
        let Some(executor) = self.executor_mut(framework_id, executor_id) else {
            return;
        };
        let of = executor.reference();
        executor.enqueue(sent, effects);
        if executor.phase == ExecutorPhase::Running {
            self.fit_container(&of, effects);
        }
    }

    /// Gives the container of a running executor the bounds its tasks need; hands queued tasks over
    /// once it has them.
    pub(crate) fn fit_container(&mut self, of: &ExecutorRef, effects: &mut Vec<Effect>) {
        let settings = self.settings.clone();
        let Some(executor) = self.run_mut(of) else {
            return;
        };
        let size = executor.size();
        if size == executor.sized_for {
            self.hand_over_tasks(of, effects);
            return;
        }
        executor.sized_for = size.clone();
        effects.push(Effect::Resize {
            executor: of.clone(),
            resources: size,
            volumes: executor.volumes(settings.layout.work_dir()),
        });
    }

    /// Sends LAUNCH or LAUNCH_GROUP for everything that is queued for a subscribed executor.
    fn hand_over_tasks(&mut self, of: &ExecutorRef, effects: &mut Vec<Effect>) {
        let Some(executor) = self.run_mut(of) else {
            return;
        };
        if executor.phase != ExecutorPhase::Running {
            return;
        }
        let Some(pid) = executor.pid.clone() else {
            return;
        };
        for delivery in executor.queued.drain() {
            executor.was_given_tasks = true;
            for task in delivery.tasks() {
                let record = Arc::new(executor.new_task(task));
                executor.launched_tasks.insert(task.task_id.clone(), record);
            }
            effects.push(Effect::Event(pid.clone(), Box::new(delivery.event())));
        }
    }

    #[allow(deprecated)]
    /// The executor a task runs in; made up, in Mesos' manner, for a task with a command.
    fn executor_info(&self, framework_id: &FrameworkId, task: &TaskInfo) -> (ExecutorInfo, bool) {
        if let Some(info) = &task.executor {
            let mut info = info.clone();
            info.framework_id = Some(framework_id.clone());
            return (info, false);
        }
        let command = task.command.clone().unwrap_or_default();
        let own = CommandInfo {
            uris: command.uris.clone(),
            environment: command.environment.clone(),
            user: command.user.clone(),
            ..self.settings.executor_command.to_v1()
        };
        let info = ExecutorInfo {
            executor_id: ExecutorId {
                value: task.task_id.value.clone(),
            },
            framework_id: Some(framework_id.clone()),
            command: Some(own),
            container: task.container.clone(),
            resources: command_executor_resources(task),
            name: Some(command_executor_name(task, &command)),
            source: Some(task.task_id.value.clone()), // deprecated, and still what tools show
            labels: task.labels.clone(),
            discovery: task.discovery.clone(),
            shutdown_grace_period: kill_grace(task).map(|grace| mesos::v1::DurationInfo {
                nanoseconds: (grace + GRACE_MARGIN)
                    .as_nanos()
                    .try_into()
                    .unwrap_or(i64::MAX),
            }),
            ..Default::default()
        };
        (info, true)
    }

    /// What is started for an executor: one of type DEFAULT is this agent's to bring.
    fn with_program(&self, info: Arc<ExecutorInfo>) -> Arc<ExecutorInfo> {
        if info.r#type() != executor_info::Type::Default {
            return info;
        }
        Arc::new(ExecutorInfo {
            command: Some(self.settings.executor_command.of_groups().to_v1()),
            ..info.as_ref().clone()
        })
    }

    fn user_of(&self, framework: &FrameworkInfo, info: &ExecutorInfo) -> Option<String> {
        if !self.settings.switch_user {
            return None;
        }
        let own = info.command.as_ref().and_then(|c| c.user.clone());
        own.or_else(|| Some(framework.user.clone()))
            .filter(|user| !user.is_empty())
    }

    /// What is known of every container: its id, and that it shares the network of its agent.
    pub(crate) fn new_container_status(&self, container_id: &ContainerId) -> ContainerStatus {
        let ip = self.me.address().ip();
        let protocol = match ip.is_ipv4() {
            true => network_info::Protocol::IPv4,
            false => network_info::Protocol::IPv6,
        };
        let address = network_info::IpAddress {
            protocol: Some(protocol as i32),
            ip_address: Some(ip.to_string()),
        };
        ContainerStatus {
            container_id: Some(container_id.clone()),
            network_infos: vec![NetworkInfo {
                ip_addresses: vec![address],
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    /// How long an executor may take to end after SHUTDOWN.
    pub(crate) fn grace_period(&self, info: &ExecutorInfo) -> Duration {
        let own = info.shutdown_grace_period.as_ref();
        own.and_then(|d| u64::try_from(d.nanoseconds).ok()).map_or(
            self.settings.executor_shutdown_grace_period,
            Duration::from_nanos,
        )
    }

    /// The names that make up the paths of a run.
    pub fn run_names(&self, of: &ExecutorRef) -> Run {
        Run {
            agent: self.agent_id().map_or(String::new(), |id| id.value.clone()),
            framework: of.framework_id.value.clone(),
            executor: of.executor_id.value.clone(),
            container: of.container_id.value.clone(),
        }
    }
}

fn kill_grace(task: &TaskInfo) -> Option<Duration> {
    let grace = task.kill_policy.as_ref()?.grace_period.as_ref()?;
    Some(Duration::from_nanos(grace.nanoseconds.try_into().ok()?))
}

/// 0.1 cpus and 32 MB, in the role of the task: shown, and added by the containerizer, but charged
/// to nobody (Mesos' `src/launcher/executor.cpp`).
fn command_executor_resources(task: &TaskInfo) -> Vec<mesos::v1::Resource> {
    let allocation = task
        .resources
        .first()
        .and_then(|r| r.allocation_info.clone());
    let scalar = |name: &str, value: f64| mesos::v1::Resource {
        name: name.to_owned(),
        r#type: mesos::v1::value::Type::Scalar as i32,
        scalar: Some(mesos::v1::value::Scalar { value }),
        allocation_info: allocation.clone(),
        ..Default::default()
    };
    vec![scalar("cpus", 0.1), scalar("mem", 32.0)]
}

fn command_executor_name(task: &TaskInfo, command: &CommandInfo) -> String {
    let value = command.value.as_deref().unwrap_or_default();
    let shown = if command.shell.unwrap_or(true) {
        format!("(Command: sh -c '{}')", shorten(value))
    } else {
        let words: Vec<&str> = std::iter::once(value)
            .chain(command.arguments.iter().map(String::as_str))
            .collect();
        format!("(Command: [{}])", shorten(&words.join(", ")))
    };
    format!("Command Executor (Task: {}) {shown}", task.task_id.value)
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= SHOWN_COMMAND_CHARS {
        return text.to_owned();
    }
    let kept: String = text.chars().take(SHOWN_COMMAND_CHARS - 3).collect();
    format!("{kept}...")
}
