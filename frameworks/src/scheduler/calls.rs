//! The calls of a scheduler, and how they look to the master.

use mesos::v1::scheduler::{Call, call};

/// A call of the scheduler.
pub(super) enum Say {
    Accept(call::Accept),
    Decline(call::Decline),
    AcceptInverse(call::AcceptInverseOffers),
    DeclineInverse(call::DeclineInverseOffers),
    Suppress(call::Suppress),
    Revive(call::Revive),
    Kill(call::Kill),
    Shutdown(call::Shutdown),
    Reconcile(call::Reconcile),
    Message(call::Message),
    Acknowledge(call::Acknowledge),
    AcknowledgeOperation(call::AcknowledgeOperationStatus),
    ReconcileOperations(call::ReconcileOperations),
    Teardown,
}

impl From<Say> for Call {
    fn from(say: Say) -> Call {
        let mut call = Call::default();
        let kind = match say {
            Say::Accept(accept) => {
                call.accept = Some(accept);
                call::Type::Accept
            }
            Say::Decline(decline) => {
                call.decline = Some(decline);
                call::Type::Decline
            }
            Say::AcceptInverse(accept) => {
                call.accept_inverse_offers = Some(accept);
                call::Type::AcceptInverseOffers
            }
            Say::DeclineInverse(decline) => {
                call.decline_inverse_offers = Some(decline);
                call::Type::DeclineInverseOffers
            }
            Say::Suppress(suppress) => {
                call.suppress = Some(suppress);
                call::Type::Suppress
            }
            Say::Revive(revive) => {
                call.revive = Some(revive);
                call::Type::Revive
            }
            Say::Kill(kill) => {
                call.kill = Some(kill);
                call::Type::Kill
            }
            Say::Shutdown(shutdown) => {
                call.shutdown = Some(shutdown);
                call::Type::Shutdown
            }
            Say::Reconcile(reconcile) => {
                call.reconcile = Some(reconcile);
                call::Type::Reconcile
            }
            Say::Message(message) => {
                call.message = Some(message);
                call::Type::Message
            }
            Say::Acknowledge(acknowledge) => {
                call.acknowledge = Some(acknowledge);
                call::Type::Acknowledge
            }
            Say::AcknowledgeOperation(acknowledge) => {
                call.acknowledge_operation_status = Some(acknowledge);
                call::Type::AcknowledgeOperationStatus
            }
            Say::ReconcileOperations(reconcile) => {
                call.reconcile_operations = Some(reconcile);
                call::Type::ReconcileOperations
            }
            Say::Teardown => call::Type::Teardown,
        };
        call.r#type = Some(kind.into());
        call
    }
}
