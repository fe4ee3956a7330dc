//! The events that records name.

use std::collections::HashMap;

use db::{Result, SystemTx};
use ids::{EventId, TenantId};

use super::OutboxRow;
use crate::Envelope;

/// Those of these events that are there, each as it was committed.
pub(crate) async fn lookup(
    tx: &mut SystemTx,
    named: &[(TenantId, EventId)],
) -> Result<HashMap<(TenantId, EventId), Envelope>> {
    let (tenants, events): (Vec<TenantId>, Vec<EventId>) = named.iter().copied().unzip();
    let rows: Vec<OutboxRow> = sqlx::query_as(
        "select tenant_id, event_id, xact::text as xact, seq, kind, version, subject, project_id, request_id,
                data, time, true as settled
         from bus.outbox where (tenant_id, event_id) in (select * from unnest($1::uuid[], $2::uuid[]))",
    )
    .bind(tenants)
    .bind(events)
    .fetch_all(tx.sql())
    .await?;
    let envelopes = rows.into_iter().map(Envelope::from);
    Ok(envelopes.map(|event| ((event.tenant, event.id), event)).collect())
}

/// Was it dealt with?
pub(crate) async fn is_done(tx: &mut SystemTx, consumer: &str, event: EventId) -> Result<bool> {
    let known = sqlx::query_scalar("select exists (select from bus.inbox where consumer = $1 and event_id = $2)")
        .bind(consumer)
        .bind(event)
        .fetch_one(tx.sql())
        .await?;
    Ok(known)
}
