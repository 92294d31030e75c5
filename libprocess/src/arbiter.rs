//! The threads that actors live on.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
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

/// A thread of actors that runs more than them: it ends only when this is dropped, also if the actors are
/// gone before.
pub(crate) struct Shared {
    pub(crate) runtime: Handle,
    _over: oneshot::Sender<()>,
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

    /// The first thread of actors, to run something else there too. None if this node has no threads.
    pub(crate) fn share(&self) -> Option<Shared> {
        if self.placement == Placement::Here {
            return None;
        }
        let (over, until) = oneshot::channel();
        let (jobs, runtime) = self.start_thread(Some(until))?;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.hosts.insert(0, jobs);
        Some(Shared {
            runtime,
            _over: over,
        })
    }

    /// Hands a job to the next thread, or to one of its own. A job that comes too late is dropped.
    pub(crate) fn place(&self, job: Job, own_thread: bool) {
        match self.placement {
            Placement::Threads(_) if own_thread => {
                if let Some((thread, _)) = self.start_thread(None) {
                    let _ = thread.send(job);
                }
            }
            Placement::Threads(count) => {
                let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
                let at = threads.next % count.max(1);
                if at >= threads.hosts.len()
                    && let Some((thread, _)) = self.start_thread(None)
                {
                    threads.hosts.push(thread);
                }
                threads.next = at + 1;
                let at = at.min(threads.hosts.len().saturating_sub(1));
                if let Some(thread) = threads.hosts.get(at) {
                    let _ = thread.send(job);
                }
            }
            Placement::Here => {
                let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
                let _ = threads.hosts[0].send(job);
            }
        }
    }

    /// Whether all actors live where the node was made.
    pub(crate) fn are_here(&self) -> bool {
        self.placement == Placement::Here
    }

    /// Drops every actor that still lives, now and without a word to it.
    pub(crate) fn halt(&self) {
        self.halt.send_replace(true);
    }

    /// A thread ends when the sender is dropped and its actors have ended, or when the node halts; and, if
    /// it is shared, not before `until`.
    fn start_thread(
        &self,
        until: Option<oneshot::Receiver<()>>,
    ) -> Option<(mpsc::UnboundedSender<Job>, Handle)> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let halt = self.halt.subscribe();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                tracing::error!(%error, "no runtime for a thread of actors");
                return None;
            }
        };
        let handle = runtime.handle().clone();
        let started = std::thread::Builder::new()
            .name("actors".into())
            .spawn(move || {
                // A task of its own, as what the set itself runs is polled whenever any of its tasks is woken.
                let hosting = async { tokio::task::spawn_local(host(queue, halt)).await };
                if let Err(error) = LocalSet::new().block_on(&runtime, hosting) {
                    tracing::error!(%error, "a thread of actors ended");
                }
                if let Some(until) = until {
                    // It fails, for there is nothing to say; that is the sign.
                    let _ = runtime.block_on(until);
                }
            });
        match started {
            Ok(_) => Some((jobs, handle)),
            Err(error) => {
                tracing::error!(%error, "no thread for actors");
                None
            }
        }
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
