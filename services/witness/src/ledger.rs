//! What was cosigned last, of each log: one file each, replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tlog::note::Limits;
use tlog::{Checkpoint, Hash, Note};

const ENDING: &str = "checkpoint";

/// Logs are looked after one at a time each; many that share a lock wait for each other and no more.
const LOCKS: usize = 64;

/// The folder, held by this process alone.
pub struct Ledger {
    folder: PathBuf,
    most: usize,
    origins: AtomicUsize,
    locks: [Mutex<()>; LOCKS],
    /// Locked as long as it is open.
    _held: File,
}

/// Why nothing was kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is no checkpoint of this log.
    #[error("the file {0} holds what is no checkpoint of its log: ask who wrote there")]
    Broken(String),
    /// There are as many logs as may be.
    #[error("as many logs are kept as may be")]
    Full,
}

impl Ledger {
    /// Takes the folder, made if need be. Two processes on one folder would sign two histories: the second is refused.
    pub fn open(folder: &Path, most: usize) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let held = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join("lock"))?;
        held.try_lock()
            .map_err(|_| io::Error::other(format!("{} is in use by another witness", folder.display())))?;
        let mut origins = 0;
        for file in fs::read_dir(folder)? {
            origins += usize::from(file?.path().extension().is_some_and(|ending| ending == ENDING));
        }
        Ok(Self {
            folder: folder.to_owned(),
            most,
            origins: AtomicUsize::new(origins),
            locks: [const { Mutex::new(()) }; LOCKS],
            _held: held,
        })
    }

    /// Lets `judge` decide on what was cosigned last of this log, and keeps the note that it names. Nobody else decides on
    /// this log meanwhile, and when this returns the note is on the disk.
    pub fn replace<R: From<Error>>(
        &self,
        origin: &str,
        note: &str,
        judge: impl FnOnce(Option<&Checkpoint>) -> Result<(), R>,
    ) -> Result<(), R> {
        let name = Hash::of(origin.as_bytes());
        let [first, ..] = *name.as_bytes();
        let lock = self.locks.get(usize::from(first) % LOCKS);
        let _held = lock.map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner));
        let file = self.folder.join(format!("{name:?}.{ENDING}"));
        let last = last(&file, origin)?;
        judge(last.as_ref())?;
        if last.is_none() {
            self.count()?;
        }
        // Written even where it says nothing new: what was read may not have outlived a loss of power yet.
        let written = write(&self.folder, &file, note);
        if written.is_err() && last.is_none() && !file.exists() {
            self.origins.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(written.map_err(Error::Io)?)
    }

    fn count(&self) -> Result<(), Error> {
        let more = |origins| (origins < self.most).then_some(origins + 1);
        let counted = self.origins.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.map(drop).map_err(|_| Error::Full)
    }
}

fn last(file: &Path, origin: &str) -> Result<Option<Checkpoint>, Error> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let read = || {
        let note = Note::parse(&text, Limits::default()).ok()?;
        note.text.parse().ok()
    };
    let read: Option<Checkpoint> = read();
    let ours = read.filter(|checkpoint| checkpoint.origin == origin);
    ours.map(Some).ok_or_else(|| Error::Broken(file.display().to_string()))
}

fn write(folder: &Path, file: &Path, note: &str) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut beside = File::create(&new)?;
    beside.write_all(note.as_bytes())?;
    beside.sync_all()?;
    fs::rename(&new, file)?;
    // The new name is on the disk only when the folder is.
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use tlog::Signer;

    use super::*;

    fn note(origin: &str, size: u64) -> String {
        let text = Checkpoint::at(origin, size, Hash::of(b"x"), 1).to_string();
        format!("{text}\n{}", Signer::from_seed("log", &[1; 32]).unwrap().sign(&text))
    }

    fn keep(ledger: &Ledger, origin: &str, size: u64) -> Result<Option<u64>, Error> {
        let mut seen = None;
        ledger.replace(origin, &note(origin, size), |last| {
            seen = last.map(|last| last.size);
            Ok::<_, Error>(())
        })?;
        Ok(seen)
    }

    #[test]
    fn what_was_kept_is_there_after_a_restart_and_the_folder_is_one_process_alone() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path(), 10).unwrap();
        assert_eq!(keep(&ledger, "a", 5).unwrap(), None);
        assert_eq!(keep(&ledger, "b", 7).unwrap(), None);
        assert!(Ledger::open(folder.path(), 10).is_err());
        drop(ledger);
        // What a crash left half written is nobody's last checkpoint.
        let name = format!("{:?}", Hash::of(b"a"));
        fs::write(folder.path().join(format!("{name}.new")), "half").unwrap();
        let ledger = Ledger::open(folder.path(), 10).unwrap();
        assert_eq!(keep(&ledger, "a", 6).unwrap(), Some(5));
        assert_eq!(keep(&ledger, "b", 8).unwrap(), Some(7));
    }

    #[test]
    fn no_more_logs_than_may_be_and_what_is_refused_counts_for_none() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path(), 2).unwrap();
        let refused = ledger.replace("z", &note("z", 1), |_| Err(Error::Full));
        assert!(refused.is_err());
        for origin in ["a", "b", "a", "b"] {
            keep(&ledger, origin, 1).unwrap();
        }
        assert!(matches!(keep(&ledger, "c", 1), Err(Error::Full)));
        drop(ledger);
        let ledger = Ledger::open(folder.path(), 2).unwrap();
        assert!(matches!(keep(&ledger, "c", 1), Err(Error::Full)));
    }

    #[test]
    fn over_a_file_that_somebody_wrote_nothing_is_decided() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(folder.path(), 2).unwrap();
        keep(&ledger, "a", 1).unwrap();
        let name = format!("{:?}.{ENDING}", Hash::of(b"a"));
        for text in ["", "junk", &note("b", 1)] {
            fs::write(folder.path().join(&name), text).unwrap();
            assert!(matches!(keep(&ledger, "a", 2), Err(Error::Broken(_))), "{text}");
        }
    }
}
