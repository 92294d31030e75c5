//! The seam under the registrar: where the registry survives the master.
//!
//! A storage is a set of records, changed in batches. Each batch is all or nothing, and durable
//! once `store` has answered. Records instead of one blob keep a change as small as it is, and let
//! a storage with small nodes (ZooKeeper) use one node per record.
//!
//! Only one master may write. Opening makes the opener that one: whoever opened before is *fenced*
//! and its next `store` fails with [`StorageError::Fenced`], or, where the storage cannot take
//! over, opening fails with [`StorageError::Locked`].

use std::io;
use std::path::PathBuf;

use futures_util::future::BoxFuture;

use super::registry::{Change, Record};

/// A place for the registry that has not been opened.
pub trait Storage: Send {
    /// Becomes the only writer and reads all records.
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Opened, StorageError>>;

    /// Reads all records as they are at one moment, whoever may write; changes nothing.
    fn read(self: Box<Self>) -> BoxFuture<'static, Result<Vec<Record>, StorageError>>;
}

/// An open storage.
pub type Opened = (Vec<Record>, Box<dyn Writer>);

/// The right to change what is stored. After an error nothing is known about the batch (it may
/// be found at the next opening), and the writer must not be used again.
pub trait Writer: Send {
    /// Makes the changes durable, in order and all or none.
    fn store(&mut self, changes: Vec<Change>) -> BoxFuture<'_, Result<(), StorageError>>;
}

/// Why the registry could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Another process has the storage open.
    #[error(
        "{path} is in use by another master{holder}: stop it, or give this one a work_dir of \
         its own"
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as it is known: empty or " (process 123)".
        holder: String,
    },

    /// Another master has taken over; this one must not act as the leader any longer.
    #[error("another master has taken over the registry")]
    Fenced,

    /// What is stored is not what was written.
    #[error(
        "the registry {path} is damaged at line {line} ({what}): restore it from a backup, or \
         move it away to start with an empty registry, to which running agents register anew"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What was found.
        what: String,
    },

    /// It was written in a format that this program does not know.
    #[error(
        "the registry {path} is in a format this version does not know ({what}): start the \
         version of mesos that wrote it, or a newer one"
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },

    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },

    /// ZooKeeper refused, or what is there makes no sense.
    #[error("the registry at {place}: {problem}")]
    ZooKeeper {
        /// The address, without a password.
        place: String,
        /// What it says.
        problem: String,
    },

    /// The storage did not answer in time.
    #[error("the registry storage did not answer within {0} s")]
    Timeout(u64),
}
