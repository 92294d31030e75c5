//! Oversubscription: what tasks were given and do not use is lent to others, and taken back in time.
//!
//! ```text
//!          Estimate{executors}                      Usage, one container after the other
//!  agent ───────────────────────▶ ResourceEstimator ──────────────────────▶ containerizer
//!    │ ◀──── revocable resources ────────┘   every --oversubscribed_resources_interval
//!    │ ──▶ master: UpdateOversubscribed      when they changed
//!    │
//!    │     Look{executors}
//!    │ ───────────────────────▶ QosController   reads the load of the machine
//!    │ ◀──── Verdict ─────────────────┘         at least --qos_correction_interval_min apart
//!    └ destroys the containers it names; lends nothing while it says so
//! ```
//!
//! What is decided is pure: an [`Estimator`] and a [`Controller`] are given what was measured. The
//! actors around them (`process`) measure. Semantics: Mesos' `docs/oversubscription.md`, with two
//! differences. An estimator here says *all* that may be lent; Mesos' say what may be lent in
//! addition to what is borrowed already, which is the same for those that Mesos ships. And nothing
//! is lent while a controller finds the load too high: Mesos offers what it has just taken back,
//! for frameworks to start tasks on that are killed at once.

mod choice;
mod controller;
mod estimator;
mod load;
mod measured;
pub(crate) mod process;

pub use choice::{ControllerChoice, EstimatorChoice};
pub use controller::{Controller, Correction, LoadController, LoadThresholds, Verdict};
pub use estimator::{Estimator, FixedEstimator};
pub use load::{Load, LoadSource};
pub use measured::{MeasuredEstimator, Measurement};

use mesos::resources::{Format, Resources};

use crate::state::ExecutorRef;

/// An executor whose container runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Which run.
    pub executor: ExecutorRef,
    /// What its tasks and it were given.
    pub resources: Resources,
    /// What it has used so far, if that was measured and is known.
    pub usage: Option<CpuUsage>,
}

/// The counter of a container, read at some time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuUsage {
    /// When, in seconds of any clock that runs evenly.
    pub at: f64,
    /// Seconds of processor time since the container was made.
    pub cpu_secs: f64,
}

/// The same amounts, to be taken back at any time.
fn lent(resources: &Resources) -> Resources {
    let mut items = resources.to_v1(Format::PostRefinement);
    for item in &mut items {
        item.revocable = Some(Default::default());
    }
    // Valid without the mark, so valid with it.
    Resources::from_v1(&items).unwrap_or_default()
}
