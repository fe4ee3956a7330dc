//! Sends what is due.
//!
//! # What it guarantees
//! A delivery is sent at least once, with the same `webhook-id` each time. Its webhook is claimed first, in a commit of its own,
//! so that any number of processes may send, and one at a time to one webhook. No transaction is open while a receiver is spoken
//! to. Whoever dies on the way is found out when the claim is over, and the delivery is sent again.
//!
//! # What it refuses
//! To let the slow hold up others: a webhook has one delivery on its way and a tenant [`OF_TENANT`], an answer has its
//! deadline, and a webhook that failed is left alone for longer and longer, whatever waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use auth::action::webhook as action;
use auth::{Action, Caller};
use chrono::TimeDelta;
use crypto::KeyError;
use db::{AuditEvent, AuditOutcome, Reason, SystemTx};
use ids::TenantId;
use serde_json::json;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::delivery::{MOST_ATTEMPTS, Outcome, pause, rest};
use crate::state::Notify;
use crate::store;
use crate::store::sending::{Claimed, Found, Settled};
use crate::webhook::DisabledReason;
use crate::webhook::secret::Secret;

/// How soon it is looked again without having been called.
const PERIOD: Duration = Duration::from_millis(500);
/// Deliveries on their way at once, of all tenants and of one.
const AT_ONCE: usize = 64;
const OF_TENANT: usize = 8;
/// How long something waits that could not be tried for a reason of ours.
const AWAY: TimeDelta = TimeDelta::minutes(1);

/// Works until `shutdown`; what is on its way then is let arrive.
pub async fn run(notify: Arc<Notify>, shutdown: CancellationToken) {
    let mut under_way = UnderWay::default();
    while !shutdown.is_cancelled() {
        if let Err(error) = under_way.fill(&notify).await {
            tracing::warn!(?error, "deliveries have to wait");
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = under_way.one() => {}
            () = notify.due.notified() => {}
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
    while !under_way.sending.is_empty() {
        under_way.one().await;
    }
}

#[derive(Default)]
struct UnderWay {
    sending: JoinSet<()>,
    whose: HashMap<Id, TenantId>,
}

impl UnderWay {
    /// Starts to send what is due, as far as there is room.
    async fn fill(&mut self, notify: &Arc<Notify>) -> Result<(), fault::Error> {
        while self.sending.len() < AT_ONCE {
            let Some(claimed) = claim(notify, &self.busy()).await? else {
                return Ok(());
            };
            let (tenant, notify) = (claimed.webhook.tenant, notify.clone());
            let started = self.sending.spawn(async move {
                if let Err(error) = deliver(&notify, &claimed).await {
                    // When the claim is over it is tried again.
                    tracing::warn!(webhook = %claimed.webhook.id, ?error, "what came of a delivery is not written down");
                }
            });
            self.whose.insert(started.id(), tenant);
        }
        Ok(())
    }

    /// Tenants that have enough on the way.
    fn busy(&self) -> Vec<TenantId> {
        let mut count: HashMap<TenantId, usize> = HashMap::new();
        for tenant in self.whose.values() {
            *count.entry(*tenant).or_default() += 1;
        }
        count.retain(|_, count| *count >= OF_TENANT);
        count.into_keys().collect()
    }

    /// Waits until one is done.
    async fn one(&mut self) {
        match self.sending.join_next_with_id().await {
            Some(Ok((id, ()))) => drop(self.whose.remove(&id)),
            Some(Err(panicked)) => drop(self.whose.remove(&panicked.id())),
            None => std::future::pending().await,
        }
    }
}

/// Claims one delivery that is due.
pub async fn claim(notify: &Notify, busy: &[TenantId]) -> Result<Option<Claimed>, fault::Error> {
    loop {
        let mut tx = notify.db.system(Reason::Reconcile).await?;
        match store::sending::claim(&mut tx, notify.outbound.lease, busy).await? {
            Found::Idle => return Ok(None),
            Found::Nothing => tx.commit().await?,
            Found::Delivery(claimed) => {
                tx.commit().await?;
                return Ok(Some(*claimed));
            }
        }
    }
}

/// Sends it, and writes down what came of it.
pub async fn deliver(notify: &Notify, claimed: &Claimed) -> Result<(), fault::Error> {
    let outcome = attempt(notify, claimed).await;
    tracing::info!(
        webhook = %claimed.webhook.id,
        delivery = %claimed.delivery,
        attempt = claimed.attempt,
        ?outcome,
        "a delivery was tried"
    );
    let mut tx = notify.db.system(Reason::Reconcile).await?;
    if !store::sending::let_go(&mut tx, claimed).await? {
        // Deleted meanwhile, or ours no longer: whoever has it now writes down what comes of it.
        return Ok(());
    }
    settle(&mut tx, claimed, outcome).await?;
    store::sending::set_due(&mut tx, (claimed.webhook.tenant, claimed.webhook.id)).await?;
    tx.commit().await?;
    Ok(())
}

/// One try. No transaction is open here.
async fn attempt(notify: &Notify, claimed: &Claimed) -> Outcome {
    let Some(event) = &claimed.event else {
        return Outcome::Impossible("event_expired");
    };
    let Ok(body) = serde_json::to_vec(event) else {
        return Outcome::Impossible("event_unreadable");
    };
    let now = notify.db.clock().now();
    let signatures = match signatures(notify, claimed, now.timestamp(), &body).await {
        Ok(signatures) => signatures,
        Err(KeyError::Destroyed | KeyError::Unreadable) => return Outcome::Impossible("secret_unreadable"),
        Err(error) => {
            tracing::warn!(webhook = %claimed.webhook.id, %error, "nothing can be signed");
            return Outcome::Postponed;
        }
    };
    let head = (claimed.id.to_string(), now.timestamp(), signatures);
    Outcome::of(notify.outbound.post(&claimed.webhook.url, head, body).await)
}

/// By the present secret, and while it is being changed by the one before as well.
async fn signatures(notify: &Notify, claimed: &Claimed, timestamp: i64, body: &[u8]) -> Result<String, KeyError> {
    let webhook = &claimed.webhook;
    let keys = notify.db.keys(webhook.tenant).await?;
    let previous = webhook.secrets.overlap(notify.db.clock().now()).is_some();
    let previous = webhook.secrets.previous.as_ref().filter(|_| previous);
    let sealed = std::iter::once(&webhook.secrets.present).chain(previous.map(|(sealed, _)| sealed));
    let mut signatures = Vec::new();
    for sealed in sealed {
        let secret = Secret::open(&keys, (webhook.tenant, webhook.id), sealed)?;
        signatures.push(secret.sign(&claimed.id.to_string(), timestamp, body));
    }
    Ok(signatures.join(" "))
}

async fn settle(tx: &mut SystemTx, claimed: &Claimed, outcome: Outcome) -> Result<(), fault::Error> {
    let failed = |status, error| Settled {
        state: "failed",
        next_at: None,
        status,
        error: Some(error),
    };
    match outcome {
        Outcome::Postponed => {
            let until = tx.now() + AWAY;
            store::sending::postpone(tx, claimed, until).await?;
        }
        Outcome::Delivered(status) => {
            let arrived = Settled {
                state: "delivered",
                next_at: None,
                status: Some(status),
                error: None,
            };
            store::sending::settle(tx, claimed, &arrived).await?;
            store::sending::forgive(tx, claimed).await?;
        }
        Outcome::Impossible(error) => store::sending::settle(tx, claimed, &failed(None, error)).await?,
        Outcome::Gone => {
            store::sending::settle(tx, claimed, &failed(Some(410), "not_accepted")).await?;
            store::sending::blame(tx, claimed).await?;
            disable(tx, claimed, DisabledReason::Gone).await?;
        }
        Outcome::Missed { status, error } => {
            let again = Settled {
                state: "pending",
                next_at: Some(tx.now() + pause(claimed.attempt)),
                ..failed(status, error)
            };
            let given_up = claimed.attempt >= MOST_ATTEMPTS;
            let to = if given_up { failed(status, error) } else { again };
            store::sending::settle(tx, claimed, &to).await?;
            let (failures, for_too_long) = store::sending::blame(tx, claimed).await?;
            let until = tx.now() + rest(failures);
            store::sending::rest(tx, claimed, until).await?;
            if for_too_long {
                disable(tx, claimed, DisabledReason::Failing).await?;
            }
        }
    }
    Ok(())
}

async fn disable(tx: &mut SystemTx, claimed: &Claimed, reason: DisabledReason) -> Result<(), fault::Error> {
    if !store::sending::disable(tx, claimed, reason).await? {
        return Ok(());
    }
    let webhook = &claimed.webhook;
    let worker = Caller::worker(webhook.tenant, "webhooks");
    let object = format!("webhook:{}", webhook.id);
    let changes = json!({
        "enabled": {"before": true, "after": false},
        "disabled_reason": {"before": null, "after": reason.name()},
    });
    let (name, success) = (action::Modify::INFO.name, AuditOutcome::Success);
    let entry = AuditEvent::of(&worker, tx.now(), name, object, success, changes);
    tx.record(webhook.tenant, &entry)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls;
