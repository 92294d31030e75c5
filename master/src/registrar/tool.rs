//! The registry as operators handle it: shown, saved to a file, put back.
//!
//! A backup is a file of the form that [`DiskStorage`](super::DiskStorage) has: it can be put into a work directory
//! by hand, too.

use std::path::Path;

use super::registry::{Change, Record, RecordKey, Registry};
use super::storage::{Storage, StorageError};
use super::{disk, log};

/// Reads a registry; whoever may write it goes on.
///
/// # Errors
/// It cannot be read.
pub async fn read(storage: Box<dyn Storage>) -> Result<Registry, StorageError> {
    Ok(storage.read().await?.into_iter().collect())
}

/// Why a registry was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// What is there would be lost.
    #[error(
        "{0} records are stored there already: save them with `mesos registry backup`, then say --force to replace them"
    )]
    NotEmpty(usize),
    /// It could not be read before it was to be written.
    #[error("what is stored there cannot be read, so it is not replaced; move it away first: {0}")]
    Unreadable(StorageError),
    /// It cannot be opened or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Makes a registry what `wanted` is, as one batch; one with other records in it only with `force`. A master that was its
/// writer ends: it would go on with what it knew before.
///
/// # Errors
/// It cannot be opened or written, or something else is there.
pub async fn restore(
    storage: Box<dyn Storage>,
    wanted: &Registry,
    force: bool,
) -> Result<(), RestoreError> {
    let (present, mut writer) = storage.open().await.map_err(|error| match error {
        StorageError::Damaged { .. } | StorageError::UnknownFormat { .. } => {
            RestoreError::Unreadable(error)
        }
        error => error.into(),
    })?;
    if present.iter().cloned().eq(wanted.records()) {
        return Ok(());
    }
    if !present.is_empty() && !force {
        return Err(RestoreError::NotEmpty(present.len()));
    }
    let keys: std::collections::BTreeSet<RecordKey> =
        wanted.records().map(|record| record.key()).collect();
    let gone = present.iter().map(Record::key);
    let gone = gone.filter(|key| !keys.contains(key)).map(Change::Delete);
    let changes = gone.chain(wanted.records().map(Change::Put));
    Ok(writer.store(changes.collect()).await?)
}

/// Reads a backup.
///
/// # Errors
/// The file cannot be read, or is no whole backup: other than in a registry in use, nothing may be missing at its end.
pub fn load(path: &Path) -> Result<Registry, StorageError> {
    disk::read_whole(path)
}

/// A registry as the text of a backup.
///
/// # Errors
/// It cannot be written as JSON.
pub fn backup(registry: &Registry) -> serde_json::Result<String> {
    log::encode(registry.records().map(|record| vec![Change::Put(record)]))
}
