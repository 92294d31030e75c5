//! What operators are told of the cluster while it changes (Mesos' `docs/operator-http-api.md` and SUBSCRIBE).
//!
//! ```text
//!   master ──Cluster, after each change──▶ History ◀── what changed ── Herald (an actor)
//!                                             │
//!                                             └── next, next, .. ──▶ Subscription, one each
//! ```
//!
//! Nothing in the core knows of events: they are the differences between what the master publishes
//! (`changes`), found by an actor of its own. If that one falls behind, it compares moments that
//! are further apart, and the master waits for nobody.
//!
//! Mesos keeps events for nobody and buffers them for slow readers without bound. Here there is one
//! [`History`], bounded, and a subscription is a place in it: who falls out of it at the old end is
//! disconnected, and who comes back in time goes on where it was. While nobody has ever subscribed,
//! nothing is compared and nothing kept.

mod changes;
mod herald;
mod history;
mod revision;
mod seats;
mod subscription;

#[cfg(test)]
mod tests;

pub(crate) use herald::Herald;
pub use history::{Entry, History, SubscribeError};
pub use revision::{InvalidRevision, Revision};
pub use seats::End;
pub use subscription::{Ending, Start, Subscription};
