//! Bad luck from a seed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Cluster, NODES};

const MS: Duration = Duration::from_millis(1);

/// Lets `steps` misfortunes happen, several at the same time, with pauses shorter and longer than all timeouts.
pub(super) async fn strike(cluster: &mut Cluster, steps: usize) {
    let mut random = StdRng::seed_from_u64(cluster.net.seed() ^ 0x736f_616b);
    for _ in 0..steps {
        let number = random.random_range(0..NODES);
        let other = (number + random.random_range(1..NODES)) % NODES;
        let what = random.random_range(0..13);
        cluster
            .net
            .note(&format!("misfortune {what} of {number} and {other}"));
        let addresses = [number, other].map(|it| Cluster::address(it).parse().unwrap());
        let [one, two]: [std::net::SocketAddr; 2] = addresses;
        let net = &cluster.net;
        match what {
            0 | 1 => crash(cluster, number),
            2 => restart(cluster, number).await,
            3 => net.partition(&[one], &[two]),
            4 => net.partition_one_way(&[one], &[two]),
            5 => net.heal(),
            6 => net.loss(random.random_range(0.0..0.2)),
            7 => net.duplicate(random.random_range(0.0..0.2)),
            8 => net.reorder(random.random_range(0.0..0.3), 50 * MS),
            9 => net.latency(MS..=random.random_range(2..100) * MS),
            10 => net.bandwidth(&[one], &[two], random.random_range(20_000..2_000_000)),
            11 => {
                net.pause(&one);
                let pause = random.random_range(100..8000) * MS;
                cluster.pass(pause).await;
                cluster.net.resume(&one);
            }
            _ => {
                crash(cluster, number);
                restart(cluster, number).await;
            }
        }
        cluster.pass(random.random_range(50..6000) * MS).await;
    }
}

/// Ends all misfortunes.
pub(super) async fn repair(cluster: &mut Cluster) {
    let net = cluster.net.clone();
    net.note("repair");
    net.heal();
    net.loss(0.0);
    net.duplicate(0.0);
    net.reorder(0.0, MS);
    net.latency(MS..=MS);
    let all: Vec<std::net::SocketAddr> = (0..NODES)
        .map(|it| Cluster::address(it).parse().unwrap())
        .collect();
    net.bandwidth(&all, &all, u64::MAX);
    for number in 0..NODES {
        restart(cluster, number).await;
    }
}

fn crash(cluster: &mut Cluster, number: usize) {
    if let Some(node) = cluster.nodes[number].take() {
        cluster.net.crash(&node);
    }
}

async fn restart(cluster: &mut Cluster, number: usize) {
    if cluster.nodes[number].is_none() {
        cluster.start_node(number).await;
    }
}
