//! Profiles: where one is signed in, in a file that only its owner can read.
//!
//! Refresh tokens are good once, so whoever turns one in holds the file's lock until the next one is written: two
//! commands at the same time do not end the session.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// All profiles of a person on this machine.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Profiles {
    /// The one that is used where none is named.
    pub current: Option<String>,
    #[serde(default)]
    pub profiles: BTreeMap<String, Profile>,
}

/// One place that one is signed in to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// The client that the session was given to; none if it was begun with a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// Where they are kept: `$XDG_CONFIG_HOME/yunshu/profiles.toml`.
pub fn file() -> Result<PathBuf> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home);
    let config = config.context("neither XDG_CONFIG_HOME nor HOME says where profiles are kept")?;
    Ok(config.join("yunshu/profiles.toml"))
}

impl Profiles {
    pub fn read(file: &Path) -> Result<Self> {
        match fs::read_to_string(file) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("{} is not readable as TOML", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    /// The profile of that name, or the current one.
    pub fn pick(&self, name: Option<&str>) -> Result<(String, Profile)> {
        let Some(name) = name.or(self.current.as_deref()) else {
            bail!("no profile yet: `yunshu login --url https://…`, or set YUNSHU_URL and YUNSHU_API_KEY");
        };
        let profile = self.profiles.get(name).cloned();
        let profile = profile.with_context(|| format!("no profile `{name}`: see `yunshu profiles list`"))?;
        Ok((name.to_owned(), profile))
    }

    pub fn make_current(&mut self, name: &str) -> Result<()> {
        self.pick(Some(name))?;
        self.current = Some(name.to_owned());
        Ok(())
    }

    pub fn forget(&mut self, name: &str) -> Result<()> {
        self.pick(Some(name))?;
        self.profiles.remove(name);
        self.current.take_if(|current| current == name);
        Ok(())
    }
}

/// The right to change the profiles; everybody else waits.
pub struct Held {
    file: PathBuf,
    _lock: File,
    pub profiles: Profiles,
}

impl Held {
    pub fn take(file: &Path) -> Result<Self> {
        let folder = file.parent().context("a file has a folder")?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = file.with_extension("lock");
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let lock = lock.with_context(|| format!("cannot open {}", path.display()))?;
        lock.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Self {
            file: file.to_owned(),
            _lock: lock,
            profiles: Profiles::read(file)?,
        })
    }

    /// Replaces the file as a whole, so that a crash leaves the old one or the new one.
    pub fn write(&self) -> Result<()> {
        let draft = self.file.with_extension("new");
        let text = toml::to_string(&self.profiles)?;
        let mut to = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        to.write_all(text.as_bytes())?;
        to.sync_all()?;
        fs::rename(&draft, &self.file).with_context(|| format!("cannot write {}", self.file.display()))
    }
}

/// Changes the profiles.
pub fn change(file: &Path, how: impl FnOnce(&mut Profiles) -> Result<()>) -> Result<()> {
    let mut held = Held::take(file)?;
    how(&mut held.profiles)?;
    held.write()
}

/// A secret from standard input: its first line.
pub fn secret_from_stdin() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().take(64 * 1024).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_its_owner_reads_it_and_what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/profiles.toml");
        let home = Profile {
            url: "https://localhost".to_owned(),
            ..Profile::default()
        };
        change(&file, |all| {
            all.profiles.insert("home".to_owned(), home.clone());
            all.make_current("home")
        })
        .unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            Profiles::read(&file).unwrap().pick(None).unwrap(),
            ("home".to_owned(), home)
        );
        change(&file, |all| all.forget("home")).unwrap();
        assert!(Profiles::read(&file).unwrap().pick(None).is_err());
        assert!(change(&file, |all| all.make_current("away")).is_err());
    }
}
