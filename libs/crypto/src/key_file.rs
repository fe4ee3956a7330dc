use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::random;

/// The longest secret that is read from a file, in bytes.
const LONGEST: u64 = 16 << 10;

/// Why a file that holds a secret cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be read or made.
    #[error("cannot use the secret file {0}: {1}")]
    Io(String, std::io::Error),
    /// Others can read it.
    #[error("the secret file {0} can be read by others: chmod 600 it, and treat what it holds as known")]
    Exposed(String),
    /// It holds nothing, or far too much.
    #[error("the secret file {0} is empty or too long")]
    Length(String),
    /// It does not hold 32 bytes in base64.
    #[error("the key file {0} does not hold 32 bytes in base64")]
    Shape(String),
}

/// The secret text of a file, without the white space around it; only its owner may read the file.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<String>, OpenError> {
    let name = || path.display().to_string();
    let io = |error| OpenError::Io(name(), error);
    let file = File::open(path).map_err(io)?;
    // Of the file that was opened: its name may lead to another by now.
    if file.metadata().map_err(io)?.permissions().mode() & 0o077 != 0 {
        return Err(OpenError::Exposed(name()));
    }
    let mut text = Zeroizing::new(String::new());
    let length = file.take(LONGEST + 1).read_to_string(&mut text).map_err(io)?;
    let text = Zeroizing::new(text.trim().to_owned());
    if text.is_empty() || length as u64 > LONGEST {
        return Err(OpenError::Length(name()));
    }
    Ok(text)
}

/// The 32 secret bytes that a file holds in base64; its mode must be 0600.
pub fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, OpenError> {
    let shape = || OpenError::Shape(path.display().to_string());
    let bytes = STANDARD.decode(read_secret(path)?.as_str()).map_err(|_| shape())?;
    let bytes = Zeroizing::new(bytes);
    let key = bytes.as_slice().try_into().map_err(|_| shape())?;
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
