//! Where the registry of a simulated cluster is kept, with faults.
//!
//! ```text
//!   registrar ── Watched ─┬─ in memory: what was stored, and what is to go wrong
//!                         └─ on the disk of the only master, if it has one: what the next life finds
//! ```
//!
//! Several masters share a registry in memory, as they would in ZooKeeper, where a write is done or not. A single one may
//! have the production storage on the disk of its machine, where a write may be torn; whatever its next life finds there
//! is compared with what was stored.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use master::registrar::{
    Change, DiskStorage, Fault, MemoryStorage, Opened, Record, Registry, Storage, StorageError,
    Writer,
};

use super::doom::Power;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The registry of a cluster. Clones are handles of the same one.
#[derive(Clone)]
pub(super) struct Kept {
    memory: MemoryStorage,
    /// The work directory of the only master.
    disk: Option<PathBuf>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// There is no room.
    is_full: bool,
    /// So many thousandths of the next write reach the disk; then the power goes.
    torn: Option<u16>,
    /// The bit that flips in what the next opening finds.
    rotten: Option<u32>,
    /// What was stored and is not there, or is there and was not stored.
    lost: Option<String>,
}

impl Kept {
    pub(super) fn new(disk: Option<PathBuf>) -> Kept {
        Kept {
            memory: MemoryStorage::default(),
            disk,
            state: Arc::default(),
        }
    }

    /// For a master with this power, or for one term of it.
    pub(super) fn storage(&self, power: &Power) -> Box<dyn Storage> {
        Box::new(Watched {
            kept: self.clone(),
            power: power.clone(),
        })
    }

    /// What is stored now.
    pub(super) fn registry(&self) -> Registry {
        self.memory.registry()
    }

    /// What a master did not find as it was stored.
    pub(super) fn lost(&self) -> Option<String> {
        self.state().lost.clone()
    }

    /// Lets the next store meet a fault.
    pub(super) fn inject(&self, fault: Fault) {
        self.memory.inject(fault);
    }

    /// Lets the power go during the next store; nothing is stored by that.
    pub(super) fn tear(&self, thousandths: u16) {
        self.state().torn = Some(thousandths);
    }

    /// Lets a bit of what is on the disk flip, by this number; the next master that starts has to notice.
    pub(super) fn rot(&self, bit: u32) {
        self.state().rotten = Some(bit);
    }

    /// Whether there is room for anything from now on.
    pub(super) fn fill(&self, is_full: bool) {
        self.state().is_full = is_full;
    }

    /// Whether there is no room.
    pub(super) fn is_full(&self) -> bool {
        self.state().is_full
    }

    /// Nothing goes wrong any more.
    pub(super) fn forget_faults(&self) {
        self.memory.forget_faults();
        let mut state = self.state();
        (state.is_full, state.torn, state.rotten) = (false, None, None);
    }

    fn room(&self) -> Result<(), StorageError> {
        match self.state().is_full {
            true => Err(failed("write", io::ErrorKind::StorageFull)),
            false => Ok(()),
        }
    }

    /// The file that batches are appended to.
    fn log(&self) -> Option<PathBuf> {
        Some(self.disk.as_ref()?.join("registry").join("log"))
    }

    /// A bit flips if it is to, and is put right when a master has refused to begin with it, as by a backup.
    async fn meet_rot(&self, work_dir: &Path) -> io::Result<()> {
        let (Some(bit), Some(log)) = (self.state().rotten.take(), self.log()) else {
            return Ok(());
        };
        let Ok(good) = fs::read(&log) else {
            // Nothing was stored yet.
            return Ok(());
        };
        // What is at the very end may as well have been torn.
        let last_line = good
            .trim_ascii_end()
            .iter()
            .rposition(|byte| *byte == b'\n');
        let bits = last_line.unwrap_or_default() * 8;
        if bits == 0 {
            return Ok(());
        }
        let at = bit as usize % bits;
        let mut bad = good.clone();
        bad[at / 8] ^= 1 << (at % 8);
        fs::write(&log, bad)?;
        if Box::new(DiskStorage::new(work_dir)).open().await.is_ok() {
            let lost = format!("nobody noticed that bit {at} of the registry had flipped");
            self.state().lost.get_or_insert(lost);
        }
        fs::write(&log, good)
    }

    fn compare(&self, records: &[Record]) {
        let mut found = Registry::default();
        let records = records.iter().cloned();
        records.for_each(|record| found.apply(Change::Put(record)));
        let stored = self.memory.registry();
        if found != stored {
            let lost = format!("{stored:?} was stored, and {found:?} found");
            self.state().lost.get_or_insert(lost);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lost(error: io::Error) -> StorageError {
    failed("write", error.kind())
}

fn failed(action: &'static str, kind: io::ErrorKind) -> StorageError {
    StorageError::Io {
        action,
        path: "the registry".into(),
        source: kind.into(),
    }
}

struct Watched {
    kept: Kept,
    power: Power,
}

impl Storage for Watched {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Opened, StorageError>> {
        let Watched { kept, power } = *self;
        Box::pin(async move {
            let (mut records, memory) = Box::new(kept.memory.clone()).open().await?;
            let mut disk = None;
            if let Some(work_dir) = &kept.disk {
                // Opening writes the registry anew.
                kept.room()?;
                power.write().map_err(lost)?;
                kept.meet_rot(work_dir).await.map_err(lost)?;
                let (found, writer) = Box::new(DiskStorage::new(work_dir)).open().await?;
                kept.compare(&found);
                (records, disk) = (found, Some(writer));
            }
            let writer = WatchedWriter {
                kept,
                power,
                memory,
                disk,
            };
            Ok((records, Box::new(writer) as _))
        })
    }

    fn read(self: Box<Self>) -> BoxFuture<'static, Result<Vec<Record>, StorageError>> {
        Box::new(self.kept.memory).read()
    }
}

struct WatchedWriter {
    kept: Kept,
    power: Power,
    memory: Box<dyn Writer>,
    disk: Option<Box<dyn Writer>>,
}

impl WatchedWriter {
    async fn store_whole(&mut self, changes: Vec<Change>) -> Result<(), StorageError> {
        let before = self.kept.memory.registry();
        let stored = self.memory.store(changes.clone()).await;
        // One that fails may have been done nevertheless.
        let is_done = stored.is_ok() || self.kept.memory.registry() != before;
        match &mut self.disk {
            Some(disk) if is_done => disk.store(changes).await.and(stored),
            _ => stored,
        }
    }

    async fn store_torn(&mut self, changes: Vec<Change>, thousandths: u16) -> StorageError {
        if let (Some(disk), Some(log)) = (&mut self.disk, self.kept.log()) {
            let length = |log: &PathBuf| fs::metadata(log).map_or(0, |file| file.len());
            let before = length(&log);
            if let Err(error) = disk.store(changes).await {
                return error;
            }
            let added = length(&log).saturating_sub(before);
            // All of it but the last byte at most: whole, it would have been stored.
            let kept = (added * u64::from(thousandths) / 1_000).min(added.saturating_sub(1));
            let file = OpenOptions::new().write(true).open(&log);
            if let Err(error) = file.and_then(|file| file.set_len(before + kept)) {
                return failed("tear", error.kind());
            }
        }
        failed("finish", io::ErrorKind::Interrupted)
    }
}

impl Writer for WatchedWriter {
    fn store(&mut self, changes: Vec<Change>) -> BoxFuture<'_, Result<(), StorageError>> {
        Box::pin(async move {
            self.kept.room()?;
            let torn = self.kept.state().torn.take();
            if let Some(thousandths) = torn {
                return Err(self.store_torn(changes, thousandths).await);
            }
            // The power may go before it is stored, or before anybody knows that it is.
            self.power.write().map_err(lost)?;
            let stored = self.store_whole(changes).await;
            self.power.write().map_err(lost)?;
            stored
        })
    }
}
