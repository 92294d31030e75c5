//! Histories without HTTP.

use std::sync::Arc;

use futures_util::FutureExt;
use mesos::v1::master::event::Type;
use mesos::v1::{TaskState, TaskStatus};

use super::{End, Entry, History, SubscribeError, Subscription};
use crate::documents::samples;
use crate::state::{Cluster, Destination, Timestamp};

const MANY: usize = 1_000;

/// A history with the cluster it is of.
struct World {
    history: Arc<History>,
    cluster: Cluster,
}

impl World {
    fn new() -> World {
        World {
            history: Arc::new(History::new("epoch".to_owned())),
            cluster: samples::view().cluster,
        }
    }

    fn follow(&self, from: Option<u64>) -> Result<(u64, Subscription), SubscribeError> {
        self.follow_at_most(from, MANY)
    }

    fn follow_at_most(
        &self,
        from: Option<u64>,
        max: usize,
    ) -> Result<(u64, Subscription), SubscribeError> {
        let from = from.map(|number| self.history.revision(number));
        let published = || self.cluster.clone();
        let (start, subscription) = self.history.subscribe(published, from.as_ref(), max)?;
        assert_eq!(start.snapshot.is_some(), from.is_none());
        Ok((start.revision.number, subscription))
    }

    fn change(&mut self, change: impl FnOnce(&mut Cluster)) {
        change(&mut self.cluster);
        self.history.note(&self.cluster);
        self.history.write_down();
    }

    /// An event each.
    fn update_tasks(&mut self, times: usize) {
        for number in 0..times {
            let status = TaskStatus {
                task_id: "running".into(),
                state: TaskState::TaskRunning as i32,
                timestamp: Some(number as f64),
                ..Default::default()
            };
            self.change(|cluster| {
                cluster.change_task(&"m-0000".into(), &"running".into(), |task| {
                    task.remember(status);
                });
            });
        }
    }
}

fn next(subscription: &mut Subscription) -> Option<Result<Arc<Entry>, End>> {
    subscription.next().now_or_never()
}

/// The types of all events that are there.
fn types(subscription: &mut Subscription) -> Vec<Type> {
    let events = std::iter::from_fn(|| next(subscription));
    let entries = events.map(|entry| entry.expect("it goes on"));
    entries.map(|entry| entry.event.r#type()).collect()
}

#[test]
fn each_change_is_told_once_and_in_order() {
    let mut world = World::new();
    let (start, mut subscription) = world.follow(None).unwrap();
    world.change(|_| {});
    assert_eq!(types(&mut subscription), []);

    // A framework and an agent come with a task, and all go.
    let framework = world.cluster.frameworks[&"m-0000".into()].clone();
    let agent = world.cluster.agents[&"m-S0".into()].clone();
    world.change(|cluster| {
        cluster.frameworks.remove(&"m-0000".into());
        cluster.agents.remove(&"m-S0".into());
        let mut ended = (*framework).clone();
        ended.tasks = Default::default();
        cluster.completed_frameworks.push_back(Arc::new(ended));
    });
    let gone = types(&mut subscription);
    assert_eq!(gone, [Type::AgentRemoved, Type::FrameworkRemoved]);
    world.change(|cluster| {
        cluster.agents.insert("m-S0".into(), agent);
        cluster.frameworks.insert("m-0000".into(), framework);
    });
    let come = types(&mut subscription);
    let expected = [Type::FrameworkAdded, Type::AgentAdded, Type::TaskAdded];
    assert_eq!(come, expected);
    assert_eq!(subscription.revision().number, start + 5);
}

#[test]
fn tasks_are_followed_wherever_they_are_kept() {
    let mut world = World::new();
    let (_, mut subscription) = world.follow(None).unwrap();
    let (framework, task) = ("m-0000".into(), mesos::v1::TaskId::new("running"));
    let state = |state: TaskState| {
        move |task: &mut crate::state::Task| {
            task.set_state(state);
            task.remember(TaskStatus {
                state: state as i32,
                ..Default::default()
            });
        }
    };
    // In one step, as on the loss of an agent.
    world.change(|cluster| {
        cluster.change_task(&framework, &task, state(TaskState::TaskUnreachable));
        cluster.remove_task(&framework, &task, Destination::Unreachable(10));
    });
    let entry = next(&mut subscription).unwrap().unwrap();
    let updated = entry.event.task_updated.clone().unwrap();
    assert_eq!(updated.state(), TaskState::TaskUnreachable);
    assert_eq!(updated.status.state(), TaskState::TaskUnreachable);

    let was = world.cluster.frameworks[&"m-0000".into()].unreachable_tasks[task.as_str()].clone();
    world.change(|cluster| {
        let mut back = (*was).clone();
        state(TaskState::TaskRunning)(&mut back);
        cluster.add_task(back);
    });
    assert_eq!(types(&mut subscription), [Type::TaskUpdated]);
    world.change(|cluster| {
        cluster.change_task(&framework, &task, state(TaskState::TaskKilling));
        cluster.change_task(&framework, &task, state(TaskState::TaskFinished));
        cluster.remove_task(&framework, &task, Destination::Completed(10));
    });
    let both = [Type::TaskUpdated, Type::TaskUpdated];
    assert_eq!(types(&mut subscription), both);
}

#[test]
fn frameworks_and_agents_are_told_again_when_they_return() {
    let mut world = World::new();
    let (_, mut subscription) = world.follow(None).unwrap();
    let later = Timestamp::from_secs(5_000);
    world.change(|cluster| {
        cluster.framework_mut(&"m-0000".into()).unwrap().active = false;
    });
    assert_eq!(types(&mut subscription), [Type::FrameworkUpdated]);
    world.change(|cluster| {
        cluster.agent_mut(&"m-S0".into()).unwrap().reregistered = Some(later);
    });
    assert_eq!(types(&mut subscription), [Type::AgentAdded]);
    // What is offered and used is no event.
    world.change(|cluster| {
        let offers: Vec<_> = cluster.offers.keys().cloned().collect();
        for offer in offers {
            cluster.remove_offer(&offer);
        }
    });
    assert_eq!(types(&mut subscription), []);
}

#[test]
fn who_comes_back_goes_on_where_it_was() {
    let mut world = World::new();
    let (_, mut subscription) = world.follow(None).unwrap();
    world.update_tasks(3);
    next(&mut subscription).unwrap().unwrap();
    let seen = subscription.revision().number;
    drop(subscription);
    assert_eq!(world.history.subscribers(), 0);
    world.update_tasks(2);
    let (again, mut subscription) = world.follow(Some(seen)).unwrap();
    assert_eq!(again, seen);
    assert_eq!(types(&mut subscription).len(), 4);

    let ahead = world.follow(Some(seen + 1_000)).unwrap_err();
    assert_eq!(
        ahead,
        SubscribeError::Ahead(world.history.revision(seen + 1_000))
    );
    let mut other = world.history.revision(seen);
    other.epoch = "of an earlier leader".to_owned();
    let published = || world.cluster.clone();
    let refused = world.history.subscribe(published, Some(&other), MANY);
    assert!(matches!(refused, Err(SubscribeError::Gone(..))));
}

#[test]
fn who_does_not_read_is_disconnected_and_holds_up_nobody() {
    let mut world = World::new();
    let (start, mut slow) = world.follow(None).unwrap();
    let (_, mut quick) = world.follow(None).unwrap();
    let mut read = 0;
    for _ in 0..20 {
        world.update_tasks(1_000);
        read += types(&mut quick).len();
    }
    assert_eq!(read, 20_000);
    assert_eq!(next(&mut slow).unwrap().unwrap_err(), End::Slow);
    assert_eq!(slow.ending().ended().now_or_never(), Some(End::Slow));
    assert_eq!(world.history.disconnected(), (1, 0));
    assert_eq!(world.history.subscribers(), 1);
    let gone = world.follow(Some(start)).unwrap_err();
    assert!(matches!(gone, SubscribeError::Gone(..)), "{gone}");
}

#[test]
fn of_too_many_the_oldest_goes() {
    let mut world = World::new();
    let (_, mut oldest) = world.follow_at_most(None, 2).unwrap();
    let (_, mut second) = world.follow_at_most(None, 2).unwrap();
    let (_, mut third) = world.follow_at_most(None, 2).unwrap();
    world.update_tasks(1);
    assert_eq!(next(&mut oldest).unwrap().unwrap_err(), End::Crowded);
    assert_eq!(types(&mut second).len(), 1);
    assert_eq!(types(&mut third).len(), 1);
    assert_eq!(world.history.disconnected(), (0, 1));
}

#[test]
fn nothing_is_kept_for_nobody() {
    let mut world = World::new();
    world.update_tasks(1);
    let (start, subscription) = world.follow(None).unwrap();
    drop(subscription);
    // Whoever may come back is waited for as long as a history is.
    world.update_tasks(20_000);
    assert!(matches!(
        world.follow(Some(start)),
        Err(SubscribeError::Gone(..))
    ));
    let (again, _) = world.follow(None).unwrap();
    assert!(again > start);
}

#[test]
fn the_end_of_a_leadership_is_the_end_of_its_history() {
    let mut world = World::new();
    let (_, mut subscription) = world.follow(None).unwrap();
    world.update_tasks(1);
    world.history.end();
    assert_eq!(next(&mut subscription).unwrap().unwrap_err(), End::Over);
    assert_eq!(world.follow(None).unwrap_err(), SubscribeError::Over);
}
