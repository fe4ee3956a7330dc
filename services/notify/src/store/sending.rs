//! Webhooks and deliveries as those see them who send, across tenants.

use chrono::{DateTime, TimeDelta, Utc};
use db::{Result, SystemTx};
use ids::{DeliveryId, EventId, TenantId, WebhookId};
use serde_json::{Value, json};

use super::deliveries::drop_waiting;
use super::webhooks::{WebhookRow, select_webhook};
use crate::delivery::{FAILED_TRIES, FAILING, KEEP, MOST_WAITING};
use crate::event::CloudEvent;
use crate::webhook::{DisabledReason, TEST, Webhook};

/// A delivery that is ours to send for a while.
pub struct Claimed {
    pub webhook: Webhook,
    pub delivery: DeliveryId,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// What it tells; none if that is not kept any more.
    pub event: Option<CloudEvent>,
    pub id: EventId,
    /// The number of the claim: an older one changes nothing.
    claim: i64,
}

/// Which of the tenant's webhooks want types of events, each with the types it wants.
pub async fn hearers(tx: &mut SystemTx, tenant: TenantId) -> Result<Vec<(WebhookId, Vec<String>)>> {
    // Held so that none goes before its delivery is written.
    let rows = sqlx::query_as(
        "select webhook_id, types from notify.webhooks where tenant_id = $1 and enabled order by webhook_id for key share",
    )
    .bind(tenant)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows)
}

/// Writes down that this event is to be delivered to this webhook, once; where too many wait already, that it is not.
pub async fn insert(tx: &mut SystemTx, (tenant, webhook): (TenantId, WebhookId), event: (EventId, &str)) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "with waiting as (
             select count(*) >= $7 as crowded from (
                 select from notify.deliveries where tenant_id = $1 and webhook_id = $3 and state = 'pending' limit $7::bigint
             ) w
         )
         insert into notify.deliveries (tenant_id, delivery_id, webhook_id, event_id, kind, state, next_at, error, created_at)
         select $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::text, case when crowded then 'dropped' else 'pending' end,
                case when crowded then null else $6::timestamptz end, case when crowded then 'queue_full' end, $6
         from waiting on conflict do nothing",
    )
    .bind(tenant)
    .bind(DeliveryId::mint())
    .bind(webhook)
    .bind(event.0)
    .bind(event.1)
    .bind(now)
    .bind(MOST_WAITING)
    .execute(tx.sql())
    .await?;
    sqlx::query("update notify.webhooks set due_at = least(due_at, $3) where tenant_id = $1 and webhook_id = $2")
        .bind(tenant)
        .bind(webhook)
        .bind(now)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// What came of looking for something to send.
pub enum Found {
    /// This is ours for a while.
    Delivery(Box<Claimed>),
    /// A webhook was found at which nothing waits yet: look again.
    Nothing,
    /// There is nothing due.
    Idle,
}

/// Claims a webhook at which something is due, and the delivery that has waited longest. Nobody else sends to that webhook
/// until `lease` is over or the delivery is settled. Tenants that have enough on the way are passed over.
pub async fn claim(tx: &mut SystemTx, lease: TimeDelta, busy: &[TenantId]) -> Result<Found> {
    let now = tx.now();
    let due: Option<(TenantId, WebhookId)> = sqlx::query_as(
        "select tenant_id, webhook_id from notify.webhooks
         where due_at <= $1 and enabled and coalesce(claimed_until, $1) <= $1 and coalesce(rest_until, $1) <= $1
           and tenant_id <> all($2)
         order by due_at limit 1 for no key update skip locked",
    )
    .bind(now)
    .bind(busy)
    .fetch_optional(tx.sql())
    .await?;
    let Some(at) = due else {
        return Ok(Found::Idle);
    };
    let taken: Option<(DeliveryId, EventId, String, i32)> = sqlx::query_as(
        "update notify.deliveries set attempts = attempts + 1 where tenant_id = $1 and delivery_id = (
             select delivery_id from notify.deliveries
             where tenant_id = $1 and webhook_id = $2 and state = 'pending' and next_at <= $3
             order by next_at, delivery_id limit 1)
         returning delivery_id, event_id, kind, attempts",
    )
    .bind(at.0)
    .bind(at.1)
    .bind(now)
    .fetch_optional(tx.sql())
    .await?;
    let Some((delivery, id, kind, attempts)) = taken else {
        set_due(tx, at).await?;
        return Ok(Found::Nothing);
    };
    let claim: i64 = sqlx::query_scalar(
        "update notify.webhooks set claimed_until = $3, claim = claim + 1 where tenant_id = $1 and webhook_id = $2
         returning claim",
    )
    .bind(at.0)
    .bind(at.1)
    .bind(now + lease)
    .fetch_one(tx.sql())
    .await?;
    let row: WebhookRow = sqlx::query_as(select_webhook!("tenant_id = $1 and webhook_id = $2"))
        .bind(at.0)
        .bind(at.1)
        .fetch_one(tx.sql())
        .await?;
    Ok(Found::Delivery(Box::new(Claimed {
        event: event(tx, at, (id, kind)).await?,
        webhook: row.into(),
        delivery,
        attempt: attempts.unsigned_abs(),
        id,
        claim,
    })))
}

async fn event(
    tx: &mut SystemTx,
    (tenant, webhook): (TenantId, WebhookId),
    (id, kind): (EventId, String),
) -> Result<Option<CloudEvent>> {
    if kind == TEST {
        let (subject, now) = (format!("webhook:{webhook}"), tx.now());
        let data = json!({ "webhook_id": webhook });
        return Ok(Some(CloudEvent::new(id, (kind, subject), now, data)));
    }
    let row: Option<(String, String, DateTime<Utc>, Value)> =
        sqlx::query_as("select kind, subject, time, data from bus.outbox where tenant_id = $1 and event_id = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(tx.sql())
            .await?;
    Ok(row.map(|(kind, subject, time, data)| CloudEvent::new(id, (kind, subject), time, data)))
}

/// Lets the webhook go, and says when it is due next. False if the claim is another's by now, and nothing may be written.
pub async fn let_go(tx: &mut SystemTx, claimed: &Claimed) -> Result<bool> {
    let done = sqlx::query(
        "update notify.webhooks set claimed_until = null where tenant_id = $1 and webhook_id = $2 and claim = $3",
    )
    .bind(claimed.webhook.tenant)
    .bind(claimed.webhook.id)
    .bind(claimed.claim)
    .execute(tx.sql())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// When it is due next. What was let go and is not due is found again only by this.
pub async fn set_due(tx: &mut SystemTx, (tenant, webhook): (TenantId, WebhookId)) -> Result<()> {
    sqlx::query(
        "update notify.webhooks set due_at = (
             select min(next_at) from notify.deliveries where tenant_id = $1 and webhook_id = $2 and state = 'pending')
         where tenant_id = $1 and webhook_id = $2",
    )
    .bind(tenant)
    .bind(webhook)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// What a try says of a delivery.
pub struct Settled {
    pub state: &'static str,
    /// When it is tried again.
    pub next_at: Option<DateTime<Utc>>,
    pub status: Option<u16>,
    pub error: Option<&'static str>,
}

/// Writes down what came of a try. A delivery that was dropped meanwhile is sent no more, and arrived if it did.
pub async fn settle(tx: &mut SystemTx, claimed: &Claimed, to: &Settled) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "update notify.deliveries set state = $3, next_at = $4, status = $5, error = $6,
                delivered_at = case when $3 = 'delivered' then $7 end
         where tenant_id = $1 and delivery_id = $2 and (state = 'pending' or $3 = 'delivered')",
    )
    .bind(claimed.webhook.tenant)
    .bind(claimed.delivery)
    .bind(to.state)
    .bind(to.next_at)
    .bind(to.status.and_then(|status| i16::try_from(status).ok()))
    .bind(to.error)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// It was no try: as before, after a while.
pub async fn postpone(tx: &mut SystemTx, claimed: &Claimed, until: DateTime<Utc>) -> Result<()> {
    sqlx::query(
        "update notify.deliveries set attempts = greatest(attempts - 1, 0), next_at = $3
         where tenant_id = $1 and delivery_id = $2 and state = 'pending'",
    )
    .bind(claimed.webhook.tenant)
    .bind(claimed.delivery)
    .bind(until)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Something arrived: what failed before is forgotten.
pub async fn forgive(tx: &mut SystemTx, claimed: &Claimed) -> Result<()> {
    sqlx::query(
        "update notify.webhooks set failing_since = null, failures = 0, rest_until = null
         where tenant_id = $1 and webhook_id = $2",
    )
    .bind(claimed.webhook.tenant)
    .bind(claimed.webhook.id)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// It failed once more. How often now, and whether that has gone on for too long.
pub async fn blame(tx: &mut SystemTx, claimed: &Claimed) -> Result<(u32, bool)> {
    let now = tx.now();
    let (failures, since): (i32, DateTime<Utc>) = sqlx::query_as(
        "update notify.webhooks set failures = failures + 1, failing_since = coalesce(failing_since, $3)
         where tenant_id = $1 and webhook_id = $2 returning failures, failing_since",
    )
    .bind(claimed.webhook.tenant)
    .bind(claimed.webhook.id)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    let failures = failures.unsigned_abs();
    Ok((failures, failures >= FAILED_TRIES && now - since >= FAILING))
}

/// It is left alone until then.
pub async fn rest(tx: &mut SystemTx, claimed: &Claimed, until: DateTime<Utc>) -> Result<()> {
    sqlx::query("update notify.webhooks set rest_until = $3 where tenant_id = $1 and webhook_id = $2")
        .bind(claimed.webhook.tenant)
        .bind(claimed.webhook.id)
        .bind(until)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Disables a webhook, if nobody has meanwhile. What waits is not sent.
pub async fn disable(tx: &mut SystemTx, claimed: &Claimed, reason: DisabledReason) -> Result<bool> {
    let now = tx.now();
    let at = (claimed.webhook.tenant, claimed.webhook.id);
    let done = sqlx::query(
        "update notify.webhooks set enabled = false, disabled_reason = $3, generation = generation + 1, updated_at = $4
         where tenant_id = $1 and webhook_id = $2 and enabled",
    )
    .bind(at.0)
    .bind(at.1)
    .bind(reason.name())
    .bind(now)
    .execute(tx.sql())
    .await?;
    drop_waiting(tx.sql(), at).await?;
    Ok(done.rows_affected() == 1)
}

/// Forgets deliveries as old as events that are not kept any more, and secrets that sign no longer; how many rows that were.
pub async fn sweep(tx: &mut SystemTx, limit: i64) -> Result<u64> {
    let now = tx.now();
    let old = sqlx::query(
        "delete from notify.deliveries where (tenant_id, delivery_id) in (
             select tenant_id, delivery_id from notify.deliveries where created_at < $1 and state <> 'pending'
             order by created_at limit $2)",
    )
    .bind(now - KEEP)
    .bind(limit)
    .execute(tx.sql())
    .await?;
    let retired = sqlx::query(
        "update notify.webhooks set previous_secret = null, previous_until = null where previous_until <= $1",
    )
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(old.rows_affected() + retired.rows_affected())
}
