//! The registrar: the one writer of the registry.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::historic::{Historic, Museum};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::error;

use super::operations::{Operation, Refused};
use super::registry::Registry;
use super::storage::{Opened, Storage, StorageError, Writer};

/// Operations that may wait while a store is in flight: twice the agents of the largest clusters,
/// all of which may become unreachable at once.
const MAX_QUEUED: usize = 100_000;

protocol! {
    /// What the registrar does for its master.
    pub local RegistrarProtocol = "mesos.registrar" {
        1 => Recover -> Result<Registry, RegistrarError>,
        2 => Apply -> Result<bool, RegistrarError>,
    }
}

/// Opens the storage, if that has not been done yet, and answers what the registry holds.
#[derive(Clone, Copy, Debug)]
pub struct Recover;

/// Applies an operation; answered once it is stored, with whether it changed anything.
#[derive(Clone, Debug)]
pub struct Apply(pub Operation);

/// Why the registrar did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RegistrarError {
    /// The operation does not fit what the registry holds.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Too many operations are waiting for the storage; try again.
    #[error("the registry storage is too slow: {MAX_QUEUED} operations are waiting")]
    Overloaded,
    /// Operations need a recovered registry.
    #[error("the registry has not been recovered yet")]
    NotRecovered,
    /// The storage failed. This is fatal: the registrar does nothing more, and the master must end.
    #[error(transparent)]
    Storage(Arc<StorageError>),
}

/// How long the storage may take.
#[derive(Clone, Copy, Debug)]
pub struct RegistrarTimeouts {
    /// `--registry_fetch_timeout`: for reading the registry.
    pub fetch: Duration,
    /// `--registry_store_timeout`: for storing a batch of operations.
    pub store: Duration,
}

impl Default for RegistrarTimeouts {
    fn default() -> Self {
        Self {
            fetch: Duration::from_secs(60),
            store: Duration::from_secs(20),
        }
    }
}

/// The registrar's actor: batches what arrives while a store is in flight. A [`DiskStorage`](super::DiskStorage) blocks, so this is to be
/// spawned on a thread of its own.
pub struct RegistrarProcess {
    state: State,
    timeouts: RegistrarTimeouts,
    museum: Museum,
}

enum State {
    Closed(Box<dyn Storage>),
    Opening(Vec<Reply<Registry>>),
    Open(Box<Open>),
    Failed(Arc<StorageError>),
}

struct Open {
    /// With all operations that were accepted, also those whose store is in flight.
    registry: Registry,
    /// Absent while a store is in flight.
    writer: Option<Box<dyn Writer>>,
    queue: VecDeque<(Operation, Reply<bool>)>,
}

type Reply<T> = oneshot::Sender<Result<T, RegistrarError>>;

/// Operations whose changes are being stored, with what to answer once they are.
type Batch = Vec<(Reply<bool>, Result<bool, RegistrarError>)>;

impl RegistrarProcess {
    /// Touches nothing before it is asked to recover.
    pub fn new(storage: Box<dyn Storage>, timeouts: RegistrarTimeouts) -> Self {
        Self {
            state: State::Closed(storage),
            timeouts,
            museum: Museum::default(),
        }
    }

    /// With a failure of old on show.
    pub fn showing(self, museum: Museum) -> Self {
        Self { museum, ..self }
    }

    fn open(&mut self, storage: Box<dyn Storage>, ctx: &mut Context<Self>) {
        let limit = self.timeouts.fetch;
        let opening = async move {
            timeout(limit, storage.open())
                .await
                .unwrap_or(Err(late(limit)))
        };
        ctx.spawn(
            opening
                .into_actor(self)
                .map(|opened, registrar, _| registrar.opened(opened)),
        );
    }

    fn opened(&mut self, opened: Result<Opened, StorageError>) {
        let State::Opening(waiting) = &mut self.state else {
            return;
        };
        let waiting = mem::take(waiting);
        match opened {
            Ok((records, writer)) => {
                let registry = Registry::from_iter(records);
                answer(waiting, &Ok(registry.clone()));
                let writer = Some(writer);
                self.state = State::Open(Box::new(Open {
                    registry,
                    writer,
                    queue: VecDeque::new(),
                }));
            }
            Err(error) => answer(waiting, &Err(self.fail(error))),
        }
    }

    /// Stores all that waits, unless a store is in flight already.
    fn store_next(&mut self, ctx: &mut Context<Self>) {
        let State::Open(open) = &mut self.state else {
            return;
        };
        if open.queue.is_empty() {
            return;
        }
        let Some(mut writer) = open.writer.take() else {
            return;
        };
        let mut changes = Vec::new();
        let mut batch = Batch::new();
        for (operation, reply) in open.queue.drain(..) {
            let outcome = operation.changes(&open.registry);
            let made = outcome.map(|made| {
                let changed = !made.is_empty();
                for change in made {
                    open.registry.apply(change.clone());
                    changes.push(change);
                }
                changed
            });
            batch.push((reply, made.map_err(RegistrarError::from)));
        }
        if changes.is_empty() {
            open.writer = Some(writer);
            return answer_batch(batch);
        }
        if self.museum.shows(Historic::AnsweredBeforeStored) {
            answer_batch(mem::take(&mut batch));
        }
        let limit = self.timeouts.store;
        let storing = async move {
            let stored = timeout(limit, writer.store(changes))
                .await
                .unwrap_or(Err(late(limit)));
            (writer, stored)
        };
        ctx.spawn(
            storing
                .into_actor(self)
                .map(|(writer, stored), registrar, ctx| {
                    registrar.stored(writer, stored, batch);
                    registrar.store_next(ctx);
                }),
        );
    }

    fn stored(&mut self, writer: Box<dyn Writer>, stored: Result<(), StorageError>, batch: Batch) {
        match stored {
            Ok(()) => {
                if let State::Open(open) = &mut self.state {
                    open.writer = Some(writer);
                }
                answer_batch(batch);
            }
            Err(error) => {
                let error = self.fail(error);
                answer_batch(
                    batch
                        .into_iter()
                        .map(|(reply, _)| (reply, Err(error.clone()))),
                );
            }
        }
    }

    /// Answers everything that waits with the error, and everything that comes.
    fn fail(&mut self, error: StorageError) -> RegistrarError {
        error!(%error, "the registry storage failed");
        let error = Arc::new(error);
        if let State::Open(open) = mem::replace(&mut self.state, State::Failed(error.clone())) {
            let failure = || Err(RegistrarError::Storage(error.clone()));
            answer_batch(open.queue.into_iter().map(|(_, reply)| (reply, failure())));
        }
        RegistrarError::Storage(error)
    }
}

impl Actor for RegistrarProcess {
    type Context = Context<Self>;
}

impl Process for RegistrarProcess {
    type Protocol = RegistrarProtocol;
}

impl Handler<Recover> for RegistrarProcess {
    type Result = ResponseFuture<Result<Registry, RegistrarError>>;

    fn handle(&mut self, _: Recover, ctx: &mut Context<Self>) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        match mem::replace(&mut self.state, State::Opening(vec![])) {
            State::Closed(storage) => {
                self.state = State::Opening(vec![reply]);
                self.open(storage, ctx);
            }
            State::Opening(mut waiting) => {
                waiting.push(reply);
                self.state = State::Opening(waiting);
            }
            State::Open(open) => {
                send(reply, Ok(open.registry.clone()));
                self.state = State::Open(open);
            }
            State::Failed(error) => {
                send(reply, Err(RegistrarError::Storage(error.clone())));
                self.state = State::Failed(error);
            }
        }
        Box::pin(async move { answer.await.unwrap_or(Err(RegistrarError::NotRecovered)) })
    }
}

impl Handler<Apply> for RegistrarProcess {
    type Result = ResponseFuture<Result<bool, RegistrarError>>;

    fn handle(&mut self, Apply(operation): Apply, ctx: &mut Context<Self>) -> Self::Result {
        let (reply, answer) = oneshot::channel();
        match &mut self.state {
            State::Closed(_) | State::Opening(_) => send(reply, Err(RegistrarError::NotRecovered)),
            State::Failed(error) => send(reply, Err(RegistrarError::Storage(error.clone()))),
            State::Open(open) if open.queue.len() >= MAX_QUEUED => {
                send(reply, Err(RegistrarError::Overloaded));
            }
            State::Open(open) => {
                open.queue.push_back((operation, reply));
                self.store_next(ctx);
            }
        }
        Box::pin(async move { answer.await.unwrap_or(Err(RegistrarError::NotRecovered)) })
    }
}

fn late(limit: Duration) -> StorageError {
    StorageError::Timeout(limit.as_secs())
}

fn answer<T: Clone>(waiting: Vec<Reply<T>>, result: &Result<T, RegistrarError>) {
    waiting
        .into_iter()
        .for_each(|reply| send(reply, result.clone()));
}

fn answer_batch(batch: impl IntoIterator<Item = (Reply<bool>, Result<bool, RegistrarError>)>) {
    batch
        .into_iter()
        .for_each(|(reply, result)| send(reply, result));
}

/// Nobody may be waiting any more, because askers have deadlines.
fn send<T>(reply: Reply<T>, result: Result<T, RegistrarError>) {
    reply.send(result).ok();
}
