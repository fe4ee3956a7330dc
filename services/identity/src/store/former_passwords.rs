//! `identity.password_history`.

use auth::action::password;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Result, SystemTx, Tenant};
use ids::{TenantId, UserId};
use sqlx::PgConnection;

use crate::password::Rules;
use crate::store::people::Secret;

/// The hashes of what a person must not choose again: the present password and those before it, as many as the rules say.
pub async fn barred(
    tx: &mut SystemTx,
    tenant: TenantId,
    user: UserId,
    present: &Secret,
    rules: &Rules,
) -> Result<Vec<String>> {
    if rules.history_counts() == 0 {
        return Ok(Vec::new());
    }
    let former: Vec<String> = sqlx::query_scalar(
        "select hash from identity.password_history where tenant_id = $1 and user_id = $2
         order by changed_at desc limit $3",
    )
    .bind(tenant)
    .bind(user)
    .bind(rules.history_counts() - 1)
    .fetch_all(tx.sql())
    .await?;
    Ok(std::iter::once(present.hash.clone()).chain(former).collect())
}

/// Keeps the password that is being replaced, and of the former ones no more than the rules ask for.
pub async fn keep(
    tx: &mut Change<password::Modify>,
    tenant: &Granted<Tenant, password::Modify>,
    user: UserId,
    replaced: &Secret,
    rules: &Rules,
) -> Result<()> {
    write(tx.sql(), tenant.id, user, (&replaced.hash, replaced.changed_at), rules).await
}

/// The same for a password that is replaced by somebody who holds a letter.
pub async fn keep_at_reset(
    tx: &mut SystemTx,
    tenant: TenantId,
    user: UserId,
    replaced: &Secret,
    rules: &Rules,
) -> Result<()> {
    write(tx.sql(), tenant, user, (&replaced.hash, replaced.changed_at), rules).await
}

async fn write(
    sql: &mut PgConnection,
    tenant: TenantId,
    user: UserId,
    (hash, chosen): (&str, DateTime<Utc>),
    rules: &Rules,
) -> Result<()> {
    let most = (rules.history_counts() - 1).max(0);
    if most > 0 {
        sqlx::query(
            "insert into identity.password_history (tenant_id, user_id, changed_at, hash) values ($1, $2, $3, $4)
             on conflict do nothing",
        )
        .bind(tenant)
        .bind(user)
        .bind(chosen)
        .bind(hash)
        .execute(&mut *sql)
        .await?;
    }
    sqlx::query(
        "delete from identity.password_history where tenant_id = $1 and user_id = $2 and changed_at not in
           (select changed_at from identity.password_history where tenant_id = $1 and user_id = $2
            order by changed_at desc limit $3)",
    )
    .bind(tenant)
    .bind(user)
    .bind(most)
    .execute(sql)
    .await?;
    Ok(())
}
