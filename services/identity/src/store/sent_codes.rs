//! `identity.sent_codes`.

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Change, Result, SystemTx};
use sqlx::PgConnection;

use crate::factor::sent::{Bound, LIVES, Locked, SENDS, TRIES};

/// Keeps a code that is sent at sign-in, in place of the one before it; false if as many were sent as there may be.
pub async fn keep(tx: &mut SystemTx, bound: &Bound, locked: &Locked) -> Result<bool> {
    let now = tx.now();
    write(tx.sql(), now, bound, locked).await
}

/// Keeps a code that is sent to the caller, in place of the one before it; false if as many were sent as there may be.
pub async fn keep_with<A: Action>(tx: &mut Change<A>, bound: &Bound, locked: &Locked) -> Result<bool> {
    let now = tx.now();
    write(tx.sql(), now, bound, locked).await
}

/// One statement asks and replaces: of several at once none is the fourth. A session outlives its codes, so they are counted
/// anew once the last has expired.
async fn write(sql: &mut PgConnection, now: DateTime<Utc>, bound: &Bound, locked: &Locked) -> Result<bool> {
    let kept = sqlx::query(
        "insert into identity.sent_codes as kept (tenant_id, purpose, bound_to, factor_id, key, hash, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         on conflict (tenant_id, purpose, bound_to) do update
            set factor_id = $4, key = $5, hash = $6, tries = 0, expires_at = $7, created_at = $8,
                sends = case when kept.expires_at <= $8 then 1 else kept.sends + 1 end
            where kept.sends < $9 or kept.expires_at <= $8",
    )
    .bind(bound.tenant)
    .bind(bound.purpose())
    .bind(bound.id())
    .bind(bound.factor)
    .bind(&locked.key)
    .bind(locked.hash)
    .bind(now + LIVES)
    .bind(now)
    .bind(SENDS)
    .execute(sql)
    .await?;
    Ok(kept.rows_affected() == 1)
}

/// Pays for one look at the code that waits for this: the key of its hash, or none if there is no such code or it was tried as
/// often as it may be. To be committed whatever comes of it.
pub async fn pay(tx: &mut SystemTx, bound: &Bound) -> Result<Option<Vec<u8>>> {
    let now = tx.now();
    let key = sqlx::query_scalar(
        "update identity.sent_codes set tries = tries + 1
         where tenant_id = $1 and purpose = $2 and bound_to = $3 and factor_id = $4 and tries < $5 and expires_at > $6
           and exists (select from identity.factors f where f.tenant_id = $1 and f.factor_id = $4 and f.user_id = $7)
         returning key",
    )
    .bind(bound.tenant)
    .bind(bound.purpose())
    .bind(bound.id())
    .bind(bound.factor)
    .bind(TRIES)
    .bind(now)
    .bind(bound.user)
    .fetch_optional(tx.sql())
    .await?;
    Ok(key)
}

/// Spends a code at sign-in; false if it is not the one, or it was spent or replaced before.
pub async fn spend_at_sign_in(tx: &mut SystemTx, bound: &Bound, hash: [u8; 32]) -> Result<bool> {
    let now = tx.now();
    spend_one(tx.sql(), now, bound, hash).await
}

/// Spends a code that was sent to the caller; false if it is not the one, or it was spent or replaced before.
pub async fn spend<A: Action>(tx: &mut Change<A>, bound: &Bound, hash: [u8; 32]) -> Result<bool> {
    let now = tx.now();
    spend_one(tx.sql(), now, bound, hash).await
}

/// One statement compares and takes away: of fifty equal codes at one moment, one finds it.
async fn spend_one(sql: &mut PgConnection, now: DateTime<Utc>, bound: &Bound, hash: [u8; 32]) -> Result<bool> {
    let spent = sqlx::query(
        "with spent as (delete from identity.sent_codes
                        where tenant_id = $1 and purpose = $2 and bound_to = $3 and factor_id = $4 and hash = $5
                          and expires_at > $6
                        returning tenant_id, factor_id)
         update identity.factors f set used_at = $6 from spent
         where f.tenant_id = spent.tenant_id and f.factor_id = spent.factor_id",
    )
    .bind(bound.tenant)
    .bind(bound.purpose())
    .bind(bound.id())
    .bind(bound.factor)
    .bind(hash)
    .bind(now)
    .execute(sql)
    .await?;
    Ok(spent.rows_affected() == 1)
}

/// Removes some of those that are good no more; answers how many.
pub async fn remove_expired(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let now = tx.now();
    let removed = sqlx::query(
        "delete from identity.sent_codes where (tenant_id, purpose, bound_to) in
           (select tenant_id, purpose, bound_to from identity.sent_codes where expires_at < $1 limit $2
            for update skip locked)",
    )
    .bind(now)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
