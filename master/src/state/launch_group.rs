//! Starting the tasks of a group out of the resources of an ACCEPT: all of them, or none
//! (Mesos' `docs/nested-container-and-task-group.md`).

use libprocess::prelude::Pid;
use mesos::protocols::{AgentProtocol, agent as to_agent};
use mesos::resources::{Conversion, Resources};
use mesos::v1::offer::operation::LaunchGroup;
use mesos::v1::{FrameworkId, TaskInfo};
use mesos::wire::Pb;

use super::accept::{Purse, invalid_group};
use super::launch::{kept, may_run, new_executor};
use super::{Agent, Effect, Effects, Executor, Framework, State, Task, Timestamp, ToAgent};
use crate::validation::resources::{allocated, inject_role, not_mixed};
use crate::validation::{Invalid, executors, groups};

/// A group that passed all checks.
struct Group {
    message: to_agent::RunTaskGroup,
    agent: Pid<AgentProtocol>,
    tasks: Vec<Task>,
    /// The executor, if it does not live yet.
    executor: Option<Executor>,
    /// More copies of shared volumes than the offers had left, of which the tasks use some each.
    copies: Vec<Conversion>,
}

impl State {
    /// Launches all tasks of a group or answers TASK_ERROR for each; the purse is charged for what is launched.
    pub(super) fn launch_group(
        &mut self,
        now: Timestamp,
        framework_id: &FrameworkId,
        group: LaunchGroup,
        purse: &mut Purse,
        out: &mut Effects,
    ) {
        if group.task_group.tasks.is_empty() {
            // Nobody to start, and nobody to answer for.
            return;
        }
        let framework = self.cluster.framework(framework_id);
        let (Some(framework), Some(agent)) = (framework, self.cluster.agent(&purse.agent)) else {
            return;
        };
        match prepare(framework, agent, &group, purse) {
            Ok(group) => self.start_group(framework_id, group, purse, out),
            Err(error) => {
                let tasks = &group.task_group.tasks;
                self.refuse_tasks(now, framework_id, tasks, &invalid_group(error.0), out);
            }
        }
    }

    fn start_group(
        &mut self,
        framework: &FrameworkId,
        group: Group,
        purse: &mut Purse,
        out: &mut Effects,
    ) {
        for copies in group.copies {
            purse.left += &copies.converted;
            purse.conversions.push(copies);
        }
        for task in &group.tasks {
            purse.left -= &*task.resources;
        }
        if let Some(executor) = group.executor {
            purse.left -= &executor.resources;
            self.cluster.add_executor(framework, &purse.agent, executor);
        }
        self.cluster.add_tasks(framework, &purse.agent, group.tasks);
        let message = ToAgent::RunGroup(Box::new(group.message));
        out.push(Effect::Agent(group.agent, message));
    }
}

/// Checks a group against its framework, its agent and what is left to spend.
fn prepare(
    framework: &Framework,
    agent: &Agent,
    group: &LaunchGroup,
    purse: &Purse,
) -> Result<Group, Invalid> {
    let LaunchGroup {
        executor,
        task_group,
    } = group;
    groups::group(task_group, executor)?;
    for task in &task_group.tasks {
        may_run(framework, agent, task).map_err(|error| of_task(task, &error))?;
    }
    executors::of_group(executor, &framework.id)?;
    let (mut executor, mut task_group) = (executor.clone(), task_group.clone());
    let own = Resources::from_v1(&executor.resources)
        .map_err(|e| Invalid(format!("Executor uses invalid resources: {e}")))?;
    executors::enough(&executor.executor_id, &own)?;
    let new = new_executor(framework, agent, &mut executor, &purse.role)?;

    let mut bill = Bill::new(purse);
    if let Some(executor) = &new {
        bill.add(&executor.resources)?;
    }
    let mut tasks = Vec::new();
    for task in &mut task_group.tasks {
        inject_role(&mut task.resources, &purse.role);
        let resources = allocated(&task.resources, &purse.role)
            .map_err(|e| of_task(task, &Invalid(format!("Task uses invalid resources: {e}"))))?;
        bill.add(&resources)?;
        task.executor = Some(executor.clone());
        tasks.push(kept(framework, agent, task, resources));
    }
    not_mixed(&(&bill.total + &own)).map_err(|e| {
        Invalid(format!(
            "Task group and executor mix revocable and non-revocable resources: {e}"
        ))
    })?;
    let message = to_agent::RunTaskGroup {
        framework: Pb((*framework.info).clone()),
        executor: Pb(executor),
        group: Pb(task_group),
        launch_executor: new.is_some(),
        resource_version: agent.resource_version,
    };
    Ok(Group {
        message,
        agent: agent.pid.clone(),
        tasks,
        executor: new,
        copies: bill.copies,
    })
}

/// What a group takes, one after the other, so that no port is taken twice.
struct Bill<'a> {
    purse: &'a Purse,
    left: Resources,
    total: Resources,
    copies: Vec<Conversion>,
}

impl Bill<'_> {
    fn new(purse: &Purse) -> Bill<'_> {
        Bill {
            purse,
            left: purse.left.clone(),
            total: Resources::new(),
            copies: Vec::new(),
        }
    }

    fn add(&mut self, resources: &Resources) -> Result<(), Invalid> {
        self.total += resources;
        let copies = Conversion::copies(&self.purse.seen(), &self.left, resources);
        self.left += &copies.converted;
        if !self.left.contains(resources) {
            return Err(Invalid(format!(
                "Total resources {} required by task group and its executor are more than available {}",
                self.total, self.purse.left
            )));
        }
        self.left -= resources;
        if !copies.is_empty() {
            self.copies.push(copies);
        }
        Ok(())
    }
}

fn of_task(task: &TaskInfo, error: &Invalid) -> Invalid {
    Invalid(format!("Task '{}' is invalid: {error}", task.task_id.value))
}
