//! `identity.operator_access`.
//!
//! A row belongs to the tenant whose content it is. Operators' own transactions belong to the platform, so they step into the
//! tenant for the one row and back out, by [`enter`] and [`leave`], which ask for the right to act for the platform.

use auth::action::{break_glass, operator_access, tenant_access};
use auth::{AccessKind, Action, Binding, Duties, OperatorAccess, PLATFORM, Principal, Rights, Role, Standing};
use chrono::{DateTime, TimeDelta, Utc};
use db::{Change, Granted, Platform, Read, Result, SystemTx, Tenant};
use ids::{OperatorAccessId, TenantId, UserId};
use web::Window;

use crate::access::{Access, NewAccess, Side, State};

/// How often one operator asks one tenant within a day.
const MOST_IN_A_DAY: i64 = 20;

#[derive(sqlx::FromRow)]
struct AccessRow {
    tenant_id: TenantId,
    access_id: OperatorAccessId,
    kind: String,
    operator_id: UserId,
    reason: String,
    role: String,
    minutes: i16,
    state: String,
    requested_at: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<UserId>,
    confirmed_by: Option<UserId>,
    ends_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    ended_by: Option<String>,
    updated_at: DateTime<Utc>,
}

impl From<AccessRow> for Access {
    fn from(row: AccessRow) -> Self {
        let state = State::ALL.into_iter().find(|state| state.name() == row.state);
        let side = |name: String| {
            [Side::Tenant, Side::Operator]
                .into_iter()
                .find(|side| side.name() == name)
        };
        Self {
            tenant: row.tenant_id,
            id: row.access_id,
            // The table knows no other words; a newer release's would be what lets nobody do anything here.
            kind: AccessKind::named(&row.kind).unwrap_or(AccessKind::BreakGlass),
            operator: row.operator_id,
            reason: row.reason,
            role: Role::named(&row.role).unwrap_or(Role::Viewer),
            minutes: u16::try_from(row.minutes).unwrap_or_default(),
            state: state.unwrap_or(State::Ended),
            requested_at: row.requested_at,
            decided_at: row.decided_at,
            decided_by: row.decided_by,
            confirmed_by: row.confirmed_by,
            ends_at: row.ends_at,
            ended_at: row.ended_at,
            ended_by: row.ended_by.and_then(side),
            updated_at: row.updated_at,
        }
    }
}

/// How far it has come at `$1`. The one place that says so: lists filter by it.
macro_rules! state {
    () => {
        "case when a.ended_at is not null then 'ended'
              when a.decision = 'refused' then 'refused'
              when coalesce(a.ends_at, a.requested_at + interval '24 hours') <= $1 then 'expired'
              when a.decision = 'granted' then 'granted'
              else 'requested' end"
    };
}

macro_rules! select_access {
    ($($tail:tt)+) => {
        concat!(
            "select a.tenant_id, a.access_id, a.kind, a.operator_id, a.reason, a.role, a.minutes, a.requested_at,
                    a.decided_at, a.decided_by, a.confirmed_by, a.ends_at, a.ended_at, a.ended_by, a.updated_at, ",
            state!(),
            " as state from identity.operator_access a where ",
            $($tail)+
        )
    };
}

/// A window of what operators have asked of the tenant, newest first.
pub async fn list(
    tx: &mut Read<operator_access::List>,
    tenant: &Granted<Tenant, operator_access::List>,
    state: Option<State>,
    window: &Window,
) -> Result<Vec<Access>, fault::Error> {
    let now = tx.now();
    let rows: Vec<AccessRow> = sqlx::query_as(select_access!(
        "a.tenant_id = $2 and ($3::uuid is null or a.access_id < $3) and ($4::text is null or $4 = ",
        state!(),
        ") order by a.access_id desc limit $5"
    ))
    .bind(now)
    .bind(tenant.id)
    .bind(window.after::<OperatorAccessId>(0)?)
    .bind(state.map(State::name))
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Access::from).collect())
}

/// A window of what operators have asked of any tenant, newest first.
pub async fn list_any(
    tx: &mut SystemTx,
    _: &Granted<Platform, tenant_access::List>,
    (state, tenant): (Option<State>, Option<TenantId>),
    window: &Window,
) -> Result<Vec<Access>, fault::Error> {
    let now = tx.now();
    let rows: Vec<AccessRow> = sqlx::query_as(select_access!(
        "($2::uuid is null or a.tenant_id = $2) and ($3::uuid is null or a.access_id < $3) and ($4::text is null or $4 = ",
        state!(),
        ") order by a.access_id desc limit $5"
    ))
    .bind(now)
    .bind(tenant)
    .bind(window.after::<OperatorAccessId>(0)?)
    .bind(state.map(State::name))
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Access::from).collect())
}

/// One of the tenant's.
pub async fn lookup<A: Action>(tx: &mut Read<A>, id: OperatorAccessId) -> Result<Option<Access>> {
    let (now, tenant) = (tx.now(), tx.tenant_id());
    let row: Option<AccessRow> = sqlx::query_as(select_access!("a.tenant_id = $2 and a.access_id = $3"))
        .bind(now)
        .bind(tenant)
        .bind(id)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(Access::from))
}

/// Takes one for a decision: nobody else decides on it or ends it before the end of the transaction.
pub async fn hold<A: Action>(tx: &mut Change<A>, tenant: TenantId, id: OperatorAccessId) -> Result<Option<Access>> {
    let now = tx.now();
    let row: Option<AccessRow> =
        sqlx::query_as(select_access!("a.tenant_id = $2 and a.access_id = $3 for update of a"))
            .bind(now)
            .bind(tenant)
            .bind(id)
            .fetch_optional(tx.sql())
            .await?;
    Ok(row.map(Access::from))
}

/// Lets the operator in from now on; it is held.
pub async fn set_granted(
    tx: &mut Change<operator_access::Approve>,
    access: &Granted<Access, operator_access::Approve>,
    by: UserId,
) -> Result<Access, fault::Error> {
    let ends_at = tx.now() + TimeDelta::minutes(i64::from(access.minutes));
    must_keep_apart(tx, access).await?;
    Ok(decide(tx, access, ("granted", Some(ends_at)), (Some(by), None)).await?)
}

/// Does not let the operator in; it is held.
pub async fn set_refused(
    tx: &mut Change<operator_access::Refuse>,
    access: &Granted<Access, operator_access::Refuse>,
    by: UserId,
) -> Result<Access> {
    decide(tx, access, ("refused", None), (Some(by), None)).await
}

/// Ends it for the tenant; it is held.
pub async fn set_ended(
    tx: &mut Change<operator_access::End>,
    access: &Granted<Access, operator_access::End>,
) -> Result<Access> {
    end(tx, access, Side::Tenant).await
}

/// Writes what an operator asks for; 404 when there is no such tenant.
pub async fn insert<A: Action>(
    tx: &mut Change<A>,
    platform: &Granted<Platform, A>,
    new: &NewAccess,
    operator: UserId,
) -> Result<Access, fault::Error> {
    let (now, id) = (tx.now(), OperatorAccessId::mint());
    tx.enter(platform, new.tenant).await?;
    let known: bool = sqlx::query_scalar("select exists (select from identity.tenants where tenant_id = $1)")
        .bind(new.tenant)
        .fetch_one(tx.sql())
        .await
        .map_err(db::Error::from)?;
    if !known {
        return Err(fault::Error::not_found("tenant"));
    }
    let waiting: i64 = sqlx::query_scalar(
        "select count(*) from identity.operator_access where tenant_id = $1 and operator_id = $2 and requested_at > $3",
    )
    .bind(new.tenant)
    .bind(operator)
    .bind(now - TimeDelta::days(1))
    .fetch_one(tx.sql())
    .await
    .map_err(db::Error::from)?;
    if waiting >= MOST_IN_A_DAY {
        let detail =
            "You have asked this tenant twenty times within a day; wait until tomorrow, or let another operator ask.";
        return Err(fault::Error::conflict(detail));
    }
    sqlx::query(
        "insert into identity.operator_access
             (tenant_id, access_id, kind, operator_id, reason, role, minutes, requested_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
    )
    .bind(new.tenant)
    .bind(id)
    .bind(new.kind.name())
    .bind(operator)
    .bind(&new.reason)
    .bind(new.role.name())
    .bind(i16::try_from(new.minutes).unwrap_or(i16::MAX))
    .bind(now)
    .execute(tx.sql())
    .await
    .map_err(db::Error::from)?;
    let made = hold(tx, new.tenant, id).await?;
    tx.leave().await?;
    made.ok_or_else(|| fault::Error::internal("what was written is not there"))
}

/// Whose content an access is to.
pub async fn tenant_of(tx: &mut SystemTx, id: OperatorAccessId) -> Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar("select tenant_id from identity.operator_access where access_id = $1")
        .bind(id)
        .fetch_optional(tx.sql())
        .await?;
    Ok(tenant)
}

/// Takes any tenant's for a change from the platform's side.
pub async fn hold_any<A: Action>(
    tx: &mut Change<A>,
    platform: &Granted<Platform, A>,
    (tenant, id): (TenantId, OperatorAccessId),
) -> Result<Option<Access>> {
    tx.enter(platform, tenant).await?;
    let held = hold(tx, tenant, id).await?;
    tx.leave().await?;
    Ok(held)
}

/// Lets the operator in for an hour, by the word of a second one; it is held.
pub async fn set_confirmed(
    tx: &mut Change<break_glass::Confirm>,
    platform: &Granted<Platform, break_glass::Confirm>,
    access: &Access,
    by: UserId,
) -> Result<Access, fault::Error> {
    let ends_at = tx.now() + TimeDelta::minutes(i64::from(access.minutes));
    tx.enter(platform, access.tenant).await?;
    must_keep_apart(tx, access).await?;
    let granted = decide(tx, access, ("granted", Some(ends_at)), (None, Some(by))).await?;
    tx.leave().await?;
    Ok(granted)
}

/// Ends it for the operator; it is held.
pub async fn set_given_back(
    tx: &mut Change<tenant_access::End>,
    platform: &Granted<Platform, tenant_access::End>,
    access: &Access,
) -> Result<Access> {
    tx.enter(platform, access.tenant).await?;
    let ended = end(tx, access, Side::Operator).await?;
    tx.leave().await?;
    Ok(ended)
}

/// What an access is good for now, whether or not it is in force; none if it never was. It falls with its operator and with
/// their role, and with whoever let them in.
pub async fn standing(tx: &mut SystemTx, id: OperatorAccessId) -> Result<Option<Standing>> {
    let now = tx.now();
    let row: Option<AccessRow> = sqlx::query_as(select_access!("a.access_id = $2"))
        .bind(now)
        .bind(id)
        .fetch_optional(tx.sql())
        .await?;
    let Some(access) = row.map(Access::from) else {
        return Ok(None);
    };
    let serves: bool = sqlx::query_scalar(
        "select exists (
             select from identity.users u
             join identity.role_bindings b on b.tenant_id = u.tenant_id and b.role = $3
              and b.project_id is null and (b.user_id = u.user_id or b.group_id in
                  (select m.group_id from identity.group_members m where m.tenant_id = $1 and m.user_id = $2))
             where u.tenant_id = $1 and u.user_id = $2 and u.enabled)
           and not exists (select from identity.operator_access a
                           join identity.users g on g.tenant_id = a.tenant_id and g.user_id = a.decided_by
                           where a.access_id = $4 and not g.enabled)",
    )
    .bind(PLATFORM)
    .bind(access.operator)
    .bind(Role::PlatformOperator.name())
    .bind(access.id)
    .fetch_one(tx.sql())
    .await?;
    let bindings = vec![Binding::role(access.role, None)];
    Ok(Some(Standing {
        live: serves && access.state == State::Granted,
        until: access.ends_at,
        access: Some(OperatorAccess {
            id: access.id,
            kind: access.kind,
            reason: access.reason,
        }),
        ..Standing::of(access.tenant, Principal::Operator(access.operator), bindings, None)
    }))
}

/// Where a tenant keeps duties apart, nobody of the platform carries two of them there at once either. The tenant's row is held,
/// so that of two decisions the second sees the first.
async fn must_keep_apart<A: Action>(tx: &mut Change<A>, access: &Access) -> Result<(), fault::Error> {
    let now = tx.now();
    let apart: Option<bool> =
        sqlx::query_scalar("select duties_apart from identity.tenants where tenant_id = $1 for no key update")
            .bind(access.tenant)
            .fetch_optional(tx.sql())
            .await
            .map_err(db::Error::from)?;
    if apart != Some(true) {
        return Ok(());
    }
    let roles: Vec<String> = sqlx::query_scalar(
        "select role from identity.operator_access
         where tenant_id = $1 and operator_id = $2 and access_id <> $3 and decision = 'granted' and ended_at is null
           and ends_at > $4",
    )
    .bind(access.tenant)
    .bind(access.operator)
    .bind(access.id)
    .bind(now)
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    let duties = |role: Role| Rights::Role(role).duties();
    let own = duties(access.role);
    let others = roles.iter().filter_map(|name| Role::named(name)).map(duties);
    if others
        .into_iter()
        .any(|other| own != Duties::None && other != Duties::None && other != own)
    {
        let detail =
            "This tenant keeps duties apart, and the operator has an access of another duty: end that one first.";
        return Err(fault::Error::conflict(detail));
    }
    Ok(())
}

async fn decide<A: Action>(
    tx: &mut Change<A>,
    access: &Access,
    (decision, ends_at): (&str, Option<DateTime<Utc>>),
    (decided_by, confirmed_by): (Option<UserId>, Option<UserId>),
) -> Result<Access> {
    let now = tx.now();
    sqlx::query(
        "update identity.operator_access
         set decision = $3, decided_at = $4, ends_at = $5, decided_by = $6, confirmed_by = $7, updated_at = $4
         where tenant_id = $1 and access_id = $2",
    )
    .bind(access.tenant)
    .bind(access.id)
    .bind(decision)
    .bind(now)
    .bind(ends_at)
    .bind(decided_by)
    .bind(confirmed_by)
    .execute(tx.sql())
    .await?;
    again(tx, access).await
}

async fn end<A: Action>(tx: &mut Change<A>, access: &Access, side: Side) -> Result<Access> {
    let now = tx.now();
    sqlx::query(
        "update identity.operator_access set ended_at = $3, ended_by = $4, updated_at = $3
         where tenant_id = $1 and access_id = $2",
    )
    .bind(access.tenant)
    .bind(access.id)
    .bind(now)
    .bind(side.name())
    .execute(tx.sql())
    .await?;
    again(tx, access).await
}

/// What was held, as it is now.
async fn again<A: Action>(tx: &mut Change<A>, access: &Access) -> Result<Access> {
    let now = hold(tx, access.tenant, access.id).await?;
    Ok(now.unwrap_or_else(|| access.clone()))
}
