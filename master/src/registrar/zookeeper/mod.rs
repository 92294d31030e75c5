//! The registry in ZooKeeper, for replicated masters.
//!
//! ```text
//!   /path/registry                        "mesos-registry 1": the format and its version
//!     epoch                               who wrote last, and which transaction; its version is the fence
//!     records/<00..ff>/<kind>.<id>        one record: the CRC-32 and the number of its parts, then its JSON
//!     records/<00..ff>/<kind>.<id>,1      the next part of a record that is too large for one node
//!     journal                             whether what is below is to be done
//!     journal/0000000000                  a piece of a batch that is too large for one transaction
//! ```
//!
//! **Fencing.** Every transaction replaces `epoch`, provided that it has the version that this writer gave it, and
//! checks that the node of the writer's candidacy is there. So a former leader writes nothing from the moment at which
//! its session ended or another master opened the registry, whatever it believes and however long it was paused.
//! `epoch` also says which transaction was the last one: when a connection breaks in the middle of one, the writer
//! reads whether it was done and does it again if not.
//!
//! **All or nothing.** A batch that fits is one transaction. A larger one is first written to `journal` in pieces;
//! then one transaction marks the journal as complete: that is the moment at which the batch is stored. Then its
//! records are written, in as many transactions as it takes, and the mark and the pieces are removed. Whoever opens or
//! reads the registry and finds the mark does the batch again from its beginning, on top of the records: they are
//! replaced or removed as a whole, so that doing it twice is doing it once. Pieces without the mark were never stored.
//!
//! **Sizes.** A packet may have 1 MiB (`jute.maxbuffer`), a list of names has no bound in the server but must be
//! bearable: hence parts, pieces, and 256 folders. Whoever reads also reads records that are replaced meanwhile: then
//! `epoch` is another one afterwards, and it reads again.

mod connection;
mod names;
mod reading;
mod writer;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mesos::election::zookeeper::ZooKeeper;

use super::registry::Record;
use super::storage::{Opened, Storage, StorageError};
use connection::Connection;

/// What is at the top: the format and its version.
const FORMAT: &str = "mesos-registry 1";

/// A registry below the path at which masters meet.
#[derive(Clone, Debug)]
pub struct ZooKeeperStorage {
    ensemble: ZooKeeper,
    /// The node that exists as long as the leadership of whoever writes.
    term: Option<Arc<str>>,
}

impl ZooKeeperStorage {
    /// Nothing is touched before it is opened. With `term`, only as long as that node exists.
    pub fn new(ensemble: ZooKeeper, term: Option<Arc<str>>) -> ZooKeeperStorage {
        ZooKeeperStorage { ensemble, term }
    }
}

impl Storage for ZooKeeperStorage {
    fn open(self: Box<Self>) -> BoxFuture<'static, Result<Opened, StorageError>> {
        async move {
            let connection = Connection::new(self.ensemble);
            writer::open(connection, self.term).await
        }
        .boxed()
    }

    fn read(self: Box<Self>) -> BoxFuture<'static, Result<Vec<Record>, StorageError>> {
        async move {
            let mut connection = Connection::new(self.ensemble);
            reading::read(&mut connection).await
        }
        .boxed()
    }
}
