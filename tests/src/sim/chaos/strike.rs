//! Lets misfortunes happen.

use std::time::Duration;

use master::registrar::{Fault, StorageError};

use super::misfortune::Misfortune;
use crate::sim::SimCluster;

/// How long a datagram is held up at most.
const HELD_UP: Duration = Duration::from_millis(50);

impl Misfortune {
    /// Lets it happen.
    pub(super) async fn strike(&self, cluster: &mut SimCluster) {
        use Misfortune::*;
        let master = cluster.master_address();
        let agents: Vec<_> = (0..cluster.agent_count())
            .map(|agent| cluster.agent_address(agent))
            .collect();
        let agent = |agent: usize| agents[agent];
        let lost = || StorageError::Timeout(0);
        match *self {
            CutOff(agent) => cluster.cut_off(agent),
            CutOffFromLeader(agent) => cluster.cut_off_from_leader(agent),
            Deaf(agent) => cluster.deafen(agent),
            Mute(agent) => cluster.mute(agent),
            CutOffService(service) => cluster.cut_off_service(service),
            IsolateLeader => cluster.isolate_leader(),
            Heal => cluster.heal(),
            CrashMachine(agent) => cluster.crash_machine(agent),
            CrashAgent(agent) => cluster.crash_agent(agent).await,
            CrashMaster => cluster.crash_master(),
            CrashSomeMaster(master) => cluster.crash_master_at(master),
            DoomMachine(number, when) => cluster.doom(agent(number), when),
            DoomMaster(when) => cluster.doom(master, when),
            KillExecutor(agent) => cluster.kill_executor(agent),
            CrashService(service) => cluster.crash_service(service),
            ServiceLeaves => cluster.service_leaves(cluster.services.len() - 1),
            PauseMachine(number) => cluster.pause(agent(number)),
            PauseMaster => cluster.pause(master),
            Restart => cluster.restart_all().await,
            Loss(percent) => cluster.net.loss(probability(percent)),
            Duplicates(percent) => cluster.net.duplicate(probability(percent)),
            Disorder(percent) => cluster.net.reorder(probability(percent), HELD_UP),
            Latency(slowest) => {
                let slowest = Duration::from_millis(slowest);
                cluster.net.latency(Duration::from_millis(1)..=slowest);
            }
            ClockForward(number, seconds) => {
                let by = Duration::from_secs(seconds);
                cluster.net.clock_forward(&agent(number), by);
            }
            ClockBack(number, seconds) => {
                let by = Duration::from_secs(seconds);
                cluster.net.clock_back(&agent(number), by);
            }
            MasterClock(master, seconds) => cluster.move_master_clock(master, seconds),
            FullDisk(agent, seconds) => {
                cluster.fill_disk(agent);
                cluster.live_through(Duration::from_secs(seconds)).await;
                cluster.free_disk(agent);
            }
            FullRegistry => cluster.fill_registry(),
            RottenRegistry(bit) => cluster.rot_registry(bit),
            TornStore(thousandths) => cluster.tear_store(thousandths),
            SlowStore(millis) => {
                cluster.fail_store(Fault::Delay(Duration::from_millis(millis)));
            }
            FailedStore => cluster.fail_store(Fault::Fail(lost())),
            UnknownStore => cluster.fail_store(Fault::FailAfterwards(lost())),
            SessionLoss => cluster.group().expire_first(),
            GroupOutage => cluster.group().outage(),
            LeaderLosesGroup => cluster.lose_group(master),
            AgentLosesGroup(number) => cluster.lose_group(agent(number)),
            SlowGroup(millis) => cluster.group().delay(Duration::from_millis(millis)),
            StrayKill(service, agent) => cluster.kill_stray(service, agent),
            Pollers => cluster.be_polled(),
            Order(ref order) => cluster.order(order),
        }
    }
}

fn probability(percent: u8) -> f64 {
    f64::from(percent) / 100.0
}
