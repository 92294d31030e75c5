//! Two actors that answer each other: who sends, what a pid in a message is good for, how an actor ends.
//!
//! `cargo run -p libprocess --example ping_pong`

use std::error::Error;
use std::time::Duration;

use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

const ROUNDS: u32 = 10_000;

/// A ball, and who plays it: a pid is a value like any other, and travels in messages.
#[derive(Serialize, Deserialize)]
struct Ball {
    round: u32,
    from: Pid<PlayerProtocol>,
}

protocol! {
    /// What a player accepts. The numbers are what crosses between machines.
    PlayerProtocol = "player" { 1 => Ball -> () }
}

/// Plays the ball back until the last round.
struct Player;

impl Actor for Player {
    type Context = Context<Self>;
}

impl Process for Player {
    type Protocol = PlayerProtocol;
}

impl Handler<Ball> for Player {
    type Result = ();

    fn handle(&mut self, Ball { round, from }: Ball, ctx: &mut Context<Self>) {
        if round == ROUNDS {
            // The other one is told by its monitor.
            return ctx.stop();
        }
        if round < 2 {
            println!("{} got ball {round} from {}", ctx.me().name(), from.name());
            ctx.monitor(&from);
        }
        let ball = Ball {
            round: round + 1,
            from: ctx.me(),
        };
        ctx.tell(&from, ball);
    }
}

/// Comes behind everything that the other player sent.
impl Handler<Exited> for Player {
    type Result = ();

    fn handle(&mut self, Exited { pid, reason }: Exited, ctx: &mut Context<Self>) {
        println!(
            "{} heard that {} has {reason} after {ROUNDS} balls",
            ctx.me().name(),
            pid.name()
        );
        ctx.stop();
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let node = Node::local();
    let [ping, pong] = [
        node.spawn("ping", |_| Player)?,
        node.spawn("pong", |_| Player)?,
    ];
    let over = node.monitor(&ping);
    // Played by ping, as it seems: pong answers to the pid in the ball.
    let first = Ball {
        round: 0,
        from: ping,
    };
    node.tell(&pong, first);
    over.await;
    node.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
