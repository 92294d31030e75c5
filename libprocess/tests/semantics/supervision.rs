//! Supervision: who is built anew after whom, when a supervisor gives up, and what it leaves behind.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim;
use libprocess::supervise::{
    Child, ChildInfo, Children, StartChild, StartError, Started, StopChild, StopError, Supervisor,
    SupervisorProtocol,
};
use rand::Rng;
use tokio::time::{Instant, sleep};

use crate::common::SOON;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// What happened, in words: `+name` for a start, `-name` for a stop in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    /// What was noted since the last time.
    fn take(&self) -> String {
        std::mem::take(&mut *self.0.lock().unwrap()).join(" ")
    }
}

/// A part of a tree: does what it is told, and notes its start and its stop.
struct Part {
    name: String,
    log: Log,
    start: Start,
}

#[derive(Clone, Copy, PartialEq)]
enum Start {
    Well,
    /// Waits so long in `started`.
    Slowly(Duration),
    Panics,
}

enum Do {
    Nothing,
    Quit,
    Panic,
    /// Never again lets go.
    Cling,
    Sleep(Duration),
}

protocol! { local PartProtocol = "part" { 1 => Do -> () } }

impl Part {
    fn new(name: &str, log: &Log) -> Self {
        Self {
            name: name.into(),
            log: log.clone(),
            start: Start::Well,
        }
    }
}

impl Actor for Part {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        assert!(self.start != Start::Panics, "a bad start");
        if let Start::Slowly(time) = self.start {
            let (log, name) = (self.log.clone(), self.name.clone());
            return ctx.wait(wrap_future(async move {
                sleep(time).await;
                log.note(format!("+{name}"));
            }));
        }
        self.log.note(format!("+{}", self.name));
    }

    fn stopped(&mut self, _: &mut Context<Self>) {
        self.log.note(format!("-{}", self.name));
    }
}

impl Process for Part {
    type Protocol = PartProtocol;
}

impl Handler<Do> for Part {
    type Result = ();

    fn handle(&mut self, what: Do, ctx: &mut Context<Self>) {
        match what {
            Do::Nothing => {}
            Do::Quit => ctx.stop(),
            Do::Panic => panic!("ouch"),
            Do::Cling => ctx.wait(wrap_future(std::future::pending())),
            Do::Sleep(time) => ctx.wait(wrap_future(sleep(time))),
        }
    }
}

/// A permanent child that works.
fn part(name: &'static str, log: &Log) -> Child {
    let log = log.clone();
    Child::new(name, move |_| Part::new(name, &log))
}

/// Runs `scenario` on a node in virtual time.
fn on_a_node<F: Future<Output = ()>>(scenario: impl FnOnce(Node, Log) -> F) {
    sim::run(1, |net| async move {
        let node = net.node("10.0.0.1:5050").await;
        scenario(node, Log::default()).await;
    });
}

/// Starts a tree and waits until it is up.
async fn grow(node: &Node, tree: Supervisor) -> Pid<SupervisorProtocol> {
    let root = node.supervise(tree).unwrap();
    node.ask(&root, Started, SOON).await.unwrap();
    root
}

fn tell(node: &Node, name: &str, what: Do) {
    node.tell(&Pid::<PartProtocol>::named(name, node.address()), what);
}

/// Lets everything happen that needs no more than this time.
async fn settle() {
    sleep(10 * MS).await;
}

async fn children(node: &Node, supervisor: &Pid<SupervisorProtocol>) -> Vec<ChildInfo> {
    node.ask(supervisor, Children, SOON).await.unwrap()
}

#[test]
fn children_start_in_order_and_stop_in_reverse() {
    on_a_node(|node, log| async move {
        let slow = {
            let log = log.clone();
            Child::new("b", move |_| Part {
                start: Start::Slowly(SECOND),
                ..Part::new("b", &log)
            })
        };
        let inner = Supervisor::one_for_one("inner")
            .with(part("c", &log))
            .with(part("d", &log));
        let tree = Supervisor::one_for_one("tree")
            .with(part("a", &log))
            .with(slow)
            .supervisor(inner)
            .with(part("e", &log));
        let root = grow(&node, tree).await;
        assert_eq!(log.take(), "+a +b +c +d +e");

        let ended = node.monitor(&root);
        node.stop(&root);
        assert_eq!(ended.await.reason, ExitReason::Normal);
        assert_eq!(log.take(), "-e -d -c -b -a");
        assert_eq!(node.processes(), []);
    });
}

#[test]
fn shutdown_takes_trees_down_in_order() {
    on_a_node(|node, log| async move {
        let tree = |name, first, second| {
            let (first, second) = (part(first, &log), part(second, &log));
            Supervisor::one_for_one(name).with(first).with(second)
        };
        grow(&node, tree("one", "a", "b")).await;
        grow(&node, tree("two", "c", "d")).await;
        log.take();
        tell(&node, "c", Do::Sleep(SECOND));
        node.shutdown(10 * SECOND).await;
        assert_eq!(log.take(), "-d -c -b -a");
    });
}

#[test]
fn the_strategy_says_who_is_built_anew() {
    type Make = fn(&'static str) -> Supervisor;
    let cases: [(Make, &str); 3] = [
        (Supervisor::one_for_one, "+b"),
        (Supervisor::rest_for_one, "-d -c +b +c +d"),
        (Supervisor::one_for_all, "-d -c -a +a +b +c +d"),
    ];
    for (strategy, expected) in cases {
        on_a_node(|node, log| async move {
            let tree = strategy("tree")
                .with(part("a", &log))
                .with(part("b", &log))
                .with(part("c", &log))
                .with(part("d", &log));
            let root = grow(&node, tree).await;
            log.take();
            tell(&node, "b", Do::Panic);
            settle().await;
            assert_eq!(log.take(), expected);
            assert!(children(&node, &root).await.iter().all(|child| child.up));
        });
    }
}

#[test]
fn a_child_is_built_anew_under_its_name_as_another() {
    on_a_node(|node, log| async move {
        let root = grow(&node, Supervisor::one_for_one("tree").with(part("a", &log))).await;
        let first = children(&node, &root).await[0].pid.clone().unwrap();
        let exited = node.monitor(&first);
        tell(&node, "a", Do::Panic);
        assert_eq!(exited.await.reason, ExitReason::Panicked("ouch".into()));
        settle().await;

        let second = children(&node, &root).await[0].pid.clone().unwrap();
        assert_eq!(first.name(), second.name());
        assert_ne!(first.incarnation(), second.incarnation());
        let ask = |pid: &AnyPid| node.ask(&pid.assume::<PartProtocol>(), Do::Nothing, SOON);
        let gone = AskError::Exited(ExitReason::NoProcess);
        assert_eq!(ask(&first).await, Err(gone));
        assert_eq!(ask(&second).await, Ok(()));

        let infos = node.processes();
        let info = infos.iter().find(|info| info.pid == second).unwrap();
        assert_eq!((info.parent.clone(), info.restarts), (Some(root.any()), 1));
    });
}

#[test]
fn the_kind_of_a_child_says_when_it_is_built_anew() {
    on_a_node(|node, log| async move {
        let tree = Supervisor::one_for_one("tree")
            .intensity(10, SECOND)
            .with(part("permanent", &log))
            .with(part("transient", &log).transient())
            .with(part("temporary", &log).temporary());
        let root = grow(&node, tree).await;
        log.take();
        for (name, what, expected) in [
            ("permanent", Do::Quit, "-permanent +permanent"),
            ("permanent", Do::Panic, "+permanent"),
            ("transient", Do::Panic, "+transient"),
            ("transient", Do::Quit, "-transient"),
            ("temporary", Do::Panic, ""),
        ] {
            tell(&node, name, what);
            settle().await;
            assert_eq!(log.take(), expected, "{name}");
        }
        let there: Vec<_> = children(&node, &root)
            .await
            .into_iter()
            .map(|child| (child.name, child.up))
            .collect();
        let expected = [("permanent", true), ("transient", false)];
        assert_eq!(there, expected.map(|(name, up)| (name.to_owned(), up)));
    });
}

#[test]
fn too_many_restarts_end_the_supervisor_and_the_failure_goes_up() {
    on_a_node(|node, log| async move {
        let inner = Supervisor::one_for_one("inner")
            .intensity(2, 10 * SECOND)
            .with(part("a", &log))
            .with(part("b", &log));
        let tree = Supervisor::one_for_one("tree")
            .intensity(0, SECOND)
            .with(part("c", &log))
            .supervisor(inner);
        let root = grow(&node, tree).await;
        let ended = node.monitor(&root);
        log.take();

        // Failures that are far enough from each other are forgotten.
        for _ in 0..5 {
            tell(&node, "a", Do::Panic);
            sleep(6 * SECOND).await;
        }
        assert_eq!(log.take(), "+a +a +a +a +a");

        sleep(10 * SECOND).await;
        for _ in 0..3 {
            tell(&node, "a", Do::Panic);
            settle().await;
        }
        assert_eq!(log.take(), "+a +a -b -c");
        let ExitReason::Failed(why) = ended.await.reason else {
            panic!("another reason");
        };
        for word in ["inner", "`a`", "ouch"] {
            assert!(why.contains(word), "{why}");
        }
        assert_eq!(node.processes(), []);
    });
}

#[test]
fn a_supervisor_that_gave_up_is_built_anew_by_its_own() {
    on_a_node(|node, log| async move {
        let inner = Supervisor::one_for_one("inner")
            .intensity(0, SECOND)
            .with(part("a", &log))
            .with(part("b", &log));
        grow(&node, Supervisor::one_for_one("tree").supervisor(inner)).await;
        log.take();
        tell(&node, "a", Do::Panic);
        settle().await;
        assert_eq!(log.take(), "-b +a +b");
    });
}

#[test]
fn a_start_that_fails_is_a_failure_like_any_other() {
    on_a_node(|node, log| async move {
        let starts = [Start::Panics, Start::Slowly(5 * SECOND), Start::Well];
        let (times, noted) = (AtomicUsize::new(0), log.clone());
        let child = Child::new("a", move |_| {
            let before = times.fetch_add(1, Ordering::Relaxed);
            assert!(before > 0, "the factory has a bad day");
            Part {
                start: starts[before - 1],
                ..Part::new("a", &noted)
            }
        });
        let tree = Supervisor::one_for_one("tree")
            .with(child.start_within(SECOND))
            .with(part("b", &log));
        let began = Instant::now();
        let root = grow(&node, tree).await;
        assert_eq!(log.take(), "+a +b");
        assert!((SECOND..SECOND + 50 * MS).contains(&began.elapsed()));
        assert_eq!(children(&node, &root).await[0].restarts, 3);
    });
}

#[test]
fn a_child_that_does_not_stop_is_killed() {
    on_a_node(|node, log| async move {
        let tree = Supervisor::one_for_one("tree")
            .with(part("a", &log))
            .with(part("b", &log).shutdown(2 * SECOND));
        let root = grow(&node, tree).await;
        log.take();
        tell(&node, "b", Do::Cling);
        settle().await;
        let (ended, began) = (node.monitor(&root), Instant::now());
        node.stop(&root);
        assert_eq!(ended.await.reason, ExitReason::Normal);
        assert!((2 * SECOND..2 * SECOND + 50 * MS).contains(&began.elapsed()));
        assert_eq!(log.take(), "-a");
    });
}

#[test]
fn nobody_outlives_a_supervisor_that_is_killed() {
    on_a_node(|node, log| async move {
        let inner = Supervisor::one_for_one("inner").with(part("b", &log));
        let tree = Supervisor::one_for_one("tree")
            .with(part("a", &log))
            .supervisor(inner);
        let root = grow(&node, tree).await;
        let a = Pid::<PartProtocol>::named("a", node.address());
        let b = Pid::<PartProtocol>::named("b", node.address());
        let (a, b) = (node.monitor(&a), node.monitor(&b));
        node.kill(&root);
        assert_eq!(a.await.reason, ExitReason::Killed);
        assert_eq!(b.await.reason, ExitReason::Killed);
        settle().await;
        assert_eq!(node.processes(), []);
    });
}

#[test]
fn waits_between_restarts_grow() {
    on_a_node(|node, log| async move {
        let tree = Supervisor::one_for_one("tree")
            .intensity(10, 1000 * SECOND)
            .backoff(SECOND, 8 * SECOND)
            .with(part("a", &log))
            .with(part("b", &log));
        let root = grow(&node, tree).await;
        for longest in [1, 2, 4, 8, 8] {
            tell(&node, "a", Do::Panic);
            let began = Instant::now();
            settle().await;
            while !children(&node, &root).await[0].up {
                sleep(MS).await;
            }
            let (waited, longest) = (began.elapsed(), longest * SECOND);
            assert!(
                (longest / 2..longest + 10 * MS).contains(&waited),
                "{waited:?}"
            );
        }
        // Nobody waits with it, and one who lives long begins anew.
        sleep(10 * SECOND).await;
        tell(&node, "a", Do::Panic);
        tell(&node, "b", Do::Panic);
        sleep(SECOND + 10 * MS).await;
        assert!(children(&node, &root).await.iter().all(|child| child.up));
    });
}

#[test]
fn children_come_and_go_at_run_time() {
    on_a_node(|node, log| async move {
        let tree = Supervisor::one_for_one("tree")
            .max_children(2)
            .with(part("a", &log));
        let root = grow(&node, tree).await;
        log.take();
        let start = |child| node.ask(&root, StartChild(child), SOON);
        let stop = |name: &str| node.ask(&root, StopChild(name.into()), SOON);

        let b = start(part("b", &log)).await.unwrap().unwrap();
        assert_eq!(b.name(), "b");
        assert_eq!(start(part("b", &log)).await, Ok(Err(StartError::NameTaken)));
        assert_eq!(start(part("c", &log)).await, Ok(Err(StartError::TooMany)));
        tell(&node, "b", Do::Panic);
        settle().await;
        assert_eq!(stop("b").await, Ok(Ok(())));
        assert_eq!(stop("b").await, Ok(Err(StopError::NoChild)));
        assert_eq!(log.take(), "+b +b -b");

        // A temporary one that fails to start is forgotten.
        let noted = log.clone();
        let bad = Child::new("d", move |_| Part {
            start: Start::Panics,
            ..Part::new("d", &noted)
        });
        let failed = StartError::Failed(ExitReason::Panicked("a bad start".into()));
        assert_eq!(start(bad.temporary()).await, Ok(Err(failed)));
        assert_eq!(children(&node, &root).await.len(), 1);
    });
}

#[test]
fn a_flooded_child_is_not_a_dead_one() {
    on_a_node(|node, log| async move {
        let tree = Supervisor::one_for_one("tree").with(part("a", &log).mailbox(1));
        let root = grow(&node, tree).await;
        let first = children(&node, &root).await;
        for _ in 0..10 {
            tell(&node, "a", Do::Nothing);
        }
        settle().await;
        assert_eq!(children(&node, &root).await, first);
        tell(&node, "a", Do::Panic);
        settle().await;
        assert_eq!(children(&node, &root).await[0].restarts, 1);
    });
}

/// Random failures in a random tree: whatever happens, all are up again or the root has given up and nothing
/// is left of it; never more restarts than it allows; no two lives of a child at once.
#[test]
fn random_failures_leave_all_or_nothing() {
    const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let given_up = RefCell::new(0);
    sim::explore(0..60, |net| {
        let given_up = &given_up;
        async move {
            let mut chance = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(net.seed());
            let node = net.node("10.0.0.1:5050").await;
            let log = Log::default();
            let mut strategy = |name: &str| match chance.random_range(0..3) {
                0 => Supervisor::one_for_one(name),
                1 => Supervisor::rest_for_one(name),
                _ => Supervisor::one_for_all(name),
            };
            let inner = strategy("inner").intensity(2, SECOND);
            let tree = strategy("tree").intensity(3, 2 * SECOND);
            let inner = NAMES[3..]
                .iter()
                .fold(inner, |tree, name| tree.with(part(name, &log)));
            let tree = NAMES[..3]
                .iter()
                .fold(tree, |tree, name| tree.with(part(name, &log)));
            let root = grow(&node, tree.supervisor(inner)).await;
            let ended = node.monitor(&root);
            let mut ended = std::pin::pin!(ended);
            let mut reason = None;
            for _ in 0..20 {
                let name = NAMES[chance.random_range(0..NAMES.len())];
                let what = match chance.random_range(0..4) {
                    0 => Do::Quit,
                    1 => Do::Sleep(chance.random_range(0..20) * MS),
                    _ => Do::Panic,
                };
                tell(&node, name, what);
                let wait = chance.random_range(0..1500) * MS;
                if let Ok(exited) = tokio::time::timeout(wait, ended.as_mut()).await {
                    reason = Some(exited.reason);
                    break;
                }
            }
            sleep(10 * SECOND).await;
            let alive = node.processes().len();
            match reason {
                Some(reason) => {
                    assert!(matches!(reason, ExitReason::Failed(_)), "{reason}");
                    assert_eq!(alive, 0);
                    *given_up.borrow_mut() += 1;
                }
                None => {
                    assert_eq!(alive, NAMES.len() + 2);
                    assert!(children(&node, &root).await.iter().all(|child| child.up));
                    node.shutdown(SECOND).await;
                }
            }
            net.note(&log.take());
        }
    });
    // Both ends are reached, or this would test only one of them.
    let given_up = given_up.into_inner();
    assert!(
        std::env::var(sim::SEED_VARIABLE).is_ok() || (1..60).contains(&given_up),
        "{given_up}"
    );
}
