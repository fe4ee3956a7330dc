use actix_web::post;
use actix_web::web::Data;
use auth::action::image;
use db::{Created, Outcome, Status};
use host_api::BootImage;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::{ImageKind, ImageView};
use crate::blobs::{Blobs, Draft};
use crate::check::Check;
use crate::image::{NewFile, NewImage, NewKind, SourceParts, check_cmdline};
use crate::state::Compute;
use crate::store;

/// An image to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateImage {
    /// Unique on the platform: `a-z`, `0-9`, `-` and `.`, beginning and ending with a letter or digit.
    #[schema(
        example = "debian-12",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$"
    )]
    pub name: String,
    /// What it is.
    pub kind: ImageKind,
    /// The kernel or the disk.
    pub source: ImageSource,
    /// The kernel's initial file system. For kernels only.
    pub initrd: Option<ImageSource>,
    /// The kernel's command line. For kernels only.
    #[schema(example = "console=ttyS0", max_length = 2047)]
    pub cmdline: Option<String>,
}

/// Where a file is, and what its bytes must be. Either `path` or `url`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageSource {
    /// Below the platform's folder for uploads.
    #[schema(example = "debian-12.qcow2")]
    pub path: Option<String>,
    /// On the public web, `http` or `https`.
    #[schema(example = "https://images.example.org/debian-12.qcow2")]
    pub url: Option<String>,
    /// The SHA-256 of its bytes, 64 hexadecimal digits in lower case.
    #[schema(
        example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        pattern = "^[0-9a-f]{64}$"
    )]
    pub sha256: String,
}

impl ImageSource {
    fn check(&self, check: &mut Check, pointer: &str) -> Option<NewFile> {
        let parts = SourceParts {
            path: self.path.as_deref(),
            url: self.url.as_deref(),
            sha256: &self.sha256,
        };
        NewFile::check(check, pointer, &parts)
    }
}

impl CreateImage {
    fn check(&self) -> Result<NewImage, fault::Error> {
        let mut check = Check::default();
        check.title("/name", &self.name);
        let main = self.source.check(&mut check, "/source");
        let initrd = self.initrd.as_ref().map(|initrd| initrd.check(&mut check, "/initrd"));
        let kind = match self.kind {
            ImageKind::Kernel => {
                let cmdline = self.cmdline.clone().unwrap_or_default();
                check_cmdline(&mut check, &cmdline);
                NewKind::Kernel {
                    initrd: initrd.flatten(),
                    cmdline,
                }
            }
            ImageKind::Disk => {
                check.that(self.initrd.is_none(), "/initrd", "is for kernels only");
                check.that(self.cmdline.is_none(), "/cmdline", "is for kernels only");
                NewKind::Disk
            }
        };
        check.done()?;
        let main = main.ok_or_else(|| fault::Error::internal("a source was neither taken nor refused"))?;
        Ok(NewImage {
            name: self.name.clone(),
            main,
            kind,
        })
    }
}

/// The files of an image, taken in: what it boots, and the drafts to publish.
struct Taken {
    boot: BootImage,
    virtual_size: Option<u64>,
    drafts: Vec<Draft>,
}

/// Copies or fetches, hashes and checks every file. Slow, so before the transaction.
async fn take(blobs: &Blobs, new: &NewImage) -> Result<Taken, fault::Error> {
    match &new.kind {
        NewKind::Disk => {
            let disk = blobs.take_disk(&new.main).await.map_err(|error| error.at("/source"))?;
            let boot = BootImage::Disk {
                disk: disk.file.clone(),
            };
            Ok(Taken {
                boot,
                virtual_size: disk.virtual_size,
                drafts: vec![disk],
            })
        }
        NewKind::Kernel { initrd, cmdline } => {
            let kernel = blobs
                .take_kernel(&new.main)
                .await
                .map_err(|error| error.at("/source"))?;
            let initrd = match initrd {
                Some(initrd) => Some(blobs.take_kernel(initrd).await.map_err(|error| error.at("/initrd"))?),
                None => None,
            };
            let boot = BootImage::Kernel {
                kernel: kernel.file.clone(),
                initrd: initrd.as_ref().map(|draft| draft.file.clone()),
                cmdline: cmdline.clone(),
            };
            Ok(Taken {
                boot,
                virtual_size: None,
                drafts: std::iter::once(kernel).chain(initrd).collect(),
            })
        }
    }
}

/// Creates an image.
#[utoipa::path(
    operation_id = "create_image",
    tag = "images",
    description = "Takes the files in, checks them, and offers the image to every tenant. Large files go on being taken \
                   in after a 503: send the same request again. Needs `image.create`: platform operators only.",
    params(DryRun, Once),
    request_body(content = CreateImage, description = "The image to be"),
    responses((status = 201, description = "Created", body = ImageView), Refusals),
    security(("bearer" = [])),
)]
#[post("/system/images")]
pub async fn create_image(ask: Change<image::Create, CreateImage>, compute: Data<Compute>) -> Outcome<ImageView> {
    let new = ask.body.check()?;
    let taken = take(&compute.blobs, &new).await?;

    let mut tx = ask.begin(&compute.db).await?;
    let platform = tx.platform()?;
    store::images::lock_blobs(&mut tx).await?;

    let image = store::images::insert(&mut tx, &platform, &new.name, &taken.boot, taken.virtual_size).await?;
    if !tx.is_dry_run() {
        taken
            .drafts
            .into_iter()
            .try_for_each(Draft::publish)
            .map_err(|error| error.at("/source"))?;
    }

    tx.finish(Status::Created, Created(ImageView::from(&image))).await
}

#[cfg(test)]
mod tests;
