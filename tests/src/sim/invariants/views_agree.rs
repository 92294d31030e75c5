//! After faults: master, agents and frameworks know the same agents and tasks; there is no ghost and no orphan.

use std::collections::BTreeSet;

use agent::state::State;
use agent::state::registration::Registration;
use mesos::task_state::is_terminal;
use mesos::v1::TaskId;

use crate::sim::SimCluster;

/// Between the latest views of all.
///
/// # Errors
///
/// The first difference.
pub fn check(cluster: &SimCluster) -> Result<(), String> {
    let view = cluster.view().ok_or("there is no master")?;
    let known = &view.cluster;
    for (number, state) in cluster.agent_views() {
        let Registration::Registered { .. } = state.registration() else {
            return Err(format!("agent {number} is {:?}", state.registration()));
        };
        let id = state.agent_id().ok_or("a registered agent has an id")?;
        let agent = known
            .agent(id)
            .ok_or(format!("the master does not know agent {number} ({id})"))?;
        if !agent.connected || !agent.active {
            return Err(format!(
                "the master does not count on agent {number} ({id})"
            ));
        }
        let on_agent = tasks_of(&state);
        let tasks = known.tasks_on(id).into_iter();
        let alive = tasks.filter(|task| !is_terminal(task.state()));
        let believed: BTreeSet<TaskId> = alive.map(|task| task.id().to_v1()).collect();
        same(&format!("agent {number}"), &on_agent, &believed)?;
    }
    if known.agents.len() != cluster.agent_views().count() {
        let ids: Vec<_> = known.agents.keys().collect();
        return Err(format!("the master has agents that are not there: {ids:?}"));
    }
    if cluster.leaders() != 1 {
        return Err(format!("{} masters lead", cluster.leaders()));
    }
    for service in &cluster.services {
        if service.has_left() {
            match service
                .framework()
                .filter(|id| known.frameworks.contains_key(id))
            {
                Some(id) => return Err(format!("{id} has left and is still there")),
                None => continue,
            }
        }
        let name = service.node.address();
        let mut frameworks = known.frameworks.values().filter(|framework| {
            framework
                .subscription()
                .is_some_and(|s| s.pid.address() == name)
        });
        let framework = frameworks
            .next()
            .ok_or(format!("the service at {name} is not subscribed"))?;
        if let Some(task) = framework.unreachable_tasks.keys().next() {
            return Err(format!("the master takes {task} for unreachable"));
        }
        let alive = framework.tasks.values();
        let alive = alive.filter(|task| !is_terminal(task.state()));
        let believed: BTreeSet<TaskId> = alive.map(|task| task.id().to_v1()).collect();
        same(
            &format!("the service at {name}"),
            &service.alive(),
            &believed,
        )?;
        if !service.is_content() {
            return Err(format!("{name} has {:?}", service.copies()));
        }
    }
    Ok(())
}

/// The tasks that an agent believes to be alive.
fn tasks_of(state: &State) -> BTreeSet<TaskId> {
    let tasks = state.executors().flat_map(|executor| {
        let queued = executor.queued.iter().map(|task| &task.task_id);
        queued.chain(executor.launched_tasks.keys())
    });
    tasks.cloned().collect()
}

fn same(who: &str, theirs: &BTreeSet<TaskId>, masters: &BTreeSet<TaskId>) -> Result<(), String> {
    let ghosts: Vec<_> = masters.difference(theirs).collect();
    let orphans: Vec<_> = theirs.difference(masters).collect();
    if ghosts.is_empty() && orphans.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{who}: only the master knows {ghosts:?}, the master does not know {orphans:?}"
    ))
}
