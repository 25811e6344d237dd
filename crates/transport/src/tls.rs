//! TLS 1.3 with certificates on both sides: loading them, and the configurations that QUIC uses.

mod authority;
mod ends;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ::ring::hmac as ring_hmac;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::error::TlsError;
use crate::limits::ALPN;
use crate::peer::{PeerIdentity, Role};

pub use authority::{CA_FILE, CA_KEY_FILE, DEV_SERVER_NAME, dev_ca};
pub use ends::Ends;

/// Certificates in one PEM file beyond which it is refused.
const CERTIFICATES_MAX: usize = 64;

/// Who we are: our certificate chain and key, and the authority that we trust in others.
pub struct Identity {
    authority: Vec<CertificateDer<'static>>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    own: PeerIdentity,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            authority: self.authority.clone(),
            chain: self.chain.clone(),
            key: self.key.clone_key(),
            own: self.own.clone(),
        }
    }
}

impl Identity {
    /// From PEM files: the trusted authority, our certificate chain (our own first), our private key.
    pub fn load(authority: &Path, chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let authority = certificates(authority)?;
        let chain_certificates = certificates(chain)?;
        let leaf = chain_certificates.first().ok_or_else(|| TlsError::Content {
            path: chain.to_owned(),
            what: "certificate",
            reason: "empty".into(),
        })?;
        let own = PeerIdentity::from_certificate(leaf)?;
        let key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|e| TlsError::Content {
            path: key.to_owned(),
            what: "private key",
            reason: e.to_string(),
        })?;
        Ok(Self {
            authority,
            chain: chain_certificates,
            key,
            own,
        })
    }

    /// From a folder as [`dev_ca`] makes it: `ca.pem`, `<role>.pem`, `<role>.key`.
    pub fn from_dir(dir: &Path, role: Role) -> Result<Self, TlsError> {
        let file = |extension: &str| dir.join(format!("{role}.{extension}"));
        Self::load(&dir.join(CA_FILE), &file("pem"), &file("key"))
    }

    /// The role and name in our own certificate.
    pub fn own(&self) -> &PeerIdentity {
        &self.own
    }

    /// A verifier of certificates of our authority.
    pub(crate) fn client_verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        WebPkiClientVerifier::builder_with_provider(self.roots()?, provider())
            .build()
            .map_err(refused)
    }

    pub(crate) fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    pub(crate) fn server_crypto(&self) -> Result<QuicServerConfig, TlsError> {
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(refused)?
            .with_client_cert_verifier(self.client_verifier()?)
            .with_single_cert(self.chain.clone(), self.key.clone_key())
            .map_err(refused)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.max_early_data_size = 0;
        QuicServerConfig::try_from(config).map_err(refused)
    }

    /// A secret that is the same whenever this identity is loaded, and another for each label (HMAC-SHA-256 of the label under the
    /// private key; RFC 2104).
    pub(crate) fn derived(&self, label: &[u8]) -> ring_hmac::Tag {
        let key = ring_hmac::Key::new(ring_hmac::HMAC_SHA256, self.key.secret_der());
        ring_hmac::sign(&key, label)
    }

    pub(crate) fn client_crypto(&self) -> Result<QuicClientConfig, TlsError> {
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(refused)?
            .with_root_certificates(self.roots()?)
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(refused)?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.enable_early_data = false;
        QuicClientConfig::try_from(config).map_err(refused)
    }

    fn roots(&self) -> Result<Arc<RootCertStore>, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in &self.authority {
            roots.add(certificate.clone()).map_err(refused)?;
        }
        Ok(Arc::new(roots))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn refused(error: impl fmt::Display) -> TlsError {
    TlsError::Refused(error.to_string())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::File {
        path: path.to_owned(),
        source,
    })
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let bad = |reason: String| TlsError::Content {
        path: path.to_owned(),
        what: "certificate",
        reason,
    };
    let found = CertificateDer::pem_slice_iter(&bytes)
        .take(CERTIFICATES_MAX)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| bad(e.to_string()))?;
    if found.is_empty() {
        Err(bad("no CERTIFICATE section".into()))
    } else {
        Ok(found)
    }
}
