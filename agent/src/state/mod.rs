//! What an agent knows and decides, without doing anything.
//!
//! [`State`] is a value. Each verb takes what happened and returns the [`Effect`]s that follow, in
//! the order in which they must be performed; the agent's actor performs them. Time and chance are
//! arguments ([`Moment`]), so a test is a table and a recovery can be replayed.
//!
//! | Verbs | File |
//! |---|---|
//! | finding a master, registering, staying registered | [`registration`] |
//! | starting tasks and the executors they need | [`launch`] |
//! | what waits to be handed to them | [`queue`] |
//! | executors that subscribe, send messages and vanish | [`executors`] |
//! | status updates on their way out, acknowledgements on their way back | [`updates`] |
//! | reserving resources, making and removing volumes | [`operations`] |
//! | killing tasks, shutting down executors and frameworks | [`kill`] |
//! | containers that ended | [`termination`] |
//! | ending everything, for the operator to take the machine | [`drain`] |
//! | lending what is not used, and taking it back | [`oversubscription`] |
//! | what the checkpoints say | [`recovery`] |
//! | what is remembered of what is over | `history` |
//!
//! Cloning the state is cheap: it shares structure, and a clone is what readers look at.

pub mod drain;
pub mod effect;
pub mod executors;
mod history;
pub mod kill;
pub mod launch;
pub mod model;
pub mod operations;
pub mod oversubscription;
pub mod queue;
pub mod recovery;
pub mod registration;
pub mod status;
pub mod termination;
pub mod updates;

use std::sync::Arc;
use std::time::Duration;

use imbl::{OrdMap, Vector};
use libprocess::prelude::Pid;
use mesos::protocols::{AgentProtocol, ExecutorProtocol};
use mesos::v1::{AgentId, AgentInfo, DrainConfig, ExecutorId, FrameworkId, FrameworkInfo};
use uuid::Uuid;

use crate::checkpoint::layout::Layout;
use crate::config::ExecutorCommand;
pub use effect::{Alarm, Effect, Record, Stale, ToMaster};
pub use model::{Executor, ExecutorPhase, ExecutorRef, Framework};
use registration::Registration;

/// Frameworks without executors that are remembered for `/state`, as in Mesos.
pub const MAX_COMPLETED_FRAMEWORKS: usize = 50;

/// Ended tasks of one executor that are remembered for `/state`, as in Mesos.
pub const MAX_COMPLETED_TASKS: usize = 200;

/// The present and the dice: all that a decision depends on beside the state and its input.
pub struct Moment<'a> {
    /// Seconds since the epoch.
    pub now: f64,
    /// Where random choices come from.
    pub chance: &'a mut dyn Chance,
}

/// A source of random choices.
pub trait Chance {
    /// A new random id.
    fn uuid(&mut self) -> Uuid;
    /// A number from 0 up to, but without, 1.
    fn fraction(&mut self) -> f64;
}

/// The parts of the configuration that decisions depend on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// See [`Config`](crate::Config).
    pub registration_backoff_factor: Duration,
    /// See [`Config`](crate::Config).
    pub executor_registration_timeout: Duration,
    /// See [`Config`](crate::Config).
    pub executor_reregistration_timeout: Duration,
    /// See [`Config`](crate::Config).
    pub executor_shutdown_grace_period: Duration,
    /// See [`Config`](crate::Config).
    pub executor_command: ExecutorCommand,
    /// See [`Config`](crate::Config).
    pub max_completed_executors_per_framework: usize,
    /// See [`Config`](crate::Config).
    pub switch_user: bool,
    /// Where everything lies on the disk.
    pub layout: Layout,
    /// See [`Config`](crate::Config).
    pub museum: mesos::historic::Museum,
}

/// Everything an agent knows.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) settings: Arc<Settings>,
    pub(crate) me: Pid<AgentProtocol>,
    pub(crate) info: Arc<AgentInfo>,
    pub(crate) registration: Registration,
    pub(crate) holdings: operations::Holdings,
    /// Counts changes of the registration, so that late alarms are recognised.
    pub(crate) era: u64,
    pub(crate) frameworks: OrdMap<FrameworkId, Framework>,
    pub(crate) completed_frameworks: Vector<Framework>,
    pub(crate) ping_timeout: Duration,
    pub(crate) lending: oversubscription::Lending,
    pub(crate) counters: Counters,
    /// How this agent is being drained.
    pub(crate) drain: Option<DrainConfig>,
}

/// What has happened so far, for the metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// Ended tasks by their final state, indexed by the number of the state.
    pub tasks_ended: [u64; 14],
    /// Updates of executors that were taken over.
    pub valid_status_updates: u64,
    /// Updates of executors that were refused.
    pub invalid_status_updates: u64,
    /// Messages of frameworks that reached an executor.
    pub valid_framework_messages: u64,
    /// Messages of frameworks to executors that are not there.
    pub invalid_framework_messages: u64,
    /// Executors that ended.
    pub executors_terminated: u64,
    /// Executors that were killed because they ran on borrowed resources.
    pub executors_preempted: u64,
    /// Containers that could not be launched.
    pub container_launch_errors: u64,
}

impl State {
    /// An agent that knows nothing yet; `info` has no id.
    pub fn new(settings: Settings, me: Pid<AgentProtocol>, info: AgentInfo) -> State {
        State {
            settings: Arc::new(settings),
            me,
            info: Arc::new(info),
            registration: Registration::Recovering,
            holdings: operations::Holdings::default(),
            era: 0,
            frameworks: OrdMap::new(),
            completed_frameworks: Vector::new(),
            ping_timeout: registration::DEFAULT_PING_TIMEOUT,
            lending: oversubscription::Lending::default(),
            counters: Counters::default(),
            drain: None,
        }
    }

    /// The agent's id, once a master gave it one.
    pub fn agent_id(&self) -> Option<&AgentId> {
        self.info.id.as_ref()
    }

    /// The agent's description.
    pub fn info(&self) -> &AgentInfo {
        &self.info
    }

    /// How the agent stands with its master.
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// Frameworks with executors here.
    pub fn frameworks(&self) -> impl Iterator<Item = &Framework> {
        self.frameworks.values()
    }

    /// Frameworks whose executors here have all ended, the latest last.
    pub fn completed_frameworks(&self) -> impl Iterator<Item = &Framework> {
        self.completed_frameworks.iter()
    }

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A framework with executors here.
    pub fn framework(&self, id: &FrameworkId) -> Option<&Framework> {
        self.frameworks.get(id)
    }

    /// An executor that has not been removed.
    pub fn executor(&self, framework: &FrameworkId, id: &ExecutorId) -> Option<&Executor> {
        self.frameworks.get(framework)?.executors.get(id)
    }

    /// The executor whose container this is. Containers are looked up rarely and there are few.
    pub fn executor_of(&self, container: &str) -> Option<&Executor> {
        self.executors().find(|e| e.container_id.value == container)
    }

    /// The executor that this subscription belongs to.
    pub fn executor_at(&self, pid: &Pid<ExecutorProtocol>) -> Option<&Executor> {
        self.executors().find(|e| e.pid.as_ref() == Some(pid))
    }

    /// All executors that have not been removed.
    pub fn executors(&self) -> impl Iterator<Item = &Executor> {
        self.frameworks.values().flat_map(|f| f.executors.values())
    }

    pub(crate) fn executor_mut(
        &mut self,
        framework: &FrameworkId,
        id: &ExecutorId,
    ) -> Option<&mut Executor> {
        self.frameworks.get_mut(framework)?.executors.get_mut(id)
    }

    /// The very run that `of` names: an executor with the same id in a later container is another.
    pub(crate) fn run_mut(&mut self, of: &ExecutorRef) -> Option<&mut Executor> {
        self.executor_mut(&of.framework_id, &of.executor_id)
            .filter(|e| e.container_id == of.container_id)
    }

    pub(crate) fn run(&self, of: &ExecutorRef) -> Option<&Executor> {
        self.executor(&of.framework_id, &of.executor_id)
            .filter(|e| e.container_id == of.container_id)
    }

    /// A framework that is back has its history back.
    fn revive(&mut self, info: &FrameworkInfo) -> Framework {
        let mut framework = Framework::new(info.clone());
        let known = self
            .completed_frameworks
            .iter()
            .position(|f| f.info.id == info.id);
        if let Some(at) = known {
            framework.completed_executors =
                self.completed_frameworks.remove(at).completed_executors;
        }
        framework
    }

    /// A framework changed, or subscribed anew: it is told again what it has not acknowledged.
    pub fn update_framework(&mut self, info: &FrameworkInfo) -> Vec<Effect> {
        let mut effects = Vec::new();
        let is_here = |id| self.frameworks.get(id).is_some_and(|f| !f.terminating);
        if info.id.as_ref().is_some_and(is_here) {
            self.note_framework(info, &mut effects);
            if self.registered_master().is_some() {
                effects.push(Effect::ResumeUpdates);
            }
        }
        effects
    }

    /// Takes over a framework's description; writes it down if it is new.
    pub(crate) fn note_framework(&mut self, info: &FrameworkInfo, effects: &mut Vec<Effect>) {
        let Some(id) = &info.id else { return };
        match self.frameworks.get_mut(id) {
            Some(framework) if *framework.info == *info => return,
            Some(framework) => framework.info = Arc::new(info.clone()),
            None => {
                let framework = self.revive(info);
                self.frameworks.insert(id.clone(), framework);
            }
        }
        effects.push(Effect::Write(Record::Framework(Arc::new(info.clone()))));
    }
}

#[cfg(test)]
mod tests;
