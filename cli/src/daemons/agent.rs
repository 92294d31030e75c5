//! `mesos agent`.

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use agent::containerizer::{ContainerizerConfig, Isolation};
use agent::{Agent, AgentHandle, Config, Containers, ExecutorCommand, Executors, executor_trust};
use libprocess::daemon::{Daemon, Ended, Readiness};
use libprocess::tls::Authority;
use mesos::election::{self, AddressError, MasterFlag};
use mesos::protocols::roles;
use tokio::signal::unix::{SignalKind, signal};

use super::master::node_end;
use super::{node, outcome};
use crate::arguments::{AgentFlags, ContainerFlags, TlsFlags};
use crate::{Outcome, logging};

pub(super) async fn run(flags: AgentFlags) -> Outcome {
    logging::start(&flags.log)?;
    let (Some(work_dir), Some(master)) = (&flags.work_dir, &flags.master) else {
        return Err("--work_dir and --master must be set".into());
    };
    let wrong = |error: AddressError| format!("--master: {error}");
    let master: MasterFlag = master.parse().map_err(wrong)?;
    let readiness = Readiness::new();
    let config = Config {
        hostname: flags.node.hostname.clone(),
        resources: flags.resources.clone(),
        attributes: flags.attributes.clone(),
        domain: flags.domain.clone(),
        default_role: flags.default_role.clone(),
        reconfiguration_policy: flags.reconfiguration_policy.into(),
        http: !flags.http.no_http,
        readiness: readiness.clone(),
        resource_estimator: flags.lending.resource_estimator.clone(),
        qos_controller: flags.lending.qos_controller,
        qos_correction_interval_min: flags.lending.qos_correction_interval_min,
        oversubscribed_resources_interval: flags.lending.oversubscribed_resources_interval,
        ..config(work_dir, &flags.containers, &flags.tls)?
    };
    let containers = containers(work_dir, &flags.containers)?;
    let address = flags.node.address(flags.port);
    let trust = executor_trust(work_dir)?;
    let node = node::start(
        address,
        roles::AGENT,
        &flags.tls,
        Some(work_dir),
        &readiness,
        [trust],
    )
    .await?;
    let election = election::of_flag(&master, flags.zk_session_timeout, &node).map_err(wrong)?;
    let agent = Agent::start(config, &node, containers, election).await?;
    let address = node.address();
    tracing::info!("agent at {address}");

    let mut daemon = Daemon::start_with(&readiness)?;
    daemon.on_hang_up(node::renewal(&node, roles::AGENT, &flags.tls));
    let leave = leave_on_signal(&agent)?;
    daemon.at_end("the agent", |_| {
        tracing::info!("tasks go on");
        agent.shutdown(Executors::Leave)
    });
    daemon.at_end("the node", |left| node_end(node, left));
    daemon.ready(&format!("agent at {address}"));
    let left = Arc::new(AtomicBool::new(false));
    let has_left = left.clone();
    let failed = async move {
        let (why, on_request) = leave.await;
        has_left.store(on_request, Ordering::Release);
        format!("the agent ended: {why}")
    };
    match daemon.run(failed).await {
        Ended::Failed(why) if left.load(Ordering::Acquire) => {
            tracing::info!("{why}");
            Ok(ExitCode::SUCCESS)
        }
        ended => outcome(ended),
    }
}

/// Lets SIGUSR1 mean that the agent leaves its cluster for good, as in Mesos. Resolves when the agent has ended, with why
/// and whether it was for that.
fn leave_on_signal(
    agent: &AgentHandle,
) -> io::Result<impl Future<Output = (String, bool)> + Send + use<>> {
    let mut asked = signal(SignalKind::user_defined1())?;
    let (leave, ended, has_left) = (agent.leaving(), agent.ended(), agent.ended());
    Ok(async move {
        tokio::select! {
            why = ended => (why, false),
            Some(()) = asked.recv() => {
                leave();
                (has_left.await, true)
            }
        }
    })
}

/// The configuration of an agent in `work_dir`, with this binary as the executor of commands.
pub(super) fn config(
    work_dir: &Path,
    flags: &ContainerFlags,
    tls: &TlsFlags,
) -> Result<Config, Box<dyn Error>> {
    let authority = Authority::load_or_create(&tls.folder())?;
    let executor = ExecutorCommand {
        program: std::env::current_exe()?.display().to_string(),
        arguments: vec!["executor".to_owned()],
    };
    Ok(Config {
        agent_authority_pem: Some(authority.certificate_pem().to_owned()),
        executor_registration_timeout: flags.executor_registration_timeout,
        executor_reregistration_timeout: flags.executor_reregistration_timeout,
        executor_shutdown_grace_period: flags.executor_shutdown_grace_period,
        recovery_timeout: flags.recovery_timeout,
        ..Config::new(std::path::absolute(work_dir)?, executor)
    })
}

/// How the containers of an agent in `work_dir` are run.
pub(super) fn containers(
    work_dir: &Path,
    flags: &ContainerFlags,
) -> Result<Containers, Box<dyn Error>> {
    let isolation = match flags.launcher.as_deref() {
        Some("linux") => Isolation::linux(&flags.cgroups_root, flags.cgroups_enable_cfs)
            .map_err(|error| format!("--launcher=linux: {error}"))?,
        Some(_) => Isolation::Posix,
        None => Isolation::detect(&flags.cgroups_root, flags.cgroups_enable_cfs),
    };
    let isolation = isolation.revocable_cpu_low_priority(flags.revocable_cpu_low_priority);
    Ok(Containers::Machine(ContainerizerConfig {
        isolation,
        runtime_dir: std::path::absolute(work_dir)?.join("containers"),
    }))
}
