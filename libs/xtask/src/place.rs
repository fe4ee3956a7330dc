//! Where things are: the checkout, its private state, and what a foreign user may reach of it.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::fs::{DirBuilderExt, symlink},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::sh::{Sh, am_root};

/// A checkout and one directory of private state in it.
pub struct Place {
    pub root: PathBuf,
    pub state: PathBuf,
}

impl Place {
    /// The checkout this binary was started from by cargo.
    pub fn of_checkout() -> Result<Self> {
        let manifest = env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let root = Path::new(&manifest)
            .ancestors()
            .nth(2)
            .context("the checkout's root")?
            .to_owned();
        let state = env::var_os("YUNSHU_STATE").map_or_else(|| root.join(".local"), |dir| root.join(dir));
        Self::at(root, state)
    }

    pub fn at(root: PathBuf, state: PathBuf) -> Result<Self> {
        make_dir(&state, 0o755)?;
        Ok(Self { root, state })
    }

    pub fn state(&self, name: &str) -> PathBuf {
        self.state.join(name)
    }

    /// Forgets everything, directories that had to be made elsewhere included.
    pub fn clear(&self) -> Result<()> {
        for entry in fs::read_dir(&self.state)? {
            let path = entry?.path();
            if path.is_symlink() {
                Sh::root("rm").arg("-rf").arg(fs::canonicalize(&path)?).run()?;
            }
            Sh::root("rm").arg("-rf").arg(&path).run()?;
        }
        Ok(())
    }

    /// A directory of `user`'s own.
    pub fn dir_for(&self, name: &str, user: Option<&str>) -> Result<PathBuf> {
        let Some(user) = user else {
            let dir = self.state(name);
            make_dir(&dir, 0o755)?;
            return Ok(dir);
        };
        let dir = self.dir_open_to(name, user)?;
        Sh::root("chown").arg(format!("{user}:")).arg(&dir).run()?;
        Ok(dir)
    }

    /// A directory that `user` can reach: in the state when the way there is open, else under `/var/lib/yunshu`
    /// with a link from the state (a checkout below `/root` is closed to everybody else).
    pub fn dir_open_to(&self, name: &str, user: &str) -> Result<PathBuf> {
        let wanted = self.state(name);
        if let Ok(there) = fs::canonicalize(&wanted) {
            return Ok(there);
        }
        let reaches = if am_root() {
            Sh::as_user(Some(user), "test").arg("-x").arg(&self.state).succeeds()
        } else {
            Sh::new("sudo")
                .args(["-u", user, "test", "-x"])
                .arg(&self.state)
                .succeeds()
        };
        if reaches {
            make_dir(&wanted, 0o755)?;
            return Ok(wanted);
        }
        let outside = Path::new("/var/lib/yunshu").join(self.hash()).join(name);
        Sh::root("mkdir").arg("-p").arg(&outside).run()?;
        if !am_root() {
            let me = Sh::new("id").arg("-u").read()?;
            Sh::root("chown").arg(me.trim()).arg(&outside).run()?;
        }
        if wanted.is_symlink() {
            // It leads to where nothing is any more.
            fs::remove_file(&wanted)?;
        }
        symlink(&outside, &wanted).with_context(|| format!("link {}", wanted.display()))?;
        Ok(outside)
    }

    /// Notes for `source` where tests find something.
    pub fn test_env(&self, name: &str, value: &str) -> Result<()> {
        let file = self.state("test.env");
        let begins = format!("export {name}=");
        let old = fs::read_to_string(&file).unwrap_or_default();
        let mut lines: Vec<&str> = old.lines().filter(|line| !line.starts_with(&begins)).collect();
        let new = format!("{begins}'{value}'");
        lines.push(&new);
        fs::write(&file, lines.join("\n") + "\n").with_context(|| format!("cannot write {}", file.display()))
    }

    /// Eight hex digits that tell this state from another one on the machine.
    pub fn hash(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.state.hash(&mut hasher);
        format!("{:08x}", hasher.finish() & 0xffff_ffff)
    }
}

/// Makes a directory and its parents; an existing one keeps its mode.
pub fn make_dir(dir: &Path, mode: u32) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(dir)
        .with_context(|| format!("cannot create {}", dir.display()))
}

/// Where what was fetched is kept for every checkout of this machine.
pub fn cache() -> Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| env::home_dir().map(|home| home.join(".cache")));
    let dir = cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("yunshu");
    make_dir(&dir, 0o755)?;
    Ok(dir)
}

/// Refuses to begin what a full disk would break halfway.
pub fn need_disk(dir: &Path, mib: u64) -> Result<()> {
    let out = Sh::new("df").args(["--output=avail", "-BM"]).arg(dir).read()?;
    let free: u64 = out
        .lines()
        .nth(1)
        .and_then(|line| line.trim().trim_end_matches('M').parse().ok())
        .with_context(|| format!("df answered {out:?}"))?;
    if free < mib {
        bail!(
            "{} has {free} MiB free, {mib} MiB are needed: make room or move the checkout",
            dir.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_with_the_mend() -> Result<()> {
        let dir = env::temp_dir();
        need_disk(&dir, 0)?;
        let told = need_disk(&dir, u64::MAX)
            .err()
            .context("no disk is that large")?
            .to_string();
        assert!(told.contains("make room or move the checkout"), "{told}");
        assert!(!told.contains('\n'), "{told}");
        Ok(())
    }
}
