//! `keys.tenant_keys` and `keys.data_keys`: wrapped keys, in short transactions of their own. Keys are had before the
//! transaction that needs them begins, since unwrapping them may ask a provider on another machine.

use chrono::{DateTime, Utc};
use crypto::{Asked, ExternalKey, KeyStore, Purpose, StoreError, WrappedDataKey, WrappedKeys, WrappedTenantKey};
use ids::TenantId;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use crate::Result;
use crate::pool::begin;
use crate::read::set_tenant;

/// The keys as a service's own role reaches them: those of one tenant at a time.
pub(crate) struct Keys<'a>(pub &'a PgPool);

#[derive(sqlx::FromRow)]
struct KeyRow {
    version: i32,
    wrapped: Option<Vec<u8>>,
    provider: String,
    purpose: Option<i16>,
    epoch: Option<i32>,
    data_wrapped: Option<Vec<u8>>,
    created_at: Option<DateTime<Utc>>,
    messages: Option<i64>,
    #[sqlx(flatten)]
    external: ExternalRow,
}

/// All none, unless the tenant keeps the key itself.
#[derive(sqlx::FromRow)]
struct ExternalRow {
    url: Option<String>,
    mount: Option<String>,
    key_name: Option<String>,
    namespace: Option<String>,
    ca: Option<String>,
    token: Option<Vec<u8>>,
}

impl ExternalRow {
    fn key(self) -> Option<ExternalKey> {
        Some(ExternalKey {
            url: self.url?,
            mount: self.mount?,
            key: self.key_name?,
            namespace: self.namespace,
            ca: self.ca,
            token: self.token?,
        })
    }
}

impl KeyRow {
    fn data(&self) -> Option<WrappedDataKey> {
        Some(WrappedDataKey {
            // One of a later release is none of ours.
            purpose: Purpose::of(u8::try_from(self.purpose?).ok()?)?,
            epoch: self.epoch?.unsigned_abs(),
            wrapped: self.data_wrapped.clone()?,
            created_at: self.created_at?,
            messages: self.messages?.unsigned_abs(),
        })
    }
}

/// All keys of a tenant, as they were at one moment: one statement, so that no rotation comes between.
pub async fn lookup(sql: &mut PgConnection, tenant: TenantId) -> Result<Option<WrappedKeys>> {
    let rows: Vec<KeyRow> = sqlx::query_as(
        "select t.version, t.wrapped, t.provider, d.purpose, d.epoch, d.wrapped as data_wrapped, d.created_at, d.messages,
                e.url, e.mount, e.key_name, e.namespace, e.ca, e.token
         from keys.tenant_keys t
              left join keys.data_keys d on d.tenant_id = t.tenant_id
              left join keys.external_keys e on e.tenant_id = t.tenant_id
         where t.tenant_id = $1",
    )
    .bind(tenant)
    .fetch_all(sql)
    .await?;
    let data = rows.iter().filter_map(KeyRow::data).collect();
    Ok(rows.into_iter().next().map(|row| WrappedKeys {
        tenant: WrappedTenantKey {
            tenant,
            version: row.version.unsigned_abs(),
            wrapped: row.wrapped,
            provider: row.provider,
            external: row.external.key(),
        },
        data,
    }))
}

/// Keeps a tenant's key, if it is the first. Whoever else is at it waits here and then comes second.
async fn insert(sql: &mut PgConnection, key: &WrappedTenantKey) -> Result<bool> {
    let done = sqlx::query(
        "insert into keys.tenant_keys (tenant_id, version, wrapped, provider) values ($1, $2, $3, $4)
         on conflict (tenant_id) do nothing",
    )
    .bind(key.tenant)
    .bind(key.version.cast_signed())
    .bind(&key.wrapped)
    .bind(&key.provider)
    .execute(sql)
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn insert_data(sql: &mut PgConnection, tenant: TenantId, version: u32, keys: &[WrappedDataKey]) -> Result<()> {
    for key in keys {
        sqlx::query(
            "insert into keys.data_keys (tenant_id, purpose, epoch, wrapped, tenant_key_version, created_at)
             values ($1, $2, $3, $4, $5, $6) on conflict (tenant_id, purpose, epoch) do nothing",
        )
        .bind(tenant)
        .bind(i16::from(key.purpose.number()))
        .bind(key.epoch.cast_signed())
        .bind(&key.wrapped)
        .bind(version.cast_signed())
        .bind(key.created_at)
        .execute(&mut *sql)
        .await?;
    }
    Ok(())
}

async fn reserve(sql: &mut PgConnection, tenant: TenantId, keys: &[Asked], limit: u64) -> Result<Vec<(Purpose, u32)>> {
    let purposes: Vec<i16> = keys.iter().map(|key| i16::from(key.purpose.number())).collect();
    let epochs: Vec<i32> = keys.iter().map(|key| key.epoch.cast_signed()).collect();
    let messages: Vec<i64> = keys.iter().map(|key| key.messages.cast_signed()).collect();
    // Locked in one order, so that two processes do not wait for each other.
    let rows: Vec<(i16, i32)> = sqlx::query_as(
        "with asked as (select * from unnest($2::smallint[], $3::integer[], $4::bigint[]) as a (purpose, epoch, messages)),
              held as (
                  select d.purpose, d.epoch, a.messages
                  from keys.data_keys d join asked a on a.purpose = d.purpose and a.epoch = d.epoch
                  where d.tenant_id = $1 order by d.purpose, d.epoch for update of d
              )
         update keys.data_keys d set messages = d.messages + held.messages from held
         where d.tenant_id = $1 and d.purpose = held.purpose and d.epoch = held.epoch
           and d.messages + held.messages <= $5
         returning d.purpose, d.epoch",
    )
    .bind(tenant)
    .bind(purposes)
    .bind(epochs)
    .bind(messages)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(sql)
    .await?;
    let name = |(purpose, epoch): (i16, i32)| Some((Purpose::of(u8::try_from(purpose).ok()?)?, epoch.unsigned_abs()));
    Ok(rows.into_iter().filter_map(name).collect())
}

impl Keys<'_> {
    /// Keys are had before the transaction that needs them begins.
    async fn begin(&self, tenant: TenantId) -> Result<Transaction<'static, Postgres>> {
        let mut tx = begin(self.0, "begin").await?;
        set_tenant(&mut tx, tenant).await?;
        Ok(tx)
    }
}

fn failed(error: crate::Error) -> StoreError {
    StoreError(error.to_string())
}

async fn commit(tx: Transaction<'static, Postgres>) -> Result<(), StoreError> {
    tx.commit().await.map_err(crate::Error::from).map_err(failed)
}

impl KeyStore for Keys<'_> {
    async fn load(&self, tenant: TenantId) -> Result<Option<WrappedKeys>, StoreError> {
        let mut tx = self.begin(tenant).await.map_err(failed)?;
        lookup(&mut tx, tenant).await.map_err(failed)
    }

    async fn make(&self, keys: &WrappedKeys) -> Result<(), StoreError> {
        let mut tx = self.begin(keys.tenant.tenant).await.map_err(failed)?;
        if insert(&mut tx, &keys.tenant).await.map_err(failed)? {
            let made = insert_data(&mut tx, keys.tenant.tenant, keys.tenant.version, &keys.data).await;
            made.map_err(failed)?;
        }
        commit(tx).await
    }

    async fn add(&self, tenant: TenantId, version: u32, keys: &[WrappedDataKey]) -> Result<(), StoreError> {
        let mut tx = self.begin(tenant).await.map_err(failed)?;
        match insert_data(&mut tx, tenant, version, keys).await {
            // The tenant's key has another version by now: whoever reads again sees it.
            Err(crate::Error::Reference(_)) => return Ok(()),
            other => other.map_err(failed)?,
        }
        commit(tx).await
    }

    async fn reserve(&self, tenant: TenantId, keys: &[Asked], limit: u64) -> Result<Vec<(Purpose, u32)>, StoreError> {
        let mut tx = self.begin(tenant).await.map_err(failed)?;
        let given = reserve(&mut tx, tenant, keys, limit).await.map_err(failed)?;
        commit(tx).await?;
        Ok(given)
    }
}
