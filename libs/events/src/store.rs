pub(crate) mod letters;
pub(crate) mod parked;
pub(crate) mod records;

use std::collections::HashSet;

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Read, Result, SystemTx};
use ids::{EventId, ProjectId, RequestId, TenantId};

use crate::{Envelope, Position};

#[derive(sqlx::FromRow)]
struct OutboxRow {
    tenant_id: TenantId,
    event_id: EventId,
    xact: String,
    seq: i64,
    kind: String,
    version: i32,
    subject: String,
    project_id: Option<ProjectId>,
    request_id: Option<RequestId>,
    data: serde_json::Value,
    time: DateTime<Utc>,
    settled: bool,
}

impl From<OutboxRow> for Envelope {
    fn from(row: OutboxRow) -> Self {
        Self {
            id: row.event_id,
            tenant: row.tenant_id,
            position: Position {
                xact: row.xact.parse().unwrap_or(u64::MAX),
                seq: row.seq,
            },
            kind: row.kind,
            version: row.version.unsigned_abs(),
            subject: row.subject,
            project: row.project_id,
            request: row.request_id,
            data: row.data,
            time: row.time,
        }
    }
}

/// A stretch of the feed.
#[derive(Debug, Default)]
pub struct Batch {
    /// In order.
    pub events: Vec<Envelope>,
    /// More is committed and waits for an older transaction to end: look again soon.
    pub held: bool,
}

impl From<Vec<OutboxRow>> for Batch {
    fn from(rows: Vec<OutboxRow>) -> Self {
        let held = rows.iter().any(|row| !row.settled);
        // Rows are ordered by transaction, so the settled ones come first.
        let events = rows.into_iter().filter(|row| row.settled).map(Envelope::from).collect();
        Self { events, held }
    }
}

/// A stretch of events in their order. What is ordered by has its table's name, for alone `xact` is the text that is given
/// out: by that 10 comes before 9, and all that waits is sorted to find the first few.
macro_rules! select_events {
    ($those:literal, $limit:literal) => {
        concat!(
            "select tenant_id, event_id, xact::text as xact, seq, kind, version, subject, project_id, request_id,
                    data, time,
                    xact < (select pg_snapshot_xmin(pg_current_snapshot())) as settled
             from bus.outbox o where ",
            $those,
            " order by o.xact, o.seq limit ",
            $limit
        )
    };
}

/// The caller's tenant's events behind `after`, in order, audit entries left out.
pub async fn since<A: Action>(tx: &mut Read<A>, after: Position, limit: usize) -> Result<Batch> {
    let tenant = tx.tenant_id();
    let rows: Vec<OutboxRow> = sqlx::query_as(select_events!(
        "tenant_id = $1 and (o.xact, o.seq) > ($2::text::xid8, $3) and kind <> 'audit.recorded'",
        "$4"
    ))
    .bind(tenant)
    .bind(after.xact.to_string())
    .bind(after.seq)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into())
}

/// Where the feed ends now: everything before it can be read, everything behind it is still to come.
pub async fn end(tx: &mut SystemTx) -> Result<Position> {
    let xmin: String = sqlx::query_scalar("select pg_snapshot_xmin(pg_current_snapshot())::text")
        .fetch_one(tx.sql())
        .await?;
    Ok(Position {
        xact: xmin.parse().unwrap_or_default(),
        seq: 0,
    })
}

/// The next events behind `after`, of every tenant.
pub async fn next(tx: &mut SystemTx, after: Position, limit: usize) -> Result<Batch> {
    let rows: Vec<OutboxRow> = sqlx::query_as(select_events!("(o.xact, o.seq) > ($1::text::xid8, $2)", "$3"))
        .bind(after.xact.to_string())
        .bind(after.seq)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(tx.sql())
        .await?;
    Ok(rows.into())
}

/// How far the consumer has read.
pub(crate) async fn cursor(tx: &mut SystemTx, consumer: &str) -> Result<Position> {
    let row: Option<(String, i64)> = sqlx::query_as("select xact::text, seq from bus.cursors where consumer = $1")
        .bind(consumer)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(position).unwrap_or_default())
}

fn position((xact, seq): (String, i64)) -> Position {
    Position {
        xact: xact.parse().unwrap_or_default(),
        seq,
    }
}

/// Takes the consumer's place in the feed until the transaction ends, if it still is where it was read and nobody else
/// holds it.
pub(crate) async fn take_cursor(tx: &mut SystemTx, consumer: &str, at: Position) -> Result<bool> {
    if at == Position::default() {
        sqlx::query("insert into bus.cursors (consumer) values ($1) on conflict do nothing")
            .bind(consumer)
            .execute(tx.sql())
            .await?;
    }
    let row: Option<(String, i64)> =
        sqlx::query_as("select xact::text, seq from bus.cursors where consumer = $1 for update skip locked")
            .bind(consumer)
            .fetch_optional(tx.sql())
            .await?;
    Ok(row.map(position) == Some(at))
}

pub(crate) async fn move_cursor(tx: &mut SystemTx, consumer: &str, to: Position) -> Result<()> {
    sqlx::query("update bus.cursors set xact = $2::text::xid8, seq = $3 where consumer = $1")
        .bind(consumer)
        .bind(to.xact.to_string())
        .bind(to.seq)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Forgets how far one has read.
pub(crate) async fn forget_cursor(tx: &mut SystemTx, consumer: &str) -> Result<()> {
    sqlx::query("delete from bus.cursors where consumer = $1")
        .bind(consumer)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// The commit need not wait for the disk: losing it means reading events again that nobody wanted.
pub(crate) async fn hurry(tx: &mut SystemTx) -> Result<()> {
    sqlx::query("set local synchronous_commit = off")
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// True the first time this consumer meets the event.
pub(crate) async fn first_time(tx: &mut SystemTx, consumer: &str, event: EventId) -> Result<bool> {
    let done = sqlx::query("insert into bus.inbox (consumer, event_id) values ($1, $2) on conflict do nothing")
        .bind(consumer)
        .bind(event)
        .execute(tx.sql())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Those of these events that this consumer meets for the first time.
pub(crate) async fn first_times(tx: &mut SystemTx, consumer: &str, events: &[EventId]) -> Result<HashSet<EventId>> {
    let new: Vec<EventId> = sqlx::query_scalar(
        "insert into bus.inbox (consumer, event_id) select $1, event_id from unnest($2::uuid[]) as e (event_id)
         on conflict do nothing returning event_id",
    )
    .bind(consumer)
    .bind(events)
    .fetch_all(tx.sql())
    .await?;
    Ok(new.into_iter().collect())
}

/// The row among the cursors that tells how far Kafka was told. No consumer has this name.
pub(crate) const RELAY: &str = "relay";

/// The row among the cursors that tells how far events were removed. No consumer has this name.
const SWEPT: &str = "swept";

/// Events up to here may be missing: they were removed for their age.
pub async fn swept<A: Action>(tx: &mut Read<A>) -> Result<Position> {
    let row: Option<(String, i64)> = sqlx::query_as("select xact::text, seq from bus.cursors where consumer = $1")
        .bind(SWEPT)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(position).unwrap_or_default())
}

// Each looks at the oldest rows of its kind only, so that a look costs the same however much is kept.

/// Removes audit entries that every consumer is past.
pub(crate) async fn sweep_entries(tx: &mut SystemTx, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let done = sqlx::query(
        "delete from bus.outbox where (tenant_id, event_id) in (
             select tenant_id, event_id from (
                 select tenant_id, event_id, time from bus.outbox
                 where kind = 'audit.recorded'
                   and (xact, seq) <= (select xact, seq from bus.cursors where consumer <> $3 order by 1, 2 limit 1)
                 order by xact, seq limit $2
             ) oldest where time < $1
         )",
    )
    .bind(before)
    .bind(limit)
    .bind(SWEPT)
    .execute(tx.sql())
    .await?;
    Ok(done.rows_affected())
}

/// Removes other events that every consumer is past, and remembers how far.
pub(crate) async fn sweep_events(tx: &mut SystemTx, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let gone: i64 = sqlx::query_scalar(
        "with gone as (
             delete from bus.outbox where (tenant_id, event_id) in (
                 select tenant_id, event_id from (
                     select tenant_id, event_id, time from bus.outbox
                     where kind <> 'audit.recorded'
                       and (xact, seq) <= (select xact, seq from bus.cursors where consumer <> $3 order by 1, 2 limit 1)
                     order by xact, seq limit $2
                 ) oldest where time < $1
             ) returning xact, seq
         ), mark as (
             insert into bus.cursors as c (consumer, xact, seq)
             select $3, xact, seq from gone order by xact desc, seq desc limit 1
             on conflict (consumer) do update set xact = excluded.xact, seq = excluded.seq
             where (c.xact, c.seq) < (excluded.xact, excluded.seq)
         )
         select count(*) from gone",
    )
    .bind(before)
    .bind(limit)
    .bind(SWEPT)
    .fetch_one(tx.sql())
    .await?;
    Ok(gone.unsigned_abs())
}

/// Forgets what consumers did so long ago that it cannot come again. Event ids are ordered by time.
pub(crate) async fn sweep_inbox(tx: &mut SystemTx, before: DateTime<Utc>, limit: i64) -> Result<u64> {
    let milliseconds = u128::try_from(before.timestamp_millis()).unwrap_or_default();
    let done = sqlx::query(
        "delete from bus.inbox where (consumer, event_id) in (
             select i.consumer, i.event_id from bus.cursors c cross join lateral (
                 select consumer, event_id from bus.inbox
                 where consumer = c.consumer and event_id < $1 order by event_id limit $2
             ) i
         )",
    )
    .bind(EventId::from_uuid(uuid::Uuid::from_u128(milliseconds << 80)))
    .bind(limit)
    .execute(tx.sql())
    .await?;
    Ok(done.rows_affected())
}
