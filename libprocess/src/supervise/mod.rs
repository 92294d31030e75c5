//! Supervision: trees of factories that keep actors alive.
//!
//! ```
//! # use libprocess::prelude::*;
//! # use std::time::Duration;
//! # protocol! { local StoreProtocol = "store" {} }
//! # #[derive(Default)] struct Store;
//! # impl Actor for Store { type Context = Context<Self>; }
//! # impl Process for Store { type Protocol = StoreProtocol; }
//! # type Worker = Store; type Index = Store;
//! use libprocess::supervise::{Child, Supervisor};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let node = Node::local();
//! let tree = Supervisor::rest_for_one("service")
//!     .intensity(3, Duration::from_secs(10))
//!     .child("store", |_| Store::default())
//!     .child("index", |_| Index::default())           // built anew whenever the store is
//!     .supervisor(
//!         Supervisor::one_for_one("workers")
//!             .backoff(Duration::from_millis(100), Duration::from_secs(5))
//!             .child("worker-1", |_| Worker::default())
//!             .with(Child::new("worker-2", |_| Worker::default()).transient()),
//!     );
//! let service = node.supervise(tree).unwrap();
//! # node.shutdown(Duration::from_secs(1)).await;
//! # }
//! ```
//!
//! A supervisor is an actor. It starts its children **in order**, each when the one before has started
//! (its factory and `started` have returned, and what `started` waits for by `ctx.wait` is over), and stops
//! them **in reverse order**, each with a deadline, after which the child is killed. It is a tree of
//! *factories*: nothing of a failed actor is used again, its successor is built by the same closure, under
//! the same name, with a new incarnation.
//!
//! # What happens when a child ends
//!
//! | its kind | is built anew when it ends |
//! |---|---|
//! | [permanent](Child::permanent) (by default) | always |
//! | [transient](Child::transient) | for any reason but `Normal` |
//! | [temporary](Child::temporary) | never |
//!
//! and with it, the other ones stopped in reverse order first:
//!
//! | [`Supervisor`] | are built anew |
//! |---|---|
//! | `one_for_one` | the child alone |
//! | `rest_for_one` | the child, and those started after it |
//! | `one_for_all` | all |
//!
//! A child that fails while it starts (a panic in its factory or in `started`, a name that is taken, a start
//! that takes too long) has failed like any other.
//!
//! If that happens more than `max` times `within` a time ([`Supervisor::intensity`]), the supervisor stops its
//! children and ends as [`ExitReason::Failed`](crate::ExitReason::Failed). The supervisor above it then does
//! with it what its own strategy says; at the root, whoever monitors it hears so, and nobody else.
//!
//! # Messages to a child that is being rebuilt
//!
//! What lay in the mailbox of the life that ended is gone: asks fail with the reason of its end, tells are
//! dropped. A pid of that life answers `NoProcess` for ever. A [`Pid::named`](crate::Pid::named) answers
//! `NoProcess` until the successor is spawned, which with a backoff takes a while, and from then on reaches
//! the successor: messages wait in its mailbox while it starts.
//!
//! # What holds without exception
//!
//! * The supervisor learns of every end of a child, with its reason.
//! * No child outlives its supervisor: if the supervisor itself panics or is killed, its children are killed.
//! * [`Node::shutdown`](crate::Node::shutdown) stops the roots one after the other, the last one first, and
//!   each takes its tree down in order.
//!
//! The one thing that cannot be killed is a handler that never returns: it holds its thread. The supervisor
//! gives up on such a child after [`KILL_GRACE`]; as its name stays taken, its successor cannot start, and
//! the failure goes up.

mod actor;
mod family;
mod messages;
mod spec;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use messages::{
    ChildInfo, Children, StartChild, StartError, Started, StopChild, StopError, SupervisorProtocol,
};
pub use spec::{Child, Supervisor};

/// How long a child may take to stop by itself unless it says otherwise: time to flush what it holds.
pub const SHUTDOWN: Duration = Duration::from_secs(5);

/// How long a child may take to start unless it says otherwise: time to read its state from a disk.
pub const START: Duration = Duration::from_secs(30);

/// How long a supervisor waits for a child that it killed. It ends at once unless a handler holds its thread.
pub const KILL_GRACE: Duration = Duration::from_secs(1);

/// Restarts that a supervisor allows, unless told otherwise: enough for a failure that clears itself, too few
/// for one that does not.
pub const INTENSITY: (u32, Duration) = (3, Duration::from_secs(10));

/// Children of one supervisor unless it says otherwise. More of a kind are better kept by several.
pub const CHILDREN: usize = 1024;
