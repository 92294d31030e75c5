//! The actors that measure for an [`Estimator`] and a [`Controller`].

use std::time::Duration;

use libprocess::prelude::*;
use mesos::resources::Resources;

use super::{Controller, CpuUsage, Estimator, LoadSource, Observed, Verdict};
use crate::containerizer::{ContainerizerProtocol, Usage};

/// How long one container may be measured: a few reads of the kernel's files.
const MEASURE_TIMEOUT: Duration = Duration::from_secs(5);

protocol! {
    /// What a resource estimator accepts, from its agent.
    pub(crate) local EstimatorProtocol = "mesos.resource_estimator" {
        1 => Estimate -> Resources,
    }
}

protocol! {
    /// What a QoS controller accepts, from its agent.
    pub(crate) local QosProtocol = "mesos.qos_controller" {
        1 => Look -> Verdict,
    }
}

/// What may be lent now? These are all executors whose containers run; their usage is not known yet.
#[derive(Debug)]
pub(crate) struct Estimate {
    pub(crate) executors: Vec<Observed>,
}

/// What has to go now? The executors are as in [`Estimate`].
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) executors: Vec<Observed>,
}

/// Measures what containers use and says what may be lent.
pub(crate) struct ResourceEstimator {
    pub(crate) estimator: Box<dyn Estimator>,
    pub(crate) containerizer: Pid<ContainerizerProtocol>,
}

impl Actor for ResourceEstimator {
    type Context = Context<Self>;
}

impl Process for ResourceEstimator {
    type Protocol = EstimatorProtocol;
}

impl Handler<Estimate> for ResourceEstimator {
    type Result = ResponseActFuture<Self, Resources>;

    fn handle(&mut self, ask: Estimate, ctx: &mut Context<Self>) -> Self::Result {
        let (node, containerizer) = (ctx.node(), self.containerizer.clone());
        let needs_usage = self.estimator.needs_usage();
        let measured = async move {
            match needs_usage {
                true => measure(&node, &containerizer, ask.executors).await,
                false => ask.executors,
            }
        };
        let estimate = |measured: Vec<Observed>, actor: &mut Self, _: &mut Context<Self>| {
            actor.estimator.estimate(&measured)
        };
        Box::pin(measured.into_actor(self).map(estimate))
    }
}

/// One after the other: nobody is in a hurry, and the containerizer has more urgent things to do.
async fn measure(
    node: &Node,
    containerizer: &Pid<ContainerizerProtocol>,
    mut executors: Vec<Observed>,
) -> Vec<Observed> {
    for executor in &mut executors {
        let usage = Usage {
            container_id: executor.executor.container_id.clone(),
        };
        match node.ask(containerizer, usage, MEASURE_TIMEOUT).await {
            Ok(Ok(statistics)) => executor.usage = CpuUsage::of(&statistics),
            // It has ended meanwhile.
            Ok(Err(_)) => {}
            Err(error) => {
                tracing::warn!("cannot measure containers: {error}");
                break;
            }
        }
    }
    executors
}

impl CpuUsage {
    fn of(statistics: &mesos::v1::ResourceStatistics) -> Option<CpuUsage> {
        let system = statistics.cpus_system_time_secs.unwrap_or_default();
        Some(CpuUsage {
            at: statistics.timestamp,
            cpu_secs: statistics.cpus_user_time_secs? + system,
        })
    }
}

/// Reads the load and says what has to go.
pub(crate) struct QosController {
    pub(crate) controller: Box<dyn Controller>,
    pub(crate) load: LoadSource,
}

impl Actor for QosController {
    type Context = Context<Self>;
}

impl Process for QosController {
    type Protocol = QosProtocol;
}

impl Handler<Look> for QosController {
    type Result = MessageResult<Look>;

    fn handle(&mut self, look: Look, _: &mut Context<Self>) -> Self::Result {
        MessageResult(self.controller.look((self.load)(), &look.executors))
    }
}
