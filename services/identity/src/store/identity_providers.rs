//! `identity.identity_providers` and `identity.identity_provider_groups`.

use auth::Action;
use auth::action::identity_provider;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{GroupId, IdOrName, IdentityProviderId, TenantId};
use sqlx::PgConnection;
use web::Window;

use crate::provider::{Provider, Rule, Trust};

#[derive(sqlx::FromRow)]
struct ProviderRow {
    tenant_id: TenantId,
    provider_id: IdentityProviderId,
    name: String,
    display_name: String,
    issuer: String,
    client_id: String,
    sealed: Option<Vec<u8>>,
    scopes: Vec<String>,
    enabled: bool,
    create_users: bool,
    groups_claim: Option<String>,
    trusted_acr: Vec<String>,
    trusted_amr: Vec<String>,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<ProviderRow> for Provider {
    fn from(row: ProviderRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.provider_id,
            name: row.name,
            display_name: row.display_name,
            issuer: row.issuer,
            client_id: row.client_id,
            sealed: row.sealed,
            scopes: row.scopes,
            enabled: row.enabled,
            create_users: row.create_users,
            groups_claim: row.groups_claim,
            trust: Trust {
                acr: row.trusted_acr,
                amr: row.trusted_amr,
            },
            generation: row.generation,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

macro_rules! select_provider {
    ($tail:literal) => {
        concat!(
            "select tenant_id, provider_id, name, display_name, issuer, client_id, sealed, scopes, enabled, create_users,
                    groups_claim, trusted_acr, trusted_amr, generation, created_at, updated_at
             from identity.identity_providers where ",
            $tail
        )
    };
}

/// Writes a new provider, as `made` says.
pub async fn insert(
    tx: &mut Change<identity_provider::Create>,
    _: &Granted<Tenant, identity_provider::Create>,
    made: &Provider,
) -> Result<()> {
    let query = sqlx::query(
        "insert into identity.identity_providers (tenant_id, provider_id, name, display_name, client_id, sealed, scopes, enabled,
                create_users, groups_claim, trusted_acr, trusted_amr, issuer, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)",
    );
    bind(query, made)
        .bind(&made.issuer)
        .bind(made.created_at)
        .execute(tx.sql())
        .await?;
    Ok(())
}

type Query = sqlx::query::Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// The first twelve: what both may be set to.
fn bind(query: Query, to: &Provider) -> Query {
    query
        .bind(to.tenant)
        .bind(to.id)
        .bind(to.name.clone())
        .bind(to.display_name.clone())
        .bind(to.client_id.clone())
        .bind(to.sealed.clone())
        .bind(to.scopes.clone())
        .bind(to.enabled)
        .bind(to.create_users)
        .bind(to.groups_claim.clone())
        .bind(to.trust.acr.clone())
        .bind(to.trust.amr.clone())
}

/// Makes a provider what `to` says, but for its issuer.
pub async fn set(
    tx: &mut Change<identity_provider::Modify>,
    provider: &Granted<Provider, identity_provider::Modify>,
    to: &Provider,
) -> Result<Provider> {
    let now = tx.now();
    let query = sqlx::query(
        "update identity.identity_providers set name = $3, display_name = $4, client_id = $5, sealed = $6, scopes = $7,
                enabled = $8, create_users = $9, groups_claim = $10, trusted_acr = $11, trusted_amr = $12,
                generation = generation + 1, updated_at = $13
         where tenant_id = $1 and provider_id = $2",
    );
    bind(query, to).bind(now).execute(tx.sql()).await?;
    let row: ProviderRow = sqlx::query_as(select_provider!("tenant_id = $1 and provider_id = $2"))
        .bind(provider.tenant)
        .bind(provider.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(row.into())
}

/// Removes a provider with all that hangs on it: who people are there, and the groups it put them into.
pub async fn remove(
    tx: &mut Change<identity_provider::Delete>,
    provider: &Granted<Provider, identity_provider::Delete>,
) -> Result<()> {
    sqlx::query("delete from identity.identity_providers where tenant_id = $1 and provider_id = $2")
        .bind(provider.tenant)
        .bind(provider.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// How many the tenant has. Until the end nobody else makes one.
pub async fn count(
    tx: &mut Change<identity_provider::Create>,
    tenant: &Granted<Tenant, identity_provider::Create>,
) -> Result<usize> {
    sqlx::query("select from identity.tenants where tenant_id = $1 for no key update")
        .bind(tenant.id)
        .execute(tx.sql())
        .await?;
    let count: i64 = sqlx::query_scalar("select count(*) from identity.identity_providers where tenant_id = $1")
        .bind(tenant.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// A window of the tenant's providers, by name.
pub async fn list(
    tx: &mut Read<identity_provider::List>,
    tenant: &Granted<Tenant, identity_provider::List>,
    window: &Window,
) -> Result<Vec<Provider>, fault::Error> {
    let rows: Vec<ProviderRow> = sqlx::query_as(select_provider!(
        "tenant_id = $1 and ($2::text is null or name > $2) order by name limit $3"
    ))
    .bind(tenant.id)
    .bind(window.after::<String>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Provider::from).collect())
}

/// The provider of that id or name.
pub async fn lookup<A: Action>(
    tx: &mut Read<A>,
    provider: &IdOrName<IdentityProviderId>,
) -> Result<Granted<Provider, A>, fault::Error> {
    let (id, name) = match provider {
        IdOrName::Id(id) => (Some(*id), None),
        IdOrName::Name(name) => (None, Some(name)),
    };
    let tenant = tx.tenant_id();
    let row: Option<ProviderRow> =
        sqlx::query_as(select_provider!("tenant_id = $1 and (provider_id = $2 or name = $3)"))
            .bind(tenant)
            .bind(id)
            .bind(name)
            .fetch_optional(tx.sql())
            .await
            .map_err(db::Error::from)?;
    tx.grant(
        row.map(Provider::from)
            .ok_or_else(|| fault::Error::not_found("identity provider"))?,
    )
}

/// Takes a provider for a change.
pub async fn hold<A: Action>(
    tx: &mut Change<A>,
    provider: &IdOrName<IdentityProviderId>,
) -> Result<Granted<Provider, A>, fault::Error> {
    let found = lookup(tx, provider).await?;
    sqlx::query("select from identity.identity_providers where tenant_id = $1 and provider_id = $2 for update")
        .bind(found.tenant)
        .bind(found.id)
        .execute(tx.sql())
        .await
        .map_err(db::Error::from)?;
    lookup(tx, &IdOrName::Id(found.id)).await
}

/// The provider of that name people may sign in by; whoever asks is nobody yet.
pub async fn offered(tx: &mut SystemTx, tenant: &str, name: &str) -> Result<Option<Provider>> {
    let row: Option<ProviderRow> = sqlx::query_as(select_provider!(
        "tenant_id = (select t.tenant_id from identity.tenants t where t.name = $1) and name = $2 and enabled"
    ))
    .bind(tenant)
    .bind(name)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(Provider::from))
}

/// Name and display name of every provider people of that tenant may sign in by.
pub async fn all_offered(tx: &mut SystemTx, tenant: &str) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query_as(
        "select p.name, p.display_name from identity.identity_providers p join identity.tenants t using (tenant_id)
         where t.name = $1 and p.enabled order by p.name",
    )
    .bind(tenant)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows)
}

/// A provider somebody comes back from.
pub async fn returning(tx: &mut SystemTx, tenant: TenantId, provider: IdentityProviderId) -> Result<Option<Provider>> {
    let row: Option<ProviderRow> = sqlx::query_as(select_provider!("tenant_id = $1 and provider_id = $2 and enabled"))
        .bind(tenant)
        .bind(provider)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(Provider::from))
}

/// Which values lead to which groups.
pub async fn rules<A: Action>(tx: &mut Read<A>, provider: IdentityProviderId) -> Result<Vec<Rule>> {
    let tenant = tx.tenant_id();
    rules_of(tx.sql(), tenant, provider).await
}

/// The same for somebody who comes back from the provider.
pub async fn rules_at_sign_in(tx: &mut SystemTx, provider: &Provider) -> Result<Vec<Rule>> {
    rules_of(tx.sql(), provider.tenant, provider.id).await
}

async fn rules_of(sql: &mut PgConnection, tenant: TenantId, provider: IdentityProviderId) -> Result<Vec<Rule>> {
    let rows: Vec<(String, GroupId, String)> = sqlx::query_as(
        "select r.value, r.group_id, g.name from identity.identity_provider_groups r
         join identity.groups g using (tenant_id, group_id)
         where r.tenant_id = $1 and r.provider_id = $2 order by r.value, g.name",
    )
    .bind(tenant)
    .bind(provider)
    .fetch_all(sql)
    .await?;
    let rule = |(value, group, group_name)| Rule {
        value,
        group,
        group_name,
    };
    Ok(rows.into_iter().map(rule).collect())
}

/// Puts these rules in the place of all there were.
pub async fn set_rules<A: Action>(tx: &mut Change<A>, provider: IdentityProviderId, rules: &[Rule]) -> Result<()> {
    let tenant = tx.tenant_id();
    let (values, groups): (Vec<&str>, Vec<GroupId>) =
        rules.iter().map(|rule| (rule.value.as_str(), rule.group)).unzip();
    sqlx::query("delete from identity.identity_provider_groups where tenant_id = $1 and provider_id = $2")
        .bind(tenant)
        .bind(provider)
        .execute(tx.sql())
        .await?;
    sqlx::query(
        "insert into identity.identity_provider_groups (tenant_id, provider_id, value, group_id)
         select $1, $2, value, group_id from unnest($3::text[], $4::uuid[]) as rule (value, group_id)
         on conflict do nothing",
    )
    .bind(tenant)
    .bind(provider)
    .bind(values)
    .bind(groups)
    .execute(tx.sql())
    .await?;
    Ok(())
}
