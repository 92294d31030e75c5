//! The tasks of a framework that have ended.

use std::cmp::Ordering;
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use mesos::v1::{AgentId, TaskId};

use crate::state::{Id, Task};

/// Ended tasks, oldest first, of which the oldest are forgotten.
///
/// ```text
/// | told by agents, by when they ended | ended before this master's eyes, in that order |
/// ```
///
/// Those of the left part ended in the time of another master. They make room first.
#[derive(Clone, Debug, Default)]
pub struct CompletedTasks {
    /// Those of the left part.
    told: OrdMap<End, Arc<Task>>,
    /// Those of the right part.
    seen: Vector<Arc<Task>>,
    /// How often each id is among them: a framework may use it again for another task.
    ids: OrdMap<Id<TaskId>, u32>,
    /// How many were ever told of.
    heard: u64,
}

/// When a task ended of which an agent told.
#[derive(Clone, Copy, Debug)]
struct End {
    /// In seconds since the epoch.
    at: f64,
    /// Of those that ended at once the one that was told of last stands first: agents tell of the latest first.
    heard: u64,
}

impl Ord for End {
    fn cmp(&self, other: &End) -> Ordering {
        let later = self.at.total_cmp(&other.at);
        later.then(other.heard.cmp(&self.heard))
    }
}

impl PartialOrd for End {
    fn partial_cmp(&self, other: &End) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for End {
    fn eq(&self, other: &End) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for End {}

impl CompletedTasks {
    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Task>> + Clone {
        let told = self.told.iter().map(|(_, task)| task);
        told.chain(&self.seen)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.told.len() + self.seen.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds one that has just ended; keeps the latest `limit`.
    pub(super) fn push(&mut self, task: Arc<Task>, limit: usize) {
        self.note(task.id().clone());
        self.seen.push_back(task);
        self.shrink(limit);
    }

    /// Whether one that an agent tells of, and that ended then, is news and among the latest `limit`.
    pub(crate) fn wants(&self, id: &str, agent: &AgentId, ended: f64, limit: usize) -> bool {
        let ended_before = |first: &(End, Arc<Task>)| first.0.at < ended;
        let has_room = self.len() < limit || self.told.get_min().is_some_and(ended_before);
        let is_it = |task: &Arc<Task>| **task.id() == *id && task.agent_id().is(agent);
        has_room && !(self.ids.contains_key(id) && self.iter().any(is_it))
    }

    /// Adds one that is [wanted](Self::wants).
    pub(super) fn insert_told(&mut self, task: Arc<Task>, ended: f64, limit: usize) {
        self.note(task.id().clone());
        let (at, heard) = (ended, self.heard);
        self.heard += 1;
        self.told.insert(End { at, heard }, task);
        self.shrink(limit);
    }

    /// Forgets a task that turned out to be alive.
    pub(super) fn forget(&mut self, id: &str) {
        if self.ids.remove(id).is_none() {
            return;
        }
        let is_it = |task: &Arc<Task>| **task.id() == *id;
        while let Some(end) = (self.told.iter().find(|(_, task)| is_it(task))).map(|(end, _)| *end)
        {
            self.told.remove(&end);
        }
        self.seen.retain(|task| !is_it(task));
    }

    fn note(&mut self, id: Id<TaskId>) {
        *self.ids.entry(id).or_insert(0) += 1;
    }

    fn shrink(&mut self, limit: usize) {
        while self.len() > limit {
            let Some(oldest) = self.take_oldest() else {
                return;
            };
            match self.ids.get_mut(&**oldest.id()) {
                Some(times) if *times > 1 => *times -= 1,
                _ => {
                    self.ids.remove(&**oldest.id());
                }
            }
        }
    }

    fn take_oldest(&mut self) -> Option<Arc<Task>> {
        match self.told.get_min().map(|(end, _)| *end) {
            Some(end) => self.told.remove(&end),
            None => self.seen.pop_front(),
        }
    }
}

#[cfg(test)]
impl FromIterator<Arc<Task>> for CompletedTasks {
    fn from_iter<I: IntoIterator<Item = Arc<Task>>>(tasks: I) -> Self {
        let mut completed = CompletedTasks::default();
        for task in tasks {
            completed.push(task, usize::MAX);
        }
        completed
    }
}

#[cfg(test)]
mod tests {
    use mesos::resources::Resources;
    use mesos::v1;

    use super::*;

    fn task(id: &str, agent: &str) -> Arc<Task> {
        let record = v1::Task {
            task_id: id.into(),
            agent_id: agent.into(),
            state: v1::TaskState::TaskFinished as i32,
            ..Default::default()
        };
        Arc::new(Task::new(&record, Resources::new()))
    }

    impl CompletedTasks {
        fn hear(&mut self, id: &str, agent: &str, ended: f64, limit: usize) {
            if self.wants(id, &agent.into(), ended, limit) {
                self.insert_told(task(id, agent), ended, limit);
            }
        }

        fn names(&self) -> Vec<&str> {
            self.iter().map(|task| &**task.id()).collect()
        }
    }

    #[test]
    fn what_agents_tell_is_sorted_by_its_end_and_stands_before_what_was_seen() {
        let mut tasks = CompletedTasks::default();
        tasks.push(task("seen", "a"), 10);
        for (id, ended) in [("c", 3.0), ("a", 1.0), ("b", 2.0)] {
            tasks.hear(id, "a", ended, 10);
        }
        tasks.push(task("seen later", "a"), 10);
        assert_eq!(tasks.names(), ["a", "b", "c", "seen", "seen later"]);
    }

    #[test]
    fn the_latest_are_kept_and_what_was_seen_before_what_was_told() {
        let mut tasks = CompletedTasks::default();
        for (id, ended) in [("c", 3.0), ("a", 1.0), ("b", 2.0)] {
            tasks.hear(id, "a", ended, 2);
        }
        assert_eq!(tasks.names(), ["b", "c"]);
        tasks.push(task("seen", "a"), 2);
        assert_eq!(tasks.names(), ["c", "seen"]);
        tasks.hear("b", "a", 2.0, 2);
        assert_eq!(tasks.names(), ["c", "seen"], "older than what is kept");
        tasks.push(task("seen later", "a"), 2);
        tasks.hear("d", "a", 4.0, 2);
        assert_eq!(tasks.names(), ["seen", "seen later"]);
    }

    #[test]
    fn what_is_known_is_not_doubled() {
        let mut tasks = CompletedTasks::default();
        tasks.push(task("t", "a"), 10);
        tasks.hear("t", "a", 1.0, 10);
        assert_eq!(tasks.len(), 1);
        // The same id, used again on another agent, is another task.
        tasks.hear("t", "b", 1.0, 10);
        tasks.hear("t", "b", 1.0, 10);
        assert_eq!(tasks.len(), 2);
    }

    #[test]
    fn what_turns_out_to_be_alive_is_forgotten_wherever_it_stands() {
        let mut tasks = CompletedTasks::default();
        for id in ["t", "u", "t"] {
            tasks.push(task(id, "a"), 10);
        }
        tasks.hear("t", "b", 1.0, 10);
        tasks.hear("v", "b", 2.0, 10);
        tasks.forget("t");
        assert_eq!(tasks.names(), ["v", "u"]);
        assert!(tasks.wants("t", &"b".into(), 1.0, 10));
        tasks.push(task("w", "a"), 2);
        assert_eq!(tasks.names(), ["u", "w"], "the told one made room");
    }
}
