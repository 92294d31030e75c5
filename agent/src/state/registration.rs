//! Finding a master, registering with it, staying registered.
//!
//! ```text
//! Recovering ──recovered──▶ Detached ──detected──▶ Registering ──answer──▶ Registered
//!                              ▲                    ▲  └─ again after a random, growing wait
//!                              └──── no leader ─────┴──── link broken, pings stop, ping says
//!                                                         "you are not connected" ─────┘
//! ```
//!
//! Semantics: Mesos' agent (`docs/high-availability.md`). The first
//! attempt after a start is made at once, so that a fresh cluster is up without a wait; after the
//! loss of a master it is delayed by chance, so that ten thousand agents do not arrive together. Other than in Mesos
//! the delay is shorter where there cannot be that many: the number in an agent's id says how many there were when it
//! was admitted, so of a large cluster only those come sooner that make up a small one.

use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::Pid;
use mesos::protocols::MasterProtocol;
use mesos::protocols::agent::ReconcileTasks;
use mesos::protocols::master::{RegisterAgent, ReregisterAgent};
use mesos::v1::agent_info::Capability;
use mesos::v1::agent_info::capability::Type;
use mesos::v1::task_status::Reason;
use mesos::v1::{AgentId, Task};
use mesos::wire::{Packed, Pb};

use super::effect::{Alarm, Effect, Record, ToMaster};
use super::model::Framework;
use super::{Moment, State, status};

/// How long an agent waits for a ping before a master told it otherwise: 5 pings, 15 s apart.
pub const DEFAULT_PING_TIMEOUT: Duration = Duration::from_secs(75);

/// The longest wait between two attempts to register, as in Mesos.
pub const MAX_REGISTRATION_BACKOFF: Duration = Duration::from_secs(60);

/// So many agents may come to a master within one unit of the waits between attempts: it knows them again in a fraction
/// of a second.
const CROWD: u64 = 1_000;

/// So many are none, however short that makes the waits.
const HANDFUL: u64 = 10;

/// So many bytes of what is over are told at most: a quarter of what fits into a message. That is the history of some ten
/// thousand tasks, more than masters keep.
const HISTORY: usize = 4 * 1024 * 1024;

/// What an agent of this version can do.
pub const CAPABILITIES: [Type; 6] = [
    Type::MultiRole,
    Type::HierarchicalRole,
    Type::ReservationRefinement,
    Type::ResizeVolume,
    Type::AgentOperationFeedback,
    Type::AgentDraining,
];

/// How the agent stands with its master.
#[derive(Clone, Debug, PartialEq)]
pub enum Registration {
    /// The checkpoints are being read and containers looked after.
    Recovering,
    /// Executors of an earlier life are awaited.
    Reconnecting,
    /// No master is known.
    Detached,
    /// A master is known and has not answered yet.
    Registering {
        /// Which one.
        master: Pid<MasterProtocol>,
        /// Sent so far.
        attempts: u32,
    },
    /// A master knows this agent.
    Registered {
        /// Which one.
        master: Pid<MasterProtocol>,
        /// How often it pinged.
        pings: u64,
    },
    /// The agent is on its way out.
    Terminating,
}

impl Registration {
    /// The master that is spoken to.
    pub fn master(&self) -> Option<&Pid<MasterProtocol>> {
        match self {
            Registration::Registering { master, .. } | Registration::Registered { master, .. } => {
                Some(master)
            }
            _ => None,
        }
    }
}

impl State {
    /// The master the agent is registered with.
    pub fn registered_master(&self) -> Option<&Pid<MasterProtocol>> {
        match &self.registration {
            Registration::Registered { master, .. } => Some(master),
            _ => None,
        }
    }

    /// The leading master changed.
    pub fn master_detected(
        &mut self,
        moment: &mut Moment,
        master: Option<Pid<MasterProtocol>>,
    ) -> Vec<Effect> {
        if matches!(
            self.registration,
            Registration::Recovering | Registration::Reconnecting | Registration::Terminating
        ) {
            return Vec::new();
        }
        let mut effects = Vec::new();
        if let Some(former) = self.registration.master() {
            effects.push(Effect::UnwatchMaster(former.clone()));
        }
        let is_first = self.era == 0;
        match master {
            Some(master) => self.begin_registration(moment, master, is_first, &mut effects),
            None => {
                self.era += 1;
                self.registration = Registration::Detached;
                effects.push(Effect::PauseUpdates);
            }
        }
        effects
    }

    /// The master, or the way to it, ended. Whether another leads is the detector's business. While
    /// registering, the next attempt is due anyway.
    pub fn master_lost(&mut self, moment: &mut Moment, lost: &Pid<MasterProtocol>) -> Vec<Effect> {
        match &self.registration {
            Registration::Registered { master, .. } if master == lost => {
                self.register_again(moment)
            }
            _ => Vec::new(),
        }
    }

    /// The master pings; it says whether it thinks that this agent is connected.
    pub fn pinged(&mut self, moment: &mut Moment, connected: bool) -> Vec<Effect> {
        let Registration::Registered { pings, .. } = &mut self.registration else {
            return Vec::new();
        };
        *pings += 1;
        let alarm = Alarm::PingTimeout {
            era: self.era,
            pings: *pings,
        };
        if connected {
            vec![Effect::Alarm(self.ping_timeout, alarm)]
        } else {
            self.register_again(moment)
        }
    }

    /// No ping came for as long as the master would wait for an answer.
    pub fn pings_missed(&mut self, moment: &mut Moment, era: u64, pings: u64) -> Vec<Effect> {
        match &self.registration {
            Registration::Registered { pings: now, .. } if self.era == era && *now == pings => {
                self.register_again(moment)
            }
            _ => Vec::new(),
        }
    }

    /// It is time for the next attempt to register.
    pub fn registration_due(&mut self, moment: &mut Moment, era: u64) -> Vec<Effect> {
        let factor = self.backoff();
        let Registration::Registering { master, attempts } = &mut self.registration else {
            return Vec::new();
        };
        if self.era != era {
            return Vec::new();
        }
        *attempts += 1;
        let longest = factor
            .saturating_mul(1 << (*attempts).min(16))
            .min(MAX_REGISTRATION_BACKOFF);
        let wait = longest.mul_f64(moment.chance.fraction());
        let (master, introduction) = (master.clone(), self.introduction());
        vec![
            // Again each time: a watch ends with the first bad news.
            Effect::WatchMaster(master.clone()),
            Effect::Tell(master, introduction),
            Effect::Alarm(wait, Alarm::Register { era }),
        ]
    }

    /// The master admitted this agent.
    pub fn registered(&mut self, agent_id: AgentId, ping_timeout: Duration) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.registration.master().is_none() {
            // Nobody asked.
            return effects;
        }
        match &self.info.id {
            Some(id) if *id != agent_id => {
                return vec![Effect::Exit(format!(
                    "the master registered this agent as {} although it is {}; stop the agent that \
                     uses the address of this one",
                    agent_id.value, id.value
                ))];
            }
            Some(_) => {}
            None => {
                Arc::make_mut(&mut self.info).id = Some(agent_id);
                effects.push(Effect::Write(Record::Agent(self.info.clone())));
            }
        }
        self.become_registered(ping_timeout, &mut effects);
        effects
    }

    /// The master knows this agent again, and asks about tasks that it expected here.
    pub fn reregistered(
        &mut self,
        moment: &mut Moment,
        agent_id: &AgentId,
        ping_timeout: Duration,
        reconcile: Vec<ReconcileTasks>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.registration.master().is_none() {
            return effects;
        }
        if self.info.id.as_ref() != Some(agent_id) {
            return vec![Effect::Exit(format!(
                "the master knows this agent as {}, which it is not; remove the agent's \
                 meta/slaves/latest to register anew",
                agent_id.value
            ))];
        }
        self.become_registered(ping_timeout, &mut effects);
        for asked in reconcile {
            self.answer_for_unknown_tasks(moment, asked, &mut effects);
        }
        effects
    }

    fn answer_for_unknown_tasks(
        &mut self,
        moment: &mut Moment,
        asked: ReconcileTasks,
        effects: &mut Vec<Effect>,
    ) {
        let framework = Framework::new(asked.framework.0);
        let id = framework.id();
        for expected in asked.statuses {
            let task = &expected.task_id;
            let known = self.frameworks.get(&id);
            if known.is_some_and(|f| f.executor_with_task(task).is_some()) {
                continue;
            }
            let state = status::dropped(framework.is_partition_aware());
            let reason = Reason::Reconciliation;
            let text = "Task is unknown to the agent";
            let status = status::by_agent(moment, task, state, reason, text);
            effects.extend(self.report_without_executor(&id, status));
        }
    }

    fn become_registered(&mut self, ping_timeout: Duration, effects: &mut Vec<Effect>) {
        let Registration::Registering { master, .. } = &self.registration else {
            return;
        };
        self.registration = Registration::Registered {
            master: master.clone(),
            pings: 0,
        };
        self.ping_timeout = ping_timeout;
        let alarm = Alarm::PingTimeout {
            era: self.era,
            pings: 0,
        };
        effects.push(Effect::ResumeUpdates);
        effects.push(Effect::Alarm(ping_timeout, alarm));
        self.tell_lent_anew(effects);
    }

    fn register_again(&mut self, moment: &mut Moment) -> Vec<Effect> {
        let Some(master) = self.registration.master().cloned() else {
            return Vec::new();
        };
        let mut effects = Vec::new();
        self.begin_registration(moment, master, false, &mut effects);
        effects
    }

    fn begin_registration(
        &mut self,
        moment: &mut Moment,
        master: Pid<MasterProtocol>,
        at_once: bool,
        effects: &mut Vec<Effect>,
    ) {
        self.era += 1;
        self.holdings.version = moment.chance.uuid();
        self.registration = Registration::Registering {
            master,
            attempts: 0,
        };
        let longest = self.backoff();
        let wait = match at_once {
            true => Duration::ZERO,
            false => longest.mul_f64(moment.chance.fraction()),
        };
        effects.push(Effect::PauseUpdates);
        effects.push(Effect::Alarm(wait, Alarm::Register { era: self.era }));
    }

    /// The unit of the waits between attempts to register.
    fn backoff(&self) -> Duration {
        let factor = self.settings.registration_backoff_factor;
        match &self.info.id {
            Some(id) => factor.mul_f64(share(&id.value)),
            None => factor,
        }
    }

    fn introduction(&self) -> ToMaster {
        let agent = self.me.clone();
        let info = Pb(self.info.as_ref().clone());
        let version = mesos::version::MESOS_COMPATIBLE.to_owned();
        let capabilities = CAPABILITIES.map(|t| {
            Pb(Capability {
                r#type: Some(t as i32),
            })
        });
        let capabilities = capabilities.to_vec();
        if self.info.id.is_none() {
            return ToMaster::Register(Box::new(RegisterAgent {
                agent,
                info,
                capabilities,
                checkpointed_resources: self.introduced_resources(),
                version,
                resource_version: Some(self.holdings.version),
            }));
        }
        let live = || self.frameworks.values().filter(|f| !f.terminating);
        let executors = || live().flat_map(|f| f.executors.values());
        let named = executors().filter(|e| !e.is_command_executor && e.is_alive());
        ToMaster::Reregister(Box::new(ReregisterAgent {
            agent,
            info,
            capabilities,
            checkpointed_resources: self.introduced_resources(),
            frameworks: live().map(|f| Pb(f.info.as_ref().clone())).collect(),
            executors: named.map(|e| Pb(e.info.as_ref().clone())).collect(),
            tasks: executors()
                .flat_map(tasks_of)
                .map(|t| Packed::new(&t))
                .collect(),
            version,
            resource_version: Some(self.holdings.version),
            operations: self.operations().cloned().map(Pb).collect(),
            completed_frameworks: self.ended_frameworks().map(Pb).collect(),
            completed_tasks: self.latest_ended_tasks(HISTORY),
        }))
    }
}

fn tasks_of(executor: &super::Executor) -> Vec<Task> {
    let queued = executor.queued.iter().map(|t| executor.new_task(t));
    let launched = executor.launched_tasks.values();
    let ended = executor.terminated_tasks.values();
    queued
        .chain(launched.chain(ended).map(|t| t.as_ref().clone()))
        .collect()
}

/// How much of a wait that is made for a crowd the agent with this id takes.
fn share(id: &str) -> f64 {
    let number = id.rsplit_once("-S");
    let number = number.and_then(|(_, number)| number.parse::<u64>().ok());
    match number {
        Some(before) => before.clamp(HANDFUL, CROWD) as f64 / CROWD as f64,
        None => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_agents_of_a_crowd_wait_as_long_as_one_needs() {
        for (id, expected) in [
            ("m-S0", 0.01),
            ("m-S9", 0.01),
            ("m-S500", 0.5),
            ("m-S1000", 1.0),
            ("m-S40000", 1.0),
            // Not of a master of ours.
            ("m-S", 1.0),
            ("agent", 1.0),
        ] {
            assert_eq!(share(id), expected, "{id}");
        }
    }
}
