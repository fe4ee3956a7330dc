//! `identity.service_accounts`.

use auth::Action;
use auth::action::service_account;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, Tenant};
use ids::{IdOrName, ServiceAccountId, TenantId};
use web::{Sort, Window};

use crate::account::ServiceAccount;
use crate::project::{Description, Name};

#[derive(sqlx::FromRow)]
struct AccountRow {
    tenant_id: TenantId,
    account_id: ServiceAccountId,
    name: String,
    description: String,
    enabled: bool,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<AccountRow> for ServiceAccount {
    fn from(row: AccountRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.account_id,
            name: row.name,
            description: row.description,
            enabled: row.enabled,
            generation: row.generation,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Writes a new account.
pub async fn insert(
    tx: &mut Change<service_account::Create>,
    tenant: &Granted<Tenant, service_account::Create>,
    name: &Name,
    description: &Description,
) -> Result<ServiceAccount> {
    let now = tx.now();
    let row: AccountRow = sqlx::query_as(
        "insert into identity.service_accounts (tenant_id, account_id, name, description, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $5)
         returning tenant_id, account_id, name, description, enabled, generation, created_at, updated_at",
    )
    .bind(tenant.id)
    .bind(ServiceAccountId::mint())
    .bind(name.as_str())
    .bind(description.as_str())
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// The name of an account of the tenant.
pub async fn name<A: Action>(
    tx: &mut Read<A>,
    tenant: &Granted<Tenant, A>,
    id: ServiceAccountId,
) -> Result<Option<String>> {
    let name =
        sqlx::query_scalar("select name from identity.service_accounts where tenant_id = $1 and account_id = $2")
            .bind(tenant.id)
            .bind(id)
            .fetch_optional(tx.sql())
            .await?;
    Ok(name)
}

/// A window of the tenant's accounts whose names begin with `prefix`.
pub async fn list(
    tx: &mut Read<service_account::List>,
    tenant: &Granted<Tenant, service_account::List>,
    prefix: Option<&str>,
    sort: Sort,
    window: &Window,
) -> Result<Vec<ServiceAccount>, fault::Error> {
    // One statement per order: an index serves each, and no SQL is put together at run time.
    let sql = match sort {
        Sort::CreatedAt => {
            "select * from identity.service_accounts where tenant_id = $1
             and ($2::text is null or name >= $2 and name < $3) and ($4::text is null or account_id > $4::uuid)
             order by account_id limit $5"
        }
        Sort::CreatedAtDescending => {
            "select * from identity.service_accounts where tenant_id = $1
             and ($2::text is null or name >= $2 and name < $3) and ($4::text is null or account_id < $4::uuid)
             order by account_id desc limit $5"
        }
        Sort::Name => {
            "select * from identity.service_accounts where tenant_id = $1
             and ($2::text is null or name >= $2 and name < $3) and ($4::text is null or name > $4)
             order by name limit $5"
        }
        Sort::NameDescending => {
            "select * from identity.service_accounts where tenant_id = $1
             and ($2::text is null or name >= $2 and name < $3) and ($4::text is null or name < $4)
             order by name desc limit $5"
        }
    };
    let after = match sort {
        Sort::CreatedAt | Sort::CreatedAtDescending => window.after::<ServiceAccountId>(0)?.map(|id| id.to_string()),
        Sort::Name | Sort::NameDescending => window.after::<String>(0)?,
    };
    let rows: Vec<AccountRow> = sqlx::query_as(sql)
        .bind(tenant.id)
        .bind(prefix)
        .bind(prefix.map(|prefix| format!("{prefix}\u{10ffff}")))
        .bind(after)
        .bind(window.fetch())
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(ServiceAccount::from).collect())
}

/// The account of that id or name.
pub async fn lookup<A: Action>(
    tx: &mut Read<A>,
    account: &IdOrName<ServiceAccountId>,
) -> Result<Granted<ServiceAccount, A>, fault::Error> {
    let tenant = tx.tenant_id();
    let (id, name) = parts(account);
    let row: Option<AccountRow> = sqlx::query_as(
        "select tenant_id, account_id, name, description, enabled, generation, created_at, updated_at
         from identity.service_accounts where tenant_id = $1 and (account_id = $2 or name = $3)",
    )
    .bind(tenant)
    .bind(id)
    .bind(name)
    .fetch_optional(tx.sql())
    .await
    .map_err(db::Error::from)?;
    let row = row.ok_or_else(|| fault::Error::not_found("service account"))?;
    tx.grant(ServiceAccount::from(row))
}

/// Takes the account for a change: until its end nobody else changes it or binds roles to it.
pub async fn hold<A: Action>(
    tx: &mut Change<A>,
    account: &IdOrName<ServiceAccountId>,
) -> Result<Granted<ServiceAccount, A>, fault::Error> {
    let tenant = tx.tenant_id();
    let (id, name) = parts(account);
    // Locked first and read then: a statement that waited for a lock still sees other tables as they were before.
    sqlx::query(
        "select from identity.service_accounts where tenant_id = $1 and (account_id = $2 or name = $3) for update",
    )
    .bind(tenant)
    .bind(id)
    .bind(name)
    .execute(tx.sql())
    .await
    .map_err(db::Error::from)?;
    lookup(tx, account).await
}

fn parts(account: &IdOrName<ServiceAccountId>) -> (Option<ServiceAccountId>, Option<&str>) {
    match account {
        IdOrName::Id(id) => (Some(*id), None),
        IdOrName::Name(name) => (None, Some(name)),
    }
}

/// Changes an account; none leaves as it is.
pub async fn set(
    tx: &mut Change<service_account::Modify>,
    account: &Granted<ServiceAccount, service_account::Modify>,
    (name, description): (Option<&Name>, Option<&Description>),
    enabled: Option<bool>,
) -> Result<ServiceAccount> {
    let now = tx.now();
    let row: AccountRow = sqlx::query_as(
        "update identity.service_accounts set name = coalesce($3, name), description = coalesce($4, description),
                enabled = coalesce($5, enabled), generation = generation + 1, updated_at = $6
         where tenant_id = $1 and account_id = $2
         returning tenant_id, account_id, name, description, enabled, generation, created_at, updated_at",
    )
    .bind(account.tenant)
    .bind(account.id)
    .bind(name.map(Name::as_str))
    .bind(description.map(Description::as_str))
    .bind(enabled)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// Removes an account with its keys and role bindings.
pub async fn remove(
    tx: &mut Change<service_account::Delete>,
    account: &Granted<ServiceAccount, service_account::Delete>,
) -> Result<()> {
    sqlx::query("delete from identity.service_accounts where tenant_id = $1 and account_id = $2")
        .bind(account.tenant)
        .bind(account.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}
