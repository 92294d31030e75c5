//! What an executor is given to find its agent and to prove itself to it.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use libprocess::tls::{Authority, Identity};
use mesos::protocols::roles;
use mesos::v1::{CommandInfo, environment::variable};

use crate::checkpoint::layout::Layout;
use crate::containerizer::ExecutorEnvironment;
use crate::state::State;
use crate::state::effect::Launch;

/// The longest wait between an executor's attempts to subscribe again. Mesos has 2 s, which is also how
/// long a restarted agent waits for its executors; here several attempts fit in.
const SUBSCRIPTION_BACKOFF_MAX: Duration = Duration::from_millis(500);

/// How executors reach the agent.
pub(crate) struct ExecutorAccess {
    /// The authority that certifies executors; none on a node without a network.
    pub(crate) authority: Option<Arc<Authority>>,
    /// Certificate of the authority that certified this agent, so that its executors believe it.
    pub(crate) agent_authority_pem: Option<String>,
    /// Where the executor API is served over HTTP.
    pub(crate) endpoint: SocketAddr,
    /// The agent's node.
    pub(crate) address: SocketAddr,
    pub(crate) layout: Layout,
    pub(crate) recovery_timeout: Duration,
    /// `--executor_environment_variables`
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) switch_user: bool,
}

impl ExecutorAccess {
    /// The complete environment of an executor: the contract, the operator's variables, and the
    /// executor's own, each over the one before.
    pub(crate) fn environment(
        &self,
        state: &State,
        launch: &Launch,
    ) -> Result<BTreeMap<String, String>, String> {
        let container = &launch.executor.container_id.value;
        let identity = match &self.authority {
            Some(authority) => {
                let path = self.layout.executor_identity(container);
                let owner = launch.user.as_deref().filter(|_| !launch.is_built_in());
                let identity = authority.issue(roles::EXECUTOR, container);
                let identity = match &self.agent_authority_pem {
                    Some(pem) => identity.believing(pem).map_err(|e| e.to_string())?,
                    None => identity,
                };
                write_identity(&identity, &path, owner)?;
                Some(path)
            }
            None => None,
        };
        let contract = ExecutorEnvironment {
            framework_id: launch.executor.framework_id.value.clone(),
            executor_id: launch.executor.executor_id.value.clone(),
            agent_id: state
                .agent_id()
                .map_or(String::new(), |id| id.value.clone()),
            sandbox: launch.directory.clone(),
            agent_endpoint: self.endpoint,
            agent_address: identity.is_some().then_some(self.address),
            identity,
            // Every executor is: see `checkpoint`.
            checkpoint: true,
            recovery_timeout: self.recovery_timeout,
            subscription_backoff_max: SUBSCRIPTION_BACKOFF_MAX,
            shutdown_grace_period: launch.shutdown_grace_period,
        };
        let mut variables = contract.variables();
        variables.insert("MESOS_SWITCH_USER".to_owned(), self.switch_user.to_string());
        variables.extend(self.variables.clone());
        variables.extend(launch.info.command.iter().flat_map(own_variables));
        Ok(variables)
    }
}

fn own_variables(command: &CommandInfo) -> Vec<(String, String)> {
    let variables = command.environment.iter().flat_map(|e| &e.variables);
    let value = |v: &mesos::v1::environment::Variable| match v.r#type() {
        variable::Type::Secret => {
            let data = &v.secret.as_ref()?.value.as_ref()?.data;
            String::from_utf8(data.clone()).ok()
        }
        _ => v.value.clone(),
    };
    variables
        .filter_map(|v| Some((v.name.clone(), value(v)?)))
        .collect()
}

/// Writes an identity that only its owner can read, in a folder that everybody may pass through.
fn write_identity(identity: &Identity, path: &Path, owner: Option<&str>) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(folder);
    made.and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o711)))
        .map_err(|e| format!("{}: {e}", folder.display()))?;
    identity.write(path).map_err(|e| e.to_string())?;
    if let Some(owner) = owner
        && nix::unistd::geteuid().is_root()
    {
        let user = nix::unistd::User::from_name(owner)
            .ok()
            .flatten()
            .ok_or_else(|| format!("user '{owner}' does not exist on this machine"))?;
        nix::unistd::chown(path, Some(user.uid), Some(user.gid))
            .map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}
