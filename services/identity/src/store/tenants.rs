//! `identity.tenants`.

use auth::Action;
use auth::action::tenant;
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::TenantId;

use crate::person::DisplayName;
use crate::project::Name;

/// Writes the tenant that is being made.
pub async fn insert(
    tx: &mut Change<tenant::Create>,
    tenant: &Granted<Tenant, tenant::Create>,
    name: &Name,
    display_name: &DisplayName,
) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into identity.tenants (tenant_id, name, display_name, created_at, updated_at) values ($1, $2, $3, $4, $4)",
    )
    .bind(tenant.id)
    .bind(name.as_str())
    .bind(display_name.as_str())
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The caller's tenant's name.
pub async fn name<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>) -> Result<String> {
    let name = sqlx::query_scalar("select name from identity.tenants where tenant_id = $1")
        .bind(tenant.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(name)
}

/// The tenant of that name, for sign-in.
pub async fn named(tx: &mut SystemTx, name: &str) -> Result<Option<TenantId>> {
    let id = sqlx::query_scalar("select tenant_id from identity.tenants where name = $1")
        .bind(name)
        .fetch_optional(tx.sql())
        .await?;
    Ok(id)
}
