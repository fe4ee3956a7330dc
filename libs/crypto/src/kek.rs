use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize, Zeroizing};

use crate::{Unreadable, random};

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read or made.
    #[error("cannot use the key file {0}: {1}")]
    Io(String, std::io::Error),
    /// Others can read it.
    #[error("the key file {0} can be read by others: chmod 600 it, and treat the key as known")]
    Exposed(String),
    /// It does not hold 32 bytes in base64.
    #[error("the key file {0} does not hold 32 bytes in base64")]
    Shape(String),
}

/// The key-encryption key: wraps data keys, never data.
#[derive(Clone)]
pub struct Kek {
    cipher: Aes256Gcm,
    id: [u8; 8],
}

impl Kek {
    /// The key kept in this file (mode 0600, 32 bytes in base64).
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let name = path.display().to_string();
        let meta = std::fs::metadata(path).map_err(|error| OpenError::Io(name.clone(), error))?;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err(OpenError::Exposed(name));
        }
        let text = std::fs::read_to_string(path).map_err(|error| OpenError::Io(name.clone(), error))?;
        let bytes = Zeroizing::new(
            STANDARD
                .decode(text.trim())
                .map_err(|_| OpenError::Shape(name.clone()))?,
        );
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| OpenError::Shape(name))?;
        Ok(Self::new(key))
    }

    /// The key kept in this file, made now if there is no file yet.
    pub fn open_or_make(path: &Path) -> Result<Self, OpenError> {
        let made = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match made {
            Ok(mut file) => {
                let text = Zeroizing::new(STANDARD.encode(random::<32>()));
                std::io::Write::write_all(&mut file, text.as_bytes())
                    .and_then(|()| file.sync_all())
                    .map_err(|error| OpenError::Io(path.display().to_string(), error))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(OpenError::Io(path.display().to_string(), error)),
        }
        Self::open(path)
    }

    /// A key of these bytes.
    pub fn new(mut key: [u8; 32]) -> Self {
        let print = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key);
        let mut id = [0; 8];
        id.iter_mut().zip(print.as_ref()).for_each(|(to, from)| *to = *from);
        let cipher = Aes256Gcm::new(&key.into());
        key.zeroize();
        Self { cipher, id }
    }

    /// Names the key without telling it.
    pub const fn id(&self) -> [u8; 8] {
        self.id
    }

    pub(crate) fn wrap(&self, key: &[u8; 32], aad: &[u8]) -> Result<Vec<u8>, Unreadable> {
        let nonce = random::<12>();
        let sealed = self
            .cipher
            .encrypt(&Nonce::from(nonce), Payload { msg: key, aad })
            .map_err(|_| Unreadable)?;
        Ok([&nonce, sealed.as_slice()].concat())
    }

    pub(crate) fn unwrap(&self, wrapped: &[u8], aad: &[u8]) -> Result<Zeroizing<[u8; 32]>, Unreadable> {
        let (nonce, sealed) = wrapped.split_first_chunk::<12>().ok_or(Unreadable)?;
        let opened = self
            .cipher
            .decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad })
            .map_err(|_| Unreadable)?;
        let opened = Zeroizing::new(opened);
        let key: [u8; 32] = opened.as_slice().try_into().map_err(|_| Unreadable)?;
        Ok(Zeroizing::new(key))
    }
}

impl std::fmt::Debug for Kek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kek(..)")
    }
}
