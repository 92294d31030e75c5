//! Reading all records, with what the journal says on top of them.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use zookeeper_client::{Client, Error};

use super::FORMAT;
use super::connection::{Connection, is_passing};
use super::names::{
    EPOCH, FOLDERS, JOURNAL, REGISTRY, folder, head, is_further_part, part_path, piece_path,
};
use crate::registrar::log;
use crate::registrar::registry::{Change, Record, Registry};
use crate::registrar::storage::StorageError;

/// Requests under way at a time: enough that the way back and forth does not count.
const WINDOW: usize = 256;

/// How often a registry that is changed while it is read is read anew. A leader stores several batches a second
/// only while many agents come or go.
const ATTEMPTS: usize = 20;

/// What the nodes hold.
pub(super) struct Found {
    /// Of the nodes of records alone.
    pub(super) registry: Registry,
    /// How many nodes each record has, by the path of the first.
    pub(super) parts: BTreeMap<String, usize>,
    /// A batch that is stored, but perhaps not in all its records.
    pub(super) pending: Option<Vec<Change>>,
}

/// Reads the registry without becoming its writer.
pub(super) async fn read(connection: &mut Connection) -> Result<Vec<Record>, StorageError> {
    for _ in 0..ATTEMPTS {
        let client = connection.client().await?;
        let before = match client.get_data(EPOCH).await {
            // Nobody has written yet.
            Err(Error::NoNode) => return Ok(Vec::new()),
            Err(error) if is_passing(&error) => {
                connection.renew().await;
                continue;
            }
            before => before.map_err(|error| connection.failed(&error))?.1,
        };
        let found = find(connection).await;
        let after = client.get_data(EPOCH).await;
        if !after.is_ok_and(|(_, after)| after.version == before.version) {
            continue;
        }
        let Found {
            mut registry,
            pending,
            ..
        } = found?;
        for change in pending.into_iter().flatten() {
            registry.apply(change);
        }
        return Ok(registry.records().collect());
    }
    Err(StorageError::ZooKeeper {
        place: connection.place(),
        problem: "it changes all the time; try again later".to_owned(),
    })
}

/// Reads what the nodes hold. Whoever is not the only writer has to look whether `epoch` is still the same.
pub(super) async fn find(connection: &mut Connection) -> Result<Found, StorageError> {
    check_format(connection).await?;
    loop {
        let client = connection.client().await?;
        match find_by(connection, &client).await {
            Ok(found) => return found,
            Err(error) if is_passing(&error) => connection.renew().await,
            Err(error) => return Err(connection.failed(&error)),
        }
    }
}

/// Refuses what another version of this program wrote.
pub(super) async fn check_format(connection: &mut Connection) -> Result<(), StorageError> {
    loop {
        match connection.client().await?.get_data(REGISTRY).await {
            Ok((format, _)) if format == FORMAT.as_bytes() => return Ok(()),
            Ok((format, _)) => {
                return Err(StorageError::UnknownFormat {
                    path: format!("{}{REGISTRY}", connection.place()).into(),
                    what: String::from_utf8_lossy(&format).into_owned(),
                });
            }
            Err(error) if is_passing(&error) => connection.renew().await,
            Err(error) => return Err(connection.failed(&error)),
        }
    }
}

/// The outer error is of the way there, the inner one of what was found.
async fn find_by(
    connection: &Connection,
    client: &Client,
) -> Result<Result<Found, StorageError>, Error> {
    let folders = stream::iter(0..FOLDERS).map(|number| async move {
        let path = folder(number);
        match client.list_children(&path).await {
            Ok(names) => Ok((path, names)),
            // Not made yet.
            Err(Error::NoNode) => Ok((path, Vec::new())),
            Err(error) => Err(error),
        }
    });
    let folders: Vec<(String, Vec<String>)> = folders.buffered(WINDOW).try_collect().await?;
    let paths = folders.into_iter().flat_map(|(folder, names)| {
        let first = names.into_iter().filter(|name| !is_further_part(name));
        first.map(move |name| format!("{folder}/{name}"))
    });
    let records = stream::iter(paths).map(|path| async move {
        let nodes = nodes_of(client, &path).await?;
        Ok::<_, Error>((path, nodes))
    });
    let mut records = records.buffered(WINDOW);
    let mut found = Found {
        registry: Registry::default(),
        parts: BTreeMap::new(),
        pending: None,
    };
    while let Some(read) = records.next().await {
        let (path, nodes) = read?;
        let Some(nodes) = nodes else {
            return Ok(Err(
                connection.damaged(&path, "it is no record, or not all of one")
            ));
        };
        found.parts.insert(path.clone(), nodes.parts);
        if crc32fast::hash(&nodes.json) != nodes.checksum {
            return Ok(Err(connection.damaged(&path, "its checksum does not match")));
        }
        match serde_json::from_slice::<Record>(&nodes.json) {
            Ok(record) => found.registry.apply(Change::Put(record)),
            Err(error) => {
                return Ok(Err(StorageError::UnknownFormat {
                    path: format!("{}{path}", connection.place()).into(),
                    what: error.to_string(),
                }));
            }
        }
    }
    drop(records);
    match pending(connection, client).await? {
        Ok(pending) => found.pending = pending,
        Err(error) => return Ok(Err(error)),
    }
    Ok(Ok(found))
}

struct Nodes {
    json: Vec<u8>,
    checksum: u32,
    parts: usize,
}

/// All of a record; none if something of it is missing.
async fn nodes_of(client: &Client, path: &str) -> Result<Option<Nodes>, Error> {
    let first = match client.get_data(path).await {
        Ok((first, _)) => first,
        Err(Error::NoNode) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some((checksum, parts, rest)) = head(&first) else {
        return Ok(None);
    };
    let mut json = rest.to_vec();
    for part in 1..parts {
        match client.get_data(&part_path(path, part)).await {
            Ok((data, _)) => json.extend_from_slice(&data),
            Err(Error::NoNode) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(Nodes {
        json,
        checksum,
        parts,
    }))
}

/// The batch in the journal, if it is complete.
async fn pending(
    connection: &Connection,
    client: &Client,
) -> Result<Result<Option<Vec<Change>>, StorageError>, Error> {
    let mark = match client.get_data(JOURNAL).await {
        Ok((mark, _)) => String::from_utf8_lossy(&mark).into_owned(),
        Err(Error::NoNode) => return Ok(Ok(None)),
        Err(error) => return Err(error),
    };
    if mark.is_empty() {
        return Ok(Ok(None));
    }
    let damaged = |what: &str| Ok(Err(connection.damaged(JOURNAL, what)));
    let Ok(pieces) = mark.parse::<usize>() else {
        return damaged("its mark is no number");
    };
    let mut batch = Vec::new();
    for piece in 0..pieces {
        match client.get_data(&piece_path(piece)).await {
            Ok((data, _)) => batch.extend_from_slice(&data),
            Err(Error::NoNode) => return damaged("a piece is missing"),
            Err(error) => return Err(error),
        }
    }
    match log::decode_batch(&batch) {
        Some(Ok(changes)) => Ok(Ok(Some(changes))),
        Some(Err(error)) => damaged(&error.to_string()),
        None => damaged("its checksum does not match"),
    }
}
