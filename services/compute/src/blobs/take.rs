//! Taking one file in: from where it is, through the hash, into a draft.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use egress::Download;
use host_api::{ImageFile, Sha256};
use rustix::fs::{Mode, OFlags};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Blobs, Error, sync_folder};
use crate::image::qcow2::{self, Qcow2};
use crate::image::{NewFile, UploadPath, Whence};

const PIECE: usize = 64 * 1024;

/// A file that was taken in, hashed and checked, and is not an image's yet. Dropping it removes it.
#[derive(Debug)]
pub struct Draft {
    /// What it is.
    pub file: ImageFile,
    /// How large it is to a guest, for disks. Bytes.
    pub virtual_size: Option<u64>,
    path: Option<PathBuf>,
    target: PathBuf,
}

/// Where the bytes come from.
enum Source {
    File(File),
    Web(Box<Download>),
}

impl Source {
    async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Web(download) => Ok(download.chunk().await?),
            Self::File(file) => {
                let mut piece = vec![0; PIECE];
                let length = file.read(&mut piece).await.map_err(|_| Error::NoFile)?;
                piece.truncate(length);
                Ok((length > 0).then(|| piece.into()))
            }
        }
    }
}

/// What a file is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nature {
    Kernel,
    Disk,
}

impl Blobs {
    /// Takes a kernel or an initial file system in.
    pub async fn take_kernel(&self, new: &NewFile) -> Result<Draft, Error> {
        self.take(new, Nature::Kernel).await
    }

    /// Takes a disk in and checks that it is a plain one.
    pub async fn take_disk(&self, new: &NewFile) -> Result<Draft, Error> {
        self.take(new, Nature::Disk).await
    }

    async fn take(&self, new: &NewFile, nature: Nature) -> Result<Draft, Error> {
        if let Some(known) = self.known(new, nature).await? {
            return Ok(known);
        }
        let turn = self.underway.enter(&new.sha256).ok_or(Error::Underway)?;
        let (tell, told) = oneshot::channel();
        let (blobs, new) = (self.clone(), new.clone());
        self.tasks.spawn(async move {
            let ended = blobs.stop.run_until_cancelled(blobs.take_in(&new, nature)).await;
            drop(turn);
            let Some(ended) = ended else { return };
            // Whoever asked has gone: kept for their next try.
            if let Err(Ok(draft)) = tell.send(ended)
                && let Err(error) = draft.publish()
            {
                tracing::warn!(%error, digest = %new.sha256, "a file that was taken in could not be kept");
            }
        });
        match timeout(self.patience, told).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) | Err(_) => Err(Error::Underway),
        }
    }

    /// What is there was hashed when it came, and no byte of it has changed since.
    async fn known(&self, new: &NewFile, nature: Nature) -> Result<Option<Draft>, Error> {
        let target = self.path(&new.sha256);
        let Some((_, size)) = self.read(&new.sha256).await.map_err(Error::Folder)? else {
            return Ok(None);
        };
        if size > self.most(nature) {
            return Err(Error::TooLarge(self.most(nature) >> 20));
        }
        let file = ImageFile {
            sha256: new.sha256.clone(),
            size,
        };
        let mut draft = Draft {
            file,
            virtual_size: None,
            path: None,
            target,
        };
        draft.check(nature).await?;
        Ok(Some(draft))
    }

    async fn take_in(&self, new: &NewFile, nature: Nature) -> Result<Draft, Error> {
        // The semaphore is never closed, so a turn always comes.
        let _turn = self.turn.acquire().await;
        let mut source = self.find(&new.from).await?;
        let place = self.draft_path();
        let mut draft = Draft {
            file: ImageFile {
                sha256: new.sha256.clone(),
                size: 0,
            },
            virtual_size: None,
            path: Some(place.clone()),
            target: self.path(&new.sha256),
        };
        draft.file = copy(&mut source, &place, self.most(nature)).await?;
        if draft.file.size == 0 {
            return Err(Error::Empty);
        }
        if draft.file.sha256 != new.sha256 {
            return Err(Error::Digest(draft.file.sha256.clone()));
        }
        draft.check(nature).await?;
        Ok(draft)
    }

    fn most(&self, nature: Nature) -> u64 {
        match nature {
            Nature::Kernel => self.kernel_bytes,
            Nature::Disk => self.disk_bytes,
        }
    }

    async fn find(&self, from: &Whence) -> Result<Source, Error> {
        match from {
            Whence::Url(url) => {
                let target = self.egress.target(url).map_err(egress::Error::from)?;
                Ok(Source::Web(Box::new(self.egress.get(&target).await?)))
            }
            Whence::Upload(path) => {
                let uploads = self.uploads.as_ref().ok_or(Error::NoUploads)?;
                let file = open_below(uploads, path).map_err(|_| Error::NoFile)?;
                let file = File::from_std(file);
                let plain = file.metadata().await.is_ok_and(|about| about.is_file());
                if plain {
                    Ok(Source::File(file))
                } else {
                    Err(Error::NoFile)
                }
            }
        }
    }
}

/// Opens a file below a folder without following a link at any step: each folder is opened from the one above it.
fn open_below(folder: &Path, path: &UploadPath) -> io::Result<fs::File> {
    let no_link = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let (folders, name) = path.split();
    let mut at: OwnedFd = rustix::fs::open(
        folder,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    for folder in folders {
        at = rustix::fs::openat(&at, folder.as_str(), no_link | OFlags::DIRECTORY, Mode::empty())?;
    }
    // A pipe without a writer would hold us for ever.
    let file = rustix::fs::openat(&at, name, no_link | OFlags::NONBLOCK, Mode::empty())?;
    Ok(fs::File::from(file))
}

async fn copy(source: &mut Source, to: &Path, most: u64) -> Result<ImageFile, Error> {
    let mut out = File::create_new(to).await.map_err(Error::Folder)?;
    let mut hash = Context::new(&SHA256);
    let mut size = 0_u64;
    while let Some(piece) = source.piece().await? {
        size += piece.len() as u64;
        if size > most {
            return Err(Error::TooLarge(most >> 20));
        }
        hash.update(&piece);
        out.write_all(&piece).await.map_err(Error::Folder)?;
    }
    out.flush().await.map_err(Error::Folder)?;
    out.sync_all().await.map_err(Error::Folder)?;
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    Ok(ImageFile {
        sha256: Sha256::of_digest(digest),
        size,
    })
}

/// Reads header and first table of a disk.
async fn inspect(path: &Path, size: u64) -> Result<Qcow2, Error> {
    let mut file = File::open(path).await.map_err(Error::Folder)?;
    let mut head = Vec::new();
    (&mut file)
        .take(qcow2::HEAD as u64)
        .read_to_end(&mut head)
        .await
        .map_err(Error::Folder)?;
    let disk = qcow2::inspect(&head, size)?;
    file.seek(SeekFrom::Start(disk.l1_offset))
        .await
        .map_err(Error::Folder)?;
    let mut table = file.take(disk.l1_bytes);
    let mut piece = vec![0; PIECE];
    let mut left = disk.l1_bytes;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let part = piece.get_mut(..length).unwrap_or_default();
        table.read_exact(part).await.map_err(|_| qcow2::Refused::Tables)?;
        disk.check_l1(part)?;
        left -= length as u64;
    }
    Ok(disk)
}

impl Draft {
    /// A disk must be a plain one.
    async fn check(&mut self, nature: Nature) -> Result<(), Error> {
        if nature == Nature::Disk {
            self.virtual_size = Some(inspect(self.place(), self.file.size).await?.virtual_size);
        }
        Ok(())
    }

    /// Where its bytes are now.
    fn place(&self) -> &Path {
        self.path.as_deref().unwrap_or(&self.target)
    }

    /// Gives it its name for good. Only a rename: quick enough for a transaction, and done again without harm.
    /// A file that was there before must still be: the blobs' lock is held.
    pub fn publish(mut self) -> Result<(), Error> {
        let folder = self.target.parent().unwrap_or(Path::new("/"));
        match &self.path {
            Some(path) => fs::rename(path, &self.target).and_then(|()| sync_folder(folder)),
            None => fs::metadata(&self.target).map(drop),
        }
        .map_err(Error::Folder)?;
        self.path = None;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What stays behind is removed at the next start.
            drop(fs::remove_file(path));
        }
    }
}

#[cfg(test)]
mod tests;
