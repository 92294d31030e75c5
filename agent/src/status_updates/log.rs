//! The log of one task: its updates and their acknowledgements.
//!
//! ```text
//! payload of a record:  'U'  TaskStatus as protobuf
//!                       'A'  uuid, 16 bytes
//! ```

use std::path::Path;
use std::sync::Arc;

use mesos::v1::{FrameworkId, TaskStatus};
use mesos::wire;
use uuid::Uuid;

use super::stream::{Stream, Update};
use crate::checkpoint::envelope::CheckpointError;
use crate::checkpoint::log::{self, Log};
use crate::state::status::is_terminal;

const UPDATE: u8 = b'U';
const ACKNOWLEDGEMENT: u8 = b'A';

/// What a log says.
#[derive(Debug, Default)]
pub struct Replay {
    /// What is still to be sent.
    pub stream: Stream,
    /// All updates, oldest first.
    pub updates: Vec<TaskStatus>,
    /// Bytes at its end that are no record.
    pub torn_bytes: u64,
}

/// Appends an update durably.
pub fn append_update(log: &mut Log, status: &TaskStatus) -> Result<(), CheckpointError> {
    let mut payload = vec![UPDATE];
    payload.extend_from_slice(&wire::encode_protobuf(status));
    log.append(&payload)
}

/// Appends an acknowledgement durably.
pub fn append_acknowledgement(log: &mut Log, uuid: &Uuid) -> Result<(), CheckpointError> {
    let mut payload = vec![ACKNOWLEDGEMENT];
    payload.extend_from_slice(uuid.as_bytes());
    log.append(&payload)
}

/// Reads a log back.
pub fn replay(path: &Path, framework_id: &FrameworkId) -> Result<Replay, CheckpointError> {
    let contents = log::read(path)?;
    let mut replay = Replay {
        torn_bytes: contents.torn_bytes,
        ..Replay::default()
    };
    for record in contents.records {
        let known = match record.split_first() {
            Some((&UPDATE, bytes)) => replay.take_update(bytes, framework_id),
            Some((&ACKNOWLEDGEMENT, bytes)) => replay.take_acknowledgement(bytes),
            _ => None,
        };
        // Its checksum was right, so this is no torn write.
        known.ok_or_else(|| CheckpointError::damaged(path, "a record is not understood"))?;
    }
    Ok(replay)
}

impl Replay {
    fn take_update(&mut self, bytes: &[u8], framework_id: &FrameworkId) -> Option<()> {
        let status: TaskStatus = wire::decode_protobuf(bytes).ok()?;
        let uuid = Uuid::from_slice(status.uuid.as_deref()?).ok()?;
        self.stream.push(Arc::new(Update {
            framework_id: framework_id.clone(),
            terminal: is_terminal(status.state),
            uuid,
            status: status.clone(),
        }));
        self.updates.push(status);
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
    use super::*;
    use mesos::v1::{TaskId, TaskState};

    fn status(number: u128, state: TaskState) -> TaskStatus {
        TaskStatus {
            task_id: TaskId { value: "t".into() },
            state: state as i32,
            uuid: Some(Uuid::from_u128(number).as_bytes().to_vec()),
            ..Default::default()
        }
    }

    #[test]
    fn what_was_not_acknowledged_is_sent_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("task.updates");
        let mut log = Log::open(&path).unwrap();
        append_update(&mut log, &status(1, TaskState::TaskRunning)).unwrap();
        append_update(&mut log, &status(2, TaskState::TaskFinished)).unwrap();
        append_acknowledgement(&mut log, &Uuid::from_u128(1)).unwrap();
        let framework = FrameworkId { value: "f".into() };
        let replay = replay(&path, &framework).unwrap();
        assert_eq!(replay.updates.len(), 2);
        let next = replay.stream.in_flight().unwrap();
        assert_eq!(next.uuid.as_u128(), 2);
        assert!(next.terminal);
        assert_eq!(next.framework_id, framework);
    }
}
