//! `identity.policies`: no row means the usual rules.

use auth::Action;
use auth::action::policy;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, SystemTx};
use ids::uuid::Uuid;
use ids::{TenantId, UserId};
use sqlx::PgConnection;

use crate::factor::Kind;
use crate::factor::passkey::Attestation;
use crate::password::{Profile, Rules};
use crate::policy::{Policy, SecondFactor};

/// The columns of a policy that may not be there, to be joined to something that is.
#[derive(sqlx::FromRow)]
pub(super) struct PolicyRow {
    step_up_minutes: Option<i16>,
    second_factor: Option<String>,
    factor_kinds: Option<Vec<String>>,
    weaker_factors: Option<Vec<String>>,
    attestation: Option<String>,
    allowed_aaguids: Option<Vec<Uuid>>,
    session_idle_minutes: Option<i32>,
    session_hours: Option<i32>,
    password_profile: Option<String>,
    password_days: Option<i16>,
    password_history: Option<i16>,
    policy_generation: Option<i64>,
    policy_updated_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
struct PersonRow {
    chosen: Option<DateTime<Utc>>,
    #[sqlx(flatten)]
    policy: PolicyRow,
}

/// For how many minutes a factor is fresh in a tenant that has set this; none: for ever.
pub(super) fn step_up(tenant: TenantId, kept: Option<i16>) -> Option<u16> {
    let usual = Policy::usual(tenant);
    let step_up_minutes = number(kept, usual.step_up_minutes);
    Policy {
        step_up_minutes,
        ..usual
    }
    .step_up()
}

/// The columns of [`PolicyRow`], of the table `p`.
macro_rules! policy_columns {
    () => {
        "p.step_up_minutes, p.second_factor, p.factor_kinds, p.weaker_factors, p.attestation, p.allowed_aaguids,
         p.session_idle_minutes, p.session_hours,
         p.password_profile, p.password_days, p.password_history, p.generation as policy_generation,
         p.updated_at as policy_updated_at"
    };
}
pub(super) use policy_columns;

impl PolicyRow {
    pub(super) fn policy(self, tenant: TenantId) -> Policy {
        let usual = Policy::usual(tenant);
        let kinds = self.factor_kinds.unwrap_or_default();
        let weaker = self.weaker_factors.unwrap_or_default();
        Policy {
            step_up_minutes: number(self.step_up_minutes, usual.step_up_minutes),
            second_factor: self
                .second_factor
                .map_or(usual.second_factor, |name| SecondFactor::stored(&name)),
            factor_kinds: kinds.iter().filter_map(|name| Kind::named(name)).collect(),
            weaker_factors: weaker.iter().filter_map(|name| Kind::weaker(name)).collect(),
            attestation: self.attestation.map_or(usual.attestation, |name| {
                Attestation::stored(&name, self.allowed_aaguids.unwrap_or_default())
            }),
            session_idle_minutes: self
                .session_idle_minutes
                .and_then(|minutes| u32::try_from(minutes).ok()),
            session_hours: self.session_hours.and_then(|hours| u32::try_from(hours).ok()),
            password: Rules {
                profile: self
                    .password_profile
                    .map_or(usual.password.profile, |name| Profile::stored(&name)),
                days: number(self.password_days, usual.password.days),
                history: number(self.password_history, usual.password.history),
            },
            generation: self.policy_generation.unwrap_or(usual.generation),
            // A row that was only made to be held has not been changed.
            updated_at: self.policy_updated_at.filter(|_| self.policy_generation > Some(1)),
            ..usual
        }
    }
}

fn number(kept: Option<i16>, usual: u16) -> u16 {
    kept.and_then(|kept| u16::try_from(kept).ok()).unwrap_or(usual)
}

macro_rules! select_policy {
    ($tail:literal) => {
        concat!(
            "select ",
            policy_columns!(),
            " from identity.policies p where p.tenant_id = $1",
            $tail
        )
    };
}

/// The rules of the caller's tenant.
pub async fn lookup<A: Action>(tx: &mut Read<A>) -> Result<Policy> {
    let tenant = tx.tenant_id();
    of(tx.sql(), tenant).await
}

/// The rules of a tenant, for sign-in.
pub async fn at_sign_in(tx: &mut SystemTx, tenant: TenantId) -> Result<Policy> {
    of(tx.sql(), tenant).await
}

/// The rules that somebody signs in by, and when their password was chosen, if they have one.
pub async fn of_person(tx: &mut SystemTx, tenant: TenantId, user: UserId) -> Result<(Policy, Option<DateTime<Utc>>)> {
    let row: PersonRow = sqlx::query_as(concat!(
        "select w.changed_at as chosen, ",
        policy_columns!(),
        " from (select $1::uuid as tenant_id, $2::uuid as user_id) s left join identity.policies p using (tenant_id)
          left join identity.passwords w on w.tenant_id = s.tenant_id and w.user_id = s.user_id"
    ))
    .bind(tenant)
    .bind(user)
    .fetch_one(tx.sql())
    .await?;
    Ok((row.policy.policy(tenant), row.chosen))
}

async fn of(sql: &mut PgConnection, tenant: TenantId) -> Result<Policy> {
    let row: Option<PolicyRow> = sqlx::query_as(select_policy!(""))
        .bind(tenant)
        .fetch_optional(sql)
        .await?;
    Ok(row.map_or_else(|| Policy::usual(tenant), |row| row.policy(tenant)))
}

/// The rules of the caller's tenant, held for a change: a row is made where there was none.
pub async fn hold(tx: &mut Change<policy::Modify>) -> Result<Granted<Policy, policy::Modify>, fault::Error> {
    let (tenant, now) = (tx.tenant_id(), tx.now());
    sqlx::query(
        "insert into identity.policies (tenant_id, created_at, updated_at) values ($1, $2, $2) on conflict do nothing",
    )
    .bind(tenant)
    .bind(now)
    .execute(tx.sql())
    .await
    .map_err(db::Error::from)?;
    let row: PolicyRow = sqlx::query_as(select_policy!(" for update"))
        .bind(tenant)
        .fetch_one(tx.sql())
        .await
        .map_err(db::Error::from)?;
    tx.grant(row.policy(tenant))
}

/// Keeps the rules as `new` has them.
pub async fn set(
    tx: &mut Change<policy::Modify>,
    held: &Granted<Policy, policy::Modify>,
    new: &Policy,
) -> Result<Policy> {
    let now = tx.now();
    let kinds: Vec<&str> = new.factor_kinds.iter().map(|kind| kind.name()).collect();
    let weaker: Vec<&str> = new.weaker_factors.iter().map(|kind| kind.name()).collect();
    let (attestation, models) = new.attestation.parts();
    let row: PolicyRow = sqlx::query_as(concat!(
        "update identity.policies p
         set step_up_minutes = $2, second_factor = $3, factor_kinds = nullif($4::text[], '{}'),
             session_idle_minutes = $5, session_hours = $6, password_profile = $7, password_days = $8,
             password_history = $9, attestation = $11, allowed_aaguids = $12, weaker_factors = $13,
             generation = p.generation + 1, updated_at = $10
         where p.tenant_id = $1 returning ",
        policy_columns!()
    ))
    .bind(held.tenant)
    .bind(small(new.step_up_minutes))
    .bind(new.second_factor.name())
    .bind(kinds)
    .bind(new.session_idle_minutes.and_then(|minutes| i32::try_from(minutes).ok()))
    .bind(new.session_hours.and_then(|hours| i32::try_from(hours).ok()))
    .bind(new.password.profile.name())
    .bind(small(new.password.days))
    .bind(small(new.password.history))
    .bind(now)
    .bind(attestation)
    .bind(models)
    .bind(weaker)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.policy(held.tenant))
}

fn small(number: u16) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX)
}

/// The kinds of a person's confirmed factors.
pub async fn kinds_of<A: Action>(tx: &mut Read<A>, user: UserId) -> Result<Vec<String>> {
    let tenant = tx.tenant_id();
    let kinds = sqlx::query_scalar(
        "select distinct kind from identity.factors
         where tenant_id = $1 and user_id = $2 and confirmed_at is not null",
    )
    .bind(tenant)
    .bind(user)
    .fetch_all(tx.sql())
    .await?;
    Ok(kinds)
}

/// Is there somebody who may sign in, keeps the tenant and has a factor of one of these kinds?
pub async fn owner_with(tx: &mut Change<policy::Modify>, kinds: &[Kind]) -> Result<bool> {
    let tenant = tx.tenant_id();
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    let found = sqlx::query_scalar(
        "select exists (
             select from identity.role_bindings b
             left join identity.group_members m on m.tenant_id = b.tenant_id and m.group_id = b.group_id
             join identity.users u on u.tenant_id = b.tenant_id and u.user_id = coalesce(b.user_id, m.user_id)
             join identity.factors f on f.tenant_id = u.tenant_id and f.user_id = u.user_id
             where b.tenant_id = $1 and b.role in ('owner', 'security_administrator') and b.project_id is null and u.enabled
               and f.confirmed_at is not null and f.kind = any($2))",
    )
    .bind(tenant)
    .bind(kinds)
    .fetch_one(tx.sql())
    .await?;
    Ok(found)
}
