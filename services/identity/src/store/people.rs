//! `identity.users`, `identity.passwords`, `identity.role_bindings` and `identity.known_addresses`.

use auth::action::{password, tenant};
use auth::{Action, Role};
use chrono::{DateTime, TimeDelta, Utc};
use crypto::{KeyError, LookupKey, TenantKeys};
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{BindingId, TenantId, UserId};

use crate::person::{DisplayName, EMAIL, Email, Person};
use crate::store::places;
use crate::store::sealed::{Kept, USER_EMAIL, USER_NAME};

/// How long a place stays known without a sign-in from there.
const KNOWN_FOR: TimeDelta = TimeDelta::days(90);

#[derive(sqlx::FromRow)]
struct PersonRow {
    tenant_id: TenantId,
    user_id: UserId,
    email_sealed: Option<Vec<u8>>,
    name_sealed: Option<Vec<u8>>,
}

impl PersonRow {
    fn open(self, keys: &TenantKeys) -> Result<Person, KeyError> {
        let row = self.user_id.as_uuid();
        Ok(Person {
            tenant: self.tenant_id,
            id: self.user_id,
            email: Email::stored(USER_EMAIL.open(keys, row, self.email_sealed.as_deref())?),
            display_name: USER_NAME.open(keys, row, self.name_sealed.as_deref())?,
        })
    }
}

/// Somebody who may be the one who signs in.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Candidate {
    /// Their tenant.
    #[sqlx(rename = "tenant_id")]
    pub tenant: TenantId,
    /// Their id.
    #[sqlx(rename = "user_id")]
    pub user: UserId,
    /// The kept hash.
    pub hash: String,
    /// When the password was chosen; a new hash of the same one does not count.
    pub changed_at: DateTime<Utc>,
}

/// A person's password, with their tenant's name, which it must not resemble.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Secret {
    /// The kept hash.
    pub hash: String,
    /// When the password was chosen.
    pub changed_at: DateTime<Utc>,
    /// Their tenant's name.
    pub tenant: String,
}

/// Writes the first person of the tenant that is being made: its owner.
pub async fn insert_owner(
    tx: &mut Change<tenant::Create>,
    tenant: &Granted<Tenant, tenant::Create>,
    (user, email, display_name): (UserId, &Email, &DisplayName),
    hash: &str,
    lookup: &LookupKey,
) -> Result<()> {
    let now = tx.now();
    let kept = Kept::of(tx.keys()?, lookup, user, (email, display_name))?;
    sqlx::query(
        "with person as (
             insert into identity.users (tenant_id, user_id, email_sealed, name_sealed, email_mark, created_at, updated_at)
             values ($1, $2, $3, $4, $9, $8, $8))
         , password as (
             insert into identity.passwords (tenant_id, user_id, hash, changed_at) values ($1, $2, $5, $8))
         insert into identity.role_bindings (tenant_id, binding_id, user_id, role, created_at) values ($1, $6, $2, $7, $8)",
    )
    .bind(tenant.id)
    .bind(user)
    .bind(kept.email)
    .bind(kept.name)
    .bind(hash)
    .bind(BindingId::mint())
    .bind(Role::Owner.name())
    .bind(now)
    .bind(kept.mark.bytes())
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Writes a person and their password. The tenant's keys are held.
pub async fn insert(
    tx: &mut SystemTx,
    (tenant, user): (TenantId, UserId),
    named: (&Email, &DisplayName),
    hash: &str,
    lookup: &LookupKey,
) -> Result<()> {
    let now = tx.now();
    let kept = Kept::of(&tx.keys(tenant)?, lookup, user, named)?;
    sqlx::query(
        "with person as (
             insert into identity.users (tenant_id, user_id, email_sealed, name_sealed, email_mark, created_at, updated_at)
             values ($1, $2, $3, $4, $7, $6, $6))
         insert into identity.passwords (tenant_id, user_id, hash, changed_at) values ($1, $2, $5, $6)",
    )
    .bind(tenant)
    .bind(user)
    .bind(kept.email)
    .bind(kept.name)
    .bind(hash)
    .bind(now)
    .bind(kept.mark.bytes())
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Binds a role on the whole tenant; false if it was bound before.
pub async fn bind(tx: &mut SystemTx, tenant: TenantId, user: UserId, role: Role) -> Result<bool> {
    let now = tx.now();
    let bound = sqlx::query(
        "insert into identity.role_bindings (tenant_id, binding_id, user_id, role, created_at, apart)
         values ($1, $2, $3, $4, $5, (select duties_apart from identity.tenants where tenant_id = $1))
         on conflict on constraint role_bindings_once do nothing",
    )
    .bind(tenant)
    .bind(BindingId::mint())
    .bind(user)
    .bind(role.name())
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(bound.rows_affected() == 1)
}

/// Changes somebody's password.
pub async fn set_hash(tx: &mut SystemTx, tenant: TenantId, user: UserId, hash: &str) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into identity.passwords (tenant_id, user_id, hash, changed_at) values ($1, $2, $3, $4)
         on conflict (tenant_id, user_id) do update set hash = $3, changed_at = $4",
    )
    .bind(tenant)
    .bind(user)
    .bind(hash)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The people with this address, in one tenant or in any; two are enough to know that there are several.
pub async fn candidates(
    tx: &mut SystemTx,
    (email, lookup): (&Email, &LookupKey),
    tenant: Option<TenantId>,
) -> Result<Vec<Candidate>> {
    let rows = sqlx::query_as(
        "select u.tenant_id, u.user_id, p.hash, p.changed_at
         from identity.users u join identity.passwords p using (tenant_id, user_id)
         where u.email_mark = $1 and ($2::uuid is null or u.tenant_id = $2) limit 2",
    )
    .bind(lookup.mark(EMAIL, email).bytes())
    .bind(tenant)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows)
}

/// The caller's own person.
pub async fn lookup<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>, user: UserId) -> Result<Option<Person>> {
    let row: Option<PersonRow> = sqlx::query_as(
        "select tenant_id, user_id, email_sealed, name_sealed from identity.users where tenant_id = $1 and user_id = $2",
    )
    .bind(tenant.id)
    .bind(user)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|row| row.open(tx.keys()?)).transpose()?)
}

/// A person's e-mail address.
pub async fn email<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>, user: UserId) -> Result<String> {
    let sealed: Option<Option<Vec<u8>>> = sqlx::query_scalar(SEALED_EMAIL)
        .bind(tenant.id)
        .bind(user)
        .fetch_optional(tx.sql())
        .await?;
    let open = |sealed: Option<Vec<u8>>| USER_EMAIL.open(tx.keys()?, user.as_uuid(), sealed.as_deref());
    Ok(sealed.map(open).transpose()?.unwrap_or_default())
}

const SEALED_EMAIL: &str = "select email_sealed from identity.users where tenant_id = $1 and user_id = $2";

/// Where a person's letters go, for whoever is half signed in. The tenant's keys are held.
pub async fn email_at_sign_in(tx: &mut SystemTx, tenant: TenantId, user: UserId) -> Result<String> {
    let sealed: Option<Option<Vec<u8>>> = sqlx::query_scalar(SEALED_EMAIL)
        .bind(tenant)
        .bind(user)
        .fetch_optional(tx.sql())
        .await?;
    let open = |sealed: Option<Vec<u8>>| USER_EMAIL.open(&tx.keys(tenant)?, user.as_uuid(), sealed.as_deref());
    Ok(sealed.map(open).transpose()?.unwrap_or_default())
}

/// A person's password, for whoever must show it again.
pub async fn secret(tx: &mut SystemTx, tenant: TenantId, user: UserId) -> Result<Option<Secret>> {
    let row = sqlx::query_as(
        "select p.hash, p.changed_at, t.name as tenant
         from identity.passwords p join identity.tenants t using (tenant_id) where p.tenant_id = $1 and p.user_id = $2",
    )
    .bind(tenant)
    .bind(user)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row)
}

/// Changes the caller's own password; false if it was changed since `seen`.
pub async fn change_password(
    tx: &mut Change<password::Modify>,
    tenant: &Granted<Tenant, password::Modify>,
    user: UserId,
    seen: DateTime<Utc>,
    hash: &str,
) -> Result<bool> {
    let now = tx.now();
    let changed = sqlx::query(
        "update identity.passwords set hash = $4, changed_at = $5
         where tenant_id = $1 and user_id = $2 and changed_at = $3",
    )
    .bind(tenant.id)
    .bind(user)
    .bind(seen)
    .bind(hash)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Keeps `new` instead of the hash that was compared, unless somebody was faster.
pub async fn replace_hash(tx: &mut SystemTx, of: &Candidate, new: &str) -> Result<()> {
    sqlx::query("update identity.passwords set hash = $4 where tenant_id = $1 and user_id = $2 and hash = $3")
        .bind(of.tenant)
        .bind(of.user)
        .bind(&of.hash)
        .bind(new)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Is this still the password, and may its person still sign in? Locks them until the end of the transaction, so that
/// a change of either waits for the session to be, and finds it.
pub async fn still_stands(tx: &mut SystemTx, candidate: &Candidate) -> Result<bool> {
    let found = sqlx::query(
        "select from identity.users u join identity.passwords p using (tenant_id, user_id)
         where u.tenant_id = $1 and u.user_id = $2 and u.enabled and p.changed_at = $3 for update",
    )
    .bind(candidate.tenant)
    .bind(candidate.user)
    .bind(candidate.changed_at)
    .fetch_optional(tx.sql())
    .await?;
    Ok(found.is_some())
}

/// Has somebody signed in from there before?
pub async fn knows(
    tx: &mut SystemTx,
    lookup: &LookupKey,
    (tenant, user): (TenantId, UserId),
    network: &str,
) -> Result<bool> {
    let oldest = tx.now() - KNOWN_FOR;
    let known = sqlx::query_scalar(
        "select exists (select from identity.known_addresses
                        where tenant_id = $1 and user_id = $2 and mark = $3 and used_at > $4)",
    )
    .bind(tenant)
    .bind(user)
    .bind(places::known_mark(lookup, (tenant, user), network).bytes())
    .bind(oldest)
    .fetch_one(tx.sql())
    .await?;
    Ok(known)
}

/// Remembers that somebody has signed in, and from where.
pub async fn remember_address(
    tx: &mut SystemTx,
    lookup: &LookupKey,
    (tenant, user): (TenantId, UserId),
    network: &str,
) -> Result<()> {
    let now = tx.now();
    let mark = places::known_mark(lookup, (tenant, user), network);
    let sealed = places::sealed_known(&tx.keys(tenant)?, user, mark, network)?;
    sqlx::query(
        "with seen as (update identity.users set seen_at = $4 where tenant_id = $1 and user_id = $2)
         insert into identity.known_addresses (tenant_id, user_id, mark, used_at, address_sealed) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, user_id, mark) do update set used_at = $4",
    )
    .bind(tenant)
    .bind(user)
    .bind(mark.bytes())
    .bind(now)
    .bind(sealed)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Forgets some of the places that were not used for long; answers how many.
pub async fn forget_addresses(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let oldest: DateTime<Utc> = tx.now() - KNOWN_FOR;
    let removed = sqlx::query(
        "delete from identity.known_addresses where (tenant_id, user_id, mark) in
           (select tenant_id, user_id, mark from identity.known_addresses
            where used_at < $1 limit $2 for update skip locked)",
    )
    .bind(oldest)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
