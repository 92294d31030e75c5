//! A daemon as its service manager sees it: a process that is sent signals and tells a socket how it goes.

#![cfg(all(feature = "daemon", target_os = "linux"))]
#![allow(missing_docs)]

#[path = "process/mod.rs"]
mod other;

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Long enough for anything that happens at all.
const SOON: Duration = Duration::from_secs(20);

struct Started {
    child: Child,
    lines: BufReader<ChildStdout>,
    manager: UnixDatagram,
    _folder: TempDir,
}

impl Started {
    fn with(manners: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_read_timeout(Some(SOON)).unwrap();
        let mut child = Command::new(other::program())
            .args(["daemon", manners])
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "20000")
            .env_remove("WATCHDOG_PID")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            lines,
            manager,
            _folder: folder,
        }
    }

    /// What the manager hears next, the watchdog aside.
    #[track_caller]
    fn hears(&self, expected: &str) {
        loop {
            let mut buffer = [0; 256];
            let length = self.manager.recv(&mut buffer).unwrap();
            let heard = String::from_utf8_lossy(&buffer[..length]);
            if heard != "WATCHDOG=1\n" || expected == "WATCHDOG=1\n" {
                assert_eq!(heard, expected);
                return;
            }
        }
    }

    /// Reads what it writes, up to this line, which must come.
    #[track_caller]
    fn writes(&mut self, expected: &str) {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if line.trim_end() == expected {
                return;
            }
            line.clear();
        }
        panic!("it never wrote {expected}");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args(["-s", signal, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // Only one that a failed test left behind is still there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_says_how_it_goes_and_ends_in_order() {
    let mut daemon = Started::with("polite");
    daemon.writes("Starting");
    daemon.hears("READY=1\nSTATUS=serving\n");
    daemon.writes("Ready");
    daemon.hears("WATCHDOG=1\n");
    daemon.hears("WATCHDOG=1\n");
    daemon.signal("HUP");
    daemon.writes("renewed");
    daemon.signal("TERM");
    daemon.hears("STOPPING=1\nSTATUS=draining\n");
    daemon.writes("door Draining");
    daemon.writes("node");
    daemon.writes("Signal(\"a termination signal\")");
    assert_eq!(daemon.exit_code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut daemon = Started::with("stubborn");
    daemon.hears("READY=1\nSTATUS=serving\n");
    daemon.signal("TERM");
    daemon.writes("door Draining");
    let asked_again = Instant::now();
    daemon.signal("INT");
    daemon.writes("AtOnce");
    assert_eq!(daemon.exit_code(), Some(130));
    assert!(asked_again.elapsed() < Duration::from_secs(5));
}
