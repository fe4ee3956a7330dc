//! `notify.webhooks`, as people of their tenant see and change them. Whoever takes a webhook and deliveries of it takes the
//! webhook first.

use auth::Action;
use auth::action::webhook;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, Tenant};
use ids::{IdOrName, TenantId, WebhookId};
use web::Window;

use crate::webhook::{DisabledReason, OVERLAP, Sealed, Webhook};

#[derive(sqlx::FromRow)]
pub(super) struct WebhookRow {
    tenant_id: TenantId,
    webhook_id: WebhookId,
    name: String,
    url: String,
    types: Vec<String>,
    disabled_reason: Option<String>,
    secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
    previous_until: Option<DateTime<Utc>>,
    generation: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.webhook_id,
            name: row.name,
            url: row.url,
            types: row.types,
            // A word of a later release is not taken for "it sends".
            disabled: row
                .disabled_reason
                .map(|reason| DisabledReason::of(&reason).unwrap_or(DisabledReason::Asked)),
            secrets: Sealed {
                present: row.secret,
                previous: row.previous_secret.zip(row.previous_until),
            },
            generation: row.generation,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

macro_rules! select_webhook {
    ($tail:literal) => {
        concat!(
            "select tenant_id, webhook_id, name, url, types, disabled_reason, secret, previous_secret, previous_until,
                    generation, created_at, updated_at
             from notify.webhooks where ",
            $tail
        )
    };
}
pub(super) use select_webhook;

/// Writes a new webhook.
pub async fn insert(
    tx: &mut Change<webhook::Create>,
    _: &Granted<Tenant, webhook::Create>,
    made: &Webhook,
) -> Result<()> {
    sqlx::query(
        "insert into notify.webhooks (tenant_id, webhook_id, name, url, types, enabled, disabled_reason, secret, created_at,
                updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
    )
    .bind(made.tenant)
    .bind(made.id)
    .bind(&made.name)
    .bind(&made.url)
    .bind(&made.types)
    .bind(made.disabled.is_none())
    .bind(made.disabled.map(DisabledReason::name))
    .bind(&made.secrets.present)
    .bind(made.created_at)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// How many the tenant has. Until the end nobody else makes one.
pub async fn count(tx: &mut Change<webhook::Create>, tenant: &Granted<Tenant, webhook::Create>) -> Result<usize> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('notify.webhooks ' || $1::text, 0))")
        .bind(tenant.id)
        .execute(tx.sql())
        .await?;
    let count: i64 = sqlx::query_scalar("select count(*) from notify.webhooks where tenant_id = $1")
        .bind(tenant.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// A window of the tenant's webhooks, by name.
pub async fn list(
    tx: &mut Read<webhook::List>,
    tenant: &Granted<Tenant, webhook::List>,
    window: &Window,
) -> Result<Vec<Webhook>, fault::Error> {
    let rows: Vec<WebhookRow> = sqlx::query_as(select_webhook!(
        "tenant_id = $1 and ($2::text is null or name > $2) order by name limit $3"
    ))
    .bind(tenant.id)
    .bind(window.after::<String>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Webhook::from).collect())
}

/// The webhook of that id or name.
pub async fn lookup<A: Action>(
    tx: &mut Read<A>,
    webhook: &IdOrName<WebhookId>,
) -> Result<Granted<Webhook, A>, fault::Error> {
    let (id, name) = match webhook {
        IdOrName::Id(id) => (Some(*id), None),
        IdOrName::Name(name) => (None, Some(name)),
    };
    let tenant = tx.tenant_id();
    let row: Option<WebhookRow> = sqlx::query_as(select_webhook!("tenant_id = $1 and (webhook_id = $2 or name = $3)"))
        .bind(tenant)
        .bind(id)
        .bind(name)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    tx.grant(
        row.map(Webhook::from)
            .ok_or_else(|| fault::Error::not_found("webhook"))?,
    )
}

/// Takes a webhook for a change of it or of its deliveries.
pub async fn hold<A: Action>(
    tx: &mut Change<A>,
    webhook: &IdOrName<WebhookId>,
) -> Result<Granted<Webhook, A>, fault::Error> {
    let found = lookup(tx, webhook).await?;
    sqlx::query("select from notify.webhooks where tenant_id = $1 and webhook_id = $2 for update")
        .bind(found.tenant)
        .bind(found.id)
        .execute(tx.sql())
        .await
        .map_err(db::Error::from)?;
    lookup(tx, &IdOrName::Id(found.id)).await
}

/// Makes a webhook what `to` says, but for its secrets. One that is changed begins anew: what failed before is forgotten. What
/// waits at one that is disabled will not be sent.
pub async fn set(
    tx: &mut Change<webhook::Modify>,
    webhook: &Granted<Webhook, webhook::Modify>,
    to: &Webhook,
) -> Result<Webhook> {
    let now = tx.now();
    sqlx::query(
        "update notify.webhooks set name = $3, url = $4, types = $5, enabled = $6, disabled_reason = $7,
                failing_since = null, failures = 0, rest_until = null, due_at = case when $6 then due_at end,
                generation = generation + 1, updated_at = $8
         where tenant_id = $1 and webhook_id = $2",
    )
    .bind(webhook.tenant)
    .bind(webhook.id)
    .bind(&to.name)
    .bind(&to.url)
    .bind(&to.types)
    .bind(to.disabled.is_none())
    .bind(to.disabled.map(DisabledReason::name))
    .bind(now)
    .execute(tx.sql())
    .await?;
    if to.disabled.is_some() {
        super::deliveries::drop_waiting(tx.sql(), (webhook.tenant, webhook.id)).await?;
    }
    fetch(tx, webhook).await
}

/// Signs by this secret from now on, and for a while by the present one too.
pub async fn set_secret(
    tx: &mut Change<webhook::Rotate>,
    webhook: &Granted<Webhook, webhook::Rotate>,
    sealed: &[u8],
) -> Result<Webhook> {
    let now = tx.now();
    sqlx::query(
        "update notify.webhooks set previous_secret = secret, previous_until = $4, secret = $3,
                generation = generation + 1, updated_at = $5
         where tenant_id = $1 and webhook_id = $2",
    )
    .bind(webhook.tenant)
    .bind(webhook.id)
    .bind(sealed)
    .bind(now + OVERLAP)
    .bind(now)
    .execute(tx.sql())
    .await?;
    fetch(tx, webhook).await
}

/// Something waits for it, and it is not left alone any longer: somebody is looking.
pub async fn set_due<A: Action>(tx: &mut Change<A>, webhook: &Granted<Webhook, A>) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "update notify.webhooks set due_at = least(due_at, $3), rest_until = null where tenant_id = $1 and webhook_id = $2",
    )
    .bind(webhook.tenant)
    .bind(webhook.id)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Removes a webhook with all its deliveries.
pub async fn remove(tx: &mut Change<webhook::Delete>, webhook: &Granted<Webhook, webhook::Delete>) -> Result<()> {
    sqlx::query("delete from notify.webhooks where tenant_id = $1 and webhook_id = $2")
        .bind(webhook.tenant)
        .bind(webhook.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}

async fn fetch<A: Action>(tx: &mut Change<A>, webhook: &Granted<Webhook, A>) -> Result<Webhook> {
    let row: WebhookRow = sqlx::query_as(select_webhook!("tenant_id = $1 and webhook_id = $2"))
        .bind(webhook.tenant)
        .bind(webhook.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(row.into())
}
