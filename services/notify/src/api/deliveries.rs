//! Deliveries of a webhook: wire types and endpoints.

pub mod list;
pub mod redeliver;

use chrono::{DateTime, Utc};
use ids::{DeliveryId, EventId, IdOrName, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::delivery::{Delivery, DeliveryState};
use crate::webhook::Webhook;

/// A delivery's path.
#[derive(Debug, Deserialize)]
pub struct InDelivery {
    /// The webhook's id or name.
    pub webhook: IdOrName<WebhookId>,
    /// Id.
    pub delivery: DeliveryId,
}

/// One event for one webhook. Of what the receiver answered, its status is kept and nothing else.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeliveryView {
    /// Its id.
    pub id: DeliveryId,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event: what the receiver is sent as `webhook-id`, the same each time.
    pub event_id: EventId,
    /// The event's type.
    #[schema(example = "vm.created")]
    pub r#type: String,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was tried since it was last asked for.
    #[schema(example = 1)]
    pub attempts: u32,
    /// When it is tried next; null once it is not.
    pub next_at: Option<DateTime<Utc>>,
    /// The HTTP status of the last answer; null if there was none.
    #[schema(example = 200)]
    pub status: Option<u16>,
    /// What came of the last try, in a word: `not_accepted`, `unreachable`, `too_slow`, `address_not_allowed`,
    /// `event_expired`, `event_unreadable`, `secret_unreadable`, `webhook_disabled` or `queue_full`; null if nothing is wrong.
    #[schema(example = "not_accepted")]
    pub error: Option<String>,
    /// When it was written down.
    pub created_at: DateTime<Utc>,
    /// When it arrived.
    pub delivered_at: Option<DateTime<Utc>>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            webhook_id: delivery.webhook,
            event_id: delivery.event,
            r#type: delivery.kind,
            state: delivery.state,
            attempts: delivery.attempts,
            next_at: delivery.next_at,
            status: delivery.status,
            error: delivery.error,
            created_at: delivery.created_at,
            delivered_at: delivery.delivered_at,
        }
    }
}

impl db::Subject for DeliveryView {
    fn object(&self) -> String {
        format!("webhook:{}", self.webhook_id)
    }
}

/// Nothing is sent to one that is disabled.
pub fn must_be_enabled(webhook: &Webhook) -> Result<(), fault::Error> {
    if webhook.disabled.is_none() {
        return Ok(());
    }
    Err(fault::Error::conflict("The webhook is disabled; enable it first."))
}
