//! Groups: sets of actors under a name, across nodes.
//!
//! ```
//! # use libprocess::prelude::*;
//! # use serde::{Deserialize, Serialize};
//! use libprocess::group::Groups;
//!
//! #[derive(Clone, Serialize, Deserialize)]
//! struct Said(String);
//! protocol! { ChatProtocol = "chat" { 1 => Said -> () } }
//! # struct Guest;
//! # impl Actor for Guest { type Context = Context<Self>; }
//! # impl Process for Guest { type Protocol = ChatProtocol; }
//! # impl Handler<Said> for Guest {
//! #     type Result = ();
//! #     fn handle(&mut self, _: Said, _: &mut Context<Self>) {}
//! # }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! # let node = Node::local();
//! let groups = Groups::start(&node, []).unwrap();     // on each node, with the address of another
//! let guest = node.spawn("guest", |_| Guest).unwrap();
//! groups.join("lobby", &guest).unwrap();
//! assert_eq!(groups.members::<ChatProtocol>("lobby"), [guest]);
//! groups.publish::<ChatProtocol, _>("lobby", &Said("hello".into()));
//! # }
//! ```
//!
//! Every node that takes part runs one ordinary actor, the *broker* ([`BROKER`]), over the public interface:
//!
//! ```text
//!   node a                                    node b
//!   join ─► roster ─► broker ══ Sync, Change ══► broker ─► roster ─► members, publish
//!                       ▲                          │
//!                       └──── Sync (its own) ──────┘
//! ```
//!
//! * A broker answers for the members on its own node, whom it monitors: who ends has left.
//! * It tells all of them to a broker it meets ([`Sync`](GroupsProtocol)), then each change as it happens. Brokers
//!   tell each other whom they know, so that one seed is enough to meet all.
//! * It monitors the other brokers: when one is gone, or the way to it, that node's members have left. It
//!   tries again, with growing waits, and after that hears everything anew.
//!
//! So each node has its own view, and all views of nodes that can reach each other agree after a while. There
//! is no more to it: no agreement on an order, no view that is the true one during a partition. A message
//! published goes to the members that the publishing node knows of at that moment, as a tell to each of them:
//! a slow member holds up nobody, what does not fit into its mailbox is dropped.

mod broker;
mod handle;
mod messages;
mod peers;
mod roster;

use std::time::Duration;

pub use handle::{Groups, JoinError};
pub use messages::{GroupChange, GroupEvent, GroupsProtocol};
#[cfg(test)]
pub(crate) use messages::{Resync, Wake, examples};

/// The name of the actor that keeps the groups of a node.
pub const BROKER: &str = "libprocess.groups";

/// Memberships of the actors of one node. All of them fit into one message, which is how others hear of them.
pub const MEMBERS: usize = 16_384;

/// Nodes that one node shares groups with. Each is told every change, so with many more another shape of
/// network would be called for.
pub const PEERS: usize = 1024;

/// Subscriptions to the events of groups on one node. Each is looked at for every change.
pub const SUBSCRIPTIONS: usize = 1024;

/// How long a broker waits before it tries a lost peer again, at first and at most. The first is soon, because
/// most breaks are short; the last is what a partition that ends may still cost.
pub const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// A peer that was not given as a seed is forgotten when it cannot be reached for so long: nodes that are
/// replaced by others with new addresses must not be tried for ever.
pub const FORGET: Duration = Duration::from_secs(600);
