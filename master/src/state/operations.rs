//! Operations on resources (Mesos' `docs/scheduler-http-api.md`): performed on the master's books at once, and by
//! the agent when it gets there.
//!
//! ```text
//!                 ┌────────────── sent ──────────────▶ PENDING ── the agent's update ──▶ FINISHED, FAILED, DROPPED
//!  valid? ── yes ─┤                                       │                                 │ acknowledged
//!    │ no         └── total, allocator: as if done        │ agent lost                      ▼
//!    ▼                                                    ▼                             forgotten
//!  OPERATION_ERROR, or nothing without an id        UNREACHABLE, GONE_BY_OPERATOR
//! ```
//!
//! What an operation without an id comes to is told to nobody: it is forgotten when its agent has
//! done it. If an agent could not do what the books say, it tells what it has, and the books follow.

use std::sync::Arc;

use libprocess::prelude::AnyPid;
use mesos::protocols::agent as to_agent;
use mesos::protocols::master::{AgentResources, OperationUpdate};
use mesos::resources::{Conversion, Resources};
use mesos::v1::agent_info::capability::Type as Capability;
use mesos::v1::scheduler::call;
use mesos::v1::{self, AgentId, FrameworkId, OfferId, OperationState, OperationStatus};
use mesos::wire::Pb;
use uuid::Uuid;

use super::accept::Purse;
use super::agents::Running;
use super::{Agent, Counter, Effect, Effects, Framework, Operation, State, Timestamp, ToAgent};
use crate::allocator::{AgentCapabilities, AllocatorOp};
use crate::validation::operations::{self, Asker, Target};
use crate::validation::{Invalid, require};

/// Operations of one agent that may be under way or wait for their acknowledgement. A framework
/// that never acknowledges is told so with an error; the agent has a bound of its own above this.
const MAX_OPERATIONS_PER_AGENT: usize = 1_024;

impl State {
    /// Performs one operation of an ACCEPT on the books and sends it to the agent, or refuses it.
    pub(super) fn operate(
        &mut self,
        framework: &Arc<Framework>,
        mut operation: v1::offer::Operation,
        purse: &mut Purse,
        out: &mut Effects,
    ) {
        operations::inject_role(&mut operation, &purse.role);
        match self.convert(framework, &operation, purse) {
            Ok((left, conversions)) => {
                self.rescind_sharers(&purse.agent, &conversions, out);
                purse.left = left;
                purse.conversions.extend(conversions);
                let (id, uuid) = (Some(framework.id.clone()), purse.uuids.next());
                self.send_operation(id, &purse.agent, operation, uuid, out);
            }
            Err(error) => {
                self.refuse_operation(&framework.id, &purse.agent, &operation, &error.0, out);
            }
        }
    }

    /// What is left after an operation, and what it converts; the agent's total follows.
    fn convert(
        &mut self,
        framework: &Framework,
        operation: &v1::offer::Operation,
        purse: &Purse,
    ) -> Result<(Resources, Vec<Conversion>), Invalid> {
        let agent = self.cluster.agent(&purse.agent).cloned();
        let agent = agent.ok_or_else(|| Invalid::new("The agent is gone"))?;
        // As it is by now: an operation before this one may have used the id.
        let framework = self.cluster.framework(&framework.id).cloned();
        let framework = framework.ok_or_else(|| Invalid::new("The framework is gone"))?;
        check_id(&framework, &agent, operation)?;
        let asker = Asker {
            framework: Some(&framework.info),
            principal: framework.info.principal.as_deref(),
        };
        let conversions = check(operation, &asker, &agent)?;
        let left = purse.left.apply_all(&conversions);
        let left = left.map_err(|error| Invalid(format!("Invalid operation: {error}")))?;
        let on_agent: Vec<Conversion> = (conversions.iter().cloned())
            .map(Conversion::unallocated)
            .collect();
        let converted = self.cluster.convert_total(&agent.id, &on_agent);
        converted.map_err(|error| Invalid(error.to_string()))?;
        Ok((left, conversions))
    }

    /// A shared volume that is destroyed must not be in the offers of others.
    pub(super) fn rescind_sharers(
        &mut self,
        agent: &AgentId,
        conversions: &[Conversion],
        out: &mut Effects,
    ) {
        let gone: Resources = conversions
            .iter()
            .map(|c| (&c.consumed - &c.converted).shared().unallocate())
            .sum();
        if gone.is_empty() {
            return;
        }
        let Some(agent) = self.cluster.agent(agent) else {
            return;
        };
        let offers = agent.offers.iter();
        let holds_it = |id: &&OfferId| {
            let offer = self.cluster.offers.get(*id);
            offer.is_some_and(|offer| {
                let shared = offer.resources.shared().unallocate();
                shared
                    .keys()
                    .any(|key| gone.keys().any(|known| known == key))
            })
        };
        let offers: Vec<OfferId> = offers.filter(holds_it).cloned().collect();
        for offer in offers {
            self.rescind(&offer, out);
        }
    }

    /// Notes an operation that is on the books, and sends it to its agent.
    pub(super) fn send_operation(
        &mut self,
        framework: Option<FrameworkId>,
        agent: &AgentId,
        operation: v1::offer::Operation,
        uuid: Uuid,
        out: &mut Effects,
    ) {
        let Some(agent) = self.cluster.agent(agent).cloned() else {
            return;
        };
        let pending = Operation::pending(uuid, framework, agent.id.clone(), operation);
        let message = apply_message(&pending, agent.resource_version);
        out.push(Effect::Agent(
            agent.pid.clone(),
            ToAgent::Apply(Box::new(message)),
        ));
        self.cluster.add_operation(pending);
    }

    /// An agent reports how an operation ended.
    pub fn operation_update(
        &mut self,
        now: Timestamp,
        sender: Option<&AnyPid>,
        update: OperationUpdate,
    ) -> Effects {
        let mut out = Effects::new();
        self.counters.count(Counter::OperationStatusUpdate);
        let valid = self.speaks_for(sender, &update.agent_id)
            && !self.transitions.contains_key(&update.agent_id);
        if !valid {
            self.counters.count(Counter::InvalidOperationStatusUpdates);
            return out;
        }
        self.counters.count(Counter::ValidOperationStatusUpdates);
        let status = update.status.0;
        self.cluster
            .count_operation_end(&update.operation, status.state());
        let framework = update.framework_id.as_ref();
        let framework = framework.filter(|id| self.cluster.framework(id).is_some());
        let (Some(framework), Some(id)) = (framework, &status.operation_id) else {
            self.cluster.remove_operation(&update.operation);
            if status.uuid.is_some() && self.is_orphan(now, update.framework_id.as_ref()) {
                self.acknowledge_to(&update.agent_id, update.operation, &status, &mut out);
            }
            return out;
        };
        let known = self.cluster.operations.get(&update.operation);
        // An earlier master sent it, and its framework came back after its agent.
        let mut operation = known.map_or_else(
            || {
                Operation::pending(
                    update.operation,
                    Some(framework.clone()),
                    update.agent_id.clone(),
                    v1::offer::Operation {
                        id: Some(id.clone()),
                        ..Default::default()
                    },
                )
            },
            |known| (**known).clone(),
        );
        if operation.record.latest_status != status {
            operation.remember(status.clone());
        }
        let framework = framework.clone();
        self.cluster.add_operation(operation);
        self.send_operation_status(&framework, status, &mut out);
        out
    }

    /// Whether nobody is left to acknowledge for a framework that is not known: it is over, or it
    /// had its time to come back to this master.
    fn is_orphan(&self, now: Timestamp, framework: Option<&FrameworkId>) -> bool {
        let is_over = framework.is_none_or(|id| self.cluster.is_completed(id));
        let patience = self.config.agent_reregister_timeout;
        is_over || self.recovered_at.is_some_and(|at| at + patience <= now)
    }

    /// Tells an agent that the status of an operation has arrived.
    fn acknowledge_to(
        &mut self,
        agent: &AgentId,
        operation: Uuid,
        status: &OperationStatus,
        out: &mut Effects,
    ) {
        let uuid = status.uuid.as_ref();
        let uuid = uuid.and_then(|uuid| Uuid::from_slice(&uuid.value).ok());
        let agent = self.cluster.agent(agent).filter(|agent| agent.connected);
        if let (Some(agent), Some(status)) = (agent, uuid) {
            let message = to_agent::AcknowledgeOperation { operation, status };
            out.push(Effect::Agent(
                agent.pid.clone(),
                ToAgent::AcknowledgeOperation(message),
            ));
        }
    }

    /// ACKNOWLEDGE_OPERATION_STATUS: the agent may forget the operation, and so do we.
    /// Acknowledgements that cannot reach the agent are dropped; the scheduler will see the status
    /// again.
    pub(super) fn acknowledge_operation(
        &mut self,
        id: &FrameworkId,
        acknowledge: &call::AcknowledgeOperationStatus,
        out: &mut Effects,
    ) {
        self.counters
            .count(Counter::OperationStatusUpdateAcknowledgement);
        let framework = self.cluster.framework(id);
        let uuid = framework.and_then(|f| f.operations.get(&acknowledge.operation_id));
        let operation = uuid
            .and_then(|uuid| self.cluster.operations.get(uuid))
            .cloned();
        let operation = operation.filter(|operation| {
            let record = &operation.record;
            let named = record.latest_status.uuid.as_ref().map(|uuid| &uuid.value);
            let of_agent = acknowledge.agent_id.as_ref();
            named == Some(&acknowledge.uuid)
                && of_agent.is_none_or(|agent| record.agent_id.as_ref() == Some(agent))
        });
        let agent = operation.as_ref().and_then(|o| o.record.agent_id.clone());
        let agent = agent.filter(|id| self.cluster.agent(id).is_some_and(|agent| agent.connected));
        let (Some(operation), Some(agent)) = (operation, agent) else {
            return self
                .counters
                .count(Counter::InvalidOperationStatusUpdateAcknowledgements);
        };
        self.counters
            .count(Counter::ValidOperationStatusUpdateAcknowledgements);
        let status = &operation.record.latest_status;
        self.acknowledge_to(&agent, operation.uuid, status, out);
        if operation.is_terminal() {
            self.cluster.remove_operation(&operation.uuid);
        }
    }

    /// RECONCILE_OPERATIONS: the last status of each; of all, if none is named. The answers have
    /// no uuid, so that nobody acknowledges them.
    pub(super) fn reconcile_operations(
        &mut self,
        id: &FrameworkId,
        reconcile: &call::ReconcileOperations,
        out: &mut Effects,
    ) {
        self.counters.count(Counter::ReconcileOperations);
        let Some(framework) = self.cluster.framework(id).cloned() else {
            return;
        };
        let known = |uuid: &Uuid| {
            let operation = self.cluster.operations.get(uuid)?;
            let mut status = operation.record.latest_status.clone();
            status.uuid = None;
            Some(status)
        };
        let answers: Vec<OperationStatus> = if reconcile.operations.is_empty() {
            framework.operations.values().filter_map(known).collect()
        } else {
            let asked = reconcile.operations.iter();
            asked
                .map(|asked| {
                    let uuid = framework.operations.get(&asked.operation_id);
                    uuid.and_then(known).unwrap_or_else(|| self.fate_of(asked))
                })
                .collect()
        };
        for status in answers {
            self.send_operation_status(id, status, out);
        }
    }

    /// What is to be said of an operation that is not on the books.
    fn fate_of(&self, asked: &call::reconcile_operations::Operation) -> OperationStatus {
        let agent = asked.agent_id.as_ref();
        let is = |test: &dyn Fn(&AgentId) -> bool| agent.is_some_and(test);
        let (state, why) = if is(&|id| self.cluster.recovered_agents.contains_key(id)) {
            let why = "Reconciliation: Agent is recovered but has not re-registered";
            (OperationState::OperationRecovering, why)
        } else if is(&|id| self.cluster.unreachable_agents.contains_key(id)) {
            let why = "Reconciliation: Agent is unreachable";
            (OperationState::OperationUnreachable, why)
        } else if is(&|id| self.cluster.gone_agents.contains_key(id)) {
            let why = "Reconciliation: Agent was given up by an operator";
            (OperationState::OperationGoneByOperator, why)
        } else {
            let why = "Reconciliation: Operation is unknown";
            (OperationState::OperationUnknown, why)
        };
        OperationStatus {
            operation_id: Some(asked.operation_id.clone()),
            state: state as i32,
            message: Some(why.to_owned()),
            agent_id: asked.agent_id.clone(),
            resource_provider_id: asked.resource_provider_id.clone(),
            ..Default::default()
        }
    }

    /// An agent could not do what was asked of it, and tells what it has.
    pub fn agent_resources(&mut self, sender: Option<&AnyPid>, told: AgentResources) -> Effects {
        let mut out = Effects::new();
        let valid = self.speaks_for(sender, &told.agent_id)
            && !self.transitions.contains_key(&told.agent_id);
        let agent = self.cluster.agent(&told.agent_id).cloned();
        let Some(agent) = agent.filter(|_| valid) else {
            self.counters.count(Counter::DroppedMessages);
            return out;
        };
        let stored = told
            .checkpointed_resources
            .iter()
            .map(|resource| &resource.0);
        match total_of(&agent.info.to_v1(), stored) {
            // What may be taken back at any time is told on its own.
            Ok(total) => {
                let total = total + agent.total.revocable();
                self.resize(&agent, total, told.resource_version, &mut out);
            }
            Err(error) => {
                tracing::warn!(agent = %agent.id.value, "told impossible resources: {}", error.0);
                self.counters.count(Counter::DroppedMessages);
            }
        }
        out
    }

    /// Makes `total` what an agent has.
    pub(super) fn resize(
        &mut self,
        agent: &Agent,
        total: Resources,
        version: Option<Uuid>,
        out: &mut Effects,
    ) {
        let changed = *agent.total != total;
        if changed {
            self.rescind_offers_on(&agent.id, out);
        }
        let Some(agent) = self.cluster.agent_mut(&agent.id) else {
            return;
        };
        agent.resource_version = version;
        if changed {
            agent.total = Arc::new(total.clone());
            out.push(Effect::Allocator(AllocatorOp::UpdateAgent {
                id: agent.id.clone(),
                info: agent.info.to_v1(),
                capabilities: AgentCapabilities::new(&agent.software.capabilities),
                total,
            }));
        }
    }

    /// An agent that is back named its operations: those it has are taken over, it is asked about
    /// those it did not name, and what nobody waits for is forgotten.
    pub(super) fn compare_operations(
        &mut self,
        agent: &Agent,
        running: &Running,
        out: &mut Effects,
    ) {
        self.adopt_operations(running);
        let named: Vec<Uuid> = named(running).map(|operation| operation.uuid).collect();
        let mut missing = Vec::new();
        for uuid in agent.operations.iter().filter(|uuid| !named.contains(uuid)) {
            let Some(operation) = self.cluster.operations.get(uuid).cloned() else {
                continue;
            };
            if operation.id().is_some() && !operation.is_terminal() {
                missing.push(apply_message(&operation, None));
            } else {
                self.cluster.remove_operation(uuid);
            }
        }
        if !missing.is_empty()
            && let Some(agent) = self.cluster.agent(&agent.id)
        {
            let message = to_agent::ReconcileOperations {
                operations: missing,
            };
            out.push(Effect::Agent(
                agent.pid.clone(),
                ToAgent::ReconcileOperations(message),
            ));
        }
    }

    /// Takes over the operations of an agent, except those of frameworks that are not known; their
    /// statuses come by themselves.
    pub(super) fn adopt_operations(&mut self, running: &Running) {
        for operation in named(running) {
            let framework = operation.record.framework_id.as_ref();
            if framework.is_some_and(|id| self.cluster.framework(id).is_some()) {
                self.cluster.add_operation(operation);
            }
        }
    }

    /// An agent is lost, and the frameworks are told what that makes of their operations there.
    pub(super) fn lose_operations(
        &mut self,
        agent: &Agent,
        state: OperationState,
        why: &str,
        out: &mut Effects,
    ) {
        for uuid in &agent.operations {
            self.cluster.count_operation_end(uuid, state);
            let Some(operation) = self.cluster.remove_operation(uuid) else {
                continue;
            };
            let record = &operation.record;
            // What has ended has been told.
            if let (Some(framework), Some(id), false) = (
                &record.framework_id,
                operation.id(),
                operation.is_terminal(),
            ) {
                let status = OperationStatus {
                    operation_id: Some(id.clone()),
                    state: state as i32,
                    message: Some(why.to_owned()),
                    agent_id: record.agent_id.clone(),
                    ..Default::default()
                };
                self.send_operation_status(framework, status, out);
            }
        }
    }

    /// A framework is over: nobody else will acknowledge its operations.
    pub(super) fn end_operations_of(&mut self, id: &FrameworkId, out: &mut Effects) {
        let Some(framework) = self.cluster.framework(id).cloned() else {
            return;
        };
        for uuid in framework.operations.values() {
            if let Some(operation) = self.cluster.remove_operation(uuid) {
                let record = &operation.record;
                let agent = record.agent_id.clone().unwrap_or_default();
                self.acknowledge_to(&agent, *uuid, &record.latest_status, out);
            }
        }
    }
}

/// Checks the rules of one operation and answers what it converts.
pub(super) fn check(
    operation: &v1::offer::Operation,
    asker: &Asker<'_>,
    agent: &Agent,
) -> Result<Vec<Conversion>, Invalid> {
    let used = agent.used_total();
    let target = Target {
        capabilities: &agent.software.capabilities,
        total: &agent.total,
        used: &used,
    };
    operations::operation(operation, asker, &target)
}

/// Feedback on operations needs an agent that gives it, and an id of its own.
fn check_id(
    framework: &Framework,
    agent: &Agent,
    operation: &v1::offer::Operation,
) -> Result<(), Invalid> {
    let Some(id) = &operation.id else {
        return Ok(());
    };
    require(
        mesos::ids::validate(&id.value).is_ok(),
        format!("'id' is '{}', which cannot be an id", id.value),
    )?;
    require(
        agent.has_capability(Capability::AgentOperationFeedback),
        "'id' is set, but the agent does not have the AGENT_OPERATION_FEEDBACK capability",
    )?;
    require(
        !framework.operations.contains_key(id),
        format!(
            "'id' is '{}', which another operation of the framework has",
            id.value
        ),
    )?;
    require(
        agent.operations.len() < MAX_OPERATIONS_PER_AGENT,
        "too many operations of this agent wait for their acknowledgement",
    )
}

/// All resources of an agent: those of its flags, with what it made of them at run time.
pub(super) fn total_of<'a>(
    info: &v1::AgentInfo,
    stored: impl IntoIterator<Item = &'a v1::Resource>,
) -> Result<Resources, Invalid> {
    let invalid = |error: &dyn std::fmt::Display| {
        Invalid(format!("the agent's resources are invalid: {error}"))
    };
    let flags = Resources::from_v1(&info.resources).map_err(|error| invalid(&error))?;
    let stored = Resources::from_v1(stored).map_err(|error| invalid(&error))?;
    flags
        .with_checkpointed(&stored)
        .map_err(|error| invalid(&error))
}

fn named(running: &Running) -> impl Iterator<Item = Operation> {
    let operations = running.operations.iter().cloned();
    operations.filter_map(Operation::named)
}

fn apply_message(operation: &Operation, version: Option<Uuid>) -> to_agent::ApplyOperation {
    to_agent::ApplyOperation {
        framework_id: operation.record.framework_id.clone(),
        operation: Pb(operation.record.info.clone()),
        uuid: operation.uuid,
        resource_version: version,
    }
}
