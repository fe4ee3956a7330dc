//! SHA-256 in hexadecimal.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

pub fn of(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

pub fn of_file(file: &Path) -> Result<String> {
    Ok(of(
        fs::read(file).with_context(|| format!("cannot read {}", file.display()))?
    ))
}
