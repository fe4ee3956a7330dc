//! `identity.group_members`, as far as providers put people into groups.

use db::{Result, SystemTx};
use ids::{GroupId, UserId};

use crate::provider::Provider;
use crate::store::owners::KEEPERS;

/// Makes the groups that this provider has put somebody into these, and no others; what people put them into stays. Answers
/// into which they came and from which they went.
pub async fn follow(
    tx: &mut SystemTx,
    provider: &Provider,
    user: UserId,
    groups: &[GroupId],
) -> Result<(Vec<GroupId>, Vec<GroupId>)> {
    let now = tx.now();
    let came = sqlx::query_scalar(
        "insert into identity.group_members (tenant_id, group_id, user_id, created_at, provider_id)
         select $1, g.group_id, $2, $4, $5 from identity.groups g where g.tenant_id = $1 and g.group_id = any($3)
         on conflict (tenant_id, group_id, user_id) do nothing returning group_id",
    )
    .bind(provider.tenant)
    .bind(user)
    .bind(groups)
    .bind(now)
    .bind(provider.id)
    .fetch_all(tx.sql())
    .await?;
    Ok((came, leave(tx, provider, user, groups).await?))
}

/// The last owner or security administrator stays one, whatever the provider says: a tenant without one could not set it right.
async fn leave(tx: &mut SystemTx, provider: &Provider, user: UserId, stay: &[GroupId]) -> Result<Vec<GroupId>> {
    let due: Vec<GroupId> = sqlx::query_scalar(
        "select group_id from identity.group_members
         where tenant_id = $1 and user_id = $2 and provider_id = $3 and group_id <> all($4)",
    )
    .bind(provider.tenant)
    .bind(user)
    .bind(provider.id)
    .bind(stay)
    .fetch_all(tx.sql())
    .await?;
    if due.is_empty() {
        return Ok(due);
    }
    // As whoever else may take an owner away does first: nobody does so until the end of the transaction.
    sqlx::query("select from identity.tenants where tenant_id = $1 for no key update")
        .bind(provider.tenant)
        .execute(tx.sql())
        .await?;
    let gone = sqlx::query_scalar(
        "delete from identity.group_members m where m.tenant_id = $1 and m.user_id = $2 and m.group_id = any($3)
           and (not exists (select from identity.role_bindings b where b.tenant_id = $1 and b.group_id = m.group_id
                              and b.role = any($4) and b.project_id is null)
                or exists (select from identity.role_bindings b
                           left join identity.group_members o on o.tenant_id = b.tenant_id and o.group_id = b.group_id
                           join identity.users u on u.tenant_id = b.tenant_id
                                and u.user_id = coalesce(b.user_id, o.user_id)
                           where b.tenant_id = $1 and b.role = any($4) and b.project_id is null and b.until is null
                             and b.networks = '{}' and b.factor_minutes is null and u.enabled
                             and (u.user_id <> $2 or b.user_id = $2 or o.group_id <> all($3))))
         returning m.group_id",
    )
    .bind(provider.tenant)
    .bind(user)
    .bind(due)
    .bind(KEEPERS)
    .fetch_all(tx.sql())
    .await?;
    Ok(gone)
}
