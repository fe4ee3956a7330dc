//! Flavor, image and pool as a new machine names them.

use auth::action::vm;
use db::{Change, Result};
use fault::FieldError;
use host_api::{BootImage, ImageFile, Sha256};
use ids::{FlavorId, IdOrName, ImageId, PoolId};

use crate::vm::{Chosen, NewVm, Size};

#[derive(sqlx::FromRow)]
struct FlavorRow {
    flavor_id: FlavorId,
    name: String,
    vcpus: i32,
    memory_mib: i32,
    disk_gib: i32,
}

#[derive(sqlx::FromRow)]
struct ImageRow {
    image_id: ImageId,
    name: String,
    file_sha256: String,
    file_size: i64,
    initrd_sha256: Option<String>,
    initrd_size: Option<i64>,
    cmdline: Option<String>,
    virtual_size: Option<i64>,
}

/// Looks everything up that a new machine names; 400 with every name that is not there.
pub async fn choose(tx: &mut Change<vm::Create>, new: &NewVm) -> Result<Chosen, fault::Error> {
    let flavor = flavor(tx, &new.flavor).await?;
    let image = image(tx, &new.image).await?;
    let pool = match &new.wish.pool {
        Some(named) => Some(pool(tx, named).await?),
        None => None,
    };
    let mut wrong = Vec::new();
    if flavor.is_none() {
        wrong.push(FieldError::new("/flavor", "there is no such flavor"));
    }
    if image.is_none() {
        wrong.push(FieldError::new("/image", "there is no such image"));
    }
    if pool == Some(None) {
        wrong.push(FieldError::new("/placement/pool", "there is no such pool"));
    }
    let (Some(flavor), Some(image)) = (flavor, image) else {
        return Err(fault::Error::invalid_fields(wrong));
    };
    let fits = image
        .virtual_size
        .is_none_or(|size| size <= i64::from(flavor.disk_gib) << 30);
    if !fits {
        wrong.push(FieldError::new("/flavor", "its disk is smaller than the image's"));
    }
    if !wrong.is_empty() {
        return Err(fault::Error::invalid_fields(wrong));
    }
    Ok(Chosen {
        flavor: (flavor.flavor_id, flavor.name),
        size: Size {
            vcpus: flavor.vcpus,
            memory_mib: flavor.memory_mib,
            disk_gib: flavor.disk_gib,
        },
        boot: boot(&image)?,
        image: (image.image_id, image.name),
        pool: pool.flatten(),
    })
}

async fn flavor(tx: &mut Change<vm::Create>, named: &IdOrName<FlavorId>) -> Result<Option<FlavorRow>> {
    let (id, name) = halves(named);
    let row = sqlx::query_as(
        "select flavor_id, name, vcpus, memory_mib, disk_gib from compute.flavors where flavor_id = $1 or name = $2",
    );
    Ok(row.bind(id).bind(name).fetch_optional(tx.sql()).await?)
}

async fn image(tx: &mut Change<vm::Create>, named: &IdOrName<ImageId>) -> Result<Option<ImageRow>> {
    let (id, name) = halves(named);
    let row = sqlx::query_as(
        "select image_id, name, file_sha256, file_size, initrd_sha256, initrd_size, cmdline, virtual_size
         from compute.images where image_id = $1 or name = $2",
    );
    Ok(row.bind(id).bind(name).fetch_optional(tx.sql()).await?)
}

async fn pool(tx: &mut Change<vm::Create>, named: &IdOrName<PoolId>) -> Result<Option<PoolId>> {
    let (id, name) = halves(named);
    let row = sqlx::query_scalar("select pool_id from compute.pools where pool_id = $1 or name = $2");
    Ok(row.bind(id).bind(name).fetch_optional(tx.sql()).await?)
}

fn halves<I: Copy>(named: &IdOrName<I>) -> (Option<I>, Option<&str>) {
    match named {
        IdOrName::Id(id) => (Some(*id), None),
        IdOrName::Name(name) => (None, Some(name)),
    }
}

/// A kernel has a command line, a disk has none: the table's check sees to it.
fn boot(row: &ImageRow) -> Result<BootImage, fault::Error> {
    let first = file(&row.file_sha256, row.file_size)?;
    let Some(cmdline) = &row.cmdline else {
        return Ok(BootImage::Disk { disk: first });
    };
    let initrd = match (&row.initrd_sha256, row.initrd_size) {
        (Some(digest), Some(size)) => Some(file(digest, size)?),
        _ => None,
    };
    Ok(BootImage::Kernel {
        kernel: first,
        initrd,
        cmdline: cmdline.clone(),
    })
}

fn file(digest: &str, size: i64) -> Result<ImageFile, fault::Error> {
    let sha256: Sha256 = digest.parse().map_err(fault::Error::internal)?;
    Ok(ImageFile {
        sha256,
        size: u64::try_from(size).unwrap_or_default(),
    })
}
