//! One agent: its actors, put together in one place.
//!
//! ```text
//!   containerizer ── Terminated ──▶ listener ──┐
//!   status-updates ◀── Report ──┐              ▼        (and operation-updates)
//!        └───────── Forward ────┼──────────▶ inbox ──▶ agent ──▶ Arc<State>, for all who look:
//!                               └──────────────────────┘              files, HTTP, metrics
//! ```
//!
//! They live and end together. Executors do not: they outlive all of it and wait for the next life
//! of the agent, unless they are told to end ([`Executors::Kill`]).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use libprocess::http::Pages;
use libprocess::prelude::*;
use libprocess::tls::{Authority, AuthorityError, Trust};
use mesos::attributes::Attributes;
use mesos::election::Election;
use mesos::protocols::{AgentProtocol, names, roles};
use mesos::resources::{Format, ParseError, Resources};
use mesos::v1::AgentInfo;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::agent::{self, Clock, ExecutorAccess, Oversubscription, Parts};
use crate::checkpoint::envelope::CheckpointError;
use crate::checkpoint::layout::Layout;
use crate::checkpoint::lock::{LockError, WorkDirLock};
use crate::checkpoint::recovery::{self, RecoveryError};
use crate::checkpoint::store::Store;
use crate::config::Config;
use crate::containerizer::simulated::{SimulatedContainerizer, Simulation};
use crate::containerizer::{
    CONTAINERIZER, Containerizer, ContainerizerConfig, ContainerizerProtocol,
};
use crate::files::actor::Files;
use crate::http::{self, HttpError, HttpServer};
use crate::inbox::{Inbound, TerminationListener};
use crate::oversubscription::process::{QosController, ResourceEstimator};
use crate::oversubscription::{Load, LoadSource};
use crate::resources::{Machine, agent_resources};
use crate::state::{Settings, State};
use crate::status_updates::{Manager, OperationReport, Update};
use crate::view::{Constants, View};
use crate::volumes;

/// Messages that may wait for the agent: a master that launches thousands of tasks at once.
const AGENT_MAILBOX: usize = 1 << 14;

/// What the end of the last executors may take beyond their grace period.
const KILL_MARGIN: Duration = Duration::from_secs(10);

/// How containers are run.
#[derive(Clone)]
pub enum Containers {
    /// As processes of this machine.
    Machine(ContainerizerConfig),
    /// As actors that take virtual time.
    Simulated(Simulation),
}

/// What becomes of executors when the agent is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executors {
    /// They run on, and the next life of the agent finds them.
    Leave,
    /// They are shut down first.
    Kill,
}

/// Starts agents.
#[derive(Clone, Copy, Debug)]
pub struct Agent;

/// A running agent.
pub struct AgentHandle {
    /// Where masters and executors find it.
    pub pid: Pid<AgentProtocol>,
    /// What it publishes.
    pub view: View,
    node: Node,
    others: Vec<AnyPid>,
    inbox: mpsc::UnboundedSender<Inbound>,
    ended: watch::Receiver<Option<String>>,
    http: Option<HttpServer>,
    grace: Duration,
    _lock: WorkDirLock,
}

/// Why an agent could not be started; one line, which says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The work directory cannot be used.
    #[error(transparent)]
    WorkDir(#[from] LockError),
    /// A flag is wrong.
    #[error("--{flag}: {problem}")]
    Flag {
        /// Which one.
        flag: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// What an earlier life left cannot be continued.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// A first checkpoint could not be written.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The authority for executors cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The folder of the containerizer cannot be used.
    #[error("cannot make the containerizer's folder {folder}: {source}")]
    Containerizer {
        /// Which one.
        folder: String,
        /// Why not.
        source: io::Error,
    },
    /// HTTP cannot be served.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The node has such a process already, or is going down.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// What the node of an agent has to trust beside its cluster: its own executors, as executors only.
pub fn executor_trust(work_dir: &Path) -> Result<Trust, AuthorityError> {
    let authority = Authority::load_or_create(&Layout::new(work_dir).tls())?;
    Ok(authority.trust().only([roles::EXECUTOR]))
}

impl Agent {
    /// Starts an agent on `node`, which trusts [`executor_trust`] unless containers are simulated.
    ///
    /// The agent first takes over what an earlier life left in its work directory; it looks for the
    /// leader of `election` once that is done.
    ///
    /// # Errors
    /// If flags, work directory, checkpoints or ports cannot be used; nothing is left running then.
    pub async fn start(
        config: Config,
        node: &Node,
        containers: Containers,
        election: Arc<dyn Election>,
    ) -> Result<AgentHandle, StartError> {
        let mut spawned = Spawned {
            node: node.clone(),
            pids: Vec::new(),
        };
        let started = start_parts(config, node, containers, election, &mut spawned).await;
        if started.is_err() {
            spawned.stop();
        }
        started
    }
}

impl AgentHandle {
    /// Waits until the agent ends, by order of its master or by a failure; answers why.
    pub fn ended(&self) -> impl Future<Output = String> + Send + use<> {
        let mut ended = self.ended.clone();
        let monitor = self.node.monitor(&self.pid);
        async move {
            let exited = monitor.await;
            match exited.reason {
                ExitReason::Normal => {
                    let told = ended.wait_for(Option::is_some).await;
                    let told = told.ok().and_then(|why| why.clone());
                    told.unwrap_or_else(|| "it was stopped".to_owned())
                }
                reason => format!("the agent {reason}"),
            }
        }
    }

    /// Tells the agent to leave its cluster for good: it shuts its executors down, its master removes it, and its next
    /// life registers as a new agent. It [ends](Self::ended) then.
    pub fn leaving(&self) -> impl FnOnce() + Send + use<> {
        let inbox = self.inbox.clone();
        move || {
            // It may have ended already.
            let _ = inbox.send(Inbound::Leave);
        }
    }

    /// Ends the agent.
    pub async fn shutdown(mut self, executors: Executors) {
        if executors == Executors::Kill && self.inbox.send(Inbound::Shutdown).is_ok() {
            let patience = self.grace + KILL_MARGIN;
            if tokio::time::timeout(patience, self.ended()).await.is_err() {
                tracing::warn!("executors did not end within {patience:?}; they are left behind");
            }
        }
        if let Some(http) = self.http.take() {
            http.stop().await;
        }
        let agent = self.node.monitor(&self.pid);
        self.node.stop(&self.pid);
        agent.await;
        for pid in self.others.drain(..) {
            let gone = self.node.monitor(pid.clone());
            self.node.stop(pid);
            gone.await;
        }
    }

    /// Where HTTP is served, if it is.
    pub fn http_address(&self) -> Option<std::net::SocketAddr> {
        self.http.as_ref().map(HttpServer::address)
    }
}

/// Actors to be stopped if a later one cannot be started.
struct Spawned {
    node: Node,
    pids: Vec<AnyPid>,
}

impl Spawned {
    fn add<P: Protocol>(&mut self, pid: Result<Pid<P>, SpawnError>) -> Result<Pid<P>, SpawnError> {
        let pid = pid?;
        self.pids.push(pid.any());
        Ok(pid)
    }

    fn stop(&self) {
        for pid in &self.pids {
            self.node.stop(pid);
        }
    }
}

async fn start_parts(
    config: Config,
    node: &Node,
    containers: Containers,
    election: Arc<dyn Election>,
    spawned: &mut Spawned,
) -> Result<AgentHandle, StartError> {
    let began = Instant::now();
    let layout = Layout::new(&config.work_dir);
    let lock = WorkDirLock::acquire(&layout)?;
    let info = agent_info(&config, node, &containers)?;
    let boot_id = config.boot_id.clone().unwrap_or_else(boot_id);
    let recovered = recovery::recover(
        &layout,
        &config.disk,
        &info,
        config.reconfiguration_policy,
        &boot_id,
    )?;
    recovery::write_boot_id(&layout, &config.disk, &boot_id)?;
    for log in recovered.iter().flat_map(|r| &r.torn_logs) {
        tracing::warn!(
            "the end of {} was torn by a crash and is cut off",
            log.display()
        );
    }
    volumes::sweep(&config.work_dir, &path_disks(&info));
    let authority = match containers {
        Containers::Machine(_) => Some(Arc::new(Authority::load_or_create(&layout.tls())?)),
        Containers::Simulated(_) => None,
    };

    let (inbox_sender, inbox) = mpsc::unbounded_channel();
    let disk = config.disk.clone();
    let (to_agent, to_listener) = (inbox_sender.clone(), inbox_sender.clone());
    let load = load_of(&containers);
    let containerizer = spawned.add(spawn_containerizer(containers, node)?)?;
    let oversubscription = spawn_oversubscription(&config, &containerizer, load, spawned)?;
    let listener = node.spawn("containerizer-listener", move |_| TerminationListener {
        inbox: to_listener,
    });
    let listener = spawned.add(listener)?;
    let updates = node
        .process("status-updates")
        .mailbox(AGENT_MAILBOX)
        .own_thread();
    let updates = spawned.add(updates.spawn(move |_| Manager::<Update>::new(disk, to_agent)))?;
    let (disk, to_agent) = (config.disk.clone(), inbox_sender.clone());
    let operations = node
        .process("operation-updates")
        .mailbox(AGENT_MAILBOX)
        .spawn(move |_| Manager::<OperationReport>::new(disk, to_agent));
    let operations = spawned.add(operations)?;

    let placeless = Pid::named(names::AGENT, node.address());
    let mut state = State::new(settings(&config, &layout), placeless, info);
    if let Some(recovered) = &recovered {
        state.recover(recovered);
    }
    let clock = Clock::starting_at(config.start_time);
    let (view, state_reader) = watch::channel(Arc::new(state.clone()));
    let view_for_readers = View::new(
        state_reader,
        Constants {
            flags: config.flags(),
            clock,
            address: node.address(),
            recovery_secs: began.elapsed().as_secs_f64(),
        },
    );
    let files_view = view_for_readers.clone();
    let files = node.process(names::FILES).own_thread();
    spawned.add(files.spawn(move |_| Files::new(files_view)))?;

    let (ended_sender, ended) = watch::channel(None);
    let http_address = http::address(node.address());
    let parts = Parts {
        state,
        recovered,
        store: Store::new(layout.clone(), config.disk.clone()),
        containerizer: containerizer.clone(),
        listener,
        updates,
        operations,
        oversubscription,
        inbox,
        inbox_sender: inbox_sender.clone(),
        view,
        ended: ended_sender,
        election,
        access: ExecutorAccess {
            authority,
            agent_authority_pem: config.agent_authority_pem.clone(),
            endpoint: http_address,
            address: node.address(),
            layout,
            recovery_timeout: config.recovery_timeout,
            variables: config
                .executor_environment_variables
                .clone()
                .unwrap_or_default(),
            switch_user: config.switch_user,
        },
        clock,
    };
    let others = spawned.pids.clone();
    let http = match config.http {
        true => Some(http::bind(http_address)?),
        false => None,
    };
    let process = node
        .process(names::AGENT)
        .mailbox(AGENT_MAILBOX)
        .own_thread();
    let process = process.spawn(move |ctx| {
        let mut parts = parts;
        // The master takes messages only from the very life of the agent that registered.
        parts.state.me = ctx.me();
        agent::Agent::new(parts)
    });
    let pid = spawned.add(process)?;
    let doors = http::Doors {
        node: node.clone(),
        agent: pid.clone(),
        containerizer,
        view: view_for_readers.clone(),
        pages: Pages::new(node, &config.readiness),
        heartbeat: config.executor_heartbeat_interval,
    };
    let http = http.map(|bound| bound.serve(doors)).transpose()?;
    Ok(AgentHandle {
        pid,
        view: view_for_readers,
        node: node.clone(),
        others,
        inbox: inbox_sender,
        ended,
        http,
        grace: config.executor_shutdown_grace_period,
        _lock: lock,
    })
}

/// The folders of PATH disks, which have volumes of their own.
fn path_disks(info: &AgentInfo) -> Vec<PathBuf> {
    let disks = info.resources.iter().filter_map(|r| r.disk.as_ref());
    let paths = disks.filter_map(|disk| disk.source.as_ref()?.path.as_ref()?.root.as_ref());
    paths.map(PathBuf::from).collect()
}

fn spawn_containerizer(
    containers: Containers,
    node: &Node,
) -> Result<Result<Pid<ContainerizerProtocol>, SpawnError>, StartError> {
    match containers {
        Containers::Machine(config) => {
            let folder = config.runtime_dir.display().to_string();
            let containerizer = Containerizer::new(config)
                .map_err(|source| StartError::Containerizer { folder, source })?;
            Ok(node.spawn(CONTAINERIZER, move |_| containerizer))
        }
        Containers::Simulated(simulation) => Ok(node.spawn(CONTAINERIZER, move |_| {
            SimulatedContainerizer::new(simulation)
        })),
    }
}

fn load_of(containers: &Containers) -> LoadSource {
    match containers {
        Containers::Machine(_) => Arc::new(Load::of_machine),
        Containers::Simulated(simulation) => simulation.load_source(),
    }
}

fn spawn_oversubscription(
    config: &Config,
    containerizer: &Pid<ContainerizerProtocol>,
    load: LoadSource,
    spawned: &mut Spawned,
) -> Result<Oversubscription, SpawnError> {
    let node = spawned.node.clone();
    let estimator = config.resource_estimator.estimator().map(|estimator| {
        let containerizer = containerizer.clone();
        spawned.add(
            node.spawn("resource-estimator", move |_| ResourceEstimator {
                estimator,
                containerizer,
            }),
        )
    });
    let controller = config.qos_controller.controller().map(|controller| {
        spawned.add(node.spawn("qos-controller", move |_| QosController {
            controller,
            load,
        }))
    });
    Ok(Oversubscription {
        estimator: estimator.transpose()?,
        estimate_every: config.oversubscribed_resources_interval,
        controller: controller.transpose()?,
        correct_every: config.qos_correction_interval_min,
    })
}

fn settings(config: &Config, layout: &Layout) -> Settings {
    Settings {
        registration_backoff_factor: config.registration_backoff_factor,
        executor_registration_timeout: config.executor_registration_timeout,
        executor_reregistration_timeout: config.executor_reregistration_timeout,
        executor_shutdown_grace_period: config.executor_shutdown_grace_period,
        executor_command: config.executor_command.clone(),
        max_completed_executors_per_framework: config.max_completed_executors_per_framework,
        switch_user: config.switch_user,
        layout: layout.clone(),
        museum: config.museum,
    }
}

fn agent_info(
    config: &Config,
    node: &Node,
    containers: &Containers,
) -> Result<AgentInfo, StartError> {
    let address = node.address();
    let resources = resources(config, containers).map_err(|e| StartError::Flag {
        flag: "resources",
        problem: e.to_string(),
    })?;
    let attributes = config.attributes.as_deref().unwrap_or_default();
    let attributes = Attributes::parse(attributes).map_err(|e| StartError::Flag {
        flag: "attributes",
        problem: e.to_string(),
    })?;
    Ok(AgentInfo {
        hostname: config
            .hostname
            .clone()
            .unwrap_or_else(|| address.ip().to_string()),
        port: Some(i32::from(address.port())),
        resources: resources.to_v1(Format::PostRefinement),
        attributes: attributes.to_v1(),
        domain: config.domain.clone(),
        ..Default::default()
    })
}

fn resources(config: &Config, containers: &Containers) -> Result<Resources, ParseError> {
    let flag = config.resources.as_deref();
    match containers {
        Containers::Machine(_) => {
            let machine = Machine::detect(&config.work_dir);
            agent_resources(flag, &config.default_role, &machine)
        }
        Containers::Simulated(_) => {
            Resources::parse(flag.unwrap_or_default(), &config.default_role)
        }
    }
}

/// Names the present boot of this machine; empty where the kernel does not say.
fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    text.unwrap_or_default().trim().to_owned()
}
