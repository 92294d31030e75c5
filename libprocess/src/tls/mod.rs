//! Who a node is, and whom it believes.
//!
//! Every link between nodes is mutual TLS 1.3. An [`Authority`] issues an [`Identity`] to each node:
//! an Ed25519 certificate whose one URI name, `libprocess://role/name`, says what the node is and
//! which one. The other side believes it if one of its [`Trust`]s does: issued by that authority, not
//! expired, and in a role that this authority may speak for. Both sides check; no host name takes
//! part, because nodes are addressed by number and move.
//!
//! ```text
//!   Authority ──issue(role, name)──► Identity ──► presented in the handshake
//!                                                          │
//!   Trust { roots, roles } ◄──────── checked against ──────┘ ──► PeerIdentity { role, name }
//! ```
//!
//! This module builds the TLS configurations; it knows nothing of sockets or QUIC.

mod authority;
mod identity;
mod peer;
mod private_file;
mod trust;
mod verifier;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

pub use authority::{Authority, AuthorityError};
pub use identity::{Identity, IdentityError};
pub use peer::PeerIdentity;
pub use trust::{Trust, TrustError};

pub(crate) use private_file::load_or_create as load_or_create_private;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::Ticketer;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
pub(crate) use verifier::PeerVerifier;

/// The application protocol of our links. Other QUIC traffic that reaches a node ends in the
/// handshake, and so does a node whose frames we would not understand.
const ALPN: &[u8] = b"libprocess/2";

/// What TLS needs to know of a node, which both accepts and opens links.
pub(crate) struct Configuration {
    pub(crate) server: ServerConfig,
    pub(crate) client: ClientConfig,
    pub(crate) verifier: Arc<PeerVerifier>,
}

/// Sessions with other nodes that a node remembers, to shake hands faster when it meets them again: what
/// rustls keeps of up to eight for each of 512 nodes.
const SESSIONS: usize = 4096;

/// The configurations for an identity and those it believes. Sessions are resumed only between the same
/// configurations: with another one, everything is proven anew.
pub(crate) fn configure(
    identity: &Identity,
    trusts: &[Trust],
) -> Result<Configuration, rustls::Error> {
    let provider = provider();
    let verifier = Arc::new(PeerVerifier::new(trusts, provider.clone()));

    let mut server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier.clone())
        .with_single_cert(identity.chain(), identity.key())?;
    server.alpn_protocols = vec![ALPN.to_vec()];
    // The session lies with the other node, encrypted, its certificate in it: nothing is kept here.
    server.ticketer = Ticketer::new()?;
    server.send_tls13_tickets = 1;
    // Nothing may have an effect before the handshake is over: it could be replayed.
    server.max_early_data_size = 0;

    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_client_auth_cert(identity.chain(), identity.key())?;
    client.alpn_protocols = vec![ALPN.to_vec()];
    client.resumption = Resumption::in_memory_sessions(SESSIONS);
    client.enable_sni = false;
    client.enable_early_data = false;

    Ok(Configuration {
        server,
        client,
        verifier,
    })
}

/// The name under which a client remembers sessions with the node at `address`. It is not sent.
pub(crate) fn session_name(address: SocketAddr) -> String {
    let host = match address.ip() {
        IpAddr::V4(ip) => format!("{:08x}", u32::from(ip)),
        IpAddr::V6(ip) => format!("{:032x}", u128::from(ip)),
    };
    format!("n{host}-{}", address.port())
}

/// ring, handed over explicitly: the process-wide default of rustls is not ours to set.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
