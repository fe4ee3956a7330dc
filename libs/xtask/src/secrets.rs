//! Secrets made once on this machine, readable by their owner alone.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::place::{Place, make_dir};

/// Where they are.
pub fn dir(place: &Place) -> PathBuf {
    place.state("secrets")
}

/// A password of 24 characters (142 bits) without look-alikes or anything a shell or URL minds.
pub fn password(place: &Place, name: &str) -> Result<String> {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789-_.~+@:";
    once(&dir(place), name, || {
        let bytes = random::<64>()?;
        let letters = bytes.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 63)));
        Ok(letters.take(24).map(|letter| char::from(*letter)).collect())
    })
}

/// 32 random bytes, in base64.
pub fn key(place: &Place, name: &str) -> Result<PathBuf> {
    once(&dir(place), name, || Ok(STANDARD.encode(random::<32>()?)))?;
    Ok(dir(place).join(name))
}

fn once(dir: &Path, name: &str, make: impl FnOnce() -> Result<String>) -> Result<String> {
    make_dir(dir, 0o700)?;
    let file = dir.join(name);
    if !file.exists() {
        // Written beside and renamed, so that a full disk never leaves half a secret behind.
        let draft = dir.join(format!("{name}.draft"));
        let _ = fs::remove_file(&draft);
        let mut out = File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
        out.write_all(make()?.as_bytes())?;
        out.sync_all()?;
        fs::rename(draft, &file)?;
    }
    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
}

pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_closed_to_others() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("xtask-secrets-{}", std::process::id()));
        let place = Place::at(dir.clone(), dir.clone())?;
        let first = password(&place, "operator.password")?;
        assert_eq!(first.len(), 24);
        assert_eq!(password(&place, "operator.password")?, first);
        assert_ne!(password(&place, "other.password")?, first);
        let mode = fs::metadata(self::dir(&place).join("operator.password"))?
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_dir_all(dir)?;
        Ok(())
    }
}
