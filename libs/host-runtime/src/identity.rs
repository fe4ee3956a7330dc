//! The key and self-signed certificate that are the host's credential (RFC 8705, section 2.2).

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use host_api::Sha256;
use sha2::Digest as _;

/// A private key and the certificate over it.
pub struct Identity {
    pem: String,
    fingerprint: Sha256,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The key could not be made.
    #[error("cannot make a key: {0}")]
    Make(#[from] rcgen::Error),
    /// The file holds no certificate.
    #[error("{path} holds no certificate and key: remove it and enrol again")]
    Broken {
        /// Which file.
        path: String,
    },
}

impl Identity {
    /// Makes a new one, kept nowhere.
    pub fn make() -> Result<Self, Error> {
        let made = rcgen::generate_simple_self_signed(["yunshu-hypervisor".to_owned()])?;
        let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
        Ok(Self {
            pem,
            fingerprint: Sha256::of_digest(sha2::Sha256::digest(made.cert.der()).into()),
        })
    }

    /// Reads the identity of a state folder, or makes it; readable by its owner only.
    pub fn keep(file: &Path) -> Result<Self, Error> {
        let named = |source| Error::File {
            path: file.display().to_string(),
            source,
        };
        match fs::read_to_string(file) {
            Ok(pem) => {
                let fingerprint = fingerprint(&pem).ok_or_else(|| Error::Broken {
                    path: file.display().to_string(),
                })?;
                Ok(Self { pem, fingerprint })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Self::make()?;
                made.write(file).map_err(named)?;
                Ok(made)
            }
            Err(error) => Err(named(error)),
        }
    }

    /// Under another name first: a crash must not leave half a key behind.
    fn write(&self, file: &Path) -> io::Result<()> {
        let draft = file.with_extension("draft");
        let mut out = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        out.write_all(self.pem.as_bytes())?;
        out.sync_all()?;
        fs::rename(draft, file)
    }

    /// The SHA-256 of the certificate, by which the control plane knows the host.
    #[must_use]
    pub fn fingerprint(&self) -> &Sha256 {
        &self.fingerprint
    }

    /// Certificate and key, PEM. A secret.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

fn fingerprint(pem: &str) -> Option<Sha256> {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    Some(Sha256::of_digest(sha2::Sha256::digest(&certificate).into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn it_is_kept_secret_and_read_again() {
        let dir = std::env::temp_dir().join(format!("identity-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let file = dir.join("identity.pem");

        let first = Identity::keep(&file).unwrap();
        let again = Identity::keep(&file).unwrap();
        assert_eq!((first.fingerprint(), first.pem()), (again.fingerprint(), again.pem()));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{first:?}").contains("PRIVATE"));

        fs::write(&file, "not a key").unwrap();
        assert!(matches!(Identity::keep(&file), Err(Error::Broken { .. })));
        fs::remove_dir_all(dir).unwrap();
    }
}
