//! What lets the power of a machine go at a certain message.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Of one machine, through all lives of its node. Clones are handles of the same one.
#[derive(Clone, Default)]
pub(super) struct Fuse(Arc<State>);

#[derive(Default)]
struct State {
    /// One more than the messages that are still handled; zero while there is nothing to come.
    left: AtomicU64,
    then: Mutex<Option<Then>>,
}

/// Called when it has blown.
type Then = Box<dyn FnOnce() + Send>;

impl Fuse {
    /// Blows when so many messages were handled.
    pub(super) fn set(&self, messages: u32, then: impl FnOnce() + Send + 'static) {
        *self.then() = Some(Box::new(then));
        self.0
            .left
            .store(u64::from(messages) + 1, Ordering::Relaxed);
    }

    /// Does not blow.
    pub(super) fn remove(&self) {
        self.0.left.store(0, Ordering::Relaxed);
        self.then().take();
    }

    /// A message is about to be handled: whether it is not to be.
    pub(super) fn blows(&self) -> bool {
        let left = self.0.left.load(Ordering::Relaxed);
        if left == 0 {
            return false;
        }
        self.0.left.store(left - 1, Ordering::Relaxed);
        if left > 1 {
            return false;
        }
        let then = self.then().take();
        if let Some(then) = then {
            then();
        }
        true
    }

    fn then(&self) -> MutexGuard<'_, Option<Then>> {
        self.0.then.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
