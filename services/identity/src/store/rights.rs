//! What principals carry, as the gateway and sign-in ask for it: `identity.role_bindings` and `identity.roles`.

use std::collections::{HashMap, HashSet};

use auth::{Action, Binding, Condition, Permissions, Principal, Rights, Role};
use chrono::{DateTime, Utc};
use db::{Read, Result, SystemTx};
use ids::{GroupId, IdentityProviderId, ProjectId, ServiceAccountId, TenantId, UserId};
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

#[derive(sqlx::FromRow)]
struct CarriedRow {
    tenant_id: TenantId,
    holder_user: Option<UserId>,
    holder_account: Option<ServiceAccountId>,
    #[sqlx(flatten)]
    binding: BindingRow,
}

/// What principals carry now, themselves and through their groups, whether or not the conditions hold.
pub async fn carried(
    tx: &mut SystemTx,
    holders: impl Iterator<Item = (TenantId, Principal)>,
) -> Result<HashMap<(TenantId, Principal), Vec<Binding>>> {
    // Many credentials stand for few.
    let holders: HashSet<_> = holders.collect();
    if holders.len() > 1 {
        return carried_by(tx.sql(), holders).await;
    }
    let mut carried = HashMap::new();
    for (tenant, holder) in holders {
        let bindings = bindings_in(tx.sql(), tenant, &holder).await?;
        carried.insert((tenant, holder), bindings);
    }
    Ok(carried)
}

/// The same of one.
pub async fn bindings(tx: &mut SystemTx, tenant: TenantId, of: &Principal) -> Result<Vec<Binding>> {
    bindings_in(tx.sql(), tenant, of).await
}

/// The same of a principal of the caller's tenant: what one must cover to act on it.
pub async fn bindings_of<A: Action>(tx: &mut Read<A>, of: &Principal) -> Result<Vec<Binding>> {
    let tenant = tx.tenant_id();
    bindings_in(tx.sql(), tenant, of).await
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

/// As a person or as a machine; nothing is bound to others.
const fn ids(of: &Principal) -> (Option<UserId>, Option<ServiceAccountId>) {
    match of {
        Principal::User(id) => (Some(*id), None),
        Principal::ServiceAccount(id) => (None, Some(*id)),
        Principal::System(_) | Principal::Operator(_) => (None, None),
    }
}

/// Asked for one at each sign-in, so it is not the question for many: that one takes longer to plan than this to answer.
async fn bindings_in(sql: &mut PgConnection, tenant: TenantId, of: &Principal) -> Result<Vec<Binding>> {
    let (user, account) = ids(of);
    let rows: Vec<BindingRow> = sqlx::query_as(select_bindings!(
        "(b.user_id = $2 or b.account_id = $3 or b.group_id in
               (select m.group_id from identity.group_members m where m.tenant_id = $1 and m.user_id = $2))
         order by b.binding_id"
    ))
    .bind(tenant)
    .bind(user)
    .bind(account)
    .fetch_all(sql)
    .await?;
    Ok(rows.into_iter().filter_map(BindingRow::binding).collect())
}

/// The same of many.
async fn carried_by(
    sql: &mut PgConnection,
    holders: HashSet<(TenantId, Principal)>,
) -> Result<HashMap<(TenantId, Principal), Vec<Binding>>> {
    let (mut tenants, mut users, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
    for (tenant, holder) in &holders {
        let (user, account) = ids(holder);
        tenants.push(*tenant);
        users.push(user);
        accounts.push(account);
    }
    let rows: Vec<CarriedRow> = sqlx::query_as(
        "select h.tenant_id, h.user_id as holder_user, h.account_id as holder_account,
                b.role, r.name as custom, r.permissions, b.project_id, b.until, b.networks, b.factor_minutes
         from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as h (tenant_id, user_id, account_id)
         cross join lateral
           (select * from identity.role_bindings d where d.tenant_id = h.tenant_id and d.user_id = h.user_id
            union all
            select * from identity.role_bindings d where d.tenant_id = h.tenant_id and d.account_id = h.account_id
            union all
            select d.* from identity.group_members m join identity.role_bindings d using (tenant_id, group_id)
            where m.tenant_id = h.tenant_id and m.user_id = h.user_id) b
         left join identity.roles r on r.tenant_id = b.tenant_id and r.role_id = b.role_id
         order by h.tenant_id, b.binding_id",
    )
    .bind(tenants)
    .bind(users)
    .bind(accounts)
    .fetch_all(sql)
    .await?;
    let mut carried: HashMap<_, Vec<Binding>> = HashMap::new();
    for row in rows {
        let user = row.holder_user.map(Principal::User);
        let holder = user.or_else(|| row.holder_account.map(Principal::ServiceAccount));
        if let (Some(holder), Some(binding)) = (holder, row.binding.binding()) {
            carried.entry((row.tenant_id, holder)).or_default().push(binding);
        }
    }
    Ok(carried)
}
