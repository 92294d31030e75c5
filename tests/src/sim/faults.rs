//! What can be done to a simulated cluster. Faults of the network itself are [`libprocess::sim::Net`]'s.

use std::net::SocketAddr;
use std::time::Duration;

use master::registrar::Fault;
use tokio::time::Instant;

use super::cluster::SimCluster;
use super::daemons::Voting;

impl SimCluster {
    /// Nothing passes between an agent and any master until [`SimCluster::heal`].
    pub fn cut_off(&self, agent: usize) {
        let agent = self.agents[agent].address;
        self.net.partition(&self.master_addresses(), &[agent]);
    }

    /// Nothing passes from the masters to an agent until [`SimCluster::heal`].
    pub fn deafen(&self, agent: usize) {
        let agent = self.agents[agent].address;
        self.net
            .partition_one_way(&self.master_addresses(), &[agent]);
    }

    /// Nothing passes from an agent to the masters until [`SimCluster::heal`].
    pub fn mute(&self, agent: usize) {
        let agent = self.agents[agent].address;
        self.net
            .partition_one_way(&[agent], &self.master_addresses());
    }

    /// Nothing passes between an agent and the master that leads until [`SimCluster::heal`]; other masters are reached.
    pub fn cut_off_from_leader(&self, agent: usize) {
        let agent = self.agents[agent].address;
        self.net.partition(&[self.master_address()], &[agent]);
    }

    /// Nothing passes between a service and any master until [`SimCluster::heal`].
    pub fn cut_off_service(&self, service: usize) {
        let service = self.services[service].node.address();
        self.net.partition(&self.master_addresses(), &[service]);
    }

    /// Nothing passes between the master that leads and anybody until [`SimCluster::heal`]: other masters, agents,
    /// services, the group.
    pub fn isolate_leader(&self) {
        let leader = self.master_address();
        let agents = self.agents.iter().map(|agent| agent.address);
        let services = self.services.iter().map(|service| service.node.address());
        let masters = self.master_addresses().into_iter();
        let others = masters.chain(agents).chain(services);
        let others: Vec<SocketAddr> = others.filter(|other| *other != leader).collect();
        self.net.partition(&[leader], &others);
        self.lose_group(leader);
    }

    /// A machine does not reach the group of the masters until [`SimCluster::heal`], if there is one.
    pub fn lose_group(&self, machine: SocketAddr) {
        if let Voting::In(group) = &self.voting {
            group.cut_off(&machine.to_string());
        }
    }

    /// Ends all partitions, lets all paused machines run on, makes room for the registry, and brings the group back.
    pub fn heal(&mut self) {
        self.net.heal();
        self.storage.fill(false);
        for machine in std::mem::take(&mut self.paused) {
            self.net.resume(&machine);
            self.resumed.set(Some(Instant::now()));
        }
        if let Voting::In(group) = &self.voting {
            group.restore();
        }
    }

    /// Lets a machine stand still until [`SimCluster::heal`], or until something else is done to it. Its group does
    /// not hear of it meanwhile.
    pub fn pause(&mut self, machine: SocketAddr) {
        if self.paused.insert(machine) {
            self.net.pause(&machine);
            self.lose_group(machine);
        }
    }

    fn resume(&mut self, machine: SocketAddr) {
        if self.paused.remove(&machine) {
            self.net.resume(&machine);
            self.resumed.set(Some(Instant::now()));
            if let Voting::In(group) = &self.voting {
                group.reach_again(&machine.to_string());
            }
        }
    }

    /// Lets the next store into the registry meet a fault.
    pub fn fail_store(&self, fault: Fault) {
        self.storage.inject(fault);
    }

    /// Lets the power go during the next store into the registry, when so many thousandths of it are on the disk.
    pub fn tear_store(&self, thousandths: u16) {
        self.storage.tear(thousandths);
    }

    /// A bit of the registry on a master's disk flips, if it is on one; the next master that starts has to notice.
    pub fn rot_registry(&self, bit: u32) {
        self.storage.rot(bit);
    }

    /// The registry takes nothing until [`SimCluster::heal`].
    pub fn fill_registry(&self) {
        self.storage.fill(true);
    }

    /// The disk of an agent takes nothing new until [`SimCluster::free_disk`].
    pub fn fill_disk(&mut self, agent: usize) {
        self.agents[agent].fill_disk(true);
    }

    /// The disk of an agent has room again.
    pub fn free_disk(&mut self, agent: usize) {
        self.agents[agent].fill_disk(false);
    }

    /// An executor of an agent dies, and what it runs.
    pub fn kill_executor(&self, agent: usize) {
        self.agents[agent].kill_executor();
    }

    /// The clock of a master's machine jumps by so many seconds. Masters look at it when they start.
    pub fn move_master_clock(&mut self, master: usize, seconds: i64) {
        self.masters[master].clock += seconds;
    }

    /// Lets an agent and its executors end as by a power failure; of its work directory remains what was synced.
    pub fn crash_machine(&mut self, agent: usize) {
        self.resume(self.agents[agent].address);
        self.undoom(self.agents[agent].address);
        self.agents[agent].crash(&self.net);
    }

    /// Ends an agent; its executors run on.
    pub async fn crash_agent(&mut self, agent: usize) {
        self.resume(self.agents[agent].address);
        let doomsday = self.doomsday(self.agents[agent].address);
        unless(doomsday, self.agents[agent].stop()).await;
        self.meet_doom();
    }

    /// Starts an agent that is down, with its old work directory.
    pub async fn restart_agent(&mut self, agent: usize) {
        let doomsday = self.doomsday(self.agents[agent].address);
        unless(doomsday, self.agents[agent].start(&self.net)).await;
        self.meet_doom();
    }

    /// Ends the master that leads as by a power failure; its registry remains.
    pub fn crash_master(&mut self) {
        self.crash_master_at(self.acting());
    }

    /// Ends a master as by a power failure.
    pub fn crash_master_at(&mut self, number: usize) {
        self.resume(self.masters[number].address);
        self.undoom(self.masters[number].address);
        self.masters[number].crash(&self.net);
    }

    /// Starts the masters that are down, with the old registry.
    pub async fn restart_master(&mut self) {
        for number in 0..self.masters.len() {
            let doomsday = self.doomsday(self.masters[number].address);
            let master = &mut self.masters[number];
            if master.life.is_none() {
                unless(doomsday, master.start(&self.net, &self.bell)).await;
                self.meet_doom();
            }
        }
    }

    /// Ends the machines of masters and agents that ended of themselves, as their processes would have.
    pub async fn bury(&mut self) {
        for number in 0..self.masters.len() {
            if self.masters[number].has_ended() {
                self.crash_master_at(number);
            }
        }
        for agent in 0..self.agents.len() {
            if self.agents[agent].has_ended() {
                self.crash_agent(agent).await;
            }
        }
    }

    /// A service's machine loses power.
    pub fn crash_service(&mut self, service: usize) {
        self.services[service].crash(&self.net);
    }

    /// A service kills a task that never was, on an agent. As all kills, it may get lost.
    pub fn kill_stray(&mut self, service: usize, agent: usize) {
        if let Some(agent) = self.agent_id(agent) {
            self.services[service].kill_stray(agent);
        }
    }

    /// From now on somebody reads all of the leader's state, again and again.
    pub fn be_polled(&self) {
        self.polled.set(Some(Instant::now()));
    }

    /// A service goes for good.
    pub fn service_leaves(&mut self, service: usize) {
        self.services[service].leave(&self.net);
    }

    /// Starts the services that are down, but for those that went for good.
    pub async fn restart_services(&mut self) {
        for service in &mut self.services {
            service.restart(&self.net, &self.voting).await;
        }
    }

    /// Starts all that is down.
    pub async fn restart_all(&mut self) {
        self.bury().await;
        self.restart_master().await;
        for agent in 0..self.agents.len() {
            self.restart_agent(agent).await;
        }
        self.restart_services().await;
    }

    /// Ends all faults, and starts all that is down.
    pub async fn repair(&mut self) {
        self.heal();
        self.undoom_all();
        self.net.loss(0.0);
        self.net.duplicate(0.0);
        self.net.reorder(0.0, Duration::ZERO);
        let millisecond = Duration::from_millis(1);
        self.net.latency(millisecond..=millisecond);
        if let Voting::In(group) = &self.voting {
            group.delay(Duration::ZERO);
        }
        self.storage.forget_faults();
        self.restart_all().await;
    }
}

/// Does something, unless the end comes first.
async fn unless(end: impl Future<Output = ()>, what: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = what => {}
        () = end => {}
    }
}
