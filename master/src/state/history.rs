//! What is over: agents remember it, and a master that did not see it hears of it when they come back (Mesos'
//! `docs/high-availability.md`). Nothing is decided by it, it is shown.

use mesos::v1::{self, AgentId, FrameworkId, FrameworkInfo};
use mesos::wire::Packed;

use super::agents::History;
use super::reregister::adopted;
use super::{Framework, State, Task, Timestamp, ToldTask};

impl State {
    /// Takes over what an agent remembers, as far as there is room for it. An agent that stayed registered all the
    /// time has nothing to tell: this master has seen it all.
    pub(super) fn adopt_history(&mut self, agent: &AgentId, history: History) {
        for info in history.frameworks {
            self.hear_of_ended(info, &history.tasks);
        }
        // The latest first: where there is no room for one, there is none for those before it.
        for task in history.tasks.iter().map(ToldTask::from).rev() {
            self.adopt_ended(agent, &task);
        }
    }

    /// A framework that nobody knows and that runs nothing where it is remembered is shown as completed. It may
    /// have been without tasks only: other than one that was [removed](State::remove_framework) it may come back.
    fn hear_of_ended(&mut self, info: FrameworkInfo, tasks: &[Packed<v1::Task>]) {
        let Some(id) = info.id.clone().filter(|id| !id.value.is_empty()) else {
            return;
        };
        if self.cluster.framework(&id).is_some() || self.completed_framework(&id).is_some() {
            return;
        }
        let own = (tasks.iter().map(ToldTask::from)).filter(|task| task.framework_id == id.value);
        let end = own.map(|task| task.ended()).fold(0.0, f64::max);
        let end = Timestamp::from_secs(end as i64);
        let framework = Framework {
            unregistered: Some(end),
            ..Framework::new(end, info)
        };
        self.cluster
            .hear_of_completed(framework, self.config.max_completed_frameworks);
    }

    fn adopt_ended(&mut self, agent: &AgentId, task: &ToldTask<'_>) {
        let Some(state) = task.state().filter(|state| super::is_terminal(*state)) else {
            return;
        };
        let Some(known) = self.cluster.agent(agent) else {
            return;
        };
        let (end, limit) = (task.ended(), self.config.max_completed_tasks_per_framework);
        let framework_id = FrameworkId::from(task.framework_id);
        let (framework, place) = match self.cluster.framework(&framework_id) {
            Some(framework) => (framework, None),
            None => match self.completed_framework(&framework_id) {
                Some(place) => (&self.cluster.completed_frameworks[place], Some(place)),
                None => return,
            },
        };
        let id = task.id;
        // Asked first, as there is no room for most of what agents tell of.
        if !framework.completed_tasks.wants(id, agent, end, limit) {
            return;
        }
        // Its framework has used the id again.
        if framework.tasks.contains_key(id) || framework.unreachable_tasks.contains_key(id) {
            return;
        }
        let Some(resources) = adopted(framework, &mut task.resources()) else {
            return;
        };
        let (resources, framework_id) = (resources.into(), &framework.shared_id);
        let task = Task::told(task, state, resources, framework_id, &known.shared_id);
        self.cluster.remember_told(place, task, end, limit);
    }

    /// Where a framework stands among the completed.
    fn completed_framework(&self, id: &FrameworkId) -> Option<usize> {
        let mut completed = self.cluster.completed_frameworks.iter();
        completed.position(|framework| framework.id == *id)
    }
}
