//! TLS between the processes of the platform.
//!
//! # What it guarantees
//! Both sides of a connection show a certificate of the platform's own authority, good at this moment, and each looks
//! for the other's name in it: a client for that of the role it means to reach ([`Mesh::client`]), a server for one of those
//! that may ask it ([`Mesh::server`]). A role is called `identity.mesh.yunshu`; where it listens says nothing about who it is.
//! TLS 1.3 alone.
//!
//! # What it refuses
//! Everybody else, before a byte of HTTP is read. To resume sessions: a resumed one would go on with a certificate that
//! has ended. To be started anew for a renewed certificate: files are looked at again for a handshake, once a second at
//! most. Those that do not fit together are not taken up; the last ones that did are used, and the log says so.
//!
//! # What it was born from
//! A cluster's management port that ran the commands of whoever reached it.

mod authority;
mod error;
mod files;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::{DnsName, ServerName};
use serde::Deserialize;

pub use authority::{Authority, Issued, valid, write_new};
pub use error::Error;
use files::Files;
use verify::{Caller, Reached, Shown};

/// The section `[mesh]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The certificates of the authorities whose word counts (PEM); two while one follows the other.
    pub ca: PathBuf,
    /// This process's certificate, and those between it and the authority (PEM).
    pub certificate: PathBuf,
    /// Its key (PKCS#8, PEM), which nobody else may read.
    pub key: PathBuf,
}

/// One process's part in the mesh. Clones share what was read.
#[derive(Debug, Clone)]
pub struct Mesh {
    files: Arc<Files>,
}

/// What a role is called.
pub fn name(role: &str) -> String {
    format!("{role}.mesh.yunshu")
}

fn server_name(role: &str) -> Result<ServerName<'static>, Error> {
    let name = DnsName::try_from(name(role)).map_err(|_| Error::Name(role.to_owned()))?;
    Ok(ServerName::DnsName(name))
}

impl Mesh {
    /// Reads the files, so that what is wrong with them is known at once.
    pub fn open(settings: &Settings) -> Result<Self, Error> {
        let files = Arc::new(Files::read(settings.clone())?);
        Ok(Self { files })
    }

    /// Fails unless the certificate is for this role.
    pub fn must_be(&self, role: &str) -> Result<(), Error> {
        self.files.must_be(role)
    }

    /// For a server that these roles may ask.
    pub fn server(&self, callers: &[&str]) -> Result<Arc<ServerConfig>, Error> {
        let names = callers.iter().map(|role| server_name(role)).collect::<Result<_, _>>()?;
        let mut config = ServerConfig::builder_with_provider(files::provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::new(Caller::new(Arc::clone(&self.files), names)))
            .with_cert_resolver(Arc::new(Shown(Arc::clone(&self.files))));
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(Arc::new(config))
    }

    /// For a client that means to reach this role, at whatever address.
    pub fn client(&self, role: &str) -> Result<Arc<ClientConfig>, Error> {
        let mut config = ClientConfig::builder_with_provider(files::provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Reached::new(Arc::clone(&self.files), server_name(role)?)))
            .with_client_cert_resolver(Arc::new(Shown(Arc::clone(&self.files))));
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
