//! What was read from the files, as long as they are as they were.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::{Error, Settings, name, server_name};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);

pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[derive(Debug)]
pub struct Files {
    settings: Settings,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    good: Arc<Good>,
    stamp: Vec<Stamp>,
    looked: Instant,
}

/// What tells a file from the one that was there before.
type Stamp = (u64, i64, i64, u64);

/// Files that fit together.
#[derive(Debug)]
pub struct Good {
    pub key: Arc<CertifiedKey>,
    pub clients: Arc<dyn ClientCertVerifier>,
    pub servers: Arc<WebPkiServerVerifier>,
}

impl Files {
    pub fn read(settings: Settings) -> Result<Self, Error> {
        let stamp = stamps(&settings)?;
        let held = Held {
            good: Arc::new(Good::read(&settings)?),
            stamp,
            looked: Instant::now(),
        };
        Ok(Self {
            settings,
            held: Mutex::new(held),
        })
    }

    /// The newest that fit together.
    pub fn good(&self) -> Arc<Good> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.looked.elapsed() >= LOOK {
            held.looked = Instant::now();
            if let Err(error) = held.look(&self.settings) {
                tracing::error!(%error, "new certificates cannot be used; the last good ones are");
            }
        }
        Arc::clone(&held.good)
    }

    pub fn must_be(&self, role: &str) -> Result<(), Error> {
        let not_for = || Error::NotFor {
            path: self.settings.certificate.clone(),
            name: name(role),
        };
        let good = self.good();
        let shown = good.key.end_entity_cert().map_err(|_| not_for())?;
        let shown = ParsedCertificate::try_from(shown).map_err(|_| not_for())?;
        verify_server_name(&shown, &server_name(role)?).map_err(|_| not_for())
    }
}

impl Held {
    fn look(&mut self, settings: &Settings) -> Result<(), Error> {
        let stamp = stamps(settings)?;
        if stamp != self.stamp {
            self.good = Arc::new(Good::read(settings)?);
            self.stamp = stamp;
            tracing::info!(certificate = %settings.certificate.display(), "new certificates are shown from now on");
        }
        Ok(())
    }
}

impl Good {
    fn read(settings: &Settings) -> Result<Self, Error> {
        let Settings { ca, certificate, key } = settings;
        let mode = fs::metadata(key).map_err(blame(key))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(Error::Open(key.clone()));
        }
        let mut roots = RootCertStore::empty();
        for one in certificates(ca)? {
            roots.add(one).map_err(|error| content(ca, error))?;
        }
        let roots = Arc::new(roots);
        let chain = certificates(certificate)?;
        let text = fs::read(key).map_err(blame(key))?;
        let private = PrivateKeyDer::from_pem_slice(&text).map_err(|_| content(key, "there is no key in it"))?;
        let shown = CertifiedKey::from_der(chain, private, &provider()).map_err(|error| content(certificate, error))?;
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider());
        let servers = WebPkiServerVerifier::builder_with_provider(roots, provider());
        Ok(Self {
            key: Arc::new(shown),
            clients: clients.build().map_err(|error| content(ca, error))?,
            servers: servers.build().map_err(|error| content(ca, error))?,
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = fs::read(path).map_err(blame(path))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(content(path, "there is no certificate in it")),
    }
}

fn stamps(settings: &Settings) -> Result<Vec<Stamp>, Error> {
    let stamp = |path: &PathBuf| {
        let of = fs::metadata(path).map_err(blame(path))?;
        Ok((of.ino(), of.mtime(), of.mtime_nsec(), of.len()))
    };
    [&settings.ca, &settings.certificate, &settings.key]
        .into_iter()
        .map(stamp)
        .collect()
}

fn blame(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        path: path.clone(),
        source,
    }
}

fn content(path: &Path, why: impl ToString) -> Error {
    Error::Content {
        path: path.to_owned(),
        why: why.to_string(),
    }
}
