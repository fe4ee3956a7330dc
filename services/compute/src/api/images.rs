//! Images: wire types and endpoints. Operators make them, everybody reads them.

pub mod create;
pub mod delete;
pub mod list;
pub mod read;

use chrono::{DateTime, Utc};
use host_api::{BootImage, ImageFile};
use ids::{IdOrName, ImageId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::image::Image;

/// An image's path.
#[derive(Debug, Deserialize)]
pub struct InImage {
    /// Id or name.
    pub image: IdOrName<ImageId>,
}

/// What an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ImageKind {
    /// A kernel that is booted directly, with an initial file system.
    Kernel,
    /// A disk in the format qcow2; machines write to a copy of their own.
    Disk,
}

impl ImageKind {
    /// The word in the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Disk => "disk",
        }
    }
}

/// One file of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FileView {
    /// The digest of its bytes.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub sha256: String,
    /// Its length in bytes.
    #[schema(example = 8_388_608)]
    pub size: u64,
}

impl From<&ImageFile> for FileView {
    fn from(file: &ImageFile) -> Self {
        Self {
            sha256: file.sha256.to_string(),
            size: file.size,
        }
    }
}

/// What a machine boots from. It never changes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImageView {
    /// Its id.
    pub id: ImageId,
    /// Its name.
    #[schema(example = "debian-12")]
    pub name: String,
    /// What it is.
    pub kind: ImageKind,
    /// The kernel or the disk.
    pub file: FileView,
    /// The kernel's initial file system.
    pub initrd: Option<FileView>,
    /// The kernel's command line.
    #[schema(example = "console=ttyS0")]
    pub cmdline: Option<String>,
    /// The smallest disk it fits on, in GiB.
    #[schema(example = 2)]
    pub min_disk_gib: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&Image> for ImageView {
    fn from(image: &Image) -> Self {
        let (kind, file, initrd, cmdline) = match &image.boot {
            BootImage::Kernel {
                kernel,
                initrd,
                cmdline,
            } => (ImageKind::Kernel, kernel, initrd.as_ref(), Some(cmdline.clone())),
            BootImage::Disk { disk } => (ImageKind::Disk, disk, None, None),
        };
        Self {
            id: image.id,
            name: image.name.clone(),
            kind,
            file: file.into(),
            initrd: initrd.map(FileView::from),
            cmdline,
            min_disk_gib: image.min_disk_gib(),
            created_at: image.created_at,
            updated_at: image.updated_at,
        }
    }
}

impl db::Subject for ImageView {
    fn object(&self) -> String {
        format!("image:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/images/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.id))
    }
}
