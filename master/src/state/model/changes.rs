//! The changes of a [`Cluster`] that touch more than one record.

use std::sync::Arc;

use mesos::resources::{Conversion, NotApplicable, Resources};
use mesos::v1::task_status::{Reason, Source};
use mesos::v1::{self, AgentId, ExecutorId, FrameworkId, OfferId, TaskId};
use uuid::Uuid;

use super::counts::is_terminal;
use super::{Agent, Cluster, CompletedTasks, Executor, Framework, Offer, Operation, Task};

/// Where a task goes when it leaves the framework's live tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The ring of completed tasks, of at most this many.
    Completed(usize),
    /// The tasks on unreachable agents, at most this many.
    Unreachable(usize),
}

impl Cluster {
    pub(crate) fn agent_mut(&mut self, id: &AgentId) -> Option<&mut Agent> {
        self.agents.get_mut(id).map(Arc::make_mut)
    }

    pub(crate) fn framework_mut(&mut self, id: &FrameworkId) -> Option<&mut Framework> {
        self.frameworks.get_mut(id).map(Arc::make_mut)
    }

    /// Adds tasks of one framework on one agent, replacing older records of the same ids, and charges their resources
    /// unless they hold none any more. Framework and agent must be known.
    pub(crate) fn add_tasks(
        &mut self,
        framework_id: &FrameworkId,
        agent_id: &AgentId,
        tasks: Vec<Task>,
    ) {
        let agent = self.agents.get_mut(agent_id).map(Arc::make_mut);
        let framework = self.frameworks.get_mut(framework_id).map(Arc::make_mut);
        let (Some(agent), Some(framework)) = (agent, framework) else {
            return;
        };
        let mut used = Resources::new();
        agent.tasks.reserve(tasks.len());
        for mut task in tasks {
            if let Some(lost) = framework.forget_unreachable(task.id()) {
                self.counts.leave(lost.state());
            }
            self.counts.enter(task.state());
            framework.counts.enter(task.state());
            if !task.holds_nothing() {
                used += &*task.resources;
            }
            task.resources = framework.shapes.share(task.resources);
            let id = task.id().clone();
            agent
                .tasks
                .insert((framework.shared_id.clone(), id.clone()));
            framework.tasks.insert(id, Arc::new(task));
        }
        change_used(agent, framework, |before| before + &used);
    }

    /// Adds a task, see [`Cluster::add_tasks`].
    #[cfg(test)]
    pub(crate) fn add_task(&mut self, task: Task) {
        let (framework, agent) = (task.framework_id().to_v1(), task.agent_id().to_v1());
        self.add_tasks(&framework, &agent, vec![task]);
    }

    /// Changes the record of a live task. A change of its state moves the counters along.
    /// Returns the resources the change set free, which are no longer charged.
    pub(crate) fn change_task(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        change: impl FnOnce(&mut Task),
    ) -> Option<Resources> {
        let framework = self.framework_mut(framework_id)?;
        let task = Arc::make_mut(framework.tasks.get_mut(task_id.as_str())?);
        let (before, held) = (task.state(), !task.holds_nothing());
        change(task);
        let after = task.state();
        let agent_id = task.agent_id().to_v1();
        let freed = (held && task.holds_nothing()).then(|| (*task.resources).clone());

        if before != after {
            framework.counts.leave(before);
            framework.counts.enter(after);
            self.counts.leave(before);
            self.counts.enter(after);
        }
        if let Some(resources) = &freed {
            self.discharge(framework_id, &agent_id, resources);
        }
        freed
    }

    /// Takes a task out of the live ones. Returns resources it still held.
    pub(crate) fn remove_task(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
        destination: Destination,
    ) -> Option<Resources> {
        let framework = self.framework_mut(framework_id)?;
        let task = framework.tasks.remove(task_id.as_str())?;
        let key = (framework.shared_id.clone(), task.id().clone());
        let state = task.state();
        let agent_id = task.agent_id().to_v1();
        let held = (!task.holds_nothing()).then(|| (*task.resources).clone());

        // Unreachable tasks stay visible as such, so their state is not left yet.
        if !matches!(destination, Destination::Unreachable(_)) {
            framework.counts.leave(state);
        }
        match destination {
            Destination::Completed(limit) => framework.completed_tasks.push(task, limit),
            Destination::Unreachable(limit) => {
                let forgotten = framework.remember_unreachable(task, limit);
                forgotten
                    .iter()
                    .for_each(|state| framework.counts.leave(*state));
                forgotten.iter().for_each(|state| self.counts.leave(*state));
            }
        }
        if !matches!(destination, Destination::Unreachable(_)) {
            self.counts.leave(state);
        }
        if let Some(agent) = self.agent_mut(&agent_id) {
            agent.tasks.remove(&key);
            agent
                .pending_kills
                .remove(&(framework_id.clone(), task_id.clone()));
        }
        if let Some(resources) = &held {
            self.discharge(framework_id, &agent_id, resources);
        }
        self.note_if_empty(&agent_id);
        held
    }

    /// Remembers a draining agent on which nothing is left. Of one that is away nobody knows.
    pub(crate) fn note_if_empty(&mut self, id: &AgentId) {
        let Some(drain) = self.drains.get(id) else {
            return;
        };
        let empty = |agent: &Arc<Agent>| {
            agent.connected && agent.tasks.is_empty() && agent.operations.is_empty()
        };
        if !drain.drained && self.agents.get(id).is_some_and(empty) {
            self.emptied.insert(id.clone());
        }
    }

    /// Forgets a task that was on an unreachable agent; returns its record.
    pub(crate) fn forget_unreachable(
        &mut self,
        framework_id: &FrameworkId,
        task_id: &TaskId,
    ) -> Option<Arc<Task>> {
        let framework = self.framework_mut(framework_id)?;
        let task = framework.forget_unreachable(task_id.as_str())?;
        self.counts.leave(task.state());
        Some(task)
    }

    /// Adds the record of a task that ended while it was in no list of live tasks.
    pub(crate) fn add_completed(&mut self, framework_id: &FrameworkId, task: Task, limit: usize) {
        let state = task.state();
        self.counts.enter(state);
        if let Some(framework) = self.framework_mut(framework_id) {
            framework.counts.enter(state);
            framework.completed_tasks.push(Arc::new(task), limit);
        }
    }

    /// Adds an ended task that an agent tells of to its framework, or to the completed one at `place`.
    pub(crate) fn remember_told(
        &mut self,
        place: Option<usize>,
        mut task: Task,
        ended: f64,
        limit: usize,
    ) {
        let of_completed = place.and_then(|place| self.completed_frameworks.get_mut(place));
        let framework = self.frameworks.get_mut(&task.framework_id().to_v1());
        if let Some(framework) = framework.or(of_completed).map(Arc::make_mut) {
            task.resources = framework.shapes.share(task.resources);
            let completed = &mut framework.completed_tasks;
            completed.insert_told(Arc::new(task), ended, limit);
        }
    }

    /// Adds a framework that only agents remember to the completed ones: the latest `limit`.
    pub(crate) fn hear_of_completed(&mut self, framework: Framework, limit: usize) {
        let completed = &mut self.completed_frameworks;
        let is_older = |other: &Arc<Framework>| other.unregistered <= framework.unregistered;
        let at = completed.iter().rposition(is_older);
        let at = at.map_or(0, |before| before + 1);
        // Of those that this master saw end each is worth more: they are refused when they come back.
        let oldest = completed.front().filter(|_| at > 0);
        if completed.len() >= limit && oldest.is_none_or(|oldest| !oldest.recovered()) {
            return;
        }
        completed.insert(at, Arc::new(framework));
        while completed.len() > limit {
            completed.pop_front();
        }
    }

    /// A framework of which only agents told is back: what they told is its history.
    pub(crate) fn take_told_of(&mut self, id: &FrameworkId) -> CompletedTasks {
        let completed = &mut self.completed_frameworks;
        let at = completed.iter().position(|framework| framework.id == *id);
        let framework = at.map(|at| completed.remove(at));
        framework.map_or_else(CompletedTasks::default, |framework| {
            framework.completed_tasks.clone()
        })
    }

    /// Adds an executor and charges its resources.
    pub(crate) fn add_executor(
        &mut self,
        framework_id: &FrameworkId,
        agent_id: &AgentId,
        executor: Executor,
    ) {
        let executor_id = executor.info.executor_id.clone();
        self.charge(framework_id, agent_id, &executor.resources);
        if let Some(framework) = self.framework_mut(framework_id) {
            framework
                .executors
                .insert((agent_id.clone(), executor_id.clone()));
        }
        if let Some(agent) = self.agent_mut(agent_id) {
            agent
                .executors
                .insert((framework_id.clone(), executor_id), Arc::new(executor));
        }
    }

    /// Removes an executor; returns the resources it held.
    pub(crate) fn remove_executor(
        &mut self,
        framework_id: &FrameworkId,
        agent_id: &AgentId,
        executor_id: &ExecutorId,
    ) -> Option<Resources> {
        let key = (framework_id.clone(), executor_id.clone());
        let executor = self.agent_mut(agent_id)?.executors.remove(&key)?;
        if let Some(framework) = self.framework_mut(framework_id) {
            framework
                .executors
                .remove(&(agent_id.clone(), executor_id.clone()));
        }
        self.discharge(framework_id, agent_id, &executor.resources);
        Some(executor.resources.clone())
    }

    /// Adds an outstanding offer.
    pub(crate) fn add_offer(&mut self, offer: Offer) {
        let id = offer.record.id.clone();
        if let Some(agent) = self.agent_mut(&offer.record.agent_id) {
            agent.offers.insert(id.clone());
            agent.change_offered(|offered| *offered += &offer.resources);
        }
        if let Some(framework) = self.framework_mut(&offer.record.framework_id) {
            framework.offers.insert(id.clone());
            framework.offered += offer.resources.clone();
        }
        self.offers.insert(id, Arc::new(offer));
    }

    /// Takes an offer out.
    pub(crate) fn remove_offer(&mut self, id: &OfferId) -> Option<Arc<Offer>> {
        let offer = self.offers.remove(id)?;
        if let Some(agent) = self.agent_mut(&offer.record.agent_id) {
            agent.offers.remove(id);
            agent.change_offered(|offered| *offered -= &offer.resources);
        }
        if let Some(framework) = self.framework_mut(&offer.record.framework_id) {
            framework.offers.remove(id);
            framework.offered -= offer.resources.clone();
        }
        Some(offer)
    }

    /// Adds an operation, replacing an older record of it.
    pub(crate) fn add_operation(&mut self, operation: Operation) {
        let uuid = operation.uuid;
        let agent = operation.record.agent_id.clone();
        if let Some(agent) = agent.and_then(|id| self.agent_mut(&id)) {
            agent.operations.insert(uuid);
        }
        let framework = operation.record.framework_id.clone();
        if let Some(framework) = framework.and_then(|id| self.framework_mut(&id))
            && let Some(id) = operation.id()
        {
            framework.operations.insert(id.clone(), uuid);
        }
        self.operations.insert(uuid, Arc::new(operation));
    }

    /// Takes an operation out.
    pub(crate) fn remove_operation(&mut self, uuid: &Uuid) -> Option<Arc<Operation>> {
        let operation = self.operations.remove(uuid)?;
        let record = &operation.record;
        if let Some(agent) = record.agent_id.as_ref().and_then(|id| self.agent_mut(id)) {
            agent.operations.remove(uuid);
        }
        let framework = record.framework_id.as_ref();
        if let Some(framework) = framework.and_then(|id| self.framework_mut(id))
            && let Some(id) = operation.id()
            && framework.operations.get(id) == Some(uuid)
        {
            framework.operations.remove(id);
        }
        if let Some(agent) = &record.agent_id {
            self.note_if_empty(agent);
        }
        Some(operation)
    }

    /// Changes what an agent has.
    pub(crate) fn convert_total(
        &mut self,
        agent: &AgentId,
        conversions: &[Conversion],
    ) -> Result<(), NotApplicable> {
        let Some(agent) = self.agent_mut(agent) else {
            return Ok(());
        };
        agent.total = Arc::new(agent.total.apply_all(conversions)?);
        Ok(())
    }

    fn charge(&mut self, framework_id: &FrameworkId, agent_id: &AgentId, resources: &Resources) {
        self.change_used(framework_id, agent_id, |used| used + resources);
    }

    fn discharge(&mut self, framework_id: &FrameworkId, agent_id: &AgentId, resources: &Resources) {
        self.change_used(framework_id, agent_id, |used| used - resources);
    }

    fn change_used(
        &mut self,
        framework_id: &FrameworkId,
        agent_id: &AgentId,
        change: impl FnOnce(&Resources) -> Resources,
    ) {
        let agent = self.agents.get_mut(agent_id).map(Arc::make_mut);
        let framework = self.frameworks.get_mut(framework_id).map(Arc::make_mut);
        if let (Some(agent), Some(framework)) = (agent, framework) {
            change_used(agent, framework, change);
        }
    }
}

/// Changes what a framework uses on an agent; both share the result.
fn change_used(
    agent: &mut Agent,
    framework: &mut Framework,
    change: impl FnOnce(&Resources) -> Resources,
) {
    let nothing = Resources::new();
    let used = agent.used.get(&*framework.shared_id);
    let used = Arc::new(change(used.map_or(&nothing, |used| used)));
    if used.is_empty() {
        agent.used.remove(&*framework.shared_id);
        framework.used.remove(&*agent.shared_id);
    } else {
        agent.used.insert(framework.shared_id.clone(), used.clone());
        framework.used.insert(agent.shared_id.clone(), used);
    }
}

impl Framework {
    /// Returns the states of tasks that had to be forgotten to make room.
    fn remember_unreachable(&mut self, task: Arc<Task>, limit: usize) -> Vec<v1::TaskState> {
        let id = task.id().clone();
        self.unreachable_tasks.insert(id.clone(), task);
        self.unreachable_order.push_back(id);
        let mut forgotten = Vec::new();
        while self.unreachable_order.len() > limit {
            let oldest = self.unreachable_order.pop_front();
            if let Some(task) = oldest.and_then(|id| self.unreachable_tasks.remove(&*id)) {
                forgotten.push(task.state());
            }
        }
        forgotten
    }

    /// Forgets a task that was on an unreachable agent; returns its record.
    fn forget_unreachable(&mut self, id: &str) -> Option<Arc<Task>> {
        if self.unreachable_tasks.is_empty() {
            return None;
        }
        let task = self.unreachable_tasks.remove(id)?;
        self.unreachable_order.retain(|kept| **kept != *id);
        self.counts.leave(task.state());
        Some(task)
    }

    /// Forgets completed records of a task that turned out to be alive.
    pub(crate) fn forget_completed(&mut self, id: &str) {
        self.completed_tasks.forget(id);
    }
}

impl Cluster {
    /// Counts one ending for the metrics by reason.
    pub(crate) fn count_reason(&mut self, status: &v1::TaskStatus) {
        let (Some(source), Some(reason)) = (status.source, status.reason) else {
            return;
        };
        // Executors choose these numbers; only those that mean something are counted.
        let known = Source::try_from(source).is_ok() && Reason::try_from(reason).is_ok();
        if known && is_terminal(status.state()) {
            let key = (status.state, source, reason);
            *self.reasons.entry(key).or_insert(0) += 1;
        }
    }
}
