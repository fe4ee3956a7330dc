//! `identity.role_bindings`, as tenants see and change them.

use auth::action::{role, role_binding};
use auth::{Action, Condition, Role};
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Resource, Result};
use ids::{BindingId, GroupId, ProjectId, RoleId, ServiceAccountId, TenantId, UserId};
use ipnetwork::IpNetwork;
use web::Window;

use super::rights::BindingRow;
use crate::binding::{RoleBinding, Subject};
use crate::role::CustomRole;

#[derive(sqlx::FromRow)]
struct RoleBindingRow {
    tenant_id: TenantId,
    binding_id: BindingId,
    user_id: Option<UserId>,
    group_id: Option<GroupId>,
    account_id: Option<ServiceAccountId>,
    role_id: Option<RoleId>,
    created_at: DateTime<Utc>,
    #[sqlx(flatten)]
    carried: BindingRow,
}

impl RoleBindingRow {
    /// None if a newer release has bound a role that this one does not know.
    fn known(self) -> Option<RoleBinding> {
        let subject = self.user_id.map(Subject::User);
        let subject = subject.or_else(|| self.group_id.map(Subject::Group));
        let subject = subject.or_else(|| self.account_id.map(Subject::ServiceAccount))?;
        Some(RoleBinding {
            tenant: self.tenant_id,
            id: self.binding_id,
            subject,
            role: self.role_id,
            binding: self.carried.binding()?,
            created_at: self.created_at,
        })
    }
}

/// What a list may be narrowed to.
pub struct Filter<'a> {
    /// A user's, group's or service account's id.
    pub subject: Option<&'a str>,
    /// A role's name or id.
    pub role: Option<&'a str>,
    /// A project's name or id.
    pub project: Option<&'a str>,
    /// Only in these projects; none means everywhere.
    pub visible: Option<&'a [ProjectId]>,
}

/// A window of the tenant's bindings, oldest first.
pub async fn list(
    tx: &mut Read<role_binding::List>,
    filter: &Filter<'_>,
    window: &Window,
) -> Result<Vec<RoleBinding>, fault::Error> {
    let rows: Vec<RoleBindingRow> = sqlx::query_as(
        "select b.*, r.name as custom, r.permissions
         from identity.role_bindings b left join identity.roles r using (tenant_id, role_id)
         where b.tenant_id = $1
           and ($2::text is null or $2 in (b.user_id::text, b.group_id::text, b.account_id::text))
           and ($3::text is null or $3 in (b.role, r.name, b.role_id::text))
           and ($4::text is null or b.project_id in
                (select p.project_id from identity.projects p
                 where p.tenant_id = $1 and $4 in (p.name, p.project_id::text)))
           and ($5::uuid[] is null or b.project_id = any($5)) and ($6::uuid is null or b.binding_id > $6)
         order by b.binding_id limit $7",
    )
    .bind(tx.tenant_id())
    .bind(filter.subject)
    .bind(filter.role)
    .bind(filter.project)
    .bind(filter.visible)
    .bind(window.after::<BindingId>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(rows.into_iter().filter_map(RoleBindingRow::known).collect())
}

/// The binding of that id.
pub async fn lookup<A: Action>(tx: &mut Read<A>, id: BindingId) -> Result<RoleBinding, fault::Error> {
    let row: Option<RoleBindingRow> = sqlx::query_as(
        "select b.*, r.name as custom, r.permissions
         from identity.role_bindings b left join identity.roles r using (tenant_id, role_id)
         where b.tenant_id = $1 and b.binding_id = $2",
    )
    .bind(tx.tenant_id())
    .bind(id)
    .fetch_optional(tx.sql())
    .await
    .map_err(db::Error::from)?;
    row.and_then(RoleBindingRow::known)
        .ok_or_else(|| fault::Error::not_found(RoleBinding::NAME))
}

/// Is there such a person, group or service account in the tenant? It stays until the end of the transaction, and whoever
/// else binds something to it waits: where duties are apart, two that met at the constraint would wait for each other.
pub async fn has_subject<A: Action>(tx: &mut Change<A>, subject: Subject) -> Result<bool> {
    let tenant = tx.tenant_id();
    let found = match subject {
        Subject::User(id) => {
            sqlx::query("select from identity.users where tenant_id = $1 and user_id = $2 for no key update")
                .bind(tenant)
                .bind(id)
                .fetch_optional(tx.sql())
                .await?
        }
        Subject::Group(id) => {
            sqlx::query("select from identity.groups where tenant_id = $1 and group_id = $2 for key share")
                .bind(tenant)
                .bind(id)
                .fetch_optional(tx.sql())
                .await?
        }
        Subject::ServiceAccount(id) => {
            sqlx::query(
                "select from identity.service_accounts where tenant_id = $1 and account_id = $2 for no key update",
            )
            .bind(tenant)
            .bind(id)
            .fetch_optional(tx.sql())
            .await?
        }
    };
    Ok(found.is_some())
}

/// Which role is bound: a built-in one, or the tenant's own.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// A built-in role.
    BuiltIn(Role),
    /// The tenant's own.
    Custom(RoleId),
}

/// Writes a binding on the place that was granted: a project, or the whole tenant.
pub async fn insert<P: Resource>(
    tx: &mut Change<role_binding::Create>,
    _: &Granted<P, role_binding::Create>,
    subject: Subject,
    bound: Bound,
    (project, condition): (Option<ProjectId>, &Condition),
) -> Result<(BindingId, DateTime<Utc>)> {
    let (id, now, tenant) = (BindingId::mint(), tx.now(), tx.tenant_id());
    let (built_in, custom) = match bound {
        Bound::BuiltIn(role) => (Some(role.name()), None),
        Bound::Custom(role) => (None, Some(role)),
    };
    sqlx::query(
        "insert into identity.role_bindings (tenant_id, binding_id, user_id, group_id, account_id, role, role_id,
                project_id, until, networks, factor_minutes, created_at, role_duty, apart)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::inet[]::cidr[], $11, $12,
                 (select duty from identity.roles where tenant_id = $1 and role_id = $7),
                 (select duties_apart from identity.tenants where tenant_id = $1))",
    )
    .bind(tenant)
    .bind(id)
    .bind(subject.user())
    .bind(subject.group())
    .bind(subject.account())
    .bind(built_in)
    .bind(custom)
    .bind(project)
    .bind(condition.until)
    .bind(&condition.networks)
    .bind(condition.factor_minutes.and_then(|minutes| i16::try_from(minutes).ok()))
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok((id, now))
}

/// Removes a binding; false if somebody was faster.
pub async fn remove(
    tx: &mut Change<role_binding::Delete>,
    binding: &Granted<RoleBinding, role_binding::Delete>,
) -> Result<bool> {
    let removed = sqlx::query("delete from identity.role_bindings where tenant_id = $1 and binding_id = $2")
        .bind(binding.tenant)
        .bind(binding.id)
        .execute(tx.sql())
        .await?;
    Ok(removed.rows_affected() == 1)
}

#[derive(sqlx::FromRow)]
struct PlaceRow {
    project_id: Option<ProjectId>,
    until: Option<DateTime<Utc>>,
    networks: Vec<IpNetwork>,
    factor_minutes: Option<i16>,
}

/// Where and on which conditions a role is bound.
pub async fn places(
    tx: &mut Change<role::Modify>,
    role: &Granted<CustomRole, role::Modify>,
) -> Result<Vec<(Option<ProjectId>, Condition)>> {
    let rows: Vec<PlaceRow> = sqlx::query_as(
        "select distinct project_id, until, networks, factor_minutes from identity.role_bindings
         where tenant_id = $1 and role_id = $2",
    )
    .bind(role.tenant)
    .bind(role.id)
    .fetch_all(tx.sql())
    .await?;
    let place = |row: PlaceRow| {
        let condition = Condition {
            until: row.until,
            networks: row.networks,
            factor_minutes: row.factor_minutes.and_then(|minutes| u16::try_from(minutes).ok()),
        };
        (row.project_id, condition)
    };
    Ok(rows.into_iter().map(place).collect())
}

/// What somebody holds, themselves and through their groups, whether or not it counts; of a group: what it holds.
pub async fn held<A: Action>(tx: &mut Read<A>, subject: Subject) -> Result<Vec<RoleBinding>> {
    let tenant = tx.tenant_id();
    let rows: Vec<RoleBindingRow> = sqlx::query_as(
        "select b.*, r.name as custom, r.permissions
         from identity.role_bindings b left join identity.roles r using (tenant_id, role_id)
         where b.tenant_id = $1 and (b.user_id = $2 or b.account_id = $3 or b.group_id = $4 or b.group_id in
               (select m.group_id from identity.group_members m where m.tenant_id = $1 and m.user_id = $2))
         order by b.binding_id",
    )
    .bind(tenant)
    .bind(subject.user())
    .bind(subject.account())
    .bind(subject.group())
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().filter_map(RoleBindingRow::known).collect())
}

/// May they come in, themselves or by a key? None if there is nobody of that id in the tenant.
pub async fn is_enabled<A: Action>(tx: &mut Read<A>, subject: Subject) -> Result<Option<bool>> {
    let tenant = tx.tenant_id();
    let enabled = sqlx::query_scalar(
        "select enabled from identity.users where tenant_id = $1 and user_id = $2
         union all select enabled from identity.service_accounts where tenant_id = $1 and account_id = $3
         union all select true from identity.groups where tenant_id = $1 and group_id = $4",
    )
    .bind(tenant)
    .bind(subject.user())
    .bind(subject.account())
    .bind(subject.group())
    .fetch_optional(tx.sql())
    .await?;
    Ok(enabled)
}
