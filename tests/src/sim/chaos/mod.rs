//! Bad luck from a seed.
//!
//! ```text
//!   seed ── Plan ── steps ── what goes wrong, and how long nothing else does
//!             │
//!             └──── campaign: run it; if it fails, find its shortest beginning that fails as well
//! ```

mod campaign;
mod misfortune;
mod plan;

pub use campaign::{Failure, Scenario, search};
pub use misfortune::Misfortune;
pub use plan::{Plan, Step};

use super::cluster::SimCluster;

/// Lets so many misfortunes of the world's seed happen to a cluster. Then repairs everything.
pub async fn misfortune(cluster: &mut SimCluster, steps: usize) {
    let plan = Plan::of(cluster.net.seed(), steps, cluster.agent_count());
    plan.carry_out(cluster).await;
}
