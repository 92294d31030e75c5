//! Containers that take virtual time: the containerizer's twin for simulated clusters.
//!
//! An "executor" is an actor on the agent's node that speaks the same protocol as a real one
//! ([`executor`]). What its tasks do is looked up by the first word of their command:
//!
//! | Command | Effect |
//! |---|---|
//! | `sleep N` | runs N (virtual) seconds, then TASK_FINISHED |
//! | `true`, `echo ...` | TASK_FINISHED at once |
//! | `false` | TASK_FAILED at once |
//! | a name that was registered with [`Simulation::task`] | whatever that says |
//!
//! Executors of a framework's own are registered by the value of their command
//! ([`Simulation::executor`]) and are actors too.

pub mod executor;
mod meter;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libprocess::prelude::*;
use mesos::resources::Resources;
use mesos::v1::task_status::Reason;
use mesos::v1::{self, TaskInfo};
use tokio::time::Instant;

use super::{
    ContainerError, ContainerListenerProtocol, ContainerizerProtocol, Destroy, GetLimitation,
    Launch, LaunchError, Launched, Limitation, Recover, RecoverError, Recovered, Status, Subscribe,
    Terminated, Update, Usage,
};
use crate::oversubscription::{Load, LoadSource};
use executor::SimulatedExecutor;
use meter::Meter;

/// How a simulated task ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// TASK_FINISHED.
    Finished,
    /// TASK_FAILED.
    Failed,
    /// TASK_FAILED because it used more memory than it had.
    OutOfMemory,
    /// The executor dies with this exit status and says nothing.
    Crashed(u8),
}

/// What a simulated task does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// How long it runs.
    pub lasts: Duration,
    /// How it ends.
    pub end: End,
}

type TaskScript = Arc<dyn Fn(&TaskInfo) -> Behaviour + Send + Sync>;
type ExecutorScript = Arc<dyn Fn(&Node, &Launch) -> Result<AnyPid, SpawnError> + Send + Sync>;

/// What the commands of a simulated cluster mean. Cheap to clone.
#[derive(Clone)]
pub struct Simulation {
    tasks: BTreeMap<String, TaskScript>,
    executors: BTreeMap<String, ExecutorScript>,
    usage: f64,
    load: LoadSource,
}

impl Default for Simulation {
    fn default() -> Simulation {
        Simulation {
            tasks: BTreeMap::new(),
            executors: BTreeMap::new(),
            usage: 1.0,
            load: Arc::new(|| None),
        }
    }
}

impl Simulation {
    /// Only the commands that are always known.
    pub fn new() -> Simulation {
        Simulation::default()
    }

    /// Makes `name` as the first word of a command mean `script`.
    pub fn task(
        mut self,
        name: impl Into<String>,
        script: impl Fn(&TaskInfo) -> Behaviour + Send + Sync + 'static,
    ) -> Simulation {
        self.tasks.insert(name.into(), Arc::new(script));
        self
    }

    /// Makes `name` as the value of an executor's command spawn an actor. Its end is the end of the
    /// container.
    pub fn executor(
        mut self,
        name: impl Into<String>,
        spawn: impl Fn(&Node, &Launch) -> Result<AnyPid, SpawnError> + Send + Sync + 'static,
    ) -> Simulation {
        self.executors.insert(name.into(), Arc::new(spawn));
        self
    }

    /// What part of the cpus it was given each container uses; all unless said.
    pub fn usage(mut self, part: f64) -> Simulation {
        self.usage = part;
        self
    }

    /// What the load of the machine is; not known unless said.
    pub fn load(mut self, load: impl Fn() -> Load + Send + Sync + 'static) -> Simulation {
        self.load = Arc::new(move || Some(load()));
        self
    }

    pub(crate) fn load_source(&self) -> LoadSource {
        self.load.clone()
    }

    fn behaviour(&self, task: &TaskInfo) -> Behaviour {
        let command = task.command.as_ref().and_then(|c| c.value.as_deref());
        let mut words = command.unwrap_or_default().split_whitespace();
        let name = words.next().unwrap_or_default();
        if let Some(script) = self.tasks.get(name) {
            return script(task);
        }
        let seconds = words
            .next()
            .and_then(|w| w.parse().ok())
            .unwrap_or_default();
        let (lasts, end) = match name {
            "sleep" => (Duration::from_secs(seconds), End::Finished),
            "true" | "echo" => (Duration::ZERO, End::Finished),
            _ => (Duration::ZERO, End::Failed),
        };
        Behaviour { lasts, end }
    }
}

/// Limits that tasks ran into, and statuses of executors that died, by container.
#[derive(Clone, Default)]
struct Fates(Arc<Mutex<BTreeMap<String, Fate>>>);

#[derive(Clone, Default)]
struct Fate {
    limitation: Option<Limitation>,
    exit_status: Option<u8>,
}

impl Fates {
    fn change(&self, container: &str, change: impl FnOnce(&mut Fate)) {
        let mut fates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(fates.entry(container.to_owned()).or_default());
    }

    fn of(&self, container: &str) -> Fate {
        let fates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        fates.get(container).cloned().unwrap_or_default()
    }
}

/// The simulated containerizer.
pub struct SimulatedContainerizer {
    simulation: Simulation,
    fates: Fates,
    running: BTreeMap<String, Container>,
    listener: Option<Pid<ContainerListenerProtocol>>,
    launched: u32,
    /// What meters count from.
    started: Instant,
}

/// A container that runs.
struct Container {
    executor: AnyPid,
    meter: Meter,
}

impl SimulatedContainerizer {
    /// A containerizer without containers.
    pub fn new(simulation: Simulation) -> SimulatedContainerizer {
        SimulatedContainerizer {
            simulation,
            fates: Fates::default(),
            running: BTreeMap::new(),
            listener: None,
            launched: 0,
            started: Instant::now(),
        }
    }

    fn spawn(&self, launch: &Launch, node: &Node) -> Result<AnyPid, LaunchError> {
        let program = launch.config.command.value.clone().unwrap_or_default();
        let spawned = match self.simulation.executors.get(&program) {
            Some(script) => script(node, launch),
            None if launch.config.command_executor => self.spawn_built_in(launch, node),
            None => {
                return Err(LaunchError::Spawn {
                    reason: "the simulation knows no such executor".to_owned(),
                    program,
                });
            }
        };
        spawned.map_err(|e| LaunchError::Spawn {
            program,
            reason: e.to_string(),
        })
    }

    fn spawn_built_in(&self, launch: &Launch, node: &Node) -> Result<AnyPid, SpawnError> {
        let container = launch.container_id.value.clone();
        let variable = |name: &str| {
            launch
                .config
                .environment
                .get(name)
                .cloned()
                .unwrap_or_default()
        };
        let (framework, id) = (
            variable("MESOS_FRAMEWORK_ID"),
            variable("MESOS_EXECUTOR_ID"),
        );
        let (simulation, fates) = (self.simulation.clone(), self.fates.clone());
        let pid = node.spawn(executor_name(&container), move |_| {
            SimulatedExecutor::new(framework, id, container, simulation, fates)
        })?;
        Ok(pid.any())
    }

    fn tell_end(&self, container: &str, ctx: &Context<Self>) {
        let fate = self.fates.of(container);
        let terminated = Terminated {
            container_id: container.into(),
            status: Some(i32::from(fate.exit_status.unwrap_or_default()) << 8),
            limitation: fate.limitation,
        };
        if let Some(listener) = &self.listener {
            ctx.tell(listener, terminated);
        }
    }

    fn container(&mut self, id: &v1::ContainerId) -> Result<&mut Container, ContainerError> {
        let not_found = || ContainerError::NotFound(id.value.clone());
        self.running.get_mut(&id.value).ok_or_else(not_found)
    }

    fn run(&mut self, id: String, executor: AnyPid, resources: &Resources) {
        let meter = Meter::start(self.started.elapsed(), resources, self.simulation.usage);
        self.running.insert(id, Container { executor, meter });
    }
}

/// The name of the actor that stands for a built-in executor.
fn executor_name(container: &str) -> String {
    format!("executor-{container}")
}

/// What an overrun of memory is reported as.
fn out_of_memory() -> Limitation {
    Limitation {
        reason: Reason::ContainerLimitationMemory,
        message: "Memory limit exceeded".to_owned(),
        resources: Vec::new(),
    }
}

impl Actor for SimulatedContainerizer {
    type Context = Context<Self>;
}

impl Process for SimulatedContainerizer {
    type Protocol = ContainerizerProtocol;
}

impl Handler<Launch> for SimulatedContainerizer {
    type Result = Result<Launched, LaunchError>;

    fn handle(&mut self, launch: Launch, ctx: &mut Context<Self>) -> Self::Result {
        let container = launch.container_id.value.clone();
        if self.running.contains_key(&container) {
            return Err(LaunchError::Exists(container));
        }
        let pid = self.spawn(&launch, &ctx.node())?;
        ctx.monitor(pid.clone());
        self.run(container, pid, &launch.config.resources);
        self.launched += 1;
        Ok(Launched {
            pid: self.launched,
            start_time: 0,
        })
    }
}

impl Handler<Exited> for SimulatedContainerizer {
    type Result = ();

    fn handle(&mut self, exited: Exited, ctx: &mut Context<Self>) {
        let mut running = self.running.iter();
        let found = running.find(|(_, container)| container.executor == exited.pid);
        let Some(container) = found.map(|(container, _)| container.clone()) else {
            return;
        };
        self.running.remove(&container);
        self.tell_end(&container, ctx);
    }
}

impl Handler<Update> for SimulatedContainerizer {
    type Result = Result<(), ContainerError>;

    fn handle(&mut self, update: Update, _: &mut Context<Self>) -> Self::Result {
        let now = self.started.elapsed();
        let container = self.container(&update.container_id)?;
        container.meter.resize(now, &update.resources);
        Ok(())
    }
}

impl Handler<Destroy> for SimulatedContainerizer {
    type Result = Result<(), ContainerError>;

    fn handle(&mut self, destroy: Destroy, ctx: &mut Context<Self>) -> Self::Result {
        let container = self.container(&destroy.container_id)?;
        ctx.node().stop(&container.executor);
        Ok(())
    }
}

impl Handler<Usage> for SimulatedContainerizer {
    type Result = Result<v1::ResourceStatistics, ContainerError>;

    fn handle(&mut self, usage: Usage, _: &mut Context<Self>) -> Self::Result {
        let now = self.started.elapsed();
        let container = self.container(&usage.container_id)?;
        Ok(container.meter.statistics(now))
    }
}

impl Handler<Status> for SimulatedContainerizer {
    type Result = Result<v1::ContainerStatus, ContainerError>;

    fn handle(&mut self, status: Status, _: &mut Context<Self>) -> Self::Result {
        self.container(&status.container_id)?;
        Ok(v1::ContainerStatus {
            container_id: Some(status.container_id),
            ..Default::default()
        })
    }
}

impl Handler<GetLimitation> for SimulatedContainerizer {
    type Result = Option<Limitation>;

    fn handle(&mut self, get: GetLimitation, _: &mut Context<Self>) -> Self::Result {
        self.fates.of(&get.container_id.value).limitation
    }
}

/// Built-in executors outlive their containerizer as long as the node lives; they are found by name.
impl Handler<Recover> for SimulatedContainerizer {
    type Result = Result<Recovered, RecoverError>;

    fn handle(&mut self, recover: Recover, ctx: &mut Context<Self>) -> Self::Result {
        let alive = ctx.node().processes();
        let mut recovered = Recovered::default();
        for known in recover.known {
            let container = known.container_id;
            let name = executor_name(&container.value);
            match alive.iter().find(|process| process.pid.name() == name) {
                Some(process) => {
                    ctx.monitor(process.pid.clone());
                    let id = container.value.clone();
                    self.run(id, process.pid.clone(), &known.resources);
                    recovered.alive.push(container);
                }
                None => self.tell_end(&container.value, ctx),
            }
        }
        Ok(recovered)
    }
}

impl Handler<Subscribe> for SimulatedContainerizer {
    type Result = ();

    fn handle(&mut self, subscribe: Subscribe, _: &mut Context<Self>) {
        self.listener = Some(subscribe.listener);
    }
}
