//! A registry storage without a disk: for `--registry=in_memory`, and, with injected faults, for
//! tests and simulated clusters.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::registry::{Change, Record, Registry};
use super::storage::{Opened, Storage, StorageError, Writer};

/// A handle to a registry in memory. Clones share it, so that a master that is built anew finds
/// what the one before it stored.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    registry: Registry,
    /// Counts the openings; only the last opener may write.
    writer: u64,
    faults: VecDeque<Fault>,
    stores: usize,
}

/// What is to go wrong.
#[derive(Debug)]
pub enum Fault {
    /// A store fails and nothing is stored.
    Fail(StorageError),
    /// A store fails, but what it stored is there at the next opening.
    FailAfterwards(StorageError),
    /// A store takes this long.
    Delay(Duration),
}

impl MemoryStorage {
    /// Lets the next store that has no fault yet meet this one.
    pub fn inject(&self, fault: Fault) {
        self.lock().faults.push_back(fault);
    }

    /// Lets no more stores meet the faults that are left.
    pub fn forget_faults(&self) {
        self.lock().faults.clear();
    }

    /// What is stored now.
    pub fn registry(&self) -> Registry {
        self.lock().registry.clone()
    }

    /// How many stores were tried, over all openings.
    pub fn stores(&self) -> usize {
        self.lock().stores
    }

    /// A panic elsewhere cannot leave the value half changed, so a poisoned lock is fine.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, writer: u64, changes: Vec<Change>) -> Result<(), StorageError> {
        let mut shared = self.lock();
        if shared.writer != writer {
            return Err(StorageError::Fenced);
        }
        changes
            .into_iter()
            .for_each(|change| shared.registry.apply(change));
        Ok(())
    }
}

impl Storage for MemoryStorage {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Opened, StorageError>> {
        let mut shared = self.lock();
        shared.writer += 1;
        let writer = shared.writer;
        let records: Vec<Record> = shared.registry.records().collect();
        drop(shared);
        async move {
            let writer: Box<dyn Writer> = Box::new(MemoryWriter {
                storage: *self,
                writer,
            });
            Ok((records, writer))
        }
        .boxed()
    }

    fn read(self: Box<Self>) -> BoxFuture<'static, Result<Vec<Record>, StorageError>> {
        let records = self.lock().registry.records().collect();
        async move { Ok(records) }.boxed()
    }
}

struct MemoryWriter {
    storage: MemoryStorage,
    writer: u64,
}

impl Writer for MemoryWriter {
    fn store(&mut self, changes: Vec<Change>) -> BoxFuture<'_, Result<(), StorageError>> {
        async move {
            let fault = {
                let mut shared = self.storage.lock();
                shared.stores += 1;
                shared.faults.pop_front()
            };
            match fault {
                None => self.storage.commit(self.writer, changes),
                Some(Fault::Fail(error)) => Err(error),
                Some(Fault::FailAfterwards(error)) => {
                    self.storage.commit(self.writer, changes).and(Err(error))
                }
                Some(Fault::Delay(duration)) => {
                    tokio::time::sleep(duration).await;
                    self.storage.commit(self.writer, changes)
                }
            }
        }
        .boxed()
    }
}
