//! Three nodes, each with an actor that sends a message to each of the other two in turn, a thousand
//! a second together.

use std::time::{Duration, Instant};

use actix::AsyncContext;
use bytes::Bytes;
use libprocess::prelude::*;
use libprocess::sim::{self, Net};
use serde::{Deserialize, Serialize};

const NODES: usize = 3;
const SIZE: usize = 100;
const EVERY: Duration = Duration::from_millis(1);

/// In virtual time.
const LONG: Duration = Duration::from_secs(10);

/// After it every actor must have got nearly all messages for it.
const GRACE: Duration = Duration::from_millis(100);

#[derive(Serialize, Deserialize)]
struct Beat(Bytes);

#[derive(Serialize, Deserialize)]
struct Heard;

protocol! {
    PulseProtocol = "bench.pulse" {
        1 => Beat -> (),
        2 => Heard -> u64,
    }
}

struct Pulse {
    others: Vec<Pid<PulseProtocol>>,
    sent: u64,
    heard: u64,
}

impl Actor for Pulse {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(EVERY, |pulse, ctx| {
            let turn = pulse.sent as usize % pulse.others.len();
            ctx.tell(&pulse.others[turn], Beat(Bytes::from_static(&[7; SIZE])));
            pulse.sent += 1;
        });
    }
}

impl Process for Pulse {
    type Protocol = PulseProtocol;
}

impl Handler<Beat> for Pulse {
    type Result = ();

    fn handle(&mut self, _: Beat, _: &mut Context<Self>) {
        self.heard += 1;
    }
}

impl Handler<Heard> for Pulse {
    type Result = u64;

    fn handle(&mut self, Heard: Heard, _: &mut Context<Self>) -> u64 {
        self.heard
    }
}

/// Simulated seconds per second, without the start of the world.
pub(super) fn times_real(by_message: bool) -> f64 {
    sim::run(1, |net| async move {
        if by_message {
            net.messages();
        }
        let nodes = start(&net).await;
        // Links are made, codes are warm.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = heard(&nodes).await;
        let start = Instant::now();
        tokio::time::sleep(LONG).await;
        let took = start.elapsed();
        tokio::time::sleep(GRACE).await;
        let heard = heard(&nodes).await - before;
        let sent = NODES as u128 * LONG.as_millis() / EVERY.as_millis();
        assert!(u128::from(heard) >= sent, "{heard} of {sent}");
        LONG.as_secs_f64() / took.as_secs_f64()
    })
}

async fn start(net: &Net) -> Vec<(Node, Pid<PulseProtocol>)> {
    let mut nodes = Vec::new();
    for number in 1..=NODES {
        nodes.push(net.node(&format!("10.0.0.{number}:5050")).await);
    }
    let addresses: Vec<_> = nodes.iter().map(Node::address).collect();
    let spawn = |node: Node| {
        let others = addresses.iter().filter(|it| **it != node.address());
        let others = others.map(|it| Pid::named("pulse", *it)).collect();
        let pulse = node.spawn("pulse", |_| Pulse {
            others,
            sent: 0,
            heard: 0,
        });
        (node, pulse.expect("a name"))
    };
    nodes.into_iter().map(spawn).collect()
}

async fn heard(nodes: &[(Node, Pid<PulseProtocol>)]) -> u64 {
    let mut sum = 0;
    for (node, pulse) in nodes {
        let asked = node.ask(pulse, Heard, Duration::from_secs(1));
        sum += asked.await.expect("an answer");
    }
    sum
}
