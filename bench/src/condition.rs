//! In what state the machine is while something is measured.

use crate::child::{self, Child, Role};

/// A latency on a quiet machine is mostly the time that a sleeping core takes to wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing else runs; cores sleep when we do.
    Quiet,
    /// Every core spins in a process of idle priority, which gives way to everything at once.
    Awake,
}

impl Condition {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Condition::Quiet => "quiet",
            Condition::Awake => "awake",
        }
    }

    /// Holds the condition until the result is dropped.
    pub(crate) fn hold(self) -> Vec<Spinner> {
        match self {
            Condition::Quiet => Vec::new(),
            Condition::Awake => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                (0..cores).map(|_| Spinner::start()).collect()
            }
        }
    }
}

/// A process that keeps a core awake.
pub(crate) struct Spinner {
    _process: Child,
}

impl Spinner {
    /// `chrt` belongs to util-linux, which every distribution has.
    fn start() -> Self {
        Self {
            _process: Child::start_by(&["chrt", "--idle", "0"], SPIN.0, &[]),
        }
    }
}

/// Spins until the process that started this one is gone.
pub(crate) const SPIN: Role = ("spin", spin);

fn spin(_: &[String]) {
    std::thread::spawn(child::hear);
    loop {
        std::hint::spin_loop();
    }
}
