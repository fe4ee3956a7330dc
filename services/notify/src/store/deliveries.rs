//! `notify.deliveries`, as people of their tenant see them and have them made again.

use auth::Action;
use auth::action::webhook;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result};
use ids::{DeliveryId, EventId, TenantId, WebhookId};
use sqlx::PgConnection;
use web::Window;

use crate::delivery::{Delivery, DeliveryState, MOST_WAITING};
use crate::webhook::{TEST, Webhook};

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    tenant_id: TenantId,
    delivery_id: DeliveryId,
    webhook_id: WebhookId,
    event_id: EventId,
    kind: String,
    state: String,
    attempts: i32,
    next_at: Option<DateTime<Utc>>,
    status: Option<i16>,
    error: Option<String>,
    created_at: DateTime<Utc>,
    delivered_at: Option<DateTime<Utc>>,
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.delivery_id,
            webhook: row.webhook_id,
            event: row.event_id,
            kind: row.kind,
            state: DeliveryState::of(&row.state).unwrap_or(DeliveryState::Failed),
            attempts: row.attempts.unsigned_abs(),
            next_at: row.next_at,
            status: row.status.map(i16::unsigned_abs),
            error: row.error,
            created_at: row.created_at,
            delivered_at: row.delivered_at,
        }
    }
}

macro_rules! select_delivery {
    ($tail:literal) => {
        concat!(
            "select tenant_id, delivery_id, webhook_id, event_id, kind, state, attempts, next_at, status, error, created_at,
                    delivered_at
             from notify.deliveries where ",
            $tail
        )
    };
}

/// A window of a webhook's deliveries, newest first; only those in one state, if one is named.
pub async fn list(
    tx: &mut Read<webhook::Read>,
    webhook: &Granted<Webhook, webhook::Read>,
    state: Option<DeliveryState>,
    window: &Window,
) -> Result<Vec<Delivery>, fault::Error> {
    let rows: Vec<DeliveryRow> = sqlx::query_as(select_delivery!(
        "tenant_id = $1 and webhook_id = $2 and ($3::uuid is null or delivery_id < $3) and ($4::text is null or state = $4)
         order by delivery_id desc limit $5"
    ))
    .bind(webhook.tenant)
    .bind(webhook.id)
    .bind(window.after::<DeliveryId>(0)?)
    .bind(state.map(DeliveryState::name))
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

/// Refuses if as many wait as may.
pub async fn must_have_room<A: Action>(tx: &mut Change<A>, webhook: &Granted<Webhook, A>) -> Result<(), fault::Error> {
    let waiting: i64 = sqlx::query_scalar(
        "select count(*) from (
             select from notify.deliveries where tenant_id = $1 and webhook_id = $2 and state = 'pending' limit $3
         ) w",
    )
    .bind(webhook.tenant)
    .bind(webhook.id)
    .bind(MOST_WAITING)
    .fetch_one(tx.sql())
    .await
    .map_err(db::Error::from)?;
    if waiting < MOST_WAITING {
        return Ok(());
    }
    let detail = format!("{MOST_WAITING} deliveries wait for this webhook, which is the most that may; try later.");
    Err(fault::Error::conflict(detail))
}

/// Writes down that a test is to be sent now.
pub async fn insert_test(
    tx: &mut Change<webhook::Test>,
    webhook: &Granted<Webhook, webhook::Test>,
) -> Result<Delivery> {
    let (now, id) = (tx.now(), DeliveryId::mint());
    sqlx::query(
        "insert into notify.deliveries (tenant_id, delivery_id, webhook_id, event_id, kind, state, next_at, created_at)
         values ($1, $2, $3, $4, $5, 'pending', $6, $6)",
    )
    .bind(webhook.tenant)
    .bind(id)
    .bind(webhook.id)
    .bind(EventId::mint())
    .bind(TEST)
    .bind(now)
    .execute(tx.sql())
    .await?;
    fetch(tx, webhook, id).await
}

/// One delivery of a webhook that is held.
pub async fn hold<A: Action>(
    tx: &mut Change<A>,
    webhook: &Granted<Webhook, A>,
    id: DeliveryId,
) -> Result<Delivery, fault::Error> {
    let row: Option<DeliveryRow> = sqlx::query_as(select_delivery!(
        "tenant_id = $1 and webhook_id = $2 and delivery_id = $3 for update"
    ))
    .bind(webhook.tenant)
    .bind(webhook.id)
    .bind(id)
    .fetch_optional(tx.sql())
    .await
    .map_err(db::Error::from)?;
    row.map(Delivery::from)
        .ok_or_else(|| fault::Error::not_found("delivery"))
}

/// Is what it tells still kept? A test tells nothing that would have to be.
pub async fn has_event<A: Action>(tx: &mut Change<A>, delivery: &Delivery) -> Result<bool> {
    if delivery.kind == TEST {
        return Ok(true);
    }
    let kept = sqlx::query_scalar("select exists (select from bus.outbox where tenant_id = $1 and event_id = $2)")
        .bind(delivery.tenant)
        .bind(delivery.event)
        .fetch_one(tx.sql())
        .await?;
    Ok(kept)
}

/// To be sent anew, now.
pub async fn set_pending(
    tx: &mut Change<webhook::Redeliver>,
    webhook: &Granted<Webhook, webhook::Redeliver>,
    id: DeliveryId,
) -> Result<Delivery> {
    let now = tx.now();
    sqlx::query(
        "update notify.deliveries set state = 'pending', attempts = 0, next_at = $4, status = null, error = null,
                delivered_at = null
         where tenant_id = $1 and webhook_id = $2 and delivery_id = $3",
    )
    .bind(webhook.tenant)
    .bind(webhook.id)
    .bind(id)
    .bind(now)
    .execute(tx.sql())
    .await?;
    fetch(tx, webhook, id).await
}

async fn fetch<A: Action>(tx: &mut Change<A>, webhook: &Granted<Webhook, A>, id: DeliveryId) -> Result<Delivery> {
    let row: DeliveryRow = sqlx::query_as(select_delivery!(
        "tenant_id = $1 and webhook_id = $2 and delivery_id = $3"
    ))
    .bind(webhook.tenant)
    .bind(webhook.id)
    .bind(id)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// What waits at a webhook that is disabled is not sent.
pub(super) async fn drop_waiting(sql: &mut PgConnection, (tenant, webhook): (TenantId, WebhookId)) -> Result<()> {
    sqlx::query(
        "update notify.deliveries set state = 'dropped', next_at = null, error = 'webhook_disabled'
         where tenant_id = $1 and webhook_id = $2 and state = 'pending'",
    )
    .bind(tenant)
    .bind(webhook)
    .execute(sql)
    .await?;
    Ok(())
}
