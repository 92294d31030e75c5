//! What connections leave to the endpoint's task.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use quinn_proto::{ConnectionHandle, EndpointEvent};

use super::conn::Conn;

/// Bounded by the connections there are: each is in each list at most a few times.
#[derive(Default)]
pub(super) struct Notes {
    /// What a connection has to say to its endpoint, in order.
    pub(super) events: Vec<(Arc<Conn>, EndpointEvent)>,
    /// Connections that have more to send, and gave way to others.
    pub(super) more: Vec<Arc<Conn>>,
    /// Connections for which the socket had no room.
    pub(super) blocked: Vec<Arc<Conn>>,
    /// When connections want to be looked at.
    timers: BTreeSet<(Instant, usize)>,
    /// When the task looks at this again by itself.
    sleeps_until: Option<Instant>,
    /// The task is at it, and will see what is added.
    working: bool,
    waker: Option<Waker>,
}

impl Notes {
    /// The task begins to look.
    pub(super) fn begin(&mut self, waker: &Waker) {
        self.working = true;
        if !self.waker.as_ref().is_some_and(|w| w.will_wake(waker)) {
            self.waker = Some(waker.clone());
        }
    }

    /// The task has looked, and waits for room in the socket, or not. Gives the time at which it is to look
    /// again, if there is one.
    pub(super) fn finish(&mut self, waits_for_room: bool) -> Result<Option<Instant>, AtOnce> {
        let unseen = !waits_for_room && !self.blocked.is_empty();
        if unseen || !self.events.is_empty() || !self.more.is_empty() {
            return Err(AtOnce);
        }
        self.working = false;
        self.sleeps_until = self.timers.first().map(|(at, _)| *at);
        Ok(self.sleeps_until)
    }

    /// Whom to wake after something was added.
    pub(super) fn added(&self) -> Option<Waker> {
        match self.working {
            true => None,
            false => self.waker.clone(),
        }
    }

    /// A connection wants to be looked at `at` this time, and not at another that was noted `before`.
    /// Gives whom to wake.
    pub(super) fn arm(
        &mut self,
        handle: ConnectionHandle,
        before: Option<Instant>,
        at: Instant,
    ) -> Option<Waker> {
        self.disarm(handle, before);
        self.timers.insert((at, handle.0));
        match self.sleeps_until {
            Some(until) if until <= at => None,
            _ => self.added(),
        }
    }

    pub(super) fn disarm(&mut self, handle: ConnectionHandle, at: Option<Instant>) {
        if let Some(at) = at {
            self.timers.remove(&(at, handle.0));
        }
    }

    /// A connection whose time has come.
    pub(super) fn due(&mut self, now: Instant) -> Option<usize> {
        let (at, handle) = *self.timers.first()?;
        (at <= now).then(|| {
            self.timers.pop_first();
            handle
        })
    }
}

/// There is more to look at.
pub(super) struct AtOnce;
