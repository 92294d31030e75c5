// A lease service: whoever holds the lease may write to something that only one may write to. Shared by the
// example `lease` and the test of the same name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::prelude::*;
use libprocess::sim::Net;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How long a lease lasts.
const LEASE: Duration = Duration::from_secs(2);

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Asks for the lease. The answer: for how long it is granted, if it is.
#[derive(Serialize, Deserialize)]
struct Acquire;

protocol! { LeaseProtocol = "lease" { 1 => Acquire -> Option<Duration> } }

/// Grants the lease to one client at a time.
#[derive(Default)]
struct LeaseServer {
    expires: Option<Instant>,
}

impl Actor for LeaseServer {
    type Context = Context<Self>;
}

impl Process for LeaseServer {
    type Protocol = LeaseProtocol;
}

impl Handler<Acquire> for LeaseServer {
    type Result = Option<Duration>;

    fn handle(&mut self, _: Acquire, ctx: &mut Context<Self>) -> Option<Duration> {
        let now = ctx.now();
        if self.expires.is_some_and(|expires| expires > now) {
            return None;
        }
        self.expires = Some(now + LEASE);
        Some(LEASE)
    }
}

/// From when on a client counts the time of its lease.
#[derive(Clone, Copy, PartialEq)]
enum Counts {
    /// From the moment when it learns of it: the bug. The server counts from an earlier one.
    FromTheAnswer,
    /// From the moment when it asked: never later than the server.
    FromTheQuestion,
}

/// Until when each client believes to hold the lease.
type Believed = Arc<Mutex<BTreeMap<String, Instant>>>;

/// Wants the lease again and again.
struct Client {
    server: Pid<LeaseProtocol>,
    counts: Counts,
    believed: Believed,
}

protocol! { local ClientProtocol = "client" {} }

impl Client {
    fn try_again(&mut self, ctx: &mut Context<Self>) {
        let asked = ctx.now();
        let server = self.server.clone();
        ctx.ask_then(&server, Acquire, PATIENCE, move |client, answer, ctx| {
            if let Ok(Some(granted)) = answer {
                let until = match client.counts {
                    Counts::FromTheAnswer => ctx.now() + granted,
                    Counts::FromTheQuestion => asked + granted,
                };
                let me = ctx.me_any().to_string();
                client.believed.lock().unwrap().insert(me, until);
            }
            // Chance comes from the run's seed.
            let pause = Duration::from_millis(rand::Rng::random_range(ctx.random(), 50..500));
            ctx.run_later(pause, Self::try_again);
        });
    }
}

impl Actor for Client {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.try_again(ctx);
    }
}

impl Process for Client {
    type Protocol = ClientProtocol;
}

/// Three clients want the lease for twenty seconds, on a network that is slow now and then. At no time must two of
/// them believe to hold it.
async fn lease_scenario(net: Net, counts: Counts) {
    net.reorder(0.02, Duration::from_millis(300));
    let believed = Believed::default();
    let server = net.node("10.0.0.1:5050").await;
    let server = server.spawn("server", |_| LeaseServer::default()).unwrap();
    for last in 2..5 {
        let client = Client {
            server: server.clone(),
            counts,
            believed: believed.clone(),
        };
        let node = net.node(&format!("10.0.0.{last}:5050")).await;
        node.spawn("client", |_| client).unwrap();
    }
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        net.advance(Duration::from_millis(5)).await;
        let believed = believed.lock().unwrap();
        let now = Instant::now();
        let holders = believed.iter().filter(|(_, until)| **until > now);
        let holders: Vec<_> = holders.map(|(client, _)| client).collect();
        assert!(holders.len() < 2, "both believe to hold the lease: {holders:?}");
    }
}
