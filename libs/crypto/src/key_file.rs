use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::random;

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

/// The 32 secret bytes that a file holds in base64; its mode must be 0600.
pub fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let name = path.display().to_string();
    let meta = std::fs::metadata(path).map_err(|error| OpenError::Io(name.clone(), error))?;
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(OpenError::Exposed(name));
    }
    let text = std::fs::read_to_string(path).map_err(|error| OpenError::Io(name.clone(), error))?;
    let text = Zeroizing::new(text);
    let bytes = STANDARD
        .decode(text.trim())
        .map_err(|_| OpenError::Shape(name.clone()))?;
    let bytes = Zeroizing::new(bytes);
    let key = bytes.as_slice().try_into().map_err(|_| OpenError::Shape(name))?;
    Ok(Zeroizing::new(key))
}

/// The same; the file is made now if there is none yet.
pub fn read_or_make_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, OpenError> {
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
    read_key(path)
}
