//! ACCEPT: what is done with offers (Mesos' `docs/scheduler-http-api.md`, ACCEPT).

use std::collections::BTreeSet;
use std::time::Duration;

use mesos::resources::{Conversion, Resources};
use mesos::v1::offer::Operation;
use mesos::v1::offer::operation::Type;
use mesos::v1::scheduler::{Event, call, event};
use mesos::v1::task_status::Reason;
use mesos::v1::{
    AgentId, FrameworkId, OfferId, OperationState, OperationStatus, TaskInfo, TaskState,
};
use uuid::Uuid;

use super::offers::{close_offers, recover, refusal};
use super::statuses::Verdict;
use super::{Counter, Effect, Effects, State, Timestamp};
use crate::allocator::AllocatorOp;
use crate::validation::Invalid;

/// What an ACCEPT has to spend: the sum of its offers, all of one agent and one role.
pub(super) struct Purse {
    pub(super) agent: AgentId,
    pub(super) role: String,
    /// What the offers held.
    pub(super) offered: Resources,
    /// What is left of that, and of what operations made of it.
    pub(super) left: Resources,
    /// What operations did so far, for the allocator.
    pub(super) conversions: Vec<Conversion>,
    /// Where the uuids of operations come from.
    pub(super) uuids: Uuids,
}

impl Purse {
    /// What was offered or made of it so far, whether or not it is spent.
    pub(super) fn seen(&self) -> Resources {
        let made = self.conversions.iter().map(|c| &c.converted);
        made.fold(self.offered.clone(), |seen, made| seen + made)
    }
}

/// Uuids for the operations of one call, out of the one random value that it came with.
#[derive(Debug)]
pub(super) struct Uuids(u128);

impl Uuids {
    pub(super) fn new(fresh: Uuid) -> Uuids {
        Uuids(fresh.as_u128())
    }

    pub(super) fn next(&mut self) -> Uuid {
        self.0 = self.0.wrapping_add(1);
        Uuid::from_u128(self.0)
    }
}

impl State {
    pub(super) fn accept(
        &mut self,
        now: Timestamp,
        id: &FrameworkId,
        accept: call::Accept,
        fresh: Uuid,
        out: &mut Effects,
    ) {
        self.count_operations(id, &accept);
        let checked = self.check_offers(id, &accept.offer_ids);
        let (purse, error) = match checked {
            Ok(()) => {
                close_offers(id, accept.offer_ids.len(), out);
                (self.spend(id, &accept.offer_ids, fresh), None)
            }
            Err(error) => {
                self.discard(id, &accept.offer_ids, out);
                (None, Some(error))
            }
        };
        let Some(mut purse) = purse else {
            let why = error.map_or_else(String::new, |error| error.0);
            let dropped = Verdict::new(
                TaskState::TaskDropped,
                Reason::InvalidOffers,
                format!("Task launched with invalid offers: {why}"),
            );
            return self.refuse_all(now, id, accept.operations, &dropped, out);
        };
        let connected = self
            .cluster
            .agent(&purse.agent)
            .is_some_and(|agent| agent.connected);
        if !connected {
            recover(id, &purse.agent, purse.left, None, out);
            let dropped = Verdict::new(
                TaskState::TaskDropped,
                Reason::AgentDisconnected,
                "Task launched while the agent was disconnected",
            );
            return self.refuse_all(now, id, accept.operations, &dropped, out);
        }
        for operation in accept.operations {
            self.perform(now, id, operation, &mut purse, out);
        }
        give_back(id, purse, refusal(accept.filters.as_ref()), out);
    }

    fn count_operations(&mut self, id: &FrameworkId, accept: &call::Accept) {
        let launches = accept
            .operations
            .iter()
            .any(|operation| match operation.r#type() {
                Type::Launch => (operation.launch.iter()).any(|l| !l.task_infos.is_empty()),
                Type::LaunchGroup => operation.launch_group.is_some(),
                _ => false,
            });
        self.counters.count(if launches {
            Counter::LaunchTasks
        } else {
            Counter::DeclineOffers
        });
        let Some(framework) = self.cluster.framework_mut(id) else {
            return;
        };
        for operation in &accept.operations {
            // As the accessor has it: numbers we do not know all count as UNKNOWN.
            let kind = operation.r#type() as i32;
            *framework.traffic.operations.entry(kind).or_insert(0) += 1;
        }
    }

    /// All offers must be outstanding offers to this framework, of one agent and one role.
    fn check_offers(&self, framework: &FrameworkId, ids: &[OfferId]) -> Result<(), Invalid> {
        let mut seen = BTreeSet::new();
        let mut first: Option<(&AgentId, &str)> = None;
        for id in ids {
            let offer = self.cluster.offers.get(id);
            let offer = offer
                .filter(|offer| offer.record.framework_id == *framework)
                .ok_or_else(|| Invalid(format!("Offer {} is no longer valid", id.value)))?;
            if !seen.insert(id) {
                return Err(Invalid(format!(
                    "Duplicate offer {} in offer list",
                    id.value
                )));
            }
            let (agent, role) = *first.get_or_insert((&offer.record.agent_id, &offer.role));
            if *agent != offer.record.agent_id {
                return Err(Invalid(format!(
                    "Aggregated offers must belong to one single agent. Offer {} uses agent {} \
                     and agent {}",
                    id.value, offer.record.agent_id.value, agent.value
                )));
            }
            if role != offer.role {
                return Err(Invalid(format!(
                    "Aggregated offers must be allocated to the same role. Offer {} uses role {} \
                     but another is using role {role}",
                    id.value, offer.role
                )));
            }
        }
        first
            .map(|_| ())
            .ok_or_else(|| Invalid::new("No offers specified"))
    }

    /// Takes checked offers out and adds them up.
    fn spend(&mut self, framework: &FrameworkId, ids: &[OfferId], fresh: Uuid) -> Option<Purse> {
        let mut purse: Option<Purse> = None;
        for id in ids {
            let offer = self.take_offer_of(framework, id)?;
            let purse = purse.get_or_insert_with(|| Purse {
                agent: offer.record.agent_id.clone(),
                role: offer.role.clone(),
                offered: Resources::new(),
                left: Resources::new(),
                conversions: Vec::new(),
                uuids: Uuids::new(fresh),
            });
            purse.offered += &offer.resources;
            purse.left += &offer.resources;
        }
        if let Some(framework) = self.cluster.framework_mut(framework) {
            framework.traffic.offers_accepted += ids.len() as u64;
        }
        purse
    }

    /// The good ones among bad offers are used up too.
    fn discard(&mut self, framework: &FrameworkId, ids: &[OfferId], out: &mut Effects) {
        let mut closed = 0;
        for id in ids {
            if let Some(offer) = self.take_offer_of(framework, id) {
                closed += 1;
                let resources = offer.resources.clone();
                recover(framework, &offer.record.agent_id, resources, None, out);
            }
        }
        close_offers(framework, closed, out);
    }

    fn perform(
        &mut self,
        now: Timestamp,
        id: &FrameworkId,
        operation: Operation,
        purse: &mut Purse,
        out: &mut Effects,
    ) {
        let with_id = operation.id.is_some();
        match operation.r#type() {
            Type::Launch if with_id => {
                let error = invalid_task("The `id` field cannot be set on LAUNCH operations");
                self.refuse_tasks(now, id, &tasks_of(&operation), &error, out);
            }
            Type::Launch => {
                for task in operation.launch.unwrap_or_default().task_infos {
                    self.launch(now, id, task, purse, out);
                }
            }
            Type::LaunchGroup if with_id => {
                let why = "The `id` field cannot be set on LAUNCH_GROUP operations";
                let error = invalid_group(why);
                self.refuse_tasks(now, id, &tasks_of(&operation), &error, out);
            }
            Type::LaunchGroup => {
                let group = operation.launch_group.unwrap_or_default();
                self.launch_group(now, id, group, purse, out);
            }
            _ => {
                if let Some(framework) = self.cluster.framework(id).cloned() {
                    self.operate(&framework, operation, purse, out);
                }
            }
        }
    }

    /// Answers every operation of an ACCEPT that came to nothing.
    fn refuse_all(
        &mut self,
        now: Timestamp,
        id: &FrameworkId,
        operations: Vec<Operation>,
        verdict: &Verdict,
        out: &mut Effects,
    ) {
        for operation in operations {
            match operation.r#type() {
                Type::Launch | Type::LaunchGroup => {
                    self.refuse_tasks(now, id, &tasks_of(&operation), verdict, out);
                }
                _ => {
                    let message = verdict
                        .message
                        .replace("Task launched", "Operation attempted");
                    let agent = AgentId::default();
                    self.refuse_operation(id, &agent, &operation, &message, out);
                }
            }
        }
    }

    pub(super) fn refuse_tasks(
        &mut self,
        now: Timestamp,
        id: &FrameworkId,
        tasks: &[TaskInfo],
        verdict: &Verdict,
        out: &mut Effects,
    ) {
        for task in tasks {
            let agent = Some(&task.agent_id);
            self.refuse_task(id, &task.task_id, agent, verdict.clone(), now, out);
        }
    }

    /// An operation that asked for feedback gets OPERATION_ERROR; the others vanish silently.
    pub(super) fn refuse_operation(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        operation: &Operation,
        message: &str,
        out: &mut Effects,
    ) {
        let Some(id) = &operation.id else {
            return self.counters.count(Counter::DroppedMessages);
        };
        let status = OperationStatus {
            operation_id: Some(id.clone()),
            state: OperationState::OperationError as i32,
            message: Some(message.to_owned()),
            agent_id: Some(agent.clone()).filter(|agent| !agent.value.is_empty()),
            ..Default::default()
        };
        self.send_operation_status(framework, status, out);
    }

    pub(super) fn send_operation_status(
        &mut self,
        framework: &FrameworkId,
        status: OperationStatus,
        out: &mut Effects,
    ) {
        let event = Event {
            r#type: Some(event::Type::UpdateOperationStatus as i32),
            update_operation_status: Some(event::UpdateOperationStatus { status }),
            ..Default::default()
        };
        self.send_event(framework, event, out);
    }
}

/// Returns what an ACCEPT did not use. What its operations made is nothing the framework declined:
/// that may be offered again at once.
fn give_back(framework: &FrameworkId, purse: Purse, refuse: Duration, out: &mut Effects) {
    let agent = &purse.agent;
    if !purse.conversions.is_empty() {
        // The allocator learns of the change before it gets anything back.
        out.push(Effect::Allocator(AllocatorOp::UpdateAllocation {
            framework: framework.clone(),
            agent: agent.clone(),
            offered: purse.offered.clone(),
            conversions: purse.conversions,
        }));
    }
    let made = &purse.left - &purse.offered;
    let declined = purse.left - &made;
    recover(framework, agent, made, None, out);
    recover(framework, agent, declined, Some(refuse), out);
}

pub(super) fn invalid_task(why: impl Into<String>) -> Verdict {
    Verdict::new(TaskState::TaskError, Reason::TaskInvalid, why)
}

pub(super) fn invalid_group(why: impl Into<String>) -> Verdict {
    Verdict::new(TaskState::TaskError, Reason::TaskGroupInvalid, why)
}

fn tasks_of(operation: &Operation) -> Vec<TaskInfo> {
    match operation.r#type() {
        Type::Launch => operation
            .launch
            .as_ref()
            .map(|launch| launch.task_infos.clone()),
        Type::LaunchGroup => operation
            .launch_group
            .as_ref()
            .map(|group| group.task_group.tasks.clone()),
        _ => None,
    }
    .unwrap_or_default()
}
