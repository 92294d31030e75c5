//! No task is killed that nobody wanted killed: not by a new leader, and not by one that leads again.

use std::collections::BTreeMap;

use frameworks::keep_running::Copy;
use mesos::v1::TaskState;
use mesos::v1::task_status::Reason;

use super::{Invariant, Sight};
use crate::sim::{Service, Told};

/// A task that its service wants to run is killed only because its agent is drained. What its framework's end kills,
/// nobody is told; and what a service asked for in an earlier life it does not remember.
#[derive(Default)]
pub struct KilledOnRequest {
    /// Updates that were looked at, by service.
    known: BTreeMap<usize, usize>,
}

impl Invariant for KilledOnRequest {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        for (number, service) in sight.cluster.services.iter().enumerate() {
            let known = self.known.entry(number).or_insert(0);
            for told in service.heard.after(*known) {
                *known += 1;
                if !is_wanted(service, &told) {
                    let task = &told.status.task_id;
                    return Err(format!("{task} was killed: {}", told.status.message()));
                }
            }
        }
        Ok(())
    }
}

fn is_wanted(service: &Service, told: &Told) -> bool {
    let status = &told.status;
    let killed = status.state() == TaskState::TaskKilled;
    let was_to_run = matches!(told.before, Some(Copy::Launched | Copy::Running));
    let drained = status.reason() == Reason::AgentDraining;
    !killed || !was_to_run || drained || service.inherited().contains_key(&status.task_id)
}
