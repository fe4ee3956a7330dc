//! `identity.groups` and `identity.group_members`.

use auth::Action;
use auth::action::{group, group_member};
use chrono::{DateTime, Utc};
use crypto::{KeyError, TenantKeys};
use db::{Change, Granted, Read, Result, Tenant};
use ids::{GroupId, IdOrName, TenantId, UserId};
use web::{Sort, Window};

use crate::group::{Group, Member};
use crate::project::{Description, Name};
use crate::store::sealed::{USER_EMAIL, USER_NAME};

#[derive(sqlx::FromRow)]
struct GroupRow {
    tenant_id: TenantId,
    group_id: GroupId,
    name: String,
    description: String,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<GroupRow> for Group {
    fn from(row: GroupRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.group_id,
            name: row.name,
            description: row.description,
            generation: row.generation,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

#[derive(sqlx::FromRow)]
struct MemberRow {
    group_id: GroupId,
    user_id: UserId,
    email_sealed: Option<Vec<u8>>,
    name_sealed: Option<Vec<u8>>,
    enabled: bool,
    created_at: DateTime<Utc>,
}

impl MemberRow {
    fn open(self, keys: &TenantKeys) -> Result<Member, KeyError> {
        let row = self.user_id.as_uuid();
        Ok(Member {
            group: self.group_id,
            user: self.user_id,
            email: USER_EMAIL.open(keys, row, self.email_sealed.as_deref())?,
            display_name: USER_NAME.open(keys, row, self.name_sealed.as_deref())?,
            enabled: self.enabled,
            created_at: self.created_at,
        })
    }
}

/// Writes a new group.
pub async fn insert(
    tx: &mut Change<group::Create>,
    tenant: &Granted<Tenant, group::Create>,
    name: &Name,
    description: &Description,
) -> Result<Group> {
    let now = tx.now();
    let row: GroupRow = sqlx::query_as(
        "insert into identity.groups (tenant_id, group_id, name, description, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $5)
         returning tenant_id, group_id, name, description, generation, created_at, updated_at",
    )
    .bind(tenant.id)
    .bind(GroupId::mint())
    .bind(name.as_str())
    .bind(description.as_str())
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

macro_rules! list_groups {
    ($tail:literal) => {
        concat!(
            "select tenant_id, group_id, name, description, generation, created_at, updated_at from identity.groups
             where tenant_id = $1 and ($2::text is null or name >= $2 and name < $3) and ",
            $tail,
            " limit $5"
        )
    };
}

/// A window of the tenant's groups; names that begin with `prefix`.
pub async fn list(
    tx: &mut Read<group::List>,
    tenant: &Granted<Tenant, group::List>,
    prefix: Option<&str>,
    sort: Sort,
    window: &Window,
) -> Result<Vec<Group>, fault::Error> {
    // One statement per order: an index serves each, and no SQL is put together at run time.
    let sql = match sort {
        Sort::CreatedAt => list_groups!("($4::text is null or group_id > $4::uuid) order by group_id"),
        Sort::CreatedAtDescending => list_groups!("($4::text is null or group_id < $4::uuid) order by group_id desc"),
        Sort::Name => list_groups!("($4::text is null or name > $4) order by name"),
        Sort::NameDescending => list_groups!("($4::text is null or name < $4) order by name desc"),
    };
    let after = match sort {
        Sort::CreatedAt | Sort::CreatedAtDescending => window.after::<GroupId>(0)?.map(|id| id.to_string()),
        Sort::Name | Sort::NameDescending => window.after::<String>(0)?,
    };
    let rows: Vec<GroupRow> = sqlx::query_as(sql)
        .bind(tenant.id)
        .bind(prefix)
        .bind(prefix.map(|prefix| format!("{prefix}\u{10ffff}")))
        .bind(after)
        .bind(window.fetch())
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Group::from).collect())
}

/// The group of that id or name.
pub async fn lookup<A: Action>(tx: &mut Read<A>, group: &IdOrName<GroupId>) -> Result<Granted<Group, A>, fault::Error> {
    let (id, name) = match group {
        IdOrName::Id(id) => (Some(*id), None),
        IdOrName::Name(name) => (None, Some(name)),
    };
    let tenant = tx.tenant_id();
    let row: Option<GroupRow> = sqlx::query_as(
        "select tenant_id, group_id, name, description, generation, created_at, updated_at
         from identity.groups where tenant_id = $1 and (group_id = $2 or name = $3)",
    )
    .bind(tenant)
    .bind(id)
    .bind(name)
    .fetch_optional(tx.sql())
    .await
    .map_err(db::Error::from)?;
    tx.grant(row.map(Group::from).ok_or_else(|| fault::Error::not_found("group"))?)
}

/// Takes a group for a change: until its end nobody else changes it, or binds a role to it.
pub async fn hold<A: Action>(tx: &mut Change<A>, group: &IdOrName<GroupId>) -> Result<Granted<Group, A>, fault::Error> {
    let found = lookup(tx, group).await?;
    sqlx::query("select from identity.groups where tenant_id = $1 and group_id = $2 for update")
        .bind(found.tenant)
        .bind(found.id)
        .execute(tx.sql())
        .await
        .map_err(db::Error::from)?;
    lookup(tx, &IdOrName::Id(found.id)).await
}

/// Changes name and description.
pub async fn set(
    tx: &mut Change<group::Modify>,
    group: &Granted<Group, group::Modify>,
    name: Option<&Name>,
    description: Option<&Description>,
) -> Result<Group> {
    let now = tx.now();
    let row: GroupRow = sqlx::query_as(
        "update identity.groups set name = coalesce($3, name), description = coalesce($4, description),
                generation = generation + 1, updated_at = $5
         where tenant_id = $1 and group_id = $2
         returning tenant_id, group_id, name, description, generation, created_at, updated_at",
    )
    .bind(group.tenant)
    .bind(group.id)
    .bind(name.map(Name::as_str))
    .bind(description.map(Description::as_str))
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// Removes a group with its memberships and the roles bound to it.
pub async fn remove(tx: &mut Change<group::Delete>, group: &Granted<Group, group::Delete>) -> Result<()> {
    sqlx::query("delete from identity.groups where tenant_id = $1 and group_id = $2")
        .bind(group.tenant)
        .bind(group.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}

macro_rules! select_member {
    ($tail:literal) => {
        concat!(
            "select m.group_id, m.user_id, u.email_sealed, u.name_sealed, u.enabled, m.created_at
             from identity.group_members m join identity.users u using (tenant_id, user_id)
             where m.tenant_id = $1 and m.group_id = $2 and ",
            $tail
        )
    };
}

/// A window of a group's members, in the order of their ids.
pub async fn members(
    tx: &mut Read<group_member::List>,
    group: &Granted<Group, group_member::List>,
    window: &Window,
) -> Result<Vec<Member>, fault::Error> {
    let rows: Vec<MemberRow> = sqlx::query_as(select_member!(
        "($3::uuid is null or m.user_id > $3) order by m.user_id limit $4"
    ))
    .bind(group.tenant)
    .bind(group.id)
    .bind(window.after::<UserId>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    let opened = rows.into_iter().map(|row| row.open(tx.keys()?));
    Ok(opened.collect::<Result<_, KeyError>>()?)
}

/// Somebody in a group.
pub async fn member<A: Action>(tx: &mut Change<A>, group: &Granted<Group, A>, user: UserId) -> Result<Option<Member>> {
    let row: Option<MemberRow> = sqlx::query_as(select_member!("m.user_id = $3"))
        .bind(group.tenant)
        .bind(group.id)
        .bind(user)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(|row| row.open(tx.keys()?)).transpose()?)
}

/// Puts somebody into a group; false if they were in it.
pub async fn insert_member(
    tx: &mut Change<group_member::Create>,
    group: &Granted<Group, group_member::Create>,
    user: UserId,
) -> Result<bool> {
    let now = tx.now();
    let made = sqlx::query(
        "insert into identity.group_members (tenant_id, group_id, user_id, created_at) values ($1, $2, $3, $4)
         on conflict (tenant_id, group_id, user_id) do nothing",
    )
    .bind(group.tenant)
    .bind(group.id)
    .bind(user)
    .bind(now)
    .execute(tx.sql())
    .await?;
    if made.rows_affected() == 0 {
        // Whom a provider had put there, people have put there now: it does not take them out any more.
        sqlx::query(
            "update identity.group_members set provider_id = null
             where tenant_id = $1 and group_id = $2 and user_id = $3 and provider_id is not null",
        )
        .bind(group.tenant)
        .bind(group.id)
        .bind(user)
        .execute(tx.sql())
        .await?;
    }
    Ok(made.rows_affected() == 1)
}

/// Takes somebody out of a group.
pub async fn remove_member(
    tx: &mut Change<group_member::Delete>,
    group: &Granted<Group, group_member::Delete>,
    user: UserId,
) -> Result<()> {
    sqlx::query("delete from identity.group_members where tenant_id = $1 and group_id = $2 and user_id = $3")
        .bind(group.tenant)
        .bind(group.id)
        .bind(user)
        .execute(tx.sql())
        .await?;
    Ok(())
}
