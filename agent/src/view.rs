//! What readers see of an agent: a snapshot, never the actor.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::agent::Clock;
use crate::files::FilesError;
use crate::files::locate::{Location, locate};
use crate::state::State;

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

    /// The sandbox, and the place in it, that a virtual path means.
    pub fn locate(&self, path: &str) -> Result<Location, FilesError> {
        locate(&self.state(), path)
    }
}
