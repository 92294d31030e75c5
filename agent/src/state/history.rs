//! What is over, for masters that did not see it (Mesos' `docs/high-availability.md`).

use std::sync::Arc;

use mesos::v1::{FrameworkInfo, Task};
use mesos::wire::Packed;

use super::{Executor, Framework, State, status};

impl State {
    /// Frameworks of which only history is left here.
    pub(super) fn ended_frameworks(&self) -> impl Iterator<Item = FrameworkInfo> {
        let ended = self.completed_frameworks.iter();
        ended.map(|framework| framework.info.as_ref().clone())
    }

    /// Tasks whose end was acknowledged, oldest first: the latest, as many as fit into so many bytes.
    pub(super) fn latest_ended_tasks(&self, bytes: usize) -> Vec<Packed<Task>> {
        let live = self.frameworks.values().filter(|f| !f.terminating);
        let all = live.chain(&self.completed_frameworks);
        let mut tasks: Vec<(f64, &Arc<Task>)> = all
            .flat_map(ended_tasks)
            .map(|task| (end(task), task))
            .collect();
        tasks.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let mut left = bytes;
        let fitting = tasks.into_iter().rev().map_while(|(_, task)| {
            let packed = Packed::new(task.as_ref());
            left = left.checked_sub(packed.encoded_len())?;
            Some(packed)
        });
        let mut fitting: Vec<_> = fitting.collect();
        fitting.reverse();
        fitting
    }
}

/// An executor that has not been removed reports the ends that are not acknowledged by itself.
fn ended_tasks(framework: &Framework) -> impl Iterator<Item = &Arc<Task>> {
    let reported = framework
        .executors
        .values()
        .flat_map(|e| &e.completed_tasks);
    let past = framework.completed_executors.iter();
    reported.chain(past.flat_map(|executor| all_ended(executor)))
}

/// Nobody acknowledges any more what an executor left behind whose framework was ended.
fn all_ended(executor: &Executor) -> impl Iterator<Item = &Arc<Task>> {
    let left_behind = executor.terminated_tasks.values();
    left_behind.chain(&executor.completed_tasks)
}

fn end(task: &Task) -> f64 {
    let last = task
        .statuses
        .last()
        .filter(|s| status::is_terminal(s.state));
    last.and_then(|status| status.timestamp).unwrap_or_default()
}
