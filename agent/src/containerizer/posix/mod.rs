//! Containers without control groups: a session and the descendants of its leader.
//!
//! Nothing is bounded, and a process that takes the trouble to leave both is not found again: the
//! agent says so in its log when it has to fall back to this (Mesos' `docs/mesos-containerizer.md`).

use std::time::Duration;

use mesos::v1;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use tokio::time::Instant;

use super::procfs;

/// As for control groups, see `--cgroups_destroy_timeout`; killed processes go much sooner.
const KILL_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);

/// Kills the session led by `leader` and all that descends from it. Says whether all is gone.
pub(crate) async fn destroy(leader: u32, start_time: u64) -> bool {
    let deadline = Instant::now() + KILL_TIMEOUT;
    loop {
        let members = procfs::session_and_descendants(leader, start_time);
        if members.is_empty() {
            return true;
        }
        // All are stopped before any is killed: nothing forks, and no child loses the parent by
        // which it would be found, between two signals.
        for signal in [Signal::SIGSTOP, Signal::SIGKILL] {
            for member in &members {
                signal_member(member, signal);
            }
        }
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What the processes use together; limits are not enforced and not reported.
pub(crate) fn statistics(leader: u32, start_time: u64, statistics: &mut v1::ResourceStatistics) {
    let members = procfs::session_and_descendants(leader, start_time);
    let ticks = unit(SysconfVar::CLK_TCK, 100) as f64;
    let page = unit(SysconfVar::PAGE_SIZE, 4096);
    let total = |of: fn(&procfs::Stat) -> u64| members.iter().map(of).sum::<u64>();
    statistics.cpus_user_time_secs = Some(total(|stat| stat.user_ticks) as f64 / ticks);
    statistics.cpus_system_time_secs = Some(total(|stat| stat.system_ticks) as f64 / ticks);
    let resident = total(|stat| stat.resident_pages) * page;
    statistics.mem_rss_bytes = Some(resident);
    statistics.mem_total_bytes = Some(resident);
    statistics.processes = u32::try_from(members.len()).ok();
    statistics.threads = u32::try_from(total(|stat| u64::from(stat.threads))).ok();
}

fn signal_member(member: &procfs::Stat, signal: Signal) {
    // The number may be another process' by now: look again, as late as possible.
    let same = procfs::stat(member.pid).is_some_and(|now| now.start_time == member.start_time);
    if let (true, Ok(pid)) = (same, i32::try_from(member.pid)) {
        // Gone already is as good as killed.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

fn unit(name: SysconfVar, usual: u64) -> u64 {
    sysconf(name)
        .ok()
        .flatten()
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or(usual)
}
