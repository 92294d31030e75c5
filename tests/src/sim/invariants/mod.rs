//! What must hold, one file per property.
//!
//! Looked at whenever a master publishes something or a service is told something:
//!
//! | File | Property |
//! |---|---|
//! | [`events_in_order`] | who follows the leader's events is told all of them once, in order |
//! | [`frameworks_leave_in_time`] | a framework that is away is kept for as long as it asked, and no longer |
//! | [`gone_for_ever`] | who was given up is never let in again |
//! | [`killed_on_request`] | no task is killed that nobody wanted killed |
//! | [`limits_hold`] | no role is offered more than its quota allows |
//! | [`losses_are_told`] | a service that is there is told soon what is unreachable |
//! | [`offers_exclusive`] | what is offered is offered once, to those who may have it |
//! | [`one_leader`] | one master leads at most |
//! | [`operations_end_once`] | an operation has one end |
//! | [`orders_are_kept`] | what an operator was promised stays so |
//! | [`registry_remembers`] | whom the master counts among its agents, it has stored |
//! | [`resources_conserved`] | per agent: offered + used ≤ total, and used is what its tasks and executors hold |
//! | [`runs_once`] | no task starts twice; none is silently gone |
//! | [`updates_arrive`] | updates of a task reach its framework in order, its end included, until acknowledged |
//!
//! Looked at once faults are over, until it holds:
//!
//! | File | Property |
//! |---|---|
//! | [`books_agree`] | the allocator has given away what is used or offered |
//! | [`kills_are_answered`] | whoever kills what nobody knows is told |
//! | [`no_orphans`] | no executor runs of which no agent knows |
//! | [`registry_remembers`] | what is stored is what the leader believes |
//! | [`runs_once`] | what ran is known to have ended, or runs |
//! | [`updates_arrive`] | every end was told, and all is acknowledged |
//! | [`views_agree`] | master, agents and frameworks know the same tasks; everybody has what he wants |

pub mod books_agree;
pub mod events_in_order;
pub mod frameworks_leave_in_time;
pub mod gone_for_ever;
pub mod killed_on_request;
pub mod kills_are_answered;
pub mod limits_hold;
pub mod losses_are_told;
pub mod no_orphans;
pub mod offers_exclusive;
pub mod one_leader;
pub mod operations_end_once;
pub mod orders_are_kept;
pub mod registry_remembers;
pub mod resources_conserved;
pub mod runs_once;
pub mod updates_arrive;
pub mod views_agree;

use std::sync::Arc;

use master::registrar::Registry;
use master::view::View;
use tokio::time::Instant;

use super::cluster::SimCluster;

/// What there is to be looked at, at one moment.
pub struct Sight<'a> {
    /// All of it.
    pub cluster: &'a SimCluster,
    /// What the master publishes that leads; of another one while none does, and none while none is up.
    pub view: Option<Arc<View>>,
    /// What is stored.
    pub registry: Registry,
    /// When.
    pub now: Instant,
}

impl Sight<'_> {
    /// A cluster as it is now.
    pub fn of(cluster: &SimCluster) -> Sight<'_> {
        Sight {
            cluster,
            view: cluster.view(),
            registry: cluster.registry(),
            now: Instant::now(),
        }
    }
}

/// Something that must hold at every moment, whatever goes wrong. It may remember earlier moments.
pub trait Invariant {
    /// Whether it holds.
    ///
    /// # Errors
    ///
    /// What is broken.
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String>;
}

impl<F: Fn(&Sight<'_>) -> Result<(), String>> Invariant for F {
    fn check(&mut self, sight: &Sight<'_>) -> Result<(), String> {
        self(sight)
    }
}

/// All that must hold at every moment of one cluster's life.
pub struct Always(Vec<Box<dyn Invariant>>);

impl Always {
    /// Of a cluster that begins to live.
    pub fn new() -> Always {
        Always(vec![
            Box::new(events_in_order::EventsInOrder::default()),
            Box::new(frameworks_leave_in_time::FrameworksLeaveInTime::default()),
            Box::new(gone_for_ever::GoneForEver::default()),
            Box::new(killed_on_request::KilledOnRequest::default()),
            Box::new(limits_hold::LimitsHold::default()),
            Box::new(losses_are_told::LossesAreTold::default()),
            Box::new(offers_exclusive::check),
            Box::new(one_leader::check),
            Box::new(operations_end_once::OperationsEndOnce::default()),
            Box::new(orders_are_kept::check),
            Box::new(registry_remembers::check),
            Box::new(resources_conserved::check),
            Box::new(runs_once::check),
            Box::new(updates_arrive::InOrder::default()),
        ])
    }

    /// Looks at all of it.
    ///
    /// # Panics
    ///
    /// If something does not hold.
    pub fn check(&mut self, sight: &Sight<'_>) {
        for invariant in &mut self.0 {
            if let Err(broken) = invariant.check(sight) {
                panic!("{broken}");
            }
        }
    }
}

impl Default for Always {
    fn default() -> Always {
        Always::new()
    }
}

/// Some time after the last fault.
///
/// # Errors
///
/// What does not hold yet.
pub fn settled(cluster: &SimCluster) -> Result<(), String> {
    views_agree::check(cluster)?;
    no_orphans::check(cluster)?;
    kills_are_answered::check(cluster)?;
    registry_remembers::agrees(cluster)?;
    books_agree::check(cluster)?;
    updates_arrive::all_acknowledged(cluster)?;
    runs_once::none_is_gone(cluster)
}
