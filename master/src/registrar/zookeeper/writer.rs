//! The one writer of a registry in ZooKeeper.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use uuid::Uuid;
use zookeeper_client::{Client, Error, MultiWriteError};

use super::FORMAT;
use super::connection::{Connection, is_passing};
use super::names::{
    EPOCH, FOLDERS, JOURNAL, PART, RECORDS, REGISTRY, encode, folder, part_path, path_of,
    piece_path,
};
use super::reading::{self, Found};
use crate::registrar::log;
use crate::registrar::registry::Change;
use crate::registrar::storage::{Opened, StorageError, Writer};

/// Bytes of one transaction, as far as they are counted here: well below the 1 MiB of a packet.
const MAX_TRANSACTION: usize = 640 << 10;

/// Bytes of an operation beside its path and data: lengths, and who may do what.
const OVERHEAD: usize = 128;

pub(super) struct ZooKeeperWriter {
    connection: Connection,
    term: Option<Arc<str>>,
    /// The name of this opening of the registry.
    me: Uuid,
    /// Transactions so far.
    transactions: u64,
    /// The version of `epoch` that this writer gave it.
    version: i32,
    /// How many nodes each record has, by the path of the first.
    parts: BTreeMap<String, usize>,
    /// Pieces that may be in the journal.
    pieces: usize,
}

/// One operation of a transaction.
#[derive(Clone, Debug)]
enum Op {
    Create(String, Vec<u8>),
    Set(String, Vec<u8>),
    Delete(String),
}

impl Op {
    fn size(&self) -> usize {
        OVERHEAD
            + match self {
                Op::Create(path, data) | Op::Set(path, data) => path.len() + data.len(),
                Op::Delete(path) => path.len(),
            }
    }
}

/// Becomes the only writer and reads all records.
pub(super) async fn open(
    mut connection: Connection,
    term: Option<Arc<str>>,
) -> Result<Opened, StorageError> {
    prepare(&mut connection).await?;
    let mut writer = ZooKeeperWriter {
        connection,
        term,
        me: Uuid::new_v4(),
        transactions: 0,
        version: 0,
        parts: BTreeMap::new(),
        pieces: 0,
    };
    writer.fence().await?;
    let Found {
        mut registry,
        parts,
        pending,
    } = reading::find(&mut writer.connection).await?;
    writer.parts = parts;
    for change in pending.iter().flatten() {
        registry.apply(change.clone());
    }
    if let Some(changes) = pending {
        tracing::info!(
            changes = changes.len(),
            "finishing a batch of an earlier leader"
        );
        writer.write_records(changes).await?;
    }
    writer.make_folders().await?;
    writer.clear_journal().await?;
    Ok((registry.records().collect(), Box::new(writer)))
}

/// Makes what is there before anybody writes.
async fn prepare(connection: &mut Connection) -> Result<(), StorageError> {
    connection.make_folder(RECORDS).await?;
    connection.make_folder(JOURNAL).await?;
    connection.make_folder(EPOCH).await?;
    loop {
        let client = connection.client().await?;
        let format = match client.get_data(REGISTRY).await {
            // Made a moment ago, by this or another master.
            Ok((format, _)) if format.is_empty() => {
                let set = client.set_data(REGISTRY, FORMAT.as_bytes(), None).await;
                set.map(drop)
            }
            format => format.map(drop),
        };
        match format {
            Ok(()) => return reading::check_format(connection).await,
            Err(error) if is_passing(&error) => connection.renew().await,
            Err(error) => return Err(connection.failed(&error)),
        }
    }
}

impl ZooKeeperWriter {
    /// Takes the registry over: from here on nobody else's transactions are done.
    async fn fence(&mut self) -> Result<(), StorageError> {
        loop {
            let client = self.connection.client().await?;
            self.version = match client.get_data(EPOCH).await {
                Ok((_, stat)) => stat.version,
                Err(error) if is_passing(&error) => {
                    self.connection.renew().await;
                    continue;
                }
                Err(error) => return Err(self.connection.failed(&error)),
            };
            match self.transact(Vec::new()).await {
                // The former leader has just stored something: its last.
                Err(StorageError::Fenced) if self.is_in_office(&client).await => {}
                done => return done,
            }
        }
    }

    /// Whether the node of the leadership is there.
    async fn is_in_office(&self, client: &Client) -> bool {
        match &self.term {
            Some(node) => matches!(client.check_stat(node).await, Ok(Some(_))),
            None => true,
        }
    }

    async fn make_folders(&mut self) -> Result<(), StorageError> {
        let client = self.connection.client().await?;
        let there = client.list_children(RECORDS).await;
        let there = there.map_err(|error| self.connection.failed(&error))?;
        let missing = (0..FOLDERS).map(folder).filter(|path| {
            let name = path.rsplit('/').next().unwrap_or_default();
            !there.iter().any(|there| there == name)
        });
        let missing = missing.map(|path| Op::Create(path, Vec::new())).collect();
        self.transact_all(missing).await
    }

    /// Removes the mark, and then what may be left of pieces.
    async fn clear_journal(&mut self) -> Result<(), StorageError> {
        self.transact(vec![Op::Set(JOURNAL.to_owned(), Vec::new())])
            .await?;
        let client = self.connection.client().await?;
        let pieces = client.list_children(JOURNAL).await;
        let pieces = pieces.map_err(|error| self.connection.failed(&error))?;
        let removed = pieces
            .into_iter()
            .map(|name| Op::Delete(format!("{JOURNAL}/{name}")));
        self.transact_all(removed.collect()).await
    }

    async fn store_now(&mut self, changes: Vec<Change>) -> Result<(), StorageError> {
        let changes = last_of_each(changes);
        let operations = self.operations(&changes)?;
        if operations.iter().map(Op::size).sum::<usize>() <= MAX_TRANSACTION {
            self.transact(operations).await?;
            self.count_parts(&changes)?;
            return Ok(());
        }
        self.write_journal(&changes).await?;
        self.write_records(changes).await?;
        self.remove_journal().await
    }

    async fn write_journal(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        let batch = log::encode_batch(changes).map_err(|error| self.unwritable(&error))?;
        let pieces: Vec<&[u8]> = batch.as_bytes().chunks(PART).collect();
        self.pieces = pieces.len();
        for (number, piece) in pieces.into_iter().enumerate() {
            let piece = Op::Create(piece_path(number), piece.to_vec());
            self.transact(vec![piece]).await?;
        }
        let mark = self.pieces.to_string().into_bytes();
        self.transact(vec![Op::Set(JOURNAL.to_owned(), mark)]).await
    }

    async fn remove_journal(&mut self) -> Result<(), StorageError> {
        let mut removal = vec![Op::Set(JOURNAL.to_owned(), Vec::new())];
        let pieces = mem::take(&mut self.pieces);
        removal.extend((0..pieces).map(|number| Op::Delete(piece_path(number))));
        self.transact_all(removal).await
    }

    async fn write_records(&mut self, changes: Vec<Change>) -> Result<(), StorageError> {
        let changes = last_of_each(changes);
        let operations = self.operations(&changes)?;
        self.transact_all(operations).await?;
        self.count_parts(&changes)
    }

    /// What the changes are to the nodes that are there.
    fn operations(&self, changes: &[Change]) -> Result<Vec<Op>, StorageError> {
        let mut operations = Vec::new();
        for change in changes {
            let (path, nodes) = self.nodes_of(change)?;
            let there = self.parts.get(&path).copied().unwrap_or(0);
            let wanted = nodes.len();
            for (part, data) in nodes.into_iter().enumerate() {
                let path = part_path(&path, part);
                operations.push(match part < there {
                    true => Op::Set(path, data),
                    false => Op::Create(path, data),
                });
            }
            let beyond = (wanted..there).rev();
            operations.extend(beyond.map(|part| Op::Delete(part_path(&path, part))));
        }
        Ok(operations)
    }

    fn count_parts(&mut self, changes: &[Change]) -> Result<(), StorageError> {
        for change in changes {
            let (path, nodes) = self.nodes_of(change)?;
            match nodes.len() {
                0 => self.parts.remove(&path),
                parts => self.parts.insert(path, parts),
            };
        }
        Ok(())
    }

    /// Where the record is, and what its nodes are to hold; none if it is to go.
    fn nodes_of(&self, change: &Change) -> Result<(String, Vec<Vec<u8>>), StorageError> {
        match change {
            Change::Put(record) => {
                let nodes = encode(record).map_err(|error| self.unwritable(&error))?;
                Ok((path_of(&record.key()), nodes))
            }
            Change::Delete(key) => Ok((path_of(key), Vec::new())),
        }
    }

    fn unwritable(&self, error: &serde_json::Error) -> StorageError {
        StorageError::ZooKeeper {
            place: self.connection.place(),
            problem: format!("a record cannot be written: {error}"),
        }
    }

    /// Does all of it, in transactions of a size that a packet has.
    async fn transact_all(&mut self, operations: Vec<Op>) -> Result<(), StorageError> {
        let (mut some, mut size) = (Vec::new(), 0);
        for operation in operations {
            let more = operation.size();
            if !some.is_empty() && size + more > MAX_TRANSACTION {
                self.transact(mem::take(&mut some)).await?;
                size = 0;
            }
            size += more;
            some.push(operation);
        }
        match some.is_empty() {
            true => Ok(()),
            false => self.transact(some).await,
        }
    }

    /// Does all of it or nothing, exactly once, and only while nobody else is the writer.
    async fn transact(&mut self, operations: Vec<Op>) -> Result<(), StorageError> {
        self.transactions += 1;
        let mine = format!("{} {}", self.me, self.transactions);
        loop {
            let client = self.connection.client().await?;
            let error = match self.attempt(&client, &mine, &operations).await {
                Ok(()) => {
                    self.version = self.version.wrapping_add(1);
                    return Ok(());
                }
                Err(MultiWriteError::OperationFailed { index, source }) => {
                    let another = matches!(source, Error::BadVersion | Error::NoNode);
                    if index >= self.fence_operations() || !another {
                        return Err(self.connection.failed(&source));
                    }
                    // An attempt whose answer was lost may have been done after all.
                    if !self.was_done(&client, &mine).await {
                        return Err(StorageError::Fenced);
                    }
                    self.version = self.version.wrapping_add(1);
                    return Ok(());
                }
                Err(MultiWriteError::RequestFailed { source }) => source,
            };
            if !is_passing(&error) {
                return Err(self.connection.failed(&error));
            }
            tracing::warn!(%error, "the way to the registry broke; looking what was stored");
            self.connection.renew().await;
        }
    }

    fn fence_operations(&self) -> usize {
        1 + usize::from(self.term.is_some())
    }

    async fn attempt(
        &self,
        client: &Client,
        mine: &str,
        operations: &[Op],
    ) -> Result<(), MultiWriteError> {
        let options = self.connection.persistent();
        let mut transaction = client.new_multi_writer();
        if let Some(node) = &self.term {
            transaction.add_check_version(node, -1)?;
        }
        transaction.add_set_data(EPOCH, mine.as_bytes(), Some(self.version))?;
        for operation in operations {
            match operation {
                Op::Create(path, data) => transaction.add_create(path, data, &options)?,
                Op::Set(path, data) => transaction.add_set_data(path, data, None)?,
                Op::Delete(path) => transaction.add_delete(path, None)?,
            }
        }
        transaction.commit().await.map(drop)
    }

    /// Whether the last transaction that was done is this one.
    async fn was_done(&self, client: &Client, mine: &str) -> bool {
        match client.get_data(EPOCH).await {
            Ok((data, stat)) => {
                data == mine.as_bytes() && stat.version == self.version.wrapping_add(1)
            }
            // The worst is assumed: the master steps down, and whoever leads next reads what there is.
            Err(_) => false,
        }
    }
}

impl Writer for ZooKeeperWriter {
    fn store(&mut self, changes: Vec<Change>) -> BoxFuture<'_, Result<(), StorageError>> {
        async move { self.store_now(changes).await }.boxed()
    }
}

/// The changes without those that later ones undo: a transaction touches a record once.
fn last_of_each(changes: Vec<Change>) -> Vec<Change> {
    let keyed = changes.into_iter().map(|change| {
        let key = match &change {
            Change::Put(record) => record.key(),
            Change::Delete(key) => key.clone(),
        };
        (key, change)
    });
    let last: BTreeMap<_, _> = keyed.collect();
    last.into_values().collect()
}
