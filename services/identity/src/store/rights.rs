//! What principals carry, as the gateway and sign-in ask for it: `identity.role_bindings` and `identity.roles`.

use auth::{Action, Binding, Condition, Permissions, Principal, Rights, Role};
use chrono::{DateTime, Utc};
use db::{Read, Result, SystemTx};
use ids::{GroupId, IdentityProviderId, ProjectId, TenantId};
use ipnetwork::IpNetwork;
use sqlx::PgConnection;

#[derive(sqlx::FromRow)]
pub(super) struct BindingRow {
    role: Option<String>,
    custom: Option<String>,
    permissions: Option<Vec<String>>,
    project_id: Option<ProjectId>,
    until: Option<DateTime<Utc>>,
    networks: Vec<IpNetwork>,
    factor_minutes: Option<i16>,
}

impl BindingRow {
    /// A built-in role that a newer release has bound and this one does not know carries nothing.
    pub(super) fn binding(self) -> Option<Binding> {
        let custom = self
            .custom
            .zip(self.permissions)
            .map(|(name, permissions)| Rights::Custom {
                name,
                permissions: Permissions::stored(permissions),
            });
        let rights = match &self.role {
            Some(role) => Rights::Role(Role::named(role)?),
            None => custom?,
        };
        Some(Binding {
            rights,
            project: self.project_id,
            condition: Condition {
                until: self.until,
                networks: self.networks,
                factor_minutes: self.factor_minutes.and_then(|minutes| u16::try_from(minutes).ok()),
            },
        })
    }
}

macro_rules! select_bindings {
    ($whose:literal) => {
        concat!(
            "select b.role, r.name as custom, r.permissions, b.project_id, b.until, b.networks, b.factor_minutes
             from identity.role_bindings b left join identity.roles r using (tenant_id, role_id)
             where b.tenant_id = $1 and ",
            $whose
        )
    };
}

/// What a principal carries now, itself and through its groups, whether or not the conditions hold.
pub async fn bindings(tx: &mut SystemTx, tenant: TenantId, of: &Principal) -> Result<Vec<Binding>> {
    carried(tx.sql(), tenant, of).await
}

/// The same of a principal of the caller's tenant: what one must cover to act on it.
pub async fn bindings_of<A: Action>(tx: &mut Read<A>, of: &Principal) -> Result<Vec<Binding>> {
    let tenant = tx.tenant_id();
    carried(tx.sql(), tenant, of).await
}

/// What is bound to a group: what one must cover to put somebody into it.
pub async fn bindings_of_group<A: Action>(tx: &mut Read<A>, group: GroupId) -> Result<Vec<Binding>> {
    let tenant = tx.tenant_id();
    let rows: Vec<BindingRow> = sqlx::query_as(select_bindings!("b.group_id = $2"))
        .bind(tenant)
        .bind(group)
        .fetch_all(tx.sql())
        .await?;
    Ok(rows.into_iter().filter_map(BindingRow::binding).collect())
}

/// What is bound to the people who come by a provider: what one must cover to decide how they come in.
pub async fn bindings_by_provider<A: Action>(tx: &mut Read<A>, provider: IdentityProviderId) -> Result<Vec<Binding>> {
    let tenant = tx.tenant_id();
    let rows: Vec<BindingRow> = sqlx::query_as(select_bindings!(
        "exists (select from identity.external_identities i
                 left join identity.group_members m on m.tenant_id = i.tenant_id and m.user_id = i.user_id
                 where i.tenant_id = $1 and i.provider_id = $2 and (b.user_id = i.user_id or b.group_id = m.group_id))"
    ))
    .bind(tenant)
    .bind(provider)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().filter_map(BindingRow::binding).collect())
}

async fn carried(sql: &mut PgConnection, tenant: TenantId, of: &Principal) -> Result<Vec<Binding>> {
    let (user, account) = match of {
        Principal::User(id) => (Some(*id), None),
        Principal::ServiceAccount(id) => (None, Some(*id)),
        Principal::System(_) | Principal::Operator(_) => (None, None),
    };
    let rows: Vec<BindingRow> = sqlx::query_as(select_bindings!(
        "(b.user_id = $2 or b.account_id = $3 or b.group_id in
               (select m.group_id from identity.group_members m where m.tenant_id = $1 and m.user_id = $2))"
    ))
    .bind(tenant)
    .bind(user)
    .bind(account)
    .fetch_all(sql)
    .await?;
    Ok(rows.into_iter().filter_map(BindingRow::binding).collect())
}
