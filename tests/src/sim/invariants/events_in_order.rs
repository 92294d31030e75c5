//! Whoever follows the events of a leader is told everything once, in order, also when he comes back.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use master::events::{Start, Subscription};
use master::view::View;
use mesos::task_state::is_terminal;
use mesos::v1::master::Event;
use mesos::v1::{TaskId, TaskState};

use super::{Invariant, Sight};

/// More than there are.
const SUBSCRIBERS: usize = 10;

/// He leaves and comes back after so many events.
const LEAVES_AFTER: u64 = 7;

/// One follower.
#[derive(Default)]
pub struct EventsInOrder {
    follower: Option<Follower>,
}

struct Follower {
    master: String,
    subscription: Subscription,
    /// The number of the event that was told last.
    last: u64,
    tasks: BTreeMap<TaskId, TaskState>,
}

impl Invariant for EventsInOrder {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        let view = sight.view.as_ref();
        let Some(view) = view.filter(|view| view.leads() && !view.is_recovering()) else {
            self.follower = None;
            return Ok(());
        };
        let follower = self.follower.take().filter(|f| f.master == view.master.id);
        let Some(mut follower) = follower.or_else(|| Follower::begin(view)) else {
            return Ok(());
        };
        if follower.listen(view)? {
            self.follower = Some(follower);
        }
        Ok(())
    }
}

impl Follower {
    fn begin(view: &View) -> Option<Follower> {
        let published = || view.cluster.clone();
        let (start, subscription) = view.events.subscribe(published, None, SUBSCRIBERS).ok()?;
        Some(Follower {
            master: view.master.id.clone(),
            subscription,
            last: start.revision.number,
            tasks: start.snapshot.as_ref().map(tasks).unwrap_or_default(),
        })
    }

    /// Hears what was told by now; whether there may be more.
    fn listen(&mut self, view: &View) -> Result<bool, String> {
        loop {
            let entry = match now(self.subscription.next()) {
                Poll::Pending => return Ok(true),
                // The leader has gone, or told more than is kept.
                Poll::Ready(Err(_)) => return Ok(false),
                Poll::Ready(Ok(entry)) => entry,
            };
            let number = self.subscription.revision().number;
            if number != self.last + 1 {
                let last = self.last;
                return Err(format!("event {number} was told after event {last}"));
            }
            self.last = number;
            self.hear(&entry.event)?;
            if number.is_multiple_of(LEAVES_AFTER) {
                let from = self.subscription.revision();
                let published = || view.cluster.clone();
                let again = view.events.subscribe(published, Some(&from), SUBSCRIBERS);
                let Ok((Start { .. }, subscription)) = again else {
                    return Ok(false);
                };
                self.subscription = subscription;
            }
        }
    }

    fn hear(&mut self, event: &Event) -> Result<(), String> {
        if let Some(added) = &event.task_added {
            let task = added.task.task_id.clone();
            let state = added.task.state();
            let known = self.tasks.insert(task.clone(), state);
            if let Some(known) = known.filter(|known| !may_come_back(*known, state)) {
                return Err(format!(
                    "{task} was told to be new and {state:?}, and was {known:?}"
                ));
            }
        }
        if let Some(updated) = &event.task_updated {
            let task = &updated.status.task_id;
            if self.tasks.insert(task.clone(), updated.state()).is_none() {
                return Err(format!(
                    "{task} was told to have changed, and never to be there"
                ));
            }
        }
        Ok(())
    }
}

/// As Mesos tells it, a task is added again when its agent is: one that was given up with the agent is what it is now,
/// one that had ended before is what it was.
fn may_come_back(was: TaskState, is: TaskState) -> bool {
    match was {
        TaskState::TaskUnreachable | TaskState::TaskLost => true,
        _ => is_terminal(was) && was == is,
    }
}

/// What a future has now.
fn now<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn tasks(cluster: &master::state::Cluster) -> BTreeMap<TaskId, TaskState> {
    let mut all = BTreeMap::new();
    for framework in cluster.frameworks.values() {
        let living = framework.tasks.iter();
        let lost = framework.unreachable_tasks.iter();
        for (id, task) in living.chain(lost) {
            all.insert(id.to_v1(), task.state());
        }
    }
    all
}
