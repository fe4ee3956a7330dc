//! A tenant never loses its last keeper: an owner, or a security administrator, who may appoint to every role.

use auth::Action;
use db::{Change, Granted, Platform, Result};
use ids::{TenantId, UserId};

use crate::store::sealed::USER_EMAIL;

/// As many keepers are written to, those who came first: whoever made hundreds has a list of addresses of their own.
const MOST_TOLD: i64 = 20;

/// The roles that a tenant cannot be without: whoever carries one may give every other.
pub(super) const KEEPERS: [&str; 2] = ["owner", "security_administrator"];

/// Proof that until the end of the transaction nobody else takes a keeper away.
pub struct Owners {
    some: bool,
}

/// Waits until nobody else is taking a keeper from this tenant, before anything else is held. Whatever may take one away
/// does this first, and asks [`Owners::must_remain`] last.
pub async fn hold<A: Action>(tx: &mut Change<A>) -> Result<Owners> {
    let tenant = tx.tenant_id();
    sqlx::query("select from identity.tenants where tenant_id = $1 for no key update")
        .bind(tenant)
        .execute(tx.sql())
        .await?;
    Ok(Owners { some: any(tx).await? })
}

impl Owners {
    /// An owner or security administrator is left who may sign in, or 409.
    pub async fn must_remain<A: Action>(self, tx: &mut Change<A>) -> Result<(), fault::Error> {
        if self.some && !any(tx).await? {
            let detail = "The tenant would be left without an owner or security administrator who can sign in; appoint another first.";
            return Err(fault::Error::conflict(detail));
        }
        Ok(())
    }
}

/// A tenant's name, and the addresses of those who keep it now: for what the platform has to tell them. None where the tenant's keys
/// are not held.
pub async fn told<A: Action>(
    tx: &mut Change<A>,
    platform: &Granted<Platform, A>,
    tenant: TenantId,
) -> Result<(String, Vec<String>)> {
    let now = tx.now();
    tx.enter(platform, tenant).await?;
    let name = sqlx::query_scalar("select name from identity.tenants where tenant_id = $1")
        .bind(tenant)
        .fetch_one(tx.sql())
        .await?;
    let sealed: Vec<(UserId, Option<Vec<u8>>)> = sqlx::query_as(
        "select u.user_id, u.email_sealed from identity.users u
         where u.tenant_id = $1 and u.enabled and exists (
             select from identity.role_bindings b
             left join identity.group_members m on m.tenant_id = b.tenant_id and m.group_id = b.group_id
             where b.tenant_id = $1 and coalesce(b.user_id, m.user_id) = u.user_id and b.role = any($2)
               and b.project_id is null and (b.until is null or b.until > $3))
         order by u.user_id limit $4",
    )
    .bind(tenant)
    .bind(KEEPERS)
    .bind(now)
    .bind(MOST_TOLD)
    .fetch_all(tx.sql())
    .await?;
    tx.leave().await?;
    let Ok(keys) = tx.keys_of(platform, tenant) else {
        return Ok((name, Vec::new()));
    };
    let open = |(user, sealed): &(UserId, Option<Vec<u8>>)| USER_EMAIL.open(&keys, user.as_uuid(), sealed.as_deref());
    Ok((name, sealed.iter().filter_map(|row| open(row).ok()).collect()))
}

/// Is there somebody who may sign in and keeps the tenant without conditions? Others may today and not tomorrow.
async fn any<A: Action>(tx: &mut Change<A>) -> Result<bool> {
    let tenant = tx.tenant_id();
    let found = sqlx::query_scalar(
        "select exists (
             select from identity.role_bindings b
             left join identity.group_members m on m.tenant_id = b.tenant_id and m.group_id = b.group_id
             join identity.users u on u.tenant_id = b.tenant_id and u.user_id = coalesce(b.user_id, m.user_id)
             where b.tenant_id = $1 and b.role = any($2) and b.project_id is null and b.until is null
               and b.networks = '{}' and b.factor_minutes is null and u.enabled)",
    )
    .bind(tenant)
    .bind(KEEPERS)
    .fetch_one(tx.sql())
    .await?;
    Ok(found)
}
