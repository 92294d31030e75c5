//! A task of which an agent tells, read where it stands.
//!
//! ```text
//! | name | ids, state | resources … | statuses … | forwarded | labels, discovery, container, …, limits |
//!   1      2–6          7             8            9–10        11–17
//! ```
//!
//! The fields are those of `Task` in `mesos/v1`, in the order in which prost writes them. When a leader is new, all agents tell of
//! all their tasks at once: what is only kept is copied as it stands, and what a master keeps already is not even looked at.

use std::ops::Range;

use mesos::v1::{Resource, Task, TaskId, TaskState, TaskStatus};
use mesos::wire::{Encoded, Packed, Part};
use prost::Message;
use uuid::Uuid;

/// See the module's documentation.
#[derive(Clone, Debug)]
pub(crate) struct ToldTask<'a> {
    pub(crate) id: &'a str,
    pub(crate) framework_id: &'a str,
    pub(super) executor_id: Option<&'a str>,
    state: i32,
    pub(super) forwarded_state: Option<i32>,
    pub(super) forwarded_uuid: Option<Uuid>,
    bytes: &'a [u8],
    name: Range<usize>,
    resources: Range<usize>,
    statuses: Range<usize>,
    details: Range<usize>,
}

impl<'a> From<&'a Packed<Task>> for ToldTask<'a> {
    fn from(task: &'a Packed<Task>) -> ToldTask<'a> {
        ToldTask::read(task.encoded())
    }
}

impl<'a> ToldTask<'a> {
    pub(super) fn read(task: Encoded<'a, Task>) -> ToldTask<'a> {
        let mut told = ToldTask {
            id: "",
            framework_id: "",
            executor_id: None,
            state: 0,
            forwarded_state: None,
            forwarded_uuid: None,
            bytes: task.bytes(),
            name: 0..0,
            resources: 0..0,
            statuses: 0..0,
            details: 0..0,
        };
        let mut at = 0;
        for part in task.parts() {
            let place = at..at + part.whole.len();
            at = place.end;
            match part.number {
                1 => grow(&mut told.name, place),
                2 => told.id = id_in(part),
                3 => told.framework_id = id_in(part),
                4 => told.executor_id = Some(id_in(part)),
                6 => told.state = part.number() as i32,
                7 => grow(&mut told.resources, place),
                8 => grow(&mut told.statuses, place),
                9 => told.forwarded_state = Some(part.number() as i32),
                // Whatever is no uuid cannot be acknowledged either.
                10 => told.forwarded_uuid = Uuid::from_slice(part.bytes()).ok(),
                11.. => grow(&mut told.details, place),
                // The agent is the one that tells.
                _ => {}
            }
        }
        told
    }

    /// `None` of one that is newer than this master.
    pub(crate) fn state(&self) -> Option<TaskState> {
        TaskState::try_from(self.state).ok()
    }

    /// Its resources as they were told; equal bytes are equal resources.
    pub(crate) fn encoded_resources(&self) -> &'a [u8] {
        &self.bytes[self.resources.clone()]
    }

    /// The same to be read.
    pub(crate) fn resources(&self) -> Vec<Resource> {
        let resources = Encoded::<Task>::new(self.encoded_resources()).parts();
        let decoded = resources.map(|part| Resource::decode(part.bytes()));
        decoded
            .map(|resource| resource.expect("what was written by prost"))
            .collect()
    }

    /// Its statuses, oldest first.
    pub(super) fn statuses(&self) -> impl Iterator<Item = Encoded<'a, TaskStatus>> {
        let statuses = Encoded::<Task>::new(&self.bytes[self.statuses.clone()]);
        statuses.parts().map(Part::message)
    }

    /// When it ended, if it has, in seconds since the epoch; long ago if it does not say.
    pub(crate) fn ended(&self) -> f64 {
        let last = self.statuses().last();
        let at = last.and_then(|status| status.number(6)).map(f64::from_bits);
        at.filter(|at| at.is_finite()).unwrap_or(0.0)
    }

    /// What is only shown, in the form of [`Details`](super::Details).
    pub(super) fn details(&self) -> Box<[u8]> {
        let (name, rest) = (self.name.clone(), self.details.clone());
        [&self.bytes[name], &self.bytes[rest]].concat().into()
    }
}

/// Occurrences of one field, and those of the last fields, stand together.
fn grow(range: &mut Range<usize>, by: Range<usize>) {
    if range.end == 0 {
        range.start = by.start;
    }
    range.end = by.end;
}

/// The text of an id, which is the only field of each.
pub(super) fn id_in(part: Part<'_>) -> &str {
    part.message::<TaskId>().text(1).unwrap_or_default()
}
