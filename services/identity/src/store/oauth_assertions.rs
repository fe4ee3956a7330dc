//! `identity.oauth_assertions`.

use chrono::{DateTime, Utc};
use db::{Result, SystemTx};
use ids::TenantId;
use ids::uuid::Uuid;
use sha2::{Digest, Sha256};

/// Remembers a client's proof by its id; false if it was shown before.
pub async fn spend(
    tx: &mut SystemTx,
    (tenant, client): (TenantId, Uuid),
    jti: &str,
    until: DateTime<Utc>,
) -> Result<bool> {
    let hash = Sha256::digest(jti);
    let kept = sqlx::query(
        "insert into identity.oauth_assertions (tenant_id, client_id, jti_hash, expires_at) values ($1, $2, $3, $4)
         on conflict do nothing",
    )
    .bind(tenant)
    .bind(client)
    .bind(hash.as_slice())
    .bind(until)
    .execute(tx.sql())
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Removes some of those that would be refused for their age; answers how many.
pub async fn remove_expired(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let now = tx.now();
    let removed = sqlx::query(
        "delete from identity.oauth_assertions where (tenant_id, client_id, jti_hash) in
           (select tenant_id, client_id, jti_hash from identity.oauth_assertions where expires_at < $1 limit $2
            for update skip locked)",
    )
    .bind(now)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
