//! What an executor has not been given yet.

use std::sync::Arc;

use imbl::Vector;
use mesos::v1::executor::{Event, event};
use mesos::v1::{TaskGroupInfo, TaskId, TaskInfo};

/// What one event hands over.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// A task.
    Task(Arc<TaskInfo>),
    /// Tasks that run together or not at all.
    Group(Vec<Arc<TaskInfo>>),
}

impl Delivery {
    /// Its tasks.
    pub fn tasks(&self) -> &[Arc<TaskInfo>] {
        match self {
            Delivery::Task(task) => std::slice::from_ref(task),
            Delivery::Group(tasks) => tasks,
        }
    }

    /// The event.
    pub fn event(&self) -> Event {
        match self {
            Delivery::Task(task) => Event {
                r#type: Some(event::Type::Launch as i32),
                launch: Some(event::Launch {
                    task: task.as_ref().clone(),
                }),
                ..Default::default()
            },
            Delivery::Group(tasks) => {
                let tasks = tasks.iter().map(|task| task.as_ref().clone()).collect();
                Event {
                    r#type: Some(event::Type::LaunchGroup as i32),
                    launch_group: Some(event::LaunchGroup {
                        task_group: TaskGroupInfo { tasks },
                    }),
                    ..Default::default()
                }
            }
        }
    }

    fn has(&self, id: &TaskId) -> bool {
        self.tasks().iter().any(|task| task.task_id == *id)
    }
}

/// Deliveries in the order in which they came. Bounded by what the agent has: each of their tasks takes some of it.
#[derive(Clone, Debug, Default)]
pub struct Queue(Vector<Delivery>);

impl Queue {
    /// Adds one at the end.
    pub fn push(&mut self, delivery: Delivery) {
        self.0.push_back(delivery);
    }

    /// Its tasks.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TaskInfo>> {
        self.0.iter().flat_map(Delivery::tasks)
    }

    /// How many tasks it has.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether it has no task.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Whether it has this task.
    pub fn has(&self, id: &TaskId) -> bool {
        self.0.iter().any(|delivery| delivery.has(id))
    }

    /// The tasks that are to be handed over together with a task, itself included.
    pub fn together_with(&self, id: &TaskId) -> Vec<TaskId> {
        let delivery = self.0.iter().find(|delivery| delivery.has(id));
        let tasks = delivery.into_iter().flat_map(Delivery::tasks);
        tasks.map(|task| task.task_id.clone()).collect()
    }

    /// Takes a task out. What is left of its group stays.
    pub fn take(&mut self, id: &TaskId) -> Option<Arc<TaskInfo>> {
        let at = self.0.iter().position(|delivery| delivery.has(id))?;
        match self.0.get_mut(at)? {
            Delivery::Group(tasks) if tasks.len() > 1 => {
                let within = tasks.iter().position(|task| task.task_id == *id)?;
                Some(tasks.remove(within))
            }
            _ => self.0.remove(at).tasks().first().cloned(),
        }
    }

    /// Takes everything out, to be handed over.
    pub fn drain(&mut self) -> Vector<Delivery> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(id: &str) -> Arc<TaskInfo> {
        Arc::new(TaskInfo {
            task_id: id.into(),
            ..Default::default()
        })
    }

    #[test]
    fn a_group_stays_together_until_it_is_empty() {
        let mut queue = Queue::default();
        queue.push(Delivery::Task(task("a")));
        queue.push(Delivery::Group(vec![task("b"), task("c")]));
        assert_eq!(queue.len(), 3);
        assert_eq!(queue.together_with(&"a".into()), ["a".into()]);
        assert_eq!(queue.together_with(&"c".into()), ["b".into(), "c".into()]);
        assert!(queue.together_with(&"d".into()).is_empty());
        let taken = queue.take(&"b".into()).expect("queued");
        assert_eq!(taken.task_id, "b".into());
        assert!(queue.take(&"b".into()).is_none());
        assert_eq!(queue.together_with(&"c".into()), ["c".into()]);
        assert!(queue.take(&"c".into()).is_some());
        assert_eq!(queue.drain().len(), 1);
        assert!(queue.is_empty());
    }
}
