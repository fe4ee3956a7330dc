//! Image files on the host, by digest.
//!
//! A file under its digest's name is whole and checked: it was written under another name, hashed on the way, synced and
//! renamed. Nothing under another name is ever used.

use std::{
    collections::HashMap,
    io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
};

use host_api::{ErrorCode, ImageFile, ObservedError, Sha256};
use host_runtime::Client;
use sha2::Digest as _;
use tokio::{
    fs::{self, OpenOptions},
    io::AsyncWriteExt as _,
    sync::Mutex,
};

/// The cache.
pub struct Images {
    dir: PathBuf,
    client: Client,
    /// One download per file at a time: the second waits and finds it there.
    under_way: std::sync::Mutex<HashMap<Sha256, Arc<Mutex<()>>>>,
}

impl Images {
    /// Opens the cache and sweeps what a crash left half written.
    pub fn open(dir: PathBuf, client: Client) -> io::Result<Self> {
        make_dir(&dir)?;
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "part") {
                std::fs::remove_file(path)?;
            }
        }
        Ok(Self {
            dir,
            client,
            under_way: std::sync::Mutex::default(),
        })
    }

    /// The path of a file, downloaded first if need be.
    pub async fn have(&self, file: &ImageFile) -> Result<PathBuf, ObservedError> {
        let path = self.dir.join(file.sha256.as_str());
        let turn = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            under_way.entry(file.sha256.clone()).or_default().clone()
        };
        let _turn = turn.lock().await;
        match fs::symlink_metadata(&path).await {
            Ok(there) if there.is_file() && there.len() == file.size => Ok(path),
            _ => {
                self.download(file, &path).await?;
                Ok(path)
            }
        }
    }

    async fn download(&self, file: &ImageFile, path: &Path) -> Result<(), ObservedError> {
        let unavailable = |error: &dyn std::fmt::Display| ObservedError::new(ErrorCode::ImageUnavailable, error);
        let draft = self.dir.join(format!("{}.part", file.sha256));
        let mut answer = self.client.image(file).await.map_err(|error| unavailable(&error))?;
        let _ = fs::remove_file(&draft).await;
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            .custom_flags(NOFOLLOW)
            .open(&draft)
            .await
            .map_err(|error| unavailable(&error))?;

        let (mut digest, mut size) = (sha2::Sha256::new(), 0u64);
        while let Some(part) = answer.chunk().await.map_err(|error| unavailable(&error))? {
            size += part.len() as u64;
            if size > file.size {
                break;
            }
            digest.update(&part);
            out.write_all(&part).await.map_err(|error| unavailable(&error))?;
        }
        let digest = Sha256::of_digest(digest.finalize().into());
        if size != file.size || digest != file.sha256 {
            let _ = fs::remove_file(&draft).await;
            let what = format!(
                "{} came as {digest}, {size} bytes instead of {}",
                file.sha256, file.size
            );
            return Err(ObservedError::new(ErrorCode::ImageCorrupt, what));
        }

        let finish = async {
            out.flush().await?;
            out.set_permissions(std::fs::Permissions::from_mode(0o644)).await?;
            out.sync_all().await?;
            fs::rename(&draft, path).await
        };
        finish.await.map_err(|error| unavailable(&error))
    }
}

/// `O_NOFOLLOW`: a link planted under our name is an error, not a detour.
pub const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

/// Makes a folder that QEMU's user may pass through and not list.
pub fn make_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(dir)
}

/// Opens a file for reading, never through a link.
pub fn open(path: &Path) -> io::Result<std::fs::File> {
    std::fs::OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(path)
}
