//! `identity.oauth_clients`.

use auth::Action;
use auth::action::oauth_client;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{OauthClientId, TenantId};
use sqlx::types::Json;
use web::{Sort, Window};

use crate::oauth::client::{Client, ClientKind, GrantType};
use crate::oauth::jwk::PublicJwks;
use crate::oauth::redirect::RedirectUri;
use crate::oauth::scope::Scopes;

#[derive(sqlx::FromRow)]
struct ClientRow {
    tenant_id: TenantId,
    client_id: OauthClientId,
    name: String,
    kind: String,
    redirect_uris: Vec<String>,
    grant_types: Vec<String>,
    scopes: Vec<String>,
    secret_hash: Option<Vec<u8>>,
    jwks: Option<Json<PublicJwks>>,
    enabled: bool,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<ClientRow> for Client {
    fn from(row: ClientRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.client_id,
            name: row.name,
            kind: if row.kind == "public" {
                ClientKind::Public
            } else {
                ClientKind::Confidential
            },
            redirect_uris: row.redirect_uris.into_iter().map(RedirectUri::stored).collect(),
            // One that a newer release knows and this one does not leads nowhere.
            grant_types: row
                .grant_types
                .iter()
                .filter_map(|name| GrantType::named(name))
                .collect(),
            scopes: Scopes::stored(row.scopes),
            secret_hash: row.secret_hash,
            jwks: row.jwks.map(|jwks| jwks.0),
            enabled: row.enabled,
            generation: row.generation,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What its owners say of a client.
pub struct Wanted {
    pub name: String,
    pub redirect_uris: Vec<RedirectUri>,
    pub grant_types: Vec<GrantType>,
    pub scopes: Scopes,
    pub enabled: bool,
}

impl Wanted {
    fn uris(&self) -> Vec<&str> {
        self.redirect_uris.iter().map(RedirectUri::as_str).collect()
    }

    fn grants(&self) -> Vec<&'static str> {
        self.grant_types.iter().map(|grant| grant.name()).collect()
    }
}

/// By what a client proves who it is.
pub enum Proof<'a> {
    /// Nothing: it is public.
    Nothing,
    /// A secret of this hash.
    Secret([u8; 32]),
    /// One of these keys.
    Keys(&'a PublicJwks),
}

/// Writes a new client.
pub async fn insert(
    tx: &mut Change<oauth_client::Create>,
    tenant: &Granted<Tenant, oauth_client::Create>,
    wanted: &Wanted,
    proof: &Proof<'_>,
) -> Result<Client> {
    let now = tx.now();
    let (kind, secret, jwks) = match proof {
        Proof::Nothing => (ClientKind::Public, None, None),
        Proof::Secret(hash) => (ClientKind::Confidential, Some(hash.as_slice()), None),
        Proof::Keys(jwks) => (ClientKind::Confidential, None, Some(Json(*jwks))),
    };
    let row: ClientRow = sqlx::query_as(
        "insert into identity.oauth_clients (tenant_id, client_id, name, kind, redirect_uris, grant_types, scopes,
                                             secret_hash, jwks, enabled, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11) returning *",
    )
    .bind(tenant.id)
    .bind(OauthClientId::mint())
    .bind(&wanted.name)
    .bind(kind.name())
    .bind(wanted.uris())
    .bind(wanted.grants())
    .bind(wanted.scopes.names())
    .bind(secret)
    .bind(jwks)
    .bind(wanted.enabled)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// A window of the tenant's clients whose names begin with `prefix`.
pub async fn list(
    tx: &mut Read<oauth_client::List>,
    tenant: &Granted<Tenant, oauth_client::List>,
    prefix: Option<&str>,
    sort: Sort,
    window: &Window,
) -> Result<Vec<Client>, fault::Error> {
    // One statement per order: an index serves each, and no SQL is put together at run time.
    let sql = match sort {
        Sort::CreatedAt => {
            "select * from identity.oauth_clients where tenant_id = $1
             and ($2::text is null or name >= $2 and name < $3) and ($4::text is null or client_id > $4::uuid)
             order by client_id limit $5"
        }
        Sort::CreatedAtDescending => {
            "select * from identity.oauth_clients where tenant_id = $1
             and ($2::text is null or name >= $2 and name < $3) and ($4::text is null or client_id < $4::uuid)
             order by client_id desc limit $5"
        }
        Sort::Name => {
            "select * from identity.oauth_clients where tenant_id = $1
             and ($2::text is null or name >= $2 and name < $3) and ($4::text is null or name > $4)
             order by name limit $5"
        }
        Sort::NameDescending => {
            "select * from identity.oauth_clients where tenant_id = $1
             and ($2::text is null or name >= $2 and name < $3) and ($4::text is null or name < $4)
             order by name desc limit $5"
        }
    };
    let after = match sort {
        Sort::CreatedAt | Sort::CreatedAtDescending => window.after::<OauthClientId>(0)?.map(|id| id.to_string()),
        Sort::Name | Sort::NameDescending => window.after::<String>(0)?,
    };
    let rows: Vec<ClientRow> = sqlx::query_as(sql)
        .bind(tenant.id)
        .bind(prefix)
        .bind(prefix.map(|prefix| format!("{prefix}\u{10ffff}")))
        .bind(after)
        .bind(window.fetch())
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Client::from).collect())
}

/// One of the tenant's clients.
pub async fn lookup<A: Action>(tx: &mut Read<A>, client: OauthClientId) -> Result<Granted<Client, A>, fault::Error> {
    let row = of_tenant(tx, client).await?;
    let row = row.ok_or_else(|| fault::Error::not_found("OAuth client"))?;
    tx.grant(row)
}

/// Takes one of the tenant's clients for a change.
pub async fn hold<A: Action>(tx: &mut Change<A>, client: OauthClientId) -> Result<Granted<Client, A>, fault::Error> {
    let tenant = tx.tenant_id();
    sqlx::query("select from identity.oauth_clients where tenant_id = $1 and client_id = $2 for update")
        .bind(tenant)
        .bind(client)
        .execute(tx.sql())
        .await
        .map_err(db::Error::from)?;
    lookup(tx, client).await
}

/// A client that the caller may let in: one of their tenant's, or one of ours.
pub async fn serving<A: Action>(tx: &mut Read<A>, client: OauthClientId) -> Result<Option<Client>> {
    let found = match Client::built_in(client) {
        Some(ours) => Some(ours),
        None => of_tenant(tx, client).await?,
    };
    Ok(found.filter(|client| client.serves(tx.tenant_id())))
}

async fn of_tenant<A: Action>(tx: &mut Read<A>, client: OauthClientId) -> Result<Option<Client>> {
    let tenant = tx.tenant_id();
    let row: Option<ClientRow> =
        sqlx::query_as("select * from identity.oauth_clients where tenant_id = $1 and client_id = $2")
            .bind(tenant)
            .bind(client)
            .fetch_optional(tx.sql())
            .await?;
    Ok(row.map(Client::from))
}

/// A client that comes by itself; none if it is let in nowhere.
pub async fn named(tx: &mut SystemTx, client: OauthClientId) -> Result<Option<Client>> {
    if let Some(ours) = Client::built_in(client) {
        return Ok(Some(ours));
    }
    let row: Option<ClientRow> =
        sqlx::query_as("select * from identity.oauth_clients where client_id = $1 and enabled")
            .bind(client)
            .fetch_optional(tx.sql())
            .await?;
    Ok(row.map(Client::from))
}

/// Changes a client.
pub async fn set(
    tx: &mut Change<oauth_client::Modify>,
    client: &Granted<Client, oauth_client::Modify>,
    wanted: &Wanted,
    jwks: Option<&PublicJwks>,
) -> Result<Client> {
    let now = tx.now();
    let row: ClientRow = sqlx::query_as(
        "update identity.oauth_clients set name = $3, redirect_uris = $4, grant_types = $5, scopes = $6, enabled = $7,
                jwks = coalesce($8, jwks), generation = generation + 1, updated_at = $9
         where tenant_id = $1 and client_id = $2 returning *",
    )
    .bind(client.tenant)
    .bind(client.id)
    .bind(&wanted.name)
    .bind(wanted.uris())
    .bind(wanted.grants())
    .bind(wanted.scopes.names())
    .bind(wanted.enabled)
    .bind(jwks.map(Json))
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// Gives a client another secret; the one before is good for nothing from now on.
pub async fn set_secret(
    tx: &mut Change<oauth_client::Modify>,
    client: &Granted<Client, oauth_client::Modify>,
    hash: &[u8; 32],
) -> Result<Client> {
    let now = tx.now();
    let row: ClientRow = sqlx::query_as(
        "update identity.oauth_clients set secret_hash = $3, generation = generation + 1, updated_at = $4
         where tenant_id = $1 and client_id = $2 returning *",
    )
    .bind(client.tenant)
    .bind(client.id)
    .bind(hash.as_slice())
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// Removes a client and ends its sessions.
pub async fn remove(
    tx: &mut Change<oauth_client::Delete>,
    client: &Granted<Client, oauth_client::Delete>,
) -> Result<()> {
    let now = tx.now();
    sqlx::query("delete from identity.oauth_clients where tenant_id = $1 and client_id = $2")
        .bind(client.tenant)
        .bind(client.id)
        .execute(tx.sql())
        .await?;
    sqlx::query(
        "update identity.sessions set revoked_at = $3, revoked_why = 'client'
         where tenant_id = $1 and client_id = $2 and revoked_at is null",
    )
    .bind(client.tenant)
    .bind(client.id)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}
