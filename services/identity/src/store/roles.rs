//! `identity.roles`: what tenants have made themselves.

use auth::action::role;
use auth::{Action, Permissions};
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, Tenant};
use ids::{IdOrName, RoleId, TenantId};

use crate::project::{Description, Name};
use crate::role::CustomRole;

#[derive(sqlx::FromRow)]
struct RoleRow {
    tenant_id: TenantId,
    role_id: RoleId,
    name: String,
    description: String,
    permissions: Vec<String>,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<RoleRow> for CustomRole {
    fn from(row: RoleRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.role_id,
            name: row.name,
            description: row.description,
            permissions: Permissions::stored(row.permissions),
            generation: row.generation,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The tenant's own role of that id or name, as anybody of the tenant may use it who is told its name.
pub async fn lookup<A: Action>(tx: &mut Read<A>, role: &IdOrName<RoleId>) -> Result<Option<CustomRole>> {
    let (id, name) = parts(role);
    let row: Option<RoleRow> = sqlx::query_as(
        "select * from identity.roles where tenant_id = $1 and ($2::uuid is null or role_id = $2)
         and ($3::text is null or name = $3)",
    )
    .bind(tx.tenant_id())
    .bind(id)
    .bind(name)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(CustomRole::from))
}

/// The same, and until the end of the transaction nobody changes what it carries.
pub async fn lookup_fixed<A: Action>(tx: &mut Change<A>, role: &IdOrName<RoleId>) -> Result<Option<CustomRole>> {
    let (id, name) = parts(role);
    let tenant = tx.tenant_id();
    let row: Option<RoleRow> = sqlx::query_as(
        "select * from identity.roles where tenant_id = $1 and ($2::uuid is null or role_id = $2)
         and ($3::text is null or name = $3) for share",
    )
    .bind(tenant)
    .bind(id)
    .bind(name)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(CustomRole::from))
}

fn parts(role: &IdOrName<RoleId>) -> (Option<RoleId>, Option<&str>) {
    match role {
        IdOrName::Id(id) => (Some(*id), None),
        IdOrName::Name(name) => (None, Some(name.as_str())),
    }
}

/// The tenant's own roles by name: those after `after` that begin with `prefix`, or all of them.
pub async fn list<A: Action>(
    tx: &mut Read<A>,
    tenant: &Granted<Tenant, A>,
    prefix: Option<&str>,
    after: Option<&str>,
    at_most: i64,
) -> Result<Vec<CustomRole>> {
    let rows: Vec<RoleRow> = sqlx::query_as(
        "select * from identity.roles where tenant_id = $1 and ($2::text is null or name >= $2 and name < $3)
         and ($4::text is null or name > $4) order by name limit $5",
    )
    .bind(tenant.id)
    .bind(prefix)
    .bind(prefix.map(|prefix| format!("{prefix}\u{10ffff}")))
    .bind(after)
    .bind(at_most)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().map(CustomRole::from).collect())
}

/// Writes a new role.
pub async fn insert(
    tx: &mut Change<role::Create>,
    tenant: &Granted<Tenant, role::Create>,
    name: &Name,
    description: &Description,
    permissions: &Permissions,
) -> Result<CustomRole> {
    let now = tx.now();
    let row: RoleRow = sqlx::query_as(
        "insert into identity.roles (tenant_id, role_id, name, description, permissions, duty, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $7, $6, $6) returning *",
    )
    .bind(tenant.id)
    .bind(RoleId::mint())
    .bind(name.as_str())
    .bind(description.as_str())
    .bind(permissions.names())
    .bind(now)
    .bind(permissions.duties().name())
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// Takes the role for a change: until the end of the transaction nobody else changes it, nor binds it. Answers it as it
/// is now, which may be newer than what was read.
pub async fn hold<A: Action>(
    tx: &mut Change<A>,
    role: Granted<CustomRole, A>,
) -> Result<Granted<CustomRole, A>, fault::Error> {
    let held: Option<RoleRow> =
        sqlx::query_as("select * from identity.roles where tenant_id = $1 and role_id = $2 for update")
            .bind(role.tenant)
            .bind(role.id)
            .fetch_optional(tx.sql())
            .await
            .map_err(db::Error::from)?;
    role.of(held.ok_or_else(|| fault::Error::not_found("role"))?.into())
}

/// Changes what is given; its duty follows its permissions, and every binding to it follows that.
pub async fn set(
    tx: &mut Change<role::Modify>,
    role: &Granted<CustomRole, role::Modify>,
    name: Option<&Name>,
    description: Option<&Description>,
    permissions: Option<&Permissions>,
) -> Result<CustomRole> {
    let now = tx.now();
    let row: RoleRow = sqlx::query_as(
        "update identity.roles set name = coalesce($3, name), description = coalesce($4, description),
                permissions = coalesce($5, permissions), duty = $7, generation = generation + 1, updated_at = $6
         where tenant_id = $1 and role_id = $2 returning *",
    )
    .bind(role.tenant)
    .bind(role.id)
    .bind(name.map(Name::as_str))
    .bind(description.map(Description::as_str))
    .bind(permissions.map(Permissions::names))
    .bind(now)
    .bind(permissions.unwrap_or(&role.permissions).duties().name())
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// Removes a role. Whoever is bound to it holds it by foreign key.
pub async fn remove(tx: &mut Change<role::Delete>, role: &Granted<CustomRole, role::Delete>) -> Result<()> {
    sqlx::query("delete from identity.roles where tenant_id = $1 and role_id = $2")
        .bind(role.tenant)
        .bind(role.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}
