//! Who is offered what: the allocator.
//!
//! It keeps its own books (what every agent has, who holds how much of it) and answers with
//! [`Allocation`]s, which the master turns into offers. Whatever comes back of them (declined,
//! unused, freed by a task that ended) is told to it by [`Allocator::recover`].
//!
//! ```text
//!            ops                        Allocated
//!  master ────────▶ AllocatorProcess ──────────────▶ master
//!                      │  when: events, a few ms later; and every interval
//!                      ▼
//!                   HierarchicalAllocator       pure: time and chance are arguments
//!                      ├─ role sorter           which role is next
//!                      └─ framework sorters     which framework of the role is next
//! ```
//!
//! Semantics: mesos.md §1.3 and §3.3. Other than in Mesos, resources that a task or a vanished
//! framework gave back are offered at once instead of at the next interval.

mod agents;
mod client;
mod cycle;
mod filters;
mod frameworks;
mod hierarchical;
mod options;
mod process;
mod sorter;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::{Conversion, NotApplicable, Resources};
use mesos::v1::{AgentId, AgentInfo, FrameworkId};

pub use client::AllocatorClient;
pub use filters::{DEFAULT_REFUSE, MAX_REFUSE, refuse_duration};
pub use hierarchical::HierarchicalAllocator;
pub use options::{AllocatorOptions, Capabilities, FrameworkOptions, MinAllocatable};
pub use process::{
    ALLOCATOR_MAILBOX, Allocated, AllocatorOp, AllocatorProcess, AllocatorProtocol, UpdateAvailable,
};

/// Resources of one agent given to one framework in one of its roles, as a lock until they are
/// recovered.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Who may use them.
    pub framework: FrameworkId,
    /// Where they are.
    pub agent: AgentId,
    /// The role they are given to.
    pub role: String,
    /// What; every item carries the role as its allocation role.
    pub resources: Resources,
}

/// Which agents a run looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those that something happened to since the last run.
    Pending,
    /// All: also those whose filters ended meanwhile.
    Everything,
}

/// Gives a number below its argument (which is not 0), each equally likely.
pub type Chance<'a> = dyn FnMut(usize) -> usize + 'a;

/// Decides who is offered what.
///
/// Times are on any monotonic clock that all calls share. Agents and frameworks that are not
/// known are ignored: their removal may have crossed the call on its way.
pub trait Allocator: Send {
    /// A framework may be offered resources from now on. `used` is what its tasks and executors
    /// hold already, by agent, with allocation roles.
    fn add_framework(
        &mut self,
        id: &FrameworkId,
        options: FrameworkOptions,
        used: &BTreeMap<AgentId, Resources>,
    );

    /// Its roles, suppressed roles, capabilities or whether it is active changed.
    fn update_framework(&mut self, id: &FrameworkId, options: FrameworkOptions);

    /// It is gone. What it held stays taken on the agents until it is recovered.
    fn remove_framework(&mut self, id: &FrameworkId);

    /// It may be offered resources again.
    fn activate_framework(&mut self, id: &FrameworkId);

    /// It is not to be offered anything. Its refusals are forgotten, because whoever comes back in
    /// its place may want what the one before did not.
    fn deactivate_framework(&mut self, id: &FrameworkId);

    /// An agent registered, with `total` resources. `used` is what runs there already, by
    /// framework, with allocation roles; frameworks may become known later.
    fn add_agent(
        &mut self,
        id: &AgentId,
        info: &AgentInfo,
        total: Resources,
        used: &BTreeMap<FrameworkId, Resources>,
    );

    /// An agent came back with other properties or resources.
    fn update_agent(&mut self, id: &AgentId, info: &AgentInfo, total: Resources);

    /// An agent is gone, and with it all that was held there.
    fn remove_agent(&mut self, id: &AgentId);

    /// An agent's resources may be offered again. Added agents are active.
    fn activate_agent(&mut self, id: &AgentId);

    /// An agent is not to be offered, for instance because it is disconnected.
    fn deactivate_agent(&mut self, id: &AgentId);

    /// Resources that were allocated or used are free again. They carry their allocation roles;
    /// what the framework does not hold there is ignored.
    ///
    /// `refuse` is given if the framework did not want them: a subset of them is then not offered
    /// to it in that role for that long (see [`refuse_duration`]), and they wait for the next
    /// interval so that a framework that refuses for no time at all cannot keep the cluster busy.
    fn recover(
        &mut self,
        now: Duration,
        framework: &FrameworkId,
        agent: &AgentId,
        resources: &Resources,
        refuse: Option<Duration>,
    );

    /// Operations of an ACCEPT changed what the framework was offered on the agent, and with it
    /// the agent's total. `offered` is what the ACCEPT may work on, and it and the conversions carry
    /// the allocation role. A conversion that consumes nothing adds copies of shared resources to
    /// what the framework holds, and leaves the agent's total alone.
    ///
    /// A conversion whose consumed part the framework does not hold there is ignored, as its agent
    /// or itself may be gone.
    fn update_allocation(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        offered: &Resources,
        conversions: &[Conversion],
    );

    /// An operator's operation changes what of the agent is free. The conversions carry no
    /// allocation role.
    ///
    /// # Errors
    /// If what they consume is not free, or the agent is not known; then nothing has changed.
    fn update_available(
        &mut self,
        agent: &AgentId,
        conversions: &[Conversion],
    ) -> Result<(), NotApplicable>;

    /// These roles, and all below them, have these (positive) weights from now on; 1 is the
    /// default.
    fn update_weights(&mut self, weights: &BTreeMap<String, f64>);

    /// The framework wants no offers in these of its roles; none listed means all.
    fn suppress(&mut self, framework: &FrameworkId, roles: &BTreeSet<String>);

    /// The framework wants offers in these of its roles, also what it refused; none listed means
    /// all.
    fn revive(&mut self, framework: &FrameworkId, roles: &BTreeSet<String>);

    /// Whether something happened that deserves a run before the next interval.
    fn has_pending(&self) -> bool;

    /// Gives away what is free on the agents in `scope`.
    fn allocate(&mut self, now: Duration, scope: Scope, chance: &mut Chance<'_>)
    -> Vec<Allocation>;
}
