//! A world that is over leaves nothing behind.

use std::any::Any;
use std::sync::{Mutex, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::node::WeakNode;
use crate::prelude::*;
use crate::sim::{Net, explore};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Serialize, Deserialize)]
struct Echo(Vec<u8>);

protocol! { EchoProtocol = "echo" { 1 => Echo -> Vec<u8> } }

/// Watches whoever asks it, and knows its own node: what a careless actor holds.
struct Echoing {
    _node: Node,
}

impl Actor for Echoing {
    type Context = Context<Self>;
}

impl Process for Echoing {
    type Protocol = EchoProtocol;
}

impl Handler<Echo> for Echoing {
    type Result = Vec<u8>;

    fn handle(&mut self, Echo(bytes): Echo, _: &mut Context<Self>) -> Vec<u8> {
        bytes
    }
}

/// Nodes that talk, watch each other, and are left alone in the middle of it.
async fn busy(net: &Net) -> Vec<Node> {
    let mut nodes = Vec::new();
    for last in 1..=3 {
        nodes.push(net.node(&format!("10.0.0.{last}:5050")).await);
    }
    let spawn = |node: &Node| {
        let _node = node.clone();
        node.spawn("echo", |_| Echoing { _node }).unwrap()
    };
    let pids: Vec<_> = nodes.iter().map(spawn).collect();
    for node in &nodes {
        for pid in &pids {
            let answer = node.ask(pid, Echo(vec![1; 1000]), SECOND).await;
            assert_eq!(answer, Ok(vec![1; 1000]));
            // Both stay under way: nobody waits for them.
            drop(node.monitor(pid));
            node.tell(pid, Echo(vec![2; 100_000]));
        }
    }
    nodes
}

#[derive(Default)]
struct Seen {
    nodes: Vec<WeakNode>,
    networks: Vec<Weak<dyn Any + Send + Sync>>,
}

fn check(by_message: bool) {
    let seen: Mutex<Seen> = Mutex::default();
    explore(0..30, |net| {
        let seen = &seen;
        async move {
            if by_message {
                net.messages();
            }
            let nodes = busy(&net).await;
            match net.seed() % 3 {
                0 => net.crash(&nodes[0]),
                1 => nodes[0].shutdown(SECOND).await,
                _ => {}
            }
            let mut seen = seen.lock().unwrap();
            seen.nodes.extend(nodes.iter().map(Node::downgrade));
            seen.networks.push(net.downgrade());
        }
    });
    let seen = seen.lock().unwrap();
    let nodes = seen.nodes.iter().filter(|it| it.upgrade().is_some());
    let networks = seen.networks.iter().filter(|it| it.upgrade().is_some());
    assert_eq!((nodes.count(), networks.count()), (0, 0));
}

#[test]
fn nodes_of_earlier_worlds_are_gone() {
    check(false);
}

#[test]
fn nodes_of_earlier_worlds_on_the_message_network_are_gone() {
    check(true);
}
