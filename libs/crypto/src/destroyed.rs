use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use ids::TenantId;

use crate::{KeyError, OpenError};

/// The list of tenants whose keys were destroyed, kept outside the database: one id and time per line, only ever added to.
///
/// A backup of the database that is older than the destruction still holds the wrapped key. Who reads the list does not
/// unwrap it.
#[derive(Debug, Clone)]
pub struct Destroyed(Option<Arc<List>>);

#[derive(Debug)]
struct List {
    file: PathBuf,
    /// What was read, and how long the file was then.
    read: Mutex<(u64, HashSet<TenantId>)>,
}

impl Destroyed {
    /// No list: a restored backup brings destroyed keys back.
    #[must_use]
    pub const fn unlisted() -> Self {
        Self(None)
    }

    /// The list in this file, begun now if there is none.
    pub fn open(file: &Path) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Io(file.display().to_string(), error);
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(file);
        opened.and_then(|opened| opened.sync_all()).map_err(failed)?;
        sync_folder(file).map_err(failed)?;
        Ok(Self(Some(Arc::new(List {
            file: file.to_owned(),
            read: Mutex::default(),
        }))))
    }

    /// Is there a list?
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    /// Is this tenant on the list? A list that cannot be read answers nothing.
    pub fn holds(&self, tenant: TenantId) -> Result<bool, KeyError> {
        let Some(list) = &self.0 else { return Ok(false) };
        let unavailable = |error| KeyError::Unavailable(format!("the list of destroyed keys cannot be read: {error}"));
        let mut read = list.read.lock().unwrap_or_else(PoisonError::into_inner);
        let length = std::fs::metadata(&list.file).map_err(unavailable)?.len();
        if length != read.0 {
            let text = std::fs::read_to_string(&list.file).map_err(unavailable)?;
            *read = (length, tenants(&text));
        }
        Ok(read.1.contains(&tenant))
    }

    /// Puts a tenant on the list; when this returns it is on the disk.
    pub fn add(&self, tenant: TenantId, now: DateTime<Utc>) -> std::io::Result<()> {
        let Some(list) = &self.0 else { return Ok(()) };
        let mut file = OpenOptions::new().append(true).open(&list.file)?;
        // Begins with a line's end too: what a crash left of the line before stays a line of its own.
        file.write_all(format!("\n{tenant} {}\n", now.to_rfc3339()).as_bytes())?;
        file.sync_all()
    }
}

fn tenants(text: &str) -> HashSet<TenantId> {
    let mut found = HashSet::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.split(' ').next().unwrap_or_default().parse() {
            Ok(tenant) => {
                found.insert(tenant);
            }
            Err(error) => tracing::error!(%error, "a line of the list of destroyed keys cannot be read"),
        }
    }
    found
}

fn sync_folder(file: &Path) -> std::io::Result<()> {
    match file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t23_whoever_is_on_the_list_stays_there_whoever_reads_it() {
        let folder = std::env::temp_dir().join(format!("destroyed-{}", TenantId::mint()));
        std::fs::create_dir(&folder).unwrap();
        let file = folder.join("destroyed");
        let (list, other) = (Destroyed::open(&file).unwrap(), Destroyed::open(&file).unwrap());
        let [gone, here, torn] = [(); 3].map(|()| TenantId::mint());
        assert_eq!(other.holds(gone), Ok(false));
        // A crash in the middle of a line.
        let cut = torn.to_string();
        std::fs::write(&file, &cut[..20]).unwrap();
        list.add(gone, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(other.holds(gone), Ok(true));
        assert_eq!(Destroyed::open(&file).unwrap().holds(gone), Ok(true));
        assert_eq!(other.holds(here), Ok(false));
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(other.holds(here), Err(KeyError::Unavailable(_))));
        assert_eq!(Destroyed::unlisted().holds(gone), Ok(false));
    }
}
