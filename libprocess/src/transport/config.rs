//! How we use QUIC: every option of quinn that we set, with its reason.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TransportConfig, VarInt};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use ring::hmac;

use super::congestion::BoundedFactory;
use super::keys::EndpointKeys;
use super::{BindError, EndpointConfig, MAX_LANES};
use crate::tls::{self, Identity, Trust};

/// How soon silence counts as the end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// A link on which nothing was heard for so long is pinged, and again after every such time. Also the
    /// longest time until something is sent to a peer that was restarted with its keys, which ends the
    /// links of its former life. An idle link costs one ping and one answer in this time. A node with more than
    /// 4,000 links waits longer, 0.1 ms for each, up to a quarter of `silent_after`, and so do its peers: if
    /// two nodes want to wait for different times, both do for the longer one, up to that quarter.
    pub ping_every: Duration,
    /// A link on which nothing was heard for so long is over. Several pings must fit in, or one late
    /// answer would end it.
    pub silent_after: Duration,
}

impl Default for Liveness {
    /// Within half a second, and four.
    fn default() -> Self {
        Liveness {
            ping_every: Duration::from_millis(400),
            silent_after: Duration::from_secs(4),
        }
    }
}

/// How many times longer than the link the transport waits for a sign of life: it only ends connections
/// that no link looks after, in the middle of a handshake.
const BACKSTOP: u32 = 2;

/// A round trip in a cluster until it was measured. The protocol's own guess, 333 ms, would make
/// the loss of a connection's first packet a second's pause.
const INITIAL_RTT: Duration = Duration::from_millis(20);

/// What one lane may have under way: what a fast network holds in a round trip, and not more: whatever is
/// under way is in the way of others.
const LANE_WINDOW: u32 = 512 * 1024;

/// What a connection may have under way, and so what it costs at most in memory at each end. More than
/// all lanes together ([`MAX_LANES`]), so that full ones leave room for control.
const CONNECTION_WINDOW: u32 = (MAX_LANES + 1) * LANE_WINDOW;

/// The largest datagram that is tried: what fits into a frame of the networks of data centres, 9,000 bytes, besides
/// the heads of IPv6 and UDP. What the way to a peer carries is found out for each connection; on a loopback it is
/// a sixth of the packets, each of which costs both ends more than its bytes do. Simulated networks are as everywhere:
/// there the protocol's own guess holds.
const LARGEST_DATAGRAM: u16 = 9_000 - 48;

/// How connections are accepted and opened with one identity.
pub(super) struct Ways {
    pub(super) server: ServerConfig,
    pub(super) client: ClientConfig,
    pub(super) verifier: Arc<tls::PeerVerifier>,
}

/// quinn's configurations for both directions.
pub(super) fn ways(
    identity: &Identity,
    trusts: &[Trust],
    liveness: Liveness,
    real: bool,
) -> Result<Ways, BindError> {
    let own = [identity.trust()];
    let trusts = match trusts {
        [] => &own,
        trusts => trusts,
    };
    let refused = |error: &dyn std::fmt::Display| BindError::Identity {
        reason: error.to_string(),
    };
    let tls = tls::configure(identity, trusts).map_err(|e| refused(&e))?;
    let server = QuicServerConfig::try_from(tls.server).map_err(|e| refused(&e))?;
    let client = QuicClientConfig::try_from(tls.client).map_err(|e| refused(&e))?;

    let transport = Arc::new(transport(liveness, real));
    let mut server = ServerConfig::with_crypto(Arc::new(server));
    // A node's address is part of its name: it does not move during a connection.
    server.transport_config(transport.clone()).migration(false);
    let mut client = ClientConfig::new(Arc::new(client));
    client.transport_config(transport);
    Ok(Ways {
        server,
        client,
        verifier: tls.verifier,
    })
}

pub(super) fn endpoint(config: &EndpointConfig) -> Result<quinn::EndpointConfig, BindError> {
    let keys = EndpointKeys::of(config)?;
    let reset = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &keys.reset));
    let mut quic = quinn::EndpointConfig::new(reset);
    quic.cid_generator(move || {
        Box::new(quinn_proto::HashedConnectionIdGenerator::from_key(
            keys.connection_id,
        ))
    });
    quic.rng_seed(config.seed.map(expand));
    if config.network.is_real() {
        let accepted = quic.max_udp_payload_size(LARGEST_DATAGRAM);
        accepted.expect("a size that datagrams may have");
    }
    Ok(quic)
}

fn transport(liveness: Liveness, real: bool) -> TransportConfig {
    let idle = IdleTimeout::try_from(liveness.silent_after * BACKSTOP)
        .unwrap_or_else(|_| IdleTimeout::from(VarInt::MAX));
    let mut discovery = MtuDiscoveryConfig::default();
    if real {
        discovery.upper_bound(LARGEST_DATAGRAM);
    }
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_uni_streams(VarInt::from_u32(MAX_LANES))
        // Lanes are one-way, and nothing else is carried.
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        // Links have pings of their own, which show more: that the other node reads and answers.
        .keep_alive_interval(None)
        .max_idle_timeout(Some(idle))
        .initial_rtt(INITIAL_RTT)
        .mtu_discovery_config(Some(discovery))
        .stream_receive_window(VarInt::from_u32(LANE_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(u64::from(CONNECTION_WINDOW))
        .congestion_controller_factory(Arc::<BoundedFactory>::default());
    transport
}

fn expand(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}
