//! `audit.trees`, `audit.tiles`, `audit.log_keys`, and what makes trees grow.

use auth::Action;
use auth::action::audit;
use chrono::{DateTime, Utc};
use db::{Granted, Read, Result, SystemTx, Tenant};
use ids::TenantId;
use tlog::{Loaded, Tile, TileId};

use crate::log::REGISTER;

/// When a log is due for a checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// So many entries wait.
    pub entries: i64,
    /// Or one waits, and the last checkpoint is older than this moment.
    pub before: DateTime<Utc>,
}

/// A tree that may grow; nobody else lets it grow before the end of the transaction.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Tree {
    /// Whose log.
    #[sqlx(rename = "tenant_id")]
    pub tenant: TenantId,
    /// Entries in it.
    pub size: i64,
}

/// Takes the tree that has waited longest, if one is due.
pub async fn claim(tx: &mut SystemTx, pace: Pace) -> Result<Option<Tree>> {
    sqlx::query(
        "insert into audit.trees (tenant_id, size, grown_at)
         select tenant_id, 0, '-infinity' from audit.heads h
         where not exists (select from audit.trees t where t.tenant_id = h.tenant_id)
         on conflict do nothing",
    )
    .execute(tx.sql())
    .await?;
    let tree = sqlx::query_as(
        "select t.tenant_id, t.size from audit.trees t join audit.heads h using (tenant_id)
         where h.seq > t.size and (h.seq - t.size >= $1 or t.grown_at <= $2)
         order by t.grown_at limit 1 for update of t skip locked",
    )
    .bind(pace.entries)
    .bind(pace.before)
    .fetch_optional(tx.sql())
    .await?;
    Ok(tree)
}

/// The tree has grown.
pub async fn set_size(tx: &mut SystemTx, tree: Tree, size: i64) -> Result<()> {
    let now = tx.now();
    sqlx::query("update audit.trees set size = $2, grown_at = $3 where tenant_id = $1")
        .bind(tree.tenant)
        .bind(size)
        .bind(now)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// The tree cannot grow, and is looked at again like one that has.
pub async fn put_off(tx: &mut SystemTx, tree: Tree) -> Result<()> {
    set_size(tx, tree, tree.size).await
}

/// Takes the log that has waited longest for its tenant to be told, if its last time was before this one.
pub async fn claim_untold(tx: &mut SystemTx, before: DateTime<Utc>) -> Result<Option<Tree>> {
    let tree = sqlx::query_as(
        "select tenant_id, size from audit.trees where size > told_size and told_at <= $1 and tenant_id <> $2
         order by told_at limit 1 for update skip locked",
    )
    .bind(before)
    .bind(REGISTER)
    .fetch_optional(tx.sql())
    .await?;
    Ok(tree)
}

/// Its tenant was told of it.
pub async fn set_told(tx: &mut SystemTx, tree: Tree) -> Result<()> {
    let now = tx.now();
    sqlx::query("update audit.trees set told_size = $2, told_at = $3 where tenant_id = $1")
        .bind(tree.tenant)
        .bind(tree.size)
        .bind(now)
        .execute(tx.sql())
        .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct TileRow {
    level: i16,
    index: i64,
    hashes: Vec<u8>,
}

const TILES: &str = "select t.level, t.index, t.hashes from audit.tiles t
     join unnest($2::smallint[], $3::bigint[]) as wanted (level, index) using (level, index)
     where t.tenant_id = $1";

/// Some tiles of a tree, for whoever may read its log.
pub async fn tiles<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>, wanted: &[TileId]) -> Result<Loaded> {
    fetch(tx.sql(), tenant.id, wanted).await
}

/// Some tiles of a tree that grows.
pub async fn tiles_of(tx: &mut SystemTx, tree: Tree, wanted: &[TileId]) -> Result<Loaded> {
    fetch(tx.sql(), tree.tenant, wanted).await
}

async fn fetch(sql: &mut sqlx::PgConnection, tenant: TenantId, wanted: &[TileId]) -> Result<Loaded> {
    let levels: Vec<i16> = wanted.iter().map(|tile| i16::from(tile.level)).collect();
    let places: Vec<i64> = wanted.iter().map(|tile| tile.index.cast_signed()).collect();
    let rows: Vec<TileRow> = sqlx::query_as(TILES)
        .bind(tenant)
        .bind(levels)
        .bind(places)
        .fetch_all(sql)
        .await?;
    let tile = |row: TileRow| {
        let id = TileId {
            level: u8::try_from(row.level).unwrap_or(u8::MAX),
            index: row.index.cast_unsigned(),
        };
        Tile::from_bytes(id, &row.hashes).map_err(|error| sqlx::Error::Decode(error.into()).into())
    };
    rows.into_iter().map(tile).collect()
}

/// Writes tiles, each whole.
pub async fn write(tx: &mut SystemTx, tree: Tree, tiles: &[Tile]) -> Result<()> {
    let levels: Vec<i16> = tiles.iter().map(|tile| i16::from(tile.id.level)).collect();
    let places: Vec<i64> = tiles.iter().map(|tile| tile.id.index.cast_signed()).collect();
    let hashes: Vec<Vec<u8>> = tiles.iter().map(Tile::to_bytes).collect();
    sqlx::query(
        "insert into audit.tiles (tenant_id, level, index, hashes)
         select $1, level, index, hashes from unnest($2::smallint[], $3::bigint[], $4::bytea[]) as t (level, index, hashes)
         on conflict (tenant_id, level, index) do update set hashes = excluded.hashes",
    )
    .bind(tree.tenant)
    .bind(levels)
    .bind(places)
    .bind(hashes)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// A key that signs or has signed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LogKey {
    /// `name+id+key`.
    pub key: String,
    /// Since when.
    pub from_time: DateTime<Utc>,
    /// Until when; the key in use has no end.
    pub until_time: Option<DateTime<Utc>>,
}

/// Makes this the key in use from now on. Checkpoints say their time in whole seconds, so keys begin and end with one.
pub async fn use_key(tx: &mut SystemTx, key: &str) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "update audit.log_keys set until_time = date_trunc('second', $2::timestamptz) + interval '1 second'
         where until_time is null and key <> $1",
    )
    .bind(key)
    .bind(now)
    .execute(tx.sql())
    .await?;
    sqlx::query(
        "insert into audit.log_keys (key, from_time) values ($1, date_trunc('second', $2::timestamptz))
         on conflict (key) do update set until_time = null where log_keys.until_time is not null",
    )
    .bind(key)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The keys that have signed, before the one of this time and name, newest first.
pub async fn keys(
    tx: &mut Read<audit::List>,
    before: Option<(DateTime<Utc>, String)>,
    limit: i64,
) -> Result<Vec<LogKey>> {
    let (time, key) = before.unzip();
    let keys = sqlx::query_as(
        "select key, from_time, until_time from audit.log_keys
         where $1::timestamptz is null or (from_time, key) < ($1, $2)
         order by from_time desc, key desc limit $3",
    )
    .bind(time)
    .bind(key)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    Ok(keys)
}
