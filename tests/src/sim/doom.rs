//! Machines whose power goes in the middle of something: with what they are about to send.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use libprocess::sim::{Net, Packet, RuleGuard, Verdict};
use tokio::sync::Notify;

use super::cluster::SimCluster;

/// What a machine has before it.
pub(super) struct Doom {
    machine: SocketAddr,
    has_come: Arc<AtomicBool>,
    /// Nothing leaves the machine any more once it has come.
    _rule: RuleGuard,
}

impl Doom {
    /// Comes when the machine has sent so many packets; `bell` rings then.
    fn after(net: &Net, machine: SocketAddr, packets: u32, bell: &Arc<Notify>) -> Doom {
        let has_come = Arc::<AtomicBool>::default();
        let (come, bell, mut left) = (has_come.clone(), bell.clone(), packets);
        let rule = net.rule(move |packet: &Packet| {
            if packet.from != machine {
                return Verdict::Pass;
            }
            if left > 0 {
                left -= 1;
                return Verdict::Pass;
            }
            if !come.swap(true, Ordering::Relaxed) {
                bell.notify_one();
            }
            Verdict::Drop
        });
        Doom {
            machine,
            has_come,
            _rule: rule,
        }
    }
}

impl SimCluster {
    /// The power of a machine goes when it has sent so many packets more.
    pub fn doom(&mut self, machine: SocketAddr, packets: u32) {
        self.undoom(machine);
        let doom = Doom::after(&self.net, machine, packets, &self.bell);
        self.doomed.push(doom);
    }

    /// Its power goes, or it is spared.
    pub(super) fn undoom(&mut self, machine: SocketAddr) {
        self.doomed.retain(|doom| doom.machine != machine);
    }

    /// Lets come what has to come; whether anything has.
    pub(super) fn meet_doom(&mut self) -> bool {
        let come = |doom: &Doom| doom.has_come.load(Ordering::Relaxed);
        let machines = self.doomed.iter().filter(|doom| come(doom));
        let machines: Vec<SocketAddr> = machines.map(|doom| doom.machine).collect();
        for machine in &machines {
            self.tally.add("(doom that came)".to_owned());
            self.crash_at(*machine);
        }
        !machines.is_empty()
    }

    fn crash_at(&mut self, machine: SocketAddr) {
        if let Some(agent) = self
            .agents
            .iter()
            .position(|agent| agent.address == machine)
        {
            self.crash_machine(agent);
        }
        if let Some(master) = self
            .masters
            .iter()
            .position(|master| master.address == machine)
        {
            self.crash_master_at(master);
        }
    }
}
