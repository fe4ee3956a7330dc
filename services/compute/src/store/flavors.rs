//! `compute.flavors`.

use auth::Action;
use auth::action::flavor;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Platform, Read, Result};
use ids::{FlavorId, IdOrName};

use super::{Slice, either, ordered};
use crate::flavor::{Flavor, NewFlavor};

#[derive(sqlx::FromRow)]
struct FlavorRow {
    flavor_id: FlavorId,
    name: String,
    vcpus: i32,
    memory_mib: i32,
    disk_gib: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<FlavorRow> for Flavor {
    fn from(row: FlavorRow) -> Self {
        Self {
            id: row.flavor_id,
            name: row.name,
            vcpus: row.vcpus,
            memory_mib: row.memory_mib,
            disk_gib: row.disk_gib,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Writes a new flavor.
pub async fn insert(
    tx: &mut Change<flavor::Create>,
    _: &Granted<Platform, flavor::Create>,
    new: &NewFlavor,
) -> Result<Flavor> {
    let now = tx.now();
    let row: FlavorRow = sqlx::query_as(
        "insert into compute.flavors (flavor_id, name, vcpus, memory_mib, disk_gib, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6) returning *",
    )
    .bind(FlavorId::mint())
    .bind(&new.name)
    .bind(new.vcpus)
    .bind(new.memory_mib)
    .bind(new.disk_gib)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// The flavor of that id or name.
pub async fn lookup<A: Action>(tx: &mut Read<A>, flavor: &IdOrName<FlavorId>) -> Result<Flavor, fault::Error> {
    let (id, name) = either(flavor);
    let row: Option<FlavorRow> = sqlx::query_as("select * from compute.flavors where flavor_id = $1 or name = $2")
        .bind(id)
        .bind(name)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    row.map(Flavor::from).ok_or_else(|| fault::Error::not_found("flavor"))
}

/// A window of the flavors.
pub async fn list(tx: &mut Read<flavor::List>, slice: &Slice<'_>) -> Result<Vec<Flavor>, fault::Error> {
    let sql = ordered!(
        slice.sort,
        "flavor_id",
        "name",
        "select * from compute.flavors where true"
    );
    let rows: Vec<FlavorRow> = sqlx::query_as(sql)
        .bind(slice.after::<FlavorId>()?)
        .bind(slice.window.fetch())
        .bind(slice.prefix)
        .bind(slice.prefix_end())
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Flavor::from).collect())
}

/// Removes a flavor; 404 when somebody else was first. Machines made with it keep their size.
pub async fn remove(
    tx: &mut Change<flavor::Delete>,
    _: &Granted<Platform, flavor::Delete>,
    flavor: &Flavor,
) -> Result<(), fault::Error> {
    let done = sqlx::query("delete from compute.flavors where flavor_id = $1")
        .bind(flavor.id)
        .execute(tx.sql())
        .await
        .map_err(db::Error::from)?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(fault::Error::not_found("flavor"))
    }
}
