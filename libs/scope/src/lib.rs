//! Tenants and projects as every service sees them.
//!
//! Most resources live in a project. `tx.project(&path.project)` finds it by id or name inside the caller's tenant and
//! yields the right to do the transaction's action there, or 404 (it is not there, or not theirs to know) or 403.

use auth::action::project;
use auth::{Action, Info, Place};
use chrono::{DateTime, Utc};
use db::{Granted, Read, Resource};
use ids::{IdOrName, ProjectId, TenantId};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Project {
    /// Its tenant.
    #[sqlx(rename = "tenant_id")]
    pub tenant: TenantId,
    /// Its id.
    #[sqlx(rename = "project_id")]
    pub id: ProjectId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Counts its changes.
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Resource for Project {
    const NAME: &'static str = "project";
    const READ: &'static Info = project::Read::INFO;

    fn place(&self) -> Place {
        Place::Project(self.tenant, self.id)
    }
}

/// Finds parents from inside a transaction.
pub trait Scope<A: Action> {
    /// The right to do `A` in the project of that id or name.
    fn project(
        &mut self,
        project: &IdOrName<ProjectId>,
    ) -> impl Future<Output = Result<Granted<Project, A>, fault::Error>>;

    /// The projects in which the caller may do `action` (for lists: the resource's `Read`); none means all of the tenant.
    fn projects_for(&self, action: &Info) -> Option<Vec<ProjectId>>;
}

impl<A: Action> Scope<A> for Read<A> {
    async fn project(&mut self, project: &IdOrName<ProjectId>) -> Result<Granted<Project, A>, fault::Error> {
        let row = lookup(self, project)
            .await?
            .ok_or_else(|| fault::Error::not_found(Project::NAME))?;
        self.grant(row)
    }

    fn projects_for(&self, action: &Info) -> Option<Vec<ProjectId>> {
        let caller = self.caller();
        if caller.may(action, Place::Tenant(caller.tenant())) {
            return None;
        }
        Some(caller.projects(action))
    }
}

async fn lookup<A: Action>(tx: &mut Read<A>, project: &IdOrName<ProjectId>) -> db::Result<Option<Project>> {
    let tenant = tx.tenant_id();
    let row = match project {
        IdOrName::Id(id) => {
            sqlx::query_as(
                "select tenant_id, project_id, name, description, generation, created_at, updated_at
                 from identity.projects where tenant_id = $1 and project_id = $2",
            )
            .bind(tenant)
            .bind(id)
            .fetch_optional(tx.sql())
            .await?
        }
        IdOrName::Name(name) => {
            sqlx::query_as(
                "select tenant_id, project_id, name, description, generation, created_at, updated_at
                 from identity.projects where tenant_id = $1 and name = $2",
            )
            .bind(tenant)
            .bind(name)
            .fetch_optional(tx.sql())
            .await?
        }
    };
    Ok(row)
}
