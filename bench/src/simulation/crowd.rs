//! A hundred thousand nodes with an actor each, in one process: each tells its neighbour once a second that it lives; or
//! once for all, and then nothing.

use std::time::{Duration, Instant};

use actix::AsyncContext;
use libprocess::prelude::*;
use libprocess::sim;
use serde::{Deserialize, Serialize};

use crate::child::{Child, Role};
use crate::memory;

const NODES: u32 = 100_000;

const EVERY: Duration = Duration::from_secs(1);

/// How often they say so.
#[derive(Clone, Copy, PartialEq)]
enum Beats {
    EverySecond,
    Once,
}

impl Beats {
    /// For so long they are looked at, in virtual time.
    fn long(self) -> Duration {
        match self {
            Self::EverySecond => Duration::from_secs(10),
            Self::Once => Duration::from_secs(3600),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Alive;

#[derive(Serialize, Deserialize)]
struct Heard;

protocol! { NeighbourProtocol = "bench.neighbour" { 1 => Alive -> (), 2 => Heard -> u64 } }

struct Neighbour {
    next: Pid<NeighbourProtocol>,
    beats: Beats,
    heard: u64,
}

impl Actor for Neighbour {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let beat = |neighbour: &mut Self, ctx: &mut Context<Self>| ctx.tell(&neighbour.next, Alive);
        match self.beats {
            Beats::EverySecond => ctx.run_interval(EVERY, beat),
            Beats::Once => ctx.run_later(EVERY, beat),
        };
    }
}

impl Process for Neighbour {
    type Protocol = NeighbourProtocol;
}

impl Handler<Alive> for Neighbour {
    type Result = ();

    fn handle(&mut self, _: Alive, _: &mut Context<Self>) {
        self.heard += 1;
    }
}

impl Handler<Heard> for Neighbour {
    type Result = u64;

    fn handle(&mut self, _: Heard, _: &mut Context<Self>) -> u64 {
        self.heard
    }
}

/// What a crowd costs.
struct Cost {
    /// Bytes a node, with its actor and its two links.
    bytes: f64,
    /// Simulated seconds per second, while they tell each other.
    times_real: f64,
}

fn address(number: u32) -> String {
    let number = number % NODES;
    format!(
        "10.{}.{}.{}:5050",
        number >> 16,
        (number >> 8) & 255,
        number & 255
    )
}

pub(super) fn times_real() -> f64 {
    cost(Beats::EverySecond).times_real
}

/// With links that carry nothing.
pub(super) fn idle_times_real() -> f64 {
    cost(Beats::Once).times_real
}

/// In a process of its own, where no memory waits for being used again.
pub(super) fn bytes() -> f64 {
    let mut child = Child::start(ROLE.0, &[]);
    child.line().parse().expect("a number")
}

/// The hidden command of that process.
pub(super) const ROLE: Role = ("sim-crowd", |_| {
    println!("{}", cost(Beats::EverySecond).bytes)
});

fn cost(beats: Beats) -> Cost {
    sim::run_messages(1, move |net| async move {
        let before = memory::resident();
        let mut nodes = Vec::new();
        for number in 0..NODES {
            let node = net.node(&address(number)).await;
            let next = address(number + 1).parse().expect("an address");
            let next = Pid::named("neighbour", next);
            let neighbour = node.spawn("neighbour", move |_| Neighbour {
                next,
                beats,
                heard: 0,
            });
            nodes.push((node, neighbour.expect("a name")));
        }
        // Links are made.
        net.advance(3 * EVERY).await;
        let bytes = (memory::resident() - before) as f64 / f64::from(NODES);
        let start = Instant::now();
        net.advance(beats.long()).await;
        let times_real = beats.long().as_secs_f64() / start.elapsed().as_secs_f64();
        let (node, last) = &nodes[0];
        let heard = node.ask(last, Heard, EVERY).await.expect("an answer");
        match beats {
            Beats::EverySecond => assert!(heard >= beats.long().as_secs(), "{heard}"),
            Beats::Once => assert_eq!(heard, 1),
        }
        assert!(node.links().iter().all(|link| link.peer.is_some()));
        Cost { bytes, times_real }
    })
}
