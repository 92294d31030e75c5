//! What happens to a data centre: each kind strikes, is seen to have struck, and ends.

use std::fmt;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

use super::datacentre::{DataCentre, fill};
use crate::wait::pause;

/// How long nobody notices more than that something is slow: less than a session.
const BLINK: Duration = Duration::from_secs(1);
/// Longer than a session, shorter than what makes an agent unreachable.
const WHILE: Duration = Duration::from_secs(4);

/// One kind of disaster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disaster {
    /// The leader is killed.
    LeaderDies,
    /// The leader is asked to end.
    LeaderEnds,
    /// The leader stands still until another leads, and goes on without knowing.
    LeaderStandsStill,
    /// The leader's cable is pulled.
    LeaderCutOff,
    /// Only ZooKeeper hears nothing of the leader any more.
    LeaderWithoutZooKeeper,
    /// What the leader sends does not arrive at one of the agents.
    LeaderMuteTowardsAgent,
    /// One server of ZooKeeper is killed.
    ServerDies,
    /// All servers of ZooKeeper are killed.
    ZooKeeperLost,
    /// The disk of one server of ZooKeeper is full.
    ServerDiskFull,
    /// An agent is killed, and its executors are not.
    AgentDies,
    /// An agent stands still.
    AgentStandsStill,
    /// An agent's cable is pulled.
    AgentCutOff,
    /// An agent's disk is full.
    AgentDiskFull,
    /// A machine's cable is loose.
    LooseCable,
}

impl Disaster {
    /// All there are.
    pub const ALL: [Disaster; 14] = [
        Disaster::LeaderDies,
        Disaster::LeaderEnds,
        Disaster::LeaderStandsStill,
        Disaster::LeaderCutOff,
        Disaster::LeaderWithoutZooKeeper,
        Disaster::LeaderMuteTowardsAgent,
        Disaster::ServerDies,
        Disaster::ZooKeeperLost,
        Disaster::ServerDiskFull,
        Disaster::AgentDies,
        Disaster::AgentStandsStill,
        Disaster::AgentCutOff,
        Disaster::AgentDiskFull,
        Disaster::LooseCable,
    ];

    /// Lets it happen, and ends it.
    #[track_caller]
    pub fn strike(self, centre: &mut DataCentre, chance: &mut StdRng) {
        let leader = centre.leader();
        let agent = chance.random_range(0..centre.agents.len());
        match self {
            Disaster::LeaderDies => {
                centre.masters[leader].daemon.kill_9();
                centre.wait_for_another(leader);
                centre.masters[leader].restart();
            }
            Disaster::LeaderEnds => {
                assert_eq!(centre.masters[leader].daemon.interrupt(), Some(0));
                centre.wait_for_another(leader);
                centre.masters[leader].restart();
            }
            Disaster::LeaderStandsStill => {
                centre.masters[leader].daemon.pause(true);
                centre.wait_for_another(leader);
                centre.masters[leader].daemon.pause(false);
            }
            Disaster::LeaderCutOff => {
                centre.masters[leader].machine.cut_off(true);
                centre.wait_for_another(leader);
                centre.masters[leader].machine.cut_off(false);
            }
            Disaster::LeaderWithoutZooKeeper => {
                let zookeeper = centre.network.address();
                centre.masters[leader].machine.mute(zookeeper, true);
                centre.wait_for_another(leader);
                centre.masters[leader].machine.mute(zookeeper, false);
            }
            Disaster::LeaderMuteTowardsAgent => {
                let deaf = centre.agents[agent].machine.address;
                centre.masters[leader].machine.mute(deaf, true);
                pause(WHILE);
                centre.masters[leader].machine.mute(deaf, false);
            }
            Disaster::ServerDies => {
                centre.zookeeper.kill_one(chance.random_range(0..3));
                pause(BLINK);
                centre.zookeeper.restart();
            }
            Disaster::ZooKeeperLost => {
                centre.zookeeper.kill();
                pause(WHILE);
                let leads = |master: usize| centre.leads(master);
                assert!(!(0..3).any(leads), "a master leads without ZooKeeper");
                centre.zookeeper.restart();
            }
            Disaster::ServerDiskFull => {
                let server = chance.random_range(0..3);
                let data = centre.zookeeper.data(server);
                fill(&data, true);
                pause(WHILE);
                fill(&data, false);
                // Such a server ends, or serves no more: it wants to be started again.
                centre.zookeeper.kill_one(server);
                centre.zookeeper.restart();
            }
            Disaster::AgentDies => {
                centre.agents[agent].daemon.kill_9();
                pause(BLINK);
                centre.agents[agent].restart();
                centre.agents[agent].wait();
            }
            Disaster::AgentStandsStill => {
                centre.agents[agent].daemon.pause(true);
                pause(WHILE);
                centre.agents[agent].daemon.pause(false);
            }
            Disaster::AgentCutOff => {
                centre.agents[agent].machine.cut_off(true);
                pause(WHILE);
                centre.agents[agent].machine.cut_off(false);
            }
            Disaster::AgentDiskFull => {
                centre.agents[agent].fill_disk(true);
                pause(WHILE);
                centre.agents[agent].fill_disk(false);
            }
            Disaster::LooseCable => {
                let machine = &centre.agents[agent].machine;
                for _ in 0..4 {
                    machine.cut_off(true);
                    pause(BLINK / 4);
                    machine.cut_off(false);
                    pause(BLINK / 4);
                }
            }
        }
    }
}

impl fmt::Display for Disaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Disaster::LeaderDies => "the leader is killed",
            Disaster::LeaderEnds => "the leader ends in order",
            Disaster::LeaderStandsStill => "the leader stands still",
            Disaster::LeaderCutOff => "the leader is cut off",
            Disaster::LeaderWithoutZooKeeper => "ZooKeeper hears nothing of the leader",
            Disaster::LeaderMuteTowardsAgent => "an agent hears nothing of the leader",
            Disaster::ServerDies => "a server of ZooKeeper is killed",
            Disaster::ZooKeeperLost => "all of ZooKeeper is killed",
            Disaster::ServerDiskFull => "the disk of a server of ZooKeeper is full",
            Disaster::AgentDies => "an agent is killed",
            Disaster::AgentStandsStill => "an agent stands still",
            Disaster::AgentCutOff => "an agent is cut off",
            Disaster::AgentDiskFull => "an agent's disk is full",
            Disaster::LooseCable => "an agent's cable is loose",
        })
    }
}
