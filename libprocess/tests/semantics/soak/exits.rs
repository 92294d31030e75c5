//! Every monitor hears exactly one `Exited`: never a second one, and in the end one of every life that is over.

use std::collections::BTreeMap;

use libprocess::prelude::*;

use super::Cluster;
use super::ledger::{Told, Watch};

pub(super) fn check(told: &Told, cluster: &Cluster) {
    // By watcher and watched: whether a monitor is open.
    let mut open = BTreeMap::new();
    for watch in &told.watches {
        match watch {
            Watch::Began { by, of } => {
                let twice = open.insert((by, of), true);
                assert_ne!(twice, Some(true), "{by} watches {of} twice");
            }
            Watch::Ended { by, of } => {
                let was = open.insert((by, of), false);
                assert_eq!(was, Some(true), "{by} heard twice of the end of {of}");
            }
        }
    }
    let alive: Vec<AnyPid> = cluster
        .up()
        .flat_map(|node| node.processes())
        .map(|process| process.pid)
        .collect();
    for ((by, of), open) in open {
        let unheard = open && alive.contains(by) && !alive.contains(of);
        assert!(!unheard, "{by:?} never heard of the end of {of:?}");
    }
}
