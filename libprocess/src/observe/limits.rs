//! Every bound of looking in, with its reason.

use std::time::Duration;

/// Actors that a view lists: what fits one message between nodes with room to spare, and more than a person
/// reads. A node may have a million.
pub const PROCESSES: usize = 4096;

/// Links that a view lists: a master of a large cluster has more, and its own tables for them.
pub const LINKS: usize = 4096;

/// Asks that a view lists per actor: enough to find whom it keeps waiting.
pub const ASKS: usize = 64;

/// Nodes that one look around asks: what a person can survey, and what fits the answer.
pub const NODES: usize = 512;

/// Actors in one look around, shared out evenly among its nodes: some 5 MB, which fits one message.
pub const ACTORS: usize = 32_768;

/// Nodes that are asked at once.
pub const AT_ONCE: usize = 64;

/// The longest that a look around waits for one node.
pub const PATIENCE: Duration = Duration::from_secs(10);
