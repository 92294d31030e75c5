use std::net::{TcpListener, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at: often enough not to slow a test, seldom enough not to load the machine.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until `condition` gives a value, and fails the test with `what` after `deadline`.
#[track_caller]
pub fn eventually<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            start.elapsed() < deadline,
            "not within {deadline:?}: {what}"
        );
        thread::park_timeout(LOOK_EVERY);
    }
}

/// Lets time pass, in which something is to last.
pub fn pause(length: Duration) {
    let until = Instant::now() + length;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

/// Below the ports that systems give to outgoing connections (32768 on), which come and go at any moment.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A loopback port that nobody uses, and the one after it (a local cluster's agent): for TCP (HTTP) and UDP (QUIC) alike.
pub fn free_port() -> u16 {
    // Tests run in several processes at once: each begins to look somewhere else.
    let start = std::process::id().wrapping_mul(7919) as u16 % (PORTS.len() as u16);
    let count = PORTS.len() as u16;
    (0..count)
        .map(|step| PORTS.start + (start + step * 2) % (count - 1))
        .find(|port| is_free(*port) && is_free(port + 1))
        .expect("a free port")
}

fn is_free(port: u16) -> bool {
    let address = ("127.0.0.1", port);
    TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
}
