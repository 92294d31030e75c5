//! What must hold, one file per property.
//!
//! | File | Property |
//! |---|---|
//! | [`offers_exclusive`] | what is offered is offered once, to those who may have it |
//! | [`registry_remembers`] | whom the master counts among its agents, it has stored |
//! | [`resources_conserved`] | per agent: offered + used ≤ total, and used is what its tasks and executors hold |
//! | [`runs_once`] | no task starts twice; none is silently gone |
//! | [`updates_arrive`] | updates of a task reach its framework in order, its end included, until acknowledged |
//! | [`views_agree`] | after faults: master, agents and frameworks know the same tasks |

pub mod offers_exclusive;
pub mod registry_remembers;
pub mod resources_conserved;
pub mod runs_once;
pub mod updates_arrive;
pub mod views_agree;

use super::cluster::SimCluster;

/// At every moment, whatever goes wrong.
///
/// # Panics
///
/// If something does not hold.
pub fn always(cluster: &SimCluster) {
    let checks = [
        offers_exclusive::check(cluster),
        registry_remembers::check(cluster),
        resources_conserved::check(cluster),
        runs_once::check(cluster),
        updates_arrive::in_order(cluster),
    ];
    for check in checks {
        if let Err(broken) = check {
            panic!("{broken}");
        }
    }
}

/// Some time after the last fault.
///
/// # Errors
///
/// What does not hold yet.
pub fn settled(cluster: &SimCluster) -> Result<(), String> {
    views_agree::check(cluster)?;
    updates_arrive::all_acknowledged(cluster)?;
    runs_once::none_is_gone(cluster)
}
