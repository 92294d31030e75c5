//! Who is next in line for resources.
//!
//! The allocator keeps one sorter over roles and, per role, one over its frameworks. A sorter
//! knows nothing of agents or offers: it is told what each client holds and answers in what order
//! clients should be served. Clients are paths (`eng/web`), so that hierarchical roles need no
//! other interface; a framework id is a path of one component.

mod drf;

use std::sync::Arc;

use mesos::resources::Quantities;

pub(super) use drf::DrfSorter;

/// Orders clients by what they hold.
///
/// Calls that name a client that was never added are ignored, because the caller's bookkeeping
/// of roles and frameworks is the authority.
pub(super) trait Sorter: Send {
    /// Adds a client that holds nothing and is inactive.
    fn add(&mut self, client: &str);

    /// Forgets a client with all it holds and its history.
    fn remove(&mut self, client: &str);

    /// Whether there is such a client, active or not.
    fn contains(&self, client: &str) -> bool;

    /// Whether there are no clients at all.
    fn is_empty(&self) -> bool;

    /// Lets the client be emitted by [`Sorter::sorted`].
    fn activate(&mut self, client: &str);

    /// Keeps the client, its holdings and its history, but emits it no longer.
    fn deactivate(&mut self, client: &str);

    /// Divides the share of the whole subtree at `path` by `weight` (positive; 1 if never set).
    fn set_weight(&mut self, path: &str, weight: f64);

    /// The client received these.
    fn allocated(&mut self, client: &str, amounts: &Quantities);

    /// The client gave these back.
    fn unallocated(&mut self, client: &str, amounts: &Quantities);

    /// What a share is a share of: all scalars of all agents of the cluster.
    fn set_total(&mut self, total: &Arc<Quantities>);

    /// The active clients, the one to serve first first.
    fn sorted(&self) -> Box<dyn Iterator<Item = &str> + '_>;
}
