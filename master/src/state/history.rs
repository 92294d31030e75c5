//! What is over: agents remember it, and a master that did not see it hears of it when they come back (Mesos'
//! `docs/high-availability.md`). Nothing is decided by it, it is shown.

use mesos::resources::Resources;
use mesos::v1::{self, AgentId, FrameworkId, FrameworkInfo};

use super::agents::History;
use super::{Framework, State, Task, Timestamp};
use crate::validation::resources::inject_role;

impl State {
    /// Takes over what an agent remembers, as far as there is room for it. An agent that stayed registered all the
    /// time has nothing to tell: this master has seen it all.
    pub(super) fn adopt_history(&mut self, agent: &AgentId, history: History) {
        for info in history.frameworks {
            self.hear_of_ended(info, &history.tasks);
        }
        for task in history.tasks {
            self.adopt_ended(agent, task);
        }
    }

    /// A framework that nobody knows and that runs nothing where it is remembered is shown as completed. It may
    /// have been without tasks only: other than one that was [removed](State::remove_framework) it may come back.
    fn hear_of_ended(&mut self, info: FrameworkInfo, tasks: &[v1::Task]) {
        let Some(id) = info.id.clone().filter(|id| !id.value.is_empty()) else {
            return;
        };
        if self.cluster.framework(&id).is_some() || self.completed_framework(&id).is_some() {
            return;
        }
        let own = tasks.iter().filter(|task| task.framework_id == id);
        let end = Timestamp::from_secs(own.map(ended).fold(0.0, f64::max) as i64);
        let framework = Framework {
            unregistered: Some(end),
            ..Framework::new(end, info)
        };
        self.cluster
            .hear_of_completed(framework, self.config.max_completed_frameworks);
    }

    fn adopt_ended(&mut self, agent: &AgentId, mut task: v1::Task) {
        let is_over = v1::TaskState::try_from(task.state).is_ok_and(super::is_terminal);
        if !is_over {
            return;
        }
        let Some(known) = self.cluster.agent(agent) else {
            return;
        };
        let (end, limit) = (ended(&task), self.config.max_completed_tasks_per_framework);
        let place = self.completed_framework(&task.framework_id);
        let framework = match (self.cluster.framework(&task.framework_id), place) {
            (Some(framework), _) => framework,
            (None, Some(place)) => &self.cluster.completed_frameworks[place],
            (None, None) => return,
        };
        let id = task.task_id.as_str();
        // Its framework has used the id again.
        let lives =
            framework.tasks.contains_key(id) || framework.unreachable_tasks.contains_key(id);
        let completed = &framework.completed_tasks;
        if lives || !completed.wants(&task.task_id, agent, end, limit) {
            return;
        }
        let role = framework.roles.iter().next().map_or("*", String::as_str);
        inject_role(&mut task.resources, role);
        let Ok(resources) = Resources::from_v1(&task.resources) else {
            return;
        };
        let task = Task::of(task, resources, &framework.shared_id, &known.shared_id);
        self.cluster.remember_told(place, task, end, limit);
    }

    /// Where a framework stands among the completed.
    fn completed_framework(&self, id: &FrameworkId) -> Option<usize> {
        let mut completed = self.cluster.completed_frameworks.iter();
        completed.position(|framework| framework.id == *id)
    }
}

/// When a task ended, in seconds since the epoch; long ago if it does not say.
fn ended(task: &v1::Task) -> f64 {
    let last = task.statuses.last().and_then(|status| status.timestamp);
    last.filter(|at| at.is_finite()).unwrap_or(0.0)
}
