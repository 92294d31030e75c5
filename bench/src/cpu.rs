//! How much processor time this process and those it started have used.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// By all threads, and by all processes that have ended and were waited for.
pub(crate) fn used() -> Duration {
    let both = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN];
    let usages = both.map(|who| getrusage(who).expect("the usage of this process"));
    let times = usages
        .iter()
        .flat_map(|it| [it.user_time(), it.system_time()]);
    times.map(duration).sum()
}

fn duration(time: TimeVal) -> Duration {
    let (seconds, micros) = (time.tv_sec() as u64, time.tv_usec() as u64);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}
