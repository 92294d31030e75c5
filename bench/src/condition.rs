//! In what state the machine is while something is measured.

use crate::child::{self, Child, Role};
use crate::cores::Pinned;

/// A latency on a quiet machine is mostly the time that a sleeping core takes to wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing else runs; cores sleep when we do.
    Quiet,
    /// Every core spins in a process of idle priority, which gives way to everything at once.
    Awake,
    /// All threads share one core: none is woken by another, so that what counts is what is done.
    Together,
}

impl Condition {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Condition::Quiet => "quiet",
            Condition::Awake => "awake",
            Condition::Together => "together",
        }
    }

    /// Holds the condition until the result is dropped.
    pub(crate) fn hold(self) -> Held {
        match self {
            Condition::Quiet => Held::Nothing,
            Condition::Awake => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                Held::Awake((0..cores).map(|_| Spinner::start()).collect())
            }
            Condition::Together => Held::Together(Pinned::to(0)),
        }
    }
}

/// What holds a condition.
pub(crate) enum Held {
    Nothing,
    Awake(#[expect(dead_code, reason = "dropped, it ends them")] Vec<Spinner>),
    Together(#[expect(dead_code, reason = "dropped, it lets go")] Pinned),
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
