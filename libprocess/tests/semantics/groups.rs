//! Groups: who is in them, as seen from everywhere, whatever the network does.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use libprocess::group::{BROKER, GroupChange, GroupEvent, Groups, JoinError};
use libprocess::prelude::*;
use libprocess::sim::{self, Net};
use libprocess::supervise::{Started, Supervisor};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::sleep;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Longer than any retry, and than the silence after which a link ends.
const HEALED: Duration = Duration::from_secs(40);

#[derive(Clone, Serialize, Deserialize)]
struct Said(String);
#[derive(Serialize, Deserialize)]
struct Leave;
#[derive(Serialize, Deserialize)]
struct Doze;

protocol! { GuestProtocol = "guest" { 1 => Said -> (), 2 => Leave -> (), 3 => GroupEvent, 4 => Doze -> () } }

/// Reports what it hears.
struct Guest(mpsc::UnboundedSender<String>);

impl Actor for Guest {
    type Context = Context<Self>;
}

impl Process for Guest {
    type Protocol = GuestProtocol;
}

impl Handler<Said> for Guest {
    type Result = ();
    fn handle(&mut self, Said(text): Said, _: &mut Context<Self>) {
        let _ = self.0.send(text);
    }
}

impl Handler<Leave> for Guest {
    type Result = ();
    fn handle(&mut self, _: Leave, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

impl Handler<Doze> for Guest {
    type Result = ();
    fn handle(&mut self, _: Doze, ctx: &mut Context<Self>) {
        ctx.wait(wrap_future(std::future::pending()));
    }
}

impl Handler<GroupEvent> for Guest {
    type Result = ();
    fn handle(&mut self, event: GroupEvent, _: &mut Context<Self>) {
        let sign = match event.change {
            GroupChange::Joined => '+',
            GroupChange::Left => '-',
        };
        let _ = self.0.send(format!("{sign}{}", event.member.name()));
    }
}

type Ear = mpsc::UnboundedReceiver<String>;

fn guest(node: &Node, name: &str) -> (Pid<GuestProtocol>, Ear) {
    let (say, ear) = mpsc::unbounded_channel();
    (node.spawn(name, move |_| Guest(say)).unwrap(), ear)
}

fn heard(ear: &mut Ear) -> Vec<String> {
    std::iter::from_fn(|| ear.try_recv().ok()).collect()
}

fn address(n: usize) -> SocketAddr {
    format!("10.0.0.{}:5050", n + 1).parse().unwrap()
}

/// Nodes that all know the first one only.
async fn nodes(net: &Net, count: usize) -> Vec<(Node, Groups)> {
    let mut nodes = Vec::new();
    for n in 0..count {
        let node = net.node(&address(n).to_string()).await;
        let groups = Groups::start(&node, [address(0)]).unwrap();
        nodes.push((node, groups));
    }
    nodes
}

fn names(groups: &Groups) -> Vec<String> {
    let members = groups.members::<GuestProtocol>("lobby");
    members
        .iter()
        .map(|member| member.name().to_owned())
        .collect()
}

#[test]
fn members_are_known_on_all_nodes() {
    sim::run(1, |net| async move {
        let nodes = nodes(&net, 3).await;
        let (a, _) = guest(&nodes[0].0, "a");
        let (b, _) = guest(&nodes[1].0, "b");
        let (c, _) = guest(&nodes[2].0, "c");
        for ((_, groups), pid) in nodes.iter().zip([&a, &b, &c]) {
            groups.join("lobby", pid).unwrap();
            groups.join("lobby", pid).unwrap();
            assert!(groups.members("lobby").contains(pid), "here at once");
        }
        sleep(5 * SECOND).await;
        for (_, groups) in &nodes {
            assert_eq!(groups.members("lobby"), [a.clone(), b.clone(), c.clone()]);
            assert_eq!(names(groups).len(), 3);
        }

        // One leaves, one ends, one node goes down.
        nodes[0].1.leave("lobby", &a);
        nodes[1].0.tell(&b, Leave);
        sleep(SECOND).await;
        assert_eq!(names(&nodes[0].1), ["c"]);
        nodes[2].0.shutdown(SECOND).await;
        sleep(SECOND).await;
        assert_eq!(names(&nodes[0].1), Vec::<String>::new());
        assert_eq!(names(&nodes[1].1), Vec::<String>::new());
    });
}

#[test]
fn events_tell_who_is_there_and_who_comes_and_goes() {
    sim::run(1, |net| async move {
        let nodes = nodes(&net, 2).await;
        let (a, _) = guest(&nodes[0].0, "a");
        let (b, _) = guest(&nodes[1].0, "b");
        let (listener, mut ear) = guest(&nodes[1].0, "listener");
        nodes[0].1.join("lobby", &a).unwrap();
        nodes[0].1.join("elsewhere", &a).unwrap();
        sleep(5 * SECOND).await;
        nodes[1].1.events("lobby", &listener).unwrap();
        nodes[1].1.join("lobby", &b).unwrap();
        sleep(SECOND).await;
        nodes[1].1.leave("lobby", &b);
        nodes[0].0.tell(&a, Leave);
        sleep(SECOND).await;
        nodes[1].1.join("lobby", &b).unwrap();
        sleep(SECOND).await;
        let events = heard(&mut ear);
        assert_eq!(events[..2].iter().collect::<BTreeSet<_>>().len(), 2);
        assert_eq!(events.len(), 5, "{events:?}");
        assert_eq!(events[4], "+b");
        assert!(events.contains(&"-a".to_owned()) && events.contains(&"-b".to_owned()));
    });
}

#[test]
fn a_slow_member_holds_up_nobody() {
    sim::run(1, |net| async move {
        let nodes = nodes(&net, 2).await;
        let (say, mut slow_ear) = mpsc::unbounded_channel();
        let slow = nodes[0].0.process("slow").mailbox(1);
        let slow = slow.spawn(move |_| Guest(say)).unwrap();
        let (here, mut here_ear) = guest(&nodes[0].0, "here");
        let (there, mut there_ear) = guest(&nodes[1].0, "there");
        nodes[0].1.join("lobby", &slow).unwrap();
        nodes[0].1.join("lobby", &here).unwrap();
        nodes[1].1.join("lobby", &there).unwrap();
        sleep(5 * SECOND).await;

        nodes[0].0.tell(&slow, Doze);
        sleep(MS).await;
        for n in 0..100 {
            let said = Said(n.to_string());
            assert_eq!(nodes[0].1.publish::<GuestProtocol, _>("lobby", &said), 3);
        }
        sleep(SECOND).await;
        let all: Vec<_> = (0..100).map(|n| n.to_string()).collect();
        assert_eq!(heard(&mut here_ear), all);
        assert_eq!(heard(&mut there_ear), all);
        assert_eq!(heard(&mut slow_ear), Vec::<String>::new());
        // It lost messages, not its membership.
        assert_eq!(names(&nodes[1].1), ["here", "slow", "there"]);
    });
}

#[test]
fn a_partition_parts_the_group_and_its_end_joins_it() {
    sim::run(1, |net| async move {
        let nodes = nodes(&net, 3).await;
        for (n, (node, groups)) in nodes.iter().enumerate() {
            let (pid, _) = guest(node, &format!("guest{n}"));
            groups.join("lobby", &pid).unwrap();
        }
        sleep(5 * SECOND).await;
        net.partition(&[address(0), address(1)], &[address(2)]);
        sleep(HEALED).await;
        assert_eq!(names(&nodes[0].1), ["guest0", "guest1"]);
        assert_eq!(names(&nodes[1].1), ["guest0", "guest1"]);
        assert_eq!(names(&nodes[2].1), ["guest2"]);
        net.heal();
        sleep(HEALED).await;
        for (_, groups) in &nodes {
            assert_eq!(names(groups), ["guest0", "guest1", "guest2"]);
        }
    });
}

/// Joins, leaves, ends, partitions in one and in both directions, loss, crashed and restarted nodes, in an order
/// that the seed decides: once the network is whole again, all nodes know exactly the members there are.
#[test]
fn all_agree_after_whatever_happened() {
    const NODES: usize = 4;
    sim::explore(0..20, |net| async move {
        let mut chance = StdRng::seed_from_u64(net.seed());
        net.latency(MS..=30 * MS);
        let mut nodes = nodes(&net, NODES).await;
        let mut guests: Vec<(usize, Pid<GuestProtocol>)> = Vec::new();
        for step in 0..40 {
            let n = chance.random_range(0..NODES);
            let (node, groups) = &nodes[n];
            match chance.random_range(0..14) {
                0..5 => {
                    let (pid, _) = guest(node, &format!("guest{step}"));
                    groups.join("lobby", &pid).unwrap();
                    guests.push((n, pid));
                }
                5..7 if !guests.is_empty() => {
                    let (n, pid) = guests.swap_remove(chance.random_range(0..guests.len()));
                    nodes[n].1.leave("lobby", &pid);
                }
                7..9 if !guests.is_empty() => {
                    let (n, pid) = guests.swap_remove(chance.random_range(0..guests.len()));
                    nodes[n].0.kill(&pid);
                }
                9 => net.partition(&[address(n)], &[address((n + 1) % NODES)]),
                10 => net.partition_one_way(&[address(n)], &[address((n + 2) % NODES)]),
                11 => net.heal(),
                12 => net.loss(chance.random_range(0..3) as f64 * 0.1),
                13 => {
                    net.crash(&nodes[n].0);
                    guests.retain(|(at, _)| *at != n);
                    let node = net.node(&address(n).to_string()).await;
                    let groups = Groups::start(&node, [address(0), address(1)]).unwrap();
                    nodes[n] = (node, groups);
                }
                _ => {}
            }
            sleep(chance.random_range(0..3000) * MS).await;
        }
        net.loss(0.0);
        net.heal();
        sleep(HEALED).await;
        let mut there: Vec<_> = guests.into_iter().map(|(_, pid)| pid).collect();
        there.sort_by(|one, other| one.as_any().cmp(other.as_any()));
        for (node, groups) in &nodes {
            let mut members = groups.members::<GuestProtocol>("lobby");
            members.sort_by(|one, other| one.as_any().cmp(other.as_any()));
            assert_eq!(members, there, "on {node:?}");
        }
    });
}

#[test]
fn only_actors_of_this_node_join_here() {
    sim::run(1, |net| async move {
        let nodes = nodes(&net, 2).await;
        let (a, _) = guest(&nodes[0].0, "a");
        let named = Pid::<GuestProtocol>::named("a", nodes[0].0.address());
        assert_eq!(nodes[1].1.join("lobby", &a), Err(JoinError::NotHere));
        assert_eq!(nodes[0].1.join("lobby", &named), Err(JoinError::NotHere));
        assert_eq!(nodes[0].1.join("", &a), Err(JoinError::BadName));
        assert_eq!(
            nodes[0].1.join("x".repeat(257), &a),
            Err(JoinError::BadName)
        );
    });
}

#[test]
fn a_broker_that_is_built_anew_knows_the_members_again() {
    sim::run(1, |net| async move {
        let a = net.node(&address(0).to_string()).await;
        let (groups, broker) = Groups::supervised(&a, [address(1)]);
        let root = a
            .supervise(Supervisor::one_for_one("tree").with(broker))
            .unwrap();
        a.ask(&root, Started, SECOND).await.unwrap();
        let b = net.node(&address(1).to_string()).await;
        let others = Groups::start(&b, []).unwrap();
        let (here, _) = guest(&a, "here");
        let (there, _) = guest(&b, "there");
        groups.join("lobby", &here).unwrap();
        others.join("lobby", &there).unwrap();
        sleep(HEALED).await;
        assert_eq!(names(&groups), ["here", "there"]);

        a.kill(Pid::<GuestProtocol>::named(BROKER, a.address()));
        sleep(MS).await;
        assert_eq!(names(&groups), ["here"]);
        sleep(HEALED).await;
        assert_eq!(names(&groups), ["here", "there"]);
        assert_eq!(names(&others), ["here", "there"]);
        a.tell(&here, Leave);
        sleep(SECOND).await;
        assert_eq!(names(&others), ["there"]);
    });
}
