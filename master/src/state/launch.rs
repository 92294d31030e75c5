//! Starting one task out of the resources of an ACCEPT.

use libprocess::prelude::Pid;
use mesos::protocols::{AgentProtocol, agent as to_agent};
use mesos::resources::{Conversion, Resources};
use mesos::v1::agent_info::capability::Type as Capability;
use mesos::v1::{self, FrameworkId, TaskInfo, executor_info};
use mesos::wire::Pb;

use super::accept::{Purse, invalid_task};
use super::{
    Agent, Details, Effect, Effects, Executor, Framework, State, Task, Timestamp, ToAgent,
};
use crate::validation::resources::{allocated, inject_role, not_mixed};
use crate::validation::{Check, Invalid, executors, tasks};

/// A task that passed all checks.
struct Launch {
    message: to_agent::RunTask,
    agent: Pid<AgentProtocol>,
    task: Task,
    /// The executor, if the task brings one that does not live yet.
    executor: Option<Executor>,
    /// More copies of shared volumes that tasks before it use.
    copies: Conversion,
}

impl State {
    /// Launches `task` or answers TASK_ERROR; the purse is charged for what is launched.
    pub(super) fn launch(
        &mut self,
        now: Timestamp,
        framework_id: &FrameworkId,
        task: TaskInfo,
        purse: &mut Purse,
        out: &mut Effects,
    ) {
        // Looked up for each task, as the one before may have started the executor; and not held, as records that
        // somebody holds are copied when they change.
        let framework = self.cluster.framework(framework_id);
        let (Some(framework), Some(agent)) = (framework, self.cluster.agent(&purse.agent)) else {
            return;
        };
        let (task_id, agent_id) = (task.task_id.clone(), task.agent_id.clone());
        match prepare(framework, agent, task, purse) {
            Ok(launch) => self.start(framework_id, launch, purse, out),
            Err(error) => {
                let verdict = invalid_task(error.0);
                self.refuse_task(framework_id, &task_id, Some(&agent_id), verdict, now, out);
            }
        }
    }

    fn start(
        &mut self,
        framework: &FrameworkId,
        launch: Launch,
        purse: &mut Purse,
        out: &mut Effects,
    ) {
        if !launch.copies.is_empty() {
            purse.left += &launch.copies.converted;
            purse.conversions.push(launch.copies);
        }
        purse.left -= &*launch.task.resources;
        if let Some(executor) = launch.executor {
            purse.left -= &executor.resources;
            self.cluster.add_executor(framework, &purse.agent, executor);
        }
        self.cluster
            .add_tasks(framework, &purse.agent, vec![launch.task]);
        let message = ToAgent::Run(Box::new(launch.message));
        out.push(Effect::Agent(launch.agent, message));
    }
}

/// Checks a task against its framework, its agent and what is left to spend.
fn prepare(
    framework: &Framework,
    agent: &Agent,
    mut task: TaskInfo,
    purse: &Purse,
) -> Result<Launch, Invalid> {
    tasks::task(&task)?;
    may_run(framework, agent, &task)?;
    inject_role(&mut task.resources, &purse.role);
    let resources = allocated(&task.resources, &purse.role)
        .map_err(|e| Invalid(format!("Task uses invalid resources: {e}")))?;
    let executor = match &mut task.executor {
        None => None,
        Some(info) => {
            executors::executor(info, &framework.id)?;
            info.r#type = Some(executor_info::Type::Custom as i32);
            new_executor(framework, agent, info, &purse.role)?
        }
    };

    let mut total = resources.clone();
    if let Some(executor) = &executor {
        total += &executor.resources;
        not_mixed(&total).map_err(|e| {
            Invalid(format!(
                "Task and its executor mix revocable and non-revocable resources: {e}"
            ))
        })?;
    }
    let copies = Conversion::copies(&purse.seen(), &purse.left, &total);
    let left = &purse.left + &copies.converted;
    if !left.contains(&total) {
        return Err(Invalid(format!(
            "Total resources {total} required by task and its executor is more than available {}",
            purse.left
        )));
    }
    let kept = kept(framework, agent, &task, resources);
    let message = to_agent::RunTask {
        // A command task starts an executor of its own.
        launch_executor: executor.is_some() || task.executor.is_none(),
        framework: Pb((*framework.info).clone()),
        task: Pb(task),
        resource_version: agent.resource_version,
    };
    Ok(Launch {
        message,
        agent: agent.pid.clone(),
        task: kept,
        executor,
        copies,
    })
}

/// Checks what a task says against what is known of its framework and of the agent it is to run on.
pub(super) fn may_run(framework: &Framework, agent: &Agent, task: &TaskInfo) -> Check {
    let id = &task.task_id;
    if framework.tasks.contains_key(id.as_str()) {
        return Err(Invalid(format!("Task has duplicate ID: {}", id.value)));
    }
    if framework.unreachable_tasks.contains_key(id.as_str()) {
        return Err(Invalid(format!(
            "Task reuses the ID of an unreachable task: {}",
            id.value
        )));
    }
    if task.agent_id != agent.id {
        return Err(Invalid(format!(
            "Task uses invalid agent {} while agent {} is expected",
            task.agent_id.value, agent.id.value
        )));
    }
    if !task.limits.is_empty() && !agent.has_capability(Capability::TaskResourceLimits) {
        return Err(Invalid::new(
            "Agent is not capable of handling task resource limits",
        ));
    }
    Ok(())
}

/// Completes the executor of a task or group; `None` if it lives already.
pub(super) fn new_executor(
    framework: &Framework,
    agent: &Agent,
    info: &mut v1::ExecutorInfo,
    role: &str,
) -> Result<Option<Executor>, Invalid> {
    info.framework_id = Some(framework.id.clone());
    let key = (framework.id.clone(), info.executor_id.clone());
    if let Some(live) = agent.executors.get(&key) {
        // A live executor stays allocated to the role of the offers it was started with.
        let live_role = live
            .info
            .resources
            .iter()
            .find_map(|r| r.allocation_info.clone());
        let live_role = live_role.and_then(|info| info.role);
        inject_role(&mut info.resources, live_role.as_deref().unwrap_or(role));
        executors::same(&live.info, info)?;
        return Ok(None);
    }
    inject_role(&mut info.resources, role);
    let resources = allocated(&info.resources, role)
        .map_err(|e| Invalid(format!("Executor uses invalid resources: {e}")))?;
    Ok(Some(Executor {
        info: info.clone(),
        resources,
    }))
}

/// The record of a task that is being launched.
pub(super) fn kept(
    framework: &Framework,
    agent: &Agent,
    task: &TaskInfo,
    resources: Resources,
) -> Task {
    let executor = task.executor.as_ref().map(|e| &e.executor_id);
    let (shared_id, place) = (&framework.shared_id, &agent.shared_id);
    let details = details(framework, task);
    Task::staging(
        &task.task_id,
        executor,
        &details,
        resources,
        shared_id,
        place,
    )
}

/// What is only shown of a task.
fn details(framework: &Framework, task: &TaskInfo) -> Details {
    let own_user = task
        .command
        .as_ref()
        .and_then(|command| command.user.clone());
    let executor_user = (task.executor.as_ref())
        .and_then(|e| e.command.as_ref())
        .and_then(|c| c.user.clone());
    Details {
        name: task.name.clone(),
        labels: task.labels.clone(),
        discovery: task.discovery.clone(),
        container: task.container.clone(),
        health_check: task.health_check.clone(),
        kill_policy: task.kill_policy,
        user: Some(
            own_user
                .or(executor_user)
                .unwrap_or_else(|| framework.info.user.clone()),
        ),
        limits: task.limits.clone(),
    }
}
