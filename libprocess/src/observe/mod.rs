//! Looking in: what a node, and a whole cluster, is doing.
//!
//! ```text
//!   slots, mailboxes, links ──▶ NodeView ──┬──▶ prometheus::text      for dashboards
//!        (counters)           (a snapshot) │
//!                                          └──▶ Observer ──▶ ClusterView ──▶ text::render, JSON
//!                                               asks those of linked nodes    tree, depths, links,
//!                                                                             waits, ask cycles
//! ```
//!
//! A view is a value: taking one stops nobody but the lock of one mailbox at a time, and everything that
//! is derived from it ([`tree`], [`waits`], [`cycles`]) is a pure function. Nothing here is served to anybody
//! unless the node's owner starts an [`Observer`].

mod begun;
mod cluster;
mod collect;
mod cycles;
mod explore;
pub mod limits;
mod observer;
mod prometheus;
mod readiness;
#[cfg(test)]
pub(crate) mod samples;
pub mod spans;
mod text;
mod view;

pub(crate) use begun::{Begun, BegunAsks};
pub use cluster::{ClusterView, NodeSight, Wait, tree, waits};
pub use cycles::{Cycle, cycles};
pub use explore::explore;
pub use observer::{Look, LookAround, OBSERVER, Observer, ObserverProtocol, survey};
pub use prometheus::{CONTENT_TYPE, metrics};
pub use readiness::{NotReady, Readiness};
pub use text::{Layout, render};
pub use view::{AskView, LinkView, NodeView, ProcessView, Standing};
