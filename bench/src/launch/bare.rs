//! Processes without anybody to look after them.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::cluster::mesos_binary;

/// Spawns `true` so many times, then waits for all.
pub(super) fn programs(count: usize) -> Duration {
    spawn(count, || Command::new("true"))
}

/// The same with the program that is each task's executor, to tell its start from what it does.
pub(super) fn executors(count: usize) -> Duration {
    spawn(count, || {
        let mut command = Command::new(mesos_binary());
        command.arg("--version");
        command
    })
}

fn spawn(count: usize, program: impl Fn() -> Command) -> Duration {
    let start = Instant::now();
    let children: Vec<Child> = (0..count)
        .map(|_| {
            let mut command = program();
            command.stdout(Stdio::null());
            command.spawn().expect("the program starts")
        })
        .collect();
    for mut child in children {
        let status = child.wait().expect("a child to wait for");
        assert!(status.success());
    }
    start.elapsed()
}
