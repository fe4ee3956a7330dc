//! The bytes of images: one immutable file per SHA-256.
//!
//! A file is copied or fetched into a draft beside the others, hashed on the way, checked, and only then published
//! under its digest by an atomic rename; a crash leaves a draft, never half an image. Publishing happens inside the
//! transaction that writes the image's row, removing inside one that holds the same lock exclusively
//! (`store::images::lock_blobs`), so that a file is never removed between its publication and its row.
//!
//! A request does not wait for ever: what takes longer goes on without it, and is published for the repeat of the request to
//! find. If nobody repeats it the file goes with the next sweep.

mod take;
mod underway;

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use egress::{Egress, Limits};
use fault::Kind;
use host_api::Sha256;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Settings;
use crate::image::qcow2;

pub use take::Draft;
use underway::Underway;

/// How many files are taken in at once: each is bound by the disk.
const AT_ONCE: usize = 2;

/// How long a request waits for its files; the gateway waits a little longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What drafts begin with. A digest never does.
const DRAFT: &str = "draft-";

/// The folder of image files.
#[derive(Debug, Clone)]
pub struct Blobs {
    images: PathBuf,
    uploads: Option<PathBuf>,
    egress: Egress,
    turn: Arc<Semaphore>,
    underway: Underway,
    tasks: TaskTracker,
    stop: CancellationToken,
    patience: Duration,
    kernel_bytes: u64,
    disk_bytes: u64,
}

/// Why a file is not taken in. The texts are for the operator who named it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No uploads folder is configured.
    #[error("files are not taken from a path here: send a URL, or set compute.uploads")]
    NoUploads,
    /// Not there, no plain file, or not readable. One answer for all: a path is no means to look around.
    #[error("is no readable file below the uploads folder")]
    NoFile,
    /// The URL, or what answers there.
    #[error("{0}")]
    Fetch(#[from] egress::Error),
    /// It takes longer than a request may, and goes on.
    #[error("is still being taken in")]
    Underway,
    /// More than is taken.
    #[error("is larger than {0} MiB")]
    TooLarge(u64),
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// Other bytes than announced.
    #[error("does not match: the file's digest is {0}")]
    Digest(Sha256),
    /// A disk that is not taken.
    #[error("{0}")]
    Disk(#[from] qcow2::Refused),
    /// Our own disk.
    #[error("the image folder cannot be written: {0}")]
    Folder(io::Error),
}

impl Error {
    /// What the client hears, `pointer` being where the source stands in the body.
    pub fn at(self, pointer: &str) -> fault::Error {
        let said = self.to_string();
        match self {
            Self::Digest(_) => fault::Error::invalid(format!("{pointer}/sha256"), said),
            Self::NoUploads | Self::NoFile => fault::Error::invalid(format!("{pointer}/path"), said),
            Self::Fetch(egress::Error::Target(_)) => fault::Error::invalid(format!("{pointer}/url"), said),
            Self::Fetch(_) => fault::Error::new(Kind::Conflict, format!("The source cannot be fetched: {said}.")),
            Self::Underway => {
                fault::Error::unavailable("The file is still being taken in; send the same request again.", 10)
            }
            Self::TooLarge(_) | Self::Empty | Self::Disk(_) => {
                fault::Error::invalid(pointer, format!("the file {said}"))
            }
            Self::Folder(_) => fault::Error::unavailable("Images cannot be stored right now.", 30).private(said),
        }
    }
}

impl Blobs {
    /// Makes the folder if it is missing and removes drafts that a crash left behind.
    pub fn open(settings: &Settings) -> Result<Self, String> {
        let images = settings.images.clone();
        let folder = |error: io::Error| format!("compute.images ({}): {error}", images.display());
        fs::create_dir_all(&images).map_err(folder)?;
        for entry in fs::read_dir(&images).map_err(folder)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(DRAFT) {
                drop(fs::remove_file(entry.path()));
            }
        }
        let limits = Limits {
            bytes: settings.disk_mib << 20,
            total: Duration::from_secs(settings.fetch_s),
            silence: Duration::from_secs(30),
            redirects: 5,
            ..Limits::default()
        };
        Ok(Self {
            egress: Egress::new(limits).map_err(|error| format!("no TLS client: {error}"))?,
            images,
            uploads: settings.uploads.clone(),
            turn: Arc::new(Semaphore::new(AT_ONCE)),
            underway: Underway::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            patience: PATIENCE,
            kernel_bytes: settings.kernel_mib << 20,
            disk_bytes: settings.disk_mib << 20,
        })
    }

    /// Gives up what is still being taken in, and waits until nothing is.
    pub async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// The file of that digest and its length in bytes; none where there is none.
    pub async fn read(&self, digest: &Sha256) -> io::Result<Option<(tokio::fs::File, u64)>> {
        let file = match tokio::fs::File::open(self.path(digest)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = file.metadata().await?.len();
        Ok(Some((file, length)))
    }

    /// Removes every file older than `age` that is not among `known`; says how many. Hold the blobs' lock.
    pub fn sweep(&self, known: &HashSet<String>, now: SystemTime, age: Duration) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.images)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let old = entry.metadata()?.modified()?;
            let old = now.duration_since(old).is_ok_and(|since| since >= age);
            if name.parse::<Sha256>().is_ok() && !known.contains(&name) && old {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn path(&self, digest: &Sha256) -> PathBuf {
        self.images.join(digest.as_str())
    }

    fn draft_path(&self) -> PathBuf {
        self.images.join(format!("{DRAFT}{}", ids::EventId::mint()))
    }
}

/// The name survives a crash only when its folder was written too.
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}
