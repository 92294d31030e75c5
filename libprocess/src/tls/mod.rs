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

use std::sync::Arc;

pub use authority::{Authority, AuthorityError};
pub use identity::{Identity, IdentityError};
pub use peer::PeerIdentity;
pub use trust::{Trust, TrustError};

pub(crate) use private_file::load_or_create as load_or_create_private;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
use verifier::PeerVerifier;

/// The application protocol of our links. Other QUIC traffic that reaches a node ends in the
/// handshake, and so does a node whose frames we would not understand.
const ALPN: &[u8] = b"libprocess/2";

/// The two TLS configurations of a node, which both accepts and opens links.
pub(crate) fn configure(
    identity: &Identity,
    trusts: &[Trust],
) -> Result<(ServerConfig, ClientConfig), rustls::Error> {
    let provider = provider();
    let verifier = Arc::new(PeerVerifier::new(trusts, provider.clone()));

    let mut server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier.clone())
        .with_single_cert(identity.chain(), identity.key())?;
    server.alpn_protocols = vec![ALPN.to_vec()];
    // Resumption would spare little and would let a link outlive its certificate.
    server.send_tls13_tickets = 0;

    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(identity.chain(), identity.key())?;
    client.alpn_protocols = vec![ALPN.to_vec()];
    client.resumption = Resumption::disabled();
    client.enable_sni = false;

    Ok((server, client))
}

/// ring, handed over explicitly: the process-wide default of rustls is not ours to set.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
