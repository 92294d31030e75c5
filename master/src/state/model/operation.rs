//! An operation as the master knows it.

use mesos::v1::{self, FrameworkId, OperationState};
use uuid::Uuid;

/// The most statuses kept of one operation. An agent tells one; what the master makes up of agents
/// that come and go is added to that.
const MAX_STATUSES: usize = 8;

/// An operation that its agent has not done yet, or whose end was not acknowledged.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Names it between master and agent.
    pub uuid: Uuid,
    /// The public record.
    pub record: v1::Operation,
}

impl Operation {
    /// One that is sent to its agent now.
    pub fn pending(
        uuid: Uuid,
        framework_id: Option<FrameworkId>,
        agent_id: v1::AgentId,
        info: v1::offer::Operation,
    ) -> Operation {
        let status = v1::OperationStatus {
            operation_id: info.id.clone(),
            state: OperationState::OperationPending as i32,
            agent_id: Some(agent_id.clone()),
            ..Default::default()
        };
        Operation {
            uuid,
            record: v1::Operation {
                framework_id,
                agent_id: Some(agent_id),
                info,
                latest_status: status.clone(),
                statuses: vec![status],
                uuid: v1::Uuid {
                    value: uuid.as_bytes().to_vec(),
                },
            },
        }
    }

    /// As an agent names it; `None` if it has no uuid.
    pub fn named(record: v1::Operation) -> Option<Operation> {
        let uuid = Uuid::from_slice(&record.uuid.value).ok()?;
        Some(Operation { uuid, record })
    }

    /// The name its framework gave it; operations without one are nobody's concern once they are
    /// sent.
    pub fn id(&self) -> Option<&v1::OperationId> {
        self.record.info.id.as_ref()
    }

    /// Whether it has ended.
    pub fn is_terminal(&self) -> bool {
        is_terminal(self.record.latest_status.state())
    }

    /// Takes over a newer status.
    pub(crate) fn remember(&mut self, status: v1::OperationStatus) {
        if self.record.statuses.len() >= MAX_STATUSES {
            self.record.statuses.remove(0);
        }
        self.record.statuses.push(status.clone());
        self.record.latest_status = status;
    }
}

/// Whether nothing may follow the state.
pub(crate) fn is_terminal(state: OperationState) -> bool {
    matches!(
        state,
        OperationState::OperationFinished
            | OperationState::OperationFailed
            | OperationState::OperationError
            | OperationState::OperationDropped
            | OperationState::OperationGoneByOperator
    )
}
