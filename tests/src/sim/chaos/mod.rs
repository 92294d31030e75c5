//! Bad luck from a seed.
//!
//! ```text
//!   seed ── Plan ── steps ── what goes wrong, and how long nothing else does
//!             │
//!             └──── campaign: run it; if it fails, find its shortest beginning that fails as well
//! ```

mod campaign;
mod misfortune;
mod museum;
mod plan;
mod strike;
mod tally;

pub use campaign::{Failure, Scenario, first_to_fail, search, survey};
pub use misfortune::{Misfortune, Reach};
pub use museum::{EXHIBITS, exhibit};
pub use plan::{Plan, Step};
pub use tally::Tally;

use super::cluster::SimCluster;

/// Lets so many misfortunes of the world's seed happen to a cluster. Then repairs everything. No operator does anything.
pub async fn misfortune(cluster: &mut SimCluster, steps: usize) {
    let reach = Reach {
        masters: cluster.master_count(),
        agents: cluster.agent_count(),
        services: cluster.services.len(),
        orders: false,
    };
    let plan = Plan::of(cluster.net.seed(), steps, &reach);
    plan.carry_out(cluster).await;
}
