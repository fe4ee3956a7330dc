//! `identity.recovery_codes`.

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{TenantId, UserId};
use sqlx::PgConnection;

use crate::factor::recovery::Code;

/// Keeps a new set; whatever was left of the old one is void.
pub async fn replace<A: Action>(
    tx: &mut Change<A>,
    tenant: &Granted<Tenant, A>,
    user: UserId,
    codes: &[Code],
) -> Result<()> {
    remove(tx, tenant, user).await?;
    let now = tx.now();
    let hashes: Vec<Vec<u8>> = codes.iter().map(|code| code.hash().to_vec()).collect();
    sqlx::query(
        "insert into identity.recovery_codes (tenant_id, user_id, hash, created_at)
         select $1, $2, hash, $4 from unnest($3::bytea[]) as hash",
    )
    .bind(tenant.id)
    .bind(user)
    .bind(hashes)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Voids all that are left.
pub async fn remove<A: Action>(tx: &mut Change<A>, tenant: &Granted<Tenant, A>, user: UserId) -> Result<()> {
    sqlx::query("delete from identity.recovery_codes where tenant_id = $1 and user_id = $2")
        .bind(tenant.id)
        .bind(user)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// How many the caller has left.
pub async fn left<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>, user: UserId) -> Result<i64> {
    count(tx.sql(), tenant.id, user).await
}

/// How many somebody has left, for sign-in.
pub async fn left_at_sign_in(tx: &mut SystemTx, tenant: TenantId, user: UserId) -> Result<i64> {
    count(tx.sql(), tenant, user).await
}

async fn count(sql: &mut PgConnection, tenant: TenantId, user: UserId) -> Result<i64> {
    let left = sqlx::query_scalar(
        "select count(*) from identity.recovery_codes where tenant_id = $1 and user_id = $2 and used_at is null",
    )
    .bind(tenant)
    .bind(user)
    .fetch_one(sql)
    .await?;
    Ok(left)
}

/// Spends a code at sign-in; false if there is none like it, or it was spent before.
pub async fn spend_at_sign_in(tx: &mut SystemTx, tenant: TenantId, user: UserId, code: &Code) -> Result<bool> {
    let now = tx.now();
    spend_one(tx.sql(), (tenant, user), code, now).await
}

/// Spends a code of the caller's own; false if there is none like it, or it was spent before.
pub async fn spend<A: Action>(
    tx: &mut Change<A>,
    tenant: &Granted<Tenant, A>,
    user: UserId,
    code: &Code,
) -> Result<bool> {
    let now = tx.now();
    spend_one(tx.sql(), (tenant.id, user), code, now).await
}

async fn spend_one(
    sql: &mut PgConnection,
    (tenant, user): (TenantId, UserId),
    code: &Code,
    now: DateTime<Utc>,
) -> Result<bool> {
    let spent = sqlx::query(
        "update identity.recovery_codes set used_at = $4
         where tenant_id = $1 and user_id = $2 and hash = $3 and used_at is null",
    )
    .bind(tenant)
    .bind(user)
    .bind(code.hash())
    .bind(now)
    .execute(sql)
    .await?;
    Ok(spent.rows_affected() == 1)
}
