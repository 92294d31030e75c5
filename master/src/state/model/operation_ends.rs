//! How operations ended, for the metrics.

use imbl::OrdMap;
use mesos::v1::OperationState;
use uuid::Uuid;

use super::Cluster;
use super::operation::is_terminal;

/// How often operations ended in which way: numbers of types and states.
pub type OperationEnds = OrdMap<(i32, i32), u64>;

impl Cluster {
    /// Counts an end, if it is the first one of a known operation.
    pub(crate) fn count_operation_end(&mut self, uuid: &Uuid, state: OperationState) {
        let known = self.operations.get(uuid);
        let goes_on = known.filter(|operation| !operation.is_terminal());
        if let (Some(operation), true) = (goes_on, is_terminal(state)) {
            let kind = operation.record.info.r#type.unwrap_or_default();
            *self.operation_ends.entry((kind, state as i32)).or_insert(0) += 1;
        }
    }
}
