//! Whether anybody listens at an address.
//!
//! A datagram to a UDP port that nobody has is answered, by a machine that is up, with an ICMP message. QUIC
//! takes no notice of those: a forged one must not break a connection, and the socket that all peers share
//! does not say whom an error is about. A socket of its own that is connected to the one address does, and
//! the system has checked the message against it. So a dead port is known in a round trip instead of by
//! silence; a machine that is down, or whose firewall swallows such messages, is still known by silence only.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

/// A peer that answers sooner is not asked about: most do.
const FIRST: Duration = Duration::from_millis(30);

/// Between questions: a machine sends few of these messages, and any of them may get lost.
const NEXT: Duration = Duration::from_millis(300);

/// Waits until it is certain that nobody listens at `address`; for ever otherwise.
pub(super) async fn vacant(address: SocketAddr) {
    sleep(FIRST).await;
    let any: IpAddr = match address.is_ipv4() {
        true => Ipv4Addr::UNSPECIFIED.into(),
        false => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = match UdpSocket::bind((any, 0)).await {
        Ok(socket) if socket.connect(address).await.is_ok() => socket,
        // It was worth a try.
        _ => return std::future::pending().await,
    };
    loop {
        // An empty datagram means nothing to whoever does listen.
        let refused = match socket.send(&[]).await {
            Err(error) => error.kind() == ErrorKind::ConnectionRefused,
            Ok(_) => {
                let answer = timeout(NEXT, socket.recv(&mut [0])).await;
                matches!(answer, Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused)
            }
        };
        if refused {
            return;
        }
        sleep(NEXT).await;
    }
}
