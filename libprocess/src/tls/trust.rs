//! Whom a node believes.

use std::collections::BTreeSet;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

/// Authorities, and the roles in which their word counts.
///
/// A node may have several: an agent trusts the cluster's authority for masters and its own, which
/// it made, for executors only; an executor of one agent then cannot pose as a master.
#[derive(Clone, Debug)]
pub struct Trust {
    roots: Vec<CertificateDer<'static>>,
    roles: Option<BTreeSet<String>>,
}

/// Why some text holds no authorities to trust.
#[derive(Debug, Error)]
pub enum TrustError {
    /// No certificate in it, or one that cannot be read.
    #[error("there is no readable certificate of an authority in PEM")]
    NoCertificate,
}

impl Trust {
    /// Believes these authorities in any role.
    pub(super) fn any_role(roots: Vec<CertificateDer<'static>>) -> Self {
        Trust { roots, roles: None }
    }

    /// Believes the authorities whose certificates are in this PEM text, in any role.
    ///
    /// # Errors
    /// If there is no certificate in it.
    pub fn from_pem(pem: &str) -> Result<Self, TrustError> {
        let roots = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| TrustError::NoCertificate)?;
        if roots.is_empty() {
            return Err(TrustError::NoCertificate);
        }
        Ok(Self::any_role(roots))
    }

    /// Believes the same authorities, but only that their nodes are in one of `roles`.
    #[must_use]
    pub fn only<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    pub(super) fn roots(&self) -> &[CertificateDer<'static>] {
        &self.roots
    }

    pub(super) fn allows(&self, role: &str) -> bool {
        self.roles.as_ref().is_none_or(|roles| roles.contains(role))
    }
}
