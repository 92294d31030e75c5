//! Contenders and detectors in a group in memory, in virtual time.

use std::time::Duration;

use libprocess::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, timeout};

use super::*;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Longer than any session lasts without a sign of life.
const LONG: Duration = Duration::from_secs(30);

fn in_virtual_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, test);
}

struct Party {
    group: MemoryGroup,
    nodes: Vec<Node>,
    elections: Vec<Elected>,
}

impl Party {
    fn of(masters: usize) -> Party {
        let group = MemoryGroup::new(TIMEOUT);
        let nodes: Vec<Node> = (0..masters).map(|n| Node::local_here(n as u64)).collect();
        let elections = nodes.iter().enumerate();
        let elections = elections.map(|(n, node)| Elected::new(node, group.from(&n.to_string())));
        Party {
            elections: elections.collect(),
            nodes,
            group,
        }
    }

    /// Contends for one, and waits until the group knows.
    async fn contend(&self, master: usize) -> Candidacy {
        let members = self.group.len();
        let candidacy = self.elections[master].contend(leader(master));
        within(LONG, async {
            while self.group.len() == members {
                sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
        candidacy
    }
}

fn leader(master: usize) -> Leader {
    let port = 5050 + u16::try_from(master).unwrap();
    Leader::at(([10, 0, 0, 1], port).into(), "m")
}

async fn within<T>(limit: Duration, what: impl Future<Output = T>) -> T {
    timeout(limit, what).await.expect("it takes too long")
}

async fn leads(candidacy: &Candidacy) {
    let mut leadership = candidacy.leadership.clone();
    let leading = |leadership: &Leadership| matches!(leadership, Leadership::Leading(_));
    within(LONG, leadership.wait_for(leading)).await.unwrap();
}

async fn has_lost(candidacy: &Candidacy) {
    let mut leadership = candidacy.leadership.clone();
    let lost = |leadership: &Leadership| *leadership == Leadership::Lost;
    within(LONG, leadership.wait_for(lost)).await.unwrap();
}

fn is_leading(candidacy: &Candidacy) -> bool {
    matches!(*candidacy.leadership.borrow(), Leadership::Leading(_))
}

async fn detects(election: &Elected, expected: Option<Leader>) {
    let mut detected = election.detect();
    within(LONG, detected.wait_for(|leader| *leader == expected))
        .await
        .unwrap();
}

#[test]
fn the_first_leads_and_the_next_follows_at_once() {
    in_virtual_time(async {
        let party = Party::of(3);
        let first = party.contend(0).await;
        leads(&first).await;
        let second = party.contend(1).await;
        detects(&party.elections[2], Some(leader(0))).await;
        assert!(!is_leading(&second));
        let before = Instant::now();
        first.withdraw().await;
        leads(&second).await;
        assert!(
            before.elapsed() < Duration::from_millis(300),
            "{:?}",
            before.elapsed()
        );
        detects(&party.elections[2], Some(leader(1))).await;
        second.withdraw().await;
        detects(&party.elections[2], None).await;
    });
}

#[test]
fn a_candidacy_that_is_dropped_is_withdrawn() {
    in_virtual_time(async {
        let party = Party::of(2);
        let first = party.contend(0).await;
        let second = party.contend(1).await;
        leads(&first).await;
        drop(first);
        leads(&second).await;
    });
}

#[test]
fn who_loses_the_session_has_lost_for_good_and_may_come_back_behind_the_others() {
    in_virtual_time(async {
        let party = Party::of(2);
        let first = party.contend(0).await;
        let second = party.contend(1).await;
        leads(&first).await;
        party.group.expire_first();
        has_lost(&first).await;
        leads(&second).await;
        let again = party.contend(0).await;
        second.withdraw().await;
        leads(&again).await;
    });
}

#[test]
fn a_leader_that_is_cut_off_has_stepped_down_before_another_leads() {
    in_virtual_time(async {
        let party = Party::of(2);
        let first = party.contend(0).await;
        let second = party.contend(1).await;
        leads(&first).await;
        let before = Instant::now();
        party.group.cut_off("0");
        has_lost(&first).await;
        assert!(before.elapsed() <= TIMEOUT / 2, "{:?}", before.elapsed());
        assert!(!is_leading(&second));
        leads(&second).await;
        assert!(
            before.elapsed() <= TIMEOUT + TIMEOUT / 2,
            "{:?}",
            before.elapsed()
        );
    });
}

#[test]
fn when_the_group_is_away_the_leader_steps_down_and_all_goes_on_when_it_is_back() {
    in_virtual_time(async {
        let party = Party::of(3);
        let first = party.contend(0).await;
        let second = party.contend(1).await;
        leads(&first).await;
        detects(&party.elections[2], Some(leader(0))).await;
        party.group.outage();
        has_lost(&first).await;
        sleep(LONG * 10).await;
        assert!(!is_leading(&second));
        // Nobody who follows a leader gains from forgetting it.
        assert_eq!(*party.elections[2].detect().borrow(), Some(leader(0)));
        party.group.restore();
        leads(&second).await;
        detects(&party.elections[2], Some(leader(1))).await;
    });
}

#[test]
fn a_short_outage_changes_nothing() {
    in_virtual_time(async {
        let party = Party::of(2);
        let first = party.contend(0).await;
        let second = party.contend(1).await;
        leads(&first).await;
        for _ in 0..10 {
            party.group.outage();
            sleep(TIMEOUT / 4).await;
            party.group.restore();
            sleep(TIMEOUT / 4).await;
        }
        assert!(is_leading(&first) && !is_leading(&second));
    });
}

#[test]
fn nobody_leads_where_nobody_contends_and_the_error_says_so() {
    in_virtual_time(async {
        let party = Party::of(1);
        let error = party.elections[0].leader(LONG).await.unwrap_err();
        assert!(matches!(error, NoLeader::Nobody(_)), "{error}");
        party.group.outage();
        let party = Party {
            elections: vec![Elected::new(&Node::local_here(7), party.group.from("7"))],
            ..party
        };
        let error = party.elections[0].leader(LONG).await.unwrap_err();
        assert!(matches!(error, NoLeader::Unknown(_)), "{error}");
    });
}

/// Whatever happens to the group: at no time do two believe that they lead, and when all is well again one does.
#[test]
fn never_two_lead_whatever_happens() {
    in_virtual_time(async {
        for seed in 0..40 {
            let mut chance = StdRng::seed_from_u64(seed);
            let party = Party::of(3);
            let mut candidacies = Vec::new();
            let mut well = true;
            for master in 0..3 {
                candidacies.push(party.contend(master).await);
            }
            for _ in 0..30 {
                match chance.random_range(0..8) {
                    // A session that is reached ends early only by an order, which its holder hears.
                    0 if well => party.group.expire_first(),
                    1 => {
                        well = false;
                        party.group.outage();
                    }
                    2 | 3 => {
                        well = false;
                        let master: usize = chance.random_range(0..3);
                        party.group.cut_off(&master.to_string());
                    }
                    4 | 5 => {
                        well = true;
                        party.group.restore();
                    }
                    6 => party
                        .group
                        .delay(Duration::from_millis(chance.random_range(0..2_000))),
                    _ => {
                        let master = chance.random_range(0..3);
                        candidacies[master] = party.elections[master].contend(leader(master));
                    }
                }
                let steps = chance.random_range(1..200);
                for _ in 0..steps {
                    sleep(Duration::from_millis(100)).await;
                    let leading = candidacies.iter().filter(|candidacy| is_leading(candidacy));
                    assert!(leading.count() <= 1, "two lead with seed {seed}");
                    for (master, candidacy) in candidacies.iter_mut().enumerate() {
                        if *candidacy.leadership.borrow() == Leadership::Lost {
                            *candidacy = party.elections[master].contend(leader(master));
                        }
                    }
                }
            }
            party.group.restore();
            party.group.delay(Duration::ZERO);
            sleep(LONG * 2).await;
            let leading = candidacies.iter().filter(|candidacy| is_leading(candidacy));
            assert_eq!(leading.count(), 1, "seed {seed}");
            drop(candidacies);
            for node in party.nodes {
                node.shutdown(LONG).await;
            }
        }
    });
}
