//! The disk below the work directory, as far as somebody wants to know when it changes.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Asked before every change of what is written down: each file that is written, renamed or removed, and each record
/// of a log. Nobody is asked on a real machine; a simulated one loses its power at one of them, and then nothing can
/// be changed any more.
#[derive(Clone, Default)]
pub struct Disk(Option<Arc<Ask>>);

type Ask = dyn Fn() -> io::Result<()> + Send + Sync;

impl Disk {
    /// A disk on which changes happen only while `ask` lets them.
    pub fn asking(ask: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Disk {
        Disk(Some(Arc::new(ask)))
    }

    /// Something is about to be changed.
    pub(crate) fn changes(&self) -> io::Result<()> {
        match &self.0 {
            Some(ask) => ask(),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").finish_non_exhaustive()
    }
}
