//! Effects as lines of text: who is told what.

use mesos::v1;
use mesos::v1::scheduler::Event;
use mesos::v1::scheduler::event::Type;

use crate::allocator::AllocatorOp;
use crate::registrar::{MachineKey, Operation};
use crate::state::{Effect, ToAgent};

/// Timers, watches and the allocator's bookkeeping of who is there are not told.
pub(super) fn line(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Agent(to, message) => format!("{} <- {}", to.address().ip(), to_agent(message)),
        Effect::Event(to, event) => format!("{} <- {}", to.name(), describe(event)),
        Effect::Unsubscribe(pid) => format!("{} is unsubscribed", pid.name()),
        Effect::Registry(operation, _) => format!("registry <- {}", registry(operation)),
        Effect::Allocator(AllocatorOp::Recover {
            framework,
            agent,
            resources,
            refuse,
        }) => {
            let refused = refuse.map_or(String::new(), |time| format!(", refused {time:?}"));
            let resources = resources.clone().unallocate();
            format!(
                "allocator <- {resources} of {} on {}{refused}",
                framework.value, agent.value
            )
        }
        Effect::Allocator(AllocatorOp::UpdateAllocation { .. }) => {
            "allocator <- update allocation".to_owned()
        }
        Effect::Allocator(AllocatorOp::UpdateAgent { total, .. }) => {
            format!("allocator <- total {total}")
        }
        Effect::Allocator(AllocatorOp::UpdateWeights { weights }) => {
            format!("allocator <- weights {weights:?}")
        }
        Effect::Allocator(AllocatorOp::UpdateUnavailability {
            agent,
            unavailability,
        }) => match unavailability {
            Some(plan) => {
                let start = plan.start.nanoseconds / 1_000_000_000;
                format!("allocator <- {} unavailable at {start}", agent.value)
            }
            None => format!("allocator <- {} stays", agent.value),
        },
        Effect::Allocator(AllocatorOp::AnswerInverseOffer {
            framework,
            agent,
            refuse,
        }) => {
            let refused = refuse.map_or(String::new(), |time| format!(", refused {time:?}"));
            format!(
                "allocator <- {} answered for {}{refused}",
                framework.value, agent.value
            )
        }
        Effect::Answer(_, Ok(())) => "operator <- done".to_owned(),
        Effect::Answer(_, Err(rejected)) => {
            format!("operator <- {:?}: {}", rejected.kind, rejected.message)
        }
        Effect::Abort(_) => "the master ends".to_owned(),
        _ => return None,
    })
}

fn to_agent(message: &ToAgent) -> String {
    match message {
        ToAgent::Registered(m) => format!("registered as {}", m.agent_id.value),
        ToAgent::Reregistered(m) => {
            let statuses = m.reconcile.iter().flat_map(|framework| &framework.statuses);
            let asked: Vec<&str> = statuses
                .map(|status| status.task_id.value.as_str())
                .collect();
            format!("reregistered, asked for {asked:?}")
        }
        ToAgent::Drain(_) => "drain".to_owned(),
        ToAgent::Shutdown(_) => "shut down".to_owned(),
        ToAgent::Run(m) => format!("run {}", m.task.task_id.value),
        ToAgent::RunGroup(m) => {
            let tasks: Vec<&str> = m.group.tasks.iter().map(|t| &*t.task_id.value).collect();
            let executor = match m.launch_executor {
                true => "a new executor",
                false => "the executor",
            };
            format!("run {} in {executor}", tasks.join(" and "))
        }
        ToAgent::Kill(m) => format!("kill {}", m.task_id.value),
        ToAgent::Acknowledge(m) => {
            format!("acknowledge {} {}", m.task_id.value, m.uuid.as_u128())
        }
        ToAgent::Message(m) => format!("message to {}", m.executor_id.value),
        ToAgent::ShutdownExecutor(m) => format!("shut down executor {}", m.executor_id.value),
        ToAgent::ShutdownFramework(m) => format!("shut down framework {}", m.framework_id.value),
        ToAgent::UpdateFramework(_) => "update framework".to_owned(),
        ToAgent::Apply(m) => format!("apply {}", m.operation.r#type().as_str_name()),
        ToAgent::AcknowledgeOperation(m) => format!("acknowledge operation {}", m.status.as_u128()),
        ToAgent::ReconcileOperations(m) => {
            let ids = m.operations.iter().filter_map(|o| o.operation.id.as_ref());
            let ids: Vec<&str> = ids.map(|id| id.value.as_str()).collect();
            format!("asked for operations {ids:?}")
        }
    }
}

fn describe(event: &Event) -> String {
    match event.r#type() {
        Type::Update => update(&event.update.as_ref().expect("an update").status),
        Type::UpdateOperationStatus => {
            let status = &event
                .update_operation_status
                .as_ref()
                .expect("a status")
                .status;
            operation(status)
        }
        Type::Offers => {
            let offers = &event.offers.as_ref().expect("offers").offers;
            format!("OFFERS {}", offers.len())
        }
        Type::Rescind => "RESCIND".to_owned(),
        Type::InverseOffers => {
            let asked = event.inverse_offers.as_ref().expect("inverse offers");
            format!("INVERSE_OFFERS {}", asked.inverse_offers.len())
        }
        Type::RescindInverseOffer => "RESCIND_INVERSE_OFFER".to_owned(),
        Type::Error => format!("ERROR {}", event.error.as_ref().expect("an error").message),
        Type::Failure => {
            let failure = event.failure.as_ref().expect("a failure");
            match &failure.executor_id {
                Some(executor) => format!("FAILURE executor {}", executor.value),
                None => "FAILURE agent".to_owned(),
            }
        }
        other => other.as_str_name().to_owned(),
    }
}

fn operation(status: &v1::OperationStatus) -> String {
    let id = status.operation_id.as_ref().map_or("", |id| &id.value);
    let reliable = if status.uuid.is_some() {
        " (to be acknowledged)"
    } else {
        ""
    };
    format!("{id} {}{reliable}", status.state().as_str_name())
}

fn update(status: &v1::TaskStatus) -> String {
    let reason = match status.reason {
        Some(_) => status.reason().as_str_name(),
        None => "no reason",
    };
    let reason = reason.strip_prefix("REASON_").unwrap_or(reason);
    let reliable = if status.uuid.is_some() {
        ", to be acknowledged"
    } else {
        ""
    };
    format!(
        "{} {} ({reason}{reliable})",
        status.task_id.value,
        status.state().as_str_name()
    )
}

fn registry(operation: &Operation) -> String {
    match operation {
        Operation::AdmitAgent { id, .. } => format!("admit {}", id.value),
        Operation::UpdateAgent { id, .. } => format!("update {}", id.value),
        Operation::MarkAgentUnreachable { id, .. } => format!("{} unreachable", id.value),
        Operation::MarkAgentReachable { id, .. } => format!("{} reachable", id.value),
        Operation::RemoveAgent { id } => format!("remove {}", id.value),
        Operation::AddFramework { id, .. } => format!("add {}", id.value),
        Operation::UpdateFramework { id, framework } => match framework.failover_deadline {
            Some(_) => format!("{} must be back in time", id.value),
            None => format!("update {}", id.value),
        },
        Operation::MarkAgentGone { id, .. } => format!("{} gone", id.value),
        Operation::Prune { unreachable, gone } => {
            format!("prune {}", unreachable.len() + gone.len())
        }
        Operation::DrainAgent { id, .. } => format!("drain {}", id.value),
        Operation::MarkAgentDrained { id } => format!("{} drained", id.value),
        Operation::DeactivateAgent { id } => format!("deactivate {}", id.value),
        Operation::ReactivateAgent { id } => format!("reactivate {}", id.value),
        Operation::UpdateSchedule { machines } => format!("schedule {}", names(machines.keys())),
        Operation::StartMaintenance { machines } => format!("down {}", names(machines)),
        Operation::StopMaintenance { machines } => format!("up {}", names(machines)),
        Operation::RemoveFramework { id } => format!("remove {}", id.value),
        Operation::UpdateWeights { weights } => format!("weights {weights:?}"),
        Operation::UpdateQuota { configs } => {
            let roles: Vec<&str> = configs.iter().map(|config| config.role.as_str()).collect();
            format!("quota of {roles:?}")
        }
    }
}

fn names<'a>(machines: impl IntoIterator<Item = &'a MachineKey>) -> String {
    let names = machines.into_iter().map(MachineKey::to_string);
    names.collect::<Vec<_>>().join(", ")
}
