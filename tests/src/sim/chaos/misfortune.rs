//! The things that go wrong.

use std::fmt;
use std::time::Duration;

use master::registrar::{Fault, StorageError};
use rand::Rng;
use rand::rngs::StdRng;

use crate::sim::SimCluster;

/// Something that goes wrong in a cluster, until it is repaired or something else takes its place. Agents are named by
/// number.
#[derive(Clone, Debug, PartialEq)]
pub enum Misfortune {
    /// Nothing passes between an agent and the master.
    CutOff(usize),
    /// Nothing passes from the master to an agent.
    Deaf(usize),
    /// Nothing passes from an agent to the master.
    Mute(usize),
    /// Nothing passes between the service and the master.
    CutOffService,
    /// Partitions end, paused machines run on.
    Heal,
    /// An agent and its executors lose power.
    CrashMachine(usize),
    /// An agent ends; its executors run on.
    CrashAgent(usize),
    /// The master loses power.
    CrashMaster,
    /// An agent's machine stands still.
    PauseMachine(usize),
    /// The master stands still.
    PauseMaster,
    /// Whoever is down is started again.
    Restart,
    /// Datagrams are lost, with this probability in percent.
    Loss(u8),
    /// Datagrams arrive twice, with this probability in percent.
    Duplicates(u8),
    /// Datagrams overtake one another, with this probability in percent.
    Disorder(u8),
    /// Datagrams take up to so many milliseconds.
    Latency(u64),
    /// An agent's clock on the wall jumps forward by so many seconds.
    ClockForward(usize, u64),
    /// An agent's clock on the wall jumps back by so many seconds.
    ClockBack(usize, u64),
    /// The next store into the registry takes so many milliseconds.
    SlowStore(u64),
    /// The next store into the registry fails; the master ends by it.
    FailedStore,
    /// The next store into the registry is done and its answer lost; the master ends by it.
    UnknownStore,
}

impl Misfortune {
    /// How many kinds there are.
    pub const KINDS: usize = 20;

    /// One of them, to an agent among so many.
    pub fn any(random: &mut StdRng, agents: usize) -> Misfortune {
        use Misfortune::*;
        let agent = random.random_range(0..agents);
        // What separates comes more often than the rest, and so does what repairs: a cluster in which nothing works for
        // long has no histories.
        match random.random_range(0..26) {
            0 | 1 => CutOff(agent),
            2 => Deaf(agent),
            3 => Mute(agent),
            4 => CutOffService,
            5..=7 => Heal,
            8 => CrashMachine(agent),
            9 | 10 => CrashAgent(agent),
            11 | 12 => CrashMaster,
            13 => PauseMachine(agent),
            14 => PauseMaster,
            15..=17 => Restart,
            18 => Loss(random.random_range(0..10)),
            19 => Duplicates(random.random_range(0..30)),
            20 => Disorder(random.random_range(0..30)),
            21 => Latency(random.random_range(2..200)),
            22 => match random.random() {
                true => ClockForward(agent, random.random_range(1..100_000)),
                false => ClockBack(agent, random.random_range(1..100_000)),
            },
            23 => SlowStore(random.random_range(100..30_000)),
            24 => FailedStore,
            _ => UnknownStore,
        }
    }

    /// Lets it happen.
    pub(super) async fn strike(&self, cluster: &mut SimCluster) {
        let master = cluster.master_address();
        match *self {
            Misfortune::CutOff(agent) => cluster.cut_off(agent),
            Misfortune::Deaf(agent) => {
                let agent = cluster.agent_address(agent);
                cluster.net.partition_one_way(&[master], &[agent]);
            }
            Misfortune::Mute(agent) => {
                let agent = cluster.agent_address(agent);
                cluster.net.partition_one_way(&[agent], &[master]);
            }
            Misfortune::CutOffService => cluster.cut_off_service(0),
            Misfortune::Heal => cluster.heal(),
            Misfortune::CrashMachine(agent) => cluster.crash_machine(agent),
            Misfortune::CrashAgent(agent) => cluster.crash_agent(agent).await,
            Misfortune::CrashMaster => cluster.crash_master(),
            Misfortune::PauseMachine(agent) => cluster.pause(cluster.agent_address(agent)),
            Misfortune::PauseMaster => cluster.pause(master),
            Misfortune::Restart => cluster.restart_all().await,
            Misfortune::Loss(percent) => cluster.net.loss(probability(percent)),
            Misfortune::Duplicates(percent) => cluster.net.duplicate(probability(percent)),
            Misfortune::Disorder(percent) => {
                let longest = Duration::from_millis(50);
                cluster.net.reorder(probability(percent), longest);
            }
            Misfortune::Latency(slowest) => {
                let slowest = Duration::from_millis(slowest);
                cluster.net.latency(Duration::from_millis(1)..=slowest);
            }
            Misfortune::ClockForward(agent, seconds) => {
                let (agent, by) = (cluster.agent_address(agent), Duration::from_secs(seconds));
                cluster.net.clock_forward(&agent, by);
            }
            Misfortune::ClockBack(agent, seconds) => {
                let (agent, by) = (cluster.agent_address(agent), Duration::from_secs(seconds));
                cluster.net.clock_back(&agent, by);
            }
            Misfortune::SlowStore(millis) => {
                cluster.fail_store(Fault::Delay(Duration::from_millis(millis)));
            }
            Misfortune::FailedStore => cluster.fail_store(Fault::Fail(StorageError::Timeout(0))),
            Misfortune::UnknownStore => {
                cluster.fail_store(Fault::FailAfterwards(StorageError::Timeout(0)));
            }
        }
    }
}

fn probability(percent: u8) -> f64 {
    f64::from(percent) / 100.0
}

impl fmt::Display for Misfortune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfortune::CutOff(agent) => write!(f, "agent {agent} is cut off from the master"),
            Misfortune::Deaf(agent) => write!(f, "agent {agent} does not hear the master"),
            Misfortune::Mute(agent) => write!(f, "the master does not hear agent {agent}"),
            Misfortune::CutOffService => write!(f, "the service is cut off from the master"),
            Misfortune::Heal => write!(f, "partitions and pauses end"),
            Misfortune::CrashMachine(agent) => write!(f, "the machine of agent {agent} crashes"),
            Misfortune::CrashAgent(agent) => write!(f, "agent {agent} ends"),
            Misfortune::CrashMaster => write!(f, "the master crashes"),
            Misfortune::PauseMachine(agent) => {
                write!(f, "the machine of agent {agent} stands still")
            }
            Misfortune::PauseMaster => write!(f, "the master stands still"),
            Misfortune::Restart => write!(f, "all that is down is started"),
            Misfortune::Loss(percent) => write!(f, "{percent} % of all datagrams are lost"),
            Misfortune::Duplicates(percent) => write!(f, "{percent} % of all datagrams come twice"),
            Misfortune::Disorder(percent) => write!(f, "{percent} % of all datagrams are held up"),
            Misfortune::Latency(millis) => write!(f, "datagrams take up to {millis} ms"),
            Misfortune::ClockForward(agent, seconds) => {
                write!(f, "the clock of agent {agent} jumps forward by {seconds} s")
            }
            Misfortune::ClockBack(agent, seconds) => {
                write!(f, "the clock of agent {agent} jumps back by {seconds} s")
            }
            Misfortune::SlowStore(millis) => write!(f, "the next store takes {millis} ms"),
            Misfortune::FailedStore => write!(f, "the next store fails"),
            Misfortune::UnknownStore => write!(f, "the next store succeeds without an answer"),
        }
    }
}
