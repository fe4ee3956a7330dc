//! TLS 1.3, and certificates of clients as proof of a key.
//!
//! Hypervisors bind a self-signed certificate at enrolment (RFC 8705, 2.2). So the handshake proves one thing: that the
//! client holds the key of the certificate it shows. Who that is, and whether they may do anything, is decided by the
//! service that bound the certificate's hash; a chain, a name or a date in it mean nothing here.

use std::sync::{Arc, PoisonError, RwLock};

use clock::Clock;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};

use crate::pki::{self, Authority, Leaf};

/// Certificates are a few hundred bytes; nobody needs to be parsed at greater length.
const MAX_CERTIFICATE_BYTES: usize = 8 * 1024;

/// `CN=Yunshu hypervisor`, inside its SEQUENCE. A browser shows its user a choice of certificates when a server asks for
/// one and names nobody; of these it has none, so it stays quiet. Hypervisors show theirs whatever the hint.
const HINT: &[u8] = b"\x31\x1a\x30\x18\x06\x03\x55\x04\x03\x0c\x11Yunshu hypervisor";

/// The server's side of TLS, with certificates of this authority.
pub fn config(authority: Authority, clock: Clock) -> Result<Arc<ServerConfig>, pki::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let proof = ProofOfKey {
        algorithms: provider.signature_verification_algorithms,
        hints: vec![DistinguishedName::in_sequence(HINT)],
    };
    let leaf = RwLock::new(authority.issue(clock.now())?);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(proof))
        .with_cert_resolver(Arc::new(Certificates { authority, clock, leaf }));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The SHA-256 of a certificate's DER form, in lower-case hex (`x5t#S256` of RFC 8705, but readable).
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    use std::fmt::Write;
    Sha256::digest(certificate)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

struct Certificates {
    authority: Authority,
    clock: Clock,
    leaf: RwLock<Leaf>,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificates(..)")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = self.clock.now();
        {
            let leaf = self.leaf.read().unwrap_or_else(PoisonError::into_inner);
            if now < leaf.renew_at {
                return Some(Arc::clone(&leaf.key));
            }
        }
        let mut leaf = self.leaf.write().unwrap_or_else(PoisonError::into_inner);
        if now >= leaf.renew_at {
            match self.authority.issue(now) {
                Ok(next) => *leaf = next,
                Err(error) => tracing::error!(%error, "the server certificate could not be renewed"),
            }
        }
        Some(Arc::clone(&leaf.key))
    }
}

#[derive(Debug)]
struct ProofOfKey {
    algorithms: WebPkiSupportedAlgorithms,
    hints: Vec<DistinguishedName>,
}

impl ClientCertVerifier for ProofOfKey {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if end_entity.len() > MAX_CERTIFICATE_BYTES {
            return Err(Error::General("client certificate too large".to_owned()));
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
