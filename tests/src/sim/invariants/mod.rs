//! What must hold, one file per property.
//!
//! Looked at whenever a master publishes something or a service is told something:
//!
//! | File | Property |
//! |---|---|
//! | [`books_agree`] | the allocator has given away what is used or offered |
//! | [`events_in_order`] | who follows the leader's events is told all of them once, in order |
//! | [`frameworks_leave_in_time`] | a framework that is away is kept for as long as it asked, and no longer |
//! | [`gone_for_ever`] | who was given up is never let in again |
//! | [`ids_are_kept`] | a framework that comes back is taken for itself |
//! | [`killed_on_request`] | no task is killed that nobody wanted killed |
//! | [`limits_hold`] | no role is offered more than its quota allows |
//! | [`losses_are_told`] | a service that is there is told soon what is unreachable |
//! | [`mailboxes_suffice`] | no message is dropped for want of room |
//! | [`offers_exclusive`] | what is offered is offered once, to those who may have it |
//! | [`one_leader`] | one master leads at most |
//! | [`operations_end_once`] | an operation has one end |
//! | [`orders_are_kept`] | what an operator was promised stays so |
//! | [`readers_are_served`] | whoever reads the leader's state is answered soon |
//! | [`refusals_end`] | an agent does not refuse task after task |
//! | [`registry_remembers`] | whom the master counts among its agents, it has stored |
//! | [`resources_conserved`] | per agent: offered + used ≤ total, and used is what its tasks and executors hold |
//! | [`runs_once`] | no task starts twice; none is silently gone |
//! | [`tasks_are_known`] | what runs on an agent that the leader counts on, the leader knows |
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
//!
//! Not looked at here:
//!
//! | Property | Why, and where it is |
//! |---|---|
//! | a framework with demand that fits is offered something within a bound, whatever goes wrong | nobody can promise it while things go wrong; [`views_agree`] wants it once they do not, within the bound of the campaign |
//! | what roles get is what dominant resource fairness gives | the allocator has no actor there: `master/src/allocator/` compares itself with a naive one |
//! | an offer that was withdrawn launches nothing | the core answers so (`master/src/state/`); a launch that slipped through would be counted beside other offers by [`resources_conserved`] and [`books_agree`] |
//! | a minority of the registry's servers may be lost | the group and the registry in memory have no servers; the siege kills ZooKeepers (`tests/src/siege/`) |
//! | updates of a service keep its capacity; dates of jobs have one outcome each; names and load balancers follow tasks | schedulers on top of this do that, and none of them is part of it: the services here replace what ended, which [`views_agree`] wants |
//! | no mailbox above its bound, no ask without an answer or an error, supervisors learn of every death | properties of any actors, looked for by libprocess' own simulation (`libprocess/tests/semantics/`); of them [`mailboxes_suffice`] is what a cluster adds |
//! | the same seed gives the same run | `tests/tests/soak.rs` runs seeds twice |
//! | no secret is logged or shown | nothing in a simulated cluster is secret; addresses of ZooKeeper are shown without passwords (`mesos/src/election/zookeeper/url.rs`) |

pub mod books_agree;
pub mod events_in_order;
pub mod frameworks_leave_in_time;
pub mod gone_for_ever;
pub mod ids_are_kept;
pub mod killed_on_request;
pub mod kills_are_answered;
pub mod limits_hold;
pub mod losses_are_told;
pub mod mailboxes_suffice;
pub mod no_orphans;
pub mod offers_exclusive;
pub mod one_leader;
pub mod operations_end_once;
pub mod orders_are_kept;
pub mod readers_are_served;
pub mod refusals_end;
pub mod registry_remembers;
pub mod resources_conserved;
pub mod runs_once;
pub mod tasks_are_known;
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

/// All that must hold at every moment of one cluster's life, by the names of their files.
pub struct Always(Vec<(&'static str, Box<dyn Invariant>)>);

impl Always {
    /// Of a cluster that begins to live.
    pub fn new() -> Always {
        let mut all = Always(Vec::new());
        all.add("books_agree", books_agree::BooksAgree::default());
        all.add("events_in_order", events_in_order::EventsInOrder::default());
        all.add(
            "frameworks_leave_in_time",
            frameworks_leave_in_time::FrameworksLeaveInTime::default(),
        );
        all.add("gone_for_ever", gone_for_ever::GoneForEver::default());
        all.add("ids_are_kept", ids_are_kept::check);
        all.add(
            "killed_on_request",
            killed_on_request::KilledOnRequest::default(),
        );
        all.add("limits_hold", limits_hold::LimitsHold::default());
        all.add("losses_are_told", losses_are_told::LossesAreTold::default());
        all.add(
            "mailboxes_suffice",
            mailboxes_suffice::MailboxesSuffice::default(),
        );
        all.add("offers_exclusive", offers_exclusive::check);
        all.add("one_leader", one_leader::check);
        all.add(
            "operations_end_once",
            operations_end_once::OperationsEndOnce::default(),
        );
        all.add("orders_are_kept", orders_are_kept::check);
        all.add("readers_are_served", readers_are_served::check);
        all.add("refusals_end", refusals_end::RefusalsEnd::default());
        all.add(
            "registry_remembers",
            registry_remembers::RegistryRemembers::default(),
        );
        all.add("resources_conserved", resources_conserved::check);
        all.add("runs_once", runs_once::check);
        all.add("tasks_are_known", tasks_are_known::TasksAreKnown::default());
        all.add("updates_arrive", updates_arrive::InOrder::default());
        all
    }

    fn add(&mut self, name: &'static str, invariant: impl Invariant + 'static) {
        self.0.push((name, Box::new(invariant)));
    }

    /// Looks at all of it.
    ///
    /// # Panics
    ///
    /// If something does not hold; with the name of what says so before it.
    pub fn check(&mut self, sight: &Sight<'_>) {
        for (name, invariant) in &mut self.0 {
            if let Err(broken) = invariant.check(sight) {
                panic!("{name}: {broken}");
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
/// What does not hold yet, with the name of what says so before it.
pub fn settled(cluster: &SimCluster) -> Result<(), String> {
    type Check = fn(&SimCluster) -> Result<(), String>;
    let all: [(&str, Check); 7] = [
        ("views_agree", views_agree::check),
        ("no_orphans", no_orphans::check),
        ("kills_are_answered", kills_are_answered::check),
        ("registry_remembers", registry_remembers::agrees),
        ("books_agree", books_agree::check),
        ("updates_arrive", updates_arrive::all_acknowledged),
        ("runs_once", runs_once::none_is_gone),
    ];
    for (name, check) in all {
        check(cluster).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}
