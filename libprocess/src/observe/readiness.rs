//! Whether a node takes work, for those who ask.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::view::{NodeView, Standing};

/// Whether a node takes work. Clones are handles of the same answer.
///
/// It starts as [`Standing::Starting`]; who runs the node says when it is [`ready`](Self::ready) and when it
/// is [`draining`](Self::draining). Parts of the node may add checks of their own.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<State>>);

type Check = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

#[derive(Default)]
struct State {
    phase: Phase,
    /// By name. Their number is in the hands of the node's own code.
    checks: BTreeMap<&'static str, Check>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Starting,
    Ready,
    Draining,
}

/// Why a node takes no work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// It has not begun yet.
    #[error("starting")]
    Starting,
    /// It is about to end.
    #[error("draining")]
    Draining,
    /// A check failed: its name, and what it said.
    #[error("{0}: {1}")]
    Unfit(&'static str, String),
}

impl Readiness {
    /// Of a node that is not ready yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the node takes work, as long as all checks agree. Nothing if it is draining.
    pub fn ready(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Starting {
            state.phase = Phase::Ready;
        }
    }

    /// From now on, and for good, the node takes no work any more.
    pub fn draining(&self) {
        self.lock().phase = Phase::Draining;
    }

    /// Adds something that must hold for the node to be ready, in place of the check of that name. It is
    /// called by whoever asks, so it must be quick.
    pub fn require(
        &self,
        name: &'static str,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) {
        self.lock().checks.insert(name, Arc::new(check));
    }

    /// Whether the node takes work now.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self) -> Result<(), NotReady> {
        let checks = {
            let state = self.lock();
            match state.phase {
                Phase::Starting => return Err(NotReady::Starting),
                Phase::Draining => return Err(NotReady::Draining),
                Phase::Ready => state.checks.clone(),
            }
        };
        for (name, check) in checks {
            check().map_err(|why| NotReady::Unfit(name, why))?;
        }
        Ok(())
    }

    /// The same as a word.
    pub fn standing(&self) -> Standing {
        match self.check() {
            Ok(()) => Standing::Ready,
            Err(NotReady::Starting) => Standing::Starting,
            Err(NotReady::Draining) => Standing::Draining,
            Err(NotReady::Unfit(..)) => Standing::Unfit,
        }
    }

    /// The view of the node that this is the readiness of.
    pub fn seen_on(&self, view: NodeView) -> NodeView {
        NodeView {
            standing: self.standing(),
            ..view
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Readiness({:?})", self.check())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_node_is_ready_between_its_start_and_its_end_while_all_checks_agree() {
        let readiness = Readiness::new();
        let seen = readiness.clone();
        assert_eq!(seen.check(), Err(NotReady::Starting));
        readiness.ready();
        assert_eq!(seen.check(), Ok(()));

        let fit = Arc::new(AtomicBool::new(false));
        let now_fit = fit.clone();
        readiness.require("registry", move || {
            let fit = fit.load(Ordering::Relaxed);
            fit.then_some(()).ok_or_else(|| "not read yet".to_owned())
        });
        let unfit = NotReady::Unfit("registry", "not read yet".to_owned());
        assert_eq!(unfit.to_string(), "registry: not read yet");
        assert_eq!(seen.check(), Err(unfit));
        now_fit.store(true, Ordering::Relaxed);
        assert_eq!(seen.standing(), Standing::Ready);

        readiness.draining();
        readiness.ready();
        assert_eq!(seen.check(), Err(NotReady::Draining));
    }
}
