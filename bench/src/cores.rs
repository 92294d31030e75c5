//! On which cores threads run. Left to the system, two threads that talk to each other are now on one core, now on
//! two, by chance and for as long as they live; and an answer takes ten times as long in one case as in the other.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Keeps this thread, and those it starts, on one core, until it is dropped.
pub(crate) struct Pinned {
    before: CpuSet,
}

impl Pinned {
    /// On one of the cores where it may run now: the first, the second, and so on around.
    pub(crate) fn to(number: usize) -> Self {
        let before = sched_getaffinity(this_thread()).expect("the cores of this thread");
        let cores: Vec<usize> = (0..CpuSet::count())
            .filter(|core| before.is_set(*core).expect("a core"))
            .collect();
        let mut core = CpuSet::new();
        core.set(cores[number % cores.len()]).expect("a core");
        sched_setaffinity(this_thread(), &core).expect("a core of its own");
        Self { before }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        sched_setaffinity(this_thread(), &self.before).expect("the cores it had before");
    }
}

/// What `start` gives, whose threads are on another core than this thread, which is pinned until the rest is dropped.
pub(crate) fn apart<R>(start: impl FnOnce() -> R) -> (R, Pinned) {
    let started = {
        let _there = Pinned::to(1);
        start()
    };
    (started, Pinned::to(0))
}

fn this_thread() -> Pid {
    Pid::from_raw(0)
}
