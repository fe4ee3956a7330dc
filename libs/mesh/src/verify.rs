//! What is shown, and what is looked for on the other side.

use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::files::{Files, provider};

/// This process's certificate of the moment.
#[derive(Debug)]
pub struct Shown(pub Arc<Files>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.good().key))
    }
}

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.good().key))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Whoever asks must be one of these.
#[derive(Debug)]
pub struct Caller {
    files: Arc<Files>,
    names: Vec<ServerName<'static>>,
}

impl Caller {
    pub const fn new(files: Arc<Files>, names: Vec<ServerName<'static>>) -> Self {
        Self { files, names }
    }
}

impl ClientCertVerifier for Caller {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let good = self.files.good();
        let known = good
            .clients
            .verify_client_cert(end_entity, intermediates, now)
            .and_then(|verified| {
                let shown = ParsedCertificate::try_from(end_entity)?;
                let named = self.names.iter().any(|name| verify_server_name(&shown, name).is_ok());
                let stranger = Error::InvalidCertificate(CertificateError::NotValidForName);
                if named { Ok(verified) } else { Err(stranger) }
            });
        if let Err(error) = &known {
            tracing::warn!(%error, "a caller within the platform was refused");
        }
        known
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.files
            .good()
            .clients
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Whoever answers must be this one, whatever its address is called.
#[derive(Debug)]
pub struct Reached {
    files: Arc<Files>,
    name: ServerName<'static>,
}

impl Reached {
    pub const fn new(files: Arc<Files>, name: ServerName<'static>) -> Self {
        Self { files, name }
    }
}

impl ServerCertVerifier for Reached {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _address: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let good = self.files.good();
        good.servers
            .verify_server_cert(end_entity, intermediates, &self.name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.files
            .good()
            .servers
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
