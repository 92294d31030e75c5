//! The authenticated identity of a peer, and its form inside a certificate.

use std::fmt;

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

/// What the other side of a link proved to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeerIdentity {
    /// What kind of node it is. libprocess knows no roles; it compares them with those of a [`Trust`].
    ///
    /// [`Trust`]: super::Trust
    pub role: String,
    /// Which one of that role.
    pub name: String,
}

const SCHEME: &str = "libprocess://";

impl PeerIdentity {
    /// An identity with this role and name.
    pub fn new(role: impl Into<String>, name: impl Into<String>) -> Self {
        PeerIdentity {
            role: role.into(),
            name: name.into(),
        }
    }

    /// The certificate's form: `libprocess://role/name`, both parts percent-encoded.
    pub(crate) fn to_uri(&self) -> String {
        format!("{SCHEME}{}/{}", encode(&self.role), encode(&self.name))
    }

    pub(crate) fn from_uri(uri: &str) -> Option<Self> {
        let (role, name) = uri.strip_prefix(SCHEME)?.split_once('/')?;
        Some(PeerIdentity {
            role: decode(role)?,
            name: decode(name)?,
        })
    }

    /// Reads the identity out of a certificate. Only to be believed after the certificate was
    /// verified. None if it has no identity of ours, or more than one.
    pub(crate) fn of_certificate(certificate: &CertificateDer<'_>) -> Option<Self> {
        let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
        let mut identities = certificate.valid_uri_names().filter_map(Self::from_uri);
        let identity = identities.next()?;
        identities.next().is_none().then_some(identity)
    }
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.role, self.name)
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        decoded.push((high * 16 + low) as u8);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_role_and_name_survive_the_certificate_form() {
        for (role, name) in [
            ("agent", "host-1"),
            ("", ""),
            ("a/b", "é %2F\n"),
            ("%", "/"),
        ] {
            let identity = PeerIdentity::new(role, name);
            let uri = identity.to_uri();
            assert!(uri.is_ascii());
            assert_eq!(PeerIdentity::from_uri(&uri), Some(identity));
        }
    }

    #[test]
    fn foreign_and_broken_uris_are_no_identity() {
        for uri in [
            "https://agent/host",
            "libprocess://agent",
            "libprocess://agent/%f",
            "libprocess://agent/%zz",
            "libprocess://agent/%FF",
        ] {
            assert_eq!(PeerIdentity::from_uri(uri), None, "{uri}");
        }
    }
}
