//! Operations in whole clusters that break: nothing of them is lost, and nothing is done twice.

use std::time::Duration;

use libprocess::sim::explore;
use mesos_tests::sim::{MILLI_CPUS, RESERVED_ROLE, Reserver, SimCluster, misfortune};

const MINUTE: Duration = Duration::from_secs(60);

/// Longer than agents are waited for, twice.
const PATIENCE: Duration = Duration::from_secs(40 * 60);

/// What is reserved on the agents themselves.
fn reserved(cluster: &SimCluster) -> i64 {
    let agents = cluster.agent_views();
    let cpus = agents.map(|(_, state)| state.total().reserved_to(RESERVED_ROLE).cpus());
    cpus.map(|cpus| cpus.milli() / MILLI_CPUS).sum()
}

/// Whether master, agents and framework agree on what was done, and nothing is open.
fn agreed(cluster: &SimCluster, reserver: &Reserver, wanted: usize) -> Result<(), String> {
    let finished = reserver.finished();
    let fates = reserver.fates();
    if finished != wanted || fates.len() != wanted {
        return Err(format!("the framework knows {fates:?}"));
    }
    let there = reserved(cluster);
    if there != wanted as i64 {
        return Err(format!("{there} of {wanted} are reserved"));
    }
    let Some(view) = cluster.view() else {
        return Err("there is no master".to_owned());
    };
    for (_, state) in cluster.agent_views() {
        let id = state.agent_id().ok_or("an agent without an id")?;
        let known = view.cluster.agents.get(id).ok_or("an unknown agent")?;
        if known.total != state.total() {
            return Err(format!(
                "{} has {}, not {}",
                id.value,
                state.total(),
                known.total
            ));
        }
        if state.operations().count() > 0 {
            return Err(format!("{} waits for acknowledgements", id.value));
        }
    }
    match view.cluster.operations.is_empty() {
        true => Ok(()),
        false => Err("the master waits for acknowledgements".to_owned()),
    }
}

#[test]
fn operations_are_done_once_whatever_crashes() {
    explore(0..4, |net| async move {
        // One every five seconds: while it lasts, something is always under way.
        let wanted = 100;
        let mut cluster = SimCluster::builder().agents(2).start(&net).await;
        // Misfortune befalls a service as well.
        cluster.keep_running(1, "sleep 100000").await;
        let master = cluster.master_address();
        let reserver = Reserver::start(&net, "10.0.3.1:9000", master, wanted).await;
        misfortune(&mut cluster, 8).await;
        let agreed = |cluster: &SimCluster| agreed(cluster, &reserver, wanted);
        cluster
            .until_ok("all is reserved, once", PATIENCE, agreed)
            .await;
        cluster.pass(5 * MINUTE).await;
        assert_eq!(agreed(&cluster), Ok(()));
    });
}
