//! Whole clusters from production code, on a simulated network, in virtual time, from a seed.
//!
//! ```text
//!   SimCluster ── master, or several and the group they meet in (registry in memory, survives them)
//!       │    ├─── agents (simulated containers; work directories on the disks of their machines, survive them)
//!       │    └─── services ── Spy ── a production scheduler
//!       ├── faults: cut_off, heal, crash_*, restart_*, and what `libprocess::sim::Net` offers
//!       └── invariants/: what must hold at every moment, and what must hold once faults are over
//! ```
//!
//! Containers are the only stand-ins: a task is an actor that lasts for a while ([`Ledger`] writes down which ran).
//! Network, clock and chance are libprocess' simulated ones; the same seed gives the same run.

mod builder;
mod chaos;
mod cluster;
mod daemons;
mod disks;
mod doom;
mod faults;
pub mod invariants;
mod ledger;
mod operator;
mod reserver;
mod service;
mod spy;
mod storage;
mod watching;

pub use builder::Builder;
pub use chaos::{
    EXHIBITS, Failure, Misfortune, Plan, Reach, Scenario, Step, Tally, exhibit, first_to_fail,
    misfortune, search, survey,
};
pub use cluster::SimCluster;
pub use doom::When;
pub use ledger::{Ledger, Run};
pub use operator::{Order, Orders, Promise, Subject};
pub use reserver::{Fates, MILLI_CPUS, ROLE as RESERVED_ROLE, Reserver};
pub use service::{Service, Terms};
pub use spy::{Heard, Told};
