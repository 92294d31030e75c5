//! Machines of a simulated world: their disks, their clocks, and what stops or slows them.

use std::time::{Duration, SystemTime};

use libprocess::prelude::*;
use libprocess::sim::{self, Disk};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::common::{Add, Counter, Total, Watch, on_both, watcher};

const ONE: &str = "10.0.0.1:5050";
const OTHER: &str = "10.0.0.2:5050";
const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

#[derive(Serialize, Deserialize)]
struct Put(String);
#[derive(Serialize, Deserialize)]
struct All;
#[derive(Serialize, Deserialize)]
struct WallTime;

protocol! { StoreProtocol = "store" { 1 => Put -> (), 2 => All -> Vec<String>, 3 => WallTime -> SystemTime } }

/// Keeps lines in a file.
struct Store {
    disk: Disk,
    careful: bool,
}

impl Actor for Store {
    type Context = Context<Self>;
}

impl Process for Store {
    type Protocol = StoreProtocol;
}

impl Handler<Put> for Store {
    type Result = ();

    fn handle(&mut self, Put(line): Put, _: &mut Context<Self>) {
        let line = format!("{line}\n");
        self.disk.append("lines", line.as_bytes()).unwrap();
        if self.careful {
            self.disk.sync("lines");
        }
    }
}

impl Handler<All> for Store {
    type Result = MessageResult<All>;

    fn handle(&mut self, _: All, _: &mut Context<Self>) -> MessageResult<All> {
        let lines = self.disk.read("lines").unwrap_or_default();
        let lines = String::from_utf8(lines).unwrap();
        MessageResult(lines.lines().map(str::to_owned).collect())
    }
}

impl Handler<WallTime> for Store {
    type Result = MessageResult<WallTime>;

    fn handle(&mut self, _: WallTime, ctx: &mut Context<Self>) -> MessageResult<WallTime> {
        MessageResult(ctx.wall_time())
    }
}

fn store(node: &Node, disk: Disk, careful: bool) -> Pid<StoreProtocol> {
    node.spawn("store", move |_| Store { disk, careful })
        .unwrap()
}

fn line(text: &str) -> Put {
    Put(text.to_owned())
}

#[test]
fn what_was_synced_survives_a_restart_and_nothing_a_new_disk() {
    on_both(1, |net| async move {
        let (client, node) = (net.node(ONE).await, net.node(OTHER).await);
        let pid = store(&node, net.disk(&node), true);
        client.ask(&pid, line("one"), SECOND).await.unwrap();

        let node = net.restart(&node).await;
        let again = store(&node, net.disk(&node), true);
        // Until the client has noticed.
        net.advance(2 * SECOND).await;
        assert_eq!(
            client.ask(&again, All, SECOND).await,
            Ok(vec!["one".to_owned()])
        );
        // It is another life.
        assert_ne!(again, pid);

        let node = net.restart_without_disk(&node).await;
        let empty = store(&node, net.disk(&node), true);
        net.advance(2 * SECOND).await;
        assert_eq!(client.ask(&empty, All, SECOND).await, Ok(vec![]));
    });
}

#[test]
fn what_was_not_synced_survives_as_the_seed_will_have_it() {
    let survivors = |seed| {
        sim::run(seed, |net| async move {
            let node = net.node(ONE).await;
            let pid = store(&node, net.disk(&node), false);
            for text in ["one", "two"] {
                node.ask(&pid, line(text), SECOND).await.unwrap();
            }
            net.disk(&node).sync("lines");
            node.ask(&pid, line("three"), SECOND).await.unwrap();
            let node = net.restart(&node).await;
            let lines = net.disk(&node).read("lines").unwrap();
            String::from_utf8(lines).unwrap()
        })
    };
    let seen: std::collections::BTreeSet<_> = (0..30).map(survivors).collect();
    // Never less than what was synced, never anything that was not written.
    let whole = "one\ntwo\nthree\n";
    assert!(
        seen.iter()
            .all(|left| left.starts_with("one\ntwo\n") && whole.starts_with(left.as_str()))
    );
    // All of it, nothing of it, and a torn line.
    assert!(seen.contains(whole) && seen.contains("one\ntwo\n") && seen.len() > 2);
}

#[test]
fn a_disk_replaces_files_as_a_whole_and_can_be_full() {
    on_both(1, |net| async move {
        let node = net.node(ONE).await;
        let disk = net.disk(&node);
        disk.write("a", "old").unwrap();
        disk.sync("a");
        disk.write("a.new", "new").unwrap();
        disk.sync("a.new");
        disk.rename("a.new", "a").unwrap();
        let node = net.restart(&node).await;
        let disk = net.disk(&node);
        assert_eq!(disk.read("a").unwrap(), b"new");
        assert_eq!(disk.files(), ["a"]);

        disk.limit(10);
        disk.append("a", b"1234567").unwrap();
        let full = disk.append("a", b"8").unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        assert_eq!(disk.read("a").unwrap(), b"new1234567");
        disk.remove("a");
        assert_eq!(disk.read("a"), None);
    });
}

#[test]
fn real_files_live_as_long_as_their_disk() {
    let folder = sim::run(1, |net| async move {
        let node = net.node(ONE).await;
        let folder = net.disk(&node).folder().unwrap();
        std::fs::write(folder.join("file"), "text").unwrap();
        let node = net.restart(&node).await;
        assert_eq!(net.disk(&node).folder().unwrap(), folder);
        assert!(folder.join("file").exists());
        let node = net.restart_without_disk(&node).await;
        let empty = net.disk(&node).folder().unwrap();
        assert!(!empty.join("file").exists());
        empty
    });
    assert!(!folder.exists());
}

#[test]
fn clocks_on_the_wall_jump_and_timers_do_not_care() {
    on_both(1, |net| async move {
        let (a, b) = (net.node(ONE).await, net.node(OTHER).await);
        let pid = store(&b, net.disk(&b), false);
        let begin = a.wall_time();
        assert_eq!(b.wall_time(), begin);
        let timer = tokio::time::sleep(10 * SECOND);
        net.clock_forward(&b, 3600 * SECOND);
        assert_eq!(
            b.ask(&pid, WallTime, SECOND).await,
            Ok(begin + 3600 * SECOND)
        );
        assert_eq!(a.wall_time(), begin);
        timer.await;
        assert_eq!(a.wall_time(), begin + 10 * SECOND);
        net.clock_back(&b, 7200 * SECOND);
        // A machine's clock stays wrong when its node is started anew.
        let b = net.restart(&b).await;
        assert_eq!(b.wall_time() + 3600 * SECOND, a.wall_time());
    });
}

#[test]
fn a_paused_node_does_nothing_and_goes_on_where_it_was() {
    on_both(1, |net| async move {
        let (a, b) = (net.node(ONE).await, net.node(OTHER).await);
        let counter = b.spawn("counter", |_| Counter::default()).unwrap();
        a.ask(&counter, Total, SECOND).await.unwrap();
        net.pause(&b);
        a.tell(&counter, Add(1));
        // Not even what is sent on the node itself is handled.
        b.tell(&counter, Add(1));
        let asked = a.ask(&counter, Total, 2 * SECOND).await;
        assert_eq!(asked, Err(AskError::Timeout));
        assert_eq!(b.processes()[0].handled, 1);
        net.resume(&b);
        assert_eq!(a.ask(&counter, Total, SECOND).await, Ok(2));
    });
}

#[test]
fn the_power_of_a_machine_goes_in_the_middle_of_its_work() {
    on_both(1, |net| async move {
        let (a, b) = (net.node(ONE).await, net.node(OTHER).await);
        let counter = b.spawn("counter", |_| Counter::default()).unwrap();
        a.ask(&counter, Total, SECOND).await.unwrap();
        let (tell, gone) = tokio::sync::oneshot::channel();
        net.fail_after(&b, 2, move || tell.send(()).unwrap());
        (0..4).for_each(|_| a.tell(&counter, Add(1)));
        gone.await.unwrap();
        assert_eq!(b.processes()[0].handled, 3);
        let asked = a.ask(&counter, Total, 2 * SECOND).await;
        assert_eq!(asked, Err(AskError::Timeout));
        // The next life is spared.
        let b = net.restart(&b).await;
        let counter = b.spawn("counter", |_| Counter::default()).unwrap();
        net.fail_after(&b, 0, || panic!("it was spared"));
        net.spare(&b);
        assert_eq!(b.ask(&counter, Total, SECOND).await, Ok(0));
    });
}

#[test]
fn a_node_that_is_paused_for_long_is_missed_and_returns() {
    on_both(1, |net| async move {
        let (a, b) = (net.node(ONE).await, net.node(OTHER).await);
        let counter = b.spawn("counter", |_| Counter(7)).unwrap();
        let (watching, mut heard) = watcher(&b);
        let watched = a.spawn("counter", |_| Counter::default()).unwrap();
        b.ask(&watching, Watch(watched.any()), SECOND)
            .await
            .unwrap();
        let exited = a.monitor(&counter);
        a.ask(&counter, Total, SECOND).await.unwrap();
        let begin = Instant::now();
        net.pause(&b);
        assert_eq!(exited.await.reason, ExitReason::Disconnected);
        assert!(begin.elapsed() < 6 * SECOND);
        net.advance(60 * SECOND).await;
        assert!(heard.try_recv().is_err());

        // It hears the same once it runs again, and is as it was.
        net.resume(&b);
        let notice = heard.recv().await.unwrap();
        assert_eq!(notice.reason, ExitReason::Disconnected);
        assert!(begin.elapsed() < 70 * SECOND);
        assert_eq!(a.ask(&counter, Total, 10 * SECOND).await, Ok(7));
    });
}

#[test]
fn a_slow_reader_and_a_narrow_way_slow_only_those_who_use_them() {
    on_both(1, |net| async move {
        let (a, b) = (net.node(ONE).await, net.node(OTHER).await);
        let c = net.node("10.0.0.3:5050").await;
        let at_b = store(&b, net.disk(&b), false);
        let at_c = store(&c, net.disk(&c), false);
        let took = async |pid: &Pid<StoreProtocol>| {
            let begin = Instant::now();
            a.tell(pid, Put("x".repeat(500_000)));
            a.ask(pid, WallTime, 60 * SECOND).await.unwrap();
            begin.elapsed()
        };
        net.bandwidth(&[&a], &[&b], 100_000);
        let narrow = took(&at_b).await;
        assert!((5 * SECOND..15 * SECOND).contains(&narrow), "{narrow:?}");
        net.bandwidth(&[&a], &[&b], u64::MAX);
        net.slow_reader(&b, 10 * MS);
        let slow = took(&at_b).await;
        assert!((3 * SECOND..30 * SECOND).contains(&slow), "{slow:?}");
        let free = took(&at_c).await;
        assert!(free < SECOND, "{free:?}");
    });
}
