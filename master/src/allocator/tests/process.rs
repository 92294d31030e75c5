//! The actor: when it allocates.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::v1::AgentInfo;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::{agent_id, framework_id, resources};
use crate::allocator::{
    AgentCapabilities, Allocated, Allocation, AllocatorOp, AllocatorOps, AllocatorOptions,
    AllocatorProcess, AllocatorProtocol, FrameworkOptions, HierarchicalAllocator, Report,
    UpdateAvailable, refuse_duration,
};

/// Long enough for a slow machine, shorter than the allocation interval of these tests.
const SOON: Duration = Duration::from_secs(30);

/// Never comes in these tests, unless they are about it.
const INTERVAL: Duration = Duration::from_secs(3600);

/// What the allocator takes for its interval; that of the actor decides when it runs.
const SHORTEST_REFUSAL: Duration = Duration::from_millis(20);

protocol! {
    local SubscriberProtocol = "subscriber" { 1 => Allocated }
}

struct Subscriber(mpsc::UnboundedSender<Allocated>);

impl Actor for Subscriber {
    type Context = Context<Self>;
}

impl Process for Subscriber {
    type Protocol = SubscriberProtocol;
}

impl Handler<Allocated> for Subscriber {
    type Result = ();

    fn handle(&mut self, allocated: Allocated, _: &mut Context<Self>) {
        self.0.send(allocated).ok();
    }
}

struct World {
    node: Node,
    allocator: Pid<AllocatorProtocol>,
    reports: watch::Receiver<Arc<Report>>,
    given: mpsc::UnboundedReceiver<Allocated>,
}

impl World {
    async fn new(interval: Duration) -> Self {
        Self::on(Node::local(), interval).await
    }

    async fn on(node: Node, interval: Duration) -> Self {
        let (announce, reports) = oneshot::channel();
        let (sender, given) = mpsc::unbounded_channel();
        let subscriber = node.spawn("subscriber", |_| Subscriber(sender)).unwrap();
        let allocator = node
            .spawn("allocator", move |ctx| {
                let allocator = HierarchicalAllocator::new(AllocatorOptions {
                    interval: SHORTEST_REFUSAL,
                    ..AllocatorOptions::default()
                });
                let allocator = Box::new(allocator);
                let process = AllocatorProcess::new(allocator, interval, subscriber, ctx);
                announce.send(process.reports()).ok();
                process
            })
            .unwrap();
        Self {
            node,
            allocator,
            reports: reports.await.unwrap(),
            given,
        }
    }

    fn tell(&self, op: AllocatorOp) {
        self.node.tell(&self.allocator, AllocatorOps(vec![op]));
    }

    fn add_agent(&self, name: &str) {
        self.tell(AllocatorOp::AddAgent {
            id: agent_id(name),
            info: AgentInfo::default(),
            capabilities: AgentCapabilities::default(),
            total: resources("cpus:4"),
            used: BTreeMap::new(),
        });
    }

    fn add_framework(&self, name: &str) {
        self.tell(AllocatorOp::AddFramework {
            id: framework_id(name),
            options: FrameworkOptions {
                roles: ["eng".to_owned()].into(),
                active: true,
                ..FrameworkOptions::default()
            },
            used: BTreeMap::new(),
        });
    }

    fn recover(&self, given: &Allocation, refuse: Option<Duration>) {
        self.tell(AllocatorOp::Recover {
            framework: given.framework.clone(),
            agent: given.agent.clone(),
            resources: given.resources.clone(),
            refuse,
        });
    }

    async fn next(&mut self) -> Vec<Allocation> {
        self.allocated().await.given
    }

    async fn allocated(&mut self) -> Allocated {
        timeout(SOON, self.given.recv())
            .await
            .expect("an allocation soon")
            .expect("a subscriber")
    }
}

/// On this thread, with a clock that moves only when there is nothing else to do: a burst takes no time.
fn in_virtual_time<F: Future<Output = ()>>(test: impl FnOnce(Node) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let node = Node::local_here(7);
        test(node.clone()).await;
        node.shutdown(SOON).await;
    });
}

#[tokio::test]
async fn arrivals_and_returns_are_answered_before_the_interval() {
    let mut world = World::new(INTERVAL).await;
    world.add_framework("f");
    for name in ["a", "b", "c"] {
        world.add_agent(name);
    }
    let mut given = vec![];
    while given.len() < 3 {
        given.extend(world.next().await);
    }
    world.recover(&given[0], None);
    assert_eq!(world.next().await, given[..1]);
}

#[test]
fn a_burst_of_events_is_answered_by_one_run() {
    in_virtual_time(|node| async move {
        let mut world = World::on(node, INTERVAL).await;
        world.add_framework("f");
        for name in ["a", "b", "c"] {
            world.add_agent(name);
        }
        let given = world.next().await;
        assert_eq!(given.len(), 3);
        for allocation in &given {
            world.recover(allocation, None);
        }
        assert_eq!(world.next().await.len(), 3);
        // Many times as long as events wait for each other.
        tokio::time::sleep(SOON).await;
        assert_eq!(world.reports.borrow().runs, 2);
        assert!(world.given.try_recv().is_err());
    });
}

#[tokio::test]
async fn an_allocation_says_what_the_allocator_had_heard() {
    let mut world = World::new(INTERVAL).await;
    world.add_framework("f");
    world.add_agent("a");
    let first = world.allocated().await;
    assert_eq!(first.heard, 2);
    let update = UpdateAvailable {
        agent: agent_id("a"),
        conversions: vec![],
    };
    let updated = world.node.ask(&world.allocator, update, SOON).await;
    assert_eq!(updated, Ok(Ok(())));
    world.recover(&first.given[0], None);
    assert_eq!(world.allocated().await.heard, 4);
}

#[tokio::test]
async fn reports_tell_of_runs_and_books() {
    let mut world = World::new(INTERVAL).await;
    let mut reports = world.reports.clone();
    world.add_framework("f");
    world.add_agent("a");
    world.next().await;
    let all_taken = |report: &Arc<Report>| {
        let cpus = report.figures.resources.get("cpus");
        cpus.is_some_and(|cpus| cpus.taken == cpus.total)
    };
    let report = timeout(SOON, reports.wait_for(all_taken)).await;
    let report = report
        .expect("a report soon")
        .expect("an allocator")
        .clone();
    let runs = report.run.expect("times").count;
    assert!(report.runs >= 1 && report.runs == runs, "{report:?}");
    let latency = report.latency.expect("times");
    assert_eq!(latency.count, runs);
    // Events wait for each other a little.
    assert!(latency.max >= 1.0, "{latency:?}");
}

#[tokio::test]
async fn the_interval_brings_back_what_was_refused_for_no_time() {
    let mut world = World::new(Duration::from_millis(20)).await;
    world.add_framework("f");
    world.add_agent("a");
    let given = world.next().await;
    let filters = mesos::v1::Filters {
        refuse_seconds: Some(0.0),
    };
    world.recover(&given[0], Some(refuse_duration(Some(&filters))));
    assert_eq!(world.next().await, given);
}

#[tokio::test]
async fn the_end_of_a_refusal_is_answered_before_the_interval() {
    let mut world = World::new(INTERVAL).await;
    world.add_framework("f");
    world.add_agent("a");
    let given = world.next().await;
    world.recover(&given[0], Some(SHORTEST_REFUSAL));
    assert_eq!(world.next().await, given);
}
