//! Per agent: offered + used ≤ total, but for what is lent and may be less the next moment; and what is used is what tasks and executors hold.

use master::state::{Agent, holds_nothing};
use mesos::resources::Resources;

use super::Sight;

/// In the master's latest view.
///
/// # Errors
///
/// The agent of which it does not hold.
pub fn check(sight: &Sight<'_>) -> Result<(), String> {
    let Some(view) = &sight.view else {
        return Ok(());
    };
    for agent in view.cluster.agents.values() {
        let spent = agent.used_total().unallocate() + agent.offered().unallocate();
        if !agent.total.contains(&spent.non_revocable()) {
            let Agent { id, total, .. } = agent.as_ref();
            return Err(format!(
                "{id} has {total}, of which {spent} is used or offered"
            ));
        }
        let tasks = view.cluster.tasks_on(&agent.id);
        let alive = tasks.iter().filter(|task| !holds_nothing(task.state()));
        let held = alive.map(|task| &*task.resources);
        let executors = agent.executors.values().map(|executor| &executor.resources);
        let held = held
            .chain(executors)
            .fold(Resources::new(), |sum, one| sum + one.clone());
        let used = agent.used_total();
        if held != used {
            return Err(format!("{}: {used} is used, but {held} is held", agent.id));
        }
    }
    Ok(())
}
