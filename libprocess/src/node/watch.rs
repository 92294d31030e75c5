//! Failure detection: who hears of whose end.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use super::{Node, Way};
use crate::error::{ExitReason, Exited};
use crate::link::Link;
use crate::pid::AnyPid;
use crate::slot::{Slot, Watcher};

/// Resolves when the monitored actor, or the way to it, ends. Dropping it ends the monitoring.
#[must_use = "a monitor that is dropped hears nothing"]
pub struct Monitor {
    pid: AnyPid,
    ended: oneshot::Receiver<ExitReason>,
    _watch: Watch,
}

/// A watcher registered; dropping this takes it back.
pub(crate) enum Watch {
    Here(Arc<Slot>, u64),
    There(Arc<Link>, u64),
    /// One half of a bond with an actor of another node.
    Bond(Arc<Link>, u64),
    /// It was told at once.
    Over,
}

impl Node {
    /// Waits for the end of an actor, or of the way to it. If it has ended already, it resolves at once.
    pub fn monitor(&self, pid: impl Into<AnyPid>) -> Monitor {
        let pid = pid.into();
        let (announce, ended) = oneshot::channel();
        let watch = self.watch(&pid, Watcher::Future(announce));
        Monitor {
            pid,
            ended,
            _watch: watch,
        }
    }

    pub(crate) fn watch(&self, pid: &AnyPid, watcher: Watcher) -> Watch {
        let slot = match self.way(pid) {
            Way::Here(slot) => Arc::clone(&slot),
            Way::There(link) => {
                let number = link.watch(pid, watcher);
                return Watch::There(link, number);
            }
            Way::Nowhere => {
                watcher.announce(ExitReason::NoProcess);
                return Watch::Over;
            }
        };
        match slot.watch(watcher) {
            Ok(number) => Watch::Here(slot, number),
            Err(late) => {
                late.announce(ExitReason::NoProcess);
                Watch::Over
            }
        }
    }
}

impl Slot {
    /// Tells this actor of the end of `child`, and makes the child end with it until what this gives is
    /// dropped. If this one has ended already, the child is killed before it begins.
    pub(crate) fn watch_as_child(
        self: &Arc<Self>,
        child: &Arc<Slot>,
        monitor: u64,
    ) -> Option<Watch> {
        let watcher = Watcher::OfEnd {
            watcher: self.clone(),
            monitor,
            pid: child.pid(),
        };
        // It cannot have ended, as it has not begun.
        let _ = child.watch(watcher);
        match self.watch(Watcher::Child(child.clone())) {
            Ok(number) => Some(Watch::Here(self.clone(), number)),
            Err(_) => {
                child.kill();
                None
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        match self {
            Self::Here(slot, number) => slot.unwatch(*number),
            Self::There(link, number) => link.unwatch(*number),
            Self::Bond(link, number) => link.unbound(*number),
            Self::Over => {}
        }
    }
}

impl Future for Monitor {
    type Output = Exited;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Exited> {
        let reason = ready!(Pin::new(&mut self.ended).poll(cx)).unwrap_or(ExitReason::NodeDown);
        let pid = self.pid.clone();
        Poll::Ready(Exited { pid, reason })
    }
}
