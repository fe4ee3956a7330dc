//! `identity.email_changes`.

use auth::action::email;
use chrono::{DateTime, TimeDelta, Utc};
use crypto::{KeyError, LookupKey, TenantKeys};
use db::{Change, Granted, Result, SystemTx, Tenant};
use ids::{EventId, TenantId, UserId};

use crate::once::TokenDigest;
use crate::person::{EMAIL, Email};
use crate::store::sealed::{NEW_EMAIL, OLD_EMAIL, USER_EMAIL};

/// How long the new address may be confirmed.
pub const LIVES: TimeDelta = TimeDelta::hours(24);
/// How long a confirmed change may be undone.
pub const UNDO: TimeDelta = TimeDelta::hours(72);

/// Writes down which address somebody wants. What they wanted before and did not confirm is void.
pub async fn insert(
    tx: &mut Change<email::Modify>,
    tenant: &Granted<Tenant, email::Modify>,
    user: UserId,
    (old, new): (&Email, &Email),
    (token, undo): (TokenDigest, TokenDigest),
    lookup: &LookupKey,
) -> Result<()> {
    let (id, now) = (EventId::mint(), tx.now());
    let old_sealed = OLD_EMAIL.seal(tx.keys()?, id.as_uuid(), old.as_str())?;
    let new_sealed = NEW_EMAIL.seal(tx.keys()?, id.as_uuid(), new.as_str())?;
    sqlx::query(
        "update identity.email_changes set void_at = $3
         where tenant_id = $1 and user_id = $2 and confirmed_at is null and void_at is null",
    )
    .bind(tenant.id)
    .bind(user)
    .bind(now)
    .execute(tx.sql())
    .await?;
    sqlx::query(
        "insert into identity.email_changes (tenant_id, change_id, user_id, old_sealed, new_sealed, token_hash, undo_hash,
                                             expires_at, created_at, old_mark)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(tenant.id)
    .bind(id)
    .bind(user)
    .bind(old_sealed)
    .bind(new_sealed)
    .bind(token)
    .bind(undo)
    .bind(now + LIVES)
    .bind(now)
    .bind(lookup.mark(EMAIL, old).bytes())
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// A change whose token was shown.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Shown {
    /// Whose tenant.
    #[sqlx(rename = "tenant_id")]
    pub tenant: TenantId,
    /// Whose address.
    #[sqlx(rename = "user_id")]
    pub user: UserId,
    change_id: EventId,
    old_sealed: Option<Vec<u8>>,
    new_sealed: Option<Vec<u8>>,
    /// Since when it counts; none: it does not yet.
    pub confirmed_at: Option<DateTime<Utc>>,
}

impl Shown {
    /// The address before.
    pub fn old_email(&self, keys: &TenantKeys) -> Result<Email, KeyError> {
        let email = OLD_EMAIL.open(keys, self.change_id.as_uuid(), self.old_sealed.as_deref())?;
        Ok(Email::stored(email))
    }

    /// The address after.
    pub fn new_email(&self, keys: &TenantKeys) -> Result<Email, KeyError> {
        let email = NEW_EMAIL.open(keys, self.change_id.as_uuid(), self.new_sealed.as_deref())?;
        Ok(Email::stored(email))
    }
}

/// In which tenant this token is good for something, or was: whose keys will be needed.
pub async fn tenant_of(tx: &mut SystemTx, token: TokenDigest) -> Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar(
        "select tenant_id from identity.email_changes where token_hash = $1
         union all select tenant_id from identity.email_changes where undo_hash = $1 limit 1",
    )
    .bind(token)
    .fetch_optional(tx.sql())
    .await?;
    Ok(tenant)
}

/// Confirms a change: of two at once, one is told yes.
pub async fn confirm(tx: &mut SystemTx, token: TokenDigest) -> Result<Option<Shown>> {
    let now = tx.now();
    let row = sqlx::query_as(
        "update identity.email_changes c set confirmed_at = $2 from identity.users u
         where c.token_hash = $1 and c.confirmed_at is null and c.void_at is null and c.expires_at > $2
               and u.tenant_id = c.tenant_id and u.user_id = c.user_id and u.enabled and u.email_mark = c.old_mark
         returning c.tenant_id, c.user_id, c.change_id, c.old_sealed, c.new_sealed, c.confirmed_at",
    )
    .bind(token)
    .bind(now)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row)
}

/// Undoes a change, whether or not it counts already, and voids all others of the same person: whoever made it may have
/// made more.
pub async fn undo(tx: &mut SystemTx, token: TokenDigest) -> Result<Option<Shown>> {
    let now = tx.now();
    let row: Option<Shown> = sqlx::query_as(
        "update identity.email_changes set void_at = $2
         where undo_hash = $1 and void_at is null
               and (confirmed_at is null and expires_at > $2 or confirmed_at > $3)
         returning tenant_id, user_id, change_id, old_sealed, new_sealed, confirmed_at",
    )
    .bind(token)
    .bind(now)
    .bind(now - UNDO)
    .fetch_optional(tx.sql())
    .await?;
    if let Some(shown) = &row {
        sqlx::query(
            "update identity.email_changes set void_at = $3 where tenant_id = $1 and user_id = $2 and void_at is null",
        )
        .bind(shown.tenant)
        .bind(shown.user)
        .bind(now)
        .execute(tx.sql())
        .await?;
    }
    Ok(row)
}

/// Gives somebody an address; false if theirs is not `from` any more, where that is asked for. Letters with which the password
/// could be chosen anew went to another: they are void. The tenant's keys are held.
pub async fn set_email(
    tx: &mut SystemTx,
    (tenant, user): (TenantId, UserId),
    from: Option<&Email>,
    email: &Email,
    lookup: &LookupKey,
) -> Result<bool> {
    let now = tx.now();
    let sealed = USER_EMAIL.seal(&tx.keys(tenant)?, user.as_uuid(), email.as_str())?;
    let set = sqlx::query(
        "update identity.users set email_sealed = $3, email_mark = $6, generation = generation + 1, updated_at = $4
         where tenant_id = $1 and user_id = $2 and ($5::bytea is null or email_mark = $5)",
    )
    .bind(tenant)
    .bind(user)
    .bind(sealed)
    .bind(now)
    .bind(from.map(|from| lookup.mark(EMAIL, from).bytes()))
    .bind(lookup.mark(EMAIL, email).bytes())
    .execute(tx.sql())
    .await?;
    sqlx::query("delete from identity.resets where tenant_id = $1 and user_id = $2")
        .bind(tenant)
        .bind(user)
        .execute(tx.sql())
        .await?;
    Ok(set.rows_affected() == 1)
}

/// Removes some that can be neither confirmed nor undone any more; answers how many.
pub async fn remove_old(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let oldest = tx.now() - LIVES - UNDO;
    let removed = sqlx::query(
        "delete from identity.email_changes where (tenant_id, change_id) in
           (select tenant_id, change_id from identity.email_changes where created_at < $1 limit $2
            for update skip locked)",
    )
    .bind(oldest)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
