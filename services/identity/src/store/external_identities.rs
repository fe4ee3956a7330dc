//! `identity.external_identities` and `identity.external_sign_ins`.

use auth::Action;
use auth::action::external_identity;
use chrono::{DateTime, Utc};
use crypto::{KeyError, LookupKey, TenantKeys};
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{ExternalIdentityId, IdentityProviderId, TenantId, UserId};

use crate::oidc::secret::{Away, LIVES, Secret};
use crate::person::{DisplayName, Email};
use crate::provider::{ExternalIdentity, Provider};
use crate::store::sealed::{Kept, SUBJECT, subject_mark};

#[derive(sqlx::FromRow)]
struct AwayRow {
    provider_id: IdentityProviderId,
    user_id: Option<UserId>,
    anew: bool,
    created_at: DateTime<Utc>,
}

/// Somebody leaves for a provider.
pub async fn leave(tx: &mut SystemTx, secret: &Secret, provider: IdentityProviderId, anew: bool) -> Result<()> {
    let now = tx.now();
    sqlx::query(LEAVE)
        .bind(secret.tenant)
        .bind(secret.id)
        .bind(provider)
        .bind(None::<UserId>)
        .bind(secret.hash())
        .bind(anew)
        .bind(now)
        .bind(now + LIVES)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// The caller leaves for a provider that they want to link.
pub async fn leave_to_link(
    tx: &mut Change<external_identity::Create>,
    user: UserId,
    secret: &Secret,
    provider: &Granted<Provider, external_identity::Create>,
) -> Result<()> {
    let now = tx.now();
    sqlx::query(LEAVE)
        .bind(provider.tenant)
        .bind(secret.id)
        .bind(provider.id)
        .bind(user)
        .bind(secret.hash())
        .bind(true)
        .bind(now)
        .bind(now + LIVES)
        .execute(tx.sql())
        .await?;
    Ok(())
}

const LEAVE: &str = "insert into identity.external_sign_ins
    (tenant_id, sign_in_id, provider_id, user_id, secret_hash, anew, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

/// Somebody comes back: what was kept of them goes, so of fifty at once one is let on.
pub async fn come_back(tx: &mut SystemTx, secret: &Secret) -> Result<Option<Away>> {
    let now = tx.now();
    let row: Option<AwayRow> = sqlx::query_as(
        "delete from identity.external_sign_ins
         where tenant_id = $1 and sign_in_id = $2 and secret_hash = $3 and expires_at > $4
         returning provider_id, user_id, anew, created_at",
    )
    .bind(secret.tenant)
    .bind(secret.id)
    .bind(secret.hash())
    .bind(now)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|row| Away {
        provider: row.provider_id,
        user: row.user_id,
        anew: row.anew,
        since: row.created_at,
    }))
}

/// Removes some who never came back; answers how many.
pub async fn remove_expired(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let now = tx.now();
    let removed = sqlx::query(
        "delete from identity.external_sign_ins where (tenant_id, sign_in_id) in
           (select tenant_id, sign_in_id from identity.external_sign_ins where expires_at < $1 limit $2
            for update skip locked)",
    )
    .bind(now)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}

/// Who the provider's subject is here, and whether they may come in. Held until the end of the transaction.
pub async fn known(
    tx: &mut SystemTx,
    provider: &Provider,
    subject: &str,
    lookup: &LookupKey,
) -> Result<Option<(ExternalIdentityId, UserId, bool)>> {
    let row = sqlx::query_as(
        "select i.identity_id, i.user_id, u.enabled from identity.external_identities i
         join identity.users u using (tenant_id, user_id)
         where i.tenant_id = $1 and i.provider_id = $2 and i.subject_mark = $3 for update",
    )
    .bind(provider.tenant)
    .bind(provider.id)
    .bind(subject_mark(lookup, provider.tenant, subject).bytes())
    .fetch_optional(tx.sql())
    .await?;
    Ok(row)
}

/// They have come in by it now.
pub async fn touch(tx: &mut SystemTx, tenant: TenantId, identity: ExternalIdentityId) -> Result<()> {
    let now = tx.now();
    sqlx::query("update identity.external_identities set used_at = $3 where tenant_id = $1 and identity_id = $2")
        .bind(tenant)
        .bind(identity)
        .bind(now)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// What became of writing down somebody new.
pub enum Made {
    /// They are here.
    New(ExternalIdentityId, UserId),
    /// Their address is somebody's.
    AddressTaken,
    /// Another sign-in has written them down meanwhile; nothing of this transaction may stay.
    Overtaken,
}

/// Writes down who somebody new is. The tenant's keys are held.
pub async fn insert_with_user(
    tx: &mut SystemTx,
    provider: &Provider,
    subject: &str,
    named: (&Email, &DisplayName),
    lookup: &LookupKey,
) -> Result<Made> {
    let (now, identity, user) = (tx.now(), ExternalIdentityId::mint(), UserId::mint());
    let keys = tx.keys(provider.tenant)?;
    let kept = Kept::of(&keys, lookup, user, named)?;
    let made = sqlx::query(
        "insert into identity.users (tenant_id, user_id, email_sealed, name_sealed, email_mark, created_at, updated_at)
         values ($1, $2, $3, $4, $6, $5, $5) on conflict do nothing",
    )
    .bind(provider.tenant)
    .bind(user)
    .bind(kept.email)
    .bind(kept.name)
    .bind(now)
    .bind(kept.mark.bytes())
    .execute(tx.sql())
    .await?;
    if made.rows_affected() == 0 {
        return Ok(Made::AddressTaken);
    }
    let linked = sqlx::query(
        "insert into identity.external_identities (tenant_id, identity_id, provider_id, subject_sealed, user_id, used_at, created_at, subject_mark)
         values ($1, $2, $3, $4, $5, $6, $6, $7) on conflict do nothing",
    )
    .bind(provider.tenant)
    .bind(identity)
    .bind(provider.id)
    .bind(SUBJECT.seal(&keys, identity.as_uuid(), subject)?)
    .bind(user)
    .bind(now)
    .bind(subject_mark(lookup, provider.tenant, subject).bytes())
    .execute(tx.sql())
    .await?;
    Ok(if linked.rows_affected() == 1 {
        Made::New(identity, user)
    } else {
        Made::Overtaken
    })
}

/// Links a provider's subject to the caller. False if it is somebody's, or they have another there.
pub async fn link(
    tx: &mut Change<external_identity::Create>,
    provider: &Granted<Provider, external_identity::Create>,
    (identity, user): (ExternalIdentityId, UserId),
    subject: &str,
    lookup: &LookupKey,
) -> Result<bool> {
    let now = tx.now();
    let sealed = SUBJECT.seal(tx.keys()?, identity.as_uuid(), subject)?;
    let linked = sqlx::query(
        "insert into identity.external_identities (tenant_id, identity_id, provider_id, subject_sealed, user_id, created_at, subject_mark)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
    )
    .bind(provider.tenant)
    .bind(identity)
    .bind(provider.id)
    .bind(sealed)
    .bind(user)
    .bind(now)
    .bind(subject_mark(lookup, provider.tenant, subject).bytes())
    .execute(tx.sql())
    .await?;
    Ok(linked.rows_affected() == 1)
}

#[derive(sqlx::FromRow)]
struct IdentityRow {
    identity_id: ExternalIdentityId,
    name: String,
    display_name: String,
    subject_sealed: Option<Vec<u8>>,
    used_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl IdentityRow {
    fn open(self, keys: &TenantKeys) -> Result<ExternalIdentity, KeyError> {
        Ok(ExternalIdentity {
            id: self.identity_id,
            provider: self.name,
            provider_display_name: self.display_name,
            subject: SUBJECT.open(keys, self.identity_id.as_uuid(), self.subject_sealed.as_deref())?,
            used_at: self.used_at,
            created_at: self.created_at,
        })
    }
}

/// Who somebody is at providers; a tenant has few of those.
pub async fn list<A: Action>(
    tx: &mut Read<A>,
    tenant: &Granted<Tenant, A>,
    user: UserId,
) -> Result<Vec<ExternalIdentity>> {
    let rows: Vec<IdentityRow> = sqlx::query_as(
        "select i.identity_id, p.name, p.display_name, i.subject_sealed, i.used_at, i.created_at
         from identity.external_identities i join identity.identity_providers p using (tenant_id, provider_id)
         where i.tenant_id = $1 and i.user_id = $2 order by p.name",
    )
    .bind(tenant.id)
    .bind(user)
    .fetch_all(tx.sql())
    .await?;
    let opened = rows.into_iter().map(|row| row.open(tx.keys()?));
    Ok(opened.collect::<Result<_, KeyError>>()?)
}

/// Takes somebody for a change of how they sign in: until its end no other takes a way from them.
pub async fn hold_person(
    tx: &mut Change<external_identity::Delete>,
    tenant: &Granted<Tenant, external_identity::Delete>,
    user: UserId,
) -> Result<()> {
    sqlx::query("select from identity.users where tenant_id = $1 and user_id = $2 for update")
        .bind(tenant.id)
        .bind(user)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Takes who somebody is at a provider from them, and the groups that it has put them into.
pub async fn remove(
    tx: &mut Change<external_identity::Delete>,
    tenant: &Granted<Tenant, external_identity::Delete>,
    (identity, user): (ExternalIdentityId, UserId),
) -> Result<()> {
    sqlx::query(
        "with gone as (delete from identity.external_identities where tenant_id = $1 and identity_id = $2 and user_id = $3
                       returning provider_id)
         delete from identity.group_members m using gone
         where m.tenant_id = $1 and m.user_id = $3 and m.provider_id = gone.provider_id",
    )
    .bind(tenant.id)
    .bind(identity)
    .bind(user)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Can they still sign in, by a password or a provider that is in use?
pub async fn can_sign_in(
    tx: &mut Change<external_identity::Delete>,
    tenant: &Granted<Tenant, external_identity::Delete>,
    user: UserId,
) -> Result<bool> {
    let can = sqlx::query_scalar(
        "select exists (select user_id from identity.passwords where tenant_id = $1 and user_id = $2)
             or exists (select from identity.external_identities i join identity.identity_providers p
                          using (tenant_id, provider_id)
                        where i.tenant_id = $1 and i.user_id = $2 and p.enabled)",
    )
    .bind(tenant.id)
    .bind(user)
    .fetch_one(tx.sql())
    .await?;
    Ok(can)
}
