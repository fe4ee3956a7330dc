//! `compute.images`.

use std::collections::HashSet;

use auth::Action;
use auth::action::image;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Platform, Read, Result, SystemTx};
use host_api::{BootImage, ImageFile, Sha256};
use ids::{HostId, IdOrName, ImageId};

use super::{Slice, either, ordered};
use crate::image::Image;

/// Held by whoever publishes or removes image files, with the transaction: shared by the former, alone by the latter.
pub const BLOBS_LOCK: i64 = 0x62_6c_6f_62_73;

#[derive(sqlx::FromRow)]
struct ImageRow {
    image_id: ImageId,
    name: String,
    kind: String,
    file_sha256: String,
    file_size: i64,
    initrd_sha256: Option<String>,
    initrd_size: Option<i64>,
    cmdline: Option<String>,
    virtual_size: Option<i64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

fn file(sha256: &str, size: i64) -> Result<ImageFile, fault::Error> {
    let sha256: Sha256 = sha256.parse().map_err(fault::Error::internal)?;
    Ok(ImageFile {
        sha256,
        size: size.unsigned_abs(),
    })
}

impl TryFrom<ImageRow> for Image {
    type Error = fault::Error;

    fn try_from(row: ImageRow) -> Result<Self, fault::Error> {
        let main = file(&row.file_sha256, row.file_size)?;
        let initrd = match (&row.initrd_sha256, row.initrd_size) {
            (Some(sha256), Some(size)) => Some(file(sha256, size)?),
            _ => None,
        };
        let boot = match row.kind.as_str() {
            "kernel" => BootImage::Kernel {
                kernel: main,
                initrd,
                cmdline: row.cmdline.unwrap_or_default(),
            },
            _ => BootImage::Disk { disk: main },
        };
        Ok(Self {
            id: row.image_id,
            name: row.name,
            boot,
            virtual_size: row.virtual_size.map(i64::unsigned_abs),
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// Keeps the sweeper away from files about to be published, until the end of the transaction.
pub async fn lock_blobs(tx: &mut Change<image::Create>) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock_shared($1)")
        .bind(BLOBS_LOCK)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Keeps files from being published until the end of the transaction, and answers the digests of all that are needed:
/// by images, and by machines made from images that are gone.
pub async fn lock_and_list_blobs(tx: &mut SystemTx) -> Result<HashSet<String>> {
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(BLOBS_LOCK)
        .execute(tx.sql())
        .await?;
    let digests: Vec<String> = sqlx::query_scalar(
        "select file_sha256 from compute.images
         union select initrd_sha256 from compute.images where initrd_sha256 is not null
         union select file ->> 'sha256' from compute.vms,
             lateral (values (boot -> 'kernel'), (boot -> 'initrd'), (boot -> 'disk')) as files (file)
             where file ->> 'sha256' is not null",
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(digests.into_iter().collect())
}

/// May this host download that file: is it an image's, or needed by a machine on the host?
pub async fn is_for_host(tx: &mut SystemTx, host: HostId, digest: &Sha256) -> Result<bool> {
    let found = sqlx::query_scalar(
        "select exists (select from compute.images where file_sha256 = $2)
             or exists (select from compute.images where initrd_sha256 = $2)
             or exists (select from compute.vms where host_id = $1
                 and $2 in (boot -> 'kernel' ->> 'sha256', boot -> 'initrd' ->> 'sha256', boot -> 'disk' ->> 'sha256'))",
    )
    .bind(host)
    .bind(digest.as_str())
    .fetch_one(tx.sql())
    .await?;
    Ok(found)
}

/// Writes a new image whose files are being published.
pub async fn insert(
    tx: &mut Change<image::Create>,
    _: &Granted<Platform, image::Create>,
    name: &str,
    boot: &BootImage,
    virtual_size: Option<u64>,
) -> Result<Image, fault::Error> {
    let (kind, main, initrd, cmdline) = match boot {
        BootImage::Kernel {
            kernel,
            initrd,
            cmdline,
        } => ("kernel", kernel, initrd.as_ref(), Some(cmdline)),
        BootImage::Disk { disk } => ("disk", disk, None, None),
    };
    let signed = |size: u64| i64::try_from(size).unwrap_or(i64::MAX);
    let now = tx.now();
    let row: ImageRow = sqlx::query_as(
        "insert into compute.images (image_id, name, kind, file_sha256, file_size, initrd_sha256, initrd_size, cmdline,
             virtual_size, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) returning *",
    )
    .bind(ImageId::mint())
    .bind(name)
    .bind(kind)
    .bind(main.sha256.as_str())
    .bind(signed(main.size))
    .bind(initrd.map(|initrd| initrd.sha256.as_str()))
    .bind(initrd.map(|initrd| signed(initrd.size)))
    .bind(cmdline)
    .bind(virtual_size.map(signed))
    .bind(now)
    .fetch_one(tx.sql())
    .await
    .map_err(|error| db::Error::from(error).taken("image"))?;
    row.try_into()
}

/// The image of that id or name.
pub async fn lookup<A: Action>(tx: &mut Read<A>, image: &IdOrName<ImageId>) -> Result<Image, fault::Error> {
    let (id, name) = either(image);
    let row: Option<ImageRow> = sqlx::query_as("select * from compute.images where image_id = $1 or name = $2")
        .bind(id)
        .bind(name)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    row.ok_or_else(|| fault::Error::not_found("image"))?.try_into()
}

/// A window of the images, of one kind if asked.
pub async fn list(
    tx: &mut Read<image::List>,
    kind: Option<&str>,
    slice: &Slice<'_>,
) -> Result<Vec<Image>, fault::Error> {
    let sql = ordered!(
        slice.sort,
        "image_id",
        "name",
        "select * from compute.images where ($5::text is null or kind = $5)"
    );
    let rows: Vec<ImageRow> = sqlx::query_as(sql)
        .bind(slice.after::<ImageId>()?)
        .bind(slice.window.fetch())
        .bind(slice.prefix)
        .bind(slice.prefix_end())
        .bind(kind)
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    rows.into_iter().map(Image::try_from).collect()
}

/// Removes an image; 404 when somebody else was first. Its files go when nothing needs them any more.
pub async fn remove(
    tx: &mut Change<image::Delete>,
    _: &Granted<Platform, image::Delete>,
    image: &Image,
) -> Result<(), fault::Error> {
    let done = sqlx::query("delete from compute.images where image_id = $1")
        .bind(image.id)
        .execute(tx.sql())
        .await
        .map_err(db::Error::from)?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(fault::Error::not_found("image"))
    }
}
