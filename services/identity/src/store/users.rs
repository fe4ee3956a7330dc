//! `identity.users`, as those who look after people see them.

use auth::Action;
use auth::action::user;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, Tenant};
use ids::{TenantId, UserId};
use web::{Sort, Window};

use crate::person::DisplayName;
use crate::user::User;

#[derive(sqlx::FromRow)]
struct UserRow {
    tenant_id: TenantId,
    user_id: UserId,
    email: String,
    display_name: String,
    name_key: String,
    enabled: bool,
    seen_at: Option<DateTime<Utc>>,
    roles: Vec<String>,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.user_id,
            email: row.email,
            display_name: row.display_name,
            name_key: row.name_key,
            enabled: row.enabled,
            seen_at: row.seen_at,
            roles: row.roles,
            generation: row.generation,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

macro_rules! select_user {
    ($tail:literal) => {
        concat!(
            "select u.tenant_id, u.user_id, u.email, u.display_name, u.name_key, u.enabled, u.seen_at, u.generation,
                    u.created_at, u.updated_at,
                    array(select distinct coalesce(b.role, r.name) from identity.role_bindings b
                          left join identity.roles r on r.tenant_id = b.tenant_id and r.role_id = b.role_id
                          where b.tenant_id = u.tenant_id and b.project_id is null and (b.user_id = u.user_id
                                or b.group_id in (select m.group_id from identity.group_members m
                                                  where m.tenant_id = u.tenant_id and m.user_id = u.user_id))
                          order by 1) as roles
             from identity.users u where u.tenant_id = $1 and ",
            $tail
        )
    };
}

/// What a list may be narrowed to.
pub struct Filter<'a> {
    /// Addresses or names that begin with this, in any case.
    pub prefix: Option<&'a str>,
    /// Only those who may sign in, or may not.
    pub enabled: Option<bool>,
}

/// Somebody of the caller's tenant.
pub async fn lookup<A: Action>(tx: &mut Read<A>, user: UserId) -> Result<Granted<User, A>, fault::Error> {
    let tenant = tx.tenant_id();
    let row: Option<UserRow> = sqlx::query_as(select_user!("u.user_id = $2"))
        .bind(tenant)
        .bind(user)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    granted(tx, row)
}

/// Takes somebody for a change: until its end nobody else changes them, binds roles to them or adds them to a group.
pub async fn hold<A: Action>(tx: &mut Change<A>, user: UserId) -> Result<Granted<User, A>, fault::Error> {
    let tenant = tx.tenant_id();
    // Locked first and read then: a statement that waited for a lock still sees other tables as they were before.
    sqlx::query("select from identity.users where tenant_id = $1 and user_id = $2 for update")
        .bind(tenant)
        .bind(user)
        .execute(tx.sql())
        .await
        .map_err(db::Error::from)?;
    lookup(tx, user).await
}

fn granted<A: Action>(tx: &Read<A>, row: Option<UserRow>) -> Result<Granted<User, A>, fault::Error> {
    tx.grant(row.map(User::from).ok_or_else(|| fault::Error::not_found("user"))?)
}

/// A window of the tenant's people.
pub async fn list(
    tx: &mut Read<user::List>,
    tenant: &Granted<Tenant, user::List>,
    filter: &Filter<'_>,
    sort: Sort,
    window: &Window,
) -> Result<Vec<User>, fault::Error> {
    // One statement per order: an index serves each, and no SQL is put together at run time.
    let sql = match sort {
        Sort::CreatedAt => select_user!(
            "($2::text is null or u.email >= lower($2) and u.email < lower($3)
                              or u.name_key >= lower($2) and u.name_key < lower($3))
             and ($4::boolean is null or u.enabled = $4) and ($5::uuid is null or u.user_id > $5) and ($6::text is null or true)
             order by u.user_id limit $7"
        ),
        Sort::CreatedAtDescending => select_user!(
            "($2::text is null or u.email >= lower($2) and u.email < lower($3)
                              or u.name_key >= lower($2) and u.name_key < lower($3))
             and ($4::boolean is null or u.enabled = $4) and ($5::uuid is null or u.user_id < $5) and ($6::text is null or true)
             order by u.user_id desc limit $7"
        ),
        Sort::Name => select_user!(
            "($2::text is null or u.email >= lower($2) and u.email < lower($3)
                              or u.name_key >= lower($2) and u.name_key < lower($3))
             and ($4::boolean is null or u.enabled = $4) and ($5::uuid is null or (u.name_key, u.user_id) > ($6::text, $5))
             order by u.name_key, u.user_id limit $7"
        ),
        Sort::NameDescending => select_user!(
            "($2::text is null or u.email >= lower($2) and u.email < lower($3)
                              or u.name_key >= lower($2) and u.name_key < lower($3))
             and ($4::boolean is null or u.enabled = $4) and ($5::uuid is null or (u.name_key, u.user_id) < ($6::text, $5))
             order by u.name_key desc, u.user_id desc limit $7"
        ),
    };
    let by_name = matches!(sort, Sort::Name | Sort::NameDescending);
    let (after, name) = if by_name {
        (window.after::<UserId>(1)?, window.after::<String>(0)?)
    } else {
        (window.after::<UserId>(0)?, None)
    };
    let rows: Vec<UserRow> = sqlx::query_as(sql)
        .bind(tenant.id)
        .bind(filter.prefix)
        .bind(filter.prefix.map(|prefix| format!("{prefix}\u{10ffff}")))
        .bind(filter.enabled)
        .bind(after)
        .bind(name)
        .bind(window.fetch())
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(User::from).collect())
}

/// Changes somebody, and answers them as they are now.
pub async fn set<A: Action>(
    tx: &mut Change<A>,
    user: &Granted<User, A>,
    display_name: Option<&DisplayName>,
    enabled: Option<bool>,
) -> Result<Granted<User, A>, fault::Error> {
    let now = tx.now();
    sqlx::query(
        "update identity.users set display_name = coalesce($3, display_name), enabled = coalesce($4, enabled),
                generation = generation + 1, updated_at = $5
         where tenant_id = $1 and user_id = $2",
    )
    .bind(user.tenant)
    .bind(user.id)
    .bind(display_name.map(DisplayName::as_str))
    .bind(enabled)
    .bind(now)
    .execute(tx.sql())
    .await
    .map_err(db::Error::from)?;
    lookup(tx, user.id).await
}

/// Removes somebody with all that is held on them, the answers kept for `Idempotency-Key`s included. What they did stays in
/// the log, under their id.
pub async fn remove(tx: &mut Change<user::Delete>, user: &Granted<User, user::Delete>) -> Result<()> {
    sqlx::query("delete from identity.replies where tenant_id = $1 and (principal = $2 or object = $2)")
        .bind(user.tenant)
        .bind(format!("user:{}", user.id))
        .execute(tx.sql())
        .await?;
    sqlx::query("delete from identity.users where tenant_id = $1 and user_id = $2")
        .bind(user.tenant)
        .bind(user.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}
