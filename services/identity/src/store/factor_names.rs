//! What people called their factors before that was sealed, or call them where a release before this one still runs. One worker seals it.

use db::{Result, SystemTx};
use ids::{FactorId, TenantId};

/// The next tenant after this one in which a name lies open.
pub async fn next_tenant(tx: &mut SystemTx, after: Option<TenantId>) -> Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar(
        "select tenant_id from identity.factors where name is not null and ($1::uuid is null or tenant_id > $1)
         order by tenant_id limit 1",
    )
    .bind(after)
    .fetch_optional(tx.sql())
    .await?;
    Ok(tenant)
}

/// Some of a tenant's names that lie open, held until the end of the transaction; those that others hold are passed over.
pub async fn open(tx: &mut SystemTx, tenant: TenantId, at_most: i64) -> Result<Vec<(FactorId, String)>> {
    let names = sqlx::query_as(
        "select factor_id, name from identity.factors where tenant_id = $1 and name is not null
         order by factor_id limit $2 for update skip locked",
    )
    .bind(tenant)
    .bind(at_most)
    .fetch_all(tx.sql())
    .await?;
    Ok(names)
}

/// Keeps these sealed names in place of those.
pub async fn close(tx: &mut SystemTx, tenant: TenantId, sealed: &[(FactorId, Vec<u8>)]) -> Result<()> {
    sqlx::query(
        "update identity.factors f set name = null, name_sealed = n.sealed
         from unnest($2::uuid[], $3::bytea[]) as n (id, sealed) where f.tenant_id = $1 and f.factor_id = n.id",
    )
    .bind(tenant)
    .bind(sealed.iter().map(|(id, _)| *id).collect::<Vec<_>>())
    .bind(sealed.iter().map(|(_, name)| name.as_slice()).collect::<Vec<_>>())
    .execute(tx.sql())
    .await?;
    Ok(())
}
