//! Issuing identities.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, SanType, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use thiserror::Error;

use super::{Identity, PeerIdentity, Trust, private_file};

/// Issues identities to nodes. Nodes that trust it believe what it says they are.
pub struct Authority {
    name: String,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// Why an authority could not be loaded or created.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// The file could not be read or written.
    #[error("the authority in {path}: {source}")]
    File {
        /// The file that holds the authority's key and certificate.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error(
        "{path} does not hold an authority ({reason}): move it away and a new one is made, which \
         every node must then be given"
    )]
    Malformed {
        /// The file that holds the authority's key and certificate.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// The role in an authority's own certificate, which no node can have: certificates of authorities
/// are refused in the handshake.
const AUTHORITY_ROLE: &str = "authority";

/// The file in an authority's folder: its private key and its certificate, in PEM.
const FILE: &str = "authority.pem";

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Clocks of a cluster differ; a certificate must be valid at once on all of them.
const CLOCK_SKEW: Duration = DAY;

/// How long an authority lives: longer than a cluster.
const AUTHORITY_LIFETIME: Duration = DAY.saturating_mul(365 * 20);

/// How long an identity lives if nobody says otherwise: a daemon that nobody looked after for ten
/// years may stop.
const IDENTITY_LIFETIME: Duration = DAY.saturating_mul(365 * 10);

/// When a certificate is valid.
pub(super) struct Validity {
    pub(super) from: SystemTime,
    pub(super) until: SystemTime,
}

impl Authority {
    /// A new authority. Its key exists in memory only.
    pub fn generate(name: &str) -> Self {
        Self::create(name, generate_key(), &Validity::lasting(AUTHORITY_LIFETIME))
    }

    /// The authority kept in `folder`, made there if there is none. The folder gets mode 0700, the
    /// file 0600. Safe to call from several processes at once: all get the same authority.
    ///
    /// # Errors
    /// If the file cannot be read or written, is readable by others, or is no authority.
    pub fn load_or_create(folder: &Path) -> Result<Self, AuthorityError> {
        let path = folder.join(FILE);
        let content =
            private_file::load_or_create(&path, || Self::generate("local").to_pem().into_bytes());
        let content = content.map_err(|source| AuthorityError::File {
            path: path.clone(),
            source,
        })?;
        Self::from_pem(&content).map_err(|reason| AuthorityError::Malformed { path, reason })
    }

    /// The name it was generated with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A new identity in `role`, for the node called `name`, valid for ten years.
    pub fn issue(&self, role: &str, name: &str) -> Identity {
        self.issue_lasting(role, name, IDENTITY_LIFETIME)
    }

    /// A new identity that expires after `lifetime`.
    pub fn issue_lasting(&self, role: &str, name: &str, lifetime: Duration) -> Identity {
        let peer = PeerIdentity::new(role, name);
        self.sign(&peer, &generate_key(), &Validity::lasting(lifetime))
    }

    /// Believes every identity of this authority, in any role. Restrict it with [`Trust::only`].
    pub fn trust(&self) -> Trust {
        Trust::any_role(vec![self.certificate.clone()])
    }

    /// The key and the certificate in PEM: everything there is. Whoever has it, is the authority.
    pub fn to_pem(&self) -> String {
        format!(
            "{}{}",
            self.issuer.key().serialize_pem(),
            self.certificate_pem
        )
    }

    /// The certificate in PEM, for those who shall trust this authority.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    pub(super) fn sign(&self, peer: &PeerIdentity, key: &KeyPair, validity: &Validity) -> Identity {
        let mut params = parameters(peer, validity);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let certificate = params
            .signed_by(key, &self.issuer)
            .expect("an Ed25519 key signs anything");
        Identity::assemble(
            peer,
            &key.serialize_pem(),
            &certificate.pem(),
            &self.certificate_pem,
        )
    }

    fn create(name: &str, key: KeyPair, validity: &Validity) -> Self {
        let params = authority_parameters(name, validity);
        let certificate = params
            .self_signed(&key)
            .expect("an Ed25519 key signs anything");
        Authority {
            name: name.to_owned(),
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    fn from_pem(content: &[u8]) -> Result<Self, &'static str> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(content).map_err(|_| "no private key")?;
        let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ED25519)
            .map_err(|_| "not an Ed25519 key")?;
        let certificate = CertificateDer::from_pem_slice(content).map_err(|_| "no certificate")?;
        let peer = PeerIdentity::of_certificate(&certificate)
            .filter(|peer| peer.role == AUTHORITY_ROLE)
            .ok_or("the certificate is not an authority's")?;
        // The subject follows from the name, so nothing else has to be read from the certificate.
        let params = authority_parameters(&peer.name, &Validity::lasting(AUTHORITY_LIFETIME));
        let text = String::from_utf8_lossy(content);
        let start = text
            .find("-----BEGIN CERTIFICATE")
            .ok_or("no certificate")?;
        let certificate_pem = text[start..].to_owned();
        Ok(Authority {
            name: peer.name,
            certificate,
            certificate_pem,
            issuer: Issuer::new(params, key),
        })
    }
}

#[cfg(feature = "sim")]
impl Authority {
    /// An authority whose every byte follows from `seed`, for simulated worlds: never for a real
    /// network, where the seed would be the key.
    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        Self::create("simulated", seeded_key(seed), &Validity::unlimited())
    }

    /// An identity whose every byte follows from `seed`.
    pub(crate) fn issue_from_seed(&self, role: &str, name: &str, seed: [u8; 32]) -> Identity {
        let peer = PeerIdentity::new(role, name);
        self.sign(&peer, &seeded_key(seed), &Validity::unlimited())
    }
}

/// The Ed25519 key with this secret, through its PKCS #8 form (RFC 8410 §7).
#[cfg(feature = "sim")]
fn seeded_key(secret: [u8; 32]) -> KeyPair {
    const PKCS8_PREFIX: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let pkcs8 = [&PKCS8_PREFIX[..], &secret[..]].concat();
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8), &PKCS_ED25519)
        .expect("any 32 bytes are an Ed25519 key")
}

fn generate_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).expect("the system has randomness")
}

fn authority_parameters(name: &str, validity: &Validity) -> CertificateParams {
    let mut params = parameters(&PeerIdentity::new(AUTHORITY_ROLE, name), validity);
    // Authorities issue to nodes, not to further authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn parameters(peer: &PeerIdentity, validity: &Validity) -> CertificateParams {
    let uri = peer.to_uri();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, peer.to_string());
    params.subject_alt_names = vec![SanType::URI(
        uri.try_into().expect("a percent-encoded URI is ASCII"),
    )];
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(validity.from);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(validity.until);
    params
}

impl Validity {
    fn lasting(lifetime: Duration) -> Self {
        let now = SystemTime::now();
        Validity {
            from: now - CLOCK_SKEW,
            until: now + lifetime.min(AUTHORITY_LIFETIME),
        }
    }

    /// 1970 to 2049: fixed, and in the years whose encoding has one length.
    #[cfg(feature = "sim")]
    fn unlimited() -> Self {
        Validity {
            from: SystemTime::UNIX_EPOCH,
            until: SystemTime::UNIX_EPOCH + DAY.saturating_mul(365 * 79),
        }
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    // Whole seconds: certificates know nothing finer.
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    Duration::from_secs(seconds)
}
