//! A worker that fails, a supervisor that builds it anew, and a queue thanks to which no job gets lost.
//!
//! What a failed actor held is gone: its successor comes from the factory, not from its remains. So what must
//! survive is kept by another actor, one that does so little that it has no reason to fail. Here the queue
//! keeps every job until the worker says that it is done; a worker that dies over a job leaves it there.
//!
//! ```text
//!   tree ─┬─ queue     started first: the worker needs it
//!         └─ worker    asks for a job, does it, reports; built anew when it panics
//! ```

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libprocess::prelude::*;
use libprocess::supervise::{Child, Supervisor};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
struct Job {
    number: u32,
    /// How often it was handed out before.
    attempts: u32,
}

/// Hands out the first job, which stays the first until it is done.
struct Next;
struct Done;

// `local`: these messages never leave the node, so they need no encoding.
protocol! { local QueueProtocol = "queue" { 1 => Next -> Option<Job>, 2 => Done -> () } }

struct Queue(VecDeque<Job>);

impl Actor for Queue {
    type Context = Context<Self>;
}

impl Process for Queue {
    type Protocol = QueueProtocol;
}

impl Handler<Next> for Queue {
    type Result = Option<Job>;
    fn handle(&mut self, _: Next, _: &mut Context<Self>) -> Option<Job> {
        let first = self.0.front_mut()?;
        let job = *first;
        first.attempts += 1;
        Some(job)
    }
}

impl Handler<Done> for Queue {
    type Result = ();
    fn handle(&mut self, _: Done, _: &mut Context<Self>) {
        self.0.pop_front();
    }
}

struct Worker {
    life: u32,
    queue: Pid<QueueProtocol>,
}

// Nobody tells it anything: it asks.
protocol! { local WorkerProtocol = "worker" {} }

impl Actor for Worker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.work(ctx);
    }
}

impl Process for Worker {
    type Protocol = WorkerProtocol;
}

impl Worker {
    fn work(&mut self, ctx: &mut Context<Self>) {
        let queue = self.queue.clone();
        ctx.ask_then(&queue, Next, SECOND, |worker, job, ctx| match job {
            Ok(Some(job)) => {
                worker.perform(job);
                ctx.tell(&worker.queue, Done);
                worker.work(ctx);
            }
            // An end without a failure: a transient child is not built anew after it.
            Ok(None) => ctx.stop(),
            // Not a panic, but a failure as well.
            Err(error) => ctx.fail(format!("no job: {error}")),
        });
    }

    fn perform(&self, Job { number, attempts }: Job) {
        // Job 3 fails once, as with a service that is just being restarted; job 5 always, as a bug does.
        let fails = number == 3 && attempts == 0 || number == 5;
        println!(
            "worker {} {} job {number}",
            self.life,
            if fails { "panics over" } else { "has done" }
        );
        assert!(!fails, "job {number} does not work");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let node = Node::local();
    let address = node.address();

    // A factory is called for every life, so it keeps what all lives share, and no more.
    let lives = AtomicU32::new(1);
    let worker = Child::new("worker", move |_| Worker {
        life: lives.fetch_add(1, Ordering::Relaxed),
        // By name: it means the queue of the moment, should that have been built anew.
        queue: Pid::named("queue", address),
    });

    // If the queue failed, the worker would be built anew with it; if the worker fails, the queue stays.
    let jobs = |_: &mut Context<Queue>| {
        let job = |number| Job {
            number,
            attempts: 0,
        };
        Queue((1..=6).map(job).collect())
    };
    let tree = Supervisor::rest_for_one("tree")
        .intensity(3, 10 * SECOND)
        .backoff(SECOND / 100, SECOND)
        .child("queue", jobs)
        .with(worker.transient());

    let root = node.supervise(tree)?;
    // Restarts help against what passes. Against what does not, the tree gives up, and says why.
    println!("the tree {}", node.monitor(&root).await.reason);
    node.shutdown(SECOND).await;
    Ok(())
}
