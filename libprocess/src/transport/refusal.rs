//! Why two nodes did not believe each other, in words that say what to do.
//!
//! TLS tells the other side one number (RFC 8446 §6); quinn says which side it comes from.

use quinn::ConnectionError;

/// Where TLS alerts begin among the error codes of QUIC (RFC 9001 §4.8).
const ALERTS: u64 = 0x100;

/// What the peer is told if its certificate was found wanting only after the handshake.
pub(super) const PEERS: &str = "your certificate is not, or not any more, believed by this node";

/// The words for a handshake that failed.
pub(super) fn explain(error: &ConnectionError) -> String {
    // An error of ours is about the peer's certificate, one of the peer's about ours.
    let (code, whose, by) = match error {
        ConnectionError::TransportError(error) => {
            (u64::from(error.code), "the peer's", "this node")
        }
        ConnectionError::ConnectionClosed(close) => {
            (u64::from(close.error_code), "this node's", "the peer")
        }
        _ => return error.to_string(),
    };
    let words = match code.checked_sub(ALERTS) {
        Some(45) => format!(
            "{whose} certificate has expired: issue a new one, for `Node::rotate` or the next start"
        ),
        Some(42) => format!(
            "{whose} certificate is malformed or not valid yet: compare the clocks, or issue a new one"
        ),
        Some(48) => format!(
            "{whose} certificate is from an authority that {by} does not trust: issue one from an \
             authority that it does, or add a `Trust` to {by}"
        ),
        Some(49) => format!(
            "{whose} certificate is in a role that {by} does not accept from its authority: issue one \
             in another role, or widen the `Trust` of {by}"
        ),
        Some(116) => format!("{whose} certificate is missing: start it with an `Identity`"),
        Some(120) => "the two nodes have different wire formats, or one is no node of libprocess: \
                      bring both to the same version"
            .to_owned(),
        _ => return error.to_string(),
    };
    format!("{words} ({error})")
}

/// The words for a certificate that this node found wanting after the handshake.
pub(super) fn ours(error: &rustls::Error) -> String {
    format!("the peer's certificate is not believed any more: issue a new one ({error})")
}

/// The words for this node's certificate that the peer found wanting after the handshake.
pub(super) fn theirs() -> String {
    "this node's certificate is not believed any more by the peer: issue a new one, for `Node::rotate` or \
     the next start"
        .to_owned()
}
