//! The statuses of operations. Their disk is the agent's store of resources
//! ([`crate::checkpoint::resources`]): what an operation did and that it was done are one write.

use std::sync::Arc;

use mesos::v1::{FrameworkId, OperationStatus};
use mesos::wire;
use uuid::Uuid;

use super::stream::Reported;
use crate::inbox::Inbound;

/// The status of an operation on its way to whoever acknowledges it.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationReport {
    /// Whose operation it is; none for one of an operator.
    pub framework_id: Option<FrameworkId>,
    /// Which operation.
    pub operation: Uuid,
    /// What became of it.
    pub status: OperationStatus,
    /// The same as `status.uuid`.
    pub uuid: Uuid,
}

/// Which operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationKey {
    /// Whose operation it is.
    pub framework: Option<FrameworkId>,
    /// Its uuid.
    pub operation: Uuid,
}

impl Reported for OperationReport {
    type Key = OperationKey;

    fn key(&self) -> OperationKey {
        OperationKey {
            framework: self.framework_id.clone(),
            operation: self.operation,
        }
    }

    fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// An agent reports only how an operation ended.
    fn is_terminal(&self) -> bool {
        true
    }

    fn encode(&self) -> Vec<u8> {
        wire::encode_protobuf(&self.status)
    }

    fn decode(key: &OperationKey, bytes: &[u8]) -> Option<OperationReport> {
        let status: OperationStatus = wire::decode_protobuf(bytes).ok()?;
        Some(OperationReport {
            framework_id: key.framework.clone(),
            operation: key.operation,
            uuid: Uuid::from_slice(&status.uuid.as_ref()?.value).ok()?,
            status,
        })
    }

    /// The master acknowledges in the place of a framework that is gone.
    fn belongs_to(_: &OperationKey, _: &FrameworkId) -> bool {
        false
    }

    fn inbound(update: Arc<OperationReport>) -> Inbound {
        Inbound::ForwardOperation(update)
    }
}
