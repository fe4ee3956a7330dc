//! `identity.account_credentials`.

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, SystemTx};
use ids::uuid::Uuid;
use ids::{AccountCredentialId, ServiceAccountId, TenantId};
use sqlx::types::Json;
use web::Window;

use crate::account::ServiceAccount;
use crate::account::credential::{Credential, MOST, What};
use crate::oauth::jwk::PublicJwk;

#[derive(sqlx::FromRow)]
struct CredentialRow {
    credential_id: AccountCredentialId,
    name: String,
    secret_hash: Option<Vec<u8>>,
    jwk: Option<Json<PublicJwk>>,
    expires_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl From<CredentialRow> for Credential {
    fn from(row: CredentialRow) -> Self {
        Self {
            id: row.credential_id,
            name: row.name,
            what: match row.jwk {
                Some(jwk) => What::Key(jwk.0),
                None => What::Secret(row.secret_hash.unwrap_or_default()),
            },
            expires_at: row.expires_at,
            created_at: row.created_at,
        }
    }
}

/// Writes a new one; none if the account has too many.
pub async fn insert<A: Action>(
    tx: &mut Change<A>,
    account: &Granted<ServiceAccount, A>,
    (name, what): (&str, &What),
    expires_at: Option<DateTime<Utc>>,
) -> Result<Option<Credential>> {
    let now = tx.now();
    let (secret, jwk) = match what {
        What::Secret(hash) => (Some(hash), None),
        What::Key(jwk) => (None, Some(Json(jwk))),
    };
    let row: Option<CredentialRow> = sqlx::query_as(
        "insert into identity.account_credentials (tenant_id, credential_id, account_id, name, secret_hash, jwk, expires_at,
                                                   created_at)
         select $1, $2, $3, $4, $5, $6, $7, $8
         where (select count(*) from identity.account_credentials where tenant_id = $1 and account_id = $3) < $9
         returning credential_id, name, secret_hash, jwk, expires_at, created_at",
    )
    .bind(account.tenant)
    .bind(AccountCredentialId::mint())
    .bind(account.id)
    .bind(name)
    .bind(secret)
    .bind(jwk)
    .bind(expires_at)
    .bind(now)
    .bind(MOST)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(Credential::from))
}

/// A window of the account's credentials, oldest first.
pub async fn list<A: Action>(
    tx: &mut Read<A>,
    account: &Granted<ServiceAccount, A>,
    window: &Window,
) -> Result<Vec<Credential>, fault::Error> {
    let rows: Vec<CredentialRow> = sqlx::query_as(
        "select credential_id, name, secret_hash, jwk, expires_at, created_at from identity.account_credentials
         where tenant_id = $1 and account_id = $2 and ($3::uuid is null or credential_id > $3)
         order by credential_id limit $4",
    )
    .bind(account.tenant)
    .bind(account.id)
    .bind(window.after::<AccountCredentialId>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Credential::from).collect())
}

/// Removes one, and with it every access token that it gave; none if the account has no such.
pub async fn remove<A: Action>(
    tx: &mut Change<A>,
    account: &Granted<ServiceAccount, A>,
    credential: AccountCredentialId,
) -> Result<Option<Credential>> {
    let row: Option<CredentialRow> = sqlx::query_as(
        "delete from identity.account_credentials where tenant_id = $1 and account_id = $2 and credential_id = $3
         returning credential_id, name, secret_hash, jwk, expires_at, created_at",
    )
    .bind(account.tenant)
    .bind(account.id)
    .bind(credential)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(Credential::from))
}

/// An account that comes by itself, with what may prove it.
pub struct Known {
    /// Its tenant.
    pub tenant: TenantId,
    /// Which one.
    pub account: ServiceAccountId,
    /// What may prove it now.
    pub credentials: Vec<Credential>,
}

/// The account of that id, if it may come at all.
pub async fn of_account(tx: &mut SystemTx, account: Uuid) -> Result<Option<Known>> {
    let now = tx.now();
    let tenant: Option<TenantId> = sqlx::query_scalar(
        "select a.tenant_id from identity.service_accounts a
         where a.account_id = $1 and a.enabled
           and exists (select from identity.account_credentials c where c.account_id = a.account_id)",
    )
    .bind(account)
    .fetch_optional(tx.sql())
    .await?;
    let Some(tenant) = tenant else { return Ok(None) };
    let rows: Vec<CredentialRow> = sqlx::query_as(
        "select credential_id, name, secret_hash, jwk, expires_at, created_at from identity.account_credentials
         where tenant_id = $1 and account_id = $2 and (expires_at is null or expires_at > $3)",
    )
    .bind(tenant)
    .bind(account)
    .bind(now)
    .fetch_all(tx.sql())
    .await?;
    Ok(Some(Known {
        tenant,
        account: ServiceAccountId::from_uuid(account),
        credentials: rows.into_iter().map(Credential::from).collect(),
    }))
}
