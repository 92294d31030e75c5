//! Lending what tasks were given and do not use, and taking it back (Mesos' `docs/oversubscription.md`).

use mesos::protocols::master::UpdateOversubscribed;
use mesos::resources::{Format, Resources};
use mesos::v1::task_status::Reason;
use mesos::wire::Pb;

use super::effect::{Effect, Ending, ToMaster};
use super::model::{Executor, ExecutorPhase};
use super::{State, status};
use crate::oversubscription::{Correction, Observed, Verdict};

/// What is lent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lending {
    /// All that may be lent by the last estimate.
    estimate: Resources,
    /// Whether the load is too high to lend anything.
    hold: bool,
    /// What the master was last told since it registered this agent.
    told: Resources,
}

impl State {
    /// All that is lent at present; every item is revocable.
    pub fn lent(&self) -> Resources {
        match self.lending.hold {
            true => Resources::new(),
            false => self.lending.estimate.clone(),
        }
    }

    /// The executors whose containers run, for those who measure them.
    pub fn observed(&self) -> Vec<Observed> {
        let running = self.executors().filter(|e| e.launched);
        let observed = running.map(|executor| Observed {
            executor: executor.reference(),
            resources: executor.size(),
            usage: None,
        });
        observed.collect()
    }

    /// There is a new estimate of what may be lent.
    pub fn estimated(&mut self, estimate: Resources) -> Vec<Effect> {
        self.lending.estimate = estimate;
        let mut effects = Vec::new();
        self.tell_lent(&mut effects);
        effects
    }

    /// The machine was looked at: what borrowed executors have to go, and whether to lend on.
    pub fn judged(&mut self, verdict: Verdict) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.lending.hold = verdict.hold;
        // First, so that the master does not offer again what becomes free now.
        self.tell_lent(&mut effects);
        for correction in verdict.corrections {
            self.preempt(correction, &mut effects);
        }
        effects
    }

    /// A master that has just registered this agent takes it to lend nothing.
    pub(super) fn tell_lent_anew(&mut self, effects: &mut Vec<Effect>) {
        self.lending.told = Resources::new();
        self.tell_lent(effects);
    }

    fn tell_lent(&mut self, effects: &mut Vec<Effect>) {
        let lent = self.lent();
        let (Some(master), Some(agent_id)) = (self.registered_master(), self.agent_id()) else {
            return;
        };
        if lent == self.lending.told {
            return;
        }
        let resources = lent.to_v1(Format::PostRefinement);
        let message = UpdateOversubscribed {
            agent_id: agent_id.clone(),
            resources: resources.into_iter().map(Pb).collect(),
        };
        effects.push(Effect::Tell(
            master.clone(),
            ToMaster::Oversubscribed(message),
        ));
        self.lending.told = lent;
    }

    /// Kills an executor at once: who borrows has no grace.
    fn preempt(&mut self, correction: Correction, effects: &mut Vec<Effect>) {
        let of = correction.executor;
        let state = status::gone(self.is_partition_aware(&of.framework_id));
        let Some(executor) = self.run_mut(&of).filter(|e| !is_ending(e)) else {
            return;
        };
        executor.phase = ExecutorPhase::Terminating;
        executor.ending = Some(Ending {
            state,
            reason: Reason::ContainerPreempted,
            message: format!("Container preempted: {}", correction.why),
        });
        self.counters.executors_preempted += 1;
        effects.push(Effect::Destroy(of.container_id));
    }
}

fn is_ending(executor: &Executor) -> bool {
    matches!(
        executor.phase,
        ExecutorPhase::Terminating | ExecutorPhase::Terminated
    )
}
