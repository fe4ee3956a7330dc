//! `compute.pools`.

use auth::Action;
use auth::action::pool;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Platform, Read, Result};
use ids::{IdOrName, PoolId};

use super::{Slice, either, ordered};
use crate::placement::Policy;
use crate::pool::{NewPool, Overcommit, Pool};

#[derive(sqlx::FromRow)]
struct PoolRow {
    pool_id: PoolId,
    name: String,
    region: String,
    cpu_overcommit: f64,
    memory_overcommit: f64,
    policy: String,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<PoolRow> for Pool {
    fn from(row: PoolRow) -> Self {
        Self {
            id: row.pool_id,
            name: row.name,
            region: row.region,
            overcommit: Overcommit {
                cpu: row.cpu_overcommit,
                memory: row.memory_overcommit,
            },
            // The table takes no other word.
            policy: Policy::named(&row.policy).unwrap_or(Policy::Spread),
            generation: row.generation,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Writes a new pool.
pub async fn insert(tx: &mut Change<pool::Create>, _: &Granted<Platform, pool::Create>, new: &NewPool) -> Result<Pool> {
    let now = tx.now();
    let row: PoolRow = sqlx::query_as(
        "insert into compute.pools (pool_id, name, region, cpu_overcommit, memory_overcommit, policy, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $7) returning *",
    )
    .bind(PoolId::mint())
    .bind(&new.name)
    .bind(&new.region)
    .bind(new.overcommit.cpu)
    .bind(new.overcommit.memory)
    .bind(new.policy.name())
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// The pool of that id or name.
pub async fn lookup<A: Action>(tx: &mut Read<A>, pool: &IdOrName<PoolId>) -> Result<Pool, fault::Error> {
    let (id, name) = either(pool);
    let row: Option<PoolRow> = sqlx::query_as("select * from compute.pools where pool_id = $1 or name = $2")
        .bind(id)
        .bind(name)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    row.map(Pool::from).ok_or_else(|| fault::Error::not_found("pool"))
}

/// A window of the pools.
pub async fn list(
    tx: &mut Read<pool::List>,
    _: &Granted<Platform, pool::List>,
    slice: &Slice<'_>,
) -> Result<Vec<Pool>, fault::Error> {
    let sql = ordered!(slice.sort, "pool_id", "name", "select * from compute.pools where true");
    let rows: Vec<PoolRow> = sqlx::query_as(sql)
        .bind(slice.after::<PoolId>()?)
        .bind(slice.window.fetch())
        .bind(slice.prefix)
        .bind(slice.prefix_end())
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Pool::from).collect())
}

/// Takes the pool for a change: nobody else changes it, or the room of its hosts, before the end of the transaction.
pub async fn hold<A: Action>(tx: &mut Change<A>, pool: &IdOrName<PoolId>) -> Result<Pool, fault::Error> {
    super::hosts::own_rooms(tx.sql()).await?;
    let (id, name) = either(pool);
    let row: Option<PoolRow> = sqlx::query_as("select * from compute.pools where pool_id = $1 or name = $2 for update")
        .bind(id)
        .bind(name)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    row.map(Pool::from).ok_or_else(|| fault::Error::not_found("pool"))
}

/// Writes policy and overcommit of a held pool, and what may be placed on its hosts from now on.
pub async fn set(tx: &mut Change<pool::Modify>, _: &Granted<Platform, pool::Modify>, pool: &Pool) -> Result<Pool> {
    let now = tx.now();
    let row: PoolRow = sqlx::query_as(
        "update compute.pools set cpu_overcommit = $2, memory_overcommit = $3, policy = $4, generation = generation + 1,
                updated_at = $5
         where pool_id = $1 returning *",
    )
    .bind(pool.id)
    .bind(pool.overcommit.cpu)
    .bind(pool.overcommit.memory)
    .bind(pool.policy.name())
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    super::hosts::resize(tx.sql(), pool.id, pool.overcommit).await?;
    Ok(row.into())
}

/// Removes a pool. Its hosts hold it by foreign key.
pub async fn remove(tx: &mut Change<pool::Delete>, _: &Granted<Platform, pool::Delete>, pool: &Pool) -> Result<()> {
    sqlx::query("delete from compute.pools where pool_id = $1")
        .bind(pool.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}
