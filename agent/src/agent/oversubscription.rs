//! Asking the resource estimator and the QoS controller, again and again.

use std::time::Duration;

use libprocess::prelude::*;

use super::Agent;
use crate::oversubscription::process::{Estimate, EstimatorProtocol, Look, QosProtocol};

/// How long an estimate may take: the containers are measured one after the other.
const ESTIMATE_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a look at the load may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// The kernel renews its averages of the load this often: to look more often says nothing new.
const LOAD_RENEWED_EVERY: Duration = Duration::from_secs(5);

/// Who is asked, and how often.
pub(crate) struct Oversubscription {
    /// None where nothing is lent.
    pub(crate) estimator: Option<Pid<EstimatorProtocol>>,
    /// `--oversubscribed_resources_interval`
    pub(crate) estimate_every: Duration,
    /// None where nothing is taken back.
    pub(crate) controller: Option<Pid<QosProtocol>>,
    /// `--qos_correction_interval_min`
    pub(crate) correct_every: Duration,
}

impl Agent {
    /// Begins to lend, as far as the flags say so.
    pub(super) fn begin_to_lend(&mut self, ctx: &mut Context<Self>) {
        self.ask_estimator(ctx);
        self.ask_controller(ctx);
    }

    fn ask_estimator(&mut self, ctx: &mut Context<Self>) {
        let parts = &self.parts.oversubscription;
        let (Some(estimator), again) = (parts.estimator.clone(), parts.estimate_every) else {
            return;
        };
        let executors = self.parts.state.observed();
        ctx.detach().ask_then(
            &estimator,
            Estimate { executors },
            ESTIMATE_TIMEOUT,
            move |agent, estimate, ctx| {
                match estimate {
                    Ok(estimate) => agent.act(ctx, |state, _| state.estimated(estimate)),
                    Err(error) => tracing::warn!("there is no estimate of what to lend: {error}"),
                }
                ctx.run_later(again, Agent::ask_estimator);
            },
        );
    }

    fn ask_controller(&mut self, ctx: &mut Context<Self>) {
        let parts = &self.parts.oversubscription;
        let again = parts.correct_every.max(LOAD_RENEWED_EVERY);
        let Some(controller) = parts.controller.clone() else {
            return;
        };
        let executors = self.parts.state.observed();
        ctx.detach().ask_then(
            &controller,
            Look { executors },
            LOOK_TIMEOUT,
            move |agent, verdict, ctx| {
                match verdict {
                    Ok(verdict) => {
                        for correction in &verdict.corrections {
                            let executor = &correction.executor.executor_id.value;
                            tracing::info!(executor, "preempted: {}", correction.why);
                        }
                        agent.act(ctx, |state, _| state.judged(verdict));
                    }
                    Err(error) => tracing::warn!("the QoS controller does not answer: {error}"),
                }
                ctx.run_later(again, Agent::ask_controller);
            },
        );
    }
}
