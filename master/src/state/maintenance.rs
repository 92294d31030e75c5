//! Machines that will be unavailable, or are (Mesos' `docs/maintenance.md`).
//!
//! ```text
//!             in the schedule               start                        stop
//!   UP ──────────────────────▶ DRAINING ───────────▶ DOWN ──────────────────────────▶ UP
//!    ◀── out of the schedule ──  offers say when;      agents shut down,               agents may register
//!                                inverse offers        refused when they come back     again
//! ```
//!
//! The registry is written first, so that a later master refuses the same agents.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use mesos::protocols::CallRejected;
use mesos::v1::maintenance::Schedule;
use mesos::v1::{AgentId, MachineId, Unavailability};

use super::agents::shutdown;
use super::model::find_machine as find;
use super::operator::Ticket;
use super::{Agent, Continuation, Effect, Effects, RemovalReason, State};
use crate::allocator::AllocatorOp;
use crate::registrar::{MachineKey, MachineRecord, Operation};
use crate::validation::machines as check;

/// The machines of a new schedule, with the place of their window and what it says.
pub type Plan = BTreeMap<MachineKey, (u32, Unavailability)>;

impl State {
    pub(super) fn update_schedule(
        &mut self,
        ticket: Ticket,
        schedule: &Schedule,
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        let plan = check::schedule(schedule).map_err(|error| CallRejected::invalid(error.0))?;
        let mut machines = self.cluster.machines.iter();
        if let Some((key, _)) = machines.find(|(key, m)| m.down && !plan.contains_key(*key)) {
            return Err(CallRejected::invalid(format!(
                "machine {key} is down and cannot leave the schedule; bring it up first"
            )));
        }
        out.push(Effect::Registry(
            Operation::UpdateSchedule {
                machines: plan.clone(),
            },
            Continuation::UpdateSchedule(ticket, plan),
        ));
        Ok(())
    }

    /// The registry has stored a schedule.
    pub(super) fn schedule_updated(&mut self, ticket: Ticket, plan: Plan) -> Effects {
        let mut out = Effects::new();
        let before = self.cluster.machines.clone();
        let machine = |(key, (window, unavailability)): (MachineKey, _)| {
            let machine = MachineRecord {
                down: before.get(&key).is_some_and(|known| known.down),
                window,
                unavailability,
            };
            (key, Arc::new(machine))
        };
        self.cluster.machines = plan.into_iter().map(machine).collect();
        let changed: Vec<Arc<Agent>> = (self.cluster.agents.values())
            .filter(|agent| {
                let ip = agent.pid.address().ip();
                let was = find(&before, agent.info.hostname(), ip);
                was.map(|(_, machine)| machine.unavailability) != self.unavailability_of(agent)
            })
            .cloned()
            .collect();
        for agent in changed {
            self.replan(&agent, &mut out);
        }
        out.push(Effect::Answer(ticket, Ok(())));
        out
    }

    /// When an agent will be unavailable has changed: its offers are made anew, because they say so.
    fn replan(&mut self, agent: &Agent, out: &mut Effects) {
        self.rescind_offers_on(&agent.id, out);
        self.rescind_inverse_offers_on(&agent.id, out);
        if let Some(agent) = self.cluster.agent_mut(&agent.id) {
            agent.inverse_answers.clear();
        }
        out.push(Effect::Allocator(AllocatorOp::UpdateUnavailability {
            agent: agent.id.clone(),
            unavailability: self.unavailability_of(agent),
        }));
    }

    /// Tells the allocator of an agent that came, or came back, if anything is planned for it.
    pub(super) fn announce_unavailability(&self, id: &AgentId, out: &mut Effects) {
        let agent = self.cluster.agent(id);
        let planned = agent.and_then(|agent| self.unavailability_of(agent));
        if planned.is_some() {
            out.push(Effect::Allocator(AllocatorOp::UpdateUnavailability {
                agent: id.clone(),
                unavailability: planned,
            }));
        }
    }

    pub(super) fn start_maintenance(
        &mut self,
        ticket: Ticket,
        machines: &[MachineId],
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        let machines = self.machines_of(machines, |machine| match machine {
            None => Some("is not part of a maintenance schedule"),
            Some(machine) if machine.down => Some("is not draining: it is down already"),
            Some(_) => None,
        })?;
        out.push(Effect::Registry(
            Operation::StartMaintenance {
                machines: machines.clone(),
            },
            Continuation::StartMaintenance(ticket, machines),
        ));
        Ok(())
    }

    /// The registry has the machines down: their agents end.
    pub(super) fn maintenance_started(
        &mut self,
        ticket: Ticket,
        machines: &BTreeSet<MachineKey>,
    ) -> Effects {
        let mut out = Effects::new();
        for key in machines {
            if let Some(machine) = self.cluster.machines.get_mut(key) {
                Arc::make_mut(machine).down = true;
            }
        }
        let agents = self.cluster.agents.values();
        let ended = agents.filter(|agent| self.is_on_down_machine(agent));
        let ended: Vec<AgentId> = ended.map(|agent| agent.id.clone()).collect();
        for agent in ended {
            self.end_on_down_machine(&agent, &mut out);
        }
        out.push(Effect::Answer(ticket, Ok(())));
        out
    }

    pub(super) fn stop_maintenance(
        &mut self,
        ticket: Ticket,
        machines: &[MachineId],
        out: &mut Effects,
    ) -> Result<(), CallRejected> {
        let machines = self.machines_of(machines, |machine| match machine {
            None => Some("is not part of a maintenance schedule"),
            Some(machine) if !machine.down => Some("is not down and cannot be brought up"),
            Some(_) => None,
        })?;
        out.push(Effect::Registry(
            Operation::StopMaintenance {
                machines: machines.clone(),
            },
            Continuation::StopMaintenance(ticket, machines),
        ));
        Ok(())
    }

    /// The registry has the machines up, and out of the schedule. None of their agents is there.
    pub(super) fn maintenance_stopped(
        &mut self,
        ticket: Ticket,
        machines: &BTreeSet<MachineKey>,
    ) -> Effects {
        for key in machines {
            self.cluster.machines.remove(key);
        }
        vec![Effect::Answer(ticket, Ok(()))]
    }

    fn machines_of(
        &self,
        ids: &[MachineId],
        objection: impl Fn(Option<&MachineRecord>) -> Option<&'static str>,
    ) -> Result<BTreeSet<MachineKey>, CallRejected> {
        let machines = check::list(ids).map_err(|error| CallRejected::invalid(error.0))?;
        for key in &machines {
            let machine = self.cluster.machines.get(key);
            if let Some(why) = objection(machine.map(|machine| &**machine)) {
                return Err(CallRejected::invalid(format!("machine {key} {why}")));
            }
        }
        Ok(machines)
    }

    /// Ends an agent that came in while its machine went down.
    pub(super) fn end_if_machine_is_down(&mut self, id: &AgentId, out: &mut Effects) {
        let agent = self.cluster.agent(id);
        if agent.is_some_and(|agent| self.is_on_down_machine(agent)) {
            self.end_on_down_machine(id, out);
        }
    }

    fn end_on_down_machine(&mut self, id: &AgentId, out: &mut Effects) {
        let Some(agent) = self.cluster.agent(id) else {
            return;
        };
        out.push(shutdown(&agent.pid, "its machine is down for maintenance"));
        self.begin_removal(id, RemovalReason::MachineDown, out);
    }

    /// Whether no agent is let in from there.
    pub(super) fn is_down(&self, hostname: &str, ip: IpAddr) -> bool {
        let machine = find(&self.cluster.machines, hostname, ip);
        machine.is_some_and(|(_, machine)| machine.down)
    }

    /// When the agent will be unavailable.
    pub(super) fn unavailability_of(&self, agent: &Agent) -> Option<Unavailability> {
        let machine = self.cluster.machine_of(agent);
        machine.map(|(_, machine)| machine.unavailability)
    }

    fn is_on_down_machine(&self, agent: &Agent) -> bool {
        let machine = self.cluster.machine_of(agent);
        machine.is_some_and(|(_, machine)| machine.down)
    }
}
