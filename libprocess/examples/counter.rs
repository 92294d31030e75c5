//! A counter: an actor, its protocol, and a question to it.
//!
//! `cargo run -p libprocess --example counter`

use std::error::Error;
use std::time::Duration;

use libprocess::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Add(u64);
protocol! { CounterProtocol = "counter" { 1 => Add -> u64 } }

struct Counter(u64);
#[rustfmt::skip]
impl Actor for Counter { type Context = Context<Self>; }
#[rustfmt::skip]
impl Process for Counter { type Protocol = CounterProtocol; }
#[rustfmt::skip]
impl Handler<Add> for Counter {
    type Result = u64;
    fn handle(&mut self, Add(n): Add, _: &mut Context<Self>) -> u64 { self.0 += n; self.0 }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let node = Node::local();
    let counter = node.spawn("counter", |_| Counter(0))?;
    let sum = node.ask(&counter, Add(40), Duration::from_secs(1)).await?;
    println!("{counter} has counted to {sum}");
    node.shutdown(Duration::from_secs(1)).await;
    Ok(())
}
