//! Machines whose power goes in the middle of something: with what they are about to send, to handle, or to write.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libprocess::sim::{Net, Packet, RuleGuard, Verdict};
use tokio::sync::{Notify, watch};

use super::cluster::SimCluster;
use super::daemons::{AgentSeat, MasterSeat};

/// When the power of a machine goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When it has sent so many packets more.
    Sent(u32),
    /// When its actors have handled so many messages more.
    Handled(u32),
    /// When so much more has been written on its disk; by masters, into the registry.
    Written(u32),
}

/// What a machine has before it.
pub(super) struct Doom {
    machine: SocketAddr,
    coming: Arc<Coming>,
    /// Nothing leaves the machine any more once it has come.
    _rule: RuleGuard,
}

/// Whether it has come.
struct Coming {
    has_come: watch::Sender<bool>,
    /// Rings then.
    bell: Arc<Notify>,
}

/// What is written on the disk of a machine, as long as it has power. Clones are handles of the same one.
#[derive(Clone, Default)]
pub(super) struct Power(Arc<Mutex<Left>>);

#[derive(Default)]
struct Left {
    /// How much is still written until the power goes, if it goes by that, and what is to be done then.
    writes: Option<(u32, Box<dyn FnOnce() + Send>)>,
    is_gone: bool,
}

impl Doom {
    fn of(net: &Net, machine: SocketAddr, when: When, power: &Power, bell: &Arc<Notify>) -> Doom {
        let coming = Arc::new(Coming {
            has_come: watch::Sender::new(false),
            bell: bell.clone(),
        });
        let mut packets = None;
        match when {
            When::Sent(count) => packets = Some(count),
            When::Handled(count) => {
                let coming = coming.clone();
                net.fail_after(&machine, count, move || coming.comes());
            }
            When::Written(count) => {
                let (coming, net) = (coming.clone(), net.clone());
                power.goes_after(count, move || {
                    // Nothing of the machine runs on but what is running now, of which nobody will know.
                    net.pause(&machine);
                    coming.comes();
                });
            }
        }
        let now = coming.clone();
        let rule = net.rule(move |packet: &Packet| {
            if packet.from != machine {
                return Verdict::Pass;
            }
            match &mut packets {
                Some(0) => now.comes(),
                Some(left) => *left -= 1,
                None => {}
            }
            match *now.has_come.borrow() {
                true => Verdict::Drop,
                false => Verdict::Pass,
            }
        });
        Doom {
            machine,
            coming,
            _rule: rule,
        }
    }
}

impl Coming {
    fn comes(&self) {
        if !self.has_come.send_replace(true) {
            self.bell.notify_one();
        }
    }
}

impl Power {
    /// Something is about to be written.
    ///
    /// # Errors
    ///
    /// The power is gone.
    pub(super) fn write(&self) -> io::Result<()> {
        let mut left = self.left();
        match &mut left.writes {
            None => {}
            Some((0, _)) => {
                left.is_gone = true;
                if let Some((_, goes)) = left.writes.take() {
                    goes();
                }
            }
            Some((writes, _)) => *writes -= 1,
        }
        match left.is_gone {
            true => Err(io::Error::other("the power is gone")),
            false => Ok(()),
        }
    }

    /// Whether it has gone by what was written.
    pub(super) fn is_gone(&self) -> bool {
        self.left().is_gone
    }

    /// It goes when so much more has been written.
    fn goes_after(&self, count: u32, goes: impl FnOnce() + Send + 'static) {
        self.left().writes = Some((count, Box::new(goes)));
    }

    /// It is there for as long as one likes.
    fn stays(&self) {
        *self.left() = Left::default();
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimCluster {
    /// The power of a machine goes then.
    pub fn doom(&mut self, machine: SocketAddr, when: When) {
        self.meet_doom();
        self.undoom(machine);
        let power = self.power_of(machine);
        let doom = Doom::of(&self.net, machine, when, &power, &self.bell);
        self.doomed.push(doom);
    }

    /// Its power goes, or it is spared.
    pub(super) fn undoom(&mut self, machine: SocketAddr) {
        self.doomed.retain(|doom| doom.machine != machine);
        self.net.spare(&machine);
        self.power_of(machine).stays();
    }

    /// All are spared that are still there.
    pub(super) fn undoom_all(&mut self) {
        self.meet_doom();
        let machines: Vec<SocketAddr> = self.doomed.iter().map(|doom| doom.machine).collect();
        machines
            .into_iter()
            .for_each(|machine| self.undoom(machine));
    }

    /// Ends when the power of a machine goes; never, if it does not.
    pub(super) fn doomsday(&self, machine: SocketAddr) -> impl Future<Output = ()> + use<> {
        let mut dooms = self.doomed.iter();
        let doom = dooms.find(|doom| doom.machine == machine);
        let coming = doom.map(|doom| doom.coming.has_come.subscribe());
        async move {
            if let Some(mut coming) = coming
                && coming.wait_for(|has_come| *has_come).await.is_ok()
            {
                return;
            }
            std::future::pending().await
        }
    }

    /// Lets come what has to come; whether anything has.
    pub(super) fn meet_doom(&mut self) -> bool {
        let come = |doom: &&Doom| *doom.coming.has_come.borrow();
        let machines = self.doomed.iter().filter(come);
        let machines: Vec<SocketAddr> = machines.map(|doom| doom.machine).collect();
        for machine in &machines {
            self.tally.add("(doom that came)".to_owned());
            self.crash_at(*machine);
        }
        !machines.is_empty()
    }

    fn power_of(&self, machine: SocketAddr) -> Power {
        let agents = self.agents.iter().map(|it| (it.address, &it.power));
        let masters = self.masters.iter().map(|it| (it.address, &it.power));
        let found = agents
            .chain(masters)
            .find(|(address, _)| *address == machine);
        found.map(|(_, power)| power.clone()).unwrap_or_default()
    }

    fn crash_at(&mut self, machine: SocketAddr) {
        let agent = |agent: &AgentSeat| agent.address == machine;
        let master = |master: &MasterSeat| master.address == machine;
        if let Some(agent) = self.agents.iter().position(agent) {
            self.crash_machine(agent);
        }
        if let Some(master) = self.masters.iter().position(master) {
            self.crash_master_at(master);
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Sent(count) => write!(f, "{count} packets sent"),
            When::Handled(count) => write!(f, "{count} messages handled"),
            When::Written(count) => write!(f, "{count} writes"),
        }
    }
}
