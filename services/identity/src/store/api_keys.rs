//! `identity.api_keys`.

use std::net::IpAddr;

use auth::api_key::ApiKey;
use auth::{Action, Permissions, Principal};
use chrono::{DateTime, TimeDelta, Utc};
use crypto::{KeyError, TenantKeys};
use db::{Change, Granted, Read, Result, SystemTx};
use ids::{ApiKeyId, ProjectId, ServiceAccountId, TenantId, UserId};
use ipnetwork::IpNetwork;
use web::Window;

use crate::api_key::{Holder, Key, MOST, Reach};
use crate::store::places;

/// How old the note of a key's last use may be.
const USE_GRAIN: TimeDelta = TimeDelta::minutes(1);

#[derive(sqlx::FromRow)]
struct KeyRow {
    key_id: ApiKeyId,
    name: String,
    scopes: Option<Vec<String>>,
    project_id: Option<ProjectId>,
    networks: Vec<IpNetwork>,
    expires_at: Option<DateTime<Utc>>,
    used_at: Option<DateTime<Utc>>,
    used_from_sealed: Option<Vec<u8>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl KeyRow {
    fn open(self, keys: &TenantKeys) -> Result<Key, KeyError> {
        let from = places::key_heard_from(keys, self.key_id, self.used_from_sealed.as_deref())?;
        Ok(Key {
            used: self.used_at.map(|at| (at, from)),
            id: self.key_id,
            name: self.name.clone(),
            created_at: self.created_at,
            updated_at: self.updated_at,
            reach: self.reach(),
        })
    }

    fn reach(self) -> Reach {
        Reach {
            scopes: self.scopes.map(Permissions::stored),
            project: self.project_id,
            networks: self.networks,
            expires_at: self.expires_at,
        }
    }
}

macro_rules! select_key {
    ($tail:literal) => {
        concat!(
            "select key_id, name, scopes, project_id, networks, expires_at, used_at, used_from_sealed, created_at, updated_at
             from identity.api_keys where tenant_id = $1 and revoked_at is null and ",
            $tail
        )
    };
}

const fn ids(of: &Principal) -> (Option<UserId>, Option<ServiceAccountId>) {
    match of {
        Principal::User(id) => (Some(*id), None),
        Principal::ServiceAccount(id) => (None, Some(*id)),
        Principal::System(_) | Principal::Operator(_) => (None, None),
    }
}

/// Writes a new key, of which only the secret's hash is kept; none if its holder has too many.
pub async fn insert<A: Action>(
    tx: &mut Change<A>,
    holder: &Granted<Holder, A>,
    key: &ApiKey,
    name: &str,
    reach: &Reach,
) -> Result<Option<Key>> {
    let now = tx.now();
    let (user, account) = ids(&holder.principal);
    let networks: Vec<String> = reach.networks.iter().map(ToString::to_string).collect();
    let row: Option<KeyRow> = sqlx::query_as(
        "insert into identity.api_keys (tenant_id, key_id, user_id, account_id, name, secret_hash, scopes, project_id,
                                        networks, expires_at, created_at, updated_at)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9::text[]::cidr[], $10, $11, $11
         where (select count(*) from identity.api_keys where tenant_id = $1 and (user_id = $3 or account_id = $4)
                and revoked_at is null) < $12
         returning key_id, name, scopes, project_id, networks, expires_at, used_at, used_from_sealed, created_at, updated_at",
    )
    .bind(holder.tenant)
    .bind(key.id)
    .bind(user)
    .bind(account)
    .bind(name)
    .bind(key.hash().as_slice())
    .bind(reach.scopes.as_ref().map(Permissions::names))
    .bind(reach.project)
    .bind(networks)
    .bind(reach.expires_at)
    .bind(now)
    .bind(MOST)
    .fetch_optional(tx.sql())
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(row.open(tx.keys()?)?))
}

/// A window of the holder's keys, oldest first.
pub async fn list<A: Action>(
    tx: &mut Read<A>,
    holder: &Granted<Holder, A>,
    window: &Window,
) -> Result<Vec<Key>, fault::Error> {
    let (user, account) = ids(&holder.principal);
    let rows: Vec<KeyRow> = sqlx::query_as(select_key!(
        "(user_id = $2 or account_id = $3) and ($4::uuid is null or key_id > $4) order by key_id limit $5"
    ))
    .bind(holder.tenant)
    .bind(user)
    .bind(account)
    .bind(window.after::<ApiKeyId>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    let keys = tx.keys()?;
    Ok(rows.into_iter().map(|row| row.open(keys)).collect::<Result<_, _>>()?)
}

/// One of the holder's keys.
pub async fn lookup<A: Action>(
    tx: &mut Read<A>,
    holder: &Granted<Holder, A>,
    id: ApiKeyId,
) -> Result<Key, fault::Error> {
    let (user, account) = ids(&holder.principal);
    let row: Option<KeyRow> = sqlx::query_as(select_key!("(user_id = $2 or account_id = $3) and key_id = $4"))
        .bind(holder.tenant)
        .bind(user)
        .bind(account)
        .bind(id)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    let row = row.ok_or_else(|| fault::Error::not_found("API key"))?;
    Ok(row.open(tx.keys()?)?)
}

/// What the key is good for with which the caller asks.
pub async fn reach<A: Action>(tx: &mut Read<A>, id: ApiKeyId) -> Result<Option<Reach>> {
    let tenant = tx.tenant_id();
    let row: Option<KeyRow> = sqlx::query_as(select_key!("key_id = $2"))
        .bind(tenant)
        .bind(id)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(KeyRow::reach))
}

/// Makes a key of the holder's good for nothing.
pub async fn revoke<A: Action>(tx: &mut Change<A>, holder: &Granted<Holder, A>, id: ApiKeyId) -> Result<()> {
    let now = tx.now();
    let (user, account) = ids(&holder.principal);
    sqlx::query(
        "update identity.api_keys set revoked_at = $5, updated_at = $5, generation = generation + 1
         where tenant_id = $1 and (user_id = $2 or account_id = $3) and key_id = $4 and revoked_at is null",
    )
    .bind(holder.tenant)
    .bind(user)
    .bind(account)
    .bind(id)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Notes that a key was used, once in a while. From where is kept if the tenant's keys are held: it is not worth refusing anybody.
pub async fn note_use(tx: &mut SystemTx, tenant: TenantId, key: ApiKeyId, from: IpAddr) -> Result<()> {
    let now = tx.now();
    let sealed = tx.keys(tenant).and_then(|keys| places::key_used_from(&keys, key, from));
    sqlx::query(
        "update identity.api_keys set used_at = $3, used_from_sealed = $4
         where tenant_id = $1 and key_id = $2 and (used_at is null or used_at <= $5)",
    )
    .bind(tenant)
    .bind(key)
    .bind(now)
    .bind(sealed.ok())
    .bind(now - USE_GRAIN)
    .execute(tx.sql())
    .await?;
    Ok(())
}
