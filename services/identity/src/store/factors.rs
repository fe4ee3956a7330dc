//! `identity.factors`.

use auth::Action;
use auth::action::factor;
use chrono::{DateTime, Utc};
use crypto::KeyError;
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{FactorId, TenantId, UserId};
use sqlx::PgConnection;

use crate::factor::sent::Phone;
use crate::factor::{Factor, Kind, Name};
use crate::user::User;

#[derive(sqlx::FromRow)]
struct FactorRow {
    tenant_id: TenantId,
    factor_id: FactorId,
    user_id: UserId,
    kind: String,
    name: String,
    sealed: Vec<u8>,
    confirmed_at: Option<DateTime<Utc>>,
    used_at: Option<DateTime<Utc>>,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<FactorRow> for Factor {
    fn from(row: FactorRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.factor_id,
            user: row.user_id,
            // The table's check lets nothing else in.
            kind: Kind::named(&row.kind)
                .or_else(|| Kind::weaker(&row.kind))
                .unwrap_or(Kind::Totp),
            name: row.name,
            sealed: row.sealed,
            confirmed_at: row.confirmed_at,
            used_at: row.used_at,
            generation: row.generation,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// A person's factors, confirmed or not, the oldest first.
pub async fn list<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>, user: UserId) -> Result<Vec<Factor>> {
    all(tx.sql(), tenant.id, user).await
}

/// A person's confirmed factors, for sign-in.
pub async fn confirmed(tx: &mut SystemTx, tenant: TenantId, user: UserId) -> Result<Vec<Factor>> {
    let mut factors = all(tx.sql(), tenant, user).await?;
    factors.retain(|factor| factor.confirmed_at.is_some());
    Ok(factors)
}

async fn all(sql: &mut PgConnection, tenant: TenantId, user: UserId) -> Result<Vec<Factor>> {
    let rows: Vec<FactorRow> = sqlx::query_as(
        "select tenant_id, factor_id, user_id, kind, name, sealed, confirmed_at, used_at, generation, created_at,
                updated_at
         from identity.factors where tenant_id = $1 and user_id = $2 order by created_at, factor_id",
    )
    .bind(tenant)
    .bind(user)
    .fetch_all(sql)
    .await?;
    Ok(rows.into_iter().map(Factor::from).collect())
}

/// The telephone numbers of somebody's factors, in full; of one that does not open, nothing.
pub async fn numbers<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>) -> Result<Vec<String>, fault::Error> {
    let mut factors = all(tx.sql(), user.tenant, user.id).await?;
    factors.retain(|factor| factor.kind == Kind::Sms);
    let mut numbers = Vec::new();
    for factor in factors {
        match Phone::open(tx.keys()?, factor.tenant, factor.id, &factor.sealed) {
            Ok(phone) => numbers.push(phone.expose().to_owned()),
            Err(KeyError::Unreadable) => {}
            Err(away) => return Err(away.into()),
        }
    }
    Ok(numbers)
}

/// Holds all of a person's factors until the end of the transaction: of two that are removed at once, one is the last.
pub async fn hold_all<A: Action>(tx: &mut Change<A>, tenant: &Granted<Tenant, A>, user: UserId) -> Result<()> {
    sqlx::query("select from identity.factors where tenant_id = $1 and user_id = $2 order by factor_id for update")
        .bind(tenant.id)
        .bind(user)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// One of a person's own factors, held until the end of the transaction.
pub async fn hold<A: Action>(
    tx: &mut Change<A>,
    tenant: &Granted<Tenant, A>,
    user: UserId,
    factor: FactorId,
) -> Result<Option<Factor>> {
    let row: Option<FactorRow> = sqlx::query_as(
        "select tenant_id, factor_id, user_id, kind, name, sealed, confirmed_at, used_at, generation, created_at,
                updated_at
         from identity.factors where tenant_id = $1 and user_id = $2 and factor_id = $3 for update",
    )
    .bind(tenant.id)
    .bind(user)
    .bind(factor)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(Factor::from))
}

/// Writes a factor that its holder has yet to confirm. Those they never confirmed go.
pub async fn insert(
    tx: &mut Change<factor::Create>,
    tenant: &Granted<Tenant, factor::Create>,
    user: UserId,
    (id, kind, name): (FactorId, Kind, &Name),
    sealed: &[u8],
) -> Result<Factor> {
    let now = tx.now();
    sqlx::query("delete from identity.factors where tenant_id = $1 and user_id = $2 and confirmed_at is null")
        .bind(tenant.id)
        .bind(user)
        .execute(tx.sql())
        .await?;
    let row: FactorRow = sqlx::query_as(
        "insert into identity.factors (tenant_id, factor_id, user_id, kind, name, sealed, created_at, updated_at)
         values ($1, $2, $3, $7, $4, $5, $6, $6)
         returning tenant_id, factor_id, user_id, kind, name, sealed, confirmed_at, used_at, generation, created_at,
                updated_at",
    )
    .bind(tenant.id)
    .bind(id)
    .bind(user)
    .bind(name.as_str())
    .bind(sealed)
    .bind(now)
    .bind(kind.name())
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// Writes a passkey: it counts at once, its making was its first use.
pub async fn insert_passkey(
    tx: &mut Change<factor::Modify>,
    tenant: &Granted<Tenant, factor::Modify>,
    user: UserId,
    (id, name): (FactorId, &Name),
    (credential, sealed): (&[u8], &[u8]),
) -> Result<Factor> {
    let now = tx.now();
    let row: FactorRow = sqlx::query_as(
        "insert into identity.factors (tenant_id, factor_id, user_id, kind, name, credential_id, sealed, confirmed_at,
                                       created_at, updated_at)
         values ($1, $2, $3, 'webauthn', $4, $5, $6, $7, $7, $7)
         returning tenant_id, factor_id, user_id, kind, name, sealed, confirmed_at, used_at, generation, created_at,
                updated_at",
    )
    .bind(tenant.id)
    .bind(id)
    .bind(user)
    .bind(name.as_str())
    .bind(credential)
    .bind(sealed)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// Calls a factor something else.
pub async fn rename(
    tx: &mut Change<factor::Modify>,
    tenant: &Granted<Tenant, factor::Modify>,
    factor: FactorId,
    name: &Name,
) -> Result<Factor> {
    let now = tx.now();
    let row: FactorRow = sqlx::query_as(
        "update identity.factors set name = $3, updated_at = $4, generation = generation + 1
         where tenant_id = $1 and factor_id = $2
         returning tenant_id, factor_id, user_id, kind, name, sealed, confirmed_at, used_at, generation, created_at,
                updated_at",
    )
    .bind(tenant.id)
    .bind(factor)
    .bind(name.as_str())
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// From now on the factor counts.
pub async fn confirm(
    tx: &mut Change<factor::Modify>,
    tenant: &Granted<Tenant, factor::Modify>,
    factor: FactorId,
) -> Result<Factor> {
    let now = tx.now();
    let row: FactorRow = sqlx::query_as(
        "update identity.factors set confirmed_at = $3, updated_at = $3, generation = generation + 1
         where tenant_id = $1 and factor_id = $2
         returning tenant_id, factor_id, user_id, kind, name, sealed, confirmed_at, used_at, generation, created_at,
                updated_at",
    )
    .bind(tenant.id)
    .bind(factor)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// Takes a factor away.
pub async fn remove(
    tx: &mut Change<factor::Delete>,
    tenant: &Granted<Tenant, factor::Delete>,
    factor: FactorId,
) -> Result<()> {
    sqlx::query("delete from identity.factors where tenant_id = $1 and factor_id = $2")
        .bind(tenant.id)
        .bind(factor)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Spends a time step of a factor, at sign-in; false if it, or a later one, was spent before.
pub async fn spend_at_sign_in(tx: &mut SystemTx, factor: &Factor, step: i64) -> Result<bool> {
    let now = tx.now();
    spend_step(tx.sql(), factor, step, now).await
}

/// Spends a time step of a factor of the caller's own; false if it, or a later one, was spent before.
pub async fn spend<A: Action>(tx: &mut Change<A>, _: &Granted<Tenant, A>, factor: &Factor, step: i64) -> Result<bool> {
    let now = tx.now();
    spend_step(tx.sql(), factor, step, now).await
}

/// One statement asks and spends: of fifty equal codes at one moment, one finds the step unspent.
async fn spend_step(sql: &mut PgConnection, factor: &Factor, step: i64, now: DateTime<Utc>) -> Result<bool> {
    let spent = sqlx::query(
        "update identity.factors set last_step = $3, used_at = $4
         where tenant_id = $1 and factor_id = $2 and last_step < $3",
    )
    .bind(factor.tenant)
    .bind(factor.id)
    .bind(step)
    .bind(now)
    .execute(sql)
    .await?;
    Ok(spent.rows_affected() == 1)
}
