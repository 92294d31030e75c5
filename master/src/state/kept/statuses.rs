//! The statuses of a task, as bytes.
//!
//! ```text
//! length | TaskStatus in protobuf | length | TaskStatus | …      oldest first
//! ```
//!
//! What a status says of its task that the task says itself is left out: an empty id of a task means this one, no id of an
//! agent or executor means that of the task, and an empty one means that the status names none.

use mesos::v1::TaskStatus;
use prost::Message;
use prost::encoding::{decode_varint, encode_varint, encoded_len_varint};

use super::Task;

/// The most statuses kept of one task. A task goes through a handful of states; an executor that
/// goes back and forth between two would otherwise fill the memory.
const MAX_STATUSES: usize = 64;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Statuses(Box<[u8]>);

impl Statuses {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Each, still encoded.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let length = decode_varint(&mut rest).expect("a length that was written here");
            let (status, after) = rest.split_at(length as usize);
            rest = after;
            Some(status)
        })
    }

    /// All of them, or the newest if there are too many.
    pub(super) fn of(statuses: &[TaskStatus]) -> Statuses {
        let newest = &statuses[statuses.len().saturating_sub(MAX_STATUSES)..];
        let mut bytes = Vec::new();
        for status in newest {
            let length = status.encoded_len();
            bytes.reserve_exact(encoded_len_varint(length as u64) + length);
            encode_varint(length as u64, &mut bytes);
            status.encode_raw(&mut bytes);
        }
        Statuses(bytes.into())
    }

    /// With one more. A status of the same state as the last one replaces it.
    pub(super) fn with(&self, status: &TaskStatus) -> Statuses {
        let mut kept: Vec<&[u8]> = self.iter().collect();
        kept.pop_if(|last| decode(last).state == status.state);
        let too_many = (kept.len() + 1).saturating_sub(MAX_STATUSES);
        let new = status.encode_to_vec();
        Statuses::joined(kept.into_iter().skip(too_many).chain([&*new]))
    }

    fn joined<'a>(encoded: impl Iterator<Item = &'a [u8]>) -> Statuses {
        let mut bytes = Vec::new();
        for status in encoded {
            encode_varint(status.len() as u64, &mut bytes);
            bytes.extend_from_slice(status);
        }
        Statuses(bytes.into())
    }
}

pub(super) fn decode(bytes: &[u8]) -> TaskStatus {
    TaskStatus::decode(bytes).expect("a status that was encoded here")
}

/// Without what the task says itself, and without `data`: a framework may attach megabytes of it to each update.
pub(super) fn shortened(task: &Task, mut status: TaskStatus) -> TaskStatus {
    status.data = None;
    if task.id.is(&status.task_id) {
        status.task_id = Default::default();
    }
    status.agent_id = shortened_id(status.agent_id, |id| task.agent_id.is(id));
    let executor = task.executor_id.as_ref();
    status.executor_id = match executor {
        Some(executor) => shortened_id(status.executor_id, |id| executor.is(id)),
        None => status.executor_id,
    };
    status
}

fn shortened_id<T: Default>(id: Option<T>, is_that_of_the_task: impl Fn(&T) -> bool) -> Option<T> {
    match id {
        None => Some(T::default()),
        Some(id) => (!is_that_of_the_task(&id)).then_some(id),
    }
}

/// As it was before it was [`shortened`].
pub(super) fn restored(task: &Task, mut status: TaskStatus) -> TaskStatus {
    if status.task_id.value.is_empty() {
        status.task_id = task.id.to_v1();
    }
    status.agent_id = match status.agent_id {
        None => Some(task.agent_id.to_v1()),
        named => named.filter(|id| !id.value.is_empty()),
    };
    if let Some(executor) = &task.executor_id {
        status.executor_id = match status.executor_id {
            None => Some(executor.to_v1()),
            named => named.filter(|id| !id.value.is_empty()),
        };
    }
    status
}
