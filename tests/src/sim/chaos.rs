//! Bad luck from a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::cluster::SimCluster;

/// Lets `steps` misfortunes happen to a cluster, some at the same time, with pauses of up to a minute and a half: shorter
/// and longer than all timeouts. Then repairs everything.
pub async fn misfortune(cluster: &mut SimCluster, steps: usize) {
    let mut random = StdRng::seed_from_u64(cluster.net.seed() ^ 0x6d69_7366_6f72_7475);
    for _ in 0..steps {
        let agent = random.random_range(0..cluster.agent_count());
        let what = random.random_range(0..12);
        cluster
            .net
            .note(&format!("misfortune {what} of agent {agent}"));
        match what {
            0 | 1 => cluster.cut_off(agent),
            2 => {
                let (master, agent) = (cluster.master_address(), cluster.agent_address(agent));
                match random.random() {
                    true => cluster.net.partition_one_way(&[master], &[agent]),
                    false => cluster.net.partition_one_way(&[agent], &[master]),
                }
            }
            3 => cluster.cut_off_service(0),
            4 | 5 => cluster.heal(),
            6 => cluster.crash_machine(agent),
            7 => cluster.crash_agent(agent).await,
            8 => cluster.crash_master(),
            9 => cluster.net.loss(random.random_range(0.0..0.1)),
            10 => repair_daemons(cluster).await,
            _ => {
                let slowest = Duration::from_millis(random.random_range(2..200));
                cluster.net.latency(Duration::from_millis(1)..=slowest);
            }
        }
        let pause = random.random_range(100..90_000);
        cluster.pass(Duration::from_millis(pause)).await;
    }
    cluster.net.note("repair");
    cluster.heal();
    cluster.net.loss(0.0);
    let millisecond = Duration::from_millis(1);
    cluster.net.latency(millisecond..=millisecond);
    repair_daemons(cluster).await;
}

async fn repair_daemons(cluster: &mut SimCluster) {
    cluster.restart_master().await;
    for agent in 0..cluster.agent_count() {
        cluster.restart_agent(agent).await;
    }
}
