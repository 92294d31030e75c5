//! What a scheduler says.

use libprocess::prelude::*;
use mesos::v1;
use mesos::v1::scheduler::call;

use super::calls::Say;
use super::driver::{DriverProtocol, Stop};

/// How a scheduler speaks to the master. Cheap to clone; every method returns at once.
///
/// What the calls mean is in Mesos' `scheduler-http-api.md`.
#[derive(Clone, Debug)]
pub struct Driver {
    node: Node,
    driver: Pid<DriverProtocol>,
}

impl Driver {
    pub(super) fn new(node: Node, driver: Pid<DriverProtocol>) -> Driver {
        Driver { node, driver }
    }

    /// Uses offers of one agent for operations, in order; what is left is declined for `refuse_seconds` (5 if unset).
    /// What becomes of an operation with an `id` is told by [`super::Notice::OperationUpdate`].
    pub fn accept(
        &self,
        offers: impl IntoIterator<Item = v1::OfferId>,
        operations: Vec<v1::offer::Operation>,
        refuse_seconds: Option<f64>,
    ) {
        self.say(Say::Accept(call::Accept {
            offer_ids: offers.into_iter().collect(),
            operations,
            filters: refuse_seconds.map(filters),
        }));
    }

    /// Launches tasks on offers of one agent; what is left is declined for `refuse_seconds` (5 if unset).
    pub fn launch(
        &self,
        offers: impl IntoIterator<Item = v1::OfferId>,
        tasks: Vec<v1::TaskInfo>,
        refuse_seconds: Option<f64>,
    ) {
        let launch = v1::offer::Operation {
            r#type: Some(v1::offer::operation::Type::Launch.into()),
            launch: Some(v1::offer::operation::Launch { task_infos: tasks }),
            ..Default::default()
        };
        self.accept(offers, vec![launch], refuse_seconds);
    }

    /// Declines offers for `refuse_seconds` (5 if unset, at most a year).
    pub fn decline(
        &self,
        offers: impl IntoIterator<Item = v1::OfferId>,
        refuse_seconds: Option<f64>,
    ) {
        self.say(Say::Decline(call::Decline {
            offer_ids: offers.into_iter().collect(),
            filters: refuse_seconds.map(filters),
        }));
    }

    /// Says that it will have left the agents of inverse offers in time; it may be asked again after `refuse_seconds`
    /// (5 if unset) if it still has something there. Operators see the answer; nobody enforces it.
    pub fn accept_inverse_offers(
        &self,
        offers: impl IntoIterator<Item = v1::OfferId>,
        refuse_seconds: Option<f64>,
    ) {
        self.say(Say::AcceptInverse(call::AcceptInverseOffers {
            inverse_offer_ids: offers.into_iter().collect(),
            filters: refuse_seconds.map(filters),
        }));
    }

    /// Says that it will not leave the agents of inverse offers; it may be asked again after `refuse_seconds` (5 if
    /// unset).
    pub fn decline_inverse_offers(
        &self,
        offers: impl IntoIterator<Item = v1::OfferId>,
        refuse_seconds: Option<f64>,
    ) {
        self.say(Say::DeclineInverse(call::DeclineInverseOffers {
            inverse_offer_ids: offers.into_iter().collect(),
            filters: refuse_seconds.map(filters),
        }));
    }

    /// Wants no offers, in these roles or (none named) in any, until [`Driver::revive`].
    pub fn suppress(&self, roles: impl IntoIterator<Item = String>) {
        self.say(Say::Suppress(call::Suppress {
            roles: roles.into_iter().collect(),
        }));
    }

    /// Wants offers again, also those it declined.
    pub fn revive(&self, roles: impl IntoIterator<Item = String>) {
        self.say(Say::Revive(call::Revive {
            roles: roles.into_iter().collect(),
        }));
    }

    /// Kills a task. Its terminal update is the answer; an unknown task is answered as by [`Driver::reconcile`].
    pub fn kill(&self, task_id: v1::TaskId, agent_id: Option<v1::AgentId>) {
        self.say(Say::Kill(call::Kill {
            task_id,
            agent_id,
            kill_policy: None,
        }));
    }

    /// Shuts an executor down, and with it its tasks.
    pub fn shutdown_executor(&self, executor_id: v1::ExecutorId, agent_id: v1::AgentId) {
        self.say(Say::Shutdown(call::Shutdown {
            executor_id,
            agent_id,
        }));
    }

    /// Asks for the latest state of the named tasks, or (none named) of all of this framework.
    pub fn reconcile(&self, tasks: impl IntoIterator<Item = (v1::TaskId, Option<v1::AgentId>)>) {
        let tasks = tasks
            .into_iter()
            .map(|(task_id, agent_id)| call::reconcile::Task { task_id, agent_id })
            .collect();
        self.say(Say::Reconcile(call::Reconcile { tasks }));
    }

    /// Asks for the latest state of the named operations (with the agents they were made on, as far as known), or (none
    /// named) of all of this framework. The answers are [`super::Notice::OperationUpdate`]s.
    pub fn reconcile_operations(
        &self,
        operations: impl IntoIterator<Item = (v1::OperationId, Option<v1::AgentId>)>,
    ) {
        let operations = operations
            .into_iter()
            .map(
                |(operation_id, agent_id)| call::reconcile_operations::Operation {
                    operation_id,
                    agent_id,
                    resource_provider_id: None,
                },
            )
            .collect();
        self.say(Say::ReconcileOperations(call::ReconcileOperations {
            operations,
        }));
    }

    /// Sends bytes to an executor; best effort.
    pub fn message(&self, executor_id: v1::ExecutorId, agent_id: v1::AgentId, data: Vec<u8>) {
        self.say(Say::Message(call::Message {
            agent_id,
            executor_id,
            data,
        }));
    }

    /// Ends the framework: its executors are shut down, its id is not accepted again. The driver ends when the master
    /// has heard of it; without a subscription it looks for one first, for at most ten seconds.
    pub fn teardown(&self) {
        self.say(Say::Teardown);
    }

    /// Ends the driver but not the framework: its tasks go on for its failover timeout.
    pub fn stop(&self) {
        self.node.tell(&self.driver, Stop);
    }

    /// Waits for the end of the driver: after [`Driver::teardown`], until the master has heard of it.
    pub async fn ended(&self) -> Exited {
        self.node.monitor(&self.driver).await
    }

    fn say(&self, what: Say) {
        self.node.tell(&self.driver, what);
    }
}

fn filters(refuse_seconds: f64) -> v1::Filters {
    v1::Filters {
        refuse_seconds: Some(refuse_seconds),
    }
}
