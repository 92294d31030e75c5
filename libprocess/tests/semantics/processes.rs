//! Two nodes in two processes of the operating system, one of which is killed, restarted, or stopped and continued.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{SOON, soon};
use crate::other::{
    self, Heard, LISTENING, LIVENESS, Note, Noted, Watch, WhoAreYou, Witness, WitnessProtocol,
};
use libprocess::prelude::*;
use libprocess::tls::Authority;
use libprocess::transport::Liveness;
use tempfile::TempDir;

/// What a busy machine may add to a bound.
const SLACK: Duration = Duration::from_millis(1500);

/// The other process, killed at the end of its test.
struct Other {
    child: Child,
    /// Open for as long as the process is to live.
    _stdin: ChildStdin,
    address: SocketAddr,
}

impl Other {
    fn start(folder: &TempDir, address: SocketAddr) -> Self {
        let mut child = Command::new(other::program())
            .arg("witness")
            .arg(folder.path())
            .arg(address.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix(LISTENING)?.parse().ok());
        Self {
            _stdin: child.stdin.take().unwrap(),
            address: address.expect("the other process did not start"),
            child,
        }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by the shell's own `kill`, which every system has.
    fn signal(&self, name: &str) {
        let command = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &command]).status();
        assert!(status.unwrap().success(), "{command}");
    }

    fn witness(&self) -> Pid<WitnessProtocol> {
        Pid::named("witness", self.address)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // A stopped process is killed, too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A node here, and the folder of the other one's identity and keys.
async fn here(liveness: Liveness) -> (Node, TempDir) {
    let authority = Authority::generate("test");
    let folder = tempfile::tempdir().unwrap();
    let other = authority.issue("node", "other");
    other.write(&folder.path().join("identity.pem")).unwrap();
    let here = Node::bind("127.0.0.1:0")
        .identity(authority.issue("node", "here"))
        .liveness(liveness)
        .start()
        .await
        .unwrap();
    (here, folder)
}

/// Any port that is free.
const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

#[tokio::test]
async fn a_process_killed_is_missed_within_the_configured_silence() {
    let (here, folder) = here(LIVENESS).await;
    let mut other = Other::start(&folder, ANYWHERE);
    let witness = other.witness();
    assert_eq!(here.ask(&witness, Note(1), SOON).await, Ok(()));
    let ended = here.monitor(&witness);

    // SIGKILL: nothing in that process can say goodbye. Only the silence tells.
    other.kill();
    let killed = Instant::now();
    assert_eq!(soon(ended).await.reason, ExitReason::Disconnected);
    let noticed = killed.elapsed();
    assert!(noticed < LIVENESS.silent_after + SLACK, "{noticed:?}");
}

#[tokio::test]
async fn a_process_killed_and_restarted_ends_its_old_links_at_once() {
    let (here, folder) = here(Liveness::default()).await;
    let mut other = Other::start(&folder, ANYWHERE);
    // A pid of this life, as an actor would have stored it.
    let stored = here.ask(&other.witness(), WhoAreYou, SOON).await.unwrap();
    let ended = here.monitor(&stored);
    assert_eq!(here.ask(&stored, Note(1), SOON).await, Ok(()));

    other.kill();
    let other = Other::start(&folder, other.address);
    let returned = Instant::now();
    assert_eq!(soon(ended).await.reason, ExitReason::Disconnected);
    let noticed = returned.elapsed();
    // It did not need the silence: the successor disowned the link with its predecessor's keys.
    assert!(noticed < Duration::from_millis(500), "{noticed:?}");
    // The stored pid never reaches the successor; the name does, which knows nothing of what its predecessor was told.
    here.tell(&stored, Note(2));
    let gone = AskError::Exited(ExitReason::NoProcess);
    assert_eq!(here.ask(&stored, Noted, SOON).await, Err(gone));
    assert_eq!(
        soon(here.monitor(&stored)).await.reason,
        ExitReason::NoProcess
    );
    assert_eq!(here.ask(&other.witness(), Noted, SOON).await, Ok(vec![]));
}

#[tokio::test]
async fn a_process_stopped_and_continued_agrees_that_the_old_link_is_over() {
    const MESSAGES: u64 = 1000;
    let (here, folder) = here(LIVENESS).await;
    let other = Other::start(&folder, ANYWHERE);
    let witness = other.witness();
    let me = here.spawn("me", |_| Witness::default()).unwrap();
    assert_eq!(here.ask(&witness, Watch(me.any()), SOON).await, Ok(()));
    let ended = here.monitor(&witness);
    for number in 0..MESSAGES {
        here.tell(&witness, Note(number));
    }
    assert_eq!(
        here.ask(&witness, Noted, SOON).await,
        Ok((0..MESSAGES).collect())
    );

    other.signal("STOP");
    let stopped = Instant::now();
    // Into the sockets of a process that does not run: some of it arrives once it does.
    for number in MESSAGES..2 * MESSAGES {
        here.tell(&witness, Note(number));
    }
    assert_eq!(soon(ended).await.reason, ExitReason::Disconnected);
    let noticed = stopped.elapsed();
    assert!(noticed < LIVENESS.silent_after + SLACK, "{noticed:?}");

    other.signal("CONT");
    for number in 2 * MESSAGES..3 * MESSAGES {
        here.tell(&witness, Note(number));
    }
    // The new link works; the other side heard the end of the old one, once.
    assert_eq!(here.ask(&witness, Note(u64::MAX), SOON).await, Ok(()));
    let heard = soon(async {
        loop {
            let heard = here.ask(&witness, Heard, SOON).await.unwrap();
            if !heard.is_empty() {
                break heard;
            }
        }
    });
    assert_eq!(heard.await, [ExitReason::Disconnected]);
    let noted = here.ask(&witness, Noted, SOON).await.unwrap();
    // Nothing twice and nothing out of order, although a part of the middle may be missing.
    assert!(noted.is_sorted_by(|one, next| one < next), "{noted:?}");
    let of = |range: std::ops::Range<u64>| noted.iter().filter(|n| range.contains(n)).count();
    assert_eq!(of(0..MESSAGES), MESSAGES as usize);
    // What was sent after the break belongs to the new link: all of it is there.
    assert_eq!(of(2 * MESSAGES..3 * MESSAGES), MESSAGES as usize);
}
