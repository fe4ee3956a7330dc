//! `identity.projects`.

use auth::Action;
use auth::action::{me, project, tenant};
use db::{Change, Granted, Read, Result, Tenant};
use ids::ProjectId;
use scope::Project;
use web::{Sort, Window};

use crate::project::{Description, Name};

/// Writes a new project.
pub async fn insert(
    tx: &mut Change<project::Create>,
    tenant: &Granted<Tenant, project::Create>,
    name: &Name,
    description: &Description,
) -> Result<Project> {
    let now = tx.now();
    sqlx::query_as(
        "insert into identity.projects (tenant_id, project_id, name, description, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $5)
         returning tenant_id, project_id, name, description, generation, created_at, updated_at",
    )
    .bind(tenant.id)
    .bind(ProjectId::mint())
    .bind(name.as_str())
    .bind(description.as_str())
    .bind(now)
    .fetch_one(tx.sql())
    .await
    .map_err(Into::into)
}

/// What a list may be narrowed to.
pub struct Filter<'a> {
    /// Names that begin with this.
    pub prefix: Option<&'a str>,
    /// Only these; none means all.
    pub visible: Option<&'a [ProjectId]>,
}

/// A window of the tenant's projects.
pub async fn list(
    tx: &mut Read<project::List>,
    tenant: &Granted<Tenant, project::List>,
    filter: &Filter<'_>,
    sort: Sort,
    window: &Window,
) -> Result<Vec<Project>, fault::Error> {
    // One statement per order: an index serves each, and no SQL is put together at run time. The prefix is a range,
    // since LIKE is not leakproof and would lose its index under row security.
    let sql = match sort {
        Sort::CreatedAt => {
            "select * from identity.projects where tenant_id = $1 and ($2::text is null or name >= $2 and name < $3)
             and ($4::uuid[] is null or project_id = any($4)) and ($5::text is null or project_id > $5::uuid)
             order by project_id limit $6"
        }
        Sort::CreatedAtDescending => {
            "select * from identity.projects where tenant_id = $1 and ($2::text is null or name >= $2 and name < $3)
             and ($4::uuid[] is null or project_id = any($4)) and ($5::text is null or project_id < $5::uuid)
             order by project_id desc limit $6"
        }
        Sort::Name => {
            "select * from identity.projects where tenant_id = $1 and ($2::text is null or name >= $2 and name < $3)
             and ($4::uuid[] is null or project_id = any($4)) and ($5::text is null or name > $5)
             order by name limit $6"
        }
        Sort::NameDescending => {
            "select * from identity.projects where tenant_id = $1 and ($2::text is null or name >= $2 and name < $3)
             and ($4::uuid[] is null or project_id = any($4)) and ($5::text is null or name < $5)
             order by name desc limit $6"
        }
    };
    let after = match sort {
        Sort::CreatedAt | Sort::CreatedAtDescending => window.after::<ProjectId>(0)?.map(|id| id.to_string()),
        Sort::Name | Sort::NameDescending => window.after::<String>(0)?,
    };
    let rows = sqlx::query_as(sql)
        .bind(tenant.id)
        .bind(filter.prefix)
        .bind(filter.prefix.map(|prefix| format!("{prefix}\u{10ffff}")))
        .bind(filter.visible)
        .bind(after)
        .bind(window.fetch())
        .fetch_all(tx.sql())
        .await;
    Ok(rows.map_err(db::Error::from)?)
}

/// Takes the project for a change: nobody else changes it before the end of the transaction. Answers it as it is now, which
/// may be newer than what was read.
pub async fn hold<A: Action>(
    tx: &mut Change<A>,
    project: Granted<Project, A>,
) -> Result<Granted<Project, A>, fault::Error> {
    let held: Option<Project> = sqlx::query_as(
        "select tenant_id, project_id, name, description, generation, created_at, updated_at
         from identity.projects where tenant_id = $1 and project_id = $2 for update",
    )
    .bind(project.tenant)
    .bind(project.id)
    .fetch_optional(tx.sql())
    .await
    .map_err(db::Error::from)?;
    project.of(held.ok_or_else(|| fault::Error::not_found("project"))?)
}

/// Changes name and description.
pub async fn set(
    tx: &mut Change<project::Modify>,
    project: &Granted<Project, project::Modify>,
    name: Option<&Name>,
    description: Option<&Description>,
) -> Result<Project> {
    let now = tx.now();
    sqlx::query_as(
        "update identity.projects set name = coalesce($3, name), description = coalesce($4, description),
                generation = generation + 1, updated_at = $5
         where tenant_id = $1 and project_id = $2
         returning tenant_id, project_id, name, description, generation, created_at, updated_at",
    )
    .bind(project.tenant)
    .bind(project.id)
    .bind(name.map(Name::as_str))
    .bind(description.map(Description::as_str))
    .bind(now)
    .fetch_one(tx.sql())
    .await
    .map_err(Into::into)
}

/// Removes a project. Whatever still stands in it holds it by foreign key.
pub async fn remove(tx: &mut Change<project::Delete>, project: &Granted<Project, project::Delete>) -> Result<()> {
    sqlx::query("delete from identity.projects where tenant_id = $1 and project_id = $2")
        .bind(project.tenant)
        .bind(project.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Writes the first project of a tenant that is being made.
pub async fn insert_first(
    tx: &mut Change<tenant::Create>,
    tenant: &Granted<Tenant, tenant::Create>,
) -> Result<ProjectId> {
    let (id, now) = (ProjectId::mint(), tx.now());
    sqlx::query(
        "insert into identity.projects (tenant_id, project_id, name, created_at, updated_at)
         values ($1, $2, 'default', $3, $3)",
    )
    .bind(tenant.id)
    .bind(id)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(id)
}

/// The ids and names of these projects, or of all, by name: the first thousand.
pub async fn names(
    tx: &mut Read<me::Read>,
    tenant: &Granted<Tenant, me::Read>,
    visible: Option<&[ProjectId]>,
) -> Result<Vec<(ProjectId, String)>> {
    let rows = sqlx::query_as(
        "select project_id, name from identity.projects
         where tenant_id = $1 and ($2::uuid[] is null or project_id = any($2)) order by name limit 1000",
    )
    .bind(tenant.id)
    .bind(visible)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows)
}
