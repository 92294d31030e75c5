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
//! Semantics: Mesos' `docs/roles.md`, `docs/quota.md` and hierarchical allocator. Other than in
//! Mesos, resources that a task or a vanished framework gave back are offered at once instead of at
//! the next interval.

mod agent_facts;
mod agents;
mod amounts;
mod books;
mod charge;
mod choice;
mod client;
mod constraints;
mod cycle;
mod explain;
mod figures;
mod filters;
mod frameworks;
mod hierarchical;
mod judge;
mod kinds;
mod layer;
mod maintenance;
mod one_each;
mod options;
mod portion;
mod process;
mod quota;
mod report;
mod slots;
#[cfg(test)]
mod tests;
mod tree;
mod verdicts;
mod visit;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mesos::resources::{Conversion, NotApplicable, Resources};
use mesos::v1::{AgentId, AgentInfo, FrameworkId, Unavailability};

pub use agent_facts::AgentCapabilities;
pub(crate) use agent_facts::AgentFacts;
pub use choice::AllocatorKind;
pub use client::AllocatorClient;
pub use constraints::{
    Constraints, ConstraintsError, DEFAULT_REGEX_MAX_MEM, DEFAULT_REGEX_MAX_PROGRAM_SIZE,
    RegexLimits, RoleConstraints, compile,
};
pub use explain::{Explanation, Reason};
pub use figures::{Figures, QuotaFigures, ResourceFigures, RoleFigures};
pub use filters::{DEFAULT_REFUSE, MAX_REFUSE, refuse_duration};
pub use hierarchical::HierarchicalAllocator;
pub use layer::Layer;
pub use maintenance::InverseAllocation;
pub use one_each::OneOfferEach;
pub use options::{
    AgentSorter, AllocatorOptions, Capabilities, DEFAULT_MAX_OFFERS, FrameworkOptions,
    MinAllocatable, SorterKind,
};
pub use process::{
    ALLOCATOR_MAILBOX, Allocated, AllocatorDoor, AllocatorOp, AllocatorOps, AllocatorProcess,
    AllocatorProtocol, Explain, UpdateAvailable,
};
pub use quota::Quota;
pub use report::{PERCENTILES, Report, Timing};

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
        capabilities: AgentCapabilities,
        total: Resources,
        used: &BTreeMap<FrameworkId, Resources>,
    );

    /// An agent came back with other properties or resources.
    fn update_agent(
        &mut self,
        id: &AgentId,
        info: &AgentInfo,
        capabilities: AgentCapabilities,
        total: Resources,
    );

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

    /// So many of the offers that were made of what the framework was given are answered or
    /// rescinded, or were never made: they do not count for its limit any more (see
    /// [`AllocatorOptions::max_offers`]).
    fn close_offers(&mut self, framework: &FrameworkId, count: usize);

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

    /// The role has this quota from now on; a default one means none.
    fn update_quota(&mut self, role: &str, quota: &Quota);

    /// Only agents on these hosts are offered; all if `None`.
    fn update_whitelist(&mut self, hostnames: Option<BTreeSet<String>>);

    /// The master has started and waits for so many agents to come back. If there are quotas,
    /// nothing is given away before most of them are (see [`AllocatorOptions::recovery_factor`]),
    /// because what is not yet counted would break limits.
    fn begin_recovery(&mut self, now: Duration, expected_agents: usize);

    /// The agent will be unavailable, or will not be any more. Whatever was asked or answered
    /// about an earlier plan is void.
    fn update_unavailability(&mut self, id: &AgentId, unavailability: Option<Unavailability>);

    /// The framework answered its inverse offer, or that was rescinded. It is not asked again to
    /// leave this agent for as long as `refuse` says, or until it revives.
    fn answer_inverse_offer(
        &mut self,
        now: Duration,
        framework: &FrameworkId,
        agent: &AgentId,
        refuse: Option<Duration>,
    );

    /// The framework wants no offers in these of its roles; none listed means all.
    fn suppress(&mut self, framework: &FrameworkId, roles: &BTreeSet<String>);

    /// The framework wants offers in these of its roles, also what it refused; none listed means
    /// all.
    fn revive(&mut self, framework: &FrameworkId, roles: &BTreeSet<String>);

    /// Whether something happened that deserves a run before the next interval.
    fn has_pending(&self) -> bool;

    /// When it deserves a run even if nothing happens: refusals end then.
    fn next_wake(&self) -> Option<Duration>;

    /// Gives away what is free on the agents in `scope`.
    fn allocate(&mut self, now: Duration, scope: Scope, chance: &mut Chance<'_>)
    -> Vec<Allocation>;

    /// What a framework is offered of an agent, and why not more, by role; nothing if one of them is
    /// not known. Tells what a run would find now.
    fn explain(
        &mut self,
        now: Duration,
        framework: &FrameworkId,
        agent: &AgentId,
    ) -> Vec<Explanation>;

    /// Who is to be asked now to leave agents that will be unavailable.
    fn inverse_offers(&mut self, now: Duration) -> Vec<InverseAllocation>;

    /// Numbers about the books, for metrics. An allocator may have none.
    fn figures(&self) -> Figures {
        Figures::default()
    }
}
