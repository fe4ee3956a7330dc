//! `identity.users`, as those who look after people see them.

use auth::Action;
use auth::action::user;
use chrono::{DateTime, Utc};
use crypto::{KeyError, TenantKeys};
use db::{Change, Granted, Read, Result, Tenant};
use futures::TryStreamExt;
use ids::{TenantId, UserId};
use web::{Sort, Window};

use crate::person::DisplayName;
use crate::store::sealed::{USER_EMAIL, USER_NAME};
use crate::user::first::First;
use crate::user::{User, name_key};

#[derive(sqlx::FromRow)]
struct UserRow {
    tenant_id: TenantId,
    user_id: UserId,
    email_sealed: Option<Vec<u8>>,
    name_sealed: Option<Vec<u8>>,
    enabled: bool,
    seen_at: Option<DateTime<Utc>>,
    roles: Vec<String>,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl UserRow {
    fn open(self, keys: &TenantKeys) -> Result<User, KeyError> {
        let row = self.user_id.as_uuid();
        let display_name = USER_NAME.open(keys, row, self.name_sealed.as_deref())?;
        Ok(User {
            tenant: self.tenant_id,
            id: self.user_id,
            email: USER_EMAIL.open(keys, row, self.email_sealed.as_deref())?,
            name_key: name_key(&display_name),
            display_name,
            enabled: self.enabled,
            seen_at: self.seen_at,
            roles: self.roles,
            generation: self.generation,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

macro_rules! select_user {
    ($tail:literal) => {
        concat!(
            "select u.tenant_id, u.user_id, u.email_sealed, u.name_sealed, u.enabled, u.seen_at, u.generation,
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
    let row = row.ok_or_else(|| fault::Error::not_found("user"))?;
    let user = row.open(tx.keys()?)?;
    tx.grant(user)
}

/// A window of the tenant's people.
pub async fn list(
    tx: &mut Read<user::List>,
    tenant: &Granted<Tenant, user::List>,
    filter: &Filter<'_>,
    sort: Sort,
    window: &Window,
) -> Result<Vec<User>, fault::Error> {
    let by_name = matches!(sort, Sort::Name | Sort::NameDescending);
    if by_name || filter.prefix.is_some() {
        return found(tx, tenant, filter, sort, window).await;
    }
    // One statement per order: an index serves each, and no SQL is put together at run time.
    let sql = if sort == Sort::CreatedAtDescending {
        select_user!(
            "($2::boolean is null or u.enabled = $2) and ($3::uuid is null or u.user_id < $3)
             order by u.user_id desc limit $4"
        )
    } else {
        select_user!(
            "($2::boolean is null or u.enabled = $2) and ($3::uuid is null or u.user_id > $3)
             order by u.user_id limit $4"
        )
    };
    let rows: Vec<UserRow> = sqlx::query_as(sql)
        .bind(tenant.id)
        .bind(filter.enabled)
        .bind(window.after::<UserId>(0)?)
        .bind(window.fetch())
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    let users = rows.into_iter().map(|row| row.open(tx.keys()?));
    Ok(users.collect::<Result<_, KeyError>>()?)
}

#[derive(sqlx::FromRow)]
struct SealedRow {
    user_id: UserId,
    email_sealed: Option<Vec<u8>>,
    name_sealed: Option<Vec<u8>>,
}

/// The same by what is sealed: everybody's is opened as it comes from the database, and no more is kept than the page holds.
async fn found(
    tx: &mut Read<user::List>,
    tenant: &Granted<Tenant, user::List>,
    filter: &Filter<'_>,
    sort: Sort,
    window: &Window,
) -> Result<Vec<User>, fault::Error> {
    let keys = tx.keys()?.clone();
    let mut first = First::new(sort, window)?;
    let prefix = filter.prefix.map(name_key);
    let mut rows = sqlx::query_as::<_, SealedRow>(
        "select user_id, email_sealed, name_sealed from identity.users
         where tenant_id = $1 and ($2::boolean is null or enabled = $2)",
    )
    .bind(tenant.id)
    .bind(filter.enabled)
    .fetch(tx.sql());
    while let Some(row) = rows.try_next().await.map_err(db::Error::from)? {
        let id = row.user_id.as_uuid();
        let name = name_key(&USER_NAME.open(&keys, id, row.name_sealed.as_deref())?);
        let begins = |prefix: &String| {
            Ok::<_, KeyError>(
                name.starts_with(prefix)
                    || USER_EMAIL
                        .open(&keys, id, row.email_sealed.as_deref())?
                        .starts_with(prefix),
            )
        };
        if prefix.as_ref().map(begins).transpose()?.unwrap_or(true) {
            first.offer(name, row.user_id);
        }
    }
    drop(rows);
    let ids = first.take();
    let rows: Vec<UserRow> = sqlx::query_as(select_user!("u.user_id = any($2)"))
        .bind(tenant.id)
        .bind(&ids)
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    let users = rows.into_iter().map(|row| row.open(&keys));
    let mut users = users.collect::<Result<Vec<_>, KeyError>>()?;
    users.sort_by_key(|user| ids.iter().position(|id| *id == user.id));
    Ok(users)
}

/// Changes somebody, and answers them as they are now.
pub async fn set<A: Action>(
    tx: &mut Change<A>,
    user: &Granted<User, A>,
    display_name: Option<&DisplayName>,
    enabled: Option<bool>,
) -> Result<Granted<User, A>, fault::Error> {
    let now = tx.now();
    let seal = |name: &DisplayName| USER_NAME.seal(tx.keys()?, user.id.as_uuid(), name.as_str());
    let name = display_name.map(seal).transpose()?;
    sqlx::query(
        "update identity.users set name_sealed = coalesce($3, name_sealed), enabled = coalesce($4, enabled),
                generation = generation + 1, updated_at = $5
         where tenant_id = $1 and user_id = $2",
    )
    .bind(user.tenant)
    .bind(user.id)
    .bind(name)
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
