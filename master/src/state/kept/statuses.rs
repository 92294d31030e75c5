//! The statuses of a task, as bytes.
//!
//! ```text
//! length | TaskStatus in protobuf | length | TaskStatus | …      oldest first
//! ```
//!
//! What a status says of its task that the task says itself is left out: an empty id of a task means this one, no id of an
//! agent or executor means that of the task, and an empty one means that the status names none.

use mesos::v1::TaskStatus;
use mesos::wire::Encoded;
use prost::Message;
use prost::encoding::{WireType, decode_varint, encode_key, encode_varint};

use super::told::id_in;
use super::{Task, ToldTask};

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

    /// All that an agent tells of a task, or the newest if there are too many.
    pub(super) fn told(task: &Task, told: &ToldTask<'_>) -> Statuses {
        let too_many = told.statuses().count().saturating_sub(MAX_STATUSES);
        let (mut bytes, mut short) = (Vec::new(), Vec::new());
        for status in told.statuses().skip(too_many) {
            shorten(task, status, &mut short);
            put(&mut bytes, &short);
        }
        // Of its own, as the other one is larger.
        Statuses(bytes.as_slice().into())
    }

    /// With one more of the same task. A status of the same state as the last one replaces it.
    pub(super) fn with(&self, task: &Task, status: TaskStatus) -> Statuses {
        let mut kept: Vec<&[u8]> = self.iter().collect();
        kept.pop_if(|last| decode(last).state == status.state);
        let too_many = (kept.len() + 1).saturating_sub(MAX_STATUSES);
        // Not to be encoded before it is left out.
        let without_data = TaskStatus {
            data: None,
            ..status
        };
        let new = without_data.encode_to_vec();
        let mut short = Vec::new();
        shorten(task, Encoded::new(&new), &mut short);
        Statuses::joined(kept.into_iter().skip(too_many).chain([&*short]))
    }

    fn joined<'a>(encoded: impl Iterator<Item = &'a [u8]>) -> Statuses {
        let mut bytes = Vec::new();
        for status in encoded {
            put(&mut bytes, status);
        }
        Statuses(bytes.into())
    }
}

pub(super) fn decode(bytes: &[u8]) -> TaskStatus {
    TaskStatus::decode(bytes).expect("a status that was encoded here")
}

/// Makes `short` of it: without what the task says itself, and without `data`, of which a framework may attach megabytes
/// to each update.
fn shorten(task: &Task, status: Encoded<'_, TaskStatus>, short: &mut Vec<u8>) {
    let executor = task.executor_id.as_deref();
    short.clear();
    let (mut names_agent, mut names_executor) = (false, false);
    for part in status.parts() {
        let is_own = |id: &str| id_in(part) == id;
        match part.number {
            1 if is_own(&task.id) => put_empty(short, 1),
            DATA => {}
            AGENT if is_own(&task.agent_id) => names_agent = true,
            EXECUTOR if executor.is_some_and(is_own) => names_executor = true,
            number => {
                names_agent |= number == AGENT;
                names_executor |= number == EXECUTOR;
                short.extend_from_slice(part.whole);
            }
        }
    }
    if !names_agent {
        put_empty(short, AGENT);
    }
    if !names_executor && executor.is_some() {
        put_empty(short, EXECUTOR);
    }
}

/// The numbers of fields of `TaskStatus`.
const DATA: u32 = 3;
const AGENT: u32 = 5;
const EXECUTOR: u32 = 7;

/// An empty id: its text is required.
const EMPTY: [u8; 2] = [0x0a, 0];

fn put_empty(bytes: &mut Vec<u8>, field: u32) {
    encode_key(field, WireType::LengthDelimited, bytes);
    put(bytes, &EMPTY);
}

fn put(bytes: &mut Vec<u8>, status: &[u8]) {
    encode_varint(status.len() as u64, bytes);
    bytes.extend_from_slice(status);
}

/// As it was before it was [shortened](shorten).
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
