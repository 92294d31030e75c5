//! Every bound of the runtime, with its reason. What overflows is dropped visibly: an ask fails, a
//! monitor fires, a counter rises.

use std::time::Duration;

/// Longest name of an actor, in bytes: names travel in frames and are kept per route.
pub const MAX_NAME: usize = 256;

/// Messages from this node that may wait in one mailbox, unless the actor is spawned with another
/// bound. One message per agent of a cluster of 40,000 fits.
pub const MAILBOX: usize = 65_536;

/// Messages one actor handles before the others of its thread get a turn. Large enough to make the
/// switch cheap, small enough that a timer on the same thread is late by microseconds only.
pub const MESSAGES_PER_TURN: usize = 64;

/// Threads that host actors if the node is not told otherwise: the cores, but no more than this,
/// since heavy actors take a thread of their own.
pub const MAX_ARBITERS: usize = 16;

/// How long `shutdown` waits after its deadline for threads to notice that their actors were dropped.
pub const SHUTDOWN_GRACE: Duration = Duration::from_millis(100);
