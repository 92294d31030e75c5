//! No queue holds more than its bound.

use super::Cluster;

/// Messages from its own node that may wait for a chatter.
pub(super) const MAILBOX: usize = 100;

/// Bytes that may wait for one other node: two of the largest messages and a megabyte.
const OUTBOX: usize = 36 << 20;

/// What one node may have waiting in the mailbox of an actor of another: a window of 256 KiB, overshot by a message,
/// in messages of 178 bytes and more.
const FROM_AFAR: usize = 2 * (256 * 1024 + 100_000) / 178;

pub(super) fn check(cluster: &Cluster) {
    let bound = MAILBOX + FROM_AFAR * (super::NODES - 1);
    for node in cluster.up() {
        for process in node.processes() {
            assert!(process.depth <= bound, "{process:?}");
        }
        for link in node.links() {
            assert!(link.waiting <= OUTBOX, "{link:?}");
        }
    }
}
