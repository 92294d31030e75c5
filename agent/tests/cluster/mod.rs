//! One agent with simulated containers, and a master that does what the test says.
#![allow(dead_code)] // Each test binary uses a part of this.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use libprocess::prelude::*;
use mesos::election::Standalone;
use mesos::protocols::agent::{
    Acknowledge, AcknowledgeOperation, ApplyOperation, KillTask, Registered, Reregistered, RunTask,
    ShutdownFramework,
};
use mesos::protocols::master::{
    AgentResources, AgentUnresponsive, ExecutorExited, ExecutorMessage, OperationUpdate,
    OperatorCall, RegisterAgent, ReregisterAgent, SchedulerCall, UnregisterAgent,
    UpdateOversubscribed,
};
use mesos::protocols::{CallAccepted, CallRejected, MasterProtocol, UpdateRecord, names};
use mesos::v1::domain_info::FaultDomain;
use mesos::v1::domain_info::fault_domain::{RegionInfo, ZoneInfo};
use mesos::v1::offer::Operation;
use mesos::v1::task_status::Reason;
use mesos::v1::{
    AgentId, CommandInfo, DomainInfo, FrameworkId, FrameworkInfo, Resource, TaskInfo, TaskState,
    framework_info,
};
use mesos::wire::Pb;
use mesos_agent::containerizer::simulated::Simulation;
use mesos_agent::{Agent, AgentHandle, Config, Containers, ExecutorCommand, StartError};
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use uuid::Uuid;

/// This master does not ping, and its agent does not mind.
const PING_TIMEOUT: Duration = Duration::from_secs(1_000_000);

/// Longer than anything that is waited for, in virtual time.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Runs a test on one thread in virtual time.
pub(crate) fn in_virtual_time<F: Future<Output = ()>>(test: impl FnOnce(Node) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    LocalSet::new().block_on(&runtime, async {
        let node = Node::local_here(1);
        test(node.clone()).await;
        node.shutdown(Duration::from_secs(1)).await;
    });
}

/// What the master hears.
#[derive(Debug)]
pub(crate) enum Heard {
    Register(RegisterAgent),
    Reregister(ReregisterAgent),
    Update(UpdateRecord),
    Message(ExecutorMessage),
    Exited(ExecutorExited),
    Operation(OperationUpdate),
    Resources(AgentResources),
    Oversubscribed(UpdateOversubscribed),
}

/// A master that only listens.
struct Ear(mpsc::UnboundedSender<Heard>);

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Process for Ear {
    type Protocol = MasterProtocol;
}

macro_rules! hears {
    ($($message:ident => $variant:ident),*) => {$(
        impl Handler<$message> for Ear {
            type Result = ();
            fn handle(&mut self, message: $message, _: &mut Context<Self>) {
                let _ = self.0.send(Heard::$variant(message));
            }
        }
    )*};
}

hears!(RegisterAgent => Register, ReregisterAgent => Reregister, UpdateRecord => Update,
       ExecutorMessage => Message, ExecutorExited => Exited, OperationUpdate => Operation,
       AgentResources => Resources,
       UpdateOversubscribed => Oversubscribed);

impl Handler<UnregisterAgent> for Ear {
    type Result = ();
    fn handle(&mut self, _: UnregisterAgent, _: &mut Context<Self>) {}
}

impl Handler<AgentUnresponsive> for Ear {
    type Result = ();
    fn handle(&mut self, _: AgentUnresponsive, _: &mut Context<Self>) {}
}

impl Handler<OperatorCall> for Ear {
    type Result = Result<(), CallRejected>;
    fn handle(&mut self, _: OperatorCall, _: &mut Context<Self>) -> Self::Result {
        Err(CallRejected::invalid("this master has no operators"))
    }
}

impl Handler<SchedulerCall> for Ear {
    type Result = Result<CallAccepted, CallRejected>;
    fn handle(&mut self, _: SchedulerCall, _: &mut Context<Self>) -> Self::Result {
        Err(CallRejected::invalid("this master has no frameworks"))
    }
}

fn spawn_master(node: &Node) -> mpsc::UnboundedReceiver<Heard> {
    let (ear, heard) = mpsc::unbounded_channel();
    node.spawn(names::MASTER, move |_| Ear(ear)).unwrap();
    heard
}

/// An agent and its master.
pub(crate) struct Cluster {
    pub(crate) node: Node,
    pub(crate) agent: AgentHandle,
    pub(crate) heard: mpsc::UnboundedReceiver<Heard>,
}

pub(crate) fn config(work_dir: &Path) -> Config {
    let executor = ExecutorCommand {
        program: "/usr/bin/mesos".to_owned(),
        arguments: vec!["executor".to_owned()],
    };
    Config {
        resources: Some("cpus:4;mem:1024;disk:1000;ports:[31000-32000]".to_owned()),
        http: false,
        start_time: Some(1.0e9),
        ..Config::new(work_dir, executor)
    }
}

/// A zone of the region.
pub(crate) fn domain(region: &str) -> DomainInfo {
    DomainInfo {
        fault_domain: Some(FaultDomain {
            region: RegionInfo {
                name: region.to_owned(),
            },
            zone: ZoneInfo {
                name: "1".to_owned(),
            },
        }),
    }
}

pub(crate) async fn start_agent(
    node: &Node,
    config: Config,
    simulation: Simulation,
) -> Result<AgentHandle, StartError> {
    let election = Arc::new(Standalone::at(node.address(), "master"));
    Agent::start(config, node, Containers::Simulated(simulation), election).await
}

impl Cluster {
    /// An agent that is registered as `m-S0`.
    pub(crate) async fn start(node: &Node, work_dir: &Path, simulation: Simulation) -> Cluster {
        Cluster::start_with(node, config(work_dir), simulation).await
    }

    pub(crate) async fn start_with(node: &Node, config: Config, simulation: Simulation) -> Cluster {
        let mut cluster = Cluster::start_unadmitted(node, config, simulation).await;
        let Heard::Register(register) = cluster.next().await else {
            panic!("an agent without an id registers");
        };
        assert_eq!(register.info.id, None);
        cluster.admit();
        cluster
    }

    /// An agent that the master has not answered yet.
    pub(crate) async fn start_unadmitted(
        node: &Node,
        config: Config,
        simulation: Simulation,
    ) -> Cluster {
        let heard = spawn_master(node);
        let agent = start_agent(node, config, simulation).await.unwrap();
        Cluster {
            node: node.clone(),
            agent,
            heard,
        }
    }

    /// Ends the master.
    pub(crate) async fn lose_master(&mut self) {
        let master = Pid::<MasterProtocol>::named(names::MASTER, self.node.address());
        let gone = self.node.monitor(&master);
        self.node.stop(&master);
        gone.await;
    }

    /// A new master under the old address.
    pub(crate) fn with_new_master(self) -> Cluster {
        let heard = spawn_master(&self.node);
        Cluster { heard, ..self }
    }

    /// Whether the master hears nothing but re-registrations for as long.
    pub(crate) async fn reregisters_only_for(&mut self, time: Duration) -> bool {
        let other = async { while let Heard::Reregister(_) = self.next().await {} };
        tokio::time::timeout(time, other).await.is_err()
    }

    /// Replaces the agent by its next life, which the master knows again.
    pub(crate) async fn restart_agent(
        mut self,
        config: Config,
        simulation: Simulation,
    ) -> (Cluster, ReregisterAgent) {
        self.agent.shutdown(mesos_agent::Executors::Leave).await;
        while self.heard.try_recv().is_ok() {}
        let agent = start_agent(&self.node, config, simulation).await.unwrap();
        let mut cluster = Cluster { agent, ..self };
        let reregister = cluster.reregistration().await;
        cluster.readmit();
        (cluster, reregister)
    }

    pub(crate) async fn reregistration(&mut self) -> ReregisterAgent {
        match self.next().await {
            Heard::Reregister(reregister) => reregister,
            other => panic!("heard {other:?} instead of a re-registration"),
        }
    }

    pub(crate) fn admit(&self) {
        let total_ping_timeout = PING_TIMEOUT;
        self.node.tell(
            &self.agent.pid,
            Registered {
                agent_id: agent_id(),
                total_ping_timeout,
            },
        );
    }

    pub(crate) fn readmit(&self) {
        let registered = Reregistered {
            agent_id: agent_id(),
            total_ping_timeout: PING_TIMEOUT,
            reconcile: Vec::new(),
        };
        self.node.tell(&self.agent.pid, registered);
    }

    pub(crate) fn run(&self, task: TaskInfo) {
        let run = RunTask {
            framework: Pb(framework()),
            task: Pb(task),
            launch_executor: true,
            resource_version: None,
        };
        self.node.tell(&self.agent.pid, run);
    }

    /// The master applies an operation, decided on the state of the resources of this name.
    pub(crate) fn apply(&self, uuid: u128, operation: Operation, version: Option<Uuid>) {
        let apply = ApplyOperation {
            framework_id: Some(framework_id()),
            operation: Pb(operation),
            uuid: Uuid::from_u128(uuid),
            resource_version: version,
        };
        self.node.tell(&self.agent.pid, apply);
    }

    /// The next end of an operation; others things that are heard meanwhile do not matter.
    pub(crate) async fn operation(&mut self) -> OperationUpdate {
        loop {
            if let Heard::Operation(update) = self.next().await {
                return update;
            }
        }
    }

    pub(crate) fn acknowledge_operation(&self, update: &OperationUpdate) {
        let status = update.status.uuid.as_ref().expect("a uuid");
        let acknowledge = AcknowledgeOperation {
            operation: update.operation,
            status: Uuid::from_slice(&status.value).expect("16 bytes"),
        };
        self.node.tell(&self.agent.pid, acknowledge);
    }

    pub(crate) fn kill(&self, task: &str) {
        let kill = KillTask {
            framework_id: framework_id(),
            task_id: task.into(),
            kill_policy: None,
        };
        self.node.tell(&self.agent.pid, kill);
    }

    pub(crate) fn shutdown_framework(&self) {
        let framework_id = framework_id();
        self.node
            .tell(&self.agent.pid, ShutdownFramework { framework_id });
    }

    pub(crate) fn acknowledge(&self, update: &UpdateRecord) {
        let acknowledge = Acknowledge {
            framework_id: update.framework_id.clone(),
            task_id: update.status.task_id.clone(),
            uuid: update.uuid.expect("an update of a task has a uuid"),
        };
        self.node.tell(&self.agent.pid, acknowledge);
    }

    /// What the master hears next.
    #[track_caller]
    pub(crate) fn next(&mut self) -> impl Future<Output = Heard> {
        let at = std::panic::Location::caller();
        async move {
            let next = tokio::time::timeout(PATIENCE, self.heard.recv()).await;
            next.unwrap_or_else(|_| panic!("the master heard nothing, waiting at {at}"))
                .unwrap()
        }
    }

    /// The next update, which is about `task` and says `state`; not acknowledged.
    pub(crate) async fn unacknowledged(&mut self, task: &str, state: TaskState) -> UpdateRecord {
        match self.next().await {
            Heard::Update(update) => {
                let got = (update.status.task_id.value.as_str(), update.status.state());
                assert_eq!(got, (task, state), "{update:?}");
                update
            }
            other => panic!("heard {other:?} instead of {task} being {state:?}"),
        }
    }

    /// Acknowledges all updates until `count` tasks have ended; answers the ends in order of ids.
    pub(crate) async fn ends(&mut self, count: usize) -> Vec<(String, TaskState)> {
        let mut ends = Vec::new();
        while ends.len() < count {
            let Heard::Update(update) = self.next().await else {
                continue;
            };
            self.acknowledge(&update);
            if mesos_agent::state::status::is_terminal(update.status.state) {
                ends.push((update.status.task_id.value.clone(), update.status.state()));
            }
        }
        ends.sort();
        ends
    }

    /// The next update, which is about `task` and says `state`; acknowledged.
    pub(crate) async fn update(&mut self, task: &str, state: TaskState) -> UpdateRecord {
        let update = self.unacknowledged(task, state).await;
        self.acknowledge(&update);
        update
    }

    /// Whether nothing reaches the master for as long.
    pub(crate) async fn is_silent_for(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.heard.recv()).await.is_err()
    }

    /// Waits until the agent has no executors.
    pub(crate) async fn becomes_idle(&self) {
        let mut view = self.agent.view.clone();
        let idle = view.wait_for(|state| state.executors().next().is_none());
        let idle = tokio::time::timeout(PATIENCE, idle).await;
        idle.expect("the agent keeps executors")
            .expect("the agent lives");
    }
}

pub(crate) fn reason(update: &UpdateRecord) -> Option<Reason> {
    Reason::try_from(update.status.reason?).ok()
}

pub(crate) fn agent_id() -> AgentId {
    "m-S0".into()
}

pub(crate) fn framework_id() -> FrameworkId {
    "m-0000".into()
}

/// A partition aware framework.
pub(crate) fn framework() -> FrameworkInfo {
    let aware = framework_info::capability::Type::PartitionAware;
    FrameworkInfo {
        user: String::new(),
        name: "test".to_owned(),
        id: Some(framework_id()),
        capabilities: vec![framework_info::Capability {
            r#type: Some(aware as i32),
        }],
        ..Default::default()
    }
}

/// A task with a command.
pub(crate) fn task(id: &str, command: &str) -> TaskInfo {
    TaskInfo {
        name: id.to_owned(),
        task_id: id.into(),
        agent_id: agent_id(),
        resources: resources("cpus:1;mem:64"),
        command: Some(CommandInfo {
            value: Some(command.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    }
}

pub(crate) fn resources(text: &str) -> Vec<Resource> {
    let resources = mesos::resources::Resources::parse(text, "*").unwrap();
    resources
        .allocate("*")
        .to_v1(mesos::resources::Format::PostRefinement)
}
