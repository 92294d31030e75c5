//! What operators are told while a cluster changes: all of it, in order, whatever happens.

use std::collections::BTreeMap;
use std::time::Duration;

use libprocess::sim::run;
use master::events::{Start, SubscribeError, Subscription};
use mesos::v1::master::Event;
use mesos::v1::master::event::Type;
use mesos::v1::{TaskId, TaskState};
use mesos_tests::sim::SimCluster;
use mesos_tests::{Cluster, OperatorEvents};
use serde_json::Value;

const MINUTE: Duration = Duration::from_secs(60);

/// Until agents are given up, and for whatever follows.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// More than a test has.
const SUBSCRIBERS: usize = 10;

fn follow(
    cluster: &SimCluster,
    from: Option<&Start>,
) -> Result<(Start, Subscription), SubscribeError> {
    let view = cluster.view().expect("a master");
    let published = || cluster.view().expect("a master").cluster.clone();
    let from = from.map(|start| &start.revision);
    view.events.subscribe(published, from, SUBSCRIBERS)
}

/// What has been told by now.
async fn told(subscription: &mut Subscription) -> Vec<Event> {
    let mut events = Vec::new();
    while let Ok(Ok(entry)) =
        tokio::time::timeout(Duration::from_secs(1), subscription.next()).await
    {
        events.push(entry.event.clone());
    }
    events
}

/// The tasks of a cluster as somebody knows them who was told everything.
#[derive(Default)]
struct Known(BTreeMap<TaskId, TaskState>);

impl Known {
    fn hear(&mut self, event: &Event) {
        if let Some(added) = &event.task_added {
            let task = &added.task;
            let known = self.0.insert(task.task_id.clone(), task.state());
            assert_eq!(known, None, "{} is added twice", task.task_id);
        }
        if let Some(updated) = &event.task_updated {
            let task = &updated.status.task_id;
            let known = self.0.get_mut(task);
            let known = known.unwrap_or_else(|| panic!("{task} is unknown"));
            *known = updated.state();
        }
    }
}

/// Every task that the master has or remembers.
fn tasks(cluster: &SimCluster) -> BTreeMap<TaskId, TaskState> {
    let view = cluster.view().expect("a master");
    let mut all = BTreeMap::new();
    for framework in view.cluster.frameworks.values() {
        let living = framework.tasks.values();
        let lost = framework.unreachable_tasks.values();
        for task in living.chain(lost).chain(framework.completed_tasks.iter()) {
            all.insert(task.id().to_v1(), task.state());
        }
    }
    all
}

#[test]
fn who_is_told_everything_knows_everything() {
    run(7, |net| async move {
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        let (start, mut subscription) = follow(&cluster, None).expect("a subscription");
        assert!(start.snapshot.is_some());
        cluster.keep_running(4, "sleep 30").await;
        cluster.pass(2 * MINUTE).await;
        let mut events = told(&mut subscription).await;
        let (middle, mut again) = {
            let revision = subscription.revision();
            let start = Start {
                revision,
                snapshot: None,
            };
            follow(&cluster, Some(&start)).expect("a place in the history")
        };
        assert_eq!(middle.revision, subscription.revision());

        // A machine is lost for good, as far as the master can see, and comes back.
        cluster.crash_machine(0);
        cluster.pass(12 * MINUTE).await;
        cluster.restart_agent(0).await;
        cluster.settles(PATIENCE).await;
        let later = told(&mut subscription).await;
        assert_eq!(told(&mut again).await, later);
        events.extend(later);

        let mut known = Known::default();
        events.iter().for_each(|event| known.hear(event));
        assert_eq!(known.0, tasks(&cluster));
        let count = |kind| events.iter().filter(|event| event.r#type() == kind).count();
        assert_eq!(count(Type::AgentRemoved), 1);
        assert!(count(Type::AgentAdded) >= 1);
        assert_eq!(count(Type::FrameworkAdded), 1);

        // The next master begins another history.
        cluster.crash_master();
        cluster.restart_master().await;
        let refused = follow(&cluster, Some(&middle)).expect_err("another epoch");
        assert!(matches!(refused, SubscribeError::Gone(..)), "{refused}");
        assert!(follow(&cluster, None).is_ok());
    });
}

fn types(events: &[Value]) -> Vec<&str> {
    let types = events.iter().filter_map(|event| event["type"].as_str());
    types.collect()
}

#[test]
fn an_operator_follows_a_master_and_comes_back() {
    let mut cluster = Cluster::master_and_agent();
    let events = OperatorEvents::subscribe(&cluster.master, None).expect("a subscription");
    let subscribed = events.event();
    let agents = &subscribed["subscribed"]["get_state"]["get_agents"]["agents"];
    assert_eq!(agents.as_array().map(Vec::len), Some(1));
    assert_eq!(events.event()["type"], "HEARTBEAT");

    let output = cluster.mesos(&["run", "--", "true"], MINUTE);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    let told = events.until("FRAMEWORK_REMOVED");
    let kinds = types(&told);
    assert_eq!(kinds[0], "FRAMEWORK_ADDED", "{kinds:?}");
    let added = kinds.iter().position(|kind| *kind == "TASK_ADDED");
    let updated = kinds.iter().position(|kind| *kind == "TASK_UPDATED");
    assert!(added.is_some() && added < updated, "{kinds:?}");
    let finished = |event: &Value| event["task_updated"]["state"] == "TASK_FINISHED";
    assert!(told.iter().any(finished), "{told:#?}");

    let revision = told[0]["revision"].as_str().expect("a revision").to_owned();
    let again = OperatorEvents::subscribe(&cluster.master, Some(&revision));
    let again = again.expect("a place in the history");
    assert!(again.event()["subscribed"]["get_state"].is_null());
    assert_eq!(again.until("FRAMEWORK_REMOVED"), told[1..]);

    cluster.daemons[0].kill_9();
    assert!(events.ends());
    cluster.daemons[0].restart();
    cluster.wait_for_master();
    let gone = OperatorEvents::subscribe(&cluster.master, Some(&revision));
    assert_eq!(gone.err(), Some(410));
}
