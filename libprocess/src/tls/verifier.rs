//! The check of the other side's certificate, the same for both sides of a link.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerIncompatible, SignatureScheme,
};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::{PeerIdentity, Trust};

/// Believes a certificate if one of the trusts does.
pub(crate) struct PeerVerifier {
    trusts: Vec<Anchored>,
    provider: Arc<CryptoProvider>,
}

struct Anchored {
    anchors: Vec<TrustAnchor<'static>>,
    trust: Trust,
}

impl PeerVerifier {
    pub(super) fn new(trusts: &[Trust], provider: Arc<CryptoProvider>) -> Self {
        let trusts = trusts.iter().map(|trust| Anchored {
            // A root that cannot be read can vouch for nobody.
            anchors: trust
                .roots()
                .iter()
                .filter_map(|root| Some(anchor_from_trusted_cert(root).ok()?.to_owned()))
                .collect(),
            trust: trust.clone(),
        });
        PeerVerifier {
            trusts: trusts.collect(),
            provider,
        }
    }

    /// Checks a peer again once the handshake is over: a resumed one does not look at certificates, and
    /// this one may have expired since the session began.
    pub(crate) fn check_again(&self, chain: &[CertificateDer<'_>]) -> Result<(), Error> {
        let (certificate, intermediates) =
            chain.split_first().ok_or(CertificateError::BadEncoding)?;
        // Certificates are issued for both sides of a link, and the handshake has seen to the side.
        let usage = KeyUsage::client_auth();
        self.verify(certificate, intermediates, UnixTime::now(), usage)
    }

    fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
        usage: KeyUsage,
    ) -> Result<(), Error> {
        let peer = PeerIdentity::of_certificate(certificate)
            .ok_or(CertificateError::ApplicationVerificationFailure)?;
        let end_entity = EndEntityCert::try_from(certificate).map_err(explain)?;

        let mut refusal = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        for Anchored { anchors, trust } in &self.trusts {
            let chain = end_entity.verify_for_usage(
                self.provider.signature_verification_algorithms.all,
                anchors,
                intermediates,
                now,
                usage,
                None,
                None,
            );
            match chain {
                Ok(_) if trust.allows(&peer.role) => return Ok(()),
                Ok(_) => refusal = CertificateError::ApplicationVerificationFailure.into(),
                // Some other authority's: says nothing that another trust's answer does not.
                Err(webpki::Error::UnknownIssuer) => {}
                Err(error) => refusal = explain(error),
            }
        }
        Err(refusal)
    }

    fn verify_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Keeps the reasons that TLS has alerts for, so that the other side learns them.
fn explain(error: webpki::Error) -> Error {
    Error::InvalidCertificate(match error {
        webpki::Error::BadDer | webpki::Error::BadDerTime => CertificateError::BadEncoding,
        webpki::Error::CertExpired { time, not_after } => {
            CertificateError::ExpiredContext { time, not_after }
        }
        webpki::Error::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    })
}

impl ServerCertVerifier for PeerVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verify(certificate, intermediates, now, KeyUsage::server_auth())?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for PeerVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A node has one certificate: there is nothing to choose by hints.
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.verify(certificate, intermediates, now, KeyUsage::client_auth())?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl fmt::Debug for PeerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerVerifier").finish_non_exhaustive()
    }
}
