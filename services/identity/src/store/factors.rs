//! `identity.factors`.

use auth::Action;
use auth::action::factor;
use chrono::{DateTime, Utc};
use crypto::{KeyError, Purpose, SealedText, TenantKeys};
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
    /// Of a release before: a worker seals it.
    name: Option<String>,
    name_sealed: Option<Vec<u8>>,
    sealed: Vec<u8>,
    confirmed_at: Option<DateTime<Utc>>,
    used_at: Option<DateTime<Utc>>,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

const NAME: SealedText = SealedText::new(Purpose::PersonalData, "identity.factors", "name_sealed");

/// What somebody calls a factor of theirs, for its row.
pub fn sealed_name(keys: &TenantKeys, factor: FactorId, name: &str) -> Result<Vec<u8>, KeyError> {
    NAME.seal(keys, &factor.to_string(), name)
}

/// What is kept of it. What lies open was written last, by a release before.
pub fn name(
    keys: &TenantKeys,
    factor: FactorId,
    (sealed, open): (Option<&[u8]>, Option<String>),
) -> Result<String, KeyError> {
    match open {
        Some(name) => Ok(name),
        None => Ok(NAME.open_some(keys, &factor.to_string(), sealed)?.unwrap_or_default()),
    }
}

impl FactorRow {
    fn open(mut self, keys: &TenantKeys) -> Result<Factor, KeyError> {
        let name = name(keys, self.factor_id, (self.name_sealed.as_deref(), self.name.take()))?;
        Ok(Factor { name, ..self.unnamed() })
    }

    /// For those to whom its name is nothing.
    fn unnamed(self) -> Factor {
        let row = self;
        Factor {
            tenant: row.tenant_id,
            id: row.factor_id,
            user: row.user_id,
            // The table's check lets nothing else in.
            kind: Kind::named(&row.kind)
                .or_else(|| Kind::weaker(&row.kind))
                .unwrap_or(Kind::Totp),
            name: String::new(),
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
    let rows = all(tx.sql(), tenant.id, user).await?;
    let keys = tx.keys()?;
    let factors = rows.into_iter().map(|row| row.open(keys));
    Ok(factors.collect::<Result<_, KeyError>>()?)
}

/// A person's confirmed factors, for sign-in: without their names.
pub async fn confirmed(tx: &mut SystemTx, tenant: TenantId, user: UserId) -> Result<Vec<Factor>> {
    let mut rows = all(tx.sql(), tenant, user).await?;
    rows.retain(|row| row.confirmed_at.is_some());
    Ok(rows.into_iter().map(FactorRow::unnamed).collect())
}

async fn all(sql: &mut PgConnection, tenant: TenantId, user: UserId) -> Result<Vec<FactorRow>> {
    let rows = sqlx::query_as(
        "select tenant_id, factor_id, user_id, kind, name, name_sealed, sealed, confirmed_at, used_at, generation, created_at,
                updated_at
         from identity.factors where tenant_id = $1 and user_id = $2 order by created_at, factor_id",
    )
    .bind(tenant)
    .bind(user)
    .fetch_all(sql)
    .await?;
    Ok(rows)
}

/// The telephone numbers of somebody's factors, in full; of one that does not open, nothing.
pub async fn numbers<A: Action>(tx: &mut Change<A>, user: &Granted<User, A>) -> Result<Vec<String>, fault::Error> {
    let rows = all(tx.sql(), user.tenant, user.id).await?;
    let mut factors: Vec<Factor> = rows.into_iter().map(FactorRow::unnamed).collect();
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
        "select tenant_id, factor_id, user_id, kind, name, name_sealed, sealed, confirmed_at, used_at, generation, created_at,
                updated_at
         from identity.factors where tenant_id = $1 and user_id = $2 and factor_id = $3 for update",
    )
    .bind(tenant.id)
    .bind(user)
    .bind(factor)
    .fetch_optional(tx.sql())
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(row.open(tx.keys()?)?))
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
    let name = sealed_name(tx.keys()?, id, name.as_str())?;
    let row: FactorRow = sqlx::query_as(
        "insert into identity.factors (tenant_id, factor_id, user_id, kind, name_sealed, sealed, created_at, updated_at)
         values ($1, $2, $3, $7, $4, $5, $6, $6)
         returning tenant_id, factor_id, user_id, kind, name, name_sealed, sealed, confirmed_at, used_at, generation, created_at,
                updated_at",
    )
    .bind(tenant.id)
    .bind(id)
    .bind(user)
    .bind(name)
    .bind(sealed)
    .bind(now)
    .bind(kind.name())
    .fetch_one(tx.sql())
    .await?;
    Ok(row.open(tx.keys()?)?)
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
    let name = sealed_name(tx.keys()?, id, name.as_str())?;
    let row: FactorRow = sqlx::query_as(
        "insert into identity.factors (tenant_id, factor_id, user_id, kind, name_sealed, credential_id, sealed,
                                       confirmed_at, created_at, updated_at)
         values ($1, $2, $3, 'webauthn', $4, $5, $6, $7, $7, $7)
         returning tenant_id, factor_id, user_id, kind, name, name_sealed, sealed, confirmed_at, used_at, generation, created_at,
                updated_at",
    )
    .bind(tenant.id)
    .bind(id)
    .bind(user)
    .bind(name)
    .bind(credential)
    .bind(sealed)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.open(tx.keys()?)?)
}

/// Calls a factor something else.
pub async fn rename(
    tx: &mut Change<factor::Modify>,
    tenant: &Granted<Tenant, factor::Modify>,
    factor: FactorId,
    name: &Name,
) -> Result<Factor> {
    let now = tx.now();
    let name = sealed_name(tx.keys()?, factor, name.as_str())?;
    let row: FactorRow = sqlx::query_as(
        "update identity.factors set name = null, name_sealed = $3, updated_at = $4, generation = generation + 1
         where tenant_id = $1 and factor_id = $2
         returning tenant_id, factor_id, user_id, kind, name, name_sealed, sealed, confirmed_at, used_at, generation, created_at,
                updated_at",
    )
    .bind(tenant.id)
    .bind(factor)
    .bind(name)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.open(tx.keys()?)?)
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
         returning tenant_id, factor_id, user_id, kind, name, name_sealed, sealed, confirmed_at, used_at, generation, created_at,
                updated_at",
    )
    .bind(tenant.id)
    .bind(factor)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.open(tx.keys()?)?)
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
