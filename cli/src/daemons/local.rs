//! `mesos local`: a master and agents in one process, over real links on loopback.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use agent::resources::{Machine, agent_resources};
use agent::{Agent, AgentHandle, Config, Executors, executor_trust};
use libprocess::daemon::{Daemon, END_WITHIN, Readiness};
use libprocess::prelude::*;
use mesos::election::{Election, Standalone};
use mesos::protocols::roles;
use mesos::resources::Quantity;

use super::agent::{config, containers};
use super::master::{GOODBYE_WITHIN, Running};
use super::{master, node, outcome};
use crate::arguments::LocalFlags;
use crate::{Outcome, logging};

pub(super) async fn run(flags: LocalFlags) -> Outcome {
    logging::start(&flags.log)?;
    let work_dir = WorkDir::of(&flags)?;
    let readiness = Readiness::new();
    let cluster = LocalCluster::start(&flags, work_dir.path(), &readiness).await?;
    println!("{}", welcome(&cluster, &flags));

    let mut daemon = Daemon::start_with(&readiness)?;
    let master = cluster.master.handle.clone();
    daemon.end_within(end_within(&flags));
    daemon.end_on_hang_up();
    daemon.at_end("the cluster", |_| cluster.stop());
    daemon.ready("a cluster on this machine");
    let failed = async move { master.ended().await };
    outcome(daemon.run(failed).await)
}

/// Agents end one after the other, each once its executors have ended or their time is over.
fn end_within(flags: &LocalFlags) -> Duration {
    let one = flags.containers.executor_shutdown_grace_period + AGENT_ENDS_WITHIN;
    END_WITHIN + one * u32::from(flags.agents)
}

/// What an agent needs to end beyond its executors' grace period: it gives them 10 s more, and then says goodbye.
const AGENT_ENDS_WITHIN: Duration = Duration::from_secs(15);

struct LocalCluster {
    master: Running,
    node: Node,
    agents: Vec<(AgentHandle, Node)>,
}

impl LocalCluster {
    async fn start(
        flags: &LocalFlags,
        work_dir: &Path,
        readiness: &Readiness,
    ) -> Result<LocalCluster, Box<dyn Error>> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, flags.port));
        let folder = work_dir.join("master");
        let node = node::start(
            address,
            roles::MASTER,
            &flags.tls,
            Some(&folder),
            readiness,
            [],
        )
        .await?;
        let config = ::master::config::Config {
            work_dir: Some(folder),
            cluster: Some("local".to_owned()),
            ..::master::config::Config::default()
        };
        let master = master::start(config, true, &node, readiness).await?;
        let mut cluster = LocalCluster {
            master,
            node,
            agents: Vec::new(),
        };
        let election: Arc<dyn Election> = Arc::new(Standalone::at(address, "localhost"));
        for number in 1..=flags.agents {
            match start_agent(
                flags,
                &work_dir.join(format!("agent-{number}")),
                number,
                election.clone(),
                readiness,
            )
            .await
            {
                Ok(agent) => cluster.agents.push(agent),
                Err(error) => {
                    cluster.stop().await;
                    return Err(format!("agent {number}: {error}").into());
                }
            }
        }
        Ok(cluster)
    }

    /// Ends agents first, so that each can report the end of its tasks.
    async fn stop(self) {
        for (agent, node) in self.agents {
            agent.shutdown(Executors::Kill).await;
            node.shutdown(GOODBYE_WITHIN).await;
        }
        self.master.stop().await;
        self.node.shutdown(GOODBYE_WITHIN).await;
    }
}

async fn start_agent(
    flags: &LocalFlags,
    work_dir: &Path,
    number: u16,
    election: Arc<dyn Election>,
    readiness: &Readiness,
) -> Result<(AgentHandle, Node), Box<dyn Error>> {
    let mut container_flags = flags.containers.clone();
    // Several clusters and agents on one machine must not take each other's containers for orphans.
    container_flags.cgroups_root =
        format!("{}-{}-{number}", container_flags.cgroups_root, flags.port);
    let config = Config {
        resources: Some(resources(flags, work_dir, number)),
        readiness: readiness.clone(),
        ..config(work_dir, &container_flags, &flags.tls)?
    };
    let containers = containers(work_dir, &container_flags)?;
    let trust = executor_trust(work_dir)?;
    // The port next to the master's, so that an agent keeps it over restarts; any other if somebody has it.
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let wanted = flags.port.checked_add(number).unwrap_or_default();
    let is_free = TcpListener::bind(at(wanted)).is_ok() && UdpSocket::bind(at(wanted)).is_ok();
    let address = at(if is_free { wanted } else { 0 });
    let node = node::start(
        address,
        roles::AGENT,
        &flags.tls,
        Some(work_dir),
        readiness,
        [trust],
    )
    .await?;
    let agent = Agent::start(config, &node, containers, election).await?;
    Ok((agent, node))
}

/// What one agent offers: what was said, or its share of this machine, so that nothing is offered twice.
fn resources(flags: &LocalFlags, work_dir: &Path, number: u16) -> String {
    if let Some(resources) = &flags.resources {
        return resources.clone();
    }
    let machine = agent_resources(None, "*", &Machine::detect(work_dir)).unwrap_or_default();
    let agents = u64::from(flags.agents);
    let share = |quantity: Quantity| quantity.to_f64() / agents as f64;
    let ports = machine
        .ports()
        .iter()
        .next()
        .map_or_else(String::new, |all| {
            let size = (all.end - all.begin + 1) / agents;
            let begin = all.begin + size * u64::from(number - 1);
            format!(";ports:[{begin}-{}]", begin + size - 1)
        });
    let (cpus, mem, disk) = (
        share(machine.cpus()),
        share(machine.mem()),
        share(machine.disk()),
    );
    format!("cpus:{cpus:.3};mem:{mem:.0};disk:{disk:.0}{ports}")
}

/// Where a local cluster keeps its state: a folder that was named stays, one of its own goes with it.
enum WorkDir {
    Named(PathBuf),
    Own(tempfile::TempDir),
}

impl WorkDir {
    fn of(flags: &LocalFlags) -> Result<WorkDir, String> {
        match &flags.work_dir {
            Some(path) => Ok(WorkDir::Named(path.clone())),
            None => tempfile::Builder::new()
                .prefix("mesos-local-")
                .tempdir()
                .map(WorkDir::Own)
                .map_err(|error| {
                    format!(
                        "cannot make a folder for the cluster: {error}; name one with --work_dir"
                    )
                }),
        }
    }

    fn path(&self) -> &Path {
        match self {
            WorkDir::Named(path) => path,
            WorkDir::Own(folder) => folder.path(),
        }
    }
}

fn welcome(cluster: &LocalCluster, flags: &LocalFlags) -> String {
    let master = cluster.node.address();
    let agents = match cluster.agents.len() {
        1 => "1 agent".to_owned(),
        many => format!("{many} agents"),
    };
    // Only a port that is not the default has to be typed.
    let option = match flags.port {
        5050 => String::new(),
        _ => format!(" --master={master}"),
    };
    let page = cluster
        .master
        .http
        .as_ref()
        .map_or_else(String::new, |http| {
            format!("  page      http://{}\n", http.address())
        });
    format!(
        "Mesos is up: 1 master and {agents}.\n\n{page}  try       mesos run{option} -- echo hello\n            mesos task list{option}\n  end       Ctrl-C\n"
    )
}
