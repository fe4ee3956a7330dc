//! `audit.register_leaves`, `audit.blinds` and `audit.registered`.

use auth::Action;
use auth::action::audit;
use chrono::{DateTime, Utc};
use db::{Granted, Read, Result, SystemTx, Tenant};
use ids::TenantId;
use tlog::Hash;
use tlog::register::{Blind, Head, Leaf, SLOT};

use super::hash;
use super::trees::Tree;
use crate::log::REGISTER;

/// A log whose newest checkpoint is not registered.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Whose log.
    pub tenant: TenantId,
    /// The size of the checkpoint.
    pub size: i64,
    /// Its root.
    pub root: Hash,
    /// What its leaves are recognised by; none if it is not in the register yet.
    pub blind: Option<Blind>,
}

#[derive(sqlx::FromRow)]
struct WaitingRow {
    tenant_id: TenantId,
    size: i64,
    root: Vec<u8>,
    blind: Option<Vec<u8>>,
}

fn blind(bytes: &[u8]) -> Result<Blind, sqlx::Error> {
    bytes
        .try_into()
        .map_err(|_| sqlx::Error::Decode("a blind has 32 bytes".into()))
}

/// Takes the register's tree if it last grew before this time; nobody else lets it grow before the end of the transaction. None if
/// somebody does.
pub async fn claim(tx: &mut SystemTx, before: DateTime<Utc>) -> Result<Option<Tree>> {
    sqlx::query(
        "insert into audit.trees (tenant_id, size, grown_at) values ($1, 0, '-infinity') on conflict do nothing",
    )
    .bind(REGISTER)
    .execute(tx.sql())
    .await?;
    let tree = sqlx::query_as(
        "select tenant_id, size from audit.trees where tenant_id = $1 and grown_at <= $2 for update skip locked",
    )
    .bind(REGISTER)
    .bind(before)
    .fetch_optional(tx.sql())
    .await?;
    Ok(tree)
}

/// The logs whose newest checkpoint is not registered, but for those that were in the slot of this moment already.
pub async fn waiting(tx: &mut SystemTx, limit: i64) -> Result<Vec<Waiting>> {
    let now = tx.now().timestamp();
    let slot = now - now.rem_euclid(SLOT.cast_signed());
    let rows: Vec<WaitingRow> = sqlx::query_as(
        "select t.tenant_id, t.size, c.root, b.blind from audit.trees t
         join audit.checkpoints c on c.tenant_id = t.tenant_id and c.size = t.size
         left join audit.blinds b on b.tenant_id = t.tenant_id
         left join lateral (
             select size, registered_at from audit.registered where tenant_id = t.tenant_id order by size desc limit 1
         ) r on true
         where t.tenant_id <> $1 and t.size > coalesce(r.size, 0)
           and coalesce(r.registered_at < to_timestamp($2::bigint), true)
         order by t.tenant_id limit $3",
    )
    .bind(REGISTER)
    .bind(slot)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    let read = |row: WaitingRow| {
        Ok(Waiting {
            tenant: row.tenant_id,
            size: row.size,
            root: hash(&row.root)?,
            blind: row.blind.as_deref().map(blind).transpose()?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// Appends leaves behind the first so many.
pub async fn append(tx: &mut SystemTx, from: i64, leaves: &[Leaf]) -> Result<()> {
    let labels: Vec<&[u8]> = leaves.iter().map(|leaf| leaf.label.as_bytes().as_slice()).collect();
    let values: Vec<&[u8]> = leaves.iter().map(|leaf| leaf.value.as_bytes().as_slice()).collect();
    sqlx::query(
        "insert into audit.register_leaves (index, label, value)
         select $1 + place - 1, label, value from unnest($2::bytea[], $3::bytea[]) with ordinality as t (label, value, place)",
    )
    .bind(from)
    .bind(labels)
    .bind(values)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// A log is in the register from now on.
pub async fn begin(tx: &mut SystemTx, tenant: TenantId, blind: &Blind, index: i64) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into audit.blinds (tenant_id, blind, index, from_time) values ($1, $2, $3, date_trunc('second', $4::timestamptz))",
    )
    .bind(tenant)
    .bind(blind.as_slice())
    .bind(index)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// A log's checkpoint is in the register.
pub async fn insert(tx: &mut SystemTx, tenant: TenantId, size: i64, index: i64) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into audit.registered (tenant_id, size, index, registered_at)
         values ($1, $2, $3, date_trunc('second', $4::timestamptz))",
    )
    .bind(tenant)
    .bind(size)
    .bind(index)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The register's leaves of a stretch of places, `from <= index < to`.
pub async fn leaves(tx: &mut Read<audit::List>, (from, to): (i64, i64), limit: i64) -> Result<Vec<(i64, Leaf)>> {
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "select index, label, value from audit.register_leaves where index >= $1 and index < $2 order by index limit $3",
    )
    .bind(from)
    .bind(to)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    let read = |(index, label, value): (i64, Vec<u8>, Vec<u8>)| {
        let (label, value) = (hash(&label)?, hash(&value)?);
        Ok((index, Leaf { label, value }))
    };
    rows.into_iter().map(read).collect()
}

/// What a tenant recognises its own leaves by.
#[derive(Debug, Clone)]
pub struct Begun {
    /// In every leaf of its.
    pub blind: Blind,
    /// Where it was registered.
    pub index: i64,
    /// When.
    pub from_time: DateTime<Utc>,
}

/// What the tenant recognises its own leaves by, if its log is in the register.
pub async fn begun<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>) -> Result<Option<Begun>> {
    let row: Option<(Vec<u8>, i64, DateTime<Utc>)> =
        sqlx::query_as("select blind, index, from_time from audit.blinds where tenant_id = $1")
            .bind(tenant.id)
            .fetch_optional(tx.sql())
            .await?;
    let read = |(bytes, index, from_time): (Vec<u8>, i64, DateTime<Utc>)| {
        let blind = blind(&bytes)?;
        Ok(Begun {
            blind,
            index,
            from_time,
        })
    };
    row.map(read).transpose()
}

/// A checkpoint of the tenant's in the register.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Where.
    pub index: i64,
    /// What it says.
    pub head: Head,
    /// When that was, in whole seconds.
    pub time: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct RegisteredRow {
    size: i64,
    root: Vec<u8>,
    index: i64,
    registered_at: DateTime<Utc>,
}

impl TryFrom<RegisteredRow> for Registered {
    type Error = sqlx::Error;

    fn try_from(row: RegisteredRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            index: row.index,
            head: Head {
                time: row.registered_at.timestamp().unsigned_abs(),
                size: row.size.cast_unsigned(),
                root: hash(&row.root)?,
            },
            time: row.registered_at,
        })
    }
}

/// Of the tenant's heads, those below a size and before a place in the register, newest first.
pub async fn heads<A: Action>(
    tx: &mut Read<A>,
    tenant: &Granted<Tenant, A>,
    (below, before): (Option<i64>, Option<i64>),
    limit: i64,
) -> Result<Vec<Registered>> {
    let rows: Vec<RegisteredRow> = sqlx::query_as(
        "select r.size, c.root, r.index, r.registered_at from audit.registered r
         join audit.checkpoints c on c.tenant_id = r.tenant_id and c.size = r.size
         where r.tenant_id = $1 and ($2::bigint is null or r.size < $2) and ($3::bigint is null or r.index < $3)
         order by r.size desc limit $4",
    )
    .bind(tenant.id)
    .bind(below)
    .bind(before)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    rows.into_iter().map(|row| Ok(Registered::try_from(row)?)).collect()
}
