//! The log of one stream: its updates and their acknowledgements.
//!
//! ```text
//! payload of a record:  'U'  the status as protobuf
//!                       'A'  uuid, 16 bytes
//! ```

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::stream::{Reported, Stream};
use crate::checkpoint::envelope::CheckpointError;
use crate::checkpoint::log::{self, Log};

const UPDATE: u8 = b'U';
const ACKNOWLEDGEMENT: u8 = b'A';

/// What a log says.
#[derive(Debug)]
pub struct Replay<U> {
    /// What is still to be sent.
    pub stream: Stream<U>,
    /// All updates, oldest first.
    pub updates: Vec<Arc<U>>,
    /// Bytes at its end that are no record.
    pub torn_bytes: u64,
}

/// Appends an update durably.
pub fn append_update<U: Reported>(log: &mut Log, update: &U) -> Result<(), CheckpointError> {
    let mut payload = vec![UPDATE];
    payload.extend_from_slice(&update.encode());
    log.append(&payload)
}

/// Appends an acknowledgement durably.
pub fn append_acknowledgement(log: &mut Log, uuid: &Uuid) -> Result<(), CheckpointError> {
    let mut payload = vec![ACKNOWLEDGEMENT];
    payload.extend_from_slice(uuid.as_bytes());
    log.append(&payload)
}

/// Reads a log back.
pub fn replay<U: Reported>(path: &Path, key: &U::Key) -> Result<Replay<U>, CheckpointError> {
    let contents = log::read(path)?;
    let mut replay = Replay {
        stream: Stream::default(),
        updates: Vec::new(),
        torn_bytes: contents.torn_bytes,
    };
    for record in contents.records {
        let known = match record.split_first() {
            Some((&UPDATE, bytes)) => replay.take_update(bytes, key),
            Some((&ACKNOWLEDGEMENT, bytes)) => replay.take_acknowledgement(bytes),
            _ => None,
        };
        // Its checksum was right, so this is no torn write.
        known.ok_or_else(|| CheckpointError::damaged(path, "a record is not understood"))?;
    }
    Ok(replay)
}

impl<U: Reported> Replay<U> {
    fn take_update(&mut self, bytes: &[u8], key: &U::Key) -> Option<()> {
        let update = Arc::new(U::decode(key, bytes)?);
        self.stream.push(update.clone());
        self.updates.push(update);
        Some(())
    }

    fn take_acknowledgement(&mut self, bytes: &[u8]) -> Option<()> {
        let uuid = Uuid::from_slice(bytes).ok()?;
        // One whose update could not be written, on a full disk, answers nothing here.
        if self.stream.expects(&uuid) {
            self.stream.pop();
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::task::{Key, Update};
    use super::*;
    use crate::checkpoint::disk::Disk;
    use mesos::v1::{TaskId, TaskState, TaskStatus};

    fn update(key: &Key, number: u128, state: TaskState) -> Update {
        let uuid = Uuid::from_u128(number);
        let status = TaskStatus {
            task_id: key.task.clone(),
            state: state as i32,
            uuid: Some(uuid.as_bytes().to_vec()),
            ..Default::default()
        };
        Update {
            framework_id: key.framework.clone(),
            terminal: state == TaskState::TaskFinished,
            status,
            uuid,
        }
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("task.updates");
        let key = Key {
            framework: "f".into(),
            task: TaskId { value: "t".into() },
        };
        let mut log = Log::open(&Disk::default(), &path).unwrap();
        let finished = update(&key, 2, TaskState::TaskFinished);
        append_update(&mut log, &update(&key, 1, TaskState::TaskRunning)).unwrap();
        append_update(&mut log, &finished).unwrap();
        append_acknowledgement(&mut log, &Uuid::from_u128(1)).unwrap();
        let replay = replay::<Update>(&path, &key).unwrap();
        assert_eq!(replay.updates.len(), 2);
        assert_eq!(**replay.stream.in_flight().unwrap(), finished);
    }
}
