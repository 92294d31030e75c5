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

/// A loopback port that nobody uses, for TCP (HTTP) and for UDP (QUIC) alike.
pub fn free_port() -> u16 {
    loop {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a free TCP port");
        let port = tcp.local_addr().expect("a bound address").port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
