//! The statuses of tasks.

use std::sync::Arc;

use mesos::v1::{FrameworkId, TaskId, TaskStatus};
use mesos::wire;
use uuid::Uuid;

use super::stream::Reported;
use crate::inbox::Inbound;
use crate::state::status::is_terminal;

/// One status update on its way to its framework.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Whose task it is.
    pub framework_id: FrameworkId,
    /// The status; carries the task's id, the executor's and the agent's.
    pub status: TaskStatus,
    /// The same as `status.uuid`.
    pub uuid: Uuid,
    /// Whether no update may follow.
    pub terminal: bool,
}

/// Which task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Whose task it is.
    pub framework: FrameworkId,
    /// Its id.
    pub task: TaskId,
}

impl Reported for Update {
    type Key = Key;

    fn key(&self) -> Key {
        Key {
            framework: self.framework_id.clone(),
            task: self.status.task_id.clone(),
        }
    }

    fn uuid(&self) -> Uuid {
        self.uuid
    }

    fn is_terminal(&self) -> bool {
        self.terminal
    }

    fn encode(&self) -> Vec<u8> {
        wire::encode_protobuf(&self.status)
    }

    fn decode(key: &Key, bytes: &[u8]) -> Option<Update> {
        let status: TaskStatus = wire::decode_protobuf(bytes).ok()?;
        Some(Update {
            framework_id: key.framework.clone(),
            terminal: is_terminal(status.state),
            uuid: Uuid::from_slice(status.uuid.as_deref()?).ok()?,
            status,
        })
    }

    fn belongs_to(key: &Key, framework: &FrameworkId) -> bool {
        key.framework == *framework
    }

    fn inbound(update: Arc<Update>) -> Inbound {
        Inbound::Forward(update)
    }
}
