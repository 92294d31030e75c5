//! The registry on the local disk, for a cluster with one master.
//!
//! ```text
//! <work_dir>/registry/lock      held while a master runs, names its process
//! <work_dir>/registry/log       see `log.rs`
//! <work_dir>/registry/log.new   a compacted log that is being written; meaningless after a crash
//! ```
//!
//! A batch is appended with one write and is durable after `fdatasync`. Whole files are replaced
//! by writing a new one, `fsync`, rename and `fsync` of the folder, so that either the old or the
//! new file is there after a crash.
//!
//! These calls block: the registrar's actor has a thread of its own.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tracing::{info, warn};

use super::log::{self, LogError};
use super::registry::{Change, Record, Registry};
use super::storage::{Opened, Storage, StorageError, Writer};

/// A log is compacted when it has grown to this many times what it had when it was last compacted
/// (so that the cost stays proportional to what is appended) …
const COMPACTION_FACTOR: u64 = 4;

/// … and is larger than this many bytes (below which reading all of it takes no time).
const COMPACTION_MINIMUM: u64 = 1 << 20;

/// A registry below a master's work directory.
pub struct DiskStorage {
    folder: PathBuf,
}

impl DiskStorage {
    /// Nothing is touched before it is opened.
    pub fn new(work_dir: &Path) -> Self {
        Self {
            folder: work_dir.join("registry"),
        }
    }

    fn open_now(self) -> Result<Opened, StorageError> {
        fs::create_dir_all(&self.folder).map_err(failed("create", &self.folder))?;
        // A folder that was just made is lost with the power unless the one above it is safe.
        sync_folder(self.folder.parent().unwrap_or(&self.folder))?;
        let lock = lock(&self.folder.join("lock"))?;
        let path = self.folder.join("log");
        let registry = read_file(&path)?;
        // Starting from a compacted log also removes a torn end.
        let (file, length) = write_snapshot(&self.folder, &path, &registry)?;
        let records = registry.records().collect();
        let writer = DiskWriter {
            folder: self.folder,
            path,
            file,
            length,
            compacted_length: length,
            _lock: lock,
        };
        Ok((records, Box::new(writer)))
    }
}

impl Storage for DiskStorage {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Opened, StorageError>> {
        async move { self.open_now() }.boxed()
    }

    /// Files are only ever appended to, or replaced as a whole, so that a master may write meanwhile.
    fn read(self: Box<Self>) -> BoxFuture<'static, Result<Vec<Record>, StorageError>> {
        async move {
            let path = self.folder.join("log");
            // Whoever wants to see a registry means one that is there.
            let bytes = fs::read(&path).map_err(failed("read", &path))?;
            Ok(read_log(&path, &bytes)?.records().collect())
        }
        .boxed()
    }
}

struct DiskWriter {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    length: u64,
    compacted_length: u64,
    /// The operating system releases it with the file, also when the process is killed.
    _lock: File,
}

impl DiskWriter {
    fn store_now(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        let batch = log::encode_batch(changes)
            .map_err(|error| failed("encode a batch for", &self.path)(error.into()))?;
        self.file
            .write_all(batch.as_bytes())
            .map_err(failed("append to", &self.path))?;
        self.file.sync_data().map_err(failed("sync", &self.path))?;
        self.length += batch.len() as u64;
        if self.length > COMPACTION_MINIMUM.max(self.compacted_length * COMPACTION_FACTOR) {
            self.compact()?;
        }
        Ok(())
    }

    /// Reads the log again rather than keeping a second copy of the registry in memory.
    fn compact(&mut self) -> Result<(), StorageError> {
        let bytes = fs::read(&self.path).map_err(failed("read", &self.path))?;
        let registry = read_log(&self.path, &bytes)?;
        let before = self.length;
        (self.file, self.length) = write_snapshot(&self.folder, &self.path, &registry)?;
        self.compacted_length = self.length;
        info!(before, after = self.length, "compacted the registry");
        Ok(())
    }
}

impl Writer for DiskWriter {
    fn store(&mut self, changes: Vec<Change>) -> BoxFuture<'_, Result<(), StorageError>> {
        async move { self.store_now(&changes) }.boxed()
    }
}

fn lock(path: &Path) -> Result<File, StorageError> {
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(path)
        .map_err(failed("open", path))?;
    match file.try_lock() {
        Ok(()) => {
            let name = format!("{}\n", std::process::id());
            (file
                .set_len(0)
                .and_then(|()| file.write_all(name.as_bytes())))
            .map_err(failed("write", path))?;
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => {
            // The holder writes its name right after locking: it may not be there yet.
            let mut holder = String::new();
            let holder = match file.read_to_string(&mut holder) {
                Ok(length) if length > 0 => format!(" (process {})", holder.trim()),
                _ => String::new(),
            };
            Err(StorageError::Locked {
                path: path.to_owned(),
                holder,
            })
        }
        Err(TryLockError::Error(error)) => Err(failed("lock", path)(error)),
    }
}

/// What the file holds; nothing if there is none.
fn read_file(path: &Path) -> Result<Registry, StorageError> {
    match fs::read(path) {
        Ok(bytes) => read_log(path, &bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Registry::default()),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// What a file holds that was written to its end.
pub(super) fn read_whole(path: &Path) -> Result<Registry, StorageError> {
    let bytes = fs::read(path).map_err(failed("read", path))?;
    let parsed = log::parse(&bytes);
    if parsed.is_ok_and(|parsed| parsed.length < bytes.len()) {
        return Err(StorageError::Damaged {
            path: path.to_owned(),
            line: bytes.iter().filter(|byte| **byte == b'\n').count() + 1,
            what: "its end is missing".to_owned(),
        });
    }
    read_log(path, &bytes)
}

fn read_log(path: &Path, bytes: &[u8]) -> Result<Registry, StorageError> {
    let path = path.to_owned();
    let parsed = log::parse(bytes).map_err(|error| match error {
        LogError::Damaged { line, what } => StorageError::Damaged {
            path: path.clone(),
            line,
            what,
        },
        LogError::UnknownFormat { what } => StorageError::UnknownFormat {
            path: path.clone(),
            what,
        },
    })?;
    let torn = bytes.len() - parsed.length;
    if torn > 0 {
        warn!(path = %path.display(), bytes = torn, "dropped the registry write that a crash interrupted");
    }
    let mut registry = Registry::default();
    parsed
        .changes
        .into_iter()
        .for_each(|change| registry.apply(change));
    Ok(registry)
}

/// Replaces the log by one that holds just this registry; answers the file to append to, and its
/// length in bytes.
fn write_snapshot(
    folder: &Path,
    path: &Path,
    registry: &Registry,
) -> Result<(File, u64), StorageError> {
    let new = folder.join("log.new");
    let snapshot = log::encode(registry.records().map(|record| vec![Change::Put(record)]))
        .map_err(|error| failed("encode", path)(error.into()))?;
    let mut file = File::create(&new).map_err(failed("create", &new))?;
    (file
        .write_all(snapshot.as_bytes())
        .and_then(|()| file.sync_all()))
    .map_err(failed("write", &new))?;
    fs::rename(&new, path).map_err(failed("replace", path))?;
    sync_folder(folder)?;
    Ok((file, snapshot.len() as u64))
}

fn sync_folder(folder: &Path) -> Result<(), StorageError> {
    (File::open(folder).and_then(|folder| folder.sync_all())).map_err(failed("sync", folder))
}

fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StorageError + 'a {
    move |source| StorageError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
