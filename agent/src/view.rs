//! What readers see of an agent: a snapshot, never the actor.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use mesos::v1::FrameworkId;
use tokio::sync::watch;

use crate::agent::Clock;
use crate::files::roots::Roots;
use crate::state::{Executor, State};

/// The latest published state and what never changes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct View {
    state: watch::Receiver<Arc<State>>,
    constants: Arc<Constants>,
}

/// What never changes during the life of an agent.
#[derive(Debug)]
pub struct Constants {
    /// As `/flags` shows them.
    pub flags: BTreeMap<String, String>,
    /// Started with the agent.
    pub clock: Clock,
    /// `host:port` of the agent.
    pub address: std::net::SocketAddr,
    /// How long the agent took to read its checkpoints, in seconds.
    pub recovery_secs: f64,
}

impl View {
    pub(crate) fn new(state: watch::Receiver<Arc<State>>, constants: Constants) -> View {
        View {
            state,
            constants: Arc::new(constants),
        }
    }

    /// The latest state.
    pub fn state(&self) -> Arc<State> {
        self.state.borrow().clone()
    }

    /// Waits for a state that satisfies `condition`; `None` if the agent ends before.
    pub async fn wait_for(
        &mut self,
        condition: impl FnMut(&Arc<State>) -> bool,
    ) -> Option<Arc<State>> {
        self.state
            .wait_for(condition)
            .await
            .ok()
            .map(|state| state.clone())
    }

    /// What never changes.
    pub fn constants(&self) -> &Constants {
        &self.constants
    }

    /// The sandboxes that can be looked into, by virtual path.
    pub fn roots(&self) -> Roots {
        roots_of(&self.state())
    }
}

fn roots_of(state: &State) -> Roots {
    let mut roots = Roots::default();
    let frameworks = state.completed_frameworks().chain(state.frameworks());
    for framework in frameworks {
        let id = framework.id();
        // Oldest first, so that `latest` ends up with the latest run.
        let past = framework.completed_executors.iter().map(|e| e.as_ref());
        for executor in past.chain(framework.executors.values()) {
            attach(&mut roots, &id, executor);
        }
    }
    roots
}

fn attach(roots: &mut Roots, framework: &FrameworkId, executor: &Executor) {
    let directory = &executor.directory;
    let id = &executor.info.executor_id.value;
    let framework = &framework.value;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    roots.attach(text(directory), directory);
    if let Some(runs) = directory.parent() {
        roots.attach(text(&runs.join("latest")), directory);
    }
    let short = format!("/frameworks/{framework}/executors/{id}/runs/latest");
    roots.attach(short, directory);
}
