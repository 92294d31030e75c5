//! What the containerizer knows of one container.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mesos::flags::format_bytes;
use mesos::resources::{Format, Quantity, Resources};
use mesos::v1;
use tokio::sync::{Notify, oneshot};

use super::isolation::Hold;
use super::linux::cgroups::Bounds;
use super::{Launched, Limitation};
use crate::volumes::Mounts;

#[derive(Debug)]
pub(super) struct Container {
    pub(super) bounds: Bounds,
    /// Whether the built-in executor's own need is part of the bounds.
    pub(super) command_executor: bool,
    pub(super) hold: Hold,
    pub(super) mounts: Mounts,
    /// `None` while it is being launched.
    pub(super) executor: Option<Launched>,
    /// The limit it ran into; once known it stays, though the control group goes.
    pub(super) limitation: Option<Limitation>,
    pub(super) stop: Arc<Stop>,
    /// Who waits for the end.
    pub(super) waiting: Vec<oneshot::Sender<()>>,
}

/// The wish to end a container, seen by whatever is being done to it.
#[derive(Debug, Default)]
pub(super) struct Stop {
    pub(super) wanted: Arc<AtomicBool>,
    changed: Notify,
}

impl Container {
    pub(super) fn new(
        hold: Hold,
        bounds: Bounds,
        mounts: Mounts,
        command_executor: bool,
    ) -> Container {
        Container {
            bounds,
            command_executor,
            hold,
            mounts,
            executor: None,
            limitation: None,
            stop: Arc::default(),
            waiting: Vec::new(),
        }
    }

    /// Looks for a limit that the container has run into.
    pub(super) fn look_for_limitation(&mut self) -> Option<Limitation> {
        if self.limitation.is_none() {
            let group = self.hold.group().filter(|group| group.oom_kills() > 0);
            self.limitation = group.map(|group| out_of_memory(&self.bounds, group.peak_memory()));
        }
        self.limitation.clone()
    }
}

impl Stop {
    pub(super) fn request(&self) {
        self.wanted.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Returns once the end is wanted; for one waiter at a time.
    pub(super) async fn requested(&self) {
        while !self.is_wanted() {
            self.changed.notified().await;
        }
    }
}

/// In Mesos' words, which frameworks and people search for.
fn out_of_memory(bounds: &Bounds, used_bytes: u64) -> Limitation {
    const MB: f64 = (1 << 20) as f64;
    let message = format!(
        "Memory limit exceeded: Requested: {} Maximum Used: {}",
        format_bytes(bounds.requested_bytes),
        format_bytes(used_bytes)
    );
    let used = Quantity::from_f64((used_bytes as f64 / MB).round()).unwrap_or_default();
    Limitation {
        reason: v1::task_status::Reason::ContainerLimitationMemory,
        message,
        resources: Resources::scalar_of("mem", used).to_v1(Format::PostRefinement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overrun_says_what_was_asked_for_and_what_was_used() {
        const MB: u64 = 1 << 20;
        let bounds = Bounds {
            requested_bytes: 32 * MB,
            hard_bytes: 64 * MB,
            ..Bounds::default()
        };
        let limitation = out_of_memory(&bounds, 64 * MB);
        assert_eq!(
            limitation.message,
            "Memory limit exceeded: Requested: 32MB Maximum Used: 64MB"
        );
        assert_eq!(
            limitation.resources[0]
                .scalar
                .as_ref()
                .map(|scalar| scalar.value),
            Some(64.0)
        );
    }
}
