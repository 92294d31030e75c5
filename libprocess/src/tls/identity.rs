//! What a node presents.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

use super::{PeerIdentity, Trust, private_file};

/// A node's certificate, its private key, and the certificate of the authority that issued it.
///
/// In PEM: the private key, the node's certificate, then the certificates of authorities. The text
/// is a secret, so it is only given out by [`Identity::to_pem`], not by `Display`.
#[derive(Clone)]
pub struct Identity {
    peer: PeerIdentity,
    key: PrivateKey,
    certificate: CertificateDer<'static>,
    roots: Vec<CertificateDer<'static>>,
    pem: String,
}

/// Why some text or file is not an identity.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The file could not be read or written.
    #[error("the identity in {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no PKCS #8 private key in it.
    #[error("an identity needs a PKCS #8 private key in PEM, and there is none")]
    NoKey,
    /// There is no certificate in it, or one that cannot be read.
    #[error("an identity needs the node's certificate in PEM, and there is none that can be read")]
    NoCertificate,
    /// The certificate names no node.
    #[error("the certificate has no name of the form libprocess://role/name")]
    NoName,
}

/// Makes the key clonable, which its type is not, so that it is not copied by accident.
struct PrivateKey(PrivatePkcs8KeyDer<'static>);

impl Identity {
    /// What peers will see.
    pub fn peer(&self) -> &PeerIdentity {
        &self.peer
    }

    /// Believes the authority that issued this identity, in any role.
    pub fn trust(&self) -> Trust {
        Trust::any_role(self.roots.clone())
    }

    /// The same identity, which believes the authorities in this PEM text beside its own: for a node
    /// whose peers were certified by another authority.
    ///
    /// # Errors
    /// If there is no readable certificate in the text.
    pub fn believing(&self, authorities_pem: &str) -> Result<Self, IdentityError> {
        Trust::from_pem(authorities_pem).map_err(|_| IdentityError::NoCertificate)?;
        Self::from_pem(&format!("{}{authorities_pem}", self.pem))
    }

    /// Reads what [`to_pem`](Self::to_pem) wrote.
    ///
    /// # Errors
    /// If the key or the certificate is missing or unreadable.
    pub fn from_pem(pem: &str) -> Result<Self, IdentityError> {
        let bytes = pem.as_bytes();
        let key = PrivatePkcs8KeyDer::from_pem_slice(bytes).map_err(|_| IdentityError::NoKey)?;
        let mut certificates = CertificateDer::pem_slice_iter(bytes)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| IdentityError::NoCertificate)?;
        if certificates.is_empty() {
            return Err(IdentityError::NoCertificate);
        }
        let certificate = certificates.remove(0);
        let peer = PeerIdentity::of_certificate(&certificate).ok_or(IdentityError::NoName)?;
        Ok(Identity {
            peer,
            key: PrivateKey(key),
            certificate,
            roots: certificates,
            pem: pem.to_owned(),
        })
    }

    /// Key and certificates as text: a secret.
    pub fn to_pem(&self) -> &str {
        &self.pem
    }

    /// Reads an identity from a file that only its owner can read.
    ///
    /// # Errors
    /// If the file cannot be read, is readable by others, or is no identity.
    pub fn read(path: &Path) -> Result<Self, IdentityError> {
        let content = private_file::read(path).map_err(|source| IdentityError::File {
            path: path.to_owned(),
            source,
        })?;
        Self::from_pem(&String::from_utf8_lossy(&content))
    }

    /// Writes the identity to a file, atomically, with mode 0600.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), IdentityError> {
        private_file::write(path, self.pem.as_bytes()).map_err(|source| IdentityError::File {
            path: path.to_owned(),
            source,
        })
    }

    /// Puts together what an authority made; the three texts come from rcgen.
    pub(super) fn assemble(peer: &PeerIdentity, key: &str, certificate: &str, root: &str) -> Self {
        let identity = Self::from_pem(&format!("{key}{certificate}{root}"))
            .expect("what an authority issues is an identity");
        debug_assert_eq!(identity.peer(), peer);
        identity
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone()]
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.clone().0)
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(pem: &str) -> Result<Self, IdentityError> {
        Self::from_pem(pem)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.peer)
    }
}

impl Clone for PrivateKey {
    fn clone(&self) -> Self {
        PrivateKey(self.0.clone_key())
    }
}
