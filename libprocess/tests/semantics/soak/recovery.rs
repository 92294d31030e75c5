//! Once nothing goes wrong any more, everything works again, within a bounded time.

use std::time::Duration;

use libprocess::prelude::*;
use tokio::time::Instant;

use super::Cluster;
use super::chatter::{ChatterProtocol, WhoAreYou};

/// Longer than it takes to notice a silent link and to make another.
const WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn check(cluster: &Cluster) {
    let begin = Instant::now();
    for from in cluster.up() {
        for to in cluster.up() {
            let pid = Pid::<ChatterProtocol>::named("chatter", to.address());
            while let Err(error) = from.ask(&pid, WhoAreYou, Duration::from_secs(1)).await {
                let waited = begin.elapsed();
                assert!(
                    waited < WITHIN,
                    "{from:?} does not reach {to:?} after {waited:?}: {error}"
                );
                cluster.pass(Duration::from_millis(100)).await;
            }
        }
    }
    // Time for all notices of ends.
    cluster.pass(WITHIN).await;
}
