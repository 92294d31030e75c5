//! The threads that actors live on.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, LocalSet};

use crate::limits::MAX_ARBITERS;

/// Makes an actor's task among those of the thread where it is to live.
pub(crate) type Job = Box<dyn FnOnce(&mut JoinSet<()>) + Send>;

/// Where the actors of a node live.
pub(crate) struct Arbiters {
    placement: Placement,
    threads: Mutex<Threads>,
    halt: watch::Sender<bool>,
}

/// On which threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Spread over this many threads of the node's own.
    Threads(usize),
    /// All on the `LocalSet` in which the node was made: for simulation.
    Here,
}

#[derive(Default)]
struct Threads {
    /// Started as they are needed. The queues are bounded by the number of actors being spawned.
    hosts: Vec<mpsc::UnboundedSender<Job>>,
    next: usize,
}

impl Placement {
    /// One thread per core, within reason.
    pub(crate) fn cores() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::Threads(cores.min(MAX_ARBITERS))
    }
}

impl Arbiters {
    /// With [`Placement::Here`] it must be called within a `LocalSet`.
    pub(crate) fn new(placement: Placement) -> Self {
        let halt = watch::Sender::new(false);
        let mut threads = Threads::default();
        if placement == Placement::Here {
            let (jobs, queue) = mpsc::unbounded_channel();
            tokio::task::spawn_local(host(queue, halt.subscribe()));
            threads.hosts.push(jobs);
        }
        Self {
            placement,
            threads: Mutex::new(threads),
            halt,
        }
    }

    /// Hands a job to the next thread, or to one of its own. A job that comes too late is dropped.
    pub(crate) fn place(&self, job: Job, own_thread: bool) {
        match self.placement {
            Placement::Threads(_) if own_thread => {
                let _ = self.start_thread().send(job);
            }
            Placement::Threads(count) => {
                let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
                if threads.hosts.len() < count.max(1) {
                    let host = self.start_thread();
                    threads.hosts.push(host);
                    threads.next = threads.hosts.len() - 1;
                }
                let at = threads.next % threads.hosts.len();
                threads.next = at + 1;
                let _ = threads.hosts[at].send(job);
            }
            Placement::Here => {
                let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = threads.hosts[0].send(job);
            }
        }
    }

    /// Drops every actor that still lives, now and without a word to it.
    pub(crate) fn halt(&self) {
        self.halt.send_replace(true);
    }

    /// A thread ends when the sender is dropped and its actors have ended, or when the node halts.
    fn start_thread(&self) -> mpsc::UnboundedSender<Job> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let halt = self.halt.subscribe();
        let started = std::thread::Builder::new()
            .name("actors".into())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                match runtime {
                    Ok(runtime) => LocalSet::new().block_on(&runtime, host(queue, halt)),
                    Err(error) => tracing::error!(%error, "no runtime for a thread of actors"),
                }
            });
        if let Err(error) = started {
            tracing::error!(%error, "no thread for actors");
        }
        jobs
    }
}

async fn host(mut queue: mpsc::UnboundedReceiver<Job>, mut halt: watch::Receiver<bool>) {
    let mut actors = JoinSet::new();
    let mut open = true;
    while open || !actors.is_empty() {
        tokio::select! {
            biased;
            _ = halt.wait_for(|halted| *halted) => break,
            job = queue.recv(), if open => match job {
                Some(place) => place(&mut actors),
                None => open = false,
            },
            Some(_) = actors.join_next(), if !actors.is_empty() => {}
        }
    }
    actors.shutdown().await;
}
