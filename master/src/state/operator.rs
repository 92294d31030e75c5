//! What operators change: resources of agents, weights, quota, maintenance (Mesos'
//! `docs/reservation.md`, `docs/operator-http-api.md`, `docs/maintenance.md` and
//! `docs/quota.md`).
//!
//! Some changes wait for the allocator or the registry, so every call has a [`Ticket`], and is
//! answered by [`Effect::Answer`].
//!
//! ```text
//! resources   valid? ─▶ offers in the way rescinded ─▶ allocator: is it free? ─▶ sent to the agent, answered
//! weights     valid? ─▶ registry ─▶ allocator, offers rescinded, answered
//! quota       valid? overcommitted? ─▶ registry ─▶ allocator, offers rescinded, answered
//! ```

use std::sync::Arc;

use mesos::protocols::{CallRejected, RejectionKind};
use mesos::resources::{Conversion, NotApplicable, Resources};
use mesos::v1::master::Call;
use mesos::v1::master::call::Type;
use mesos::v1::offer::operation::{
    Create, Destroy, GrowVolume, Reserve, ShrinkVolume, Type as OperationType, Unreserve,
};
use mesos::v1::{AgentId, OfferId, offer};
use uuid::Uuid;

use super::accept::Uuids;
use super::operations::check;
use super::{Agent, Effect, Effects, State, Timestamp};
use crate::allocator::{AgentCapabilities, AllocatorOp, UpdateAvailable};
use crate::validation::operations::Asker;

/// Names a call of an operator until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// An operator's operation that waits for the allocator.
#[derive(Clone, Debug)]
pub struct Awaited {
    ticket: Ticket,
    agent: AgentId,
    operation: offer::Operation,
    conversions: Vec<Conversion>,
    uuid: Uuid,
}

impl State {
    /// An operator calls. `principal` is who it is, where that is known; `fresh` is random.
    pub fn operator(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        principal: Option<&str>,
        fresh: Uuid,
        call: Call,
    ) -> Effects {
        let mut out = Effects::new();
        if let Err(rejected) = self.operate_for(now, ticket, principal, fresh, call, &mut out) {
            out.push(Effect::Answer(ticket, Err(rejected)));
        }
        out
    }

    /// An error is the answer; otherwise the answer is, or will be, among the effects.
    #[allow(deprecated)] // SET_QUOTA and REMOVE_QUOTA, which tools still use.
    fn operate_for(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        principal: Option<&str>,
        fresh: Uuid,
        call: Call,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        if self.recovering {
            let kind = RejectionKind::Recovering;
            let why = "the master is still reading its registry; try again in a moment";
            return Err(CallRejected::new(kind, why));
        }
        match call.r#type() {
            Type::UpdateWeights => {
                let update = part("update_weights", call.update_weights)?;
                self.update_weights(ticket, update, out)
            }
            Type::UpdateQuota => {
                let update = part("update_quota", call.update_quota)?;
                self.update_quota(ticket, update, out)
            }
            Type::SetQuota => {
                let set = part("set_quota", call.set_quota)?;
                self.set_quota(ticket, set.quota_request, out)
            }
            Type::RemoveQuota => {
                let remove = part("remove_quota", call.remove_quota)?;
                self.remove_quota(ticket, &remove.role, out)
            }
            Type::UpdateMaintenanceSchedule => {
                let update = part(
                    "update_maintenance_schedule",
                    call.update_maintenance_schedule,
                )?;
                self.update_schedule(ticket, &update.schedule, out)
            }
            Type::StartMaintenance => {
                let start = part("start_maintenance", call.start_maintenance)?;
                self.start_maintenance(ticket, &start.machines, out)
            }
            Type::StopMaintenance => {
                let stop = part("stop_maintenance", call.stop_maintenance)?;
                self.stop_maintenance(ticket, &stop.machines, out)
            }
            Type::MarkAgentGone => {
                let mark = part("mark_agent_gone", call.mark_agent_gone)?;
                self.mark_agent_gone(now, ticket, &mark.agent_id, out)
            }
            Type::DrainAgent => {
                let drain = part("drain_agent", call.drain_agent)?;
                self.drain_agent(now, ticket, drain, out)
            }
            Type::DeactivateAgent => {
                let deactivate = part("deactivate_agent", call.deactivate_agent)?;
                self.deactivate_agent(ticket, deactivate.agent_id, out)
            }
            Type::ReactivateAgent => {
                let reactivate = part("reactivate_agent", call.reactivate_agent)?;
                self.reactivate_agent(ticket, reactivate.agent_id, out)
            }
            Type::Teardown => {
                let teardown = part("teardown", call.teardown)?;
                self.teardown(now, ticket, &teardown.framework_id, out)
            }
            kind => {
                let (agent, operation) = resource_operation(kind, call)?;
                let uuid = Uuids::new(fresh).next();
                self.change_resources(ticket, principal, &agent, operation, uuid, out)
            }
        }
    }

    fn change_resources(
        &mut self,
        ticket: Ticket,
        principal: Option<&str>,
        id: &AgentId,
        operation: offer::Operation,
        uuid: Uuid,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        let agent = self.cluster.agent(id).cloned();
        let agent = agent.ok_or_else(|| {
            CallRejected::invalid(format!("No agent found with specified ID {}", id.value))
        })?;
        let asker = Asker {
            framework: None,
            principal,
        };
        let conversions = check(&operation, &asker, &agent);
        let conversions = conversions.map_err(|error| CallRejected::invalid(error.0))?;
        self.make_room(&agent, &conversions, out);
        let update = UpdateAvailable {
            agent: agent.id.clone(),
            conversions: conversions.clone(),
        };
        let then = Awaited {
            ticket,
            agent: agent.id.clone(),
            operation,
            conversions,
            uuid,
        };
        out.push(Effect::Available(update, Box::new(then)));
        Ok(())
    }

    /// Takes back offers that hold what is to be converted and is not free, and no others.
    fn make_room(&mut self, agent: &Arc<Agent>, conversions: &[Conversion], out: &mut Effects) {
        let taken = (agent.used_total() + agent.offered()).unallocate();
        let mut free = &*agent.total - &taken;
        for offer in &agent.offers {
            if free.apply_all(conversions).is_ok() {
                return;
            }
            let Some(offered) = self.cluster.offers.get(offer) else {
                continue;
            };
            let resources = offered.resources.clone().unallocate();
            if lacks(&free, conversions, &resources) {
                free += resources;
                self.rescind(&offer.clone(), out);
            }
        }
    }

    /// The allocator has given what an operator's operation needs, or has not got it.
    pub fn available(&mut self, awaited: Awaited, result: Result<(), NotApplicable>) -> Effects {
        let mut out = Effects::new();
        let answer = match result {
            Ok(()) => self.apply_awaited(&awaited, &mut out),
            Err(why) => Err(conflict(format!("not enough is free on the agent: {why}"))),
        };
        out.push(Effect::Answer(awaited.ticket, answer));
        out
    }

    fn apply_awaited(&mut self, awaited: &Awaited, out: &mut Effects) -> Result<(), CallRejected> {
        let Some(agent) = self.cluster.agent(&awaited.agent).cloned() else {
            return Err(conflict("the agent was removed meanwhile"));
        };
        if let Err(why) = self.cluster.convert_total(&agent.id, &awaited.conversions) {
            // The agent came back with less: the allocator is told anew what there is.
            out.push(Effect::Allocator(AllocatorOp::UpdateAgent {
                id: agent.id.clone(),
                info: agent.info.to_v1(),
                capabilities: AgentCapabilities::new(&agent.software.capabilities),
                total: (*agent.total).clone(),
            }));
            return Err(conflict(why));
        }
        self.rescind_sharers(&agent.id, &awaited.conversions, out);
        self.send_operation(
            None,
            &agent.id,
            awaited.operation.clone(),
            awaited.uuid,
            out,
        );
        Ok(())
    }

    /// Takes all offers of the cluster back.
    pub(super) fn rescind_all(&mut self, out: &mut Effects) {
        let offers: Vec<OfferId> = self.cluster.offers.keys().cloned().collect();
        for offer in offers {
            self.rescind(&offer, out);
        }
    }
}

/// Whether `more` brings the conversions nearer to what they need.
fn lacks(free: &Resources, conversions: &[Conversion], more: &Resources) -> bool {
    let consumed: Resources = conversions.iter().map(|c| &c.consumed).cloned().sum();
    let missing = &consumed - free;
    let left = &missing - more;
    left != missing
}

fn conflict(why: impl std::fmt::Display) -> CallRejected {
    CallRejected::new(RejectionKind::Conflict, why)
}

pub(super) fn part<T>(name: &str, part: Option<T>) -> Result<T, CallRejected> {
    part.ok_or_else(|| CallRejected::invalid(format!("Expecting '{name}' to be present")))
}

/// The operation on an agent that a call asks for.
fn resource_operation(kind: Type, call: Call) -> Result<(AgentId, offer::Operation), CallRejected> {
    let mut operation = offer::Operation::default();
    let agent = match kind {
        Type::ReserveResources => {
            let part = part("reserve_resources", call.reserve_resources)?;
            operation.set_type(OperationType::Reserve);
            operation.reserve = Some(Reserve {
                resources: part.resources,
                source: part.source,
            });
            part.agent_id
        }
        Type::UnreserveResources => {
            let part = part("unreserve_resources", call.unreserve_resources)?;
            operation.set_type(OperationType::Unreserve);
            operation.unreserve = Some(Unreserve {
                resources: part.resources,
            });
            part.agent_id
        }
        Type::CreateVolumes => {
            let part = part("create_volumes", call.create_volumes)?;
            operation.set_type(OperationType::Create);
            operation.create = Some(Create {
                volumes: part.volumes,
            });
            part.agent_id
        }
        Type::DestroyVolumes => {
            let part = part("destroy_volumes", call.destroy_volumes)?;
            operation.set_type(OperationType::Destroy);
            operation.destroy = Some(Destroy {
                volumes: part.volumes,
            });
            part.agent_id
        }
        Type::GrowVolume => {
            let part = part("grow_volume", call.grow_volume)?;
            operation.set_type(OperationType::GrowVolume);
            operation.grow_volume = Some(GrowVolume {
                volume: part.volume,
                addition: part.addition,
            });
            self::part("grow_volume.agent_id", part.agent_id)?
        }
        Type::ShrinkVolume => {
            let part = part("shrink_volume", call.shrink_volume)?;
            operation.set_type(OperationType::ShrinkVolume);
            operation.shrink_volume = Some(ShrinkVolume {
                volume: part.volume,
                subtract: part.subtract,
            });
            self::part("shrink_volume.agent_id", part.agent_id)?
        }
        other => {
            let why = format!(
                "The operator API does not serve {} yet; see the endpoints /state, /slaves, \
                 /frameworks, /tasks, /flags, /version, /metrics/snapshot, or the command line",
                other.as_str_name()
            );
            return Err(CallRejected::new(RejectionKind::Unsupported, why));
        }
    };
    Ok((agent, operation))
}
