//! What can be seen of running nodes: views, the observer, who waits for whom.

use std::time::Duration;

use crate::common::{Add, Counter, CounterProtocol, Hang, Pause, SOON, Total, soon};
use libprocess::Allow;
use libprocess::observe::{
    ClusterView, LookAround, NodeView, OBSERVER, Observer, ObserverProtocol, Readiness, Standing,
    explore, metrics,
};
use libprocess::prelude::*;
use libprocess::sim;
use serde::{Deserialize, Serialize};

/// Asks the next one, and answers when that has answered.
#[derive(Serialize, Deserialize)]
struct PassOn(Vec<Pid<RelayProtocol>>);

protocol! { RelayProtocol = "relay" { 1 => PassOn -> () } }

struct Relay;

impl Actor for Relay {
    type Context = Context<Self>;
}

impl Process for Relay {
    type Protocol = RelayProtocol;
}

impl Handler<PassOn> for Relay {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, PassOn(mut ring): PassOn, ctx: &mut Context<Self>) -> Self::Result {
        let next = ring.remove(0);
        let asked = ctx.ask(&next, PassOn(ring), Duration::from_secs(60));
        AtomicResponse::new(Box::pin(async { drop(asked.await) }.into_actor(self)))
    }
}

fn process<'a>(view: &'a NodeView, name: &str) -> &'a libprocess::observe::ProcessView {
    let mut processes = view.processes.iter();
    processes
        .find(|process| process.pid.name() == name)
        .unwrap_or_else(|| panic!("{name} is not in {view:?}"))
}

async fn look_around(from: &Node, at: &Node) -> ClusterView {
    let observer = Pid::<ObserverProtocol>::named(OBSERVER, at.address());
    let look = LookAround {
        patience_millis: 1000,
        seen: Vec::new(),
    };
    from.ask(&observer, look, SOON).await.unwrap()
}

#[tokio::test]
async fn a_view_shows_what_actors_did_and_what_waits_for_them() {
    let node = Node::local();
    let counter = node
        .process("counter")
        .mailbox(100)
        .spawn(|_| Counter::default())
        .unwrap();
    node.ask(&counter, Total, SOON).await.unwrap();
    let hanging = node.ask(&counter, Hang, SOON);
    node.tell(&counter, Pause);
    let queued = node.ask(&counter, Total, SOON);
    for _ in 0..3 {
        node.tell(&counter, Add(1));
    }
    // A view is no snapshot: it shows all of this together only when the actor pauses and has put back what it had
    // taken out of its mailbox.
    let view = soon(async {
        loop {
            let view = node.view();
            let seen = process(&view, "counter");
            if seen.blocked && seen.asks.len() == 2 && (seen.handled, seen.depth) == (3, 4) {
                break view;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let seen = process(&view, "counter");
    assert_eq!((seen.capacity, seen.dropped), (100, 0));
    let asks: Vec<_> = seen.asks.iter().map(|a| (&*a.message, a.begun)).collect();
    assert_eq!(asks, [("Hang", true), ("Total", false)]);
    assert!(
        metrics(&view)
            .contains("libprocess_mailbox_depth{actor=\"counter\",protocol=\"counter\"} 4\n")
    );

    // What nobody waits for any more is no wait.
    drop(queued);
    assert_eq!(process(&node.view(), "counter").asks.len(), 1);
    drop(hanging);
    node.crash();
}

#[test]
fn an_observer_sees_its_node_and_those_it_is_linked_to() {
    sim::run(1, |net| async move {
        let a = net.node("10.0.0.1:5050").await;
        let b = net.node("10.0.0.2:5050").await;
        let c = net.node("10.0.0.3:5050").await;
        let blind = net.node("10.0.0.4:5050").await;
        let readiness = Readiness::new();
        readiness.ready();
        for node in [&a, &b, &c] {
            Observer::start(node, &readiness).unwrap();
        }
        for node in [&b, &c, &blind] {
            let counter = node.spawn("counter", |_| Counter::default()).unwrap();
            a.ask(&counter, Total, SOON).await.unwrap();
        }

        let cluster = look_around(&b, &a).await;
        let seen: Vec<_> = cluster.nodes.iter().map(|node| node.address).collect();
        assert_eq!(seen, [&a, &b, &c, &blind].map(Node::address));
        let own = cluster.nodes[0].view.as_ref().unwrap();
        assert_eq!(own.standing, Standing::Ready);
        let link = &own.links[0];
        assert_eq!(link.address, b.address());
        assert!(link.messages_out >= 1 && link.messages_in >= 1, "{link:?}");
        assert!(link.rtt_micros.unwrap() >= 2000, "1 ms there, 1 ms back");
        let counter = process(cluster.nodes[2].view.as_ref().unwrap(), "counter");
        assert_eq!(counter.handled, 1);
        let unseen = cluster.nodes[3].unseen.as_deref();
        assert_eq!(unseen, Some("it has no observer"));

        // A node that cannot be reached is shown as such, and holds up nothing for longer than its deadline.
        net.partition(&[&a], &[&c]);
        let began = tokio::time::Instant::now();
        let cluster = look_around(&b, &a).await;
        assert!(began.elapsed() < Duration::from_millis(1500));
        let unseen = cluster.nodes[2].unseen.as_deref();
        assert_eq!(unseen, Some("no answer in time"));
        assert!(cluster.nodes[1].view.is_some());
    });
}

#[test]
fn a_whole_cluster_is_seen_from_anywhere_in_it() {
    sim::run(3, |net| async move {
        // A line of nodes, each linked to the next; the last two are linked also to one that shows nothing.
        let mut nodes = Vec::new();
        for n in 1..=6 {
            let node = net.node(&format!("10.0.0.{n}:1")).await;
            node.spawn("counter", |_| Counter::default()).unwrap();
            nodes.push(node);
        }
        for node in &nodes[..5] {
            Observer::start(node, &Readiness::new()).unwrap();
        }
        for (from, to) in [(0, 1), (1, 2), (2, 3), (3, 4), (3, 5), (4, 5)] {
            let counter = Pid::<CounterProtocol>::named("counter", nodes[to].address());
            nodes[from].ask(&counter, Total, SOON).await.unwrap();
        }
        let outside = net.node("10.0.0.9:1").await;
        let second = Duration::from_secs(1);
        let seen = |cluster: &ClusterView| -> Vec<_> {
            let nodes = cluster.nodes.iter();
            nodes.map(|it| (it.address, it.view.is_some())).collect()
        };
        let at = |n: usize| (nodes[n].address(), n != 5);

        let cluster = explore(&outside, nodes[1].address(), second).await.unwrap();
        let order = [1, 0, 2, 3, 4, 5].map(at);
        assert_eq!(seen(&cluster), order, "nearer ones first, each once");
        assert_eq!(cluster.left_out, 0);
        let unseen = cluster.nodes[5].unseen.as_deref();
        assert_eq!(unseen, Some("it has no observer"));
        let links = cluster.nodes.iter().filter_map(|it| it.view.as_ref());
        let mut links = links.flat_map(|view| &view.links);
        assert!(links.all(|link| link.address != outside.address()));

        // What is cut off is shown as far as it is known, and takes no longer than patience allows.
        net.partition(&[&nodes[3]], &nodes.iter().collect::<Vec<_>>());
        let began = tokio::time::Instant::now();
        let cluster = explore(&outside, nodes[0].address(), second).await.unwrap();
        assert_eq!(seen(&cluster)[..3], [0, 1, 2].map(at));
        assert_eq!(
            cluster.nodes[3].unseen.as_deref(),
            Some("no answer in time")
        );
        assert!(began.elapsed() < 6 * second, "{:?}", began.elapsed());
        assert!(
            explore(&outside, "10.0.0.77:1".parse().unwrap(), second)
                .await
                .is_err()
        );
    });
}

#[test]
fn who_does_not_show_itself_to_one_neighbour_is_seen_by_another() {
    sim::run(4, |net| async move {
        let near = net.node_as("near", "near", "10.0.0.1:1").await;
        let far = net.node_as("far", "far", "10.0.0.2:1").await;
        let shy = Node::bind("10.0.0.3:1")
            .identity(net.identity("shy", "shy"))
            .network(net.network())
            .allow(Allow::<ObserverProtocol>::roles(["far"]));
        let shy = shy.start().await.unwrap();
        for node in [&near, &far, &shy] {
            Observer::start(node, &Readiness::new()).unwrap();
            node.spawn("counter", |_| Counter::default()).unwrap();
        }
        for (from, to) in [(&near, &far), (&near, &shy), (&far, &shy)] {
            let counter = Pid::<CounterProtocol>::named("counter", to.address());
            from.ask(&counter, Total, SOON).await.unwrap();
        }
        let outside = net.node("10.0.0.9:1").await;
        let cluster = explore(&outside, near.address(), Duration::from_secs(1)).await;
        let cluster = cluster.unwrap();
        let seen = cluster
            .nodes
            .iter()
            .map(|it| (it.address, it.view.is_some()));
        let all = [&near, &far, &shy].map(|node| (node.address(), true));
        assert_eq!(seen.collect::<Vec<_>>(), all);
    });
}

#[test]
fn a_circle_of_asks_across_nodes_is_found_and_named() {
    sim::run(2, |net| async move {
        let mut nodes = Vec::new();
        let mut ring = Vec::new();
        for n in 1..=3 {
            let node = net.node(&format!("10.0.0.{n}:1")).await;
            Observer::start(&node, &Readiness::new()).unwrap();
            ring.push(node.spawn(format!("relay{n}"), |_| Relay).unwrap());
            nodes.push(node);
        }
        // The first asks the second, that the third, and that the first again.
        let (first, mut rest) = (ring[0].clone(), ring[1..].to_vec());
        rest.push(first.clone());
        let asked = nodes[0].ask(&first, PassOn(rest), Duration::from_secs(60));
        let cluster = loop {
            let cluster = look_around(&nodes[0], &nodes[0]).await;
            // The third is not linked to the first before it has asked it.
            if !cluster.cycles.is_empty() {
                break cluster;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        let names: Vec<_> = cluster.cycles.iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            ["relay1@10.0.0.1:1 -> relay2@10.0.0.2:1 -> relay3@10.0.0.3:1 -> relay1@10.0.0.1:1"]
        );
        assert!(
            cluster.cycles[0].stuck,
            "none of them handles anything else"
        );
        drop(asked);
    });
}
