//! The driver between a scheduler that writes down what it is told, and a fake master, in virtual time.

mod master;
mod one_shot;
mod recorder;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use master::{FakeMaster, PATIENCE};
use mesos::election::Leader;
use mesos::protocols::RejectionKind;
use mesos::v1;
use mesos::v1::scheduler::call;
use mesos_frameworks::scheduler::{Driver, DriverConfig, start};
use recorder::{POISON, Recorder};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, timeout};

/// A scheduler with its driver, and what the scheduler was told.
struct World {
    node: Node,
    driver: Driver,
    leader: watch::Sender<Option<Leader>>,
    permits: Arc<Semaphore>,
    told: mpsc::UnboundedReceiver<String>,
}

impl World {
    fn leader(&self) -> Leader {
        Leader::at(self.node.address(), "master")
    }

    async fn told(&mut self) -> String {
        let told = timeout(PATIENCE, self.told.recv()).await;
        told.expect("the scheduler is told nothing")
            .expect("a scheduler")
    }

    #[track_caller]
    fn hears(&mut self, expected: &'static str) -> impl Future<Output = ()> {
        let at = std::panic::Location::caller();
        async move {
            assert_eq!(self.told().await, expected, "at {at}");
        }
    }

    /// The first subscription, with all that belongs to it.
    async fn subscribe(&mut self, master: &mut FakeMaster) -> master::Stream {
        let stream = master.subscribe().await;
        self.hears("subscribed as framework").await;
        master.expect(call::Type::Reconcile).await;
        stream
    }

    async fn driver_ends(&self) {
        let ended = timeout(PATIENCE, self.driver.ended()).await;
        ended.expect("the driver goes on");
    }
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(World, Node) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let node = Node::local_here(1);
        let (told_sender, told) = mpsc::unbounded_channel();
        let permits = Arc::new(Semaphore::new(0));
        let (leader, detected) = watch::channel(Some(Leader::at(node.address(), "master")));
        let config = DriverConfig {
            framework: v1::FrameworkInfo {
                user: "user".to_owned(),
                name: "test".to_owned(),
                ..Default::default()
            },
            master: detected,
            name: "test".to_owned(),
        };
        let theirs = permits.clone();
        let driver = start(&node, config, move |driver, _| Recorder {
            driver,
            told: told_sender,
            permits: theirs,
        });
        let world = World {
            node: node.clone(),
            driver: driver.expect("free names"),
            leader,
            permits,
            told,
        };
        test(world, node.clone()).await;
        node.shutdown(Duration::from_secs(1)).await;
    });
}

#[test]
fn a_scheduler_may_speak_as_soon_as_it_is_subscribed() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        // The event overtakes the answer, as it may between two nodes.
        let subscribe = master.next().await;
        let stream = master.stream(&subscribe);
        stream.subscribed();
        assert!(master.is_left_alone_for(Duration::from_secs(1)).await);
        subscribe.grant(&stream);
        world.hears("subscribed as framework").await;
        let reconcile = master.next().await;
        assert_eq!(reconcile.call.r#type(), call::Type::Reconcile);
        assert_eq!(reconcile.stream_id, Some(stream.id.clone()));
        assert_eq!(reconcile.call.framework_id, Some("framework".into()));
    });
}

#[test]
fn an_update_is_acknowledged_when_its_handler_has_returned() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        let stream = world.subscribe(&mut master).await;
        stream.update("task");
        world.hears("update of task").await;
        assert!(master.is_left_alone_for(Duration::from_secs(10)).await);
        world.permits.add_permits(1);
        let call = master.expect(call::Type::Acknowledge).await;
        let acknowledge = call.acknowledge.expect("what is acknowledged");
        assert_eq!(acknowledge.task_id, "task".into());
        assert_eq!(acknowledge.agent_id, "agent".into());
        assert_eq!(acknowledge.uuid, b"task");
    });
}

#[test]
fn what_becomes_of_an_operation_is_told_and_acknowledged() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        let stream = world.subscribe(&mut master).await;
        stream.operation_update("reserve", true);
        world.hears("update of operation reserve").await;
        let call = master.expect(call::Type::AcknowledgeOperationStatus).await;
        let acknowledge = call.acknowledge_operation_status.expect("which");
        assert_eq!(acknowledge.operation_id, "reserve".into());
        assert_eq!(acknowledge.agent_id, Some("agent".into()));
        assert_eq!(acknowledge.uuid, b"reserve");

        // The answer to a reconciliation has no uuid.
        world
            .driver
            .reconcile_operations([("create".into(), Some("agent".into()))]);
        let call = master.expect(call::Type::ReconcileOperations).await;
        let asked = call.reconcile_operations.expect("which").operations;
        assert_eq!(asked[0].operation_id, "create".into());
        assert_eq!(asked[0].agent_id, Some("agent".into()));
        stream.operation_update("create", false);
        world.hears("update of operation create").await;
        assert!(master.is_left_alone_for(Duration::from_secs(10)).await);

        stream.operation_update(POISON, true);
        world.driver_ends().await;
        assert!(master.is_left_alone_for(Duration::from_secs(60)).await);
    });
}

#[test]
fn an_update_that_ended_the_scheduler_is_not_acknowledged() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        let stream = world.subscribe(&mut master).await;
        stream.update(POISON);
        world.hears("update of poison").await;
        world.driver_ends().await;
        assert!(master.is_left_alone_for(Duration::from_secs(60)).await);
        let inbox_ends = timeout(PATIENCE, node.monitor(&stream.inbox)).await;
        inbox_ends.expect("the inbox goes on");
    });
}

#[test]
fn after_the_end_of_a_master_the_next_one_is_subscribed_to() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        world.subscribe(&mut master).await;
        master.die().await;
        world.hears("disconnected").await;
        tokio::time::sleep(Duration::from_secs(120)).await;
        let mut master = FakeMaster::start(&node);
        let began = Instant::now();
        let again = master.next().await;
        assert!(began.elapsed() <= Duration::from_secs(10));
        let framework = &again
            .call
            .subscribe
            .as_ref()
            .expect("SUBSCRIBE")
            .framework_info;
        assert_eq!(framework.id, Some("framework".into()));
        assert_eq!(again.call.framework_id, Some("framework".into()));
        assert_eq!(again.stream_id, None);
    });
}

#[test]
fn masters_that_do_not_serve_yet_are_asked_again_with_growing_waits() {
    // One that reads its registry is through with that in a moment.
    for (kind, first) in [
        (RejectionKind::NotLeader, 250),
        (RejectionKind::Recovering, 25),
    ] {
        run(move |mut world, node| async move {
            let mut master = FakeMaster::start(&node);
            let mut longest = Duration::ZERO;
            for attempt in 0..16u32 {
                let began = Instant::now();
                master.next().await.reject(kind);
                let bound = Duration::from_millis(first) * 2u32.pow(attempt);
                let bound = bound.min(Duration::from_secs(10));
                let waited = began.elapsed();
                // The wait before this attempt was that of the one before; the clock ticks in milliseconds.
                assert!(
                    waited <= bound + Duration::from_millis(1),
                    "{attempt}: {waited:?}"
                );
                longest = longest.max(waited);
            }
            assert!(longest > Duration::from_secs(2), "{longest:?}");
            world.subscribe(&mut master).await;
        });
    }
}

#[test]
fn a_master_that_does_not_answer_is_asked_again() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        drop(master.next().await);
        world.subscribe(&mut master).await;
    });
}

#[test]
fn a_refusal_is_final() {
    for kind in [
        RejectionKind::SubscriptionRefused,
        RejectionKind::Invalid,
        RejectionKind::Unauthorized,
    ] {
        run(|mut world, node| async move {
            let mut master = FakeMaster::start(&node);
            master.next().await.reject(kind);
            assert_eq!(world.told().await, format!("error: {kind:?}"));
            world.driver_ends().await;
            assert!(master.is_left_alone_for(Duration::from_secs(60)).await);
        });
    }
}

#[test]
fn an_error_event_is_final_also_before_the_answer() {
    for early in [false, true] {
        run(|mut world, node| async move {
            let mut master = FakeMaster::start(&node);
            let subscribe = master.next().await;
            let stream = master.stream(&subscribe);
            if !early {
                subscribe.grant(&stream);
            }
            stream.error("thrown out");
            world.hears("error: thrown out").await;
            world.driver_ends().await;
        });
    }
}

#[test]
fn a_subscription_that_the_master_dropped_is_replaced() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        let stream = world.subscribe(&mut master).await;
        stream.end();
        world.hears("disconnected").await;
        world.subscribe(&mut master).await;
    });
}

#[test]
fn a_call_that_the_master_takes_for_a_strangers_leads_to_a_new_subscription() {
    for kind in [
        RejectionKind::UnknownFramework,
        RejectionKind::WrongStreamId,
        RejectionKind::Disconnected,
    ] {
        run(|mut world, node| async move {
            let mut master = FakeMaster::start(&node);
            world.subscribe(&mut master).await;
            world.driver.revive([]);
            master.next().await.reject(kind);
            world.hears("disconnected").await;
            world.subscribe(&mut master).await;
        });
    }
}

#[test]
fn a_refused_call_leaves_the_subscription_alone() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        world.subscribe(&mut master).await;
        world.driver.revive([]);
        master.next().await.reject(RejectionKind::Invalid);
        world.driver.suppress([]);
        master.expect(call::Type::Suppress).await;
    });
}

#[test]
fn events_of_an_old_subscription_are_ignored() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        let old = world.subscribe(&mut master).await;
        world.driver.revive([]);
        let revive = master.next().await;
        // Sent before the driver knows that this subscription is over, and handled after.
        revive.reject(RejectionKind::WrongStreamId);
        world.hears("disconnected").await;
        old.update("late");
        old.end();
        let new = world.subscribe(&mut master).await;
        old.update("later");
        new.update("present");
        world.hears("update of present").await;
    });
}

#[test]
fn a_silent_master_is_given_up_but_not_one_that_beats() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        let stream = world.subscribe(&mut master).await;
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(15)).await;
            stream.heartbeat();
        }
        assert!(world.told.try_recv().is_err());
        let began = Instant::now();
        world.hears("disconnected").await;
        let silence = began.elapsed();
        assert!(
            silence > Duration::from_secs(45) && silence <= Duration::from_secs(60),
            "{silence:?}"
        );
        world.subscribe(&mut master).await;
    });
}

#[test]
fn the_driver_follows_the_leader() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        world.subscribe(&mut master).await;
        world.leader.send_replace(None);
        world.hears("disconnected").await;
        assert!(master.is_left_alone_for(Duration::from_secs(60)).await);
        world.leader.send_replace(Some(world.leader()));
        let began = Instant::now();
        world.subscribe(&mut master).await;
        assert!(began.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn a_teardown_ends_the_driver_when_the_master_has_heard_of_it() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        world.subscribe(&mut master).await;
        world.driver.teardown();
        let teardown = master.next().await;
        assert_eq!(teardown.call.r#type(), call::Type::Teardown);
        let ended = world.driver.ended();
        assert!(timeout(Duration::from_secs(5), ended).await.is_err());
        teardown.accept();
        world.driver_ends().await;
    });
}

#[test]
fn a_teardown_survives_the_masters_restart() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        world.subscribe(&mut master).await;
        world.driver.teardown();
        drop(master.next().await);
        master.die().await;
        let mut master = FakeMaster::start(&node);
        master.subscribe().await;
        master.expect(call::Type::Teardown).await;
        world.driver_ends().await;
    });
}

#[test]
fn a_teardown_that_no_master_hears_is_given_up() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        world.subscribe(&mut master).await;
        master.die().await;
        world.hears("disconnected").await;
        world.driver.teardown();
        let began = Instant::now();
        world.driver_ends().await;
        assert!(began.elapsed() <= Duration::from_secs(10));
    });
}

#[test]
fn a_stopped_driver_leaves_the_framework_to_its_next_life() {
    run(|mut world, node| async move {
        let mut master = FakeMaster::start(&node);
        let stream = world.subscribe(&mut master).await;
        world.driver.stop();
        world.driver_ends().await;
        assert!(master.is_left_alone_for(Duration::from_secs(60)).await);
        let inbox_ends = timeout(PATIENCE, node.monitor(&stream.inbox)).await;
        inbox_ends.expect("the inbox goes on");
    });
}
