//! The gate that all tasks of a node pass whenever they run: closed while the node is paused.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Clones are handles of the same gate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<State>);

#[derive(Debug, Default)]
struct State {
    closed: AtomicBool,
    /// Tasks that were woken meanwhile; each at most once.
    parked: Mutex<Vec<Waker>>,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn open(&self) {
        self.0.closed.store(false, Ordering::Relaxed);
        let parked = std::mem::take(&mut *self.parked());
        parked.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Relaxed)
    }

    /// The future, which gets to run only while the gate is open.
    pub(crate) fn guard<F: Future + Unpin>(&self, future: F) -> Guarded<F> {
        Guarded {
            gate: self.clone(),
            future,
            parked: false,
        }
    }

    fn parked(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.0.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Guarded<F> {
    gate: Gate,
    future: F,
    parked: bool,
}

impl<F: Future + Unpin> Future for Guarded<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.gate.is_closed() {
            if !self.parked {
                self.gate.parked().push(cx.waker().clone());
                self.parked = true;
            }
            return Poll::Pending;
        }
        self.parked = false;
        Pin::new(&mut self.future).poll(cx)
    }
}
