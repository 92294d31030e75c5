//! A pipeline of requests whose last stage is slow: back-pressure slows the first one, across two nodes, and no
//! queue grows.
//!
//! `cargo run -p libprocess --example pipeline`

use std::error::Error;
use std::time::Duration;

use libprocess::prelude::*;
use libprocess::tls::Authority;
use serde::{Deserialize, Serialize};

const REQUESTS: u64 = 300;
const SECOND: Duration = Duration::from_secs(1);

/// How many requests may wait at the parser: it fills, and then its sender waits.
const MAILBOX: usize = 16;

/// How long the store takes for one request.
const WRITE: Duration = Duration::from_millis(2);

#[derive(Serialize, Deserialize)]
struct Request(String);
#[derive(Serialize, Deserialize)]
struct Store(u64);
#[derive(Serialize, Deserialize)]
struct Stored;

protocol! { ParserProtocol = "parser" { 1 => Request -> () } }
protocol! { StoreProtocol = "store" { 1 => Store -> (), 2 => Stored -> u64 } }

/// The middle: takes the next request only when the store has taken the last one.
struct Parser {
    store: Pid<StoreProtocol>,
}

impl Actor for Parser {
    type Context = Context<Self>;
}

impl Process for Parser {
    type Protocol = ParserProtocol;
}

impl Handler<Request> for Parser {
    type Result = ();

    fn handle(&mut self, Request(text): Request, ctx: &mut Context<Self>) {
        let number = text.trim_start_matches("request ").parse().unwrap_or(0);
        let stored = ctx.ask(&self.store, Store(number), SECOND);
        // Handles nothing else until then: that is how the store's pace becomes this actor's.
        ctx.wait(wrap_future(stored).map(|stored, _, _| {
            if let Err(error) = stored {
                println!("not stored: {error}");
            }
        }));
    }
}

/// The end: slow.
struct Disk(u64);

impl Actor for Disk {
    type Context = Context<Self>;
}

impl Process for Disk {
    type Protocol = StoreProtocol;
}

impl Handler<Store> for Disk {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, _: Store, _: &mut Context<Self>) -> Self::Result {
        let written = wrap_future(tokio::time::sleep(WRITE));
        AtomicResponse::new(Box::pin(written.map(|(), disk: &mut Self, _| disk.0 += 1)))
    }
}

impl Handler<Stored> for Disk {
    type Result = u64;

    fn handle(&mut self, _: Stored, _: &mut Context<Self>) -> u64 {
        self.0
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let authority = Authority::generate("demo");
    let [near, far] = ["near", "far"].map(|name| authority.issue("demo", name));
    let near = Node::bind("127.0.0.1:0").identity(near).start().await?;
    let far = Node::bind("127.0.0.1:0").identity(far).start().await?;

    let store = far.spawn("store", |_| Disk(0))?;
    let parser = {
        let store = store.clone();
        let parser = near.process("parser").mailbox(MAILBOX);
        parser.spawn(move |_| Parser { store })?
    };

    let mut most_waiting = 0;
    for number in 1..=REQUESTS {
        // As fast as it can, which is as fast as the store can. A plain `tell` would overflow the mailbox.
        let request = Request(format!("request {number}"));
        near.tell_ready(&parser, request).await?;
        let waiting = near.processes()[0].depth;
        most_waiting = most_waiting.max(waiting);
        if number % 100 == 0 {
            let stored = far.ask(&store, Stored, SECOND).await?;
            println!("{number} sent, {stored} stored, {waiting} waiting");
        }
    }
    // Told to stop, it handles what it has before.
    let emptied = near.monitor(&parser);
    near.stop(&parser);
    emptied.await;
    let stored = far.ask(&store, Stored, SECOND).await?;
    println!("{stored} stored in the end; never more than {most_waiting} waited");
    Ok(())
}
