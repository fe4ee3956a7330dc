use std::path::Path;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use zeroize::{Zeroize, Zeroizing};

use crate::{OpenError, Unreadable, random, read_key, read_or_make_key};

/// The key-encryption key: wraps data keys, never data.
#[derive(Clone)]
pub struct Kek {
    cipher: Aes256Gcm,
    id: [u8; 8],
    print: String,
}

impl Kek {
    /// The key kept in this file ([`read_key`]).
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self::new(*read_key(path)?))
    }

    /// The key kept in this file, made now if there is no file yet.
    pub fn open_or_make(path: &Path) -> Result<Self, OpenError> {
        Ok(Self::new(*read_or_make_key(path)?))
    }

    /// A key of these bytes.
    pub fn new(mut key: [u8; 32]) -> Self {
        let print = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key);
        let mut id = [0; 8];
        id.iter_mut().zip(print.as_ref()).for_each(|(to, from)| *to = *from);
        let cipher = Aes256Gcm::new(&key.into());
        key.zeroize();
        let print = format!("file:{}", id.map(|byte| format!("{byte:02x}")).concat());
        Self { cipher, id, print }
    }

    /// Names the key without telling it.
    pub const fn id(&self) -> [u8; 8] {
        self.id
    }

    pub(crate) fn print(&self) -> &str {
        &self.print
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
