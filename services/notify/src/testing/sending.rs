//! What sends, without the service around it: a test decides when.

use std::sync::Arc;
use std::time::Duration;

use clock::Clock;
use events::Feed;
use ids::{DeliveryId, EventId, WebhookId};
use secrecy::ExposeSecret;
use serde_json::Value;
use testkit::{Bench, TestTenant, eventually};
use tokio_util::sync::CancellationToken;

use super::receiver::Receiver;
use crate::hub::Hub;
use crate::outbound::Outbound;
use crate::settings::Settings;
use crate::state::Notify;
use crate::webhook::TEST;
use crate::webhook::secret::Secret;
use crate::work::enqueue::Enqueuer;
use crate::work::send;

pub(crate) struct Sending {
    pub bench: Bench,
    pub clock: Clock,
    pub receiver: Receiver,
    pub notify: Arc<Notify>,
}

/// What is kept of a delivery.
#[derive(Debug, PartialEq, Eq, sqlx::FromRow)]
pub(crate) struct Kept {
    pub state: String,
    pub attempts: i32,
    pub status: Option<i16>,
    pub error: Option<String>,
}

impl Sending {
    /// At a receiver of its own, with the time held.
    pub async fn new() -> Self {
        let receiver = Receiver::start().await;
        Self::with(&receiver.settings(), receiver).await
    }

    pub async fn with(settings: &Settings, receiver: Receiver) -> Self {
        let clock = Clock::held_at(Clock::system().now());
        let bench = Bench::at(clock.clone()).await;
        let notify = state(&bench, settings);
        Self {
            bench,
            clock,
            receiver,
            notify,
        }
    }

    /// The same as another process has it.
    pub fn another(&self) -> Arc<Notify> {
        state(&self.bench, &self.receiver.settings())
    }

    /// A webhook as its endpoint would have made it, and its secret.
    pub async fn webhook(&self, tenant: &TestTenant, name: &str, url: &str) -> (WebhookId, String) {
        let (id, secret) = (WebhookId::mint(), Secret::make());
        let keys = self.notify.db.keys(tenant.id).await.unwrap();
        sqlx::query(
            "insert into notify.webhooks (tenant_id, webhook_id, name, url, types, enabled, secret, created_at, updated_at)
             values ($1, $2, $3, $4, '{}', true, $5, now(), now())",
        )
        .bind(tenant.id)
        .bind(id)
        .bind(name)
        .bind(url)
        .bind(secret.seal(&keys, (tenant.id, id)).unwrap())
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
        (id, secret.reveal().expose_secret().to_owned())
    }

    /// A test that waits to be sent, as its endpoint would have left it.
    pub async fn due(&self, tenant: &TestTenant, webhook: WebhookId) -> DeliveryId {
        let (id, now) = (DeliveryId::mint(), self.clock.now());
        let mut sql = self.bench.superuser().await;
        sqlx::query(
            "insert into notify.deliveries (tenant_id, delivery_id, webhook_id, event_id, kind, state, next_at, created_at)
             values ($1, $2, $3, $4, $5, 'pending', $6, $6)",
        )
        .bind(tenant.id)
        .bind(id)
        .bind(webhook)
        .bind(EventId::mint())
        .bind(TEST)
        .bind(now)
        .execute(&mut sql)
        .await
        .unwrap();
        sqlx::query("update notify.webhooks set due_at = least(due_at, $2) where webhook_id = $1")
            .bind(webhook)
            .bind(now)
            .execute(&mut sql)
            .await
            .unwrap();
        id
    }

    /// Sends one delivery, if one is due.
    pub async fn round(&self) -> bool {
        match send::claim(&self.notify, &[]).await.unwrap() {
            Some(claimed) => {
                send::deliver(&self.notify, &claimed).await.unwrap();
                true
            }
            None => false,
        }
    }

    /// Runs the loop that sends, until the bench goes.
    pub fn run(&self, notify: Arc<Notify>) {
        let shutdown = self.bench.shutdown.clone();
        self.bench.run(async move {
            send::run(notify, shutdown).await;
            Ok(())
        });
    }

    /// Hears of what happens, until the returned token is cancelled.
    pub fn hear(&self) -> CancellationToken {
        let (db, token) = (self.bench.db("notify"), self.bench.shutdown.child_token());
        let heard = events::run(Feed::postgres(), db, Enqueuer, token.clone());
        self.bench.run(async move {
            heard.await;
            Ok(())
        });
        token
    }

    pub async fn kept(&self, delivery: DeliveryId) -> Kept {
        sqlx::query_as("select state, attempts, status, error from notify.deliveries where delivery_id = $1")
            .bind(delivery)
            .fetch_one(&mut self.bench.superuser().await)
            .await
            .unwrap()
    }

    /// Kind and subject's webhook of all deliveries, by webhook.
    pub async fn all(&self) -> Vec<(WebhookId, String)> {
        sqlx::query_as("select webhook_id, kind from notify.deliveries order by webhook_id, delivery_id")
            .fetch_all(&mut self.bench.superuser().await)
            .await
            .unwrap()
    }

    pub async fn eventually_state(&self, delivery: DeliveryId, state: &str) {
        eventually(state, async || (self.kept(delivery).await.state == state).then_some(())).await;
    }

    /// One field of a webhook's row, as JSON.
    pub async fn field(&self, webhook: WebhookId, name: &str) -> Value {
        let row: Value = sqlx::query_scalar("select to_jsonb(w) from notify.webhooks w where webhook_id = $1")
            .bind(webhook)
            .fetch_one(&mut self.bench.superuser().await)
            .await
            .unwrap();
        row[name].clone()
    }
}

fn state(bench: &Bench, settings: &Settings) -> Arc<Notify> {
    Arc::new(Notify {
        db: bench.db("notify"),
        hub: Arc::new(Hub::new(1)),
        lifetime: Duration::from_mins(1),
        heartbeat: Duration::from_mins(1),
        outbound: Outbound::new(&settings.webhooks).unwrap(),
        due: tokio::sync::Notify::new(),
        shutdown: bench.shutdown.clone(),
    })
}
