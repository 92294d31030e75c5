//! How we use QUIC: every option of quinn that we set, with its reason.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use ring::hmac;

use super::keys::EndpointKeys;
use super::{BindError, EndpointConfig, MAX_LANES};
use crate::tls;

/// How soon silence counts as the end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// A connection on which nothing else is sent is pinged this often.
    pub keep_alive: Duration,
    /// A connection on which nothing arrived for so long is over. Several pings must fit in, or
    /// their loss would end it.
    pub idle_timeout: Duration,
}

impl Default for Liveness {
    /// A second, and four: a machine that lost power is noticed in four seconds, three pings in a
    /// row may get lost.
    fn default() -> Self {
        Liveness {
            keep_alive: Duration::from_secs(1),
            idle_timeout: Duration::from_secs(4),
        }
    }
}

/// A round trip in a cluster until it was measured. The protocol's own guess, 333 ms, would make
/// the loss of a connection's first packet a second's pause.
const INITIAL_RTT: Duration = Duration::from_millis(20);

/// What one lane may have under way. One actor's burst; a quarter of the connection's.
const LANE_WINDOW: u32 = 2 << 20;

/// What a connection may have under way, and so what it costs at most in memory at each end.
const CONNECTION_WINDOW: u32 = 8 << 20;

/// quinn's configurations for both directions.
pub(super) fn quic(config: &EndpointConfig) -> Result<(ServerConfig, ClientConfig), BindError> {
    let own = [config.identity.trust()];
    let trusts = match config.trusts.as_slice() {
        [] => &own,
        trusts => trusts,
    };
    let refused = |error: &dyn std::fmt::Display| BindError::Identity {
        reason: error.to_string(),
    };
    let (server, client) = tls::configure(&config.identity, trusts).map_err(|e| refused(&e))?;
    let server = QuicServerConfig::try_from(server).map_err(|e| refused(&e))?;
    let client = QuicClientConfig::try_from(client).map_err(|e| refused(&e))?;

    let transport = Arc::new(transport(config.liveness));
    let mut server = ServerConfig::with_crypto(Arc::new(server));
    // A node's address is part of its name: it does not move during a connection.
    server.transport_config(transport.clone()).migration(false);
    let mut client = ClientConfig::new(Arc::new(client));
    client.transport_config(transport);
    Ok((server, client))
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
    Ok(quic)
}

fn transport(liveness: Liveness) -> TransportConfig {
    let idle = IdleTimeout::try_from(liveness.idle_timeout)
        .unwrap_or_else(|_| IdleTimeout::from(VarInt::MAX));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_uni_streams(VarInt::from_u32(MAX_LANES))
        // Lanes are one-way, and nothing else is carried.
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(liveness.keep_alive))
        .max_idle_timeout(Some(idle))
        .initial_rtt(INITIAL_RTT)
        .stream_receive_window(VarInt::from_u32(LANE_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(u64::from(CONNECTION_WINDOW));
    transport
}

fn expand(seed: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}
