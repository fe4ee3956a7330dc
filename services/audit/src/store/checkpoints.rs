//! `audit.checkpoints`.

use auth::Action;
use auth::action::audit;
use chrono::{DateTime, Utc};
use db::{Granted, Read, Result, SystemTx, Tenant};
use ids::TenantId;
use tlog::Hash;

use super::cosignatures::Cosigned;
use super::hash;

/// A checkpoint as it was signed.
#[derive(Debug, Clone)]
pub struct Signed {
    /// Entries that it covers.
    pub size: i64,
    /// The root of the tree over them.
    pub root: Hash,
    /// The note that the log signed.
    pub note: String,
    /// Who cosigned it, by their keys.
    pub cosigned: Vec<Cosigned>,
    /// When it was signed.
    pub created_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct SignedRow {
    size: i64,
    root: Vec<u8>,
    note: String,
    created_at: DateTime<Utc>,
    witnesses: Option<Vec<String>>,
    lines: Option<Vec<String>>,
    times: Option<Vec<DateTime<Utc>>>,
}

impl Signed {
    /// The note with every cosignature.
    pub fn whole(&self) -> String {
        let lines = self.cosigned.iter().map(|cosigned| cosigned.line.as_str());
        std::iter::once(self.note.as_str()).chain(lines).collect()
    }
}

impl TryFrom<SignedRow> for Signed {
    type Error = sqlx::Error;

    fn try_from(row: SignedRow) -> Result<Self, sqlx::Error> {
        let lines = row
            .lines
            .unwrap_or_default()
            .into_iter()
            .zip(row.times.unwrap_or_default());
        let cosigned = row.witnesses.unwrap_or_default().into_iter().zip(lines);
        let cosigned = cosigned.map(|(witness, (line, time))| Cosigned { witness, line, time });
        Ok(Self {
            cosigned: cosigned.collect(),
            size: row.size,
            root: hash(&row.root)?,
            note: row.note,
            created_at: row.created_at,
        })
    }
}

/// Checkpoints of the tenant `$1`.
macro_rules! select_signed {
    ($tail:literal) => {
        concat!(
            "select c.size, c.root, c.note, c.created_at, w.witnesses, w.lines, w.times from audit.checkpoints c
             left join lateral (
                 select array_agg(witness order by witness) as witnesses, array_agg(line order by witness) as lines,
                        array_agg(cosigned_at order by witness) as times
                 from audit.cosignatures where tenant_id = c.tenant_id and size = c.size
             ) w on true
             where c.tenant_id = $1 and ",
            $tail
        )
    };
}

fn all(rows: Vec<SignedRow>) -> Result<Vec<Signed>> {
    rows.into_iter().map(|row| Ok(Signed::try_from(row)?)).collect()
}

/// Keeps what was signed.
pub async fn insert(tx: &mut SystemTx, tenant: TenantId, signed: &Signed) -> Result<()> {
    sqlx::query("insert into audit.checkpoints (tenant_id, size, root, note, created_at) values ($1, $2, $3, $4, $5)")
        .bind(tenant)
        .bind(signed.size)
        .bind(signed.root.as_bytes().as_slice())
        .bind(&signed.note)
        .bind(signed.created_at)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// The checkpoint of this size of any tenant's log.
pub async fn of(tx: &mut SystemTx, tenant: TenantId, size: i64) -> Result<Option<Signed>> {
    let row: Option<SignedRow> = sqlx::query_as(select_signed!("size = $2"))
        .bind(tenant)
        .bind(size)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(Signed::try_from).transpose()?)
}

/// A tenant's checkpoints behind one of them, oldest first.
pub async fn behind(tx: &mut SystemTx, tenant: TenantId, size: i64, limit: i64) -> Result<Vec<Signed>> {
    let rows: Vec<SignedRow> = sqlx::query_as(select_signed!("size > $2 order by size limit $3"))
        .bind(tenant)
        .bind(size)
        .bind(limit)
        .fetch_all(tx.sql())
        .await?;
    all(rows)
}

/// Any log's checkpoints below a size, newest first.
pub async fn below(tx: &mut SystemTx, tenant: TenantId, size: Option<i64>, limit: i64) -> Result<Vec<Signed>> {
    let rows: Vec<SignedRow> = sqlx::query_as(select_signed!(
        "($2::bigint is null or size < $2) order by size desc limit $3"
    ))
    .bind(tenant)
    .bind(size)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    all(rows)
}

/// The newest size of each log that has a checkpoint, of tenants behind this one.
pub async fn newest(tx: &mut SystemTx, after: Option<TenantId>, limit: i64) -> Result<Vec<(TenantId, i64)>> {
    let rows = sqlx::query_as(
        "select tenant_id, size from audit.trees
         where size > 0 and ($1::uuid is null or tenant_id > $1) order by tenant_id limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows)
}

/// The tenant's checkpoints below a size, newest first.
pub async fn list(
    tx: &mut Read<audit::List>,
    tenant: &Granted<Tenant, audit::List>,
    below: Option<i64>,
    limit: i64,
) -> Result<Vec<Signed>> {
    let rows: Vec<SignedRow> = sqlx::query_as(select_signed!(
        "($2::bigint is null or size < $2) order by size desc limit $3"
    ))
    .bind(tenant.id)
    .bind(below)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    all(rows)
}

/// The tenant's newest checkpoints, newest first.
pub async fn newest_of<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>, limit: i64) -> Result<Vec<Signed>> {
    let rows: Vec<SignedRow> = sqlx::query_as(select_signed!("true order by size desc limit $2"))
        .bind(tenant.id)
        .bind(limit)
        .fetch_all(tx.sql())
        .await?;
    all(rows)
}

/// The tenant's checkpoint of this size; the newest, if none is named.
pub async fn lookup<A: Action>(
    tx: &mut Read<A>,
    tenant: &Granted<Tenant, A>,
    size: Option<i64>,
) -> Result<Option<Signed>> {
    let row: Option<SignedRow> = sqlx::query_as(select_signed!(
        "($2::bigint is null or size = $2) order by size desc limit 1"
    ))
    .bind(tenant.id)
    .bind(size)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(Signed::try_from).transpose()?)
}

/// The tenant's checkpoints of a stretch of sizes, oldest first.
pub async fn within(
    tx: &mut Read<audit::List>,
    tenant: &Granted<Tenant, audit::List>,
    (after, upto): (i64, i64),
) -> Result<Vec<Signed>> {
    let rows: Vec<SignedRow> = sqlx::query_as(select_signed!("size > $2 and size <= $3 order by size"))
        .bind(tenant.id)
        .bind(after)
        .bind(upto)
        .fetch_all(tx.sql())
        .await?;
    all(rows)
}
