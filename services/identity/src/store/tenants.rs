//! `identity.tenants`.

use auth::Action;
use auth::action::{tenant, tenant_record};
use chrono::{DateTime, Utc};
use db::{Change, Granted, Platform, Read, Result, SystemTx, Tenant};
use ids::{IdOrName, TenantId};
use web::Window;

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

/// Is there such a tenant?
pub async fn is_there(tx: &mut SystemTx, tenant: TenantId) -> Result<bool> {
    let there = sqlx::query_scalar("select exists (select from identity.tenants where tenant_id = $1)")
        .bind(tenant)
        .fetch_one(tx.sql())
        .await?;
    Ok(there)
}

/// A tenant as its own people see it.
#[derive(Debug, sqlx::FromRow)]
pub struct OwnRecord {
    pub tenant_id: TenantId,
    pub name: String,
    pub display_name: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The tenant `$1` as its own people see it.
macro_rules! select_own {
    ($tail:literal) => {
        concat!(
            "select tenant_id, name, display_name, created_at, updated_at from identity.tenants where tenant_id = $1",
            $tail
        )
    };
}

/// The caller's tenant.
pub async fn own<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>) -> Result<OwnRecord> {
    let row = sqlx::query_as(select_own!(""))
        .bind(tenant.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(row)
}

/// The same, held until the end of the transaction: nothing new can refer to it.
pub async fn hold(tx: &mut Change<tenant::Delete>, tenant: &Granted<Tenant, tenant::Delete>) -> Result<OwnRecord> {
    let row = sqlx::query_as(select_own!(" for update"))
        .bind(tenant.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(row)
}

/// Does it still have projects?
pub async fn has_projects(tx: &mut Change<tenant::Delete>, tenant: &Granted<Tenant, tenant::Delete>) -> Result<bool> {
    let some = sqlx::query_scalar("select exists (select from identity.projects where tenant_id = $1)")
        .bind(tenant.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(some)
}

/// Removes everybody and everything of a tenant that ends, except its name, what it asked of its people, who was let in from
/// outside, and the answer that is being made.
pub async fn empty(tx: &mut Change<tenant::Delete>, tenant: &Granted<Tenant, tenant::Delete>) -> Result<()> {
    // What hangs on people, machines and providers goes with them: sessions, factors, keys, invitations.
    for removal in [
        "delete from identity.role_bindings where tenant_id = $1",
        "delete from identity.users where tenant_id = $1",
        "delete from identity.service_accounts where tenant_id = $1",
        "delete from identity.groups where tenant_id = $1",
        "delete from identity.identity_providers where tenant_id = $1",
        "delete from identity.oauth_clients where tenant_id = $1",
        "delete from identity.roles where tenant_id = $1",
        "delete from identity.replies where tenant_id = $1 and status is not null",
    ] {
        sqlx::query(removal).bind(tenant.id).execute(tx.sql()).await?;
    }
    Ok(())
}

/// A tenant from outside.
#[derive(Debug, sqlx::FromRow)]
pub struct TenantRecord {
    pub tenant_id: TenantId,
    pub name: String,
    pub display_name: String,
    pub has_owner: bool,
    pub users: i64,
    pub service_accounts: i64,
    pub projects: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

macro_rules! select_records {
    ($which:literal) => {
        concat!(
            "select t.tenant_id, t.name, t.display_name, t.created_at, t.updated_at, o.has_owner,
                    (select count(*) from identity.users u where u.tenant_id = t.tenant_id) as users,
                    (select count(*) from identity.service_accounts a where a.tenant_id = t.tenant_id) as service_accounts,
                    (select count(*) from identity.projects p where p.tenant_id = t.tenant_id) as projects
             from identity.tenants t cross join lateral (select exists (
                 select from identity.role_bindings b
                 left join identity.group_members m on m.tenant_id = b.tenant_id and m.group_id = b.group_id
                 join identity.users u on u.tenant_id = b.tenant_id and u.user_id = coalesce(b.user_id, m.user_id)
                 where b.tenant_id = t.tenant_id and b.role in ('owner', 'security_administrator') and b.project_id is null and u.enabled) as has_owner) o
             where ",
            $which
        )
    };
}

/// A window of all tenants, the oldest first.
pub async fn list(
    tx: &mut SystemTx,
    _: &Granted<Platform, tenant_record::List>,
    prefix: Option<&str>,
    has_owner: Option<bool>,
    window: &Window,
) -> Result<Vec<TenantRecord>, fault::Error> {
    let rows = sqlx::query_as(select_records!(
        "($1::text is null or t.name collate \"C\" >= $1 and t.name collate \"C\" < $2)
           and ($3::boolean is null or o.has_owner = $3) and ($4::uuid is null or t.tenant_id > $4)
         order by t.tenant_id limit $5"
    ))
    .bind(prefix)
    .bind(prefix.map(|prefix| format!("{prefix}\u{10ffff}")))
    .bind(has_owner)
    .bind(window.after::<TenantId>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await;
    Ok(rows.map_err(db::Error::from)?)
}

/// One tenant, by id or name.
pub async fn record(
    tx: &mut SystemTx,
    _: &Granted<Platform, tenant_record::Read>,
    tenant: &IdOrName<TenantId>,
) -> Result<Option<TenantRecord>> {
    let (id, name) = match tenant {
        IdOrName::Id(id) => (Some(*id), None),
        IdOrName::Name(name) => (None, Some(name)),
    };
    let row = sqlx::query_as(select_records!("(t.tenant_id = $1 or t.name = $2)"))
        .bind(id)
        .bind(name)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row)
}
