//! The things that go wrong, and how often.

use std::fmt;
use std::ops::Range;

use rand::Rng;
use rand::rngs::StdRng;

use crate::sim::doom::When;
use crate::sim::operator::Order;

/// Something that goes wrong in a cluster, or that an operator orders, until it is repaired or something else takes its
/// place. Agents, services and masters are named by number.
#[derive(Clone, Debug, PartialEq)]
pub enum Misfortune {
    /// Nothing passes between an agent and any master.
    CutOff(usize),
    /// Nothing passes between an agent and the master that leads; it reaches the others.
    CutOffFromLeader(usize),
    /// Nothing passes from the masters to an agent.
    Deaf(usize),
    /// Nothing passes from an agent to the masters.
    Mute(usize),
    /// Nothing passes between a service and the masters.
    CutOffService(usize),
    /// Nothing passes between the leader and anybody else.
    IsolateLeader,
    /// Partitions end, paused machines run on, the registry has room, the group is back.
    Heal,
    /// An agent and its executors lose power.
    CrashMachine(usize),
    /// An agent ends; its executors run on.
    CrashAgent(usize),
    /// The leader loses power.
    CrashMaster,
    /// Some master loses power.
    CrashSomeMaster(usize),
    /// An agent and its executors lose power, in the middle of something.
    DoomMachine(usize, When),
    /// The leader loses power, in the middle of something.
    DoomMaster(When),
    /// An executor of an agent dies.
    KillExecutor(usize),
    /// A service loses power, and all it knew.
    CrashService(usize),
    /// The last service goes for good.
    ServiceLeaves,
    /// An agent's machine stands still.
    PauseMachine(usize),
    /// The leader stands still.
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
    /// The clock of a master's machine jumps by so many seconds.
    MasterClock(usize, i64),
    /// The disk of an agent takes nothing new for so many seconds. Whoever launches tasks there tries it again and again
    /// meanwhile.
    FullDisk(usize, u64),
    /// The registry takes nothing.
    FullRegistry,
    /// A bit of what is stored of the registry on a disk flips; which one is by this number.
    RottenRegistry(u32),
    /// The power goes during the next store into the registry, when so many thousandths of it are on the disk.
    TornStore(u16),
    /// The next store into the registry takes so many milliseconds.
    SlowStore(u64),
    /// The next store into the registry fails; the master ends by it.
    FailedStore,
    /// The next store into the registry is done and its answer lost; the master ends by it.
    UnknownStore,
    /// The group ends the leader's session.
    SessionLoss,
    /// Nobody reaches the group.
    GroupOutage,
    /// The leader does not reach the group.
    LeaderLosesGroup,
    /// An agent does not reach the group, and so does not hear who leads.
    AgentLosesGroup(usize),
    /// The group takes so many milliseconds for everything.
    SlowGroup(u64),
    /// A service kills a task that never was, on an agent.
    StrayKill(usize, usize),
    /// Somebody reads the leader's state from now on, again and again.
    Pollers,
    /// An operator orders something.
    Order(Order),
}

/// Whom misfortunes may befall.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// How many masters; if more than one, they meet in a group.
    pub masters: usize,
    /// How many agents.
    pub agents: usize,
    /// How many services.
    pub services: usize,
    /// Whether an operator orders anything, and the last service may go for good.
    pub orders: bool,
}

/// Packets or messages of a launch, of a registration, of everything that several machines do in turns.
const STEPS: Range<u32> = 0..100;

/// What an agent writes when it registers and launches a few tasks.
const CHECKPOINTS: Range<u32> = 0..60;

/// What a master stores when agents and frameworks come and go, before and after each.
const STORES: Range<u32> = 0..12;

/// How often a kind comes, beside others, and how one of it is made.
type Kind = (u32, fn(&mut StdRng, &Reach) -> Misfortune);

/// What comes to every cluster. What separates comes more often than the rest, and so does what repairs: a cluster in
/// which nothing works for long has no histories.
const ALWAYS: [Kind; 31] = [
    (6, |r, n| Misfortune::CutOff(r.random_range(0..n.agents))),
    (2, |r, n| {
        Misfortune::CutOffFromLeader(r.random_range(0..n.agents))
    }),
    (3, |r, n| Misfortune::Deaf(r.random_range(0..n.agents))),
    (3, |r, n| Misfortune::Mute(r.random_range(0..n.agents))),
    (3, |r, n| {
        Misfortune::CutOffService(r.random_range(0..n.services))
    }),
    (9, |_, _| Misfortune::Heal),
    (3, |r, n| {
        Misfortune::CrashMachine(r.random_range(0..n.agents))
    }),
    (6, |r, n| {
        Misfortune::CrashAgent(r.random_range(0..n.agents))
    }),
    (6, |_, _| Misfortune::CrashMaster),
    (3, |r, n| {
        Misfortune::CrashService(r.random_range(0..n.services))
    }),
    (3, |r, n| {
        Misfortune::PauseMachine(r.random_range(0..n.agents))
    }),
    (3, |_, _| Misfortune::PauseMaster),
    (9, |_, _| Misfortune::Restart),
    (3, |r, _| Misfortune::Loss(r.random_range(1..10))),
    (3, |r, _| Misfortune::Duplicates(r.random_range(1..30))),
    (3, |r, _| Misfortune::Disorder(r.random_range(1..30))),
    (3, |r, _| Misfortune::Latency(r.random_range(2..200))),
    (2, |r, n| {
        let agent = r.random_range(0..n.agents);
        Misfortune::ClockForward(agent, r.random_range(1..100_000))
    }),
    (2, |r, n| {
        let agent = r.random_range(0..n.agents);
        Misfortune::ClockBack(agent, r.random_range(1..100_000))
    }),
    (6, |r, n| {
        let when = when(r, CHECKPOINTS);
        Misfortune::DoomMachine(r.random_range(0..n.agents), when)
    }),
    (6, |r, _| Misfortune::DoomMaster(when(r, STORES))),
    (3, |r, n| {
        Misfortune::KillExecutor(r.random_range(0..n.agents))
    }),
    (2, |r, n| {
        let master = r.random_range(0..n.masters);
        Misfortune::MasterClock(master, r.random_range(-100_000..100_000))
    }),
    (2, |r, n| {
        let agent = r.random_range(0..n.agents);
        Misfortune::FullDisk(agent, r.random_range(1..10))
    }),
    (2, |_, _| Misfortune::FullRegistry),
    (2, |r, _| Misfortune::RottenRegistry(r.random())),
    (3, |r, _| Misfortune::TornStore(r.random_range(0..1_000))),
    (3, |r, _| Misfortune::SlowStore(r.random_range(100..30_000))),
    (5, |r, _| match r.random() {
        true => Misfortune::FailedStore,
        false => Misfortune::UnknownStore,
    }),
    (1, |_, _| Misfortune::Pollers),
    (3, |r, n| {
        let service = r.random_range(0..n.services);
        Misfortune::StrayKill(service, r.random_range(0..n.agents))
    }),
];

/// What comes where masters meet in a group.
const TO_GROUPS: [Kind; 7] = [
    (3, |_, _| Misfortune::SessionLoss),
    (3, |_, _| Misfortune::GroupOutage),
    (3, |_, _| Misfortune::LeaderLosesGroup),
    (2, |r, n| {
        Misfortune::AgentLosesGroup(r.random_range(0..n.agents))
    }),
    (2, |r, _| Misfortune::SlowGroup(r.random_range(0..4_000))),
    (4, |_, _| Misfortune::IsolateLeader),
    (3, |r, n| {
        Misfortune::CrashSomeMaster(r.random_range(0..n.masters))
    }),
];

/// What comes where operators and frameworks do as they like.
const BY_PEOPLE: [Kind; 2] = [
    (18, |r, n| {
        Misfortune::Order(Order::any(r, n.agents, n.services))
    }),
    (1, |_, _| Misfortune::ServiceLeaves),
];

/// Some step, where so much is written.
fn when(random: &mut StdRng, writes: Range<u32>) -> When {
    match random.random_range(0..3) {
        0 => When::Sent(random.random_range(STEPS)),
        1 => When::Handled(random.random_range(STEPS)),
        _ => When::Written(random.random_range(writes)),
    }
}

impl Misfortune {
    /// One of those that may befall them.
    pub fn any(random: &mut StdRng, reach: &Reach) -> Misfortune {
        let groups = TO_GROUPS.iter().filter(|_| reach.masters > 1);
        let people = BY_PEOPLE.iter().filter(|_| reach.orders);
        let kinds: Vec<&Kind> = ALWAYS.iter().chain(groups).chain(people).collect();
        let all = kinds.iter().map(|(weight, _)| weight).sum();
        let mut drawn = random.random_range(0..all);
        for (weight, make) in kinds {
            match drawn.checked_sub(*weight) {
                Some(rest) => drawn = rest,
                None => return make(random, reach),
            }
        }
        unreachable!("what is drawn is less than the sum of all weights")
    }

    /// The name of its kind; an order's is that of what is ordered.
    pub fn kind(&self) -> String {
        let text = match self {
            Misfortune::Order(order) => format!("{order:?}"),
            other => format!("{other:?}"),
        };
        let name = text.split(|c: char| !c.is_alphanumeric()).next();
        name.unwrap_or_default().to_owned()
    }
}

impl fmt::Display for Misfortune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Misfortune::*;
        match self {
            CutOff(agent) => write!(f, "agent {agent} is cut off from all masters"),
            CutOffFromLeader(agent) => write!(f, "agent {agent} is cut off from the leader"),
            Deaf(agent) => write!(f, "agent {agent} does not hear the masters"),
            Mute(agent) => write!(f, "the masters do not hear agent {agent}"),
            CutOffService(service) => write!(f, "service {service} is cut off from the masters"),
            IsolateLeader => write!(f, "the leader is cut off from everybody"),
            Heal => write!(
                f,
                "partitions, pauses, the registry's fullness and the group's outage end"
            ),
            CrashMachine(agent) => write!(f, "the machine of agent {agent} crashes"),
            CrashAgent(agent) => write!(f, "agent {agent} ends"),
            CrashMaster => write!(f, "the leader crashes"),
            CrashSomeMaster(master) => write!(f, "master {master} crashes"),
            DoomMachine(agent, when) => {
                write!(f, "the machine of agent {agent} crashes after {when}")
            }
            DoomMaster(when) => write!(f, "the leader crashes after {when}"),
            KillExecutor(agent) => write!(f, "an executor of agent {agent} dies"),
            CrashService(service) => write!(f, "service {service} crashes"),
            ServiceLeaves => write!(f, "the last service goes for good"),
            PauseMachine(agent) => write!(f, "the machine of agent {agent} stands still"),
            PauseMaster => write!(f, "the leader stands still"),
            Restart => write!(f, "all that is down is started"),
            Loss(percent) => write!(f, "{percent} % of all datagrams are lost"),
            Duplicates(percent) => write!(f, "{percent} % of all datagrams come twice"),
            Disorder(percent) => write!(f, "{percent} % of all datagrams are held up"),
            Latency(millis) => write!(f, "datagrams take up to {millis} ms"),
            ClockForward(agent, seconds) => {
                write!(f, "the clock of agent {agent} jumps forward by {seconds} s")
            }
            ClockBack(agent, seconds) => {
                write!(f, "the clock of agent {agent} jumps back by {seconds} s")
            }
            MasterClock(master, seconds) => {
                write!(f, "the clock of master {master} jumps by {seconds} s")
            }
            FullDisk(agent, seconds) => {
                write!(f, "the disk of agent {agent} is full for {seconds} s")
            }
            FullRegistry => write!(f, "the registry is full"),
            RottenRegistry(bit) => write!(f, "bit {bit} of the registry flips"),
            TornStore(thousandths) => {
                write!(
                    f,
                    "the next store breaks off after {thousandths} thousandths"
                )
            }
            SlowStore(millis) => write!(f, "the next store takes {millis} ms"),
            FailedStore => write!(f, "the next store fails"),
            UnknownStore => write!(f, "the next store succeeds without an answer"),
            SessionLoss => write!(f, "the leader's session is lost"),
            GroupOutage => write!(f, "the group is not reached by anybody"),
            LeaderLosesGroup => write!(f, "the leader does not reach the group"),
            AgentLosesGroup(agent) => write!(f, "agent {agent} does not reach the group"),
            SlowGroup(millis) => write!(f, "the group takes {millis} ms for everything"),
            StrayKill(service, agent) => {
                write!(f, "service {service} kills on agent {agent} what never was")
            }
            Pollers => write!(f, "somebody polls the leader from now on"),
            Order(order) => write!(f, "{order}"),
        }
    }
}
