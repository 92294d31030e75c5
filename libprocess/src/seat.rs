//! A node's seat in a simulated world: its clock, and the gate that all of its tasks pass. A real node has none, and
//! without the feature `sim` there is nothing of it.

use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;

use tokio::task::{AbortHandle, JoinSet};

#[cfg(feature = "sim")]
use std::sync::Arc;

/// What a node and all that runs for it hold of the world around. Empty for real nodes.
#[derive(Clone, Debug, Default)]
pub struct Seat {
    #[cfg(feature = "sim")]
    simulated: Option<Arc<crate::sim::Simulated>>,
}

impl Seat {
    #[cfg(feature = "sim")]
    pub(crate) fn simulated(seat: Arc<crate::sim::Simulated>) -> Self {
        Seat {
            simulated: Some(seat),
        }
    }

    #[cfg(feature = "sim")]
    pub(crate) fn as_simulated(&self) -> Option<&Arc<crate::sim::Simulated>> {
        self.simulated.as_ref()
    }

    /// What the node's calendar and clock on the wall show. They may be wrong, and jump.
    pub(crate) fn wall_time(&self) -> SystemTime {
        #[cfg(feature = "sim")]
        if let Some(seat) = &self.simulated {
            return seat.wall_time();
        }
        SystemTime::now()
    }

    /// Runs a task of the node among those of its thread: not while the node is paused.
    pub(crate) fn spawn_local(
        &self,
        tasks: &mut JoinSet<()>,
        task: impl Future<Output = ()> + Unpin + 'static,
    ) -> AbortHandle {
        #[cfg(feature = "sim")]
        if let Some(seat) = &self.simulated {
            return tasks.spawn_local(seat.gate().guard(task));
        }
        tasks.spawn_local(task)
    }

    /// The future as it runs on the node: not while the node is paused.
    pub(crate) fn hosted(
        &self,
        future: Pin<Box<dyn Future<Output = ()> + Send>>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        #[cfg(feature = "sim")]
        if let Some(seat) = &self.simulated {
            return Box::pin(seat.gate().guard(future));
        }
        future
    }

    /// Whether nothing of the node runs at the moment.
    #[cfg(feature = "sim")]
    pub(crate) fn is_paused(&self) -> bool {
        let seat = self.simulated.as_ref();
        seat.is_some_and(|seat| seat.gate().is_closed())
    }

    /// Whether what runs has to be [`hosted`](Self::hosted).
    pub(crate) fn is_simulated(&self) -> bool {
        #[cfg(feature = "sim")]
        return self.simulated.is_some();
        #[cfg(not(feature = "sim"))]
        false
    }
}
